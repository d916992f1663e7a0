// How fast a model could run at most on a machine: what its work must read and multiply, over what
// the machine can read and multiply.
#ifndef DRAGOMAN_EVALUATE_SPEED_LIMITS_H_
#define DRAGOMAN_EVALUATE_SPEED_LIMITS_H_

#include <cstdint>

#include "kernels/machine_ceiling.h"
#include "model/gemma3.h"

namespace dragoman {

// Operations of the matrix products; a multiply-add counts two.
struct ProductOps {
  double int8 = 0;     // of weights that are multiplied as integers
  double float32 = 0;  // of all others

  ProductOps operator*(double times) const { return {int8 * times, float32 * times}; }
  ProductOps operator+(const ProductOps& other) const {
    return {int8 + other.int8, float32 + other.float32};
  }
};

// What the forward pass has to do for its matrices alone; attention, norms and the cache come on
// top, so that no limit made of this is below what is possible.
struct ModelWork {
  uint64_t weight_bytes = 0;  // of every matrix, the output included: read by a step of decoding
  ProductOps row;             // of a token whose logits nobody asks for
  ProductOps asked;           // what asking for a token's logits adds
};

// Counts as the forward pass does: of the last layer a token without logits needs k and v only.
ModelWork WorkOf(const Gemma3& model, const Backend& backend);

enum class SpeedBound { kMemory, kInt8, kFloat32 };
// "memory", "int8", "float32".
const char* NameOf(SpeedBound bound);

struct SpeedLimit {
  double per_second = 0;
  SpeedBound bound = SpeedBound::kMemory;
};

// `units` (tokens, sentences) take at least the time of their products and, beside them, of reading
// the weights `passes` times.
SpeedLimit LimitOf(double units, const ProductOps& ops, double weight_bytes, double passes,
                   const MachineCeiling& machine);

// The better of two measurements in everything: others can slow the machine down, not speed it up.
MachineCeiling Better(const MachineCeiling& a, const MachineCeiling& b);

}  // namespace dragoman

#endif  // DRAGOMAN_EVALUATE_SPEED_LIMITS_H_
