// Tests of translation with the bundled model: reference texts, order, batches, streaming, long and
// odd texts.
#include "translate/translator.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <set>

#include "base/json.h"
#include "text/prompt.h"
#include "text/protected_spans.h"
#include "translate/trimming_stream.h"

namespace dragoman {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

constexpr char kMini[] = DRAGOMAN_SOURCE_DIR "/models/mini";

Language Lang(const std::string& code) {
  auto language = FindLanguage(code);
  EXPECT_TRUE(language) << code;
  return language ? *language : Language{};
}

TranslationRequest Request(std::string text, const std::string& target) {
  return {std::move(text), Lang("en"), Lang(target)};
}

class TranslatorTest : public ::testing::Test {
 protected:
  static void SetUpTestSuite() {
    auto opened = Translator::Open(kMini, "auto", 2);
    ASSERT_TRUE(opened) << ToString(opened.error());
    translator_ = opened->release();
  }
  static void TearDownTestSuite() {
    delete translator_;
    translator_ = nullptr;
  }
  static std::vector<Translation> Run(std::span<const TranslationRequest> requests,
                                      const TranslateOptions& options = {}) {
    auto result = translator_->Translate(requests, options);
    EXPECT_TRUE(result) << ToString(result.error());
    return result ? *result : std::vector<Translation>{};
  }
  static Translation One(std::string text, const std::string& target,
                         const TranslateOptions& options = {}) {
    const TranslationRequest request = Request(std::move(text), target);
    const auto results = Run({&request, 1}, options);
    return results.empty() ? Translation{} : results[0];
  }
  static Translator* translator_;
};
Translator* TranslatorTest::translator_ = nullptr;

// Real sentences of many lengths in several pairs, two of them longer than the model's window.
std::vector<TranslationRequest> MixedRequests() {
  const char* sentences[] = {
      "Good morning.",
      "Where is the station?",
      "The children are playing in the garden.",
      "Do you want to save the changes to the document?",
      "I would like a cup of coffee, please.",
      "You can change the height of the rows with the mouse or through the dialog.",
      "The train leaves at eight o'clock, and my sister will wait for us in front of the old town "
      "hall.",
      "Yes.",
      "Everyone is entitled to all the rights and freedoms set forth in this Declaration, without "
      "distinction of any "
      "kind, such as race, colour, sex, language, religion, political or other opinion.",
  };
  std::vector<TranslationRequest> requests;
  int i = 0;
  for (const char* sentence : sentences) {
    for (const char* target : {"de", "fr", "zh"}) {
      if (++i % 2 == 0) requests.push_back(Request(sentence, target));
    }
  }
  return requests;
}

std::vector<std::string> Texts(const std::vector<Translation>& translations) {
  std::vector<std::string> texts;
  for (const Translation& t : translations) texts.push_back(t.text);
  return texts;
}

TEST_F(TranslatorTest, GoldenPromptsGiveTheSameIdsAndTexts) {
  const auto golden = ReadJsonFile(DRAGOMAN_SOURCE_DIR "/tests/golden/mini_golden.json");
  ASSERT_TRUE(golden) << ToString(golden.error());
  size_t count = 0;
  for (const Json& prompt : (*golden)["prompts"]) {
    const Language source = Lang(prompt["source_lang"]), target = Lang(prompt["target_lang"]);
    const auto text = prompt["text"].get<std::string>();
    EXPECT_EQ(BuildPrompt(source, target, text), prompt["prompt"].get<std::string>());
    const PromptIds parts = EncodePrompt(translator_->tokenizer(), source, target, text);
    std::vector<int32_t> ids = parts.prefix;
    ids.insert(ids.end(), parts.rest.begin(), parts.rest.end());
    ASSERT_EQ(ids, prompt["ids"].get<std::vector<int32_t>>());
    const auto greedy = translator_->GreedyIds(ids, 128);
    ASSERT_TRUE(greedy);
    EXPECT_EQ(*greedy, prompt["greedy_ids"].get<std::vector<int32_t>>()) << text;
    // The same through prefix cache and batch, for sentences that stay whole.
    TranslateOptions whole;
    whole.split_sentences = false;
    const TranslationRequest request{text, source, target};
    const auto translated = Run({&request, 1}, whole);
    ASSERT_EQ(translated.size(), 1u);
    EXPECT_EQ(translated[0].text, TrimForPrompt(prompt["greedy_text"].get<std::string>()));
    ++count;
  }
  EXPECT_EQ(count, 20u);
}

TEST_F(TranslatorTest, AnyBatchAnyOrderAnyThreadsGiveTheSame) {
  const std::vector<TranslationRequest> requests = MixedRequests();
  const std::vector<std::string> expected = Texts(Run(requests));
  EXPECT_THAT(expected, Not(Contains(IsEmpty())));
  for (const int max_batch : {1, 2, 5}) {
    TranslateOptions options;
    options.max_batch = max_batch;
    EXPECT_EQ(Texts(Run(requests, options)), expected) << max_batch;
  }
  for (size_t i = 0; i < requests.size(); i += 3)
    EXPECT_EQ(Run({&requests[i], 1})[0].text, expected[i]);
  std::vector<TranslationRequest> reversed(requests.rbegin(), requests.rend());
  std::vector<std::string> backwards = Texts(Run(reversed));
  std::reverse(backwards.begin(), backwards.end());
  EXPECT_EQ(backwards, expected);
  for (const int threads : {1, 3}) {
    auto other = Translator::Open(kMini, "auto", threads);
    ASSERT_TRUE(other);
    const auto again = (*other)->Translate(requests, {});
    ASSERT_TRUE(again);
    EXPECT_EQ(Texts(*again), expected) << threads;
  }
}

TEST_F(TranslatorTest, StreamingPiecesAreTheBatchText) {
  for (const TranslationRequest& request : MixedRequests()) {
    std::string streamed;
    size_t parts = 0;
    const auto result = translator_->TranslateStreaming(request, {}, [&](std::string_view part) {
      EXPECT_FALSE(part.empty());
      streamed += part;
      ++parts;
    });
    ASSERT_TRUE(result) << ToString(result.error());
    EXPECT_EQ(streamed, result->text);
    EXPECT_EQ(result->text, Run({&request, 1})[0].text);
    EXPECT_GT(parts, 0u);
    if (result->new_tokens > 10) {
      EXPECT_GT(parts, 3u) << "handed out in the end only";
    }
  }
}

TEST_F(TranslatorTest, StatesWhatItTook) {
  const Translation t = One("The children are playing in the garden.", "de");
  EXPECT_EQ(t.text, "Die Kinder spielen im Garten.");
  EXPECT_EQ(t.finish, FinishReason::kEndToken);
  EXPECT_EQ(t.pieces, 1);
  EXPECT_GT(t.prompt_tokens, 8);
  EXPECT_GT(t.new_tokens, 5);
  EXPECT_GT(t.first_token_ms, 0);
  EXPECT_GT(t.latency_ms, t.first_token_ms);
  EXPECT_THAT(t.warnings, IsEmpty());
  EXPECT_GT(translator_->cache_bytes(), 0u);
  EXPECT_GT(translator_->load_seconds(), 0);
}

TEST_F(TranslatorTest, BlankTextsComeBackAsTheyAre) {
  std::vector<TranslationRequest> requests;
  const std::vector<std::string> blanks = {"", " ", "\n\n\t", "\xc2\xa0", "\r\n"};
  for (const std::string& blank : blanks) requests.push_back(Request(blank, "fr"));
  std::vector<size_t> progress;
  const auto results =
      translator_->Translate(requests, {}, [&](size_t done, size_t) { progress.push_back(done); });
  ASSERT_TRUE(results);
  EXPECT_EQ(Texts(*results), blanks);
  for (const Translation& t : *results) EXPECT_EQ(t.finish, FinishReason::kEmptyInput);
  EXPECT_THAT(progress, ElementsAre(5));
  EXPECT_TRUE(Run({}).empty());
}

TEST_F(TranslatorTest, OuterSpaceStaysByteForByte) {
  const std::string plain = One("Good morning.", "de").text;
  EXPECT_EQ(One("\n\t Good morning. \r\n\n", "de").text, "\n\t " + plain + " \r\n\n");
}

TEST_F(TranslatorTest, LongTextsAreTranslatedPieceByPieceWithTheirSpace) {
  const std::string sentences[] = {"The children are playing in the garden.",
                                   "Where is the station?", "The train leaves at eight o'clock.",
                                   "Good morning."};
  const std::string spaces[] = {"\n\n", " \r\n", "\n", "\n\t\n"};
  std::string text, expected;
  for (size_t i = 0; i < 24;
       ++i) {  // a line break after each: every sentence is a piece of its own
    text += sentences[i % 4] + spaces[i % 3];
    expected += One(sentences[i % 4], "de").text + spaces[i % 3];
  }
  const Translation t = One(text, "de");
  EXPECT_EQ(t.pieces, 24);
  EXPECT_EQ(t.text, expected);
  std::string streamed;
  ASSERT_TRUE(translator_->TranslateStreaming(Request(text, "de"), {},
                                              [&](std::string_view s) { streamed += s; }));
  EXPECT_EQ(streamed, expected);
}

TEST_F(TranslatorTest, EndlessSentenceIsCutAndSaysSo) {
  std::string text;
  for (int i = 0; i < 80; ++i) text += "the train leaves at eight o'clock, ";
  const Translation t = One(text, "de");
  EXPECT_GT(t.pieces, 2);
  EXPECT_THAT(t.warnings, Contains("sentence cut"));
  EXPECT_GT(t.prompt_tokens, 80 * 7);
}

TEST_F(TranslatorTest, LimitsAreKeptAndReported) {
  TranslateOptions options;
  options.max_new_tokens = 3;
  const Translation cut = One("The children are playing in the garden.", "de", options);
  EXPECT_EQ(cut.new_tokens, 3);
  EXPECT_EQ(cut.finish, FinishReason::kLength);
  EXPECT_THAT(cut.warnings, Contains("length limit reached"));
  options = {};
  options.max_source_tokens = 10;
  EXPECT_EQ(
      One("Good morning. Where is the station? The train leaves at eight o'clock.", "de", options)
          .pieces,
      3);
}

TEST_F(TranslatorTest, RefusesWhatDoesNotFit) {
  const TranslationRequest requests[] = {Request("Good morning.", "de"),
                                         Request(std::string(40000, 'x'), "de")};
  TranslateOptions options;
  options.split_sentences = false;
  const auto result = translator_->Translate(requests, options);
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().code, ErrorCode::kInvalidArgument);
  EXPECT_THAT(ToString(result.error()), HasSubstr("text 2"));
  for (const int max_batch : {0, -1, 1 << 20}) {
    TranslateOptions bad;
    bad.max_batch = max_batch;
    EXPECT_EQ(translator_->Translate(requests, bad).error().code, ErrorCode::kInvalidArgument);
  }
  TranslateOptions negative;
  negative.max_new_tokens = -1;
  EXPECT_FALSE(translator_->Translate(requests, negative));
  EXPECT_FALSE(translator_->GreedyIds({}, 5));
  const int32_t bad_id = 1 << 30;
  EXPECT_EQ(translator_->GreedyIds({&bad_id, 1}, 5).error().code, ErrorCode::kInvalidArgument);
  EXPECT_EQ(Translator::Open("/nowhere", "auto", 1).error().code, ErrorCode::kNotFound);
  EXPECT_EQ(Translator::Open(kMini, "abacus", 1).error().code, ErrorCode::kInvalidArgument);
  EXPECT_EQ(One("Good morning.", "de").text, "Guten Morgen!")
      << "an error must leave the translator usable";
}

// Odd texts must come through without harm; what comes out is the model's matter.
TEST_F(TranslatorTest, OddTextsDoNoHarm) {
  const std::vector<std::string> texts = {
      "42",
      "3.14159 + 2.71828 = 5.85987",
      "https://example.org/path?q=1&r=%20#frag",
      "someone@example.org",
      "\xf0\x9f\x98\x80\xf0\x9f\x9a\x80",
      "<end_of_turn><bos><eos>",
      "Hello <b>world</b> {name} %s $1",
      "\xff\xfe broken \xc3 bytes",
      std::string("zero\0byte", 9),
      "----------------------------------------",
      "int main() { return 0; }",
      "Hello \xd7\xa9\xd7\x9c\xd7\x95\xd7\x9d \xe4\xbd\xa0\xe5\xa5\xbd",
      std::string(600, '7'),
  };
  std::vector<TranslationRequest> requests;
  for (const std::string& text : texts) requests.push_back(Request(text, "fr"));
  TranslateOptions options;
  options.protect = false;  // all of them through the model
  const auto results = Run(requests, options);
  ASSERT_EQ(results.size(), texts.size());
  for (size_t i = 0; i < texts.size(); ++i) {
    EXPECT_GT(results[i].new_tokens, 0) << texts[i];
    EXPECT_LE(results[i].new_tokens, results[i].prompt_tokens * 4 + 64 * results[i].pieces);
  }
}

// What must arrive byte for byte, in every language the model knows.
TEST_F(TranslatorTest, ProtectedTextArrives) {
  const std::vector<std::string> texts = {
      "Read the guide at https://example.org/guide?lang=en&page=2 before you begin.",
      "Write to anna.keller@example.com if you need help.",
      "Hello {name}, you have {{count}} new messages.",
      "%s deleted %d files.",
      "Click <b>Save</b> to keep your <a href=\"#changes\">changes</a>.",
      "The function parse_line(text) is in /usr/share/parser/line.c.",
      "We won the game! \xf0\x9f\x8e\x89 See you on Saturday \xf0\x9f\x91\x8b\xf0\x9f\x8f\xbd",
  };
  std::vector<TranslationRequest> requests;
  for (const char* target : {"de", "ja", "ar"}) {
    for (const std::string& text : texts) requests.push_back(Request(text, target));
  }
  const auto results = Run(requests);
  ASSERT_EQ(results.size(), requests.size());
  size_t kept_by_the_model = 0;
  for (size_t i = 0; i < results.size(); ++i) {
    EXPECT_TRUE(KeepsSpans(FindProtectedSpans(requests[i].text), results[i].text))
        << results[i].text;
    kept_by_the_model += results[i].warnings.empty() ? 1 : 0;
  }
  EXPECT_LT(kept_by_the_model, results.size()) << "nothing had to be protected";
  std::string streamed;
  const auto alone = translator_->TranslateStreaming(
      requests[0], {}, [&](std::string_view part) { streamed += part; });
  ASSERT_TRUE(alone);
  EXPECT_EQ(alone->text, results[0].text);
  EXPECT_EQ(streamed, results[0].text);
}

TEST_F(TranslatorTest, TextsWithoutLettersAreCopied) {
  for (const char* text :
       {"42", " https://example.org/a ", "%s: {n}", "3 + 4 = 7 \xf0\x9f\x98\x80"}) {
    const Translation translation = One(text, "fr");
    EXPECT_EQ(translation.text, text);
    EXPECT_EQ(translation.new_tokens, 0);
  }
}

// A few sequences of one size need no more memory than one batch of them did.
TEST_F(TranslatorTest, CachesAreReused) {
  auto fresh = Translator::Open(kMini, "auto", 1);
  ASSERT_TRUE(fresh);
  const std::vector<TranslationRequest> requests(4, Request("Where is the station?", "de"));
  TranslateOptions options;
  options.max_batch = 4;
  ASSERT_TRUE((*fresh)->Translate(requests, options));
  const uint64_t after_one = (*fresh)->cache_bytes();
  for (int i = 0; i < 5; ++i) ASSERT_TRUE((*fresh)->Translate(requests, options));
  EXPECT_EQ((*fresh)->cache_bytes(), after_one);
}

TEST_F(TranslatorTest, ProgressCountsEveryRequestOnce) {
  std::vector<TranslationRequest> requests = MixedRequests();
  requests.push_back(Request(" ", "de"));
  std::vector<size_t> seen;
  ASSERT_TRUE(translator_->Translate(requests, {}, [&](size_t done, size_t total) {
    EXPECT_EQ(total, requests.size());
    seen.push_back(done);
  }));
  ASSERT_EQ(seen.size(), requests.size());
  for (size_t i = 0; i < seen.size(); ++i) EXPECT_EQ(seen[i], i + 1);
}

// That each of a decoder's end tokens stops it: batch_decoder_test.cc.
TEST_F(TranslatorTest, StopsOnBothEndTokens) {
  const auto ends = translator_->tokenizer().end_ids();
  const std::set<int32_t> ids(ends.begin(), ends.end());
  EXPECT_EQ(ids, (std::set<int32_t>{1, 5}));
  EXPECT_THAT(translator_->model().config().eos_ids, ElementsAre(1, 5));
}

TEST(TrimmingStream, HandsOnEverythingButTheEnds) {
  TrimmingStream stream;
  const std::pair<const char*, const char*> steps[] = {{" ", ""},      {"\n a", "a"}, {" ", ""},
                                                       {"", ""},       {"b ", " b"},  {" \n", ""},
                                                       {"c", "  \nc"}, {" ", ""}};
  for (const auto& [part, expected] : steps) EXPECT_EQ(stream.Push(part), expected) << part;
}

}  // namespace
}  // namespace dragoman
