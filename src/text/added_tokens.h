// Finds added tokens ("<end_of_turn>", newline runs, HTML tags) in raw text: leftmost, then
// longest.
//
// A byte trie in one array. Immutable after building; then thread-safe.
#ifndef DRAGOMAN_TEXT_ADDED_TOKENS_H_
#define DRAGOMAN_TEXT_ADDED_TOKENS_H_

#include <array>
#include <cstdint>
#include <string_view>
#include <vector>

namespace dragoman {

class AddedTokens {
 public:
  struct Match {
    size_t begin = 0;
    size_t size_bytes = 0;  // 0: none
    int32_t id = -1;
  };

  // `special` tokens are only found on request. Requires: not empty, not added before.
  void Add(std::string_view spelling, int32_t id, bool special);

  // The first match at or after `begin`. Cost: linear in the text skipped but for the length of the
  // longest token.
  Match FindNext(std::string_view text, size_t begin, bool with_special) const;

 private:
  struct Node {
    uint32_t first_child = 0;   // 0: none; the root is nobody's child
    uint32_t next_sibling = 0;  // 0: none
    int32_t id = -1;            // the token that ends here
    uint8_t byte = 0;
    bool special = false;
  };

  uint32_t FindChild(uint32_t node, uint8_t byte) const;
  Match MatchAt(std::string_view text, size_t begin, bool with_special) const;

  std::vector<Node> nodes_ = {Node{}};
  std::array<uint32_t, 256> roots_ = {};  // children of the root by byte: most text stops here
};

}  // namespace dragoman

#endif  // DRAGOMAN_TEXT_ADDED_TOKENS_H_
