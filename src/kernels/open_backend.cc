// The list of backends, and opening one by its name.
#include <fmt/format.h>

#include "kernels/kernels.h"
#include "kernels/reference/reference_backend.h"

namespace dragoman {

std::vector<BackendInfo> ListBackends() {
  return {{"reference", "scalar code in double precision, for checking; any machine", true}};
}

Result<std::unique_ptr<Backend>> OpenBackend(const std::string& device, int threads) {
  if (threads < 0) {
    return Fail(ErrorCode::kInvalidArgument,
                fmt::format("expected 0 or more threads, found {}", threads));
  }
  std::string known = "auto, cpu";
  for (const BackendInfo& backend : ListBackends()) known += ", " + backend.name;
  if (device == "auto" || device == "cpu" || device == "reference")
    return CreateReferenceBackend(threads);
  return Fail(ErrorCode::kInvalidArgument,
              fmt::format("unknown device \"{}\"; expected one of: {}", device, known));
}

}  // namespace dragoman
