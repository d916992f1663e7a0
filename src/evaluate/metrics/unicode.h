// What sacreBLEU takes from Python's Unicode tables: lower case and general categories. ICU stays
// behind this header.
#ifndef DRAGOMAN_EVALUATE_METRICS_UNICODE_H_
#define DRAGOMAN_EVALUATE_METRICS_UNICODE_H_

#include <cstdint>
#include <string>
#include <string_view>

namespace dragoman {

// Python's str.lower(): the full mapping with the final sigma, in no language's own way.
std::string LowerCase(std::string_view text);
void LowerCase(std::string_view text, std::string& out);  // writes `out` anew

// The general categories that tokenizers ask for.
enum class UnicodeKind : uint8_t { kOther, kLetter, kMark, kNumber, kPunctuation, kSymbol };
namespace internal {
const UnicodeKind* BasicPlaneKinds();  // of U+0000..U+FFFF
UnicodeKind KindOutsideBasicPlane(char32_t c);
}  // namespace internal

// Looks kinds up; make one for many characters.
class UnicodeKinds {
 public:
  UnicodeKind operator[](char32_t c) const {
    return c < 0x10000 ? basic_plane_[c] : internal::KindOutsideBasicPlane(c);
  }

 private:
  const UnicodeKind* basic_plane_ = internal::BasicPlaneKinds();
};

bool IsUnicodeLetter(char32_t c);        // \p{L}
bool IsUnicodeLetterOrMark(char32_t c);  // \p{L}, \p{M}

}  // namespace dragoman

#endif  // DRAGOMAN_EVALUATE_METRICS_UNICODE_H_
