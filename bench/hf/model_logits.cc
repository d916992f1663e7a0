// The logits of a model after each of a list of prompts, as one safetensors file.
//
//   model_logits MODEL PROMPTS.json OUT.safetensors [DEVICE]
//
// PROMPTS: {"prompts": [{"ids": [2, ...]}, ...]}, as tests/golden/mini_golden.json. OUT: "logits"
// F32 [prompts, vocab], of the last position. DEVICE: default "reference", which rounds nothing but
// float32.
#include <cstdio>
#include <string>
#include <vector>

#include "base/json.h"
#include "formats/safetensors.h"
#include "model/gemma3.h"

namespace dragoman {
namespace {

Result<std::vector<float>> LastLogits(Gemma3& model, const std::vector<int32_t>& ids) {
  const auto tokens = static_cast<int64_t>(ids.size());
  DRAGOMAN_ASSIGN_OR_RETURN(const auto cache,
                            KvCache::Create(model.backend(), model.config(), tokens, tokens));
  const SequenceChunk chunk{cache.get(), ids, false, false};
  DRAGOMAN_ASSIGN_OR_RETURN(const Gemma3::Logits logits, model.Forward({&chunk, 1}));
  std::vector<float> row(static_cast<size_t>(logits.vocab));
  model.backend().Download(logits.data, row);
  return row;
}

Result<std::vector<std::vector<int32_t>>> ReadPrompts(const std::string& path) {
  DRAGOMAN_ASSIGN_OR_RETURN(const Json json, ReadJsonFile(path));
  std::vector<std::vector<int32_t>> prompts;
  const auto list = json.is_object() ? json.find("prompts") : json.end();
  if (list == json.end() || !list->is_array() || list->empty()) {
    return Fail(ErrorCode::kCorruptFile, "expected a list of prompts", path);
  }
  for (const Json& prompt : *list) {
    std::vector<int32_t>& ids = prompts.emplace_back();
    const Json found = prompt.is_object() ? prompt.value("ids", Json::array()) : Json::array();
    for (const Json& id : found) {
      if (!id.is_number_integer())
        return Fail(ErrorCode::kCorruptFile, "expected ids as whole numbers", path);
      ids.push_back(id.get<int32_t>());
    }
    if (ids.empty()) return Fail(ErrorCode::kCorruptFile, "expected ids in every prompt", path);
  }
  return prompts;
}

Result<void> WriteLogits(const std::string& model_path, const std::string& prompts_path,
                         const std::string& output, const std::string& device) {
  DRAGOMAN_ASSIGN_OR_RETURN(const auto prompts, ReadPrompts(prompts_path));
  DRAGOMAN_ASSIGN_OR_RETURN(const auto backend, OpenBackend(device, 0));
  DRAGOMAN_ASSIGN_OR_RETURN(const auto model, Gemma3::Load(model_path, *backend));
  const auto vocab = static_cast<uint64_t>(model->config().vocab);
  const GgufTensorPlan plan{"logits", BlockType::kF32, {prompts.size(), vocab}};
  return WriteSafetensors(output, {&plan, 1}, [&](size_t, const ByteSink& sink) -> Result<void> {
    for (const auto& ids : prompts) {
      DRAGOMAN_ASSIGN_OR_RETURN(const std::vector<float> row, LastLogits(*model, ids));
      DRAGOMAN_RETURN_IF_ERROR(sink(std::as_bytes(std::span<const float>(row))));
    }
    return {};
  });
}

}  // namespace
}  // namespace dragoman

int main(int argc, char** argv) {
  if (argc != 4 && argc != 5) {
    std::fprintf(stderr, "usage: model_logits MODEL PROMPTS.json OUT.safetensors [DEVICE]\n");
    return 2;
  }
  const auto written =
      dragoman::WriteLogits(argv[1], argv[2], argv[3], argc == 5 ? argv[4] : "reference");
  if (!written) {
    std::fprintf(stderr, "%s\n", dragoman::ToString(written.error()).c_str());
    return 2;
  }
  return 0;
}
