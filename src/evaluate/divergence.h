// Token-level divergence of a candidate from a reference model on the same reference translations.
#ifndef DRAGOMAN_EVALUATE_DIVERGENCE_H_
#define DRAGOMAN_EVALUATE_DIVERGENCE_H_

#include <string>
#include <vector>

#include "base/json.h"
#include "dragoman/result.h"
#include "evaluate/suite.h"

namespace dragoman {

struct Divergence {
  int64_t tokens = 0;  // positions that predict the translation, end of turn included
  double mean_kl = 0, mean_kl_low = 0,
         mean_kl_high = 0;  // nats, KL(reference || candidate); bootstrap over sentences
  double median_kl = 0, p99_kl = 0, max_kl = 0;
  double top1_agreement = 0;
  double reference_nll = 0, candidate_nll = 0;
  // How far the residual stream of the candidate lies from the reference's, as a share of its
  // length, the mean over positions: after the embedding, after each layer, after the final norm.
  // Empty where the two have another number of layers.
  std::vector<double> layer_errors;
  int64_t layer_positions = 0;  // measured
};

// Both models multiply float32 activations: what is compared are the weights, not the rounding that
// a device adds while it translates.
struct DivergenceOptions {
  std::string device = "auto";
  int threads = 0;
  int64_t max_samples = 0;  // 0: all
};
Result<Divergence> MeasureDivergence(const std::string& reference_path,
                                     const std::string& candidate_path, const Suite& suite,
                                     const DivergenceOptions& options);
OrderedJson ToJson(const Divergence& divergence);

}  // namespace dragoman

#endif  // DRAGOMAN_EVALUATE_DIVERGENCE_H_
