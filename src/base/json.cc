#include "base/json.h"

#include <set>
#include <utility>
#include <vector>

#include "base/atomic_file.h"

namespace dragoman {
namespace {

// Follows the parser and remembers why it had to stop.
class Guard {
 public:
  explicit Guard(int max_depth) : max_depth_(max_depth) {}

  bool operator()(int depth, Json::parse_event_t event, Json& value) {
    if (event == Json::parse_event_t::object_start) keys_.emplace_back();
    if (event == Json::parse_event_t::object_end && !keys_.empty()) keys_.pop_back();
    if (event == Json::parse_event_t::key && !keys_.empty()) {
      const auto& key = value.get_ref<const std::string&>();
      if (!keys_.back().insert(key).second && problem_.empty()) problem_ = "duplicate key \"" + key + "\"";
    }
    if (depth > max_depth_) {
      if (problem_.empty()) problem_ = "nested deeper than " + std::to_string(max_depth_) + " levels";
      return false;  // drops the value, so the tree stays shallow
    }
    return true;
  }
  const std::string& problem() const { return problem_; }

 private:
  int max_depth_;
  std::string problem_;
  std::vector<std::set<std::string>> keys_;
};

template <typename AnyJson>
std::string Dump(const AnyJson& json) {
  return json.dump(2, ' ', false, AnyJson::error_handler_t::replace) + "\n";
}

}  // namespace

Result<Json> ParseJson(std::string_view text, const std::string& where, int max_depth) {
  Guard guard(max_depth);
  try {
    Json json = Json::parse(text.begin(), text.end(), std::ref(guard));
    if (!guard.problem().empty()) return Fail(ErrorCode::kCorruptFile, "JSON: " + guard.problem(), where);
    return json;
  } catch (const Json::exception& e) {
    return Fail(ErrorCode::kCorruptFile, std::string("not valid JSON: ") + e.what(), where);
  }
}

Result<Json> ReadJsonFile(const std::string& path, uint64_t max_bytes) {
  DRAGOMAN_ASSIGN_OR_RETURN(std::string text, ReadFile(path, max_bytes));
  return ParseJson(text, path);
}

std::string DumpJson(const Json& json) { return Dump(json); }
std::string DumpJson(const OrderedJson& json) { return Dump(json); }

Result<void> WriteJsonFile(const std::string& path, const Json& json) {
  return WriteFileAtomically(path, DumpJson(json));
}
Result<void> WriteJsonFile(const std::string& path, const OrderedJson& json) {
  return WriteFileAtomically(path, DumpJson(json));
}

}  // namespace dragoman
