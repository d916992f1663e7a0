// Parses any bytes as tokenizer.json; what loads must encode and decode without harm, and be
// trimmed to half of its pieces or refuse that.
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "text/tokenizer.h"
#include "text/trimmed_tokenizer_json.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using dragoman::Tokenizer;
  const std::string_view json(reinterpret_cast<const char*>(data), size);
  dragoman::VocabularyTrim trim;
  for (int32_t id = 0; id < 400; id += 2) trim.kept_ids.push_back(id);
  (void)dragoman::TrimTokenizerJson(json, trim, "fuzz");
  const auto tokenizer = Tokenizer::FromJson(json, "fuzz");
  if (!tokenizer) return 0;
  for (const char* text : {"the inn  <eos>\n\n\n aaaa> </a", "\xff\xe2\x96 ты日本"}) {
    (*tokenizer)->Decode((*tokenizer)->Encode(text, {.add_bos = true}), true);
  }
  return 0;
}
