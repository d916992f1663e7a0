// A build made ready to ship: shards with hashes, honest compression figures, manifest, licence
// notices, README.
#ifndef DRAGOMAN_PACKAGE_PACKAGE_H_
#define DRAGOMAN_PACKAGE_PACKAGE_H_

#include <cstdint>
#include <string>
#include <vector>

#include "base/json.h"
#include "dragoman/result.h"

namespace dragoman {

struct PackageOptions {
  std::string model_path;     // the GGUF to ship
  std::string output_folder;  // gets manifest.json, shards/, README.md, NOTICE, LICENSE...
  std::string model_name = "translategemma";
  std::string model_version = "0.1.0";
  uint64_t shard_bytes = uint64_t{64} << 20;
  std::string comparison_path;  // comparison.json: the proof; empty: packaged as unproven, said so
  std::string results_path;     // quantized_results.json: latency and memory; may be empty
  std::vector<std::string> languages;  // codes
  std::string fallback = "cloud";      // what a client does until the model is there
  std::string base_model;              // empty: as the GGUF's metadata says
  std::string license;                 // empty: general.license of the GGUF
  std::string license_text_path;       // the licence's text, copied as LICENSE.txt; may be empty
};

struct CompressionFigure {
  std::string method;  // "gzip -6", "zstd -3", "zstd -19"
  uint64_t raw_bytes = 0, compressed_bytes = 0;
  double seconds = 0;
  bool sampled = false;  // measured on slices spread over a big file, not on all of it
  double ratio() const {
    return compressed_bytes == 0
               ? 0
               : static_cast<double>(raw_bytes) / static_cast<double>(compressed_bytes);
  }
};

struct PackageReport {
  std::string manifest_path;
  uint64_t total_bytes = 0;
  int shards = 0;
  bool proven = false;  // the comparison given says GO
  std::string decision = "NONE";
  std::string whole_sha256;
  std::vector<CompressionFigure> compression;
};

// Writes the package; resumable and repeatable (same input, same bytes). Errors: kNotFound,
// kCorruptFile, kIo.
Result<PackageReport> BuildPackage(const PackageOptions& options);

struct PackageCheck {
  std::string what;
  bool ok = false;
  std::string detail;
};
// Checks the manifest against its schema's rules and every file's size and SHA-256; reassembles the
// shards' hash. `folder` holds manifest.json. All checks are returned, failed ones too; an Error
// only when nothing can be read.
Result<std::vector<PackageCheck>> VerifyPackage(const std::string& folder);

}  // namespace dragoman

#endif  // DRAGOMAN_PACKAGE_PACKAGE_H_
