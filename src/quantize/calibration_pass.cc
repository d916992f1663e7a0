#include "quantize/calibration_pass.h"

#include <algorithm>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "base/sha256.h"
#include "model/kv_cache.h"
#include "text/prompt.h"

namespace dragoman {
namespace {

constexpr size_t kRequestsOfPart = 128;            // stored together
constexpr int64_t kForwardTokens = 512;            // of one sequence in one forward call
constexpr int64_t kBatchTokens = 1024;             // of all sequences in one forward call
constexpr int64_t kMaxLogits = int64_t{64} << 20;  // of one forward call: 256 MiB

// Removes the tap however the run ends.
class TapGuard {
 public:
  TapGuard(Gemma3& model, LinearTap tap) : model_(model) { model_.SetTap(std::move(tap)); }
  ~TapGuard() { model_.SetTap({}); }
  TapGuard(const TapGuard&) = delete;
  TapGuard& operator=(const TapGuard&) = delete;

 private:
  Gemma3& model_;
};

Result<std::vector<CalibrationGroup>> BuildGroups(
    Translator& translator, std::span<const TranslationRequest> requests,
    const std::vector<StoredTranslation>& translations) {
  std::map<std::pair<std::string, std::string>, CalibrationGroup> groups;  // ordered: deterministic
  const Tokenizer& tokenizer = translator.tokenizer();
  const int64_t context = translator.model().config().context_length;
  for (size_t i = 0; i < requests.size(); ++i) {
    const TranslationRequest& request = requests[i];
    if (translations[i].text.empty() || translations[i].pieces != 1)
      continue;  // blank, or split to fit
    PromptIds prompt = EncodePrompt(tokenizer, request.source, request.target, request.text);
    if (prompt.rest.empty()) continue;
    CalibrationSequence sequence;
    sequence.predicting.push_back(prompt.rest.back());
    prompt.rest.pop_back();
    sequence.silent = std::move(prompt.rest);
    const auto ids = tokenizer.Encode(translations[i].text, {false, false});
    sequence.predicting.insert(sequence.predicting.end(), ids.begin(), ids.end());
    if (static_cast<int64_t>(prompt.prefix.size()) + sequence.tokens() > context) continue;
    CalibrationGroup& group = groups[{request.source.code, request.target.code}];
    group.prefix = std::move(prompt.prefix);
    group.sequences.push_back(std::move(sequence));
  }
  if (groups.empty()) {
    return Fail(ErrorCode::kInvalidArgument,
                "no calibration text of which the model makes a translation");
  }
  std::vector<CalibrationGroup> list;
  for (auto& [pair, group] : groups) list.push_back(std::move(group));
  return list;
}

Result<std::vector<StoredTranslation>> TranslatePart(Translator& translator,
                                                     std::span<const TranslationRequest> requests,
                                                     const std::function<void(size_t)>& report,
                                                     const CalibrationStore* store, size_t part) {
  if (store != nullptr) {
    if (auto stored = store->LoadTranslations(part, requests.size())) return std::move(*stored);
  }
  DRAGOMAN_ASSIGN_OR_RETURN(auto translations,
                            translator.Translate(requests, TranslateOptions{},
                                                 [&](size_t done, size_t) { report(done); }));
  std::vector<StoredTranslation> kept;
  for (Translation& translation : translations) {
    kept.push_back({std::move(translation.text), translation.pieces});
  }
  if (store != nullptr) store->SaveTranslations(part, kept);
  return kept;
}

// Runs sequences through the model once, a batch of them side by side.
class CalibrationPass {
 public:
  CalibrationPass(Gemma3& model, std::function<void(size_t)> on_sequences)
      : model_(model), on_sequences_(std::move(on_sequences)) {
    logit_rows_ = std::clamp<int64_t>(kMaxLogits / std::max<int64_t>(1, model.config().vocab), 1,
                                      kBatchTokens);
  }

  Result<void> Run(const CalibrationGroup& group) {
    const auto prefix_tokens = static_cast<int64_t>(group.prefix.size());
    DRAGOMAN_ASSIGN_OR_RETURN(const auto prefix_cache,
                              NewCache(std::max<int64_t>(prefix_tokens, 1)));
    DRAGOMAN_RETURN_IF_ERROR(Feed(*prefix_cache, group.prefix));
    size_t first = 0;
    while (first < group.sequences.size()) {
      size_t last = first;
      int64_t rows = 0, predicting = 0;
      do {  // at least one sequence; as many more as fit
        rows += group.sequences[last].tokens();
        predicting += static_cast<int64_t>(group.sequences[last].predicting.size());
        ++last;
      } while (last < group.sequences.size() &&
               rows + group.sequences[last].tokens() <= kBatchTokens &&
               predicting + static_cast<int64_t>(group.sequences[last].predicting.size()) <=
                   logit_rows_);
      DRAGOMAN_RETURN_IF_ERROR(RunBatch(
          std::span<const CalibrationSequence>(group.sequences).subspan(first, last - first),
          *prefix_cache));
      on_sequences_(last - first);
      first = last;
    }
    return {};
  }

 private:
  Result<std::unique_ptr<KvCache>> NewCache(int64_t tokens) {
    return KvCache::Create(model_.backend(), model_.config(), tokens,
                           std::min(tokens, kForwardTokens));
  }

  Result<void> Feed(KvCache& cache, std::span<const int32_t> tokens) {
    while (!tokens.empty()) {
      const size_t count = std::min(tokens.size(), static_cast<size_t>(cache.max_chunk_tokens()));
      const SequenceChunk chunk{&cache, tokens.first(count), false, true};
      DRAGOMAN_RETURN_IF_ERROR(model_.Forward({&chunk, 1}));
      tokens = tokens.subspan(count);
    }
    return {};
  }

  Result<void> RunBatch(std::span<const CalibrationSequence> sequences, const KvCache& prefix) {
    std::vector<std::unique_ptr<KvCache>> caches;
    for (const CalibrationSequence& sequence : sequences) {
      DRAGOMAN_ASSIGN_OR_RETURN(auto cache, NewCache(prefix.length() + sequence.tokens()));
      cache->CopyFrom(prefix);
      caches.push_back(std::move(cache));
    }
    DRAGOMAN_RETURN_IF_ERROR(RunPhase(sequences, caches, &CalibrationSequence::silent, false));
    return RunPhase(sequences, caches, &CalibrationSequence::predicting, true);
  }

  Result<void> RunPhase(std::span<const CalibrationSequence> sequences,
                        const std::vector<std::unique_ptr<KvCache>>& caches,
                        std::vector<int32_t> CalibrationSequence::*tokens, bool predicting) {
    const int64_t most = predicting ? std::min(kForwardTokens, logit_rows_) : kForwardTokens;
    for (size_t offset = 0;; offset += static_cast<size_t>(most)) {
      std::vector<SequenceChunk> chunks;
      for (size_t i = 0; i < sequences.size(); ++i) {
        const std::vector<int32_t>& all = sequences[i].*tokens;
        if (offset >= all.size()) continue;
        const size_t count = std::min(static_cast<size_t>(most), all.size() - offset);
        chunks.push_back({caches[i].get(), std::span<const int32_t>(all).subspan(offset, count),
                          predicting, !predicting});
      }
      if (chunks.empty()) return {};
      DRAGOMAN_RETURN_IF_ERROR(model_.Forward(chunks));
    }
  }

  Gemma3& model_;
  std::function<void(size_t)> on_sequences_;
  int64_t logit_rows_ = 1;
};

}  // namespace

Result<std::vector<CalibrationGroup>> TranslateForCalibration(
    Translator& translator, std::span<const TranslationRequest> requests,
    const std::function<void(size_t done, size_t total)>& progress, const CalibrationStore* store) {
  std::vector<StoredTranslation> translations;
  const size_t of_part = store == nullptr ? requests.size() : kRequestsOfPart;
  for (size_t first = 0, part = 0; first < requests.size(); first += of_part, ++part) {
    const auto own = requests.subspan(first, std::min(of_part, requests.size() - first));
    const auto report = [&](size_t done) {
      if (progress) progress(first + done, requests.size());
    };
    DRAGOMAN_ASSIGN_OR_RETURN(auto done, TranslatePart(translator, own, report, store, part));
    translations.insert(translations.end(), std::make_move_iterator(done.begin()),
                        std::make_move_iterator(done.end()));
    report(own.size());
  }
  return BuildGroups(translator, requests, translations);
}

std::vector<PackedSequences> PackSequences(const std::vector<CalibrationGroup>& groups,
                                           int64_t most_rows, int64_t most_asked) {
  std::vector<PackedSequences> batches;
  for (const CalibrationGroup& group : groups) {
    PackedSequences batch;
    const auto begin = [&] {
      batch = {};
      batch.tokens = group.prefix;
      batch.prefix_rows = batch.rows();
    };
    begin();
    for (const CalibrationSequence& sequence : group.sequences) {
      const auto asked = static_cast<int64_t>(sequence.predicting.size());
      const bool full = batch.rows() + sequence.tokens() > most_rows ||
                        static_cast<int64_t>(batch.asked_rows.size()) + asked > most_asked;
      if (full && !batch.sequence_rows.empty()) {
        batches.push_back(std::move(batch));
        begin();
      }
      batch.tokens.insert(batch.tokens.end(), sequence.silent.begin(), sequence.silent.end());
      for (const int32_t token : sequence.predicting) {
        batch.asked_rows.push_back(batch.rows());
        batch.tokens.push_back(token);
      }
      batch.sequence_rows.push_back(sequence.tokens());
    }
    if (!batch.sequence_rows.empty()) batches.push_back(std::move(batch));
  }
  return batches;
}

Result<void> RunCalibration(Translator& translator, std::span<const TranslationRequest> requests,
                            const LinearTap& tap,
                            const std::function<void(size_t done, size_t total)>& progress) {
  // Half of the reported work is translating, half the second pass.
  const size_t total = requests.size();
  const auto report = [&](size_t done) {
    if (progress) progress(std::min(done, total), total);
  };
  DRAGOMAN_ASSIGN_OR_RETURN(
      const auto groups, TranslateForCalibration(translator, requests,
                                                 [&](size_t done, size_t) { report(done / 2); }));
  size_t sequences_done = 0;
  const auto on_sequences = [&](size_t count) {
    sequences_done += count;
    report((total + sequences_done) / 2);
  };
  const TapGuard guard(translator.model(), tap);
  CalibrationPass pass(translator.model(), on_sequences);
  for (const CalibrationGroup& group : groups) DRAGOMAN_RETURN_IF_ERROR(pass.Run(group));
  report(total);
  return {};
}

Result<std::string> CalibrationKey(const Checkpoint& checkpoint,
                                   std::span<const TranslationRequest> requests) {
  Sha256 hash;
  for (const std::string& file : checkpoint.files()) {
    DRAGOMAN_ASSIGN_OR_RETURN(const std::string digest, Sha256OfFile(file));
    hash.Update(digest + "\n");
  }
  for (const TranslationRequest& request : requests) {
    hash.Update(request.source.code + "\t" + request.target.code + "\t" +
                std::to_string(request.text.size()) + "\t" + request.text + "\n");
  }
  return hash.HexDigest();
}

}  // namespace dragoman
