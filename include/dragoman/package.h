// Packaging a proven build for the browser, and checking a package.
#ifndef DRAGOMAN_PACKAGE_H_
#define DRAGOMAN_PACKAGE_H_

#include <cstdint>
#include <string>
#include <vector>

#include "dragoman/report.h"
#include "dragoman/result.h"

namespace dragoman::api {

struct PackageOptions {
  std::string model;   // GGUF
  std::string output;  // folder
  std::string name = "translategemma";
  std::string version = "0.1.0";
  uint64_t shard_bytes = uint64_t{64} << 20;
  std::string comparison;  // comparison.json, the proof
  std::string results;     // quantized_results.json
  std::vector<std::string> languages;
};
Result<Report> BuildPackage(const PackageOptions& options);
// exit_code 2 when a check fails.
Result<Report> VerifyPackage(const std::string& folder);

}  // namespace dragoman::api

#endif  // DRAGOMAN_PACKAGE_H_
