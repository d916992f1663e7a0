#include "quantize/layerwise_moments.h"

#include <charconv>
#include <utility>

#include "quantize/weighted_moments.h"

namespace dragoman {
namespace {

// "blk.12.attn_q.weight" -> 12; -1 for a tensor outside the layers.
int LayerOf(std::string_view tensor) {
  constexpr std::string_view kPrefix = "blk.";
  if (!tensor.starts_with(kPrefix)) return -1;
  tensor.remove_prefix(kPrefix.size());
  int layer = -1;
  std::from_chars(tensor.data(), tensor.data() + tensor.size(), layer);
  return layer;
}

}  // namespace

LayerwiseMoments::LayerwiseMoments(Gemma3& model, const std::vector<PackedSequences>& batches,
                                   const Sensitivities& sensitivities, bool sequential)
    : model_(model),
      pass_(model),
      batches_(batches),
      sensitivities_(sensitivities),
      sequential_(sequential) {}

bool LayerwiseMoments::Has(std::string_view tensor) const {
  return sensitivities_.tables.find(tensor) != sensitivities_.tables.end() ||
         sensitivities_.linears.find(tensor) != sensitivities_.linears.end();
}

Result<const Hessian*> LayerwiseMoments::Of(std::string_view tensor) {
  if (const auto table = sensitivities_.tables.find(tensor); table != sensitivities_.tables.end()) {
    return &table->second;
  }
  if (sensitivities_.linears.find(tensor) == sensitivities_.linears.end()) return nullptr;
  const int layer = LayerOf(tensor);
  if (layer != collected_) {
    moments_.clear();
    collected_ = -1;
    DRAGOMAN_RETURN_IF_ERROR(Advance(layer));
    DRAGOMAN_RETURN_IF_ERROR(Collect(layer));
    collected_ = layer;
  }
  return &moments_.find(tensor)->second;
}

Result<void> LayerwiseMoments::Quantized(std::string_view tensor, BlockType type,
                                         std::span<const std::byte> blocks) {
  if (!sequential_ || LayerOf(tensor) < 0) return {};
  std::vector<std::byte>& own = quantized_[std::string(tensor)];
  own.assign(blocks.begin(), blocks.end());
  return model_.ReplaceMatrix(tensor, type, own);
}

Result<void> LayerwiseMoments::Start() {
  streams_.clear();
  for (const PackedSequences& batch : batches_) {
    DRAGOMAN_ASSIGN_OR_RETURN(auto stream, pass_.Embed(batch));
    streams_.push_back(std::move(stream));
  }
  next_ = 0;
  return {};
}

Result<void> LayerwiseMoments::Advance(int layer) {
  if (next_ < 0 || next_ > layer) DRAGOMAN_RETURN_IF_ERROR(Start());
  for (; next_ < layer; ++next_) {
    for (size_t i = 0; i < batches_.size(); ++i) {
      DRAGOMAN_RETURN_IF_ERROR(pass_.RunLayer(batches_[i], next_, streams_[i], {}));
    }
  }
  return {};
}

// The stream stays the layer's input: what leaves the layer is only known when it is quantized.
Result<void> LayerwiseMoments::Collect(int layer) {
  std::map<std::string, WeightedMoments, std::less<>> sums;
  MomentScratch scratch;
  for (size_t i = 0; i < batches_.size(); ++i) {
    std::vector<float> stream = streams_[i];
    const auto tap = [&](const LinearInput& input) {
      const auto& rows = sensitivities_.linears.find(input.tensor)->second.rows[i];
      sums.try_emplace(std::string(input.tensor), input.dim)
          .first->second.Add(input.x, input.rows, rows, model_.backend(), scratch);
    };
    DRAGOMAN_RETURN_IF_ERROR(pass_.RunLayer(batches_[i], layer, stream, tap));
  }
  const double scale = 1.0 / static_cast<double>(sensitivities_.predicted);
  for (auto& [name, sum] : sums) {
    Hessian& hessian = moments_[name] = sum.Take(sensitivities_.predicted, scale);
    hessian.row_weights = sensitivities_.linears.find(name)->second.outputs;
  }
  return {};
}

}  // namespace dragoman
