// Trimming the vocabulary of a model that is about to be written: its tensors, its metadata, and
// the proof on held-out text.
#ifndef DRAGOMAN_QUANTIZE_SOURCE_TRIM_H_
#define DRAGOMAN_QUANTIZE_SOURCE_TRIM_H_

#include <string>
#include <vector>

#include "dragoman/result.h"
#include "formats/gguf.h"
#include "quantize/quantize_source.h"
#include "quantize/vocabulary_options.h"
#include "text/vocabulary_trim.h"

namespace dragoman {

// Cuts the source's embedding down to what the languages need. A source that is trimmed already
// must keep them. Errors: those of Tokenizer::ForCheckpoint, ChooseVocabulary,
// KeptLanguages::Check.
Result<void> TrimSource(const VocabularyOptions& options, QuantizeSource& source);

// Of a layout for all of the source's rows: the metadata for those kept, and what that saves.
// Requires: source.trim. Errors: kUnsupported for a special token that went.
Result<void> TrimLayout(const QuantizeSource& source, OutputLayout& layout);

// The tokenizer of a GGUF (model "llama") without what went: pieces, scores and kinds in order,
// every id replaced, the kept languages and scripts named (text/kept_languages.h). Merges and an
// embedded tokenizer.json go: no reader of this tokenizer model looks at them.
Result<void> TrimGgufTokenizer(const VocabularyTrim& trim, GgufMetadata& metadata);

// Of files that took so many bytes with the whole vocabulary, and that take so many now.
VocabularyReport ReportOf(const SourceTrim& trim, uint64_t bytes_before, uint64_t bytes_after);

// Tokenizes the texts with the source's tokenizer and with that of the written file or
// folder. Errors: those of opening it.
Result<std::vector<HeldOutChange>> MeasureHeldOut(const Tokenizer& full,
                                                  const std::string& output_path,
                                                  const std::vector<HeldOutText>& texts);

}  // namespace dragoman

#endif  // DRAGOMAN_QUANTIZE_SOURCE_TRIM_H_
