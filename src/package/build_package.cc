// Builds a package in "<folder>.partial" and puts it in place with one rename. Shards that a killed
// run left there are kept when their bytes are right.
#include <fcntl.h>
#include <fmt/format.h>
#include <stdio.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <map>

#include "base/atomic_file.h"
#include "base/mapped_file.h"
#include "base/sha256.h"
#include "evaluate/benchmark.h"
#include "formats/gguf.h"
#include "package/compression.h"
#include "package/documents.h"
#include "package/manifest.h"
#include "package/package.h"

namespace dragoman {
namespace {

namespace fs = std::filesystem;

std::string TextOr(const GgufFile& gguf, std::initializer_list<const char*> keys,
                   const std::string& otherwise) {
  for (const char* key : keys) {
    const std::string* text = gguf.FindString(key);
    if (text != nullptr && !text->empty()) return *text;
  }
  return otherwise;
}

// The mix by general.file_type; else the type that most bytes have.
std::string QuantizationName(const GgufFile& gguf) {
  static const std::map<uint64_t, const char*> kMixes = {
      {0, "F32"},     {1, "F16"},     {2, "Q4_0"},    {3, "Q4_1"},    {7, "Q8_0"},
      {8, "Q5_0"},    {9, "Q5_1"},    {10, "Q2_K"},   {11, "Q3_K_S"}, {12, "Q3_K_M"},
      {13, "Q3_K_L"}, {14, "Q4_K_S"}, {15, "Q4_K_M"}, {16, "Q5_K_S"}, {17, "Q5_K_M"},
      {18, "Q6_K"},   {21, "Q2_K_S"}, {25, "IQ4_NL"}, {30, "IQ4_XS"}, {32, "BF16"}};
  if (const auto type = gguf.FindUnsigned("general.file_type")) {
    const auto found = kMixes.find(*type);
    if (found != kMixes.end()) return found->second;
  }
  std::map<std::string, uint64_t> bytes_by_type;
  for (const TensorInfo& tensor : gguf.tensors()) {
    bytes_by_type[std::string(TraitsOf(tensor.type).name)] += tensor.size_bytes;
  }
  const auto most =
      std::max_element(bytes_by_type.begin(), bytes_by_type.end(),
                       [](const auto& a, const auto& b) { return a.second < b.second; });
  return most == bytes_by_type.end() ? "none" : most->first;
}

// general.license; a Gemma derivative that lost it is still one, and saying so is the safe side.
std::string LicenseId(const PackageOptions& options, const GgufFile& gguf,
                      const std::string& base_model) {
  if (!options.license.empty()) return options.license;
  std::string id = TextOr(gguf, {"general.license"}, "");
  if (!id.empty()) return id;
  std::string folded = base_model;
  std::transform(folded.begin(), folded.end(), folded.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return folded.find("google/") != std::string::npos && folded.find("gemma") != std::string::npos
             ? "gemma"
             : "";
}

ManifestModel DescribeModel(const PackageOptions& options, const GgufFile& gguf) {
  ManifestModel model;
  model.name = options.model_name;
  model.version = options.model_version;
  model.quantization = QuantizationName(gguf);
  model.base_model = options.base_model;
  if (model.base_model.empty()) {
    const std::string organization = TextOr(gguf, {"general.base_model.0.organization"}, "");
    model.base_model =
        TextOr(gguf, {"general.base_model.0.name", "general.name", "general.basename"},
               options.model_name);
    if (!organization.empty()) model.base_model = organization + "/" + model.base_model;
  }
  model.architecture = TextOr(gguf, {"general.architecture"}, "unknown");
  for (const TensorInfo& tensor : gguf.tensors()) model.parameters += tensor.elems();
  return model;
}

// "1.2 % loss ..." sentences of comparison.json, or what stands in for them.
Result<ManifestProof> DescribeProof(const PackageOptions& options) {
  ManifestProof proof;
  proof.reason = "No comparison with the baseline was given.";
  if (!options.results_path.empty()) {
    DRAGOMAN_ASSIGN_OR_RETURN(proof.results_sha256, Sha256OfFile(options.results_path));
  }
  if (options.comparison_path.empty()) return proof;
  DRAGOMAN_ASSIGN_OR_RETURN(const Json json, ReadJsonFile(options.comparison_path));
  DRAGOMAN_ASSIGN_OR_RETURN(proof.comparison_sha256, Sha256OfFile(options.comparison_path));
  const auto decision = json.is_object() ? json.find("decision") : json.end();
  if (decision == json.end() || !decision->is_string() ||
      (*decision != "GO" && *decision != "RECONSIDER" && *decision != "FALLBACK")) {
    return Fail(ErrorCode::kCorruptFile, "key \"decision\": expected GO, RECONSIDER or FALLBACK",
                options.comparison_path);
  }
  proof.decision = decision->get<std::string>();
  proof.proven = proof.decision == "GO";
  proof.reason.clear();
  if (const auto reasons = json.find("reasons"); reasons != json.end() && reasons->is_array()) {
    for (const Json& reason : *reasons) {
      if (reason.is_string())
        proof.reason += (proof.reason.empty() ? "" : " ") + reason.get<std::string>();
    }
  }
  constexpr size_t kMaxReasonBytes = 2000;
  if (proof.reason.size() > kMaxReasonBytes) proof.reason = "See the comparison.";
  if (proof.reason.empty()) proof.reason = "The comparison gives no reason.";
  return proof;
}

Result<std::optional<ManifestMeasurement>> DescribeMeasurement(const PackageOptions& options) {
  if (options.results_path.empty()) return std::optional<ManifestMeasurement>();
  DRAGOMAN_ASSIGN_OR_RETURN(const BenchmarkResult result,
                            ReadBenchmarkResult(options.results_path));
  ManifestMeasurement measured;
  measured.device = result.device.empty() ? "unknown" : result.device;
  measured.load_seconds = result.load_seconds;
  measured.latency_p50_ms = result.latency_p50_ms;
  measured.latency_p90_ms = result.latency_p90_ms;
  measured.tokens_per_second = result.tokens_per_second;
  measured.peak_memory_bytes = result.peak_rss_bytes;
  return std::optional<ManifestMeasurement>(measured);
}

// Whether a killed run left exactly these bytes at `path`.
bool AlreadyThere(const std::string& path, uint64_t bytes, const std::string& sha256) {
  std::error_code ec;
  if (!fs::is_regular_file(fs::symlink_status(path, ec)) || fs::file_size(path, ec) != bytes)
    return false;
  const auto hash = Sha256OfFile(path);
  return hash && *hash == sha256;
}

// Writes the shards below `folder` and lists them; the whole file's hash is computed in the same
// pass.
Result<std::vector<ManifestFile>> WriteShards(const MappedFile& model, uint64_t shard_bytes,
                                              const std::string& folder,
                                              std::string* whole_sha256) {
  std::vector<ManifestFile> shards;
  Sha256 whole;
  for (uint64_t offset = 0; offset < model.size_bytes(); offset += shard_bytes) {
    const uint64_t bytes = std::min(shard_bytes, model.size_bytes() - offset);
    const auto slice = model.bytes().subspan(offset, bytes);
    whole.Update(slice);
    Sha256 hash;
    hash.Update(slice);
    ManifestFile shard{fmt::format("shards/model-{:05}.bin", shards.size()), bytes,
                       hash.HexDigest()};
    const std::string path = folder + "/" + shard.path;
    if (!AlreadyThere(path, bytes, shard.sha256)) {
      DRAGOMAN_ASSIGN_OR_RETURN(AtomicFile file, AtomicFile::Create(path));
      DRAGOMAN_RETURN_IF_ERROR(file.Write(slice));
      DRAGOMAN_RETURN_IF_ERROR(file.Commit());
    }
    model.AdviseDontNeed(offset, bytes);
    shards.push_back(std::move(shard));
  }
  *whole_sha256 = whole.HexDigest();
  return shards;
}

Result<void> AddDocument(const std::string& folder, const std::string& name,
                         const std::string& text, Manifest* manifest) {
  manifest->documents.push_back({name, text.size(), Sha256Hex(text)});
  return WriteFileAtomically(folder + "/" + name, text);
}

// Removes what an older run with other options left in the partial folder.
Result<void> RemoveStrangers(const std::string& folder, const Manifest& manifest) {
  std::vector<std::string> keep = {"manifest.json"};
  for (const auto* list : {&manifest.files, &manifest.documents}) {
    for (const ManifestFile& file : *list) keep.push_back(file.path);
  }
  std::error_code ec;
  std::vector<fs::path> strangers;
  for (auto it = fs::recursive_directory_iterator(folder, ec); !ec && it != fs::end(it);
       it.increment(ec)) {
    if (it->is_directory(ec) && !it->is_symlink(ec)) continue;
    const std::string relative = fs::relative(it->path(), folder, ec).generic_string();
    if (std::find(keep.begin(), keep.end(), relative) == keep.end())
      strangers.push_back(it->path());
  }
  for (const fs::path& path : strangers) fs::remove(path, ec);
  if (ec) return Fail(ErrorCode::kIo, "cannot tidy up: " + ec.message(), folder);
  return {};
}

// Exchanges the finished folder with the old one in one step, then removes the old one.
Result<void> PutInPlace(const std::string& partial, const std::string& target) {
  std::error_code ec;
  if (!fs::exists(target, ec)) {
    fs::rename(partial, target, ec);
    if (ec)
      return Fail(ErrorCode::kIo, "cannot rename from " + partial + ": " + ec.message(), target);
    return {};
  }
  if (::renameat2(AT_FDCWD, partial.c_str(), AT_FDCWD, target.c_str(), RENAME_EXCHANGE) != 0) {
    // File systems without the exchange: a moment without a package, never one with half a package.
    const std::string old = target + ".old";
    fs::remove_all(old, ec);
    fs::rename(target, old, ec);
    if (!ec) fs::rename(partial, target, ec);
    if (ec) return Fail(ErrorCode::kIo, "cannot replace the package: " + ec.message(), target);
    fs::remove_all(old, ec);
    return {};
  }
  fs::remove_all(partial, ec);
  return {};
}

// A folder that is not a package may hold anything: it is not ours to replace.
Result<void> CheckTarget(const std::string& target) {
  std::error_code ec;
  if (!fs::exists(target, ec)) return {};
  if (!fs::is_directory(target, ec)) {
    return Fail(ErrorCode::kInvalidArgument, "expected a folder, found a file", target);
  }
  if (fs::is_empty(target, ec) || fs::exists(fs::path(target) / "manifest.json", ec)) return {};
  return Fail(ErrorCode::kInvalidArgument,
              "the folder is not empty and holds no package; choose another", target);
}

std::string TrimSlashes(std::string path) {
  while (path.size() > 1 && path.back() == '/') path.pop_back();
  return path;
}

Result<void> WriteDocuments(const PackageOptions& options, const std::string& folder,
                            Manifest* manifest) {
  DRAGOMAN_RETURN_IF_ERROR(AddDocument(folder, "NOTICE", RenderNotice(*manifest), manifest));
  if (!options.license_text_path.empty()) {
    DRAGOMAN_ASSIGN_OR_RETURN(const std::string text,
                              ReadFile(options.license_text_path, uint64_t{1} << 20));
    DRAGOMAN_RETURN_IF_ERROR(AddDocument(folder, "LICENSE.txt", text, manifest));
  }
  return AddDocument(folder, "README.md", RenderIntegrationReadme(*manifest), manifest);
}

}  // namespace

Result<PackageReport> BuildPackage(const PackageOptions& options) {
  if (options.shard_bytes == 0)
    return Fail(ErrorCode::kInvalidArgument, "a shard must hold at least one byte");
  const std::string target = TrimSlashes(options.output_folder);
  if (target.empty()) return Fail(ErrorCode::kInvalidArgument, "no output folder given");
  DRAGOMAN_RETURN_IF_ERROR(CheckTarget(target));
  DRAGOMAN_ASSIGN_OR_RETURN(const GgufFile gguf, GgufFile::Open(options.model_path));
  const MappedFile& model = gguf.file();
  if (model.size_bytes() / options.shard_bytes >= kMaxManifestFiles) {
    return Fail(ErrorCode::kInvalidArgument,
                fmt::format("shards of {} bytes would be more than {} files", options.shard_bytes,
                            kMaxManifestFiles));
  }

  Manifest manifest;
  manifest.model = DescribeModel(options, gguf);
  DRAGOMAN_ASSIGN_OR_RETURN(manifest.proof, DescribeProof(options));
  DRAGOMAN_ASSIGN_OR_RETURN(manifest.measured, DescribeMeasurement(options));
  manifest.license = DescribeLicense(LicenseId(options, gguf, manifest.model.base_model),
                                     !options.license_text_path.empty());
  manifest.languages = options.languages;
  manifest.fallback = options.fallback.empty() ? "none" : options.fallback;
  manifest.created_by = std::string("dragoman ") + DRAGOMAN_VERSION;
  manifest.shard_bytes = options.shard_bytes;

  const std::string partial = target + ".partial";
  manifest.whole.path = "model.gguf";
  manifest.whole.bytes = model.size_bytes();
  DRAGOMAN_ASSIGN_OR_RETURN(
      manifest.files, WriteShards(model, options.shard_bytes, partial, &manifest.whole.sha256));

  PackageReport report;
  DRAGOMAN_ASSIGN_OR_RETURN(report.compression, MeasureCompression(model.bytes()));
  for (const CompressionFigure& figure : report.compression) {
    manifest.compression.push_back(
        {figure.method, figure.raw_bytes, figure.compressed_bytes, figure.sampled});
  }
  DRAGOMAN_RETURN_IF_ERROR(WriteDocuments(options, partial, &manifest));
  const std::string text = DumpJson(ToJson(manifest));
  // What is written must be what every reader accepts.
  DRAGOMAN_RETURN_IF_ERROR(ParseManifest(text, partial + "/manifest.json"));
  DRAGOMAN_RETURN_IF_ERROR(RemoveStrangers(partial, manifest));
  DRAGOMAN_RETURN_IF_ERROR(WriteFileAtomically(partial + "/manifest.json", text));
  DRAGOMAN_RETURN_IF_ERROR(PutInPlace(partial, target));

  report.manifest_path = target + "/manifest.json";
  report.total_bytes = text.size();
  for (const auto* list : {&manifest.files, &manifest.documents}) {
    for (const ManifestFile& file : *list) report.total_bytes += file.bytes;
  }
  report.shards = static_cast<int>(manifest.files.size());
  report.proven = manifest.proof.proven;
  report.decision = manifest.proof.decision;
  report.whole_sha256 = manifest.whole.sha256;
  return report;
}

}  // namespace dragoman
