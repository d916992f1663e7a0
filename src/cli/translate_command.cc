// dragoman translate, dragoman languages
#include <unistd.h>

#include <iostream>
#include <memory>
#include <string>
#include <vector>

#include "cli/command_line.h"
#include "dragoman/translator.h"

namespace dragoman::cli {
namespace {

struct TranslateArguments {
  std::vector<std::string> texts;
  std::vector<std::string> inputs;
  std::string output = "-";
  std::string model;
  std::string draft;
  api::TranslateOptions options;
  bool no_split = false;
  bool no_protect = false;
  bool stream = false;
};

// One text on a terminal: shown as it grows.
Result<void> Stream(api::Translator& translator, const TranslateArguments& arguments) {
  for (const auto& text : arguments.texts) {
    auto translated = translator.TranslateStreaming(
        text, arguments.options, [](std::string_view piece) { std::cout << piece << std::flush; });
    if (!translated) return tl::unexpected(translated.error());
    std::cout << "\n";
    for (const auto& warning : translated->warnings) std::cerr << "warning: " << warning << "\n";
  }
  return {};
}

void RunTranslate(Context& context, TranslateArguments& arguments) {
  api::SetQuiet(context.quiet);
  arguments.options.split_sentences = !arguments.no_split;
  arguments.options.protect = !arguments.no_protect;
  if (!arguments.texts.empty() && !arguments.inputs.empty()) {
    return FinishWithError(context, {ErrorCode::kInvalidArgument,
                                     "give either texts or --input files, not both", "translate"});
  }
  auto translator = api::Translator::Open(arguments.model, context.machine);
  if (!translator) return FinishWithError(context, translator.error());
  if (!arguments.draft.empty()) {
    auto used = (*translator)->UseDraft(arguments.draft);
    if (!used) return FinishWithError(context, used.error());
  }
  if (arguments.texts.empty()) {
    if (arguments.inputs.empty()) arguments.inputs.push_back("-");
    auto report =
        (*translator)->TranslateFiles(arguments.inputs, arguments.output, arguments.options);
    if (!report) return FinishWithError(context, report.error());
    const bool lines_on_stdout = arguments.output == "-";
    std::ostream& summary = lines_on_stdout ? std::cerr : std::cout;
    if (!context.quiet || context.json) summary << (context.json ? report->json : report->text);
    return;
  }
  const bool terminal = ::isatty(STDOUT_FILENO) == 1 && arguments.texts.size() == 1;
  if ((arguments.stream || terminal) && !context.json) {
    auto done = Stream(**translator, arguments);
    if (!done) FinishWithError(context, done.error());
    return;
  }
  Finish(context, (*translator)->TranslateToReport(arguments.texts, arguments.options));
}

}  // namespace

void AddTranslate(CLI::App& app, Context& context) {
  auto arguments = std::make_shared<TranslateArguments>();
  CLI::App* command = app.add_subcommand("translate", "Translate texts, standard input or files");
  command->add_option("text", arguments->texts,
                      "Texts to translate (several go as one batch); none: standard input");
  command
      ->add_option("-t,--to", arguments->options.to,
                   "Target language: code or name (see dragoman languages)")
      ->required();
  command->add_option("-f,--from", arguments->options.from, "Source language")
      ->capture_default_str();
  command->add_option("-m,--model", arguments->model,
                      "Checkpoint folder, .safetensors or .gguf; default: the bundled model");
  command->add_option("-i,--input", arguments->inputs,
                      "Files to translate line by line, in order; - is standard input");
  command->add_option("-o,--output", arguments->output, "Where the lines go; - is standard output")
      ->capture_default_str();
  command->add_option("--batch", arguments->options.max_batch, "Sentences decoded together")
      ->check(CLI::Range(1, 1024))
      ->capture_default_str();
  command
      ->add_option("--max-new-tokens", arguments->options.max_new_tokens,
                   "Per sentence; 0: from the source's length")
      ->check(CLI::Range(0, 131072));
  command->add_flag("--no-split", arguments->no_split,
                    "Do not split long texts at sentence boundaries");
  command->add_flag(
      "--no-protect", arguments->no_protect,
      "Leave URLs, e-mail addresses, placeholders, markup, code and emoji to the model");
  command->add_flag("--stream", arguments->stream,
                    "Print the text as it grows (on by itself on a terminal)");
  AddSpeculationOptions(*command, arguments->options.speculate, arguments->draft);
  AddMachineOptions(*command, context);
  AddMemoryOptions(*command, context);
  command->footer(
      "Examples:\n  dragoman translate \"Good morning.\" --to de\n"
      "  dragoman translate --to ja < lines.txt > lines.ja.txt\n"
      "  dragoman translate -i a.txt -i b.txt -o out.txt --from en --to pt-BR");
  command->callback([&context, arguments] { RunTranslate(context, *arguments); });
}

void AddLanguages(CLI::App& app, Context& context) {
  auto filter = std::make_shared<std::string>();
  CLI::App* command =
      app.add_subcommand("languages", "List language codes and names of the prompt");
  command->add_option("filter", *filter, "Only entries whose code or name contains this");
  command->callback([&context, filter] { Finish(context, api::ListLanguages(*filter)); });
}

}  // namespace dragoman::cli
