#include "kernels/reference/reference_backend.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>
#include <vector>

#include "base/thread_pool.h"
#include "kernels/host_backend.h"
#include "kernels/rotary_angles.h"

namespace dragoman {
namespace {

const std::byte* RowBytes(const WeightMatrix& w, int64_t row) {
  const BlockTraits& traits = TraitsOf(w.type);
  return w.data + row * (w.cols / traits.block_elems) * traits.block_bytes;
}

std::vector<float> DecodeRow(const WeightMatrix& w, int64_t row) {
  std::vector<float> values(static_cast<size_t>(w.cols));
  TraitsOf(w.type).decode(RowBytes(w, row), w.cols, values.data());
  return values;
}

double Dot(const float* a, const float* b, int64_t elems) {
  double sum = 0;
  for (int64_t i = 0; i < elems; ++i) sum += static_cast<double>(a[i]) * static_cast<double>(b[i]);
  return sum;
}

double GeluTanh(double x) {
  constexpr double kSqrtTwoOverPi = 0.79788456080286535588;
  constexpr double kCubic = 0.044715;
  // x * sigmoid(2u) equals 0.5 * x * (1 + tanh(u)) without its cancellation for negative x.
  const double u = kSqrtTwoOverPi * (x + kCubic * x * x * x);
  return x / (1.0 + std::exp(-2.0 * u));
}

class ReferenceBackend : public HostBackend {
 public:
  ReferenceBackend(int threads, const BackendOptions& options)
      : HostBackend(options), pool_(threads) {}

  std::string_view name() const override { return "reference"; }
  int threads() const override { return pool_.threads(); }

  void EmbedRows(const WeightMatrix& table, std::span<const int32_t> ids, float scale,
                 float* out) override {
    for (const int32_t id : ids) {
      const std::vector<float> row = DecodeRow(table, id);
      out = std::transform(row.begin(), row.end(), out,
                           [scale](float value) { return value * scale; });
    }
  }

  void RmsNorm(const float* x, const float* weight, float eps, int64_t rows, int64_t dim,
               float* out) override {
    for (int64_t row = 0; row < rows; ++row) {
      const float* in = x + row * dim;
      const double mean_square = Dot(in, in, dim) / static_cast<double>(dim);
      const double scale = 1.0 / std::sqrt(mean_square + static_cast<double>(eps));
      for (int64_t i = 0; i < dim; ++i) {
        out[row * dim + i] =
            static_cast<float>(static_cast<double>(in[i]) * scale * static_cast<double>(weight[i]));
      }
    }
  }

  void MatMul(const WeightMatrix& w, const float* x, int64_t tokens, float* out) override {
    pool_.ParallelFor(w.rows, 1, [&](int64_t begin, int64_t end, int) {
      for (int64_t row = begin; row < end; ++row) {
        const std::vector<float> weights = DecodeRow(w, row);
        for (int64_t token = 0; token < tokens; ++token) {
          const double sum = Dot(weights.data(), x + token * w.cols, w.cols);
          out[token * w.rows + row] = static_cast<float>(sum);
        }
      }
    });
  }

  void Rope(float* x, std::span<const int32_t> positions, int64_t heads, int64_t head_dim,
            const RopeParameters& rope) override {
    const int64_t half = head_dim / 2;
    for (const int32_t position : positions) {
      for (int64_t head = 0; head < heads; ++head, x += head_dim) {
        for (int64_t pair = 0; pair < half; ++pair) RotatePair(x, pair, half, position, rope);
      }
    }
  }

  void Attention(const float* q, std::span<const AttentionSequence> sequences,
                 const AttentionShape& shape, float* out) override {
    for (const AttentionSequence& sequence : sequences) {
      for (int64_t token = 0; token < sequence.tokens; ++token) {
        for (int64_t head = 0; head < shape.heads; ++head) {
          const int64_t offset =
              ((sequence.first_row + token) * shape.heads + head) * shape.head_dim;
          AttendOne(q + offset, sequence, sequence.first_position + token, head, shape,
                    out + offset);
        }
      }
    }
  }

  void GeluMul(const float* gate, const float* up, int64_t elems, float* out) override {
    for (int64_t i = 0; i < elems; ++i) {
      out[i] =
          static_cast<float>(GeluTanh(static_cast<double>(gate[i])) * static_cast<double>(up[i]));
    }
  }

  void Add(float* x, const float* y, int64_t elems) override {
    for (int64_t i = 0; i < elems; ++i) x[i] += y[i];
  }

  void TopLogits(const float* logits, int64_t rows, int64_t vocab, int k,
                 std::span<TopLogit> out) override {
    std::vector<int32_t> ids(static_cast<size_t>(vocab));
    for (int64_t row = 0; row < rows; ++row) {
      const float* values = logits + row * vocab;
      std::iota(ids.begin(), ids.end(), 0);
      // NaN counts as the smallest value, so that the order stays strict.
      const auto key = [values](int32_t id) {
        return std::isnan(values[id]) ? -std::numeric_limits<float>::infinity() : values[id];
      };
      std::partial_sort(ids.begin(), ids.begin() + k, ids.end(), [&key](int32_t a, int32_t b) {
        return key(a) > key(b) || (key(a) == key(b) && a < b);
      });
      for (int rank = 0; rank < k; ++rank) {
        const int32_t id = ids[static_cast<size_t>(rank)];
        out[static_cast<size_t>(row * k + rank)] = TopLogit{id, values[id]};
      }
    }
  }

 private:
  static void RotatePair(float* head, int64_t pair, int64_t half, int32_t position,
                         const RopeParameters& rope) {
    const float angle = RotaryAngle(RotaryFrequency(rope, pair, 2 * half), position);
    const double cosine = static_cast<double>(RotaryCos(angle));
    const double sine = static_cast<double>(RotarySin(angle));
    const double first = static_cast<double>(head[pair]);
    const double second = static_cast<double>(head[pair + half]);
    head[pair] = static_cast<float>(first * cosine - second * sine);
    head[pair + half] = static_cast<float>(second * cosine + first * sine);
  }

  // One query of one head against the visible keys: softmax(scale * q k^T) v.
  static void AttendOne(const float* q, const AttentionSequence& sequence, int64_t position,
                        int64_t head, const AttentionShape& shape, float* out) {
    const int64_t kv_head = head / (shape.heads / shape.kv_heads);
    const int64_t first_key =
        shape.window > 0 ? std::max<int64_t>(0, position - shape.window + 1) : 0;
    const BlockTraits& traits = TraitsOf(sequence.kv_type);
    const int64_t head_bytes = shape.head_dim / traits.block_elems * traits.block_bytes;
    std::vector<float> row(static_cast<size_t>(shape.head_dim));
    const auto row_of = [&](const void* ring, int64_t key) {
      const int64_t slot = (key % sequence.capacity) * shape.kv_heads + kv_head;
      traits.decode(static_cast<const std::byte*>(ring) + slot * head_bytes, shape.head_dim,
                    row.data());
      return row.data();
    };
    std::vector<double> scores;
    for (int64_t key = first_key; key <= position; ++key) {
      const double dot = Dot(q, row_of(sequence.keys, key), shape.head_dim);
      scores.push_back(dot * static_cast<double>(shape.scale));
    }
    const double highest = *std::max_element(scores.begin(), scores.end());
    double total = 0;
    for (double& score : scores) total += (score = std::exp(score - highest));
    std::vector<double> sums(static_cast<size_t>(shape.head_dim), 0.0);
    for (int64_t key = first_key; key <= position; ++key) {
      const float* value = row_of(sequence.values, key);
      const double weight = scores[static_cast<size_t>(key - first_key)] / total;
      for (size_t i = 0; i < sums.size(); ++i) sums[i] += weight * static_cast<double>(value[i]);
    }
    std::transform(sums.begin(), sums.end(), out,
                   [](double sum) { return static_cast<float>(sum); });
  }

  ThreadPool pool_;
};

}  // namespace

std::unique_ptr<Backend> CreateReferenceBackend(int threads, const BackendOptions& options) {
  return std::make_unique<ReferenceBackend>(threads, options);
}

}  // namespace dragoman
