// Scan for NaN and infinity. A value is finite when its exponent is not all ones, so the largest
// magnitude of a stretch, compared as an integer, answers for the whole stretch; only one that
// fails is looked at in detail.
#include <algorithm>
#include <cstring>

#include "formats/checkpoint.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "formats/finite_scan.cc"
#include <hwy/foreach_target.h>  // must come before highway.h
#include <hwy/highway.h>

HWY_BEFORE_NAMESPACE();
namespace dragoman {
namespace HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

// Largest of the numbers, sign bits cleared.
template <typename Bits>
Bits LargestMagnitude(const Bits* numbers, size_t count, Bits magnitude_mask) {
  const hn::ScalableTag<Bits> tag;
  const auto mask = hn::Set(tag, magnitude_mask);
  auto max0 = hn::Zero(tag), max1 = max0, max2 = max0, max3 = max0;
  const size_t lanes = hn::Lanes(tag);
  const auto load = [&](size_t at) HWY_ATTR { return hn::And(hn::LoadU(tag, numbers + at), mask); };
  size_t i = 0;
  for (; i + 4 * lanes <= count; i += 4 * lanes) {
    max0 = hn::Max(max0, load(i));
    max1 = hn::Max(max1, load(i + lanes));
    max2 = hn::Max(max2, load(i + 2 * lanes));
    max3 = hn::Max(max3, load(i + 3 * lanes));
  }
  for (; i + lanes <= count; i += lanes) max0 = hn::Max(max0, load(i));
  Bits each[HWY_MAX_BYTES / sizeof(Bits)];
  hn::StoreU(hn::Max(hn::Max(max0, max1), hn::Max(max2, max3)), tag, each);
  Bits largest = *std::max_element(each, each + lanes);
  for (; i < count; ++i) largest = std::max<Bits>(largest, numbers[i] & magnitude_mask);
  return largest;
}

uint16_t LargestMagnitude16(const uint16_t* numbers, size_t count) {
  return LargestMagnitude<uint16_t>(numbers, count, 0x7fff);
}
uint32_t LargestMagnitude32(const uint32_t* numbers, size_t count) {
  return LargestMagnitude<uint32_t>(numbers, count, 0x7fffffffu);
}

}  // namespace HWY_NAMESPACE
}  // namespace dragoman
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace dragoman {
namespace {

HWY_EXPORT(LargestMagnitude16);
HWY_EXPORT(LargestMagnitude32);

// Small enough that a second look finds the stretch in cache.
constexpr size_t kStretchBytes = size_t{64} << 10;

void Count(FiniteScan& scan, bool is_nan, uint64_t elem) {
  if (scan.nan_count + scan.inf_count == 0) scan.first_bad_elem = elem;
  ++(is_nan ? scan.nan_count : scan.inf_count);
}

// `infinity` is the bit pattern of +inf: larger magnitudes are NaN. Bytes at an odd address, which
// no reader here hands out, take the slow way.
template <typename Bits, typename Largest>
FiniteScan ScanPlain(std::span<const std::byte> bytes, Bits infinity, Largest largest) {
  constexpr Bits kMagnitude = static_cast<Bits>(~(Bits{1} << (sizeof(Bits) * 8 - 1)));
  const bool aligned = reinterpret_cast<uintptr_t>(bytes.data()) % sizeof(Bits) == 0;
  FiniteScan scan;
  const size_t size_bytes = bytes.size() / sizeof(Bits) * sizeof(Bits);
  for (size_t begin = 0; begin < size_bytes; begin += kStretchBytes) {
    const size_t stretch_bytes = std::min(kStretchBytes, size_bytes - begin);
    const std::byte* stretch = bytes.data() + begin;
    if (aligned &&
        largest(reinterpret_cast<const Bits*>(stretch), stretch_bytes / sizeof(Bits)) < infinity) {
      continue;
    }
    for (size_t i = 0; i < stretch_bytes; i += sizeof(Bits)) {
      Bits value;
      std::memcpy(&value, stretch + i, sizeof(value));
      value &= kMagnitude;
      if (value >= infinity) Count(scan, value > infinity, (begin + i) / sizeof(Bits));
    }
  }
  return scan;
}

FiniteScan ScanF64(std::span<const std::byte> bytes) {
  constexpr uint64_t kInfinity = uint64_t{0x7ff} << 52;
  FiniteScan scan;
  for (size_t i = 0; i + 8 <= bytes.size(); i += 8) {
    uint64_t value;
    std::memcpy(&value, bytes.data() + i, sizeof(value));
    value &= INT64_MAX;
    if (value >= kInfinity) Count(scan, value > kInfinity, i / 8);
  }
  return scan;
}

FiniteScan ScanFactors(const BlockTraits& traits, std::span<const std::byte> bytes) {
  FiniteScan scan;
  const size_t blocks = bytes.size() / traits.block_bytes;
  for (size_t block = 0; block < blocks; ++block) {
    for (uint32_t f = 0; f < traits.factor_count; ++f) {
      uint16_t value;
      std::memcpy(&value,
                  bytes.data() + block * traits.block_bytes + traits.factor_offsets_bytes[f],
                  sizeof(value));
      value &= 0x7fff;
      if (value >= 0x7c00) Count(scan, value > 0x7c00, block * traits.block_elems);
    }
  }
  return scan;
}

}  // namespace

FiniteScan ScanFinite(BlockType type, std::span<const std::byte> bytes) {
  switch (type) {
    case BlockType::kF32:
      return ScanPlain<uint32_t>(bytes, 0x7f800000u, HWY_DYNAMIC_DISPATCH(LargestMagnitude32));
    case BlockType::kF16:
      return ScanPlain<uint16_t>(bytes, 0x7c00, HWY_DYNAMIC_DISPATCH(LargestMagnitude16));
    case BlockType::kBF16:
      return ScanPlain<uint16_t>(bytes, 0x7f80, HWY_DYNAMIC_DISPATCH(LargestMagnitude16));
    case BlockType::kF64:
      return ScanF64(bytes);
    default:
      return ScanFactors(TraitsOf(type), bytes);
  }
}

}  // namespace dragoman
#endif  // HWY_ONCE
