// Checks the integer products of whatever machine it is built for, without a test library, so that
// it can be cross-compiled from a few files: every kernel set of this machine, block type, shape
// and tail against the scalar product of the rounded activations. Prints a hash of every result:
// the hashes of two machines are the same, because the bits are (see int8_product.h).
//
// Exit: 0, 1 with a line for every product that is off, or 77 when there is nothing to check.
#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstring>
#include <string>
#include <vector>

#include "kernels/cpu/int8_product.h"
#include "kernels/random_tensors.h"

namespace dragoman {
namespace {

// Of the sum of the magnitudes that were added up, as docs/numerics.md says.
constexpr double kTolerance = 1e-6;
constexpr int kNothingToCheck = 77;

struct Product {
  BlockType type;
  int64_t rows, cols, tokens;
  std::vector<std::byte> weights;  // the first byte is no weight: no alignment
  std::vector<float> x;

  WeightMatrix matrix() const { return {type, rows, cols, weights.data() + 1}; }
  std::string name() const {
    return std::string(TraitsOf(type).name) + " " + std::to_string(rows) + "x" +
           std::to_string(cols) + " by " + std::to_string(tokens);
  }
};

Product RandomProduct(BlockType type, int64_t rows, int64_t cols, int64_t tokens) {
  const auto seed = static_cast<uint64_t>(rows * 31 + cols * 7 + tokens);
  Product product{type,
                  rows,
                  cols,
                  tokens,
                  RandomWeights(type, rows, cols, seed),
                  RandomFloats(tokens * cols, seed + 1)};
  product.weights.insert(product.weights.begin(), std::byte{0});
  return product;
}

// Codes at the ends of their range and activations of the largest magnitude.
Product ExtremeProduct(BlockType type, std::byte code, int64_t tokens) {
  Product product = RandomProduct(type, 19, 768, tokens);
  const BlockTraits& traits = TraitsOf(type);
  const uint16_t one = FloatToFp16(1.0f);
  std::fill(product.weights.begin(), product.weights.end(), code);
  for (size_t block = 1; block < product.weights.size(); block += traits.block_bytes) {
    for (uint32_t f = 0; f < traits.factor_count; ++f) {
      std::memcpy(product.weights.data() + block + traits.factor_offsets_bytes[f], &one,
                  sizeof(one));
    }
  }
  for (size_t i = 0; i < product.x.size(); ++i) {
    product.x[i] = i < 768 || i % 7 < 3 ? 127.0f : -127.0f;
  }
  return product;
}

std::vector<float> Multiply(const Int8Kernels& kernels, const Product& product) {
  Int8Piece piece;
  piece.weights = product.matrix();
  piece.x.tokens = product.tokens;
  std::vector<float> out(static_cast<size_t>(product.tokens * product.rows) + 1, -7.0f);
  if (!kernels.lay_out(piece.weights, &piece.x)) return {};
  const auto elems = static_cast<size_t>(product.tokens * product.cols);
  const size_t subs = elems / static_cast<size_t>(piece.x.sub_elems);
  std::vector<int8_t> codes(elems);
  std::vector<float> scales(subs);
  std::vector<uint32_t> corrections(subs);
  piece.x.codes = codes.data();
  piece.x.scales = scales.data();
  piece.x.corrections = corrections.data();
  kernels.quantize(product.type, product.x.data(), piece.x, 0, piece.x.chunks);
  piece.out = out.data();
  piece.last_row = product.rows;
  piece.last_chunk = piece.x.chunks;
  kernels.multiply(piece);
  if (out.back() != -7.0f) return {};  // wrote past the end
  out.pop_back();
  return out;
}

std::vector<double> RoundActivations(const std::vector<float>& x) {
  std::vector<double> rounded(x.size());
  for (size_t group = 0; group < x.size(); group += 32) {
    float magnitude = 0;
    for (size_t i = group; i < group + 32; ++i) magnitude = std::max(magnitude, std::abs(x[i]));
    for (size_t i = group; i < group + 32 && magnitude > 0; ++i) {
      const float code = std::nearbyint(x[i] * (127.0f / magnitude));
      rounded[i] = static_cast<double>(magnitude / 127.0f * code);
    }
  }
  return rounded;
}

// The largest error, of the magnitudes; a weight counts as twice the largest of its 16.
double WorstError(const Product& product, const std::vector<float>& got) {
  const auto rows = static_cast<size_t>(product.rows), cols = static_cast<size_t>(product.cols);
  std::vector<float> weights(rows * cols);
  TraitsOf(product.type).decode(product.matrix().data, product.rows * product.cols, weights.data());
  const std::vector<double> x = RoundActivations(product.x);
  double worst = got.empty() ? HUGE_VAL : 0;
  for (size_t i = 0; i < got.size(); ++i) {
    const float* w = weights.data() + i % rows * cols;
    const double* row = x.data() + i / rows * cols;
    double sum = 0, magnitudes = 0;
    for (size_t sub = 0; sub < cols; sub += 16) {
      double largest = 0, total = 0;
      for (size_t k = sub; k < sub + 16; ++k) {
        sum += static_cast<double>(w[k]) * row[k];
        largest = std::max(largest, std::abs(static_cast<double>(w[k])));
        total += std::abs(row[k]);
      }
      magnitudes += 2 * largest * total;
    }
    const double error = std::abs(static_cast<double>(got[i]) - sum);
    if (!(error <= kTolerance * magnitudes)) worst = std::max(worst, error / magnitudes);
  }
  return worst;
}

uint64_t Hash(const std::vector<float>& values) {
  uint64_t hash = 0xcbf29ce484222325;  // FNV-1a
  for (const float value : values) {
    uint32_t bits;
    std::memcpy(&bits, &value, sizeof(bits));
    hash = (hash ^ bits) * 0x100000001b3;
  }
  return hash;
}

std::vector<const Int8Kernels*> KernelsOfThisMachine() {
  std::vector<const Int8Kernels*> found = {FindInt8Avx2(), FindInt8AvxVnni(), FindInt8Avx512(),
                                           FindInt8Neon(), FindInt8NeonDot(), FindInt8Wasm()};
  std::erase(found, nullptr);
  return found;
}

std::vector<Product> ProductsOf(const BlockTraits& traits) {
  std::vector<Product> products;
  const int64_t block = traits.block_elems;
  for (const int64_t cols : {640, 1120}) {  // the first goes by rows, when tokens are few
    for (const int64_t rows : {3, 16, 37}) {
      for (const int64_t tokens : {1, 2, 3, 4, 7, 13}) {
        products.push_back(
            RandomProduct(traits.type, rows, (cols + block - 1) / block * block, tokens));
      }
    }
  }
  for (const int code : {0x00, 0x7f, 0x80, 0xff}) {
    for (const int64_t tokens : {2, 5}) {
      products.push_back(ExtremeProduct(traits.type, static_cast<std::byte>(code), tokens));
    }
  }
  return products;
}

// The number of products that are off.
int CheckType(const BlockTraits& traits, const std::vector<const Int8Kernels*>& kernels) {
  int failures = 0;
  for (const Product& product : ProductsOf(traits)) {
    uint64_t first_hash = 0;
    for (const Int8Kernels* set : kernels) {
      const std::vector<float> got = Multiply(*set, product);
      const std::string set_name(set->name);
      const double worst = WorstError(product, got);
      if (worst > 0) {
        std::printf("%s: %s is off by %g of its magnitudes, the tolerance is %g\n",
                    set_name.c_str(), product.name().c_str(), worst, kTolerance);
        ++failures;
      }
      const uint64_t hash = Hash(got);
      if (set == kernels.front()) first_hash = hash;
      if (hash != first_hash) {
        std::printf("%s: %s has other bits than %s\n", set_name.c_str(), product.name().c_str(),
                    std::string(kernels.front()->name).c_str());
        ++failures;
      }
    }
    std::printf("%s %016llx\n", product.name().c_str(),
                static_cast<unsigned long long>(first_hash));
  }
  return failures;
}

int Main() {
  const std::vector<const Int8Kernels*> kernels = KernelsOfThisMachine();
  for (const Int8Kernels* set : kernels) {
    std::fprintf(stderr, "kernels: %s\n", std::string(set->name).c_str());
  }
  if (kernels.empty()) {
    std::fprintf(stderr, "SKIP: this machine has no integer products\n");
    return kNothingToCheck;
  }
  int failures = 0;
  for (const BlockTraits& traits : AllBlockTraits()) {
    if (traits.is_quantized) failures += CheckType(traits, kernels);
  }
  return failures > 0 ? 1 : 0;
}

}  // namespace
}  // namespace dragoman

int main() { return dragoman::Main(); }
