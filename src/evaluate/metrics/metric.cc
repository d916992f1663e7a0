// BLEU, chrF and TER as rows of statistics.
#include "evaluate/metrics/metric.h"

namespace dragoman {
namespace {

class BleuMetric : public Metric {
 public:
  explicit BleuMetric(const BleuOptions& options) : options_(options), counter_(options) {}
  std::string name() const override { return "BLEU"; }
  std::string signature(int references, std::string_view resampling) const override {
    return BleuSignature(options_, references, resampling);
  }
  size_t columns() const override { return 2 + 2 * static_cast<size_t>(options_.max_order); }
  void Count(std::string_view hypothesis, std::span<const std::string> references,
             std::span<double> row) override {
    const BleuStats stats = counter_.Count(hypothesis, references);
    const auto orders = static_cast<size_t>(options_.max_order);
    row[0] = static_cast<double>(stats.hypothesis_length);
    row[1] = static_cast<double>(stats.reference_length);
    for (size_t n = 0; n < orders; ++n) {
      row[2 + n] = static_cast<double>(stats.correct[n]);
      row[2 + orders + n] = static_cast<double>(stats.total[n]);
    }
  }
  double Score(std::span<const double> sums) const override { return BleuOfSums(sums, options_); }
  double ScoreInFloat(std::span<const float> sums) const override {
    return BleuOfSums(sums, options_);
  }
  bool float_scores() const override { return false; }
  std::string Details(std::span<const double> sums) const override {
    return FormatBleuDetails(BleuFromSums(sums, options_));
  }

 private:
  BleuOptions options_;
  BleuCounter counter_;
};

class ChrfMetric : public Metric {
 public:
  explicit ChrfMetric(const ChrfOptions& options) : options_(options), counter_(options) {}
  std::string name() const override { return ChrfName(options_); }
  std::string signature(int references, std::string_view resampling) const override {
    return ChrfSignature(options_, references, resampling);
  }
  size_t columns() const override {
    return 3 * static_cast<size_t>(options_.char_order + options_.word_order);
  }
  void Count(std::string_view hypothesis, std::span<const std::string> references,
             std::span<double> row) override {
    const ChrfStats stats = counter_.Count(hypothesis, references);
    for (size_t i = 0; i < columns(); ++i) row[i] = static_cast<double>(stats.orders[i / 3][i % 3]);
  }
  double Score(std::span<const double> sums) const override { return ChrfOfSums(sums, options_); }
  double ScoreInFloat(std::span<const float> sums) const override {
    return ChrfOfSums(sums, options_);
  }
  bool float_scores() const override { return true; }

 private:
  ChrfOptions options_;
  ChrfCounter counter_;
};

class TerMetric : public Metric {
 public:
  explicit TerMetric(const TerOptions& options) : options_(options), counter_(options) {}
  std::string name() const override { return "TER"; }
  std::string signature(int references, std::string_view resampling) const override {
    return TerSignature(options_, references, resampling);
  }
  bool higher_is_better() const override { return false; }
  size_t columns() const override { return 2; }
  void Count(std::string_view hypothesis, std::span<const std::string> references,
             std::span<double> row) override {
    const TerStats stats = counter_.Count(hypothesis, references);
    row[0] = static_cast<double>(stats.edits);
    row[1] = stats.reference_length;
  }
  double Score(std::span<const double> sums) const override { return TerOfSums(sums); }
  double ScoreInFloat(std::span<const float> sums) const override { return TerOfSums(sums); }
  bool float_scores() const override { return true; }

 private:
  TerOptions options_;
  TerCounter counter_;
};

}  // namespace

std::unique_ptr<Metric> MakeBleuMetric(const BleuOptions& options) {
  return std::make_unique<BleuMetric>(options);
}
std::unique_ptr<Metric> MakeChrfMetric(const ChrfOptions& options) {
  return std::make_unique<ChrfMetric>(options);
}
std::unique_ptr<Metric> MakeTerMetric(const TerOptions& options) {
  return std::make_unique<TerMetric>(options);
}

}  // namespace dragoman
