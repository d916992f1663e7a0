// Teacher forcing: both models read prompt and reference translation, and their next-token
// distributions are compared at every position that predicts a token of the translation or the end
// of turn.
//
// Both run the same batch one after the other, so that only one batch of the reference's logits is
// ever held.
#include "evaluate/divergence.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include "base/progress.h"
#include "base/random.h"
#include "base/thread_pool.h"
#include "evaluate/resample.h"
#include "kernels/kernels.h"
#include "model/gemma3.h"
#include "text/languages.h"
#include "text/prompt.h"
#include "text/tokenizer.h"

namespace dragoman {
namespace {

constexpr int64_t kMaxLogitsBytes = int64_t{128} << 20;  // of one model's batch
constexpr int64_t kMaxCacheBytes = int64_t{512} << 20;   // keys and values of one batch
constexpr size_t kMaxBatch = 32;
constexpr int kBootstrapDraws = 1000;
constexpr uint64_t kBootstrapSeed = 12345;
constexpr double kConfidence = 0.95;

// A sample as ids: the prefix of its pair, the rest of the prompt, the translation and the end of
// turn.
struct Sequence {
  size_t sample = 0;
  std::string pair;
  std::vector<int32_t> prefix, rest, target;
  int64_t length() const {
    return static_cast<int64_t>(prefix.size() + rest.size() + target.size());
  }
};

// The residual stream after each layer, of both models at the same positions.
constexpr int64_t kLayerRowsPerBatch = 128;  // held of the reference, a layer

class LayerErrors {
 public:
  explicit LayerErrors(int64_t layers) : held_(layers + 2), sums_(layers + 2, 0.0) {}

  // The first rows of a batch, of the reference.
  Gemma3::ResidualTap Hold() {
    for (auto& rows : held_) rows.clear();
    return [this](int layer, const float* x, int64_t rows, int64_t dim) {
      std::vector<float>& held = held_[static_cast<size_t>(layer + 1)];
      held.assign(x, x + std::min(rows, kLayerRowsPerBatch) * dim);
      dim_ = dim;
    };
  }
  // The same rows of the candidate.
  Gemma3::ResidualTap Measure() {
    return [this](int layer, const float* x, int64_t rows, int64_t dim) {
      const auto at = static_cast<size_t>(layer + 1);
      const int64_t count = static_cast<int64_t>(held_[at].size()) / dim;
      if (dim != dim_ || rows < count) return;
      for (int64_t row = 0; row < count; ++row)
        sums_[at] += RelativeDistance(held_[at].data() + row * dim, x + row * dim, dim);
      if (at == 0) positions_ += count;
    };
  }
  int64_t positions() const { return positions_; }
  std::vector<double> Means() const {
    std::vector<double> means;
    for (const double sum : sums_) means.push_back(sum / static_cast<double>(positions_));
    return means;
  }

 private:
  static double RelativeDistance(const float* a, const float* b, int64_t dim) {
    double distance = 0, length = 0;
    for (int64_t i = 0; i < dim; ++i) {
      const double difference = static_cast<double>(b[i]) - static_cast<double>(a[i]);
      distance += difference * difference;
      length += static_cast<double>(a[i]) * static_cast<double>(a[i]);
    }
    return length > 0 ? std::sqrt(distance / length) : 0;
  }

  std::vector<std::vector<float>> held_;  // [layers + 2][rows * dim]
  std::vector<double> sums_;
  int64_t dim_ = 0, positions_ = 0;
};

struct PositionResult {
  double kl = 0, reference_nll = 0, candidate_nll = 0;
  bool same_top = false;
};

// One of the two models with the state that outlives a batch.
struct Side {
  std::unique_ptr<Gemma3> model;
  std::unique_ptr<KvCache> prefix;  // of the pair being worked on
  std::string prefix_pair;
};

int32_t EndOfTurn(const Tokenizer& tokenizer) {
  const int32_t id = tokenizer.Find("<end_of_turn>");
  if (id >= 0) return id;
  return tokenizer.end_ids().empty() ? -1 : tokenizer.end_ids().back();
}

Result<Sequence> Encode(const Tokenizer& tokenizer, const SuiteSample& sample, size_t index) {
  Sequence sequence;
  sequence.sample = index;
  sequence.pair = sample.pair();
  DRAGOMAN_ASSIGN_OR_RETURN(const Language source, FindLanguage(sample.source_lang));
  DRAGOMAN_ASSIGN_OR_RETURN(const Language target, FindLanguage(sample.target_lang));
  PromptIds prompt = EncodePrompt(tokenizer, source, target, sample.source);
  sequence.prefix = std::move(prompt.prefix);
  sequence.rest = std::move(prompt.rest);
  if (sequence.rest.empty()) return Fail(ErrorCode::kInternal, "a prompt without a suffix");
  sequence.target =
      tokenizer.Encode(TrimForPrompt(sample.reference), {.add_bos = false, .parse_special = false});
  sequence.target.push_back(EndOfTurn(tokenizer));
  return sequence;
}

Result<std::vector<Sequence>> EncodeSuite(const Tokenizer& reference, const Tokenizer& candidate,
                                          const Suite& suite, const DivergenceOptions& options) {
  if (EndOfTurn(reference) < 0)
    return Fail(ErrorCode::kUnsupported, "the tokenizer has no end token");
  std::vector<Sequence> sequences;
  for (size_t i = 0; i < suite.samples.size(); ++i) {
    const SuiteSample& sample = suite.samples[i];
    if (sample.is_edge_case() || sample.reference.empty()) continue;
    if (options.max_samples > 0 && static_cast<int64_t>(sequences.size()) >= options.max_samples)
      break;
    DRAGOMAN_ASSIGN_OR_RETURN(Sequence sequence, Encode(reference, sample, i));
    DRAGOMAN_ASSIGN_OR_RETURN(const Sequence other, Encode(candidate, sample, i));
    if (other.prefix != sequence.prefix || other.rest != sequence.rest ||
        other.target != sequence.target) {
      return Fail(ErrorCode::kInvalidArgument,
                  fmt::format("the two models cut sample {} of {} into different tokens: their "
                              "distributions cannot be "
                              "compared",
                              sample.id, sample.pair()));
    }
    sequences.push_back(std::move(sequence));
  }
  if (sequences.empty())
    return Fail(ErrorCode::kInvalidArgument, "the suite has no sample with a reference");
  return sequences;
}

// Runs [begin, end) of `sequences`, all of one pair, and leaves the logits of the translation's
// positions, in order.
Result<Gemma3::Logits> ForwardBatch(Side& side, std::span<const Sequence> batch,
                                    std::vector<std::unique_ptr<KvCache>>& caches,
                                    const Gemma3::ResidualTap& tap) {
  Gemma3& model = *side.model;
  Backend& backend = model.backend();
  const auto prefix_tokens = static_cast<int64_t>(batch[0].prefix.size());
  if (side.prefix_pair != batch[0].pair) {
    DRAGOMAN_ASSIGN_OR_RETURN(
        side.prefix, KvCache::Create(backend, model.config(), prefix_tokens, prefix_tokens));
    const SequenceChunk chunk{side.prefix.get(), batch[0].prefix, false, true};
    DRAGOMAN_RETURN_IF_ERROR(model.Forward(std::span(&chunk, 1)));
    side.prefix_pair = batch[0].pair;
  }
  caches.clear();
  // The last token of the prompt predicts the first of the translation; the last of the
  // translation, the end, is predicted but never read.
  std::vector<std::vector<int32_t>> tails;
  std::vector<SequenceChunk> heads_chunks, tail_chunks;
  for (const Sequence& sequence : batch) {
    std::vector<int32_t> tail = {sequence.rest.back()};
    tail.insert(tail.end(), sequence.target.begin(), sequence.target.end() - 1);
    tails.push_back(std::move(tail));
    const auto chunk_tokens =
        static_cast<int64_t>(std::max(sequence.rest.size(), sequence.target.size()));
    DRAGOMAN_ASSIGN_OR_RETURN(
        auto cache, KvCache::Create(backend, model.config(), sequence.length(), chunk_tokens));
    cache->CopyFrom(*side.prefix);
    caches.push_back(std::move(cache));
  }
  for (size_t i = 0; i < batch.size(); ++i) {
    const auto head = std::span(batch[i].rest).first(batch[i].rest.size() - 1);
    if (!head.empty()) heads_chunks.push_back({caches[i].get(), head, false, true});
    tail_chunks.push_back({caches[i].get(), tails[i], true, false});
  }
  if (!heads_chunks.empty()) DRAGOMAN_RETURN_IF_ERROR(model.Forward(heads_chunks));
  model.SetResidualTap(tap);
  const auto logits = model.Forward(tail_chunks);
  model.SetResidualTap(nullptr);
  return logits;
}

struct LogSum {
  double log_sum = 0;  // log of the sum of exp(logit)
  int64_t top = 0;     // lowest id on ties
};

LogSum LogSumExp(const float* logits, int64_t vocab) {
  LogSum result;
  for (int64_t i = 1; i < vocab; ++i) {
    if (logits[i] > logits[result.top]) result.top = i;
  }
  const double largest = logits[result.top];
  double sum = 0;
  for (int64_t i = 0; i < vocab; ++i) sum += std::exp(static_cast<double>(logits[i]) - largest);
  result.log_sum = largest + std::log(sum);
  return result;
}

// KL(p || q) in nats, p and q the softmax of the two rows over the shared vocabulary, all in
// float64.
PositionResult ComparePosition(const float* p, const float* q, int64_t vocab, int32_t next) {
  const LogSum p_sum = LogSumExp(p, vocab);
  const LogSum q_sum = LogSumExp(q, vocab);
  PositionResult result;
  for (int64_t i = 0; i < vocab; ++i) {
    const double log_p = static_cast<double>(p[i]) - p_sum.log_sum;
    const double log_q = static_cast<double>(q[i]) - q_sum.log_sum;
    result.kl += std::exp(log_p) * (log_p - log_q);
  }
  result.kl = std::max(result.kl, 0.0);  // rounding
  result.same_top = p_sum.top == q_sum.top;
  result.reference_nll = p_sum.log_sum - static_cast<double>(p[next]);
  result.candidate_nll = q_sum.log_sum - static_cast<double>(q[next]);
  return result;
}

// How many sequences, all of one pair, the next batch takes: bounded by logits, by cache, by
// number.
size_t BatchSize(std::span<const Sequence> rest, int64_t row_bytes, int64_t cache_bytes_per_token) {
  int64_t rows = 0, tokens = 0;
  size_t count = 0;
  while (count < rest.size() && count < kMaxBatch && rest[count].pair == rest[0].pair) {
    rows += static_cast<int64_t>(rest[count].target.size());
    tokens += rest[count].length();
    if (count > 0 &&
        (rows * row_bytes > kMaxLogitsBytes || tokens * cache_bytes_per_token > kMaxCacheBytes))
      break;
    ++count;
  }
  return count;
}

// Positions of one sequence lie together, in the order of `sequences`.
struct Collected {
  std::optional<LayerErrors> layers;
  std::vector<PositionResult> positions;
  std::vector<size_t> ends;  // one past the last position of each sequence
};

Result<Collected> RunBoth(Side& reference, Side& candidate, std::span<const Sequence> sequences,
                          ThreadPool& pool) {
  const Gemma3Config& config = reference.model->config();
  const int64_t cache_bytes =
      config.layers * 2 * config.kv_heads * config.head_dim * int64_t{sizeof(float)};
  Collected all;
  if (candidate.model->config().layers == config.layers) all.layers.emplace(config.layers);
  Progress progress("divergence", sequences.size(), "sentences");
  std::vector<float> held;
  std::vector<std::unique_ptr<KvCache>> caches;
  for (size_t begin = 0; begin < sequences.size();) {
    const size_t count =
        BatchSize(sequences.subspan(begin), config.vocab * int64_t{sizeof(float)}, cache_bytes);
    const auto batch = sequences.subspan(begin, count);
    DRAGOMAN_ASSIGN_OR_RETURN(
        const Gemma3::Logits first,
        ForwardBatch(reference, batch, caches, all.layers ? all.layers->Hold() : nullptr));
    held.resize(static_cast<size_t>(first.rows * first.vocab));
    reference.model->backend().Download(first.data, held);
    DRAGOMAN_ASSIGN_OR_RETURN(
        const Gemma3::Logits second,
        ForwardBatch(candidate, batch, caches, all.layers ? all.layers->Measure() : nullptr));
    std::vector<int32_t> next;
    for (const Sequence& sequence : batch) {
      next.insert(next.end(), sequence.target.begin(), sequence.target.end());
      all.ends.push_back(all.positions.size() + next.size());
    }
    if (first.rows != second.rows || first.rows != static_cast<int64_t>(next.size())) {
      return Fail(ErrorCode::kInternal, fmt::format("expected {} rows of logits, found {} and {}",
                                                    next.size(), first.rows, second.rows));
    }
    std::vector<float> other(static_cast<size_t>(second.rows * second.vocab));
    candidate.model->backend().Download(second.data, other);
    const int64_t vocab = std::min(first.vocab, second.vocab);  // one file may carry padding rows
    const size_t offset = all.positions.size();
    all.positions.resize(offset + next.size());
    for (const int32_t id : next) {
      if (id < 0 || id >= vocab)
        return Fail(ErrorCode::kInvalidArgument, "a token lies outside the vocabulary");
    }
    pool.ParallelFor(first.rows, 4, [&](int64_t from, int64_t to, int) {
      for (int64_t row = from; row < to; ++row) {
        all.positions[offset + static_cast<size_t>(row)] =
            ComparePosition(held.data() + row * first.vocab, other.data() + row * second.vocab,
                            vocab, next[static_cast<size_t>(row)]);
      }
    });
    begin += count;
    progress.Update(begin, batch[0].pair);
  }
  return all;
}

// Percentile interval of the mean KL, sentences redrawn.
void AddInterval(const Collected& all, Divergence& divergence) {
  std::vector<double> sums, tokens;
  size_t begin = 0;
  for (const size_t end : all.ends) {
    double sum = 0;
    for (size_t i = begin; i < end; ++i) sum += all.positions[i].kl;
    sums.push_back(sum);
    tokens.push_back(static_cast<double>(end - begin));
    begin = end;
  }
  Random random(kBootstrapSeed);
  std::vector<double> means;
  for (int draw = 0; draw < kBootstrapDraws; ++draw) {
    double sum = 0, count = 0;
    for (size_t i = 0; i < sums.size(); ++i) {
      const size_t index = random.Below(sums.size());
      sum += sums[index];
      count += tokens[index];
    }
    means.push_back(sum / count);
  }
  std::sort(means.begin(), means.end());
  divergence.mean_kl_low = Quantile(means, (1 - kConfidence) / 2);
  divergence.mean_kl_high = Quantile(means, (1 + kConfidence) / 2);
}

Divergence Summarize(const Collected& all) {
  Divergence divergence;
  const auto count = static_cast<double>(all.positions.size());
  divergence.tokens = static_cast<int64_t>(all.positions.size());
  std::vector<double> kls;
  int64_t same_top = 0;
  for (const PositionResult& one : all.positions) {
    kls.push_back(one.kl);
    divergence.mean_kl += one.kl;
    divergence.reference_nll += one.reference_nll;
    divergence.candidate_nll += one.candidate_nll;
    same_top += one.same_top ? 1 : 0;
  }
  divergence.mean_kl /= count;
  divergence.reference_nll /= count;
  divergence.candidate_nll /= count;
  divergence.top1_agreement = static_cast<double>(same_top) / count;
  std::sort(kls.begin(), kls.end());
  divergence.median_kl = Quantile(kls, 0.5);
  divergence.p99_kl = Quantile(kls, 0.99);
  divergence.max_kl = kls.back();
  if (all.layers && all.layers->positions() > 0) {
    divergence.layer_errors = all.layers->Means();
    divergence.layer_positions = all.layers->positions();
  }
  AddInterval(all, divergence);
  return divergence;
}

}  // namespace

Result<Divergence> MeasureDivergence(const std::string& reference_path,
                                     const std::string& candidate_path, const Suite& suite,
                                     const DivergenceOptions& options) {
  DRAGOMAN_ASSIGN_OR_RETURN(
      const std::unique_ptr<Backend> backend,
      OpenBackend(options.device, options.threads, {.float32_activations = true}));
  Side reference, candidate;
  DRAGOMAN_ASSIGN_OR_RETURN(reference.model, Gemma3::Load(reference_path, *backend));
  DRAGOMAN_ASSIGN_OR_RETURN(candidate.model, Gemma3::Load(candidate_path, *backend));
  DRAGOMAN_ASSIGN_OR_RETURN(const auto reference_tokenizer,
                            Tokenizer::ForCheckpoint(reference.model->checkpoint()));
  DRAGOMAN_ASSIGN_OR_RETURN(const auto candidate_tokenizer,
                            Tokenizer::ForCheckpoint(candidate.model->checkpoint()));
  DRAGOMAN_ASSIGN_OR_RETURN(
      std::vector<Sequence> sequences,
      EncodeSuite(*reference_tokenizer, *candidate_tokenizer, suite, options));
  // Pair by pair for the shared prefix, by length within a pair so that a batch wastes nothing;
  // then by sample.
  std::stable_sort(sequences.begin(), sequences.end(), [](const Sequence& a, const Sequence& b) {
    return std::make_pair(a.pair, a.length()) < std::make_pair(b.pair, b.length());
  });
  ThreadPool pool(options.threads);
  DRAGOMAN_ASSIGN_OR_RETURN(const Collected all, RunBoth(reference, candidate, sequences, pool));
  return Summarize(all);
}

OrderedJson ToJson(const Divergence& divergence) {
  OrderedJson json;
  json["tokens"] = divergence.tokens;
  json["mean_kl"] = divergence.mean_kl;
  json["mean_kl_interval"] = {divergence.mean_kl_low, divergence.mean_kl_high};
  json["median_kl"] = divergence.median_kl;
  json["p99_kl"] = divergence.p99_kl;
  json["max_kl"] = divergence.max_kl;
  json["top1_agreement"] = divergence.top1_agreement;
  json["reference_nll"] = divergence.reference_nll;
  json["candidate_nll"] = divergence.candidate_nll;
  json["activations"] = "float32";
  json["layer_errors"] = divergence.layer_errors;
  json["layer_positions"] = divergence.layer_positions;
  return json;
}

}  // namespace dragoman
