#include "evaluate/speed.h"

#include <fmt/format.h>

#include <algorithm>
#include <functional>
#include <memory>
#include <utility>

#include "base/process_stats.h"
#include "evaluate/suite.h"
#include "text/tokenizer.h"
#include "translate/translator.h"

namespace dragoman {
namespace {

constexpr int64_t kPromptTokens = 32;
constexpr int64_t kChunkTokens = 512;  // rows of one forward call
// Sentences that warm up the translator.
constexpr size_t kWarmUpSentences = 2;

// Ordinary pieces, the same for every program that is measured beside this one.
std::vector<int32_t> PromptIds(int64_t tokens, int64_t sequence, int64_t vocab) {
  const int64_t first = std::min<int64_t>(600, vocab / 2);
  const int64_t span = std::min<int64_t>(200000, vocab - first);
  std::vector<int32_t> ids{2};  // <bos>
  for (int64_t i = 1; i < tokens; ++i) {
    ids.push_back(static_cast<int32_t>(first + (i * 7919 + sequence * 104729) % span));
  }
  return ids;
}

Result<void> Prefill(Gemma3& model, KvCache& cache, std::span<const int32_t> ids) {
  while (!ids.empty()) {
    const size_t step = std::min(ids.size(), static_cast<size_t>(cache.max_chunk_tokens()));
    SequenceChunk chunk;
    chunk.cache = &cache;
    chunk.tokens = ids.first(step);
    chunk.no_logits = step < ids.size();
    DRAGOMAN_RETURN_IF_ERROR(model.Forward(std::span(&chunk, 1)));
    ids = ids.subspan(step);
  }
  return {};
}

// What one repetition came to.
struct Sample {
  double per_second = 0;
  double units = 0;  // tokens or sentences
  ProductOps ops;
  double passes = 0;  // over the weights
};

// One kind of work, ready to be done again and again.
class Workload {
 public:
  virtual ~Workload() = default;
  virtual Result<Sample> Run() = 0;
  virtual Result<void> WarmUp() {
    return Run().map([](const Sample&) {});
  }
  virtual uint64_t kv_bytes() const = 0;
  virtual uint64_t scratch_bytes() const = 0;
};

class PrefillWork : public Workload {
 public:
  static Result<std::unique_ptr<Workload>> Create(Gemma3& model, const ModelWork& work,
                                                  const SpeedOptions& options) {
    std::unique_ptr<PrefillWork> made(new PrefillWork(model, work, options.prefill_tokens));
    const int64_t tokens = options.prefill_tokens;
    DRAGOMAN_ASSIGN_OR_RETURN(made->cache_,
                              KvCache::Create(model.backend(), model.config(),
                                              std::max<int64_t>(tokens, options.context_tokens),
                                              std::min<int64_t>(tokens, kChunkTokens)));
    return made;
  }
  Result<Sample> Run() override {
    cache_->Reset();
    const Stopwatch watch;
    DRAGOMAN_RETURN_IF_ERROR(Prefill(model_, *cache_, ids_));
    const auto tokens = static_cast<double>(ids_.size());
    const auto chunks = (ids_.size() + kChunkTokens - 1) / kChunkTokens;
    return Sample{tokens / watch.Seconds(), tokens, work_.row * tokens + work_.asked,
                  static_cast<double>(chunks)};
  }
  uint64_t kv_bytes() const override { return cache_->size_bytes(); }
  uint64_t scratch_bytes() const override { return model_.memory().scratch_bytes; }

 private:
  PrefillWork(Gemma3& model, const ModelWork& work, int64_t tokens)
      : model_(model), work_(work), ids_(PromptIds(tokens, 0, model.config().vocab)) {}
  Gemma3& model_;
  const ModelWork work_;
  const std::vector<int32_t> ids_;
  std::unique_ptr<KvCache> cache_;
};

class DecodeWork : public Workload {
 public:
  static Result<std::unique_ptr<Workload>> Create(Gemma3& model, const ModelWork& work,
                                                  const SpeedOptions& options, int batch) {
    std::unique_ptr<DecodeWork> made(new DecodeWork(model, work, options.decode_tokens));
    const int64_t tokens =
        std::max<int64_t>(kPromptTokens + options.decode_tokens, options.context_tokens);
    for (int s = 0; s < batch; ++s) {
      DRAGOMAN_ASSIGN_OR_RETURN(
          auto cache, KvCache::Create(model.backend(), model.config(), tokens, kPromptTokens));
      made->caches_.push_back(std::move(cache));
    }
    return made;
  }
  Result<Sample> Run() override { return Decode(steps_); }
  Result<void> WarmUp() override {
    return Decode(std::min(steps_, 2)).map([](const Sample&) {});
  }
  uint64_t kv_bytes() const override {
    uint64_t bytes = 0;
    for (const auto& cache : caches_) bytes += cache->size_bytes();
    return bytes;
  }
  uint64_t scratch_bytes() const override { return model_.memory().scratch_bytes; }

 private:
  DecodeWork(Gemma3& model, const ModelWork& work, int steps)
      : model_(model), work_(work), steps_(steps) {}

  // The last prompt token of each sequence: the first that is decoded.
  Result<std::vector<int32_t>> ReadPrompts() {
    std::vector<int32_t> next;
    for (size_t s = 0; s < caches_.size(); ++s) {
      caches_[s]->Reset();
      const auto ids = PromptIds(kPromptTokens, static_cast<int64_t>(s), model_.config().vocab);
      DRAGOMAN_RETURN_IF_ERROR(Prefill(model_, *caches_[s], std::span(ids).first(ids.size() - 1)));
      next.push_back(ids.back());
    }
    return next;
  }

  // `steps` greedy steps of all sequences together.
  Result<Sample> Decode(int steps) {
    DRAGOMAN_ASSIGN_OR_RETURN(std::vector<int32_t> next, ReadPrompts());
    std::vector<TopLogit> top(next.size());
    std::vector<SequenceChunk> chunks(next.size());
    const Stopwatch watch;
    for (int step = 0; step < steps; ++step) {
      for (size_t s = 0; s < next.size(); ++s) {
        chunks[s].cache = caches_[s].get();
        chunks[s].tokens = std::span(&next[s], 1);
      }
      DRAGOMAN_ASSIGN_OR_RETURN(const Gemma3::Logits logits, model_.Forward(chunks));
      model_.backend().TopLogits(logits.data, logits.rows, logits.vocab, 1, top);
      for (size_t s = 0; s < next.size(); ++s) next[s] = top[s].id;
    }
    const double tokens = static_cast<double>(steps) * static_cast<double>(next.size());
    return Sample{tokens / watch.Seconds(), tokens, (work_.row + work_.asked) * tokens,
                  static_cast<double>(steps)};
  }

  Gemma3& model_;
  const ModelWork work_;
  const int steps_;
  std::vector<std::unique_ptr<KvCache>> caches_;
};

// `count` sentences of the built-in suite whose languages the model knows, evenly spread.
Result<std::vector<TranslationRequest>> SuiteRequests(const Translator& translator, int count) {
  SuiteOptions options;
  options.source_lang.clear();
  options.include_edge_cases = false;
  DRAGOMAN_ASSIGN_OR_RETURN(const Suite suite, BuiltInSuite(options));
  std::vector<TranslationRequest> known;
  for (const SuiteSample& sample : suite.samples) {
    DRAGOMAN_ASSIGN_OR_RETURN(Language source, FindLanguage(sample.source_lang));
    DRAGOMAN_ASSIGN_OR_RETURN(Language target, FindLanguage(sample.target_lang));
    const KeptLanguages& kept = translator.kept_languages();
    if (!kept.Check(source) || !kept.Check(target)) continue;
    known.push_back({sample.source, std::move(source), std::move(target)});
  }
  if (known.empty()) {
    return Fail(ErrorCode::kInvalidArgument,
                "the built-in suite has no pair in the languages that the model keeps");
  }
  std::vector<TranslationRequest> chosen;
  const size_t wanted = std::min(known.size(), static_cast<size_t>(count));
  for (size_t i = 0; i < wanted; ++i) chosen.push_back(known[i * known.size() / wanted]);
  return chosen;
}

class SuiteWork : public Workload {
 public:
  static Result<std::unique_ptr<Workload>> Create(Translator& translator, const ModelWork& work,
                                                  const SpeedOptions& options) {
    std::unique_ptr<SuiteWork> made(new SuiteWork(translator, work));
    DRAGOMAN_ASSIGN_OR_RETURN(made->requests_, SuiteRequests(translator, options.sentences));
    made->options_.max_batch = options.sentence_batch;
    return made;
  }
  Result<Sample> Run() override {
    const Stopwatch watch;
    DRAGOMAN_ASSIGN_OR_RETURN(const std::vector<Translation> translations,
                              translator_.Translate(requests_, options_));
    const double seconds = watch.Seconds();
    double prompt_tokens = 0, new_tokens = 0;
    for (const Translation& one : translations) {
      prompt_tokens += static_cast<double>(one.prompt_tokens);
      new_tokens += static_cast<double>(one.new_tokens);
    }
    const auto sentences = static_cast<double>(requests_.size());
    const double passes = new_tokens / std::min<double>(options_.max_batch, sentences);
    return Sample{sentences / seconds, sentences,
                  work_.row * (prompt_tokens + new_tokens) + work_.asked * new_tokens, passes};
  }
  Result<void> WarmUp() override {
    const auto few = std::span(requests_).first(std::min(kWarmUpSentences, requests_.size()));
    return translator_.Translate(few, options_).map([](const std::vector<Translation>&) {});
  }
  uint64_t kv_bytes() const override { return translator_.kv_bytes(); }
  uint64_t scratch_bytes() const override { return translator_.model().memory().scratch_bytes; }

 private:
  SuiteWork(Translator& translator, const ModelWork& work) : translator_(translator), work_(work) {}
  Translator& translator_;
  const ModelWork work_;
  std::vector<TranslationRequest> requests_;
  TranslateOptions options_;
};

// Measures workload after workload, and the machine between them.
class SpeedRun {
 public:
  SpeedRun(SpeedReport& report, int repetitions) : report_(report), repetitions_(repetitions) {
    MeasureMachine();
  }

  Result<void> Add(const std::string& name, const std::string& unit, Workload& work) {
    DRAGOMAN_RETURN_IF_ERROR(work.WarmUp());
    const OthersWatch others;
    std::vector<Sample> samples;
    for (int i = 0; i < repetitions_; ++i) {
      DRAGOMAN_ASSIGN_OR_RETURN(const Sample sample, work.Run());
      samples.push_back(sample);
    }
    SpeedFigure figure;
    figure.name = name;
    figure.unit = unit;
    figure.others_share = others.Share();
    std::sort(samples.begin(), samples.end(),
              [](const Sample& a, const Sample& b) { return a.per_second < b.per_second; });
    const Sample& median = samples[samples.size() / 2];
    figure.median = median.per_second;
    figure.min = samples.front().per_second;
    figure.max = samples.back().per_second;
    figure.kv_bytes = work.kv_bytes();
    figure.scratch_bytes = work.scratch_bytes();
    const MemoryUse memory = CurrentMemoryUse();
    figure.peak_rss_bytes = memory.peak_rss_bytes;
    figure.anonymous_bytes = memory.anonymous_bytes;
    MeasureMachine();
    const auto& ceilings = report_.ceilings;
    const MachineCeiling machine = Better(ceilings.back(), ceilings[ceilings.size() - 2]);
    figure.limit = LimitOf(median.units, median.ops, static_cast<double>(report_.weight_bytes),
                           median.passes, machine);
    report_.figures.push_back(std::move(figure));
    return {};
  }

 private:
  // The probes' own memory is nobody's concern.
  void MeasureMachine() {
    const MemoryUse memory = CurrentMemoryUse();
    report_.peak_rss_bytes = std::max(report_.peak_rss_bytes, memory.peak_rss_bytes);
    report_.anonymous_bytes = std::max(report_.anonymous_bytes, memory.anonymous_bytes);
    report_.ceilings.push_back(MeasureCeiling(report_.device, report_.threads));
    ResetPeakMemory();
  }

  SpeedReport& report_;
  const int repetitions_;
};

Result<double> SecondsToFirstToken(Gemma3& model) {
  const Stopwatch watch;
  DRAGOMAN_ASSIGN_OR_RETURN(auto cache, KvCache::Create(model.backend(), model.config(), 1, 1));
  const int32_t bos = 2;
  DRAGOMAN_RETURN_IF_ERROR(Prefill(model, *cache, std::span(&bos, 1)));
  return watch.Seconds();
}

// A folder of weights alone can be measured, too.
double SecondsToTokenizer(const Gemma3& model) {
  const Stopwatch watch;
  return Tokenizer::ForCheckpoint(model.checkpoint()) ? watch.Seconds() : 0;
}

Result<void> CheckOptions(const SpeedOptions& options) {
  for (const int batch : options.batches) {
    if (batch >= 1 && batch <= 1024) continue;
    return Fail(ErrorCode::kInvalidArgument,
                fmt::format("a batch must have 1 to 1024 sequences, found {}", batch));
  }
  if (options.sentences > 0 && (options.sentence_batch < 1 || options.sentence_batch > 1024)) {
    return Fail(ErrorCode::kInvalidArgument, fmt::format("expected 1 to 1024 sentences in step, "
                                                         "found {}",
                                                         options.sentence_batch));
  }
  return {};
}

Result<void> MeasureModel(Gemma3& model, const ModelWork& work, const SpeedOptions& options,
                          SpeedRun& run) {
  if (options.prefill_tokens > 0) {
    DRAGOMAN_ASSIGN_OR_RETURN(const auto prefill, PrefillWork::Create(model, work, options));
    DRAGOMAN_RETURN_IF_ERROR(
        run.Add(fmt::format("prefill_{}", options.prefill_tokens), "tokens/s", *prefill));
  }
  if (options.decode_tokens <= 0) return {};
  for (const int batch : options.batches) {
    DRAGOMAN_ASSIGN_OR_RETURN(const auto decode, DecodeWork::Create(model, work, options, batch));
    DRAGOMAN_RETURN_IF_ERROR(run.Add(fmt::format("decode_b{}", batch), "tokens/s", *decode));
  }
  return {};
}

}  // namespace

Result<SpeedReport> MeasureSpeed(const std::string& model_path, const SpeedOptions& options) {
  DRAGOMAN_RETURN_IF_ERROR(CheckOptions(options));
  SpeedReport report;
  report.model_path = model_path;
  DRAGOMAN_ASSIGN_OR_RETURN(auto backend, OpenBackend(options.device, options.threads, options.backend));
  report.device = std::string(backend->name());
  report.threads = backend->threads();
  const Stopwatch load;
  DRAGOMAN_ASSIGN_OR_RETURN(auto model, Gemma3::Load(model_path, *backend));
  report.load_seconds.model = load.Seconds();
  DRAGOMAN_ASSIGN_OR_RETURN(report.load_seconds.first_token, SecondsToFirstToken(*model));
  report.load_seconds.tokenizer = SecondsToTokenizer(*model);
  const ModelWork work = WorkOf(*model, *backend);
  report.weight_bytes = work.weight_bytes;
  report.memory = model->memory();
  report.kv_type = backend->kv_type();

  SpeedRun run(report, std::max(options.repetitions, 1));
  DRAGOMAN_RETURN_IF_ERROR(MeasureModel(*model, work, options, run));
  if (options.sentences <= 0) return report;
  model.reset();
  backend.reset();
  DRAGOMAN_ASSIGN_OR_RETURN(const auto translator,
                            Translator::Open(model_path, options.device, options.threads, options.backend));
  DRAGOMAN_ASSIGN_OR_RETURN(const auto suite, SuiteWork::Create(*translator, work, options));
  DRAGOMAN_RETURN_IF_ERROR(
      run.Add(fmt::format("suite_b{}", options.sentence_batch), "sentences/s", *suite));
  return report;
}

}  // namespace dragoman
