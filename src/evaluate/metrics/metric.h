// One face for all corpus metrics: a row of statistics for each sentence, whose sums give the
// score. Resampling and significance tests work on rows and need not know the metric.
#ifndef DRAGOMAN_EVALUATE_METRICS_METRIC_H_
#define DRAGOMAN_EVALUATE_METRICS_METRIC_H_

#include <cstddef>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "evaluate/metrics/bleu.h"
#include "evaluate/metrics/chrf.h"
#include "evaluate/metrics/ter.h"

namespace dragoman {

// Counts with scratch memory; not thread-safe.
class Metric {
 public:
  virtual ~Metric() = default;
  virtual std::string name() const = 0;  // "BLEU", "chrF2++", "TER"
  // See BleuSignature.
  virtual std::string signature(int references, std::string_view resampling = {}) const = 0;
  virtual bool higher_is_better() const { return true; }

  virtual size_t columns() const = 0;
  // Fills a row of `columns()` numbers: integers, but for TER's mean reference length.
  virtual void Count(std::string_view hypothesis, std::span<const std::string> references,
                     std::span<double> row) = 0;
  virtual double Score(std::span<const double> sums) const = 0;
  // As sacreBLEU scores when it resamples: on sums in float, with NumPy 2's rules for mixed types.
  virtual double ScoreInFloat(std::span<const float> sums) const = 0;
  // Whether those scores are themselves floats.
  virtual bool float_scores() const = 0;
  // What sacreBLEU prints behind the score; empty for most.
  virtual std::string Details(std::span<const double>) const { return {}; }
};

std::unique_ptr<Metric> MakeBleuMetric(const BleuOptions& options);
std::unique_ptr<Metric> MakeChrfMetric(const ChrfOptions& options);
std::unique_ptr<Metric> MakeTerMetric(const TerOptions& options);

}  // namespace dragoman

#endif  // DRAGOMAN_EVALUATE_METRICS_METRIC_H_
