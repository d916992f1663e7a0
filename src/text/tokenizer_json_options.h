// The options of tokenizer.json that must stand as in Gemma 3's file, or the ids would differ.
// Private to this room.
#ifndef DRAGOMAN_TEXT_TOKENIZER_JSON_OPTIONS_H_
#define DRAGOMAN_TEXT_TOKENIZER_JSON_OPTIONS_H_

#include <string>
#include <string_view>

#include "base/json.h"
#include "dragoman/result.h"

namespace dragoman {

// field: "normalizer", "pre_tokenizer" or "decoder". Errors: kUnsupported.
Result<void> CheckTokenizerStep(std::string_view field, const Json& json, const std::string& where);

// option: a member of "model" other than its vocabulary and merges. Errors: kUnsupported.
Result<void> CheckModelOption(std::string_view option, const Json& json, const std::string& where);

}  // namespace dragoman

#endif  // DRAGOMAN_TEXT_TOKENIZER_JSON_OPTIONS_H_
