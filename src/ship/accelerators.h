// The GPUs of this machine, asked through NVIDIA's management library, which is loaded only if it
// is there.
#ifndef DRAGOMAN_SHIP_ACCELERATORS_H_
#define DRAGOMAN_SHIP_ACCELERATORS_H_

#include <cstdint>
#include <string>
#include <vector>

#include "base/json.h"

namespace dragoman {

struct Accelerator {
  int index = 0;
  std::string name;
  std::string compute_capability;  // "9.0"
  uint64_t total_bytes = 0, free_bytes = 0;
};

struct AcceleratorReport {
  std::vector<Accelerator> devices;
  std::string driver_version;  // empty: none
  std::string detail;          // why there are none, when there are none
};

// `library` is what dlopen takes. Never fails: no library, no device are answers.
AcceleratorReport FindAccelerators(const std::string& library);
OrderedJson ToJson(const AcceleratorReport& report);

}  // namespace dragoman

#endif  // DRAGOMAN_SHIP_ACCELERATORS_H_
