// Encodes any bytes with the bundled model's tokenizer. Valid text without a literal space mark
// must come back as it was, and streaming must give what decoding at once gives.
#include <cstddef>
#include <cstdint>
#include <string>

#include "base/shared_data.h"
#include "base/utf8.h"
#include "text/tokenizer.h"

namespace {

const dragoman::Tokenizer& Mini() {
  static const auto tokenizer = [] {
    const auto folder = dragoman::FindSharedData("models/mini");
    DRAGOMAN_CHECK(folder);
    return dragoman::Tokenizer::FromJsonFile(*folder + "/tokenizer.json");
  }();
  DRAGOMAN_CHECK(tokenizer);
  return **tokenizer;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string text(reinterpret_cast<const char*>(data), size);
  for (const bool special : {false, true}) {
    const std::vector<int32_t> ids = Mini().Encode(text, {.parse_special = special});
    const std::string decoded = Mini().Decode(ids);
    dragoman::StreamingDecoder streaming(Mini());
    std::string streamed;
    for (const int32_t id : ids) streamed += streaming.Push(id);
    DRAGOMAN_CHECK(streamed + streaming.Finish() == decoded);
    const bool comes_back =
        !special && dragoman::IsValidUtf8(text) && text.find("\u2581") == std::string::npos;
    DRAGOMAN_CHECK(!comes_back || decoded == text);
  }
  return 0;
}
