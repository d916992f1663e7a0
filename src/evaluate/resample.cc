// The draws and their intervals; see the header.
#include "evaluate/resample.h"

#include <algorithm>
#include <cmath>

#include "evaluate/normal_distribution.h"

namespace dragoman {
namespace {

struct Sum {
  BleuStats bleu;
  ChrfStats chrf;
  void Add(const SentenceStats& one) {
    bleu += one.bleu;
    chrf += one.chrf;
  }
};

void Push(const Sum& baseline, const Sum& quantized, PairDraws& out) {
  out.bleu.push_back({ComputeBleu(baseline.bleu).score, ComputeBleu(quantized.bleu).score});
  out.chrf.push_back({ComputeChrf({}, baseline.chrf), ComputeChrf({}, quantized.chrf)});
}

// Percent of the baseline; a baseline of nothing can only be kept or left behind.
double Percent(double baseline, double quantized) {
  if (baseline > 0) return 100 * (quantized - baseline) / baseline;
  return quantized > 0 ? 100 : 0;
}

}  // namespace

// The same seed and the same number of sentences give the same draws: that is the "together".
Random DrawsTogether::For(const std::vector<std::string>& ids) {
  const uint64_t group = groups_.emplace(ids, groups_.size()).first->second;
  return Random(seed_ + group * 0x632be59bd9b4e019ull);
}

std::vector<PairDraws> Resample(std::span<const PairSentences> pairs, int draws, uint64_t seed) {
  DrawsTogether together(seed);
  std::vector<PairDraws> results;
  for (const PairSentences& pair : pairs) {
    PairDraws result;
    const size_t count = pair.baseline.size();
    Sum all_baseline, all_quantized;
    for (size_t i = 0; i < count; ++i) {
      all_baseline.Add(pair.baseline[i]);
      all_quantized.Add(pair.quantized[i]);
    }
    Push(all_baseline, all_quantized, result);
    Random random = together.For(pair.ids);
    for (int draw = 0; draw < draws && count > 0; ++draw) {
      Sum baseline, quantized;
      for (size_t i = 0; i < count; ++i) {
        const size_t index = random.Below(count);
        baseline.Add(pair.baseline[index]);
        quantized.Add(pair.quantized[index]);
      }
      Push(baseline, quantized, result);
    }
    results.push_back(std::move(result));
  }
  return results;
}

double Quantile(std::span<const double> sorted, double share) {
  const double at = share * static_cast<double>(sorted.size() - 1);
  const auto low = static_cast<size_t>(at);
  const size_t high = std::min(low + 1, sorted.size() - 1);
  return sorted[low] + (at - static_cast<double>(low)) * (sorted[high] - sorted[low]);
}

namespace {

double Deviation(const std::vector<double>& values) {
  double mean = 0, squares = 0;
  for (const double one : values) mean += one / static_cast<double>(values.size());
  for (const double one : values) squares += (one - mean) * (one - mean);
  return std::sqrt(squares / static_cast<double>(values.size() - 1));
}

}  // namespace

Delta DeltaOf(std::span<const std::vector<Scores>* const> pairs, double confidence) {
  Delta delta;
  if (pairs.empty()) return delta;
  std::vector<double> percents, points;
  delta.of_nothing = std::all_of(pairs.begin(), pairs.end(),
                                 [](const auto* scores) { return scores->front().baseline <= 0; });
  const auto weight = 1.0 / static_cast<double>(pairs.size());
  for (size_t draw = 0; draw < pairs[0]->size(); ++draw) {
    Scores mean;
    for (const auto* scores : pairs) {
      mean.baseline += (*scores)[draw].baseline * weight;
      mean.quantized += (*scores)[draw].quantized * weight;
    }
    points.push_back(mean.quantized - mean.baseline);
    percents.push_back(Percent(mean.baseline, mean.quantized));
  }
  delta.points = points.front();
  delta.percent = percents.front();
  points.erase(points.begin());
  percents.erase(percents.begin());
  const bool drawn = percents.size() > 1;
  const double z = NormalQuantileOfTail((1 - confidence) / 2);
  const double points_error = drawn ? Deviation(points) : 0;
  delta.percent_error = drawn ? Deviation(percents) : 0;
  delta.percent_low = delta.percent - z * delta.percent_error;
  delta.percent_high = delta.percent + z * delta.percent_error;
  delta.points_low = delta.points - z * points_error;
  delta.points_high = delta.points + z * points_error;
  return delta;
}

}  // namespace dragoman
