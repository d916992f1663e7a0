#include "kernels/cpu/integer_products.h"

#include <algorithm>

namespace dragoman {
namespace {

// Products of fewer multiply-adds stay on one thread.
constexpr int64_t kFewMultiplyAdds = 256 * 1024;
// Elements whose rounding is worth a thread's while.
constexpr int64_t kRoundingElems = 16 * 1024;
// Activations of a piece, which have to stay in the second-level cache while weights pass by.
constexpr int64_t kMaxPieceElems = 512 * 1024;
constexpr int64_t kMinPieceTokens = 24;
// Weight rows of a piece: a multiple of every panel's.
constexpr int64_t kRowStep = 32;
constexpr int64_t kMostRows = 1024;
// Pieces of one product per thread, which even out unequal progress.
constexpr int64_t kPieces = 8;

int64_t DivideUp(int64_t a, int64_t b) { return (a + b - 1) / b; }

// Chunks of a piece: about equal parts of all.
int64_t ChunksOfPiece(const Int8Activations& x) {
  const int64_t tokens = std::clamp(kMaxPieceElems / x.cols, kMinPieceTokens, kMaxInt8PieceTokens);
  const int64_t most = std::max<int64_t>(tokens / x.max_chunk, 1);
  return DivideUp(x.chunks, DivideUp(x.chunks, most));
}

}  // namespace

IntegerProducts::IntegerProducts(const KernelTable& table, ThreadPool& pool)
    : table_(table), int8_(*table.int8), pool_(pool) {}

bool IntegerProducts::Knows(const WeightMatrix& w) const {
  Int8Activations one;
  one.tokens = 1;
  return int8_.lay_out(w, &one);
}

bool IntegerProducts::Multiply(const ProductInput& input, std::span<const LinearProduct> products) {
  if (!LayOut(input, products)) return false;
  Round(input);
  const int64_t pieces = parts_.back().first_piece + parts_.back().pieces();
  pool_.ParallelFor(pieces, IsSmall(input) ? pieces : 1, [&](int64_t begin, int64_t end, int) {
    size_t part = 0;
    for (int64_t i = begin; i < end; ++i) {
      while (i >= parts_[part].first_piece + parts_[part].pieces()) ++part;
      int8_.multiply(parts_[part].PieceAt(i - parts_[part].first_piece));
    }
  });
  return true;
}

bool IntegerProducts::MultiplyGated(const ProductInput& input, const LinearProduct& gate,
                                    const LinearProduct& up) {
  const LinearProduct both[] = {gate, up};
  const int64_t rows = gate.weights.rows;
  if (input.tokens < kMinPieceTokens) {
    // Weights are read as fast as memory gives them: one matrix after the other, not by turns.
    if (!Multiply(input, both)) return false;
    pool_.ParallelFor(input.tokens * rows, kRoundingElems, [&](int64_t begin, int64_t end, int) {
      table_.gelu_mul(gate.out + begin, up.out + begin, end - begin, gate.out + begin);
    });
    return true;
  }
  if (!LayOut(input, both)) return false;
  Round(input);
  const Part &gate_part = parts_[0], &up_part = parts_[1];  // of one shape: cut the same way
  const int64_t pieces = gate_part.pieces();
  pool_.ParallelFor(pieces, IsSmall(input) ? pieces : 1, [&](int64_t begin, int64_t end, int) {
    for (int64_t i = begin; i < end; ++i) {
      const Int8Piece piece = gate_part.PieceAt(i);
      int8_.multiply(piece);
      int8_.multiply(up_part.PieceAt(i));
      const int64_t last_token = piece.x.FirstToken(piece.last_chunk);
      for (int64_t t = piece.x.FirstToken(piece.first_chunk); t < last_token; ++t) {
        const int64_t at = t * rows + piece.first_row;
        table_.gelu_mul(gate.out + at, up.out + at, piece.last_row - piece.first_row,
                        gate.out + at);
      }
    }
  });
  return true;
}

uint64_t IntegerProducts::scratch_bytes() const {
  uint64_t bytes = 0;
  for (const Rounding& rounding : roundings_) {
    bytes += rounding.codes.capacity() + rounding.scales.capacity() * sizeof(float) +
             rounding.corrections.capacity() * sizeof(uint32_t);
  }
  return bytes;
}

void IntegerProducts::Rounding::Reserve() {
  const auto elems = static_cast<size_t>(x.tokens * x.cols);
  const size_t subs = elems / static_cast<size_t>(x.sub_elems);
  if (codes.size() < elems) codes.resize(elems);
  if (scales.size() < subs) scales.resize(subs);
  if (corrections.size() < subs) corrections.resize(subs);
  x.codes = codes.data();
  x.scales = scales.data();
  x.corrections = corrections.data();
}

int64_t IntegerProducts::Part::row_pieces() const {
  return DivideUp(whole.weights.rows, piece_rows);
}

int64_t IntegerProducts::Part::pieces() const {
  return row_pieces() * DivideUp(whole.x.chunks, piece_chunks);
}

// Pieces of the same chunks are numbered beside each other: more rows in a row are fetched ahead,
// and weights are read from memory once for so many tokens that it does not matter.
Int8Piece IntegerProducts::Part::PieceAt(int64_t index) const {
  Int8Piece piece = whole;
  piece.first_row = index % row_pieces() * piece_rows;
  piece.last_row = std::min(piece.first_row + piece_rows, whole.weights.rows);
  piece.first_chunk = index / row_pieces() * piece_chunks;
  piece.last_chunk = std::min(piece.first_chunk + piece_chunks, whole.x.chunks);
  return piece;
}

bool IntegerProducts::LayOut(const ProductInput& input, std::span<const LinearProduct> products) {
  used_roundings_ = 0;
  for (const LinearProduct& product : products) {
    if (!Knows(product.weights)) return false;
    RoundingFor(product.weights, input.tokens);
  }
  for (size_t i = 1; i < used_roundings_; ++i) {
    if (roundings_[i].x.chunks != roundings_[0].x.chunks) return false;
  }
  parts_.clear();
  for (const LinearProduct& product : products) {
    Part part = PartOf(product, *RoundingFor(product.weights, input.tokens));
    if (!parts_.empty()) part.first_piece = parts_.back().first_piece + parts_.back().pieces();
    parts_.push_back(part);
  }
  return !parts_.empty();
}

const IntegerProducts::Rounding* IntegerProducts::RoundingFor(const WeightMatrix& w,
                                                              int64_t tokens) {
  Int8Activations wanted;
  wanted.tokens = tokens;
  if (!int8_.lay_out(w, &wanted)) return nullptr;
  for (size_t i = 0; i < used_roundings_; ++i) {
    const Rounding& known = roundings_[i];
    if (known.type == w.type && known.x.by_rows == wanted.by_rows) return &known;
  }
  if (used_roundings_ == roundings_.size()) roundings_.emplace_back();
  Rounding& added = roundings_[used_roundings_++];
  added.type = w.type;
  added.x = wanted;
  added.Reserve();
  return &added;
}

void IntegerProducts::Round(const ProductInput& input) {
  const Int8Activations& first = roundings_[0].x;  // all are cut into the same chunks
  const int64_t grain =
      IsSmall(input) ? first.chunks : DivideUp(kRoundingElems, input.cols * first.max_chunk);
  pool_.ParallelFor(first.chunks, grain, [&](int64_t begin, int64_t end, int) {
    const float* x = input.x;
    if (input.norm_weight != nullptr) {
      const int64_t token = first.FirstToken(begin), tokens = first.FirstToken(end) - token;
      table_.rms_norm(x + token * input.cols, input.norm_weight, input.eps, tokens, input.cols,
                      input.normed + token * input.cols);
      x = input.normed;
    }
    for (size_t i = 0; i < used_roundings_; ++i) {
      int8_.quantize(roundings_[i].type, x, roundings_[i].x, begin, end);
    }
  });
}

IntegerProducts::Part IntegerProducts::PartOf(const LinearProduct& product,
                                              const Rounding& rounding) const {
  Part part;
  part.whole.weights = product.weights;
  part.whole.x = rounding.x;
  part.whole.out = product.out;
  part.piece_chunks = ChunksOfPiece(rounding.x);
  const int64_t chunk_pieces = DivideUp(rounding.x.chunks, part.piece_chunks);
  const int64_t row_pieces = DivideUp(kPieces * pool_.threads(), chunk_pieces);
  const int64_t even_rows = DivideUp(DivideUp(product.weights.rows, row_pieces), kRowStep);
  part.piece_rows = std::clamp(even_rows * kRowStep, kRowStep, kMostRows);
  return part;
}

bool IntegerProducts::IsSmall(const ProductInput& input) const {
  int64_t rows = 0;
  for (const Part& part : parts_) rows += part.whole.weights.rows;
  return pool_.threads() == 1 || rows * input.cols * input.tokens < kFewMultiplyAdds;
}

}  // namespace dragoman
