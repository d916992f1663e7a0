// Numbers for the words and characters of one sentence pair, from 0 on, so that what compares them
// afterwards compares integers and can keep plain arrays.
#ifndef DRAGOMAN_EVALUATE_METRICS_SYMBOL_TABLE_H_
#define DRAGOMAN_EVALUATE_METRICS_SYMBOL_TABLE_H_

#include <array>
#include <cstdint>
#include <memory>
#include <string_view>
#include <vector>

namespace dragoman {

// Of words. Views must outlive the table's use.
class SymbolTable {
 public:
  void Clear();
  uint32_t Number(std::string_view word);

 private:
  // A word of up to 16 bytes is its length and two overlapping stretches, which together hold all
  // its bytes: those need no second look at the text.
  struct Key {
    uint64_t head = 0, tail = 0;
    std::string_view word;
    static Key Of(std::string_view word);
    uint64_t Hash() const;
    bool operator==(const Key& other) const;
  };
  struct Slot {
    Key key;
    uint32_t number = 0;
    uint32_t generation = 0;
  };
  void Grow();
  std::vector<Slot> slots_;
  uint32_t generation_ = 0;
  uint32_t count_ = 0;
};

// Of characters: a page of numbers for each 256 code points that ever occurred.
class CharacterTable {
 public:
  void Clear();
  // Up to U+10FFFF, and the 256 values behind it for bytes that are no character.
  uint32_t Number(char32_t character) {
    auto& page = pages_[character >> 8];
    if (page == nullptr) page = std::make_unique<Page>();
    Entry& entry = (*page)[character & 0xff];
    if (entry.generation != generation_) entry = {generation_, count_++};
    return entry.number;
  }

 private:
  struct Entry {
    uint32_t generation = 0;
    uint32_t number = 0;
  };
  using Page = std::array<Entry, 256>;
  std::array<std::unique_ptr<Page>, 0x1101> pages_;
  uint32_t generation_ = 1;
  uint32_t count_ = 0;
};

}  // namespace dragoman

#endif  // DRAGOMAN_EVALUATE_METRICS_SYMBOL_TABLE_H_
