// Options in words to metrics, files to scores.
#include "evaluate/score.h"

#include <algorithm>
#include <utility>

#include "base/atomic_file.h"
#include "dragoman/evaluator.h"

namespace dragoman::api {
namespace {

tl::unexpected<Error> Unknown(const std::string& what, const std::string& choices,
                              const std::string& found) {
  return Fail(ErrorCode::kInvalidArgument,
              "expected " + what + " " + choices + ", found \"" + found + "\"", "score");
}

Result<BleuSmoothing> ParseSmoothing(const std::string& name) {
  if (name == "exp") return BleuSmoothing::kExp;
  if (name == "floor") return BleuSmoothing::kFloor;
  if (name == "add-k") return BleuSmoothing::kAddK;
  if (name == "none") return BleuSmoothing::kNone;
  return Unknown("a smoothing", "exp, floor, add-k or none", name);
}

Result<void> UseSegmenter(Result<std::shared_ptr<const Segmenter>> segmenter, BleuOptions& bleu) {
  if (!segmenter) return tl::unexpected(segmenter.error());
  bleu.tokenizer = BleuTokenizer::kSegmenter;
  bleu.segmenter = std::move(*segmenter);
  return {};
}

Result<void> ChooseTokenizer(const ScoreOptions& options, BleuOptions& bleu) {
  const std::string& name = options.tokenizer;
  static constexpr std::pair<const char*, BleuTokenizer> kPlain[] = {
      {"13a", BleuTokenizer::k13a},
      {"zh", BleuTokenizer::kZh},
      {"char", BleuTokenizer::kChar},
      {"intl", BleuTokenizer::kIntl},
      {"none", BleuTokenizer::kNone}};
  for (const auto& [plain, tokenizer] : kPlain) {
    if (name != plain) continue;
    bleu.tokenizer = tokenizer;
    return {};
  }
  if (name == "ja-mecab")
    return UseSegmenter(OpenMecab(MecabLanguage::kJapanese, options.tokenizer_data), bleu);
  if (name == "ko-mecab")
    return UseSegmenter(OpenMecab(MecabLanguage::kKorean, options.tokenizer_data), bleu);
  if (name == "flores101" || name == "flores200" || name == "spBLEU-1K") {
    if (options.tokenizer_data.empty()) {
      return Fail(ErrorCode::kInvalidArgument,
                  "the tokenizer " + name + " needs its SentencePiece model (--tokenizer-data)",
                  "score");
    }
    return UseSegmenter(OpenSentencePiece(options.tokenizer_data, name), bleu);
  }
  return Unknown("a tokenizer",
                 "13a, zh, char, intl, none, ja-mecab, ko-mecab, flores101, flores200 or spBLEU-1K",
                 name);
}

Result<std::unique_ptr<Metric>> MakeBleu(const ScoreOptions& options) {
  const std::string target = options.language.substr(options.language.find_last_of('-') + 1);
  BleuOptions bleu =
      BleuOptionsFor(target, options.tokenizer.empty() ? options.tokenizer_data : std::string());
  if (!options.tokenizer.empty()) DRAGOMAN_RETURN_IF_ERROR(ChooseTokenizer(options, bleu));
  DRAGOMAN_ASSIGN_OR_RETURN(bleu.smoothing, ParseSmoothing(options.smooth_method));
  bleu.smooth_value = options.smooth_value;
  bleu.max_order = options.bleu_max_order;
  // As sacreBLEU: a single sentence often lacks the higher orders.
  bleu.effective_order = options.bleu_effective_order || options.sentence_level;
  bleu.lowercase = options.bleu_lowercase;
  if (bleu.max_order < 1 || bleu.max_order > kMaxBleuOrder) {
    return Unknown("BLEU's highest order", "from 1 to " + std::to_string(kMaxBleuOrder),
                   std::to_string(bleu.max_order));
  }
  return MakeBleuMetric(bleu);
}

Result<std::unique_ptr<Metric>> MakeChrf(const ScoreOptions& options, int word_order) {
  const ChrfOptions chrf{.char_order = options.chrf_char_order,
                         .word_order = word_order,
                         .beta = options.chrf_beta,
                         .lowercase = options.chrf_lowercase,
                         .whitespace = options.chrf_whitespace,
                         .eps_smoothing = options.chrf_eps_smoothing};
  if (chrf.char_order < 1 || chrf.word_order < 0 || chrf.beta < 1 ||
      chrf.char_order > kMaxChrfOrders - chrf.word_order) {
    return Unknown("chrF's orders",
                   "of characters from 1 and of words from 0, at most " +
                       std::to_string(kMaxChrfOrders) + " together, and a beta from 1",
                   std::to_string(chrf.char_order) + ", " + std::to_string(word_order) + ", " +
                       std::to_string(chrf.beta));
  }
  return MakeChrfMetric(chrf);
}

Result<std::unique_ptr<Metric>> MakeMetric(const std::string& name, const ScoreOptions& options) {
  if (name == "bleu") return MakeBleu(options);
  if (name == "chrf") return MakeChrf(options, options.chrf_word_order);
  if (name == "chrf++") return MakeChrf(options, 2);
  if (name == "ter") {
    return MakeTerMetric({.normalized = options.ter_normalized,
                          .no_punct = options.ter_no_punct,
                          .asian_support = options.ter_asian_support,
                          .case_sensitive = options.ter_case_sensitive});
  }
  return Unknown("a metric", "bleu, chrf, chrf++ or ter", name);
}

std::vector<SegmentName> SegmentNames(const ScoreTexts& texts) {
  std::vector<SegmentName> names;
  for (const std::string& system : texts.names) {
    for (size_t i = 0; i < texts.sentences(); ++i)
      names.push_back({system, "", std::to_string(i + 1)});
  }
  return names;
}

Result<SegmentScores> ReadSegmentScores(const std::string& option, bool higher_is_better,
                                        const ScoreTexts& texts) {
  const size_t split = option.find('=');
  if (split == 0 || split == std::string::npos)
    return Unknown("segment scores", "as NAME=FILE", option);
  const std::string path = option.substr(split + 1);
  SegmentScores scores{option.substr(0, split), higher_is_better, {}};
  DRAGOMAN_ASSIGN_OR_RETURN(const std::string text, ReadFile(path));
  DRAGOMAN_ASSIGN_OR_RETURN(const std::vector<double> all,
                            ParseSegmentScores(text, path, scores.name, SegmentNames(texts)));
  const auto count = static_cast<std::ptrdiff_t>(texts.sentences());
  for (auto begin = all.begin(); begin != all.end(); begin += count)
    scores.systems.emplace_back(begin, begin + count);
  return scores;
}

Result<void> Export(const std::string& path, NeuralFormat format, const ScoreTexts& texts) {
  if (path.empty()) return {};
  if (texts.sources.empty()) {
    return Fail(ErrorCode::kInvalidArgument, "a neural metric reads the source: --src is missing",
                path);
  }
  std::vector<NeuralSegment> segments;
  for (size_t s = 0; s < texts.names.size(); ++s) {
    for (size_t i = 0; i < texts.sentences(); ++i) {
      segments.push_back({{texts.names[s], "", std::to_string(i + 1)},
                          texts.sources[i],
                          texts.hypotheses[s][i],
                          texts.references[i].front()});
    }
  }
  return WriteFileAtomically(path, FormatNeuralLines(format, segments));
}

Result<ScorePlan> MakePlan(const ScoreOptions& options) {
  ScorePlan plan;
  plan.confidence = options.confidence;
  plan.confidence_draws = options.confidence_draws;
  plan.seed = options.seed;
  plan.sentences = options.sentence_level;
  if (options.test == "bootstrap") {
    plan.test = PairedTest::kBootstrap;
    plan.test_draws = kDefaultBootstrapDraws;
  } else if (options.test == "randomisation") {
    plan.test = PairedTest::kRandomisation;
    plan.test_draws = kDefaultRandomisationTrials;
  } else if (!options.test.empty()) {
    return Unknown("a test", "bootstrap or randomisation", options.test);
  }
  if (options.test_draws > 0) plan.test_draws = options.test_draws;
  return plan;
}

}  // namespace

Result<Report> Score(const ScoreOptions& options) {
  if (options.hypotheses.empty() || options.references.empty() ||
      (options.tabbed_references && options.references.size() != 1)) {
    return Fail(ErrorCode::kInvalidArgument,
                "expected at least one file of translations and one of references; with tabs, "
                "exactly one of references",
                "score");
  }
  DRAGOMAN_ASSIGN_OR_RETURN(const ScorePlan plan, MakePlan(options));
  std::vector<std::unique_ptr<Metric>> metrics;
  for (const std::string& name : options.metrics) {
    DRAGOMAN_ASSIGN_OR_RETURN(auto metric, MakeMetric(name, options));
    metrics.push_back(std::move(metric));
  }
  DRAGOMAN_ASSIGN_OR_RETURN(const ScoreTexts texts,
                            ReadScoreTexts({options.hypotheses, options.references, options.source,
                                            options.tabbed_references}));
  DRAGOMAN_RETURN_IF_ERROR(Export(options.export_comet, NeuralFormat::kComet, texts));
  DRAGOMAN_RETURN_IF_ERROR(Export(options.export_metricx, NeuralFormat::kMetricX, texts));
  if (!options.export_statistics.empty()) {
    DRAGOMAN_RETURN_IF_ERROR(
        WriteFileAtomically(options.export_statistics, FormatStatistics(texts, metrics)));
  }
  std::vector<SegmentScores> outside;
  for (const auto& [given, higher] :
       {std::pair(&options.segment_scores, true), std::pair(&options.segment_errors, false)}) {
    for (const std::string& option : *given) {
      DRAGOMAN_ASSIGN_OR_RETURN(SegmentScores scores, ReadSegmentScores(option, higher, texts));
      outside.push_back(std::move(scores));
    }
  }
  DRAGOMAN_ASSIGN_OR_RETURN(const ScoreReport report, ScoreSystems(texts, metrics, outside, plan));
  return Report{DumpJson(ToJson(report)), Format(report, options.decimals), 0};
}

}  // namespace dragoman::api
