// Second moments of the inputs of linear layers, H = E[x x^T].
#ifndef DRAGOMAN_QUANTIZE_HESSIAN_H_
#define DRAGOMAN_QUANTIZE_HESSIAN_H_

#include <cstdint>
#include <functional>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "dragoman/result.h"
#include "kernels/kernels.h"
#include "translate/translator.h"

namespace dragoman {

struct Hessian {
  int64_t dim = 0;
  uint64_t tokens = 0;
  std::vector<float> mean;  // [dim, dim], E[x x^T], symmetric
  // Relative importance of each output [rows], mean 1; empty: all alike. What it measures is the
  // same unit for all tensors of a map only where output_sensitivity.h filled it.
  std::vector<float> row_weights = {};
};

// By the name that HessianOwner gives. Tensors that multiply the same input share one.
using HessianMap = std::map<std::string, Hessian, std::less<>>;

// The second moments that hold for a tensor: its own, or its owner's. Null where there are none.
const Hessian* FindHessian(const HessianMap& map, std::string_view tensor);

// The tensor under whose name the input of `tensor` is kept: attn_k and attn_v read what attn_q
// reads, ffn_up what ffn_gate reads.
std::string HessianOwner(std::string_view tensor);

// Translates the requests and runs prompt + translation through the model once more, as
// CollectImportance does. Sums of up to a thousand tokens are formed in float32, added in double.
// Memory: 12 bytes per entry of every matrix. Errors: those of RunCalibration.
Result<HessianMap> CollectHessians(
    Translator& translator, std::span<const TranslationRequest> requests,
    const std::function<void(size_t done, size_t total)>& progress = {});

}  // namespace dragoman

#endif  // DRAGOMAN_QUANTIZE_HESSIAN_H_
