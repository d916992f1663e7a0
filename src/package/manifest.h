// manifest.json of a package: its typed form, the strict parser and the writer. Knows no model,
// reads no other file.
//
// The rules are those of schemas/manifest.schema.json plus what a schema cannot say: paths that
// cannot leave the folder, no file listed twice, shards that add up to the whole, a proof that
// matches the decision.
#ifndef DRAGOMAN_PACKAGE_MANIFEST_H_
#define DRAGOMAN_PACKAGE_MANIFEST_H_

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/json.h"
#include "dragoman/result.h"

namespace dragoman {

inline constexpr const char* kManifestSchema = "dragoman.manifest/1";
// A hostile manifest may not make a client fetch or allocate without end.
inline constexpr uint64_t kMaxManifestBytes = uint64_t{16} << 20;
inline constexpr size_t kMaxManifestFiles = 65536;
inline constexpr uint64_t kMaxManifestFileBytes = uint64_t{1} << 53;  // exact in JavaScript

struct ManifestFile {
  std::string path;  // relative, forward slashes
  uint64_t bytes = 0;
  std::string sha256;  // 64 lower-case hex digits
};

struct ManifestModel {
  std::string name, version, quantization, base_model, architecture;
  uint64_t parameters = 0;  // 0: not known
};

// The comparison behind the build. decision is "GO", "RECONSIDER", "FALLBACK" or "NONE" (never
// compared).
struct ManifestProof {
  bool proven = false;  // exactly when the decision is GO
  std::string decision = "NONE";
  std::string reason;
  std::string comparison_sha256, results_sha256;  // empty: no such file
};

// Measured by the benchmark on the machine named by `device`.
struct ManifestMeasurement {
  std::string device;
  double load_seconds = 0;
  double latency_p50_ms = 0, latency_p90_ms = 0;
  double tokens_per_second = 0;
  uint64_t peak_memory_bytes = 0;
};

struct ManifestCompression {
  std::string method;
  uint64_t raw_bytes = 0, compressed_bytes = 0;
  bool sampled = false;  // of slices spread over the file, not of all of it
};

struct ManifestLicense {
  std::string id;   // "gemma", "apache-2.0", "unstated"
  std::string url;  // empty when unknown
  bool text_included = false;
};

struct Manifest {
  ManifestModel model;
  ManifestProof proof;
  ManifestFile whole;               // the GGUF that the shards concatenate to
  uint64_t shard_bytes = 0;         // size of every shard but the last
  std::vector<ManifestFile> files;  // the shards, in order
  std::vector<ManifestFile> documents;
  std::optional<ManifestMeasurement> measured;
  std::vector<ManifestCompression> compression;
  std::vector<std::string> languages;
  ManifestLicense license;
  std::string fallback;
  std::string created_by;
};

// Whether a path stays inside the package on every system: parts of [A-Za-z0-9._-] that start with
// a letter or digit, joined by '/', at most 200 characters.
bool IsSafePackagePath(std::string_view path);

// Errors: kCorruptFile naming the key, what was expected and what was found.
Result<Manifest> ParseManifest(std::string_view text, const std::string& where);
OrderedJson ToJson(const Manifest& manifest);

}  // namespace dragoman

#endif  // DRAGOMAN_PACKAGE_MANIFEST_H_
