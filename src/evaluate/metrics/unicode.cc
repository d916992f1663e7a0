// Categories and lower case from ICU, with a short way for ASCII.
#include "evaluate/metrics/unicode.h"

#include <unicode/bytestream.h>
#include <unicode/casemap.h>
#include <unicode/stringpiece.h>
#include <unicode/uchar.h>

#include <algorithm>
#include <cstdint>

namespace dragoman {
namespace {

bool InCategories(char32_t c, uint32_t mask) {
  return (U_GET_GC_MASK(static_cast<UChar32>(c)) & mask) != 0;
}

}  // namespace

std::string LowerCase(std::string_view text) {
  std::string out(text);
  const bool ascii = std::all_of(text.begin(), text.end(),
                                 [](char c) { return static_cast<unsigned char>(c) < 0x80; });
  if (ascii) {
    for (char& c : out) {
      if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
    }
    return out;
  }
  out.clear();
  UErrorCode error = U_ZERO_ERROR;
  icu::StringByteSink<std::string> sink(&out);
  icu::CaseMap::utf8ToLower("", 0, icu::StringPiece(text.data(), static_cast<int32_t>(text.size())),
                            sink, nullptr, error);
  return U_SUCCESS(error) ? out : std::string(text);
}

bool IsUnicodePunctuation(char32_t c) { return InCategories(c, U_GC_P_MASK); }
bool IsUnicodeSymbol(char32_t c) { return InCategories(c, U_GC_S_MASK); }
bool IsUnicodeNumber(char32_t c) { return InCategories(c, U_GC_N_MASK); }

bool IsUnicodeLetter(char32_t c) { return InCategories(c, U_GC_L_MASK); }
bool IsUnicodeLetterOrMark(char32_t c) { return InCategories(c, U_GC_L_MASK | U_GC_M_MASK); }

}  // namespace dragoman
