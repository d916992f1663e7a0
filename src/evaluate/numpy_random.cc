// The generator and its seeding; constants from NumPy's documentation of SeedSequence and PCG64.
#include "evaluate/numpy_random.h"

#include <array>
#include <bit>
#include <vector>

namespace dragoman {
namespace {

using uint128 = unsigned __int128;

constexpr uint128 kMultiplier =
    (static_cast<uint128>(0x2360ed051fc65da4ull) << 64) | 0x4385df649fccf645ull;

// Mixes entropy into a pool of four words and draws state from it.
class SeedSequence {
 public:
  explicit SeedSequence(uint64_t seed) {
    std::vector<uint32_t> entropy = {static_cast<uint32_t>(seed)};
    if (seed >> 32 != 0) entropy.push_back(static_cast<uint32_t>(seed >> 32));
    uint32_t constant = 0x43b0d7e5u;
    for (size_t i = 0; i < pool_.size(); ++i)
      pool_[i] = Hash(i < entropy.size() ? entropy[i] : 0, constant);
    for (size_t from = 0; from < pool_.size(); ++from) {
      for (size_t to = 0; to < pool_.size(); ++to) {
        if (from != to) pool_[to] = Mix(pool_[to], Hash(pool_[from], constant));
      }
    }
  }

  std::array<uint64_t, 4> State() const {
    std::array<uint64_t, 4> state{};
    uint32_t constant = 0x8b51f9ddu;
    for (size_t i = 0; i < 8; ++i) {
      uint32_t word = pool_[i % pool_.size()] ^ constant;
      constant *= 0x58f38dedu;
      word *= constant;
      word ^= word >> 16;
      state[i / 2] |= static_cast<uint64_t>(word) << (32 * (i % 2));
    }
    return state;
  }

 private:
  static uint32_t Hash(uint32_t value, uint32_t& constant) {
    value ^= constant;
    constant *= 0x931e8875u;
    value *= constant;
    return value ^ (value >> 16);
  }
  static uint32_t Mix(uint32_t x, uint32_t y) {
    const uint32_t mixed = 0xca01f9ddu * x - 0x4973f715u * y;
    return mixed ^ (mixed >> 16);
  }

  std::array<uint32_t, 4> pool_{};
};

}  // namespace

NumpyRandom::NumpyRandom(uint64_t seed) {
  const auto words = SeedSequence(seed).State();
  const uint128 start = (static_cast<uint128>(words[0]) << 64) | words[1];
  const uint128 stream = (static_cast<uint128>(words[2]) << 64) | words[3];
  increment_ = (stream << 1) | 1;
  state_ = increment_ + start;  // one step from zero, then the start added
  state_ = state_ * kMultiplier + increment_;
}

uint64_t NumpyRandom::Next64() {
  state_ = state_ * kMultiplier + increment_;
  const auto folded = static_cast<uint64_t>(state_ >> 64) ^ static_cast<uint64_t>(state_);
  return std::rotr(folded, static_cast<int>(state_ >> 122));
}

uint32_t NumpyRandom::Next32() {
  if (has_half_) {
    has_half_ = false;
    return half_;
  }
  const uint64_t bits = Next64();
  has_half_ = true;
  half_ = static_cast<uint32_t>(bits >> 32);
  return static_cast<uint32_t>(bits);
}

void NumpyRandom::Choice(uint32_t bound, std::span<uint32_t> out) {
  for (uint32_t& one : out) {
    if (bound == 1) {  // nothing to draw
      one = 0;
      continue;
    }
    uint64_t product = static_cast<uint64_t>(Next32()) * bound;
    if (static_cast<uint32_t>(product) < bound) {
      const uint32_t threshold = (0u - bound) % bound;
      while (static_cast<uint32_t>(product) < threshold)
        product = static_cast<uint64_t>(Next32()) * bound;
    }
    one = static_cast<uint32_t>(product >> 32);
  }
}

void NumpyRandom::Bits(std::span<uint8_t> out) {
  for (uint8_t& one : out) {
    if (bits_left_ == 0) {
      bits_ = Next32();
      bits_left_ = 32;
    }
    one = bits_ & 1;
    bits_ >>= 1;
    --bits_left_;
  }
}

}  // namespace dragoman
