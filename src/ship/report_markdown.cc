// eval/QUANTIZATION_REPORT.md: the report in short, for a repository or a ticket.
#include <fmt/format.h>

#include "ship/phase.h"
#include "ship/report.h"

namespace dragoman {
namespace {

// A text inside a table cell: no column separators, no line breaks.
std::string Cell(const std::string& text) {
  std::string out;
  for (char c : text) {
    if (c == '|') out += '\\';
    out += c == '\n' || c == '\r' ? ' ' : c;
  }
  return out;
}

std::string DeltaText(const Json& delta) {
  return fmt::format("{:+.2f} % [{:+.2f}, {:+.2f}]", delta.value("percent", 0.0),
                     delta.value("percent_low", 0.0), delta.value("percent_high", 0.0));
}

std::string Sizes(const ReportData& data) {
  const Json& quantize = data.context.Phase("quantize");
  std::string text = "## Size\n\n| | |\n|---|---|\n";
  text +=
      fmt::format("| 16 bits | {} |\n",
                  HumanBytes(data.context.Phase("model").value("text_bytes_16bit", uint64_t{0})));
  text += fmt::format("| {} | {}, {:.2f} bits a weight, {:.2f}x smaller |\n",
                      quantize.value("recipe", std::string("build")),
                      HumanBytes(quantize.value("bytes", uint64_t{0})),
                      quantize.value("bits_per_weight", 0.0), quantize.value("ratio", 0.0));
  for (const Json& figure : data.context.Phase("package").value("compression", Json::array())) {
    text += fmt::format("| {} | {:.3f}x{} |\n", figure["method"].get<std::string>(),
                        figure["ratio"].get<double>(),
                        figure["sampled"].get<bool>() ? ", measured on slices" : "");
  }
  return text + "\n";
}

std::string Quality(const ReportData& data) {
  const Json& compare = data.context.Phase("compare");
  std::string text =
      "## Quality\n\n| pair | BLEU 16-bit | BLEU build | change | chrF 16-bit | chrF build | "
      "change |\n"
      "|---|---:|---:|---:|---:|---:|---:|\n";
  for (const Json& pair : compare.value("pairs", Json::array())) {
    text += fmt::format("| {} | {:.2f} | {:.2f} | {} | {:.2f} | {:.2f} | {} |\n",
                        pair["pair"].get<std::string>(), pair["baseline_bleu"].get<double>(),
                        pair["quantized_bleu"].get<double>(), DeltaText(pair["bleu"]),
                        pair["baseline_chrf"].get<double>(), pair["quantized_chrf"].get<double>(),
                        DeltaText(pair["chrf"]));
  }
  text += fmt::format("| **mean** | | | {} | | | {} |\n\n",
                      DeltaText(compare.value("mean_bleu", Json::object())),
                      DeltaText(compare.value("mean_chrf", Json::object())));
  text += "| check | verdict | in words |\n|---|---|---|\n";
  for (const Json& check : compare.value("checks", Json::array())) {
    text +=
        fmt::format("| {} | {} | {} |\n", Cell(check["name"].get<std::string>()),
                    check["verdict"].get<std::string>(), Cell(check["reason"].get<std::string>()));
  }
  const Json divergence = compare.value("divergence", Json::object());
  return text + fmt::format(
                    "\nOn the same text the build agrees on the next token in {:.1f} % of {} "
                    "positions; mean KL "
                    "{:.4f} nats.\n\n",
                    divergence.value("top1_agreement", 0.0) * 100,
                    divergence.value("tokens", int64_t{0}), divergence.value("mean_kl", 0.0));
}

std::string Speed(const ReportData& data) {
  const Json& baseline = data.context.Phase("baseline");
  const Json& build = data.context.Phase("evaluate");
  std::string text = "## Speed and memory\n\n| | 16 bits | build |\n|---|---:|---:|\n";
  for (const auto& [key, name] :
       {std::pair<const char*, const char*>{"latency_p50_ms", "latency p50, ms"},
        {"latency_p90_ms", "latency p90, ms"},
        {"latency_p99_ms", "latency p99, ms"},
        {"tokens_per_second", "tokens/s"}}) {
    text += fmt::format("| {} | {:.0f} | {:.0f} |\n", name, baseline.value(key, 0.0),
                        build.value(key, 0.0));
  }
  return text + fmt::format("| peak memory | {} | {} |\n\n",
                            HumanBytes(baseline.value("peak_memory_bytes", uint64_t{0})),
                            HumanBytes(build.value("peak_memory_bytes", uint64_t{0})));
}

}  // namespace

std::string RenderMarkdown(const ReportData& data) {
  std::string text =
      fmt::format("# {}: {}\n\n", data.model_name,
                  data.context.decision.empty() ? "no decision" : data.context.decision);
  for (const std::string& reason : data.reasons) text += "- " + reason + "\n";
  if (!data.advice.empty()) text += "\nWhat to try:\n";
  for (const std::string& advice : data.advice) text += "- " + advice + "\n";
  text += "\n" + Sizes(data) + Quality(data) + Speed(data);
  text += fmt::format(
      "## Checklist\n\n{} boxes done, {} failed, {} not applicable; see `CHECKLIST.md`. The same "
      "with "
      "charts: `report.html`.\n",
      data.checklist.done, data.checklist.failed, data.checklist.not_applicable);
  return text;
}

}  // namespace dragoman
