// Importers: each format's layout, alignment, codes, what is left out, and files that are refused.
#include "evaluate/suite_import.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <iterator>
#include <map>
#include <set>

#include "base/atomic_file.h"
#include "evaluate/import/formats.h"
#include "evaluate/suite_choice.h"

namespace dragoman {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

const std::string kCorpus = std::string(DRAGOMAN_SOURCE_DIR) + "/tests/corpus/";

// A folder of its own for a test, with files in it.
class ImportTest : public ::testing::Test {
 protected:
  ImportTest() {
    const auto* info = ::testing::UnitTest::GetInstance()->current_test_info();
    folder_ = ::testing::TempDir() + "dragoman_import_" + info->name();
    std::filesystem::remove_all(folder_);
  }
  ~ImportTest() override { std::filesystem::remove_all(folder_); }
  std::string Put(const std::string& name, const std::string& text) {
    EXPECT_TRUE(WriteFileAtomically(folder_ + "/" + name, text));
    return folder_ + "/" + name;
  }
  std::string folder_;
};

Result<Suite> Import(std::vector<std::string> paths, SuiteOptions options = {},
                     SuiteFormat format = SuiteFormat::kAuto) {
  SuiteInput input;
  input.paths = std::move(paths);
  input.format = format;
  if (options.source_lang == "en") options.source_lang.clear();
  return ImportSuite(input, options);
}

std::map<std::string, int> Counts(const Suite& suite) {
  std::map<std::string, int> counts;
  for (const auto& sample : suite.samples) ++counts[sample.pair()];
  return counts;
}

std::string MessageOf(const Result<Suite>& suite) {
  return suite ? "no error" : ToString(suite.error());
}

TEST_F(ImportTest, Flores200FoldersAlignLineByLine) {
  Put("devtest/eng_Latn.devtest", "One.\nTwo.\nOne.\n");
  Put("devtest/deu_Latn.devtest", "Eins.\r\nZwei.\r\nUno.\r\n");
  Put("devtest/zho_Hant.devtest", "一。\n二。\n三。\n");
  Put("dev/eng_Latn.dev", "Dev.\n");
  Put("dev/deu_Latn.dev", "Entw.\n");
  Put("metadata_devtest.tsv",
      "URL\tdomain\ttopic\nu\twikinews\ta\nu\twikivoyage\tb\nu\twikinews\tc\n");
  const auto suite = Import({folder_});
  ASSERT_TRUE(suite) << MessageOf(suite);
  EXPECT_THAT(Counts(*suite), ElementsAre(std::pair("en-de", 2), std::pair("en-zh-Hant", 2)));
  EXPECT_EQ(suite->duplicates, 2) << "a source that stands twice counts once in each pair";
  EXPECT_EQ(suite->samples[0].reference, "Eins.");
  EXPECT_EQ(suite->samples[0].domain, "wikinews");
  EXPECT_EQ(suite->license, "CC BY-SA 4.0");
  EXPECT_EQ(suite->format, "flores");
  EXPECT_EQ(suite->files.size(), 4u) << "three languages and the table of domains";
  EXPECT_EQ(suite->files[0].sha256.size(), 64u);
  SuiteOptions back;
  back.pairs = {{"deu_Latn", "eng_Latn"}, {"de", "zh-Hant"}};
  const auto other = Import({folder_}, back);
  ASSERT_TRUE(other) << MessageOf(other);
  EXPECT_THAT(Counts(*other), ElementsAre(std::pair("de-en", 3), std::pair("de-zh-Hant", 3)));
}

TEST_F(ImportTest, FloresPlusComesAsJsonLinesOrTables) {
  Put("devtest/eng_Latn.jsonl", "{\"id\":1,\"text\":\"One.\",\"domain\":\"wikinews\"}\n");
  Put("devtest/fra_Latn.jsonl", "{\"id\":1,\"text\":\"Un.\",\"domain\":\"wikinews\"}\n");
  const auto lines = Import({folder_ + "/devtest"});
  ASSERT_TRUE(lines) << MessageOf(lines);
  EXPECT_EQ(lines->samples[0].id, "1");
  EXPECT_EQ(lines->samples[0].domain, "wikinews");
  Put("tables/eng_Latn.tsv", "id\ttext\tdomain\n1\tOne.\twikinews\n");
  Put("tables/fra_Latn.tsv", "id\ttext\tdomain\n1\tUn.\twikinews\n");
  const auto tables = Import({folder_ + "/tables"});
  ASSERT_TRUE(tables) << MessageOf(tables);
  EXPECT_EQ(tables->hash, lines->hash) << "the same sentences, however they were stored";
}

TEST_F(ImportTest, NtrexNamesItsSourceAndReferences) {
  Put("NTREX-128/newstest2019-src.eng.txt", "One.\nTwo.\n");
  Put("NTREX-128/newstest2019-ref.deu.txt", "Eins.\nZwei.\n");
  Put("NTREX-128/newstest2019-ref.zho-CN.txt", "一。\n二。\n");
  Put("NTREX-128/newstest2019-ref.eng-GB.txt", "One!\nTwo!\n");
  const auto suite = Import({folder_});
  ASSERT_TRUE(suite) << MessageOf(suite);
  EXPECT_THAT(Counts(*suite), ElementsAre(std::pair("en-de", 2), std::pair("en-zh-CN", 2)));
  EXPECT_EQ(suite->samples[0].source, "One.");
  EXPECT_EQ(suite->name, "ntrex-128");
  SuiteOptions missing;
  missing.target_langs = {"ja"};
  EXPECT_THAT(MessageOf(Import({folder_}, missing)),
              HasSubstr("expected a file in language \"ja\", found only: en, de, zh-CN"));
}

TEST(LanguageCodes, AliasesBecomeTheCodeThatTheyStandFor) {
  for (const auto& [alias, code] :
       {std::pair("zho", "zh"), {"deu", "de"}, {"German", "de"}, {"pt_br", "pt-BR"}, {"de", "de"}})
    EXPECT_EQ(KnownOrPromptCode(alias), code);
}

TEST_F(ImportTest, SgmOfTwoKindsOrLanguagesInOneFileIsRefused) {
  const std::string en =
      "<srcset srclang=\"en\"><doc docid=\"a\"><seg id=\"1\">x</seg></doc></srcset>";
  const std::string de =
      "<refset trglang=\"de\"><doc docid=\"a\"><seg id=\"1\">y</seg></doc></refset>";
  const std::string fr =
      "<refset trglang=\"fr\"><doc docid=\"a\"><seg id=\"1\">z</seg></doc></refset>";
  for (const std::string& text : {en + "\n" + de, de + "\n" + en, de + "\n" + fr}) {
    const auto refused = ParseSgm(text, "both.sgm");
    ASSERT_FALSE(refused) << text;
    EXPECT_THAT(ToString(refused.error()), HasSubstr("both.sgm: line 2"));
    EXPECT_THAT(ToString(refused.error()), HasSubstr("expected sets of one kind and language"));
  }
  EXPECT_TRUE(ParseSgm(de + "\n" + de, "one.sgm")) << "a second reference of the same";
}

TEST_F(ImportTest, AColumnNamedIdMayBeIndonesian) {
  const std::string two = Put("two.tsv", "en\tid\nHello.\tHalo.\n");
  const auto pair = Import({two});
  ASSERT_TRUE(pair) << MessageOf(pair);
  EXPECT_THAT(Counts(*pair), ElementsAre(std::pair("en-id", 1)));
  const auto three = Import({Put("three.tsv", "en\tde\tid\nOne day.\tEin Tag.\tSuatu hari.\n")});
  ASSERT_TRUE(three) << MessageOf(three);
  EXPECT_THAT(Counts(*three), ElementsAre(std::pair("en-de", 1), std::pair("en-id", 1)));
  const auto ids = Import({Put("ids.tsv", "id\ten\tde\nx-7\tOne day.\tEin Tag.\n")});
  ASSERT_TRUE(ids) << MessageOf(ids);
  EXPECT_THAT(Counts(*ids), ElementsAre(std::pair("en-de", 1)));
  EXPECT_EQ(ids->samples[0].id, "x-7");
}

TEST_F(ImportTest, BlankLinesAtTheEndDoNotCountAgainstTheTableOfDomains) {
  Put("devtest/eng_Latn.devtest", "One.\nTwo.\n\n");
  Put("devtest/deu_Latn.devtest", "Eins.\nZwei.\n\n");
  Put("metadata_devtest.tsv", "URL\tdomain\ttopic\nu\twikinews\ta\nu\twikivoyage\tb\n");
  const auto suite = Import({folder_});
  ASSERT_TRUE(suite) << MessageOf(suite);
  EXPECT_THAT(Counts(*suite), ElementsAre(std::pair("en-de", 2)));
  EXPECT_EQ(suite->samples[1].domain, "wikivoyage");
}

TEST_F(ImportTest, SgmTakesSourceAndReferencesApart) {
  const std::string source =
      Put("news-src.en.sgm",
          "<srcset setid=\"n14\" srclang=\"any\"><doc docid=\"a\" genre=\"news\">\n"
          "<seg id=\"1\">Tom & Ann &amp; co &lt;3</seg>\n<seg id=\"2\">Two.</seg></doc></srcset>");
  const std::string reference =
      Put("news-ref.de.sgm",
          "<refset setid=\"n14\" srclang=\"any\" trglang=\"de\"><DOC docid=\"a\">\n"
          "<seg id=\"1\">Tom &#38; Anna</seg><seg id=\"2\">Zwei.</seg></DOC></refset>");
  const auto suite = Import({source, reference});
  ASSERT_TRUE(suite) << MessageOf(suite);
  ASSERT_EQ(suite->samples.size(), 2u);
  EXPECT_EQ(suite->samples[0].id, "a#1");
  EXPECT_EQ(suite->samples[0].source, "Tom & Ann & co <3");
  EXPECT_EQ(suite->samples[0].reference, "Tom & Anna");
  EXPECT_EQ(suite->samples[0].domain, "news");
  EXPECT_EQ(suite->name, "n14");
  const std::string shifted =
      Put("bad-ref.de.sgm",
          "<refset trglang=\"de\"><doc docid=\"a\">\n<seg id=\"1\">x</seg>\n"
          "<seg id=\"3\">y</seg></doc></refset>");
  EXPECT_THAT(
      MessageOf(Import({source, shifted})),
      HasSubstr("line 3: expected segment \"a#2\", as " + source + " has there, found \"a#3\""));
  EXPECT_THAT(MessageOf(Import({source})), HasSubstr("found 1 and 0"));
}

TEST_F(ImportTest, WmtXmlKeepsItsDirectionAndTheFirstReference) {
  const auto suite = Import({kCorpus + "suite_wmt_xml/two.xml"});
  ASSERT_TRUE(suite) << MessageOf(suite);
  EXPECT_THAT(Counts(*suite), ElementsAre(std::pair("de-en", 2)));
  EXPECT_EQ(suite->samples[0].reference, "One.");
  EXPECT_EQ(suite->samples[1].source, "Zwei & drei.");
  EXPECT_EQ(suite->samples[0].domain, "speech");
}

TEST_F(ImportTest, TmxDropsCodesAndKeepsWords) {
  SuiteOptions options;
  options.target_langs = {"de"};
  const auto suite = Import({kCorpus + "suite_tmx/small.tmx"}, options);
  ASSERT_TRUE(suite) << MessageOf(suite);
  ASSERT_EQ(suite->samples.size(), 1u);
  EXPECT_EQ(suite->samples[0].source, "Press Save now.");
  EXPECT_EQ(suite->samples[0].reference, "Drücken Sie Speichern.");
  EXPECT_EQ(suite->samples[0].domain, "menu");
  EXPECT_EQ(suite->blanks, 1);
}

TEST_F(ImportTest, Utf16TmxIsRead) {
  const std::string ascii =
      "<?xml version=\"1.0\" encoding=\"UTF-16\"?><tmx version=\"1.4\"><body><tu><tuv "
      "xml:lang=\"en\"><seg>One.</seg></tuv><tuv xml:lang=\"de\"><seg>Eins.</seg></tuv></tu></body>"
      "</tmx>";
  std::string wide = "\xff\xfe";
  for (const char c : ascii) {
    wide += c;
    wide += '\0';
  }
  const auto suite = Import({Put("wide.tmx", wide)});
  ASSERT_TRUE(suite) << MessageOf(suite);
  EXPECT_EQ(suite->samples[0].reference, "Eins.");
}

TEST_F(ImportTest, PlainFilesNameTheirLanguage) {
  const std::string en = Put("news.en", "\xef\xbb\xbfOne.\n\nThree.\n");
  const std::string de = Put("news.de.txt", "Eins.\nZwei.\nDrei.\n");
  const std::string other = Put("whatever", "Un.\nDeux.\nTrois.\n");
  const auto suite = Import({en, de, "fr=" + other});
  ASSERT_TRUE(suite) << MessageOf(suite);
  EXPECT_THAT(Counts(*suite), ElementsAre(std::pair("en-de", 2), std::pair("en-fr", 2)));
  EXPECT_EQ(suite->samples[0].source, "One.") << "without the byte order mark";
  EXPECT_EQ(suite->blanks, 1);
  EXPECT_THAT(MessageOf(Import({en, other})), HasSubstr("expected a language at the end"));
  const std::string fewer = Put("short.fr", "Un.\n");
  EXPECT_THAT(MessageOf(Import({en, fewer})), HasSubstr("expected 3 segments, as " + en));
}

TEST_F(ImportTest, TablesWithAndWithoutNames) {
  const auto named = Import({kCorpus + "suite_tsv/languages.tsv"});
  ASSERT_TRUE(named) << MessageOf(named);
  EXPECT_THAT(Counts(*named), ElementsAre(std::pair("en-de", 2), std::pair("en-ja", 1)));
  SuiteOptions options;
  options.source_lang = "eng";
  options.target_langs = {"deu"};
  const auto bare = Import({kCorpus + "suite_tsv/numbered.tsv"}, options);
  ASSERT_TRUE(bare) << MessageOf(bare);
  EXPECT_THAT(Counts(*bare), ElementsAre(std::pair("en-de", 2)));
  EXPECT_THAT(MessageOf(Import({kCorpus + "suite_tsv/numbered.tsv"})), HasSubstr("--from LANG"));
  EXPECT_THAT(MessageOf(Import({Put("torn.tsv", "source\ttarget\na\tb\tc\n")})),
              HasSubstr("torn.tsv: line 2: expected 2 columns, found 3"));
}

TEST_F(ImportTest, EdgeCasesJoinWhenAsked) {
  SuiteOptions options;
  options.add_builtin_edge_cases = true;
  const auto suite = Import({kCorpus + "suite_tsv/pairs.tsv"}, options);
  ASSERT_TRUE(suite) << MessageOf(suite);
  EXPECT_GT(suite->samples.size(), 20u);
  EXPECT_FALSE(suite->samples[0].is_edge_case());
  EXPECT_TRUE(suite->samples[1].is_edge_case());
}

TEST_F(ImportTest, WrittenSuitesKeepTheirSource) {
  const auto suite = Import({kCorpus + "suite_wmt_xml/two.xml"});
  ASSERT_TRUE(suite) << MessageOf(suite);
  const std::string path = folder_ + "/suite.json";
  ASSERT_TRUE(WriteSuite(path, *suite));
  SuiteOptions any;
  any.source_lang.clear();
  const auto again = ReadSuite(path, any);
  ASSERT_TRUE(again) << MessageOf(again);
  EXPECT_EQ(again->hash, suite->hash);
  EXPECT_EQ(again->format, "wmt-xml");
  ASSERT_EQ(again->files.size(), 1u);
  EXPECT_EQ(again->files[0].sha256, suite->files[0].sha256);
}

TEST_F(ImportTest, RefusesWhatItCannotRead) {
  EXPECT_THAT(MessageOf(Import({kCorpus + "suite_wmt_xml/entity.xml"})),
              HasSubstr("entity.xml: line 1: expected no entity declarations"));
  EXPECT_THAT(MessageOf(Import({Put("a.xml", "<html></html>")})), HasSubstr("found other markup"));
  EXPECT_THAT(MessageOf(Import({Put("a.txt", "words only\n")})), HasSubstr("one language"));
  EXPECT_THAT(MessageOf(Import({Put("empty", "")})), HasSubstr("found an empty file"));
  EXPECT_THAT(MessageOf(Import({folder_})), HasSubstr("found neither"));
  EXPECT_THAT(MessageOf(Import({folder_ + "/none"})), HasSubstr("found none"));
  EXPECT_THAT(MessageOf(Import({Put("t.tmx", "<tmx><body><tu><tuv xml:lang=\"\"/></tu></body>")})),
              HasSubstr("t.tmx: line 1: <tuv>: expected xml:lang"));
  EXPECT_THAT(MessageOf(Import({Put("u.tmx", "<tmx><body>\n<tu></body></tmx>")})),
              HasSubstr("u.tmx: line 2: expected well-formed XML"));
  const std::string latin = Put("x.en", "caf\xe9\n");
  EXPECT_THAT(MessageOf(Import({latin, Put("x.de", "a\n")})),
              HasSubstr("x.en: line 1: expected UTF-8, found byte 0xe9 at offset 3"));
  EXPECT_FALSE(SuiteFormatNamed("word"));
  for (const char* name : {"auto", "jsonl", "flores", "ntrex", "plain", "tsv", "sgm", "wmt-xml"})
    EXPECT_STREQ(SuiteFormatName(*SuiteFormatNamed(name)), name);
}

TEST_F(ImportTest, DepthAndGrowthAreCapped) {
  std::string deep = "<tmx>";
  for (int i = 0; i < 100; ++i) deep += "<a>";
  EXPECT_THAT(MessageOf(Import({Put("deep.tmx", deep)})), HasSubstr("inside each other"));
  EXPECT_THAT(MessageOf(Import({Put("laughs.tmx",
                                    "<!DOCTYPE tmx [<!ENTITY a \"ha\"><!ENTITY b \"&a;&a;\">]>"
                                    "<tmx>&b;</tmx>")})),
              HasSubstr("no entity declarations"));
  EXPECT_THAT(MessageOf(Import({Put("long.tmx", "<tmx><body><tu><tuv xml:lang=\"en\"><seg>" +
                                                    std::string((1 << 20) + 1, 'a'))})),
              HasSubstr("at most 1048576 bytes"));
}

TEST(PromptCode, TranslatesOtherCatalogues) {
  const std::pair<const char*, const char*> cases[] = {
      {"eng_Latn", "en"}, {"arb_Arab", "ar"},  {"zho_Hans", "zh"},    {"zho_Hant", "zh-Hant"},
      {"deu", "de"},      {"fra-CA", "fr-CA"}, {"zho-CN", "zh-CN"},   {"en-US", "en-US"},
      {"zsm_Latn", "ms"}, {"jpn_Jpan", "ja"},  {"kor_Hang", "ko"},    {"hin_Deva", "hi"},
      {"pbt_Arab", "ps"}, {"quy_Latn", "qu"},  {"xx_Xxxx", "xx-Xxxx"}};
  for (const auto& [from, to] : cases) EXPECT_EQ(PromptCode(from), to);
  for (const char* bad : {"", "e", "English", "../x", "en us"})
    EXPECT_FALSE(LooksLikeLanguageCode(bad));
}

SuiteSample MakeSample(int i, const std::string& domain, const std::string& target) {
  SuiteSample sample;
  sample.id = std::to_string(i);
  sample.source_lang = "en";
  sample.target_lang = target;
  sample.source = "sentence " + std::to_string(i);
  sample.reference = "x";
  sample.domain = domain;
  return sample;
}

TEST(ChooseSamples, KeepsTheSharesOfTheDomains) {
  std::vector<SuiteSample> samples;
  for (const char* target : {"de", "fr"}) {
    for (int i = 0; i < 60; ++i)
      samples.push_back(MakeSample(i, i % 3 == 0 ? "news" : "talk", target));
  }
  SuiteOptions options;
  options.samples_per_language = 12;
  std::map<std::string, int> counts;
  std::map<std::string, std::vector<std::string>> ids;
  for (const auto& sample : ChooseSamples(samples, options)) {
    ++counts[sample.target_lang + sample.domain];
    ids[sample.target_lang].push_back(sample.id);
  }
  EXPECT_EQ(counts["denews"], 4);
  EXPECT_EQ(counts["detalk"], 8);
  EXPECT_EQ(ids["de"], ids["fr"]);
  options.samples_of_pair["en-fr"] = 3;
  EXPECT_EQ(ChooseSamples(samples, options).size(), 15u);
  options.seed = 7;
  EXPECT_NE(ChooseSamples(samples, options)[0].id + ChooseSamples(samples, options)[1].id,
            ids["de"][0] + ids["de"][1]);
}

TEST(ChooseSamples, ASentenceMissingInOneLanguageShiftsNoOther) {
  std::vector<SuiteSample> samples;
  for (int i = 0; i < 40; ++i) samples.push_back(MakeSample(i, "news", "de"));
  for (int i = 0; i < 40; ++i) {
    if (i != 5) samples.push_back(MakeSample(i, "news", "fr"));
  }
  SuiteOptions options;
  options.samples_per_language = 10;
  std::map<std::string, std::set<std::string>> ids;
  for (const auto& sample : ChooseSamples(samples, options))
    ids[sample.target_lang].insert(sample.id);
  std::vector<std::string> common;
  std::set_intersection(ids["de"].begin(), ids["de"].end(), ids["fr"].begin(), ids["fr"].end(),
                        std::back_inserter(common));
  EXPECT_GE(common.size(), 9u);
}

}  // namespace
}  // namespace dragoman
