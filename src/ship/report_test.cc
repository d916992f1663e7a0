#include "ship/report.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "ship/compare_report.h"
#include "ship/html.h"
#include "ship/report_charts.h"
#include "ship/report_sections.h"
#include "ship/sentence_diff.h"

namespace dragoman {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

TEST(Html, EscapesWhatHasMeaning) {
  EXPECT_EQ(EscapeHtml("<script>alert(\"x\" & 'y')</script>"),
            "&lt;script&gt;alert(&quot;x&quot; &amp; &#39;y&#39;)&lt;/script&gt;");
  EXPECT_EQ(EscapeHtml("ß 你好 🎉\n"), "ß 你好 🎉\n");
  EXPECT_EQ(EscapeHtml(std::string("a\0b\x1b[31m", 8)), "a b [31m");
  EXPECT_EQ(EscapeHtml("\xff<"), "\xef\xbf\xbd&lt;");
}

TEST(Html, MarksOfMarkdownBecomeMarkupInPairs) {
  EXPECT_EQ(InlineMarkdown("**< 1 %** and `a<b`"), "<b>&lt; 1 %</b> and <code>a&lt;b</code>");
  EXPECT_EQ(InlineMarkdown("2 ** 3, one ` only"), "2 ** 3, one ` only");
  EXPECT_EQ(InlineMarkdown("**a** **b**"), "<b>a</b> <b>b</b>");
}

TEST(Html, TimesAreShort) {
  EXPECT_EQ(ShortTime("2026-11-23T02:12:43Z"), "2026-11-23 02:12 UTC");
  EXPECT_EQ(ShortTime("soon"), "soon");
}

TEST(Html, ForestPutsPointsWhereTheyBelong) {
  const std::string html = RenderForest({{"en-de", {-1, -3, 1}, {0, -1, 1}, 2.0, false}});
  // The axis runs from -3.5 to 2.5: a pad of 0.5 beside the interval and the mirrored limit.
  EXPECT_THAT(html, HasSubstr("<circle class=\"dot bleu\" cx=\"41.67%\""));
  EXPECT_THAT(html, HasSubstr("<line class=\"ci bleu\" x1=\"8.33%\" x2=\"75.00%\""));
  EXPECT_THAT(html, HasSubstr("<line class=\"limit\" x1=\"25.00%\""));
}

TEST(Html, ChartsBearNothingAndZero) {
  EXPECT_THAT(RenderForest({}), HasSubstr("forest"));
  EXPECT_THAT(RenderBars({{"a", "0", 0, "base"}}), Not(HasSubstr("nan")));
  EXPECT_THAT(RenderShares({{"a", "0", 0, "good"}}), Not(HasSubstr("nan")));
  EXPECT_THAT(RenderForest({{"flat", {}, {}, 0, false}}), Not(HasSubstr("nan")));
}

Prediction Spoken(const std::string& id, const std::string& hypothesis) {
  Prediction prediction;
  prediction.id = id;
  prediction.pair = "en-de";
  prediction.source = "source " + id;
  prediction.reference = "das ist ein Satz";
  prediction.hypothesis = hypothesis;
  return prediction;
}

TEST(Report, FindsTheSentencesThatLostMost) {
  BenchmarkResult before;
  before.predictions = {Spoken("same", "das ist ein Satz"), Spoken("worse", "das ist ein Satz"),
                        Spoken("worst", "das ist ein Satz"), Spoken("better", "quatsch")};
  BenchmarkResult after;
  after.predictions = {Spoken("same", "das ist ein Satz"), Spoken("worse", "das ist ein Sitz"),
                       Spoken("worst", "quatsch"), Spoken("better", "das ist ein Satz")};
  const auto worst = FindWorstSentences(before, after, 5);
  ASSERT_EQ(worst.size(), 2u);
  EXPECT_EQ(worst[0].id, "worst");
  EXPECT_EQ(worst[1].id, "worse");
  EXPECT_DOUBLE_EQ(worst[0].baseline_chrf, 100);
  EXPECT_EQ(FindWorstSentences(before, after, 1).size(), 1u);
}

ReportData HostileData() {
  const std::string evil = "<img src=x onerror=alert(1)>\"'&";
  const Json delta = {
      {"percent", -0.5}, {"percent_low", -1.5}, {"percent_high", 0.5}, {"points", -0.1}};
  ReportData data;
  data.model_name = evil;
  data.finished = "2026-01-01T00:00:00Z";
  data.reasons = {evil};
  data.advice = {evil};
  data.context.decision = "RECONSIDER";
  data.context.ladder =
      Json{{"rungs", {{{"recipe", evil}, {"decision", "RECONSIDER"}}}}, {"stopped", evil}};
  data.context.phases["compare"] = Json{{"pairs",
                                         {{{"pair", evil},
                                           {"samples", 3},
                                           {"baseline_bleu", 1.0},
                                           {"quantized_bleu", 1.0},
                                           {"baseline_chrf", 1.0},
                                           {"quantized_chrf", 1.0},
                                           {"bleu", delta},
                                           {"chrf", delta},
                                           {"identical_share", 0.5},
                                           {"bleu_can_tell", false}}}},
                                        {"segment_metrics",
                                         {{{"name", evil},
                                           {"mean", {{"shown", evil}}},
                                           {"pairs", {{{"pair", evil}, {"shown", evil}}}}}}},
                                        {"mean_bleu", delta},
                                        {"mean_chrf", delta},
                                        {"notes", {evil}},
                                        {"confidence", 0.95},
                                        {"checks",
                                         {{{"name", evil},
                                           {"verdict", "RECONSIDER"},
                                           {"limit_percent", 1.0},
                                           {"delta", delta},
                                           {"reason", evil}}}}};
  data.context.phases["quantize"] = Json{
      {"recipe", evil},
      {"bytes", 1000},
      {"worst_tensors",
       {{{"name", evil}, {"type", evil}, {"relative_rmse", 0.1}, {"mean_squared_error", 0.1}}}}};
  data.context.phases["validate"] = Json{
      {"device", evil},
      {"basic", {{{"pair", evil}, {"source", evil}, {"text", evil}, {"problems", {evil}}}}},
      {"edge_cases",
       {{evil, {{"cases", 1}, {"good", 0}, {"failures", {{{"pair", evil}, {"problem", evil}}}}}}}},
      {"errors", {{evil, {{"ok", false}, {"detail", evil}}}}}};
  data.context.phases["preflight"] =
      Json{{"checks", {{evil, {{"status", evil}, {"detail", evil}}}}}, {"_summary", evil}};
  data.worst = {{evil, evil, evil, evil, evil, evil, 2, 1}};
  data.hashes = {{evil, evil}};
  EvaluatedBox box;
  box.box.text = box.box.id = box.box.note = box.box.replaced_by = evil;
  box.verdict = Failed(evil, evil);
  data.checklist.sections = {{evil, evil, {box}}};
  data.checklist.failed = 1;
  return data;
}

TEST(Report, NothingFromOutsideBecomesMarkup) {
  const std::string html = RenderHtml(HostileData());
  EXPECT_THAT(html, Not(HasSubstr("<img")));
  EXPECT_THAT(html, HasSubstr("&lt;img src=x onerror=alert(1)&gt;&quot;&#39;&amp;"));
  EXPECT_THAT(html, Not(HasSubstr("\"'&<")));
}

TEST(Report, LoadsNothingFromAnywhere) {
  const std::string html = RenderHtml(HostileData());
  for (const char* outside :
       {"<script", "<link", "@import", "url(", "http://", "https://", " src=\""}) {
    EXPECT_THAT(html, Not(HasSubstr(outside)));
  }
  EXPECT_THAT(html, HasSubstr("Content-Security-Policy"));
}

TEST(Report, OnlyItsOwnScriptsMayRun) {
  ReportData data = HostileData();
  data.chart_library = "window.echarts = null;";
  const std::string html = RenderHtml(data);
  EXPECT_THAT(html, HasSubstr(data.chart_library));
  // openssl dgst -sha256 -binary | base64
  EXPECT_THAT(html, HasSubstr("script-src 'sha256-+cw/DwmxpbH+4cTFmy+hf0EQFqDRFDg1vVxi3ABvcZA='"));
  EXPECT_THAT(html, Not(HasSubstr("unsafe-eval")));
  EXPECT_THAT(html, Not(HasSubstr("<img")));
  // What the charts show is data from outside as well.
  EXPECT_THAT(ChartData(data), Not(HasSubstr("<")));
  EXPECT_THAT(ChartData(data), HasSubstr("\\u003cimg"));
  const Json charts = Json::parse(ChartData(data));
  ASSERT_EQ(charts["forest"].size(), 2u);
  EXPECT_EQ(charts["forest"][0]["bleu"], Json::array({-0.5, -1.5, 0.5}));
}

TEST(Report, LatencyQuantilesAreThoseOfTheSentences) {
  BenchmarkResult result;
  EXPECT_TRUE(LatencyQuantiles(result).empty());
  for (int i = 0; i <= 200; ++i) {
    result.predictions.emplace_back();
    result.predictions.back().latency_ms = 200 - i;
  }
  const std::vector<double> quantiles = LatencyQuantiles(result);
  ASSERT_EQ(quantiles.size(), 101u);
  EXPECT_EQ(quantiles.front(), 1) << "0 ms is an output that was there before";
  EXPECT_NEAR(quantiles[50], 100, 1);
  EXPECT_EQ(quantiles.back(), 200);
}

TEST(Report, AFirstTokenThatWasNotMeasuredIsLeftOut) {
  ReportData data = HostileData();
  for (const char* phase : {"baseline", "evaluate"}) {
    data.context.phases[phase]["latency_p50_ms"] = 20.0;
    data.context.phases[phase]["first_token_p50_ms"] = 0.0;
    data.context.phases[phase]["first_token_p90_ms"] = 0.0;
    data.context.phases[phase]["first_token_p99_ms"] = 0.0;
  }
  EXPECT_THAT(RenderSpeedSection(data), Not(HasSubstr("first token")));
  EXPECT_THAT(RenderMarkdown(data), Not(HasSubstr("first token")));
  EXPECT_THAT(RenderMarkdown(data), HasSubstr("latency p50"));
  data.context.phases["evaluate"]["first_token_p50_ms"] = 7.0;
  EXPECT_THAT(RenderSpeedSection(data), HasSubstr("first token after 7 ms with the build (p50)"));
  EXPECT_THAT(RenderMarkdown(data), HasSubstr("| first token p50, ms | n/a | 7 |"));
  data.context.phases["baseline"]["first_token_p50_ms"] = 9.0;
  EXPECT_THAT(RenderSpeedSection(data), HasSubstr("first token after 9 and 7 ms (p50)"));
}

TEST(Report, DifferencesAreMarked) {
  const MarkedTexts words = MarkDifferences("das ist <ein> Satz", "das ist der letzte Satz");
  EXPECT_EQ(words.before, "das ist <mark>&lt;ein&gt;</mark> Satz");
  EXPECT_EQ(words.after, "das ist <mark>der letzte</mark> Satz");
  const MarkedTexts characters = MarkDifferences("今天很好", "今天不好");
  EXPECT_EQ(characters.after, "今天<mark>不</mark>好");
  EXPECT_EQ(MarkDifferences("a b", "a b").after, "a b");
  EXPECT_EQ(MarkDifferences("", "neu").after, "<mark>neu</mark>");
  std::string many;
  for (int i = 0; i < 3000; ++i) many += "w ";
  EXPECT_THAT(MarkDifferences(many, many + "x").after, Not(HasSubstr("<mark>"))) << "too long";
}

TEST(Report, FaultsAndCostsAreThere) {
  ReportData data = HostileData();
  EXPECT_EQ(RenderFaultsSection(data), "");
  data.context.phases["compare"]["faults"] =
      Json::parse(R"([{"fault":"empty","name":"empty outputs",
    "baseline":{"count":1,"of":50,"rate":0.02,"interval":[0.004,0.105]},
    "quantized":{"count":9,"of":50,"rate":0.18,"interval":[0.098,0.308]},
    "only_baseline":0,"only_quantized":8,"chance":0.0039,"worse":true}])");
  EXPECT_THAT(RenderFaultsSection(data), HasSubstr("9 of 50 <small>18.0 % [9.8, 30.8]</small>"));
  EXPECT_THAT(RenderFaultsSection(data), HasSubstr("by chance in 0.39 % of cases"));
  EXPECT_THAT(RenderMarkdown(data),
              HasSubstr("| empty outputs | 1 of 50 | 9 of 50 | 8 | 0 | yes |"));
  data.context.phases["evaluate"] =
      Json{{"_seconds", 7200.0}, {"_cpu_seconds", 14400.0}, {"device", "cpu:avx2"}};
  EXPECT_THAT(RenderLedgerSection(data), HasSubstr("<b>4.0000</b>"));
  EXPECT_THAT(RenderLedgerSection(data), HasSubstr("0 GPU hours"));
  data.context.phases["evaluate"]["device"] = "cuda";
  EXPECT_THAT(RenderLedgerSection(data), Not(HasSubstr("0 GPU hours")));
}

TEST(CompareReport, StandsWithoutARun) {
  BenchmarkResult before, after;
  for (int i = 0; i < 40; ++i) {
    before.predictions.push_back(Spoken(std::to_string(i), "das ist ein Satz"));
    after.predictions.push_back(
        Spoken(std::to_string(i), i < 3 ? "das war ein Satz" : "das ist ein Satz"));
  }
  before.model_path = "models/wide";
  after.model_path = "models/q4.gguf";
  before.model_bytes = 4000;
  after.model_bytes = 1000;
  before.model_sha256 = after.model_sha256 = before.suite_hash = std::string(64, 'a');
  const auto comparison = Compare(before, after, {});
  ASSERT_TRUE(comparison) << ToString(comparison.error());
  const ReportData data = CompareReportData(*comparison, before, after);
  const std::string html = RenderHtml(data);
  EXPECT_THAT(html, HasSubstr("4.00x smaller"));
  EXPECT_THAT(html, HasSubstr("das <mark>war</mark> ein Satz"));
  EXPECT_THAT(html, HasSubstr(std::string(64, 'a')));
  EXPECT_THAT(html, Not(HasSubstr("Checklist")));
  EXPECT_THAT(RenderMarkdown(data), HasSubstr("q4.gguf"));
  EXPECT_EQ(html, RenderHtml(CompareReportData(*comparison, before, after)));
}

TEST(CompareReport, ShowsScoresOfOtherPrograms) {
  BenchmarkResult run;
  SegmentScores errors{"MetricX", false, {{}, {}}};
  for (int i = 0; i < 40; ++i) {
    run.predictions.push_back(Spoken(std::to_string(i), "das ist ein Satz"));
    errors.systems[0].push_back(2.0 + i % 2);
    errors.systems[1].push_back(2.25 + i % 2);
  }
  const auto comparison = Compare(run, run, {}, {&errors, 1});
  ASSERT_TRUE(comparison) << ToString(comparison.error());
  const ReportData data = CompareReportData(*comparison, run, run);
  const std::string html = RenderHtml(data), markdown = RenderMarkdown(data);
  EXPECT_THAT(html, HasSubstr("<h2>MetricX (less is better)</h2>"));
  EXPECT_THAT(html, HasSubstr("[-0.2500, -0.2500]"));
  EXPECT_THAT(markdown,
              HasSubstr("| en-de | 2.5000 | 2.7500 | -0.2500 | [-0.2500, -0.2500] | worse |"));
  EXPECT_THAT(RenderMarkdown(CompareReportData(*Compare(run, run, {}), run, run)),
              Not(HasSubstr("MetricX")));
}

TEST(Report, ShowsInWhichLayersTheDifferenceArises) {
  ReportData data = HostileData();
  EXPECT_EQ(RenderDivergenceSection(data), "") << "not measured";
  data.context.phases["compare"]["divergence"] = Json{{"tokens", 120},
                                                      {"top1_agreement", 0.875},
                                                      {"mean_kl", 0.25},
                                                      {"mean_kl_interval", {0.2, 0.3}},
                                                      {"layer_errors", {0.01, 0.05, 0.125, 0.1}},
                                                      {"layer_positions", 99}};
  const std::string html = RenderHtml(data);
  EXPECT_THAT(html, HasSubstr("0.2500 nats [0.2000, 0.3000]"));
  EXPECT_THAT(html, HasSubstr("mean over 99 positions"));
  for (const char* line : {"embedding</span>", "layer 0</span>", "layer 1</span>",
                           "final norm</span>", ">12.50 %<", ">1.00 %<"})
    EXPECT_THAT(html, HasSubstr(line));
  EXPECT_THAT(html, Not(HasSubstr("layer 2")));
  EXPECT_THAT(RenderMarkdown(data), HasSubstr("the final norm: 1.00, 5.00, 12.50, 10.00."));
}

TEST(Report, SaysTheVerdictFirst) {
  ReportData data = HostileData();
  for (const char* decision : {"GO", "RECONSIDER", "FALLBACK"}) {
    data.context.decision = decision;
    const std::string html = RenderHtml(data);
    EXPECT_LT(html.find(std::string("<p class=\"word\">") + decision),
              html.find("class=\"tiles\""));
    EXPECT_THAT(RenderMarkdown(data), HasSubstr(std::string(": ") + decision));
  }
}

TEST(Report, BearsARunThatMeasuredNothing) {
  const ReportData data;
  EXPECT_THAT(RenderHtml(data), HasSubstr("NO DECISION"));
  EXPECT_THAT(RenderMarkdown(data), HasSubstr("no decision"));
}

}  // namespace
}  // namespace dragoman
