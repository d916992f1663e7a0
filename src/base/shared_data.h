// Finds files that ship with the program: data/, models/, schemas/.
#ifndef DRAGOMAN_BASE_SHARED_DATA_H_
#define DRAGOMAN_BASE_SHARED_DATA_H_

#include <string>

#include "dragoman/result.h"

namespace dragoman {

// Path of `relative` ("models/mini", "data/suite.jsonl"). Looked for, in this order: $DRAGOMAN_DATA,
// <program>/../share/dragoman, then the program's own folder and its parents (a build tree).
// Errors: kNotFound, naming every folder tried.
Result<std::string> FindSharedData(const std::string& relative);

}  // namespace dragoman

#endif  // DRAGOMAN_BASE_SHARED_DATA_H_
