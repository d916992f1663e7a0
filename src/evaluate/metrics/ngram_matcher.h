// Clipped n-gram matches between a hypothesis and its references, exact and without building n-gram
// strings. A sequence is a list of symbols: the numbers that a SymbolTable or CharacterTable gave.
//
// Sentences: the positions of a reference are bits. Where the n-gram that ends at a position of the
// hypothesis ends in the reference is (where the (n-1)-gram before it ends, shifted by one) and
// (where its last symbol stands). A match uses up one of these positions, so that equal n-grams
// match as often as the side that has fewer of them.
//
// Texts of more than kMaxMaskedSymbols: an n-gram is known by the numbers of the two (n-1)-grams in
// it, 64 bits together, so that a hash table of integers decides equality without collisions. An
// n-gram is looked at only where both of them occur on both sides: of the longer orders few are
// left.
#ifndef DRAGOMAN_EVALUATE_METRICS_NGRAM_MATCHER_H_
#define DRAGOMAN_EVALUATE_METRICS_NGRAM_MATCHER_H_

#include <cstdint>
#include <span>
#include <vector>

namespace dragoman {

inline constexpr int kMaxNgramOrder = 12;
inline constexpr size_t kMaxMaskedSymbols = 512;

// Scratch memory is kept between calls; not thread-safe.
class NgramMatcher {
 public:
  // matches[n-1] = sum over the distinct n-grams of min(count in the hypothesis, highest count in
  // one reference). Up to kMaxNgramOrder orders; symbols count from 0 without great gaps.
  void Match(std::span<const uint32_t> hypothesis,
             std::span<const std::span<const uint32_t>> references, std::span<int64_t> matches);

 private:
  struct Slot {
    uint64_t key = 0;
    uint32_t number = 0;
    uint32_t generation = 0;
  };
  struct Count {
    uint32_t reference = 0;  // the one being counted
    uint32_t current = 0;    // in that reference
    uint32_t left = 0;       // highest count of a reference, less what the hypothesis has used
    bool seen = false;       // in the hypothesis
  };
  static constexpr uint32_t kNone = 0xffffffffu;

  void MatchByMasks(std::span<const uint32_t> hypothesis,
                    std::span<const std::span<const uint32_t>> references,
                    std::span<int64_t> matches);
  // Where each symbol stands in `reference`: a row of `words` words for each.
  void SetMasks(std::span<const uint32_t> reference, size_t symbols, size_t words);
  void MatchByHashing(std::span<const uint32_t> hypothesis,
                      std::span<const std::span<const uint32_t>> references,
                      std::span<int64_t> matches);
  void Reset(size_t ngrams);
  Slot& Find(uint64_t key);
  void CountReferences(std::span<const std::span<const uint32_t>> references, size_t order);
  int64_t UseUp(std::span<const uint32_t> hypothesis, size_t order);
  size_t ForgetUnseen(std::span<const std::span<const uint32_t>> references, size_t order);

  std::vector<uint64_t> masks_;
  std::vector<uint16_t>
      hits_;  // of each position of the hypothesis: the orders that match, as bits
  std::vector<Slot> slots_;
  std::vector<Count> counts_;
  // Of the n-gram at each position, references one after another; kNone: only on one side.
  std::vector<uint32_t> reference_numbers_;
  std::vector<uint32_t> hypothesis_numbers_;
  size_t mask_ = 0;
  int shift_ = 0;
  uint32_t generation_ = 0;
};

}  // namespace dragoman

#endif  // DRAGOMAN_EVALUATE_METRICS_NGRAM_MATCHER_H_
