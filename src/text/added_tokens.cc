#include "text/added_tokens.h"

namespace dragoman {

void AddedTokens::Add(std::string_view spelling, int32_t id, bool special) {
  uint32_t node = 0;
  for (const char c : spelling) {
    const uint8_t byte = static_cast<uint8_t>(c);
    uint32_t child = FindChild(node, byte);
    if (child == 0) {
      child = static_cast<uint32_t>(nodes_.size());
      nodes_.push_back({.next_sibling = nodes_[node].first_child, .byte = byte});
      nodes_[node].first_child = child;
      if (node == 0) roots_[byte] = child;
    }
    node = child;
  }
  nodes_[node].id = id;
  nodes_[node].special = special;
}

uint32_t AddedTokens::FindChild(uint32_t node, uint8_t byte) const {
  if (node == 0) return roots_[byte];
  uint32_t child = nodes_[node].first_child;
  while (child != 0 && nodes_[child].byte != byte) child = nodes_[child].next_sibling;
  return child;
}

AddedTokens::Match AddedTokens::FindNext(std::string_view text, size_t begin,
                                         bool with_special) const {
  for (size_t i = begin; i < text.size(); ++i) {
    if (roots_[static_cast<uint8_t>(text[i])] == 0) continue;
    const Match match = MatchAt(text, i, with_special);
    if (match.size_bytes != 0) return match;
  }
  return {text.size(), 0, -1};
}

AddedTokens::Match AddedTokens::MatchAt(std::string_view text, size_t begin,
                                        bool with_special) const {
  Match best;
  uint32_t node = 0;
  for (size_t i = begin; i < text.size(); ++i) {
    node = FindChild(node, static_cast<uint8_t>(text[i]));
    if (node == 0) break;
    const Node& here = nodes_[node];
    if (here.id >= 0 && (with_special || !here.special)) best = {begin, i + 1 - begin, here.id};
  }
  return best;
}

}  // namespace dragoman
