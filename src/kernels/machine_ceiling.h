// What benchmarks hold their figures against: what the machine can do at most, measured.
#ifndef DRAGOMAN_KERNELS_MACHINE_CEILING_H_
#define DRAGOMAN_KERNELS_MACHINE_CEILING_H_

#include <string>
#include <string_view>

namespace dragoman {

struct MachineCeiling {
  double read_gb_per_s = 0;    // one pass over memory far beyond the caches
  double f32_gflop_per_s = 0;  // multiply-adds in registers; each counts two
  double int8_gop_per_s = 0;   // the same in 8-bit integers with 32-bit sums; 0: not measured
  std::string int8_instruction;
};

// The best of several passes with `threads` threads (0: all) and the instruction set of that
// backend ("cpu:avx2"; of any other name: the widest there is). Takes about 0.2 s and, while it
// runs, 256 MB.
MachineCeiling MeasureCeiling(std::string_view backend, int threads);

}  // namespace dragoman

#endif  // DRAGOMAN_KERNELS_MACHINE_CEILING_H_
