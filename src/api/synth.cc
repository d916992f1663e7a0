#include "dragoman/synth.h"

#include <fmt/format.h>

#include <optional>

#include "base/json.h"
#include "base/progress.h"
#include "model/synthetic.h"

namespace dragoman::api {
namespace {

Report ToReport(const SynthOptions& options, const SyntheticSummary& summary) {
  const OrderedJson json = {{"schema", "dragoman.synth/1"},
                            {"shape", options.shape},
                            {"seed", options.seed},
                            {"folder", options.output},
                            {"already_there", summary.already_there},
                            {"parameters", summary.parameters},
                            {"tensor_bytes", summary.tensor_bytes},
                            {"files", summary.files},
                            {"has_tokenizer", !options.tokenizer.empty()},
                            {"seconds", summary.seconds}};
  std::string text = fmt::format("{}: {} parameters, {:.3f} GB of BF16, seed {}\n", options.output,
                                 summary.parameters,
                                 static_cast<double>(summary.tensor_bytes) / 1e9, options.seed);
  text += summary.already_there
              ? "already complete, left as it is\n"
              : fmt::format("written in {:.1f} s ({:.2f} GB/s)\n", summary.seconds,
                            static_cast<double>(summary.tensor_bytes) / 1e9 / summary.seconds);
  if (options.tokenizer.empty()) {
    text += "no tokenizer in it: give --tokenizer FILE for a checkpoint that can translate\n";
  }
  return {DumpJson(json), std::move(text), 0};
}

}  // namespace

std::vector<std::string> SynthShapes() {
  std::vector<std::string> names;
  for (const SyntheticShape& shape : SyntheticShapes()) names.emplace_back(shape.name);
  return names;
}

Result<Report> Synthesize(const SynthOptions& options) {
  const SyntheticShape* shape = FindSyntheticShape(options.shape);
  if (shape == nullptr) {
    return Fail(ErrorCode::kInvalidArgument,
                fmt::format("unknown shape '{}', expected one of {}", options.shape,
                            fmt::join(SynthShapes(), ", ")));
  }
  std::optional<Progress> bar;  // begins once the total is known
  SyntheticOptions room;
  room.shape = *shape;
  room.seed = options.seed;
  room.threads = options.threads;
  room.tokenizer_path = options.tokenizer;
  room.progress = [&](uint64_t done_bytes, uint64_t total_bytes) {
    if (!bar) bar.emplace("write", total_bytes, "bytes");
    bar->Update(done_bytes);
  };
  DRAGOMAN_ASSIGN_OR_RETURN(const SyntheticSummary summary,
                            WriteSyntheticCheckpoint(options.output, room));
  if (bar) bar->Finish();
  return ToReport(options, summary);
}

}  // namespace dragoman::api
