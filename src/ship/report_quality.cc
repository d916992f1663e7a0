// Sections about quality: forest plot, gate, sentences, end-to-end checks, tensors.
#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <tuple>

#include "evaluate/metrics/chrf.h"
#include "ship/html.h"
#include "ship/report_charts.h"
#include "ship/report_sections.h"
#include "ship/sentence_diff.h"

namespace dragoman {
namespace {

ForestPoint PointOf(const Json& delta) {
  return {delta.value("percent", 0.0), delta.value("percent_low", 0.0),
          delta.value("percent_high", 0.0)};
}

std::string Card(const std::string& title, const std::string& body) {
  return "<section class=\"card\"><h2>" + EscapeHtml(title) + "</h2>" + body + "</section>\n";
}

std::string Chip(const std::string& tone, const std::string& word) {
  return fmt::format("<span class=\"chip {}\">{}</span>", EscapeHtml(tone), EscapeHtml(word));
}

std::string VerdictChip(const std::string& verdict) {
  return Chip(verdict == "GO" ? "done" : verdict == "RECONSIDER" ? "warn" : "failed", verdict);
}

// A check of the gate: what it says, or that the sentences are too few for it to say anything.
std::string CheckChip(const Json& check) {
  return check.value("shown", true) ? VerdictChip(check["verdict"].get<std::string>())
                                    : Chip("na", "undecided");
}

// A check's sentence without its name in front, which has its own column.
std::string WordsOf(const Json& check) {
  const auto name = check["name"].get<std::string>() + ": ";
  const auto reason = check["reason"].get<std::string>();
  return reason.rfind(name, 0) == 0 ? reason.substr(name.size()) : reason;
}

std::string LanguageOf(const std::string& pair) {
  const size_t dash = pair.find('-');
  return dash == std::string::npos ? pair : pair.substr(dash + 1);
}

std::string SourceOf(const std::string& pair) { return pair.substr(0, pair.find('-')); }

// A text in its own language and direction.
std::string Speech(const std::string& text, const std::string& language) {
  return fmt::format("<dd lang=\"{}\" dir=\"auto\">{}</dd>", EscapeHtml(language),
                     EscapeHtml(text));
}

// The same for a text that is HTML already.
std::string Side(const char* name, const std::string& html, const std::string& language) {
  return fmt::format("<div><span class=\"soft\">{}</span><p lang=\"{}\" dir=\"auto\">{}</p></div>",
                     name, EscapeHtml(language), html);
}

double SentenceChrf(const std::string& hypothesis, const std::string& reference) {
  const ChrfOptions options;
  return ComputeChrf(options, SentenceChrfStats(options, hypothesis, {&reference, 1}));
}

}  // namespace

std::vector<WorseSentence> FindWorstSentences(const BenchmarkResult& baseline,
                                              const BenchmarkResult& quantized, size_t count) {
  std::map<std::pair<std::string, std::string>, const Prediction*> before;
  for (const Prediction& prediction : baseline.predictions)
    before[{prediction.pair, prediction.id}] = &prediction;
  std::vector<WorseSentence> worse;
  for (const Prediction& after : quantized.predictions) {
    const auto found = before.find({after.pair, after.id});
    if (found == before.end() || after.reference.empty() ||
        found->second->hypothesis == after.hypothesis)
      continue;
    WorseSentence sentence{after.id,
                           after.pair,
                           after.source,
                           after.reference,
                           found->second->hypothesis,
                           after.hypothesis,
                           SentenceChrf(found->second->hypothesis, after.reference),
                           SentenceChrf(after.hypothesis, after.reference)};
    if (sentence.quantized_chrf < sentence.baseline_chrf) worse.push_back(std::move(sentence));
  }
  std::sort(worse.begin(), worse.end(), [](const WorseSentence& a, const WorseSentence& b) {
    const double drop_a = a.baseline_chrf - a.quantized_chrf;
    const double drop_b = b.baseline_chrf - b.quantized_chrf;
    return drop_a != drop_b ? drop_a > drop_b : std::tie(a.pair, a.id) < std::tie(b.pair, b.id);
  });
  worse.resize(std::min(worse.size(), count));
  return worse;
}

std::string RenderQualitySection(const ReportData& data) {
  const Json& compare = data.context.Phase("compare");
  const Json limits = compare.value("limits", Json::object());
  std::vector<ForestRow> rows;
  for (const Json& pair : compare.value("pairs", Json::array())) {
    rows.push_back({pair["pair"].get<std::string>(), PointOf(pair["bleu"]), PointOf(pair["chrf"]),
                    limits.value("max_pair_loss_percent", 0.0), false});
  }
  if (rows.empty()) return Card("Quality", "<p>Not compared.</p>");
  rows.push_back({"mean", PointOf(compare.value("mean_bleu", Json::object())),
                  PointOf(compare.value("mean_chrf", Json::object())),
                  limits.value("max_mean_loss_percent", 0.0), true});
  HtmlTable table;
  table.head = {"pair",        "sentences",  "BLEU 16-bit", "BLEU build",
                "chrF 16-bit", "chrF build", "same output", "BLEU can tell"};
  table.numeric = {1, 2, 3, 4, 5, 6};
  table.stacks = true;
  for (const Json& pair : compare["pairs"]) {
    table.rows.push_back({EscapeHtml(pair["pair"].get<std::string>()),
                          fmt::format("{}", pair["samples"].get<int64_t>()),
                          fmt::format("{:.2f}", pair["baseline_bleu"].get<double>()),
                          fmt::format("{:.2f}", pair["quantized_bleu"].get<double>()),
                          fmt::format("{:.2f}", pair["baseline_chrf"].get<double>()),
                          fmt::format("{:.2f}", pair["quantized_chrf"].get<double>()),
                          fmt::format("{:.0f} %", pair["identical_share"].get<double>() * 100),
                          pair["bleu_can_tell"].get<bool>() ? "yes" : "no"});
  }
  return Card("Quality: change against the 16-bit model",
              Figure("chart-forest", RenderForest(rows)) + "<h3>Scores</h3>" + RenderTable(table));
}

std::string RenderGateSection(const ReportData& data) {
  HtmlTable table;
  table.head = {"check", "verdict", "limit", "change", "interval", "in words"};
  table.stacks = true;
  table.numeric = {2, 3, 4};
  for (const Json& check : data.context.Phase("compare").value("checks", Json::array())) {
    const Json& delta = check["delta"];
    table.rows.push_back({EscapeHtml(check["name"].get<std::string>()), CheckChip(check),
                          fmt::format("{:.1f} %", check["limit_percent"].get<double>()),
                          fmt::format("{:+.2f} %", delta["percent"].get<double>()),
                          fmt::format("[{:+.2f}, {:+.2f}]", delta["percent_low"].get<double>(),
                                      delta["percent_high"].get<double>()),
                          EscapeHtml(WordsOf(check))});
  }
  std::string ladder;
  for (const Json& rung : data.context.ladder.value("rungs", Json::array())) {
    ladder += fmt::format("{}{} {}", ladder.empty() ? "" : ", then ",
                          EscapeHtml(rung["recipe"].get<std::string>()),
                          VerdictChip(rung["decision"].get<std::string>()));
  }
  // A comparison of results alone climbed nothing.
  const std::string stopped = data.context.ladder.value("stopped", std::string());
  ladder = stopped.empty()
               ? ""
               : "<p class=\"soft\">Ladder: " + ladder + "; " + EscapeHtml(stopped) + ".</p>";
  std::string notes;
  for (const Json& note : data.context.Phase("compare").value("notes", Json::array()))
    notes += "<p class=\"soft\">Note: " + EscapeHtml(note.get<std::string>()) + ".</p>";
  return Card("The gate, check by check", RenderTable(table) + notes + ladder);
}

std::string RenderDivergenceSection(const ReportData& data) {
  const Json divergence = data.context.Phase("compare").value("divergence", Json::object());
  if (divergence.empty()) return {};
  const Json interval = divergence.value("mean_kl_interval", Json::array({0.0, 0.0}));
  std::string body = fmt::format(
      "<p>Both models read the same {} tokens of reference translations. They agree on the "
      "likeliest "
      "next one in {:.1f} %. Their distributions differ by {:.4f} nats [{:.4f}, {:.4f}] in the "
      "mean "
      "(KL), {:.4f} in the median, {:.3f} at the 99th percentile.</p>",
      divergence.value("tokens", int64_t{0}), divergence.value("top1_agreement", 0.0) * 100,
      divergence.value("mean_kl", 0.0), interval[0].get<double>(), interval[1].get<double>(),
      divergence.value("median_kl", 0.0), divergence.value("p99_kl", 0.0));
  const Json errors = divergence.value("layer_errors", Json::array());
  std::vector<Bar> bars;
  for (size_t i = 0; i < errors.size(); ++i) {
    const double error = errors[i].get<double>();
    const std::string place = i == 0                   ? "embedding"
                              : i + 1 == errors.size() ? "final norm"
                                                       : fmt::format("layer {}", i - 1);
    bars.push_back({place, fmt::format("{:.2f} %", error * 100), error, "build"});
  }
  if (!bars.empty()) {
    body += fmt::format(
        "<h3>By layer</h3><p class=\"soft\">How far the residual stream lies from the 16-bit "
        "model's after each layer, as a share of its length; the mean over {} positions.</p>{}",
        divergence.value("layer_positions", int64_t{0}), RenderBars(bars));
  }
  return Card("Divergence: token by token, layer by layer", body);
}

std::string RenderSentencesSection(const ReportData& data) {
  std::string body;
  for (const WorseSentence& sentence : data.worst) {
    const std::string language = LanguageOf(sentence.pair);
    const MarkedTexts marked = MarkDifferences(sentence.baseline, sentence.quantized);
    body += fmt::format(
        "<div class=\"sent\"><span class=\"soft\">{} · {} · chrF {:.0f} → "
        "{:.0f}</span><dl><dt>source</dt>{}<dt>reference</dt>{}</dl>"
        "<div class=\"sides\">{}{}</div></div>\n",
        EscapeHtml(sentence.pair), EscapeHtml(sentence.id), sentence.baseline_chrf,
        sentence.quantized_chrf, Speech(sentence.source, SourceOf(sentence.pair)),
        Speech(sentence.reference, language), Side("16 bits", marked.before, language),
        Side("build", marked.after, language));
  }
  if (body.empty()) body = "<p>No sentence scores lower than with the 16-bit model.</p>";
  return Card("Sentences that lost most", body);
}

std::string RenderValidationSection(const ReportData& data) {
  const Json& validate = data.context.Phase("validate");
  HtmlTable basic;
  basic.head = {"pair", "source", "translation", "problems"};
  basic.stacks = true;
  for (const Json& row : validate.value("basic", Json::array())) {
    const auto pair = row["pair"].get<std::string>();
    const Json& problems = row["problems"];
    basic.rows.push_back(
        {EscapeHtml(pair), EscapeHtml(row["source"].get<std::string>()),
         fmt::format("<span lang=\"{}\" dir=\"auto\">{}</span>", EscapeHtml(LanguageOf(pair)),
                     EscapeHtml(row["text"].get<std::string>())),
         problems.empty() ? Chip("done", "none") : Chip("failed", problems[0].get<std::string>())});
  }
  HtmlTable edges;
  edges.head = {"edge case", "kept", "first failure"};
  edges.stacks = true;
  edges.numeric = {1};
  const Json domains = validate.value("edge_cases", Json::object());
  for (const auto& item : domains.items()) {
    const Json& domain = item.value();
    const Json& failures = domain["failures"];
    edges.rows.push_back(
        {EscapeHtml(item.key()),
         fmt::format("{} of {}", domain["good"].get<int>(), domain["cases"].get<int>()),
         failures.empty() ? ""
                          : EscapeHtml(failures[0]["pair"].get<std::string>() + ": " +
                                       failures[0]["problem"].get<std::string>())});
  }
  HtmlTable errors;
  errors.head = {"provoked fault", "met", "how"};
  errors.stacks = true;
  const Json provoked = validate.value("errors", Json::object());
  for (const auto& item : provoked.items()) {
    const bool ok = item.value()["ok"].get<bool>();
    errors.rows.push_back({EscapeHtml(item.key()), Chip(ok ? "done" : "failed", ok ? "yes" : "no"),
                           EscapeHtml(item.value()["detail"].get<std::string>())});
  }
  return Card("End to end", RenderTable(basic) + "<h3>Edge cases</h3>" + RenderTable(edges) +
                                "<h3>Provoked faults</h3>" + RenderTable(errors));
}

std::string RenderTensorsSection(const ReportData& data) {
  HtmlTable table;
  table.head = {"tensor", "type", "relative error", "mean squared error"};
  table.numeric = {2, 3};
  for (const Json& tensor : data.context.Phase("quantize").value("worst_tensors", Json::array())) {
    table.rows.push_back({"<code>" + EscapeHtml(tensor["name"].get<std::string>()) + "</code>",
                          EscapeHtml(tensor["type"].get<std::string>()),
                          fmt::format("{:.2f} %", tensor["relative_rmse"].get<double>() * 100),
                          fmt::format("{:.3g}", tensor["mean_squared_error"].get<double>())});
  }
  return Card("Tensors that lost most", RenderTable(table));
}

}  // namespace dragoman
