// Tables with tabs, and FLORES+'s files of one language.
#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <map>
#include <utility>

#include "base/json.h"
#include "evaluate/blank_text.h"
#include "evaluate/import/formats.h"
#include "evaluate/metrics/white_space.h"
#include "text/languages.h"

namespace dragoman {
namespace {

constexpr size_t kMaxColumns = 1000;
constexpr size_t kNoColumn = static_cast<size_t>(-1);

std::vector<std::string_view> Fields(std::string_view line) {
  std::vector<std::string_view> fields;
  for (size_t begin = 0; begin <= line.size() && fields.size() <= kMaxColumns;) {
    const size_t end = std::min(line.find('\t', begin), line.size());
    fields.push_back(line.substr(begin, end - begin));
    begin = end + 1;
  }
  return fields;
}

bool IsInQuotes(std::string_view field) {
  return field.size() >= 2 && field.front() == '"' && field.back() == '"';
}

// Spreadsheets quote fields that hold a quote, and double it: "Say ""no"".". A sentence that merely
// stands in quotes has none doubled inside; it is a quoted field where the names are quoted too.
std::string Unquoted(std::string_view field, bool all_quoted) {
  if (!IsInQuotes(field)) return std::string(field);
  const std::string_view inner = field.substr(1, field.size() - 2);
  std::string text;
  for (size_t i = 0; i < inner.size(); ++i) {
    if (inner[i] == '"' && inner.substr(i, 2) != "\"\"") return std::string(field);
    i += inner[i] == '"' ? 1 : 0;
    text += inner[i];
  }
  return all_quoted || text.size() < inner.size() ? text : std::string(field);
}

bool AreAllQuoted(const std::vector<std::string_view>& fields) {
  return std::all_of(fields.begin(), fields.end(),
                     [](std::string_view field) { return IsInQuotes(Strip(field)); });
}

std::string FieldAt(const std::vector<std::string_view>& fields, size_t column, bool all_quoted) {
  if (column == kNoColumn) return {};
  return std::string(Strip(Unquoted(Strip(fields[column]), all_quoted)));
}

std::string LowerName(std::string_view name) {
  std::string out;
  for (const char c : name) out += static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  return out;
}

size_t ColumnNamed(const std::vector<std::string>& head,
                   std::initializer_list<std::string_view> names) {
  for (size_t i = 0; i < head.size(); ++i) {
    if (std::find(names.begin(), names.end(), head[i]) != names.end()) return i;
  }
  return kNoColumn;
}

// Which column plays which part.
struct Columns {
  size_t id = kNoColumn, domain = kNoColumn, source = kNoColumn, reference = kNoColumn;
  size_t source_lang = kNoColumn, target_lang = kNoColumn;
  std::vector<std::pair<size_t, std::string>> languages;
  size_t count = 0;
  bool headed = false, quoted = false;  // names there; all of them in quotes
};

// A column's language by its code or its English name; empty when it has none.
std::string LanguageOfColumn(const std::string& name) {
  if (LooksLikeLanguageCode(name)) return PromptCode(name);
  const auto known = FindLanguage(name);
  return known ? known->code : std::string();
}

// `id_is_text`: a column named "id" is Indonesian, not the ids.
Columns ReadHead(const std::vector<std::string_view>& fields, bool id_is_text) {
  Columns columns;
  columns.count = fields.size();
  columns.quoted = AreAllQuoted(fields);
  std::vector<std::string> names, head;
  for (size_t i = 0; i < fields.size(); ++i) {
    names.push_back(FieldAt(fields, i, columns.quoted));
    head.push_back(LowerName(names.back()));
  }
  columns.id = ColumnNamed(head, {"id", "sid", "segment_id", "sentence_id", "line"});
  columns.domain = ColumnNamed(head, {"domain", "genre", "topic"});
  columns.source = ColumnNamed(head, {"source", "src", "source_text"});
  columns.reference =
      ColumnNamed(head, {"target", "tgt", "trg", "reference", "ref", "translation", "target_text"});
  columns.source_lang = ColumnNamed(head, {"source_lang", "src_lang", "source_language"});
  columns.target_lang =
      ColumnNamed(head, {"target_lang", "tgt_lang", "trg_lang", "target_language"});
  columns.headed = columns.source != kNoColumn && columns.reference != kNoColumn;
  if (columns.headed) return columns;
  if (id_is_text && columns.id != kNoColumn && head[columns.id] == "id") columns.id = kNoColumn;
  size_t unnamed = 0;  // left by a tab at the end of every line
  for (size_t i = 0; i < fields.size(); ++i) {
    unnamed += names[i].empty() ? 1 : 0;
    if (names[i].empty() || i == columns.id || i == columns.domain) continue;
    if (std::string language = LanguageOfColumn(names[i]); !language.empty())
      columns.languages.emplace_back(i, std::move(language));
  }
  // Two words could be a first line of a headless table, so every column has to have its part.
  const size_t parts = columns.languages.size() + unnamed + (columns.id != kNoColumn ? 1 : 0) +
                       (columns.domain != kNoColumn ? 1 : 0);
  columns.headed = columns.languages.size() >= 2 && parts == fields.size();
  if (!columns.headed) columns.languages.clear();
  return columns;
}

// Ids hold no spaces; sentences do. And a table of languages has two of them.
Columns ReadHeadOf(const LanguageText& lines, const std::vector<std::string_view>& first) {
  constexpr size_t kRowsRead = 20;
  Columns columns = ReadHead(first, false);
  if (columns.source != kNoColumn && columns.headed) return columns;
  const Columns other = ReadHead(first, true);
  if (!columns.headed || !other.headed) return columns.headed ? columns : other;
  for (size_t i = 1; i < std::min(lines.segments.size(), kRowsRead + 1); ++i) {
    const std::vector<std::string_view> fields = Fields(lines.segments[i].text);
    if (fields.size() != columns.count || columns.id == kNoColumn) continue;
    const std::string id = FieldAt(fields, columns.id, columns.quoted);
    if (id.find(' ') != std::string::npos) return other;
  }
  return columns;
}

bool IsNumber(std::string_view text) {
  return !text.empty() && text.find_first_not_of("0123456789") == std::string_view::npos;
}

// Columns of a table without names: by their number.
Result<Columns> ReadHeadless(const std::vector<std::string_view>& fields, const std::string& from,
                             const std::string& to, const std::string& where) {
  Columns columns;
  columns.count = fields.size();
  if (fields.size() == 3 && IsNumber(Strip(fields[0]))) {
    columns.id = 0;
    columns.source = 1;
    columns.reference = 2;
  } else if (fields.size() == 2) {
    columns.source = 0;
    columns.reference = 1;
  } else {
    return Fail(ErrorCode::kCorruptFile,
                fmt::format("expected column names (source and target, or language codes), or two "
                            "columns, or a number and two; found {} columns",
                            fields.size()),
                where + ": line 1");
  }
  if (from.empty() || to.empty()) {
    return Fail(ErrorCode::kInvalidArgument,
                "expected --from LANG and --languages LANG, for the table has no column names",
                where);
  }
  return columns;
}

// A table's rows as texts of each language, or as whole samples.
class TableReader {
 public:
  TableReader(Columns columns, std::string from, std::string to, std::string where,
              ParsedSuite& parsed)
      : columns_(std::move(columns)),
        from_(std::move(from)),
        to_(std::move(to)),
        where_(std::move(where)),
        parsed_(parsed) {
    for (const auto& column : columns_.languages) texts_.push_back({column.second, where_, {}});
  }

  Result<void> AddRow(const Segment& line) {
    const std::string here = fmt::format("{}: line {}", where_, line.line);
    const std::vector<std::string_view> fields = Fields(line.text);
    if (fields.size() != columns_.count) {
      return Fail(ErrorCode::kCorruptFile,
                  fmt::format("expected {} columns, found {}", columns_.count, fields.size()),
                  here);
    }
    const std::string id = FirstBytes(Field(fields, columns_.id), 200);
    const std::string domain = FirstBytes(Field(fields, columns_.domain), 100);
    if (!texts_.empty()) {
      for (size_t i = 0; i < texts_.size(); ++i) {
        texts_[i].segments.push_back(
            {id, domain, Field(fields, columns_.languages[i].first), line.line});
      }
      return {};
    }
    return AddSample(fields, id, domain, line.line);
  }

  Result<void> Finish() { return AlignLanguages(std::move(texts_), "table", parsed_); }

 private:
  std::string Field(const std::vector<std::string_view>& fields, size_t column) const {
    return FieldAt(fields, column, columns_.quoted);
  }

  // A table has few codes and many rows, and looking one up is slow.
  std::string CodeIn(const std::vector<std::string_view>& fields, size_t column) {
    const std::string code = Field(fields, column);
    const auto known = codes_.find(code);
    if (known != codes_.end()) return known->second;
    return codes_.emplace(code, PromptCode(code)).first->second;
  }

  Result<void> AddSample(const std::vector<std::string_view>& fields, const std::string& id,
                         const std::string& domain, size_t line) {
    SuiteSample sample;
    sample.line = line;
    sample.numbered = id.empty();
    sample.id = id.empty() ? fmt::format("{:06}", ++rows_) : id;
    sample.domain = domain.empty() ? "table" : domain;
    sample.source = Field(fields, columns_.source);
    sample.reference = Field(fields, columns_.reference);
    sample.source_lang =
        columns_.source_lang == kNoColumn ? from_ : CodeIn(fields, columns_.source_lang);
    sample.target_lang =
        columns_.target_lang == kNoColumn ? to_ : CodeIn(fields, columns_.target_lang);
    if (sample.source_lang.empty() || sample.target_lang.empty()) {
      return Fail(ErrorCode::kInvalidArgument,
                  "expected --from LANG and --languages LANG, for the table does not say which "
                  "languages it holds",
                  fmt::format("{}: line {}", where_, line));
    }
    if (IsBlankText(sample.source) || IsBlankText(sample.reference)) {
      ++parsed_.suite.blanks;
      return {};
    }
    parsed_.suite.samples.push_back(std::move(sample));
    return {};
  }

  Columns columns_;
  std::string from_, to_, where_;
  ParsedSuite& parsed_;
  std::vector<LanguageText> texts_;
  std::map<std::string, std::string> codes_;
  size_t rows_ = 0;
};

std::string NumberOrText(const Json& object, const char* key) {
  const auto found = object.find(key);
  if (found == object.end()) return {};
  if (found->is_string()) return FirstBytes(found->get<std::string>(), 100);
  return found->is_number_integer() ? fmt::format("{}", found->get<int64_t>()) : std::string();
}

}  // namespace

Result<void> ParseTsv(std::string_view text, const std::string& where, const std::string& from,
                      const std::string& to, ParsedSuite& parsed) {
  DRAGOMAN_ASSIGN_OR_RETURN(const LanguageText lines, SplitLines(text, "", where));
  if (lines.segments.empty())
    return Fail(ErrorCode::kCorruptFile, "expected a table, found an empty file", where);
  const std::vector<std::string_view> first = Fields(lines.segments[0].text);
  if (first.size() < 2 || first.size() > kMaxColumns) {
    return Fail(
        ErrorCode::kCorruptFile,
        fmt::format("expected 2 to {} columns between tabs, found {}", kMaxColumns, first.size()),
        where + ": line 1");
  }
  Columns columns = ReadHeadOf(lines, first);
  const size_t begin = columns.headed ? 1 : 0;
  if (!columns.headed) {
    DRAGOMAN_ASSIGN_OR_RETURN(columns, ReadHeadless(first, from, to, where));
  }
  TableReader reader(std::move(columns), from, to, where, parsed);
  for (size_t i = begin; i < lines.segments.size(); ++i) {
    if (Strip(lines.segments[i].text).empty()) continue;
    DRAGOMAN_RETURN_IF_ERROR(reader.AddRow(lines.segments[i]));
  }
  return reader.Finish();
}

Result<LanguageText> ParseFloresTsv(std::string_view text, std::string language,
                                    const std::string& where) {
  DRAGOMAN_ASSIGN_OR_RETURN(const LanguageText lines, SplitLines(text, "", where));
  std::vector<std::string_view> names;
  if (!lines.segments.empty()) names = Fields(lines.segments[0].text);
  const bool quoted = AreAllQuoted(names);
  std::vector<std::string> head;
  for (size_t i = 0; i < names.size(); ++i) head.push_back(LowerName(FieldAt(names, i, quoted)));
  const size_t id = ColumnNamed(head, {"id"});
  const size_t domain = ColumnNamed(head, {"domain"});
  const size_t sentence = ColumnNamed(head, {"text", "sentence"});
  if (sentence == kNoColumn) {
    return Fail(ErrorCode::kCorruptFile,
                "expected a column named \"text\" between tabs, found none", where + ": line 1");
  }
  LanguageText out{std::move(language), where, {}};
  for (size_t i = 1; i < lines.segments.size(); ++i) {
    if (Strip(lines.segments[i].text).empty()) continue;
    const std::vector<std::string_view> fields = Fields(lines.segments[i].text);
    if (fields.size() != head.size()) {
      return Fail(ErrorCode::kCorruptFile,
                  fmt::format("expected {} columns, found {}", head.size(), fields.size()),
                  fmt::format("{}: line {}", where, i + 1));
    }
    out.segments.push_back({FirstBytes(FieldAt(fields, id, quoted), 200),
                            FirstBytes(FieldAt(fields, domain, quoted), 100),
                            FieldAt(fields, sentence, quoted), i + 1});
  }
  return out;
}

Result<LanguageText> ParseFloresJsonl(std::string_view text, std::string language,
                                      const std::string& where) {
  DRAGOMAN_ASSIGN_OR_RETURN(const LanguageText lines, SplitLines(text, "", where));
  LanguageText out{std::move(language), where, {}};
  for (const Segment& line : lines.segments) {
    if (Strip(line.text).empty()) continue;
    const std::string here = fmt::format("{}: line {}", where, line.line);
    DRAGOMAN_ASSIGN_OR_RETURN(const Json json, ParseJson(line.text, here, 8));
    const auto sentence = json.is_object() ? json.find("text") : json.end();
    if (!json.is_object() || sentence == json.end() || !sentence->is_string()) {
      return Fail(ErrorCode::kCorruptFile,
                  "expected an object with a string \"text\", found something else", here);
    }
    out.segments.push_back({NumberOrText(json, "id"), NumberOrText(json, "domain"),
                            std::string(Strip(sentence->get_ref<const std::string&>())),
                            line.line});
  }
  return out;
}

}  // namespace dragoman
