// Tests of the forward pass: against reference logits, layer statistics and texts' ids; cached,
// chunked, wrapped and batched runs against plain ones.
#include "model/gemma3.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <numeric>

#include "model/tiny_model.h"

namespace dragoman {
namespace {

using ::testing::HasSubstr;

constexpr char kMini[] = DRAGOMAN_SOURCE_DIR "/models/mini";
constexpr int64_t kChunk = 128;

// All logits of one row, on the host.
std::vector<float> Row(Gemma3& model, const Gemma3::Logits& logits, int64_t row) {
  std::vector<float> out(static_cast<size_t>(logits.vocab));
  model.backend().Download(logits.data + row * logits.vocab, out);
  return out;
}

int32_t ArgMax(const std::vector<float>& logits) {
  return static_cast<int32_t>(std::max_element(logits.begin(), logits.end()) - logits.begin());
}

// Runs `ids` through a cache of `max_tokens` in chunks; logits of the last position.
std::vector<float> RunChunked(Gemma3& model, KvCache& cache, std::span<const int32_t> ids,
                              int64_t chunk_tokens) {
  std::vector<float> last;
  for (size_t begin = 0; begin < ids.size();) {
    const size_t count = std::min(ids.size() - begin, static_cast<size_t>(chunk_tokens));
    const SequenceChunk chunk{&cache, ids.subspan(begin, count), false, false};
    const auto logits = model.Forward({&chunk, 1});
    EXPECT_TRUE(logits) << ToString(logits.error());
    if (!logits) return {};
    last = Row(model, *logits, 0);
    begin += count;
  }
  return last;
}

std::unique_ptr<KvCache> NewCache(Gemma3& model, int64_t max_tokens,
                                  int64_t chunk_tokens = kChunk) {
  auto cache = KvCache::Create(model.backend(), model.config(), max_tokens, chunk_tokens);
  EXPECT_TRUE(cache) << ToString(cache.error());
  return cache ? std::move(*cache) : nullptr;
}

float MaxDifference(const std::vector<float>& a, const std::vector<float>& b) {
  EXPECT_EQ(a.size(), b.size());
  float max = 0;
  for (size_t i = 0; i < std::min(a.size(), b.size()); ++i)
    max = std::max(max, std::abs(a[i] - b[i]));
  return max;
}

struct GoldenRun {
  std::unique_ptr<Backend> backend;
  std::unique_ptr<Gemma3> model;
  Json golden;
};

void Open(const std::string& device, GoldenRun& run) {
  auto backend = OpenBackend(device, 0);
  ASSERT_TRUE(backend) << ToString(backend.error());
  run.backend = std::move(*backend);
  auto model = Gemma3::Load(kMini, *run.backend);
  ASSERT_TRUE(model) << ToString(model.error());
  run.model = std::move(*model);
  auto golden = ReadJsonFile(DRAGOMAN_SOURCE_DIR "/tests/golden/mini_golden.json");
  ASSERT_TRUE(golden) << ToString(golden.error());
  run.golden = *golden;
}

// Largest difference among the prompt's recorded top logits; checks the best one.
float CheckLastLogits(const Json& prompt, const std::vector<float>& logits) {
  const auto ids = prompt["top20_ids"].get<std::vector<int32_t>>();
  const auto values = prompt["top20_logits"].get<std::vector<float>>();
  EXPECT_EQ(ArgMax(logits), ids[0]);
  float max = 0;
  for (size_t i = 0; i < ids.size(); ++i) {
    max = std::max(max, std::abs(logits[static_cast<size_t>(ids[i])] - values[i]));
  }
  const double sum = std::accumulate(logits.begin(), logits.end(), 0.0);
  EXPECT_NEAR(sum / static_cast<double>(logits.size()), prompt["logits_mean"].get<double>(), 1e-3);
  return max;
}

constexpr float kGoldenTolerance = 2e-3f;

// Prompts, then the whole greedy continuation from the cache, for the first `prompts` of them.
void CheckGolden(const std::string& device, size_t prompts) {
  GoldenRun run;
  ASSERT_NO_FATAL_FAILURE(Open(device, run));
  float worst = 0;
  size_t checked = 0, longest = 0;
  for (const Json& prompt : run.golden["prompts"]) {
    if (checked++ == prompts) break;
    const auto ids = prompt["ids"].get<std::vector<int32_t>>();
    const auto greedy = prompt["greedy_ids"].get<std::vector<int32_t>>();
    longest = std::max(longest, ids.size());
    const auto cache = NewCache(*run.model, static_cast<int64_t>(ids.size() + greedy.size()));
    std::vector<float> logits = RunChunked(*run.model, *cache, ids, kChunk);
    worst = std::max(worst, CheckLastLogits(prompt, logits));
    for (size_t i = 0; i < greedy.size(); ++i) {
      ASSERT_EQ(ArgMax(logits), greedy[i]) << "prompt " << checked - 1 << ", token " << i;
      logits = RunChunked(*run.model, *cache, {&greedy[i], 1}, 1);
    }
  }
  EXPECT_LT(worst, kGoldenTolerance);
  std::printf("%s: largest difference of a top-20 logit %.2g, longest prompt %zu tokens\n",
              device.c_str(), worst, longest);
}

TEST(Gemma3Golden, LogitsAndGreedyIdsOnTheBestBackend) { CheckGolden("auto", 20); }
TEST(Gemma3Golden, LogitsAndGreedyIdsOnTheReferenceBackend) { CheckGolden("reference", 2); }

struct Moments {
  double mean = 0, std = 0;
};
Moments MomentsOf(const float* x, int64_t elems) {
  Moments m;
  for (int64_t i = 0; i < elems; ++i) m.mean += x[i];
  m.mean /= static_cast<double>(elems);
  for (int64_t i = 0; i < elems; ++i) m.std += (x[i] - m.mean) * (x[i] - m.mean);
  m.std = std::sqrt(m.std / static_cast<double>(elems));
  return m;
}

void CheckResidual(const Json& expected, const float* x, int64_t rows, int64_t dim,
                   const std::string& what) {
  constexpr double kTolerance = 2e-3;
  const Moments all = MomentsOf(x, rows * dim);
  EXPECT_NEAR(all.mean, expected["mean_all"].get<double>(), kTolerance) << what;
  EXPECT_NEAR(all.std, expected["std_all"].get<double>(), kTolerance) << what;
  const float* last = x + (rows - 1) * dim;
  EXPECT_NEAR(MomentsOf(last, dim).mean, expected["last_mean"].get<double>(), kTolerance) << what;
  const auto first8 = expected["last_first8"].get<std::vector<double>>();
  for (size_t i = 0; i < first8.size(); ++i)
    EXPECT_NEAR(last[i], first8[i], kTolerance) << what << ", element " << i;
}

TEST(Gemma3Golden, ResidualStreamAfterEveryLayer) {
  GoldenRun run;
  ASSERT_NO_FATAL_FAILURE(Open("auto", run));
  const auto layers = static_cast<int>(run.model->config().layers);
  for (const Json& expected : run.golden["layers"]) {
    const auto ids =
        run.golden["prompts"][expected["prompt"].get<size_t>()]["ids"].get<std::vector<int32_t>>();
    std::vector<int> seen;
    run.model->SetResidualTap([&](int layer, const float* x, int64_t rows, int64_t dim) {
      seen.push_back(layer);
      ASSERT_EQ(rows, static_cast<int64_t>(ids.size()));
      const Json& stats = layer < 0         ? expected["embedding_scaled"]
                          : layer == layers ? expected["final_norm"]
                                            : expected["layers"][static_cast<size_t>(layer)];
      CheckResidual(stats, x, rows, dim, "layer " + std::to_string(layer));
    });
    const auto cache =
        NewCache(*run.model, static_cast<int64_t>(ids.size()), static_cast<int64_t>(ids.size()));
    const SequenceChunk chunk{cache.get(), ids, true, false};
    ASSERT_TRUE(run.model->Forward({&chunk, 1}));
    EXPECT_EQ(seen.size(), static_cast<size_t>(layers) + 2);
  }
}

// Everything below runs on both backends with a window of six positions.
class TinyGemma3Test : public ::testing::TestWithParam<const char*> {
 protected:
  void SetUp() override {
    folder_ = ::testing::TempDir() + "dragoman_tiny_" + GetParam();
    std::filesystem::remove_all(folder_);
    ASSERT_TRUE(WriteTinyModel(MakeTinyModel(7), folder_));
    auto backend = OpenBackend(GetParam(), 2);
    ASSERT_TRUE(backend) << ToString(backend.error());
    backend_ = std::move(*backend);
    auto model = Gemma3::Load(folder_, *backend_);
    ASSERT_TRUE(model) << ToString(model.error());
    model_ = std::move(*model);
    for (int32_t i = 0; i < 50; ++i) ids_.push_back((i * i + 3 * i) % 40);
  }
  std::vector<float> Whole(std::span<const int32_t> ids) {
    const auto count = static_cast<int64_t>(ids.size());
    const auto cache = NewCache(*model_, count, count);
    return RunChunked(*model_, *cache, ids, count);
  }
  std::string folder_;
  std::unique_ptr<Backend> backend_;
  std::unique_ptr<Gemma3> model_;
  std::vector<int32_t> ids_;
};

// Float sums may be cut differently; anything else is a wrong key.
constexpr float kSameTolerance = 2e-5f;

TEST_P(TinyGemma3Test, AnyChunkingGivesTheSameLogits) {
  for (const int64_t chunk : {1, 2, 5, 7, 16, 49}) {
    const auto cache = NewCache(*model_, 50, chunk);
    EXPECT_LT(MaxDifference(RunChunked(*model_, *cache, ids_, chunk), Whole(ids_)), kSameTolerance)
        << chunk;
    EXPECT_EQ(cache->length(), 50);
  }
}

TEST_P(TinyGemma3Test, LocalRingsAreSmallAndWrapOften) {
  const auto cache = NewCache(*model_, 50, 1);
  EXPECT_EQ(cache->capacity(0), 6);
  EXPECT_EQ(cache->capacity(2), 50);
  EXPECT_EQ(cache->size_bytes(), (6u + 6 + 50) * 2 * 2 * 8 * sizeof(float));
}

// The window matters here: forgetting to apply it, or applying it to the global layer, changes the
// logits.
TEST_P(TinyGemma3Test, WindowReachesExactlyItsPositions) {
  const std::span<const int32_t> ids = ids_;
  TinyModel all_local = MakeTinyModel(7);
  all_local.config["layer_types"] = {"sliding_attention", "sliding_attention", "sliding_attention"};
  ASSERT_TRUE(WriteTinyModel(all_local, folder_ + "_local"));
  auto local = Gemma3::Load(folder_ + "_local", *backend_);
  ASSERT_TRUE(local);
  std::swap(model_, *local);
  // Three layers of window 6 see 3 * 5 positions back and nothing before.
  std::vector<int32_t> changed(ids.begin(), ids.end());
  changed[49 - 16] = (changed[49 - 16] + 1) % 40;
  EXPECT_EQ(MaxDifference(Whole(ids), Whole(changed)), 0.0f);
  changed[49 - 15] = (changed[49 - 15] + 1) % 40;
  EXPECT_GT(MaxDifference(Whole(ids), Whole(changed)), 0.0f);
  std::swap(model_, *local);
  changed.assign(ids.begin(), ids.end());
  changed[0] = (changed[0] + 1) % 40;
  EXPECT_GT(MaxDifference(Whole(ids), Whole(changed)), 0.0f)
      << "the global layer sees the first token";
}

TEST_P(TinyGemma3Test, BatchEqualsSingleBitForBit) {
  constexpr size_t kSequences = 5;
  std::vector<std::unique_ptr<KvCache>> alone, together;
  std::vector<std::vector<float>> expected;
  std::vector<SequenceChunk> chunks;
  const size_t sizes[kSequences] = {1, 9, 20, 3, 14};
  for (size_t i = 0; i < kSequences; ++i) {
    alone.push_back(NewCache(*model_, 50, 20));
    together.push_back(NewCache(*model_, 50, 20));
    const std::span<const int32_t> ids = std::span(ids_).subspan(i, sizes[i]);
    expected.push_back(RunChunked(*model_, *alone.back(), ids, 20));
    chunks.push_back({together.back().get(), ids, false, i == 3});
  }
  auto logits = model_->Forward(chunks);
  ASSERT_TRUE(logits) << ToString(logits.error());
  ASSERT_EQ(logits->rows, 4) << "one row each, none for the one that wants none";
  const size_t order[] = {0, 1, 2, 4};
  for (size_t i = 0; i < 4; ++i)
    EXPECT_EQ(Row(*model_, *logits, static_cast<int64_t>(i)), expected[order[i]]) << i;
  // One decoding step of all of them.
  const std::vector<int32_t> next = {11, 12, 13, 14, 15};
  for (size_t i = 0; i < kSequences; ++i) {
    expected[i] = RunChunked(*model_, *alone[i], {&next[i], 1}, 1);
    chunks[i] = {together[i].get(), {&next[i], 1}, false, false};
  }
  logits = model_->Forward(chunks);
  ASSERT_TRUE(logits);
  for (size_t i = 0; i < kSequences; ++i)
    EXPECT_EQ(Row(*model_, *logits, static_cast<int64_t>(i)), expected[i]) << i;
}

TEST_P(TinyGemma3Test, AllLogitsHaveARowEach) {
  const auto cache = NewCache(*model_, 50, 20);
  const std::span<const int32_t> ids = std::span(ids_).first(12);
  const SequenceChunk chunk{cache.get(), ids, true, false};
  const auto logits = model_->Forward({&chunk, 1});
  ASSERT_TRUE(logits);
  ASSERT_EQ(logits->rows, 12);
  std::vector<std::vector<float>> rows;
  for (int64_t row = 0; row < 12; ++row) rows.push_back(Row(*model_, *logits, row));
  for (size_t row = 0; row < 12; ++row) {
    EXPECT_LT(MaxDifference(rows[row], Whole(ids.first(row + 1))), kSameTolerance) << row;
  }
}

// The pass drops rows early that nobody asks for; with a tap it keeps them. Both must give the
// same.
TEST_P(TinyGemma3Test, DroppedRowsDoNotShow) {
  const auto run = [&] {
    std::vector<std::unique_ptr<KvCache>> caches;
    std::vector<SequenceChunk> chunks;
    for (size_t i = 0; i < 4; ++i) {
      caches.push_back(NewCache(*model_, 50, 20));
      chunks.push_back({caches.back().get(), std::span(ids_).subspan(i, 7 + i), i == 2, i == 1});
    }
    const auto logits = model_->Forward(chunks);
    EXPECT_TRUE(logits);
    std::vector<std::vector<float>> rows;
    for (int64_t row = 0; logits && row < logits->rows; ++row)
      rows.push_back(Row(*model_, *logits, row));
    for (const auto& cache : caches)  // what the next token sees
      rows.push_back(RunChunked(*model_, *cache, std::span(ids_).first(1), 1));
    return rows;
  };
  const auto narrow = run();
  EXPECT_EQ(narrow.size(), 1u + 0 + 9 + 1 + 4);
  model_->SetResidualTap([](int, const float*, int64_t, int64_t) {});
  EXPECT_EQ(run(), narrow);
}

// A shared prefix copied into a cache of other sizes goes on as if it had been computed there.
TEST_P(TinyGemma3Test, CopiedPrefixGoesOnTheSame) {
  for (const int64_t prefix_chunk : {1, 4, 20}) {
    const auto prefix = NewCache(*model_, 20, prefix_chunk);
    RunChunked(*model_, *prefix, std::span(ids_).first(20), prefix_chunk);
    const auto cache = NewCache(*model_, 50, 9);
    cache->CopyFrom(*prefix);
    EXPECT_EQ(cache->length(), 20);
    EXPECT_LT(
        MaxDifference(RunChunked(*model_, *cache, std::span(ids_).subspan(20), 9), Whole(ids_)),
        kSameTolerance);
  }
}

// Wrong guesses read and forgotten leave no trace, in rings that wrap many times: every row has the
// bits that reading token by token gives.
TEST_P(TinyGemma3Test, RolledBackPositionsLeaveNoTrace) {
  constexpr int64_t kRows = 5;
  const auto plain = NewCache(*model_, 50, kRows);
  const auto guessed = NewCache(*model_, 50, kRows);
  EXPECT_LT(guessed->capacity(0), 50);
  for (size_t at = 0; at + kRows <= ids_.size();) {
    const size_t right = at % kRows;  // guesses that come true, after the token that is known
    std::vector<int32_t> tokens(ids_.begin() + static_cast<std::ptrdiff_t>(at),
                                ids_.begin() + static_cast<std::ptrdiff_t>(at + right + 1));
    while (tokens.size() < kRows) tokens.push_back((tokens.back() + 17) % 40);
    const SequenceChunk chunk{guessed.get(), tokens, true, false};
    const auto logits = model_->Forward({&chunk, 1});
    ASSERT_TRUE(logits) << ToString(logits.error());
    std::vector<std::vector<float>> rows;
    for (size_t i = 0; i <= right; ++i)
      rows.push_back(Row(*model_, *logits, static_cast<int64_t>(i)));
    for (size_t i = 0; i <= right; ++i)
      ASSERT_EQ(rows[i], RunChunked(*model_, *plain, {&tokens[i], 1}, 1)) << at << " " << i;
    at += right + 1;
    ASSERT_GE(static_cast<int64_t>(at), guessed->lowest_length());
    guessed->RollBack(static_cast<int64_t>(at));
  }
  // After a copy no position before it can be gone back to.
  const auto copy = NewCache(*model_, 60, 9);
  copy->CopyFrom(*plain);
  EXPECT_EQ(copy->lowest_length(), plain->length());
  EXPECT_LE(plain->lowest_length(), plain->length() - 1);
  copy->Reset();
  EXPECT_EQ(copy->lowest_length(), 0);
}

TEST_P(TinyGemma3Test, ResetCacheStartsAnew) {
  const auto cache = NewCache(*model_, 50, 50);
  RunChunked(*model_, *cache, ids_, 50);
  cache->Reset();
  EXPECT_EQ(RunChunked(*model_, *cache, std::span(ids_).first(9), 50),
            Whole(std::span(ids_).first(9)));
}

TEST_P(TinyGemma3Test, TapSeesEveryLinearOnceWithItsInput) {
  std::vector<std::string> names;
  std::vector<std::vector<float>> inputs;
  model_->SetTap([&](const LinearInput& input) {
    names.emplace_back(input.tensor);
    inputs.emplace_back(input.x, input.x + input.rows * input.dim);
  });
  const auto cache = NewCache(*model_, 50, 20);
  const SequenceChunk chunk{cache.get(), std::span(ids_).first(4), true, false};
  ASSERT_TRUE(model_->Forward({&chunk, 1}));
  ASSERT_EQ(names.size(), 3u * 7 + 1);
  EXPECT_THAT(
      std::vector<std::string>(names.begin(), names.begin() + 7),
      ::testing::ElementsAre("blk.0.attn_q.weight", "blk.0.attn_k.weight", "blk.0.attn_v.weight",
                             "blk.0.attn_output.weight", "blk.0.ffn_gate.weight",
                             "blk.0.ffn_up.weight", "blk.0.ffn_down.weight"));
  EXPECT_EQ(names.back(), "token_embd.weight");
  EXPECT_EQ(inputs[0], inputs[2]) << "q, k and v multiply the same rows";
  EXPECT_EQ(inputs[0].size(), 4u * 32);
  EXPECT_EQ(inputs[6].size(), 4u * 48);
  model_->SetTap(nullptr);
  ASSERT_TRUE(model_->Forward({&chunk, 1}));
  EXPECT_EQ(names.size(), 3u * 7 + 1);
}

TEST_P(TinyGemma3Test, GgufGivesTheSameLogits) {
  ASSERT_TRUE(WriteTinyGguf(MakeTinyModel(7), folder_ + ".gguf"));
  auto gguf = Gemma3::Load(folder_ + ".gguf", *backend_);
  ASSERT_TRUE(gguf) << ToString(gguf.error());
  const std::vector<float> expected = Whole(ids_);
  std::swap(model_, *gguf);
  EXPECT_EQ(Whole(ids_), expected);
  std::swap(model_, *gguf);
}

TEST_P(TinyGemma3Test, RefusesWhatDoesNotFit) {
  const auto cache = NewCache(*model_, 10, 8);
  const auto expect = [&](std::vector<SequenceChunk> chunks, const std::string& message) {
    const auto logits = model_->Forward(chunks);
    ASSERT_FALSE(logits) << message;
    EXPECT_EQ(logits.error().code, ErrorCode::kInvalidArgument);
    EXPECT_THAT(ToString(logits.error()), HasSubstr(message));
  };
  const std::vector<int32_t> bad = {3, 40}, negative = {-1};
  const std::span<const int32_t> ids = ids_;
  expect({{cache.get(), bad}}, "below 40, found 40");
  expect({{cache.get(), negative}}, "found -1");
  expect({{cache.get(), ids.first(9)}}, "at most 8 tokens");
  expect({{cache.get(), {}}}, "at least one token");
  expect({{nullptr, ids.first(1)}}, "needs a cache");
  expect({{cache.get(), ids.first(1)}, {cache.get(), ids.first(1)}}, "same cache");
  RunChunked(*model_, *cache, ids.first(8), 8);
  expect({{cache.get(), ids.first(3)}}, "at most 10 positions");
  EXPECT_EQ(cache->length(), 8) << "a refused call leaves the cache alone";
  EXPECT_EQ(model_->Forward({})->rows, 0);
  EXPECT_FALSE(KvCache::Create(*backend_, model_->config(), 0, 1));
  EXPECT_FALSE(KvCache::Create(*backend_, model_->config(), int64_t{1} << 40, 1));
}

INSTANTIATE_TEST_SUITE_P(Backends, TinyGemma3Test, ::testing::Values("reference", "auto"));

}  // namespace
}  // namespace dragoman
