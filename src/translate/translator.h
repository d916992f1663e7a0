// Translation of texts: prompt, batched greedy decoding, prefix cache, long texts, streaming,
// output checks.
#ifndef DRAGOMAN_TRANSLATE_TRANSLATOR_H_
#define DRAGOMAN_TRANSLATE_TRANSLATOR_H_

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "dragoman/result.h"
#include "model/gemma3.h"
#include "text/kept_languages.h"
#include "text/languages.h"
#include "text/tokenizer.h"
#include "translate/speculation.h"

namespace dragoman {

struct RequestPlan;

struct TranslateOptions {
  int max_batch = 32;  // sentences decoded in step
  // Per piece; 0: from the source's length (4x + 64, at most what the context holds).
  int64_t max_new_tokens = 0;
  // Longer texts are split at sentences; 0: a size the model was trained for.
  int64_t max_source_tokens = 0;
  // Split texts above max_source_tokens; false: translate whole or fail.
  bool split_sentences = true;
  // A piece whose translation lost an address, placeholder, tag, code or emoji of its source
  // (text/protected_spans.h) is translated again with marks in their place, and if that loses one
  // too, stretch by stretch between them: what is protected always arrives.
  bool protect = true;
  // Tokens guessed ahead and checked together: copied from the source, or by the draft. The output
  // is the same.
  Speculate speculate = Speculate::kAuto;
};

struct TranslationRequest {
  std::string text;
  Language source;
  Language target;
};

enum class FinishReason { kEndToken, kLength, kEmptyInput };

struct Translation {
  std::string text;
  FinishReason finish = FinishReason::kEndToken;
  int pieces = 1;             // prompts it took
  int64_t prompt_tokens = 0;  // without the shared prefix
  int64_t new_tokens = 0;
  // From joining the batch (the first piece's prompt is read) to the last token, or the first one.
  // Steps shared with the rest of the batch count in full; waiting for a place in it does not.
  double latency_ms = 0;
  double first_token_ms = 0;
  std::vector<std::string> warnings;  // "repetition", "length limit reached", "empty output",
                                      // "sentence cut", and how protected text was kept: "protected
                                      // by marks", "translated between protected text"
};

// One per model; not thread-safe.
class Translator {
 public:
  // Opens backend, model and tokenizer. Errors: those of the rooms below.
  static Result<std::unique_ptr<Translator>> Open(const std::string& model_path,
                                                  const std::string& device, int threads,
                                                  const BackendOptions& options = {});
  ~Translator();

  // A smaller build of the same vocabulary, to guess with from now on. Errors: as Open;
  // kInvalidArgument for another vocabulary.
  Result<void> UseDraft(const std::string& draft_path);
  const SpeculationCounts& speculation() const;

  using ProgressCallback = std::function<void(size_t done, size_t total)>;
  // All requests, in order, batched and length-sorted inside; the same result as one at a time. A
  // text without letters (empty, blank; with protection also numbers, a URL) translates to itself.
  // Errors: kInvalidArgument (a text that cannot fit), kOutOfMemory.
  Result<std::vector<Translation>> Translate(std::span<const TranslationRequest> requests,
                                             const TranslateOptions& options,
                                             const ProgressCallback& progress = {});
  // One text, its translation handed out as it grows: the pieces of all calls, one after the other,
  // are the text that Translate gives.
  Result<Translation> TranslateStreaming(const TranslationRequest& request,
                                         const TranslateOptions& options,
                                         const std::function<void(std::string_view)>& on_text);

  // Greedy continuation of given ids (tests, parity): new ids, the end token included when reached.
  Result<std::vector<int32_t>> GreedyIds(std::span<const int32_t> prompt, int64_t max_new_tokens);

  Gemma3& model();
  const Tokenizer& tokenizer() const;
  // Without any: the vocabulary is whole. Else requests in others are refused (kInvalidArgument).
  const KeptLanguages& kept_languages() const;
  double load_seconds() const;
  // Memory owned: KV caches and activations, now.
  uint64_t cache_bytes() const;
  // Of these, the KV caches: of sequences, idle ones and prefixes.
  uint64_t kv_bytes() const;

 private:
  struct State;
  explicit Translator(std::unique_ptr<State> state);
  // Translations of those pieces of a plan that lost protected text, by job.
  Result<std::map<size_t, Translation>> RestoreProtected(
      std::span<const TranslationRequest> requests, const RequestPlan& plan,
      std::span<const std::string> texts, const TranslateOptions& options);
  std::unique_ptr<State> state_;
};

}  // namespace dragoman

#endif  // DRAGOMAN_TRANSLATE_TRANSLATOR_H_
