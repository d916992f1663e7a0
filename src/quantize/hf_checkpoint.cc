#include "quantize/hf_checkpoint.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>
#include <filesystem>
#include <map>
#include <memory>
#include <optional>
#include <utility>

#include "base/atomic_file.h"
#include "base/atomic_folder.h"
#include "base/float16.h"
#include "base/log.h"
#include "base/process_stats.h"
#include "base/sha256.h"
#include "base/thread_pool.h"
#include "formats/safetensors.h"
#include "quantize/hf_config.h"
#include "quantize/hf_layout.h"
#include "quantize/output_journal.h"
#include "quantize/source_trim.h"
#include "text/trimmed_sentencepiece.h"
#include "text/trimmed_tokenizer_json.h"

namespace dragoman {
namespace {

namespace fs = std::filesystem;

constexpr uint64_t kMaxCompanionBytes = uint64_t{256} << 20;

// What belongs to a text model beside its weights.
constexpr const char* kCompanions[] = {"tokenizer.json",
                                       "tokenizer.model",
                                       "tokenizer_config.json",
                                       "added_tokens.json",
                                       "chat_template.jinja",
                                       "chat_template.json",
                                       "LICENSE",
                                       "NOTICE",
                                       "special_tokens_map.json",
                                       "generation_config.json"};

struct RoundedLinear {
  const ModelTensor* tensor = nullptr;
  std::vector<std::byte> codes, zeros, scales, group_index;
  HfLinearReport report;

  std::vector<std::byte>& Part(HfTensor::Part part) {
    switch (part) {
      case HfTensor::Part::kCodes:
        return codes;
      case HfTensor::Part::kZeros:
        return zeros;
      case HfTensor::Part::kScales:
        return scales;
      default:
        return group_index;
    }
  }
};

bool IsRoundedPart(HfTensor::Part part) {
  return part != HfTensor::Part::kWhole && part != HfTensor::Part::kShape;
}

// w H w^T summed over the rows: what the loss is relative to.
double GroupOutputEnergy(const std::vector<float>& values, int64_t rows, const Hessian& hessian,
                         Backend& backend) {
  constexpr int64_t kRows = 256;
  const int64_t cols = hessian.dim;
  const WeightMatrix matrix{BlockType::kF32, cols, cols,
                            reinterpret_cast<const std::byte*>(hessian.mean.data())};
  std::vector<float> product(static_cast<size_t>(std::min(rows, kRows) * cols));
  double energy = 0;
  for (int64_t first = 0; first < rows; first += kRows) {
    const int64_t count = std::min(kRows, rows - first);
    const float* from = values.data() + first * cols;
    backend.MatMul(matrix, from, count, product.data());
    for (int64_t i = 0; i < count * cols; ++i) {
      energy += static_cast<double>(from[i]) * product[static_cast<size_t>(i)];
    }
  }
  return energy;
}

std::string PlaceOf(const Checkpoint& checkpoint, const TensorInfo& info) {
  return checkpoint.files()[info.file_index] + ": tensor " + info.name;
}

Result<void> CheckFinite(const Checkpoint& checkpoint, const TensorInfo& info) {
  const FiniteScan scan = ScanFinite(info.type, checkpoint.Data(info));
  if (scan.nan_count + scan.inf_count == 0) return {};
  return Fail(ErrorCode::kCorruptFile, "expected finite weights, found NaN or infinity",
              PlaceOf(checkpoint, info));
}

// Rounds linears one by one.
class LinearRounder {
 public:
  LinearRounder(const QuantizeSource& source, const HfQuantizeOptions& options,
                std::unique_ptr<Backend> backend)
      : source_(source), options_(options), backend_(std::move(backend)), pool_(options.threads) {}

  int threads() const { return pool_.threads(); }

  Result<RoundedLinear> Round(const ModelTensor& tensor) {
    const Stopwatch watch;
    const TensorInfo& info = *tensor.info;
    DRAGOMAN_RETURN_IF_ERROR(CheckFinite(*source_.checkpoint, info));
    DRAGOMAN_ASSIGN_OR_RETURN(const Prepared prepared, PreparedFor(tensor));
    const auto rows = static_cast<int64_t>(info.rows()), cols = static_cast<int64_t>(info.cols());
    std::vector<float> values(static_cast<size_t>(rows * cols));
    TraitsOf(info.type).decode(source_.checkpoint->Data(info).data(), rows * cols, values.data());
    GroupedMatrix matrix;
    const GroupRoundingLoss loss =
        RoundToGroups({&prepared.order, &prepared.factor, &prepared.damped}, options_.group,
                      values.data(), rows, options_.rounding, *backend_, pool_, matrix);
    const double energy = GroupOutputEnergy(values, rows, *prepared.hessian, *backend_);
    RoundedLinear rounded = Pack(matrix);
    rounded.tensor = &tensor;
    rounded.report = {tensor.name, energy > 0 ? loss.after_passes / energy : 0, watch.Seconds()};
    return rounded;
  }

 private:
  struct Prepared {
    const Hessian* hessian = nullptr;  // in the order of the file
    ColumnOrder order;
    FeedbackFactor factor;
    std::vector<float> damped;
  };

  Result<Prepared> PreparedFor(const ModelTensor& tensor) {
    DRAGOMAN_ASSIGN_OR_RETURN(const Hessian* found, options_.moments->Of(tensor.name));
    const auto cols = static_cast<int64_t>(tensor.info->cols());
    if (found == nullptr || found->dim != cols) {
      return Fail(ErrorCode::kInvalidArgument,
                  fmt::format("second moments of {}: expected {} columns, found {}", tensor.name,
                              cols, found == nullptr ? 0 : found->dim));
    }
    Prepared prepared;
    prepared.hessian = found;
    prepared.order = OrderColumns(options_.reordering, *found, GroupSizeFor(tensor, options_));
    Hessian ordered = InVisitingOrder(*found, prepared.order);
    DRAGOMAN_ASSIGN_OR_RETURN(prepared.factor,
                              FactorForFeedback(ordered, options_.damping, *backend_, pool_));
    prepared.damped = std::move(ordered.mean);
    for (int64_t i = 0; i < cols; ++i) {
      prepared.damped[static_cast<size_t>(i * cols + i)] += prepared.factor.diagonal_add;
    }
    return prepared;
  }

  RoundedLinear Pack(const GroupedMatrix& matrix) const {
    RoundedLinear rounded;
    if (options_.format == HfFormat::kGptq) {
      GptqTensors tensors = PackGptq(matrix);
      rounded.codes = std::move(tensors.qweight);
      rounded.zeros = std::move(tensors.qzeros);
      rounded.scales = std::move(tensors.scales);
      rounded.group_index = std::move(tensors.g_idx);
    } else {
      PackQuantizedTensors tensors = PackQuantized(matrix, !options_.group.symmetric);
      rounded.codes = std::move(tensors.weight_packed);
      rounded.zeros = std::move(tensors.weight_zero_point);
      rounded.scales = std::move(tensors.weight_scale);
      rounded.group_index = std::move(tensors.weight_g_idx);
    }
    return rounded;
  }

  const QuantizeSource& source_;
  const HfQuantizeOptions& options_;
  std::unique_ptr<Backend> backend_;
  ThreadPool pool_;
};

// The weights as whoever loads the file computes them, in fp16.
std::vector<std::byte> AsLoaded(RoundedLinear& linear, const HfQuantizeOptions& options) {
  GroupedParts parts;
  parts.gptq = options.format == HfFormat::kGptq;
  parts.bits = options.group.bits;
  parts.rows = static_cast<int64_t>(linear.tensor->info->rows());
  parts.cols = static_cast<int64_t>(linear.tensor->info->cols());
  const int64_t group_size = GroupSizeFor(*linear.tensor, options);
  parts.groups = parts.cols / group_size;
  parts.codes = linear.codes.data();
  parts.zeros = linear.zeros.empty() ? nullptr : linear.zeros.data();
  parts.scales = linear.scales.data();
  parts.group_of.resize(static_cast<size_t>(parts.cols));
  if (linear.group_index.empty()) {
    for (int64_t i = 0; i < parts.cols; ++i) {
      parts.group_of[static_cast<size_t>(i)] = static_cast<int32_t>(i / group_size);
    }
  } else {
    std::memcpy(parts.group_of.data(), linear.group_index.data(), linear.group_index.size());
  }
  std::vector<float> values(static_cast<size_t>(parts.rows * parts.cols));
  Dequantize(Unpack(parts), values.data());
  std::vector<std::byte> halves(values.size() * sizeof(uint16_t));
  for (size_t i = 0; i < values.size(); ++i) {
    const uint16_t half = FloatToFp16(values[i]);
    std::memcpy(halves.data() + i * sizeof(half), &half, sizeof(half));
  }
  return halves;
}

// Linears, rounded now or found in the journal.
class LinearSource {
 public:
  LinearSource(const HfLayout& layout, const HfQuantizeOptions& options, LinearRounder& rounder,
               OutputJournal* journal)
      : options_(options), rounder_(rounder), journal_(journal) {
    for (const auto& shard : layout.shards) {
      for (const HfTensor& part : shard) {
        if (IsRoundedPart(part.part)) parts_[part.tensor].push_back(&part);
      }
    }
  }

  Result<RoundedLinear> Of(const ModelTensor& tensor) {
    std::optional<RoundedLinear> linear = Recovered(tensor);
    if (!linear) {
      DRAGOMAN_ASSIGN_OR_RETURN(linear, rounder_.Round(tensor));
      DRAGOMAN_RETURN_IF_ERROR(Keep(*linear));
    }
    if (options_.moments->wants_blocks()) {
      DRAGOMAN_RETURN_IF_ERROR(
          options_.moments->Quantized(tensor.name, BlockType::kF16, AsLoaded(*linear, options_)));
    }
    return std::move(*linear);
  }

 private:
  std::optional<RoundedLinear> Recovered(const ModelTensor& tensor) {
    if (journal_ == nullptr) return std::nullopt;
    uint64_t total = 0;
    for (const HfTensor* part : parts_[&tensor]) total += part->bytes();
    const std::optional<EncodedRows> kept = journal_->Find(tensor.name, 0, total);
    if (!kept) return std::nullopt;
    RoundedLinear linear;
    linear.tensor = &tensor;
    linear.report = {tensor.name, kept->sums.loss, 0};
    auto from = kept->blocks.begin();
    for (const HfTensor* part : parts_[&tensor]) {
      const auto end = from + static_cast<std::ptrdiff_t>(part->bytes());
      linear.Part(part->part).assign(from, end);
      from = end;
    }
    return linear;
  }

  Result<void> Keep(RoundedLinear& linear) {
    if (journal_ == nullptr) return {};
    EncodedRows rows;
    rows.sums.loss = linear.report.relative_output_loss;
    for (const HfTensor* part : parts_[linear.tensor]) {
      const std::vector<std::byte>& bytes = linear.Part(part->part);
      rows.blocks.insert(rows.blocks.end(), bytes.begin(), bytes.end());
    }
    return journal_->Append(linear.tensor->name, 0, rows);
  }

  const HfQuantizeOptions& options_;
  LinearRounder& rounder_;
  OutputJournal* const journal_;
  std::map<const ModelTensor*, std::vector<const HfTensor*>> parts_;
};

// Streams the tensors of all shards into their files.
class ShardWriter {
 public:
  ShardWriter(const QuantizeSource& source, const HfLayout& layout,
              const HfQuantizeOptions& options, LinearSource& linears, HfQuantizeReport& report)
      : source_(source), layout_(layout), options_(options), linears_(linears), report_(report) {
    for (const ModelTensor& tensor : source.map.tensors) total_bytes_ += tensor.info->size_bytes;
  }

  Result<void> Write(const AtomicFolder& folder) {
    const auto plans = layout_.Plans();
    for (size_t shard = 0; shard < plans.size(); ++shard) {
      DRAGOMAN_RETURN_IF_ERROR(
          WriteSafetensors(folder.Inside(layout_.plan.files[shard]), plans[shard],
                           [&](size_t index, const ByteSink& sink) {
                             return WriteTensor(layout_.shards[shard][index], sink);
                           }));
    }
    if (plans.size() == 1) return {};
    return WriteJsonFile(folder.Inside("model.safetensors.index.json"),
                         ShardIndex(plans, layout_.plan.files));
  }

 private:
  Result<void> WriteTensor(const HfTensor& tensor, const ByteSink& sink) {
    using Part = HfTensor::Part;
    if (tensor.part == Part::kWhole) return WriteWhole(*tensor.tensor, tensor.plan.type, sink);
    if (tensor.part == Part::kShape) {
      const int64_t shape[] = {static_cast<int64_t>(tensor.tensor->info->rows()),
                               static_cast<int64_t>(tensor.tensor->info->cols())};
      return sink(std::as_bytes(std::span(shape)));
    }
    if (rounded_.tensor != tensor.tensor) {
      DRAGOMAN_ASSIGN_OR_RETURN(rounded_, linears_.Of(*tensor.tensor));
      report_.linears.push_back(rounded_.report);
      Done(*tensor.tensor);
    }
    return sink(rounded_.Part(tensor.part));
  }

  Result<void> WriteWhole(const ModelTensor& tensor, BlockType type, const ByteSink& sink) {
    const TensorInfo& info = *tensor.info;
    const Checkpoint& checkpoint = *source_.checkpoint;
    DRAGOMAN_RETURN_IF_ERROR(CheckFinite(checkpoint, info));
    if (info.type == type) {
      DRAGOMAN_RETURN_IF_ERROR(sink(checkpoint.Data(info)));
    } else {
      DRAGOMAN_RETURN_IF_ERROR(WriteAsBf16(checkpoint, info, sink));
    }
    Done(tensor);
    return {};
  }

  static Result<void> WriteAsBf16(const Checkpoint& checkpoint, const TensorInfo& info,
                                  const ByteSink& sink) {
    const uint64_t cols = info.cols();
    const std::byte* row = checkpoint.Data(info).data();
    std::vector<float> values(cols);
    std::vector<uint16_t> halves(cols);
    for (uint64_t i = 0; i < info.rows(); ++i, row += info.size_bytes / info.rows()) {
      TraitsOf(info.type).decode(row, static_cast<int64_t>(cols), values.data());
      std::transform(values.begin(), values.end(), halves.begin(), FloatToBf16);
      DRAGOMAN_RETURN_IF_ERROR(sink(std::as_bytes(std::span<const uint16_t>(halves))));
    }
    return {};
  }

  void Done(const ModelTensor& tensor) {
    source_.checkpoint->Release(*tensor.info);
    done_bytes_ += tensor.info->size_bytes;
    if (options_.progress) options_.progress(done_bytes_, total_bytes_, tensor.name);
  }

  const QuantizeSource& source_;
  const HfLayout& layout_;
  const HfQuantizeOptions& options_;
  LinearSource& linears_;
  HfQuantizeReport& report_;
  RoundedLinear rounded_;
  uint64_t done_bytes_ = 0, total_bytes_ = 0;
};

Result<QuantizeSource> OpenHfSource(const std::string& model_path,
                                    const HfQuantizeOptions& options) {
  DRAGOMAN_ASSIGN_OR_RETURN(QuantizeSource source, OpenQuantizeSource(model_path));
  if (source.checkpoint->format() != ContainerFormat::kSafetensors) {
    return Fail(
        ErrorCode::kUnsupported,
        "a Hugging Face checkpoint is made from a folder of safetensors with config.json and "
        "tokenizer, found a GGUF",
        model_path);
  }
  if (options.vocabulary != nullptr) {
    DRAGOMAN_RETURN_IF_ERROR(TrimSource(*options.vocabulary, source));
  }
  return source;
}

BlockType EmbeddingType(const QuantizeSource& source) {
  const TensorInfo& embedding = *source.map.tensors.front().info;
  return embedding.type == BlockType::kF16 ? BlockType::kF16 : BlockType::kBF16;
}

// A file beside the weights, with the ids of the trimmed vocabulary where it has any.
Result<std::string> TrimCompanion(std::string_view name, const std::string& text,
                                  const VocabularyTrim& trim, const std::string& path) {
  if (name == "tokenizer.json") return TrimTokenizerJson(text, trim, path);
  if (name == "tokenizer.model") return TrimSentencePieceModel(text, trim, path);
  const bool of_ids = name == "added_tokens.json" || name == "generation_config.json" ||
                      name == "tokenizer_config.json";
  if (!of_ids) return text;
  DRAGOMAN_ASSIGN_OR_RETURN(const Json parsed, ParseJson(text, path));
  OrderedJson json = parsed;
  if (name == "added_tokens.json") TrimAddedTokens(trim, json);
  if (name == "generation_config.json") TrimModelConfig(trim, json);
  if (name == "tokenizer_config.json") TrimTokenizerConfig(trim, json);
  return DumpJson(json);
}

Result<void> WriteCompanions(const QuantizeSource& source, const HfQuantizeOptions& options,
                             const AtomicFolder& folder) {
  const fs::path from = source.checkpoint->folder();
  DRAGOMAN_ASSIGN_OR_RETURN(const Json config, ReadJsonFile((from / "config.json").string()));
  const auto rows = static_cast<int64_t>(source.embedding_rows());
  OrderedJson text_only =
      TextOnlyConfig(config, rows, source.config.tied_embeddings, EmbeddingType(source), options);
  if (source.trim) TrimModelConfig(source.trim->vocabulary, text_only);
  DRAGOMAN_RETURN_IF_ERROR(WriteJsonFile(folder.Inside("config.json"), text_only));
  if (options.format == HfFormat::kGptq) {
    DRAGOMAN_RETURN_IF_ERROR(
        WriteJsonFile(folder.Inside("quantize_config.json"), QuantizationConfig(options)));
  }
  std::error_code ignored;
  for (const char* name : kCompanions) {
    const std::string path = (from / name).string();
    if (!fs::exists(path, ignored)) continue;
    DRAGOMAN_ASSIGN_OR_RETURN(std::string text, ReadFile(path, kMaxCompanionBytes));
    if (source.trim) {
      DRAGOMAN_ASSIGN_OR_RETURN(text, TrimCompanion(name, text, source.trim->vocabulary, path));
    }
    DRAGOMAN_RETURN_IF_ERROR(WriteFileAtomically(folder.Inside(name), text));
  }
  return {};
}

Result<void> CheckSize(const HfPlan& plan, const HfQuantizeOptions& options) {
  if (options.max_size_bytes && plan.file_bytes > *options.max_size_bytes) {
    return Fail(ErrorCode::kInvalidArgument,
                fmt::format("{} bits in groups of {} need {} bytes, more than the {} allowed; the "
                            "embedding keeps 16 bits in this format",
                            options.group.bits, options.group_size, plan.file_bytes,
                            *options.max_size_bytes));
  }
  return {};
}

Result<void> CheckDisk(const std::string& output_folder, uint64_t needed_bytes) {
  const uint64_t free_bytes = FreeDiskBytes(output_folder);
  if (free_bytes == 0 || free_bytes >= needed_bytes) return {};
  return Fail(ErrorCode::kIo,
              fmt::format("disk space: {} bytes needed, {} free", needed_bytes, free_bytes),
              output_folder);
}

// Of all that the bytes of the linears depend on.
std::string HfJournalKey(const HfLayout& layout, const HfQuantizeOptions& options) {
  Sha256 hash;
  hash.Update(fmt::format(
      "{} {} {} {} {} {} {} {} {} {} {}\n", DRAGOMAN_VERSION, options.moments_key,
      options.moments->wants_blocks(), options.format == HfFormat::kGptq, options.group.bits,
      options.group.symmetric, options.group_size, NameOf(options.reordering), options.damping,
      options.rounding.most_passes, options.rounding.least_gain));
  for (const auto& shard : layout.shards) {
    for (const HfTensor& tensor : shard) {
      hash.Update(fmt::format("{} {}\n", tensor.plan.name, tensor.bytes()));
    }
  }
  return hash.HexDigest();
}

// Null where no journal is kept.
Result<std::unique_ptr<OutputJournal>> OpenHfJournal(const HfLayout& layout,
                                                     const HfQuantizeOptions& options,
                                                     const fs::path& output_folder) {
  if (options.moments_key.empty()) return std::unique_ptr<OutputJournal>();
  fs::path target = output_folder.lexically_normal();
  if (!target.has_filename()) target = target.parent_path();
  DRAGOMAN_ASSIGN_OR_RETURN(auto journal, OutputJournal::Open(target.string() + ".partial",
                                                              HfJournalKey(layout, options)));
  if (journal->recovered_bytes() > 0) {
    LogInfo("continuing {}.partial: {} of {} bytes are there", target.string(),
            journal->recovered_bytes(), layout.plan.tensor_bytes);
  }
  return journal;
}

using NamedDigests = std::vector<std::pair<std::string, std::string>>;

Result<NamedDigests> DigestsOf(std::vector<std::string> paths) {
  std::sort(paths.begin(), paths.end());
  NamedDigests digests;
  for (const std::string& path : paths) {
    DRAGOMAN_ASSIGN_OR_RETURN(std::string digest, Sha256OfFile(path));
    digests.emplace_back(fs::path(path).filename().string(), std::move(digest));
  }
  return digests;
}

std::vector<std::string> FilesIn(const std::string& folder) {
  std::vector<std::string> files;
  std::error_code ec;
  for (fs::directory_iterator it(folder, ec), end; !ec && it != end; it.increment(ec)) {
    files.push_back(it->path().string());
  }
  return files;
}

}  // namespace

Result<void> CheckHfOptions(const HfQuantizeOptions& options) {
  const auto refuse = [](const std::string& message) {
    return Fail(ErrorCode::kInvalidArgument, message);
  };
  const int bits = options.group.bits;
  const bool packs_fully = options.format == HfFormat::kGptq;
  if (bits != 4 && bits != 8 && !(packs_fully && (bits == 2 || bits == 3))) {
    return refuse(fmt::format("--bits: expected {}, found {}",
                              packs_fully ? "2, 3, 4 or 8" : "4 or 8 for compressed-tensors",
                              bits));
  }
  const int64_t size = options.group_size;
  if (size != 32 && size != 64 && size != 128 && size != -1) {
    return refuse(fmt::format("--group-size: expected 32, 64, 128 or -1, found {}", size));
  }
  if (!(options.damping > 0 && options.damping < 1)) {
    return refuse(
        fmt::format("--damping: expected a number between 0 and 1, found {}", options.damping));
  }
  if (options.max_shard_bytes == 0) return refuse("--max-shard-size: expected at least 1 byte");
  return {};
}

Result<HfPlan> PlanHf(const std::string& model_path, const HfQuantizeOptions& options) {
  DRAGOMAN_RETURN_IF_ERROR(CheckHfOptions(options));
  DRAGOMAN_ASSIGN_OR_RETURN(const QuantizeSource source, OpenHfSource(model_path, options));
  DRAGOMAN_ASSIGN_OR_RETURN(HfLayout layout, LayOutHf(source, options));
  DRAGOMAN_RETURN_IF_ERROR(CheckSize(layout.plan, options));
  return std::move(layout.plan);
}

Result<HfQuantizeReport> QuantizeToHf(const std::string& model_path,
                                      const std::string& output_folder,
                                      const HfQuantizeOptions& options) {
  const Stopwatch watch;
  DRAGOMAN_RETURN_IF_ERROR(CheckHfOptions(options));
  DRAGOMAN_ASSIGN_OR_RETURN(const QuantizeSource source, OpenHfSource(model_path, options));
  DRAGOMAN_ASSIGN_OR_RETURN(const HfLayout layout, LayOutHf(source, options));
  DRAGOMAN_RETURN_IF_ERROR(CheckSize(layout.plan, options));
  if (options.moments == nullptr) {
    return Fail(ErrorCode::kInvalidArgument, "second moments are needed, found none", model_path);
  }
  DRAGOMAN_ASSIGN_OR_RETURN(AtomicFolder folder, AtomicFolder::Create(output_folder));
  DRAGOMAN_ASSIGN_OR_RETURN(const auto journal, OpenHfJournal(layout, options, output_folder));
  const uint64_t kept = journal == nullptr ? layout.plan.tensor_bytes : journal->recovered_bytes();
  DRAGOMAN_RETURN_IF_ERROR(CheckDisk(output_folder, layout.plan.file_bytes +
                                                        layout.plan.tensor_bytes -
                                                        std::min(layout.plan.tensor_bytes, kept)));
  DRAGOMAN_ASSIGN_OR_RETURN(std::unique_ptr<Backend> backend,
                            OpenBackend("auto", options.threads, {.float32_activations = true}));
  HfQuantizeReport report;
  report.plan = layout.plan;
  report.input_path = model_path;
  report.output_path = output_folder;
  LinearRounder rounder(source, options, std::move(backend));
  report.threads = rounder.threads();
  LinearSource linears(layout, options, rounder, journal.get());
  DRAGOMAN_RETURN_IF_ERROR(ShardWriter(source, layout, options, linears, report).Write(folder));
  DRAGOMAN_RETURN_IF_ERROR(WriteCompanions(source, options, folder));
  DRAGOMAN_RETURN_IF_ERROR(folder.Commit());
  // What was written opens, and is the whole model.
  DRAGOMAN_RETURN_IF_ERROR(OpenQuantizeSource(output_folder));
  if (journal != nullptr) journal->Remove();
  if (source.trim) {
    DRAGOMAN_ASSIGN_OR_RETURN(
        report.plan.vocabulary->held_out,
        MeasureHeldOut(*source.trim->full_tokenizer, output_folder, options.vocabulary->held_out));
  }
  DRAGOMAN_ASSIGN_OR_RETURN(report.input_sha256, DigestsOf(source.checkpoint->files()));
  DRAGOMAN_ASSIGN_OR_RETURN(report.output_sha256, DigestsOf(FilesIn(output_folder)));
  report.seconds = watch.Seconds();
  return report;
}

}  // namespace dragoman
