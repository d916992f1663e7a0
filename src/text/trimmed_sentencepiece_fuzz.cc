// Trims any bytes as tokenizer.model; what comes out can be trimmed again, to itself.
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "dragoman/result.h"
#include "text/trimmed_sentencepiece.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view model(reinterpret_cast<const char*>(data), size);
  dragoman::VocabularyTrim odd, all;
  for (int32_t id = 0; id < 400; ++id) {
    all.kept_ids.push_back(id);
    if (id % 2 == 1) odd.kept_ids.push_back(id);
  }
  const auto trimmed = dragoman::TrimSentencePieceModel(model, odd, "fuzz");
  if (!trimmed) return 0;
  const auto again = dragoman::TrimSentencePieceModel(*trimmed, all, "fuzz");
  DRAGOMAN_CHECK(again.has_value());
  return 0;
}
