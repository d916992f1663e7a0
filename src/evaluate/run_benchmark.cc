// RunBenchmark: a real model behind TranslateSuite.
#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <memory>
#include <utility>

#include "base/process_stats.h"
#include "base/sha256.h"
#include "evaluate/benchmark.h"
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

Result<BenchmarkResult> RunBenchmark(const std::string& model_path, const Suite& suite,
                                     const BenchmarkOptions& options) {
  BenchmarkResult result;
  result.model_path = model_path;
  result.suite_hash = suite.hash;
  DRAGOMAN_ASSIGN_OR_RETURN(result.model_sha256, HashModel(model_path, &result.model_bytes));
  DRAGOMAN_ASSIGN_OR_RETURN(const std::unique_ptr<Translator> translator,
                            Translator::Open(model_path, options.device, options.threads,
                                             {.float32_activations = options.float32_activations}));
  result.device = std::string(translator->model().backend().name());
  result.activations = options.float32_activations ? "float32" : "8 bits";
  result.load_seconds = translator->load_seconds();
  if (!options.draft_path.empty())
    DRAGOMAN_RETURN_IF_ERROR(translator->UseDraft(options.draft_path));

  TranslateOptions decoding;
  decoding.max_batch = options.max_batch;
  decoding.speculate = options.speculate;
  OrderedJson identity;
  identity["schema"] = "dragoman.predictions/1";
  identity["program"] = DRAGOMAN_VERSION;
  identity["model_sha256"] = result.model_sha256;
  identity["suite_hash"] = suite.hash;
  identity["device"] = result.device;  // another variant may round another way
  identity["activations"] = result.activations;
  identity["max_new_tokens"] = decoding.max_new_tokens;
  identity["max_source_tokens"] = decoding.max_source_tokens;
  const auto translate = [&](std::span<const TranslationRequest> requests) {
    return translator->Translate(requests, decoding);
  };
  DRAGOMAN_RETURN_IF_ERROR(TranslateSuite(suite, options, identity, translate, result));
  result.speculation = translator->speculation();
  result.peak_rss_bytes = CurrentMemoryUse().peak_rss_bytes;
  return result;
}

}  // namespace dragoman
