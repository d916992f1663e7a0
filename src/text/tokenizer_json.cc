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

namespace od = simdjson::ondemand;

constexpr size_t kMaxJsonBytes = size_t{512} << 20;  // the real file has 33 MB
constexpr size_t kMaxAddedTokens = size_t{1} << 20;  // the real file has 6,415
constexpr size_t kMaxOptionBytes = 16384;            // of one value that is no table

class TokenizerJsonReader {
 public:
  explicit TokenizerJsonReader(const std::string& where) : where_(where) {}

  Result<TokenizerData> Read(std::string_view padded_json);

 private:
  using Pair = std::pair<std::string_view, std::string_view>;

  Result<void> ReadFields(od::object root);
  Result<void> ReadField(std::string_view key, od::value value);
  Result<void> ReadModel(od::value value);
  Result<void> ReadModelField(std::string_view key, od::value value);
  Result<void> ReadAddedTokens(od::value value);
  Result<AddedTokenEntry> ReadAddedToken(const std::string& field, od::value value);
  Result<void> ReadAddedTokenFlag(const std::string& field, std::string_view key, bool flag,
                                  AddedTokenEntry& token);
  Result<void> ReadVocab(od::value value);
  Result<void> ReadMerges(od::document& document, TokenizerTableBuilder& builder);
  Result<Pair> ReadMerge(size_t index, od::value value);
  Result<Json> ReadOption(std::string_view key, od::value value) const;
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
  std::vector<PieceTable::Entry> vocab_;
  std::vector<AddedTokenEntry> added_;
};

Result<TokenizerData> TokenizerJsonReader::Read(std::string_view padded_json) {
  od::parser parser;
  od::document document;
  od::object root;
  const size_t with_padding = padded_json.size() + simdjson::SIMDJSON_PADDING;
  const simdjson::padded_string_view view(padded_json, with_padding);
  if (auto error = parser.iterate(view).get(document)) return Bad("the file", "JSON", error);
  if (auto error = document.get_object().get(root)) return Bad("the file", "an object", error);
  DRAGOMAN_RETURN_IF_ERROR(ReadFields(root));
  if (document.current_location().error() != simdjson::OUT_OF_BOUNDS) {
    return Fail(ErrorCode::kCorruptFile, "expected nothing after the closing brace", where_);
  }
  DRAGOMAN_RETURN_IF_ERROR(CheckAllSeen());
  TokenizerTableBuilder builder(where_);
  DRAGOMAN_RETURN_IF_ERROR(builder.SetPieces(std::move(vocab_), added_));
  DRAGOMAN_RETURN_IF_ERROR(ReadMerges(document, builder));
  return builder.Finish();
}

Result<void> TokenizerJsonReader::ReadFields(od::object root) {
  for (auto field : root) {
    std::string_view key;
    od::value value;
    if (auto error = field.unescaped_key().get(key)) return Bad("the file", "a field", error);
    if (auto error = field.value().get(value)) return Bad(key, "a value", error);
    DRAGOMAN_RETURN_IF_ERROR(ReadField(key, value));
  }
  return {};
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

Result<void> TokenizerJsonReader::ReadField(std::string_view key, od::value value) {
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

Result<Json> TokenizerJsonReader::ReadOption(std::string_view key, od::value value) const {
  std::string_view raw;
  if (auto error = simdjson::to_json_string(value).get(raw)) return Bad(key, "a value", error);
  if (raw.size() > kMaxOptionBytes) {
    return Fail(
        ErrorCode::kUnsupported,
        fmt::format("{}: expected at most {} bytes, found {}", key, kMaxOptionBytes, raw.size()),
        where_);
  }
  return ParseJson(raw, where_);
}

Result<void> TokenizerJsonReader::ReadModel(od::value value) {
  od::object object;
  if (auto error = value.get_object().get(object)) return Bad("model", "an object", error);
  for (auto field : object) {
    std::string_view key;
    od::value member;
    if (auto error = field.unescaped_key().get(key)) return Bad("model", "a field", error);
    if (auto error = field.value().get(member)) return Bad("model", "a value", error);
    DRAGOMAN_RETURN_IF_ERROR(ReadModelField(key, member));
  }
  return {};
}

Result<void> TokenizerJsonReader::ReadModelField(std::string_view key, od::value value) {
  const std::string field = fmt::format("model.{}", key);
  DRAGOMAN_RETURN_IF_ERROR(MarkSeen(field));
  if (key == "vocab") return ReadVocab(value);
  if (key == "merges") return {};  // see ReadMerges
  const std::string option(key);
  DRAGOMAN_ASSIGN_OR_RETURN(const Json json, ReadOption(field, value));
  return CheckModelOption(option, json, where_);
}

Result<void> TokenizerJsonReader::ReadAddedTokens(od::value value) {
  od::array array;
  if (auto error = value.get_array().get(array)) return Bad("added_tokens", "an array", error);
  for (auto element : array) {
    od::value token;
    if (auto error = element.get(token)) return Bad("added_tokens", "an object", error);
    if (added_.size() == kMaxAddedTokens) {
      return Fail(ErrorCode::kCorruptFile,
                  fmt::format("expected at most {} added tokens", kMaxAddedTokens), where_);
    }
    const std::string field = fmt::format("added_tokens[{}]", added_.size());
    DRAGOMAN_ASSIGN_OR_RETURN(added_.emplace_back(), ReadAddedToken(field, token));
  }
  return {};
}

Result<AddedTokenEntry> TokenizerJsonReader::ReadAddedToken(const std::string& field,
                                                            od::value value) {
  AddedTokenEntry token;
  od::object object;
  if (auto error = value.get_object().get(object)) return Bad(field, "an object", error);
  for (auto member : object) {
    std::string_view key;
    bool flag = false;
    if (auto error = member.unescaped_key().get(key)) return Bad(field, "a field", error);
    if (key == "id") {
      if (auto error = member.value().get_int64().get(token.id)) return Bad(field, "an id", error);
    } else if (key == "content") {
      if (auto error = member.value().get_string().get(token.content)) {
        return Bad(field, "a string as content", error);
      }
    } else if (auto error = member.value().get_bool().get(flag)) {
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

Result<void> TokenizerJsonReader::ReadVocab(od::value value) {
  od::object object;
  if (auto error = value.get_object().get(object)) return Bad("model.vocab", "an object", error);
  size_t count = 0;
  if (auto error = object.count_fields().get(count)) return Bad("model.vocab", "an object", error);
  vocab_.reserve(count);  // each field takes four bytes of the file and more
  for (auto field : object) {
    PieceTable::Entry entry;
    const auto which = [this] { return fmt::format("model.vocab, piece {}", vocab_.size()); };
    if (auto error = field.unescaped_key().get(entry.piece)) return Bad(which(), "a string", error);
    if (auto error = field.value().get_int64().get(entry.id)) return Bad(which(), "an id", error);
    vocab_.push_back(entry);
  }
  return {};
}

// The strings of the first pass are overwritten from here on.
Result<void> TokenizerJsonReader::ReadMerges(od::document& document,
                                             TokenizerTableBuilder& builder) {
  document.rewind();
  od::array array;
  size_t count = 0;
  auto error = document["model"]["merges"].get_array().get(array);
  if (!error) error = array.count_elements().get(count);
  if (error) return Bad("model.merges", "an array", error);
  DRAGOMAN_RETURN_IF_ERROR(builder.StartMerges(count));
  constexpr size_t kBatch = 32;
  std::vector<Pair> batch;
  size_t index = 0;
  for (auto element : array) {
    od::value value;
    if (auto bad = element.get(value)) return Bad("model.merges", "a pair", bad);
    DRAGOMAN_ASSIGN_OR_RETURN(batch.emplace_back(), ReadMerge(index++, value));
    if (batch.size() < kBatch) continue;
    DRAGOMAN_RETURN_IF_ERROR(builder.AddMerges(batch));
    batch.clear();
  }
  return builder.AddMerges(batch);
}

// ["left", "right"], or "left right" in older files.
Result<TokenizerJsonReader::Pair> TokenizerJsonReader::ReadMerge(size_t index, od::value value) {
  const auto field = [index] { return fmt::format("model.merges[{}]", index); };
  od::array array;
  if (value.get_array().get(array) == simdjson::SUCCESS) {
    std::string_view parts[2];
    size_t count = 0;
    for (auto element : array) {
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

Result<TokenizerData> ReadTokenizerJson(std::string_view json, bool is_padded,
                                        const std::string& where) {
  if (json.size() > kMaxJsonBytes) {
    return Fail(ErrorCode::kCorruptFile,
                fmt::format("expected at most {} bytes, found {}", kMaxJsonBytes, json.size()),
                where);
  }
  if (is_padded) return TokenizerJsonReader(where).Read(json);
  const simdjson::padded_string copy(json);
  return TokenizerJsonReader(where).Read(copy);
}

}  // namespace dragoman
