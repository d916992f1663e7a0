// Whole tensors through error feedback: decoded, rounded with the factor of their input's second
// moments, measured.
#ifndef DRAGOMAN_QUANTIZE_FEEDBACK_ENCODER_H_
#define DRAGOMAN_QUANTIZE_FEEDBACK_ENCODER_H_

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "dragoman/result.h"
#include "formats/checkpoint.h"
#include "kernels/kernels.h"
#include "quantize/error_feedback.h"
#include "quantize/hessian.h"
#include "quantize/tensor_encoder.h"

namespace dragoman {

struct FeedbackTensorError {
  TensorError weights;     // of the values, as rounding reports it
  double output_loss = 0;  // mean over rows of (w - q) H (w - q)^T, relative to w H w^T
};

class FeedbackEncoder {
 public:
  // `hessians` must outlive the encoder. damping: share of the mean diagonal.
  FeedbackEncoder(const HessianMap& hessians, double damping, FeedbackOptions options);

  // Is there a Hessian for this tensor, and can its blocks be taken apart?
  bool Covers(const EncodeRequest& request) const;

  // Owns the tensor as float32 meanwhile. Errors: those of EncodeTensor; kInvalidArgument for
  // second moments that do not fit the tensor.
  Result<FeedbackTensorError> Encode(const Checkpoint& checkpoint, const EncodeRequest& request,
                                     ThreadPool& pool, const ByteSink& sink,
                                     const std::function<void(uint64_t)>& on_piece);

 private:
  struct Prepared {
    const Hessian* hessian = nullptr;
    FeedbackFactor factor;
    std::vector<float> damped;
  };
  Result<const Prepared*> PreparedFor(const Hessian& hessian, ThreadPool& pool);

  const HessianMap& hessians_;
  const double damping_;
  const FeedbackOptions options_;
  std::unique_ptr<Backend> backend_;
  std::vector<std::unique_ptr<Prepared>> prepared_;  // most recent last
};

}  // namespace dragoman

#endif  // DRAGOMAN_QUANTIZE_FEEDBACK_ENCODER_H_
