// A model on disk as named tensors, whatever the container: a folder or file of safetensors, or a
// GGUF.
//
// Opening checks every header byte against the rules of docs/formats and maps the files; no tensor
// byte is read before Data() is used. The view is read-only and thread-safe.
#ifndef DRAGOMAN_FORMATS_CHECKPOINT_H_
#define DRAGOMAN_FORMATS_CHECKPOINT_H_

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "blocks/block_type.h"
#include "dragoman/result.h"

namespace dragoman {

struct TensorInfo {
  std::string name;  // as the container spells it
  BlockType type = BlockType::kF32;
  std::vector<uint64_t> shape;  // outermost first: [out, in] for a matrix, [dim] for a vector
  uint32_t file_index = 0;      // into Checkpoint::files()
  uint64_t offset_bytes = 0;    // from the start of that file
  uint64_t size_bytes = 0;

  uint64_t elems() const {
    uint64_t n = 1;
    for (uint64_t d : shape) n *= d;
    return n;
  }
  uint64_t cols() const { return shape.empty() ? 1 : shape.back(); }
  uint64_t rows() const { return cols() == 0 ? 0 : elems() / cols(); }
};

enum class ContainerFormat { kSafetensors, kGguf };

class GgufFile;

class Checkpoint {
 public:
  virtual ~Checkpoint() = default;
  virtual ContainerFormat format() const = 0;
  // The path given to OpenCheckpoint.
  virtual const std::string& path() const = 0;
  // Absolute or given paths of every file with tensors, in order.
  virtual const std::vector<std::string>& files() const = 0;
  // In file order.
  virtual const std::vector<TensorInfo>& tensors() const = 0;
  // Null when absent.
  virtual const TensorInfo* Find(std::string_view name) const = 0;
  // The mapped bytes, exactly size_bytes long.
  virtual std::span<const std::byte> Data(const TensorInfo& tensor) const = 0;
  // Tells the kernel that the tensor's pages may leave this process (after a streaming pass over
  // it).
  virtual void Release(const TensorInfo& tensor) const = 0;
  // The folder with config.json, tokenizer.json, ...; empty for a GGUF.
  virtual const std::string& folder() const = 0;
  // The GGUF metadata; null for safetensors.
  virtual const GgufFile* gguf() const = 0;
};

// Opens a folder (model.safetensors.index.json, else model.safetensors, else a single *.safetensors
// or
// *.gguf in it), a .safetensors file, an index file, or a .gguf file (its first shard when split).
// Errors: kNotFound, kCorruptFile, kUnsupported, kIo; each names file, tensor, offset, expected,
// found.
Result<std::unique_ptr<Checkpoint>> OpenCheckpoint(const std::string& path);

struct FiniteScan {
  uint64_t nan_count = 0;
  uint64_t inf_count = 0;
  uint64_t first_bad_elem = 0;  // element index, valid when a count is not 0
};
// Looks for NaN and infinity at memory speed; quantized types: in their fp16 scales.
FiniteScan ScanFinite(BlockType type, std::span<const std::byte> bytes);

}  // namespace dragoman

#endif  // DRAGOMAN_FORMATS_CHECKPOINT_H_
