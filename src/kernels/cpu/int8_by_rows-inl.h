// Which products go by rows (RowsProduct of int8_rows-inl.h or int8_tile_rows-inl.h).

// Row by row for so few tokens, whole halves of units and at least a tile of rows.
constexpr int kMaxRowTokens = 3;

inline bool GoesByRows(const WeightMatrix& w, int64_t tokens) {
  return tokens <= kMaxRowTokens && w.cols % static_cast<int64_t>(kUnitElems / 2) == 0 &&
         w.rows >= static_cast<int64_t>(kTileRows);
}

template <class Codes>
void MultiplyByRows(const Int8Piece& piece) {
  if (piece.x.tokens == 1) return RowsProduct<Codes, 1>(piece).Run();
  if (piece.x.tokens == 2) return RowsProduct<Codes, 2>(piece).Run();
  RowsProduct<Codes, 3>(piece).Run();
}
