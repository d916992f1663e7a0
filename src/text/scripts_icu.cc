// The ICU side of scripts.h.
#include <fmt/format.h>
#include <unicode/uchar.h>
#include <unicode/uscript.h>

#include <algorithm>

#include "text/scripts.h"

namespace dragoman {

Result<ScriptSet> ScriptSet::Of(std::span<const std::string> scripts) {
  ScriptSet set;
  for (const std::string& script : scripts) {
    const int32_t code = u_getPropertyValueEnum(UCHAR_SCRIPT, script.c_str());
    if (code == UCHAR_INVALID_CODE) {
      return Fail(ErrorCode::kInvalidArgument,
                  fmt::format("expected a script's ISO 15924 code, found \"{}\"", script));
    }
    set.codes_.push_back(code);
  }
  return set;
}

bool ScriptSet::Uses(char32_t character) const {
  const auto point = static_cast<UChar32>(character);
  UErrorCode status = U_ZERO_ERROR;
  const UScriptCode own = uscript_getScript(point, &status);
  // Without an answer a character stays: dropping is what would do harm.
  if (U_FAILURE(status) || own == USCRIPT_COMMON || own == USCRIPT_INHERITED ||
      own == USCRIPT_UNKNOWN) {
    return true;
  }
  return std::any_of(codes_.begin(), codes_.end(), [point](int32_t code) {
    return uscript_hasScript(point, static_cast<UScriptCode>(code)) != 0;
  });
}

}  // namespace dragoman
