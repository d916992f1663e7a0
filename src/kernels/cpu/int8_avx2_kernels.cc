#include "kernels/cpu/int8_product.h"
namespace dragoman {
const Int8Kernels* FindInt8Avx2() { return nullptr; }
}  // namespace dragoman
