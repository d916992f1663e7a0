#include "ship/evidence.h"

#include "base/sha256.h"

namespace dragoman {
namespace {

OrderedJson InputsJson(const PhaseInputs& inputs) {
  OrderedJson list = OrderedJson::array();
  for (const auto& [name, value] : inputs)
    list.push_back(OrderedJson{{"name", name}, {"value", value}});
  return list;
}

OrderedJson OutputsJson(const std::vector<EvidenceOutput>& outputs) {
  OrderedJson list = OrderedJson::array();
  for (const EvidenceOutput& output : outputs) {
    list.push_back(OrderedJson{{"path", output.path},
                               {"bytes", output.stamp.bytes},
                               {"mtime_ns", output.stamp.mtime_ns},
                               {"inode", output.stamp.inode},
                               {"sha256", output.sha256}});
  }
  return list;
}

// Evidence is our own file, yet people and other programs touch it: a wrong type anywhere makes it
// unreadable, never more. nlohmann's typed getters throw; the one caller catches.
PhaseEvidence FromJson(const Json& json) {
  PhaseEvidence evidence;
  evidence.phase = json.at("phase").get<std::string>();
  evidence.status = json.at("status").get<std::string>();
  evidence.input_hash = json.at("input_hash").get<std::string>();
  for (const Json& input : json.at("inputs")) {
    evidence.inputs.emplace_back(input.at("name").get<std::string>(),
                                 input.at("value").get<std::string>());
  }
  for (const Json& output : json.at("outputs")) {
    evidence.outputs.push_back(
        {output.at("path").get<std::string>(),
         {output.at("bytes").get<uint64_t>(), output.at("mtime_ns").get<int64_t>(),
          output.at("inode").get<uint64_t>()},
         output.at("sha256").get<std::string>()});
  }
  evidence.measured = json.at("measured");
  evidence.summary = json.at("summary").get<std::string>();
  evidence.error = json.at("error").get<std::string>();
  evidence.program = json.at("program").get<std::string>();
  evidence.started = json.at("started").get<std::string>();
  evidence.finished = json.at("finished").get<std::string>();
  evidence.seconds = json.at("seconds").get<double>();
  evidence.cpu_seconds = json.at("cpu_seconds").get<double>();
  evidence.peak_memory_bytes = json.at("peak_memory_bytes").get<uint64_t>();
  return evidence;
}

}  // namespace

std::string HashInputs(const std::string& phase, const PhaseInputs& inputs) {
  Json list = Json::array();
  for (const auto& [name, value] : inputs) list.push_back({name, value});
  return Sha256Hex(DumpJson(Json{phase, std::move(list)}));
}

OrderedJson ToJson(const PhaseEvidence& evidence) {
  OrderedJson json;
  json["schema"] = kEvidenceSchema;
  json["phase"] = evidence.phase;
  json["status"] = evidence.status;
  json["summary"] = evidence.summary;
  json["error"] = evidence.error;
  json["program"] = evidence.program;
  json["started"] = evidence.started;
  json["finished"] = evidence.finished;
  json["seconds"] = evidence.seconds;
  json["cpu_seconds"] = evidence.cpu_seconds;
  json["peak_memory_bytes"] = evidence.peak_memory_bytes;
  json["input_hash"] = evidence.input_hash;
  json["inputs"] = InputsJson(evidence.inputs);
  json["outputs"] = OutputsJson(evidence.outputs);
  json["measured"] = evidence.measured;
  return json;
}

Result<PhaseEvidence> ReadEvidence(const std::string& path) {
  DRAGOMAN_ASSIGN_OR_RETURN(const Json json, ReadJsonFile(path));
  if (!json.is_object() || json.value("schema", Json()) != kEvidenceSchema) {
    return Fail(ErrorCode::kCorruptFile, std::string("expected schema ") + kEvidenceSchema, path);
  }
  try {
    return FromJson(json);
  } catch (const Json::exception& e) {
    return Fail(ErrorCode::kCorruptFile, e.what(), path);
  }
}

bool OutputsAreThere(const PhaseEvidence& evidence, const Workspace& workspace, HashCache* hashes) {
  for (const EvidenceOutput& output : evidence.outputs) {
    const std::string path =
        output.path.rfind('/', 0) == 0 ? output.path : workspace.Path(output.path);
    const auto stamp = StampOf(path);
    if (!stamp || stamp->bytes != output.stamp.bytes) return false;
    if (*stamp == output.stamp) continue;
    const auto sha256 = hashes->HashOf(path);  // moved or copied: the bytes decide
    if (!sha256 || *sha256 != output.sha256) return false;
  }
  return true;
}

Result<std::vector<EvidenceOutput>> DescribeOutputs(const std::vector<std::string>& paths,
                                                    const Workspace& workspace, HashCache* hashes) {
  std::vector<EvidenceOutput> outputs;
  for (const std::string& path : paths) {
    EvidenceOutput output;
    output.path = workspace.Relative(path);
    DRAGOMAN_ASSIGN_OR_RETURN(output.sha256, hashes->HashOf(path));
    DRAGOMAN_ASSIGN_OR_RETURN(output.stamp, StampOf(path));
    outputs.push_back(std::move(output));
  }
  return outputs;
}

}  // namespace dragoman
