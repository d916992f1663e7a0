// Every operation of every backend this machine can run, against the reference, over shapes of the
// real models, odd tails, misaligned memory and all block types. The tolerances are those of
// docs/numerics.md.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <numeric>

#include "kernels/kernels.h"
#include "kernels/random_tensors.h"

namespace dragoman {
namespace {

// Of the sum of the magnitudes that were added up.
constexpr double kMatMulTolerance = 1e-6;
// Of the largest value that is mixed.
constexpr double kAttentionTolerance = 3e-6;
// Of the result.
constexpr double kRmsNormTolerance = 1e-6;
// Of the pair's length.
constexpr double kRopeTolerance = 2e-7;
// Of |gate * up|, and of the result where the gate is above -4.
constexpr double kGeluTolerance = 1.5e-6;

std::vector<std::string> FastBackends() {
  std::vector<std::string> names;
  for (const BackendInfo& backend : ListBackends()) {
    if (backend.name != "reference") names.push_back(backend.name);
  }
  return names;
}

class Conformance : public testing::TestWithParam<std::string> {
 protected:
  void SetUp() override {
    for (const BackendInfo& backend : ListBackends()) {
      if (backend.name == GetParam() && !backend.usable) {
        GTEST_SKIP() << "this machine lacks what it needs: " << backend.description;
      }
    }
    // Products with rounded activations have their own test, int8_product_test.cc.
    backend_ = std::move(*OpenBackend(GetParam(), 2, {.float32_activations = true}));
    reference_ = std::move(*OpenBackend("reference", 1));
  }

  void CheckMatMul(BlockType type, int64_t rows, int64_t cols, int64_t tokens) {
    SCOPED_TRACE(testing::Message() << TraitsOf(type).name << " " << rows << "x" << cols << " by "
                                    << tokens << " tokens");
    const uint64_t seed = static_cast<uint64_t>(rows * 31 + cols * 7 + tokens);
    const auto bytes = RandomWeights(type, rows, cols, seed);
    // One byte and one float off any alignment.
    std::vector<std::byte> shifted(bytes.size() + 1);
    std::copy(bytes.begin(), bytes.end(), shifted.begin() + 1);
    std::vector<float> x = RandomFloats(tokens * cols + 1, seed + 1);
    const WeightMatrix w{type, rows, cols, shifted.data() + 1};
    const auto elems = static_cast<size_t>(tokens * rows);
    std::vector<float> got(elems + 2, -7.0f), expected(elems), magnitude(elems);
    backend_->MatMul(w, x.data() + 1, tokens, got.data() + 1);
    reference_->MatMul(w, x.data() + 1, tokens, expected.data());
    // The same product of magnitudes, as a plain matrix.
    std::vector<float> weights(static_cast<size_t>(rows * cols));
    TraitsOf(type).decode(bytes.data(), rows * cols, weights.data());
    for (float& value : weights) value = std::abs(value);
    for (float& value : x) value = std::abs(value);
    const WeightMatrix magnitudes{BlockType::kF32, rows, cols,
                                  reinterpret_cast<const std::byte*>(weights.data())};
    reference_->MatMul(magnitudes, x.data() + 1, tokens, magnitude.data());
    double worst = 0;
    for (size_t i = 0; i < elems; ++i) {
      const double error =
          std::abs(static_cast<double>(got[i + 1]) - static_cast<double>(expected[i]));
      worst = std::max(worst, error / static_cast<double>(magnitude[i]));
    }
    EXPECT_LE(worst, kMatMulTolerance);
    EXPECT_EQ(got.front(), -7.0f) << "wrote before the output";
    EXPECT_EQ(got.back(), -7.0f) << "wrote past the output";
  }

  std::unique_ptr<Backend> backend_, reference_;
};

// The types that weights may have.
std::vector<BlockType> WeightTypes() {
  std::vector<BlockType> types;
  for (const BlockTraits& traits : AllBlockTraits()) {
    if (traits.decode != nullptr) types.push_back(traits.type);
  }
  return types;
}

TEST_P(Conformance, MatMulOfEveryBlockType) {
  const std::vector<BlockType> types = WeightTypes();
  ASSERT_GE(types.size(), 16u);
  for (const BlockType type : types) {
    for (const int64_t tokens : {1, 2, 3, 4, 5, 40}) CheckMatMul(type, 21, 1280, tokens);
  }
}

// Rows are few, since they only repeat; columns are the models' own.
TEST_P(Conformance, MatMulOfModelShapes) {
  for (const BlockType type : {BlockType::kBF16, BlockType::kQ4_K, BlockType::kQ6_K}) {
    for (const int64_t cols : {512, 1024, 2048, 2560, 10240}) {
      for (const int64_t tokens : {1, 32}) CheckMatMul(type, 40, cols, tokens);
    }
  }
}

TEST_P(Conformance, MatMulOfEveryBatchSize) {
  for (int64_t tokens = 1; tokens <= 40; ++tokens) CheckMatMul(BlockType::kF16, 9, 200, tokens);
  CheckMatMul(BlockType::kBF16, 130, 256, 193);
}

TEST_P(Conformance, MatMulOfOddShapes) {
  for (const BlockType type :
       {BlockType::kF32, BlockType::kF16, BlockType::kBF16, BlockType::kF64}) {
    for (const int64_t cols : {1, 3, 15, 17, 31, 100, 1023, 1025, 2051}) {
      for (const int64_t rows : {1, 7, 8, 15, 33}) {
        for (const int64_t tokens : {1, 3, 7}) CheckMatMul(type, rows, cols, tokens);
      }
    }
  }
}

TEST_P(Conformance, MatMulSharedByThreads) {
  CheckMatMul(BlockType::kBF16, 700, 512, 1);
  CheckMatMul(BlockType::kQ8_0, 700, 512, 100);
}

TEST_P(Conformance, EmbedRows) {
  for (const BlockType type : WeightTypes()) {
    SCOPED_TRACE(TraitsOf(type).name);
    constexpr int64_t kRows = 19, kCols = 1280;
    const auto bytes = RandomWeights(type, kRows, kCols, 11);
    const WeightMatrix table{type, kRows, kCols, bytes.data()};
    const std::vector<int32_t> ids = {0, 18, 7, 7, 1};
    std::vector<float> got(ids.size() * kCols), expected(got.size());
    backend_->EmbedRows(table, ids, 22.625f, got.data());
    reference_->EmbedRows(table, ids, 22.625f, expected.data());
    EXPECT_EQ(got, expected);
  }
}

TEST_P(Conformance, RmsNorm) {
  for (const int64_t dim : {1, 5, 17, 128, 256, 512, 2560, 2561}) {
    for (const int64_t rows : {1, 3, 37}) {
      SCOPED_TRACE(testing::Message() << rows << " rows of " << dim);
      auto x = RandomFloats(rows * dim, 21);
      for (float& value : x) value *= 1000.0f;  // Gemma's residual stream goes there
      const auto weight = RandomFloats(dim + 1, 22);
      std::vector<float> got(x.size()), expected(x.size());
      backend_->RmsNorm(x.data(), weight.data() + 1, 1e-6f, rows, dim, got.data());
      reference_->RmsNorm(x.data(), weight.data() + 1, 1e-6f, rows, dim, expected.data());
      for (size_t i = 0; i < got.size(); ++i) {
        ASSERT_NEAR(got[i], expected[i], kRmsNormTolerance * std::abs(expected[i]) + 1e-30);
      }
      backend_->RmsNorm(x.data(), weight.data() + 1, 1e-6f, rows, dim, x.data());
      EXPECT_EQ(x, got) << "in place";
    }
  }
}

TEST_P(Conformance, RmsNormOfZerosIsZero) {
  const std::vector<float> zeros(33, 0.0f), weight(33, 2.0f);
  std::vector<float> out(33, 1.0f);
  backend_->RmsNorm(zeros.data(), weight.data(), 1e-6f, 1, 33, out.data());
  EXPECT_EQ(out, zeros);
}

TEST_P(Conformance, Rope) {
  const RopeParameters kinds[] = {{10000.0f, 1.0f}, {1000000.0f, 0.125f}};
  const std::vector<int32_t> positions = {0, 1, 63, 64, 95, 2047, 8191, 131071};
  for (const RopeParameters& rope : kinds) {
    for (const int64_t head_dim : {2, 34, 64, 128, 256}) {
      SCOPED_TRACE(testing::Message() << "theta " << rope.theta << ", head of " << head_dim);
      constexpr int64_t kHeads = 3;
      const auto x = RandomFloats(static_cast<int64_t>(positions.size()) * kHeads * head_dim, 31);
      std::vector<float> got = x, expected = x;
      backend_->Rope(got.data(), positions, kHeads, head_dim, rope);
      reference_->Rope(expected.data(), positions, kHeads, head_dim, rope);
      for (size_t i = 0; i < got.size(); ++i) {
        // The values lie in -2..2, so a pair is shorter than 3.
        ASSERT_NEAR(got[i], expected[i], 3 * kRopeTolerance) << "element " << i;
      }
    }
  }
}

TEST_P(Conformance, StoreKvWrapsAround) {
  const auto rows = RandomFloats(5 * 6, 41);
  std::vector<float> got(4 * 6, 0.0f), expected(4 * 6, 0.0f);
  backend_->StoreKv(rows.data(), 5, 6, 10, 4, BlockType::kF32, got.data());
  for (int64_t token = 0; token < 5; ++token) {
    std::copy_n(rows.begin() + token * 6, 6, expected.begin() + (10 + token) % 4 * 6);
  }
  EXPECT_EQ(got, expected);
}

struct AttentionCase {
  const char* name;
  AttentionShape shape;
  // Of each sequence: new tokens, first position, capacity of its ring.
  std::vector<std::array<int64_t, 3>> sequences;
};

std::vector<AttentionCase> AttentionCases() {
  return {
      {"mini prefill", {4, 2, 128, 96, 0.0883883f}, {{70, 0, 165}, {1, 0, 96}, {33, 0, 128}}},
      {"mini decode, ring turned over", {4, 2, 128, 96, 0.0883883f}, {{1, 500, 96}, {1, 97, 101}}},
      {"mini chunk across the ring's end", {4, 2, 128, 96, 0.0883883f}, {{9, 300, 104}}},
      {"global", {4, 2, 128, 0, 0.0883883f}, {{3, 200, 203}, {40, 0, 64}}},
      {"4b", {8, 4, 256, 64, 0.0625f}, {{5, 130, 80}, {31, 0, 94}}},
      {"one head for all", {7, 1, 64, 0, 0.125f}, {{2, 30, 40}}},
      {"a head each", {3, 3, 64, 5, 0.125f}, {{4, 30, 8}}},
      {"odd head", {2, 1, 38, 0, 0.2f}, {{11, 29, 47}}},
      {"window of one", {2, 1, 32, 1, 1.0f}, {{3, 9, 3}}},
  };
}

// Keys and values of a ring, rounded from random numbers.
std::vector<std::byte> RandomRing(Backend& backend, BlockType type, int64_t capacity,
                                  int64_t row_elems, uint64_t seed) {
  const auto rows = RandomFloats(capacity * row_elems, seed);
  std::vector<std::byte> ring(
      *TensorBytes(type, static_cast<uint64_t>(capacity), static_cast<uint64_t>(row_elems)));
  backend.StoreKv(rows.data(), capacity, row_elems, 0, capacity, type, ring.data());
  return ring;
}

TEST_P(Conformance, Attention) {
  for (const AttentionCase& test : AttentionCases()) {
    for (const BlockType type : {BlockType::kF32, BlockType::kF16, BlockType::kQ8_0}) {
      if (test.shape.head_dim % TraitsOf(type).block_elems != 0) continue;
      SCOPED_TRACE(std::string(test.name) + ", " + std::string(TraitsOf(type).name));
      const int64_t row_elems = test.shape.kv_heads * test.shape.head_dim;
      std::vector<std::vector<std::byte>> rings;
      rings.reserve(2 * test.sequences.size());
      std::vector<AttentionSequence> sequences;
      int64_t rows = 0;
      for (const auto& [tokens, first_position, capacity] : test.sequences) {
        rings.push_back(RandomRing(*reference_, type, capacity, row_elems, 51));
        rings.push_back(RandomRing(*reference_, type, capacity, row_elems, 52));
        sequences.push_back({rows, tokens, first_position, rings[rings.size() - 2].data(),
                             rings.back().data(), capacity, type});
        rows += tokens;
      }
      const auto q = RandomFloats(rows * test.shape.heads * test.shape.head_dim, 53);
      std::vector<float> got(q.size()), expected(q.size());
      backend_->Attention(q.data(), sequences, test.shape, got.data());
      reference_->Attention(q.data(), sequences, test.shape, expected.data());
      for (size_t i = 0; i < got.size(); ++i) {
        ASSERT_NEAR(got[i], expected[i], 2 * kAttentionTolerance) << "element " << i;
      }
    }
  }
}

// Every backend rounds keys and values to the same bits, huge and tiny ones included.
TEST_P(Conformance, StoreKvRoundsAlike) {
  constexpr int64_t kElems = 192;
  auto row = RandomFloats(kElems, 43);
  const float special[] = {0.0f,   -0.0f, 1e-8f,   -6.1e-5f, 65504.0f, 65520.0f,
                           -1e30f, 1e30f, 2049.0f, 2051.0f,  0.3f,     -70000.0f};
  std::copy(std::begin(special), std::end(special), row.begin() + 7);
  std::fill(row.begin() + 64, row.begin() + 96, 0.0f);
  for (const BlockType type : {BlockType::kF32, BlockType::kF16, BlockType::kQ8_0}) {
    SCOPED_TRACE(TraitsOf(type).name);
    std::vector<std::byte> got(*TensorBytes(type, 1, kElems)), expected(got.size());
    backend_->StoreKv(row.data(), 1, kElems, 0, 1, type, got.data());
    reference_->StoreKv(row.data(), 1, kElems, 0, 1, type, expected.data());
    EXPECT_EQ(got, expected);
    std::vector<float> back(kElems);
    TraitsOf(type).decode(got.data(), kElems, back.data());
    for (size_t i = 96; i < kElems; ++i) {  // of these the largest magnitude is about 1
      EXPECT_NEAR(back[i], row[i], type == BlockType::kQ8_0 ? 0.02 : 1e-3) << i;
    }
    EXPECT_TRUE(std::all_of(back.begin(), back.end(), [](float x) { return std::isfinite(x); }));
  }
}

// A model that computes NaN must not look sound because its keys and values were rounded.
TEST_P(Conformance, StoreKvKeepsNaN) {
  constexpr int64_t kElems = 96;
  for (const size_t place : {size_t{0}, size_t{37}, size_t{95}}) {
    auto row = RandomFloats(kElems, 44);
    row[place] = std::numeric_limits<float>::quiet_NaN();
    for (const BlockType type : {BlockType::kF32, BlockType::kF16, BlockType::kQ8_0}) {
      SCOPED_TRACE(testing::Message() << TraitsOf(type).name << " at " << place);
      std::vector<std::byte> stored(*TensorBytes(type, 1, kElems));
      backend_->StoreKv(row.data(), 1, kElems, 0, 1, type, stored.data());
      std::vector<float> back(kElems);
      TraitsOf(type).decode(stored.data(), kElems, back.data());
      EXPECT_TRUE(std::isnan(back[place]));
    }
  }
}

TEST_P(Conformance, CopyRowsWrapsAround) {
  const std::array<char, 10> rows{'a', 'b', 'c', 'd', 'e', 'f', 'g', 'h', 'i', 'j'};
  std::array<char, 6> ring{'.', '.', '.', '.', '.', '.'};
  backend_->CopyRows(rows.data(), 2, 2, 2, 3, ring.data());
  EXPECT_EQ(std::string(ring.data(), ring.size()), "cd..ab");
}

// Scores far apart: no overflow, and the highest takes all.
TEST_P(Conformance, AttentionOfExtremeScores) {
  constexpr int64_t kKeys = 70, kDim = 32;
  std::vector<float> q(kDim, 100.0f), keys(kKeys * kDim), values(kKeys * kDim), out(kDim);
  for (int64_t key = 0; key < kKeys; ++key) {
    std::fill_n(keys.begin() + key * kDim, kDim, static_cast<float>((key * 29) % kKeys - 40));
    std::fill_n(values.begin() + key * kDim, kDim, static_cast<float>(key));
  }
  const AttentionSequence sequence{0, 1, kKeys - 1, keys.data(), values.data(), kKeys};
  backend_->Attention(q.data(), {&sequence, 1}, {1, 1, kDim, 0, 1.0f}, out.data());
  EXPECT_EQ(out, std::vector<float>(kDim, 41.0f));  // 41 * 29 mod 70 = 69, the highest
}

TEST_P(Conformance, GeluMul) {
  std::vector<float> gate, up;
  for (int i = -4000; i <= 4003; ++i) {
    gate.push_back(static_cast<float>(i) * 0.01f);
    up.push_back(static_cast<float>(i % 7) - 3.25f);
  }
  for (const float value : {0.0f, -0.0f, 1e-30f, -1e-30f, 3e4f, -3e4f, 1e19f, -1e19f}) {
    gate.push_back(value);
    up.push_back(2.0f);
  }
  std::vector<float> got(gate.size()), expected(gate.size());
  backend_->GeluMul(gate.data(), up.data(), static_cast<int64_t>(gate.size()), got.data());
  reference_->GeluMul(gate.data(), up.data(), static_cast<int64_t>(gate.size()), expected.data());
  for (size_t i = 0; i < got.size(); ++i) {
    const float against = gate[i] > -4 ? expected[i] : gate[i] * up[i];
    ASSERT_NEAR(got[i], expected[i], kGeluTolerance * std::abs(against)) << "gate " << gate[i];
  }
}

TEST_P(Conformance, Add) {
  for (const int64_t elems : {1, 15, 16, 33, 100001}) {
    auto x = RandomFloats(elems, 61);
    const auto y = RandomFloats(elems, 62);
    std::vector<float> expected = x;
    reference_->Add(expected.data(), y.data(), elems);
    backend_->Add(x.data(), y.data(), elems);
    EXPECT_EQ(x, expected);
  }
}

TEST_P(Conformance, TopLogits) {
  const float nan = std::nanf("");
  for (const int64_t vocab : {5, 64, 67, 15104}) {
    for (const int k : {1, 5}) {
      SCOPED_TRACE(testing::Message() << "best " << k << " of " << vocab);
      constexpr int64_t kRows = 3;
      auto logits = RandomFloats(kRows * vocab, 71);
      // Many ties in the second row, NaN and infinities in the third.
      for (int64_t i = 0; i < vocab; ++i) {
        float& value = logits[static_cast<size_t>(vocab + i)];
        value = std::floor(value);
      }
      for (int64_t i = 0; i < vocab; i += 3) logits[static_cast<size_t>(2 * vocab + i)] = nan;
      logits[static_cast<size_t>(2 * vocab + 1)] = -INFINITY;
      logits[static_cast<size_t>(2 * vocab + 2)] = INFINITY;
      std::vector<TopLogit> got(kRows * static_cast<size_t>(k)), expected(got.size());
      backend_->TopLogits(logits.data(), kRows, vocab, k, got);
      reference_->TopLogits(logits.data(), kRows, vocab, k, expected);
      for (size_t i = 0; i < got.size(); ++i) {
        EXPECT_EQ(got[i].id, expected[i].id) << "rank " << i;
        EXPECT_EQ(std::isnan(got[i].logit), std::isnan(expected[i].logit));
        if (!std::isnan(expected[i].logit)) {
          EXPECT_EQ(got[i].logit, expected[i].logit);
        }
      }
    }
  }
}

TEST_P(Conformance, MemoryIsZeroedAndCopied) {
  float* memory = backend_->Allocate(1000);
  ASSERT_NE(memory, nullptr);
  std::vector<float> read(1000, 1.0f);
  backend_->Download(memory, read);
  EXPECT_EQ(read, std::vector<float>(1000, 0.0f));
  const auto values = RandomFloats(1000, 81);
  backend_->Upload(values, memory);
  backend_->Download(memory, read);
  EXPECT_EQ(read, values);
  backend_->Free(memory);
  EXPECT_EQ(backend_->Allocate(INT64_MAX), nullptr);
}

// Products that share activations, of types that round these in the same way, in others and not at
// all.
struct GroupCase {
  std::vector<BlockType> types;
  int64_t cols, tokens;
};

std::vector<GroupCase> GroupCases() {
  std::vector<GroupCase> cases;
  const std::vector<BlockType> groups[] = {
      {BlockType::kQ4_K, BlockType::kQ4_K, BlockType::kQ6_K},
      {BlockType::kQ8_0},
      {BlockType::kQ2_K, BlockType::kQ4_0, BlockType::kQ4_K},
      {BlockType::kQ4_K, BlockType::kF16},
  };
  for (const auto& types : groups) {
    for (const int64_t tokens : {1, 2, 3, 5, 13, 100}) cases.push_back({types, 512, tokens});
  }
  return cases;
}

class GroupedProducts : public Conformance {
 protected:
  static constexpr int64_t kRows[] = {96, 48, 5};  // the last ones are fewer than a tile's

  // Weights, and the products of each alone, which the group must equal to the bit.
  void Prepare(const GroupCase& group, bool same_rows) {
    weights_.clear();
    x_ = RandomFloats(static_cast<size_t>(group.tokens * group.cols), 91);
    norm_ = RandomFloats(static_cast<size_t>(group.cols), 92);
    normed_.assign(x_.size(), 0.0f);
    for (size_t i = 0; i < group.types.size(); ++i) {
      WeightMatrix w{group.types[i], kRows[same_rows ? 0 : i], group.cols, nullptr};
      weights_.push_back(RandomWeights(w.type, w.rows, w.cols, 93 + static_cast<uint32_t>(i)));
      w.data = weights_.back().data();
      matrices_.push_back(w);
    }
  }

  std::vector<WeightMatrix> matrices_;
  std::vector<std::vector<std::byte>> weights_;
  std::vector<float> x_, norm_, normed_;
};

TEST_P(GroupedProducts, AreThoseOfEachMatrix) {
  for (const bool float32 : {false, true}) {
    const auto backend = std::move(*OpenBackend(GetParam(), 2, {.float32_activations = float32}));
    for (const GroupCase& group : GroupCases()) {
      SCOPED_TRACE(testing::Message()
                   << group.types.size() << " matrices, first " << TraitsOf(group.types[0]).name
                   << ", tokens " << group.tokens << (float32 ? ", float32" : ""));
      matrices_.clear();
      Prepare(group, false);
      for (const bool normed : {false, true}) {
        std::vector<float> expected_norm = x_;
        if (normed) {
          backend->RmsNorm(x_.data(), norm_.data(), 1e-6f, group.tokens, group.cols,
                           expected_norm.data());
        }
        std::vector<std::vector<float>> expected, got;
        std::vector<LinearProduct> products;
        for (const WeightMatrix& w : matrices_) {
          const auto size = static_cast<size_t>(group.tokens * w.rows);
          expected.emplace_back(size);
          backend->MatMul(w, expected_norm.data(), group.tokens, expected.back().data());
          got.emplace_back(size);
          products.push_back({w, got.back().data()});
        }
        ProductInput input{x_.data(), group.tokens, group.cols};
        if (normed) {
          input.norm_weight = norm_.data();
          input.eps = 1e-6f;
          input.normed = normed_.data();
        }
        backend->MatMuls(input, products);
        EXPECT_EQ(got, expected);
        if (normed) {
          EXPECT_EQ(normed_, expected_norm);
        }
      }
    }
  }
}

TEST_P(GroupedProducts, GatedOnesAreGeluOfTheFirstTimesTheSecond) {
  for (const GroupCase& group : GroupCases()) {
    if (group.types.size() < 2) continue;
    SCOPED_TRACE(testing::Message()
                 << TraitsOf(group.types[0]).name << " and " << TraitsOf(group.types[1]).name
                 << ", tokens " << group.tokens);
    const auto backend = std::move(*OpenBackend(GetParam(), 2));
    matrices_.clear();
    Prepare(group, true);
    const auto size = static_cast<size_t>(group.tokens * matrices_[0].rows);
    std::vector<float> gate(size), up(size), expected(size);
    backend->MatMul(matrices_[0], x_.data(), group.tokens, gate.data());
    backend->MatMul(matrices_[1], x_.data(), group.tokens, up.data());
    backend->GeluMul(gate.data(), up.data(), static_cast<int64_t>(size), expected.data());
    std::fill(gate.begin(), gate.end(), 0.0f);
    backend->GatedMatMul({x_.data(), group.tokens, group.cols}, {matrices_[0], gate.data()},
                         {matrices_[1], up.data()});
    EXPECT_EQ(gate, expected);
  }
}

INSTANTIATE_TEST_SUITE_P(Backends, GroupedProducts, testing::ValuesIn(FastBackends()),
                         [](const testing::TestParamInfo<std::string>& param) {
                           std::string name = param.param;
                           std::replace(name.begin(), name.end(), ':', '_');
                           return name;
                         });

INSTANTIATE_TEST_SUITE_P(Backends, Conformance, testing::ValuesIn(FastBackends()),
                         [](const testing::TestParamInfo<std::string>& param) {
                           std::string name = param.param;
                           std::replace(name.begin(), name.end(), ':', '_');
                           return name;
                         });

}  // namespace
}  // namespace dragoman
