// Our token ids against the reference implementation's, on the real Gemma 3 tokenizer: every piece
// of the vocabulary, and thousands of lines of ordinary and hard text. Needs node and the npm
// package; skips with the reason where they are missing.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <string>
#include <vector>

#include "base/atomic_file.h"
#include "base/json.h"
#include "base/utf8.h"
#include "text/scripts.h"
#include "text/tokenizer.h"
#include "text/trimmed_tokenizer_json.h"
#include "text/vocabulary_trim.h"

namespace dragoman {
namespace {

const std::string kFolder = std::string(DRAGOMAN_SOURCE_DIR) + "/tests/parity_tokenizer";

struct Output {
  int exit_code = -1;
  std::string text;
};

// Standard output and error of a shell command.
Output RunCommand(const std::string& command) {
  Output output;
  FILE* pipe = popen((command + " 2>&1").c_str(), "r");
  if (pipe == nullptr) return output;
  std::array<char, 65536> buffer;
  size_t count = 0;
  while ((count = std::fread(buffer.data(), 1, buffer.size(), pipe)) > 0) {
    output.text.append(buffer.data(), count);
  }
  const int status = pclose(pipe);
  output.exit_code = status >= 0 && (status & 0x7f) == 0 ? status >> 8 & 0xff : -1;
  return output;
}

std::string Reference(const std::string& arguments) {
  return "timeout 600 node '" + kFolder + "/reference_ids.mjs' " + arguments;
}

class ParityTokenizerTest : public testing::Test {
 protected:
  void SetUp() override {
    const Output version = RunCommand("node --version");
    if (version.exit_code != 0 || std::atoi(version.text.c_str() + 1) < 20) {
      GTEST_SKIP() << "SKIP: needs node 20 or newer, found: " << version.text;
    }
    const Output path = RunCommand(Reference("path"));
    if (path.exit_code == 3) GTEST_SKIP() << "SKIP: " << path.text;
    ASSERT_EQ(path.exit_code, 0) << path.text;
    json_path_ = path.text.substr(0, path.text.find('\n'));
    Result<std::unique_ptr<Tokenizer>> tokenizer = Tokenizer::FromJsonFile(json_path_);
    ASSERT_TRUE(tokenizer) << ToString(tokenizer.error());
    tokenizer_ = std::move(*tokenizer);
  }

  // Compares every line [text, ids]; returns how many there were. Stops at the tenth difference.
  size_t Compare(const std::string& lines) {
    size_t count = 0;
    int differences = 0;
    for (size_t begin = 0; begin < lines.size() && differences < 10;) {
      const size_t end = lines.find('\n', begin);
      const Result<Json> line = ParseJson(lines.substr(begin, end - begin), "reference");
      begin = end == std::string::npos ? lines.size() : end + 1;
      if (!line || !line->is_array()) {
        ADD_FAILURE() << "the reference printed no JSON";
        return count;
      }
      const std::string text = (*line)[0].get<std::string>();
      const std::vector<int32_t> expected = (*line)[1].get<std::vector<int32_t>>();
      const std::vector<int32_t> ids = tokenizer_->Encode(text, {});
      EXPECT_EQ(ids, expected) << "text: " << (*line)[0].dump();
      differences += ids != expected;
      ++count;
    }
    return count;
  }

  std::string json_path_;
  std::unique_ptr<Tokenizer> tokenizer_;
};

TEST_F(ParityTokenizerTest, EveryPieceOfTheVocabulary) {
  EXPECT_EQ(tokenizer_->vocab_size(), 262145);
  const Output pieces = RunCommand(Reference("pieces"));
  ASSERT_EQ(pieces.exit_code, 0) << pieces.text.substr(0, 2000);
  EXPECT_EQ(Compare(pieces.text), 262145u);
}

TEST_F(ParityTokenizerTest, SentencesAndHardText) {
  const Output lines = RunCommand(
      Reference(fmt::format("lines '{0}/sentences.jsonl' '{0}/hard_text.jsonl'", kFolder)));
  ASSERT_EQ(lines.exit_code, 0) << lines.text.substr(0, 2000);
  EXPECT_GE(Compare(lines.text), 4000u);
}

std::vector<std::string_view> PiecesOf(const Tokenizer& tokenizer, const std::string& line) {
  std::vector<std::string_view> pieces;
  for (const int32_t id : tokenizer.Encode(line, {.parse_special = false})) {
    pieces.push_back(tokenizer.piece(id));
  }
  return pieces;
}

bool IsWrittenIn(const ScriptSet& scripts, const std::string& line) {
  const std::u32string characters = ToUtf32(line);
  return std::all_of(characters.begin(), characters.end(),
                     [&](char32_t c) { return scripts.Uses(c); });
}

// No reference is needed for this, only the real vocabulary: its trimmed self agrees with it.
TEST_F(ParityTokenizerTest, TrimmedToLanguagesItGivesTheSamePieces) {
  const Result<std::string> json = ReadFile(json_path_);
  ASSERT_TRUE(json);
  const std::vector<Language> languages = {*FindLanguage("en"), *FindLanguage("ja")};
  const auto trim = ChooseVocabulary(*tokenizer_, languages, {}, 262144);
  ASSERT_TRUE(trim) << ToString(trim.error());
  const auto trimmed_json = TrimTokenizerJson(*json, *trim, json_path_);
  ASSERT_TRUE(trimmed_json) << ToString(trimmed_json.error());
  const auto trimmed = Tokenizer::FromJson(*trimmed_json, "trimmed");
  ASSERT_TRUE(trimmed) << ToString(trimmed.error());
  EXPECT_EQ((*trimmed)->vocab_size(), static_cast<int32_t>(trim->kept_ids.size()));
  const auto scripts = ScriptSet::Of(trim->scripts);
  std::vector<std::string> texts;
  for (const char* name : {"sentences.jsonl", "hard_text.jsonl"}) {
    const Result<std::string> file = ReadFile(kFolder + "/" + name);
    ASSERT_TRUE(file);
    for (size_t begin = 0; begin < file->size();) {
      const size_t end = std::min(file->find('\n', begin), file->size());
      texts.push_back(ParseJson(file->substr(begin, end - begin), name)->get<std::string>());
      begin = end + 1;
    }
  }
  // Every piece is a text, too; two in a row meet merges across their border.
  for (int32_t id = 1; id < tokenizer_->vocab_size(); ++id) {
    texts.push_back(std::string(tokenizer_->piece(id - 1)).append(tokenizer_->piece(id)));
  }
  size_t compared = 0;
  for (const std::string& text : texts) {
    if (!IsWrittenIn(*scripts, text)) continue;
    ASSERT_EQ(PiecesOf(**trimmed, text), PiecesOf(*tokenizer_, text)) << text;
    ++compared;
  }
  EXPECT_GT(compared, 140000u);
}

}  // namespace
}  // namespace dragoman
