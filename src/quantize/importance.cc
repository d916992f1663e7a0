// Collection of the columns' second moments through the model's tap.
#include "quantize/importance.h"

#include <utility>

#include "quantize/calibration_pass.h"

namespace dragoman {
namespace {

// Sums in double: thousands of tokens of very different size meet in one column.
class MomentSums {
 public:
  void Add(const LinearInput& input) {
    Sum& sum = sums_[std::string(input.tensor)];
    sum.squares.resize(static_cast<size_t>(input.dim));
    sum.tokens += static_cast<uint64_t>(input.rows);
    for (int64_t row = 0; row < input.rows; ++row) {
      const float* x = input.x + row * input.dim;
      for (int64_t i = 0; i < input.dim; ++i) {
        sum.squares[static_cast<size_t>(i)] += static_cast<double>(x[i]) * x[i];
      }
    }
  }

  std::map<std::string, ImportanceEntry> Entries() const {
    std::map<std::string, ImportanceEntry> entries;
    for (const auto& [name, sum] : sums_) {
      entries[name] = {std::vector<float>(sum.squares.begin(), sum.squares.end()), sum.tokens};
    }
    return entries;
  }

 private:
  struct Sum {
    std::vector<double> squares;
    uint64_t tokens = 0;
  };
  std::map<std::string, Sum> sums_;
};

}  // namespace

Result<ImportanceMatrix> CollectImportance(
    Translator& translator, std::span<const TranslationRequest> requests,
    const std::function<void(size_t done, size_t total)>& progress) {
  MomentSums sums;
  DRAGOMAN_RETURN_IF_ERROR(RunCalibration(
      translator, requests, [&](const LinearInput& input) { sums.Add(input); }, progress));
  ImportanceMatrix matrix;
  matrix.entries = sums.Entries();
  DRAGOMAN_ASSIGN_OR_RETURN(matrix.hash, CalibrationKey(translator.model().checkpoint(), requests));
  return matrix;
}

}  // namespace dragoman
