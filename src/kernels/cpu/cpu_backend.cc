#include "kernels/cpu/cpu_backend.h"

#include <algorithm>
#include <optional>
#include <vector>

#include "base/thread_pool.h"
#include "kernels/cpu/integer_products.h"
#include "kernels/cpu/rope_table.h"
#include "kernels/host_backend.h"

namespace dragoman {
namespace {

// Below about this many simple operations on one thread, waking others costs more than it saves.
constexpr int64_t kSerialElems = 16 * 1024;
constexpr int64_t kSerialMultiplyAdds = 256 * 1024;

// Tokens of one piece of a product: their activations for one span of columns fit the second-level
// cache beside the panel, and are enough to make decoding the weights once per piece cheap.
constexpr int64_t kPieceTokens = 96;
// Weight rows of a piece: multiples of this keep two threads from writing into one cache line.
constexpr int64_t kPieceRowStep = 16;
constexpr int64_t kMaxPieceRows = 64;
// Pieces per thread that even out unequal progress.
constexpr int64_t kPiecesPerThread = 8;

int64_t CeilDivide(int64_t a, int64_t b) { return (a + b - 1) / b; }

const std::byte* RowBytes(const WeightMatrix& w, int64_t row) {
  const BlockTraits& traits = TraitsOf(w.type);
  return w.data + row * (w.cols / traits.block_elems) * traits.block_bytes;
}

class CpuBackend : public HostBackend {
 public:
  CpuBackend(const KernelTable& table, int threads, const BackendOptions& options)
      : HostBackend(options), table_(table), pool_(threads) {
    if (table.int8 != nullptr && !options.float32_activations) integers_.emplace(table, pool_);
  }

  std::string_view name() const override { return table_.name; }
  int threads() const override { return pool_.threads(); }

  void EmbedRows(const WeightMatrix& table, std::span<const int32_t> ids, float scale,
                 float* out) override {
    ForRows(static_cast<int64_t>(ids.size()), table.cols, [&](int64_t begin, int64_t end) {
      for (int64_t i = begin; i < end; ++i) {
        const std::byte* row = RowBytes(table, ids[static_cast<size_t>(i)]);
        table_.embed_row(table.type, row, table.cols, scale, out + i * table.cols);
      }
    });
  }

  void RmsNorm(const float* x, const float* weight, float eps, int64_t rows, int64_t dim,
               float* out) override {
    ForRows(rows, dim, [&](int64_t begin, int64_t end) {
      table_.rms_norm(x + begin * dim, weight, eps, end - begin, dim, out + begin * dim);
    });
  }

  void MatMul(const WeightMatrix& w, const float* x, int64_t tokens, float* out) override {
    if (tokens <= 0 || w.rows <= 0) return;
    const LinearProduct product{w, out};
    ProductInput input;
    input.x = x;
    input.tokens = tokens;
    input.cols = w.cols;
    if (integers_ && integers_->Multiply(input, std::span(&product, 1))) return;
    const MatMulArguments arguments{w, x, out};
    if (pool_.threads() == 1 || w.rows * w.cols * tokens < kSerialMultiplyAdds) {
      RunMatMulPieces(arguments, tokens, kMaxPieceRows, 0, PieceCount(w, tokens, kMaxPieceRows));
      return;
    }
    const int64_t wanted_pieces = kPiecesPerThread * pool_.threads();
    const int64_t row_pieces = CeilDivide(wanted_pieces, CeilDivide(tokens, kPieceTokens));
    const int64_t even_rows = CeilDivide(CeilDivide(w.rows, row_pieces), kPieceRowStep);
    const int64_t piece_rows = std::clamp(even_rows * kPieceRowStep, kPieceRowStep, kMaxPieceRows);
    pool_.ParallelFor(PieceCount(w, tokens, piece_rows), 1, [&](int64_t begin, int64_t end, int) {
      RunMatMulPieces(arguments, tokens, piece_rows, begin, end);
    });
  }

  void MatMuls(const ProductInput& input, std::span<const LinearProduct> products) override {
    if (integers_ && integers_->Multiply(input, products)) return;
    Backend::MatMuls(input, products);
  }

  void GatedMatMul(const ProductInput& input, const LinearProduct& gate,
                   const LinearProduct& up) override {
    if (integers_ && integers_->MultiplyGated(input, gate, up)) return;
    Backend::GatedMatMul(input, gate, up);
  }

  uint64_t scratch_bytes() const override {
    return attention_scratch_.capacity() * sizeof(float) +
           (integers_ ? integers_->scratch_bytes() : 0);
  }

  bool MultipliesIntegers(const WeightMatrix& w) const override {
    return integers_ && integers_->Knows(w);
  }

  void Rope(float* x, std::span<const int32_t> positions, int64_t heads, int64_t head_dim,
            const RopeParameters& rope) override {
    RopeTable& angles = RopeTableOf(rope, head_dim);
    angles.Prepare(positions);
    const int64_t row_elems = heads * head_dim;
    ForRows(static_cast<int64_t>(positions.size()), row_elems, [&](int64_t begin, int64_t end) {
      for (int64_t i = begin; i < end; ++i) {
        const int32_t position = positions[static_cast<size_t>(i)];
        table_.rope(x + i * row_elems, angles.cosines(position), angles.sines(position), heads,
                    head_dim);
      }
    });
  }

  void Attention(const float* q, std::span<const AttentionSequence> sequences,
                 const AttentionShape& shape, float* out) override {
    ListTokens(sequences);
    const int64_t pieces = static_cast<int64_t>(tokens_.size()) * shape.kv_heads;
    const int64_t scratch_elems = 2 * kAttentionKeys * shape.head_dim;
    const auto scratch_size = static_cast<size_t>(scratch_elems * pool_.threads());
    if (attention_scratch_.size() < scratch_size) attention_scratch_.resize(scratch_size);
    const auto body = [&](int64_t begin, int64_t end, int worker) {
      for (int64_t i = begin; i < end; ++i) {
        const TokensOfSequence& tokens = tokens_[static_cast<size_t>(i / shape.kv_heads)];
        AttentionPiece piece;
        piece.sequence = tokens.sequence;
        piece.tokens = tokens.count;
        piece.token_stride = shape.heads * shape.head_dim;
        piece.position = tokens.sequence->first_position + tokens.first;
        piece.kv_head = i % shape.kv_heads;
        const int64_t first_head = piece.kv_head * (shape.heads / shape.kv_heads);
        const int64_t row = tokens.sequence->first_row + tokens.first;
        const int64_t offset = row * piece.token_stride + first_head * shape.head_dim;
        piece.queries = q + offset;
        piece.out = out + offset;
        piece.scratch = attention_scratch_.data() + worker * scratch_elems;
        table_.attend(piece, shape);
      }
    };
    if (AttentionCost(sequences, shape) < kSerialMultiplyAdds) {
      body(0, pieces, 0);
    } else {
      pool_.ParallelFor(pieces, 1, body);
    }
  }

  void GeluMul(const float* gate, const float* up, int64_t elems, float* out) override {
    pool_.ParallelFor(elems, kSerialElems, [&](int64_t begin, int64_t end, int) {
      table_.gelu_mul(gate + begin, up + begin, end - begin, out + begin);
    });
  }

  void Add(float* x, const float* y, int64_t elems) override {
    pool_.ParallelFor(elems, 4 * kSerialElems, [&](int64_t begin, int64_t end, int) {
      table_.add(x + begin, y + begin, end - begin);
    });
  }

  void TopLogits(const float* logits, int64_t rows, int64_t vocab, int k,
                 std::span<TopLogit> out) override {
    ForRows(rows, vocab, [&](int64_t begin, int64_t end) {
      for (int64_t row = begin; row < end; ++row) {
        table_.top_logits(logits + row * vocab, vocab, k, out.data() + row * k);
      }
    });
  }

 protected:
  void EncodeKvRow(BlockType type, const float* row, int64_t elems, void* out) const override {
    if (type == BlockType::kF16) return table_.encode_f16(row, elems, out);
    HostBackend::EncodeKvRow(type, row, elems, out);
  }

 private:
  // Neighbouring tokens: [first, first + count) of the sequence's rows.
  struct TokensOfSequence {
    const AttentionSequence* sequence;
    int64_t first;
    int64_t count;
  };

  // body(begin, end) over rows of `elems` elements, in pieces worth a thread's while.
  template <typename Body>
  void ForRows(int64_t rows, int64_t elems, const Body& body) {
    const int64_t grain = CeilDivide(kSerialElems, std::max<int64_t>(elems, 1));
    pool_.ParallelFor(rows, grain, [&](int64_t begin, int64_t end, int) { body(begin, end); });
  }

  static int64_t PieceCount(const WeightMatrix& w, int64_t tokens, int64_t piece_rows) {
    return CeilDivide(w.rows, piece_rows) * CeilDivide(tokens, kPieceTokens);
  }

  // Pieces are numbered with those of the same weight rows beside each other, so that the rows are
  // read from memory once.
  void RunMatMulPieces(const MatMulArguments& arguments, int64_t tokens, int64_t piece_rows,
                       int64_t begin, int64_t end) const {
    const int64_t token_pieces = CeilDivide(tokens, kPieceTokens);
    for (int64_t i = begin; i < end; ++i) {
      MatMulPiece piece;
      piece.first_row = i / token_pieces * piece_rows;
      piece.last_row = std::min(piece.first_row + piece_rows, arguments.weights.rows);
      piece.first_token = i % token_pieces * kPieceTokens;
      piece.last_token = std::min(piece.first_token + kPieceTokens, tokens);
      table_.mat_mul(arguments, piece);
    }
  }

  RopeTable& RopeTableOf(const RopeParameters& rope, int64_t head_dim) {
    for (const auto& table : rope_tables_) {
      if (table->Serves(rope, head_dim)) return *table;
    }
    return *rope_tables_.emplace_back(std::make_unique<RopeTable>(rope, head_dim));
  }

  void ListTokens(std::span<const AttentionSequence> sequences) {
    tokens_.clear();
    for (const AttentionSequence& sequence : sequences) {
      for (int64_t i = 0; i < sequence.tokens; i += kAttentionTokens) {
        tokens_.push_back({&sequence, i, std::min(kAttentionTokens, sequence.tokens - i)});
      }
    }
  }

  // Multiply-adds, about.
  static int64_t AttentionCost(std::span<const AttentionSequence> sequences,
                               const AttentionShape& shape) {
    int64_t keys = 0;
    for (const AttentionSequence& sequence : sequences) {
      const int64_t length = sequence.first_position + sequence.tokens;
      keys += sequence.tokens * (shape.window > 0 ? std::min(length, shape.window) : length);
    }
    return 2 * keys * shape.heads * shape.head_dim;
  }

  const KernelTable& table_;
  ThreadPool pool_;
  std::optional<IntegerProducts> integers_;  // none: multiply with float32 activations
  std::vector<std::unique_ptr<RopeTable>> rope_tables_;
  std::vector<TokensOfSequence> tokens_;  // of the attention call in progress
  std::vector<float> attention_scratch_;  // of each thread
};

}  // namespace

std::unique_ptr<Backend> CreateCpuBackend(const KernelTable& table, int threads,
                                          const BackendOptions& options) {
  return std::make_unique<CpuBackend>(table, threads, options);
}

}  // namespace dragoman
