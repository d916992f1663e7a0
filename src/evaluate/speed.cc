#include "evaluate/speed.h"

#include <algorithm>
#include <memory>
#include <utility>

#include "base/process_stats.h"
#include "kernels/kernels.h"
#include "model/gemma3.h"
#include "model/kv_cache.h"

namespace dragoman {
namespace {

constexpr int64_t kPromptTokens = 32;
constexpr int64_t kChunkTokens = 512;  // rows of one forward call

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

SpeedFigure Figure(std::string name, std::vector<double> samples) {
  std::sort(samples.begin(), samples.end());
  return {std::move(name), samples[samples.size() / 2], samples.front(), samples.back()};
}

Result<SpeedFigure> MeasurePrefill(Gemma3& model, int64_t tokens, int repetitions) {
  const auto ids = PromptIds(tokens, 0, model.config().vocab);
  const int64_t chunk = std::min<int64_t>(tokens, kChunkTokens);
  DRAGOMAN_ASSIGN_OR_RETURN(auto cache,
                            KvCache::Create(model.backend(), model.config(), tokens, chunk));
  std::vector<double> samples;
  for (int i = 0; i <= repetitions; ++i) {  // the first one warms up
    cache->Reset();
    const Stopwatch watch;
    DRAGOMAN_RETURN_IF_ERROR(Prefill(model, *cache, ids));
    if (i > 0) samples.push_back(static_cast<double>(tokens) / watch.Seconds());
  }
  return Figure("prefill_" + std::to_string(tokens), std::move(samples));
}

// Seconds of `steps` greedy steps of all sequences together.
Result<double> DecodeSeconds(Gemma3& model, std::vector<std::unique_ptr<KvCache>>& caches,
                             int steps) {
  const size_t batch = caches.size();
  const int64_t vocab = model.config().vocab;
  std::vector<int32_t> next(batch);
  for (size_t s = 0; s < batch; ++s) {
    caches[s]->Reset();
    const auto ids = PromptIds(kPromptTokens, static_cast<int64_t>(s), vocab);
    DRAGOMAN_RETURN_IF_ERROR(Prefill(model, *caches[s], std::span(ids).first(ids.size() - 1)));
    next[s] = ids.back();
  }
  std::vector<TopLogit> top(batch);
  std::vector<SequenceChunk> chunks(batch);
  const Stopwatch watch;
  for (int step = 0; step < steps; ++step) {
    for (size_t s = 0; s < batch; ++s) {
      chunks[s].cache = caches[s].get();
      chunks[s].tokens = std::span(&next[s], 1);
    }
    DRAGOMAN_ASSIGN_OR_RETURN(const Gemma3::Logits logits, model.Forward(chunks));
    model.backend().TopLogits(logits.data, logits.rows, logits.vocab, 1, top);
    for (size_t s = 0; s < batch; ++s) next[s] = top[s].id;
  }
  return watch.Seconds();
}

Result<SpeedFigure> MeasureDecode(Gemma3& model, int batch, int steps, int repetitions) {
  std::vector<std::unique_ptr<KvCache>> caches;
  for (int s = 0; s < batch; ++s) {
    DRAGOMAN_ASSIGN_OR_RETURN(auto cache, KvCache::Create(model.backend(), model.config(),
                                                          kPromptTokens + steps, kPromptTokens));
    caches.push_back(std::move(cache));
  }
  std::vector<double> samples;
  for (int i = 0; i < repetitions; ++i) {
    DRAGOMAN_ASSIGN_OR_RETURN(const double seconds, DecodeSeconds(model, caches, steps));
    samples.push_back(static_cast<double>(steps) * batch / seconds);
  }
  return Figure("decode_b" + std::to_string(batch), std::move(samples));
}

Result<void> FirstToken(Gemma3& model) {
  DRAGOMAN_ASSIGN_OR_RETURN(auto cache, KvCache::Create(model.backend(), model.config(), 1, 1));
  const int32_t bos = 2;
  return Prefill(model, *cache, std::span(&bos, 1));
}

}  // namespace

Result<SpeedReport> MeasureSpeed(const std::string& model_path, const SpeedOptions& options) {
  DRAGOMAN_ASSIGN_OR_RETURN(auto backend, OpenBackend(options.device, options.threads));
  const Stopwatch load;
  DRAGOMAN_ASSIGN_OR_RETURN(auto model, Gemma3::Load(model_path, *backend));
  DRAGOMAN_RETURN_IF_ERROR(FirstToken(*model));
  SpeedReport report;
  report.load_seconds = load.Seconds();
  report.model_path = model_path;
  report.device = std::string(backend->name());
  report.threads = backend->threads();
  const int repetitions = std::max(options.repetitions, 1);
  if (options.prefill_tokens > 0) {
    DRAGOMAN_ASSIGN_OR_RETURN(SpeedFigure figure,
                              MeasurePrefill(*model, options.prefill_tokens, repetitions));
    report.figures.push_back(std::move(figure));
  }
  for (int batch : options.decode_tokens > 0 ? options.batches : std::vector<int>{}) {
    if (batch < 1 || batch > 1024) {
      return Fail(ErrorCode::kInvalidArgument,
                  "a batch must have 1 to 1024 sequences, found " + std::to_string(batch));
    }
    DRAGOMAN_ASSIGN_OR_RETURN(SpeedFigure figure,
                              MeasureDecode(*model, batch, options.decode_tokens, repetitions));
    report.figures.push_back(std::move(figure));
  }
  const MachineCeiling ceiling = MeasureCeiling(backend->threads());
  report.read_gb_per_s = ceiling.read_gb_per_s;
  report.f32_gflop_per_s = ceiling.f32_gflop_per_s;
  DRAGOMAN_ASSIGN_OR_RETURN(const ModelTensorMap map,
                            MapGemma3Tensors(model->checkpoint(), model->config()));
  for (const auto& tensor : map.tensors) report.weight_bytes += tensor.info->size_bytes;
  const MemoryUse memory = CurrentMemoryUse();
  report.peak_rss_bytes = memory.peak_rss_bytes;
  report.anonymous_bytes = memory.anonymous_bytes;
  return report;
}

OrderedJson ToJson(const SpeedReport& report) {
  OrderedJson json;
  json["schema"] = "dragoman.bench/1";
  json["model"] = report.model_path;
  json["device"] = report.device;
  json["threads"] = report.threads;
  json["load_seconds"] = report.load_seconds;
  OrderedJson results = OrderedJson::object();
  for (const auto& figure : report.figures) {
    results[figure.name] = {
        {"median", figure.median}, {"min", figure.min}, {"max", figure.max}, {"unit", "tokens/s"}};
  }
  json["results"] = std::move(results);
  json["ceiling"] = {{"read_gb_per_s", report.read_gb_per_s},
                     {"f32_gflop_per_s", report.f32_gflop_per_s},
                     {"weight_bytes_per_token", report.weight_bytes}};
  json["peak_rss_bytes"] = report.peak_rss_bytes;
  json["anonymous_bytes"] = report.anonymous_bytes;
  return json;
}

}  // namespace dragoman
