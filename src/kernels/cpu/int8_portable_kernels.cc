#include "kernels/cpu/int8_product.h"
namespace dragoman {
const Int8Kernels* FindInt8Portable() { return nullptr; }
}  // namespace dragoman
