#include "text/bpe.h"

#include <algorithm>
#include <functional>

#include "base/utf8.h"

namespace dragoman {
namespace {

// Below this many symbols a scan for the best pair beats the heap. Ordinary words have about six.
constexpr size_t kFewSymbols = 32;

}  // namespace

void BpeMerger::Encode(std::string_view word, std::vector<int32_t>& ids) {
  word_ = word;
  Split(word);
  if (symbols_.size() <= kFewSymbols) {
    MergeFew();
  } else {
    MergeAll();
  }
  Emit(ids);
}

// One symbol per code point; an invalid byte stands alone.
void BpeMerger::Split(std::string_view word) {
  symbols_.clear();
  for (size_t i = 0; i < word.size();) {
    const CodePoint point = DecodeUtf8(word, i);
    Symbol symbol;
    symbol.begin = static_cast<uint32_t>(i);
    symbol.size_bytes = point.size_bytes;
    if (point.valid && point.value < data_.char_ids.size()) {
      symbol.id = data_.char_ids[point.value];
    } else if (point.valid) {
      const int32_t id = data_.pieces.Find(word.substr(i, point.size_bytes));
      if (id >= 0 && data_.IsMergeable(id)) symbol.id = id;
    }
    symbols_.push_back(symbol);
    i += point.size_bytes;
  }
}

Merge BpeMerger::MergeOf(const Symbol& left, const Symbol& right) const {
  if (data_.merges) {
    if (left.id < 0 || right.id < 0) return {};
    return data_.merges->Find(left.id, right.id);
  }
  const size_t size_bytes = size_t{left.size_bytes} + right.size_bytes;
  const int32_t id = data_.pieces.Find(word_.substr(left.begin, size_bytes));
  if (id < 0 || !data_.IsMergeable(id)) return {};
  return {data_.ranks[static_cast<size_t>(id)], id};
}

void BpeMerger::MergeFew() {
  Merge merges[kFewSymbols];  // [i]: of symbols i and i + 1
  size_t count = symbols_.size();
  for (size_t i = 0; i + 1 < count; ++i) merges[i] = MergeOf(symbols_[i], symbols_[i + 1]);
  while (count > 1) {
    size_t best = 0;
    for (size_t i = 1; i + 1 < count; ++i) {
      if (merges[i].rank < merges[best].rank) best = i;
    }
    if (merges[best].id < 0) break;
    symbols_[best].id = merges[best].id;
    symbols_[best].size_bytes += symbols_[best + 1].size_bytes;
    --count;
    for (size_t i = best + 1; i < count; ++i) symbols_[i] = symbols_[i + 1];
    for (size_t i = best + 1; i + 1 < count; ++i) merges[i] = merges[i + 1];
    if (best > 0) merges[best - 1] = MergeOf(symbols_[best - 1], symbols_[best]);
    if (best + 1 < count) merges[best] = MergeOf(symbols_[best], symbols_[best + 1]);
  }
  symbols_.resize(count);
}

void BpeMerger::Propose(uint32_t left) {
  const uint32_t right = symbols_[left].next;
  if (right >= symbols_.size()) return;
  const Merge merge = MergeOf(symbols_[left], symbols_[right]);
  if (merge.id < 0) return;
  heap_.push_back({uint64_t{merge.rank} << 32 | left,
                   symbols_[left].size_bytes + symbols_[right].size_bytes, merge.id});
}

void BpeMerger::Join(uint32_t left, int32_t id) {
  Symbol& symbol = symbols_[left];
  Symbol& swallowed = symbols_[symbol.next];
  symbol.size_bytes += swallowed.size_bytes;
  symbol.id = id;
  symbol.next = swallowed.next;
  swallowed.size_bytes = 0;
  if (symbol.next < symbols_.size()) symbols_[symbol.next].previous = left;
}

void BpeMerger::MergeAll() {
  const auto later = [](const Candidate& a, const Candidate& b) { return a.order > b.order; };
  const uint32_t count = static_cast<uint32_t>(symbols_.size());
  heap_.clear();
  for (uint32_t i = 0; i < count; ++i) {
    symbols_[i].previous = i - 1;  // wraps for the first; guarded by `left > 0` below
    symbols_[i].next = i + 1;
  }
  for (uint32_t i = 0; i < count; ++i) Propose(i);
  std::make_heap(heap_.begin(), heap_.end(), later);
  while (!heap_.empty()) {
    const Candidate best = heap_.front();
    std::pop_heap(heap_.begin(), heap_.end(), later);
    heap_.pop_back();
    const uint32_t left = static_cast<uint32_t>(best.order);
    const Symbol& symbol = symbols_[left];
    if (symbol.size_bytes == 0 || symbol.next >= count) continue;
    // Between the ends of a pair boundaries only ever vanish: an equal size means the same two
    // symbols.
    if (symbol.size_bytes + symbols_[symbol.next].size_bytes != best.size_bytes) continue;
    Join(left, best.id);
    const size_t waiting = heap_.size();
    if (left > 0) Propose(symbol.previous);
    if (heap_.size() > waiting) std::push_heap(heap_.begin(), heap_.end(), later);
    const size_t now_waiting = heap_.size();
    Propose(left);
    if (heap_.size() > now_waiting) std::push_heap(heap_.begin(), heap_.end(), later);
  }
}

void BpeMerger::Emit(std::vector<int32_t>& ids) const {
  for (const Symbol& symbol : symbols_) {
    if (symbol.id >= 0 && symbol.size_bytes != 0) {
      ids.push_back(symbol.id);
      continue;
    }
    for (const char c : word_.substr(symbol.begin, symbol.size_bytes)) {
      ids.push_back(data_.byte_ids[static_cast<uint8_t>(c)]);
    }
  }
}

}  // namespace dragoman
