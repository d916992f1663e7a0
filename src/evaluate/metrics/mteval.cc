// The four substitutions as one look at each byte and its two neighbours.
#include "evaluate/metrics/mteval.h"

#include <array>
#include <cstddef>
#include <cstdint>

#include "evaluate/metrics/eight_bytes.h"
#include "evaluate/metrics/white_space.h"

namespace dragoman {
namespace {

enum MtevalKind : uint8_t { kPlain, kWhite, kMayBeWhite, kAlone, kPeriod, kDash, kApostrophe };

constexpr std::array<uint8_t, 256> MakeMtevalKinds() {
  std::array<uint8_t, 256> kinds{};
  for (size_t c = 0; c < 0x7f; ++c) {
    const bool word = (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z');
    if (IsPythonSpace(static_cast<char32_t>(c))) {
      kinds[c] = kWhite;
    } else if (c > 0x20 && !word) {
      kinds[c] = kAlone;
    }
  }
  kinds['.'] = kinds[','] = kPeriod;
  kinds['-'] = kDash;
  kinds['\''] = kApostrophe;
  for (const size_t lead : {0xc2, 0xe1, 0xe2, 0xe3}) kinds[lead] = kMayBeWhite;
  return kinds;
}
constexpr std::array<uint8_t, 256> kMtevalKinds = MakeMtevalKinds();

// Which of eight bytes are not kPlain; control characters that are neither may be among them.
uint64_t MayBeNotPlain(uint64_t bytes) {
  const uint64_t words = AsciiLetters(bytes) | AsciiDigits(bytes);
  return (~bytes & kHighBits & ~words) | MayBeginWhiteSpace(bytes);
}

uint8_t MtevalKindAt(std::string_view text, size_t i) {
  return kMtevalKinds[static_cast<unsigned char>(text[i])];
}

bool DigitAt(std::string_view text, size_t i) { return text[i] >= '0' && text[i] <= '9'; }

// "'s" before a space, a mark that stands alone, or the end.
bool BeginsGenitive(std::string_view text, size_t i) {
  if (i + 1 >= text.size() || text[i + 1] != 's') return false;
  return i + 2 == text.size() || text[i + 2] == ' ' || MtevalKindAt(text, i + 2) == kAlone;
}

}  // namespace

void ReplaceEvery(std::string& text, std::string_view from, std::string_view to) {
  size_t at = text.find(from);
  if (at == std::string::npos) return;
  std::string out;
  out.reserve(text.size());
  size_t start = 0;
  for (; at != std::string::npos; at = text.find(from, start)) {
    out.append(text, start, at - start);
    out.append(to);
    start = at + from.size();
  }
  out.append(text, start);
  text.swap(out);
}

void SplitAsMteval(std::string_view text, const MtevalRules& rules,
                   std::vector<std::string_view>& tokens) {
  const size_t size = text.size();
  constexpr size_t kNowhere = static_cast<size_t>(-2);
  size_t start = 0;           // of the token under way
  size_t matched = kNowhere;  // the last period that the second substitution matched
  const auto end_token = [&](size_t end) {
    if (end > start) tokens.push_back(text.substr(start, end - start));
  };
  const auto stand_alone = [&](size_t i) {
    end_token(i);
    tokens.push_back(text.substr(i, 1));
    start = i + 1;
  };
  for (size_t i = 0; i < size; ++i) {
    i = SkipByEights(text, i, MayBeNotPlain);
    uint8_t kind = kPlain;
    while (i < size && (kind = MtevalKindAt(text, i)) == kPlain) ++i;
    switch (kind) {
      case kPlain:
        break;
      case kWhite:
        end_token(i);
        start = i + 1;
        break;
      case kMayBeWhite:
        if (const size_t white = WhiteSpaceBytes(text, i); white > 0) {
          end_token(i);
          start = i + white;
          i = start - 1;
        }
        break;
      case kAlone:
        stand_alone(i);
        break;
      case kPeriod: {
        const bool behind = (i > 0 || rules.padded) && (i == 0 || !DigitAt(text, i - 1)) &&
                            (i == 0 || matched != i - 1);
        const bool before = i + 1 < size ? !DigitAt(text, i + 1) : rules.padded;
        if (behind) matched = i;
        if (behind || before) stand_alone(i);
        break;
      }
      case kDash:
        if (i > 0 && DigitAt(text, i - 1)) stand_alone(i);
        break;
      case kApostrophe:
        if (rules.genitives && BeginsGenitive(text, i)) {
          end_token(i);
          start = i;
        }
        break;
    }
  }
  end_token(size);
}

}  // namespace dragoman
