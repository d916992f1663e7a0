// Holds the predicted divergence against the real one: a group of tensors at a time is rounded in
// the model, and what that does to its predictions is measured.
//
// A prediction sums over tensors as if their errors did not meet, and to second order only. How far
// that is off differs by kind of tensor more than within one, so each group gets a factor.
#ifndef DRAGOMAN_QUANTIZE_PROXY_CHECK_H_
#define DRAGOMAN_QUANTIZE_PROXY_CHECK_H_

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "blocks/block_type.h"
#include "dragoman/result.h"
#include "model/gemma3_gradients.h"

namespace dragoman {

// What the check rounds to, plainly, rows of so many columns: coarse enough to be seen, fine enough
// for the second order to hold.
BlockType ProbeType(uint64_t cols);

// "embedding", "attention" or "ffn", by canonical name.
std::string_view ProxyGroupOf(std::string_view tensor);

struct ProxyGroup {
  std::string name;
  double predicted_kl = 0;  // nats per predicted token, of plain rounding to ProbeType
  double measured_kl = 0;
  // What predictions of the group are to be multiplied by; within 1/4 to 4, for a check is small.
  double factor() const;
};

// Fills in `measured_kl`, on some of the batches evenly spread. `model` is left as it was. Errors:
// those of Gemma3Gradients.
Result<void> MeasureProxy(Gemma3& model, std::span<const PackedSequences> batches,
                          std::span<ProxyGroup> groups);

}  // namespace dragoman

#endif  // DRAGOMAN_QUANTIZE_PROXY_CHECK_H_
