// Translation Memory eXchange, https://www.gala-global.org/tmx-14b
#include <fmt/format.h>

#include <algorithm>
#include <set>
#include <utility>

#include "evaluate/blank_text.h"
#include "evaluate/import/formats.h"
#include "evaluate/import/xml_reader.h"
#include "evaluate/metrics/white_space.h"
#include "text/protected_spans.h"

namespace dragoman {
namespace {

const std::string* Find(const XmlHandler::Attributes& attributes, const char* name) {
  const auto found = attributes.find(name);
  return found == attributes.end() ? nullptr : &found->second;
}

Error Corrupt(std::string message) { return {ErrorCode::kCorruptFile, std::move(message), ""}; }

// What a code of formatting stands for in the running text. A break parts words; placeholders
// ({0}, %s) are for the translator to carry over.
std::string TextOfCode(std::string_view code, bool is_break) {
  const std::string_view bare = Strip(code);
  if (is_break || bare.rfind("<br", 0) == 0 || bare == "\\n" || (bare.empty() && !code.empty()))
    return " ";
  const std::vector<ProtectedSpan> spans = FindProtectedSpans(bare);
  const bool placeholder = spans.size() == 1 && spans[0].text == bare &&
                           (bare[0] == '{' || bare[0] == '%' || bare[0] == '$');
  return placeholder ? std::string(bare) : std::string();
}

// Segments as they run: the line breaks and indentation of a file laid out for people are one
// space, and so are two that a code stood between.
std::string AsRunningText(std::string_view text) {
  std::string out;
  for (size_t i = 0; i < text.size(); ++i) {
    const bool indented =
        (text[i] == '\n' || text[i] == '\r') && i + 1 < text.size() &&
        (text[i + 1] == ' ' || text[i + 1] == '\t' || text[i + 1] == '\n' || text[i + 1] == '\r');
    const char c = indented || text[i] == '\t' ? ' ' : text[i];
    if (c != ' ' || out.empty() || out.back() != ' ') out += c;
  }
  return std::string(Strip(out));
}

class TmxHandler : public XmlHandler {
 public:
  explicit TmxHandler(ParsedSuite& parsed) : parsed_(parsed) {}

  Result<void> Begin(const std::string& name, const Attributes& attributes, size_t line) override {
    if (!seen_root_ && name != "tmx")
      return tl::unexpected(Corrupt(fmt::format("expected <tmx>, found <{}>", name)));
    seen_root_ = true;
    if (in_segment_) {
      if (skipped_ == 0 && IsCode(name)) BeginCode(attributes);
      skipped_ += skipped_ > 0 || IsCode(name) ? 1 : 0;
    } else if (name == "tu") {
      return BeginUnit(attributes, line);
    } else if (name == "tuv") {
      return BeginVariant(attributes);
    } else if (name == "seg") {
      in_segment_ = true;
      text_.clear();
    } else if (name == "prop") {
      const std::string* type = Find(attributes, "type");
      in_domain_ = type != nullptr && (*type == "domain" || *type == "x-domain");
      text_.clear();
    }
    return {};
  }

  Result<void> End(const std::string& name) override {
    if (in_segment_ && name != "seg") {
      skipped_ -= skipped_ > 0 ? 1 : 0;
      if (skipped_ == 0 && IsCode(name)) text_ += TextOfCode(code_, is_break_);
    } else if (name == "seg") {
      in_segment_ = false;
      return KeepSegment();
    } else if (name == "prop" && in_domain_) {
      in_domain_ = false;
      entry_.domain = FirstBytes(Strip(text_), 100);
    } else if (name == "tu") {
      return EndUnit();
    }
    return {};
  }

  Result<void> Text(std::string_view text) override {
    if (in_segment_ && skipped_ > 0 && code_.size() < kMostCodeBytes) code_ += text;
    if ((!in_segment_ || skipped_ > 0) && !in_domain_) return {};
    text_ += text;  // valid UTF-8: expat has converted it
    if (text_.size() <= kMaxTextBytes) return {};
    return CheckText(text_, "");
  }

 private:
  static constexpr size_t kMostCodeBytes = 200;  // longer ones are no placeholders

  static bool IsCode(const std::string& name) {
    return name == "bpt" || name == "ept" || name == "ph" || name == "it" || name == "ut";
  }

  void BeginCode(const Attributes& attributes) {
    const std::string* type = Find(attributes, "type");
    is_break_ = type != nullptr && (*type == "lb" || *type == "x-lb");
    code_.clear();
  }

  Result<void> BeginUnit(const Attributes& attributes, size_t line) {
    const std::string* id = Find(attributes, "tuid");
    entry_ = {};
    entry_.id = id == nullptr || id->empty() ? fmt::format("tu{:06}", ++numbered_) : *id;
    entry_.id = FirstBytes(entry_.id, 200);
    entry_.line = line;
    // Tools that merge memories repeat ids; the line keeps them apart.
    if (!ids_.insert(entry_.id).second) entry_.id += fmt::format("@{}", line);
    ids_.insert(entry_.id);
    return {};
  }

  Result<void> BeginVariant(const Attributes& attributes) {
    const std::string* code = Find(attributes, "xml:lang");
    if (code == nullptr) code = Find(attributes, "lang");  // TMX 1.1
    language_.clear();
    // A private code ("x-none") is a tool's own business; the other languages of the unit count.
    is_private_ = code != nullptr && (code->rfind("x-", 0) == 0 || code->rfind("X-", 0) == 0);
    if (is_private_) return {};
    if (code == nullptr || !LooksLikeLanguageCode(*code)) {
      return tl::unexpected(
          Corrupt(fmt::format("<tuv>: expected xml:lang with a language code, found \"{}\"",
                              code == nullptr ? "" : FirstBytes(*code, 100))));
    }
    language_ = PromptCode(*code);
    return {};
  }

  Result<void> KeepSegment() {
    if (is_private_) return {};
    if (language_.empty())
      return tl::unexpected(Corrupt("expected <seg> inside <tuv>, found it outside"));
    if (IsBlankText(text_)) {
      ++parsed_.suite.blanks;
    } else if (!entry_.text.emplace(language_, AsRunningText(text_)).second) {
      ++parsed_.suite.alternatives;
    }
    return {};
  }

  Result<void> EndUnit() {
    language_.clear();
    is_private_ = false;
    if (entry_.text.size() < 2) return {};
    if (entry_.domain.empty()) entry_.domain = "memory";
    for (const auto& text : entry_.text) {
      auto& known = parsed_.languages;
      if (std::find(known.begin(), known.end(), text.first) == known.end())
        known.push_back(text.first);
    }
    constexpr size_t kMostLanguages = 1000;
    if (parsed_.multilingual.size() >= kMaxSuiteSamples ||
        parsed_.languages.size() > kMostLanguages) {
      return tl::unexpected(Corrupt(fmt::format("expected at most {} units in {} languages",
                                                kMaxSuiteSamples, kMostLanguages)));
    }
    parsed_.multilingual.push_back(std::move(entry_));
    entry_ = {};
    return {};
  }

  ParsedSuite& parsed_;
  SuiteEntry entry_;
  std::string language_, text_, code_;
  std::set<std::string> ids_;
  size_t numbered_ = 0;
  int skipped_ = 0;  // depth inside a code of formatting
  bool seen_root_ = false, in_segment_ = false, in_domain_ = false;
  bool is_break_ = false, is_private_ = false;
};

}  // namespace

Result<void> ParseTmx(std::string_view text, const std::string& where, ParsedSuite& parsed) {
  TmxHandler handler(parsed);
  return ReadXml(text, where, handler);
}

}  // namespace dragoman
