// WMT's XML, as sacreBLEU's wmt21 and later sets have it.
#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <set>
#include <utility>

#include "evaluate/blank_text.h"
#include "evaluate/import/formats.h"
#include "evaluate/import/xml_reader.h"
#include "evaluate/metrics/white_space.h"

namespace dragoman {
namespace {

std::string AttributeOf(const XmlHandler::Attributes& attributes, const char* name) {
  const auto found = attributes.find(name);
  return found == attributes.end() ? std::string() : found->second;
}

class WmtHandler : public XmlHandler {
 public:
  explicit WmtHandler(ParsedSuite& parsed) : parsed_(parsed) {}

  Result<void> Begin(const std::string& name, const Attributes& attributes, size_t line) override {
    if (name == "doc") return BeginDocument(attributes, line);
    if (name == "src" || name == "ref" || name == "hyp") return BeginVersion(name, attributes);
    if (name != "seg" || version_.empty()) return {};
    segment_ = AttributeOf(attributes, "id");
    line_ = line;
    if (segment_.empty() || segment_.size() > 100) {
      return Fail(ErrorCode::kCorruptFile,
                  fmt::format("<seg>: expected an id, found \"{}\"", FirstBytes(segment_, 100)));
    }
    in_segment_ = true;
    text_.clear();
    return {};
  }

  Result<void> End(const std::string& name) override {
    if (name == "seg" && in_segment_) {
      in_segment_ = false;
      return KeepSegment();
    }
    if (name == "src" || name == "ref" || name == "hyp") version_.clear();
    if (name == "doc") return EndDocument();
    return {};
  }

  Result<void> Text(std::string_view text) override {
    if (!in_segment_) return {};
    text_ += text;  // valid UTF-8: expat has converted it
    if (text_.size() <= kMaxTextBytes) return {};
    return CheckText(text_, "");
  }

 private:
  struct Pair {
    std::string segment, source;
    std::map<std::string, std::string> references;  // by language; the first of each that is there
    size_t line = 0;
  };

  Result<void> BeginDocument(const Attributes& attributes, size_t line) {
    document_ = FirstBytes(AttributeOf(attributes, "id"), 200);
    // Sets that are put together repeat ids or have none; the line keeps documents apart.
    if (!documents_.insert(document_).second) document_ += fmt::format("@{}", line);
    documents_.insert(document_);
    domain_ = FirstBytes(AttributeOf(attributes, "domain"), 100);
    if (domain_.empty()) domain_ = "news";
    source_language_.clear();
    segments_.clear();
    index_.clear();
    return {};
  }

  Result<void> BeginVersion(const std::string& name, const Attributes& attributes) {
    const std::string code = AttributeOf(attributes, "lang");
    if (name == "hyp") return {};  // a system's output, of no use here
    if (!LooksLikeLanguageCode(code)) {
      return Fail(ErrorCode::kCorruptFile,
                  fmt::format("<{}>: expected lang with a language code, found \"{}\"", name,
                              FirstBytes(code, 100)));
    }
    version_ = name;
    language_ = PromptCode(code);
    if (name == "src") source_language_ = language_;
    return {};
  }

  Result<void> KeepSegment() {
    const auto found = index_.emplace(segment_, segments_.size()).first;
    if (found->second == segments_.size()) segments_.push_back({segment_, "", {}, line_});
    Pair& pair = segments_[found->second];
    std::string text(Strip(text_));
    if (version_ == "ref") {
      std::string& first = pair.references[language_];
      if (IsBlankText(first)) {
        first = std::move(text);
      } else {
        parsed_.suite.alternatives += IsBlankText(text) ? 0 : 1;
      }
    } else if (pair.source.empty()) {
      pair.source = std::move(text);
    } else {
      return Fail(ErrorCode::kCorruptFile,
                  fmt::format("expected one source of segment {} of document \"{}\", found a "
                              "second one",
                              segment_, document_));
    }
    return {};
  }

  Result<void> EndDocument() {
    for (Pair& pair : segments_) {
      for (auto& [language, reference] : pair.references) {
        if (IsBlankText(pair.source) || IsBlankText(reference)) {
          ++parsed_.suite.blanks;
          continue;
        }
        if (parsed_.suite.samples.size() >= kMaxSuiteSamples) {
          return Fail(ErrorCode::kCorruptFile,
                      fmt::format("expected at most {} segments", kMaxSuiteSamples));
        }
        SuiteSample sample;
        sample.id = document_ + "#" + pair.segment;
        sample.source_lang = source_language_;
        sample.target_lang = language;
        sample.source = pair.source;
        sample.reference = std::move(reference);
        sample.domain = domain_;
        sample.line = pair.line;
        parsed_.suite.samples.push_back(std::move(sample));
      }
    }
    segments_.clear();
    return {};
  }

  ParsedSuite& parsed_;
  std::string document_, domain_, source_language_, version_, language_, segment_, text_;
  std::vector<Pair> segments_;
  std::map<std::string, size_t> index_;
  std::set<std::string> documents_;
  size_t line_ = 0;
  bool in_segment_ = false;
};

}  // namespace

Result<void> ParseWmtXml(std::string_view text, const std::string& where, ParsedSuite& parsed) {
  WmtHandler handler(parsed);
  DRAGOMAN_RETURN_IF_ERROR(ReadXml(text, where, handler));
  if (!parsed.suite.samples.empty()) return {};
  return Fail(ErrorCode::kCorruptFile,
              "expected <doc> with <src> and <ref>, found no segment that has both", where);
}

}  // namespace dragoman
