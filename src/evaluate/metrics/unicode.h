// What sacreBLEU takes from Python's Unicode tables: lower case and general categories. ICU stays
// behind this header.
#ifndef DRAGOMAN_EVALUATE_METRICS_UNICODE_H_
#define DRAGOMAN_EVALUATE_METRICS_UNICODE_H_

#include <string>
#include <string_view>

namespace dragoman {

// Python's str.lower(): the full mapping with the final sigma, in no language's own way.
std::string LowerCase(std::string_view text);

bool IsUnicodePunctuation(char32_t c);   // \p{P}
bool IsUnicodeSymbol(char32_t c);        // \p{S}
bool IsUnicodeNumber(char32_t c);        // \p{N}
bool IsUnicodeLetter(char32_t c);        // \p{L}
bool IsUnicodeLetterOrMark(char32_t c);  // \p{L}, \p{M}

}  // namespace dragoman

#endif  // DRAGOMAN_EVALUATE_METRICS_UNICODE_H_
