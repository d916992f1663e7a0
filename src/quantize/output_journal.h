// What an error feedback run has finished, row group by row group, in OUTPUT.partial: a run that
// was killed continues there. A record torn by the kill is dropped, and a journal of other work is
// begun anew.
#ifndef DRAGOMAN_QUANTIZE_OUTPUT_JOURNAL_H_
#define DRAGOMAN_QUANTIZE_OUTPUT_JOURNAL_H_

#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "dragoman/result.h"

namespace dragoman {

// What is added up over a tensor, group by group.
struct GroupSums {
  double squared_error = 0, square = 0;  // of the values
  double loss = 0, energy = 0;           // (w - q) H (w - q)^T, w H w^T

  GroupSums& operator+=(const GroupSums& other) {
    squared_error += other.squared_error;
    square += other.square;
    loss += other.loss;
    energy += other.energy;
    return *this;
  }
};

// Rows of a tensor as they go into the file.
struct EncodedRows {
  GroupSums sums;
  std::vector<std::byte> blocks;
};

class OutputJournal {
 public:
  // `key`: hash of everything that the output depends on. Errors: kIo; kInvalidArgument when the
  // file is there and no journal.
  static Result<std::unique_ptr<OutputJournal>> Open(const std::string& path,
                                                     const std::string& key);

  // Without a record the file goes away again.
  ~OutputJournal();

  // The group that begins with that row, if it is there and has so many bytes.
  std::optional<EncodedRows> Find(std::string_view tensor, int64_t first_row, uint64_t bytes);
  // Is on its way to the disk when this returns. Errors: kIo.
  Result<void> Append(std::string_view tensor, int64_t first_row, const EncodedRows& group);
  // Bytes of blocks found when it was opened.
  uint64_t recovered_bytes() const { return recovered_bytes_; }
  // The output is there: the journal is no longer needed.
  void Remove();

 private:
  struct Record;
  struct Place {
    int64_t offset_bytes = 0;  // of the blocks
    uint64_t bytes = 0;
    GroupSums sums;
  };
  explicit OutputJournal(std::string path) : path_(std::move(path)), file_(nullptr, &std::fclose) {}
  Result<void> Recover(const std::string& key);
  Result<void> Begin(const std::string& key);
  Result<void> Keep(int64_t end_bytes);
  Result<void> CheckIsJournal();

  std::string path_;
  std::unique_ptr<std::FILE, int (*)(std::FILE*)> file_;
  std::map<std::pair<std::string, int64_t>, Place> places_;
  uint64_t recovered_bytes_ = 0;
  bool empty_ = true;
};

}  // namespace dragoman

#endif  // DRAGOMAN_QUANTIZE_OUTPUT_JOURNAL_H_
