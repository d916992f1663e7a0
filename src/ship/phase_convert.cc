// Phase convert: the checkpoint as one 16-bit GGUF, checked value for value against what it came
// from (row G1).
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <optional>

#include "base/progress.h"
#include "formats/checkpoint.h"
#include "model/gemma3_tensors.h"
#include "model/verify.h"
#include "quantize/quantize.h"
#include "ship/phase.h"

namespace dragoman {
namespace {

constexpr int64_t kChunkElems = int64_t{1} << 18;

Result<PhaseInputs> ConvertInputs(ShipRun& run) {
  PhaseInputs inputs;
  DRAGOMAN_RETURN_IF_ERROR(AddModelInputs(run, run.options.model_path, &inputs));
  return inputs;
}

// The 16-bit type that loses nothing: bfloat16 for a bfloat16 checkpoint, else fp16.
std::string WideType(const ModelSummary& summary) {
  const auto most =
      std::max_element(summary.types.begin(), summary.types.end(),
                       [](const auto& a, const auto& b) { return a.second < b.second; });
  return most != summary.types.end() && most->first == "BF16" ? "BF16" : "F16";
}

struct RoundTrip {
  uint64_t tensors = 0, elems = 0, different = 0;
  double max_abs_difference = 0;
};

// Decodes both tensors piece by piece. A norm is stored as w of (1 + w) in safetensors and as 1 + w
// in GGUF.
void CompareTensor(const Checkpoint& a, const ModelTensor& from, const Checkpoint& b,
                   const ModelTensor& to, RoundTrip* result) {
  const BlockTraits& from_traits = TraitsOf(from.info->type);
  const BlockTraits& to_traits = TraitsOf(to.info->type);
  const auto from_bytes = a.Data(*from.info);
  const auto to_bytes = b.Data(*to.info);
  const auto elems = static_cast<int64_t>(from.info->elems());
  std::vector<float> x(static_cast<size_t>(std::min(elems, kChunkElems)));
  std::vector<float> y(x.size());
  const float shift = from.norm_needs_plus_one && !to.norm_needs_plus_one ? 1.0f : 0.0f;
  for (int64_t begin = 0; begin < elems; begin += kChunkElems) {
    const int64_t count = std::min(kChunkElems, elems - begin);
    from_traits.decode(
        from_bytes.data() + begin / from_traits.block_elems * from_traits.block_bytes, count,
        x.data());
    to_traits.decode(to_bytes.data() + begin / to_traits.block_elems * to_traits.block_bytes, count,
                     y.data());
    for (size_t i = 0; i < static_cast<size_t>(count); ++i) {
      const float expected = x[i] + shift;
      if (expected == y[i]) continue;
      ++result->different;
      result->max_abs_difference =
          std::max(result->max_abs_difference, std::abs(double{expected} - double{y[i]}));
    }
  }
  ++result->tensors;
  result->elems += static_cast<uint64_t>(elems);
  a.Release(*from.info);
  b.Release(*to.info);
}

Result<RoundTrip> CompareModels(const std::string& from_path, const std::string& to_path) {
  DRAGOMAN_ASSIGN_OR_RETURN(const auto from, OpenCheckpoint(from_path));
  DRAGOMAN_ASSIGN_OR_RETURN(const auto to, OpenCheckpoint(to_path));
  DRAGOMAN_ASSIGN_OR_RETURN(const Gemma3Config from_config, LoadGemma3Config(*from));
  DRAGOMAN_ASSIGN_OR_RETURN(const Gemma3Config to_config, LoadGemma3Config(*to));
  DRAGOMAN_ASSIGN_OR_RETURN(const ModelTensorMap from_map, MapGemma3Tensors(*from, from_config));
  DRAGOMAN_ASSIGN_OR_RETURN(const ModelTensorMap to_map, MapGemma3Tensors(*to, to_config));
  std::map<std::string, const ModelTensor*> by_name;
  for (const ModelTensor& tensor : to_map.tensors) by_name[tensor.name] = &tensor;

  RoundTrip result;
  Progress progress("round trip", from_map.tensors.size(), "tensors");
  for (const ModelTensor& tensor : from_map.tensors) {
    const auto found = by_name.find(tensor.name);
    if (found == by_name.end() || found->second->info->elems() != tensor.info->elems()) {
      return Fail(ErrorCode::kInternal,
                  "expected tensor " + tensor.name + " as in the source, found it otherwise",
                  to_path);
    }
    CompareTensor(*from, tensor, *to, *found->second, &result);
    progress.Update(result.tensors, tensor.name);
  }
  return result;
}

Result<void> Convert(ShipRun& run, const std::string& type, const std::string& path) {
  QuantizeOptions options;
  DRAGOMAN_ASSIGN_OR_RETURN(options.recipe, FindRecipe(type));
  options.threads = run.options.threads;
  std::optional<Progress> progress;
  options.progress = [&](uint64_t done, uint64_t total, const std::string& tensor) {
    if (!progress) progress.emplace("convert", total, "bytes");
    progress->Update(done, tensor);
  };
  DRAGOMAN_RETURN_IF_ERROR(Quantize(run.options.model_path, path, options));
  return {};
}

Result<PhaseWork> ConvertWork(ShipRun& run) {
  DRAGOMAN_ASSIGN_OR_RETURN(const ModelSummary source, InspectModel(run.options.model_path));
  const std::string type = WideType(source);
  std::string lower = type;
  for (char& c : lower) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  const std::string path = run.Path("models/" + run.options.model_name + "-" + lower + ".gguf");
  DRAGOMAN_RETURN_IF_ERROR(Convert(run, type, path));
  DRAGOMAN_ASSIGN_OR_RETURN(const VerifyReport verified, VerifyModel(path, run.options.threads));
  DRAGOMAN_ASSIGN_OR_RETURN(const RoundTrip trip, CompareModels(run.options.model_path, path));
  // fp16 cannot hold every float32 or bfloat16 value; what a bfloat16 copy loses would be a fault.
  if (type == "BF16" && trip.different != 0) {
    return Fail(ErrorCode::kInternal,
                fmt::format("expected every value unchanged, found {} of {} changed",
                            trip.different, trip.elems),
                path);
  }
  DRAGOMAN_ASSIGN_OR_RETURN(const FileStamp stamp, StampOf(path));

  PhaseWork work;
  work.measured = Json{{"path", run.workspace->Relative(path)},
                       {"type", type},
                       {"bytes", stamp.bytes},
                       {"verified_bytes", verified.scanned_bytes},
                       {"round_trip", Json{{"tensors", trip.tensors},
                                           {"values", trip.elems},
                                           {"changed", trip.different},
                                           {"max_abs_difference", trip.max_abs_difference}}}};
  work.outputs = {path};
  work.summary = fmt::format("{} GGUF of {}; {} tensors round-trip, {} of {} values changed", type,
                             HumanBytes(stamp.bytes), trip.tensors, trip.different, trip.elems);
  return work;
}

}  // namespace

Phase ConvertPhase() { return {"convert", false, false, ConvertInputs, ConvertWork}; }

}  // namespace dragoman
