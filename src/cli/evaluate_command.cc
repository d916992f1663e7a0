// dragoman suite, benchmark, compare, bench
#include <memory>
#include <string>
#include <vector>

#include "cli/command_line.h"
#include "dragoman/evaluator.h"

namespace dragoman::cli {

namespace {

constexpr char kSuiteFooter[] =
    "Formats, told by the content or forced with --format:\n"
    "  jsonl    a line a pair: source_lang, target_lang, source, reference, optionally id, "
    "domain,\n"
    "           license, keep; or text by language; or WMT24++; or {\"translation\": {\"en\": "
    "...}}\n"
    "  flores   a folder of FLORES-200 (devtest/eng_Latn.devtest) or FLORES+ "
    "(devtest/eng_Latn.jsonl,\n"
    "           .tsv)\n"
    "  ntrex    a folder of NTREX-128 (newstest2019-src.eng.txt, newstest2019-ref.deu.txt)\n"
    "  plain    a file a language, a sentence a line: news.en news.de, or en=FILE de=FILE\n"
    "  tsv      a table with tabs: columns source and target, or named by language, or unnamed\n"
    "  sgm      WMT before 2021: one srcset, one or more refset\n"
    "  wmt-xml  WMT from 2021 on\n"
    "  tmx      translation memories\n"
    "Codes of other catalogues are understood: eng_Latn is en, zho_Hant is zh-Hant. A source that "
    "occurs twice in a\npair counts once. The seeded choice keeps the shares of the domains and "
    "takes "
    "the same sentences in every\nlanguage of a parallel set. The file written states files, "
    "hashes "
    "and licence.\n\n"
    "Examples:\n"
    "  dragoman suite --samples-per-language 50\n"
    "  dragoman suite -i flores200_dataset --languages de,fr,ja --include-edge-cases\n"
    "  dragoman suite -i NTREX-128 --pairs de-en,fr-de -o ntrex.json\n"
    "  dragoman suite -i news-src.en.sgm news-ref.de.sgm -o news.json\n"
    "  dragoman suite -i memory.tmx --from en --languages de --license \"CC0\"\n"
    "  dragoman suite -i table.tsv --from en --languages ko\n"
    "  dragoman benchmark --suite news.json -o results.json";

void AddSuiteInputs(CLI::App& command, api::SuiteOptions& options) {
  command.add_option("-o,--output", options.output,
                     "JSON to write; default: WORKSPACE/eval/translate_gemma_test_suite.json");
  command.add_option("-i,--input", options.inputs,
                     "Test set: a folder, a file, or several files; default: the built-in suite");
  command.add_option("--format", options.format, "Of the input; see below")->capture_default_str();
  command.add_option("--split", options.split, "Of FLORES: dev or devtest")->capture_default_str();
  command.add_option("--license", options.license,
                     "To state in the suite; default: what the input or its format states");
}

void AddSuiteChoice(CLI::App& command, api::SuiteOptions& options, std::string& samples) {
  command.add_option("--from", options.from,
                     "Source language; default: English, or that of whole pairs");
  command.add_option("--languages", options.languages, "Target languages, comma separated")
      ->delimiter(',');
  command
      .add_option("--pairs", options.pairs,
                  "Instead: directions, comma separated (de-en,en:zh-Hant)")
      ->delimiter(',');
  AddSamplesOption(command, samples, "0: all");
  command.add_option("--pilot", options.pilot,
                     "For auto: the baseline, or its results JSON; default: the bundled model");
  command.add_option("--seed", options.seed, "Of that choice")->capture_default_str();
}

}  // namespace

void AddSuite(CLI::App& app, Context& context) {
  auto options = std::make_shared<api::SuiteOptions>();
  auto no_edge_cases = std::make_shared<bool>(false);
  auto samples = std::make_shared<std::string>("0");
  CLI::App* command = app.add_subcommand(
      "suite", "Write a test suite: the built-in one, or one from FLORES, NTREX, WMT, TMX, ...");
  AddSuiteInputs(*command, *options);
  AddSuiteChoice(*command, *options, *samples);
  CLI::Option* include = command->add_flag("--include-edge-cases", options->add_builtin_edge_cases,
                                           "Add the built-in edge cases to an imported set");
  command
      ->add_flag("--no-edge-cases", *no_edge_cases,
                 "Leave out empty, numbers, URLs, markup, ... of the built-in suite")
      ->excludes(include);
  command->footer(kSuiteFooter);
  AddMachineOptions(*command, context);
  command->callback([&context, options, no_edge_cases, samples] {
    api::SetQuiet(context.quiet);
    options->machine = context.machine;
    options->auto_samples = ReadSamples(*samples, options->samples_per_language);
    options->include_edge_cases = !*no_edge_cases;
    if (options->output.empty())
      options->output = context.workspace + "/eval/translate_gemma_test_suite.json";
    Finish(context, api::WriteSuite(*options));
  });
}

void AddBenchmark(CLI::App& app, Context& context) {
  auto options = std::make_shared<api::BenchmarkOptions>();
  auto samples = std::make_shared<std::string>("0");
  CLI::App* command = app.add_subcommand(
      "benchmark", "Translate a suite and score it: BLEU, chrF, latency, checks");
  command->add_option("model", options->model,
                      "Checkpoint folder, .safetensors or .gguf; default: the bundled model");
  command->add_option("--suite", options->suite,
                      "Suite JSON or JSONL; default: the built-in suite");
  command->add_option("-o,--output", options->output,
                      "Results JSON to write; a killed run continues from beside it");
  AddSamplesOption(*command, *samples, "0: all");
  command->add_option("--pilot", options->pilot,
                      "For auto: the baseline, or its results JSON, the same for every build; "
                      "default: the model itself");
  command->add_option("--batch", options->max_batch, "Sentences decoded together")
      ->check(CLI::Range(1, 1024))
      ->capture_default_str();
  AddSpeculationOptions(*command, options->speculate, options->draft);
  command
      ->add_option("--activations", options->activations,
                   "float32: the weights are judged, the same on every machine; auto: as "
                   "translate runs, which rounds activations to 8 bits where that is faster")
      ->check(CLI::IsMember({"float32", "auto"}))
      ->capture_default_str();
  AddMachineOptions(*command, context);
  command->footer(
      "Examples:\n  dragoman benchmark q4.gguf -o quantized_results.json\n"
      "  dragoman benchmark q4.gguf --suite flores.json --samples-per-language auto --pilot "
      "baseline_results.json\n"
      "  mpirun -n 4 dragoman benchmark q4.gguf -o quantized_results.json\n"
      "Under mpirun (Open MPI, several machines too) the processes share the sentences; scores are "
      "those of one process.");
  command->callback([&context, options, samples] {
    api::SetQuiet(context.quiet);
    options->machine = context.machine;
    options->auto_samples = ReadSamples(*samples, options->samples_per_language);
    Finish(context, api::Benchmark(*options));
  });
}

namespace {

struct CompareArguments {
  api::CompareOptions options;
  std::vector<std::string> models;  // with --divergence
  bool divergence = false;
  std::string suite;
  int64_t max_samples = 0;
};

void AddNeuralOptions(CLI::App& command, api::CompareOptions& options) {
  command.add_option("--export-comet", options.export_comet,
                     "JSON lines of both builds' sentences to write for COMET: src, mt, ref");
  command.add_option("--export-metricx", options.export_metricx,
                     "The same for MetricX: source, hypothesis, reference");
  command.add_option("--segment-scores", options.segment_scores,
                     "NAME=FILE: a score for each of these sentences from another program, more is "
                     "better; compared and reported, not gated");
  command.add_option("--segment-errors", options.segment_errors,
                     "The same where less is better, as with MetricX");
  command.add_option("--max-segment-loss", options.max_segment_losses,
                     "NAME=PERCENT of the baseline's mean: let such a metric gate as well");
}

void RunCompare(Context& context, CompareArguments& arguments) {
  api::SetQuiet(context.quiet);
  if (arguments.models.size() != 2) {
    return FinishWithError(context, {ErrorCode::kInvalidArgument,
                                     "expected a baseline and a candidate, found " +
                                         std::to_string(arguments.models.size()) + " arguments",
                                     "compare"});
  }
  if (arguments.divergence) {
    api::DivergenceOptions options;
    options.reference = arguments.models[0];
    options.candidate = arguments.models[1];
    options.suite = arguments.suite;
    options.max_samples = arguments.max_samples;
    options.output = arguments.options.output;
    options.machine = context.machine;
    return Finish(context, api::Divergence(options));
  }
  arguments.options.baseline = arguments.models[0];
  arguments.options.quantized = arguments.models[1];
  Finish(context, api::Compare(arguments.options));
}

}  // namespace

void AddCompare(CLI::App& app, Context& context) {
  auto arguments = std::make_shared<CompareArguments>();
  CLI::App* command = app.add_subcommand("compare",
                                         "Baseline against quantized results: deltas with "
                                         "intervals, and the decision (exit 0, 3 or 4)");
  command->add_option("files", arguments->models,
                      "BASELINE and QUANTIZED results JSON; with --divergence: two models");
  command->add_option("-o,--output", arguments->options.output, "Comparison JSON to write");
  command->add_option("--report", arguments->options.report,
                      "Folder for report.html and QUANTIZATION_REPORT.md");
  command
      ->add_option("--max-mean-loss", arguments->options.max_mean_loss_percent,
                   "Percent of the baseline's BLEU")
      ->capture_default_str();
  command
      ->add_option("--max-pair-loss", arguments->options.max_pair_loss_percent,
                   "Percent, each language pair")
      ->capture_default_str();
  command
      ->add_option("--max-high-resource-loss", arguments->options.max_high_resource_loss_percent,
                   "Percent, of the pairs among en, zh, es, fr together")
      ->capture_default_str();
  command->add_option("--group", arguments->options.groups,
                      "Another group of languages, judged together: NAME=LOSS:en,sv,da or "
                      "NAME=LOSS/PAIR_LOSS:en,sv,da, in percent");
  AddNeuralOptions(*command, arguments->options);
  command->add_flag("--divergence", arguments->divergence,
                    "Token-level KL divergence of two models instead");
  command->add_option("--divergence-file", arguments->options.divergence,
                      "What --divergence -o wrote, to show in the report");
  command->add_option("--suite", arguments->suite,
                      "For --divergence: JSONL or suite JSON with references");
  command->add_option("--max-samples", arguments->max_samples, "For --divergence; 0: all");
  AddMachineOptions(*command, context);
  command->footer(
      "Examples:\n  dragoman compare baseline_results.json quantized_results.json -o "
      "comparison.json --report report\n"
      "  dragoman compare baseline_results.json quantized_results.json --export-comet both.jsonl\n"
      "  dragoman compare baseline_results.json quantized_results.json --segment-scores "
      "COMET=comet.jsonl --report report\n"
      "  dragoman compare --divergence model-bf16.gguf q4.gguf --suite heldout.jsonl --json");
  command->callback([&context, arguments] { RunCompare(context, *arguments); });
}

namespace {

// Sentences that a plain `bench` translates.
constexpr int kBenchSentences = 64;

void RunBench(Context& context, api::SpeedOptions& options) {
  api::SetQuiet(context.quiet);
  options.machine = context.machine;
  Finish(context, api::MeasureSpeed(options));
}

}  // namespace

void AddBench(CLI::App& app, Context& context) {
  auto options = std::make_shared<api::SpeedOptions>();
  CLI::App* command =
      app.add_subcommand("bench", "Measure speed: prefill and decode beside the machine's ceiling");
  command->add_option("model", options->model,
                      "Checkpoint folder, .safetensors or .gguf; default: the bundled model");
  const CLI::Option* prefill =
      command->add_option("--prefill", options->prefill_tokens, "Prompt tokens; 0: skip")
          ->check(CLI::Range(0, 131072))
          ->capture_default_str();
  const CLI::Option* decode =
      command->add_option("--decode", options->decode_tokens, "Steps; 0: skip")
          ->check(CLI::Range(0, 131072))
          ->capture_default_str();
  const CLI::Option* batch =
      command->add_option("--batch", options->batches, "Sequences decoded in step, comma separated")
          ->delimiter(',')
          ->check(CLI::Range(1, 1024))
          ->capture_default_str();
  const CLI::Option* sentences =
      command
          ->add_option("--sentences", options->sentences,
                       "Of the built-in suite, translated; default: 64, or 0 when any of the "
                       "above is given")
          ->check(CLI::Range(0, 100000));
  command->add_option("--sentence-batch", options->sentence_batch, "Of these decoded in step")
      ->check(CLI::Range(1, 1024))
      ->capture_default_str();
  command
      ->add_option("--context", options->context_tokens,
                   "Room for so many tokens in the cache of every sequence, at least")
      ->check(CLI::Range(0, 131072))
      ->capture_default_str();
  command->add_option("--repetitions", options->repetitions, "Of each figure")
      ->check(CLI::Range(1, 1000))
      ->capture_default_str();
  AddMachineOptions(*command, context);
  AddMemoryOptions(*command, context);
  command->footer(
      "Each figure is a median, beside the limit of the machine: the bytes of all weights over the "
      "bandwidth,\nor the operations of the matrix products over the peak of 8-bit integers or "
      "float32, all measured in\nthe same run.\n\n"
      "Examples:\n  dragoman bench q4.gguf --threads 2 --prefill 512 --decode 64 --batch 1,4,8,16 "
      "--json\n  dragoman bench --sentences 100");
  command->callback([&context, options, prefill, decode, batch, sentences] {
    const bool chosen = prefill->count() + decode->count() + batch->count() > 0;
    if (sentences->count() == 0 && !chosen) options->sentences = kBenchSentences;
    RunBench(context, *options);
  });
}

}  // namespace dragoman::cli
