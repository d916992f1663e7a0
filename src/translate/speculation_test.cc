// Tests of guessing ahead: the output never changes, guesses are made and kept, and they stop when
// they do not pay.
#include "translate/speculation.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <numeric>

#include "base/json.h"
#include "model/synthetic.h"
#include "translate/batch_decoder.h"
#include "translate/translator.h"

namespace dragoman {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

constexpr char kBundled[] = DRAGOMAN_SOURCE_DIR "/models/mini";
using Tokens = std::vector<int32_t>;

TEST(FindCopy, FollowsTheLongestSharedStretch) {
  const Tokens source = {7, 8, 9, 1, 2, 8, 3, 9, 1, 4};
  const auto copy = [&](const Tokens& output) {
    const CopyMatch match = FindCopy(source, output);
    return std::pair(match.matched_tokens, Tokens(match.tokens.begin(), match.tokens.end()));
  };
  EXPECT_EQ(copy({}), std::pair(int64_t{0}, Tokens{}));
  EXPECT_EQ(copy({5}), std::pair(int64_t{0}, Tokens{}));
  EXPECT_EQ(copy({4}), std::pair(int64_t{0}, Tokens{})) << "nothing follows the last token";
  EXPECT_EQ(copy({6, 2}), std::pair(int64_t{1}, Tokens({8, 3, 9, 1, 4})));
  EXPECT_EQ(copy({3, 9, 1}), std::pair(int64_t{3}, Tokens({4})));
  EXPECT_EQ(copy({8, 9, 1}), std::pair(int64_t{3}, Tokens({2, 8, 3, 9, 1, 4})));
  // Equally long: the one as deep in the source as the output is long.
  EXPECT_EQ(copy({5, 9, 1}).second, Tokens({2, 8, 3, 9, 1, 4}));
  EXPECT_EQ(copy({5, 5, 5, 5, 5, 5, 5, 9, 1}).second, Tokens({4}));
  EXPECT_EQ(copy(Tokens(20, 5)).first, 0);
  EXPECT_EQ(FindCopy(Tokens(20, 5), Tokens(20, 5)).matched_tokens, kMaxMatchTokens);
}

TEST(GuessRecord, FollowsWhatHappens) {
  GuessRecord record;
  EXPECT_EQ(record.Chance(GuessKind::kCopy1), 0.5);
  for (int i = 0; i < 300; ++i) record.Count(GuessKind::kCopy1, true);
  EXPECT_GT(record.Chance(GuessKind::kCopy1), 0.95);
  EXPECT_EQ(record.Chance(GuessKind::kCopy2), 0.5);
  for (int i = 0; i < 300; ++i) record.Count(GuessKind::kCopy1, false);
  EXPECT_LT(record.Chance(GuessKind::kCopy1), 0.2);
  EXPECT_EQ(record.DraftChance(), 0.5);
  for (int i = 0; i < 20; ++i) record.Count(GuessKind::kDraft4, true);
  EXPECT_GT(record.DraftChance(), 0.9);
}

TEST(StepCosts, KnowsWhatWasMeasuredAndWhatLiesBetween) {
  StepCosts costs;
  EXPECT_EQ(costs.Seconds(1), 0);
  costs.Add(1, 5.0);  // cold
  EXPECT_FALSE(costs.Knows(1));
  costs.Add(1, 1.0);
  EXPECT_TRUE(costs.Knows(1));
  EXPECT_EQ(costs.Seconds(1), 1.0);
  EXPECT_FALSE(costs.Knows(3));
  EXPECT_EQ(costs.Seconds(9), 1.0) << "more rows than measured: worth a try";
  for (int i = 0; i < 2; ++i) costs.Add(5, 3.0);
  EXPECT_TRUE(costs.Knows(3));
  EXPECT_DOUBLE_EQ(costs.Seconds(3), 2.0);
  costs.Add(1, 1000.0);
  EXPECT_LT(costs.Seconds(1), 1.5) << "one hiccup";
  for (int i = 0; i < 30; ++i) costs.Add(1, 2.0);
  EXPECT_NEAR(costs.Seconds(1), 2.0, 0.01);
}

// seconds = fixed + rows * per_row, up to 40 rows.
StepCosts LinearCosts(double fixed, double per_row) {
  StepCosts costs;
  for (int64_t rows = 1; rows <= 40; ++rows) {
    for (int i = 0; i < 2; ++i) costs.Add(rows, fixed + per_row * static_cast<double>(rows));
  }
  return costs;
}

TEST(ChooseGuesses, TakesWhatGivesTheMostTokensASecond) {
  const std::vector<std::vector<double>> one = {{0.9, 0.9, 0.9, 0.9}};
  EXPECT_THAT(ChooseGuesses(one, LinearCosts(1, 0), 0), ElementsAre(4)) << "rows are free";
  EXPECT_THAT(ChooseGuesses(one, LinearCosts(0, 1), 0), ElementsAre(0)) << "rows cost a token each";
  // (1 + sum of 0.9^i) / (1.3 + 0.3 k): 1.9/1.6, 2.71/1.9, 3.44/2.2, 4.10/2.5.
  EXPECT_THAT(ChooseGuesses(one, LinearCosts(1, 0.3), 0), ElementsAre(4));
  const std::vector<std::vector<double>> unsure = {{0.6, 0.4, 0.5}};
  // 1/1.3; 1.6/1.6; 1.84/1.9; 1.96/2.2.
  EXPECT_THAT(ChooseGuesses(unsure, LinearCosts(1, 0.3), 0), ElementsAre(1));
  const std::vector<std::vector<double>> several = {{0.2}, {0.99, 0.99}, {}, {0.9, 0.1}};
  EXPECT_THAT(ChooseGuesses(several, LinearCosts(1, 0.9), 0), ElementsAre(0, 2, 0, 1));
  EXPECT_THAT(ChooseGuesses({}, LinearCosts(1, 0.9), 0), IsEmpty());
}

TEST(GuessLedger, ClosesOnLossesForLongerAndLonger) {
  GuessLedger ledger;
  const auto pause = [&] {
    int steps = 0;
    while (!ledger.IsOpen()) ++steps;
    return steps;
  };
  const auto period = [&](double cost, double gain) {
    for (int i = 0; i < 32; ++i) {
      EXPECT_TRUE(ledger.IsOpen());
      ledger.Enter(cost, gain);
    }
  };
  period(1, 2);
  EXPECT_EQ(pause(), 0);
  period(2, 1);
  EXPECT_EQ(pause(), 128);
  period(2, 1);
  EXPECT_EQ(pause(), 256);
  period(1, 2);
  EXPECT_EQ(pause(), 0);
  period(2, 1);
  EXPECT_EQ(pause(), 128);
}

// The bundled model in batches, with drafts of its own vocabulary.
class SpeculationTest : public ::testing::Test {
 protected:
  void SetUp() override {
    auto backend = OpenBackend("auto", 2);
    ASSERT_TRUE(backend) << ToString(backend.error());
    backend_ = std::move(*backend);
    model_ = LoadModel(kBundled);
    auto golden = ReadJsonFile(DRAGOMAN_SOURCE_DIR "/tests/golden/mini_golden.json");
    ASSERT_TRUE(golden);
    for (const Json& prompt : (*golden)["prompts"]) {
      if (jobs_.size() == 8) break;
      const auto ids = prompt["ids"].get<Tokens>();
      const size_t shared = jobs_.size() % 3 == 0 ? 0 : 60;
      const auto middle = ids.begin() + static_cast<std::ptrdiff_t>(shared);
      DecodeJob job;
      if (shared > 0) job.prefix = std::make_shared<const Tokens>(ids.begin(), middle);
      job.prompt.assign(middle, ids.end());
      job.max_new_tokens = 128;
      jobs_.push_back(std::move(job));
      expected_.push_back(prompt["greedy_ids"].get<Tokens>());
    }
  }
  std::unique_ptr<Gemma3> LoadModel(const std::string& path) {
    auto model = Gemma3::Load(path, *backend_);
    EXPECT_TRUE(model) << ToString(model.error());
    return model ? std::move(*model) : nullptr;
  }
  // The bundled model without one of its layers' feed-forward: right often, not always.
  std::unique_ptr<DraftModel> WeakDraft() {
    auto model = LoadModel(kBundled);
    const WeightMatrix down = model->matrix("blk.3.ffn_down.weight");
    zeros_.assign(static_cast<size_t>(down.rows * down.cols) * 2, std::byte{0});
    EXPECT_TRUE(model->ReplaceMatrix("blk.3.ffn_down.weight", BlockType::kF16, zeros_));
    return std::make_unique<DraftModel>(std::move(model));
  }
  static std::vector<DecodedSequence> Run(BatchDecoder& decoder, std::span<const DecodeJob> jobs,
                                          int max_batch, Speculate speculate,
                                          const BatchDecoder::Callbacks& callbacks = {}) {
    std::vector<size_t> order(jobs.size());
    std::iota(order.begin(), order.end(), size_t{0});
    auto decoded = decoder.Run(jobs, order, max_batch, callbacks, speculate);
    EXPECT_TRUE(decoded) << ToString(decoded.error());
    return decoded ? *decoded : std::vector<DecodedSequence>(jobs.size());
  }
  void ExpectGreedy(const std::vector<DecodedSequence>& decoded, const std::string& what) {
    for (size_t i = 0; i < decoded.size(); ++i) {
      EXPECT_EQ(decoded[i].ids, expected_[i]) << what << ", prompt " << i;
      EXPECT_TRUE(decoded[i].reached_end);
    }
  }
  std::unique_ptr<Backend> backend_;
  std::unique_ptr<Gemma3> model_;
  std::vector<std::byte> zeros_;
  std::vector<DecodeJob> jobs_;
  std::vector<Tokens> expected_;
};

TEST_F(SpeculationTest, CopiesGiveTheSameIdsInAnyBatch) {
  for (const int max_batch : {1, 3, 8}) {
    BatchDecoder decoder(*model_, {1, 5});
    std::vector<Tokens> streamed(jobs_.size());
    BatchDecoder::Callbacks callbacks;
    callbacks.on_token = [&](size_t job, int32_t id) { streamed[job].push_back(id); };
    ExpectGreedy(Run(decoder, jobs_, max_batch, Speculate::kAlways, callbacks),
                 "batch of " + std::to_string(max_batch));
    EXPECT_EQ(streamed, expected_);
    const SpeculationCounts& counts = decoder.speculation();
    EXPECT_GT(counts.copies_proposed, counts.copies_accepted);
    EXPECT_EQ(counts.drafts_proposed, 0);
    EXPECT_EQ(counts.tokens, counts.steps + counts.copies_accepted);
  }
}

TEST_F(SpeculationTest, ADraftGivesTheSameIdsInAnyBatch) {
  for (const int max_batch : {1, 3, 8}) {
    BatchDecoder decoder(*model_, {1, 5});
    decoder.SetDraft(WeakDraft());
    ExpectGreedy(Run(decoder, jobs_, max_batch, Speculate::kAlways), "weak draft");
    const SpeculationCounts& counts = decoder.speculation();
    EXPECT_GT(counts.drafts_accepted, 0);
    EXPECT_GT(counts.drafts_proposed, counts.drafts_accepted);
    EXPECT_EQ(counts.tokens, counts.steps + counts.copies_accepted + counts.drafts_accepted);
  }
}

TEST_F(SpeculationTest, AnEqualDraftIsAlwaysRight) {
  BatchDecoder decoder(*model_, {1, 5});
  decoder.SetDraft(std::make_unique<DraftModel>(LoadModel(kBundled)));
  ExpectGreedy(Run(decoder, jobs_, 4, Speculate::kAlways), "equal draft");
  const SpeculationCounts& counts = decoder.speculation();
  EXPECT_EQ(counts.drafts_accepted, counts.drafts_proposed);
  EXPECT_GT(counts.tokens, 2 * counts.steps);
}

// Far beyond the window of the local layers, so that rings wrap while guesses are undone; and up to
// the very limit of tokens.
TEST_F(SpeculationTest, LongSequencesAndLimitsStayTheSame) {
  ASSERT_LT(model_->config().sliding_window + 127, 300);
  BatchDecoder plain(*model_, {});
  BatchDecoder guessing(*model_, {});
  guessing.SetDraft(WeakDraft());
  std::vector<DecodeJob> jobs(jobs_.begin(), jobs_.begin() + 6);
  const int64_t limits[] = {1, 2, 3, 40, 60, 300};
  for (size_t i = 0; i < jobs.size(); ++i) {
    jobs[i].max_new_tokens = limits[i];
    jobs[i].stop_on_repetition = i != 5;
  }
  const auto expected = Run(plain, jobs, 4, Speculate::kOff);
  const auto decoded = Run(guessing, jobs, 4, Speculate::kAlways);
  for (size_t i = 0; i < jobs.size(); ++i) {
    EXPECT_EQ(decoded[i].ids, expected[i].ids) << i;
    EXPECT_EQ(decoded[i].repeated, expected[i].repeated) << i;
  }
  EXPECT_EQ(decoded[5].ids.size(), 300u);
  EXPECT_GT(guessing.speculation().drafts_accepted + guessing.speculation().copies_accepted, 50);
}

TEST_F(SpeculationTest, OffProposesNothing) {
  BatchDecoder decoder(*model_, {1, 5});
  decoder.SetDraft(WeakDraft());
  ExpectGreedy(Run(decoder, jobs_, 4, Speculate::kOff), "off");
  const SpeculationCounts& counts = decoder.speculation();
  EXPECT_EQ(counts.copies_proposed + counts.drafts_proposed, 0);
  EXPECT_EQ(counts.tokens, counts.steps);
  EXPECT_EQ(counts.seconds, counts.plain_seconds);
}

// A draft with random weights is never right: it is given up soon, and asked again ever more
// rarely.
TEST_F(SpeculationTest, AWorthlessDraftIsGivenUp) {
  const std::string folder = ::testing::TempDir() + "dragoman_worthless_draft";
  std::filesystem::remove_all(folder);
  SyntheticOptions options;
  options.shape = *FindSyntheticShape("tiny");
  options.shape.vocab = static_cast<uint64_t>(model_->config().vocab);
  options.tokenizer_path = std::string(kBundled) + "/tokenizer.json";
  ASSERT_TRUE(WriteSyntheticCheckpoint(folder, options));
  BatchDecoder decoder(*model_, {1, 5});
  decoder.SetDraft(std::make_unique<DraftModel>(LoadModel(folder)));
  for (int round = 0; round < 4; ++round) {
    ExpectGreedy(Run(decoder, jobs_, 1, Speculate::kAuto), "worthless draft");
  }
  const SpeculationCounts& counts = decoder.speculation();
  EXPECT_LE(counts.drafts_accepted, 2);
  EXPECT_LT(counts.drafts_proposed, counts.tokens / 2) << "two periods of 32 steps at most";
  std::filesystem::remove_all(folder);
}

// Lines of data/suite as translation requests from English.
std::vector<TranslationRequest> SuiteRequests(const std::string& file, size_t every) {
  std::vector<TranslationRequest> requests;
  std::ifstream in(std::string(DRAGOMAN_SOURCE_DIR "/data/suite/") + file);
  const Language english = *FindLanguage("en");
  const char* const targets[] = {"de", "zh", "fr", "ar", "ru"};
  std::string line;
  std::getline(in, line);  // the header
  for (size_t number = 0; std::getline(in, line); ++number) {
    if (number % every != 0) continue;
    const Json text = Json::parse(line)["text"];
    const auto source = text.is_object() ? text["en"].get<std::string>() : text.get<std::string>();
    requests.push_back({source, english, *FindLanguage(targets[number % 5])});
  }
  return requests;
}

TEST(SpeculativeTranslator, SuiteAndEdgeCasesComeOutTheSame) {
  auto opened = Translator::Open(kBundled, "auto", 2);
  ASSERT_TRUE(opened) << ToString(opened.error());
  Translator& translator = **opened;
  std::vector<TranslationRequest> requests = SuiteRequests("builtin.jsonl", 10);
  const std::vector<TranslationRequest> edges = SuiteRequests("edge_cases.jsonl", 4);
  requests.insert(requests.end(), edges.begin(), edges.end());
  ASSERT_GT(requests.size(), 10u);
  TranslateOptions options;
  options.protect = false;  // the model itself copies what it can
  options.max_new_tokens = 32;
  const auto run = [&](Speculate speculate, int max_batch) {
    options.speculate = speculate;
    options.max_batch = max_batch;
    auto translations = translator.Translate(requests, options);
    EXPECT_TRUE(translations) << ToString(translations.error());
    std::vector<std::string> texts;
    for (const Translation& translation : *translations) texts.push_back(translation.text);
    return texts;
  };
  const std::vector<std::string> expected = run(Speculate::kOff, 16);
  EXPECT_EQ(run(Speculate::kAlways, 1), expected);
  EXPECT_EQ(run(Speculate::kAuto, 4), expected);
  ASSERT_TRUE(translator.UseDraft(kBundled));
  EXPECT_EQ(run(Speculate::kAlways, 16), expected);
  EXPECT_EQ(run(Speculate::kAuto, 1), expected);
  const SpeculationCounts& counts = translator.speculation();
  EXPECT_GT(counts.copies_accepted, 0);
  EXPECT_GT(counts.drafts_accepted, 0);
  EXPECT_GT(counts.seconds, 0);
}

TEST(SpeculativeTranslator, RefusesADraftOfAnotherVocabulary) {
  auto translator = Translator::Open(kBundled, "auto", 1);
  ASSERT_TRUE(translator);
  const auto missing = (*translator)->UseDraft("/nowhere.gguf");
  ASSERT_FALSE(missing);
  EXPECT_EQ(missing.error().code, ErrorCode::kNotFound);

  const std::string folder = ::testing::TempDir() + "dragoman_other_vocabulary";
  std::filesystem::remove_all(folder);
  SyntheticOptions options;
  options.shape = *FindSyntheticShape("tiny");
  options.shape.vocab = static_cast<uint64_t>((*translator)->model().config().vocab);
  options.tokenizer_path = std::string(kBundled) + "/tokenizer.json";
  const auto refusal = [&] {
    std::filesystem::remove_all(folder);
    EXPECT_TRUE(WriteSyntheticCheckpoint(folder, options));
    const auto refused = (*translator)->UseDraft(folder);
    return refused ? Error{} : refused.error();
  };
  options.shape.vocab += 64;
  Error error = refusal();
  EXPECT_EQ(error.code, ErrorCode::kInvalidArgument);
  EXPECT_THAT(ToString(error), HasSubstr("vocabulary"));
  EXPECT_THAT(ToString(error), HasSubstr(folder));
  std::filesystem::remove_all(folder);
}

// The same number of pieces, two of them exchanged.
TEST(SpeculativeTranslator, RefusesADraftWhosePiecesDiffer) {
  auto translator = Translator::Open(kBundled, "auto", 1);
  ASSERT_TRUE(translator);
  const std::string folder = ::testing::TempDir() + "dragoman_other_pieces";
  std::filesystem::remove_all(folder);
  SyntheticOptions options;
  options.shape = *FindSyntheticShape("tiny");
  options.shape.vocab = static_cast<uint64_t>((*translator)->model().config().vocab);
  options.tokenizer_path = std::string(kBundled) + "/tokenizer.json";
  ASSERT_TRUE(WriteSyntheticCheckpoint(folder, options));
  const auto accepted = (*translator)->UseDraft(folder);
  EXPECT_TRUE(accepted) << ToString(accepted.error());

  auto json = ReadJsonFile(folder + "/tokenizer.json");
  ASSERT_TRUE(json);
  Json& vocabulary = (*json)["model"]["vocab"];
  std::string first, second;
  for (const auto& [piece, id] : vocabulary.items()) {
    if (id == 1000) first = piece;
    if (id == 1001) second = piece;
  }
  ASSERT_FALSE(first.empty() || second.empty());
  vocabulary[first] = 1001;
  vocabulary[second] = 1000;
  std::ofstream(folder + "/tokenizer.json") << json->dump();
  const auto refused = (*translator)->UseDraft(folder);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, ErrorCode::kInvalidArgument);
  EXPECT_THAT(ToString(refused.error()), HasSubstr("piece 1000"));
  std::filesystem::remove_all(folder);
}

}  // namespace
}  // namespace dragoman
