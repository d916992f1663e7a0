#include "cli/command_line.h"

#include <iostream>
#include <memory>

#include "dragoman/dragoman_c.h"

namespace dragoman::cli {
namespace {

constexpr int kBadUsage = 2;

constexpr char kFooter[] =
    "Exit codes: 0 success or GO, 1 internal error, 2 bad usage or input, 3 RECONSIDER, 4 "
    "FALLBACK,\n"
    "5 input/output, device or memory. GB is 1e9 bytes, GiB is 2^30.\n\n"
    "Start with:  dragoman ship                              the whole checklist on the bundled "
    "model\n"
    "             dragoman translate \"Good morning.\" --to de\n"
    "             dragoman COMMAND --help                    what a command does, with examples";

std::unique_ptr<CLI::App> BuildApp(Context& context) {
  auto app = std::make_unique<CLI::App>(
      "Dragoman turns a TranslateGemma checkpoint into a small, proven, deployable build, and runs "
      "it.",
      "dragoman");
  app->set_version_flag("--version", std::string("dragoman ") + dragoman_version());
  app->add_flag("--json", context.json,
                "Print one JSON document on standard output instead of text");
  app->add_flag("-q,--quiet", context.quiet, "No progress, no log lines on standard error");
  app->add_option("--workspace", context.workspace, "Folder for everything that is produced")
      ->capture_default_str();
  app->require_subcommand(1);
  app->fallthrough();  // the options above may also follow the subcommand
  app->footer(kFooter);
  AddShip(*app, context);
  AddDoctor(*app, context);
  AddVerify(*app, context);
  AddInspect(*app, context);
  AddTranslate(*app, context);
  AddLanguages(*app, context);
  AddConvert(*app, context);
  AddCalibrate(*app, context);
  AddQuantize(*app, context);
  AddSuite(*app, context);
  AddBenchmark(*app, context);
  AddCompare(*app, context);
  AddScore(*app, context);
  AddBench(*app, context);
  AddMonitor(*app, context);
  AddPackage(*app, context);
  AddCompletion(*app, context);
  return app;
}

}  // namespace

void Finish(Context& context, const Result<api::Report>& report) {
  if (!report) return FinishWithError(context, report.error());
  std::cout << (context.json ? report->json : report->text) << std::flush;
  context.exit_code = report->exit_code;
  if (!std::cout) {
    std::cerr << "dragoman: error: cannot write to standard output\n";
    context.exit_code = api::ExitCodeOf(ErrorCode::kIo);
  }
}

void FinishWithError(Context& context, const Error& error) {
  context.exit_code = api::ExitCodeOf(error.code);
  std::cerr << "dragoman: error: " << ToString(error) << "\n";
  if (context.json) std::cout << api::ErrorJson(error);
}

void AddMachineOptions(CLI::App& command, Context& context) {
  command
      .add_option(
          "--device", context.machine.device,
          "auto, cpu, cpu:avx2, cpu:avxvnni, cpu:avx512, cpu:neondot, cpu:generic, reference")
      ->capture_default_str();
  command.add_option("--threads", context.machine.threads, "Worker threads; 0: all cores")
      ->check(CLI::Range(0, 1024));
}

void AddMemoryOptions(CLI::App& command, Context& context) {
  command
      .add_option("--kv", context.machine.kv,
                  "Keys and values of a text in float32, 16 or 8 bits: auto (f16), f32, f16, q8")
      ->check(CLI::IsMember({"auto", "f32", "f16", "q8"}))
      ->capture_default_str();
  command.add_flag("--lock", context.machine.lock,
                   "Keep the weights in physical memory (reads all of them first)");
}

void AddSpeculationOptions(CLI::App& command, std::string& speculate, std::string& draft) {
  command
      .add_option("--speculate", speculate,
                  "Guess tokens ahead and check them together; the output is the same. auto: where "
                  "it pays by measured times; off; always")
      ->check(CLI::IsMember({"auto", "off", "always"}))
      ->capture_default_str();
  command.add_option("--draft", draft, "A smaller build with the same vocabulary, to guess with");
}

void AddSamplesOption(CLI::App& command, std::string& samples, const std::string& zero) {
  command
      .add_option(
          "--samples-per-language", samples,
          "A seeded choice of so many a pair; " + zero + "; auto: as many as the gate needs")
      ->check(CLI::Range(0, 1000000) | CLI::IsMember({"auto"}));
}

bool ReadSamples(const std::string& samples, int64_t& count) {
  if (samples == "auto") return true;
  count = std::stoll(samples);  // CLI11 has checked it
  return false;
}

int RunCommandLine(int argc, char** argv) {
  Context context;
  const auto app = BuildApp(context);
  try {  // CLI11 reports usage by exceptions; they end here
    app->parse(argc, argv);
  } catch (const CLI::ParseError& e) {
    return app->exit(e, std::cout, std::cerr) == 0 ? 0 : kBadUsage;
  }
  return context.exit_code;
}

}  // namespace dragoman::cli
