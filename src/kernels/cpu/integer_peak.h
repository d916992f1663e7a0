// The fastest integer multiply-adds of an instruction set, for measuring the machine.
#ifndef DRAGOMAN_KERNELS_CPU_INTEGER_PEAK_H_
#define DRAGOMAN_KERNELS_CPU_INTEGER_PEAK_H_

#include <cstdint>
#include <string_view>

namespace dragoman {

// A loop of independent 8-bit multiply-adds into 32 bits, in registers alone.
struct IntegerPeak {
  std::string_view instruction;           // empty: there is none
  void (*run)(int64_t rounds) = nullptr;  // rounds >= 1
  double ops_per_round = 0;               // a multiply-add counts two
};

// What a backend of that name ("cpu:avx512"), usable on this machine, multiplies 8-bit integers with.
IntegerPeak IntegerPeakOf(std::string_view backend);

}  // namespace dragoman

#endif  // DRAGOMAN_KERNELS_CPU_INTEGER_PEAK_H_
