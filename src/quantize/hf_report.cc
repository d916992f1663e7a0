// The JSON of a quantized Hugging Face checkpoint (schemas/hf_quantization.schema.json).
#include <filesystem>

#include "quantize/hf_checkpoint.h"
#include "quantize/hf_config.h"

namespace dragoman {
namespace {

OrderedJson DigestsJson(const std::vector<std::pair<std::string, std::string>>& digests) {
  OrderedJson json = OrderedJson::array();
  for (const auto& [file, digest] : digests) {
    json.push_back(OrderedJson{{"file", file}, {"sha256", digest}});
  }
  return json;
}

}  // namespace

OrderedJson ToJson(const HfQuantizeReport& report, const HfQuantizeOptions& options) {
  OrderedJson json;
  json["schema"] = "dragoman.hf_quantization/1";
  json["program_version"] = DRAGOMAN_VERSION;
  json["format"] = options.format == HfFormat::kGptq ? "gptq" : "compressed-tensors";
  json["bits"] = options.group.bits;
  json["group_size"] = options.group_size;
  json["symmetric"] = options.group.symmetric;
  json["reordering"] = NameOf(options.reordering);
  json["damping"] = options.damping;
  json["inputs"] = DigestsJson(report.input_sha256);
  json["outputs"] = DigestsJson(report.output_sha256);
  json["file_bytes"] = report.plan.file_bytes;
  json["tensor_bytes"] = report.plan.tensor_bytes;
  json["bits_per_weight"] = report.plan.bits_per_weight;
  json["linear_bits_per_weight"] = report.plan.linear_bits_per_weight;
  if (report.plan.vocabulary) json["vocabulary"] = ToJson(*report.plan.vocabulary);
  json["linears"] = OrderedJson::array();
  for (const HfLinearReport& linear : report.linears) {
    json["linears"].push_back(
        OrderedJson{{"name", linear.name}, {"relative_output_loss", linear.relative_output_loss}});
  }
  // Of this run, not of the result: everything above is the same every time.
  OrderedJson& run = json["run"];
  run["input_path"] = report.input_path;
  run["output_path"] = report.output_path;
  run["seconds"] = report.seconds;
  run["threads"] = report.threads;
  run["tensor_seconds"] = OrderedJson::object();
  for (const HfLinearReport& linear : report.linears) {
    run["tensor_seconds"][linear.name] = linear.seconds;
  }
  return json;
}

}  // namespace dragoman
