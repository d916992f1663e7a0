// Tests of the batch loop with the bundled model: joining and leaving, growing caches, end tokens,
// the prefix cache.
#include "translate/batch_decoder.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <numeric>

#include "base/json.h"

namespace dragoman {
namespace {

using Ids = std::vector<int32_t>;

class BatchDecoderTest : public ::testing::Test {
 protected:
  void SetUp() override {
    auto backend = OpenBackend("auto", 2);
    ASSERT_TRUE(backend) << ToString(backend.error());
    backend_ = std::move(*backend);
    auto model = Gemma3::Load(DRAGOMAN_SOURCE_DIR "/models/mini", *backend_);
    ASSERT_TRUE(model) << ToString(model.error());
    model_ = std::move(*model);
    auto golden = ReadJsonFile(DRAGOMAN_SOURCE_DIR "/tests/golden/mini_golden.json");
    ASSERT_TRUE(golden);
    golden_ = *golden;
  }
  Ids Prompt(size_t i) const { return golden_["prompts"][i]["ids"].get<Ids>(); }
  Ids Greedy(size_t i) const { return golden_["prompts"][i]["greedy_ids"].get<Ids>(); }
  // Prompt i with its first `shared` ids as a prefix.
  DecodeJob Job(size_t i, size_t shared = 0) const {
    const Ids ids = Prompt(i);
    const auto middle = ids.begin() + static_cast<std::ptrdiff_t>(shared);
    DecodeJob job;
    if (shared > 0) job.prefix = std::make_shared<const Ids>(ids.begin(), middle);
    job.prompt.assign(middle, ids.end());
    job.max_new_tokens = 128;
    return job;
  }
  static std::vector<DecodedSequence> Run(BatchDecoder& decoder, const std::vector<DecodeJob>& jobs,
                                          int max_batch,
                                          const BatchDecoder::Callbacks& callbacks = {}) {
    std::vector<size_t> order(jobs.size());
    std::iota(order.rbegin(), order.rend(), size_t{0});  // last first: results must not follow it
    auto decoded = decoder.Run(jobs, order, max_batch, callbacks);
    EXPECT_TRUE(decoded) << ToString(decoded.error());
    return decoded ? *decoded : std::vector<DecodedSequence>(jobs.size());
  }
  std::unique_ptr<Backend> backend_;
  std::unique_ptr<Gemma3> model_;
  Json golden_;
};

TEST_F(BatchDecoderTest, SequencesJoinAndLeaveWithoutTouchingEachOther) {
  BatchDecoder decoder(*model_, {1, 5});
  std::vector<DecodeJob> jobs;
  for (size_t i = 0; i < 20; ++i) jobs.push_back(Job(i, i % 3 == 0 ? 0 : 60));
  std::vector<size_t> finished;
  size_t tokens = 0;
  BatchDecoder::Callbacks callbacks;
  callbacks.on_token = [&](size_t, int32_t) { ++tokens; };
  callbacks.on_finished = [&](size_t job) { finished.push_back(job); };
  const auto decoded = Run(decoder, jobs, 3, callbacks);
  size_t expected_tokens = 0;
  for (size_t i = 0; i < 20; ++i) {
    EXPECT_EQ(decoded[i].ids, Greedy(i)) << i;
    EXPECT_TRUE(decoded[i].reached_end);
    EXPECT_LE(decoded[i].joined_ms, decoded[i].first_token_ms);
    EXPECT_LE(decoded[i].first_token_ms, decoded[i].finished_ms);
    expected_tokens += decoded[i].ids.size();
  }
  EXPECT_EQ(tokens, expected_tokens);
  std::sort(finished.begin(), finished.end());
  for (size_t i = 0; i < 20; ++i) EXPECT_EQ(finished[i], i);
}

// Any of the end tokens stops, wherever it comes.
TEST_F(BatchDecoderTest, EveryEndTokenStops) {
  const Ids greedy = Greedy(8);
  ASSERT_GT(greedy.size(), 6u);
  for (const size_t at : {size_t{0}, size_t{3}, size_t{5}}) {
    const auto first = std::find(greedy.begin(), greedy.end(), greedy[at]);
    for (const Ids& ends : {Ids{greedy[at], 5}, Ids{1, greedy[at]}}) {
      BatchDecoder decoder(*model_, ends);
      const auto decoded = Run(decoder, {Job(8)}, 1);
      EXPECT_EQ(decoded[0].ids, Ids(greedy.begin(), first + 1));
      EXPECT_TRUE(decoded[0].reached_end);
    }
  }
}

// Without an end token a sequence outgrows its first cache several times, and stops at its limit or
// in its loop.
TEST_F(BatchDecoderTest, CachesGrowAndLoopsStop) {
  BatchDecoder decoder(*model_, {});
  DecodeJob job = Job(0);
  job.max_new_tokens = 400;
  job.stop_on_repetition = false;
  const auto endless = Run(decoder, {job}, 1);
  EXPECT_EQ(endless[0].ids.size(), 400u);
  EXPECT_FALSE(endless[0].reached_end);
  job.stop_on_repetition = true;
  const auto stopped = Run(decoder, {job}, 1);
  if (stopped[0].repeated) {
    EXPECT_LT(stopped[0].ids.size(), 400u);
  } else {
    EXPECT_EQ(stopped[0].ids.size(), 400u);
  }
  EXPECT_TRUE(std::equal(stopped[0].ids.begin(), stopped[0].ids.end(), endless[0].ids.begin()));
  // The same ids without any growing: one cache of the whole length, one token at a time.
  const Ids prompt = Prompt(0);
  auto cache = KvCache::Create(*backend_, model_->config(), 1024, 1024);
  ASSERT_TRUE(cache);
  Ids next = prompt;
  for (size_t i = 0; i < 300; ++i) {
    const SequenceChunk chunk{cache->get(), next, false, false};
    const auto logits = model_->Forward({&chunk, 1});
    ASSERT_TRUE(logits);
    std::vector<TopLogit> best(1);
    backend_->TopLogits(logits->data, 1, logits->vocab, 1, best);
    ASSERT_EQ(best[0].id, endless[0].ids[i]) << i;
    next = {best[0].id};
  }
}

TEST_F(BatchDecoderTest, PrefixesAreComputedOnceAndTheOldestLeave) {
  PrefixCache prefixes(*model_, 16);
  int forwards = 0;
  model_->SetResidualTap(
      [&](int layer, const float*, int64_t, int64_t) { forwards += layer == -1 ? 1 : 0; });
  const auto prefix = [&](size_t i) { return Ids{2, 4, static_cast<int32_t>(100 + i), 7}; };
  ASSERT_TRUE(prefixes.Get(prefix(0)));
  const auto again = prefixes.Get(prefix(0));
  ASSERT_TRUE(again);
  EXPECT_EQ((*again)->length(), 4);
  EXPECT_EQ(forwards, 1);
  for (size_t i = 1; i < PrefixCache::kMaxPrefixes; ++i) ASSERT_TRUE(prefixes.Get(prefix(i)));
  ASSERT_TRUE(prefixes.Get(prefix(0)));  // used again: number 1 is the oldest now
  EXPECT_EQ(forwards, static_cast<int>(PrefixCache::kMaxPrefixes));
  ASSERT_TRUE(prefixes.Get(prefix(99)));
  EXPECT_EQ(prefixes.size(), PrefixCache::kMaxPrefixes);
  ASSERT_TRUE(prefixes.Get(prefix(0)));
  EXPECT_EQ(forwards, static_cast<int>(PrefixCache::kMaxPrefixes) + 1);
  ASSERT_TRUE(prefixes.Get(prefix(1)));
  EXPECT_EQ(forwards, static_cast<int>(PrefixCache::kMaxPrefixes) + 2);
  const Ids bad = {1 << 29};
  EXPECT_FALSE(prefixes.Get(bad));
}

TEST_F(BatchDecoderTest, PoolGivesMemoryBackToTheSameSize) {
  KvPool pool(*model_, 32);
  auto a = pool.Take(100);
  ASSERT_TRUE(a);
  EXPECT_GE((*a)->max_tokens(), 100);
  const KvCache* address = a->get();
  const uint64_t bytes = pool.size_bytes();
  EXPECT_EQ(bytes, (*a)->size_bytes());
  pool.GiveBack(std::move(*a));
  auto b = pool.Take(90);
  ASSERT_TRUE(b);
  EXPECT_EQ(b->get(), address);
  EXPECT_EQ((*b)->length(), 0);
  pool.GiveBack(std::move(*b));
  // Idle caches of other sizes may stay while they are a quarter of what was used, and no longer.
  auto larger = pool.Take(1000);
  ASSERT_TRUE(larger);
  const uint64_t most_bytes = (*larger)->size_bytes() * 5 / 4;
  EXPECT_LE(pool.size_bytes(), most_bytes);
  pool.GiveBack(std::move(*larger));
  for (int64_t tokens = 100; tokens < 900; tokens += 100) {
    auto other = pool.Take(tokens);
    ASSERT_TRUE(other);
    EXPECT_LE(pool.size_bytes(), most_bytes);
    pool.GiveBack(std::move(*other));
  }
  EXPECT_EQ(pool.Take(int64_t{1} << 40).error().code, ErrorCode::kInvalidArgument);
}

}  // namespace
}  // namespace dragoman
