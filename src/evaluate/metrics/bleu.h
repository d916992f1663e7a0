// BLEU as sacreBLEU 2.6.0 computes it, with its signature. Pure functions on text.
#ifndef DRAGOMAN_EVALUATE_METRICS_BLEU_H_
#define DRAGOMAN_EVALUATE_METRICS_BLEU_H_

#include <array>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace dragoman {

enum class BleuTokenizer { kNone, k13a, kZh, kChar };
// What sacreBLEU picks for a target language: zh for Chinese; "char" for Japanese and Korean here,
// since MeCab is not built in (the signature says so); else 13a.
BleuTokenizer DefaultBleuTokenizer(std::string_view target_language);

std::string Tokenize(BleuTokenizer tokenizer,
                     std::string_view line);  // tokens joined by single spaces

// Sufficient statistics of one sentence, or their sum over a corpus.
struct BleuStats {
  std::array<int64_t, 4> correct{};
  std::array<int64_t, 4> total{};
  int64_t hypothesis_length = 0;
  int64_t reference_length = 0;
  BleuStats& operator+=(const BleuStats& other);
};
BleuStats SentenceBleuStats(BleuTokenizer tokenizer, std::string_view hypothesis,
                            std::span<const std::string> references);

struct BleuScore {
  double score = 0;  // 0..100
  std::array<double, 4> precisions{};
  double brevity_penalty = 1;
  int64_t hypothesis_length = 0;
  int64_t reference_length = 0;
};
BleuScore ComputeBleu(const BleuStats& stats);  // smooth exp, no effective order
// One reference a sentence.
BleuScore CorpusBleu(BleuTokenizer tokenizer, std::span<const std::string> hypotheses,
                     std::span<const std::string> references);

// "nrefs:1|case:mixed|eff:no|tok:13a|smooth:exp|version:2.6.0"
std::string BleuSignature(BleuTokenizer tokenizer, int references = 1);
// "BLEU = 34.19 66.2/41.1/28.0/19.4 (BP = 0.983 ratio = 0.983 hyp_len = 100 ref_len = 102)"
std::string FormatBleu(const BleuScore& score);

}  // namespace dragoman

#endif  // DRAGOMAN_EVALUATE_METRICS_BLEU_H_
