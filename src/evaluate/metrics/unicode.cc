// Categories and lower case from ICU. What it says of the basic plane is asked once and kept in
// tables, since a metric asks for every character of a corpus.
#include "evaluate/metrics/unicode.h"

#include <unicode/bytestream.h>
#include <unicode/casemap.h>
#include <unicode/stringpiece.h>
#include <unicode/uchar.h>

#include <array>
#include <cstring>
#include <memory>

#include "base/utf8.h"
#include "evaluate/metrics/eight_bytes.h"

namespace dragoman {
namespace {

constexpr size_t kBasicPlane = 0x10000;

UnicodeKind KindFromIcu(char32_t c) {
  const uint32_t category = U_GET_GC_MASK(static_cast<UChar32>(c));
  if ((category & U_GC_L_MASK) != 0) return UnicodeKind::kLetter;
  if ((category & U_GC_M_MASK) != 0) return UnicodeKind::kMark;
  if ((category & U_GC_N_MASK) != 0) return UnicodeKind::kNumber;
  if ((category & U_GC_P_MASK) != 0) return UnicodeKind::kPunctuation;
  if ((category & U_GC_S_MASK) != 0) return UnicodeKind::kSymbol;
  return UnicodeKind::kOther;
}

size_t EncodedBytes(char32_t c) { return c < 0x80 ? 1 : c < 0x800 ? 2 : 3; }

// Of a character of the basic plane its lower case, or 0 where that is no single character of as
// many bytes (U+0130 and a few others) or depends on the neighbours (the capital sigma).
using LowerTable = std::array<uint16_t, kBasicPlane>;
const LowerTable& LowerCaseTable() {
  static const auto table = [] {
    auto made = std::make_unique<LowerTable>();
    for (char32_t c = 0; c < kBasicPlane; ++c) {
      const auto lower = static_cast<char32_t>(u_tolower(static_cast<UChar32>(c)));
      const bool simple =
          c != 0x130 && c != 0x3a3 && lower < kBasicPlane && EncodedBytes(lower) == EncodedBytes(c);
      (*made)[c] = simple ? static_cast<uint16_t>(lower) : 0;
    }
    return made;
  }();
  return *table;
}

void LowerCaseByIcu(std::string_view text, std::string& out) {
  out.clear();
  UErrorCode error = U_ZERO_ERROR;
  icu::StringByteSink<std::string> sink(&out);
  icu::CaseMap::utf8ToLower("", 0, icu::StringPiece(text.data(), static_cast<int32_t>(text.size())),
                            sink, nullptr, error);
  if (U_FAILURE(error)) out.assign(text);
}

[[gnu::noinline]] size_t LowerByTheBook(std::string_view text, size_t i, const LowerTable& table,
                                        char* out) {
  const CodePoint point = DecodeUtf8(text, i);
  if (!point.valid) return 0;
  const size_t bytes = point.size_bytes;
  if (bytes == 4) {
    const auto c = static_cast<UChar32>(point.value);
    if (u_tolower(c) != c) return 0;
    for (size_t b = 0; b < bytes; ++b) out[b] = text[i + b];
    return bytes;
  }
  const uint32_t lower = table[point.value];
  if (lower == 0) return 0;
  if (bytes == 2) {
    out[0] = static_cast<char>(0xc0 | (lower >> 6));
  } else {
    out[0] = static_cast<char>(0xe0 | (lower >> 12));
    out[1] = static_cast<char>(0x80 | ((lower >> 6) & 0x3f));
  }
  out[bytes - 1] = static_cast<char>(0x80 | (lower & 0x3f));
  return bytes;
}

// Writes the lower case of the character at `i` to `out` and returns its bytes, or 0: ask ICU. Two
// bytes, and three that have no case, are most of what is no ASCII.
inline size_t LowerBeyondAscii(std::string_view text, size_t i, const LowerTable& table,
                               char* out) {
  const auto byte = [text, i](size_t b) { return static_cast<uint8_t>(text[i + b]); };
  const auto continues = [&byte](size_t b) { return (byte(b) & 0xc0) == 0x80; };
  const uint8_t lead = byte(0);
  if (lead >= 0xc2 && lead < 0xe0 && i + 1 < text.size() && continues(1)) {
    const uint32_t lower = table[((lead & 0x1fu) << 6) | (byte(1) & 0x3fu)];
    out[0] = static_cast<char>(0xc0 | (lower >> 6));
    out[1] = static_cast<char>(0x80 | (lower & 0x3f));
    return lower == 0 ? 0 : 2;
  }
  if (lead == 0xe0 && i + 2 < text.size() && byte(1) >= 0xa0 && continues(1) && continues(2)) {
    std::memcpy(out, text.data() + i, 3);  // U+0800..U+0FFF: no script there has case
    return 3;
  }
  return LowerByTheBook(text, i, table, out);
}

// Of eight bytes the capitals of ASCII become small.
uint64_t LowerEightBytes(uint64_t bytes) {
  const uint64_t capitals = LowBitsWithin(bytes, 'A', 'Z') & ~bytes & kHighBits;
  return bytes + (capitals >> 2);
}

char LowerAscii(char c) {
  return static_cast<char>(c + (static_cast<unsigned char>(c - 'A') < 26 ? 32 : 0));
}

// Lowers ASCII from `i` on, eight bytes at a time, and returns where something else begins.
inline size_t LowerAsciiRun(std::string_view text, size_t i, char* to) {
  for (; i + 8 <= text.size(); i += 8) {
    const uint64_t bytes = LoadEightBytes(text, i);
    const uint64_t lower = LowerEightBytes(bytes);
    std::memcpy(to + i, &lower, sizeof lower);
    if ((bytes & kHighBits) != 0) return i + FirstOfEight(bytes & kHighBits);
  }
  for (; i < text.size() && static_cast<unsigned char>(text[i]) < 0x80; ++i)
    to[i] = LowerAscii(text[i]);
  return i;
}

}  // namespace

void LowerCase(std::string_view text, std::string& out) {
  out.resize(text.size());
  char* to = out.data();
  const LowerTable* table = nullptr;
  for (size_t i = LowerAsciiRun(text, 0, to); i < text.size();) {
    if (table == nullptr) table = &LowerCaseTable();
    const size_t bytes = LowerBeyondAscii(text, i, *table, to + i);
    if (bytes == 0) {
      LowerCaseByIcu(text, out);
      return;
    }
    i += bytes;
    if (i < text.size() && static_cast<unsigned char>(text[i]) < 0x80)
      i = LowerAsciiRun(text, i, to);
  }
}

std::string LowerCase(std::string_view text) {
  std::string out;
  LowerCase(text, out);
  return out;
}

const UnicodeKind* internal::BasicPlaneKinds() {
  static const auto table = [] {
    auto made = std::make_unique<std::array<UnicodeKind, kBasicPlane>>();
    for (char32_t c = 0; c < kBasicPlane; ++c) (*made)[c] = KindFromIcu(c);
    return made;
  }();
  return table->data();
}

UnicodeKind internal::KindOutsideBasicPlane(char32_t c) { return KindFromIcu(c); }

bool IsUnicodeLetter(char32_t c) { return UnicodeKinds()[c] == UnicodeKind::kLetter; }
bool IsUnicodeLetterOrMark(char32_t c) {
  const UnicodeKind kind = UnicodeKinds()[c];
  return kind == UnicodeKind::kLetter || kind == UnicodeKind::kMark;
}

}  // namespace dragoman
