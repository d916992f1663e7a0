// dragoman monitor
#include <memory>
#include <string>

#include "cli/command_line.h"
#include "dragoman/evaluator.h"

namespace dragoman::cli {

void AddMonitor(CLI::App& app, Context& context) {
  auto options = std::make_shared<api::MonitorOptions>();
  CLI::App* command = app.add_subcommand(
      "monitor", "Has production drifted? Its outputs against the baseline's (exit 0, 3 or 4)");
  command->add_option("log", options->log, "JSONL of sampled requests and feedback")->required();
  command->add_option("--reference", options->reference,
                      "JSONL from the time of release; default: the earlier half of the log");
  command->add_option("--baseline", options->baseline,
                      "Model to rescore with; default: the bundled model");
  command->add_option("-o,--output", options->output,
                      "Report JSON to write; what the baseline translated is kept beside it");
  command->add_option("--history", options->history,
                      "JSONL of earlier looks at this deployment, to which this one is added: each "
                      "further look then asks for more, so that all of them together raise a "
                      "false alarm as rarely as one");
  command
      ->add_option("--max-agreement-loss", options->max_agreement_loss,
                   "Points of chrF against the baseline's output")
      ->check(CLI::Range(0.0, 100.0))
      ->capture_default_str();
  command
      ->add_option("--max-samples", options->max_samples,
                   "Requests of each period to rescore, a seeded choice; 0: all")
      ->check(CLI::Range(0, 1000000))
      ->capture_default_str();
  command->add_option("--seed", options->seed, "Of that choice")->capture_default_str();
  command->add_option("--batch", options->max_batch, "Sentences decoded together")
      ->check(CLI::Range(1, 1024))
      ->capture_default_str();
  AddMachineOptions(*command, context);
  command->footer(
      "A line of the log: {\"id\": \"7\", \"time\": \"2026-11-26T10:00:00Z\", \"source_lang\": "
      "\"en\",\n\"target_lang\": \"de\", \"source\": \"Hello.\", \"translation\": \"Hallo.\"}, "
      "optionally with vote (up, down),\ncorrection, error, latency_ms, model_sha256. A later line "
      "of the same id adds to it.\n\n"
      "Exit codes: 0 no drift, 3 undecided, 4 drift.\n\n"
      "Examples:\n  dragoman monitor feedback.jsonl --baseline model-bf16.gguf\n"
      "  dragoman monitor today.jsonl --reference release-week.jsonl -o drift.json --json\n"
      "  dragoman monitor this-week.jsonl --reference release-week.jsonl --history looks.jsonl");
  command->callback([&context, options] {
    api::SetQuiet(context.quiet);
    options->machine = context.machine;
    Finish(context, api::Monitor(*options));
  });
}

}  // namespace dragoman::cli
