// Which format it is, which languages are needed, and the parser that reads it.
#include "evaluate/suite_import.h"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <filesystem>
#include <fstream>
#include <set>
#include <utility>

#include "base/atomic_file.h"
#include "base/shared_data.h"
#include "evaluate/import/folders.h"
#include "evaluate/import/formats.h"
#include "evaluate/suite_choice.h"
#include "evaluate/suite_parser.h"
#include "text/languages.h"

namespace dragoman {
namespace {

namespace fs = std::filesystem;

struct NamedFormat {
  SuiteFormat format;
  const char* name;
};
constexpr NamedFormat kFormats[] = {
    {SuiteFormat::kAuto, "auto"},     {SuiteFormat::kJsonl, "jsonl"},
    {SuiteFormat::kFlores, "flores"}, {SuiteFormat::kNtrex, "ntrex"},
    {SuiteFormat::kPlain, "plain"},   {SuiteFormat::kTsv, "tsv"},
    {SuiteFormat::kSgm, "sgm"},       {SuiteFormat::kWmtXml, "wmt-xml"},
    {SuiteFormat::kTmx, "tmx"}};

// "en=news.txt" is a language and a file; a path with '=' before a '/' is a path.
struct NamedFile {
  std::string language, path;
};
NamedFile SplitNamed(const std::string& argument) {
  const size_t equals = argument.find('=');
  if (equals == std::string::npos || !LooksLikeLanguageCode(argument.substr(0, equals)))
    return {"", argument};
  return {argument.substr(0, equals), argument.substr(equals + 1)};
}

// "news.en", "news.en.txt", "news.de-DE": the language in a file's name, empty when there is none.
std::string LanguageInName(const std::string& path) {
  fs::path name = fs::path(path).filename();
  if (name.extension() == ".txt") name = name.stem();
  const std::string last = name.extension().string();
  if (last.size() < 3 || !LooksLikeLanguageCode(last.substr(1))) return {};
  const std::string code = PromptCode(last.substr(1));
  return FindLanguage(code) ? code : std::string();
}

Result<std::string> HeadOf(const std::string& path) {
  constexpr size_t kHeadBytes = 8192;
  std::ifstream in(path, std::ios::binary);
  std::error_code ec;
  if (!in && fs::exists(path, ec)) return Fail(ErrorCode::kIo, "cannot open it for reading", path);
  if (!in) return Fail(ErrorCode::kNotFound, "expected a file or folder, found none", path);
  std::string head(kHeadBytes, '\0');
  in.read(head.data(), static_cast<std::streamsize>(head.size()));
  head.resize(static_cast<size_t>(in.gcount()));
  return head;
}

Result<SuiteFormat> FormatOfFolder(const std::string& path) {
  if (IsNtrexFolder(path)) return SuiteFormat::kNtrex;
  if (IsFloresFolder(path)) return SuiteFormat::kFlores;
  return Fail(ErrorCode::kUnsupported,
              fmt::format("expected a folder of FLORES (devtest/eng_Latn.devtest or .jsonl) or "
                          "NTREX-128 (newstest2019-src.eng.txt), found {}",
                          HasParquet(path, "devtest")
                              ? "parquet files, which have to be exported first (JSON lines, a "
                                "file a language)"
                              : "neither"),
              path);
}

Result<SuiteFormat> FormatOfXml(const std::string& head, const std::string& path) {
  std::string lower;
  for (const char c : head) {  // UTF-16 reads as ASCII without its zeros
    if (c != '\0') lower += static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  }
  const auto has = [&](const char* tag) { return lower.find(tag) != std::string::npos; };
  if (has("<tmx")) return SuiteFormat::kTmx;
  if (has("<srcset") || has("<refset") || has("<tstset")) return SuiteFormat::kSgm;
  if (has("<dataset") || has("<collection") || has("<src ")) return SuiteFormat::kWmtXml;
  return Fail(ErrorCode::kUnsupported,
              "expected <tmx>, <srcset>, <refset> or <dataset>, found other markup", path);
}

Result<SuiteFormat> DetectFormat(const std::vector<std::string>& paths) {
  const NamedFile first = SplitNamed(paths[0]);
  if (!first.language.empty()) return SuiteFormat::kPlain;
  std::error_code ec;
  if (fs::is_directory(first.path, ec)) return FormatOfFolder(first.path);
  DRAGOMAN_ASSIGN_OR_RETURN(const std::string head, HeadOf(first.path));
  const size_t begin =
      head.find_first_not_of(std::string_view(" \t\r\n\0\xef\xbb\xbf\xff\xfe", 10));
  if (begin == std::string::npos)
    return Fail(ErrorCode::kCorruptFile, "expected a test set, found an empty file", first.path);
  if (head[begin] == '{') return SuiteFormat::kJsonl;
  if (head[begin] == '<') return FormatOfXml(head, first.path);
  if (paths.size() > 1) return SuiteFormat::kPlain;
  if (head.substr(0, head.find('\n')).find('\t') != std::string::npos) return SuiteFormat::kTsv;
  return Fail(ErrorCode::kInvalidArgument,
              "a plain file holds one language: expected a second one beside it, "
              "as in -i news.en -i news.de",
              first.path);
}

WantedLanguages WantedOf(const SuiteOptions& options) {
  WantedLanguages wanted;
  for (const auto& [from, to] : options.pairs) wanted.insert({from, to});
  if (!options.pairs.empty() || options.target_langs.empty()) return wanted;
  wanted.insert(options.source_lang.empty() ? "en" : options.source_lang);
  wanted.insert(options.target_langs.begin(), options.target_langs.end());
  return wanted;
}

// Codes as other catalogues spell them are understood, as in the sets themselves.
SuiteOptions WithPromptCodes(SuiteOptions options, std::string (*prompt_code)(std::string_view)) {
  if (!options.source_lang.empty()) options.source_lang = prompt_code(options.source_lang);
  for (auto& code : options.target_langs) code = prompt_code(code);
  for (auto& [from, to] : options.pairs) {
    from = prompt_code(from);
    to = prompt_code(to);
  }
  return options;
}

Result<void> ReadPlain(const std::vector<std::string>& paths, ParsedSuite& parsed) {
  if (paths.size() < 2) {
    return Fail(
        ErrorCode::kInvalidArgument,
        fmt::format("expected a file for each of two or more languages, found {}", paths.size()),
        paths.empty() ? "" : paths[0]);
  }
  std::vector<LanguageText> texts;
  for (const std::string& argument : paths) {
    NamedFile file = SplitNamed(argument);
    std::string language =
        file.language.empty() ? LanguageInName(file.path) : PromptCode(file.language);
    if (language.empty()) {
      return Fail(ErrorCode::kInvalidArgument,
                  "expected a language at the end of the name (news.en, news.de.txt) or before it "
                  "(en=FILE), found none",
                  argument);
    }
    DRAGOMAN_ASSIGN_OR_RETURN(const std::string text, ReadNoted(file.path, parsed));
    DRAGOMAN_ASSIGN_OR_RETURN(LanguageText lines, SplitLines(text, std::move(language), file.path));
    texts.push_back(std::move(lines));
  }
  return AlignLanguages(std::move(texts), "plain", parsed);
}

// newstest2014-deen-src.de.sgm, where srclang says "any".
Result<void> NameSgmLanguage(SgmFile& file) {
  if (!file.text.language.empty()) return {};
  const fs::path path(file.text.where);
  file.text.language = LanguageInName(path.stem().string());
  if (!file.text.language.empty()) return {};
  return Fail(ErrorCode::kCorruptFile,
              "srclang is \"any\", so the name should end with the language (….de.sgm); found none",
              file.text.where);
}

Result<void> ReadSgm(const std::vector<std::string>& paths, ParsedSuite& parsed) {
  std::vector<SgmFile> sources, references;
  for (const std::string& path : paths) {
    DRAGOMAN_ASSIGN_OR_RETURN(const std::string text, ReadNoted(path, parsed));
    DRAGOMAN_ASSIGN_OR_RETURN(SgmFile file, ParseSgm(text, path));
    DRAGOMAN_RETURN_IF_ERROR(NameSgmLanguage(file));
    (file.is_source ? sources : references).push_back(std::move(file));
  }
  if (sources.size() != 1 || references.empty()) {
    return Fail(ErrorCode::kInvalidArgument,
                fmt::format("expected one source set and at least one reference set, found {} and "
                            "{}: -i x-src.en.sgm -i x-ref.de.sgm",
                            sources.size(), references.size()),
                paths[0]);
  }
  if (parsed.suite.name.empty()) parsed.suite.name = FirstBytes(sources[0].set_id, 200);
  std::set<std::string> languages;
  for (SgmFile& reference : references) {
    parsed.suite.alternatives += static_cast<int64_t>(reference.alternatives);
    if (!languages.insert(reference.text.language).second) {
      parsed.suite.alternatives += static_cast<int64_t>(reference.text.segments.size());
      continue;
    }
    DRAGOMAN_RETURN_IF_ERROR(AlignPair(sources[0].text, std::move(reference.text), "news", parsed));
  }
  return {};
}

Result<void> ReadOneFile(SuiteFormat format, const std::string& path, const SuiteOptions& options,
                         ParsedSuite& parsed) {
  DRAGOMAN_ASSIGN_OR_RETURN(const std::string text, ReadNoted(path, parsed));
  if (format == SuiteFormat::kJsonl) return ParseSuiteText(text, path, parsed);
  if (format == SuiteFormat::kTmx) return ParseTmx(text, path, parsed);
  if (format == SuiteFormat::kWmtXml) return ParseWmtXml(text, path, parsed);
  std::string from = options.source_lang;
  std::string to = options.target_langs.size() == 1 ? options.target_langs[0] : "";
  if (options.pairs.size() == 1) std::tie(from, to) = options.pairs[0];
  return ParseTsv(text, path, from, to, parsed);
}

Result<void> ReadInput(SuiteFormat format, const SuiteInput& input, const SuiteOptions& options,
                       ParsedSuite& parsed) {
  if (format == SuiteFormat::kPlain) return ReadPlain(input.paths, parsed);
  if (format == SuiteFormat::kSgm) return ReadSgm(input.paths, parsed);
  if (input.paths.size() != 1) {
    return Fail(
        ErrorCode::kInvalidArgument,
        fmt::format(
            "format {}: expected one {}, found {} arguments", SuiteFormatName(format),
            format == SuiteFormat::kFlores || format == SuiteFormat::kNtrex ? "folder" : "file",
            input.paths.size()),
        input.paths[0]);
  }
  if (format == SuiteFormat::kFlores)
    return ReadFloresFolder(input.paths[0], input.split, WantedOf(options), parsed);
  if (format == SuiteFormat::kNtrex)
    return ReadNtrexFolder(input.paths[0], WantedOf(options), parsed);
  return ReadOneFile(format, input.paths[0], options, parsed);
}

Result<void> AddBuiltInEdgeCases(ParsedSuite& parsed) {
  DRAGOMAN_ASSIGN_OR_RETURN(const std::string path, FindSharedData("data/suite/edge_cases.jsonl"));
  DRAGOMAN_ASSIGN_OR_RETURN(const std::string text, ReadFile(path));
  ParsedSuite edges;
  DRAGOMAN_RETURN_IF_ERROR(ParseSuiteText(text, path, edges));
  std::move(edges.edges.begin(), edges.edges.end(), std::back_inserter(parsed.edges));
  return {};
}

// What its publisher states; a suite made of it carries it on.
const char* LicenseOf(SuiteFormat format) {
  const bool share_alike = format == SuiteFormat::kFlores || format == SuiteFormat::kNtrex;
  return share_alike ? "CC BY-SA 4.0" : "not stated";
}

}  // namespace

const char* SuiteFormatName(SuiteFormat format) {
  for (const NamedFormat& one : kFormats) {
    if (one.format == format) return one.name;
  }
  return "auto";
}

Result<SuiteFormat> SuiteFormatNamed(std::string_view name) {
  std::string names;
  for (const NamedFormat& one : kFormats) {
    if (name == one.name) return one.format;
    names += (names.empty() ? "" : ", ") + std::string(one.name);
  }
  return Fail(ErrorCode::kInvalidArgument,
              fmt::format("expected a format among {}; found \"{}\"", names, name), "--format");
}

Result<Suite> ImportSuite(const SuiteInput& input, const SuiteOptions& options) {
  if (input.paths.empty())
    return Fail(ErrorCode::kInvalidArgument, "expected a file or a folder, found none", "suite");
  SuiteFormat format = input.format;
  if (format == SuiteFormat::kAuto) {
    DRAGOMAN_ASSIGN_OR_RETURN(format, DetectFormat(input.paths));
  }
  const SuiteOptions asked =
      WithPromptCodes(options, format == SuiteFormat::kJsonl ? KnownOrPromptCode : PromptCode);
  ParsedSuite parsed;
  DRAGOMAN_RETURN_IF_ERROR(ReadInput(format, input, asked, parsed));
  if (options.add_builtin_edge_cases) DRAGOMAN_RETURN_IF_ERROR(AddBuiltInEdgeCases(parsed));
  if (parsed.suite.format.empty()) parsed.suite.format = SuiteFormatName(format);
  if (!input.license.empty()) {
    parsed.licenses = {input.license};
  } else if (parsed.licenses.empty()) {
    parsed.licenses = {LicenseOf(format)};
  }
  std::string origin;
  for (const std::string& path : input.paths) origin += (origin.empty() ? "" : " ") + path;
  const std::string where = SplitNamed(input.paths[0]).path;
  parsed.suite.origin = std::move(origin);
  return FinishSuite(std::move(parsed), where, asked);
}

}  // namespace dragoman
