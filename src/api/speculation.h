// The word of the public options for guessing ahead.
#ifndef DRAGOMAN_API_SPECULATION_H_
#define DRAGOMAN_API_SPECULATION_H_

#include <string>

#include "dragoman/result.h"
#include "translate/speculation.h"

namespace dragoman::api {

// "auto", "off", "always". Errors: kInvalidArgument.
Result<Speculate> ParseSpeculate(const std::string& word);

}  // namespace dragoman::api

#endif  // DRAGOMAN_API_SPECULATION_H_
