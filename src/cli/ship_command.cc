// dragoman ship, doctor, verify, inspect, package
#include <memory>
#include <string>

#include "cli/command_line.h"
#include "dragoman/package.h"
#include "dragoman/quantizer.h"
#include "dragoman/ship.h"

namespace dragoman::cli {

void AddShip(CLI::App& app, Context& context) {
  auto options = std::make_shared<api::ShipOptions>();
  auto samples = std::make_shared<std::string>("0");
  CLI::App* command = app.add_subcommand("ship",
                                         "Do the whole checklist: check, convert, quantize, prove, "
                                         "package, sign off (exit 0, 3 or 4)");
  command->add_option("-m,--model", options->model,
                      "Checkpoint folder; default: the bundled model");
  command
      ->add_option("--type", options->type, "Recipe to begin with (see dragoman quantize --help)")
      ->capture_default_str();
  command
      ->add_option("--effort", options->effort,
                   "fast: importance-weighted rounding; best: a type for every tensor by measured "
                   "sensitivity, and error feedback (GPTQ)")
      ->check(CLI::IsMember({"fast", "best"}))
      ->capture_default_str();
  command
      ->add_option("--languages", options->languages,
                   "Target languages, comma separated; default: all of the suite")
      ->delimiter(',');
  AddSamplesOption(*command, *samples, "0: all of the suite");
  command
      ->add_option("--calibration-sentences", options->calibration_sentences,
                   "Sentences to calibrate on; 0: by effort")
      ->check(CLI::Range(0, 1000000));
  command->add_option("--stop-after", options->stop_after, "Name of the last phase to run");
  command->add_flag("--force", options->force, "Run every phase again, even if nothing changed");
  AddMachineOptions(*command, context);
  command->footer(
      "Phases run in order and are skipped when their inputs did not change; after an interruption "
      "the same command\n"
      "continues. Everything lies in the workspace (--workspace, default work/): CHECKLIST.md, "
      "checklist.json,\n"
      "report.html, eval/, models/, evidence/, logs/.\n\n"
      "Examples:\n  dragoman ship\n  dragoman ship --effort best\n  dragoman ship --model "
      "translategemma-4b-it --workspace "
      "work-4b");
  command->callback([&context, options, samples] {
    api::SetQuiet(context.quiet);
    options->workspace = context.workspace;
    options->machine = context.machine;
    options->auto_samples = ReadSamples(*samples, options->samples_per_language);
    Finish(context, api::Ship(*options));
  });
}

void AddDoctor(CLI::App& app, Context& context) {
  CLI::App* command = app.add_subcommand(
      "doctor", "Check this machine: accelerators, CPU, memory, disk, hub, versions");
  command->callback([&context] { Finish(context, api::Doctor(context.workspace)); });
}

void AddVerify(CLI::App& app, Context& context) {
  auto model = std::make_shared<std::string>();
  CLI::App* command =
      app.add_subcommand("verify", "Check every header and every tensor byte of a model");
  command->add_option("model", *model, "Checkpoint folder, .safetensors or .gguf")->required();
  AddMachineOptions(*command, context);
  command->callback([&context, model] {
    api::SetQuiet(context.quiet);
    Finish(context, api::Verify(*model, context.machine));
  });
}

void AddInspect(CLI::App& app, Context& context) {
  auto model = std::make_shared<std::string>();
  CLI::App* command = app.add_subcommand(
      "inspect", "Say what a model file holds: parameters, sizes, types (headers only)");
  command->add_option("model", *model, "Checkpoint folder, .safetensors or .gguf")->required();
  command->callback([&context, model] { Finish(context, api::Inspect(*model)); });
}

namespace {

struct PackageArguments {
  api::PackageOptions options;
  std::string verify_folder;
  std::string shard_size;
};

void RunPackage(Context& context, PackageArguments& arguments) {
  api::SetQuiet(context.quiet);
  if (!arguments.verify_folder.empty())
    return Finish(context, api::VerifyPackage(arguments.verify_folder));
  if (arguments.options.model.empty() || arguments.options.output.empty()) {
    return FinishWithError(
        context, {ErrorCode::kInvalidArgument,
                  "a GGUF and an output folder (-o) are needed, or --verify FOLDER", "package"});
  }
  if (!arguments.shard_size.empty()) {
    auto bytes = api::ParseSize(arguments.shard_size);
    if (!bytes) return FinishWithError(context, bytes.error());
    arguments.options.shard_bytes = *bytes;
  }
  Finish(context, api::BuildPackage(arguments.options));
}

}  // namespace

void AddPackage(CLI::App& app, Context& context) {
  auto arguments = std::make_shared<PackageArguments>();
  CLI::App* command = app.add_subcommand(
      "package", "Make a build ready to ship: shards, hashes, manifest, notices");
  command->add_option("model", arguments->options.model, "GGUF to package");
  command->add_option("-o,--output", arguments->options.output, "Folder to write");
  command->add_option("--verify", arguments->verify_folder,
                      "Check a package instead: sizes, hashes, manifest");
  command->add_option("--name", arguments->options.name, "Model name in the manifest")
      ->capture_default_str();
  command->add_option("--release", arguments->options.version, "Version in the manifest")
      ->capture_default_str();
  command->add_option("--shard-size", arguments->shard_size, "64MiB by default");
  command->add_option("--comparison", arguments->options.comparison, "comparison.json: the proof");
  command->add_option("--results", arguments->options.results,
                      "quantized_results.json: latency and memory");
  command->add_option("--languages", arguments->options.languages, "Codes, comma separated")
      ->delimiter(',');
  command->footer(
      "Examples:\n  dragoman package q4.gguf -o package --comparison comparison.json\n"
      "  dragoman package --verify package");
  command->callback([&context, arguments] { RunPackage(context, *arguments); });
}

}  // namespace dragoman::cli
