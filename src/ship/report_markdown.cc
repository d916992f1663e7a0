// eval/QUANTIZATION_REPORT.md: the report in short, for a repository or a ticket.
#include <fmt/format.h>

#include <string_view>

#include "ship/phase.h"
#include "ship/report.h"
#include "ship/report_sections.h"

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
  const double bits = quantize.value("bits_per_weight", 0.0);
  text += fmt::format(
      "| {} | {},{} {:.2f}x smaller |\n", quantize.value("recipe", std::string("build")),
      HumanBytes(quantize.value("bytes", uint64_t{0})),
      bits > 0 ? fmt::format(" {:.2f} bits a weight,", bits) : "", quantize.value("ratio", 0.0));
  for (const Json& figure : data.context.Phase("package").value("compression", Json::array())) {
    text += fmt::format("| {} | {:.3f}x{} |\n", figure["method"].get<std::string>(),
                        figure["ratio"].get<double>(),
                        figure["sampled"].get<bool>() ? ", measured on slices" : "");
  }
  return text + "\n";
}

// The residual stream's relative distance, from the embedding to the final norm.
std::string LayerLine(const Json& divergence) {
  std::string list;
  for (const Json& error : divergence.value("layer_errors", Json::array()))
    list += fmt::format("{}{:.2f}", list.empty() ? "" : ", ", error.get<double>() * 100);
  if (list.empty()) return {};
  return "\nDistance of the residual stream from the 16-bit model's, percent of its length, after "
         "the "
         "embedding, each layer and the final norm: " +
         list + ".\n";
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
  if (divergence.empty()) return text + "\n";
  text += LayerLine(divergence);
  return text + fmt::format(
                    "\nOn the same text the build agrees on the next token in {:.1f} % of {} "
                    "positions; mean KL "
                    "{:.4f} nats.\n\n",
                    divergence.value("top1_agreement", 0.0) * 100,
                    divergence.value("tokens", int64_t{0}), divergence.value("mean_kl", 0.0));
}

// Faults that could happen: how many with 16 bits, with the build, new, gone.
std::string Faults(const ReportData& data) {
  std::string rows;
  for (const Json& fault : data.context.Phase("compare").value("faults", Json::array())) {
    const Json baseline = fault.value("baseline", Json::object());
    const Json build = fault.value("quantized", Json::object());
    if (baseline.value("of", 0) == 0 && build.value("of", 0) == 0) continue;
    rows += fmt::format("| {} | {} of {} | {} of {} | {} | {} | {} |\n",
                        Cell(fault.value("name", std::string())), baseline.value("count", 0),
                        baseline.value("of", 0), build.value("count", 0), build.value("of", 0),
                        fault.value("only_quantized", 0), fault.value("only_baseline", 0),
                        fault.value("worse", false) ? "yes" : "no");
  }
  if (rows.empty()) return {};
  return "## Faults that no score sees\n\n| fault | 16 bits | build | new | gone | worse |\n"
         "|---|---:|---:|---:|---:|---|\n" +
         rows + "\n";
}

std::string Worst(const ReportData& data) {
  constexpr size_t kShown = 3;
  std::string text;
  for (size_t i = 0; i < data.worst.size() && i < kShown; ++i) {
    const WorseSentence& one = data.worst[i];
    text += fmt::format(
        "| {} {} | |\n|---|---|\n| source | {} |\n| reference | {} |\n| 16 bits, chrF {:.0f} | {} "
        "|\n| build, chrF {:.0f} | {} |\n\n",
        Cell(one.pair), Cell(one.id), Cell(one.source), Cell(one.reference), one.baseline_chrf,
        Cell(one.baseline), one.quantized_chrf, Cell(one.quantized));
  }
  return text.empty() ? text : "## Sentences that lost most\n\n" + text;
}

std::string Ledger(const ReportData& data) {
  double wall = 0, cores = 0;
  for (const auto& item : data.context.phases) {
    wall += item.second.value("_seconds", 0.0);
    cores += item.second.value("_cpu_seconds", 0.0);
  }
  if (wall <= 0) return {};
  return fmt::format(
      "## What it cost\n\n{:.1f} s of wall time, {:.4f} core hours; by phase in "
      "`report.html`.\n\n",
      wall, cores / 3600);
}

std::string Hashes(const ReportData& data) {
  if (data.hashes.empty()) return {};
  std::string text = "## Hashes\n\n| file | SHA-256 |\n|---|---|\n";
  for (const auto& [name, sha256] : data.hashes)
    text += fmt::format("| {} | `{}` |\n", Cell(name), Cell(sha256));
  return text + "\n";
}

std::string Speed(const ReportData& data) {
  const Json& baseline = data.context.Phase("baseline");
  const Json& build = data.context.Phase("evaluate");
  std::string text = "## Speed and memory\n\n| | 16 bits | build |\n|---|---:|---:|\n";
  for (const auto& [key, name] :
       {std::pair<const char*, const char*>{"latency_p50_ms", "latency p50, ms"},
        {"latency_p90_ms", "latency p90, ms"},
        {"latency_p99_ms", "latency p99, ms"},
        {"first_token_p50_ms", "first token p50, ms"},
        {"first_token_p90_ms", "first token p90, ms"},
        {"first_token_p99_ms", "first token p99, ms"},
        {"tokens_per_second", "tokens/s"}}) {
    const double before = baseline.value(key, 0.0), after = build.value(key, 0.0);
    const bool first_token = std::string_view(key).rfind("first_token", 0) == 0;
    if (first_token && before <= 0 && after <= 0) continue;  // not measured
    const auto cell = [&](double value) {
      return first_token && value <= 0 ? std::string("n/a") : fmt::format("{:.0f}", value);
    };
    text += fmt::format("| {} | {} | {} |\n", name, cell(before), cell(after));
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
  text += "\n" + Sizes(data) + Quality(data) + RenderScoresMarkdown(data) + Faults(data) +
          Worst(data) + Speed(data) + Ledger(data) + Hashes(data);
  if (data.checklist.sections.empty()) return text + "The same with charts: `report.html`.\n";
  text += fmt::format(
      "## Checklist\n\n{} boxes done, {} failed, {} not applicable; see `CHECKLIST.md`. The same "
      "with "
      "charts: `report.html`.\n",
      data.checklist.done, data.checklist.failed, data.checklist.not_applicable);
  return text;
}

}  // namespace dragoman
