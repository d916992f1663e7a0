// The text a quantizer calibrates on: source sentences, spread over the target languages of the
// job.
#ifndef DRAGOMAN_QUANTIZE_CALIBRATION_SET_H_
#define DRAGOMAN_QUANTIZE_CALIBRATION_SET_H_

#include <cstdint>
#include <string>
#include <vector>

#include "dragoman/result.h"
#include "translate/translator.h"

namespace dragoman {

// Into how many languages error feedback has each sentence translated: second moments want more
// text than importances do.
inline constexpr int64_t kFeedbackTargets = 3;

struct CalibrationOptions {
  // JSONL ("text" or "source"), a suite (.json), TSV (first column) or plain text; empty: the set
  // that ships.
  std::string sources_path;
  std::string source_language = "en";
  std::vector<std::string> target_languages;  // empty: zh es fr de ja ko ar hi ru
  int64_t max_sentences = 0;                  // 0: all; else evenly spread over the set
  int64_t targets_per_sentence = 1;           // the next so many of the languages; 0: all
};

struct CalibrationSet {
  std::string name;                          // file name, for the record
  std::string hash;                          // SHA-256 of the file and the options
  std::vector<TranslationRequest> requests;  // sentence i goes to language i modulo their number,
                                             // and to those after it
};

// Errors: kNotFound, kCorruptFile (file and line), kInvalidArgument (unknown language, no
// sentence).
Result<CalibrationSet> LoadCalibrationSet(const CalibrationOptions& options);

}  // namespace dragoman

#endif  // DRAGOMAN_QUANTIZE_CALIBRATION_SET_H_
