// dragoman score. The options of the metrics have sacreBLEU's names.
#include <memory>
#include <string>

#include "cli/command_line.h"
#include "dragoman/evaluator.h"

namespace dragoman::cli {
namespace {

void AddTexts(CLI::App& command, api::ScoreOptions& options) {
  command
      .add_option("--hyp", options.hypotheses,
                  "Translations, a sentence a line; several files are several systems")
      ->required();
  command
      .add_option("--ref", options.references,
                  "References, the same number of lines; several files are several references")
      ->required();
  command.add_flag("--tabs", options.tabbed_references,
                   "A line of the reference file holds several, separated by tabs");
  command.add_option("--src", options.source, "Sources, for the exports");
  command.add_option("--lang", options.language,
                     "Target language or pair (en-ja): picks the BLEU tokenizer");
  command.add_option("-m,--metrics", options.metrics, "bleu, chrf, chrf++, ter")
      ->delimiter(',')
      ->capture_default_str();
}

void AddMetricOptions(CLI::App& command, api::ScoreOptions& options) {
  command.add_option("--tokenize", options.tokenizer,
                     "13a, zh, char, intl, none, ja-mecab, ko-mecab, flores101, flores200 or "
                     "spBLEU-1K; default: by language");
  command.add_option("--tokenizer-data", options.tokenizer_data,
                     "SentencePiece model, or the folder of MeCab's dictionary");
  command.add_option("--smooth-method", options.smooth_method, "exp, floor, add-k or none")
      ->capture_default_str();
  command.add_option("--smooth-value", options.smooth_value, "Of floor and add-k");
  command.add_option("--max-order", options.bleu_max_order, "BLEU's longest n-gram")
      ->capture_default_str();
  command.add_flag("--effective-order", options.bleu_effective_order,
                   "BLEU leaves out orders that a text is too short for");
  command.add_flag("--lowercase", options.bleu_lowercase, "BLEU without letter case");
  command.add_option("--chrf-char-order", options.chrf_char_order)->capture_default_str();
  command.add_option("--chrf-word-order", options.chrf_word_order, "2 is chrF++")
      ->capture_default_str();
  command.add_option("--chrf-beta", options.chrf_beta)->capture_default_str();
  command.add_flag("--chrf-lowercase", options.chrf_lowercase);
  command.add_flag("--chrf-whitespace", options.chrf_whitespace, "White space counts");
  command.add_flag("--chrf-eps-smoothing", options.chrf_eps_smoothing);
  command.add_flag("--ter-normalized", options.ter_normalized, "Tokenizes as Tercom does");
  command.add_flag("--ter-no-punct", options.ter_no_punct);
  command.add_flag("--ter-asian-support", options.ter_asian_support);
  command.add_flag("--ter-case-sensitive", options.ter_case_sensitive);
}

void AddStatistics(CLI::App& command, api::ScoreOptions& options) {
  command.add_flag("--confidence", options.confidence, "Bootstrap interval of each score");
  command.add_option("--confidence-n", options.confidence_draws, "Its draws")
      ->check(CLI::Range(1, 10'000'000))
      ->capture_default_str();
  command
      .add_option("--test", options.test,
                  "Each system against the first: bootstrap or randomisation, as sacreBLEU's "
                  "--paired-bs and --paired-ar")
      ->check(CLI::IsMember({"bootstrap", "randomisation"}));
  command
      .add_option("--test-n", options.test_draws,
                  "Draws of the test; default: 1000 for bootstrap, 10000 for randomisation")
      ->check(CLI::Range(1, 10'000'000));
  command.add_option("--seed", options.seed, "Of draws, as SACREBLEU_SEED")->capture_default_str();
  command.add_flag("--sentence-level", options.sentence_level,
                   "A score for each sentence too, as tab-separated lines");
  command.add_option("--width", options.decimals, "Decimals of the text")
      ->check(CLI::Range(0, 12))
      ->capture_default_str();
}

void AddNeural(CLI::App& command, api::ScoreOptions& options) {
  command.add_option("--segment-scores", options.segment_scores,
                     "NAME=FILE: scores of another metric, a sentence a line or JSON lines; more "
                     "is better");
  command.add_option("--segment-errors", options.segment_errors,
                     "The same where less is better, as with MetricX");
  command.add_option("--export-comet", options.export_comet,
                     "JSON lines to write: src, mt, ref of every sentence of every system");
  command.add_option("--export-metricx", options.export_metricx,
                     "JSON lines to write: source, hypothesis, reference");
  command.add_option("--export-statistics", options.export_statistics,
                     "JSON lines to write: the counts of every sentence, for statistics elsewhere");
}

}  // namespace

void AddScore(CLI::App& app, Context& context) {
  auto options = std::make_shared<api::ScoreOptions>();
  CLI::App* command = app.add_subcommand(
      "score", "BLEU, chrF and TER of any text, with tests, equal to sacreBLEU's");
  AddTexts(*command, *options);
  AddMetricOptions(*command, *options);
  AddStatistics(*command, *options);
  AddNeural(*command, *options);
  command->footer(
      "Examples:\n  dragoman score --hyp out.de --ref ref.de --lang de\n"
      "  dragoman score --hyp old.ja new.ja --ref ref.ja --lang en-ja -m bleu,chrf,ter --test "
      "bootstrap\n"
      "  dragoman score --hyp out.de --ref ref.de --src in.en --export-comet comet.jsonl\n"
      "  dragoman score --hyp out.de --ref ref.de --segment-scores COMET=scores.txt --confidence");
  command->callback([&context, options] { Finish(context, api::Score(*options)); });
}

}  // namespace dragoman::cli
