// "--languages" and "--corpus" as the quantize room takes them.
#ifndef DRAGOMAN_API_VOCABULARY_REQUEST_H_
#define DRAGOMAN_API_VOCABULARY_REQUEST_H_

#include <optional>
#include <string>
#include <vector>

#include "dragoman/result.h"
#include "quantize/vocabulary_options.h"

namespace dragoman::api {

// Nothing without languages. Held-out texts: the built-in suite's sentences in these languages, and
// the corpus files. Errors: kInvalidArgument (an unknown language with the nearest valid ones, a
// corpus without languages), kNotFound, kIo.
Result<std::optional<VocabularyOptions>> ReadVocabularyRequest(
    const std::vector<std::string>& languages, const std::vector<std::string>& corpus_files);

// Lines for people: what was kept, what that saved, which held-out text changed.
std::string DescribeVocabulary(const VocabularyReport& report);

}  // namespace dragoman::api

#endif  // DRAGOMAN_API_VOCABULARY_REQUEST_H_
