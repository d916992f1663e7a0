// Integer arithmetic that notices overflow, for sizes and offsets read from files.
#ifndef DRAGOMAN_BASE_CHECKED_MATH_H_
#define DRAGOMAN_BASE_CHECKED_MATH_H_

#include <cstdint>
#include <optional>
#include <span>

namespace dragoman {

inline std::optional<uint64_t> CheckedAdd(uint64_t a, uint64_t b) {
  uint64_t sum;
  if (__builtin_add_overflow(a, b, &sum)) return std::nullopt;
  return sum;
}

inline std::optional<uint64_t> CheckedMul(uint64_t a, uint64_t b) {
  uint64_t product;
  if (__builtin_mul_overflow(a, b, &product)) return std::nullopt;
  return product;
}

// Product of all factors; 1 for none.
inline std::optional<uint64_t> CheckedProduct(std::span<const uint64_t> factors) {
  uint64_t product = 1;
  for (uint64_t factor : factors) {
    if (__builtin_mul_overflow(product, factor, &product)) return std::nullopt;
  }
  return product;
}

// value rounded up to a multiple of alignment (> 0).
inline std::optional<uint64_t> CheckedAlignUp(uint64_t value, uint64_t alignment) {
  const uint64_t rest = value % alignment;
  return rest == 0 ? std::optional<uint64_t>(value) : CheckedAdd(value, alignment - rest);
}

}  // namespace dragoman

#endif  // DRAGOMAN_BASE_CHECKED_MATH_H_
