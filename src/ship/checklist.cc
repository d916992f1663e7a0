// The checklist's template, and the aggregation of its boxes; what each key means is in
// evaluators_*.cc.
#include "ship/checklist.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/json.h"
#include "base/shared_data.h"
#include "ship/evaluators.h"

namespace dragoman {
namespace {

constexpr const char* kTemplateSchema = "dragoman.checklist-template/1";
constexpr uint64_t kFourBMin = 3800000000;
constexpr uint64_t kFourBMax = 4000000000;

std::string Text(const Json& json, const char* key) {
  const auto found = json.find(key);
  return found != json.end() && found->is_string() ? found->get<std::string>() : std::string();
}

Result<ChecklistBox> ParseBox(const Json& json, const std::string& where) {
  if (!json.is_object())
    return Fail(ErrorCode::kCorruptFile, "expected a box, found another value", where);
  ChecklistBox box;
  box.id = Text(json, "id");
  box.text = Text(json, "text");
  box.code = Text(json, "code");
  box.parent = Text(json, "parent");
  box.phase = Text(json, "phase");
  box.evidence = Text(json, "evidence");
  box.note = Text(json, "note");
  box.reason = Text(json, "reason");
  box.replaced_by = Text(json, "replaced_by");
  box.refuted = Text(json, "claim") == "refuted";
  if (const auto expect = json.find("expect"); expect != json.end() && expect->is_object())
    box.expect = *expect;
  if (box.id.empty() || box.text.empty() || box.phase.empty() || box.evidence.empty()) {
    return Fail(ErrorCode::kCorruptFile,
                "box \"" + box.id + "\": expected id, text, phase and evidence", where);
  }
  return box;
}

Result<ChecklistSection> ParseSection(const Json& json, const std::string& where) {
  ChecklistSection section;
  const auto boxes = json.is_object() ? json.find("boxes") : json.end();
  if (!json.is_object() || boxes == json.end() || !boxes->is_array()) {
    return Fail(ErrorCode::kCorruptFile, "expected a section with boxes, found another value",
                where);
  }
  section.id = Text(json, "id");
  section.title = Text(json, "title");
  for (const Json& box : *boxes) {
    DRAGOMAN_ASSIGN_OR_RETURN(ChecklistBox parsed, ParseBox(box, where));
    section.boxes.push_back(std::move(parsed));
  }
  return section;
}

using Verdicts = std::map<std::string, BoxVerdict>;

// Failed if one failed, else done if one is done, else not applicable; the sentence counts them.
BoxVerdict Combine(const std::vector<std::string>& ids, const Verdicts& verdicts) {
  int counts[3] = {};
  std::string failed;
  for (const std::string& id : ids) {
    const BoxVerdict& verdict = verdicts.at(id);
    ++counts[static_cast<int>(verdict.status)];
    if (verdict.status == BoxStatus::kFailed) failed += (failed.empty() ? "" : ", ") + id;
  }
  const int done = counts[static_cast<int>(BoxStatus::kDone)];
  const int not_applicable = counts[static_cast<int>(BoxStatus::kNotApplicable)];
  if (!failed.empty()) return Failed("failed: " + failed);
  if (done > 0) {
    return Done(
        fmt::format("{} done{}", done,
                    not_applicable > 0 ? fmt::format(", {} not applicable", not_applicable) : ""));
  }
  return NotApplicable("nothing below it applies");
}

bool LooksAtOthers(const ChecklistBox& box) {
  return box.evidence == "children" || box.evidence == "boxes";
}

bool NeedsNoPhase(const ChecklistBox& box) {
  return box.evidence == "not_applicable" || box.evidence == "python.stack" ||
         box.evidence == "manual" || box.evidence.rfind("signature.", 0) == 0;
}

Result<std::vector<std::string>> Dependencies(const ChecklistBox& box,
                                              const std::vector<ChecklistBox>& all) {
  std::vector<std::string> ids;
  if (box.evidence == "children") {
    for (const ChecklistBox& other : all) {
      if (other.parent == box.id) ids.push_back(other.id);
    }
  } else if (const auto boxes = box.expect.find("boxes");
             boxes != box.expect.end() && boxes->is_array()) {
    for (const Json& id : *boxes) ids.push_back(id.is_string() ? id.get<std::string>() : "");
  }
  if (ids.empty())
    return Fail(ErrorCode::kInternal, "a box that looks at others names none", box.id);
  for (const std::string& id : ids) {
    const bool there = std::any_of(all.begin(), all.end(),
                                   [&](const ChecklistBox& other) { return other.id == id; });
    if (!there)
      return Fail(ErrorCode::kInternal, "looks at box \"" + id + "\", which is not there", box.id);
  }
  return ids;
}

// Boxes that look at others wait until those are decided; a round that decides none means that they
// wait for each other.
Result<void> DecideCombined(const std::vector<ChecklistBox>& all, Verdicts* verdicts) {
  size_t waiting = 0;
  do {
    const size_t before = verdicts->size();
    waiting = 0;
    for (const ChecklistBox& box : all) {
      if (verdicts->count(box.id) != 0) continue;
      DRAGOMAN_ASSIGN_OR_RETURN(const std::vector<std::string> ids, Dependencies(box, all));
      const bool ready = std::all_of(
          ids.begin(), ids.end(), [&](const std::string& id) { return verdicts->count(id) != 0; });
      if (ready) {
        verdicts->emplace(box.id, Combine(ids, *verdicts));
      } else {
        ++waiting;
      }
    }
    if (waiting > 0 && verdicts->size() == before) {
      return Fail(ErrorCode::kInternal, "boxes of the checklist wait for each other", "checklist");
    }
  } while (waiting > 0);
  return {};
}

}  // namespace

std::vector<ChecklistBox> ChecklistTemplate::AllBoxes() const {
  std::vector<ChecklistBox> all;
  for (const ChecklistSection& section : sections)
    all.insert(all.end(), section.boxes.begin(), section.boxes.end());
  return all;
}

const char* BoxStatusName(BoxStatus status) {
  switch (status) {
    case BoxStatus::kDone:
      return "done";
    case BoxStatus::kFailed:
      return "failed";
    case BoxStatus::kNotApplicable:
      return "not_applicable";
  }
  return "failed";
}

BoxVerdict Done(std::string evidence) { return {BoxStatus::kDone, std::move(evidence), {}}; }
BoxVerdict Failed(std::string reason, std::string measured) {
  return {BoxStatus::kFailed, std::move(reason), std::move(measured)};
}
BoxVerdict NotApplicable(std::string reason, std::string measured) {
  return {BoxStatus::kNotApplicable, std::move(reason), std::move(measured)};
}

const Json& ChecklistContext::Phase(const std::string& phase) const {
  static const Json nothing = Json::object();
  const auto found = phases.find(phase);
  return found == phases.end() ? nothing : found->second;
}

bool ChecklistContext::IsFourB() const {
  const uint64_t parameters = Phase("model").value("parameters", uint64_t{0});
  return parameters >= kFourBMin && parameters <= kFourBMax;
}

const std::map<std::string, BoxEvaluator>& BoxEvaluators() {
  static const std::map<std::string, BoxEvaluator> evaluators = [] {
    std::map<std::string, BoxEvaluator> all;
    AddMachineEvaluators(&all);
    AddBuildEvaluators(&all);
    AddQualityEvaluators(&all);
    AddReleaseEvaluators(&all);
    return all;
  }();
  return evaluators;
}

Result<std::string> ChecklistTemplatePath() { return FindSharedData("data/checklist.json"); }

Result<ChecklistTemplate> LoadChecklistTemplate() {
  DRAGOMAN_ASSIGN_OR_RETURN(const std::string path, ChecklistTemplatePath());
  DRAGOMAN_ASSIGN_OR_RETURN(const Json json, ReadJsonFile(path));
  return ParseChecklistTemplate(json, path);
}

Result<ChecklistTemplate> ParseChecklistTemplate(const Json& json, const std::string& where) {
  if (!json.is_object() || Text(json, "schema") != kTemplateSchema) {
    return Fail(ErrorCode::kCorruptFile, std::string("expected schema ") + kTemplateSchema, where);
  }
  ChecklistTemplate checklist;
  for (const Json& section : json.value("sections", Json::array())) {
    DRAGOMAN_ASSIGN_OR_RETURN(ChecklistSection parsed, ParseSection(section, where));
    checklist.sections.push_back(std::move(parsed));
  }
  for (const Json& field : json.value("fields", Json::array())) {
    if (!field.is_object())
      return Fail(ErrorCode::kCorruptFile, "expected a field, found another value", where);
    checklist.fields.push_back({Text(field, "id"), Text(field, "label"), Text(field, "kind"),
                                Text(field, "source"), Text(field, "unit"),
                                Text(field, "estimate")});
  }
  return checklist;
}

Result<EvaluatedChecklist> EvaluateChecklist(const ChecklistTemplate& checklist,
                                             const ChecklistContext& context) {
  const std::vector<ChecklistBox> all = checklist.AllBoxes();
  Verdicts verdicts;
  for (const ChecklistBox& box : all) {
    if (LooksAtOthers(box)) continue;
    const auto evaluator = BoxEvaluators().find(box.evidence);
    if (evaluator == BoxEvaluators().end()) {
      return Fail(ErrorCode::kInternal, "no evaluator for evidence key \"" + box.evidence + "\"",
                  box.id);
    }
    const bool runs = NeedsNoPhase(box) || context.Ran(box.phase);
    verdicts[box.id] =
        runs ? evaluator->second(box, context) : Failed("phase " + box.phase + " did not run");
  }
  DRAGOMAN_RETURN_IF_ERROR(DecideCombined(all, &verdicts));

  EvaluatedChecklist result;
  for (const ChecklistSection& section : checklist.sections) {
    EvaluatedSection evaluated{section.id, section.title, {}};
    for (const ChecklistBox& box : section.boxes) {
      const BoxVerdict& verdict = verdicts.at(box.id);
      result.done += verdict.status == BoxStatus::kDone ? 1 : 0;
      result.failed += verdict.status == BoxStatus::kFailed ? 1 : 0;
      result.not_applicable += verdict.status == BoxStatus::kNotApplicable ? 1 : 0;
      evaluated.boxes.push_back({box, verdict});
    }
    result.sections.push_back(std::move(evaluated));
  }
  for (const ChecklistField& field : checklist.fields) {
    DRAGOMAN_ASSIGN_OR_RETURN(Json value, FieldValue(field, context));
    result.fields.push_back({field, std::move(value)});
  }
  return result;
}

}  // namespace dragoman
