// Importance of each input column of each linear layer: the second moment E[x^2] over calibration
// text.
//
// Collected through the model's tap on the model's own translations; read and written as
// llama.cpp's imatrix GGUF (one entry a weight tensor, sums of squares and token counts). Also
// holds "token_embd.weight" (the final norm's output), which public tools leave unweighted.
#ifndef DRAGOMAN_QUANTIZE_IMPORTANCE_H_
#define DRAGOMAN_QUANTIZE_IMPORTANCE_H_

#include <cstdint>
#include <functional>
#include <map>
#include <span>
#include <string>
#include <vector>

#include "dragoman/result.h"
#include "formats/gguf.h"
#include "translate/translator.h"

namespace dragoman {

struct ImportanceEntry {
  std::vector<float> sum_of_squares;  // [cols]
  uint64_t tokens = 0;
};

struct ImportanceMatrix {
  std::map<std::string, ImportanceEntry> entries;  // by canonical tensor name
  std::vector<std::string> datasets;               // where the text came from
  std::string hash;  // of model files and calibration text; caching key
};

// Translates the requests greedily, then runs prompt + translation through the model once more,
// summing squares of every linear's input over the positions. Deterministic. Errors: those of
// Translator.
Result<ImportanceMatrix> CollectImportance(
    Translator& translator, std::span<const TranslationRequest> requests,
    const std::function<void(size_t done, size_t total)>& progress = {});

Result<void> WriteImatrix(const std::string& path, const ImportanceMatrix& matrix);
// A GGUF, or the binary form that llama.cpp wrote before (imatrix.dat), whose counts are calls, not
// tokens. Errors: kCorruptFile, kNotFound, kIo.
Result<ImportanceMatrix> ReadImatrix(const std::string& path);
// From a file already open; `where` names it in errors.
Result<ImportanceMatrix> ParseImatrix(const GgufFile& file, const std::string& where);
// The older form. Errors: kCorruptFile.
Result<ImportanceMatrix> ParseLegacyImatrix(std::span<const std::byte> bytes,
                                            const std::string& where);

}  // namespace dragoman

#endif  // DRAGOMAN_QUANTIZE_IMPORTANCE_H_
