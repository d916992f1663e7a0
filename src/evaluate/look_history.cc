#include "evaluate/look_history.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/json.h"

namespace dragoman {
namespace {

constexpr std::string_view kLookSchema = "dragoman.monitor_look/1";
constexpr size_t kMostLooks = 1'000'000;

bool IsSha256(const std::string& text) {
  constexpr size_t kHexDigits = 64;
  return text.size() == kHexDigits &&
         text.find_first_not_of("0123456789abcdef") == std::string::npos;
}

Result<Look> ParseLook(std::string_view line, const std::string& where) {
  DRAGOMAN_ASSIGN_OR_RETURN(const Json json, ParseJson(line, where));
  const auto text = [&json](const char* key) {
    const bool there = json.is_object() && json.contains(key) && json[key].is_string();
    return there ? json[key].get<std::string>() : std::string();
  };
  Look look{text("evidence_sha256"), text("verdict")};
  if (text("schema") == kLookSchema && IsSha256(look.evidence_sha256)) return look;
  return Fail(ErrorCode::kCorruptFile,
              fmt::format("expected a look with schema {} and evidence_sha256, found {}",
                          kLookSchema, line.substr(0, 80)),
              where);
}

}  // namespace

Result<std::vector<Look>> ParseLooks(std::string_view text, const std::string& where) {
  std::vector<Look> looks;
  size_t number = 0;
  while (!text.empty()) {
    const size_t end = std::min(text.find('\n'), text.size());
    const std::string_view line = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    ++number;
    if (line.empty()) continue;
    if (looks.size() == kMostLooks) {
      return Fail(ErrorCode::kCorruptFile, fmt::format("expected at most {} looks", kMostLooks),
                  where);
    }
    DRAGOMAN_ASSIGN_OR_RETURN(Look look,
                              ParseLook(line, fmt::format("{}: line {}", where, number)));
    looks.push_back(std::move(look));
  }
  return looks;
}

std::string FormatLooks(const std::vector<Look>& looks) {
  std::string text;
  for (size_t i = 0; i < looks.size(); ++i) {
    const OrderedJson line = {{"schema", kLookSchema},
                              {"look", i + 1},
                              {"evidence_sha256", looks[i].evidence_sha256},
                              {"verdict", looks[i].verdict}};
    text += line.dump() + "\n";
  }
  return text;
}

int64_t NumberOfLook(const std::vector<Look>& looks, const std::string& evidence_sha256) {
  const auto found = std::find_if(looks.begin(), looks.end(), [&evidence_sha256](const Look& one) {
    return one.evidence_sha256 == evidence_sha256;
  });
  return 1 + static_cast<int64_t>(found - looks.begin());
}

}  // namespace dragoman
