// Calibration text from every kind of file.
#include "quantize/calibration_set.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/atomic_file.h"

namespace dragoman {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

Result<CalibrationSet> LoadFrom(const std::string& name, const std::string& text,
                                CalibrationOptions options = {}) {
  options.sources_path = ::testing::TempDir() + "/" + name;
  options.target_languages = {"de"};
  EXPECT_TRUE(WriteFileAtomically(options.sources_path, text));
  return LoadCalibrationSet(options);
}

std::vector<std::string> SourcesOf(const Result<CalibrationSet>& set) {
  EXPECT_TRUE(set) << ToString(set.error());
  std::vector<std::string> texts;
  if (!set) return texts;
  for (const TranslationRequest& request : set->requests) texts.push_back(request.text);
  return texts;
}

TEST(CalibrationSet, ReadsPlainTextAndTables) {
  EXPECT_THAT(SourcesOf(LoadFrom("set.txt", "One.\r\n\nTwo\tthree.\n")),
              ElementsAre("One.", "Two\tthree."));
  EXPECT_THAT(SourcesOf(LoadFrom("set.tsv", "One.\tEins.\nTwo.\tZwei.\n")),
              ElementsAre("One.", "Two."));
}

TEST(CalibrationSet, ReadsJsonLinesOfEitherSpelling) {
  const char* lines =
      "{\"schema\": \"x/1\"}\n{\"text\": \"One.\"}\n{\"source\": \"Two.\"}\n"
      "{\"text\": {\"en\": \"Three.\", \"de\": \"Drei.\"}}\n";
  EXPECT_THAT(SourcesOf(LoadFrom("set.jsonl", lines)), ElementsAre("One.", "Two.", "Three."));
  CalibrationOptions german;
  german.source_language = "de";
  const auto missing = LoadFrom("set.jsonl", "{\"text\": {\"en\": \"Three.\"}}\n", german);
  ASSERT_FALSE(missing);
}

TEST(CalibrationSet, TakesEachSourceOfASuiteOnce) {
  const char* suite =
      "{\"samples\": [{\"source\": \"One.\"}, {\"source\": \"\"}, {\"source\": \"One.\"}, "
      "{\"source\": \"Two.\"}]}";
  EXPECT_THAT(SourcesOf(LoadFrom("set.json", suite)), ElementsAre("One.", "Two."));
}

TEST(CalibrationSet, RefusesWhatIsNoText) {
  for (const auto& [name, text] :
       {std::pair("bad.json", "[]"), std::pair("bad.json", "{\"samples\": [{\"source\": 3}]}"),
        std::pair("bad.json", "{\"samples\": [7]}"), std::pair("bad.jsonl", "{\"x\": 1}\n"),
        std::pair("bad.txt", "\n \n"), std::pair("bad.jsonl", "not json\n")}) {
    const auto set = LoadFrom(name, text);
    ASSERT_FALSE(set) << text;
    EXPECT_THAT(ToString(set.error()), HasSubstr(name)) << text;
  }
}

}  // namespace
}  // namespace dragoman
