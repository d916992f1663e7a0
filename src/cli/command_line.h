// The command line: a table of subcommands, each in a file of its own that parses, calls the public
// API, prints.
#ifndef DRAGOMAN_CLI_COMMAND_LINE_H_
#define DRAGOMAN_CLI_COMMAND_LINE_H_

#include <CLI/CLI.hpp>
#include <cstdint>
#include <string>

#include "dragoman/report.h"
#include "dragoman/result.h"

namespace dragoman::cli {

// Options that every subcommand takes, and the exit code that the chosen one leaves.
struct Context {
  bool json = false;
  bool quiet = false;
  std::string workspace = "work";
  api::Machine machine;
  int exit_code = 0;
};

// Prints the report (JSON with --json) on standard output, or the error on standard error, and sets
// the exit code.
void Finish(Context& context, const Result<api::Report>& report);
void FinishWithError(Context& context, const Error& error);

// --device and --threads.
void AddMachineOptions(CLI::App& command, Context& context);
// --samples-per-language: a count, or "auto". `zero` says what 0 is.
void AddSamplesOption(CLI::App& command, std::string& samples, const std::string& zero);
// Whether it is auto; else the count is set.
bool ReadSamples(const std::string& samples, int64_t& count);
// --kv and --lock.
void AddMemoryOptions(CLI::App& command, Context& context);
// --speculate and --draft.
void AddSpeculationOptions(CLI::App& command, std::string& speculate, std::string& draft);

void AddDoctor(CLI::App& app, Context& context);
void AddVerify(CLI::App& app, Context& context);
void AddInspect(CLI::App& app, Context& context);
void AddTranslate(CLI::App& app, Context& context);
void AddLanguages(CLI::App& app, Context& context);
void AddConvert(CLI::App& app, Context& context);
void AddCalibrate(CLI::App& app, Context& context);
void AddQuantize(CLI::App& app, Context& context);
void AddSuite(CLI::App& app, Context& context);
void AddBenchmark(CLI::App& app, Context& context);
void AddCompare(CLI::App& app, Context& context);
void AddScore(CLI::App& app, Context& context);
void AddBench(CLI::App& app, Context& context);
void AddMonitor(CLI::App& app, Context& context);
void AddPackage(CLI::App& app, Context& context);
void AddShip(CLI::App& app, Context& context);
void AddCompletion(CLI::App& app, Context& context);

// The whole program. Returns the process's exit code.
int RunCommandLine(int argc, char** argv);

}  // namespace dragoman::cli

#endif  // DRAGOMAN_CLI_COMMAND_LINE_H_
