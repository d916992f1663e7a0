// Names of tensors and keys as files give them: what is allowed, and how to print what is not.
#ifndef DRAGOMAN_FORMATS_NAMES_H_
#define DRAGOMAN_FORMATS_NAMES_H_

#include <cstdint>
#include <string>
#include <string_view>

namespace dragoman {

// Is the name fit for a file: 1 to `max_bytes` bytes of UTF-8 without control characters? If not,
// says why.
std::string ProblemWithName(std::string_view name, uint64_t max_bytes);

// For messages: the text in quotes, unprintable bytes escaped, long ones cut.
std::string Quoted(std::string_view text);

}  // namespace dragoman

#endif  // DRAGOMAN_FORMATS_NAMES_H_
