// Processor seconds that each metric takes on a hypothesis and a reference file, one thread: the counterpart of sacrebleu_speed.py.
// usage: score_speed HYPOTHESES REFERENCES
#include <fmt/format.h>

#include <algorithm>
#include <ctime>
#include <fstream>
#include <string>
#include <vector>

#include "evaluate/metrics/metric.h"

namespace {

std::vector<std::string> ReadLines(const char* path) {
  std::ifstream in(path);
  std::vector<std::string> lines;
  for (std::string line; std::getline(in, line);) lines.push_back(line);
  return lines;
}

double Now() {  // processor time: other programs on the machine do not count
  timespec time{};
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time);
  return static_cast<double>(time.tv_sec) + 1e-9 * static_cast<double>(time.tv_nsec);
}

}  // namespace

int main(int argc, char** argv) {
  using namespace dragoman;
  if (argc != 3) return 2;
  const auto hypotheses = ReadLines(argv[1]);
  const auto references = ReadLines(argv[2]);
  if (hypotheses.size() != references.size() || hypotheses.empty()) return 2;
  struct Run {
    const char* name;
    std::unique_ptr<Metric> metric;
  };
  Run runs[] = {{"bleu-13a", MakeBleuMetric({})},
                {"bleu-intl", MakeBleuMetric({.tokenizer = BleuTokenizer::kIntl})},
                {"bleu-char", MakeBleuMetric({.tokenizer = BleuTokenizer::kChar})},
                {"bleu-13a-lc", MakeBleuMetric({.lowercase = true})},
                {"chrf", MakeChrfMetric({})},
                {"chrf++", MakeChrfMetric({.word_order = 2})},
                {"ter", MakeTerMetric({})},
                {"ter-norm", MakeTerMetric({.normalized = true})}};
  for (const Run& run : runs) {
    double best = 1e9, score = 0;
    for (int repetition = 0; repetition < 5; ++repetition) {
      const double start = Now();
      std::vector<double> sums(run.metric->columns()), row(run.metric->columns());
      for (size_t i = 0; i < hypotheses.size(); ++i) {
        run.metric->Count(hypotheses[i], {&references[i], 1}, row);
        for (size_t c = 0; c < row.size(); ++c) sums[c] += row[c];
      }
      score = run.metric->Score(sums);
      best = std::min(best, Now() - start);
    }
    fmt::print("{} {:.17g} {:.6f}\n", run.name, score, best);
  }
}
