#include "evaluate/speed_limits.h"

#include <fmt/format.h>

#include <algorithm>

namespace dragoman {
namespace {

bool IsOutput(const std::string& name, const Gemma3Config& config) {
  return name == (config.tied_embeddings ? "token_embd.weight" : "output.weight");
}

bool IsKeysOrValues(const std::string& name) {
  return name.find(".attn_k.") != std::string::npos || name.find(".attn_v.") != std::string::npos;
}

double SecondsOf(double ops, double giga_per_second) {
  return giga_per_second > 0 ? ops / (giga_per_second * 1e9) : 0;
}

}  // namespace

ModelWork WorkOf(const Gemma3& model, const Backend& backend) {
  ModelWork work;
  const Gemma3Config& config = model.config();
  const std::string last_layer = fmt::format("blk.{}.", config.layers - 1);
  for (const std::string& name : model.matrix_names()) {
    const bool is_output = IsOutput(name, config);
    if (!is_output && name == "token_embd.weight") continue;  // single rows are read
    const WeightMatrix w = model.matrix(name);
    const double ops = 2.0 * static_cast<double>(w.rows) * static_cast<double>(w.cols);
    const ProductOps product =
        backend.MultipliesIntegers(w) ? ProductOps{ops, 0} : ProductOps{0, ops};
    const bool when_asked = is_output || (name.rfind(last_layer, 0) == 0 && !IsKeysOrValues(name));
    (when_asked ? work.asked : work.row) = (when_asked ? work.asked : work.row) + product;
    work.weight_bytes +=
        TensorBytes(w.type, static_cast<uint64_t>(w.rows), static_cast<uint64_t>(w.cols))
            .value_or(0);
  }
  return work;
}

const char* NameOf(SpeedBound bound) {
  switch (bound) {
    case SpeedBound::kMemory:
      return "memory";
    case SpeedBound::kInt8:
      return "int8";
    default:
      return "float32";
  }
}

SpeedLimit LimitOf(double units, const ProductOps& ops, double weight_bytes, double passes,
                   const MachineCeiling& machine) {
  const double read = SecondsOf(weight_bytes * passes, machine.read_gb_per_s);
  const double int8 = SecondsOf(ops.int8, machine.int8_gop_per_s);
  const double float32 = SecondsOf(ops.float32, machine.f32_gflop_per_s);
  const double seconds = std::max(read, int8 + float32);
  if (seconds <= 0) return {};
  if (read >= seconds) return {units / seconds, SpeedBound::kMemory};
  return {units / seconds, int8 >= float32 ? SpeedBound::kInt8 : SpeedBound::kFloat32};
}

MachineCeiling Better(const MachineCeiling& a, const MachineCeiling& b) {
  MachineCeiling better = a;
  better.read_gb_per_s = std::max(a.read_gb_per_s, b.read_gb_per_s);
  better.f32_gflop_per_s = std::max(a.f32_gflop_per_s, b.f32_gflop_per_s);
  better.int8_gop_per_s = std::max(a.int8_gop_per_s, b.int8_gop_per_s);
  return better;
}

}  // namespace dragoman
