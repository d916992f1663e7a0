// Translating texts: one at a time, many at once, files line by line, streaming.
#ifndef DRAGOMAN_TRANSLATOR_H_
#define DRAGOMAN_TRANSLATOR_H_

#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "dragoman/report.h"
#include "dragoman/result.h"

namespace dragoman::api {

struct TranslateOptions {
  std::string from = "en";
  std::string to;
  int max_batch = 32;           // sentences decoded in step
  int64_t max_new_tokens = 0;   // per sentence; 0: from the source's length
  bool split_sentences = true;  // long texts are split at sentence boundaries and rejoined
  // Addresses, placeholders, markup, code and emoji of the source arrive byte for byte: a sentence
  // that lost one is translated again with marks in their place, or between them.
  bool protect = true;
  // Tokens guessed ahead, copied from the source or by a draft, and checked together. The output
  // never changes. "auto": where it pays by measured times; "off"; "always" (measurements).
  std::string speculate = "auto";
};

struct TranslatedText {
  std::string text;
  int pieces = 1;
  int64_t prompt_tokens = 0;
  int64_t new_tokens = 0;
  double latency_ms = 0;
  std::vector<std::string> warnings;
};

// A loaded model. Not thread-safe: one call at a time.
class Translator {
 public:
  // model: a checkpoint folder, .safetensors or .gguf; empty takes the bundled model.
  // Errors: kNotFound, kCorruptFile, kUnsupported, kDevice, kOutOfMemory.
  static Result<std::unique_ptr<Translator>> Open(const std::string& model, const Machine& machine);
  ~Translator();

  // A smaller build with the same vocabulary, which guesses tokens from now on. Errors: as Open;
  // kInvalidArgument for another vocabulary.
  Result<void> UseDraft(const std::string& draft);

  // In order; batched inside. Errors: kInvalidArgument (unknown language, with the nearest ones;
  // unknown word in `speculate`).
  Result<std::vector<TranslatedText>> Translate(std::span<const std::string> texts,
                                                const TranslateOptions& options);
  // The same as a report: a line a text, or JSON with tokens, latency and warnings.
  Result<Report> TranslateToReport(std::span<const std::string> texts,
                                   const TranslateOptions& options);
  // Hands out the text as it grows, in whole UTF-8 characters.
  Result<TranslatedText> TranslateStreaming(const std::string& text,
                                            const TranslateOptions& options,
                                            const std::function<void(std::string_view)>& on_text);
  // Every line of the inputs ("-" is standard input), order kept, to `output` ("-" is standard
  // output; a file appears whole or not at all). Blank lines stay blank. Errors: additionally
  // kNotFound, kIo.
  Result<Report> TranslateFiles(std::span<const std::string> inputs, const std::string& output,
                                const TranslateOptions& options);

 private:
  struct State;
  explicit Translator(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

// Every language with code and name; `filter` keeps entries that contain it.
Result<Report> ListLanguages(const std::string& filter);

}  // namespace dragoman::api

#endif  // DRAGOMAN_TRANSLATOR_H_
