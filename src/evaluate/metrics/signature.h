// What the signatures of all metrics share.
#ifndef DRAGOMAN_EVALUATE_METRICS_SIGNATURE_H_
#define DRAGOMAN_EVALUATE_METRICS_SIGNATURE_H_

#include <fmt/format.h>

#include <string>
#include <string_view>

namespace dragoman {

// "nrefs:1|bs:1000|seed:12345|" + own + "|version:2.6.0"; 0 references: "nrefs:var".
inline std::string FormatSignature(int references, std::string_view resampling,
                                   std::string_view own) {
  const std::string count = references == 0 ? "var" : std::to_string(references);
  return fmt::format("nrefs:{}|{}{}{}|version:2.6.0", count, resampling,
                     resampling.empty() ? "" : "|", own);
}
inline const char* YesNo(bool value) { return value ? "yes" : "no"; }

}  // namespace dragoman

#endif  // DRAGOMAN_EVALUATE_METRICS_SIGNATURE_H_
