#include "ship/phase.h"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <filesystem>
#include <fstream>

namespace dragoman {
namespace {

namespace fs = std::filesystem;

bool IsModelFile(const fs::path& path) {
  static const char* const kExtensions[] = {".safetensors", ".gguf", ".json", ".model", ".jinja"};
  return std::any_of(std::begin(kExtensions), std::end(kExtensions),
                     [&](const char* extension) { return path.extension() == extension; });
}

}  // namespace

const Json& ShipRun::Measured(const std::string& phase) const {
  static const Json nothing = Json::object();
  const auto found = evidence.find(phase);
  return found == evidence.end() ? nothing : found->second.measured;
}

std::string ShipRun::Rung() const {
  std::string name = recipe.name;
  std::transform(name.begin(), name.end(), name.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return refined ? name + "-best" : name;
}

std::string ShipRun::RungLabel() const { return refined ? recipe.name + " refined" : recipe.name; }

std::string ShipRun::WidePath() const {
  const Json& convert = Measured("convert");
  return convert.contains("path") ? Path(convert["path"].get<std::string>()) : std::string();
}
std::string ShipRun::ImportancePath() const {
  return Path("models/" + options.model_name + ".imatrix.gguf");
}
std::string ShipRun::BuildPath() const {
  return Path("models/" + options.model_name + "-" + Rung() + ".gguf");
}
std::string ShipRun::SuitePath() const { return Path("eval/translate_gemma_test_suite.json"); }
std::string ShipRun::BaselinePath() const { return Path("eval/baseline_results.json"); }
std::string ShipRun::BaselinePredictionsPath() const {
  return Path("eval/baseline_predictions.jsonl");
}
std::string ShipRun::RungPath(const std::string& file) const {
  return Path("eval/" + Rung() + "/" + file);
}
std::string ShipRun::PackageFolder() const { return Path("models/package"); }

Result<std::vector<std::string>> ModelFiles(const std::string& path) {
  std::error_code ec;
  if (fs::is_regular_file(path, ec) && fs::path(path).extension() == ".gguf")
    return std::vector<std::string>{path};
  // A single safetensors file has its configuration beside it.
  const fs::path folder =
      fs::is_directory(path, ec) ? fs::path(path) : fs::path(path).parent_path();
  std::vector<std::string> files;
  for (auto it = fs::directory_iterator(folder.empty() ? "." : folder, ec);
       !ec && it != fs::directory_iterator(); it.increment(ec)) {
    if (it->is_regular_file(ec) && IsModelFile(it->path())) files.push_back(it->path().string());
  }
  if (files.empty()) return Fail(ErrorCode::kNotFound, "no model file is there", path);
  std::sort(files.begin(), files.end());
  return files;
}

Result<void> AddModelInputs(ShipRun& run, const std::string& path, PhaseInputs* inputs) {
  DRAGOMAN_ASSIGN_OR_RETURN(const std::vector<std::string> files, ModelFiles(path));
  for (const std::string& file : files) {
    DRAGOMAN_RETURN_IF_ERROR(AddFileInput(run, fs::path(file).filename().string(), file, inputs));
  }
  return {};
}

Result<void> AddFileInput(ShipRun& run, const std::string& name, const std::string& path,
                          PhaseInputs* inputs) {
  DRAGOMAN_ASSIGN_OR_RETURN(const std::string sha256, run.hashes->HashOf(path));
  inputs->emplace_back(name, sha256);
  return {};
}

std::string HumanBytes(uint64_t bytes) {
  const auto value = static_cast<double>(bytes);
  if (bytes >= 1000000000) return fmt::format("{:.2f} GB", value / 1e9);
  if (bytes >= 1000000) return fmt::format("{:.1f} MB", value / 1e6);
  if (bytes >= 1000) return fmt::format("{:.1f} kB", value / 1e3);
  return fmt::format("{} B", bytes);
}

}  // namespace dragoman
