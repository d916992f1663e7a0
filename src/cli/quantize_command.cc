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
  // Of --format gptq and compressed-tensors.
  std::string format = "gguf", max_shard_size;
  api::QuantizeHfOptions hf;
  bool asymmetric = false, act_order = false, group_aware = false, no_reorder = false;
  std::string cache_folder;
  bool no_cache = false;
};

// Options that belong to one kind of output only.
constexpr const char* kGgufOnly[] = {"--type", "--imatrix", "--use-plan", "--method",
                                     "--calibrate"};
constexpr const char* kHfOnly[] = {"--bits",      "--group-size",    "--asymmetric",
                                   "--act-order", "--group-aware",   "--no-reorder",
                                   "--damping",   "--max-shard-size"};

// The first option given that the format does not have; empty when there is none.
std::string ForeignOption(const CLI::App& command, bool gguf) {
  const auto first_of = [&](const auto& names) -> std::string {
    for (const char* name : names) {
      if (command.get_option(name)->count() > 0) return name;
    }
    return {};
  };
  return gguf ? first_of(kHfOnly) : first_of(kGgufOnly);
}

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
    const auto limit = api::ParseSizeLimit(arguments.max_size);
    if (!limit) return FinishWithError(context, limit.error());
    arguments.options.max_size_bytes = limit->bytes;
    arguments.options.max_bits_per_weight = limit->bits_per_weight;
  }
  Finish(context, api::Quantize(arguments.options));
}

Result<void> FinishHfOptions(QuantizeArguments& arguments) {
  api::QuantizeHfOptions& hf = arguments.hf;
  if (!arguments.max_size.empty()) {
    DRAGOMAN_ASSIGN_OR_RETURN(hf.max_size_bytes, api::ParseSize(arguments.max_size));
  }
  if (!arguments.max_shard_size.empty()) {
    DRAGOMAN_ASSIGN_OR_RETURN(hf.max_shard_bytes, api::ParseSize(arguments.max_shard_size));
  }
  hf.model = arguments.options.model;
  hf.output = arguments.options.output;
  hf.format = arguments.format;
  hf.symmetric = !arguments.asymmetric;
  hf.plan_only = arguments.options.plan_only;
  hf.languages = arguments.options.languages;
  hf.corpus = arguments.options.corpus;
  hf.sequential = arguments.options.sequential;
  hf.text = arguments.options.text;
  hf.cache_folder = arguments.options.cache_folder;
  if (arguments.act_order) hf.reordering = "act-order";
  if (arguments.no_reorder) hf.reordering = "none";
  return {};
}

void RunQuantizeCommand(const CLI::App& command, Context& context, QuantizeArguments& arguments) {
  const bool gguf = arguments.format == "gguf";
  const std::string foreign = ForeignOption(command, gguf);
  if (!foreign.empty()) {
    return FinishWithError(context,
                           {ErrorCode::kInvalidArgument,
                            foreign + " does not go with --format " + arguments.format, ""});
  }
  if (command.get_option("--cache")->count() > 0) {
    arguments.options.cache_folder = arguments.cache_folder;
  } else if (arguments.no_cache) {
    arguments.options.cache_folder = "";
  }
  if (gguf) return RunQuantize(context, arguments);
  api::SetQuiet(context.quiet);
  if (auto finished = FinishHfOptions(arguments); !finished) {
    return FinishWithError(context, finished.error());
  }
  arguments.hf.machine = context.machine;
  Finish(context, api::QuantizeHf(arguments.hf));
}

// The options of the Hugging Face formats.
void AddHfOptions(CLI::App& command, QuantizeArguments& arguments) {
  const char* group = "With --format gptq or compressed-tensors";
  command.add_option("--bits", arguments.hf.bits, "2, 3, 4 or 8; compressed-tensors 4 or 8")
      ->capture_default_str()
      ->group(group);
  command
      .add_option("--group-size", arguments.hf.group_size,
                  "Inputs that share a scale: 32, 64 or 128; -1: all of a row")
      ->capture_default_str()
      ->group(group);
  command
      .add_flag("--asymmetric", arguments.asymmetric,
                "A zero point for every group; else it is the middle code")
      ->group(group);
  CLI::Option* group_aware =
      command
          .add_flag("--group-aware", arguments.group_aware,
                    "Round important inputs first, groups as they lie: costs nothing when run "
                    "(default)")
          ->group(group);
  CLI::Option* act_order =
      command
          .add_flag("--act-order", arguments.act_order,
                    "Round important inputs first, groups cut from that order: needs g_idx, which "
                    "makes most kernels slower")
          ->group(group);
  CLI::Option* no_reorder =
      command.add_flag("--no-reorder", arguments.no_reorder, "Round inputs as they lie")
          ->group(group);
  act_order->excludes(group_aware)->excludes(no_reorder);
  group_aware->excludes(no_reorder);
  command
      .add_option("--damping", arguments.hf.damping,
                  "Added to the second moments' diagonal, as a share of its mean")
      ->capture_default_str()
      ->group(group);
  command
      .add_option("--max-shard-size", arguments.max_shard_size,
                  "Cut the safetensors into files of this size; default 5GB")
      ->group(group);
}

// What gptq (all formats) and --calibrate measure on.
void AddCalibrationOptions(CLI::App& command, QuantizeArguments& arguments) {
  const char* group = "Calibration (--method gptq, --calibrate, --format gptq)";
  api::CalibrationText& text = arguments.options.text;
  command
      .add_option(
          "--sources", text.sources,
          "Sentences that the model translates: JSONL, a suite, TSV (first column) or plain "
          "text; default: the set that ships")
      ->group(group);
  command.add_option("--from", text.from, "Their language")->capture_default_str()->group(group);
  command
      .add_option("--to", text.languages,
                  "Languages to translate to, comma separated; default: the ten of the built-in "
                  "suite, or those of --languages")
      ->delimiter(',')
      ->group(group);
  command
      .add_option("--max-sentences", text.max_sentences,
                  "Of the set, evenly spread; 0: all. Calibration time grows with it")
      ->check(CLI::Range(0, 1000000))
      ->group(group);
  CLI::Option* cache =
      command
          .add_option("--cache", arguments.cache_folder,
                      "Folder that keeps what gptq measures of a model and a text, for the next "
                      "run; default: DRAGOMAN_CACHE, XDG_CACHE_HOME/dragoman or ~/.cache/dragoman")
          ->group(group);
  command.add_flag("--no-cache", arguments.no_cache, "Keep nothing, resume nothing")
      ->excludes(cache)
      ->group(group);
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
  command->add_option("--sources", options->text.sources,
                      "JSONL, a suite, TSV or plain text; default: the calibration set that ships");
  command->add_option("--from", options->text.from, "Source language")->capture_default_str();
  command->add_option("--languages", options->text.languages, "Target languages, comma separated")
      ->delimiter(',');
  command->add_option("--max-sentences", options->text.max_sentences, "0: all")
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
      "quantize",
      "Write a smaller model by rounding, plain or importance-weighted, or by GPTQ: a GGUF, or a "
      "Hugging Face folder");
  command->add_option("model", arguments->options.model, "Checkpoint folder, .safetensors or .gguf")
      ->required();
  command->add_option("-o,--output", arguments->options.output, "GGUF or folder to write");
  command
      ->add_option("--format", arguments->format,
                   "gguf; or a Hugging Face folder, as transformers and vLLM load it: gptq or "
                   "compressed-tensors")
      ->check(CLI::IsMember({"gguf", "gptq", "compressed-tensors"}))
      ->capture_default_str();
  command->add_option(
      "--type", arguments->options.type,
      "Recipe, see below; default q4_k_m, or with --max-size a type for every tensor");
  command->add_option("--imatrix", arguments->options.importance,
                      "Importance matrix (dragoman calibrate, llama-imatrix)");
  command->add_option("--use-plan", arguments->options.plan,
                      "Types of single tensors: what --plan --json printed, edited as you like");
  command
      ->add_option(
          "--method", arguments->options.method,
          "rounding (default with --type); or gptq (default with --max-size): each error is made "
          "good by the weights not yet rounded, on second moments measured on the set "
          "that ships")
      ->check(CLI::IsMember({"rounding", "gptq"}));
  command->add_flag(
      "--sequential", arguments->options.sequential,
      "With gptq, GGUF or folder: measure each layer behind the layers already quantized "
      "(GPTQ's true sequential, layer by layer)");
  command->add_flag("--calibrate", arguments->options.calibrate,
                    "Measure the importance first, on the set that ships");
  command->add_option(
      "--max-size", arguments->max_size,
      "Hard limit of the file: 2.0GB, 1900MB, 1.5GiB, 4.1bpw, bytes. Without --type, every "
      "tensor gets the type that loses least within it");
  command->add_flag("--plan", arguments->options.plan_only,
                    "Print what would be written, with the exact size, and stop");
  AddCalibrationOptions(*command, *arguments);
  AddHfOptions(*command, *arguments);
  AddVocabularyOptions(*command, arguments->options);
  AddMachineOptions(*command, context);
  command->footer(
      "Recipes:\n" + api::DescribeRecipes() +
      "\nExamples:\n  dragoman quantize translategemma-4b-it -o small.gguf --max-size 2.0GB\n"
      "  dragoman quantize translategemma-4b-it -o q4.gguf --type q4_k_m --calibrate\n"
      "  dragoman quantize translategemma-4b-it -o q4.gguf --type q4_k_m --method gptq\n"
      "  dragoman quantize translategemma-4b-it -o trimmed.gguf --languages en,de,ja\n"
      "  dragoman quantize translategemma-4b-it --type q4_k_s --plan --json\n"
      "  dragoman quantize translategemma-4b-it -o 4b-gptq --format gptq --bits 4 --group-size "
      "128\n"
      "  dragoman quantize translategemma-4b-it -o 4b-w4 --format compressed-tensors --asymmetric");
  command->callback(
      [&context, arguments, command] { RunQuantizeCommand(*command, context, *arguments); });
}

}  // namespace dragoman::cli
