// Loading beside the model, and guessing in step.
#include "translate/draft_model.h"

#include <fmt/format.h>

#include <algorithm>

#include "translate/batch_decoder.h"

namespace dragoman {
namespace {

constexpr int64_t kDraftChunkTokens = 128;
// What is left to read of a sequence in step; more is a prompt.
constexpr size_t kMostLag = kMaxGuesses + 2;

Result<void> CheckVocabulary(const Tokenizer& expected, int64_t expected_rows,
                             const Tokenizer& found, int64_t found_rows, const std::string& path) {
  if (found_rows != expected_rows || found.vocab_size() != expected.vocab_size()) {
    return Fail(ErrorCode::kInvalidArgument,
                fmt::format("a draft needs the model's vocabulary: expected {} pieces in {} rows, "
                            "found {} in {}",
                            expected.vocab_size(), expected_rows, found.vocab_size(), found_rows),
                path);
  }
  for (int32_t id = 0; id < expected.vocab_size(); ++id) {
    if (found.piece(id) == expected.piece(id)) continue;
    return Fail(ErrorCode::kInvalidArgument,
                fmt::format("a draft needs the model's vocabulary: expected \"{}\" as piece {}, "
                            "found \"{}\"",
                            expected.piece(id), id, found.piece(id)),
                path);
  }
  return {};
}

GuessKind KindOfGap(float gap) {
  if (gap < 0.5f) return GuessKind::kDraft0;
  if (gap < 1) return GuessKind::kDraft1;
  if (gap < 2) return GuessKind::kDraft2;
  return gap < 4 ? GuessKind::kDraft3 : GuessKind::kDraft4;
}

// The whole sequence from a position on: prefix, prompt, ids, guesses.
std::vector<int32_t> TokensFrom(const DraftedSequence& sequence, int64_t position) {
  std::vector<int32_t> tokens;
  if (sequence.job->prefix) tokens = *sequence.job->prefix;
  tokens.insert(tokens.end(), sequence.job->prompt.begin(), sequence.job->prompt.end());
  tokens.insert(tokens.end(), sequence.ids.begin(), sequence.ids.end());
  for (const Guess& guess : *sequence.guesses) tokens.push_back(guess.id);
  tokens.erase(tokens.begin(), tokens.begin() + position);
  return tokens;
}

}  // namespace

DraftModel::DraftModel(std::unique_ptr<Gemma3> model)
    : model_(std::move(model)),
      pool_(*model_, kDraftChunkTokens),
      prefixes_(*model_, kDraftChunkTokens) {}

Result<std::unique_ptr<DraftModel>> DraftModel::Load(const std::string& path, Backend& backend,
                                                     const Gemma3Config& config,
                                                     const Tokenizer& tokenizer) {
  DRAGOMAN_ASSIGN_OR_RETURN(std::unique_ptr<Gemma3> model, Gemma3::Load(path, backend));
  DRAGOMAN_ASSIGN_OR_RETURN(const std::unique_ptr<Tokenizer> own,
                            Tokenizer::ForCheckpoint(model->checkpoint()));
  DRAGOMAN_RETURN_IF_ERROR(
      CheckVocabulary(tokenizer, config.vocab, *own, model->config().vocab, path));
  return std::make_unique<DraftModel>(std::move(model));
}

// Makes the sequence's cache, gives it room for a step's guesses, and reads all but what is new.
Result<void> DraftModel::Prepare(const DraftedSequence& sequence) {
  const DecodeJob& job = *sequence.job;
  const size_t known =
      (job.prefix ? job.prefix->size() : 0) + job.prompt.size() + sequence.ids.size() + kMaxGuesses;
  const auto needed = static_cast<int64_t>(known);
  std::unique_ptr<KvCache>& cache = *sequence.cache;
  if (cache == nullptr) {
    const auto expected =
        std::min<int64_t>(static_cast<int64_t>(job.prompt.size()), job.max_new_tokens);
    DRAGOMAN_ASSIGN_OR_RETURN(cache, pool_.Take(needed + expected));
    if (job.prefix) {
      DRAGOMAN_ASSIGN_OR_RETURN(const KvCache* shared, prefixes_.Get(*job.prefix));
      cache->CopyFrom(*shared);
    }
  } else if (cache->max_tokens() < needed) {
    DRAGOMAN_RETURN_IF_ERROR(pool_.Grow(cache, needed + needed / 2));
  }
  const std::vector<int32_t> unread = TokensFrom(sequence, cache->length());
  if (unread.size() <= kMostLag) return {};
  return FillCache(*model_, *cache, std::span(unread).first(unread.size() - 1));
}

Result<int64_t> DraftModel::Guess(std::span<const DraftedSequence> sequences) {
  std::vector<std::vector<int32_t>> unread;
  std::vector<SequenceChunk> chunks;
  bool prompt_read = false;
  int64_t rows = 0;
  for (const DraftedSequence& sequence : sequences) {
    if (sequence.guesses->empty()) {
      const int64_t before = *sequence.cache ? (*sequence.cache)->length() : -1;
      DRAGOMAN_RETURN_IF_ERROR(Prepare(sequence));
      prompt_read |= (*sequence.cache)->length() != before;
    }
    unread.push_back(TokensFrom(sequence, (*sequence.cache)->length()));
    rows += static_cast<int64_t>(unread.back().size());
  }
  for (size_t i = 0; i < sequences.size(); ++i) {
    chunks.push_back({sequences[i].cache->get(), unread[i], false, false});
  }
  DRAGOMAN_ASSIGN_OR_RETURN(const Gemma3::Logits logits, model_->Forward(chunks));
  std::vector<TopLogit> best(2 * sequences.size());
  model_->backend().TopLogits(logits.data, logits.rows, logits.vocab, 2, best);
  for (size_t i = 0; i < sequences.size(); ++i) {
    const float gap = best[2 * i].logit - best[2 * i + 1].logit;
    sequences[i].guesses->push_back({best[2 * i].id, KindOfGap(gap)});
  }
  return prompt_read ? 0 : rows;
}

void DraftModel::Forget(KvCache* cache, int64_t length) {
  if (cache != nullptr && cache->length() > length) cache->RollBack(length);
}

uint64_t DraftModel::cache_bytes() const {
  return pool_.size_bytes() + prefixes_.size_bytes() + model_->activation_bytes();
}

}  // namespace dragoman
