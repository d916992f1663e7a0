#include "model/gemma3_gradients.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <numeric>
#include <string>
#include <utility>

#include "base/thread_pool.h"
#include "model/gemma3_state.h"

namespace dragoman {
namespace {

using Floats = std::vector<float>;

constexpr int64_t kOutputsAtOnce = 4096;  // rows of a weight that are transposed at once
constexpr int64_t kElemsPerTask = 16384;

float DotProduct(const float* a, const float* b, int64_t count) {
  constexpr int kLanes = 16;  // independent sums, so that the compiler can use vectors
  float sums[kLanes] = {};
  int64_t i = 0;
  for (; i + kLanes <= count; i += kLanes) {
    for (int k = 0; k < kLanes; ++k) sums[k] += a[i + k] * b[i + k];
  }
  float sum = 0;
  for (; i < count; ++i) sum += a[i] * b[i];
  for (const float part : sums) sum += part;
  return sum;
}

void AddMultiple(float factor, const float* x, int64_t count, float* to) {
  for (int64_t i = 0; i < count; ++i) to[i] += factor * x[i];
}

// gelu_tanh(x) and its derivative.
std::pair<float, float> GeluAndSlope(float x) {
  constexpr float kRoot = 0.7978845608028654f;  // sqrt(2 / pi)
  constexpr float kCubic = 0.044715f;
  const float t = std::tanh(kRoot * (x + kCubic * x * x * x));
  const float slope = kRoot * (1.0f + 3.0f * kCubic * x * x);
  return {0.5f * x * (1.0f + t), 0.5f * (1.0f + t) + 0.5f * x * (1.0f - t * t) * slope};
}

}  // namespace

struct Gemma3Gradients::State {
  // Which rows a run of rows attends to: all of the shared rows before it (none for the prefix
  // itself) and, causally, its own.
  struct AttentionRun {
    int64_t shared_rows = 0;
    int64_t first_row = 0;
    int64_t rows = 0;
    int64_t keys() const { return shared_rows + rows; }
    int64_t KeyRow(int64_t key) const {
      return key < shared_rows ? key : first_row + key - shared_rows;
    }
  };

  // What one layer computed, needed again on the way back. [rows, ...] each.
  struct LayerActivations {
    Floats attn_normed, q_linear, k_linear, q, k, v, mixed, attn_linear, middle;
    Floats ffn_normed, gate, up, activated, ffn_linear;
    std::vector<Floats> probabilities;  // by run and head: [rows, keys] of the run
  };

  explicit State(Gemma3::State& model_in)
      : model(model_in),
        c(model_in.config),
        b(model_in.backend),
        pool(model_in.backend.threads()) {}

  // ---- One batch ----

  Result<void> Take(const PackedSequences& packed) {
    const int64_t following =
        std::accumulate(packed.sequence_rows.begin(), packed.sequence_rows.end(), int64_t{0});
    if (packed.prefix_rows < 0 || packed.prefix_rows + following != packed.rows() ||
        packed.asked_rows.empty() || packed.asked_rows.front() < 0 ||
        packed.asked_rows.back() >= packed.rows()) {
      return Fail(ErrorCode::kInvalidArgument,
                  fmt::format("expected {} + {} rows, some of them asked for, found {}",
                              packed.prefix_rows, following, packed.rows()));
    }
    for (const int32_t token : packed.tokens) {
      if (token < 0 || token >= c.vocab) {
        return Fail(ErrorCode::kInvalidArgument,
                    fmt::format("expected a token id below {}, found {}", c.vocab, token));
      }
    }
    batch = packed;
    rows = packed.rows();
    positions.clear();
    runs.clear();
    AddRun(0, packed.prefix_rows);
    for (const int64_t count : packed.sequence_rows) AddRun(packed.prefix_rows, count);
    return {};
  }

  void AddRun(int64_t shared_rows, int64_t count) {
    if (count == 0) return;
    runs.push_back({shared_rows, static_cast<int64_t>(positions.size()), count});
    for (int64_t i = 0; i < count; ++i) {
      positions.push_back(static_cast<int32_t>(shared_rows + i));
    }
  }

  // ---- Linear layers ----

  void Multiply(const WeightMatrix& w, const Floats& x, Floats& out) {
    const int64_t count = static_cast<int64_t>(x.size()) / w.cols;
    out.resize(static_cast<size_t>(count * w.rows));
    b.MatMul(w, x.data(), count, out.data());
  }

  // out [count, w.cols] = by_output [count, w.rows] * W.
  void MultiplyBack(const WeightMatrix& w, const float* by_output, int64_t count, Floats& out) {
    out.assign(static_cast<size_t>(count * w.cols), 0.0f);
    const BlockTraits& traits = TraitsOf(w.type);
    const auto row_bytes =
        static_cast<size_t>(*TensorBytes(w.type, 1, static_cast<uint64_t>(w.cols)));
    for (int64_t first = 0; first < w.rows; first += kOutputsAtOnce) {
      const int64_t outputs = std::min(kOutputsAtOnce, w.rows - first);
      transposed.resize(static_cast<size_t>(w.cols * outputs));
      decoded.resize(static_cast<size_t>(outputs * w.cols));
      pool.ParallelFor(outputs, 16, [&](int64_t begin, int64_t end, int) {
        for (int64_t i = begin; i < end; ++i) {
          traits.decode(w.data + static_cast<size_t>(first + i) * row_bytes, w.cols,
                        decoded.data() + i * w.cols);
        }
      });
      Transpose(decoded.data(), outputs, w.cols);
      part.resize(static_cast<size_t>(count * outputs));
      for (int64_t i = 0; i < count; ++i) {
        std::copy_n(by_output + i * w.rows + first, outputs, part.data() + i * outputs);
      }
      product.resize(static_cast<size_t>(count * w.cols));
      const WeightMatrix columns{BlockType::kF32, w.cols, outputs,
                                 reinterpret_cast<const std::byte*>(transposed.data())};
      b.MatMul(columns, part.data(), count, product.data());
      b.Add(out.data(), product.data(), count * w.cols);
    }
  }

  // x [count, dim] -> transposed [dim, count].
  void Transpose(const float* x, int64_t count, int64_t dim) {
    constexpr int64_t kTile = 16;
    pool.ParallelFor((dim + kTile - 1) / kTile, 4, [&](int64_t begin, int64_t end, int) {
      for (int64_t d0 = begin * kTile; d0 < std::min(end * kTile, dim); d0 += kTile) {
        for (int64_t r0 = 0; r0 < count; r0 += kTile) {
          for (int64_t d = d0; d < std::min(d0 + kTile, dim); ++d) {
            for (int64_t r = r0; r < std::min(r0 + kTile, count); ++r) {
              transposed[static_cast<size_t>(d * count + r)] = x[r * dim + d];
            }
          }
        }
      }
    });
  }

  // ---- Norms ----

  void Norm(const Floats& x, const Buffer& weight, int64_t dim, Floats& out) {
    out.resize(x.size());
    b.RmsNorm(x.data(), weight.data(), c.rms_norm_eps, static_cast<int64_t>(x.size()) / dim, dim,
              out.data());
  }

  // Turns `by` (the gradient by the norm's output) into the gradient by its input x, in place.
  void NormBack(const std::string& name, const Floats& x, const Buffer& weight, int64_t dim,
                Floats& by, const GradientTaps& taps) {
    const int64_t count = static_cast<int64_t>(x.size()) / dim;
    const float* w = weight.data();
    Floats inverse(static_cast<size_t>(count));
    pool.ParallelFor(
        count, std::max<int64_t>(1, kElemsPerTask / dim), [&](int64_t begin, int64_t end, int) {
          for (int64_t i = begin; i < end; ++i) {
            const float square = DotProduct(x.data() + i * dim, x.data() + i * dim, dim);
            inverse[static_cast<size_t>(i)] =
                1.0f / std::sqrt(square / static_cast<float>(dim) + c.rms_norm_eps);
          }
        });
    if (taps.norm) {
      Floats by_weight(static_cast<size_t>(dim), 0.0f);
      for (int64_t i = 0; i < count; ++i) {
        const float r = inverse[static_cast<size_t>(i)];
        for (int64_t d = 0; d < dim; ++d) {
          by_weight[static_cast<size_t>(d)] +=
              by[static_cast<size_t>(i * dim + d)] * x[static_cast<size_t>(i * dim + d)] * r;
        }
      }
      taps.norm(name, by_weight);
    }
    pool.ParallelFor(
        count, std::max<int64_t>(1, kElemsPerTask / dim), [&](int64_t begin, int64_t end, int) {
          for (int64_t i = begin; i < end; ++i) {
            const float* xi = x.data() + i * dim;
            float* gi = by.data() + i * dim;
            const float r = inverse[static_cast<size_t>(i)];
            for (int64_t d = 0; d < dim; ++d) gi[d] *= w[d];
            const float along = DotProduct(gi, xi, dim) * r * r / static_cast<float>(dim);
            for (int64_t d = 0; d < dim; ++d) gi[d] = r * (gi[d] - xi[d] * along);
          }
        });
  }

  // ---- Attention ----

  bool Sees(int64_t window, const AttentionRun& run, int64_t query, int64_t key) const {
    const int64_t back = run.shared_rows + query - key;
    return back >= 0 && (window == 0 || back < window);
  }

  void Attend(int layer, LayerActivations& a) {
    const int64_t q_row = c.heads * c.head_dim, kv_row = c.kv_heads * c.head_dim;
    const int64_t group = c.heads / c.kv_heads;
    const int64_t window = c.layer_is_local[static_cast<size_t>(layer)] ? c.sliding_window : 0;
    const float scale = 1.0f / std::sqrt(c.query_pre_attn_scalar);
    a.mixed.assign(static_cast<size_t>(rows * q_row), 0.0f);
    a.probabilities.resize(runs.size() * static_cast<size_t>(c.heads));
    pool.ParallelFor(
        static_cast<int64_t>(a.probabilities.size()), 1, [&](int64_t begin, int64_t end, int) {
          for (int64_t piece = begin; piece < end; ++piece) {
            const AttentionRun& run = runs[static_cast<size_t>(piece / c.heads)];
            const int64_t head = piece % c.heads, kv = head / group;
            Floats& all = a.probabilities[static_cast<size_t>(piece)];
            all.assign(static_cast<size_t>(run.rows * run.keys()), 0.0f);
            for (int64_t i = 0; i < run.rows; ++i) {
              float* p = all.data() + i * run.keys();
              const float* query = a.q.data() + (run.first_row + i) * q_row + head * c.head_dim;
              float highest = -INFINITY;
              for (int64_t j = 0; j < run.keys(); ++j) {
                if (!Sees(window, run, i, j)) continue;
                p[j] =
                    scale * DotProduct(query, a.k.data() + run.KeyRow(j) * kv_row + kv * c.head_dim,
                                       c.head_dim);
                highest = std::max(highest, p[j]);
              }
              float sum = 0;
              for (int64_t j = 0; j < run.keys(); ++j) {
                p[j] = Sees(window, run, i, j) ? std::exp(p[j] - highest) : 0.0f;
                sum += p[j];
              }
              float* out = a.mixed.data() + (run.first_row + i) * q_row + head * c.head_dim;
              for (int64_t j = 0; j < run.keys(); ++j) {
                p[j] /= sum;
                if (p[j] == 0) continue;
                AddMultiple(p[j], a.v.data() + run.KeyRow(j) * kv_row + kv * c.head_dim, c.head_dim,
                            out);
              }
            }
          }
        });
  }

  // by_mixed -> gradients by rotated queries, rotated keys and values. One task per key head, so
  // that the shared prefix's sums have one writer and one order.
  void AttendBack(const LayerActivations& a, const Floats& by_mixed, Floats& by_q, Floats& by_k,
                  Floats& by_v) {
    const int64_t q_row = c.heads * c.head_dim, kv_row = c.kv_heads * c.head_dim;
    const int64_t group = c.heads / c.kv_heads;
    const float scale = 1.0f / std::sqrt(c.query_pre_attn_scalar);
    by_q.assign(static_cast<size_t>(rows * q_row), 0.0f);
    by_k.assign(static_cast<size_t>(rows * kv_row), 0.0f);
    by_v.assign(static_cast<size_t>(rows * kv_row), 0.0f);
    pool.ParallelFor(c.kv_heads, 1, [&](int64_t begin, int64_t end, int) {
      Floats by_score;
      for (int64_t kv = begin; kv < end; ++kv) {
        for (size_t r = 0; r < runs.size(); ++r) {
          const AttentionRun& run = runs[r];
          by_score.resize(static_cast<size_t>(run.keys()));
          for (int64_t head = kv * group; head < (kv + 1) * group; ++head) {
            const Floats& all =
                a.probabilities[r * static_cast<size_t>(c.heads) + static_cast<size_t>(head)];
            for (int64_t i = 0; i < run.rows; ++i) {
              const int64_t at = (run.first_row + i) * q_row + head * c.head_dim;
              const float* p = all.data() + i * run.keys();
              float along = 0;
              for (int64_t j = 0; j < run.keys(); ++j) {
                float& s = by_score[static_cast<size_t>(j)];
                s = 0;
                if (p[j] == 0) continue;
                const int64_t key = run.KeyRow(j) * kv_row + kv * c.head_dim;
                s = DotProduct(by_mixed.data() + at, a.v.data() + key, c.head_dim);
                AddMultiple(p[j], by_mixed.data() + at, c.head_dim, by_v.data() + key);
                along += p[j] * s;
              }
              for (int64_t j = 0; j < run.keys(); ++j) {
                if (p[j] == 0) continue;
                const float s = scale * p[j] * (by_score[static_cast<size_t>(j)] - along);
                const int64_t key = run.KeyRow(j) * kv_row + kv * c.head_dim;
                AddMultiple(s, a.k.data() + key, c.head_dim, by_q.data() + at);
                AddMultiple(s, a.q.data() + at, c.head_dim, by_k.data() + key);
              }
            }
          }
        }
      }
    });
  }

  // A rotation's gradient is rotated the other way. Rotating by the opposite angle is rotating with
  // the second element of each pair mirrored before and after.
  void RotateBack(Floats& x, int64_t heads, const RopeParameters& rope) {
    MirrorSecondHalves(x);
    b.Rope(x.data(), positions, heads, c.head_dim, rope);
    MirrorSecondHalves(x);
  }

  void MirrorSecondHalves(Floats& x) const {
    const int64_t half = c.head_dim / 2;
    for (size_t head = 0; head < x.size(); head += static_cast<size_t>(c.head_dim)) {
      for (int64_t i = half; i < c.head_dim; ++i) x[head + static_cast<size_t>(i)] *= -1.0f;
    }
  }

  const RopeParameters& RopeOf(int layer) const {
    return c.layer_is_local[static_cast<size_t>(layer)] ? c.rope_local : c.rope_global;
  }

  // ---- One layer, forward and back ----

  // x becomes the layer's output.
  void LayerForward(int index, Floats& x, LayerActivations& a) {
    const Gemma3Layer& w = model.weights.layers[static_cast<size_t>(index)];
    Norm(x, w.attn_norm, c.model_dim, a.attn_normed);
    Multiply(w.q, a.attn_normed, a.q_linear);
    Multiply(w.k, a.attn_normed, a.k_linear);
    Multiply(w.v, a.attn_normed, a.v);
    Norm(a.q_linear, w.q_norm, c.head_dim, a.q);
    Norm(a.k_linear, w.k_norm, c.head_dim, a.k);
    b.Rope(a.q.data(), positions, c.heads, c.head_dim, RopeOf(index));
    b.Rope(a.k.data(), positions, c.kv_heads, c.head_dim, RopeOf(index));
    Attend(index, a);
    Multiply(w.attn_output, a.mixed, a.attn_linear);
    Norm(a.attn_linear, w.post_attn_norm, c.model_dim, scratch);
    b.Add(x.data(), scratch.data(), rows * c.model_dim);
    a.middle = x;
    Norm(x, w.ffn_norm, c.model_dim, a.ffn_normed);
    Multiply(w.gate, a.ffn_normed, a.gate);
    Multiply(w.up, a.ffn_normed, a.up);
    a.activated.resize(a.gate.size());
    b.GeluMul(a.gate.data(), a.up.data(), static_cast<int64_t>(a.gate.size()), a.activated.data());
    Multiply(w.down, a.activated, a.ffn_linear);
    Norm(a.ffn_linear, w.post_ffn_norm, c.model_dim, scratch);
    b.Add(x.data(), scratch.data(), rows * c.model_dim);
  }

  void TapLinear(int layer, std::string_view name, const Floats& x, const Floats& by_output,
                 const WeightMatrix& w, const GradientTaps& taps) {
    if (!taps.linear) return;
    const std::string tensor = fmt::format("blk.{}.{}.weight", layer, name);
    taps.linear({tensor, layer, x.data(), by_output.data(), rows, w.cols, w.rows});
  }

  // by: gradient by the layer's output -> by its input x.
  void LayerBack(int index, const Floats& x, const LayerActivations& a, Floats& by,
                 const GradientTaps& taps) {
    const Gemma3Layer& w = model.weights.layers[static_cast<size_t>(index)];
    const auto norm_name = [&](std::string_view name) {
      return fmt::format("blk.{}.{}.weight", index, name);
    };
    Floats by_linear = by;
    NormBack(norm_name("post_ffw_norm"), a.ffn_linear, w.post_ffn_norm, c.model_dim, by_linear,
             taps);
    TapLinear(index, "ffn_down", a.activated, by_linear, w.down, taps);
    Floats by_gate, by_up;
    MultiplyBack(w.down, by_linear.data(), rows, by_gate);
    GeluBack(a, by_gate, by_up);
    TapLinear(index, "ffn_gate", a.ffn_normed, by_gate, w.gate, taps);
    TapLinear(index, "ffn_up", a.ffn_normed, by_up, w.up, taps);
    Floats by_normed;
    MultiplyBack(w.gate, by_gate.data(), rows, by_normed);
    MultiplyBack(w.up, by_up.data(), rows, scratch);
    b.Add(by_normed.data(), scratch.data(), rows * c.model_dim);
    NormBack(norm_name("ffn_norm"), a.middle, w.ffn_norm, c.model_dim, by_normed, taps);
    b.Add(by.data(), by_normed.data(), rows * c.model_dim);

    by_linear = by;
    NormBack(norm_name("post_attention_norm"), a.attn_linear, w.post_attn_norm, c.model_dim,
             by_linear, taps);
    TapLinear(index, "attn_output", a.mixed, by_linear, w.attn_output, taps);
    Floats by_mixed, by_q, by_k, by_v;
    MultiplyBack(w.attn_output, by_linear.data(), rows, by_mixed);
    AttendBack(a, by_mixed, by_q, by_k, by_v);
    RotateBack(by_q, c.heads, RopeOf(index));
    RotateBack(by_k, c.kv_heads, RopeOf(index));
    NormBack(norm_name("attn_q_norm"), a.q_linear, w.q_norm, c.head_dim, by_q, taps);
    NormBack(norm_name("attn_k_norm"), a.k_linear, w.k_norm, c.head_dim, by_k, taps);
    TapLinear(index, "attn_q", a.attn_normed, by_q, w.q, taps);
    TapLinear(index, "attn_k", a.attn_normed, by_k, w.k, taps);
    TapLinear(index, "attn_v", a.attn_normed, by_v, w.v, taps);
    MultiplyBack(w.q, by_q.data(), rows, by_normed);
    MultiplyBack(w.k, by_k.data(), rows, scratch);
    b.Add(by_normed.data(), scratch.data(), rows * c.model_dim);
    MultiplyBack(w.v, by_v.data(), rows, scratch);
    b.Add(by_normed.data(), scratch.data(), rows * c.model_dim);
    NormBack(norm_name("attn_norm"), x, w.attn_norm, c.model_dim, by_normed, taps);
    b.Add(by.data(), by_normed.data(), rows * c.model_dim);
  }

  // by_gate comes as the gradient by gelu(gate) * up.
  void GeluBack(const LayerActivations& a, Floats& by_gate, Floats& by_up) {
    by_up.resize(by_gate.size());
    pool.ParallelFor(
        static_cast<int64_t>(by_gate.size()), kElemsPerTask, [&](int64_t begin, int64_t end, int) {
          for (auto i = static_cast<size_t>(begin); i < static_cast<size_t>(end); ++i) {
            const auto [value, slope] = GeluAndSlope(a.gate[i]);
            by_up[i] = by_gate[i] * value;
            by_gate[i] *= slope * a.up[i];
          }
        });
  }

  Floats AskedRows(const Floats& x) const {
    Floats found;
    found.reserve(batch.asked_rows.size() * static_cast<size_t>(c.model_dim));
    for (const int64_t row : batch.asked_rows) {
      const auto from = x.begin() + row * c.model_dim;
      found.insert(found.end(), from, from + c.model_dim);
    }
    return found;
  }

  const char* OutputName() const {
    return c.tied_embeddings ? "token_embd.weight" : "output.weight";
  }

  Gemma3::State& model;
  const Gemma3Config& c;
  Backend& b;
  ThreadPool pool;
  PackedSequences batch;
  int64_t rows = 0;
  std::vector<int32_t> positions;
  std::vector<AttentionRun> runs;
  std::vector<Floats> layer_inputs;
  Floats asked_hidden, asked_normed, logits;  // of the asked rows
  Floats scratch, transposed, decoded, part, product;
};

Gemma3Gradients::Gemma3Gradients(Gemma3& model) : state_(std::make_unique<State>(model.state())) {}
Gemma3Gradients::~Gemma3Gradients() = default;

Result<std::span<const float>> Gemma3Gradients::Forward(const PackedSequences& batch) {
  State& s = *state_;
  DRAGOMAN_RETURN_IF_ERROR(s.Take(batch));
  Floats x(static_cast<size_t>(s.rows * s.c.model_dim));
  s.b.EmbedRows(s.model.weights.embedding, s.batch.tokens, s.c.embedding_scale(), x.data());
  s.layer_inputs.clear();
  State::LayerActivations activations;
  for (int layer = 0; layer < s.c.layers; ++layer) {
    s.layer_inputs.push_back(x);
    s.LayerForward(layer, x, activations);
  }
  s.asked_hidden = s.AskedRows(x);
  s.Norm(s.asked_hidden, s.model.weights.output_norm, s.c.model_dim, s.asked_normed);
  s.Multiply(s.model.weights.output, s.asked_normed, s.logits);
  return std::span<const float>(s.logits);
}

Result<std::vector<float>> Gemma3Gradients::Embed(const PackedSequences& batch) {
  State& s = *state_;
  DRAGOMAN_RETURN_IF_ERROR(s.Take(batch));
  Floats x(static_cast<size_t>(s.rows * s.c.model_dim));
  s.b.EmbedRows(s.model.weights.embedding, s.batch.tokens, s.c.embedding_scale(), x.data());
  return x;
}

Result<void> Gemma3Gradients::RunLayer(const PackedSequences& batch, int layer,
                                       std::vector<float>& x, const LinearTap& tap) {
  State& s = *state_;
  DRAGOMAN_RETURN_IF_ERROR(s.Take(batch));
  State::LayerActivations a;
  s.LayerForward(layer, x, a);
  if (!tap) return {};
  const auto report = [&](std::string_view name, const Floats& input) {
    const std::string tensor = fmt::format("blk.{}.{}.weight", layer, name);
    tap({tensor, layer, input.data(), s.rows, static_cast<int64_t>(input.size()) / s.rows});
  };
  for (const char* name : {"attn_q", "attn_k", "attn_v"}) report(name, a.attn_normed);
  report("attn_output", a.mixed);
  for (const char* name : {"ffn_gate", "ffn_up"}) report(name, a.ffn_normed);
  report("ffn_down", a.activated);
  return {};
}

void Gemma3Gradients::Backward(const float* by_logits, const GradientTaps& taps) {
  State& s = *state_;
  const auto asked = static_cast<int64_t>(s.batch.asked_rows.size());
  const WeightMatrix& output = s.model.weights.output;
  if (taps.linear) {
    taps.linear(
        {s.OutputName(), -1, s.asked_normed.data(), by_logits, asked, output.cols, output.rows});
  }
  Floats by_asked;
  s.MultiplyBack(output, by_logits, asked, by_asked);
  s.NormBack("output_norm.weight", s.asked_hidden, s.model.weights.output_norm, s.c.model_dim,
             by_asked, taps);
  Floats by(static_cast<size_t>(s.rows * s.c.model_dim), 0.0f);
  for (int64_t i = 0; i < asked; ++i) {
    std::copy_n(by_asked.data() + i * s.c.model_dim, s.c.model_dim,
                by.data() + s.batch.asked_rows[static_cast<size_t>(i)] * s.c.model_dim);
  }
  State::LayerActivations activations;
  for (int layer = static_cast<int>(s.c.layers) - 1; layer >= 0; --layer) {
    Floats x = s.layer_inputs[static_cast<size_t>(layer)];
    s.LayerForward(layer, x, activations);
    s.LayerBack(layer, s.layer_inputs[static_cast<size_t>(layer)], activations, by, taps);
  }
  if (taps.embedding) taps.embedding(s.batch.tokens, by.data());
}

}  // namespace dragoman
