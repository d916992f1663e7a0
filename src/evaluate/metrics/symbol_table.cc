// Open addressing, emptied by counting generations.
#include "evaluate/metrics/symbol_table.h"

#include <algorithm>
#include <bit>
#include <cstring>

namespace dragoman {
namespace {

template <typename T>
uint64_t Load(const char* from) {
  T value;
  std::memcpy(&value, from, sizeof value);
  return value;
}

}  // namespace

inline SymbolTable::Key SymbolTable::Key::Of(std::string_view word) {
  const char* data = word.data();
  const size_t size = word.size();
  if (size >= 8) return {Load<uint64_t>(data), Load<uint64_t>(data + size - 8), word};
  if (size >= 4) return {Load<uint32_t>(data), Load<uint32_t>(data + size - 4), word};
  if (size == 0) return {0, 0, word};
  const auto byte = [data](size_t i) {
    return static_cast<uint64_t>(static_cast<uint8_t>(data[i]));
  };
  return {byte(0) | (byte(size / 2) << 8) | (byte(size - 1) << 16), 0, word};
}

inline uint64_t SymbolTable::Key::Hash() const {
  constexpr uint64_t kGoldenRatio = 0x9e3779b97f4a7c15ull;  // 2^64 over it
  if (word.size() <= 16) return ((head ^ std::rotl(tail, 29)) * kGoldenRatio) >> 32;
  const auto mix = [](uint64_t hash, uint64_t value) {
    hash = (hash ^ value) * kGoldenRatio;
    return hash ^ (hash >> 32);
  };
  uint64_t hash = mix(mix(word.size(), head), tail);
  for (size_t i = 8; i + 8 < word.size(); i += 8) hash = mix(hash, Load<uint64_t>(&word[i]));
  return hash;
}

inline bool SymbolTable::Key::operator==(const Key& other) const {
  if (head != other.head || tail != other.tail || word.size() != other.word.size()) return false;
  return word.size() <= 16 || word == other.word;
}

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
    size_t i = slot.key.Hash() & mask;
    while (slots_[i].generation == generation_) i = (i + 1) & mask;
    slots_[i] = slot;
  }
}

uint32_t SymbolTable::Number(std::string_view word) {
  if (static_cast<size_t>(count_) * 2 >= slots_.size()) Grow();
  const Key key = Key::Of(word);
  const size_t mask = slots_.size() - 1;
  size_t i = key.Hash() & mask;
  while (slots_[i].generation == generation_) {
    if (slots_[i].key == key) return slots_[i].number;
    i = (i + 1) & mask;
  }
  slots_[i] = {key, count_, generation_};
  return count_++;
}

void CharacterTable::Clear() {
  count_ = 0;
  if (++generation_ != 0) return;
  for (const auto& page : pages_) {
    if (page != nullptr) page->fill({});
  }
  generation_ = 1;
}

}  // namespace dragoman
