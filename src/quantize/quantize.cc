#include "quantize/quantize.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <future>
#include <memory>
#include <utility>

#include "base/log.h"
#include "base/process_stats.h"
#include "base/sha256.h"
#include "base/thread_pool.h"
#include "quantize/feedback_encoder.h"
#include "quantize/k_rows.h"
#include "quantize/lane_search.h"
#include "quantize/output_journal.h"
#include "quantize/quantize_source.h"
#include "quantize/source_trim.h"
#include "quantize/tensor_encoder.h"

namespace dragoman {
namespace {

constexpr uint64_t kSpareDiskBytes = 64 << 20;  // left free for whoever else writes

using FileDigests = std::vector<std::pair<std::string, std::string>>;

Result<FileDigests> HashFiles(const std::vector<std::string>& files) {
  FileDigests digests;
  for (const std::string& file : files) {
    DRAGOMAN_ASSIGN_OR_RETURN(std::string digest, Sha256OfFile(file));
    digests.emplace_back(std::filesystem::path(file).filename().string(), std::move(digest));
  }
  return digests;
}

// The recipes whose file would fit, best first; what a refusal suggests.
std::string WhatFits(const QuantizeSource& source, bool calibrated, uint64_t max_size_bytes) {
  std::string fitting;
  for (Recipe recipe : AllRecipes()) {
    recipe.calibrated = calibrated;
    const auto layout = LayOut(source, recipe, nullptr);
    if (layout && layout->plan.file_bytes <= max_size_bytes) {
      fitting += fmt::format("{}{} ({} bytes)", fitting.empty() ? "" : ", ", recipe.name,
                             layout->plan.file_bytes);
    }
  }
  return fitting.empty() ? "no recipe fits" : "what fits: " + fitting;
}

// The importance of a tensor's columns, ready for the search; empty where none was measured.
Result<std::vector<float>> WeightsFor(const ModelTensor& tensor,
                                      const ImportanceMatrix* importance) {
  if (importance == nullptr || tensor.is_norm) return std::vector<float>();
  const auto found = importance->entries.find(tensor.name);
  if (found == importance->entries.end() || found->second.tokens == 0) return std::vector<float>();
  const auto& sums = found->second.sum_of_squares;
  if (sums.size() != tensor.info->cols()) {
    return Fail(ErrorCode::kInvalidArgument,
                fmt::format("importance of {}: expected {} columns, found {}", tensor.name,
                            tensor.info->cols(), sums.size()));
  }
  return NormalizeImportance(sums.data(), static_cast<int64_t>(sums.size()));
}

Result<void> CheckDiskSpace(const std::string& output_path, uint64_t file_bytes) {
  const uint64_t free_bytes = FreeDiskBytes(output_path);
  if (free_bytes != 0 && free_bytes < file_bytes + kSpareDiskBytes) {
    return Fail(ErrorCode::kIo,
                fmt::format("disk space: {} bytes needed, {} of them to stay free, {} are",
                            file_bytes + kSpareDiskBytes, kSpareDiskBytes, free_bytes),
                output_path);
  }
  return {};
}

// An output on top of an input would pull the mapped file away under the reader.
Result<void> CheckPaths(const Checkpoint& checkpoint, const std::string& output_path) {
  std::error_code ignored;
  for (const std::string& file : checkpoint.files()) {
    if (std::filesystem::equivalent(file, output_path, ignored)) {
      return Fail(ErrorCode::kInvalidArgument, "the output would replace its own source",
                  output_path);
    }
  }
  return {};
}

// What was written opens, and is what was planned.
Result<void> CheckOutput(const std::string& path, const OutputLayout& layout) {
  DRAGOMAN_ASSIGN_OR_RETURN(const GgufFile file, GgufFile::Open(path));
  if (file.file().size_bytes() != layout.plan.file_bytes) {
    return Fail(ErrorCode::kInternal,
                fmt::format("expected {} bytes, found {}", layout.plan.file_bytes,
                            file.file().size_bytes()),
                path);
  }
  const auto same = [](const TensorInfo& found, const GgufTensorPlan& planned) {
    return found.name == planned.name && found.type == planned.type && found.shape == planned.shape;
  };
  if (!std::equal(file.tensors().begin(), file.tensors().end(), layout.tensors.begin(),
                  layout.tensors.end(), same)) {
    return Fail(ErrorCode::kInternal, "the written tensors are not those planned", path);
  }
  return {};
}

// Streams every tensor into the output, keeping the books.
class QuantizeRun {
 public:
  QuantizeRun(const QuantizeSource& source, const OutputLayout& layout,
              const QuantizeOptions& options, OutputJournal* journal, QuantizeReport& report)
      : source_(source),
        layout_(layout),
        options_(options),
        report_(report),
        pool_(options.threads) {
    for (const ModelTensor& tensor : source.map.tensors) total_bytes_ += tensor.info->size_bytes;
    report_.threads = pool_.threads();
    if (options.moments != nullptr) {
      feedback_.emplace(*options.moments, options.damping, FeedbackOptions{}, journal);
    }
  }

  Result<void> Write(const std::string& output_path) {
    return WriteGguf(
        output_path, layout_.metadata, layout_.tensors,
        [this](size_t index, const ByteSink& sink) { return WriteTensor(index, sink); });
  }

 private:
  Result<void> WriteTensor(size_t index, const ByteSink& sink) {
    const Stopwatch watch;
    const ModelTensor& tensor = source_.map.tensors[index];
    EncodeRequest request{&tensor, layout_.tensors[index].type, {}};
    DRAGOMAN_ASSIGN_OR_RETURN(request.weights, WeightsFor(tensor, options_.importance));
    const auto on_piece = [&](uint64_t bytes) {
      done_bytes_ += bytes;
      report_.peak_anonymous_bytes =
          std::max(report_.peak_anonymous_bytes, CurrentMemoryUse().anonymous_bytes);
      if (options_.progress) options_.progress(done_bytes_, total_bytes_, tensor.name);
    };
    std::optional<double> output_loss;
    TensorError error;
    if (feedback_ && feedback_->Covers(request)) {
      DRAGOMAN_ASSIGN_OR_RETURN(
          const FeedbackTensorError both,
          feedback_->Encode(*source_.checkpoint, request, pool_, sink, on_piece));
      error = both.weights;
      output_loss = both.output_loss;
    } else {
      DRAGOMAN_ASSIGN_OR_RETURN(error,
                                EncodeTensor(*source_.checkpoint, request, pool_, sink, on_piece));
    }
    source_.checkpoint->Release(*tensor.info);
    const double relative = error.mean_square_of_source > 0
                                ? std::sqrt(error.mean_squared / error.mean_square_of_source)
                                : 0;
    report_.tensors.push_back(
        {tensor.name, request.type, error.mean_squared, relative, watch.Seconds(), output_loss});
    return {};
  }

  const QuantizeSource& source_;
  const OutputLayout& layout_;
  const QuantizeOptions& options_;
  QuantizeReport& report_;
  ThreadPool pool_;
  std::optional<FeedbackEncoder> feedback_;
  uint64_t done_bytes_ = 0, total_bytes_ = 0;
};

void DescribeMethod(const QuantizeOptions& options, QuantizeReport& report) {
  report.instruction_set = SimdLaneKernels().name;
  if (IsPlainRecipe(options.recipe)) {
    report.method = "conversion";
  } else if (options.moments != nullptr) {
    report.method = "error feedback";
    if (!options.moments_dataset.empty()) report.importance_datasets = {options.moments_dataset};
    report.importance_hash = options.moments_key;
  } else if (options.importance == nullptr) {
    report.method = "plain rounding";
  } else {
    report.method = "importance-weighted rounding";
    report.importance_datasets = options.importance->datasets;
    report.importance_hash = options.importance->hash;
  }
}

// Of all that the output's bytes depend on.
std::string JournalKey(const OutputLayout& layout, const QuantizeOptions& options) {
  Sha256 hash;
  hash.Update(fmt::format("{} {} {} {}\n", DRAGOMAN_VERSION, options.moments_key, options.damping,
                          options.moments->wants_blocks()));
  for (const GgufTensorPlan& tensor : layout.tensors) {
    hash.Update(fmt::format("{} {}", tensor.name, TraitsOf(tensor.type).name));
    for (const uint64_t side : tensor.shape) hash.Update(fmt::format(" {}", side));
    hash.Update("\n");
  }
  for (const auto& [key, value] : layout.metadata) {  // pieces: which rows a trimmed table has
    const auto* texts = std::get_if<std::vector<std::string>>(&value.value);
    if (texts == nullptr) continue;
    hash.Update(key + "\n");
    for (const std::string& text : *texts) hash.Update(text + "\n");
  }
  return hash.HexDigest();
}

// Null where no journal is kept.
Result<std::unique_ptr<OutputJournal>> OpenJournal(const OutputLayout& layout,
                                                   const QuantizeOptions& options,
                                                   const std::string& output_path) {
  if (options.moments == nullptr || options.moments_key.empty()) {
    return std::unique_ptr<OutputJournal>();
  }
  DRAGOMAN_ASSIGN_OR_RETURN(
      auto journal, OutputJournal::Open(output_path + ".partial", JournalKey(layout, options)));
  if (journal->recovered_bytes() > 0) {
    LogInfo("continuing {}.partial: {} of {} bytes are there", output_path,
            journal->recovered_bytes(), layout.plan.tensor_bytes);
  }
  return journal;
}

// What the journal will grow by.
uint64_t JournalBytes(const OutputLayout& layout, const OutputJournal* journal) {
  if (journal == nullptr) return 0;
  return layout.plan.tensor_bytes - std::min(layout.plan.tensor_bytes, journal->recovered_bytes());
}

}  // namespace

Result<QuantizeReport> Quantize(const std::string& model_path, const std::string& output_path,
                                const QuantizeOptions& options) {
  const Stopwatch watch;
  DRAGOMAN_ASSIGN_OR_RETURN(QuantizeSource source, OpenQuantizeSource(model_path));
  if (options.vocabulary != nullptr) {
    DRAGOMAN_RETURN_IF_ERROR(TrimSource(*options.vocabulary, source));
  }
  DRAGOMAN_RETURN_IF_ERROR(CheckPaths(*source.checkpoint, output_path));
  Recipe recipe = options.recipe;
  recipe.calibrated = options.importance != nullptr || options.moments != nullptr;
  DRAGOMAN_ASSIGN_OR_RETURN(const OutputLayout layout, LayOut(source, recipe, options.importance));
  if (options.max_size_bytes && layout.plan.file_bytes > *options.max_size_bytes) {
    return Fail(ErrorCode::kInvalidArgument,
                fmt::format("{} needs {} bytes, more than the {} allowed; {}", options.recipe.name,
                            layout.plan.file_bytes, *options.max_size_bytes,
                            WhatFits(source, recipe.calibrated, *options.max_size_bytes)),
                model_path);
  }
  DRAGOMAN_ASSIGN_OR_RETURN(const auto journal, OpenJournal(layout, options, output_path));
  DRAGOMAN_RETURN_IF_ERROR(
      CheckDiskSpace(output_path, layout.plan.file_bytes + JournalBytes(layout, journal.get())));
  QuantizeReport report;
  report.plan = layout.plan;
  report.input_path = model_path;
  report.output_path = output_path;
  DescribeMethod(options, report);
  const bool hash_files = options.hash_files.value_or(!IsPlainRecipe(options.recipe));
  std::future<Result<FileDigests>> digests;
  if (hash_files) digests = std::async(std::launch::async, HashFiles, source.checkpoint->files());
  DRAGOMAN_RETURN_IF_ERROR(
      QuantizeRun(source, layout, options, journal.get(), report).Write(output_path));
  DRAGOMAN_RETURN_IF_ERROR(CheckOutput(output_path, layout));
  if (journal != nullptr) journal->Remove();
  if (options.vocabulary != nullptr) {
    DRAGOMAN_ASSIGN_OR_RETURN(
        report.plan.vocabulary->held_out,
        MeasureHeldOut(*source.trim->full_tokenizer, output_path, options.vocabulary->held_out));
  }
  if (hash_files) {
    DRAGOMAN_ASSIGN_OR_RETURN(report.input_sha256, digests.get());
    DRAGOMAN_ASSIGN_OR_RETURN(report.output_sha256, Sha256OfFile(output_path));
  }
  report.seconds = watch.Seconds();
  return report;
}

}  // namespace dragoman
