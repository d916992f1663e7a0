// The protocol, step by step; every process goes through the same exchanges in the same order.
#include "evaluate/shared_run.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <filesystem>
#include <optional>
#include <string>
#include <utility>

#include "base/process_stats.h"

namespace dragoman {
namespace {

class SharedRun {
 public:
  SharedRun(const Suite& suite, const BenchmarkOptions& options, const OrderedJson& identity,
            ProcessGroup& group, BenchmarkResult& result)
      : suite_(suite), options_(options), identity_(identity), group_(group), result_(result) {}

  Result<void> Run(const TranslateChunk& translate) {
    DRAGOMAN_RETURN_IF_ERROR(CheckIdentity());
    if (keeps()) {
      group_.SayWhenStopped(LastWords());
      DRAGOMAN_RETURN_IF_ERROR(
          group_.Agree(is_root() ? OpenFile(options_.predictions_path) : Result<void>()));
      DRAGOMAN_RETURN_IF_ERROR(CollectLeftOver());
    }
    DRAGOMAN_RETURN_IF_ERROR(ShareOut());
    DRAGOMAN_RETURN_IF_ERROR(group_.Agree(TranslateMine(translate)));
    DRAGOMAN_RETURN_IF_ERROR(GatherAll());
    return GatherMemory();
  }

 private:
  bool is_root() const { return group_.rank() == 0; }
  bool keeps() const { return !options_.predictions_path.empty(); }
  std::string MyPart() const { return PartPath(options_.predictions_path, group_.rank()); }
  PredictionsFile* file() { return file_.has_value() ? &*file_ : nullptr; }

  std::string LastWords() const {
    return fmt::format(
        "dragoman: stopped, because another process of this run ended or somebody stopped it. What "
        "was translated is kept beside {}; the same command continues from there, with any number "
        "of processes.\n",
        options_.predictions_path);
  }

  Result<void> OpenFile(const std::string& path) {
    DRAGOMAN_ASSIGN_OR_RETURN(PredictionsFile opened, PredictionsFile::Open(path, identity_));
    file_.emplace(std::move(opened));
    return {};
  }

  Result<void> CheckIdentity() {
    const std::string mine = identity_.dump();
    DRAGOMAN_ASSIGN_OR_RETURN(const std::string of_root, group_.Broadcast(mine));
    Result<void> same;
    if (mine != of_root) {
      same = Fail(ErrorCode::kInvalidArgument,
                  fmt::format("expected what process 0 runs, {}, found {}: every process needs the "
                              "same program, model, suite and --device",
                              of_root, mine));
    }
    return group_.Agree(same);
  }

  // Of a killed run on a machine that rank 0 cannot see; what it can see it has taken in already.
  Result<void> CollectLeftOver() {
    std::vector<std::string> parts;
    std::string lines;
    if (!is_root() && group_.local_rank() == 0) parts = PartsBeside(options_.predictions_path);
    Result<void> outcome;
    for (const std::string& part : parts) {
      const auto predictions = ReadPredictions(part, identity_);
      if (predictions) lines += FormatPredictions(*predictions);
      if (!predictions) outcome = ErrorOf(predictions);
    }
    DRAGOMAN_RETURN_IF_ERROR(group_.Agree(outcome));
    DRAGOMAN_ASSIGN_OR_RETURN(const std::vector<std::string> all, group_.Gather(lines));
    if (is_root()) outcome = TakeInLeftOver(all);
    DRAGOMAN_RETURN_IF_ERROR(group_.Agree(outcome));
    std::error_code ec;
    for (const std::string& part : parts) std::filesystem::remove(part, ec);
    return {};
  }

  Result<void> TakeInLeftOver(const std::vector<std::string>& of_ranks) {
    for (size_t rank = 1; rank < of_ranks.size(); ++rank) {
      DRAGOMAN_ASSIGN_OR_RETURN(
          std::vector<Prediction> predictions,
          ParsePredictions(of_ranks[rank], fmt::format("parts of process {}", rank)));
      DRAGOMAN_RETURN_IF_ERROR(file_->TakeIn(std::move(predictions)));
    }
    return {};
  }

  // Every process learns what is missing; the suite is the same in all.
  Result<void> ShareOut() {
    std::string listed;
    missing_ = TakeHeld(suite_, file(), result_.predictions);
    if (is_root()) {
      for (const size_t index : missing_) listed += fmt::format("{} ", index);
    }
    DRAGOMAN_ASSIGN_OR_RETURN(const std::string of_root, group_.Broadcast(listed));
    missing_.clear();
    const char* at = of_root.data();
    const char* const end = at + of_root.size();
    while (at < end) {
      size_t index = 0;
      const auto [next, error] = std::from_chars(at, end, index);
      if (error != std::errc() || index >= suite_.samples.size())
        return Fail(ErrorCode::kInternal, "expected indices of samples", "process 0");
      missing_.push_back(index);
      at = next + 1;
    }
    return {};
  }

  std::vector<size_t> ShareOf(int rank) const {
    std::vector<size_t> share;
    for (auto k = static_cast<size_t>(rank); k < missing_.size();
         k += static_cast<size_t>(group_.size()))
      share.push_back(missing_[k]);
    return share;
  }

  Result<void> TranslateMine(const TranslateChunk& translate) {
    const std::vector<size_t> share = ShareOf(group_.rank());
    if (keeps() && !is_root() && !share.empty()) DRAGOMAN_RETURN_IF_ERROR(OpenFile(MyPart()));
    if (!is_root()) {
      return TranslateMissing(suite_, options_, share, translate, file(), nullptr,
                              result_.predictions);
    }
    Progress progress("benchmark, first process", share.size(), "sentences");
    DRAGOMAN_RETURN_IF_ERROR(TranslateMissing(suite_, options_, share, translate, file(), &progress,
                                              result_.predictions));
    progress.Finish();
    return {};
  }

  Result<void> GatherAll() {
    std::vector<Prediction> mine;
    if (!is_root()) {
      for (const size_t index : ShareOf(group_.rank())) mine.push_back(result_.predictions[index]);
    }
    DRAGOMAN_ASSIGN_OR_RETURN(const std::vector<std::string> all,
                              group_.Gather(FormatPredictions(mine)));
    DRAGOMAN_RETURN_IF_ERROR(group_.Agree(is_root() ? TakeInShares(all) : Result<void>()));
    std::error_code ec;
    if (keeps() && !is_root()) std::filesystem::remove(MyPart(), ec);
    return {};
  }

  Result<void> TakeInShares(const std::vector<std::string>& of_ranks) {
    for (size_t rank = 1; rank < of_ranks.size(); ++rank) {
      const std::string where = fmt::format("process {}", rank);
      DRAGOMAN_ASSIGN_OR_RETURN(std::vector<Prediction> predictions,
                                ParsePredictions(of_ranks[rank], where));
      const std::vector<size_t> share = ShareOf(static_cast<int>(rank));
      if (predictions.size() != share.size()) {
        return Fail(
            ErrorCode::kInternal,
            fmt::format("expected {} predictions, found {}", share.size(), predictions.size()),
            where);
      }
      for (size_t k = 0; k < share.size(); ++k) {
        Prediction& slot = result_.predictions[share[k]];
        if (slot.pair != predictions[k].pair || slot.id != predictions[k].id)
          return Fail(ErrorCode::kInternal, "expected its share of the suite in order", where);
        slot = predictions[k];
      }
      if (file() != nullptr) DRAGOMAN_RETURN_IF_ERROR(file_->TakeIn(std::move(predictions)));
    }
    ScorePredictions(result_);
    return {};
  }

  Result<void> GatherMemory() {
    result_.processes = group_.size();
    DRAGOMAN_ASSIGN_OR_RETURN(const std::vector<std::string> all,
                              group_.Gather(std::to_string(CurrentMemoryUse().peak_rss_bytes)));
    for (const std::string& one : all) {
      uint64_t bytes = 0;
      std::from_chars(one.data(), one.data() + one.size(), bytes);
      result_.peak_rss_bytes = std::max(result_.peak_rss_bytes, bytes);
    }
    return {};
  }

  const Suite& suite_;
  const BenchmarkOptions& options_;
  const OrderedJson& identity_;
  ProcessGroup& group_;
  BenchmarkResult& result_;
  std::optional<PredictionsFile> file_;  // rank 0: the run's, else the part
  std::vector<size_t> missing_;
};

}  // namespace

Result<void> TranslateSuiteTogether(const Suite& suite, const BenchmarkOptions& options,
                                    const OrderedJson& identity, const TranslateChunk& translate,
                                    ProcessGroup& group, BenchmarkResult& result) {
  return SharedRun(suite, options, identity, group, result).Run(translate);
}

}  // namespace dragoman
