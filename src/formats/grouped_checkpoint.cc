#include "formats/grouped_checkpoint.h"

#include <fmt/format.h>

#include <array>
#include <cstring>
#include <map>
#include <mutex>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "base/checked_math.h"
#include "formats/grouped_config.h"
#include "formats/grouped_matrix.h"
#include "formats/names.h"
#include "formats/packed_codes.h"

namespace dragoman {
namespace {

// Every dimension stays far below what an int64_t product of a few of them can hold.
constexpr uint64_t kMaxGroupedDim = uint64_t{1} << 24;

constexpr std::array<std::string_view, 4> kGptqParts = {"qweight", "qzeros", "scales", "g_idx"};
constexpr std::array<std::string_view, 5> kPackQuantizedParts = {
    "weight_packed", "weight_scale", "weight_zero_point", "weight_shape", "weight_g_idx"};

// "model.layers.0.mlp.up_proj.qweight" -> {"model.layers.0.mlp.up_proj", "qweight"}.
std::pair<std::string_view, std::string_view> SplitName(std::string_view name) {
  const size_t dot = name.rfind('.');
  if (dot == name.npos) return {std::string_view(), name};
  return {name.substr(0, dot), name.substr(dot + 1)};
}

bool IsPart(std::string_view part, bool gptq) {
  const auto among = [&](const auto& parts) {
    for (const std::string_view known : parts) {
      if (part == known) return true;
    }
    return false;
  };
  return gptq ? among(kGptqParts) : among(kPackQuantizedParts);
}

bool HoldsGroupedWeights(const Checkpoint& checkpoint) {
  for (const TensorInfo& tensor : checkpoint.tensors()) {
    const std::string_view part = SplitName(tensor.name).second;
    if (part == "qweight" || part == "weight_packed") return true;
  }
  return false;
}

struct Linear {
  std::map<std::string_view, const TensorInfo*> parts;  // by the last word of their names

  const TensorInfo* Part(std::string_view name) const {
    const auto found = parts.find(name);
    return found == parts.end() ? nullptr : found->second;
  }
};

// Turns the tensors of one linear into checked GroupedParts.
class PartsReader {
 public:
  PartsReader(const Checkpoint& checkpoint, const GroupedConfig& config, const std::string& prefix,
              const Linear& linear)
      : checkpoint_(checkpoint), config_(config), prefix_(prefix), linear_(linear) {
    parts_.gptq = config.gptq;
    parts_.zeros_minus_one = config.zeros_minus_one;
    parts_.bits = static_cast<int>(config.bits);
  }

  Result<GroupedParts> Read() {
    DRAGOMAN_RETURN_IF_ERROR(config_.gptq ? ReadGptq() : ReadPackQuantized());
    return std::move(parts_);
  }

 private:
  tl::unexpected<Error> Corrupt(std::string_view part, const std::string& message) const {
    const TensorInfo* tensor = linear_.Part(part);
    const std::string file =
        tensor == nullptr ? checkpoint_.path() : checkpoint_.files()[tensor->file_index];
    return Fail(ErrorCode::kCorruptFile, message,
                fmt::format("{}: tensor {}.{}", file, prefix_, part));
  }

  // The named part: a matrix of the type, with dimensions that can be worked with.
  Result<const TensorInfo*> Matrix(std::string_view part, BlockType type) const {
    const TensorInfo* tensor = linear_.Part(part);
    if (tensor == nullptr) return Corrupt(part, "expected this part of a linear, found none");
    if (tensor->type != type) {
      return Corrupt(part, fmt::format("expected {}, found {}", TraitsOf(type).name,
                                       TraitsOf(tensor->type).name));
    }
    const bool usable = tensor->shape.size() == 2 && tensor->shape[0] >= 1 &&
                        tensor->shape[1] >= 1 && tensor->shape[0] <= kMaxGroupedDim &&
                        tensor->shape[1] <= kMaxGroupedDim;
    if (!usable) {
      return Corrupt(part, fmt::format("expected a matrix with sides in [1, {}], found shape [{}]",
                                       kMaxGroupedDim, fmt::join(tensor->shape, ", ")));
    }
    return tensor;
  }

  Result<void> Expect(std::string_view part, const TensorInfo& tensor, int64_t first,
                      int64_t second) const {
    if (tensor.shape[0] == static_cast<uint64_t>(first) &&
        tensor.shape[1] == static_cast<uint64_t>(second)) {
      return {};
    }
    return Corrupt(part, fmt::format("expected shape [{}, {}], found [{}]", first, second,
                                     fmt::join(tensor.shape, ", ")));
  }

  Result<const TensorInfo*> Scales(std::string_view part) {
    const TensorInfo* tensor = linear_.Part(part);
    const BlockType type = tensor == nullptr ? BlockType::kF16 : tensor->type;
    const bool is_float =
        type == BlockType::kF16 || type == BlockType::kBF16 || type == BlockType::kF32;
    parts_.scale_type = is_float ? type : BlockType::kF16;
    return Matrix(part, parts_.scale_type);
  }

  // GPTQModel may give single layers another width: it follows from the shapes.
  Result<void> WidthFromGroupIndex(const TensorInfo& qweight, const TensorInfo& g_idx) {
    if (g_idx.shape.size() != 1 || g_idx.shape[0] < 1 || g_idx.shape[0] > kMaxGroupedDim) {
      return Corrupt("g_idx", fmt::format("expected one number for each input, found shape [{}]",
                                          fmt::join(g_idx.shape, ", ")));
    }
    parts_.cols = static_cast<int64_t>(g_idx.shape[0]);
    const auto word_bits = static_cast<int64_t>(qweight.shape[0]) * 32;
    if (word_bits % parts_.cols != 0 || !IsPackedWidth(word_bits / parts_.cols)) {
      return Corrupt("qweight", fmt::format("expected words of 2, 3, 4 or 8 bits for {} inputs, "
                                            "found {} rows of words",
                                            parts_.cols, qweight.shape[0]));
    }
    parts_.bits = static_cast<int>(word_bits / parts_.cols);
    return {};
  }

  Result<void> ReadGptq() {
    DRAGOMAN_ASSIGN_OR_RETURN(const TensorInfo* qweight, Matrix("qweight", BlockType::kI32));
    DRAGOMAN_ASSIGN_OR_RETURN(const TensorInfo* qzeros, Matrix("qzeros", BlockType::kI32));
    DRAGOMAN_ASSIGN_OR_RETURN(const TensorInfo* scales, Scales("scales"));
    const TensorInfo* g_idx = linear_.Part("g_idx");
    if (g_idx != nullptr) {
      DRAGOMAN_RETURN_IF_ERROR(WidthFromGroupIndex(*qweight, *g_idx));
    } else {
      parts_.cols = static_cast<int64_t>(qweight->shape[0]) * 32 / parts_.bits;
      if (PackedWords(parts_.cols, parts_.bits) != static_cast<int64_t>(qweight->shape[0])) {
        return Corrupt("qweight", fmt::format("expected whole runs of {}-bit codes, found {} words",
                                              parts_.bits, qweight->shape[0]));
      }
    }
    parts_.rows = static_cast<int64_t>(qweight->shape[1]);
    parts_.groups = static_cast<int64_t>(scales->shape[0]);
    DRAGOMAN_RETURN_IF_ERROR(Expect("scales", *scales, parts_.groups, parts_.rows));
    if (parts_.rows * parts_.bits % 32 != 0) {
      return Corrupt("qzeros", fmt::format("expected outputs that fill whole words, found {} of {} "
                                           "bits",
                                           parts_.rows, parts_.bits));
    }
    DRAGOMAN_RETURN_IF_ERROR(
        Expect("qzeros", *qzeros, parts_.groups, PackedWords(parts_.rows, parts_.bits)));
    Place(qweight, qzeros, scales);
    return ReadGroupIndex("g_idx");
  }

  Result<void> ReadPackQuantized() {
    DRAGOMAN_ASSIGN_OR_RETURN(const TensorInfo* packed, Matrix("weight_packed", BlockType::kI32));
    DRAGOMAN_ASSIGN_OR_RETURN(const TensorInfo* scales, Scales("weight_scale"));
    DRAGOMAN_RETURN_IF_ERROR(ReadShape());
    DRAGOMAN_RETURN_IF_ERROR(
        Expect("weight_packed", *packed, parts_.rows, PackedWords(parts_.cols, parts_.bits)));
    parts_.groups = static_cast<int64_t>(scales->shape[1]);
    DRAGOMAN_RETURN_IF_ERROR(Expect("weight_scale", *scales, parts_.rows, parts_.groups));
    const TensorInfo* zeros = nullptr;
    if (linear_.Part("weight_zero_point") != nullptr) {
      DRAGOMAN_ASSIGN_OR_RETURN(zeros, Matrix("weight_zero_point", BlockType::kI32));
      DRAGOMAN_RETURN_IF_ERROR(Expect("weight_zero_point", *zeros,
                                      PackedWords(parts_.rows, parts_.bits), parts_.groups));
    }
    Place(packed, zeros, scales);
    return ReadGroupIndex("weight_g_idx");
  }

  Result<void> ReadShape() {
    const TensorInfo* shape = linear_.Part("weight_shape");
    const bool usable = shape != nullptr && shape->shape == std::vector<uint64_t>{2} &&
                        (shape->type == BlockType::kI64 || shape->type == BlockType::kI32);
    if (!usable) return Corrupt("weight_shape", "expected two I64 or I32 numbers");
    int64_t sides[2] = {0, 0};
    const std::byte* data = checkpoint_.Data(*shape).data();
    for (int i = 0; i < 2; ++i) {
      if (shape->type == BlockType::kI64) {
        std::memcpy(&sides[i], data + i * 8, 8);
      } else {
        int32_t narrow;
        std::memcpy(&narrow, data + i * 4, 4);
        sides[i] = narrow;
      }
      if (sides[i] < 1 || sides[i] > static_cast<int64_t>(kMaxGroupedDim)) {
        return Corrupt("weight_shape", fmt::format("expected sides in [1, {}], found {}",
                                                   kMaxGroupedDim, sides[i]));
      }
    }
    parts_.rows = sides[0];
    parts_.cols = sides[1];
    return {};
  }

  void Place(const TensorInfo* codes, const TensorInfo* zeros, const TensorInfo* scales) {
    parts_.codes = checkpoint_.Data(*codes).data();
    parts_.zeros = zeros == nullptr ? nullptr : checkpoint_.Data(*zeros).data();
    parts_.scales = checkpoint_.Data(*scales).data();
  }

  // Which group each input belongs to: as stored, else one after the other.
  Result<void> ReadGroupIndex(std::string_view part) {
    const auto cols = static_cast<size_t>(parts_.cols);
    parts_.group_of.resize(cols);
    const TensorInfo* stored = linear_.Part(part);
    if (stored == nullptr) return GroupsInOrder();
    if (stored->type != BlockType::kI32 || stored->shape != std::vector<uint64_t>{cols}) {
      return Corrupt(part,
                     fmt::format("expected I32 of shape [{}], found {} of shape [{}]", cols,
                                 TraitsOf(stored->type).name, fmt::join(stored->shape, ", ")));
    }
    std::memcpy(parts_.group_of.data(), checkpoint_.Data(*stored).data(), cols * sizeof(int32_t));
    for (size_t col = 0; col < cols; ++col) {
      const int32_t group = parts_.group_of[col];
      if (group < 0 || group >= parts_.groups) {
        return Corrupt(part, fmt::format("input {}: expected a group in [0, {}), found {}", col,
                                         parts_.groups, group));
      }
    }
    return {};
  }

  Result<void> GroupsInOrder() {
    const int64_t size = config_.group_size > 0 ? config_.group_size : parts_.cols;
    const int64_t expected = (parts_.cols + size - 1) / size;
    if (parts_.groups != expected) {
      return Corrupt(config_.gptq ? "scales" : "weight_scale",
                     fmt::format("expected {} groups of {} of {} inputs, found {}", expected, size,
                                 parts_.cols, parts_.groups));
    }
    for (int64_t col = 0; col < parts_.cols; ++col) {
      parts_.group_of[static_cast<size_t>(col)] = static_cast<int32_t>(col / size);
    }
    return {};
  }

  const Checkpoint& checkpoint_;
  const GroupedConfig& config_;
  const std::string& prefix_;
  const Linear& linear_;
  GroupedParts parts_;
};

// The parts of one linear, and its weights once somebody asked.
struct LazyWeights {
  GroupedParts parts;
  std::once_flag once;
  std::vector<float> values;
};

class GroupedCheckpoint : public Checkpoint {
 public:
  explicit GroupedCheckpoint(std::unique_ptr<Checkpoint> source) : source_(std::move(source)) {}

  ContainerFormat format() const override { return source_->format(); }
  const std::string& path() const override { return source_->path(); }
  const std::vector<std::string>& files() const override { return source_->files(); }
  const std::vector<TensorInfo>& tensors() const override { return tensors_; }
  const TensorInfo* Find(std::string_view name) const override {
    const auto found = by_name_.find(name);
    return found == by_name_.end() ? nullptr : found->second;
  }
  std::span<const std::byte> Data(const TensorInfo& tensor) const override {
    const auto found = weights_.find(tensor.name);
    if (found == weights_.end()) return source_->Data(tensor);
    LazyWeights& weights = *found->second;
    std::call_once(weights.once, [&] {
      weights.values.resize(static_cast<size_t>(weights.parts.rows * weights.parts.cols));
      Dequantize(Unpack(weights.parts), weights.values.data());
    });
    return std::as_bytes(std::span<const float>(weights.values));
  }
  // Decoded weights stay: whoever borrowed them may still be reading.
  void Release(const TensorInfo& tensor) const override {
    if (weights_.find(tensor.name) == weights_.end()) source_->Release(tensor);
  }
  const std::string& folder() const override { return source_->folder(); }
  const GgufFile* gguf() const override { return nullptr; }

  Result<void> Build(const GroupedConfig& config) {
    std::map<std::string, Linear, std::less<>> linears;
    for (const TensorInfo& tensor : source_->tensors()) {
      const auto [prefix, part] = SplitName(tensor.name);
      if (IsPart(part, config.gptq)) linears[std::string(prefix)].parts[part] = &tensor;
    }
    for (const TensorInfo& tensor : source_->tensors()) {
      const auto [prefix, part] = SplitName(tensor.name);
      const auto found = linears.find(prefix);
      if (found != linears.end() && IsPart(part, config.gptq)) {
        const std::string_view first = config.gptq ? "qweight" : "weight_packed";
        const bool alone = found->second.Part(first) == nullptr;
        if (part == first || alone) DRAGOMAN_RETURN_IF_ERROR(AddLinear(config, *found, tensor));
        continue;
      }
      // Older AutoGPTQ gives every linear a bias, of zeros where the model has none.
      if (found != linears.end() && part == "bias" && IsAllZero(tensor)) continue;
      tensors_.push_back(tensor);
    }
    if (weights_.empty()) {
      return Fail(ErrorCode::kCorruptFile,
                  fmt::format("expected {} tensors, as the configuration says, found others",
                              config.gptq ? "qweight" : "weight_packed"),
                  path());
    }
    return IndexNames();
  }

 private:
  bool IsAllZero(const TensorInfo& tensor) const {
    for (const std::byte byte : source_->Data(tensor)) {
      if (byte != std::byte{0}) return false;
    }
    return true;
  }

  // `place`: the tensor of the linear in whose place its weight is listed.
  Result<void> AddLinear(const GroupedConfig& config,
                         const std::pair<const std::string, Linear>& linear,
                         const TensorInfo& place) {
    auto weights = std::make_unique<LazyWeights>();
    PartsReader reader(*source_, config, linear.first, linear.second);
    DRAGOMAN_ASSIGN_OR_RETURN(weights->parts, reader.Read());
    const auto rows = static_cast<uint64_t>(weights->parts.rows);
    const auto cols = static_cast<uint64_t>(weights->parts.cols);
    TensorInfo info;
    info.name = linear.first + ".weight";
    info.type = BlockType::kF32;
    info.shape = {rows, cols};
    info.file_index = place.file_index;
    info.offset_bytes = place.offset_bytes;
    info.size_bytes = rows * cols * sizeof(float);
    weights_.emplace(info.name, std::move(weights));
    tensors_.push_back(std::move(info));
    return {};
  }

  Result<void> IndexNames() {
    for (const TensorInfo& tensor : tensors_) {
      if (by_name_.emplace(tensor.name, &tensor).second) continue;
      return Fail(ErrorCode::kCorruptFile,
                  fmt::format("tensor {}: expected it once, found it plain and quantized",
                              Quoted(tensor.name)),
                  files()[tensor.file_index]);
    }
    return {};
  }

  std::unique_ptr<Checkpoint> source_;
  std::vector<TensorInfo> tensors_;
  std::unordered_map<std::string_view, const TensorInfo*> by_name_;
  std::map<std::string, std::unique_ptr<LazyWeights>, std::less<>> weights_;
};

}  // namespace

Result<std::unique_ptr<Checkpoint>> ViewGroupedWeights(std::unique_ptr<Checkpoint> checkpoint) {
  if (checkpoint->format() != ContainerFormat::kSafetensors || !HoldsGroupedWeights(*checkpoint)) {
    return checkpoint;
  }
  DRAGOMAN_ASSIGN_OR_RETURN(const GroupedConfig config, ReadGroupedConfig(checkpoint->folder()));
  auto view = std::make_unique<GroupedCheckpoint>(std::move(checkpoint));
  DRAGOMAN_RETURN_IF_ERROR(view->Build(config));
  return std::unique_ptr<Checkpoint>(std::move(view));
}

}  // namespace dragoman
