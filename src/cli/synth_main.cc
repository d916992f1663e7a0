// The program `dragoman-synth`: writes a checkpoint of a real model's shapes with random weights,
// to measure on.
#include <CLI/CLI.hpp>
#include <iostream>

#include "cli/command_line.h"
#include "dragoman/synth.h"

int main(int argc, char** argv) {
  dragoman::cli::Context context;
  dragoman::api::SynthOptions options;
  CLI::App app(
      "Writes a text-only Gemma 3 checkpoint with the shapes of a real model and seeded random "
      "weights (BF16 safetensors).",
      "dragoman-synth");
  app.set_version_flag("--version", std::string("dragoman-synth ") + DRAGOMAN_VERSION);
  app.add_option("--shape", options.shape, "Which model's shapes")
      ->required()
      ->check(CLI::IsMember(dragoman::api::SynthShapes()));
  app.add_option("-o,--output", options.output, "Folder to write; new, empty or from before")
      ->required();
  app.add_option("--seed", options.seed, "Same seed, same bytes")->capture_default_str();
  app.add_option("--threads", options.threads, "Worker threads; 0: all cores")
      ->check(CLI::Range(0, 1024));
  app.add_option("--tokenizer", options.tokenizer, "A tokenizer.json to copy into the checkpoint");
  app.add_flag("--json", context.json, "Print one JSON document instead of text");
  app.add_flag("-q,--quiet", context.quiet, "No progress on standard error");
  app.footer(
      "Example:\n  dragoman-synth --shape translategemma-4b -o big/4b --tokenizer tokenizer.json");
  try {  // CLI11 reports usage by exceptions; they end here
    app.parse(argc, argv);
  } catch (const CLI::ParseError& e) {
    return app.exit(e, std::cout, std::cerr) == 0 ? 0 : 2;
  }
  dragoman::api::SetQuiet(context.quiet);
  dragoman::cli::Finish(context, dragoman::api::Synthesize(options));
  return context.exit_code;
}
