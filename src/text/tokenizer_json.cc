// Reads tokenizer.json as Hugging Face tokenizers write it for Gemma 3 (33 MB, half a million
// merges).
//
// Parsed on demand, in one pass: strings stay in the parser's buffer until the tables are built
// from them. Whatever would make the ids differ from what this program computes is refused, not
// ignored.
#include <fmt/format.h>
#include <simdjson.h>

#include <algorithm>
#include <utility>

#include "base/json.h"
#include "text/tokenizer_data.h"
#include "text/tokenizer_json_options.h"
#include "text/tokenizer_json_tables.h"

namespace dragoman {
namespace {

namespace dom = simdjson::dom;

constexpr size_t kMaxJsonBytes = size_t{512} << 20;  // the real file has 33 MB
constexpr size_t kMaxMerges = size_t{1} << 24;       // the real file has 514,906
constexpr size_t kMaxAddedTokens = size_t{1} << 20;  // the real file has 6,415
constexpr size_t kMaxOptionBytes = 16384;            // of one value that is no table

class TokenizerJsonReader {
 public:
  explicit TokenizerJsonReader(const std::string& where) : where_(where) {}

  // The views in tables() live as long as the parser that `root` belongs to.
  Result<void> Read(dom::object root);
  const TokenizerJsonTables& tables() const { return tables_; }

 private:
  using Pair = std::pair<std::string_view, std::string_view>;

  Result<void> ReadField(std::string_view key, dom::element value);
  Result<void> ReadModel(dom::element value);
  Result<void> ReadModelField(std::string_view key, dom::element value);
  Result<void> ReadAddedTokens(dom::element value);
  Result<AddedTokenEntry> ReadAddedToken(const std::string& field, dom::element value);
  Result<void> ReadAddedTokenFlag(const std::string& field, std::string_view key, bool flag,
                                  AddedTokenEntry& token);
  Result<void> ReadVocab(dom::element value);
  Result<void> ReadMerges(dom::element value);
  Result<Pair> ReadMerge(dom::element value);
  Result<Json> ReadOption(std::string_view key, dom::element value) const;
  Result<void> MarkSeen(std::string_view field);
  Result<void> CheckAllSeen() const;

  // A value of the wrong type, or text that is no JSON: the parser's own words follow.
  tl::unexpected<Error> Bad(std::string_view field, std::string_view expected,
                            simdjson::error_code error) const {
    return Fail(ErrorCode::kCorruptFile,
                fmt::format("{}: expected {}: {}", field, expected, simdjson::error_message(error)),
                where_);
  }

  const std::string& where_;
  std::vector<std::string> seen_;
  TokenizerJsonTables tables_;
};

Result<void> TokenizerJsonReader::Read(dom::object root) {
  for (const auto [key, value] : root) DRAGOMAN_RETURN_IF_ERROR(ReadField(key, value));
  return CheckAllSeen();
}

Result<void> TokenizerJsonReader::MarkSeen(std::string_view field) {
  if (std::find(seen_.begin(), seen_.end(), field) != seen_.end()) {
    return Fail(ErrorCode::kCorruptFile, fmt::format("field \"{}\" is there twice", field), where_);
  }
  seen_.emplace_back(field);
  return {};
}

Result<void> TokenizerJsonReader::CheckAllSeen() const {
  for (const char* field : {"added_tokens", "normalizer", "decoder", "model", "model.type",
                            "model.byte_fallback", "model.vocab", "model.merges"}) {
    if (std::find(seen_.begin(), seen_.end(), field) == seen_.end()) {
      return Fail(ErrorCode::kCorruptFile, fmt::format("field \"{}\" is missing", field), where_);
    }
  }
  return {};
}

Result<void> TokenizerJsonReader::ReadField(std::string_view key, dom::element value) {
  const bool step = key == "normalizer" || key == "pre_tokenizer" || key == "decoder";
  // version, truncation, padding and post_processor have no effect on Encode and Decode.
  if (!step && key != "added_tokens" && key != "model") return {};
  DRAGOMAN_RETURN_IF_ERROR(MarkSeen(key));
  if (key == "added_tokens") return ReadAddedTokens(value);
  if (key == "model") return ReadModel(value);
  const std::string field(key);
  DRAGOMAN_ASSIGN_OR_RETURN(const Json json, ReadOption(field, value));
  return CheckTokenizerStep(field, json, where_);
}

Result<Json> TokenizerJsonReader::ReadOption(std::string_view key, dom::element value) const {
  const std::string raw = simdjson::minify(value);
  if (raw.size() > kMaxOptionBytes) {
    return Fail(
        ErrorCode::kUnsupported,
        fmt::format("{}: expected at most {} bytes, found {}", key, kMaxOptionBytes, raw.size()),
        where_);
  }
  return ParseJson(raw, where_);
}

Result<void> TokenizerJsonReader::ReadModel(dom::element value) {
  dom::object object;
  if (auto error = value.get_object().get(object)) return Bad("model", "an object", error);
  for (const auto [key, member] : object) DRAGOMAN_RETURN_IF_ERROR(ReadModelField(key, member));
  return {};
}

Result<void> TokenizerJsonReader::ReadModelField(std::string_view key, dom::element value) {
  const std::string field = fmt::format("model.{}", key);
  DRAGOMAN_RETURN_IF_ERROR(MarkSeen(field));
  if (key == "vocab") return ReadVocab(value);
  if (key == "merges") return ReadMerges(value);
  const std::string option(key);
  DRAGOMAN_ASSIGN_OR_RETURN(const Json json, ReadOption(field, value));
  return CheckModelOption(option, json, where_);
}

Result<void> TokenizerJsonReader::ReadAddedTokens(dom::element value) {
  dom::array array;
  if (auto error = value.get_array().get(array)) return Bad("added_tokens", "an array", error);
  for (const dom::element token : array) {
    if (tables_.added.size() == kMaxAddedTokens) {
      return Fail(ErrorCode::kCorruptFile,
                  fmt::format("expected at most {} added tokens", kMaxAddedTokens), where_);
    }
    const std::string field = fmt::format("added_tokens[{}]", tables_.added.size());
    DRAGOMAN_ASSIGN_OR_RETURN(tables_.added.emplace_back(), ReadAddedToken(field, token));
  }
  return {};
}

Result<AddedTokenEntry> TokenizerJsonReader::ReadAddedToken(const std::string& field,
                                                            dom::element value) {
  AddedTokenEntry token;
  dom::object object;
  if (auto error = value.get_object().get(object)) return Bad(field, "an object", error);
  for (const auto [key, member] : object) {
    bool flag = false;
    if (key == "id") {
      if (auto error = member.get_int64().get(token.id)) return Bad(field, "an id", error);
    } else if (key == "content") {
      if (auto error = member.get_string().get(token.content)) {
        return Bad(field, "a string as content", error);
      }
    } else if (auto error = member.get_bool().get(flag)) {
      return Bad(field, "true or false", error);
    } else {
      DRAGOMAN_RETURN_IF_ERROR(ReadAddedTokenFlag(field, key, flag, token));
    }
  }
  if (token.id < 0 || token.content.empty()) {
    return Fail(ErrorCode::kCorruptFile,
                fmt::format("{}: expected an id of 0 or more and a content", field), where_);
  }
  return token;
}

Result<void> TokenizerJsonReader::ReadAddedTokenFlag(const std::string& field, std::string_view key,
                                                     bool flag, AddedTokenEntry& token) {
  if (key == "special") {
    token.special = flag;
    return {};
  }
  if (!flag) return {};
  return Fail(ErrorCode::kUnsupported,
              fmt::format("{}: expected \"{}\" to be false, found true", field, key), where_);
}

Result<void> TokenizerJsonReader::ReadVocab(dom::element value) {
  dom::object object;
  if (auto error = value.get_object().get(object)) return Bad("model.vocab", "an object", error);
  tables_.vocab.reserve(object.size());
  for (const auto [piece, id] : object) {
    PieceTable::Entry entry{piece, -1};
    if (auto error = id.get_int64().get(entry.id)) {
      return Bad(fmt::format("model.vocab, piece {}", tables_.vocab.size()), "an id", error);
    }
    tables_.vocab.push_back(entry);
  }
  return {};
}

Result<void> TokenizerJsonReader::ReadMerges(dom::element value) {
  dom::array array;
  if (auto error = value.get_array().get(array)) return Bad("model.merges", "an array", error);
  for (const dom::element pair : array) {
    if (tables_.merges.size() == kMaxMerges) {
      return Fail(ErrorCode::kCorruptFile, fmt::format("expected at most {} merges", kMaxMerges),
                  where_);
    }
    DRAGOMAN_ASSIGN_OR_RETURN(const Pair merge, ReadMerge(pair));
    tables_.merges.push_back(merge);
  }
  return {};
}

// ["left", "right"], or "left right" in older files.
Result<TokenizerJsonReader::Pair> TokenizerJsonReader::ReadMerge(dom::element value) {
  const auto field = [this] { return fmt::format("model.merges[{}]", tables_.merges.size()); };
  dom::array array;
  if (value.get_array().get(array) == simdjson::SUCCESS) {
    std::string_view parts[2];
    size_t count = 0;
    for (const dom::element element : array) {
      std::string_view part;
      if (auto error = element.get_string().get(part)) return Bad(field(), "two strings", error);
      if (count < 2) parts[count] = part;
      ++count;
    }
    if (count == 2) return Pair(parts[0], parts[1]);
    return Fail(ErrorCode::kCorruptFile,
                fmt::format("{}: expected two strings, found {}", field(), count), where_);
  }
  std::string_view both;
  if (auto error = value.get_string().get(both)) return Bad(field(), "two strings", error);
  const size_t space = both.find(' ');
  if (space == std::string_view::npos || both.find(' ', space + 1) != std::string_view::npos) {
    return Fail(ErrorCode::kCorruptFile,
                fmt::format("{}: expected two pieces with one space between them", field()),
                where_);
  }
  return Pair(both.substr(0, space), both.substr(space + 1));
}

}  // namespace

Result<TokenizerData> ReadTokenizerJson(std::string_view json, const std::string& where) {
  if (json.size() > kMaxJsonBytes) {
    return Fail(ErrorCode::kCorruptFile,
                fmt::format("expected at most {} bytes, found {}", kMaxJsonBytes, json.size()),
                where);
  }
  dom::parser parser;
  dom::object root;
  if (auto error = parser.parse(json.data(), json.size()).get_object().get(root)) {
    return Fail(ErrorCode::kCorruptFile,
                fmt::format("expected a JSON object: {}", simdjson::error_message(error)), where);
  }
  TokenizerJsonReader reader(where);
  DRAGOMAN_RETURN_IF_ERROR(reader.Read(root));
  return BuildTokenizerTables(reader.tables(), where);
}

}  // namespace dragoman
