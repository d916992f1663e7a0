// Phase package: the build with its proof, ready to publish (rows G2-G4).
#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <set>

#include "base/atomic_file.h"
#include "package/manifest.h"
#include "package/package.h"
#include "ship/phase.h"

namespace dragoman {
namespace {

namespace fs = std::filesystem;

Result<PhaseInputs> PackageInputs(ShipRun& run) {
  PhaseInputs inputs = {{"name", run.options.model_name},
                        {"version", run.options.model_version},
                        {"fallback", run.options.fallback}};
  DRAGOMAN_RETURN_IF_ERROR(AddFileInput(run, "build", run.BuildPath(), &inputs));
  DRAGOMAN_RETURN_IF_ERROR(
      AddFileInput(run, "comparison", run.RungPath("comparison.json"), &inputs));
  DRAGOMAN_RETURN_IF_ERROR(
      AddFileInput(run, "results", run.RungPath("quantized_results.json"), &inputs));
  return inputs;
}

std::vector<std::string> LanguagesOf(const ShipRun& run) {
  std::vector<std::string> codes;
  for (const Json& code : run.Measured("suite").value("languages", Json::array()))
    codes.push_back(code);
  return codes;
}

Json CompressionJson(const PackageReport& report) {
  Json list = Json::array();
  for (const CompressionFigure& figure : report.compression) {
    list.push_back(Json{{"method", figure.method},
                        {"raw_bytes", figure.raw_bytes},
                        {"compressed_bytes", figure.compressed_bytes},
                        {"ratio", figure.ratio()},
                        {"seconds", figure.seconds},
                        {"sampled", figure.sampled}});
  }
  return list;
}

// "loading", "speed", ... from the README's second-level headings, first word, lower case.
std::vector<std::string> SectionsOf(const std::string& readme) {
  std::vector<std::string> sections;
  for (size_t at = readme.find("\n## "); at != std::string::npos;
       at = readme.find("\n## ", at + 1)) {
    const size_t begin = at + 4;
    std::string word = readme.substr(begin, readme.find_first_of(" :\n", begin) - begin);
    std::transform(word.begin(), word.end(), word.begin(),
                   [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
    sections.push_back(std::move(word));
  }
  return sections;
}

Result<std::vector<std::string>> OutputsOf(const std::string& folder) {
  std::vector<std::string> files;
  std::error_code ec;
  for (auto it = fs::recursive_directory_iterator(folder, ec);
       !ec && it != fs::recursive_directory_iterator(); it.increment(ec)) {
    if (it->is_regular_file(ec)) files.push_back(it->path().string());
  }
  if (ec) return Fail(ErrorCode::kIo, ec.message(), folder);
  std::sort(files.begin(), files.end());
  return files;
}

Result<PhaseWork> PackageWork(ShipRun& run) {
  PackageOptions options;
  options.model_path = run.BuildPath();
  options.output_folder = run.PackageFolder();
  options.model_name = run.options.model_name;
  options.model_version = run.options.model_version;
  options.comparison_path = run.RungPath("comparison.json");
  options.results_path = run.RungPath("quantized_results.json");
  options.languages = LanguagesOf(run);
  options.fallback = run.options.fallback;
  DRAGOMAN_ASSIGN_OR_RETURN(const PackageReport report, BuildPackage(options));
  DRAGOMAN_ASSIGN_OR_RETURN(const auto checks, VerifyPackage(run.PackageFolder()));
  Json check_list = Json::array();
  for (const PackageCheck& check : checks) {
    if (!check.ok)
      return Fail(ErrorCode::kInternal, check.what + ": " + check.detail, run.PackageFolder());
    check_list.push_back(Json{{"what", check.what}, {"detail", check.detail}});
  }
  DRAGOMAN_ASSIGN_OR_RETURN(const std::string manifest_text,
                            ReadFile(report.manifest_path, kMaxManifestBytes));
  DRAGOMAN_RETURN_IF_ERROR(WriteFileAtomically(run.Path("models/manifest.json"), manifest_text));
  DRAGOMAN_ASSIGN_OR_RETURN(const Json manifest, ParseJson(manifest_text, report.manifest_path));
  DRAGOMAN_ASSIGN_OR_RETURN(const std::string readme, ReadFile(run.PackageFolder() + "/README.md"));

  PhaseWork work;
  DRAGOMAN_ASSIGN_OR_RETURN(work.outputs, OutputsOf(run.PackageFolder()));
  work.outputs.push_back(run.Path("models/manifest.json"));
  work.measured = Json{{"folder", run.workspace->Relative(run.PackageFolder())},
                       {"manifest", "models/manifest.json"},
                       {"shards", report.shards},
                       {"total_bytes", report.total_bytes},
                       {"decision", report.decision},
                       {"proven", report.proven},
                       {"sha256", report.whole_sha256},
                       {"compression", CompressionJson(report)},
                       {"checks", std::move(check_list)},
                       {"license", manifest["license"]["id"]},
                       {"fallback", manifest["fallback"]},
                       {"manifest_model", manifest["model"]},
                       {"manifest_measured", manifest["measured"]},
                       {"readme_sections", SectionsOf(readme)}};
  double best = 0;
  for (const CompressionFigure& figure : report.compression) best = std::max(best, figure.ratio());
  work.summary =
      fmt::format("{} shards, {}, {}; the best compressor gains {:.3f}x", report.shards,
                  HumanBytes(report.total_bytes), report.proven ? "proven" : "not proven", best);
  return work;
}

}  // namespace

Phase PackagePhase() { return {"package", false, false, PackageInputs, PackageWork}; }

}  // namespace dragoman
