// RunBenchmark: a real model behind TranslateSuite.
#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <memory>
#include <utility>

#include "base/process_stats.h"
#include "base/sha256.h"
#include "base/thread_pool.h"
#include "evaluate/benchmark.h"
#include "evaluate/process_group.h"
#include "formats/checkpoint.h"

namespace dragoman {

Result<std::string> HashModel(const std::string& path, uint64_t* total_bytes) {
  namespace fs = std::filesystem;
  DRAGOMAN_ASSIGN_OR_RETURN(const std::unique_ptr<Checkpoint> checkpoint, OpenCheckpoint(path));
  std::vector<std::string> files = checkpoint->files();
  *total_bytes = 0;
  std::error_code ec;
  for (const auto& file : files) *total_bytes += fs::file_size(file, ec);
  if (!checkpoint->folder().empty()) {
    for (const char* name : {"config.json", "generation_config.json", "tokenizer.json"}) {
      const fs::path companion = fs::path(checkpoint->folder()) / name;
      if (fs::exists(companion, ec)) files.push_back(companion.string());
    }
  }
  if (files.size() == 1) return Sha256OfFile(files[0]);
  std::vector<std::pair<std::string, std::string>> digests;
  for (const auto& file : files) {
    DRAGOMAN_ASSIGN_OR_RETURN(std::string digest, Sha256OfFile(file));
    digests.emplace_back(fs::path(file).filename().string(), std::move(digest));
  }
  std::sort(digests.begin(), digests.end());
  Sha256 hash;
  for (const auto& one : digests) hash.Update(fmt::format("{}  {}\n", one.second, one.first));
  return hash.HexDigest();
}

namespace {

// What stands behind TranslateSuite: the model, and what the predictions depend on.
struct OpenedModel {
  std::unique_ptr<Translator> translator;
  TranslateOptions decoding;
  OrderedJson identity;
};

// Processes of one machine divide its cores.
int ThreadsOf(const BenchmarkOptions& options) {
  if (options.threads != 0 || options.group == nullptr) return options.threads;
  return AvailableCores(options.group->local_size());
}

Result<OpenedModel> OpenModel(const std::string& path, const BenchmarkOptions& options,
                              BenchmarkResult& result) {
  DRAGOMAN_ASSIGN_OR_RETURN(result.model_sha256, HashModel(path, &result.model_bytes));
  OpenedModel opened;
  DRAGOMAN_ASSIGN_OR_RETURN(opened.translator,
                            Translator::Open(path, options.device, ThreadsOf(options),
                                             {.float32_activations = options.float32_activations}));
  result.activations = options.float32_activations ? "float32" : "8 bits";
  result.device = std::string(opened.translator->model().backend().name());
  result.load_seconds = opened.translator->load_seconds();
  if (!options.draft_path.empty())
    DRAGOMAN_RETURN_IF_ERROR(opened.translator->UseDraft(options.draft_path));
  opened.decoding.max_batch = options.max_batch;
  opened.decoding.speculate = options.speculate;
  opened.identity["schema"] = "dragoman.predictions/1";
  opened.identity["program"] = DRAGOMAN_VERSION;
  opened.identity["model_sha256"] = result.model_sha256;
  opened.identity["suite_hash"] = result.suite_hash;
  opened.identity["device"] = result.device;  // another variant may round another way
  opened.identity["activations"] = result.activations;
  opened.identity["max_new_tokens"] = opened.decoding.max_new_tokens;
  opened.identity["max_source_tokens"] = opened.decoding.max_source_tokens;
  return opened;
}

}  // namespace

Result<BenchmarkResult> RunBenchmark(const std::string& model_path, const Suite& suite,
                                     const BenchmarkOptions& options) {
  BenchmarkResult result;
  result.model_path = model_path;
  result.suite_hash = suite.hash;
  const Result<OpenedModel> opened = OpenModel(model_path, options, result);
  if (options.group != nullptr) DRAGOMAN_RETURN_IF_ERROR(options.group->Agree(ErrorOf(opened)));
  if (!opened) return tl::unexpected(opened.error());
  const auto translate = [&](std::span<const TranslationRequest> requests) {
    return opened->translator->Translate(requests, opened->decoding);
  };
  DRAGOMAN_RETURN_IF_ERROR(TranslateSuite(suite, options, opened->identity, translate, result));
  result.speculation = opened->translator->speculation();
  result.peak_rss_bytes = std::max(result.peak_rss_bytes, CurrentMemoryUse().peak_rss_bytes);
  return result;
}

}  // namespace dragoman
