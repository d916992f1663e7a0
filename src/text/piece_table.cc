#include "text/piece_table.h"

#include <fmt/format.h>

#include <algorithm>
#include <bit>
#include <cstring>

namespace dragoman {
namespace {

// Four times the real vocabulary; bounds the memory that a hostile file can ask for.
constexpr size_t kMaxPieces = size_t{1} << 20;
// The longest real piece has 93 bytes. Also bounds the work per position when matching added
// tokens.
constexpr size_t kMaxPieceBytes = 1024;
// A table of honest pieces needs a few dozen; more means spellings made to collide.
constexpr size_t kMaxPieceProbes = 1024;

uint64_t Mix(uint64_t a, uint64_t b) {
  const unsigned __int128 product = static_cast<unsigned __int128>(a) * b;
  return static_cast<uint64_t>(product) ^ static_cast<uint64_t>(product >> 64);
}

uint64_t HashOf(std::string_view text) {
  uint64_t hash = 0x9e3779b97f4a7c15ull ^ text.size();
  size_t i = 0;
  for (; i + 8 <= text.size(); i += 8) {
    uint64_t word;
    std::memcpy(&word, text.data() + i, 8);
    hash = Mix(hash ^ word, 0xd6e8feb86659fd93ull);
  }
  uint64_t tail = 0;
  for (size_t shift = 0; i < text.size(); ++i, shift += 8) {
    tail |= uint64_t{static_cast<uint8_t>(text[i])} << shift;
  }
  return Mix(hash ^ tail, 0xa0761d6478bd642full);
}

std::string Quoted(std::string_view piece) {
  constexpr size_t kShownBytes = 40;
  return fmt::format("\"{}\"{}", piece.substr(0, kShownBytes),
                     piece.size() > kShownBytes ? "..." : "");
}

}  // namespace

Result<PieceTable> PieceTable::Build(std::span<const Entry> entries, const std::string& where) {
  if (entries.empty() || entries.size() > kMaxPieces) {
    return Fail(
        ErrorCode::kCorruptFile,
        fmt::format("expected 1 to {} vocabulary pieces, found {}", kMaxPieces, entries.size()),
        where);
  }
  PieceTable table;
  DRAGOMAN_RETURN_IF_ERROR(table.PlaceIds(entries, where));
  table.slots_.resize(std::bit_ceil(static_cast<size_t>(table.size()) * 3 / 2 + 1));
  for (int32_t id = 0; id < table.size(); ++id) {
    DRAGOMAN_RETURN_IF_ERROR(table.Insert(id, where));
  }
  return table;
}

Result<void> PieceTable::PlaceIds(std::span<const Entry> entries, const std::string& where) {
  std::vector<const Entry*> by_id(entries.size(), nullptr);
  size_t count = 0;
  for (const Entry& entry : entries) {
    if (entry.piece.empty() || entry.piece.size() > kMaxPieceBytes) {
      return Fail(ErrorCode::kCorruptFile,
                  fmt::format("piece {}: expected 1 to {} bytes, found {}", entry.id,
                              kMaxPieceBytes, entry.piece.size()),
                  where);
    }
    if (entry.id < 0 || static_cast<uint64_t>(entry.id) >= std::min(by_id.size(), kMaxPieces)) {
      return Fail(ErrorCode::kCorruptFile,
                  fmt::format("piece {}: expected ids from 0 without holes, found {}",
                              Quoted(entry.piece), entry.id),
                  where);
    }
    const Entry*& place = by_id[static_cast<size_t>(entry.id)];
    if (place == nullptr) {
      place = &entry;
      ++count;
    } else if (place->piece != entry.piece) {
      return Fail(ErrorCode::kCorruptFile,
                  fmt::format("id {} is given to both {} and {}", entry.id, Quoted(place->piece),
                              Quoted(entry.piece)),
                  where);
    }
  }
  by_id.resize(count);
  return LayOut(by_id, where);
}

Result<void> PieceTable::LayOut(std::span<const Entry* const> by_id, const std::string& where) {
  size_t arena_bytes = 0;
  for (size_t id = 0; id < by_id.size(); ++id) {
    if (by_id[id] == nullptr) {
      return Fail(ErrorCode::kCorruptFile,
                  fmt::format("expected ids from 0 without holes, found none of {}", id), where);
    }
    arena_bytes += by_id[id]->piece.size();
  }
  // At most kMaxPieces * kMaxPieceBytes * 2 = 2 GiB: fits 32-bit offsets.
  arena_.reserve(arena_bytes);
  begins_.reserve(by_id.size() + 1);
  for (const Entry* entry : by_id) {
    arena_.append(entry->piece);
    begins_.push_back(static_cast<uint32_t>(arena_.size()));
    longest_bytes_ = std::max(longest_bytes_, entry->piece.size());
  }
  return {};
}

Result<void> PieceTable::Insert(int32_t id, const std::string& where) {
  const std::string_view spelling = piece(id);
  const uint64_t hash = HashOf(spelling);
  const uint32_t tag = static_cast<uint32_t>(hash >> 32);
  const size_t mask = slots_.size() - 1;
  for (size_t probe = 0; probe < kMaxPieceProbes; ++probe) {
    Slot& slot = slots_[(hash + probe) & mask];
    if (slot.id < 0) {
      slot = {tag, id};
      return {};
    }
    if (slot.tag == tag && piece(slot.id) == spelling) {
      return Fail(
          ErrorCode::kCorruptFile,
          fmt::format("piece {} is given to both id {} and id {}", Quoted(spelling), slot.id, id),
          where);
    }
  }
  return Fail(ErrorCode::kCorruptFile, "too many pieces collide in the vocabulary's hash table",
              where);
}

void PieceTable::Prefetch(std::string_view spelling) const {
  if (!slots_.empty()) __builtin_prefetch(&slots_[HashOf(spelling) & (slots_.size() - 1)]);
}

int32_t PieceTable::Find(std::string_view spelling) const {
  if (spelling.size() > longest_bytes_ || slots_.empty()) return -1;
  const uint64_t hash = HashOf(spelling);
  const uint32_t tag = static_cast<uint32_t>(hash >> 32);
  const size_t mask = slots_.size() - 1;
  for (size_t i = hash & mask;; i = (i + 1) & mask) {
    const Slot& slot = slots_[i];
    if (slot.id < 0) return -1;
    if (slot.tag == tag && piece(slot.id) == spelling) return slot.id;
  }
}

}  // namespace dragoman
