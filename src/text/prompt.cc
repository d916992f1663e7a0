#include "text/prompt.h"

#include <fmt/format.h>

#include "base/utf8.h"

namespace dragoman {
namespace {

// What Python's str.strip removes, and with it the chat template's "| trim".
bool IsTrimmedSpace(char32_t c) {
  return (c >= 0x09 && c <= 0x0d) || (c >= 0x1c && c <= 0x20) || c == 0x85 || c == 0xa0 ||
         c == 0x1680 || (c >= 0x2000 && c <= 0x200a) || c == 0x2028 || c == 0x2029 || c == 0x202f ||
         c == 0x205f || c == 0x3000;
}

// Offset of the code point that ends at `end` (> 0).
size_t StartOfLast(std::string_view text, size_t end) {
  for (size_t size_bytes = 1; size_bytes <= 4 && size_bytes <= end; ++size_bytes) {
    const CodePoint point = DecodeUtf8(text.substr(0, end), end - size_bytes);
    if (point.valid && point.size_bytes == size_bytes) return end - size_bytes;
  }
  return end - 1;
}

}  // namespace

std::string PromptPrefix(const Language& source, const Language& target) {
  return fmt::format(
      "<bos><start_of_turn>user\n"
      "You are a professional {0} ({1}) to {2} ({3}) translator. Your goal is to accurately convey "
      "the meaning and nuances of the original {0} text while adhering to {2} grammar, vocabulary, "
      "and cultural sensitivities.\n"
      "Produce only the {2} translation, without any additional explanations or commentary. Please "
      "translate the following {0} text into {2}:\n\n\n",
      source.name, source.code, target.name, target.code);
}

std::string_view PromptSuffix() { return "<end_of_turn>\n<start_of_turn>model\n"; }

std::string BuildPrompt(const Language& source, const Language& target, std::string_view text) {
  std::string prompt = PromptPrefix(source, target);
  prompt.append(TrimForPrompt(text));
  prompt.append(PromptSuffix());
  return prompt;
}

std::string_view TrimForPrompt(std::string_view text) {
  while (!text.empty()) {
    const CodePoint first = DecodeUtf8(text, 0);
    if (!first.valid || !IsTrimmedSpace(first.value)) break;
    text.remove_prefix(first.size_bytes);
  }
  while (!text.empty()) {
    const size_t last = StartOfLast(text, text.size());
    const CodePoint point = DecodeUtf8(text, last);
    if (!point.valid || !IsTrimmedSpace(point.value)) break;
    text.remove_suffix(text.size() - last);
  }
  return text;
}

// The prefix ends in a run of newlines and the suffix starts with a special token: both are cut out
// of raw text before any merging, and trimmed text neither starts nor ends with a newline. So the
// parts tokenize as the whole does, and only the text itself is read with special tokens off.
PromptIds EncodePrompt(const Tokenizer& tokenizer, const Language& source, const Language& target,
                       std::string_view text) {
  const Tokenizer::EncodeOptions with_special = {.add_bos = false, .parse_special = true};
  const Tokenizer::EncodeOptions plain = {.add_bos = false, .parse_special = false};
  PromptIds ids;
  ids.prefix = tokenizer.Encode(PromptPrefix(source, target), with_special);
  ids.rest = tokenizer.Encode(TrimForPrompt(text), plain);
  const std::vector<int32_t> suffix = tokenizer.Encode(PromptSuffix(), with_special);
  ids.rest.insert(ids.rest.end(), suffix.begin(), suffix.end());
  return ids;
}

}  // namespace dragoman
