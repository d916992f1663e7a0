// What the files of the integer product share: headers, and how to compile for one
// instruction set. Headers must come before the target begins, lest their inline functions be
// compiled for it and shared with code for other machines.
#ifndef DRAGOMAN_KERNELS_CPU_INT8_INCLUDES_H_
#define DRAGOMAN_KERNELS_CPU_INT8_INCLUDES_H_

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <utility>

#include "blocks/iq4_nl.h"
#include "blocks/iq4_xs.h"
#include "blocks/q2_k.h"
#include "blocks/q3_k.h"
#include "blocks/q4_0.h"
#include "blocks/q4_1.h"
#include "blocks/q4_k.h"
#include "blocks/q5_0.h"
#include "blocks/q5_1.h"
#include "blocks/q5_k.h"
#include "blocks/q6_k.h"
#include "blocks/q8_0.h"
#include "kernels/cpu/int8_product.h"

namespace dragoman {

// Which nibbles of a panel's bytes a sub-block's steps take: none, since bytes are codes; the low
// ones of its steps; the high ones, in their place: times 16; the low ones, then the high ones of
// the same bytes.
enum class Nibbles { kNone, kLow, kHigh, kBoth };

// The same pointer, of which the compiler forgets how it was made, so that it keeps it in a
// register instead of making it again.
template <class T>
inline const T* KeptPointer(const T* pointer) {
  __asm__("" : "+r"(pointer));
  return pointer;
}

}  // namespace dragoman

#define DRAGOMAN_PRAGMA(text) _Pragma(#text)
#if defined(__clang__)
#define DRAGOMAN_TARGET_BEGIN(list) \
  DRAGOMAN_PRAGMA(clang attribute push(__attribute__((target(list))), apply_to = function))
#define DRAGOMAN_TARGET_END _Pragma("clang attribute pop")
#define DRAGOMAN_UNROLL _Pragma("clang loop unroll(full)")
#else
#define DRAGOMAN_TARGET_BEGIN(list) _Pragma("GCC push_options") DRAGOMAN_PRAGMA(GCC target(list))
#define DRAGOMAN_TARGET_END _Pragma("GCC pop_options")
#define DRAGOMAN_UNROLL _Pragma("GCC unroll 16")
#endif
// GCC otherwise calls some of the helpers of the lanes, which are a few instructions each.
#define DRAGOMAN_ALWAYS_INLINE inline __attribute__((always_inline))
#define DRAGOMAN_ALWAYS_INLINE_LAMBDA __attribute__((always_inline))

#endif  // DRAGOMAN_KERNELS_CPU_INT8_INCLUDES_H_
