// dragoman convert, dragoman calibrate, dragoman quantize
#include <memory>
#include <string>

#include "cli/command_line.h"
#include "dragoman/quantizer.h"

namespace dragoman::cli {
namespace {

struct QuantizeArguments {
  api::QuantizeOptions options;
  std::string max_size;
};

// What quantize and convert share.
void AddVocabularyOptions(CLI::App& command, api::QuantizeOptions& options) {
  command
      .add_option("--languages", options.languages,
                  "Keep only the vocabulary that these need, comma separated: a smaller file that "
                  "translates between them as before")
      ->delimiter(',');
  command.add_option("--corpus", options.corpus,
                     "With --languages: text file whose characters are kept as well");
}

void RunQuantize(Context& context, QuantizeArguments& arguments) {
  api::SetQuiet(context.quiet);
  arguments.options.machine = context.machine;
  if (!arguments.max_size.empty()) {
    auto bytes = api::ParseSize(arguments.max_size);
    if (!bytes) return FinishWithError(context, bytes.error());
    arguments.options.max_size_bytes = *bytes;
  }
  Finish(context, api::Quantize(arguments.options));
}

}  // namespace

void AddConvert(CLI::App& app, Context& context) {
  auto arguments = std::make_shared<QuantizeArguments>();
  arguments->options.type = "f16";
  CLI::App* command = app.add_subcommand("convert", "Write a checkpoint as a 16- or 32-bit GGUF");
  command->add_option("model", arguments->options.model, "Checkpoint folder, .safetensors or .gguf")
      ->required();
  command->add_option("-o,--output", arguments->options.output, "GGUF to write")->required();
  command->add_option("--type", arguments->options.type, "f16, bf16 or f32")
      ->check(CLI::IsMember({"f16", "bf16", "f32"}, CLI::ignore_case))
      ->capture_default_str();
  AddVocabularyOptions(*command, arguments->options);
  AddMachineOptions(*command, context);
  command->footer(
      "Example:\n  dragoman convert translategemma-4b-it -o model-bf16.gguf --type bf16");
  command->callback([&context, arguments] { RunQuantize(context, *arguments); });
}

void AddCalibrate(CLI::App& app, Context& context) {
  auto options = std::make_shared<api::CalibrateOptions>();
  CLI::App* command = app.add_subcommand(
      "calibrate",
      "Measure how much each input of each layer matters, on the model's own translations");
  command->add_option("model", options->model,
                      "Checkpoint folder, .safetensors or .gguf; default: the bundled model");
  command->add_option("-o,--output", options->output, "Importance matrix (imatrix GGUF) to write")
      ->required();
  command->add_option("--sources", options->sources,
                      "JSONL or plain text; default: the calibration set that ships");
  command->add_option("--from", options->from, "Source language")->capture_default_str();
  command->add_option("--languages", options->languages, "Target languages, comma separated")
      ->delimiter(',');
  command->add_option("--max-sentences", options->max_sentences, "0: all")
      ->check(CLI::Range(0, 1000000));
  AddMachineOptions(*command, context);
  command->footer(
      "Example:\n  dragoman calibrate translategemma-4b-it -o importance.gguf --languages "
      "de,ja,ar");
  command->callback([&context, options] {
    api::SetQuiet(context.quiet);
    options->machine = context.machine;
    Finish(context, api::Calibrate(*options));
  });
}

void AddQuantize(CLI::App& app, Context& context) {
  auto arguments = std::make_shared<QuantizeArguments>();
  CLI::App* command = app.add_subcommand(
      "quantize", "Write a smaller GGUF by rounding, plain or importance-weighted, or by GPTQ");
  command->add_option("model", arguments->options.model, "Checkpoint folder, .safetensors or .gguf")
      ->required();
  command->add_option("-o,--output", arguments->options.output, "GGUF to write");
  command->add_option("--type", arguments->options.type, "Recipe, see below")
      ->capture_default_str();
  command->add_option("--imatrix", arguments->options.importance,
                      "Importance matrix (dragoman calibrate, llama-imatrix)");
  command->add_option("--use-plan", arguments->options.plan,
                      "Types of single tensors: what --plan --json printed, edited as you like");
  command
      ->add_option("--method", arguments->options.method,
                   "rounding; or gptq: each error is made good by the weights not yet rounded, on "
                   "second moments measured on the set that ships")
      ->check(CLI::IsMember({"rounding", "gptq"}))
      ->capture_default_str();
  command->add_flag("--calibrate", arguments->options.calibrate,
                    "Measure the importance first, on the set that ships");
  command->add_option("--max-size", arguments->max_size,
                      "Refuse a file above this: 2.0GB, 1900MB, 1.5GiB, bytes");
  command->add_flag("--plan", arguments->options.plan_only,
                    "Print what would be written, with the exact size, and stop");
  AddVocabularyOptions(*command, arguments->options);
  AddMachineOptions(*command, context);
  command->footer(
      "Recipes:\n" + api::DescribeRecipes() +
      "\nExamples:\n  dragoman quantize translategemma-4b-it -o q4.gguf --type q4_k_m --calibrate\n"
      "  dragoman quantize translategemma-4b-it -o q4.gguf --type q4_k_m --method gptq\n"
      "  dragoman quantize translategemma-4b-it -o small.gguf --languages en,de,ja\n"
      "  dragoman quantize translategemma-4b-it --type q4_k_s --plan --json");
  command->callback([&context, arguments] { RunQuantize(context, *arguments); });
}

}  // namespace dragoman::cli
