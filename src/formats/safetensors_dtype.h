// Spellings of element types in safetensors.
#ifndef DRAGOMAN_FORMATS_SAFETENSORS_DTYPE_H_
#define DRAGOMAN_FORMATS_SAFETENSORS_DTYPE_H_

#include <optional>
#include <string_view>

#include "blocks/block_type.h"

namespace dragoman {

// The plain types are spelled as Dragoman names them: F64 F32 F16 BF16 I64 I32 I16 I8. Quantized
// blocks have no spelling there, and the format's other types (U8, BOOL, F8_E4M3, ...) occur in no
// Gemma 3 text model.
inline std::optional<BlockType> ParseSafetensorsDtype(std::string_view dtype) {
  for (const BlockTraits& traits : AllBlockTraits()) {
    if (!traits.is_quantized && traits.name == dtype) return traits.type;
  }
  return std::nullopt;
}

}  // namespace dragoman

#endif  // DRAGOMAN_FORMATS_SAFETENSORS_DTYPE_H_
