// Faults provoked on purpose, to see that each is met as it should be (row X4).
#ifndef DRAGOMAN_SHIP_PROVOKED_ERRORS_H_
#define DRAGOMAN_SHIP_PROVOKED_ERRORS_H_

#include <string>

#include "base/json.h"

namespace dragoman {

// Each returns {"ok": bool, "detail": what happened}.

// A language that does not exist is refused, naming valid ones.
Json ProvokeUnknownLanguage();
// Copies of the model's beginning, cut off and with flipped bits, are refused before any work.
// `scratch` is a folder to write the copies into; they are removed again.
Json ProvokeDamagedModel(const std::string& model_path, const std::string& scratch);
// A device that is not there is refused by name, or the CPU is used instead.
Json ProvokeAbsentDevice(const std::string& model_path, int threads);

}  // namespace dragoman

#endif  // DRAGOMAN_SHIP_PROVOKED_ERRORS_H_
