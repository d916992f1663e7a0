// Reading back, cutting off what is torn, appending with fsync.
#include "evaluate/predictions_file.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cmath>
#include <cstring>
#include <filesystem>
#include <utility>

#include "base/atomic_file.h"
#include "base/log.h"

namespace dragoman {
namespace {

constexpr uint64_t kMaxFileBytes = uint64_t{4} << 30;

Result<std::string> TextField(const Json& json, const char* key, const std::string& where) {
  const auto found = json.find(key);
  if (found == json.end() || !found->is_string()) {
    return Fail(ErrorCode::kCorruptFile, fmt::format("expected a string \"{}\"", key), where);
  }
  return found->get<std::string>();
}

Result<double> NumberField(const Json& json, const char* key, const std::string& where) {
  const auto found = json.find(key);
  if (found == json.end() || !found->is_number() || !std::isfinite(found->get<double>())) {
    return Fail(ErrorCode::kCorruptFile, fmt::format("expected a number \"{}\"", key), where);
  }
  return found->get<double>();
}

Result<std::vector<std::string>> TextsField(const Json& json, const char* key,
                                            const std::string& where) {
  std::vector<std::string> texts;
  const auto found = json.find(key);
  if (found == json.end()) return texts;
  if (!found->is_array())
    return Fail(ErrorCode::kCorruptFile, fmt::format("expected a list \"{}\"", key), where);
  for (const Json& item : *found) {
    if (!item.is_string()) {
      return Fail(ErrorCode::kCorruptFile, fmt::format("expected strings in \"{}\"", key), where);
    }
    texts.push_back(item.get<std::string>());
  }
  return texts;
}

// One line without indentation; bytes that are no UTF-8 are replaced, as everywhere in JSON
// outputs.
std::string Line(const OrderedJson& json) {
  return json.dump(-1, ' ', false, OrderedJson::error_handler_t::replace) + "\n";
}

Error IoError(const std::string& what, const std::string& path) {
  return Error{ErrorCode::kIo, fmt::format("{}: {}", what, std::strerror(errno)), path};
}

Result<void> WriteAll(int fd, std::string_view text, const std::string& path) {
  while (!text.empty()) {
    const ssize_t written = ::write(fd, text.data(), text.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) return tl::unexpected(IoError("cannot append", path));
    text.remove_prefix(static_cast<size_t>(written));
  }
  if (::fsync(fd) != 0 && errno != EINVAL && errno != EROFS)
    return tl::unexpected(IoError("cannot sync", path));
  return {};
}

}  // namespace

OrderedJson ToJson(const Prediction& prediction) {
  OrderedJson json;
  json["id"] = prediction.id;
  json["pair"] = prediction.pair;
  json["source_lang"] = prediction.source_lang;
  json["target_lang"] = prediction.target_lang;
  json["domain"] = prediction.domain;
  json["source"] = prediction.source;
  json["reference"] = prediction.reference;
  json["hypothesis"] = prediction.hypothesis;
  json["new_tokens"] = prediction.new_tokens;
  json["latency_ms"] = prediction.latency_ms;
  json["first_token_ms"] = prediction.first_token_ms;
  json["seconds"] = prediction.seconds;
  json["length_limit"] = prediction.length_limit;
  if (!prediction.warnings.empty()) json["warnings"] = prediction.warnings;
  if (!prediction.keep.empty()) json["keep"] = prediction.keep;
  return json;
}

Result<Prediction> ParsePrediction(const Json& json, const std::string& where) {
  if (!json.is_object()) return Fail(ErrorCode::kCorruptFile, "expected an object", where);
  Prediction one;
  const std::pair<const char*, std::string*> texts[] = {{"id", &one.id},
                                                        {"pair", &one.pair},
                                                        {"source_lang", &one.source_lang},
                                                        {"target_lang", &one.target_lang},
                                                        {"domain", &one.domain},
                                                        {"source", &one.source},
                                                        {"reference", &one.reference},
                                                        {"hypothesis", &one.hypothesis}};
  for (const auto& text : texts) {
    DRAGOMAN_ASSIGN_OR_RETURN(*text.second, TextField(json, text.first, where));
  }
  DRAGOMAN_ASSIGN_OR_RETURN(const double tokens, NumberField(json, "new_tokens", where));
  if (tokens < 0 || tokens > 1e9)
    return Fail(ErrorCode::kCorruptFile, "\"new_tokens\" out of range", where);
  one.new_tokens = static_cast<int64_t>(tokens);
  DRAGOMAN_ASSIGN_OR_RETURN(one.latency_ms, NumberField(json, "latency_ms", where));
  if (json.contains("first_token_ms")) {  // files from before it was measured lack it
    DRAGOMAN_ASSIGN_OR_RETURN(one.first_token_ms, NumberField(json, "first_token_ms", where));
  }
  DRAGOMAN_ASSIGN_OR_RETURN(one.seconds, NumberField(json, "seconds", where));
  const auto limit = json.find("length_limit");
  if (limit == json.end() || !limit->is_boolean()) {
    return Fail(ErrorCode::kCorruptFile, "expected true or false in \"length_limit\"", where);
  }
  one.length_limit = limit->get<bool>();
  DRAGOMAN_ASSIGN_OR_RETURN(one.warnings, TextsField(json, "warnings", where));
  DRAGOMAN_ASSIGN_OR_RETURN(one.keep, TextsField(json, "keep", where));
  return one;
}

namespace {

struct Trusted {
  std::vector<Prediction> predictions;
  size_t bytes = 0;  // that they and the header take
};

// Up to the first line that is torn or damaged; nothing when the header is another run's.
Trusted TrustedPart(const std::string& text, const std::string& header, const std::string& path) {
  Trusted trusted;
  if (text.rfind(header, 0) != 0) return trusted;
  trusted.bytes = header.size();
  for (size_t number = 2;; ++number) {
    const size_t end = text.find('\n', trusted.bytes);
    if (end == std::string::npos) return trusted;
    const std::string where = fmt::format("{}: line {}", path, number);
    const auto line = std::string_view(text).substr(trusted.bytes, end - trusted.bytes);
    const auto json = ParseJson(line, where, 8);
    if (!json) return trusted;
    auto prediction = ParsePrediction(*json, where);
    if (!prediction) return trusted;
    trusted.predictions.push_back(std::move(*prediction));
    trusted.bytes = end + 1;
  }
}

}  // namespace

PredictionsFile::PredictionsFile(PredictionsFile&& other) noexcept
    : fd_(std::exchange(other.fd_, -1)),
      path_(std::move(other.path_)),
      held_(std::move(other.held_)) {}

PredictionsFile::~PredictionsFile() {
  if (fd_ >= 0) ::close(fd_);
}

Result<PredictionsFile> PredictionsFile::Open(const std::string& path, const OrderedJson& header) {
  std::error_code ec;
  const auto folder = std::filesystem::path(path).parent_path();
  if (!folder.empty())
    std::filesystem::create_directories(folder, ec);  // a failure shows in open()
  PredictionsFile file;
  file.path_ = path;
  file.fd_ = ::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0644);
  if (file.fd_ < 0) return tl::unexpected(IoError("cannot open", path));

  DRAGOMAN_ASSIGN_OR_RETURN(const std::string text, ReadFile(path, kMaxFileBytes));
  Trusted trusted = TrustedPart(text, Line(header), path);
  for (Prediction& prediction : trusted.predictions) {
    auto key = std::make_pair(prediction.pair, prediction.id);
    file.held_.insert_or_assign(std::move(key), std::move(prediction));
  }
  if (trusted.bytes < text.size()) {
    LogInfo("{}: {} of {} bytes belong to this run; the rest is done again", path, trusted.bytes,
            text.size());
  }
  if (::ftruncate(file.fd_, static_cast<off_t>(trusted.bytes)) != 0) {
    return tl::unexpected(IoError("cannot cut off the torn end", path));
  }
  if (::lseek(file.fd_, 0, SEEK_END) < 0) return tl::unexpected(IoError("cannot seek", path));
  if (trusted.bytes == 0) DRAGOMAN_RETURN_IF_ERROR(WriteAll(file.fd_, Line(header), path));
  DRAGOMAN_RETURN_IF_ERROR(file.TakeInParts(header));
  return file;
}

Result<void> PredictionsFile::TakeInParts(const OrderedJson& header) {
  std::error_code ec;
  for (const std::string& part : PartsBeside(path_)) {
    DRAGOMAN_ASSIGN_OR_RETURN(std::vector<Prediction> predictions, ReadPredictions(part, header));
    LogInfo("{}: {} predictions of a run that did not end", part, predictions.size());
    DRAGOMAN_RETURN_IF_ERROR(TakeIn(std::move(predictions)));
    std::filesystem::remove(part, ec);
  }
  return {};
}

Result<void> PredictionsFile::TakeIn(std::vector<Prediction> predictions) {
  std::vector<Prediction> added;
  for (Prediction& prediction : predictions) {
    const auto key = std::make_pair(prediction.pair, prediction.id);
    if (held_.emplace(key, prediction).second) added.push_back(std::move(prediction));
  }
  return Append(added);
}

const Prediction* PredictionsFile::Find(const std::string& pair, const std::string& id) const {
  const auto found = held_.find({pair, id});
  return found == held_.end() ? nullptr : &found->second;
}

Result<void> PredictionsFile::Append(std::span<const Prediction> predictions) {
  return WriteAll(fd_, FormatPredictions(predictions), path_);
}

std::string PartPath(const std::string& path, int rank) {
  return fmt::format("{}.part-{}", path, rank);
}

std::vector<std::string> PartsBeside(const std::string& path) {
  namespace fs = std::filesystem;
  const fs::path file(path);
  const std::string prefix = file.filename().string() + ".part-";
  std::vector<std::string> parts;
  std::error_code ec;
  const fs::path folder = file.has_parent_path() ? file.parent_path() : fs::path(".");
  for (fs::directory_iterator entry(folder, ec), end; !ec && entry != end; entry.increment(ec)) {
    const std::string name = entry->path().filename().string();
    const bool numbered = name.size() > prefix.size() && name.rfind(prefix, 0) == 0 &&
                          name.find_first_not_of("0123456789", prefix.size()) == std::string::npos;
    if (numbered && entry->is_regular_file(ec)) parts.push_back(entry->path().string());
  }
  std::sort(parts.begin(), parts.end());
  return parts;
}

Result<std::vector<Prediction>> ReadPredictions(const std::string& path,
                                                const OrderedJson& header) {
  DRAGOMAN_ASSIGN_OR_RETURN(const std::string text, ReadFile(path, kMaxFileBytes));
  return TrustedPart(text, Line(header), path).predictions;
}

std::string FormatPredictions(std::span<const Prediction> predictions) {
  std::string lines;
  for (const Prediction& prediction : predictions) lines += Line(ToJson(prediction));
  return lines;
}

Result<std::vector<Prediction>> ParsePredictions(std::string_view lines, const std::string& where) {
  std::vector<Prediction> predictions;
  while (!lines.empty()) {
    const size_t end = std::min(lines.find('\n'), lines.size());
    const std::string line_name = fmt::format("{}: line {}", where, predictions.size() + 1);
    DRAGOMAN_ASSIGN_OR_RETURN(const Json json, ParseJson(lines.substr(0, end), line_name, 8));
    DRAGOMAN_ASSIGN_OR_RETURN(Prediction prediction, ParsePrediction(json, line_name));
    predictions.push_back(std::move(prediction));
    lines.remove_prefix(std::min(end + 1, lines.size()));
  }
  return predictions;
}

}  // namespace dragoman
