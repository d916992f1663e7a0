// Gemma 3's forward pass over a batch of chunks, one line per operation of the backend.
//
//   x = embedding[token] * sqrt(model_dim)
//   per layer:  x += norm(attention(norm(x)));  x += norm(mlp(norm(x)))
//   logits = norm(x) * output^T                      (only for the rows asked for)
//
// Queries and keys are normalised per head before the rotation; local layers see a window. All
// activations are float32: this family overflows fp16. Rows never mix outside attention, so a batch
// gives what its members give.
#include <fmt/format.h>

#include <cmath>
#include <unordered_set>

#include "model/gemma3.h"
#include "model/gemma3_state.h"

namespace dragoman {
namespace {

// The rows of a batch and where each comes from.
struct Batch {
  std::span<const SequenceChunk> chunks;
  std::vector<int32_t> tokens;
  std::vector<int32_t> positions;
  std::vector<int64_t> logit_rows;  // rows whose logits are asked for, ascending
  int64_t rows() const { return static_cast<int64_t>(tokens.size()); }
};

Result<void> CheckChunk(const SequenceChunk& chunk, int64_t vocab) {
  const auto count = static_cast<int64_t>(chunk.tokens.size());
  if (chunk.cache == nullptr || count == 0) {
    return Fail(ErrorCode::kInvalidArgument, "a chunk needs a cache and at least one token");
  }
  if (count > chunk.cache->max_chunk_tokens()) {
    return Fail(ErrorCode::kInvalidArgument,
                fmt::format("expected at most {} tokens in a chunk, found {}",
                            chunk.cache->max_chunk_tokens(), count));
  }
  if (chunk.cache->length() + count > chunk.cache->max_tokens()) {
    return Fail(ErrorCode::kInvalidArgument,
                fmt::format("expected at most {} positions in the sequence, found {}",
                            chunk.cache->max_tokens(), chunk.cache->length() + count));
  }
  for (const int32_t token : chunk.tokens) {
    if (token < 0 || token >= vocab) {
      return Fail(ErrorCode::kInvalidArgument,
                  fmt::format("expected a token id below {}, found {}", vocab, token));
    }
  }
  return {};
}

Result<Batch> CollectBatch(std::span<const SequenceChunk> chunks, int64_t vocab) {
  Batch batch;
  batch.chunks = chunks;
  std::unordered_set<const KvCache*> caches;
  for (const SequenceChunk& chunk : chunks) {
    DRAGOMAN_RETURN_IF_ERROR(CheckChunk(chunk, vocab));
    if (!caches.insert(chunk.cache).second) {
      return Fail(ErrorCode::kInvalidArgument,
                  "expected one chunk a sequence, found two with the same cache");
    }
    const auto first_row = batch.rows();
    const auto count = static_cast<int64_t>(chunk.tokens.size());
    batch.tokens.insert(batch.tokens.end(), chunk.tokens.begin(), chunk.tokens.end());
    for (int64_t i = 0; i < count; ++i) {
      batch.positions.push_back(static_cast<int32_t>(chunk.cache->length() + i));
      if (!chunk.no_logits && (chunk.all_logits || i + 1 == count))
        batch.logit_rows.push_back(first_row + i);
    }
  }
  return batch;
}

// The pass over one batch.
class ForwardPass {
 public:
  ForwardPass(Gemma3::State& state, const Batch& batch)
      : s_(state),
        c_(state.config),
        b_(state.backend),
        a_(state.activations),
        batch_(batch),
        rows_(batch.rows()),
        positions_(batch.positions),
        logit_rows_(batch.logit_rows) {}

  Result<void> AllocateActivations() {
    const int64_t q_dim = c_.heads * c_.head_dim, kv_dim = c_.kv_heads * c_.head_dim;
    const std::pair<Buffer*, int64_t> wanted[] = {
        {&a_.x, rows_ * c_.model_dim},
        {&a_.normed, rows_ * c_.model_dim},
        {&a_.block_output, rows_ * c_.model_dim},
        {&a_.q, rows_ * q_dim},
        {&a_.attention, rows_ * q_dim},
        {&a_.k, rows_ * kv_dim},
        {&a_.v, rows_ * kv_dim},
        {&a_.gate, rows_ * c_.ffn_dim},
        {&a_.up, rows_ * c_.ffn_dim},
        {&a_.logits, asked() * c_.vocab},
    };
    for (const auto& [buffer, elems] : wanted) DRAGOMAN_RETURN_IF_ERROR(buffer->Ensure(elems));
    return {};
  }

  void Embed() {
    b_.EmbedRows(s_.weights.embedding, batch_.tokens, c_.embedding_scale(), a_.x.data());
    TapResidual(-1, a_.x.data(), rows_);
  }

  void Layer(int index) {
    const Gemma3Layer& layer = s_.weights.layers[static_cast<size_t>(index)];
    Attention(index, layer);
    if (rows_ == 0) return;
    AddNormed(layer.post_attn_norm);
    FeedForward(index, layer);
    AddNormed(layer.post_ffn_norm);
    TapResidual(index, a_.x.data(), rows_);
  }

  Gemma3::Logits Output() {
    if (asked() == 0) return {nullptr, 0, c_.vocab};
    if (asked() < rows_) GatherAsked(a_.x);
    rows_ = asked();
    b_.RmsNorm(a_.x.data(), s_.weights.output_norm.data(), c_.rms_norm_eps, rows_, c_.model_dim,
               a_.normed.data());
    TapResidual(static_cast<int>(c_.layers), a_.normed.data(), rows_);
    const char* name = c_.tied_embeddings ? "token_embd.weight" : "output.weight";
    Tap(name, -1, a_.normed.data(), rows_, c_.model_dim);
    b_.MatMul(s_.weights.output, a_.normed.data(), rows_, a_.logits.data());
    return {a_.logits.data(), rows_, c_.vocab};
  }

 private:
  // x -> block_output.
  void Attention(int index, const Gemma3Layer& layer) {
    const bool local = c_.layer_is_local[static_cast<size_t>(index)];
    const RopeParameters& rope = local ? c_.rope_local : c_.rope_global;
    // After the last layer's keys and values, only rows whose logits are asked for matter. Taps see
    // every row.
    const bool narrow = index + 1 == c_.layers && asked() < rows_ && !s_.tap && !s_.residual_tap;
    const NamedProduct products[] = {{"attn_q", {layer.q, a_.q.data()}},
                                     {"attn_k", {layer.k, a_.k.data()}},
                                     {"attn_v", {layer.v, a_.v.data()}}};
    NormedLinears(index, layer.attn_norm, std::span(products).subspan(narrow ? 1 : 0));
    b_.RmsNorm(a_.k.data(), layer.k_norm.data(), c_.rms_norm_eps, rows_ * c_.kv_heads, c_.head_dim,
               a_.k.data());
    b_.Rope(a_.k.data(), positions_, c_.kv_heads, c_.head_dim, rope);
    std::vector<AttentionSequence> sequences = StoreKeysAndValues(index);
    if (narrow) {
      NarrowToAsked(sequences);
      if (rows_ == 0) return;
      Linear("attn_q", index, layer.q, a_.normed, a_.q);
    }
    b_.RmsNorm(a_.q.data(), layer.q_norm.data(), c_.rms_norm_eps, rows_ * c_.heads, c_.head_dim,
               a_.q.data());
    b_.Rope(a_.q.data(), positions_, c_.heads, c_.head_dim, rope);
    AttentionShape shape;
    shape.heads = c_.heads;
    shape.kv_heads = c_.kv_heads;
    shape.head_dim = c_.head_dim;
    shape.window = local ? c_.sliding_window : 0;
    shape.scale = 1.0f / std::sqrt(c_.query_pre_attn_scalar);
    b_.Attention(a_.q.data(), sequences, shape, a_.attention.data());
    Linear("attn_output", index, layer.attn_output, a_.attention, a_.block_output);
  }

  std::vector<AttentionSequence> StoreKeysAndValues(int index) {
    const int64_t row_elems = c_.kv_heads * c_.head_dim;
    std::vector<AttentionSequence> sequences;
    sequences.reserve(batch_.chunks.size());
    int64_t first_row = 0;
    for (const SequenceChunk& chunk : batch_.chunks) {
      AttentionSequence sequence;
      sequence.first_row = first_row;
      sequence.tokens = static_cast<int64_t>(chunk.tokens.size());
      sequence.first_position = chunk.cache->length();
      sequence.capacity = chunk.cache->capacity(index);
      sequence.kv_type = chunk.cache->type();
      void* keys = chunk.cache->keys(index);
      void* values = chunk.cache->values(index);
      b_.StoreKv(a_.k.data() + first_row * row_elems, sequence.tokens, row_elems,
                 sequence.first_position, sequence.capacity, sequence.kv_type, keys);
      b_.StoreKv(a_.v.data() + first_row * row_elems, sequence.tokens, row_elems,
                 sequence.first_position, sequence.capacity, sequence.kv_type, values);
      sequence.keys = keys;
      sequence.values = values;
      sequences.push_back(sequence);
      first_row += sequence.tokens;
    }
    return sequences;
  }

  // From here on the pass holds the asked rows only: x, normed, positions and queries.
  void NarrowToAsked(std::vector<AttentionSequence>& sequences) {
    GatherAsked(a_.x);
    GatherAsked(a_.normed);
    std::vector<AttentionSequence> kept;
    int64_t first_row = 0;
    for (size_t i = 0; i < sequences.size(); ++i) {
      const SequenceChunk& chunk = batch_.chunks[i];
      if (chunk.no_logits) continue;
      AttentionSequence sequence = sequences[i];
      if (!chunk.all_logits) {
        sequence.first_position += sequence.tokens - 1;
        sequence.tokens = 1;
      }
      sequence.first_row = first_row;
      first_row += sequence.tokens;
      kept.push_back(sequence);
    }
    sequences = std::move(kept);
    asked_positions_.clear();
    for (const int64_t row : logit_rows_)
      asked_positions_.push_back(positions_[static_cast<size_t>(row)]);
    positions_ = asked_positions_;
    rows_ = asked();
  }

  // Moves the asked rows of a [rows, model_dim] buffer to its front, by way of block_output.
  void GatherAsked(Buffer& buffer) {
    for (int64_t i = 0; i < asked();) {  // runs of neighbouring rows at once
      const int64_t row = logit_rows_[static_cast<size_t>(i)];
      int64_t run = 1;
      while (i + run < asked() && logit_rows_[static_cast<size_t>(i + run)] == row + run) ++run;
      b_.CopyRows(buffer.data() + row * c_.model_dim, run,
                  c_.model_dim * static_cast<int64_t>(sizeof(float)), i, asked(),
                  a_.block_output.data());
      i += run;
    }
    buffer.Swap(a_.block_output);
  }

  // x -> block_output.
  void FeedForward(int index, const Gemma3Layer& layer) {
    const NamedProduct products[] = {{"ffn_gate", {layer.gate, a_.gate.data()}},
                                     {"ffn_up", {layer.up, a_.up.data()}}};
    if (s_.tap) {
      NormedLinears(index, layer.ffn_norm, products);
      b_.GeluMul(a_.gate.data(), a_.up.data(), rows_ * c_.ffn_dim, a_.gate.data());
    } else {
      b_.GatedMatMul(NormedInput(layer.ffn_norm), products[0].product, products[1].product);
    }
    Linear("ffn_down", index, layer.down, a_.gate, a_.block_output);
  }

  // x += norm(block_output).
  void AddNormed(const Buffer& norm) {
    b_.RmsNorm(a_.block_output.data(), norm.data(), c_.rms_norm_eps, rows_, c_.model_dim,
               a_.block_output.data());
    b_.Add(a_.x.data(), a_.block_output.data(), rows_ * c_.model_dim);
  }

  struct NamedProduct {
    std::string_view name;
    LinearProduct product;
  };

  // x, normed into `normed`.
  ProductInput NormedInput(const Buffer& norm) {
    ProductInput input;
    input.x = a_.x.data();
    input.tokens = rows_;
    input.cols = c_.model_dim;
    input.norm_weight = norm.data();
    input.eps = c_.rms_norm_eps;
    input.normed = a_.normed.data();
    return input;
  }

  void NormedLinears(int layer, const Buffer& norm, std::span<const NamedProduct> named) {
    std::vector<LinearProduct> products;
    for (const NamedProduct& one : named) products.push_back(one.product);
    b_.MatMuls(NormedInput(norm), products);
    if (!s_.tap) return;
    for (const NamedProduct& one : named) {
      Tap(fmt::format("blk.{}.{}.weight", layer, one.name), layer, a_.normed.data(), rows_,
          c_.model_dim);
    }
  }

  void Linear(std::string_view short_name, int layer, const WeightMatrix& w, const Buffer& in,
              const Buffer& out) {
    if (s_.tap)
      Tap(fmt::format("blk.{}.{}.weight", layer, short_name), layer, in.data(), rows_, w.cols);
    b_.MatMul(w, in.data(), rows_, out.data());
  }

  int64_t asked() const { return static_cast<int64_t>(logit_rows_.size()); }

  const float* HostCopy(const float* x, int64_t elems) {
    s_.tap_copy.resize(static_cast<size_t>(elems));
    b_.Download(x, s_.tap_copy);
    return s_.tap_copy.data();
  }

  void Tap(std::string_view tensor, int layer, const float* x, int64_t rows, int64_t dim) {
    if (s_.tap) s_.tap(LinearInput{tensor, layer, HostCopy(x, rows * dim), rows, dim});
  }

  void TapResidual(int layer, const float* x, int64_t rows) {
    if (s_.residual_tap)
      s_.residual_tap(layer, HostCopy(x, rows * c_.model_dim), rows, c_.model_dim);
  }

  Gemma3::State& s_;
  const Gemma3Config& c_;
  Backend& b_;
  Gemma3Activations& a_;
  const Batch& batch_;
  int64_t rows_;
  std::span<const int32_t> positions_;  // of the rows
  const std::vector<int64_t>& logit_rows_;
  std::vector<int32_t> asked_positions_;
};

}  // namespace

Result<Gemma3::Logits> Gemma3::Forward(std::span<const SequenceChunk> chunks) {
  DRAGOMAN_ASSIGN_OR_RETURN(const Batch batch, CollectBatch(chunks, state_->config.vocab));
  if (batch.rows() == 0) return Logits{nullptr, 0, state_->config.vocab};
  ForwardPass pass(*state_, batch);
  DRAGOMAN_RETURN_IF_ERROR(pass.AllocateActivations());
  pass.Embed();
  for (int layer = 0; layer < state_->config.layers; ++layer) pass.Layer(layer);
  const Logits logits = pass.Output();
  for (const SequenceChunk& chunk : chunks)
    chunk.cache->Advance(static_cast<int64_t>(chunk.tokens.size()));
  return logits;
}

}  // namespace dragoman
