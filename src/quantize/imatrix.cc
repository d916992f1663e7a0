// The importance matrix as a GGUF file, in the layout that llama.cpp's tools write and read: a pair
// of tensors for each weight, NAME.in_sum2 [cols] and NAME.counts [1], sorted by name.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <utility>

#include "formats/gguf.h"
#include "quantize/importance.h"

namespace dragoman {
namespace {

constexpr std::string_view kSumSuffix = ".in_sum2";
constexpr std::string_view kCountSuffix = ".counts";
constexpr char kHashKey[] = "dragoman.importance_hash";
constexpr uint32_t kChunkTokens =
    512;  // only a unit in which other readers report the amount of text
constexpr double kMaxTokens = 9.0e15;      // below 2^53: a count that a double holds exactly
constexpr uint64_t kMaxColumns = 1 << 24;  // more than any layer has inputs

bool EndsWith(std::string_view text, std::string_view suffix) {
  return text.size() > suffix.size() && text.substr(text.size() - suffix.size()) == suffix;
}

std::string_view WithoutSuffix(std::string_view text, std::string_view suffix) {
  return text.substr(0, text.size() - suffix.size());
}

GgufMetadata Metadata(const ImportanceMatrix& matrix) {
  uint64_t tokens = 0;
  for (const auto& [name, entry] : matrix.entries) tokens = std::max(tokens, entry.tokens);
  const uint64_t chunks =
      std::min<uint64_t>((tokens + kChunkTokens - 1) / kChunkTokens, UINT32_MAX);
  return {{"general.type", GgufValue::String("imatrix")},
          {"imatrix.datasets", GgufValue::Strings(matrix.datasets)},
          {"imatrix.chunk_count", GgufValue::U32(static_cast<uint32_t>(chunks))},
          {"imatrix.chunk_size", GgufValue::U32(kChunkTokens)},
          {kHashKey, GgufValue::String(matrix.hash)}};
}

// The floats of an F32 tensor, copied (the file may lie unaligned in memory). Errors: kCorruptFile.
Result<std::vector<float>> ReadFloats(const GgufFile& file, const TensorInfo& tensor,
                                      uint64_t max_elems, const std::string& where) {
  const std::string place = where + ": tensor " + tensor.name;
  if (tensor.type != BlockType::kF32) {
    return Fail(ErrorCode::kCorruptFile,
                "expected F32, found " + std::string(TraitsOf(tensor.type).name), place);
  }
  if (tensor.elems() == 0 || tensor.elems() > max_elems) {
    return Fail(ErrorCode::kCorruptFile,
                fmt::format("expected 1 to {} values, found {}", max_elems, tensor.elems()), place);
  }
  std::vector<float> values(static_cast<size_t>(tensor.elems()));
  const auto bytes = file.Data(tensor);
  std::memcpy(values.data(), bytes.data(), values.size() * sizeof(float));
  for (const float value : values) {
    if (!std::isfinite(value) || value < 0) {
      return Fail(ErrorCode::kCorruptFile, "expected finite values of 0 and more", place);
    }
  }
  return values;
}

Result<ImportanceEntry> ReadEntry(const GgufFile& file, const TensorInfo& sums,
                                  const TensorInfo& counts, const std::string& where) {
  if (sums.rows() > 1) {
    return Fail(ErrorCode::kUnsupported, "a mixture of experts, which no Gemma 3 model is",
                where + ": tensor " + sums.name);
  }
  ImportanceEntry entry;
  DRAGOMAN_ASSIGN_OR_RETURN(entry.sum_of_squares, ReadFloats(file, sums, kMaxColumns, where));
  DRAGOMAN_ASSIGN_OR_RETURN(const std::vector<float> count, ReadFloats(file, counts, 1, where));
  if (count[0] > kMaxTokens) {
    return Fail(ErrorCode::kCorruptFile,
                fmt::format("expected at most {} tokens, found {}", kMaxTokens, count[0]),
                where + ": tensor " + counts.name);
  }
  entry.tokens = static_cast<uint64_t>(count[0]);
  return entry;
}

}  // namespace

Result<void> WriteImatrix(const std::string& path, const ImportanceMatrix& matrix) {
  std::vector<GgufTensorPlan> plans;
  std::vector<std::vector<float>> values;
  for (const auto& [name, entry] : matrix.entries) {  // a map: sorted by name
    plans.push_back(
        {name + std::string(kSumSuffix), BlockType::kF32, {entry.sum_of_squares.size()}});
    values.push_back(entry.sum_of_squares);
    plans.push_back({name + std::string(kCountSuffix), BlockType::kF32, {1}});
    values.push_back({static_cast<float>(entry.tokens)});
  }
  return WriteGguf(path, Metadata(matrix), plans, [&](size_t index, const ByteSink& sink) {
    return sink(std::as_bytes(std::span<const float>(values[index])));
  });
}

Result<ImportanceMatrix> ReadImatrix(const std::string& path) {
  DRAGOMAN_ASSIGN_OR_RETURN(const MappedFile bytes, MappedFile::Open(path));
  const auto all = bytes.bytes();
  if (all.size() < 4 || std::memcmp(all.data(), "GGUF", 4) != 0)
    return ParseLegacyImatrix(all, path);
  DRAGOMAN_ASSIGN_OR_RETURN(const GgufFile file, GgufFile::Open(path));
  return ParseImatrix(file, path);
}

Result<ImportanceMatrix> ParseImatrix(const GgufFile& file, const std::string& where) {
  const std::string* type = file.FindString("general.type");
  if (type == nullptr || *type != "imatrix") {
    return Fail(ErrorCode::kCorruptFile,
                "general.type: expected \"imatrix\", found " +
                    (type == nullptr ? std::string("nothing") : "\"" + *type + "\""),
                where);
  }
  ImportanceMatrix matrix;
  if (const auto* datasets = file.FindStrings("imatrix.datasets")) matrix.datasets = *datasets;
  if (const std::string* hash = file.FindString(kHashKey)) matrix.hash = *hash;
  std::map<std::string_view, const TensorInfo*> by_name;
  for (const TensorInfo& tensor : file.tensors()) by_name[tensor.name] = &tensor;
  for (const TensorInfo& tensor : file.tensors()) {
    if (EndsWith(tensor.name, kCountSuffix)) continue;
    const std::string place = where + ": tensor " + tensor.name;
    if (!EndsWith(tensor.name, kSumSuffix)) {
      return Fail(ErrorCode::kCorruptFile, "expected a name that ends in .in_sum2 or .counts",
                  place);
    }
    const std::string name(WithoutSuffix(tensor.name, kSumSuffix));
    const auto counts = by_name.find(name + std::string(kCountSuffix));
    if (counts == by_name.end())
      return Fail(ErrorCode::kCorruptFile, "its .counts tensor is missing", place);
    DRAGOMAN_ASSIGN_OR_RETURN(matrix.entries[name],
                              ReadEntry(file, tensor, *counts->second, where));
  }
  if (matrix.entries.empty())
    return Fail(ErrorCode::kCorruptFile, "expected at least one entry, found none", where);
  return matrix;
}

}  // namespace dragoman
