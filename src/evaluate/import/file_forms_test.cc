// Files as publishers and tools really write them: what becomes of each, and what is said of those
// that cannot be read.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>

#include "base/atomic_file.h"
#include "base/utf8.h"
#include "evaluate/suite_import.h"

namespace dragoman {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

struct File {
  std::string name, text;
};

// What an import gives: a line a sample, "en-de|news|One.|Eins.", or the error.
class FileForms : public ::testing::Test {
 protected:
  FileForms() {
    const auto* info = ::testing::UnitTest::GetInstance()->current_test_info();
    folder_ = ::testing::TempDir() + "dragoman_forms_" + info->name() + "/";
    std::filesystem::remove_all(folder_);
  }
  ~FileForms() override { std::filesystem::remove_all(folder_); }

  // Writes the files and imports them; a folder that is named stands for what lies in it.
  std::vector<std::string> Read(const std::vector<File>& files, SuiteOptions options = {},
                                const std::string& in_folder = "") {
    SuiteInput input;
    for (const File& file : files) {
      EXPECT_TRUE(WriteFileAtomically(folder_ + file.name, file.text));
      if (in_folder.empty()) input.paths.push_back(folder_ + file.name);
    }
    if (!in_folder.empty()) input.paths = {folder_ + in_folder};
    if (options.source_lang == "en") options.source_lang.clear();
    const auto suite = ImportSuite(input, options);
    if (!suite) return {ToString(suite.error())};
    suite_ = *suite;
    std::vector<std::string> lines;
    for (const SuiteSample& one : suite->samples)
      lines.push_back(one.pair() + "|" + one.domain + "|" + one.source + "|" + one.reference);
    return lines;
  }
  std::string Error(const std::vector<File>& files, SuiteOptions options = {},
                    const std::string& in_folder = "") {
    const auto lines = Read(files, std::move(options), in_folder);
    return lines.empty() ? "nothing" : lines[0];
  }

  std::string folder_;
  Suite suite_;
};

std::string Memory(const std::string& units) {
  return "<?xml version=\"1.0\"?>\n<!DOCTYPE tmx SYSTEM \"tmx14.dtd\">\n<tmx version=\"1.4\">"
         "<header srclang=\"*all*\"/><body>\n" +
         units + "\n</body></tmx>";
}

std::string Unit(const std::vector<File>& variants) {
  std::string unit = "<tu>";
  for (const auto& [language, text] : variants)
    unit += "<tuv xml:lang=\"" + language + "\"><seg>" + text + "</seg></tuv>";
  return unit + "</tu>";
}

std::string WmtSet(const std::string& documents) {
  return "<?xml version='1.0' encoding='utf-8'?>\n<dataset id=\"x\">\n" + documents + "</dataset>";
}

TEST_F(FileForms, LinesEndInManyWays) {
  const std::vector<std::string> two{"en-de|plain|One.|Eins.", "en-de|plain|Two.|Zwei."};
  EXPECT_EQ(Read({{"a.en", "One.\nTwo."}, {"a.de", "Eins.\r\nZwei.\r\n"}}), two);
  EXPECT_EQ(Read({{"b.en", "One.\rTwo.\r"}, {"b.de", "Eins.\rZwei."}}), two) << "old Mac OS";
  EXPECT_EQ(Read({{"c.en", "One.\nTwo.\n\n\n"}, {"c.de", "Eins.\nZwei.\n"}}), two);
  EXPECT_THAT(Read({{"d.en", "One.\nTwo.\n"}, {"d.de", "Eins.\n\n"}}),
              ElementsAre("en-de|plain|One.|Eins."))
      << "the last sentence has no translation";
  EXPECT_EQ(suite_.blanks, 1);
  EXPECT_THAT(Error({{"e.en", "One.\nTwo.\nThree.\n"}, {"e.de", "Eins.\nZwei.\n\nVier.\n"}}),
              HasSubstr("e.de: expected 3 segments"));
}

TEST_F(FileForms, TextsWithoutAShapeAreBlank) {
  EXPECT_THAT(Read({{"a.en", "One.\n\u200b\n\u00a0\u2003\n\ufeff\n\u3164\n"},
                    {"a.de", "Eins.\nb\nc\nd\ne\n"}}),
              ElementsAre("en-de|plain|One.|Eins."));
  EXPECT_EQ(suite_.blanks, 4);
  EXPECT_THAT(Read({{"t.tsv", "en\tde\nOne.\tEins.\nTwo.\t\u200b\n"}}),
              ElementsAre("en-de|table|One.|Eins."));
}

TEST_F(FileForms, BytesThatAreNoText) {
  EXPECT_THAT(Error({{"a.en", std::string("One\0.\n", 6)}, {"a.de", "Eins.\n"}}),
              HasSubstr("a.en: line 1: expected UTF-8, found a NUL byte at offset 3"));
  EXPECT_THAT(Error({{"j.jsonl",
                      "{\"source_lang\":\"en\",\"target_lang\":\"de\",\"source\":\"a\\u0000\","
                      "\"reference\":\"b\"}\n"}}),
              HasSubstr("j.jsonl: line 1: \"source\": expected text, found a NUL"));
  EXPECT_THAT(Error({{"x-src.en.sgm",
                      "<srcset setid=\"x\" srclang=\"en\">\n<doc docid=\"\xfc\">\n<seg "
                      "id=\"1\">a</seg></doc></srcset>"}}),
              HasSubstr("x-src.en.sgm: line 2: expected UTF-8, found byte 0xfc"));
}

TEST_F(FileForms, LongIdsAndDomainsEndWithACharacter) {
  std::string wide;
  for (int i = 0; i < 101; ++i) wide += "界";
  Read({{"t.tsv", "en\tde\tid\tdomain\na b\tc d\t" + wide + "\t" + wide + "\n"}});
  EXPECT_EQ(suite_.samples.at(0).id.size(), 198u);
  EXPECT_EQ(suite_.samples.at(0).domain.size(), 99u);
  Read({{"m.tmx", Memory("<tu tuid=\"" + wide + "\"><prop type=\"domain\">" + wide +
                         "</prop><tuv xml:lang=\"en\"><seg>a</seg></tuv><tuv "
                         "xml:lang=\"de\"><seg>b</seg></tuv></tu>")}});
  EXPECT_TRUE(IsValidUtf8(suite_.samples.at(0).id));
  EXPECT_TRUE(IsValidUtf8(suite_.samples.at(0).domain));
  Read({{"w.xml", WmtSet("<doc id=\"" + wide + "\" domain=\"" + wide +
                         "\"><src lang=\"en\"><seg id=\"1\">a</seg></src><ref lang=\"de\"><seg "
                         "id=\"1\">b</seg></ref></doc>")}});
  EXPECT_TRUE(IsValidUtf8(suite_.samples.at(0).id));
  EXPECT_TRUE(IsValidUtf8(suite_.samples.at(0).domain));
}

TEST_F(FileForms, FloresOfThreeGenerations) {
  EXPECT_THAT(Read({{"a/devtest/eng.devtest", "One.\n"},
                    {"a/devtest/zho_simpl.devtest", "一张。\n"},
                    {"a/devtest/zho_trad.devtest", "一張。\n"}},
                   {}, "a"),
              ElementsAre("en-zh|flores|One.|一张。", "en-zh-Hant|flores|One.|一張。"));
  const std::string tail = R"(","domain":"wikinews","topic":"x","has_image":"no"})";
  EXPECT_THAT(Read({{"b/dev/eng_Latn.jsonl", R"({"id":0,"text":"One.)" + tail + "\n"},
                    {"b/devtest/eng_Latn.jsonl", R"({"id":0,"text":"Two.)" + tail + "\n"},
                    {"b/devtest/cmn_Hans.jsonl", R"({"id":0,"text":"二张。)" + tail + "\n"},
                    {"b/devtest/cmn_Hant.jsonl", R"({"id":0,"text":"二張。)" + tail + "\n"},
                    {"b/devtest/srp_Cyrl.jsonl", R"({"id":0,"text":"Два.)" + tail + "\n"}},
                   {}, "b"),
              ElementsAre("en-zh|wikinews|Two.|二张。", "en-zh-Hant|wikinews|Two.|二張。",
                          "en-sr|wikinews|Two.|Два."));
  EXPECT_THAT(Error({{"c/dev/eng_Latn.dev", "a\n"}, {"c/dev/deu_Latn.dev", "b\n"}}, {}, "c"),
              HasSubstr("found files of \"dev\" only (--split dev)"));
  EXPECT_THAT(Error({{"d/devtest/eng_Latn.parquet", "PAR1"}}, {}, "d"),
              HasSubstr("found parquet files, which have to be exported first"));
}

TEST_F(FileForms, LanguagesThatThePromptDoesNotKnowAreTakenWhenAskedFor) {
  const std::vector<File> files{{"a/devtest/eng_Latn.devtest", "One.\n"},
                                {"a/devtest/deu_Latn.devtest", "Eins.\n"},
                                {"a/devtest/ace_Arab.devtest", "سا.\n"}};
  EXPECT_THAT(Read(files, {}, "a"), ElementsAre("en-de|flores|One.|Eins."));
  EXPECT_THAT(suite_.unknown_languages, ElementsAre("ace-Arab"));
  SuiteOptions asked;
  asked.target_langs = {"ace_Arab"};
  EXPECT_THAT(Read(files, asked, "a"), ElementsAre("en-ace-Arab|flores|One.|سا."));
}

TEST_F(FileForms, TablesOfSpreadsheets) {
  const std::vector<std::string> one{"en-de|table|One.|Eins."};
  EXPECT_EQ(Read({{"a.tsv", "English\tGerman\nOne.\tEins.\n"}}), one);
  EXPECT_EQ(Read({{"b.tsv", "\ufeffen\tde\t\r\nOne.\tEins.\t\r\n"}}), one) << "tabs at the end";
  EXPECT_EQ(Read({{"c.tsv", "\"en\"\t\"de\"\n\"One.\"\t\"Eins.\"\n"}}), one) << "all is quoted";
  EXPECT_THAT(Read({{"d.tsv", "en\tde\n\"One \"\"big\"\" boat.\"\t\"Ja.\"\n"}}),
              ElementsAre("en-de|table|One \"big\" boat.|\"Ja.\""))
      << "a field with quotes is quoted, a sentence in quotes is not";
  EXPECT_THAT(Error({{"e.tsv", "id\ten\tde\n7\ta\tb\n7\tc\td\n"}}),
              HasSubstr("e.tsv: line 3: expected each id once in en-de, found \"7\" a second time "
                        "(line 2)"));
}

TEST_F(FileForms, JsonLinesOfOthers) {
  EXPECT_THAT(Read({{"a.jsonl",
                     "\ufeff{\"translation\":{\"en\":\"One.\",\"de\":\"Eins.\"}}\r\n"
                     "{\"translation\":{\"en\":\"Two.\",\"de\":null}}\n"}}),
              ElementsAre("en-de|translation|One.|Eins."));
  EXPECT_EQ(suite_.blanks, 1);
  SuiteOptions german;
  german.target_langs = {"deu_Latn"};
  EXPECT_THAT(Read({{"b.jsonl",
                     "{\"source_lang\":\"eng_Latn\",\"target_lang\":\"de\",\"source\":"
                     "\"One.\",\"reference\":\"Eins.\"}\n"}},
                   german),
              ElementsAre("en-de||One.|Eins."));
  EXPECT_THAT(Error({{"c.jsonl",
                      "{\"id\":\"a\",\"source_lang\":\"en\",\"target_lang\":\"de\","
                      "\"source\":\"a\",\"reference\":\"b\"}\n\n"
                      "{\"id\":\"a\",\"source_lang\":\"en\",\"target_lang\":\"de\","
                      "\"source\":\"c\",\"reference\":\"d\"}\n"}}),
              HasSubstr("c.jsonl: line 3: expected each id once in en-de"));
}

TEST_F(FileForms, MemoriesOfManyTools) {
  EXPECT_THAT(
      Read({{"a.tmx",
             Memory(Unit(
                 {{"EN-us",
                   "Press <bpt i=\"1\">&lt;b&gt;</bpt>Save<ept i=\"1\">&lt;/b&gt;"
                   "</ept>.<ph type=\"lb\"/>Then <ph>{0}</ph> of <ph>%s</ph> <hi>"
                   "are</hi> <it pos=\"begin\">&lt;i&gt;</it> gone<ut>{\\f1}</ut>."},
                  {"x-none", "?"},
                  {"de_DE", "\n    Speichern.<ph>&lt;br/&gt;</ph>Dann sind\n    {0} weg.\n"}}))}}),
      ElementsAre("en-de-DE|memory|Press Save. Then {0} of %s are gone.|Speichern. Dann sind {0} "
                  "weg."));
  EXPECT_THAT(
      Read({{"b.tmx",
             Memory(
                 Unit({{"en-US", "One."}, {"en-GB", "One!"}, {"de", "Eins."}, {"de", "Ein."}}))}}),
      ElementsAre("en-de|memory|One!|Eins."))
      << "English of another region is no target";
  EXPECT_EQ(suite_.alternatives, 1);
  EXPECT_THAT(Error({{"c.tmx", Memory(Unit({{"de", "Eins."}, {"fr", "Un."}}))}}),
              HasSubstr("c.tmx: expected samples from en (--from names another source), found "
                        "none; the file has: de, fr"));
  EXPECT_THAT(Error({{"d.tmx", Memory("")}}), HasSubstr("expected a sentence in two languages"));
  EXPECT_THAT(Error({{"e.tmx", Memory(Unit({{"", "One."}}))}}),
              HasSubstr("e.tmx: line 4: <tuv>: expected xml:lang"));
  std::string wide = "\xfe\xff";
  for (const char c : Memory(Unit({{"en", "One."}, {"de", "Eins."}}))) {
    wide += '\0';
    wide += c;
  }
  EXPECT_THAT(Read({{"f.tmx", wide}}), ElementsAre("en-de|memory|One.|Eins."))
      << "UTF-16, high byte first";
}

TEST_F(FileForms, WmtSetsWithSeveralReferences) {
  const std::string source =
      "<src lang=\"en\"><p><seg id=\"1\">One.</seg><seg id=\"2\">Two.</seg></p></src>";
  const auto reference = [](const std::string& translator, const std::string& first,
                            const std::string& second) {
    return "<ref lang=\"de\" translator=\"" + translator + "\"><p><seg id=\"1\">" + first +
           "</seg><seg id=\"2\">" + second + "</seg></p></ref>";
  };
  EXPECT_THAT(Read({{"a.xml", WmtSet("<doc id=\"d\">" + source + reference("A", "", "Zwei.") +
                                     reference("B", "Eins.", "Zwo.") + "</doc>")}}),
              ElementsAre("en-de|news|One.|Eins.", "en-de|news|Two.|Zwei."))
      << "the first that says something";
  EXPECT_EQ(suite_.alternatives, 1);
  EXPECT_EQ(suite_.blanks, 0);
  const std::string other = "<src lang=\"en\"><seg id=\"1\">Three.</seg></src>" +
                            std::string("<ref lang=\"de\"><seg id=\"1\">Drei.</seg></ref></doc>\n");
  EXPECT_THAT(
      Read({{"b.xml", WmtSet("<doc>" + other + "<doc>" + source + reference("A", "Eins.", "Zwei.") +
                             "</doc>")}}),
      ElementsAre("en-de|news|Three.|Drei.", "en-de|news|One.|Eins.", "en-de|news|Two.|Zwei."))
      << "documents without ids";
  const auto set = [](const std::string& head, const std::string& text) {
    return head + "\n<doc docid=\"d\" sysid=\"r1\"><seg id=1>" + text + "</seg></doc>\n" +
           "<doc docid=\"d\" sysid=\"r2\"><seg id=1>" + text + " Or so.</seg></doc></refset>";
  };
  EXPECT_THAT(
      Read({{"x-src.ar.sgm",
             "<srcset setid=\"x\" srclang=\"Arabic\"><doc docid=\"d\"><seg id=1>واحد</seg></doc>"},
            {"x-ref1.en.sgm", set("<refset srclang=\"Arabic\" trglang=\"English\">", "One.")},
            {"x-ref2.en.sgm", set("<refset srclang=\"Arabic\" trglang=\"English\">", "1.")}}),
      ElementsAre("ar-en|news|واحد|One."));
  EXPECT_EQ(suite_.alternatives, 3);
  EXPECT_THAT(Error({{"y-src.en.sgm",
                      "<srcset srclang=\"en\"><doc docid=\"d\">\n<seg id=1>a</seg>\n<seg "
                      "id=1>b</seg></doc></srcset>"}}),
              HasSubstr("y-src.en.sgm: line 3: expected each segment once, found \"d#1\" again"));
}

}  // namespace
}  // namespace dragoman
