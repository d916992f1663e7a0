#include "quantize/hessian.h"

#include <algorithm>
#include <utility>

#include "quantize/calibration_pass.h"

namespace dragoman {
namespace {

// x [rows, dim] -> out [dim, rows].
void Transpose(const float* x, int64_t rows, int64_t dim, std::vector<float>& out) {
  constexpr int64_t kTile = 32;
  out.resize(static_cast<size_t>(rows * dim));
  for (int64_t r0 = 0; r0 < rows; r0 += kTile) {
    for (int64_t d0 = 0; d0 < dim; d0 += kTile) {
      for (int64_t d = d0; d < std::min(d0 + kTile, dim); ++d) {
        for (int64_t r = r0; r < std::min(r0 + kTile, rows); ++r) {
          out[static_cast<size_t>(d * rows + r)] = x[r * dim + d];
        }
      }
    }
  }
}

// Adds x^T x of every tapped batch.
class HessianSums {
 public:
  explicit HessianSums(Backend& backend) : backend_(backend) {}

  void Add(const LinearInput& input) {
    if (HessianOwner(input.tensor) != input.tensor || input.rows == 0) return;
    Sum& sum = sums_[std::string(input.tensor)];
    sum.dim = input.dim;
    sum.tokens += static_cast<uint64_t>(input.rows);
    const auto elems = static_cast<size_t>(input.dim * input.dim);
    sum.products.resize(elems);
    product_.resize(elems);
    Transpose(input.x, input.rows, input.dim, transposed_);
    const WeightMatrix columns{BlockType::kF32, input.dim, input.rows,
                               reinterpret_cast<const std::byte*>(transposed_.data())};
    backend_.MatMul(columns, transposed_.data(), input.dim, product_.data());
    for (size_t i = 0; i < elems; ++i) sum.products[i] += product_[i];
  }

  HessianMap Finish() {
    HessianMap map;
    for (auto& [name, sum] : sums_) {
      Hessian& hessian = map[name];
      hessian.dim = sum.dim;
      hessian.tokens = sum.tokens;
      hessian.mean.resize(sum.products.size());
      const auto dim = static_cast<size_t>(sum.dim);
      const double scale = 0.5 / static_cast<double>(sum.tokens);
      for (size_t i = 0; i < dim; ++i) {
        for (size_t j = 0; j < dim; ++j) {
          const double both = sum.products[i * dim + j] + sum.products[j * dim + i];
          hessian.mean[i * dim + j] = static_cast<float>(scale * both);
        }
      }
      std::vector<double>().swap(sum.products);
    }
    return map;
  }

 private:
  struct Sum {
    int64_t dim = 0;
    uint64_t tokens = 0;
    std::vector<double> products;
  };
  Backend& backend_;
  std::map<std::string, Sum> sums_;
  std::vector<float> transposed_, product_;
};

}  // namespace

std::string HessianOwner(std::string_view tensor) {
  const auto swapped = [&](std::string_view from, std::string_view to) -> std::string {
    const size_t at = tensor.find(from);
    if (at == std::string_view::npos) return {};
    return std::string(tensor.substr(0, at)) + std::string(to) +
           std::string(tensor.substr(at + from.size()));
  };
  for (const auto& [from, to] :
       {std::pair<std::string_view, std::string_view>{".attn_k.", ".attn_q."},
        {".attn_v.", ".attn_q."},
        {".ffn_up.", ".ffn_gate."}}) {
    std::string owner = swapped(from, to);
    if (!owner.empty()) return owner;
  }
  return std::string(tensor);
}

const Hessian* FindHessian(const HessianMap& map, std::string_view tensor) {
  auto found = map.find(tensor);
  if (found == map.end()) found = map.find(HessianOwner(tensor));
  return found == map.end() ? nullptr : &found->second;
}

Result<HessianMap> CollectHessians(Translator& translator,
                                   std::span<const TranslationRequest> requests,
                                   const std::function<void(size_t done, size_t total)>& progress) {
  HessianSums sums(translator.model().backend());
  DRAGOMAN_RETURN_IF_ERROR(RunCalibration(
      translator, requests, [&](const LinearInput& input) { sums.Add(input); }, progress));
  return sums.Finish();
}

}  // namespace dragoman
