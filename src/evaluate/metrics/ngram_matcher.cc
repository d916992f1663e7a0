// Bits for sentences, open addressing for longer texts; see the header for the ideas.
#include "evaluate/metrics/ngram_matcher.h"

#include <algorithm>
#include <bit>

namespace dragoman {
namespace {

constexpr uint64_t kGolden =
    0x9e3779b97f4a7c15ull;  // 2^64 over the golden ratio: Fibonacci hashing

}  // namespace

void NgramMatcher::Reset(size_t ngrams) {
  const size_t wanted = std::bit_ceil(std::max<size_t>(ngrams * 2, 64));
  if (slots_.size() < wanted) {
    slots_.assign(wanted, Slot{});
    generation_ = 0;
  }
  if (++generation_ == 0) {
    std::fill(slots_.begin(), slots_.end(), Slot{});
    generation_ = 1;
  }
  mask_ = wanted - 1;  // a small table for a short sentence stays in the cache
  shift_ = 64 - std::countr_zero(wanted);
  counts_.clear();
}

NgramMatcher::Slot& NgramMatcher::Find(uint64_t key) {
  size_t i = (key * kGolden) >> shift_;
  while (slots_[i].generation == generation_ && slots_[i].key != key) i = (i + 1) & mask_;
  return slots_[i];
}

namespace {

// What stands for the n-gram at `i`: the numbers of its two (n-1)-grams, or the symbol itself.
inline uint64_t KeyAt(const uint32_t* numbers, std::span<const uint32_t> symbols, size_t i,
                      size_t order) {
  if (order == 1) return symbols[i];
  return (static_cast<uint64_t>(numbers[i]) << 32) | numbers[i + 1];
}

}  // namespace

void NgramMatcher::CountReferences(std::span<const std::span<const uint32_t>> references,
                                   size_t order) {
  uint32_t* numbers = reference_numbers_.data();
  for (size_t r = 0; r < references.size(); ++r) {
    const std::span<const uint32_t> reference = references[r];
    for (size_t i = 0; i + order <= reference.size(); ++i) {
      if (order > 1 && (numbers[i] == kNone || numbers[i + 1] == kNone)) {
        numbers[i] = kNone;
        continue;
      }
      const uint64_t key = KeyAt(numbers, reference, i, order);
      Slot& slot = Find(key);
      if (slot.generation != generation_) {
        slot = {key, static_cast<uint32_t>(counts_.size()), generation_};
        counts_.push_back({});
      }
      Count& count = counts_[slot.number];
      if (count.reference != r) {
        count.reference = static_cast<uint32_t>(r);
        count.current = 0;
      }
      count.left = std::max(count.left, ++count.current);
      numbers[i] = slot.number;
    }
    numbers += reference.size();
  }
}

int64_t NgramMatcher::UseUp(std::span<const uint32_t> hypothesis, size_t order) {
  int64_t matches = 0;
  uint32_t* numbers = hypothesis_numbers_.data();
  for (size_t i = 0; i + order <= hypothesis.size(); ++i) {
    if (order > 1 && (numbers[i] == kNone || numbers[i + 1] == kNone)) {
      numbers[i] = kNone;
      continue;
    }
    const Slot& slot = Find(KeyAt(numbers, hypothesis, i, order));
    if (slot.generation != generation_) {
      numbers[i] = kNone;
      continue;
    }
    numbers[i] = slot.number;
    Count& count = counts_[slot.number];
    count.seen = true;
    if (count.left > 0) {
      --count.left;
      ++matches;
    }
  }
  return matches;
}

// Returns how many n-grams of the references are left.
size_t NgramMatcher::ForgetUnseen(std::span<const std::span<const uint32_t>> references,
                                  size_t order) {
  uint32_t* numbers = reference_numbers_.data();
  size_t left = 0;
  for (const std::span<const uint32_t> reference : references) {
    for (size_t i = 0; i + order <= reference.size(); ++i) {
      if (numbers[i] == kNone || counts_[numbers[i]].seen) {
        left += numbers[i] == kNone ? 0 : 1;
      } else {
        numbers[i] = kNone;
      }
    }
    numbers += reference.size();
  }
  return left;
}

void NgramMatcher::MatchByHashing(std::span<const uint32_t> hypothesis,
                                  std::span<const std::span<const uint32_t>> references,
                                  std::span<int64_t> matches) {
  size_t candidates = 0;
  for (const auto& reference : references) candidates += reference.size();
  reference_numbers_.assign(candidates, 0);
  hypothesis_numbers_.assign(hypothesis.size(), 0);
  for (size_t order = 1; order <= matches.size() && order <= hypothesis.size(); ++order) {
    Reset(candidates);
    CountReferences(references, order);
    matches[order - 1] = UseUp(hypothesis, order);
    if (matches[order - 1] == 0) return;  // then no longer n-gram matches either
    candidates = ForgetUnseen(references, order);
  }
}

namespace {

// The orders that match at each position of the hypothesis, one bit each, added to `hits`; or, with
// a single reference, the matches of each order. `kWords` words hold a reference's positions.
template <size_t kWords, size_t kOrders, bool kSingle>
void MatchInMasks(std::span<const uint32_t> hypothesis, const uint64_t* masks, uint16_t* hits,
                  std::span<int64_t> matches) {
  uint64_t ends[kOrders][kWords] = {};  // of the n-gram that ends here, in the reference
  uint64_t used[kOrders][kWords] = {};
  for (size_t i = 0; i < hypothesis.size(); ++i) {
    const uint64_t* here = masks + hypothesis[i] * kWords;
    for (size_t n = kOrders; n-- > 0;) {
      uint64_t carry = 0, found = 0;
      for (size_t w = 0; w < kWords; ++w) {
        uint64_t end = here[w];
        if (n > 0) {
          const uint64_t shorter = ends[n - 1][w];
          end &= (shorter << 1) | carry;
          carry = shorter >> 63;
        }
        ends[n][w] = end;
        const uint64_t free = end & ~used[n][w];
        used[n][w] |= found == 0 ? free & (0 - free) : 0;  // the first free one
        found |= free;
      }
      if (!kSingle) hits[i] = static_cast<uint16_t>(hits[i] | (found != 0 ? 1u << n : 0u));
    }
  }
  if (!kSingle) return;
  for (size_t n = 0; n < matches.size(); ++n) {
    for (const uint64_t word : used[n]) matches[n] += std::popcount(word);
  }
}

template <size_t kWords, bool kSingle>
void MatchOrders(std::span<const uint32_t> hypothesis, const uint64_t* masks, uint16_t* hits,
                 std::span<int64_t> matches) {
  const size_t orders = matches.size();
  if (orders <= 2) return MatchInMasks<kWords, 2, kSingle>(hypothesis, masks, hits, matches);
  if (orders <= 4) return MatchInMasks<kWords, 4, kSingle>(hypothesis, masks, hits, matches);
  if (orders <= 6) return MatchInMasks<kWords, 6, kSingle>(hypothesis, masks, hits, matches);
  MatchInMasks<kWords, kMaxNgramOrder, kSingle>(hypothesis, masks, hits, matches);
}

template <bool kSingle>
void MatchWords(size_t words, std::span<const uint32_t> hypothesis, const uint64_t* masks,
                uint16_t* hits, std::span<int64_t> matches) {
  if (words == 1) return MatchOrders<1, kSingle>(hypothesis, masks, hits, matches);
  if (words == 2) return MatchOrders<2, kSingle>(hypothesis, masks, hits, matches);
  if (words == 4) return MatchOrders<4, kSingle>(hypothesis, masks, hits, matches);
  MatchOrders<kMaxMaskedSymbols / 64, kSingle>(hypothesis, masks, hits, matches);
}

}  // namespace

void NgramMatcher::SetMasks(std::span<const uint32_t> reference, size_t symbols, size_t words) {
  masks_.assign(symbols * words, 0);
  for (size_t j = 0; j < reference.size(); ++j)
    masks_[reference[j] * words + j / 64] |= uint64_t{1} << (j % 64);
}

void NgramMatcher::MatchByMasks(std::span<const uint32_t> hypothesis,
                                std::span<const std::span<const uint32_t>> references,
                                std::span<int64_t> matches) {
  uint32_t last = 0;
  for (const uint32_t symbol : hypothesis) last = std::max(last, symbol);
  for (const auto& reference : references) {
    for (const uint32_t symbol : reference) last = std::max(last, symbol);
  }
  const bool single = references.size() == 1;
  if (!single) hits_.assign(hypothesis.size(), 0);
  for (const auto& reference : references) {
    const size_t words = std::bit_ceil(std::max<size_t>((reference.size() + 63) / 64, 1));
    SetMasks(reference, size_t{last} + 1, words);
    if (single) {
      MatchWords<true>(words, hypothesis, masks_.data(), nullptr, matches);
    } else {
      MatchWords<false>(words, hypothesis, masks_.data(), hits_.data(), matches);
    }
  }
  if (single) return;
  for (const uint16_t hit : hits_) {
    for (size_t n = 0; n < matches.size(); ++n) matches[n] += (hit >> n) & 1;
  }
}

void NgramMatcher::Match(std::span<const uint32_t> hypothesis,
                         std::span<const std::span<const uint32_t>> references,
                         std::span<int64_t> matches) {
  std::fill(matches.begin(), matches.end(), 0);
  size_t longest = 0;
  for (const auto& reference : references) longest = std::max(longest, reference.size());
  if (longest <= kMaxMaskedSymbols && matches.size() <= size_t{kMaxNgramOrder}) {
    MatchByMasks(hypothesis, references, matches);
  } else {
    MatchByHashing(hypothesis, references, matches);
  }
}

}  // namespace dragoman
