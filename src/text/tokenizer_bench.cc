// How fast a tokenizer loads and encodes. Uses the file that DRAGOMAN_TOKENIZER_JSON names (the
// real Gemma 3 one, to be comparable), else the bundled model's.
#include <benchmark/benchmark.h>

#include <cstdlib>
#include <string>

#include "base/atomic_file.h"
#include "base/json.h"
#include "text/tokenizer.h"

namespace dragoman {
namespace {

constexpr const char* kSource = DRAGOMAN_SOURCE_DIR;

std::string TokenizerPath() {
  const char* chosen = std::getenv("DRAGOMAN_TOKENIZER_JSON");
  return chosen != nullptr ? chosen : std::string(kSource) + "/models/mini/tokenizer.json";
}

// Sentences of ten languages, one text with a newline behind each.
std::string Sentences() {
  const Result<std::string> file =
      ReadFile(std::string(kSource) + "/tests/parity_tokenizer/sentences.jsonl");
  std::string text;
  if (!file) return text;
  for (size_t begin = 0; begin < file->size();) {
    const size_t end = file->find('\n', begin);
    const Result<Json> line = ParseJson(file->substr(begin, end - begin), "sentences.jsonl");
    if (line && line->is_string()) text += line->get<std::string>() + "\n";
    begin = end == std::string::npos ? file->size() : end + 1;
  }
  return text;
}

const Tokenizer* Loaded() {
  static const Result<std::unique_ptr<Tokenizer>> tokenizer =
      Tokenizer::FromJsonFile(TokenizerPath());
  return tokenizer ? tokenizer->get() : nullptr;
}

void EncodeText(benchmark::State& state, const std::string& text) {
  const Tokenizer* tokenizer = Loaded();
  if (tokenizer == nullptr || text.empty()) {
    state.SkipWithError("no tokenizer or no text");
    return;
  }
  size_t tokens = 0;
  for (auto _ : state) {
    const std::vector<int32_t> ids = tokenizer->Encode(text, {});
    tokens = ids.size();
    benchmark::DoNotOptimize(ids.data());
  }
  state.SetBytesProcessed(static_cast<int64_t>(state.iterations() * text.size()));
  state.counters["bytes_per_token"] =
      static_cast<double>(text.size()) / static_cast<double>(tokens);
}

void BM_Load(benchmark::State& state) {
  for (auto _ : state) {
    auto tokenizer = Tokenizer::FromJsonFile(TokenizerPath());
    if (!tokenizer) state.SkipWithError(ToString(tokenizer.error()).c_str());
    benchmark::DoNotOptimize(tokenizer);
  }
}
BENCHMARK(BM_Load)->Unit(benchmark::kMillisecond);

void BM_EncodeSentences(benchmark::State& state) { EncodeText(state, Sentences()); }
BENCHMARK(BM_EncodeSentences)->Unit(benchmark::kMillisecond);

void BM_EncodeOneLetter(benchmark::State& state) { EncodeText(state, std::string(1 << 20, 'a')); }
BENCHMARK(BM_EncodeOneLetter)->Unit(benchmark::kMillisecond);

void BM_EncodeSpaces(benchmark::State& state) { EncodeText(state, std::string(1 << 20, ' ')); }
BENCHMARK(BM_EncodeSpaces)->Unit(benchmark::kMillisecond);

void BM_DecodeSentences(benchmark::State& state) {
  const Tokenizer* tokenizer = Loaded();
  if (tokenizer == nullptr) {
    state.SkipWithError("no tokenizer");
    return;
  }
  const std::vector<int32_t> ids = tokenizer->Encode(Sentences(), {});
  size_t bytes = 0;
  for (auto _ : state) bytes += tokenizer->Decode(ids).size();
  state.SetBytesProcessed(static_cast<int64_t>(bytes));
}
BENCHMARK(BM_DecodeSentences)->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace dragoman
