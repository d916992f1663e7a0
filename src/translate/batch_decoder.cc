// The loop of a batch: admit, guess, forward, pick, retire.
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
      prefixes_(model, kChunkTokens),
      speculator_(end_ids_) {}

// One call of Run.
class DecodeRun {
 public:
  DecodeRun(BatchDecoder& decoder, std::span<const DecodeJob> jobs, std::span<const size_t> order,
            int max_batch, const BatchDecoder::Callbacks& callbacks, Speculate speculate)
      : d_(decoder),
        jobs_(jobs),
        order_(order),
        max_batch_(static_cast<size_t>(std::max(max_batch, 1))),
        callbacks_(callbacks),
        speculate_(speculate),
        results_(jobs.size()) {}
  ~DecodeRun() {
    for (ActiveSequence& sequence : active_) GiveBack(sequence);
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
    GuessState guessing;
    bool finished = false;
  };

  // What an active sequence reads in a step.
  struct Reading {
    size_t sequence = 0;
    std::vector<int32_t> tokens;  // a chunk of its prompt; or its newest token and guesses
    bool picks = false;           // its next token is decided
  };

  void GiveBack(ActiveSequence& sequence) {
    d_.pool_.GiveBack(std::move(sequence.cache));
    d_.speculator_.Release(sequence.guessing);
  }

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
    ActiveSequence sequence{index, nullptr, 0, RepetitionDetector(job.prompt), {}, false};
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

  bool Decodes(const ActiveSequence& sequence) const {
    return sequence.fed == static_cast<int64_t>(jobs_[sequence.job].prompt.size());
  }

  // The tokens that a sequence wants to read next: a chunk of its prompt, or its newest token and
  // what is guessed to follow.
  std::vector<int32_t> NextTokens(const ActiveSequence& sequence) const {
    if (Decodes(sequence)) {
      std::vector<int32_t> tokens{results_[sequence.job].ids.back()};
      for (const Guess& guess : sequence.guessing.guesses) tokens.push_back(guess.id);
      return tokens;
    }
    const auto rest =
        std::span(jobs_[sequence.job].prompt).subspan(static_cast<size_t>(sequence.fed));
    const auto chunk = rest.first(std::min(rest.size(), static_cast<size_t>(kChunkTokens)));
    return {chunk.begin(), chunk.end()};
  }

  Result<void> Step() {
    const bool all_decode = std::all_of(active_.begin(), active_.end(),
                                        [&](const auto& sequence) { return Decodes(sequence); });
    if (all_decode) DRAGOMAN_RETURN_IF_ERROR(ProposeGuesses());
    const Stopwatch watch;
    DRAGOMAN_ASSIGN_OR_RETURN(const std::vector<Reading> readings, Read());
    DRAGOMAN_RETURN_IF_ERROR(Forward(readings));
    size_t row = 0;
    int64_t tokens = 0;
    for (const Reading& reading : readings) {
      if (!reading.picks) continue;
      tokens += AcceptRows(active_[reading.sequence], std::span(best_).subspan(row));
      row += active_[reading.sequence].guessing.guesses.size() + 1;
    }
    if (!all_decode) return {};
    std::vector<GuessState*> states;
    for (ActiveSequence& sequence : active_) states.push_back(&sequence.guessing);
    d_.speculator_.Settle(states, watch.Seconds(), tokens);
    for (ActiveSequence& sequence : active_) sequence.guessing.guesses.clear();
    return {};
  }

  Result<void> ProposeGuesses() {
    std::vector<GuessedSequence> sequences;
    for (ActiveSequence& sequence : active_) {
      sequences.push_back({&jobs_[sequence.job], results_[sequence.job].ids, &sequence.guessing});
    }
    return d_.speculator_.Propose(speculate_, sequences);
  }

  // What everyone reads in this step, with room for it in the caches.
  Result<std::vector<Reading>> Read() {
    std::vector<Reading> readings;
    int64_t rows = 0;
    for (size_t i = 0; i < active_.size(); ++i) {
      ActiveSequence& sequence = active_[i];
      Reading reading{i, NextTokens(sequence), true};
      const auto count = static_cast<int64_t>(reading.tokens.size());
      if (!Decodes(sequence) && rows > 0 && rows + count > kMaxBatchRows)
        continue;  // a prompt can wait a step
      DRAGOMAN_RETURN_IF_ERROR(MakeRoom(sequence, count));
      if (!Decodes(sequence)) sequence.fed += count;
      reading.picks = Decodes(sequence);
      readings.push_back(std::move(reading));
      rows += count;
    }
    return readings;
  }

  // Fills best_: a row for each sequence that picks, and one for each of its guesses.
  Result<void> Forward(std::span<const Reading> readings) {
    std::vector<SequenceChunk> chunks;
    for (const Reading& reading : readings) {
      const ActiveSequence& sequence = active_[reading.sequence];
      chunks.push_back({sequence.cache.get(), reading.tokens, !sequence.guessing.guesses.empty(),
                        !reading.picks});
    }
    DRAGOMAN_ASSIGN_OR_RETURN(const Gemma3::Logits logits, d_.model_.Forward(chunks));
    best_.resize(static_cast<size_t>(logits.rows));
    if (logits.rows > 0)
      d_.model_.backend().TopLogits(logits.data, logits.rows, logits.vocab, 1, best_);
    return {};
  }

  // Takes the model's choices as long as the guess before each was right; the cache forgets the
  // guesses that were not. Returns the number of new tokens.
  int64_t AcceptRows(ActiveSequence& sequence, std::span<const TopLogit> rows) {
    GuessState& guessing = sequence.guessing;
    const size_t guesses = guessing.guesses.size();
    Accept(sequence, rows[0].id);
    for (size_t i = 0; i < guesses && !sequence.finished && !guessing.rejected; ++i) {
      guessing.rejected = guessing.guesses[i].id != results_[sequence.job].ids.back();
      if (guessing.rejected) break;
      ++guessing.accepted;
      Accept(sequence, rows[i + 1].id);
    }
    const auto undone = static_cast<int64_t>(guesses - guessing.accepted);
    if (undone > 0) sequence.cache->RollBack(sequence.cache->length() - undone);
    return static_cast<int64_t>(guessing.accepted) + 1;
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

  void Accept(ActiveSequence& sequence, int32_t id) {
    const DecodeJob& job = jobs_[sequence.job];
    DecodedSequence& result = results_[sequence.job];
    if (result.ids.empty()) result.first_token_ms = watch_.Milliseconds();
    result.ids.push_back(id);
    result.reached_end = d_.IsEnd(id);
    if (speculate_ != Speculate::kOff) d_.speculator_.Watch(job, result.ids, sequence.guessing);
    if (callbacks_.on_token) callbacks_.on_token(sequence.job, id);
    if (!result.reached_end && job.stop_on_repetition)
      result.repeated = sequence.repetition.Push(id);
    sequence.finished = result.reached_end || result.repeated ||
                        static_cast<int64_t>(result.ids.size()) >= job.max_new_tokens;
  }

  void Retire() {
    for (size_t i = 0; i < active_.size();) {
      if (!active_[i].finished) {
        ++i;
        continue;
      }
      ActiveSequence done = std::move(active_[i]);
      active_.erase(active_.begin() + static_cast<std::ptrdiff_t>(i));
      results_[done.job].finished_ms = watch_.Milliseconds();
      GiveBack(done);
      if (callbacks_.on_finished) callbacks_.on_finished(done.job);
    }
  }

  BatchDecoder& d_;
  const std::span<const DecodeJob> jobs_;
  const std::span<const size_t> order_;
  size_t max_batch_;
  const BatchDecoder::Callbacks& callbacks_;
  const Speculate speculate_;
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
                                                       int max_batch, const Callbacks& callbacks,
                                                       Speculate speculate) {
  return DecodeRun(*this, jobs, joining_order, max_batch, callbacks, speculate).Run();
}

}  // namespace dragoman
