// What trimming a vocabulary is asked for, and what came of it.
#ifndef DRAGOMAN_QUANTIZE_VOCABULARY_OPTIONS_H_
#define DRAGOMAN_QUANTIZE_VOCABULARY_OPTIONS_H_

#include <cstdint>
#include <string>
#include <vector>

#include "base/json.h"
#include "text/languages.h"

namespace dragoman {

struct HeldOutText {
  std::string name;  // "de", or a file's name
  std::vector<std::string> lines;
};

struct VocabularyOptions {
  std::vector<Language> languages;
  std::vector<std::string> corpus;    // texts: every character in them is kept
  std::vector<HeldOutText> held_out;  // tokenized with the source and with the finished file
};

struct HeldOutChange {
  std::string name;
  int64_t lines = 0;
  int64_t changed_lines = 0;  // whose pieces are spelled differently
};

struct VocabularyReport {
  std::vector<std::string> languages;  // codes
  std::vector<std::string> scripts;    // ISO 15924
  uint64_t pieces_before = 0;          // rows of the embedding
  uint64_t pieces_after = 0;
  uint64_t bytes_saved = 0;             // of the whole file, against the same recipe untrimmed
  std::vector<HeldOutChange> held_out;  // empty in a plan
};
OrderedJson ToJson(const VocabularyReport& report);

}  // namespace dragoman

#endif  // DRAGOMAN_QUANTIZE_VOCABULARY_OPTIONS_H_
