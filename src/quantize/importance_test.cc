// Importance as collected in batches, against one plain pass over each text.
#include "quantize/importance.h"

#include <gtest/gtest.h>

#include <cmath>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "model/gemma3.h"
#include "model/kv_cache.h"
#include "text/languages.h"
#include "text/prompt.h"
#include "translate/translator.h"

namespace dragoman {
namespace {

const char kMini[] = DRAGOMAN_SOURCE_DIR "/models/mini";

struct Sums {
  std::vector<double> squares;
  uint64_t tokens = 0;
};

// Sums of squares of every linear's input over `ids`, in one forward call from an empty cache; of
// those only from row `first` on. The output's rows are the last `predicting` ones.
std::map<std::string, Sums> PlainSums(Gemma3& model, const std::vector<int32_t>& ids, int64_t first,
                                      int64_t predicting) {
  std::map<std::string, Sums> sums;
  const auto count = static_cast<int64_t>(ids.size());
  auto cache = KvCache::Create(model.backend(), model.config(), count, count);
  EXPECT_TRUE(cache.has_value());
  model.SetTap([&](const LinearInput& input) {
    const bool output = input.tensor == "token_embd.weight";
    Sums& sum = sums[std::string(input.tensor)];
    sum.squares.resize(static_cast<size_t>(input.dim));
    for (int64_t row = output ? input.rows - predicting : first; row < input.rows; ++row) {
      ++sum.tokens;
      for (int64_t i = 0; i < input.dim; ++i) {
        const double x = input.x[row * input.dim + i];
        sum.squares[static_cast<size_t>(i)] += x * x;
      }
    }
  });
  const SequenceChunk chunk{cache->get(), ids, true, false};
  EXPECT_TRUE(model.Forward({&chunk, 1}).has_value());
  model.SetTap({});
  return sums;
}

class ImportanceTest : public testing::Test {
 protected:
  ImportanceTest() {
    auto opened = Translator::Open(kMini, "cpu", 2);
    EXPECT_TRUE(opened.has_value()) << ToString(opened.error());
    translator_ = std::move(*opened);
    const Language english = *FindLanguage("en"), german = *FindLanguage("de");
    for (const char* text : {"Good morning.", "The train leaves at eight o'clock.", "Thank you!"}) {
      requests_.push_back({text, english, german});
    }
    requests_.push_back({"Open the file.", english, *FindLanguage("fr")});
  }
  std::unique_ptr<Translator> translator_;
  std::vector<TranslationRequest> requests_;
};

TEST_F(ImportanceTest, EqualsOnePlainPassOverEachText) {
  const auto translations = translator_->Translate(requests_, {});
  ASSERT_TRUE(translations.has_value());
  std::map<std::string, Sums> expected;
  std::string last_target;
  for (size_t i = 0; i < requests_.size(); ++i) {
    const auto& request = requests_[i];
    const PromptIds prompt =
        EncodePrompt(translator_->tokenizer(), request.source, request.target, request.text);
    std::vector<int32_t> ids = prompt.prefix;
    ids.insert(ids.end(), prompt.rest.begin(), prompt.rest.end());
    const auto answer = translator_->tokenizer().Encode((*translations)[i].text, {false, false});
    ids.insert(ids.end(), answer.begin(), answer.end());
    // The prefix counts once a pair: that is how often it is computed.
    const bool new_pair = request.target.code != last_target;
    last_target = request.target.code;
    const auto first = new_pair ? int64_t{0} : static_cast<int64_t>(prompt.prefix.size());
    for (const auto& [name, sums] :
         PlainSums(translator_->model(), ids, first, static_cast<int64_t>(answer.size()) + 1)) {
      Sums& total = expected[name];
      total.tokens += sums.tokens;
      total.squares.resize(sums.squares.size());
      for (size_t k = 0; k < sums.squares.size(); ++k) total.squares[k] += sums.squares[k];
    }
  }
  const auto matrix = CollectImportance(*translator_, requests_);
  ASSERT_TRUE(matrix.has_value()) << ToString(matrix.error());
  ASSERT_EQ(matrix->entries.size(), 8u * 7 + 1);
  for (const auto& [name, entry] : matrix->entries) {
    ASSERT_TRUE(expected.count(name)) << name;
    const Sums& sums = expected.at(name);
    EXPECT_EQ(entry.tokens, sums.tokens) << name;
    double total = 0, difference = 0;
    for (size_t k = 0; k < sums.squares.size(); ++k) {
      total += sums.squares[k];
      difference += std::abs(sums.squares[k] - entry.sum_of_squares[k]);
    }
    EXPECT_LT(difference, 1e-3 * total) << name;
  }
}

TEST_F(ImportanceTest, TheSameEveryTimeAndForEveryMatrixOfOneInput) {
  const auto first = CollectImportance(*translator_, requests_);
  size_t last_done = 0;
  const auto second = CollectImportance(*translator_, requests_, [&](size_t done, size_t total) {
    EXPECT_GE(done, last_done);
    EXPECT_EQ(total, requests_.size());
    last_done = done;
  });
  ASSERT_TRUE(first && second);
  EXPECT_EQ(last_done, requests_.size());
  EXPECT_EQ(first->hash, second->hash);
  for (const auto& [name, entry] : first->entries) {
    EXPECT_EQ(entry.sum_of_squares, second->entries.at(name).sum_of_squares) << name;
  }
  const auto& q = first->entries.at("blk.4.attn_q.weight");
  EXPECT_EQ(q.sum_of_squares, first->entries.at("blk.4.attn_v.weight").sum_of_squares);
  EXPECT_EQ(q.tokens, first->entries.at("blk.4.ffn_down.weight").tokens);
  requests_.pop_back();
  EXPECT_NE(first->hash, CollectImportance(*translator_, requests_)->hash);
}

TEST_F(ImportanceTest, BlankTextTellsNothing) {
  for (auto& request : requests_) request.text = "  ";
  const auto refused = CollectImportance(*translator_, requests_);
  ASSERT_FALSE(refused.has_value());
  EXPECT_EQ(refused.error().code, ErrorCode::kInvalidArgument);
}

}  // namespace
}  // namespace dragoman
