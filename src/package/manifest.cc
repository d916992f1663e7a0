#include "package/manifest.h"

#include <algorithm>
#include <cctype>
#include <cmath>
#include <set>
#include <utility>

#include "base/checked_math.h"

namespace dragoman {
namespace {

constexpr size_t kMaxPathChars = 200;
constexpr size_t kMaxTextChars = 4096;

// Reads one object's members by name; the first problem is kept and every later read returns an
// empty value, so that the caller checks once.
class ObjectReader {
 public:
  ObjectReader(const Json& json, std::string key, std::string* problem)
      : json_(json), key_(std::move(key)), problem_(problem) {
    if (!json_.is_object()) Complain("", "an object", json_);
  }

  std::string Text(const char* name, bool may_be_empty = false) {
    const Json* value = Need(name);
    if (value == nullptr) return {};
    if (!value->is_string()) return Complain(name, "a string", *value), std::string();
    const auto& text = value->get_ref<const std::string&>();
    if (text.size() > kMaxTextChars)
      return Complain(name, "at most 4096 bytes", *value), std::string();
    if (text.empty() && !may_be_empty) return Complain(name, "text", *value), std::string();
    return text;
  }
  uint64_t Count(const char* name, uint64_t minimum = 0) {
    const Json* value = Need(name);
    if (value == nullptr) return 0;
    if (!value->is_number_unsigned()) return Complain(name, "an integer of at least 0", *value), 0;
    const auto count = value->get<uint64_t>();
    if (count < minimum || count > kMaxManifestFileBytes) {
      return Complain(name, "an integer from " + std::to_string(minimum) + " to 2^53", *value), 0;
    }
    return count;
  }
  double Number(const char* name) {
    const Json* value = Need(name);
    if (value == nullptr) return 0;
    if (!value->is_number()) return Complain(name, "a number", *value), 0;
    const auto number = value->get<double>();
    if (!std::isfinite(number) || number < 0)
      return Complain(name, "a number of at least 0", *value), 0;
    return number;
  }
  bool Flag(const char* name) {
    const Json* value = Need(name);
    if (value == nullptr) return false;
    if (!value->is_boolean()) return Complain(name, "true or false", *value), false;
    return value->get<bool>();
  }
  std::string Hash(const char* name, bool may_be_empty = false) {
    std::string text = Text(name, may_be_empty);
    const bool hex = std::all_of(text.begin(), text.end(), [](char c) {
      return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f');
    });
    if (problem_->empty() && !text.empty() && (text.size() != 64 || !hex)) {
      Complain(name, "64 lower-case hex digits", Json(text));
    }
    return text;
  }
  // Null when absent or of another kind (then the problem is set).
  const Json* Array(const char* name) {
    const Json* value = Need(name);
    if (value == nullptr) return nullptr;
    if (!value->is_array()) return Complain(name, "an array", *value), nullptr;
    if (value->size() > kMaxManifestFiles) {
      return Complain(name, "at most 65536 entries", Json(value->size())), nullptr;
    }
    return value;
  }
  const Json* Need(const char* name) {
    if (!problem_->empty() || !json_.is_object()) return nullptr;
    const auto found = json_.find(name);
    if (found == json_.end()) {
      *problem_ = "key \"" + key_ + name + "\" is missing";
      return nullptr;
    }
    return &*found;
  }
  void Complain(const std::string& name, const std::string& expected, const Json& found) {
    if (!problem_->empty()) return;
    std::string text = found.dump(-1, ' ', true, Json::error_handler_t::replace);
    if (text.size() > 80) text = text.substr(0, 77) + "...";
    *problem_ = "key \"" + key_ + name + "\": expected " + expected + ", found " + text;
  }
  // For the members of a member.
  std::string Below(const std::string& name) const { return key_ + name + "."; }

 private:
  const Json& json_;
  std::string key_;
  std::string* problem_;
};

const Json& MemberOrNull(ObjectReader& reader, const char* name) {
  static const Json null;
  const Json* value = reader.Need(name);
  return value == nullptr ? null : *value;
}

ManifestFile ReadFileEntry(const Json& json, const std::string& key, std::string* problem) {
  ObjectReader reader(json, key, problem);
  ManifestFile file;
  file.path = reader.Text("path");
  file.bytes = reader.Count("bytes", 1);
  file.sha256 = reader.Hash("sha256");
  if (problem->empty() && !IsSafePackagePath(file.path)) {
    reader.Complain("path", "a path that stays inside the package", Json(file.path));
  }
  return file;
}

std::vector<ManifestFile> ReadFileEntries(ObjectReader& root, const char* name,
                                          std::string* problem) {
  std::vector<ManifestFile> files;
  const Json* array = root.Array(name);
  if (array == nullptr) return files;
  for (size_t i = 0; i < array->size() && problem->empty(); ++i) {
    files.push_back(
        ReadFileEntry((*array)[i], std::string(name) + "[" + std::to_string(i) + "].", problem));
  }
  return files;
}

ManifestModel ReadModel(const Json& json, const std::string& key, std::string* problem) {
  ObjectReader reader(json, key, problem);
  ManifestModel model;
  model.name = reader.Text("name");
  model.version = reader.Text("version");
  model.quantization = reader.Text("quantization");
  model.base_model = reader.Text("base_model");
  model.architecture = reader.Text("architecture");
  model.parameters = reader.Count("parameters");
  return model;
}

ManifestProof ReadProof(const Json& json, const std::string& key, std::string* problem) {
  ObjectReader reader(json, key, problem);
  ManifestProof proof;
  proof.proven = reader.Flag("proven");
  proof.decision = reader.Text("decision");
  proof.reason = reader.Text("reason");
  proof.comparison_sha256 = reader.Hash("comparison_sha256", true);
  proof.results_sha256 = reader.Hash("results_sha256", true);
  if (!problem->empty()) return proof;
  static const std::set<std::string> kDecisions = {"GO", "RECONSIDER", "FALLBACK", "NONE"};
  if (kDecisions.count(proof.decision) == 0) {
    reader.Complain("decision", "GO, RECONSIDER, FALLBACK or NONE", Json(proof.decision));
  } else if (proof.proven != (proof.decision == "GO")) {
    reader.Complain("proven", "true exactly when the decision is GO", Json(proof.proven));
  } else if ((proof.decision == "NONE") != proof.comparison_sha256.empty()) {
    reader.Complain("comparison_sha256", "a hash exactly when there is a decision",
                    Json(proof.comparison_sha256));
  }
  return proof;
}

std::optional<ManifestMeasurement> ReadMeasurement(const Json& json, const std::string& key,
                                                   std::string* problem) {
  if (json.is_null()) return std::nullopt;
  ObjectReader reader(json, key, problem);
  ManifestMeasurement measured;
  measured.device = reader.Text("device");
  measured.load_seconds = reader.Number("load_seconds");
  measured.latency_p50_ms = reader.Number("latency_p50_ms");
  measured.latency_p90_ms = reader.Number("latency_p90_ms");
  measured.tokens_per_second = reader.Number("tokens_per_second");
  measured.peak_memory_bytes = reader.Count("peak_memory_bytes");
  return measured;
}

std::vector<ManifestCompression> ReadCompression(ObjectReader& root, std::string* problem) {
  std::vector<ManifestCompression> figures;
  const Json* array = root.Array("compression");
  if (array == nullptr) return figures;
  for (size_t i = 0; i < array->size() && problem->empty(); ++i) {
    ObjectReader reader((*array)[i], "compression[" + std::to_string(i) + "].", problem);
    ManifestCompression figure;
    figure.method = reader.Text("method");
    figure.raw_bytes = reader.Count("raw_bytes", 1);
    figure.compressed_bytes = reader.Count("compressed_bytes", 1);
    figure.sampled = reader.Flag("sampled");
    figures.push_back(std::move(figure));
  }
  return figures;
}

ManifestLicense ReadLicense(const Json& json, const std::string& key, std::string* problem) {
  ObjectReader reader(json, key, problem);
  ManifestLicense license;
  license.id = reader.Text("id");
  license.url = reader.Text("url", true);
  license.text_included = reader.Flag("text_included");
  return license;
}

std::vector<std::string> ReadLanguages(ObjectReader& root, std::string* problem) {
  std::vector<std::string> languages;
  const Json* array = root.Array("languages");
  if (array == nullptr) return languages;
  for (const Json& code : *array) {
    if (!code.is_string() || code.get_ref<const std::string&>().empty() ||
        code.get_ref<const std::string&>().size() > 32) {
      root.Complain("languages", "language codes", code);
      break;
    }
    languages.push_back(code.get<std::string>());
  }
  return problem->empty() ? languages : std::vector<std::string>();
}

// What the members say about each other.
std::string FindContradiction(const Manifest& manifest) {
  if (manifest.files.empty()) return "key \"files\": expected at least one shard, found none";
  std::set<std::string> seen;
  for (const auto* list : {&manifest.files, &manifest.documents}) {
    for (const ManifestFile& file : *list) {
      std::string folded =
          file.path;  // file systems that ignore case would overwrite one with the other
      std::transform(folded.begin(), folded.end(), folded.begin(),
                     [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
      if (folded == "manifest.json") return "path \"" + file.path + "\" is the manifest itself";
      if (!seen.insert(folded).second) return "path \"" + file.path + "\" is listed twice";
    }
  }
  uint64_t sum = 0;
  for (size_t i = 0; i < manifest.files.size(); ++i) {
    const ManifestFile& file = manifest.files[i];
    const bool last = i + 1 == manifest.files.size();
    if (last ? file.bytes > manifest.shard_bytes : file.bytes != manifest.shard_bytes) {
      return "files[" + std::to_string(i) + "].bytes: expected " + (last ? "at most " : "") +
             std::to_string(manifest.shard_bytes) + " (shard_bytes), found " +
             std::to_string(file.bytes);
    }
    const auto next = CheckedAdd(sum, file.bytes);
    if (!next) return "the shards' sizes overflow";
    sum = *next;
  }
  if (sum != manifest.whole.bytes) {
    return "the shards hold " + std::to_string(sum) + " bytes, the whole file has " +
           std::to_string(manifest.whole.bytes);
  }
  return {};
}

OrderedJson FileJson(const ManifestFile& file) {
  return OrderedJson{{"path", file.path}, {"bytes", file.bytes}, {"sha256", file.sha256}};
}

OrderedJson FileListJson(const std::vector<ManifestFile>& files) {
  OrderedJson list = OrderedJson::array();
  for (const ManifestFile& file : files) list.push_back(FileJson(file));
  return list;
}

OrderedJson MeasurementJson(const Manifest& manifest) {
  if (!manifest.measured) return nullptr;
  const ManifestMeasurement& m = *manifest.measured;
  return OrderedJson{{"device", m.device},
                     {"load_seconds", m.load_seconds},
                     {"latency_p50_ms", m.latency_p50_ms},
                     {"latency_p90_ms", m.latency_p90_ms},
                     {"tokens_per_second", m.tokens_per_second},
                     {"peak_memory_bytes", m.peak_memory_bytes}};
}

OrderedJson CompressionJson(const Manifest& manifest) {
  OrderedJson list = OrderedJson::array();
  for (const ManifestCompression& figure : manifest.compression) {
    list.push_back(OrderedJson{{"method", figure.method},
                               {"raw_bytes", figure.raw_bytes},
                               {"compressed_bytes", figure.compressed_bytes},
                               {"sampled", figure.sampled}});
  }
  return list;
}

}  // namespace

bool IsSafePackagePath(std::string_view path) {
  if (path.empty() || path.size() > kMaxPathChars) return false;
  bool part_starts = true;
  for (char c : path) {
    const bool alphanumeric =
        (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
    if (c == '/') {
      if (part_starts) return false;
      part_starts = true;
      continue;
    }
    // A part that starts with a letter or digit is neither ".", nor "..", nor hidden, nor an
    // option.
    if (!alphanumeric && (part_starts || (c != '.' && c != '_' && c != '-'))) return false;
    part_starts = false;
  }
  return !part_starts;
}

Result<Manifest> ParseManifest(std::string_view text, const std::string& where) {
  if (text.size() > kMaxManifestBytes) {
    return Fail(ErrorCode::kCorruptFile,
                "expected at most 16 MiB, found " + std::to_string(text.size()) + " bytes", where);
  }
  DRAGOMAN_ASSIGN_OR_RETURN(const Json json, ParseJson(text, where, 8));
  std::string problem;
  ObjectReader root(json, "", &problem);
  Manifest manifest;
  const std::string schema = root.Text("schema");
  if (problem.empty() && schema != kManifestSchema)
    root.Complain("schema", kManifestSchema, Json(schema));
  manifest.model = ReadModel(MemberOrNull(root, "model"), "model.", &problem);
  manifest.proof = ReadProof(MemberOrNull(root, "proof"), "proof.", &problem);
  manifest.whole = ReadFileEntry(MemberOrNull(root, "whole"), "whole.", &problem);
  manifest.shard_bytes = root.Count("shard_bytes", 1);
  manifest.files = ReadFileEntries(root, "files", &problem);
  manifest.documents = ReadFileEntries(root, "documents", &problem);
  manifest.measured = ReadMeasurement(MemberOrNull(root, "measured"), "measured.", &problem);
  manifest.compression = ReadCompression(root, &problem);
  manifest.languages = ReadLanguages(root, &problem);
  manifest.license = ReadLicense(MemberOrNull(root, "license"), "license.", &problem);
  manifest.fallback = root.Text("fallback");
  manifest.created_by = root.Text("created_by");
  if (problem.empty()) problem = FindContradiction(manifest);
  if (!problem.empty()) return Fail(ErrorCode::kCorruptFile, problem, where);
  return manifest;
}

OrderedJson ToJson(const Manifest& manifest) {
  const ManifestModel& model = manifest.model;
  const ManifestProof& proof = manifest.proof;
  OrderedJson json;
  json["schema"] = kManifestSchema;
  json["model"] = OrderedJson{{"name", model.name},
                              {"version", model.version},
                              {"quantization", model.quantization},
                              {"base_model", model.base_model},
                              {"architecture", model.architecture},
                              {"parameters", model.parameters}};
  json["proof"] = OrderedJson{{"proven", proof.proven},
                              {"decision", proof.decision},
                              {"reason", proof.reason},
                              {"comparison_sha256", proof.comparison_sha256},
                              {"results_sha256", proof.results_sha256}};
  json["whole"] = FileJson(manifest.whole);
  json["shard_bytes"] = manifest.shard_bytes;
  json["files"] = FileListJson(manifest.files);
  json["documents"] = FileListJson(manifest.documents);
  json["measured"] = MeasurementJson(manifest);
  json["compression"] = CompressionJson(manifest);
  json["languages"] = manifest.languages;
  json["license"] = OrderedJson{{"id", manifest.license.id},
                                {"url", manifest.license.url},
                                {"text_included", manifest.license.text_included}};
  json["fallback"] = manifest.fallback;
  json["created_by"] = manifest.created_by;
  return json;
}

}  // namespace dragoman
