// WMT's SGML before 2021. A line may hold a bare & or <, so it is searched for its tags instead of
// being parsed as XML.
#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <set>
#include <utility>

#include "base/utf8.h"
#include "evaluate/import/formats.h"
#include "evaluate/metrics/white_space.h"
#include "text/languages.h"

namespace dragoman {
namespace {

constexpr size_t kMaxTagBytes = 4096;

struct Tag {
  std::string name;           // lower case, "/doc" for an end
  std::string_view rest;      // its attributes
  size_t begin = 0, end = 0;  // of the whole, in the text
};

std::string Lower(std::string_view text) {
  std::string out;
  for (const char c : text) out += static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  return out;
}

// The next of the tags that matter, from `at` on; end 0 when there is none.
Tag NextTag(std::string_view text, size_t at) {
  static constexpr std::string_view kNames[] = {"srcset", "refset", "tstset", "doc",
                                                "/doc",   "seg",    "/seg"};
  for (size_t open = text.find('<', at); open != std::string_view::npos;
       open = text.find('<', open + 1)) {
    size_t end = open + 1;
    while (end < text.size() && end - open < 10 &&
           (std::isalpha(static_cast<unsigned char>(text[end])) != 0 || text[end] == '/'))
      ++end;
    const std::string name = Lower(text.substr(open + 1, end - open - 1));
    if (std::find(std::begin(kNames), std::end(kNames), name) == std::end(kNames)) continue;
    const size_t close = text.substr(0, std::min(text.size(), end + kMaxTagBytes)).find('>', end);
    if (close == std::string_view::npos) continue;
    return {name, text.substr(end, close - end), open, close + 1};
  }
  return {};
}

// The value of name="value" or name=value; empty when it is not there.
std::string Attribute(std::string_view tag, const std::string& name) {
  const std::string lower = Lower(tag);
  for (size_t at = lower.find(name); at != std::string::npos; at = lower.find(name, at + 1)) {
    const bool whole = at == 0 || std::isspace(static_cast<unsigned char>(lower[at - 1])) != 0;
    size_t value = at + name.size();
    if (!whole || value >= lower.size() || lower[value] != '=') continue;
    ++value;
    const char quote = value < tag.size() ? tag[value] : ' ';
    if (quote == '"' || quote == '\'') {
      const size_t end = tag.find(quote, value + 1);
      return std::string(
          tag.substr(value + 1, end == std::string_view::npos ? end : end - value - 1));
    }
    return std::string(tag.substr(value, tag.find_first_of(" \t\r\n", value) - value));
  }
  return {};
}

// &amp; &lt; &gt; &quot; &apos; and numbered characters; a bare & stays.
std::string Unescape(std::string_view text) {
  std::string out;
  for (size_t i = 0; i < text.size(); ++i) {
    const size_t end = text[i] == '&' ? text.substr(i, 12).find(';') : std::string_view::npos;
    if (end == std::string_view::npos) {
      out += text[i];
      continue;
    }
    const std::string name(text.substr(i + 1, end - 1));
    char32_t value = 0;
    if (name == "amp") value = '&';
    if (name == "lt") value = '<';
    if (name == "gt") value = '>';
    if (name == "quot") value = '"';
    if (name == "apos") value = '\'';
    if (name.size() > 1 && name[0] == '#') {
      const bool hex = name[1] == 'x' || name[1] == 'X';
      const unsigned long number =
          std::strtoul(name.c_str() + (hex ? 2 : 1), nullptr, hex ? 16 : 10);
      const bool character =
          number > 0 && number <= 0x10ffff && (number < 0xd800 || number > 0xdfff);
      value = character ? static_cast<char32_t>(number) : 0;
    }
    if (value == 0) {
      out += text[i];
      continue;
    }
    AppendUtf8(value, out);
    i += end;
  }
  return out;
}

// Newlines counted once, from front to back.
class LineCounter {
 public:
  explicit LineCounter(std::string_view text) : text_(text) {}
  size_t LineAt(size_t offset) {
    line_ +=
        static_cast<size_t>(std::count(text_.begin() + static_cast<std::ptrdiff_t>(at_),
                                       text_.begin() + static_cast<std::ptrdiff_t>(offset), '\n'));
    at_ = offset;
    return line_;
  }

 private:
  std::string_view text_;
  size_t at_ = 0, line_ = 1;
};

// "de", or "German" as the sets of NIST and the first ones of WMT say.
std::string LanguageOfSet(const std::string& name) {
  if (LooksLikeLanguageCode(name)) return PromptCode(name);
  const auto known = FindLanguage(name);
  return known ? known->code : std::string();
}

// What a set holds, as its tag says; the language is empty where the file's name knows it.
struct SetHead {
  bool is_source = false;
  std::string set_id, language;
};

Result<SetHead> ReadSetHead(const Tag& tag, const std::string& here) {
  if (tag.name == "tstset")
    return Fail(ErrorCode::kInvalidArgument,
                "expected a source set or a reference set, found a system's output (tstset)", here);
  SetHead head{tag.name == "srcset", Attribute(tag.rest, "setid"), ""};
  const std::string code = Attribute(tag.rest, head.is_source ? "srclang" : "trglang");
  if (code == "any") return head;  // the source languages of all documents
  head.language = LanguageOfSet(code);
  if (head.language.empty()) {
    return Fail(ErrorCode::kCorruptFile,
                fmt::format("<{}>: expected {} with a language code, found \"{}\"", tag.name,
                            head.is_source ? "srclang" : "trglang", FirstBytes(code, 100)),
                here);
  }
  return head;
}

// All sets of a file are one text, so they have to be of one kind and language.
Result<void> BeginSet(const Tag& tag, const std::string& here, bool is_first, SgmFile& file) {
  DRAGOMAN_ASSIGN_OR_RETURN(SetHead head, ReadSetHead(tag, here));
  const auto say = [](bool is_source, const std::string& language) {
    return fmt::format("<{}> in \"{}\"", is_source ? "srcset" : "refset",
                       language.empty() ? "any" : language);
  };
  if (!is_first && (head.is_source != file.is_source || head.language != file.text.language)) {
    return Fail(
        ErrorCode::kCorruptFile,
        fmt::format("expected sets of one kind and language in a file, as {} before, "
                    "found {}",
                    say(file.is_source, file.text.language), say(head.is_source, head.language)),
        here);
  }
  file.is_source = head.is_source;
  file.set_id = std::move(head.set_id);
  file.text.language = std::move(head.language);
  return {};
}

Result<Segment> ReadSegment(std::string_view text, const Tag& open, const Tag& close,
                            const std::string& document, const std::string& here) {
  if (close.name != "/seg") {
    return Fail(ErrorCode::kCorruptFile,
                fmt::format("<seg>: expected </seg>, found {}",
                            close.end == 0 ? "the end of the file" : "<" + close.name + ">"),
                here);
  }
  const std::string id = Attribute(open.rest, "id");
  if (id.empty() || id.size() > 100)
    return Fail(ErrorCode::kCorruptFile, "<seg>: expected an id, found none", here);
  const std::string_view inner = text.substr(open.end, close.begin - open.end);
  DRAGOMAN_RETURN_IF_ERROR(CheckText(inner, here));
  return Segment{document + "#" + id, "", Unescape(Strip(inner)), 0};
}

}  // namespace

Result<SgmFile> ParseSgm(std::string_view text, const std::string& where) {
  SgmFile file;
  file.text.where = where;
  LineCounter lines(text);
  std::string document, genre;
  std::set<std::string> ids;
  bool in_set = false;
  for (Tag tag = NextTag(text, 0); tag.end != 0; tag = NextTag(text, tag.end)) {
    const size_t line = lines.LineAt(tag.begin);
    const std::string here = fmt::format("{}: line {}", where, line);
    if (tag.name == "srcset" || tag.name == "refset" || tag.name == "tstset") {
      DRAGOMAN_RETURN_IF_ERROR(CheckText(tag.rest, here));
      DRAGOMAN_RETURN_IF_ERROR(BeginSet(tag, here, !in_set, file));
      in_set = true;
    } else if (tag.name == "doc") {
      DRAGOMAN_RETURN_IF_ERROR(CheckText(tag.rest, here));
      document = FirstBytes(Attribute(tag.rest, "docid"), 200);
      genre = FirstBytes(Attribute(tag.rest, "genre"), 100);
    } else if (tag.name == "seg") {
      if (!in_set)
        return Fail(ErrorCode::kCorruptFile, "expected <srcset> or <refset> first, found <seg>",
                    here);
      const Tag close = NextTag(text, tag.end);
      DRAGOMAN_ASSIGN_OR_RETURN(Segment segment, ReadSegment(text, tag, close, document, here));
      segment.line = line;
      segment.domain = genre;
      tag = close;
      if (ids.insert(segment.id).second) {
        file.text.segments.push_back(std::move(segment));
      } else if (file.is_source) {
        return Fail(ErrorCode::kCorruptFile,
                    fmt::format("expected each segment once, found \"{}\" again", segment.id),
                    here);
      } else {
        ++file.alternatives;
      }
    }
  }
  if (!in_set)
    return Fail(ErrorCode::kCorruptFile, "expected <srcset> or <refset>, found neither", where);
  return file;
}

}  // namespace dragoman
