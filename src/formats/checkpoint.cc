// Chooses the container: by what a folder holds, by a file's first bytes.
#include "formats/checkpoint.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>
#include <filesystem>

#include "base/mapped_file.h"
#include "formats/grouped_checkpoint.h"
#include "formats/mapped_checkpoint.h"

namespace dragoman {
namespace {

namespace fs = std::filesystem;

constexpr const char* kIndexName = "model.safetensors.index.json";
constexpr const char* kSingleName = "model.safetensors";

Result<std::unique_ptr<Checkpoint>> OpenFile(const std::string& path, const std::string& file) {
  DRAGOMAN_ASSIGN_OR_RETURN(const MappedFile mapped, MappedFile::Open(file));
  const auto bytes = mapped.bytes();
  if (bytes.size() >= 4 && std::memcmp(bytes.data(), "GGUF", 4) == 0) {
    return OpenGgufCheckpoint(path, file);
  }
  const std::string extension = fs::path(file).extension().string();
  if (extension == ".safetensors") return OpenSafetensorsFile(path, file);
  if (extension == ".json") return OpenSafetensorsIndex(path, file);
  if (extension == ".gguf") {
    return Fail(ErrorCode::kCorruptFile, "expected the bytes \"GGUF\" at offset 0, found others",
                file);
  }
  return Fail(ErrorCode::kUnsupported,
              "expected a model: a folder, a .safetensors file, its .index.json, or a .gguf file",
              file);
}

// Names in the folder that end in `suffix`, sorted; of a split GGUF only the first shard.
std::vector<std::string> FilesEndingIn(const std::string& folder, std::string_view suffix) {
  std::vector<std::string> names;
  std::error_code ec;
  for (fs::directory_iterator it(folder, ec), end; !ec && it != end; it.increment(ec)) {
    const std::string name = it->path().filename().string();
    if (!name.ends_with(suffix)) continue;
    const size_t part = name.rfind("-of-");
    const bool later_shard = suffix == ".gguf" && part != name.npos && part >= 6 &&
                             name[part - 6] == '-' && name.substr(part - 5, 5) != "00001";
    if (!later_shard) names.push_back(name);
  }
  std::sort(names.begin(), names.end());
  return names;
}

Result<std::unique_ptr<Checkpoint>> OpenFolder(const std::string& folder) {
  const auto inside = [&](const std::string& name) { return (fs::path(folder) / name).string(); };
  std::error_code ec;
  if (fs::exists(inside(kIndexName), ec)) return OpenSafetensorsIndex(folder, inside(kIndexName));
  if (fs::exists(inside(kSingleName), ec)) return OpenSafetensorsFile(folder, inside(kSingleName));
  for (const char* suffix : {".safetensors", ".gguf"}) {
    const auto names = FilesEndingIn(folder, suffix);
    if (names.size() > 1) {
      return Fail(ErrorCode::kInvalidArgument,
                  fmt::format("expected one model in the folder, found {} *{} files ({}, {}, ...); "
                              "name one of them",
                              names.size(), suffix, names[0], names[1]),
                  folder);
    }
    if (names.size() == 1) return OpenFile(folder, inside(names[0]));
  }
  return Fail(ErrorCode::kNotFound,
              fmt::format("expected {}, {} or a .gguf file in the folder, found none", kIndexName,
                          kSingleName),
              folder);
}

}  // namespace

Result<std::unique_ptr<Checkpoint>> OpenCheckpoint(const std::string& path) {
  std::error_code ec;
  DRAGOMAN_ASSIGN_OR_RETURN(std::unique_ptr<Checkpoint> checkpoint,
                            fs::is_directory(path, ec) ? OpenFolder(path) : OpenFile(path, path));
  return ViewGroupedWeights(std::move(checkpoint));
}

}  // namespace dragoman
