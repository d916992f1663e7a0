#include "quantize/calibration_store.h"

#include <fmt/format.h>

#include <cmath>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <utility>

#include "base/json.h"
#include "base/log.h"
#include "base/sha256.h"
#include "formats/gguf.h"

namespace dragoman {
namespace {

constexpr char kTranslations[] = "dragoman.calibration.translations";
constexpr char kSensitivities[] = "dragoman.calibration.sensitivities";
constexpr std::string_view kRows = ".rows", kSquares = ".squares", kMoments = ".moments";

// Errors of a stored part only cost the time to compute it again.
template <typename Part>
std::optional<Part> OrWarn(Result<Part> part, const std::string& path) {
  if (part) return std::move(*part);
  if (part.error().code != ErrorCode::kNotFound) {
    LogWarning("{}: not usable, computed again: {}", path, ToString(part.error()));
  }
  return std::nullopt;
}

void WarnOf(const Result<void>& written) {
  if (!written) LogWarning("cannot keep what was measured: {}", ToString(written.error()));
}

tl::unexpected<Error> Unfit(const std::string& found, const std::string& where) {
  return Fail(ErrorCode::kCorruptFile, "expected a stored calibration, found " + found, where);
}

Result<GgufFile> OpenPart(const std::string& path, const char* kind) {
  if (!std::filesystem::exists(path)) {
    return Fail(ErrorCode::kNotFound, "no such file", path);
  }
  DRAGOMAN_ASSIGN_OR_RETURN(GgufFile file, GgufFile::Open(path));
  const std::string* type = file.FindString("general.type");
  if (type == nullptr || *type != kind) return Unfit("another kind of file", path);
  return file;
}

Result<std::vector<StoredTranslation>> ReadTranslations(const std::string& path, size_t count) {
  DRAGOMAN_ASSIGN_OR_RETURN(const GgufFile file, OpenPart(path, kTranslations));
  const auto* texts = file.FindStrings("texts");
  const auto* pieces = file.FindIntegers("pieces");
  if (texts == nullptr || pieces == nullptr || texts->size() != count || pieces->size() != count) {
    return Unfit(fmt::format("not {} translations", count), path);
  }
  std::vector<StoredTranslation> translations;
  for (size_t i = 0; i < count; ++i) {
    translations.push_back({(*texts)[i], static_cast<int>((*pieces)[i])});
  }
  return translations;
}

Result<std::vector<float>> ReadFiniteFloats(const GgufFile& file, const TensorInfo& tensor,
                                            const std::string& path) {
  if (tensor.type != BlockType::kF32) return Unfit("other numbers than F32", path);
  std::vector<float> values(static_cast<size_t>(tensor.elems()));
  std::memcpy(values.data(), file.Data(tensor).data(), values.size() * sizeof(float));
  for (const float value : values) {
    if (!std::isfinite(value)) return Unfit("a number that is not finite", path);
  }
  return values;
}

Result<SensitivityPart> ReadSensitivities(const std::string& path) {
  DRAGOMAN_ASSIGN_OR_RETURN(const GgufFile file, OpenPart(path, kSensitivities));
  SensitivityPart part;
  const auto predicted = file.FindUnsigned("predicted");
  if (!predicted) return Unfit("no number of positions", path);
  part.predicted = *predicted;
  for (const TensorInfo& tensor : file.tensors()) {
    const std::string_view name = tensor.name;
    const size_t dot = name.rfind('.');
    const std::string owner(name.substr(0, dot));
    const std::string_view kind = dot == std::string_view::npos ? "" : name.substr(dot);
    DRAGOMAN_ASSIGN_OR_RETURN(std::vector<float> values, ReadFiniteFloats(file, tensor, path));
    if (kind == kRows) {
      part.linears[owner].rows = std::move(values);
    } else if (kind == kSquares) {
      part.linears[owner].output_squares = std::move(values);
    } else if (kind == kMoments && tensor.shape.size() == 2 && tensor.rows() == tensor.cols()) {
      part.tables[owner] = {static_cast<int64_t>(tensor.cols()), part.predicted, std::move(values)};
    } else {
      return Unfit("tensor " + tensor.name, path);
    }
  }
  return part;
}

Result<std::vector<StoredTypeCost>> ReadCosts(const std::string& path) {
  if (!std::filesystem::exists(path)) return Fail(ErrorCode::kNotFound, "no such file", path);
  DRAGOMAN_ASSIGN_OR_RETURN(const Json json, ReadJsonFile(path));
  std::vector<StoredTypeCost> costs;
  if (!json.is_object()) return Unfit("no object", path);
  for (const auto& [type, cost] : json.items()) {
    if (!cost.is_number()) return Unfit("no number", path);
    costs.push_back({type, cost.get<double>()});
  }
  return costs;
}

std::string Environment(const char* name) {
  const char* value = std::getenv(name);
  return value == nullptr ? "" : value;
}

}  // namespace

CalibrationStore::CalibrationStore(std::string folder, const std::string& key)
    : folder_(std::move(folder) + "/calibration/" + key) {}

std::string CalibrationStore::PartPath(const char* step, size_t part) const {
  return fmt::format("{}/{}-{:04}.gguf", folder_, step, part);
}

std::string CalibrationStore::CostsPath(const std::string& key, const std::string& tensor) const {
  return fmt::format("{}/costs-{}/{}.json", folder_, Sha256Hex(key).substr(0, 16), tensor);
}

std::optional<std::vector<StoredTranslation>> CalibrationStore::LoadTranslations(
    size_t part, size_t count) const {
  const std::string path = PartPath("translations", part);
  return OrWarn(ReadTranslations(path, count), path);
}

void CalibrationStore::SaveTranslations(size_t part,
                                        std::span<const StoredTranslation> translations) const {
  std::vector<std::string> texts;
  std::vector<int64_t> pieces;
  for (const StoredTranslation& translation : translations) {
    texts.push_back(translation.text);
    pieces.push_back(translation.pieces);
  }
  WarnOf(WriteGguf(PartPath("translations", part),
                   {{"general.type", GgufValue::String(kTranslations)},
                    {"texts", GgufValue::Strings(std::move(texts))},
                    {"pieces", GgufValue::I32s(std::move(pieces))}},
                   {}, [](size_t, const ByteSink&) { return Result<void>(); }));
}

std::optional<SensitivityPart> CalibrationStore::LoadSensitivities(size_t part) const {
  const std::string path = PartPath("sensitivities", part);
  return OrWarn(ReadSensitivities(path), path);
}

void CalibrationStore::SaveSensitivities(size_t part, const SensitivityPart& sensitivities) const {
  std::vector<GgufTensorPlan> plans;
  std::vector<const std::vector<float>*> values;
  const auto add = [&](const std::string& name, std::string_view kind, const auto& numbers,
                       std::vector<uint64_t> shape) {
    plans.push_back({name + std::string(kind), BlockType::kF32, std::move(shape)});
    values.push_back(&numbers);
  };
  for (const auto& [name, linear] : sensitivities.linears) {
    add(name, kRows, linear.rows, {linear.rows.size()});
    add(name, kSquares, linear.output_squares, {linear.output_squares.size()});
  }
  for (const auto& [name, table] : sensitivities.tables) {
    const auto dim = static_cast<uint64_t>(table.dim);
    add(name, kMoments, table.mean, {dim, dim});
  }
  WarnOf(WriteGguf(PartPath("sensitivities", part),
                   {{"general.type", GgufValue::String(kSensitivities)},
                    {"predicted", GgufValue::U64(sensitivities.predicted)}},
                   plans, [&](size_t index, const ByteSink& sink) {
                     return sink(std::as_bytes(std::span<const float>(*values[index])));
                   }));
}

std::optional<std::vector<StoredTypeCost>> CalibrationStore::LoadCosts(
    const std::string& key, const std::string& tensor) const {
  const std::string path = CostsPath(key, tensor);
  return OrWarn(ReadCosts(path), path);
}

void CalibrationStore::SaveCosts(const std::string& key, const std::string& tensor,
                                 std::span<const StoredTypeCost> costs) const {
  OrderedJson json = OrderedJson::object();
  for (const StoredTypeCost& cost : costs) json[cost.type] = cost.predicted_kl;
  WarnOf(WriteJsonFile(CostsPath(key, tensor), json));
}

std::string DefaultCacheFolder() {
  if (const std::string chosen = Environment("DRAGOMAN_CACHE"); !chosen.empty()) return chosen;
  if (const std::string xdg = Environment("XDG_CACHE_HOME"); !xdg.empty()) return xdg + "/dragoman";
  if (const std::string home = Environment("HOME"); !home.empty()) return home + "/.cache/dragoman";
  return {};
}

}  // namespace dragoman
