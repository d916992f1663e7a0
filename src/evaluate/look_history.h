// How often `dragoman monitor` has looked at a deployment: a line a look, so that many looks
// together stay as rarely wrong as one (MonitorOptions::look).
#ifndef DRAGOMAN_EVALUATE_LOOK_HISTORY_H_
#define DRAGOMAN_EVALUATE_LOOK_HISTORY_H_

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "dragoman/result.h"

namespace dragoman {

struct Look {
  std::string evidence_sha256;  // of logs and baseline: the same evidence again is the same look
  std::string verdict;
};

// Errors: kCorruptFile with the line, what was expected and found.
Result<std::vector<Look>> ParseLooks(std::string_view text, const std::string& where);
std::string FormatLooks(const std::vector<Look>& looks);

// From 1: that of the evidence, or the next one.
int64_t NumberOfLook(const std::vector<Look>& looks, const std::string& evidence_sha256);

}  // namespace dragoman

#endif  // DRAGOMAN_EVALUATE_LOOK_HISTORY_H_
