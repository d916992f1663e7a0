#include "api/backend_options.h"

#include <fmt/format.h>

namespace dragoman::api {

Result<BackendOptions> BackendOptionsOf(const Machine& machine) {
  BackendOptions options;
  options.lock_weights = machine.lock;
  if (machine.kv == "auto" || machine.kv == "f16") {
    options.kv_type = BlockType::kF16;
  } else if (machine.kv == "q8") {
    options.kv_type = BlockType::kQ8_0;
  } else if (machine.kv != "f32") {
    return Fail(ErrorCode::kInvalidArgument,
                fmt::format("expected auto, f32, f16 or q8, found \"{}\"", machine.kv), "--kv");
  }
  return options;
}

}  // namespace dragoman::api
