#include "evaluate/plain_words.h"

#include "base/utf8.h"
#include "evaluate/metrics/unicode.h"

namespace dragoman {

std::u32string WordsInLowerCase(std::string_view text) {
  std::u32string words;
  const UnicodeKinds kinds;
  for (const char32_t c : ToUtf32(LowerCase(text))) {
    const UnicodeKind kind = kinds[c];
    if (c == 0xad || c == 0x200b) continue;
    if (kind == UnicodeKind::kLetter || kind == UnicodeKind::kMark ||
        kind == UnicodeKind::kNumber) {
      words += c;
    } else if (!words.empty() && words.back() != U' ') {
      words += U' ';
    }
  }
  if (!words.empty() && words.back() != U' ') words += U' ';
  return words;
}

}  // namespace dragoman
