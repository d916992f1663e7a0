// Is a checkpoint whole, consistent and finite? What is in it?
#ifndef DRAGOMAN_MODEL_VERIFY_H_
#define DRAGOMAN_MODEL_VERIFY_H_

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "base/json.h"
#include "dragoman/result.h"
#include "model/gemma3_config.h"

namespace dragoman {

struct ModelSummary {
  std::string path, container, name;
  Gemma3Config config;
  uint64_t parameters = 0, tensor_bytes = 0, file_bytes = 0;
  // By component: embedding, attention, ffn, norms, vision tower (left out).
  struct Component {
    std::string name;
    uint64_t parameters = 0, bytes = 0;
  };
  std::vector<Component> components;
  std::vector<std::pair<std::string, uint64_t>> types;  // block type name, bytes
  double bits_per_weight = 0;
  std::vector<std::string> companions;  // config.json, tokenizer.json ... present
  std::vector<std::string> missing_companions;
};
// Headers only. Errors: as OpenCheckpoint, LoadGemma3Config, MapGemma3Tensors.
Result<ModelSummary> InspectModel(const std::string& path);
OrderedJson ToJson(const ModelSummary& summary);

struct VerifyReport {
  ModelSummary summary;
  uint64_t scanned_bytes = 0;
  double seconds = 0;
  double gb_per_second() const {
    return seconds > 0 ? static_cast<double>(scanned_bytes) / 1e9 / seconds : 0;
  }
};
// InspectModel, then every tensor byte scanned for NaN and infinity (`threads` 0: all cores).
// Errors: additionally kCorruptFile naming file, tensor, element and offset of the first value that
// is not finite.
Result<VerifyReport> VerifyModel(
    const std::string& path, int threads,
    const std::function<void(uint64_t done, uint64_t total)>& progress = {});
OrderedJson ToJson(const VerifyReport& report);

}  // namespace dragoman

#endif  // DRAGOMAN_MODEL_VERIFY_H_
