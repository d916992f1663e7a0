// The scalar truth: every operation of kernels.h as plainly as it can be written.
//
// Sums run in double in index order, so results are correct to the last rounding to float32 and
// serve as the expected values of the conformance test. Not for speed: only MatMul shares its rows
// among threads.
#ifndef DRAGOMAN_KERNELS_REFERENCE_REFERENCE_BACKEND_H_
#define DRAGOMAN_KERNELS_REFERENCE_REFERENCE_BACKEND_H_

#include <memory>

#include "kernels/kernels.h"

namespace dragoman {

// threads 0: all available cores.
std::unique_ptr<Backend> CreateReferenceBackend(int threads, const BackendOptions& options);

}  // namespace dragoman

#endif  // DRAGOMAN_KERNELS_REFERENCE_REFERENCE_BACKEND_H_
