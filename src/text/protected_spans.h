// Stretches of a text that a translation must carry over byte for byte: addresses, placeholders,
// markup, code, emoji.
#ifndef DRAGOMAN_TEXT_PROTECTED_SPANS_H_
#define DRAGOMAN_TEXT_PROTECTED_SPANS_H_

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace dragoman {

struct ProtectedSpan {
  std::string_view text;
  bool is_tag = false;  // <b>, </b>, <br/>: their order carries meaning
};

// In order, not overlapping; views into `text`. Found are
// - `inline code` in backticks, identifiers with an underscore and their call: parse_line(text);
// - HTML and XML tags, comments and entities: <a href="#x">, &nbsp;
// - URLs with a scheme or www., without the punctuation that ends a sentence; e-mail addresses;
// - placeholders: {name} {} {{ name }} ${name} %{name} %s %1$s %.2f %(name)s %1 %@;
// - absolute file paths of two or more parts; emoji with their modifiers.
// Numbers are not: languages write them differently.
std::vector<ProtectedSpan> FindProtectedSpans(std::string_view text);

// Every span as often in `translation` as it is listed, and the tags in their order.
bool KeepsSpans(const std::vector<ProtectedSpan>& spans, std::string_view translation);

// A text whose spans are replaced by short marks that models copy: a sign and a number, "%1".
class MaskedText {
 public:
  // spans: of `text`, which must outlive the object. sign: '%' or '#'.
  MaskedText(std::string_view text, const std::vector<ProtectedSpan>& spans, char sign);
  const std::string& text() const { return masked_; }
  // The spans back in place of their marks; nothing if a mark is missing, twice or unknown (or
  // runs into a digit).
  std::optional<std::string> Unmask(std::string_view translation) const;

 private:
  char sign_;
  std::string masked_;
  std::vector<std::pair<int, std::string_view>> marks_;  // number, span
};

// Is there anything to translate: a letter, in any script?
bool HasLetters(std::string_view text);
// The stretches before, between and after the spans: one more than there are, some empty.
std::vector<std::string_view> StretchesBetween(const std::vector<ProtectedSpan>& spans,
                                               std::string_view text);

}  // namespace dragoman

#endif  // DRAGOMAN_TEXT_PROTECTED_SPANS_H_
