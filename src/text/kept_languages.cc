#include "text/kept_languages.h"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>

#include "base/json.h"
#include "formats/gguf.h"
#include "text/language_scripts.h"

namespace dragoman {
namespace {

struct KeptNames {
  std::vector<std::string> languages, scripts;
};

KeptNames NamesInGguf(const GgufFile& gguf) {
  KeptNames names;
  if (const auto* list = gguf.FindStrings(kKeptLanguagesKey)) names.languages = *list;
  if (const auto* list = gguf.FindStrings(kKeptScriptsKey)) names.scripts = *list;
  return names;
}

std::vector<std::string> StringsAt(const Json& config, std::string_view key) {
  std::string name(key);
  std::replace(name.begin(), name.end(), '.', '_');
  std::vector<std::string> strings;
  if (!config.is_object() || !config.contains(name) || !config[name].is_array()) return strings;
  for (const Json& entry : config[name]) {
    if (entry.is_string()) strings.push_back(entry.get<std::string>());
  }
  return strings;
}

// A folder without a config is no trimmed model; what else is missing there others say better.
KeptNames NamesInConfig(const std::string& folder) {
  const auto config = ReadJsonFile((std::filesystem::path(folder) / "config.json").string());
  if (!config) return {};
  return {StringsAt(*config, kKeptLanguagesKey), StringsAt(*config, kKeptScriptsKey)};
}

std::string_view BaseOf(std::string_view code) { return code.substr(0, code.find('-')); }

}  // namespace

Result<KeptLanguages> KeptLanguages::Of(const Checkpoint& checkpoint) {
  KeptNames names = checkpoint.gguf() != nullptr ? NamesInGguf(*checkpoint.gguf())
                                                 : NamesInConfig(checkpoint.folder());
  KeptLanguages kept;
  for (const std::string& code : names.languages) {
    Result<Language> language = FindLanguage(code);
    if (!language) {
      return Fail(ErrorCode::kCorruptFile,
                  fmt::format("{}: {}", kKeptLanguagesKey, language.error().message),
                  checkpoint.path());
    }
    kept.languages.push_back(std::move(*language));
  }
  kept.scripts = std::move(names.scripts);
  return kept;
}

Result<void> KeptLanguages::Check(const Language& language) const {
  if (languages.empty()) return {};
  const bool same_base = std::any_of(languages.begin(), languages.end(), [&](const Language& kept) {
    return BaseOf(kept.code) == BaseOf(language.code);
  });
  const std::vector<std::string> needed = ScriptsOfLanguage(language.code);
  const bool has_scripts = std::all_of(needed.begin(), needed.end(), [&](const std::string& one) {
    return std::find(scripts.begin(), scripts.end(), one) != scripts.end();
  });
  const bool named = std::any_of(languages.begin(), languages.end(),
                                 [&](const Language& kept) { return kept.code == language.code; });
  if (named || (same_base && has_scripts)) return {};
  std::string list;
  for (const Language& kept : languages) {
    list += fmt::format("{}{} ({})", list.empty() ? "" : ", ", kept.code, kept.name);
  }
  return Fail(ErrorCode::kInvalidArgument,
              fmt::format("expected a language that this model's vocabulary was trimmed to, {}; "
                          "found {} ({})",
                          list, language.code, language.name));
}

}  // namespace dragoman
