// One sentence translated, before anything long: does a model load, speak, and how fast?
#ifndef DRAGOMAN_SHIP_QUICK_TRANSLATION_H_
#define DRAGOMAN_SHIP_QUICK_TRANSLATION_H_

#include <string>

#include "base/json.h"
#include "dragoman/result.h"

namespace dragoman {

// A short sentence from English into `target_language`. Returns source, text, warnings (of the
// translator and of the output checks), load_seconds, latency_ms and the peak memory since the
// call. Errors: those of Translator.
Result<Json> QuickTranslation(const std::string& model_path, const std::string& device, int threads,
                              const std::string& target_language);

}  // namespace dragoman

#endif  // DRAGOMAN_SHIP_QUICK_TRANSLATION_H_
