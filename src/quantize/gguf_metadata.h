// The metadata of a GGUF that Dragoman writes: architecture, tokenizer, provenance.
#ifndef DRAGOMAN_QUANTIZE_GGUF_METADATA_H_
#define DRAGOMAN_QUANTIZE_GGUF_METADATA_H_

#include <cstdint>

#include "dragoman/result.h"
#include "formats/checkpoint.h"
#include "formats/gguf.h"
#include "model/gemma3_config.h"
#include "quantize/importance.h"
#include "quantize/recipe.h"
#include "text/tokenizer.h"

namespace dragoman {

// From a Hugging Face folder: keys of the gemma3 architecture and the tokenizer's pieces, one for
// each of `embedding_rows`. From a GGUF: its own metadata, with the file type replaced.
// `importance` may be null. Errors: kUnsupported (a config that GGUF has no keys for), those of the
// tokenizer.
Result<GgufMetadata> BuildGgufMetadata(const Checkpoint& checkpoint, const Gemma3Config& config,
                                       uint64_t embedding_rows, const Recipe& recipe,
                                       const ImportanceMatrix* importance);

}  // namespace dragoman

#endif  // DRAGOMAN_QUANTIZE_GGUF_METADATA_H_
