// Copies tokenizer.json element by element: 33 MB whose order must stay, and which no tree of a
// general JSON library should hold.
#include "text/trimmed_tokenizer_json.h"

#include <fmt/format.h>
#include <simdjson.h>

#include <algorithm>
#include <string>
#include <unordered_set>
#include <utility>
#include <vector>

#include "text/kept_languages.h"

namespace dragoman {
namespace {

namespace dom = simdjson::dom;

// With its quotes and escapes. Requires: UTF-8, which the parser has checked.
std::string Quoted(std::string_view text) { return Json(text).dump(); }

// Members of an object or elements of an array, with the commas between them.
class JsonListWriter {
 public:
  explicit JsonListWriter(std::string& out) : out_(out) {}
  std::string& Next() {
    if (!first_) out_.push_back(',');
    first_ = false;
    return out_;
  }
  std::string& Next(std::string_view key) { return Next().append(Quoted(key)).append(":"); }

 private:
  std::string& out_;
  bool first_ = true;
};

class TokenizerJsonTrimmer {
 public:
  TokenizerJsonTrimmer(const VocabularyTrim& trim, const std::string& where)
      : trim_(trim), where_(where) {}

  Result<std::string> Trim(std::string_view json) {
    dom::parser parser;
    dom::object root;
    if (auto error = parser.parse(json.data(), json.size()).get_object().get(root)) {
      return Bad("the file", "a JSON object", error);
    }
    out_.reserve(json.size());
    // The merges name pieces: which ones stay is known from the vocabulary and the added tokens.
    DRAGOMAN_RETURN_IF_ERROR(CollectKeptPieces(root));
    DRAGOMAN_RETURN_IF_ERROR(WriteRoot(root));
    return std::move(out_);
  }

 private:
  tl::unexpected<Error> Bad(std::string_view field, std::string_view expected,
                            simdjson::error_code error) const {
    return Fail(ErrorCode::kCorruptFile,
                fmt::format("{}: expected {}: {}", field, expected, simdjson::error_message(error)),
                where_);
  }

  Result<void> CollectKeptPieces(dom::object root) {
    dom::object vocab;
    if (auto error = root["model"]["vocab"].get_object().get(vocab)) {
      return Bad("model.vocab", "an object", error);
    }
    for (const auto& field : vocab) {
      int64_t id = 0;
      if (auto error = field.value.get_int64().get(id)) return Bad("model.vocab", "ids", error);
      if (trim_.NewId(id) >= 0) kept_pieces_.insert(field.key);
    }
    return {};
  }

  Result<void> WriteRoot(dom::object root) {
    out_.push_back('{');
    JsonListWriter fields(out_);
    for (const auto& field : root) {
      fields.Next(field.key);
      DRAGOMAN_RETURN_IF_ERROR(WriteRootField(field.key, field.value));
    }
    out_.push_back('}');
    return {};
  }

  Result<void> WriteRootField(std::string_view key, dom::element value) {
    if (key == "added_tokens") return WriteAddedTokens(value);
    if (key == "model") return WriteModel(value);
    if (key == "post_processor" || key == "padding") return WriteWithIds(key, value);
    out_.append(simdjson::minify(value));
    return {};
  }

  Result<void> WriteAddedTokens(dom::element value) {
    dom::array tokens;
    if (auto error = value.get_array().get(tokens)) return Bad("added_tokens", "an array", error);
    out_.push_back('[');
    JsonListWriter list(out_);
    for (const dom::element token : tokens) {
      int64_t id = 0;
      if (auto error = token["id"].get_int64().get(id)) return Bad("added_tokens", "ids", error);
      if (trim_.NewId(id) < 0) continue;
      list.Next().push_back('{');
      JsonListWriter fields(out_);
      for (const auto& field : dom::object(token)) {
        fields.Next(field.key);
        out_.append(field.key == "id" ? std::to_string(trim_.NewId(id))
                                      : simdjson::minify(field.value));
      }
      out_.push_back('}');
    }
    out_.push_back(']');
    return {};
  }

  Result<void> WriteModel(dom::element value) {
    dom::object model;
    if (auto error = value.get_object().get(model)) return Bad("model", "an object", error);
    out_.push_back('{');
    JsonListWriter fields(out_);
    for (const auto& field : model) {
      fields.Next(field.key);
      if (field.key == "vocab") {
        DRAGOMAN_RETURN_IF_ERROR(WriteVocab(field.value));
      } else if (field.key == "merges") {
        DRAGOMAN_RETURN_IF_ERROR(WriteMerges(field.value));
      } else {
        out_.append(simdjson::minify(field.value));
      }
    }
    out_.push_back('}');
    return {};
  }

  Result<void> WriteVocab(dom::element value) {
    dom::object vocab;
    if (auto error = value.get_object().get(vocab)) return Bad("model.vocab", "an object", error);
    out_.push_back('{');
    JsonListWriter pieces(out_);
    for (const auto& field : vocab) {
      int64_t old_id = 0;
      if (auto error = field.value.get_int64().get(old_id)) return Bad("model.vocab", "ids", error);
      const int32_t id = trim_.NewId(old_id);
      if (id >= 0) pieces.Next(field.key).append(std::to_string(id));
    }
    out_.push_back('}');
    return {};
  }

  Result<void> WriteMerges(dom::element value) {
    dom::array merges;
    if (auto error = value.get_array().get(merges)) return Bad("model.merges", "an array", error);
    out_.push_back('[');
    JsonListWriter list(out_);
    for (const dom::element merge : merges) {
      DRAGOMAN_ASSIGN_OR_RETURN(const auto parts, PartsOf(merge));
      const bool kept = kept_pieces_.contains(parts.first) && kept_pieces_.contains(parts.second) &&
                        kept_pieces_.contains(std::string(parts.first).append(parts.second));
      if (kept) list.Next().append(simdjson::minify(merge));
    }
    out_.push_back(']');
    return {};
  }

  // ["left", "right"], or "left right" in older files.
  Result<std::pair<std::string_view, std::string_view>> PartsOf(dom::element merge) const {
    std::string_view left, right;
    if (merge.is_array()) {
      if (auto error = merge.at(0).get_string().get(left))
        return Bad("model.merges", "two strings", error);
      if (auto error = merge.at(1).get_string().get(right))
        return Bad("model.merges", "two strings", error);
      return std::pair(left, right);
    }
    std::string_view both;
    if (auto error = merge.get_string().get(both)) return Bad("model.merges", "a pair", error);
    const size_t space = both.find(' ');
    if (space == std::string_view::npos) {
      return Fail(ErrorCode::kCorruptFile, "model.merges: expected a space between two pieces",
                  where_);
    }
    return std::pair(both.substr(0, space), both.substr(space + 1));
  }

  Result<void> WriteWithIds(std::string_view key, dom::element value) {
    const std::string text = simdjson::minify(value);
    // Checked for depth and duplicate keys first: the ordered kind has no such checks of its own.
    DRAGOMAN_RETURN_IF_ERROR(ParseJson(text, where_));
    OrderedJson json = OrderedJson::parse(text);
    if (!MapIds(json)) {
      return Fail(ErrorCode::kUnsupported,
                  fmt::format("{}: expected it to name kept tokens only, found another", key),
                  where_);
    }
    out_.append(json.dump());
    return {};
  }

  // "ids": [2]   "pad_id": 0   "sep": ["<eos>", 1]
  bool MapIds(OrderedJson& json) const {
    if (!json.is_structured()) return true;
    const bool token_and_id =
        json.is_array() && json.size() == 2 && json[0].is_string() && json[1].is_number_integer();
    if (token_and_id) return MapId(json[1]);
    for (auto& [key, value] : json.items()) {
      if (key == "pad_id" && value.is_number_integer() && !MapId(value)) return false;
      if (key == "ids" && value.is_array()) {
        for (OrderedJson& id : value) {
          if (!id.is_number_integer() || !MapId(id)) return false;
        }
      } else if (!MapIds(value)) {
        return false;
      }
    }
    return true;
  }

  bool MapId(OrderedJson& id) const {
    const int32_t mapped = trim_.NewId(id.get<int64_t>());
    id = mapped;
    return mapped >= 0;
  }

  const VocabularyTrim& trim_;
  const std::string& where_;
  std::unordered_set<std::string_view> kept_pieces_;  // into the parser's buffer
  std::string out_;
};

bool NamesTokenIds(std::string_view key) {
  return key.ends_with("_token_id") || key.ends_with("_token_index");
}

// One id or several; what went is left out. Null when nothing stays.
OrderedJson MappedIds(const VocabularyTrim& trim, const OrderedJson& value) {
  if (value.is_number_integer()) {
    const int32_t id = trim.NewId(value.get<int64_t>());
    return id < 0 ? OrderedJson() : OrderedJson(id);
  }
  if (!value.is_array()) return value;
  OrderedJson ids = OrderedJson::array();
  for (const OrderedJson& one : value) {
    OrderedJson mapped = one.is_number_integer() ? MappedIds(trim, one) : one;
    if (!mapped.is_null()) ids.push_back(std::move(mapped));
  }
  return ids;
}

void TrimConfigLevel(const VocabularyTrim& trim, OrderedJson& config) {
  OrderedJson mapped = OrderedJson::object();
  for (auto& [key, value] : config.items()) {
    if (key == "text_config" && value.is_object()) TrimConfigLevel(trim, value);
    if (key == "vocab_size") value = trim.kept_ids.size();
    if (NamesTokenIds(key) && !value.is_null()) {
      value = MappedIds(trim, value);
      if (value.is_null()) continue;
    }
    mapped[key] = std::move(value);
  }
  config = std::move(mapped);
}

std::string ConfigKey(std::string_view gguf_key) {
  std::string key(gguf_key);
  std::replace(key.begin(), key.end(), '.', '_');
  return key;
}

}  // namespace

Result<std::string> TrimTokenizerJson(std::string_view json, const VocabularyTrim& trim,
                                      const std::string& where) {
  return TokenizerJsonTrimmer(trim, where).Trim(json);
}

void TrimModelConfig(const VocabularyTrim& trim, OrderedJson& config) {
  if (!config.is_object()) return;
  TrimConfigLevel(trim, config);
  OrderedJson codes = OrderedJson::array();
  for (const Language& language : trim.languages) codes.push_back(language.code);
  config[ConfigKey(kKeptLanguagesKey)] = std::move(codes);
  config[ConfigKey(kKeptScriptsKey)] = trim.scripts;
}

void TrimTokenizerConfig(const VocabularyTrim& trim, OrderedJson& config) {
  const char* key = "added_tokens_decoder";
  if (!config.is_object() || !config.contains(key) || !config[key].is_object()) return;
  OrderedJson tokens = OrderedJson::object();
  // Ids are spelled as keys. Anything else that stands there is no token's.
  for (auto& [id, token] : config[key].items()) {
    const bool digits =
        !id.empty() && id.size() <= 9 && id.find_first_not_of("0123456789") == std::string::npos;
    const int32_t mapped = digits ? trim.NewId(std::stoll(id)) : -1;
    if (mapped >= 0) tokens[std::to_string(mapped)] = std::move(token);
  }
  config[key] = std::move(tokens);
}

void TrimAddedTokens(const VocabularyTrim& trim, OrderedJson& tokens) {
  if (!tokens.is_object()) return;
  OrderedJson kept = OrderedJson::object();
  for (const auto& [piece, id] : tokens.items()) {
    const int32_t mapped = id.is_number_integer() ? trim.NewId(id.get<int64_t>()) : -1;
    if (mapped >= 0) kept[piece] = mapped;
  }
  tokens = std::move(kept);
}

}  // namespace dragoman
