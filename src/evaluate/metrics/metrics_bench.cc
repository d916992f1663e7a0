// Speed of the metrics, one thread, over the golden table's sentences. How sacreBLEU compares:
// docs/benchmarks.md, "Scores without a model".
#include <benchmark/benchmark.h>

#include "base/atomic_file.h"
#include "base/json.h"
#include "evaluate/metrics/bleu.h"
#include "evaluate/metrics/chrf.h"
#include "evaluate/metrics/ter.h"

namespace dragoman {
namespace {

struct Corpus {
  std::vector<std::string> hypotheses, references;
  int64_t bytes = 0;
};

// The plain sentences of the table, repeated.
const Corpus& TestCorpus() {
  static const Corpus corpus = [] {
    Corpus out;
    const auto text = ReadFile(DRAGOMAN_SOURCE_DIR "/tests/golden/sacrebleu_cases.jsonl");
    std::string_view rest = text ? std::string_view(*text) : std::string_view();
    while (!rest.empty()) {
      const size_t end = rest.find('\n');
      const auto json = ParseJson(rest.substr(0, end), "golden");
      rest.remove_prefix(end + 1);
      if (!json || json->value("kind", "").rfind("text-", 0) != 0) continue;
      for (const auto& line : (*json)["hyp"]) out.hypotheses.push_back(line);
      for (const auto& line : (*json)["ref"]) out.references.push_back(line);
    }
    for (const auto& line : out.hypotheses) out.bytes += static_cast<int64_t>(line.size());
    for (const auto& line : out.references) out.bytes += static_cast<int64_t>(line.size());
    return out;
  }();
  return corpus;
}

void Report(benchmark::State& state) {
  const Corpus& corpus = TestCorpus();
  state.SetItemsProcessed(state.iterations() * static_cast<int64_t>(corpus.hypotheses.size()));
  state.SetBytesProcessed(state.iterations() * corpus.bytes);
}

void BM_Bleu(benchmark::State& state) {
  const Corpus& corpus = TestCorpus();
  const BleuOptions tokenizer{.tokenizer = static_cast<BleuTokenizer>(state.range(0))};
  for (auto _ : state) {
    benchmark::DoNotOptimize(CorpusBleu(tokenizer, corpus.hypotheses, corpus.references).score);
  }
  Report(state);
}
BENCHMARK(BM_Bleu)
    ->Arg(static_cast<int>(BleuTokenizer::k13a))
    ->Arg(static_cast<int>(BleuTokenizer::kZh))
    ->Arg(static_cast<int>(BleuTokenizer::kChar));

void BM_Chrf(benchmark::State& state) {
  const Corpus& corpus = TestCorpus();
  const ChrfOptions options{.word_order = static_cast<int>(state.range(0))};
  for (auto _ : state) {
    benchmark::DoNotOptimize(CorpusChrf(options, corpus.hypotheses, corpus.references));
  }
  Report(state);
}
BENCHMARK(BM_Chrf)->Arg(0)->Arg(2);

void BM_Ter(benchmark::State& state) {
  const Corpus& corpus = TestCorpus();
  TerCounter counter({});
  for (auto _ : state) {
    TerStats stats;
    for (size_t i = 0; i < corpus.hypotheses.size(); ++i)
      stats += counter.Count(corpus.hypotheses[i], std::span(&corpus.references[i], 1));
    benchmark::DoNotOptimize(ComputeTer(stats));
  }
  Report(state);
}
BENCHMARK(BM_Ter);

}  // namespace
}  // namespace dragoman
