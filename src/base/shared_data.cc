#include "base/shared_data.h"

#include <cstdlib>
#include <filesystem>
#include <vector>

namespace dragoman {

Result<std::string> FindSharedData(const std::string& relative) {
  namespace fs = std::filesystem;
  std::vector<fs::path> folders;
  if (const char* chosen = std::getenv("DRAGOMAN_DATA"); chosen != nullptr && *chosen != '\0') {
    folders.emplace_back(chosen);
  }
  std::error_code ec;
  const fs::path program = fs::read_symlink("/proc/self/exe", ec);
  if (!ec) {
    folders.push_back(program.parent_path().parent_path() / "share" / "dragoman");
    for (fs::path folder = program.parent_path(); folder.has_relative_path(); folder = folder.parent_path()) {
      folders.push_back(folder);
    }
  }
  std::string tried;
  for (const auto& folder : folders) {
    if (fs::exists(folder / relative, ec)) return (folder / relative).string();
    tried += (tried.empty() ? "" : ", ") + folder.string();
  }
  return Fail(ErrorCode::kNotFound, "not found in " + tried + " (set DRAGOMAN_DATA to the folder that holds it)",
              relative);
}

}  // namespace dragoman
