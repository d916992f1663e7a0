#include "evaluate/feedback_log.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <utility>

#include "base/json.h"
#include "evaluate/metrics/white_space.h"

namespace dragoman {
namespace {

constexpr std::string_view kFeedbackSchema = "dragoman.feedback/1";
constexpr size_t kMostRecords = 4'000'000;
constexpr size_t kLongestText = size_t{1} << 20;
constexpr size_t kLongestName = 200;

// Fills `into` where the field is there; "" and absence mean the same.
Result<void> TakeText(const Json& json, const char* key, size_t most, const std::string& where,
                      std::string& into) {
  const auto found = json.find(key);
  if (found == json.end() || found->is_null()) return {};
  if (!found->is_string()) {
    return Fail(ErrorCode::kCorruptFile,
                fmt::format("\"{}\": expected a string, found {}", key, found->type_name()), where);
  }
  const auto& text = found->get_ref<const std::string&>();
  if (text.size() > most) {
    return Fail(ErrorCode::kCorruptFile,
                fmt::format("\"{}\": expected at most {} bytes, found {}", key, most, text.size()),
                where);
  }
  if (!text.empty()) into = text;
  return {};
}

// "2026-11-26T10:00:00Z": times in this form sort as texts do.
bool IsUtcTime(std::string_view time) {
  constexpr std::string_view kForm = "dddd-dd-ddTdd:dd:dd";
  if (time.size() < kForm.size() + 1 || time.back() != 'Z') return false;
  for (size_t i = 0; i < kForm.size(); ++i) {
    const bool digit = time[i] >= '0' && time[i] <= '9';
    if (kForm[i] == 'd' ? !digit : time[i] != kForm[i]) return false;
  }
  const std::string_view fraction = time.substr(kForm.size(), time.size() - kForm.size() - 1);
  return fraction.empty() || (fraction[0] == '.' && fraction.find_first_not_of("0123456789", 1) ==
                                                        std::string_view::npos);
}

Result<void> TakeTexts(const Json& json, const std::string& where, FeedbackRecord& record) {
  const struct {
    const char* key;
    size_t most;
    std::string* into;
  } fields[] = {{"id", kLongestName, &record.id},
                {"time", kLongestName, &record.time},
                {"source_lang", kLongestName, &record.source_lang},
                {"target_lang", kLongestName, &record.target_lang},
                {"source", kLongestText, &record.source},
                {"translation", kLongestText, &record.translation},
                {"correction", kLongestText, &record.correction},
                {"error", kLongestText, &record.error},
                {"model_sha256", kLongestName, &record.model_sha256}};
  for (const auto& field : fields)
    DRAGOMAN_RETURN_IF_ERROR(TakeText(json, field.key, field.most, where, *field.into));
  if (record.time.empty() || IsUtcTime(record.time)) return {};
  return Fail(
      ErrorCode::kCorruptFile,
      fmt::format("\"time\": expected UTC such as 2026-11-26T10:00:00Z, found \"{}\"", record.time),
      where);
}

Result<void> TakeVote(const Json& json, const std::string& where, FeedbackRecord& record) {
  std::string vote;
  DRAGOMAN_RETURN_IF_ERROR(TakeText(json, "vote", kLongestName, where, vote));
  if (vote == "up") record.vote = Vote::kUp;
  if (vote == "down") record.vote = Vote::kDown;
  if (!vote.empty() && vote != "up" && vote != "down") {
    return Fail(ErrorCode::kCorruptFile,
                fmt::format("\"vote\": expected \"up\" or \"down\", found \"{}\"", vote), where);
  }
  if (const auto latency = json.find("latency_ms"); latency != json.end() && !latency->is_null()) {
    const double ms = latency->is_number() ? latency->get<double>() : -1;
    if (!std::isfinite(ms) || ms < 0)
      return Fail(ErrorCode::kCorruptFile, "\"latency_ms\": expected a number from 0 up", where);
    record.latency_ms = ms;
  }
  if (const auto limit = json.find("length_limit"); limit != json.end() && limit->is_boolean())
    record.length_limit = limit->get<bool>();
  return {};
}

Result<FeedbackRecord> ParseRecord(std::string_view line, const std::string& where) {
  DRAGOMAN_ASSIGN_OR_RETURN(const Json json, ParseJson(line, where, 8));
  if (!json.is_object()) {
    return Fail(ErrorCode::kCorruptFile,
                fmt::format("expected an object, found {}", json.type_name()), where);
  }
  if (const auto schema = json.find("schema"); schema != json.end() && *schema != kFeedbackSchema) {
    return Fail(ErrorCode::kUnsupported,
                fmt::format("expected schema \"{}\", found {}", kFeedbackSchema,
                            schema->dump(-1, ' ', true, Json::error_handler_t::replace)),
                where);
  }
  FeedbackRecord record;
  DRAGOMAN_RETURN_IF_ERROR(TakeTexts(json, where, record));
  DRAGOMAN_RETURN_IF_ERROR(TakeVote(json, where, record));
  return record;
}

// What the later line says counts; what it does not say stays.
void Complete(FeedbackRecord& record, FeedbackRecord later) {
  const std::pair<std::string FeedbackRecord::*, bool> fields[] = {
      {&FeedbackRecord::time, false},       {&FeedbackRecord::source_lang, true},
      {&FeedbackRecord::target_lang, true}, {&FeedbackRecord::source, true},
      {&FeedbackRecord::translation, true}, {&FeedbackRecord::correction, true},
      {&FeedbackRecord::error, true},       {&FeedbackRecord::model_sha256, true}};
  for (const auto& [field, replaces] : fields) {
    if (!(later.*field).empty() && (replaces || (record.*field).empty()))
      record.*field = std::move(later.*field);
  }
  if (later.vote != Vote::kNone) record.vote = later.vote;
  if (later.latency_ms > 0) record.latency_ms = later.latency_ms;
  record.length_limit |= later.length_limit;
}

Result<void> CheckWhole(const FeedbackRecord& record, const std::string& where) {
  if (!record.source_lang.empty() && !record.target_lang.empty()) return {};
  return Fail(ErrorCode::kCorruptFile,
              fmt::format("record {}: expected source_lang and target_lang, found none", record.id),
              where);
}

}  // namespace

Result<std::vector<FeedbackRecord>> ParseFeedback(std::string_view text, const std::string& where) {
  std::vector<FeedbackRecord> records;
  std::map<std::string, size_t> index;
  for (size_t number = 1; !text.empty(); ++number) {
    const size_t end = std::min(text.find('\n'), text.size());
    const std::string_view line = Strip(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
    if (line.empty()) continue;
    const std::string here = fmt::format("{}: line {}", where, number);
    DRAGOMAN_ASSIGN_OR_RETURN(FeedbackRecord record, ParseRecord(line, here));
    if (record.id.empty()) record.id = fmt::format("line {}", number);
    const auto [known, fresh] = index.emplace(record.id, records.size());
    if (!fresh) {
      Complete(records[known->second], std::move(record));
      continue;
    }
    if (records.size() >= kMostRecords) {
      return Fail(ErrorCode::kCorruptFile, fmt::format("expected at most {} records", kMostRecords),
                  here);
    }
    records.push_back(std::move(record));
  }
  for (const FeedbackRecord& record : records) DRAGOMAN_RETURN_IF_ERROR(CheckWhole(record, where));
  return records;
}

}  // namespace dragoman
