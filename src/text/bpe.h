// Byte-pair merging of one word: the pair of lowest rank first, the leftmost on ties, until none is
// left.
//
// A word is whatever cannot merge across its ends; it may be a megabyte long, so the pairs wait in
// a heap and the symbols in a linked list: O(n log n). Private to this room.
#ifndef DRAGOMAN_TEXT_BPE_H_
#define DRAGOMAN_TEXT_BPE_H_

#include <cstdint>
#include <string_view>
#include <vector>

#include "text/tokenizer_data.h"

namespace dragoman {

// Holds the working memory, reused from word to word. Not thread-safe: one per call of Encode.
class BpeMerger {
 public:
  explicit BpeMerger(const TokenizerData& data) : data_(data) {}

  // Appends the ids of `word` (spaces written as "▁"; invalid UTF-8 allowed; shorter than 4 GiB).
  void Encode(std::string_view word, std::vector<int32_t>& ids);

 private:
  struct Symbol {
    uint32_t begin = 0;       // into the word
    uint32_t size_bytes = 0;  // 0: swallowed by its left neighbour
    int32_t id = -1;          // -1: no piece, will be written as bytes
    uint32_t previous = 0;
    uint32_t next = 0;
  };
  struct Candidate {
    uint64_t order = 0;       // rank, then index of the left symbol: the heap's key
    uint32_t size_bytes = 0;  // of both symbols when they met; differs once either has changed
    int32_t id = -1;
  };

  void Split(std::string_view word);
  void MergeAll();
  void MergeFew();
  Merge MergeOf(const Symbol& left, const Symbol& right) const;
  void Propose(uint32_t left);
  void Join(uint32_t left, int32_t id);
  void Emit(std::vector<int32_t>& ids) const;

  const TokenizerData& data_;
  std::string_view word_;
  std::vector<Symbol> symbols_;
  std::vector<Candidate> heap_;
};

}  // namespace dragoman

#endif  // DRAGOMAN_TEXT_BPE_H_
