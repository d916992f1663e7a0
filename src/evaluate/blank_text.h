// Texts that show nothing.
#ifndef DRAGOMAN_EVALUATE_BLANK_TEXT_H_
#define DRAGOMAN_EVALUATE_BLANK_TEXT_H_

#include <string_view>

namespace dragoman {

// Nothing but white space and characters without a shape: zero-width spaces and joiners, byte order
// marks, soft hyphens, marks of direction, fillers.
bool IsBlankText(std::string_view text);

}  // namespace dragoman

#endif  // DRAGOMAN_EVALUATE_BLANK_TEXT_H_
