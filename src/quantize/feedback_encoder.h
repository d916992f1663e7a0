// Whole tensors through error feedback: decoded, rounded with the factor of their input's second
// moments, measured.
//
// Memory at the shapes of TranslateGemma 4B, for the largest input (ffn_down, 10,240 columns):
// second moments 420 MB (489 MB for all inputs of a layer), their factor 420 MB and 31 MB while it
// is made; a group of 8 Mi weights 34 MB of values, 34 MB of errors and up to 19 MB of blocks taken
// apart (151 MB in types with blocks of 32). About 1.1 GB with the layer's second moments.
#ifndef DRAGOMAN_QUANTIZE_FEEDBACK_ENCODER_H_
#define DRAGOMAN_QUANTIZE_FEEDBACK_ENCODER_H_

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "dragoman/result.h"
#include "formats/checkpoint.h"
#include "kernels/kernels.h"
#include "quantize/error_feedback.h"
#include "quantize/feedback_factor.h"
#include "quantize/output_journal.h"
#include "quantize/second_moments.h"
#include "quantize/tensor_encoder.h"

namespace dragoman {

struct FeedbackTensorError {
  TensorError weights;     // of the values, as rounding reports it
  double output_loss = 0;  // mean over rows of (w - q) H (w - q)^T, relative to w H w^T
};

class FeedbackEncoder {
 public:
  // `moments` must outlive the encoder, and so must the journal of finished rows, unless it is
  // null. damping: share of the mean diagonal.
  FeedbackEncoder(SecondMoments& moments, double damping, FeedbackOptions options,
                  OutputJournal* journal = nullptr);

  // Is there a Hessian for this tensor, and can its blocks be taken apart?
  bool Covers(const EncodeRequest& request) const;

  // Works in groups of rows; owns the factor of the last input (feedback_factor.h) and the buffers
  // of a group (error_feedback.h) with its values as float32. Errors: those of EncodeTensor;
  // kInvalidArgument for second moments that do not fit the tensor.
  Result<FeedbackTensorError> Encode(const Checkpoint& checkpoint, const EncodeRequest& request,
                                     ThreadPool& pool, const ByteSink& sink,
                                     const std::function<void(uint64_t)>& on_piece);

 private:
  // What rounding needs to know of a tensor's input, made when the first group asks.
  struct Input {
    const Hessian* hessian = nullptr;
    FeedbackFactor factor;
  };
  Result<const Input*> InputOf(const EncodeRequest& request, ThreadPool& pool);
  Result<EncodedRows> EncodeGroup(const Checkpoint& checkpoint, const EncodeRequest& request,
                                  int64_t first_row, int64_t rows, ThreadPool& pool);

  SecondMoments& moments_;
  const double damping_;
  const FeedbackOptions options_;
  OutputJournal* const journal_;
  std::optional<Input> input_;  // of the tensor being encoded
  std::vector<float> values_;   // of a group
  std::unique_ptr<Backend> backend_;
};

}  // namespace dragoman

#endif  // DRAGOMAN_QUANTIZE_FEEDBACK_ENCODER_H_
