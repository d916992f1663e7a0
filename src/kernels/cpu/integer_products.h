// Products with activations rounded to 8 bits (int8_product.h), shared among threads.
#ifndef DRAGOMAN_KERNELS_CPU_INTEGER_PRODUCTS_H_
#define DRAGOMAN_KERNELS_CPU_INTEGER_PRODUCTS_H_

#include <cstdint>
#include <span>
#include <vector>

#include "base/thread_pool.h"
#include "kernels/cpu/int8_product.h"
#include "kernels/cpu/kernel_table.h"
#include "kernels/kernels.h"

namespace dragoman {

// Not thread-safe: one product at a time. `table` must have integer kernels; both must outlive
// this.
class IntegerProducts {
 public:
  IntegerProducts(const KernelTable& table, ThreadPool& pool);

  // Whether there is an integer product with weights of this type.
  bool Knows(const WeightMatrix& w) const;
  // As Backend::MatMuls and Backend::GatedMatMul. False, with nothing done, when one of the
  // matrices has no integer product or they want activations cut differently.
  bool Multiply(const ProductInput& input, std::span<const LinearProduct> products);
  bool MultiplyGated(const ProductInput& input, const LinearProduct& gate, const LinearProduct& up);

  uint64_t scratch_bytes() const;

 private:
  // The activations rounded as weights of one type want them. Its memory outlives products.
  struct Rounding {
    BlockType type = BlockType::kF32;
    Int8Activations x;
    std::vector<int8_t> codes;
    std::vector<float> scales;
    std::vector<uint32_t> corrections;

    void Reserve();
  };

  // A product and how it is cut into pieces, which are numbered from first_piece on.
  struct Part {
    Int8Piece whole;
    int64_t piece_rows = 0;
    int64_t piece_chunks = 0;
    int64_t first_piece = 0;

    int64_t row_pieces() const;
    int64_t pieces() const;
    Int8Piece PieceAt(int64_t index) const;
  };

  bool LayOut(const ProductInput& input, std::span<const LinearProduct> products);
  // Finds, or adds, the rounding for such weights. Null when there is no integer product.
  const Rounding* RoundingFor(const WeightMatrix& w, int64_t tokens);
  // Norms the activations where asked, and rounds them in every way that is wanted.
  void Round(const ProductInput& input);
  Part PartOf(const LinearProduct& product, const Rounding& rounding) const;
  bool IsSmall(const ProductInput& input) const;

  const KernelTable& table_;
  const Int8Kernels& int8_;
  ThreadPool& pool_;
  // Of the product in progress.
  std::vector<Rounding> roundings_;
  size_t used_roundings_ = 0;
  std::vector<Part> parts_;
};

}  // namespace dragoman

#endif  // DRAGOMAN_KERNELS_CPU_INTEGER_PRODUCTS_H_
