// Every block decoder gives, bit for bit, what the row decoder of real ggml gives: the prebuilt
// libggml-base exports them.
#include <dlfcn.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstring>
#include <iterator>
#include <string>
#include <vector>

#include "base/random.h"
#include "blocks/block_type.h"

namespace dragoman {
namespace {

constexpr int kBlocks = 1024;
constexpr char kLibrary[] =
    DRAGOMAN_SOURCE_DIR "/node_modules/@node-llama-cpp/linux-x64/bins/linux-x64/libggml-base.so";

using RowDecoder = void (*)(const void* blocks, float* out, int64_t elems);

struct Peer {
  BlockType type;
  const char* symbol;
};
constexpr Peer kPeers[] = {
    {BlockType::kQ4_0, "dequantize_row_q4_0"},     {BlockType::kQ4_1, "dequantize_row_q4_1"},
    {BlockType::kQ5_0, "dequantize_row_q5_0"},     {BlockType::kQ5_1, "dequantize_row_q5_1"},
    {BlockType::kQ8_0, "dequantize_row_q8_0"},     {BlockType::kQ2_K, "dequantize_row_q2_K"},
    {BlockType::kQ3_K, "dequantize_row_q3_K"},     {BlockType::kQ4_K, "dequantize_row_q4_K"},
    {BlockType::kQ5_K, "dequantize_row_q5_K"},     {BlockType::kQ6_K, "dequantize_row_q6_K"},
    {BlockType::kIQ4_NL, "dequantize_row_iq4_nl"}, {BlockType::kIQ4_XS, "dequantize_row_iq4_xs"}};

// Null where the library is not installed or is none of this machine's.
void* OpenLibrary() {
  static void* const library = ::dlopen(kLibrary, RTLD_NOW | RTLD_LOCAL);
  return library;
}

std::vector<std::byte> RandomBytes(size_t count, uint64_t seed) {
  Random random(seed);
  std::vector<std::byte> bytes(count);
  for (std::byte& byte : bytes) byte = static_cast<std::byte>(random.Next() >> 56);
  return bytes;
}

// Any bytes: factors of every size, infinities and NaN among them.
std::vector<std::byte> AnyBlocks(const BlockTraits& traits) {
  return RandomBytes(size_t{kBlocks} * traits.block_bytes, 1);
}

// Each special factor with the smallest, the largest and random codes and scales.
std::vector<std::byte> ExtremeBlocks(const BlockTraits& traits) {
  constexpr uint16_t kFactors[] = {0x0000, 0x8000, 0x0001, 0x8001, 0x03ff,
                                   0x0400, 0x3c00, 0xbc00, 0x7bff, 0xfbff};
  std::vector<std::byte> all;
  for (const uint16_t factor : kFactors) {
    for (const uint16_t other : kFactors) {
      for (const int fill : {0x00, 0xff, -1}) {
        auto block = RandomBytes(traits.block_bytes, factor + 3u);
        if (fill >= 0) std::fill(block.begin(), block.end(), static_cast<std::byte>(fill));
        for (uint32_t f = 0; f < traits.factor_count; ++f) {
          const uint16_t bits = f == 0 ? factor : other;
          std::memcpy(block.data() + traits.factor_offsets_bytes[f], &bits, sizeof(bits));
        }
        all.insert(all.end(), block.begin(), block.end());
      }
    }
  }
  return all;
}

class DecodeParity : public ::testing::TestWithParam<Peer> {
 protected:
  void ExpectTheSameBits(const std::vector<std::byte>& blocks) {
    const BlockTraits& traits = TraitsOf(GetParam().type);
    const auto theirs = reinterpret_cast<RowDecoder>(::dlsym(OpenLibrary(), GetParam().symbol));
    ASSERT_NE(theirs, nullptr) << GetParam().symbol;
    const auto elems =
        static_cast<int64_t>(blocks.size() / traits.block_bytes * traits.block_elems);
    std::vector<float> expected(static_cast<size_t>(elems)), found(expected.size());
    theirs(blocks.data(), expected.data(), elems);
    traits.decode(blocks.data(), elems, found.data());
    int different = 0;
    for (size_t i = 0; i < found.size(); ++i) {
      // Which NaN an operation on NaNs returns is the compiler's choice.
      if (std::isnan(expected[i]) && std::isnan(found[i])) continue;
      different += std::bit_cast<uint32_t>(expected[i]) != std::bit_cast<uint32_t>(found[i]);
    }
    EXPECT_EQ(different, 0) << "of " << elems;
  }
};

TEST_P(DecodeParity, EqualsRealGgmlToTheLastBit) {
  if (OpenLibrary() == nullptr) GTEST_SKIP() << ::dlerror();
  ExpectTheSameBits(AnyBlocks(TraitsOf(GetParam().type)));
  ExpectTheSameBits(ExtremeBlocks(TraitsOf(GetParam().type)));
}

INSTANTIATE_TEST_SUITE_P(Types, DecodeParity, ::testing::ValuesIn(kPeers), [](const auto& test) {
  return std::string(TraitsOf(test.param.type).name);
});

TEST(DecodeParity, NoQuantizedTypeIsForgotten) {
  size_t quantized = 0;
  for (const BlockTraits& traits : AllBlockTraits()) quantized += traits.is_quantized;
  EXPECT_EQ(quantized, std::size(kPeers));
}

}  // namespace
}  // namespace dragoman
