// Checks that no overlap metric makes: is an output empty, endless, a copy, in the wrong script or
// language, repeating itself; does it keep numbers, addresses, placeholders and markup, and close
// what it opens?
#ifndef DRAGOMAN_EVALUATE_CHECKS_H_
#define DRAGOMAN_EVALUATE_CHECKS_H_

#include <array>
#include <cstdint>
#include <string>
#include <string_view>

#include "evaluate/benchmark.h"

namespace dragoman {

enum class Fault {
  kEmpty,          // nothing for a source that says something
  kRunaway,        // stopped by the length limit
  kRepetition,     // one stretch over and over, which neither source nor reference does
  kCopy,           // the source again, where a translation was due
  kWrongScript,    // most of its own letters are not in the target language's script
  kWrongLanguage,  // right script, another language
  kLostNumber,     // of source and reference
  kLostUrl,        // and the following: of the source, byte for byte
  kLostEmail,
  kLostPlaceholder,
  kLostMarkup,
  kLostOther,   // code, paths, emoji, and what a suite's `keep` lists besides
  kUnbalanced,  // quotes or brackets open or close too much, where the source is in order
};
inline constexpr size_t kFaultCount = 13;
const char* FaultName(Fault fault);  // "empty outputs", "lost URLs"
const char* FaultKey(Fault fault);   // "empty", "lost_url"

struct OutputChecks {
  bool empty = false, runaway = false, copy = false, wrong_script = false, repetition = false;
  // To be kept: what a suite lists, else numbers and protected stretches of the source.
  int64_t items = 0, kept = 0;
  // By Fault. A rate is over the outputs in which the fault could have happened.
  std::array<bool, kFaultCount> possible{}, found{};

  bool Possible(Fault fault) const { return possible[static_cast<size_t>(fault)]; }
  bool Has(Fault fault) const { return found[static_cast<size_t>(fault)]; }
  void Note(Fault fault, bool can, bool does) {
    possible[static_cast<size_t>(fault)] = can;
    found[static_cast<size_t>(fault)] = can && does;
  }
};
OutputChecks CheckOutput(const Prediction& prediction);

// Parts, for tests. Words of `source` (names, addresses, code) do not count as the output's own,
// unless the output says five of its plain words again.
bool InWrongScript(std::string_view text, std::string_view source, std::string_view target_lang);
// A stretch of up to 200 characters four times in a row, punctuation and capitals aside, with
// twelve letters or more (a Han character counts as two); without letters, 32 characters.
bool RepeatsItself(std::string_view text);
// Three times, and half as long: a source or reference that gives reason to repeat.
bool MayBeRepeated(std::string_view text);

}  // namespace dragoman

#endif  // DRAGOMAN_EVALUATE_CHECKS_H_
