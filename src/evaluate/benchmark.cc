// Translating a suite chunk by chunk, and the figures that follow from the predictions.
#include "evaluate/benchmark.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <map>
#include <optional>
#include <utility>

#include "base/process_stats.h"
#include "base/progress.h"
#include "evaluate/checks.h"
#include "evaluate/metrics/bleu.h"
#include "evaluate/metrics/chrf.h"
#include "evaluate/predictions_file.h"
#include "evaluate/shared_run.h"
#include "text/languages.h"

namespace dragoman {
namespace {

// Batches to a chunk: enough for the translator to sort by length, few enough that a kill loses
// little.
constexpr int kBatchesPerChunk = 4;

Prediction Blank(const SuiteSample& sample) {
  Prediction prediction;
  prediction.id = sample.id;
  prediction.pair = sample.pair();
  prediction.source_lang = sample.source_lang;
  prediction.target_lang = sample.target_lang;
  prediction.domain = sample.domain;
  prediction.source = sample.source;
  prediction.reference = sample.reference;
  prediction.keep = sample.keep;
  return prediction;
}

Result<std::vector<TranslationRequest>> MakeRequests(const Suite& suite,
                                                     std::span<const size_t> indices) {
  std::vector<TranslationRequest> requests;
  for (const size_t index : indices) {
    const SuiteSample& sample = suite.samples[index];
    TranslationRequest request;
    request.text = sample.source;
    DRAGOMAN_ASSIGN_OR_RETURN(request.source, FindLanguage(sample.source_lang));
    DRAGOMAN_ASSIGN_OR_RETURN(request.target, FindLanguage(sample.target_lang));
    requests.push_back(std::move(request));
  }
  return requests;
}

// Linear between the neighbours; `sorted` is not empty.
double Percentile(const std::vector<double>& sorted, double share) {
  const double at = share * static_cast<double>(sorted.size() - 1);
  const auto low = static_cast<size_t>(at);
  const size_t high = std::min(low + 1, sorted.size() - 1);
  return sorted[low] + (at - static_cast<double>(low)) * (sorted[high] - sorted[low]);
}

double Share(int64_t part, int64_t whole) {
  return whole == 0 ? 0 : static_cast<double>(part) / static_cast<double>(whole);
}

PairScore ScorePair(const std::string& pair, const std::vector<const Prediction*>& predictions) {
  PairScore score;
  score.pair = pair;
  const BleuOptions bleu = BleuOptionsFor(predictions.front()->target_lang);
  score.bleu_signature = BleuSignature(bleu);
  std::vector<std::string> hypotheses, references;
  int64_t empty = 0, runaway = 0, copy = 0, script = 0, repetition = 0, kept = 0;
  std::array<int64_t, kFaultCount> possible{}, found{};
  for (const Prediction* one : predictions) {
    const OutputChecks checks = CheckOutput(*one);
    empty += checks.empty ? 1 : 0;
    runaway += checks.runaway ? 1 : 0;
    copy += checks.copy ? 1 : 0;
    script += checks.wrong_script ? 1 : 0;
    repetition += checks.repetition ? 1 : 0;
    score.kept_items += checks.items;
    kept += checks.kept;
    for (size_t i = 0; i < kFaultCount; ++i) {
      possible[i] += checks.possible[i] ? 1 : 0;
      found[i] += checks.found[i] ? 1 : 0;
    }
    if (one->is_edge_case()) continue;
    hypotheses.push_back(one->hypothesis);
    references.push_back(one->reference);
  }
  score.samples = static_cast<int64_t>(hypotheses.size());
  score.checked = static_cast<int64_t>(predictions.size());
  score.empty_rate = Share(empty, score.checked);
  score.runaway_rate = Share(runaway, score.checked);
  score.copy_rate = Share(copy, score.checked);
  score.wrong_script_rate = Share(script, score.checked);
  score.repetition_rate = Share(repetition, score.checked);
  score.kept_rate = score.kept_items == 0 ? 1.0 : Share(kept, score.kept_items);
  for (size_t i = 0; i < kFaultCount; ++i) {
    if (possible[i] > 0)
      score.faults.push_back({FaultKey(static_cast<Fault>(i)), WilsonRate(found[i], possible[i])});
  }
  score.bleu = CorpusBleu(bleu, hypotheses, references).score;
  score.chrf = CorpusChrf({}, hypotheses, references);
  score.chrf_pp = CorpusChrf({.word_order = 2}, hypotheses, references);
  return score;
}

}  // namespace

void ScorePredictions(BenchmarkResult& result) {
  std::vector<std::string> order;
  std::map<std::string, std::vector<const Prediction*>> of_pair;
  std::vector<double> latencies, first_tokens;
  double seconds = 0;
  int64_t tokens = 0;
  for (const Prediction& one : result.predictions) {
    auto& list = of_pair[one.pair];
    if (list.empty()) order.push_back(one.pair);
    list.push_back(&one);
    if (one.latency_ms > 0) latencies.push_back(one.latency_ms);
    if (one.first_token_ms > 0) first_tokens.push_back(one.first_token_ms);
    seconds += one.seconds;
    tokens += one.new_tokens;
  }
  result.pairs.clear();
  result.mean_bleu = result.mean_chrf = 0;
  int64_t scored = 0;
  for (const auto& pair : order) {
    result.pairs.push_back(ScorePair(pair, of_pair[pair]));
    if (result.pairs.back().samples == 0) continue;
    result.mean_bleu += result.pairs.back().bleu;
    result.mean_chrf += result.pairs.back().chrf;
    ++scored;
  }
  if (scored > 0) {
    result.mean_bleu /= static_cast<double>(scored);
    result.mean_chrf /= static_cast<double>(scored);
  }
  std::sort(latencies.begin(), latencies.end());
  if (!latencies.empty()) {
    result.latency_p50_ms = Percentile(latencies, 0.50);
    result.latency_p90_ms = Percentile(latencies, 0.90);
    result.latency_p99_ms = Percentile(latencies, 0.99);
  }
  std::sort(first_tokens.begin(), first_tokens.end());
  if (!first_tokens.empty()) {
    result.first_token_p50_ms = Percentile(first_tokens, 0.50);
    result.first_token_p90_ms = Percentile(first_tokens, 0.90);
    result.first_token_p99_ms = Percentile(first_tokens, 0.99);
  }
  result.seconds = seconds;
  if (seconds > 0) {
    result.tokens_per_second = static_cast<double>(tokens) / seconds;
    result.sentences_per_second = static_cast<double>(result.predictions.size()) / seconds;
  }
}

std::vector<size_t> TakeHeld(const Suite& suite, const PredictionsFile* file,
                             std::vector<Prediction>& predictions) {
  std::vector<size_t> missing;
  predictions.clear();
  for (size_t i = 0; i < suite.samples.size(); ++i) {
    predictions.push_back(Blank(suite.samples[i]));
    const Prediction* held =
        file == nullptr ? nullptr : file->Find(predictions.back().pair, suite.samples[i].id);
    if (held == nullptr) {
      missing.push_back(i);
    } else {
      predictions.back() = *held;
    }
  }
  return missing;
}

Result<void> TranslateMissing(const Suite& suite, const BenchmarkOptions& options,
                              std::span<const size_t> missing, const TranslateChunk& translate,
                              PredictionsFile* file, Progress* progress,
                              std::vector<Prediction>& predictions) {
  const auto chunk_size = static_cast<size_t>(std::max(options.max_batch, 1)) * kBatchesPerChunk;
  for (size_t begin = 0; begin < missing.size(); begin += chunk_size) {
    const auto indices = missing.subspan(begin, std::min(chunk_size, missing.size() - begin));
    DRAGOMAN_ASSIGN_OR_RETURN(const auto requests, MakeRequests(suite, indices));
    const Stopwatch watch;
    DRAGOMAN_ASSIGN_OR_RETURN(const std::vector<Translation> translations, translate(requests));
    const double share = watch.Seconds() / static_cast<double>(indices.size());
    if (translations.size() != indices.size()) {
      return Fail(ErrorCode::kInternal, fmt::format("expected {} translations, found {}",
                                                    indices.size(), translations.size()));
    }
    std::vector<Prediction> done;
    for (size_t k = 0; k < indices.size(); ++k) {
      Prediction& prediction = predictions[indices[k]];
      const Translation& translation = translations[k];
      prediction.hypothesis = translation.text;
      prediction.latency_ms = translation.latency_ms;
      prediction.first_token_ms = translation.first_token_ms;
      prediction.new_tokens = translation.new_tokens;
      prediction.warnings = translation.warnings;
      prediction.length_limit = translation.finish == FinishReason::kLength;
      prediction.seconds = share;
      done.push_back(prediction);
    }
    if (file != nullptr) DRAGOMAN_RETURN_IF_ERROR(file->Append(done));
    if (progress != nullptr) progress->Update(begin + indices.size(), done.back().pair);
  }
  return {};
}

Result<void> TranslateSuite(const Suite& suite, const BenchmarkOptions& options,
                            const OrderedJson& identity, const TranslateChunk& translate,
                            BenchmarkResult& result) {
  if (options.group != nullptr)
    return TranslateSuiteTogether(suite, options, identity, translate, *options.group, result);
  std::optional<PredictionsFile> file;
  if (!options.predictions_path.empty()) {
    DRAGOMAN_ASSIGN_OR_RETURN(PredictionsFile opened,
                              PredictionsFile::Open(options.predictions_path, identity));
    file.emplace(std::move(opened));
  }
  PredictionsFile* const kept = file.has_value() ? &*file : nullptr;
  const std::vector<size_t> missing = TakeHeld(suite, kept, result.predictions);
  Progress progress("benchmark", missing.size(), "sentences");
  DRAGOMAN_RETURN_IF_ERROR(
      TranslateMissing(suite, options, missing, translate, kept, &progress, result.predictions));
  progress.Finish();
  ScorePredictions(result);
  return {};
}

}  // namespace dragoman
