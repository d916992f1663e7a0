// The draws and their intervals; see the header.
#include "evaluate/resample.h"

#include <algorithm>
#include <cmath>

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

double MeanOf(const std::vector<double>& values) {
  double sum = 0;
  for (const double one : values) sum += one;
  return sum / static_cast<double>(values.size());
}

}  // namespace

LossEstimate EstimateLoss(const std::vector<double>& changes, double heaviest) {
  LossEstimate estimate{0.0 - changes.front(), 0, 0, heaviest};
  if (changes.size() < 3) return estimate;
  const std::vector<double> draws(changes.begin() + 1, changes.end());
  const double mean = MeanOf(draws);
  double squares = 0, cubes = 0;
  for (const double one : draws) {
    const double loss = mean - one;
    squares += loss * loss;
    cubes += loss * loss * loss;
  }
  const auto count = static_cast<double>(draws.size());
  estimate.error = std::sqrt(squares / (count - 1));
  if (squares > 0) estimate.skewness = cubes / count / std::pow(squares / count, 1.5);
  return estimate;
}

double HeaviestSentence(std::span<const std::vector<std::string>* const> ids_of_pairs) {
  std::map<std::vector<std::string>, double> shares;  // of the pairs with such a list
  for (const auto* ids : ids_of_pairs) {
    if (!ids->empty()) shares[*ids] += 1.0 / static_cast<double>(ids->size() * ids_of_pairs.size());
  }
  double heaviest = 0;
  for (const auto& [ids, share] : shares) heaviest = std::max(heaviest, share);
  return heaviest;
}

LossEstimate PercentLossOf(const Delta& delta) {
  return {0.0 - delta.percent, delta.percent_error, delta.loss_skewness, delta.heaviest_percent};
}

Delta DeltaOf(std::span<const std::vector<Scores>* const> pairs, double confidence,
              double heaviest_sentence) {
  Delta delta;
  if (pairs.empty()) return delta;
  std::vector<double> percents, points;
  delta.of_nothing = std::all_of(pairs.begin(), pairs.end(),
                                 [](const auto* scores) { return scores->front().baseline <= 0; });
  const auto weight = 1.0 / static_cast<double>(pairs.size());
  double baseline = 0;
  for (size_t draw = 0; draw < pairs[0]->size(); ++draw) {
    Scores mean;
    for (const auto* scores : pairs) {
      mean.baseline += (*scores)[draw].baseline * weight;
      mean.quantized += (*scores)[draw].quantized * weight;
    }
    if (draw == 0) baseline = mean.baseline;
    points.push_back(mean.quantized - mean.baseline);
    percents.push_back(Percent(mean.baseline, mean.quantized));
  }
  const double alpha = (1 - confidence) / 2;
  delta.heaviest_percent = 100 * heaviest_sentence;
  const LossEstimate in_percent = EstimateLoss(percents, delta.heaviest_percent);
  const LossEstimate in_points = EstimateLoss(points, baseline * heaviest_sentence);
  delta.points = points.front();
  delta.percent = percents.front();
  delta.percent_error = in_percent.error;
  delta.loss_skewness = in_percent.skewness;
  delta.percent_low = 0.0 - UpperLossBound(in_percent, alpha);
  delta.percent_high = 0.0 - LowerLossBound(in_percent, alpha);
  delta.points_low = 0.0 - UpperLossBound(in_points, alpha);
  delta.points_high = 0.0 - LowerLossBound(in_points, alpha);
  return delta;
}

Delta WithinScale(Delta delta, double baseline) {
  constexpr double kAll = -100;
  delta.percent_low = std::max(delta.percent_low, std::min(kAll, delta.percent));
  delta.points_low = std::max(delta.points_low, std::min(0.0 - baseline, delta.points));
  return delta;
}

}  // namespace dragoman
