// Our token ids against the reference implementation's, on the real Gemma 3 tokenizer: every piece
// of the vocabulary, and thousands of lines of ordinary and hard text. Needs node and the npm
// package; skips with the reason where they are missing.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <array>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <string>
#include <vector>

#include "base/json.h"
#include "text/tokenizer.h"

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
    const std::string json_path = path.text.substr(0, path.text.find('\n'));
    Result<std::unique_ptr<Tokenizer>> tokenizer = Tokenizer::FromJsonFile(json_path);
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

}  // namespace
}  // namespace dragoman
