// From parsed files to a suite: the pairs asked for, duplicates out, the seeded choice, the hash.
// The same for every format. Internal to the room: suite.h is the door.
#ifndef DRAGOMAN_EVALUATE_SUITE_CHOICE_H_
#define DRAGOMAN_EVALUATE_SUITE_CHOICE_H_

#include <string>
#include <vector>

#include "evaluate/suite.h"
#include "evaluate/suite_parser.h"

namespace dragoman {

// Errors: kInvalidArgument when a pair asked for, or every pair, has no sample; kCorruptFile when
// an id occurs twice in a pair.
Result<Suite> FinishSuite(ParsedSuite parsed, const std::string& where,
                          const SuiteOptions& options);
// SHA-256 over every field of every sample.
std::string HashOfSamples(const std::vector<SuiteSample>& samples);

}  // namespace dragoman

#endif  // DRAGOMAN_EVALUATE_SUITE_CHOICE_H_
