#include "text/language_scripts.h"

#include <algorithm>
#include <iterator>

namespace dragoman {
namespace {

struct LanguageScriptsRow {
  std::string_view language;
  std::string_view scripts;  // separated by spaces
};

// Every language of languages_table.cc that is not written in Latin letters alone, sorted. A table
// rather than ICU's resources: a browser has none of those, and their layout is no interface.
constexpr LanguageScriptsRow kScripts[] = {
    {"ab", "Cyrl"},           {"am", "Ethi"},           {"ar", "Arab"},      {"as", "Beng"},
    {"az", "Arab Cyrl Latn"}, {"ba", "Cyrl"},           {"be", "Cyrl"},      {"bg", "Cyrl"},
    {"bm", "Latn Nkoo"},      {"bn", "Beng"},           {"bo", "Tibt"},      {"bs", "Cyrl Latn"},
    {"ce", "Cyrl"},           {"cv", "Cyrl"},           {"dv", "Thaa"},      {"dz", "Tibt"},
    {"el", "Grek"},           {"fa", "Arab"},           {"gu", "Gujr"},      {"ha", "Arab Latn"},
    {"he", "Hebr"},           {"hi", "Deva"},           {"hy", "Armn"},      {"ii", "Yiii"},
    {"iu", "Cans Latn"},      {"ja", "Hani Hira Kana"}, {"ka", "Geor"},      {"kk", "Arab Cyrl"},
    {"km", "Khmr"},           {"kn", "Knda"},           {"ko", "Hang Hani"}, {"ks", "Arab Deva"},
    {"ku", "Arab Cyrl Latn"}, {"ky", "Arab Cyrl Latn"}, {"lo", "Laoo"},      {"mk", "Cyrl"},
    {"ml", "Mlym"},           {"mn", "Cyrl"},           {"mr", "Deva"},      {"ms", "Arab Latn"},
    {"my", "Mymr"},           {"ne", "Deva"},           {"or", "Orya"},      {"os", "Cyrl"},
    {"pa", "Arab Guru"},      {"ps", "Arab"},           {"ru", "Cyrl"},      {"sa", "Deva"},
    {"sd", "Arab Deva"},      {"si", "Sinh"},           {"sr", "Cyrl Latn"}, {"ta", "Taml"},
    {"te", "Telu"},           {"tg", "Arab Cyrl Latn"}, {"th", "Thai"},      {"ti", "Ethi"},
    {"tk", "Arab Cyrl Latn"}, {"tt", "Cyrl"},           {"ug", "Arab Cyrl"}, {"uk", "Cyrl"},
    {"ur", "Arab"},           {"uz", "Arab Cyrl Latn"}, {"yi", "Hebr"},      {"zh", "Bopo Hani"},
};

// "Latn" of "sr-Latn-BA"; empty without one. Only scripts have four letters there.
std::string_view ScriptSubtag(std::string_view code) {
  for (size_t begin = code.find('-'); begin != std::string_view::npos;) {
    const size_t end = code.find('-', ++begin);
    const std::string_view subtag = code.substr(begin, end - begin);
    if (subtag.size() == 4) return subtag;
    begin = end;
  }
  return {};
}

std::string_view ScriptsOfBase(std::string_view language) {
  const auto found = std::lower_bound(
      std::begin(kScripts), std::end(kScripts), language,
      [](const LanguageScriptsRow& row, std::string_view code) { return row.language < code; });
  return found != std::end(kScripts) && found->language == language ? found->scripts : "Latn";
}

std::vector<std::string> SplitAtSpaces(std::string_view text) {
  std::vector<std::string> words;
  while (!text.empty()) {
    const std::string_view word = text.substr(0, text.find(' '));
    words.emplace_back(word);
    text.remove_prefix(std::min(text.size(), word.size() + 1));
  }
  return words;
}

}  // namespace

std::vector<std::string> ScriptsOfLanguage(std::string_view code) {
  const std::string_view language = code.substr(0, code.find('-'));
  const std::string_view script = ScriptSubtag(code);
  // "Hans" and "Hant" are two sets of shapes of one script.
  const bool own = script.empty() || script == "Hans" || script == "Hant";
  return own ? SplitAtSpaces(ScriptsOfBase(language))
             : std::vector<std::string>{std::string(script)};
}

}  // namespace dragoman
