// Numbering of words and n-grams by open addressing; see the header for the idea.
#include "evaluate/metrics/ngram_matcher.h"

#include <algorithm>
#include <bit>
#include <functional>

namespace dragoman {
namespace {

constexpr uint64_t kGolden =
    0x9e3779b97f4a7c15ull;  // 2^64 over the golden ratio: Fibonacci hashing

}  // namespace

void SymbolTable::Clear() {
  if (slots_.empty()) slots_.resize(256);
  if (++generation_ == 0) {  // the counter came round: old marks would look new
    std::fill(slots_.begin(), slots_.end(), Slot{});
    generation_ = 1;
  }
  count_ = 0;
}

void SymbolTable::Grow() {
  std::vector<Slot> old(slots_.size() * 2);
  old.swap(slots_);
  const size_t mask = slots_.size() - 1;
  for (const Slot& slot : old) {
    if (slot.generation != generation_) continue;
    size_t i = slot.hash & mask;
    while (slots_[i].generation == generation_) i = (i + 1) & mask;
    slots_[i] = slot;
  }
}

uint32_t SymbolTable::Number(std::string_view word) {
  if (static_cast<size_t>(count_) * 2 >= slots_.size()) Grow();
  const uint64_t hash = std::hash<std::string_view>{}(word);
  const size_t mask = slots_.size() - 1;
  size_t i = hash & mask;
  while (slots_[i].generation == generation_) {
    if (slots_[i].hash == hash && slots_[i].word == word) return slots_[i].number;
    i = (i + 1) & mask;
  }
  slots_[i] = {word, hash, count_, generation_};
  return count_++;
}

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

void NgramMatcher::Match(std::span<const uint32_t> hypothesis,
                         std::span<const std::span<const uint32_t>> references,
                         std::span<int64_t> matches) {
  size_t candidates = 0;
  for (const auto& reference : references) candidates += reference.size();
  reference_numbers_.assign(candidates, 0);
  hypothesis_numbers_.assign(hypothesis.size(), 0);
  std::fill(matches.begin(), matches.end(), 0);
  for (size_t order = 1; order <= matches.size() && order <= hypothesis.size(); ++order) {
    Reset(candidates);
    CountReferences(references, order);
    matches[order - 1] = UseUp(hypothesis, order);
    if (matches[order - 1] == 0) return;  // then no longer n-gram matches either
    candidates = ForgetUnseen(references, order);
  }
}

}  // namespace dragoman
