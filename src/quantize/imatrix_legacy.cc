// The importance matrix as llama.cpp wrote it before it moved to GGUF: a number of entries, each a
// name, a number of calls and, per column, the mean of x^2 times that number; then the number of
// chunks and the name of the text, which older files leave out.
#include <fmt/format.h>

#include <cmath>
#include <cstring>

#include "base/utf8.h"
#include "formats/byte_cursor.h"
#include "quantize/importance.h"

namespace dragoman {
namespace {

constexpr int32_t kMaxLegacyEntries = 1 << 17;
constexpr int32_t kMaxLegacyNameBytes = 256;
constexpr int32_t kMaxLegacyColumns = 1 << 24;
constexpr int32_t kMaxDatasetBytes = 1 << 16;

class LegacyReader {
 public:
  LegacyReader(std::span<const std::byte> bytes, const std::string& where)
      : cursor_(bytes), where_(where) {}

  Result<ImportanceMatrix> Read() {
    ImportanceMatrix matrix;
    DRAGOMAN_ASSIGN_OR_RETURN(const int32_t entries, Count("entries", 1, kMaxLegacyEntries));
    for (int32_t i = 0; i < entries; ++i) DRAGOMAN_RETURN_IF_ERROR(ReadEntry(matrix));
    int32_t chunks = 0;
    if (cursor_.Read(chunks)) {
      DRAGOMAN_ASSIGN_OR_RETURN(const std::string dataset, Text("dataset name", kMaxDatasetBytes));
      if (!dataset.empty()) matrix.datasets = {dataset};
    }
    return matrix;
  }

 private:
  tl::unexpected<Error> Corrupt(const std::string& message) const {
    return Fail(ErrorCode::kCorruptFile,
                fmt::format("{} (byte {}); neither a GGUF nor llama.cpp's older importance matrix",
                            message, cursor_.position()),
                where_);
  }

  Result<int32_t> Count(const char* what, int32_t least, int32_t most) {
    int32_t value = 0;
    if (!cursor_.Read(value)) return Corrupt(fmt::format("the file ends before its {}", what));
    if (value < least || value > most) {
      return Corrupt(fmt::format("{}: expected {} to {}, found {}", what, least, most, value));
    }
    return value;
  }

  Result<std::string> Text(const char* what, int32_t most_bytes) {
    DRAGOMAN_ASSIGN_OR_RETURN(const int32_t bytes, Count(what, 0, most_bytes));
    std::string_view text;
    if (!cursor_.ReadText(static_cast<uint64_t>(bytes), text)) {
      return Corrupt(fmt::format("the file ends inside a {}", what));
    }
    if (!IsValidUtf8(text)) return Corrupt(fmt::format("a {} is not valid UTF-8", what));
    return std::string(text);
  }

  Result<void> ReadEntry(ImportanceMatrix& matrix) {
    DRAGOMAN_ASSIGN_OR_RETURN(const std::string name, Text("tensor name", kMaxLegacyNameBytes));
    if (name.empty()) return Corrupt("an empty tensor name");
    DRAGOMAN_ASSIGN_OR_RETURN(const int32_t calls, Count("number of calls", 0, INT32_MAX));
    DRAGOMAN_ASSIGN_OR_RETURN(const int32_t columns,
                              Count("number of columns", 1, kMaxLegacyColumns));
    std::string_view bytes;
    if (!cursor_.ReadText(static_cast<uint64_t>(columns) * sizeof(float), bytes)) {
      return Corrupt("the file ends inside the values of " + name);
    }
    ImportanceEntry entry;
    entry.tokens = static_cast<uint64_t>(calls);
    entry.sum_of_squares.resize(static_cast<size_t>(columns));
    std::memcpy(entry.sum_of_squares.data(), bytes.data(), bytes.size());
    for (const float value : entry.sum_of_squares) {
      if (!std::isfinite(value) || value < 0) {
        return Corrupt("expected finite values of 0 and more for " + name);
      }
    }
    if (!matrix.entries.emplace(name, std::move(entry)).second) {
      return Corrupt("tensor " + name + " given twice");
    }
    return {};
  }

  ByteCursor cursor_;
  const std::string& where_;
};

}  // namespace

Result<ImportanceMatrix> ParseLegacyImatrix(std::span<const std::byte> bytes,
                                            const std::string& where) {
  return LegacyReader(bytes, where).Read();
}

}  // namespace dragoman
