#include "ship/quick_translation.h"

#include "base/process_stats.h"
#include "evaluate/checks.h"
#include "ship/phase.h"
#include "text/languages.h"
#include "translate/translator.h"

namespace dragoman {
namespace {

constexpr const char* kSentence = "The train leaves at eight o'clock.";

std::vector<std::string> WarningsOf(const Translation& translation, const std::string& pair) {
  std::vector<std::string> warnings = translation.warnings;
  Prediction prediction;
  prediction.pair = pair;
  prediction.source = kSentence;
  prediction.hypothesis = translation.text;
  const OutputChecks checks = CheckOutput(prediction);
  if (checks.empty) warnings.emplace_back("empty output");
  if (checks.copy) warnings.emplace_back("the source was copied");
  if (checks.wrong_script) warnings.emplace_back("wrong script");
  if (checks.repetition) warnings.emplace_back("repetition");
  return warnings;
}

}  // namespace

Result<Json> QuickTranslation(const std::string& model_path, const std::string& device, int threads,
                              const std::string& target_language) {
  ResetPeakMemory();
  DRAGOMAN_ASSIGN_OR_RETURN(const Language source, FindLanguage("en"));
  DRAGOMAN_ASSIGN_OR_RETURN(const Language target, FindLanguage(target_language));
  DRAGOMAN_ASSIGN_OR_RETURN(const auto translator, Translator::Open(model_path, device, threads));
  const TranslationRequest request{kSentence, source, target};
  DRAGOMAN_ASSIGN_OR_RETURN(const auto translations, translator->Translate({&request, 1}, {}));
  const Translation& translation = translations.at(0);
  return Json{{"source", kSentence},
              {"pair", "en-" + target.code},
              {"text", translation.text},
              {"warnings", WarningsOf(translation, "en-" + target.code)},
              {"load_seconds", translator->load_seconds()},
              {"latency_ms", translation.latency_ms},
              {"tokenizer_pieces", translator->tokenizer().vocab_size()},
              {"peak_memory_bytes", CurrentMemoryUse().peak_rss_bytes}};
}

}  // namespace dragoman
