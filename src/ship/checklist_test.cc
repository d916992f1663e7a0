#include "ship/checklist.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <set>

#include "base/atomic_file.h"
#include "ship/evaluators.h"

namespace dragoman {
namespace {

using ::testing::HasSubstr;

ChecklistTemplate RealTemplate() {
  const std::string path = DRAGOMAN_SOURCE_DIR "/data/checklist.json";
  const auto json = ReadJsonFile(path);
  EXPECT_TRUE(json) << ToString(json.error());
  const auto checklist = ParseChecklistTemplate(*json, path);
  EXPECT_TRUE(checklist) << ToString(checklist.error());
  return *checklist;
}

ChecklistBox BoxOf(const std::string& key, Json expect = Json::object()) {
  ChecklistBox box;
  box.id = "a.1";
  box.text = "text";
  box.phase = "validate";
  box.evidence = key;
  box.expect = std::move(expect);
  return box;
}

BoxVerdict Evaluate(const std::string& key, const Json& expect, const ChecklistContext& context) {
  return BoxEvaluators().at(key)(BoxOf(key, expect), context);
}

ChecklistContext ContextWith(const std::string& phase, Json measured) {
  ChecklistContext context;
  context.phases[phase] = std::move(measured);
  return context;
}

TEST(Checklist, EveryKeyOfTheFileHasAnEvaluatorAndEveryEvaluatorAKey) {
  std::set<std::string> keys;
  for (const ChecklistBox& box : RealTemplate().AllBoxes()) keys.insert(box.evidence);
  EXPECT_GT(keys.size(), 80u);
  for (const std::string& key : keys) {
    if (key == "children" || key == "boxes") continue;
    EXPECT_EQ(BoxEvaluators().count(key), 1u) << key;
  }
  for (const auto& item : BoxEvaluators()) EXPECT_EQ(keys.count(item.first), 1u) << item.first;
}

TEST(Checklist, EveryFieldOfTheFileHasAValueOrAPerson) {
  const ChecklistContext context;
  for (const ChecklistField& field : RealTemplate().fields) {
    const auto value = FieldValue(field, context);
    ASSERT_TRUE(value) << field.id;
    if (field.source == "person") {
      EXPECT_TRUE(value->is_null()) << field.id;
    }
  }
  EXPECT_FALSE(FieldValue({"x", "x", "text", "ledger.gold", "", ""}, context));
}

TEST(Checklist, WithoutAnyPhaseNothingIsDone) {
  const auto checklist = EvaluateChecklist(RealTemplate(), ChecklistContext());
  ASSERT_TRUE(checklist) << ToString(checklist.error());
  EXPECT_EQ(checklist->done, 0);
  EXPECT_EQ(checklist->done + checklist->failed + checklist->not_applicable, 196);
  for (const auto& section : checklist->sections) {
    for (const auto& box : section.boxes) {
      EXPECT_NE(box.verdict.text, "") << box.box.id;
      if (box.box.evidence == "gate.mean") {
        EXPECT_EQ(box.verdict.text, "phase compare did not run");
      }
    }
  }
}

TEST(Checklist, EveryEvaluatorBearsEmptyEvidence) {
  ChecklistContext context;
  for (const char* phase : {"preflight", "model", "convert", "calibrate", "quantize", "suite",
                            "baseline", "evaluate", "compare", "package", "validate", "signoff"}) {
    context.phases[phase] = Json::object();
  }
  const auto checklist = EvaluateChecklist(RealTemplate(), context);
  ASSERT_TRUE(checklist) << ToString(checklist.error());
  // Lists whose entries hold nothing.
  const Json hollow = Json::array({Json::object()});
  context.phases["model"]["files"] = hollow;
  context.phases["baseline"]["pairs"] = hollow;
  context.phases["compare"]["checks"] = hollow;
  context.ladder["rungs"] = hollow;
  const auto again = EvaluateChecklist(RealTemplate(), context);
  ASSERT_TRUE(again) << ToString(again.error());
}

TEST(Checklist, AnUnknownKeyIsAnInternalError) {
  ChecklistTemplate checklist;
  checklist.sections = {{"s", "S", {BoxOf("no.such.key")}}};
  const auto result = EvaluateChecklist(checklist, ContextWith("validate", Json::object()));
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().code, ErrorCode::kInternal);
  EXPECT_THAT(result.error().message, HasSubstr("no.such.key"));
}

TEST(Checklist, BoxesThatWaitForEachOtherAreAnInternalError) {
  ChecklistBox a = BoxOf("boxes", Json{{"boxes", {"b"}}});
  ChecklistBox b = BoxOf("boxes", Json{{"boxes", {"a"}}});
  a.id = "a";
  b.id = "b";
  ChecklistTemplate checklist;
  checklist.sections = {{"s", "S", {a, b}}};
  EXPECT_FALSE(EvaluateChecklist(checklist, ChecklistContext()));
  checklist.sections[0].boxes[1].expect = Json{{"boxes", {"nowhere"}}};
  EXPECT_FALSE(EvaluateChecklist(checklist, ChecklistContext()));
}

TEST(Checklist, AParentFollowsItsChildren) {
  ChecklistBox parent = BoxOf("children");
  parent.id = "p";
  ChecklistBox child = BoxOf("load.time", Json{{"max_seconds", 10}});
  child.id = "p.1";
  child.parent = "p";
  ChecklistBox other = BoxOf("not_applicable");
  other.id = "p.2";
  other.parent = "p";
  ChecklistTemplate checklist;
  checklist.sections = {{"s", "S", {parent, child, other}}};
  const auto status = [&](double seconds) {
    const auto result =
        EvaluateChecklist(checklist, ContextWith("validate", Json{{"load_seconds", seconds}}));
    return result->sections[0].boxes[0].verdict.status;
  };
  EXPECT_EQ(status(10), BoxStatus::kDone);
  EXPECT_EQ(status(11), BoxStatus::kFailed);
  checklist.sections[0].boxes.erase(checklist.sections[0].boxes.begin() + 1);
  EXPECT_EQ(status(1), BoxStatus::kNotApplicable);
}

TEST(Evaluators, ALimitOfThe4bHoldsForThe4bAlone) {
  const Json expect = {{"max_bytes", 2000000000}, {"scope", "4b"}};
  ChecklistContext context = ContextWith("quantize", Json{{"bytes", 2489909760u}});
  context.phases["model"] = Json{{"parameters", 26626560u}};
  const BoxVerdict mini = Evaluate("quantize.size", expect, context);
  EXPECT_EQ(mini.status, BoxStatus::kNotApplicable);
  EXPECT_EQ(mini.measured, "2.49 GB");
  context.phases["model"] = Json{{"parameters", 3880263168u}};
  EXPECT_EQ(Evaluate("quantize.size", expect, context).status, BoxStatus::kFailed);
  context.phases["quantize"]["bytes"] = 2000000000u;
  EXPECT_EQ(Evaluate("quantize.size", expect, context).status, BoxStatus::kDone);
}

TEST(Evaluators, BasicTranslationsForgiveCaseAndOuterMarks) {
  const Json expect = {
      {"source", "Good morning"}, {"target_lang", "es"}, {"accept", {"Buenos días", "Buen día"}}};
  const auto verdict = [&](const std::string& text) {
    return Evaluate("e2e.basic", expect,
                    ContextWith(
                        "validate",
                        Json{{"basic",
                              {{{"pair", "en-es"}, {"source", "Good morning"}, {"text", text}}}}}))
        .status;
  };
  EXPECT_EQ(verdict("Buenos días"), BoxStatus::kDone);
  EXPECT_EQ(verdict("¡BUENOS DÍAS! "), BoxStatus::kDone);
  EXPECT_EQ(verdict("Buenos dias"), BoxStatus::kFailed);
  EXPECT_EQ(verdict(""), BoxStatus::kFailed);
  EXPECT_EQ(
      Evaluate("e2e.basic", expect, ContextWith("validate", Json{{"basic", Json::array()}})).status,
      BoxStatus::kNotApplicable);
}

Json Check(const std::string& name, const std::string& verdict) {
  return Json{{"name", name}, {"verdict", verdict}, {"reason", name + " says " + verdict}};
}

TEST(Evaluators, TheGateIsAskedPairByPair) {
  ChecklistContext context = ContextWith(
      "compare",
      Json{{"checks",
            {Check("mean BLEU loss", "GO"), Check("en-ar loss", "GO"),
             Check("en-hi loss", "RECONSIDER"), Check("high-resource loss", "FALLBACK")}}});
  EXPECT_EQ(Evaluate("gate.mean", Json::object(), context).status, BoxStatus::kDone);
  EXPECT_EQ(Evaluate("gate.high_resource", Json::object(), context).status, BoxStatus::kFailed);
  EXPECT_EQ(Evaluate("gate.pairs", Json::object(), context).status, BoxStatus::kFailed);
  EXPECT_EQ(Evaluate("gate.pairs", Json{{"languages", {"ar"}}}, context).status, BoxStatus::kDone);
  const BoxVerdict hindi = Evaluate("gate.pairs", Json{{"languages", {"ar", "hi"}}}, context);
  EXPECT_EQ(hindi.status, BoxStatus::kFailed);
  EXPECT_EQ(hindi.text, "en-hi loss says RECONSIDER");
  EXPECT_EQ(Evaluate("gate.pairs", Json{{"languages", {"ja"}}}, context).status,
            BoxStatus::kNotApplicable);
}

TEST(Evaluators, OnlyTheDecisionTakenIsDone) {
  ChecklistContext context = ContextWith(
      "compare", Json{{"reasons", {"Loss shown."}}, {"advice", {"Try a larger recipe."}}});
  context.phases["package"] = Json{{"fallback", "cloud"}};
  context.decision = "FALLBACK";
  EXPECT_EQ(Evaluate("decision.go", Json::object(), context).status, BoxStatus::kNotApplicable);
  EXPECT_EQ(Evaluate("decision.reconsider", Json::object(), context).status,
            BoxStatus::kNotApplicable);
  EXPECT_EQ(Evaluate("decision.fallback", Json::object(), context).status, BoxStatus::kDone);
  EXPECT_EQ(Evaluate("decision.fallback.advice", Json::object(), context).text,
            "Try a larger recipe.");
  EXPECT_EQ(Evaluate("decision.fallback.cloud", Json::object(), context).status, BoxStatus::kDone);
  EXPECT_EQ(Evaluate("decision.reconsider.review", Json::object(), context).status,
            BoxStatus::kNotApplicable);
}

TEST(Evaluators, EdgeCasesNameTheFirstFailure) {
  const Json failure = {
      {"id", "edge-url-1"}, {"pair", "en-de"}, {"problem", "lost \"https://x\""}, {"output", "y"}};
  const Json edges = {{"edge:url", {{"cases", 9}, {"good", 8}, {"failures", {failure}}}},
                      {"edge:email", {{"cases", 9}, {"good", 9}, {"failures", Json::array()}}}};
  const ChecklistContext context = ContextWith("validate", Json{{"edge_cases", edges}});
  EXPECT_EQ(Evaluate("edge.urls", Json{{"domains", {"edge:email"}}}, context).status,
            BoxStatus::kDone);
  const BoxVerdict both =
      Evaluate("edge.urls", Json{{"domains", {"edge:url", "edge:email"}}}, context);
  EXPECT_EQ(both.status, BoxStatus::kFailed);
  EXPECT_EQ(both.text, "17 of 18 kept what must stay; first: edge-url-1 en-de: lost \"https://x\"");
  EXPECT_EQ(Evaluate("edge.urls", Json{{"domains", {"edge:absent"}}}, context).status,
            BoxStatus::kFailed);
}

TEST(Evaluators, TheHubIsNotNeededForALocalModel) {
  const auto context = [](bool reachable) {
    return ContextWith(
        "preflight",
        Json{{"checks", {{"hub", {{"detail", "d"}, {"data", {{"reachable", reachable}}}}}}}});
  };
  EXPECT_EQ(Evaluate("network.hub", Json::object(), context(true)).status, BoxStatus::kDone);
  EXPECT_EQ(Evaluate("network.hub", Json::object(), context(false)).status,
            BoxStatus::kNotApplicable);
}

TEST(Evaluators, DocumentsMustBeThereAndNotEmpty) {
  ChecklistContext context;
  context.program_data = ::testing::TempDir() + "docs_present";
  std::filesystem::remove_all(context.program_data);
  const Json expect = {{"paths", {"docs/a.md"}}};
  EXPECT_EQ(Evaluate("docs.present", expect, context).status, BoxStatus::kFailed);
  ASSERT_TRUE(WriteFileAtomically(context.program_data + "/docs/a.md", ""));
  EXPECT_EQ(Evaluate("docs.present", expect, context).status, BoxStatus::kFailed);
  ASSERT_TRUE(WriteFileAtomically(context.program_data + "/docs/a.md", "text"));
  EXPECT_EQ(Evaluate("docs.present", expect, context).status, BoxStatus::kDone);
  std::filesystem::remove_all(context.program_data);
}

TEST(ChecklistOutput, JsonHasWhatItsSchemaAsksFor) {
  ChecklistContext context = ContextWith("model", Json{{"path", "models/mini"}, {"parameters", 7}});
  context.decision = "GO";
  const auto checklist = EvaluateChecklist(RealTemplate(), context);
  ASSERT_TRUE(checklist);
  const OrderedJson json = ToJson(*checklist, context);
  const auto schema = ReadJsonFile(DRAGOMAN_SOURCE_DIR "/schemas/checklist.schema.json");
  ASSERT_TRUE(schema);
  const Json& rules = (*schema)["$defs"]["result"];
  EXPECT_EQ(json["schema"], rules["properties"]["schema"]["const"].get<std::string>());
  for (const Json& key : rules["required"])
    EXPECT_TRUE(json.contains(key.get<std::string>())) << key;
  for (const auto& section : json["sections"]) {
    for (const auto& box : section["boxes"]) {
      EXPECT_TRUE(box.contains(box["status"] == "done" ? "evidence" : "reason")) << box["id"];
    }
  }
  EXPECT_EQ(json["model"]["parameters"], 7);
}

TEST(ChecklistOutput, MarkdownHoldsEveryBoxAndEveryField) {
  const ChecklistTemplate checklist_template = RealTemplate();
  const ChecklistContext context;
  const auto checklist = EvaluateChecklist(checklist_template, context);
  ASSERT_TRUE(checklist);
  const std::string text = ToMarkdown(*checklist, context);
  for (const ChecklistBox& box : checklist_template.AllBoxes())
    EXPECT_THAT(text, HasSubstr(box.text));
  for (const ChecklistField& field : checklist_template.fields) {
    EXPECT_THAT(text, HasSubstr("**" + field.label + "**"));
  }
  EXPECT_THAT(text, HasSubstr("Technical Lead Review**: _____________"));
}

}  // namespace
}  // namespace dragoman
