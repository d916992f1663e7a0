// Proposing, choosing, settling.
#include "translate/speculator.h"

#include <algorithm>

#include "base/log.h"
#include "base/process_stats.h"
#include "translate/batch_decoder.h"

namespace dragoman {
namespace {

constexpr int kPlainEvery = 32;          // steps
constexpr size_t kMostDraftGuesses = 8;  // in one step

// More could not be kept: the step gives one token beyond the accepted ones.
size_t MostGuesses(const GuessedSequence& sequence) {
  const int64_t left = sequence.job->max_new_tokens - static_cast<int64_t>(sequence.ids.size()) - 1;
  return std::min(kMaxGuesses, static_cast<size_t>(std::max<int64_t>(left, 0)));
}

GuessKind KindOfCopy(int64_t matched_tokens) {
  return static_cast<GuessKind>(std::min<int64_t>(matched_tokens, 4) - 1);
}

}  // namespace

bool Speculator::IsEnd(int32_t id) const {
  return std::find(end_ids_.begin(), end_ids_.end(), id) != end_ids_.end();
}

Result<void> Speculator::Propose(Speculate mode, std::span<const GuessedSequence> sequences) {
  draft_seconds_ = 0;
  for (const GuessedSequence& sequence : sequences) {
    GuessState& state = *sequence.state;
    const DecodeJob& job = *sequence.job;
    state.guesses.clear();
    state.accepted = 0;
    state.rejected = false;
    state.known_tokens = static_cast<int64_t>((job.prefix ? job.prefix->size() : 0) +
                                              job.prompt.size() + sequence.ids.size());
  }
  const bool decides = mode == Speculate::kAuto;
  if (mode == Speculate::kOff) return {};
  if (decides && (!costs_.Knows(static_cast<int64_t>(sequences.size())) ||
                  steps_since_plain_ + 1 >= kPlainEvery))
    return {};
  if (!decides || copies_.IsOpen()) Copy(sequences);
  if (draft_ != nullptr && (!decides || drafts_.IsOpen())) {
    DRAGOMAN_RETURN_IF_ERROR(Draft(mode, sequences));
  }
  if (decides) Choose(sequences);
  return {};
}

void Speculator::Copy(std::span<const GuessedSequence> sequences) {
  for (const GuessedSequence& sequence : sequences) {
    const CopyMatch& copy = sequence.state->copy;
    const size_t count = std::min(copy.tokens.size(), MostGuesses(sequence));
    for (size_t i = 0; i < count && !IsEnd(copy.tokens[i]); ++i) {
      sequence.state->guesses.push_back(
          {copy.tokens[i], KindOfCopy(copy.matched_tokens + static_cast<int64_t>(i))});
    }
  }
}

Result<void> Speculator::Draft(Speculate mode, std::span<const GuessedSequence> sequences) {
  std::vector<GuessedSequence> drafting;
  for (const GuessedSequence& sequence : sequences) {
    std::vector<Guess>& guesses = sequence.state->guesses;
    // A copy costs nothing to make: the draft is asked where it is right more often.
    if (!guesses.empty() && record_.Chance(guesses[0].kind) >= record_.DraftChance()) continue;
    guesses.clear();
    drafting.push_back(sequence);
  }
  for (;;) {
    drafting = WorthDrafting(mode, drafting, sequences.size());
    if (drafting.empty()) return {};
    std::vector<DraftedSequence> drafted;
    for (const GuessedSequence& sequence : drafting) {
      drafted.push_back(
          {sequence.job, sequence.ids, &sequence.state->draft_cache, &sequence.state->guesses});
    }
    const Stopwatch watch;
    const Result<int64_t> rows = draft_->Guess(drafted);
    if (!rows && rows.error().code == ErrorCode::kOutOfMemory) {
      LogWarning("the draft is left out: {}", ToString(rows.error()));
      for (const GuessedSequence& sequence : sequences) sequence.state->draft_cache.reset();
      draft_.reset();
      return {};
    }
    if (!rows) return tl::unexpected(rows.error());
    std::erase_if(drafting, [&](const GuessedSequence& sequence) {
      std::vector<Guess>& guesses = sequence.state->guesses;
      const bool ends = IsEnd(guesses.back().id);
      if (ends) guesses.pop_back();
      return ends;
    });
    const double seconds = watch.Seconds();
    if (*rows > 0) draft_costs_.Add(*rows, seconds);
    draft_seconds_ += seconds;
  }
}

std::vector<GuessedSequence> Speculator::WorthDrafting(Speculate mode,
                                                       std::span<const GuessedSequence> drafting,
                                                       size_t batch) const {
  int64_t rows = static_cast<int64_t>(batch);
  for (const GuessedSequence& sequence : drafting) {
    rows += static_cast<int64_t>(sequence.state->guesses.size());
  }
  const auto count = static_cast<int64_t>(drafting.size());
  const double token_seconds =
      costs_.Seconds(static_cast<int64_t>(batch)) / static_cast<double>(batch);
  const double guess_seconds =
      drafting.empty()
          ? 0
          : (draft_costs_.Seconds(count) + costs_.Seconds(rows + count) - costs_.Seconds(rows)) /
                static_cast<double>(count);
  std::vector<GuessedSequence> worth;
  for (const GuessedSequence& sequence : drafting) {
    const std::vector<Guess>& guesses = sequence.state->guesses;
    if (guesses.size() >= std::min(MostGuesses(sequence), kMostDraftGuesses)) continue;
    double kept = record_.DraftChance();
    for (const Guess& guess : guesses) kept *= record_.Chance(guess.kind);
    if (mode == Speculate::kAuto && kept * token_seconds <= guess_seconds) continue;
    worth.push_back(sequence);
  }
  return worth;
}

void Speculator::Choose(std::span<const GuessedSequence> sequences) {
  std::vector<std::vector<double>> chances;
  for (const GuessedSequence& sequence : sequences) {
    chances.emplace_back();
    for (const Guess& guess : sequence.state->guesses) {
      chances.back().push_back(record_.Chance(guess.kind));
    }
  }
  const std::vector<size_t> chosen = ChooseGuesses(chances, costs_, draft_seconds_);
  for (size_t i = 0; i < sequences.size(); ++i) sequences[i].state->guesses.resize(chosen[i]);
}

void Speculator::Watch(const DecodeJob& job, std::span<const int32_t> ids, GuessState& state) {
  if (!state.copy.tokens.empty() && !IsEnd(state.copy.tokens[0])) {
    record_.Count(KindOfCopy(state.copy.matched_tokens), state.copy.tokens[0] == ids.back());
  }
  state.copy = FindCopy(job.prompt, ids);
}

void Speculator::Settle(std::span<GuessState* const> states, double seconds, int64_t tokens) {
  const auto batch = static_cast<int64_t>(states.size());
  int64_t guesses = 0;
  for (GuessState* state : states) {
    guesses += static_cast<int64_t>(state->guesses.size());
    DraftModel::Forget(state->draft_cache.get(),
                       state->known_tokens + static_cast<int64_t>(state->accepted));
    for (size_t i = 0; i < state->guesses.size(); ++i) {
      const GuessKind kind = state->guesses[i].kind;
      const bool came_true = i < state->accepted;
      ++(IsCopy(kind) ? counts_.copies_proposed : counts_.drafts_proposed);
      if (came_true) ++(IsCopy(kind) ? counts_.copies_accepted : counts_.drafts_accepted);
      const bool known = came_true || (i == state->accepted && state->rejected);
      if (!IsCopy(kind) && known) record_.Count(kind, came_true);
    }
  }
  costs_.Add(batch + guesses, seconds);
  const bool plain = guesses == 0 && draft_seconds_ == 0;
  steps_since_plain_ = plain ? 0 : steps_since_plain_ + 1;
  const double token_seconds = costs_.Seconds(batch) / static_cast<double>(batch);
  if (!plain) EnterLedgers(states, seconds, costs_.Seconds(batch));
  counts_.steps += batch;
  counts_.tokens += tokens;
  counts_.seconds += seconds + draft_seconds_;
  if (!plain && !costs_.Knows(batch)) return;
  counts_.compared_seconds += seconds + draft_seconds_;
  counts_.plain_seconds += plain ? seconds : token_seconds * static_cast<double>(tokens);
}

void Speculator::EnterLedgers(std::span<GuessState* const> states, double seconds,
                              double plain_seconds) {
  double rows[2] = {0, 0}, accepted[2] = {0, 0};  // of copies, of drafts
  for (const GuessState* state : states) {
    if (state->guesses.empty()) continue;
    const size_t way = IsCopy(state->guesses[0].kind) ? 0 : 1;
    rows[way] += static_cast<double>(state->guesses.size());
    accepted[way] += static_cast<double>(state->accepted);
  }
  const double token_seconds = plain_seconds / static_cast<double>(states.size());
  // A step that was faster by luck earns nothing.
  const double extra_seconds = std::max(seconds - plain_seconds, 0.0);
  const double all_rows = std::max(rows[0] + rows[1], 1.0);
  if (rows[0] > 0) copies_.Enter(extra_seconds * rows[0] / all_rows, accepted[0] * token_seconds);
  if (rows[1] > 0 || draft_seconds_ > 0) {
    drafts_.Enter(draft_seconds_ + extra_seconds * rows[1] / all_rows, accepted[1] * token_seconds);
  }
}

void Speculator::Release(GuessState& state) {
  if (state.draft_cache != nullptr && draft_ != nullptr) {
    draft_->Release(std::move(state.draft_cache));
  }
  state.draft_cache.reset();
}

}  // namespace dragoman
