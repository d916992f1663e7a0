// TranslateGemma's prompt, byte for byte, as text and as token ids.
#ifndef DRAGOMAN_TEXT_PROMPT_H_
#define DRAGOMAN_TEXT_PROMPT_H_

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "text/languages.h"
#include "text/tokenizer.h"

namespace dragoman {

// "<bos><start_of_turn>user\nYou are a professional ... :\n\n\n": depends on the pair only.
std::string PromptPrefix(const Language& source, const Language& target);
// The trimmed text's end: "<end_of_turn>\n<start_of_turn>model\n".
std::string_view PromptSuffix();
// Whole prompt as one string (text trimmed).
std::string BuildPrompt(const Language& source, const Language& target, std::string_view text);
// Trims as the chat template does (Python str.strip: Unicode white space).
std::string_view TrimForPrompt(std::string_view text);

struct PromptIds {
  std::vector<int32_t> prefix;  // BOS first; the same for every text of a pair
  std::vector<int32_t> rest;    // the text (specials in it are plain characters) and the suffix
};
PromptIds EncodePrompt(const Tokenizer& tokenizer, const Language& source, const Language& target,
                       std::string_view text);

}  // namespace dragoman

#endif  // DRAGOMAN_TEXT_PROMPT_H_
