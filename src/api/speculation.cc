#include "api/speculation.h"

#include <fmt/format.h>

namespace dragoman::api {

Result<Speculate> ParseSpeculate(const std::string& word) {
  if (word == "auto") return Speculate::kAuto;
  if (word == "off") return Speculate::kOff;
  if (word == "always") return Speculate::kAlways;
  return Fail(ErrorCode::kInvalidArgument,
              fmt::format("expected auto, off or always, found \"{}\"", word), "speculate");
}

}  // namespace dragoman::api
