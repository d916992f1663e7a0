#include "ship/report.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "ship/html.h"

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
                                        {"mean_bleu", delta},
                                        {"mean_chrf", delta},
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
