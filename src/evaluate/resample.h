// Paired bootstrap over sentences: both systems are scored on the same redrawn sentences, many
// times.
//
// Scores come from summed per-sentence statistics, so that a draw costs additions only. Pairs whose
// sample ids are the same list (a parallel suite) are redrawn together: a hard sentence is hard in
// every language, and treating the pairs as independent would make the mean look surer than it is.
#ifndef DRAGOMAN_EVALUATE_RESAMPLE_H_
#define DRAGOMAN_EVALUATE_RESAMPLE_H_

#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <vector>

#include "base/random.h"
#include "evaluate/compare.h"
#include "evaluate/metrics/bleu.h"
#include "evaluate/metrics/chrf.h"

namespace dragoman {

struct SentenceStats {
  BleuStats bleu;
  ChrfStats chrf;
};

// The scored sentences of one language pair, in the same order for both systems.
struct PairSentences {
  std::string pair;
  std::vector<std::string> ids;
  std::vector<SentenceStats> baseline, quantized;
};

struct Scores {
  double baseline = 0, quantized = 0;
};

// Which sentences each draw takes: pairs with the same list of ids get the same ones.
class DrawsTogether {
 public:
  explicit DrawsTogether(uint64_t seed) : seed_(seed) {}
  Random For(const std::vector<std::string>& ids);

 private:
  uint64_t seed_;
  std::map<std::vector<std::string>, uint64_t> groups_;
};

// Element 0 is the whole sample, the rest are draws.
struct PairDraws {
  std::vector<Scores> bleu, chrf;
};
std::vector<PairDraws> Resample(std::span<const PairSentences> pairs, int draws, uint64_t seed);

// The share of the mean score over pairs that the sentence with the largest part in it makes out:
// every pair weighs the same, so a sentence of a small pair weighs more; one that pairs with the
// same list of ids have in common weighs in all of them.
double HeaviestSentence(std::span<const std::vector<std::string>* const> ids_of_pairs);

// The estimate of a loss from its changes (negative: lost): the whole sample's first, then the
// draws'. `heaviest`: as in LossEstimate.
LossEstimate EstimateLoss(const std::vector<double>& changes, double heaviest);

// The change of the mean score over the chosen pairs, with its interval: the estimate with its
// error and skewness over the draws, and what may have been missed (loss_estimate.h).
// `heaviest_sentence`: its share of the score; 0 where no sentence that was not drawn is reckoned
// with.
Delta DeltaOf(std::span<const std::vector<Scores>* const> pairs, double confidence,
              double heaviest_sentence);

// The same for a score that cannot fall below 0: no bound of its loss is more than all of it.
Delta WithinScale(Delta delta, double baseline);

// Linear between the neighbours; `sorted` is not empty, share in [0, 1].
double Quantile(std::span<const double> sorted, double share);

}  // namespace dragoman

#endif  // DRAGOMAN_EVALUATE_RESAMPLE_H_
