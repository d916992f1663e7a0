// Operations on rows of activations: embedding, norm, rotary embedding, gated GELU, addition, top
// logits.
#if defined(DRAGOMAN_KERNELS_CPU_ELEMENTWISE_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef DRAGOMAN_KERNELS_CPU_ELEMENTWISE_INL_H_
#undef DRAGOMAN_KERNELS_CPU_ELEMENTWISE_INL_H_
#else
#define DRAGOMAN_KERNELS_CPU_ELEMENTWISE_INL_H_
#endif

#include <algorithm>
#include <cmath>
#include <limits>

#include "hwy/contrib/math/math-inl.h"
#include "kernels/cpu/decode-inl.h"
#include "kernels/cpu/kernel_table.h"
#include "kernels/cpu/lanes-inl.h"

HWY_BEFORE_NAMESPACE();
namespace dragoman {
namespace HWY_NAMESPACE {

void EmbedRow(BlockType type, const std::byte* row, int64_t cols, float scale, float* out) {
  const auto elems = static_cast<size_t>(cols);
  DecodeWeights(type, reinterpret_cast<const uint8_t*>(row), elems, out);
  const FloatVec factor = hn::Set(kFloats, scale);
  size_t i = 0;
  for (; i + kLanes <= elems; i += kLanes) {
    hn::StoreU(hn::Mul(hn::LoadU(kFloats, out + i), factor), kFloats, out + i);
  }
  for (; i < elems; ++i) out[i] *= scale;
}

HWY_INLINE float SumOfSquares(const float* x, size_t elems) {
  FloatVec sum0 = hn::Zero(kFloats), sum1 = hn::Zero(kFloats);
  size_t i = 0;
  for (; i + 2 * kLanes <= elems; i += 2 * kLanes) {
    const FloatVec x0 = hn::LoadU(kFloats, x + i), x1 = hn::LoadU(kFloats, x + i + kLanes);
    sum0 = hn::MulAdd(x0, x0, sum0);
    sum1 = hn::MulAdd(x1, x1, sum1);
  }
  float sum = SumLanes(hn::Add(sum0, sum1));
  for (; i < elems; ++i) sum += x[i] * x[i];
  return sum;
}

void RmsNorm(const float* x, const float* weight, float eps, int64_t rows, int64_t dim,
             float* out) {
  const auto elems = static_cast<size_t>(dim);
  for (int64_t row = 0; row < rows; ++row, x += dim, out += dim) {
    const float mean_square = SumOfSquares(x, elems) / static_cast<float>(dim);
    const float scale = 1.0f / std::sqrt(mean_square + eps);
    const FloatVec factor = hn::Set(kFloats, scale);
    size_t i = 0;
    for (; i + kLanes <= elems; i += kLanes) {
      const FloatVec scaled = hn::Mul(hn::LoadU(kFloats, x + i), factor);
      hn::StoreU(hn::Mul(scaled, hn::LoadU(kFloats, weight + i)), kFloats, out + i);
    }
    for (; i < elems; ++i) out[i] = x[i] * scale * weight[i];
  }
}

void Rope(float* x, const float* cosines, const float* sines, int64_t heads, int64_t head_dim) {
  const auto half = static_cast<size_t>(head_dim / 2);
  for (int64_t head = 0; head < heads; ++head, x += head_dim) {
    size_t i = 0;
    for (; i + kLanes <= half; i += kLanes) {
      const FloatVec a = hn::LoadU(kFloats, x + i), b = hn::LoadU(kFloats, x + half + i);
      const FloatVec c = hn::LoadU(kFloats, cosines + i), s = hn::LoadU(kFloats, sines + i);
      hn::StoreU(hn::MulSub(a, c, hn::Mul(b, s)), kFloats, x + i);
      hn::StoreU(hn::MulAdd(b, c, hn::Mul(a, s)), kFloats, x + half + i);
    }
    for (; i < half; ++i) {
      const float a = x[i], b = x[half + i];
      x[i] = a * cosines[i] - b * sines[i];
      x[half + i] = b * cosines[i] + a * sines[i];
    }
  }
}

// gelu_tanh(gate) * up. With u = sqrt(2/pi) (g + 0.044715 g^3), 0.5 g (1 + tanh u) is g / (1 +
// e^-2u), which has no cancellation where g is negative.
HWY_INLINE FloatVec GeluMulVec(FloatVec gate, FloatVec up) {
  const FloatVec minus_two_root = hn::Set(kFloats, -1.5957691216057308f);  // -2 sqrt(2/pi)
  const FloatVec cubic = hn::Set(kFloats, 0.044715f);
  const FloatVec one = hn::Set(kFloats, 1.0f);
  // Beyond this the quotient is zero but for subnormals, and the exponential would overflow.
  const FloatVec highest = hn::Set(kFloats, 88.0f);
  const FloatVec inner = hn::Mul(gate, hn::MulAdd(cubic, hn::Mul(gate, gate), one));
  const FloatVec exponent = hn::Min(hn::Mul(minus_two_root, inner), highest);
  return hn::Mul(hn::Div(gate, hn::Add(one, hn::Exp(kFloats, exponent))), up);
}

void GeluMul(const float* gate, const float* up, int64_t elems, float* out) {
  const auto count = static_cast<size_t>(elems);
  size_t i = 0;
  for (; i + kLanes <= count; i += kLanes) {
    const FloatVec result = GeluMulVec(hn::LoadU(kFloats, gate + i), hn::LoadU(kFloats, up + i));
    hn::StoreU(result, kFloats, out + i);
  }
  if (i == count) return;
  // The same arithmetic for the rest, so that an element's result does not depend on its place.
  HWY_ALIGN float gate_end[kLanes] = {}, up_end[kLanes] = {};
  std::copy(gate + i, gate + count, gate_end);
  std::copy(up + i, up + count, up_end);
  hn::Store(GeluMulVec(hn::Load(kFloats, gate_end), hn::Load(kFloats, up_end)), kFloats, gate_end);
  std::copy(gate_end, gate_end + (count - i), out + i);
}

void Add(float* x, const float* y, int64_t elems) {
  const auto count = static_cast<size_t>(elems);
  size_t i = 0;
  for (; i + kLanes <= count; i += kLanes) {
    hn::StoreU(hn::Add(hn::LoadU(kFloats, x + i), hn::LoadU(kFloats, y + i)), kFloats, x + i);
  }
  for (; i < count; ++i) x[i] += y[i];
}

// Puts `candidate` into the sorted list of `count` entries, the last of which falls out at `k`.
HWY_INLINE int InsertTop(TopLogit candidate, int count, int k, TopLogit* list) {
  // NaN counts as the smallest value, so that the order stays strict.
  const auto key = [](float logit) HWY_ATTR {
    return std::isnan(logit) ? -std::numeric_limits<float>::infinity() : logit;
  };
  int place = count;
  while (place > 0 && key(candidate.logit) > key(list[place - 1].logit)) --place;
  if (place == k) return count;
  const int last = std::min(count, k - 1);
  for (int i = last; i > place; --i) list[i] = list[i - 1];
  list[place] = candidate;
  return std::min(count + 1, k);
}

void TopLogits(const float* logits, int64_t vocab, int k, TopLogit* out) {
  const auto count = static_cast<size_t>(vocab);
  int found = 0;
  size_t i = 0;
  for (; i < count && found < k; ++i) {
    found = InsertTop(TopLogit{static_cast<int32_t>(i), logits[i]}, found, k, out);
  }
  // Most vectors hold nothing above the k-th so far. (A NaN there lets every number through,
  // rightly.)
  for (; i + 4 * kLanes <= count; i += 4 * kLanes) {
    const FloatVec threshold = hn::Set(kFloats, out[k - 1].logit);
    const auto none01 = hn::And(hn::Le(hn::LoadU(kFloats, logits + i), threshold),
                                hn::Le(hn::LoadU(kFloats, logits + i + kLanes), threshold));
    const auto none23 = hn::And(hn::Le(hn::LoadU(kFloats, logits + i + 2 * kLanes), threshold),
                                hn::Le(hn::LoadU(kFloats, logits + i + 3 * kLanes), threshold));
    if (hn::AllTrue(kFloats, hn::And(none01, none23))) continue;
    for (size_t j = i; j < i + 4 * kLanes; ++j) {
      InsertTop(TopLogit{static_cast<int32_t>(j), logits[j]}, k, k, out);
    }
  }
  for (; i < count; ++i) InsertTop(TopLogit{static_cast<int32_t>(i), logits[i]}, k, k, out);
}

}  // namespace HWY_NAMESPACE
}  // namespace dragoman
HWY_AFTER_NAMESPACE();

#endif  // DRAGOMAN_KERNELS_CPU_ELEMENTWISE_INL_H_
