// Folders that appear whole or not at all: filled beside the target under a temporary name,
// renamed.
#ifndef DRAGOMAN_BASE_ATOMIC_FOLDER_H_
#define DRAGOMAN_BASE_ATOMIC_FOLDER_H_

#include <string>

#include "dragoman/result.h"

namespace dragoman {

// Is there nothing at `path`, or an empty folder? Errors: kInvalidArgument.
Result<void> CheckOutputFolder(const std::string& path);

// Without Commit() the destructor removes the temporary folder and all that is in it.
class AtomicFolder {
 public:
  // `path` must not exist yet, or be an empty folder: what is there is never replaced. Creates
  // missing parents. Errors: kInvalidArgument (something is there), kIo.
  static Result<AtomicFolder> Create(const std::string& path);

  AtomicFolder(AtomicFolder&& other) noexcept;
  AtomicFolder& operator=(AtomicFolder&&) = delete;
  AtomicFolder(const AtomicFolder&) = delete;
  ~AtomicFolder();

  // Where a file of this name is to be written.
  std::string Inside(const std::string& name) const;
  // Renames into place. The files in it must have been synced (AtomicFile does).
  Result<void> Commit();

 private:
  AtomicFolder() = default;

  std::string path_;
  std::string temporary_path_;  // empty once committed or moved from
};

}  // namespace dragoman

#endif  // DRAGOMAN_BASE_ATOMIC_FOLDER_H_
