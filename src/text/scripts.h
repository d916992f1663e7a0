// The scripts of characters behind a small port: ICU here, \p{scx=...} in a browser. Scripts go by
// their ISO 15924 codes ("Latn", "Hani").
#ifndef DRAGOMAN_TEXT_SCRIPTS_H_
#define DRAGOMAN_TEXT_SCRIPTS_H_

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "dragoman/result.h"

namespace dragoman {

// The characters that texts in some scripts are made of. Immutable; thread-safe.
class ScriptSet {
 public:
  // Errors: kInvalidArgument for a code that Unicode does not know.
  static Result<ScriptSet> Of(std::span<const std::string> scripts);

  // Letters of the scripts, characters that Unicode's Script_Extensions share with them, and those
  // that belong to no one script: digits, punctuation, symbols, emoji, spaces, combining marks,
  // code points not assigned.
  bool Uses(char32_t character) const;

 private:
  std::vector<int32_t> codes_;  // as the library behind the port numbers them
};

}  // namespace dragoman

#endif  // DRAGOMAN_TEXT_SCRIPTS_H_
