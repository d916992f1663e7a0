// The backend for real work on the host: vector kernels of one instruction set, shared among
// threads.
#ifndef DRAGOMAN_KERNELS_CPU_CPU_BACKEND_H_
#define DRAGOMAN_KERNELS_CPU_CPU_BACKEND_H_

#include <memory>

#include "kernels/cpu/kernel_table.h"
#include "kernels/kernels.h"

namespace dragoman {

// `table` must outlive the backend. threads 0: all available cores. The backend serves one caller
// at a time.
std::unique_ptr<Backend> CreateCpuBackend(const KernelTable& table, int threads,
                                          const BackendOptions& options);

}  // namespace dragoman

#endif  // DRAGOMAN_KERNELS_CPU_CPU_BACKEND_H_
