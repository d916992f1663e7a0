// Checks that need no reference: is an output empty, a copy, in the wrong script, repeating itself,
// and does it keep numbers, addresses and marked stretches?
#ifndef DRAGOMAN_EVALUATE_CHECKS_H_
#define DRAGOMAN_EVALUATE_CHECKS_H_

#include <cstdint>
#include <string>
#include <string_view>

#include "evaluate/benchmark.h"

namespace dragoman {

struct OutputChecks {
  bool empty = false;         // nothing for a source that says something
  bool runaway = false;       // stopped by the length limit
  bool copy = false;          // the source again, where a translation was due
  bool wrong_script = false;  // most of its own letters are not in the target language's script
  bool repetition = false;    // one stretch over and over, which neither source nor reference does
  int64_t items =
      0;  // to be kept: marked stretches, else numbers, URLs and e-mail addresses of the source
  int64_t kept = 0;
};
OutputChecks CheckOutput(const Prediction& prediction);

// Parts, for tests. Words of `source` (names, addresses, code) do not count as the output's own.
bool InWrongScript(std::string_view text, std::string_view source, std::string_view target_lang);
bool RepeatsItself(std::string_view text);

}  // namespace dragoman

#endif  // DRAGOMAN_EVALUATE_CHECKS_H_
