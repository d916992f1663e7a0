#include "text/languages.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>

namespace dragoman {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::Not;

std::string CodeAndName(std::string_view given) {
  const Result<Language> language = FindLanguage(given);
  return language ? language->code + " " + language->name : "error";
}

std::string ErrorOf(std::string_view given) {
  const Result<Language> language = FindLanguage(given);
  if (language) return "no error";
  EXPECT_EQ(language.error().code, ErrorCode::kInvalidArgument);
  return language.error().message;
}

TEST(LanguagesTest, TheTemplatesCodesAndAFewMore) {
  const std::span<const LanguageEntry> all = AllLanguages();
  EXPECT_EQ(all.size(), 581u + 4u);
  std::set<std::string_view> codes;
  for (const LanguageEntry& entry : all) {
    EXPECT_TRUE(codes.insert(entry.code).second) << entry.code;
    EXPECT_FALSE(entry.name.empty());
    EXPECT_EQ(CodeAndName(entry.code), std::string(entry.code) + " " + std::string(entry.name));
  }
}

TEST(LanguagesTest, EveryCodeOfWmt24pp) {
  for (const char* code :
       {"ar_EG", "ar_SA", "bg_BG", "bn_IN",  "ca_ES", "cs_CZ", "da_DK", "de_DE", "el_GR", "es_MX",
        "et_EE", "fa_IR", "fi_FI", "fil_PH", "fr_CA", "fr_FR", "gu_IN", "he_IL", "hi_IN", "hr_HR",
        "hu_HU", "id_ID", "is_IS", "it_IT",  "ja_JP", "kn_IN", "ko_KR", "lt_LT", "lv_LV", "ml_IN",
        "mr_IN", "nl_NL", "no_NO", "pa_IN",  "pl_PL", "pt_BR", "pt_PT", "ro_RO", "ru_RU", "sk_SK",
        "sl_SI", "sr_RS", "sv_SE", "sw_KE",  "sw_TZ", "ta_IN", "te_IN", "th_TH", "tr_TR", "uk_UA",
        "ur_PK", "vi_VN", "zh_CN", "zh_TW",  "zu_ZA"}) {
    EXPECT_TRUE(FindLanguage(code)) << code;
  }
}

TEST(LanguagesTest, NormalisesCodes) {
  EXPECT_EQ(CodeAndName("de"), "de German");
  EXPECT_EQ(CodeAndName("DE"), "de German");
  EXPECT_EQ(CodeAndName("PT_br"), "pt-BR Portuguese");
  EXPECT_EQ(CodeAndName("zh-hant"), "zh-Hant Chinese");
  EXPECT_EQ(CodeAndName("SR_latn_ba"), "sr-Latn-BA Serbian");
  EXPECT_EQ(CodeAndName("fil_PH"), "fil-PH Filipino");
  EXPECT_EQ(CodeAndName("EL-POLYTON"), "el-polyton Greek");
  EXPECT_EQ(CodeAndName("km"), "km Central Khmer");
  EXPECT_EQ(CodeAndName("nb"), "nb Norwegian Bokmål");
}

TEST(LanguagesTest, TakesNamesAndThreeLetterCodes) {
  EXPECT_EQ(CodeAndName("German"), "de German");
  EXPECT_EQ(CodeAndName("scottish gaelic"), "gd Scottish Gaelic");
  EXPECT_EQ(CodeAndName("Filipino"), "fil Filipino");
  EXPECT_EQ(CodeAndName("deu"), "de German");
  EXPECT_EQ(CodeAndName("ZHO"), "zh Chinese");
}

TEST(LanguagesTest, NamesTheNearestCodes) {
  EXPECT_THAT(ErrorOf("de-XX"), HasSubstr("nearest: de (German), de-AT (German)"));
  EXPECT_THAT(ErrorOf("Germann"), HasSubstr("nearest: de (German)"));
  EXPECT_THAT(ErrorOf("zh-TQ"), AllOf(HasSubstr("zh (Chinese)"), HasSubstr("zh-TW (Chinese)")));
  EXPECT_THAT(ErrorOf("xx"), HasSubstr("nearest: "));
  EXPECT_THAT(ErrorOf("qqqqqqqqqqqqq"),
              AllOf(Not(HasSubstr("nearest")), HasSubstr("dragoman languages")));
  EXPECT_THAT(ErrorOf(""), Not(HasSubstr("nearest")));
  EXPECT_THAT(ErrorOf(std::string(100000, 'e')), Not(HasSubstr("nearest")));
  EXPECT_NE(ErrorOf("-"), "no error");
  EXPECT_NE(ErrorOf("en-"), "no error");
  EXPECT_NE(ErrorOf("\xff\xfe_"), "no error");
}

TEST(LanguagesTest, AtMostFiveSuggestions) {
  const std::string message = ErrorOf("en-QQ");
  EXPECT_EQ(std::count(message.begin(), message.end(), '('), 5);
}

}  // namespace
}  // namespace dragoman
