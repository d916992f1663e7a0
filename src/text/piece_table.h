// The spellings of a vocabulary: id -> piece and piece -> id.
//
// Built for 262k pieces loaded at once: all spellings lie in one arena, and one open-addressing
// hash table of 8-byte slots finds them again. Immutable after building; then thread-safe.
#ifndef DRAGOMAN_TEXT_PIECE_TABLE_H_
#define DRAGOMAN_TEXT_PIECE_TABLE_H_

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "dragoman/result.h"

namespace dragoman {

class PieceTable {
 public:
  struct Entry {
    std::string_view piece;
    int64_t id = 0;
  };

  // Entries in any order. Refused (kCorruptFile): empty or overlong spellings, ids outside [0,
  // count), ids given twice or missing, one spelling for two ids, too many pieces.
  static Result<PieceTable> Build(std::span<const Entry> entries, const std::string& where);

  int32_t size() const { return static_cast<int32_t>(begins_.size()) - 1; }
  std::string_view piece(int32_t id) const {
    const uint32_t begin = begins_[static_cast<size_t>(id)];
    return std::string_view(arena_).substr(begin, begins_[static_cast<size_t>(id) + 1] - begin);
  }
  // -1 when absent.
  int32_t Find(std::string_view piece) const;
  // Starts fetching what Find will look at first: for many look-ups at once, each of which misses
  // the cache.
  void Prefetch(std::string_view piece) const;
  size_t longest_bytes() const { return longest_bytes_; }

 private:
  struct Slot {
    uint32_t tag = 0;  // upper half of the hash
    int32_t id = -1;   // -1: free
  };

  // Checks the ids, then lays the spellings out in their order.
  Result<void> PlaceIds(std::span<const Entry> entries, const std::string& where);
  Result<void> LayOut(std::span<const Entry* const> by_id, const std::string& where);
  Result<void> Insert(int32_t id, const std::string& where);

  std::string arena_;
  std::vector<uint32_t> begins_ = {0};  // [pieces + 1], into arena_
  std::vector<Slot> slots_;             // a power of two, at most two thirds full
  size_t longest_bytes_ = 0;
};

}  // namespace dragoman

#endif  // DRAGOMAN_TEXT_PIECE_TABLE_H_
