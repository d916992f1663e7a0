// The JSON of plans and reports (schemas/quantization_metadata.schema.json).
#include <filesystem>

#include "quantize/quantize.h"

namespace dragoman {
namespace {

std::string FileName(const std::string& path) {
  std::filesystem::path name = std::filesystem::path(path).lexically_normal();
  if (!name.has_filename()) name = name.parent_path();
  return name.filename().string();
}

OrderedJson TensorJson(const PlannedTensor& tensor) {
  OrderedJson json;
  json["name"] = tensor.name;
  json["type"] = TraitsOf(tensor.type).name;
  json["shape"] = tensor.shape;
  json["size_bytes"] = tensor.size_bytes;
  if (tensor.predicted_kl) json["predicted_kl"] = *tensor.predicted_kl;
  return json;
}

// What real measurements said of the predictions.
OrderedJson ProxyJson(const std::vector<ProxyGroup>& groups) {
  OrderedJson json = OrderedJson::array();
  for (const ProxyGroup& group : groups) {
    OrderedJson one;
    one["group"] = group.name;
    one["predicted_kl"] = group.predicted_kl;
    one["measured_kl"] = group.measured_kl;
    one["factor"] = group.factor();
    json.push_back(std::move(one));
  }
  return json;
}

OrderedJson InputsJson(const QuantizeReport& report) {
  OrderedJson inputs = OrderedJson::array();
  for (const auto& [file, digest] : report.input_sha256) {
    inputs.push_back(OrderedJson{{"file", file}, {"sha256", digest}});
  }
  return inputs;
}

}  // namespace

OrderedJson ToJson(const QuantizePlan& plan) {
  OrderedJson json;
  json["schema"] = "dragoman.quantization_plan/1";
  json["recipe"] = plan.recipe;
  json["file_bytes"] = plan.file_bytes;
  json["tensor_bytes"] = plan.tensor_bytes;
  json["bits_per_weight"] = plan.bits_per_weight;
  if (plan.predicted_kl) json["predicted_kl"] = *plan.predicted_kl;
  if (!plan.proxy.empty()) json["prediction_check"] = ProxyJson(plan.proxy);
  if (plan.vocabulary) json["vocabulary"] = ToJson(*plan.vocabulary);
  json["tensors"] = OrderedJson::array();
  for (const PlannedTensor& tensor : plan.tensors) json["tensors"].push_back(TensorJson(tensor));
  return json;
}

OrderedJson ToJson(const QuantizeReport& report) {
  OrderedJson json;
  json["schema"] = "dragoman.quantization_metadata/1";
  json["recipe"] = report.plan.recipe;
  json["method"] = report.method;
  json["program_version"] = DRAGOMAN_VERSION;
  if (!report.importance_hash.empty() || !report.importance_datasets.empty()) {
    json["importance"]["datasets"] = report.importance_datasets;
    json["importance"]["hash"] = report.importance_hash;
  }
  json["inputs"] = InputsJson(report);
  json["output"]["file"] = FileName(report.output_path);
  json["output"]["file_bytes"] = report.plan.file_bytes;
  if (!report.output_sha256.empty()) json["output"]["sha256"] = report.output_sha256;
  json["tensor_bytes"] = report.plan.tensor_bytes;
  json["bits_per_weight"] = report.plan.bits_per_weight;
  if (report.plan.predicted_kl) json["predicted_kl"] = *report.plan.predicted_kl;
  if (!report.plan.proxy.empty()) json["prediction_check"] = ProxyJson(report.plan.proxy);
  if (report.plan.vocabulary) json["vocabulary"] = ToJson(*report.plan.vocabulary);
  json["tensors"] = OrderedJson::array();
  for (size_t i = 0; i < report.tensors.size() && i < report.plan.tensors.size(); ++i) {
    OrderedJson tensor = TensorJson(report.plan.tensors[i]);
    tensor["mean_squared_error"] = report.tensors[i].mean_squared_error;
    tensor["relative_rmse"] = report.tensors[i].relative_rmse;
    if (report.tensors[i].relative_output_loss) {
      tensor["relative_output_loss"] = *report.tensors[i].relative_output_loss;
    }
    json["tensors"].push_back(std::move(tensor));
  }
  // Of this run, not of the result: everything above is the same every time.
  OrderedJson& run = json["run"];
  run["input_path"] = report.input_path;
  run["output_path"] = report.output_path;
  run["seconds"] = report.seconds;
  run["threads"] = report.threads;
  run["instruction_set"] = report.instruction_set;
  run["peak_anonymous_bytes"] = report.peak_anonymous_bytes;
  run["tensor_seconds"] = OrderedJson::object();
  for (const auto& tensor : report.tensors) run["tensor_seconds"][tensor.name] = tensor.seconds;
  return json;
}

}  // namespace dragoman
