// Keys about the package, the end-to-end checks, provoked errors, the sign-off, and the measured
// fields of the form.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "base/json.h"
#include "base/utf8.h"
#include "ship/evaluators.h"
#include "ship/phase.h"

namespace dragoman {
namespace {

using Box = ChecklistBox;
using Context = ChecklistContext;

// The compression figure with the highest ratio; null when none was measured.
const Json* BestCompression(const Context& context) {
  const Json& package = context.Phase("package");
  const auto list = package.find("compression");
  if (list == package.end() || list->empty()) return nullptr;
  return &*std::max_element(list->begin(), list->end(),
                            [](const Json& a, const Json& b) { return a["ratio"] < b["ratio"]; });
}

std::string CompressionText(const Json& figure) {
  return fmt::format("{} gives {:.3f}x{}", figure["method"].get<std::string>(),
                     figure["ratio"].get<double>(),
                     figure["sampled"].get<bool>() ? " (measured on slices)" : "");
}

BoxVerdict Compressed(const Box&, const Context& context) {
  const Json* best = BestCompression(context);
  return best == nullptr ? Failed("compression was not measured") : Done(CompressionText(*best));
}

BoxVerdict CompressedSize(const Box& box, const Context& context) {
  const Json* best = BestCompression(context);
  if (best == nullptr) return Failed("compression was not measured");
  const auto whole = static_cast<double>(context.Phase("quantize").value("bytes", uint64_t{0}));
  const auto bytes = static_cast<uint64_t>(whole / (*best)["ratio"].get<double>());
  const uint64_t limit = box.expect.value("max_bytes", uint64_t{0});
  return Judge(box, context, bytes <= limit,
               HumanBytes(bytes) + " with " + (*best)["method"].get<std::string>(),
               "at most " + HumanBytes(limit));
}

BoxVerdict CompressionRatio(const Box& box, const Context& context) {
  const Json* best = BestCompression(context);
  if (best == nullptr) return Failed("compression was not measured");
  const double limit = box.expect.value("min_ratio", 0.0);
  return Judge(box, context, (*best)["ratio"].get<double>() >= limit, CompressionText(*best),
               fmt::format("at least {:.1f}x", limit));
}

BoxVerdict Shards(const Box&, const Context& context) {
  const Json& package = context.Phase("package");
  return Done(fmt::format("{} shards in {}/, each with the SHA-256 of the manifest; whole file {}",
                          package.value("shards", 0), package.value("folder", std::string()),
                          package.value("sha256", std::string())));
}

BoxVerdict ManifestWritten(const Box&, const Context& context) {
  const Json& package = context.Phase("package");
  return Done(fmt::format("{}; {} checks of the package passed",
                          package.value("manifest", std::string()),
                          package.value("checks", Json::array()).size()));
}

BoxVerdict ManifestField(const Box& box, const Context& context) {
  const Json& package = context.Phase("package");
  const std::string field = box.expect.value("field", std::string());
  if (field == "model") {
    const Json model = package.value("manifest_model", Json::object());
    return Done(fmt::format("{} {}, {}", model.value("name", std::string()),
                            model.value("version", std::string()),
                            model.value("quantization", std::string())));
  }
  if (field == "files") {
    return Done(fmt::format("{} files with path, bytes and SHA-256", package.value("shards", 0)));
  }
  if (field == "deployment") {
    const Json measured = package.value("manifest_measured", Json());
    if (!measured.is_object()) return Failed("latency and memory were not measured");
    return Done(fmt::format("median {:.0f} ms, {} memory, {} storage",
                            measured.value("latency_p50_ms", 0.0),
                            HumanBytes(measured.value("peak_memory_bytes", uint64_t{0})),
                            HumanBytes(context.Phase("quantize").value("bytes", uint64_t{0}))));
  }
  return Failed("no such field of the manifest: " + field);
}

BoxVerdict ReadmeSection(const Box& box, const Context& context) {
  const std::string section = box.expect.value("section", std::string());
  for (const Json& name : context.Phase("package").value("readme_sections", Json::array())) {
    if (name == section) return Done("models/package/README.md, section \"" + section + "\"");
  }
  return Failed("models/package/README.md has no section \"" + section + "\"");
}

bool IsOuterMark(char32_t c) {
  static const std::u32string kMarks =
      U" \t\r\n.,;:!?\"'()[]\u00a0\u00a1\u00bf\u2018\u2019\u201c\u201d\u2026"
      U"\u3000\u3001\u3002\uff01\uff0c\uff0e\uff1f";
  return kMarks.find(c) != std::u32string::npos;
}

char32_t FoldCase(char32_t c) {
  const bool latin1 = c >= 0xc0 && c <= 0xde && c != 0xd7;
  return (c >= U'A' && c <= U'Z') || latin1 ? c + 32 : c;
}

// Letter case, outer white space and outer punctuation aside.
std::u32string Plain(const std::string& text) {
  std::u32string points = ToUtf32(text);
  while (!points.empty() && IsOuterMark(points.back())) points.pop_back();
  size_t begin = 0;
  while (begin < points.size() && IsOuterMark(points[begin])) ++begin;
  points.erase(0, begin);
  std::transform(points.begin(), points.end(), points.begin(), FoldCase);
  return points;
}

BoxVerdict BasicTranslation(const Box& box, const Context& context) {
  const std::string pair = "en-" + box.expect.value("target_lang", std::string());
  for (const Json& translation : context.Phase("validate").value("basic", Json::array())) {
    if (translation["pair"] != pair ||
        translation["source"] != box.expect.value("source", std::string()))
      continue;
    const std::string text = translation["text"].get<std::string>();
    std::string wanted;
    for (const Json& accepted : box.expect.value("accept", Json::array())) {
      if (Plain(accepted.get<std::string>()) == Plain(text)) return Done("\"" + text + "\"");
      wanted += (wanted.empty() ? "\"" : ", \"") + accepted.get<std::string>() + "\"";
    }
    return Failed("got \"" + text + "\", accepted: " + wanted);
  }
  return NotApplicable("the language was not asked for");
}

BoxVerdict Sensible(const Box&, const Context& context) {
  const Json sensible = context.Phase("validate").value("sensible", Json::object());
  const int checked = sensible.value("checked", 0);
  if (checked == 0) return NotApplicable("none of the plain translations' languages was asked for");
  if (sensible.value("bad", 0) > 0) return Failed(sensible.value("detail", std::string()));
  return Done(fmt::format(
      "{} plain translations: none empty, copied, repeated or in a wrong script", checked));
}

BoxVerdict Latency(const Box& box, const Context& context, const char* key) {
  const Json latency = context.Phase("validate").value(key, Json::object());
  const double median = latency.value("median_ms", 0.0);
  const double limit = box.expect.value("max_ms", 0.0);
  return Judge(box, context, latency.contains("median_ms") && median <= limit,
               fmt::format("{:.0f} ms median of {} runs ({} source tokens, {})", median,
                           latency.value("runs", 0), latency.value("source_tokens", 0),
                           latency.value("pair", std::string())),
               fmt::format("{:.0f} ms", limit));
}

BoxVerdict LoadTime(const Box& box, const Context& context) {
  const double seconds = context.Phase("validate").value("load_seconds", 0.0);
  const double limit = box.expect.value("max_seconds", 0.0);
  return Judge(box, context, seconds <= limit, fmt::format("{:.2f} s", seconds),
               fmt::format("{:.0f} s", limit));
}

BoxVerdict PeakMemory(const Box& box, const Context& context) {
  const uint64_t bytes = context.Phase("validate").value("peak_memory_bytes", uint64_t{0});
  const uint64_t limit = box.expect.value("max_bytes", uint64_t{0});
  return Judge(box, context, bytes > 0 && bytes <= limit, HumanBytes(bytes),
               "at most " + HumanBytes(limit));
}

BoxVerdict EdgeCases(const Box& box, const Context& context) {
  const Json domains = context.Phase("validate").value("edge_cases", Json::object());
  int cases = 0;
  int good = 0;
  std::string failure;
  for (const Json& name : box.expect.value("domains", Json::array())) {
    const auto domain = domains.find(name.get<std::string>());
    if (domain == domains.end())
      return Failed("the suite has no case of " + name.get<std::string>());
    cases += (*domain)["cases"].get<int>();
    good += (*domain)["good"].get<int>();
    if (failure.empty() && !(*domain)["failures"].empty()) {
      const Json& first = (*domain)["failures"][0];
      failure = first["id"].get<std::string>() + " " + first["pair"].get<std::string>() + ": " +
                first["problem"].get<std::string>();
    }
  }
  const std::string text = fmt::format("{} of {} kept what must stay", good, cases);
  return good == cases ? Done(text) : Failed(text + "; first: " + failure);
}

BoxVerdict Provoked(const Context& context, const char* key) {
  const Json error =
      context.Phase("validate").value("errors", Json::object()).value(key, Json::object());
  const std::string detail = error.value("detail", std::string("not tried"));
  return error.value("ok", false) ? Done(detail) : Failed(detail);
}

BoxVerdict MetricsRecorded(const Box&, const Context& context) {
  const Json& run = context.Phase("evaluate");
  if (!run.contains("latency_p50_ms") || !run.contains("tokens_per_second") ||
      !run.contains("peak_memory_bytes")) {
    return Failed("latency, speed or memory is missing from the results");
  }
  return Done(fmt::format("p50 {:.0f} ms, p90 {:.0f} ms, p99 {:.0f} ms, {:.0f} tokens/s, {} peak",
                          run["latency_p50_ms"].get<double>(), run["latency_p90_ms"].get<double>(),
                          run["latency_p99_ms"].get<double>(),
                          run["tokens_per_second"].get<double>(),
                          HumanBytes(run["peak_memory_bytes"].get<uint64_t>())));
}

BoxVerdict SecretsAbsent(const Box&, const Context& context) {
  return context.secrets.empty()
             ? Done(
                   "no credential of the environment and no token pattern in logs, results, "
                   "evidence and package")
             : Failed(context.secrets);
}

double TotalSeconds(const Context& context) {
  double seconds = 0;
  for (const auto& item : context.phases) seconds += item.second.value("_seconds", 0.0);
  return seconds;
}

Json RunStatus(const Context& context) {
  if (context.decision == "GO") return "COMPLETE";
  return context.decision == "RECONSIDER" ? "PARTIAL" : "FAILED";
}

// Rounded for people; the evidence has every digit.
double Rounded(double value, double unit) { return std::round(value / unit) * unit; }

}  // namespace

void AddReleaseEvaluators(EvaluatorMap* evaluators) {
  EvaluatorMap& all = *evaluators;
  all["package.compressed"] = Compressed;
  all["package.compressed_size"] = CompressedSize;
  all["package.compression_ratio"] = CompressionRatio;
  all["package.shards"] = Shards;
  all["package.manifest"] = ManifestWritten;
  all["package.manifest_field"] = ManifestField;
  all["package.readme"] = [](const Box&, const Context& context) {
    return Done(
        fmt::format("models/package/README.md, {} sections",
                    context.Phase("package").value("readme_sections", Json::array()).size()));
  };
  all["package.readme_section"] = ReadmeSection;
  all["e2e.basic"] = BasicTranslation;
  all["e2e.sensible"] = Sensible;
  all["latency.sentence"] = [](const Box& box, const Context& c) {
    return Latency(box, c, "latency_sentence");
  };
  all["latency.long"] = [](const Box& box, const Context& c) {
    return Latency(box, c, "latency_long");
  };
  all["load.time"] = LoadTime;
  all["memory.peak"] = PeakMemory;
  for (const char* key :
       {"edge.empty", "edge.long", "edge.numbers", "edge.urls", "edge.special", "edge.sentences"}) {
    all[key] = EdgeCases;
  }
  all["error.gpu_memory"] = [](const Box&, const Context&) {
    return NotApplicable("no accelerator is used; memory is checked before the work starts");
  };
  all["error.invalid_input"] = [](const Box&, const Context& context) {
    return Provoked(context, "invalid_input");
  };
  all["error.corruption"] = [](const Box&, const Context& context) {
    return Provoked(context, "corruption");
  };
  all["error.device"] = [](const Box&, const Context& context) {
    return Provoked(context, "device");
  };
  all["metrics.recorded"] = MetricsRecorded;
  all["secrets.absent"] = SecretsAbsent;
  all["report.written"] = [](const Box&, const Context&) {
    return Done("report.html and eval/QUANTIZATION_REPORT.md, written with this list");
  };
  all["signoff.checklist"] = [](const Box&, const Context&) {
    return Done("this list: CHECKLIST.md, checklist.json");
  };
}

Result<Json> FieldValue(const ChecklistField& field, const ChecklistContext& context) {
  const Json& compare = context.Phase("compare");
  if (field.source == "person") return Json();
  if (field.source == "ledger.gpu_hours") return Json(0);
  if (field.source == "ledger.wall_days") return Json(Rounded(TotalSeconds(context) / 86400, 1e-5));
  if (field.source == "ledger.cost") return Json(0);
  if (field.source == "compare.verdict") {
    return context.decision.empty() ? Json() : Json(context.decision);
  }
  if (field.source == "compare.mean_bleu_loss") {
    const Json mean = compare.value("mean_bleu", Json::object());
    return mean.contains("percent") ? Json(Rounded(-mean["percent"].get<double>(), 0.01)) : Json();
  }
  if (field.source == "run.status") return RunStatus(context);
  if (field.source == "run.project") {
    return Json(context.Phase("model").value("path", std::string("model")) + " to " +
                context.Phase("quantize").value("recipe", std::string("a build")));
  }
  return Fail(ErrorCode::kInternal, "no value for source \"" + field.source + "\"", field.id);
}

}  // namespace dragoman
