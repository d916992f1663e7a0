// Keys about the machine, the workspace and the unquantized model.
#include <fmt/format.h>
#include <unistd.h>

#include <cmath>
#include <filesystem>

#include "ship/evaluators.h"
#include "ship/phase.h"

namespace dragoman {
namespace {

namespace fs = std::filesystem;
using Box = ChecklistBox;
using Context = ChecklistContext;

// A check of the doctor's report: {"status", "detail", "data"}.
Json DoctorRow(const Context& context, const char* name) {
  return context.Phase("preflight").value("checks", Json::object()).value(name, Json::object());
}
Json DataOf(const Json& row) { return row.value("data", Json::object()); }
std::string DetailOf(const Json& row) { return row.value("detail", std::string("not checked")); }

BoxVerdict Never(const Box& box, const Context&) {
  return NotApplicable(box.reason.empty() ? "It does not apply to this program." : box.reason);
}

BoxVerdict ForAPerson(const Box&, const Context&) {
  return NotApplicable("for a person to fill in");
}

BoxVerdict GpuPresent(const Box&, const Context& context) {
  const Json row = DoctorRow(context, "accelerators");
  const Json devices = DataOf(row).value("devices", Json::array());
  return devices.empty() ? NotApplicable(DetailOf(row) + "; the CPU does the work")
                         : Done(DetailOf(row));
}

BoxVerdict GpuUtilisation(const Box&, const Context&) {
  return NotApplicable("no accelerator is used for quantizing; the CPU does the work");
}

BoxVerdict Enough(const char* row_name, const Context& context) {
  const Json row = DoctorRow(context, row_name);
  return DataOf(row).value("enough", false) ? Done(DetailOf(row)) : Failed(DetailOf(row));
}

BoxVerdict NetworkHub(const Box&, const Context& context) {
  const Json row = DoctorRow(context, "hub");
  if (DataOf(row).value("reachable", false)) return Done(DetailOf(row));
  return NotApplicable("the model is on this machine, nothing has to be fetched", DetailOf(row));
}

BoxVerdict HubCache(const Box&, const Context& context) {
  const Json row = DoctorRow(context, "cache");
  return DataOf(row).value("writable", false) ? Done(DetailOf(row)) : Failed(DetailOf(row));
}

BoxVerdict WorkspaceFolders(const Box& box, const Context& context) {
  std::string names;
  for (const Json& path : box.expect.value("paths", Json::array())) {
    const std::string folder = context.workspace + "/" + path.get<std::string>();
    std::error_code ec;
    if (!fs::is_directory(folder, ec)) return Failed(folder + " is not there");
    if (::access(folder.c_str(), W_OK | X_OK) != 0) return Failed(folder + " cannot be written");
    names += (names.empty() ? "" : ", ") + path.get<std::string>() + "/";
  }
  return Done(names + " there and writable");
}

BoxVerdict DocsPresent(const Box& box, const Context& context) {
  std::string names;
  for (const Json& path : box.expect.value("paths", Json::array())) {
    const std::string file = context.program_data + "/" + path.get<std::string>();
    std::error_code ec;
    const uint64_t bytes = fs::is_regular_file(file, ec) ? fs::file_size(file, ec) : 0;
    if (bytes == 0) return Failed(path.get<std::string>() + " does not come with this program");
    names +=
        fmt::format("{}{} ({} bytes)", names.empty() ? "" : ", ", path.get<std::string>(), bytes);
  }
  return Done(names);
}

BoxVerdict PreflightBlockers(const Box&, const Context& context) {
  const Json blockers = context.Phase("preflight").value("blockers", Json::array());
  if (blockers.empty()) {
    return Done(fmt::format("none in {} checks (eval/doctor.json)",
                            context.Phase("preflight").value("checks", Json::array()).size()));
  }
  return Failed(blockers[0].get<std::string>());
}

BoxVerdict ModelSource(const Box&, const Context& context) {
  const Json& model = context.Phase("model");
  const std::string path = model.value("path", std::string());
  return NotApplicable(model.value("source", std::string()) == "bundled"
                           ? "the model that comes with the program was used: " + path
                           : "a model on this machine was used: " + path);
}

BoxVerdict ModelComplete(const Box&, const Context& context) {
  const Json& model = context.Phase("model");
  const size_t files = model.value("files", Json::array()).size();
  std::string text = fmt::format("{} files, {} on disk; every tensor of the index is there", files,
                                 HumanBytes(model.value("bytes_on_disk", uint64_t{0})));
  const Json missing = model.value("missing", Json::array());
  for (const Json& name : missing) text += "; without " + name.get<std::string>();
  return Done(text);
}

BoxVerdict ModelFile(const Box& box, const Context& context) {
  const Json& model = context.Phase("model");
  if (model.value("container", std::string()).find("GGUF") != std::string::npos ||
      model.value("container", std::string()).find("gguf") != std::string::npos) {
    return NotApplicable("the model is a GGUF: one file holds everything");
  }
  std::string wanted;
  for (const Json& name : box.expect.value("any_of", Json::array())) {
    for (const Json& file : model.value("files", Json::array())) {
      if (file.value("name", Json()) != name) continue;
      return Done(fmt::format("{}: {} bytes, SHA-256 {}", name.get<std::string>(),
                              file.value("bytes", uint64_t{0}),
                              file.value("sha256", std::string()).substr(0, 16)));
    }
    wanted += (wanted.empty() ? "" : " or ") + name.get<std::string>();
  }
  return Failed("the model has no " + wanted);
}

BoxVerdict ModelVerified(const Box&, const Context& context) {
  const Json verify = context.Phase("model").value("verify", Json::object());
  return Done(fmt::format("shapes, bounds, no NaN or infinity in {}; {:.1f} GB/s",
                          HumanBytes(verify.value("scanned_bytes", uint64_t{0})),
                          verify.value("gb_per_second", 0.0)));
}

BoxVerdict ModelParameters(const Box& box, const Context& context) {
  const uint64_t count = context.Phase("model").value("parameters", uint64_t{0});
  const uint64_t expected = box.expect.value("count", uint64_t{0});
  return Judge(box, context, count == expected,
               fmt::format("{} parameters of the text model", count),
               fmt::format("exactly {}", expected));
}

BoxVerdict ModelBytes(const Box& box, const Context& context) {
  const auto bytes =
      static_cast<double>(context.Phase("model").value("text_bytes_16bit", uint64_t{0}));
  const auto expected = static_cast<double>(box.expect.value("bytes", uint64_t{0}));
  const double tolerance = box.expect.value("tolerance_percent", 0.0);
  return Judge(
      box, context, std::abs(bytes - expected) <= expected * tolerance / 100,
      HumanBytes(static_cast<uint64_t>(bytes)) + " at 16 bits",
      fmt::format("{} within {} %", HumanBytes(static_cast<uint64_t>(expected)), tolerance));
}

BoxVerdict ModelTokenizer(const Box&, const Context& context) {
  const Json tokenizer = context.Phase("model").value("tokenizer", Json::object());
  return Done(fmt::format("{} pieces, loaded in {:.2f} s", tokenizer.value("pieces", 0),
                          tokenizer.value("load_seconds", 0.0)));
}

BoxVerdict ModelBaselineMetrics(const Box&, const Context& context) {
  const Json quick = context.Phase("model").value("quick_translation", Json::object());
  return Done(
      fmt::format("loads in {:.2f} s, a sentence in {:.0f} ms, {} peak (evidence/model.json)",
                  quick.value("load_seconds", 0.0), quick.value("latency_ms", 0.0),
                  HumanBytes(quick.value("peak_memory_bytes", uint64_t{0}))));
}

BoxVerdict QuickTranslated(const Json& quick) {
  const std::string text =
      fmt::format("{}: \"{}\" -> \"{}\"", quick.value("pair", std::string()),
                  quick.value("source", std::string()), quick.value("text", std::string()));
  const Json warnings = quick.value("warnings", Json::array());
  if (quick.value("text", std::string()).empty()) return Failed("nothing came out", text);
  return warnings.empty() ? Done(text) : Failed("warning: " + warnings[0].get<std::string>(), text);
}

}  // namespace

BoxVerdict Judge(const ChecklistBox& box, const ChecklistContext& context, bool ok,
                 const std::string& measured, const std::string& limit) {
  if (box.expect.value("scope", std::string()) == "4b" && !context.IsFourB()) {
    return NotApplicable("the limit (" + limit + ") is meant for the 4B; this is another model",
                         measured);
  }
  return ok ? Done(measured + "; limit: " + limit) : Failed(measured + "; limit: " + limit);
}

void AddMachineEvaluators(EvaluatorMap* evaluators) {
  EvaluatorMap& all = *evaluators;
  for (const char* key : {"not_applicable", "python.stack"}) all[key] = Never;
  for (const char* key : {"manual", "signature.technical_lead", "signature.project_owner",
                          "signature.browser_ready"}) {
    all[key] = ForAPerson;
  }
  all["gpu.present"] = GpuPresent;
  all["gpu.utilisation"] = GpuUtilisation;
  all["disk.free"] = [](const Box&, const Context& context) { return Enough("disk", context); };
  all["memory.enough"] = [](const Box&, const Context& context) {
    return Enough("memory", context);
  };
  all["network.hub"] = NetworkHub;
  all["hub.cache"] = HubCache;
  all["workspace.folders"] = WorkspaceFolders;
  all["docs.present"] = DocsPresent;
  all["preflight.blockers"] = PreflightBlockers;
  all["model.source"] = ModelSource;
  all["model.complete"] = ModelComplete;
  all["model.file"] = ModelFile;
  all["model.verified"] = ModelVerified;
  all["model.parameters"] = ModelParameters;
  all["model.bytes"] = ModelBytes;
  all["model.tokenizer"] = ModelTokenizer;
  all["model.baseline_metrics"] = ModelBaselineMetrics;
  all["model.quick_translation"] = [](const Box&, const Context& context) {
    return QuickTranslated(context.Phase("model").value("quick_translation", Json::object()));
  };
  all["quantize.quick_translation"] = [](const Box&, const Context& context) {
    return QuickTranslated(context.Phase("quantize").value("quick_translation", Json::object()));
  };
}

}  // namespace dragoman
