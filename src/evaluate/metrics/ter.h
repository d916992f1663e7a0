// TER (Snover et al., 2006) as sacreBLEU 2.6.0 computes it after Tercom: the fewest insertions,
// deletions, substitutions and shifts of word sequences that turn the hypothesis into the
// reference, found greedily and inside Tercom's beam. Pure functions on text.
#ifndef DRAGOMAN_EVALUATE_METRICS_TER_H_
#define DRAGOMAN_EVALUATE_METRICS_TER_H_

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>

namespace dragoman {

struct TerOptions {
  bool normalized = false;      // tokenizes as Tercom does
  bool no_punct = false;        // removes punctuation
  bool asian_support = false;   // extends both to CJK characters and marks
  bool case_sensitive = false;  // else everything is lower case
};

// Words joined by single spaces.
std::string TokenizeForTer(const TerOptions& options, std::string_view text);

struct TerStats {
  int64_t edits = 0;            // against the nearest reference
  double reference_length = 0;  // the mean over a sentence's references; their sum over a corpus
  TerStats& operator+=(const TerStats& other);
};

// Counts one sentence after another with shared scratch memory; not thread-safe.
class TerCounter {
 public:
  explicit TerCounter(const TerOptions& options);
  ~TerCounter();
  TerCounter(TerCounter&&) noexcept;
  TerStats Count(std::string_view hypothesis, std::span<const std::string> references);

 private:
  struct State;
  std::unique_ptr<State> state_;
};
TerStats SentenceTerStats(const TerOptions& options, std::string_view hypothesis,
                          std::span<const std::string> references);
double ComputeTer(const TerStats& stats);  // percent, 0 is perfect; can be over 100
// The same from edits and reference length; with float in float arithmetic (see bleu.h).
double TerOfSums(std::span<const double> sums);
double TerOfSums(std::span<const float> sums);

// "nrefs:1|case:lc|tok:tercom|norm:no|punct:yes|asian:no|version:2.6.0"; as BleuSignature
// otherwise.
std::string TerSignature(const TerOptions& options, int references = 1,
                         std::string_view resampling = {});

}  // namespace dragoman

#endif  // DRAGOMAN_EVALUATE_METRICS_TER_H_
