// The loop of a batch: admit, forward, pick, retire.
#include "translate/batch_decoder.h"

#include <algorithm>

namespace dragoman {
namespace {

constexpr int64_t kChunkTokens = 128;   // of one prompt in one forward call
constexpr int64_t kMaxBatchRows = 512;  // of one forward call; bounds the activations' memory

}  // namespace

BatchDecoder::BatchDecoder(Gemma3& model, std::vector<int32_t> end_ids)
    : model_(model),
      end_ids_(std::move(end_ids)),
      pool_(model, kChunkTokens),
      prefixes_(model, kChunkTokens) {}

// One call of Run.
class DecodeRun {
 public:
  DecodeRun(BatchDecoder& decoder, std::span<const DecodeJob> jobs, std::span<const size_t> order,
            int max_batch, const BatchDecoder::Callbacks& callbacks)
      : d_(decoder),
        jobs_(jobs),
        order_(order),
        max_batch_(static_cast<size_t>(std::max(max_batch, 1))),
        callbacks_(callbacks),
        results_(jobs.size()) {}
  ~DecodeRun() {
    for (ActiveSequence& sequence : active_) d_.pool_.GiveBack(std::move(sequence.cache));
  }

  Result<std::vector<DecodedSequence>> Run() {
    while (next_ < order_.size() || !active_.empty()) {
      DRAGOMAN_RETURN_IF_ERROR(Admit());
      DRAGOMAN_RETURN_IF_ERROR(Step());
      Retire();
    }
    return std::move(results_);
  }

 private:
  struct ActiveSequence {
    size_t job = 0;
    std::unique_ptr<KvCache> cache;
    int64_t fed = 0;  // prompt tokens read so far
    RepetitionDetector repetition;
  };

  Result<void> Admit() {
    while (next_ < order_.size() && active_.size() < max_batch_) {
      Result<ActiveSequence> sequence = Start(order_[next_]);
      if (!sequence && sequence.error().code == ErrorCode::kOutOfMemory && !active_.empty()) {
        max_batch_ = active_.size();
        return {};
      }
      if (!sequence) return tl::unexpected(std::move(sequence).error());
      active_.push_back(std::move(*sequence));
      ++next_;
    }
    return {};
  }

  Result<ActiveSequence> Start(size_t index) {
    const DecodeJob& job = jobs_[index];
    results_[index].joined_ms = watch_.Milliseconds();
    const auto prompt = static_cast<int64_t>(job.prompt.size());
    const auto prefix = static_cast<int64_t>(job.prefix ? job.prefix->size() : 0);
    // Room for a translation as long as its source; longer ones grow.
    constexpr int64_t kSpareTokens = 32;
    const int64_t expected = std::min(job.max_new_tokens, prompt + kSpareTokens);
    ActiveSequence sequence{index, nullptr, 0, RepetitionDetector(job.prompt)};
    DRAGOMAN_ASSIGN_OR_RETURN(sequence.cache, d_.pool_.Take(prefix + prompt + expected));
    if (prefix == 0) return sequence;
    Result<const KvCache*> shared = d_.prefixes_.Get(*job.prefix);
    if (!shared) {
      d_.pool_.GiveBack(std::move(sequence.cache));
      return tl::unexpected(std::move(shared).error());
    }
    sequence.cache->CopyFrom(**shared);
    return sequence;
  }

  // The tokens that a sequence wants to read next: a chunk of its prompt, or its newest token.
  std::span<const int32_t> NextTokens(const ActiveSequence& sequence) const {
    const DecodeJob& job = jobs_[sequence.job];
    const std::span<const int32_t> rest =
        std::span(job.prompt).subspan(static_cast<size_t>(sequence.fed));
    if (!rest.empty()) return rest.first(std::min(rest.size(), static_cast<size_t>(kChunkTokens)));
    return std::span(results_[sequence.job].ids).last(1);
  }

  Result<void> Step() {
    std::vector<SequenceChunk> chunks;
    std::vector<size_t> picking;  // active sequences whose logits come, in order
    int64_t rows = 0;
    for (size_t i = 0; i < active_.size(); ++i) {
      ActiveSequence& sequence = active_[i];
      const std::span<const int32_t> tokens = NextTokens(sequence);
      const auto count = static_cast<int64_t>(tokens.size());
      if (count > 1 && rows > 0 && rows + count > kMaxBatchRows)
        continue;  // a prompt can wait a step
      DRAGOMAN_RETURN_IF_ERROR(MakeRoom(sequence, count));
      const auto prompt = static_cast<int64_t>(jobs_[sequence.job].prompt.size());
      if (sequence.fed < prompt) sequence.fed += count;
      const bool picks = sequence.fed == prompt;
      chunks.push_back({sequence.cache.get(), tokens, false, !picks});
      if (picks) picking.push_back(i);
      rows += count;
    }
    DRAGOMAN_ASSIGN_OR_RETURN(const Gemma3::Logits logits, d_.model_.Forward(chunks));
    if (picking.empty()) return {};
    best_.resize(picking.size());
    d_.model_.backend().TopLogits(logits.data, logits.rows, logits.vocab, 1, best_);
    for (size_t i = 0; i < picking.size(); ++i) Accept(active_[picking[i]], best_[i].id);
    return {};
  }

  Result<void> MakeRoom(ActiveSequence& sequence, int64_t count) {
    const int64_t needed = sequence.cache->length() + count;
    if (needed <= sequence.cache->max_tokens()) return {};
    const DecodeJob& job = jobs_[sequence.job];
    const int64_t most =
        static_cast<int64_t>((job.prefix ? job.prefix->size() : 0) + job.prompt.size()) +
        job.max_new_tokens;
    return d_.pool_.Grow(sequence.cache, std::max(needed, std::min(most, needed + needed / 2)));
  }

  void Accept(const ActiveSequence& sequence, int32_t id) {
    DecodedSequence& result = results_[sequence.job];
    if (result.ids.empty()) result.first_token_ms = watch_.Milliseconds();
    result.ids.push_back(id);
    result.reached_end = d_.IsEnd(id);
    if (callbacks_.on_token) callbacks_.on_token(sequence.job, id);
  }

  bool IsFinished(ActiveSequence& sequence) {
    const DecodeJob& job = jobs_[sequence.job];
    DecodedSequence& result = results_[sequence.job];
    if (result.ids.empty() || sequence.fed < static_cast<int64_t>(job.prompt.size())) return false;
    if (result.reached_end) return true;
    // Every step that picks ends here, so each token is seen once.
    if (job.stop_on_repetition && sequence.repetition.Push(result.ids.back())) {
      result.repeated = true;
      return true;
    }
    return static_cast<int64_t>(result.ids.size()) >= job.max_new_tokens;
  }

  void Retire() {
    for (size_t i = 0; i < active_.size();) {
      if (!IsFinished(active_[i])) {
        ++i;
        continue;
      }
      ActiveSequence done = std::move(active_[i]);
      active_.erase(active_.begin() + static_cast<std::ptrdiff_t>(i));
      results_[done.job].finished_ms = watch_.Milliseconds();
      d_.pool_.GiveBack(std::move(done.cache));
      if (callbacks_.on_finished) callbacks_.on_finished(done.job);
    }
  }

  BatchDecoder& d_;
  const std::span<const DecodeJob> jobs_;
  const std::span<const size_t> order_;
  size_t max_batch_;
  const BatchDecoder::Callbacks& callbacks_;
  std::vector<DecodedSequence> results_;
  std::vector<ActiveSequence> active_;
  std::vector<TopLogit> best_;
  size_t next_ = 0;  // in order_
  const Stopwatch watch_;
};

bool BatchDecoder::IsEnd(int32_t id) const {
  return std::find(end_ids_.begin(), end_ids_.end(), id) != end_ids_.end();
}

Result<std::vector<DecodedSequence>> BatchDecoder::Run(std::span<const DecodeJob> jobs,
                                                       std::span<const size_t> joining_order,
                                                       int max_batch, const Callbacks& callbacks) {
  return DecodeRun(*this, jobs, joining_order, max_batch, callbacks).Run();
}

}  // namespace dragoman
