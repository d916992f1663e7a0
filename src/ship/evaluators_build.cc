// Keys about conversion and the quantized build.
#include <fmt/format.h>

#include <filesystem>

#include "base/json.h"
#include "ship/evaluators.h"
#include "ship/phase.h"

namespace dragoman {
namespace {

namespace fs = std::filesystem;
using Box = ChecklistBox;
using Context = ChecklistContext;

std::string InWorkspace(const Context& context, const std::string& relative) {
  return relative.rfind('/', 0) == 0 ? relative : context.workspace + "/" + relative;
}

uint64_t BytesOf(const std::string& path) {
  std::error_code ec;
  return fs::is_regular_file(path, ec) ? fs::file_size(path, ec) : 0;
}

BoxVerdict ConvertDone(const Box&, const Context& context) {
  const Json& convert = context.Phase("convert");
  const Json trip = convert.value("round_trip", Json::object());
  return Done(fmt::format("{} ({}), verified; {} tensors round-trip, {} of {} values changed",
                          convert.value("path", std::string()),
                          HumanBytes(convert.value("bytes", uint64_t{0})), trip.value("tensors", 0),
                          trip.value("changed", uint64_t{0}), trip.value("values", uint64_t{0})));
}

BoxVerdict Recorded(const Context& context, const char* key) {
  const std::string value = context.Phase("quantize").value(key, std::string());
  return value.empty() ? Failed(std::string(key) + " is not recorded") : Done(value);
}

BoxVerdict QuantizeDone(const Box&, const Context& context) {
  const Json& quantize = context.Phase("quantize");
  return Done(fmt::format("{} tensors rounded to {} in {:.1f} s", quantize.value("tensors", 0),
                          quantize.value("recipe", std::string()), quantize.value("seconds", 0.0)));
}

BoxVerdict QuantizeDuration(const Box& box, const Context& context) {
  const double seconds = context.Phase("quantize").value("seconds", 0.0);
  const std::string text =
      fmt::format("{:.1f} s, finished {}", seconds,
                  context.Phase("quantize").value("_finished", std::string("at an unknown time")));
  if (!box.expect.contains("max_seconds")) return Done(text);
  const double limit = box.expect["max_seconds"].get<double>();
  return Judge(box, context, seconds <= limit, text, fmt::format("{:.0f} s", limit));
}

BoxVerdict QuantizePeakMemory(const Box&, const Context& context) {
  const Json& quantize = context.Phase("quantize");
  return Done(fmt::format("{} of own memory at most, {} with mapped files",
                          HumanBytes(quantize.value("peak_anonymous_bytes", uint64_t{0})),
                          HumanBytes(quantize.value("_peak_memory_bytes", uint64_t{0}))));
}

// The build as it lies there now, not as it was remembered.
BoxVerdict BuildExists(const Box&, const Context& context) {
  const std::string relative = context.Phase("quantize").value("path", std::string());
  const uint64_t bytes = BytesOf(InWorkspace(context, relative));
  if (bytes == 0 || bytes != context.Phase("quantize").value("bytes", uint64_t{0})) {
    return Failed(relative + " is not there as it was written");
  }
  return Done(fmt::format("{}: {} bytes", relative, bytes));
}

BoxVerdict QuantizeSize(const Box& box, const Context& context) {
  const uint64_t bytes = context.Phase("quantize").value("bytes", uint64_t{0});
  const uint64_t limit = box.expect.value("max_bytes", uint64_t{0});
  return Judge(box, context, bytes <= limit, HumanBytes(bytes), "at most " + HumanBytes(limit));
}

BoxVerdict QuantizeRatio(const Box& box, const Context& context) {
  const double ratio = context.Phase("quantize").value("ratio", 0.0);
  const double limit = box.expect.value("min_ratio", 0.0);
  return Judge(box, context, ratio >= limit, fmt::format("{:.2f}x smaller than 16 bits", ratio),
               fmt::format("at least {:.1f}x", limit));
}

BoxVerdict QuantizeEmbedded(const Box& box, const Context& context) {
  const std::string what = box.expect.value("what", std::string());
  const std::string text =
      context.Phase("quantize").value("embedded", Json::object()).value(what, std::string());
  return text.empty() ? Failed("the GGUF's metadata holds no " + what) : Done(text);
}

BoxVerdict QuantizeMetadata(const Box&, const Context& context) {
  const std::string relative = "models/quantization_metadata.json";
  const auto json = ReadJsonFile(InWorkspace(context, relative));
  return json && json->is_object() ? Done(relative)
                                   : Failed(relative + " is not there or is not JSON");
}

BoxVerdict QuantizeLoads(const Box&, const Context& context) {
  const Json quick = context.Phase("quantize").value("quick_translation", Json::object());
  if (!quick.contains("load_seconds")) return Failed("the build was not loaded");
  return Done(fmt::format("loaded in {:.2f} s", quick["load_seconds"].get<double>()));
}

BoxVerdict QuantizeWarnings(const Box&, const Context& context) {
  const Json warnings = context.Phase("quantize")
                            .value("quick_translation", Json::object())
                            .value("warnings", Json::array());
  return warnings.empty() ? Done("none") : Failed(warnings[0].get<std::string>());
}

BoxVerdict QuantizeMemory(const Box& box, const Context& context) {
  const Json quick = context.Phase("quantize").value("quick_translation", Json::object());
  const uint64_t bytes = quick.value("peak_memory_bytes", uint64_t{0});
  const uint64_t limit = box.expect.value("max_bytes", uint64_t{0});
  return Judge(box, context, bytes <= limit, HumanBytes(bytes) + " peak while translating",
               "at most " + HumanBytes(limit));
}

BoxVerdict LogsWritten(const Box&, const Context& context) {
  const uint64_t bytes = BytesOf(context.workspace + "/logs/ship.log");
  return bytes > 0 ? Done(fmt::format("logs/ship.log, {} bytes so far", bytes))
                   : Failed("logs/ship.log is empty");
}

BoxVerdict GgufIntegrity(const Box&, const Context& context) {
  const Json& quantize = context.Phase("quantize");
  return Done(fmt::format(
      "strict reader: header, metadata, bounds of {} tensors; {} finite; SHA-256 {}",
      quantize.value("tensors", 0), HumanBytes(quantize.value("verified_bytes", uint64_t{0})),
      quantize.value("sha256", std::string())));
}

}  // namespace

void AddBuildEvaluators(EvaluatorMap* evaluators) {
  EvaluatorMap& all = *evaluators;
  all["convert.done"] = ConvertDone;
  all["quantize.command"] = [](const Box&, const Context& context) {
    return Recorded(context, "command");
  };
  all["quantize.method"] = [](const Box&, const Context& context) {
    return Recorded(context, "method");
  };
  all["quantize.device"] = [](const Box&, const Context& context) {
    return Recorded(context, "device");
  };
  all["quantize.done"] = QuantizeDone;
  all["quantize.duration"] = QuantizeDuration;
  all["quantize.peak_memory"] = QuantizePeakMemory;
  all["quantize.file"] = BuildExists;
  all["gguf.created"] = BuildExists;
  all["quantize.size"] = QuantizeSize;
  all["quantize.ratio"] = QuantizeRatio;
  all["quantize.embedded"] = QuantizeEmbedded;
  all["quantize.metadata"] = QuantizeMetadata;
  all["quantize.loads"] = QuantizeLoads;
  all["quantize.warnings"] = QuantizeWarnings;
  all["quantize.memory"] = QuantizeMemory;
  all["logs.written"] = LogsWritten;
  all["gguf.integrity"] = GgufIntegrity;
  all["gptq.created"] = [](const Box&, const Context&) {
    return NotApplicable("a GPTQ checkpoint was not asked for; the build is a GGUF");
  };
}

}  // namespace dragoman
