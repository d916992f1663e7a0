#include "evaluate/import/folders.h"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <map>
#include <utility>

#include "base/atomic_file.h"
#include "base/sha256.h"
#include "evaluate/blank_text.h"
#include "evaluate/import/formats.h"

namespace dragoman {
namespace {

namespace fs = std::filesystem;

constexpr uint64_t kMaxFileBytes = uint64_t{1} << 30;
constexpr size_t kMaxFolderFiles = 100'000;

struct LanguageFile {
  std::string path, code, form;  // form: "txt", "jsonl", "tsv"
};

std::vector<std::string> FileNames(const fs::path& folder) {
  std::vector<std::string> names;
  std::error_code ec;
  for (fs::directory_iterator it(folder, ec), end;
       !ec && it != end && names.size() < kMaxFolderFiles; it.increment(ec)) {
    if (it->is_regular_file(ec)) names.push_back(it->path().filename().string());
  }
  std::sort(names.begin(), names.end());
  return names;
}

bool EndsWith(std::string_view text, std::string_view end) {
  return text.size() >= end.size() && text.substr(text.size() - end.size()) == end;
}

std::string Without(std::string_view name, std::string_view begin, std::string_view end) {
  if (name.size() <= begin.size() + end.size() || name.substr(0, begin.size()) != begin ||
      !EndsWith(name, end))
    return {};
  return std::string(name.substr(begin.size(), name.size() - begin.size() - end.size()));
}

// eng_Latn.devtest, devtest.eng_Latn, eng_Latn.jsonl, eng_Latn.tsv: all the forms it was published
// in.
LanguageFile FloresFile(const fs::path& folder, const std::string& name, const std::string& split) {
  for (const auto& [begin, end, form] :
       {std::tuple<std::string, std::string, const char*>{"", "." + split, "txt"},
        {split + ".", "", "txt"},
        {"", ".jsonl", "jsonl"},
        {"", ".tsv", "tsv"}}) {
    const std::string code = Without(name, begin, end);
    if (LooksLikeLanguageCode(code)) return {(folder / name).string(), code, form};
  }
  return {};
}

// devtest/ below, or the folder itself.
fs::path SplitFolder(const fs::path& path, const std::string& split) {
  std::error_code ec;
  return fs::is_directory(path / split, ec) ? path / split : path;
}

std::vector<LanguageFile> FloresFiles(const fs::path& path, const std::string& split) {
  std::vector<LanguageFile> files;
  const fs::path folder = SplitFolder(path, split);
  for (const std::string& name : FileNames(folder)) {
    LanguageFile file = FloresFile(folder, name, split);
    if (!file.code.empty()) files.push_back(std::move(file));
  }
  return files;
}

constexpr std::string_view kNtrexSource = "newstest2019-src.";
constexpr std::string_view kNtrexReference = "newstest2019-ref.";

std::vector<LanguageFile> NtrexFiles(const fs::path& path) {
  std::error_code ec;
  const fs::path folder = fs::is_directory(path / "NTREX-128", ec) ? path / "NTREX-128" : path;
  std::vector<LanguageFile> files;
  for (const std::string& name : FileNames(folder)) {
    std::string code = Without(name, kNtrexSource, ".txt");
    const bool source = !code.empty();
    if (!source) code = Without(name, kNtrexReference, ".txt");
    if (!LooksLikeLanguageCode(code)) continue;
    // English twice over, as translated by others than the source's authors, is no language more.
    if (!source && PromptCode(code).substr(0, 2) == "en") continue;
    LanguageFile file{(folder / name).string(), code, "txt"};
    if (source) {
      files.insert(files.begin(), std::move(file));
    } else {
      files.push_back(std::move(file));
    }
  }
  return files;
}

std::string KeyOfCode(const std::string& code) { return LanguageKey(PromptCode(code)); }

// The files of the languages wanted. Of two files for one code (fra and fra-CA never are) the first
// counts.
Result<std::vector<LanguageFile>> Wanted(std::vector<LanguageFile> files,
                                         const WantedLanguages& wanted, const std::string& where) {
  std::map<std::string, size_t> by_key;
  std::string there;
  for (size_t i = 0; i < files.size(); ++i) {
    if (by_key.emplace(KeyOfCode(files[i].code), i).second)
      there += (there.empty() ? "" : ", ") + PromptCode(files[i].code);
  }
  for (const std::string& code : wanted) {
    if (by_key.count(KeyOfCode(code)) != 0) continue;
    return Fail(ErrorCode::kNotFound,
                fmt::format("expected a file in language \"{}\", found only: {}", code,
                            there.empty() ? "none" : there),
                where);
  }
  std::vector<LanguageFile> chosen;
  std::set<std::string> keys;
  for (const std::string& code : wanted) keys.insert(KeyOfCode(code));
  for (size_t i = 0; i < files.size(); ++i) {
    const std::string key = KeyOfCode(files[i].code);
    if (by_key[key] == i && (keys.empty() || keys.count(key) != 0)) chosen.push_back(files[i]);
  }
  return chosen;
}

Result<std::vector<LanguageText>> ReadLanguageFiles(const std::vector<LanguageFile>& files,
                                                    ParsedSuite& parsed) {
  std::vector<LanguageText> texts;
  for (const LanguageFile& file : files) {
    DRAGOMAN_ASSIGN_OR_RETURN(const std::string text, ReadNoted(file.path, parsed));
    const std::string code = PromptCode(file.code);
    auto read = file.form == "jsonl" ? ParseFloresJsonl(text, code, file.path)
                : file.form == "tsv" ? ParseFloresTsv(text, code, file.path)
                                     : SplitLines(text, code, file.path);
    if (!read) return tl::unexpected(read.error());
    texts.push_back(std::move(*read));
  }
  return texts;
}

// FLORES-200 keeps the domain of each line in a table beside the folders: URL, domain, topic, ...
Result<void> AddFloresDomains(const fs::path& path, const std::string& split,
                              std::vector<LanguageText>& texts, ParsedSuite& parsed) {
  std::error_code ec;
  fs::path table = path / ("metadata_" + split + ".tsv");
  if (!fs::exists(table, ec)) table = path.parent_path() / ("metadata_" + split + ".tsv");
  if (texts.empty() || !fs::exists(table, ec)) return {};
  DRAGOMAN_ASSIGN_OR_RETURN(const std::string text, ReadNoted(table.string(), parsed));
  DRAGOMAN_ASSIGN_OR_RETURN(LanguageText lines, SplitLines(text, "", table.string()));
  while (!lines.segments.empty() && IsBlankText(lines.segments.back().text))
    lines.segments.pop_back();
  if (!lines.segments.empty()) DropBlankEnd(texts[0], lines.segments.size() - 1);
  if (lines.segments.size() != texts[0].segments.size() + 1) {
    return Fail(ErrorCode::kInvalidArgument,
                fmt::format("expected a line of names and {} lines, as {} has, found {} in all",
                            texts[0].segments.size(), texts[0].where, lines.segments.size()),
                table.string());
  }
  for (size_t i = 0; i < texts[0].segments.size(); ++i) {
    const std::string& line = lines.segments[i + 1].text;
    const size_t begin = line.find('\t');
    if (begin == std::string::npos || !texts[0].segments[i].domain.empty()) continue;
    const size_t end = std::min(line.find('\t', begin + 1), line.size());
    texts[0].segments[i].domain =
        FirstBytes(std::string_view(line).substr(begin + 1, end - begin - 1), 100);
  }
  return {};
}

// Why a folder of FLORES has nothing to read: the other half, or a form that is not read.
std::string InsteadOfFlores(const fs::path& path, const std::string& split) {
  for (const char* other : {"devtest", "dev"}) {
    if (other != split && !FloresFiles(path, other).empty())
      return fmt::format("files of \"{0}\" only (--split {0})", other);
  }
  return HasParquet(path.string(), split)
             ? "parquet files, which have to be exported first (JSON lines, a file a language)"
             : "none";
}

}  // namespace

bool HasParquet(const std::string& path, const std::string& split) {
  const std::vector<std::string> names = FileNames(SplitFolder(path, split));
  return std::any_of(names.begin(), names.end(),
                     [](const std::string& name) { return EndsWith(name, ".parquet"); });
}

Result<std::string> ReadNoted(const std::string& path, ParsedSuite& parsed) {
  DRAGOMAN_ASSIGN_OR_RETURN(std::string text, ReadFile(path, kMaxFileBytes));
  parsed.suite.files.push_back({path, Sha256Hex(text), text.size()});
  return text;
}

bool IsFloresFolder(const std::string& path) {
  for (const char* split : {"devtest", "dev"}) {
    if (FloresFiles(path, split).size() > 1) return true;
  }
  return false;
}

bool IsNtrexFolder(const std::string& path) {
  const std::vector<LanguageFile> files = NtrexFiles(path);
  return !files.empty() && fs::path(files[0].path).filename().string().rfind(kNtrexSource, 0) == 0;
}

Result<void> ReadFloresFolder(const std::string& path, const std::string& split,
                              const WantedLanguages& wanted, ParsedSuite& parsed) {
  std::vector<LanguageFile> all = FloresFiles(path, split);
  if (all.empty()) {
    return Fail(
        ErrorCode::kNotFound,
        fmt::format("expected eng_Latn.{0} (or {0}/eng_Latn.jsonl, .tsv) and so on, found {1}",
                    split, InsteadOfFlores(path, split)),
        path);
  }
  DRAGOMAN_ASSIGN_OR_RETURN(const auto files, Wanted(std::move(all), wanted, path));
  DRAGOMAN_ASSIGN_OR_RETURN(auto texts, ReadLanguageFiles(files, parsed));
  DRAGOMAN_RETURN_IF_ERROR(AddFloresDomains(path, split, texts, parsed));
  if (parsed.suite.name.empty()) parsed.suite.name = "flores-" + split;
  return AlignLanguages(std::move(texts), "flores", parsed);
}

Result<void> ReadNtrexFolder(const std::string& path, const WantedLanguages& wanted,
                             ParsedSuite& parsed) {
  std::vector<LanguageFile> all = NtrexFiles(path);
  if (all.empty()) {
    return Fail(ErrorCode::kNotFound,
                "expected newstest2019-src.eng.txt and newstest2019-ref.deu.txt and so on, found "
                "none",
                path);
  }
  DRAGOMAN_ASSIGN_OR_RETURN(const auto files, Wanted(std::move(all), wanted, path));
  DRAGOMAN_ASSIGN_OR_RETURN(auto texts, ReadLanguageFiles(files, parsed));
  if (parsed.suite.name.empty()) parsed.suite.name = "ntrex-128";
  return AlignLanguages(std::move(texts), "news", parsed);
}

}  // namespace dragoman
