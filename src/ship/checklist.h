// The checklist as data, evaluated against a run's evidence (data/checklist.md says what each key
// means).
#ifndef DRAGOMAN_SHIP_CHECKLIST_H_
#define DRAGOMAN_SHIP_CHECKLIST_H_

#include <functional>
#include <map>
#include <string>
#include <vector>

#include "base/json.h"
#include "dragoman/result.h"

namespace dragoman {

struct ChecklistBox {
  std::string id, text, code, parent, phase, evidence, note, reason, replaced_by;
  bool refuted = false;  // the claim cannot be met by anybody
  Json expect = Json::object();
};

struct ChecklistSection {
  std::string id, title;
  std::vector<ChecklistBox> boxes;
};

struct ChecklistField {
  std::string id, label, kind, source, unit, estimate;
};

struct ChecklistTemplate {
  std::vector<ChecklistSection> sections;
  std::vector<ChecklistField> fields;
  std::vector<ChecklistBox> AllBoxes() const;
};

// data/checklist.json of the program. Errors: kNotFound, kCorruptFile.
Result<std::string> ChecklistTemplatePath();
Result<ChecklistTemplate> LoadChecklistTemplate();
Result<ChecklistTemplate> ParseChecklistTemplate(const Json& json, const std::string& where);

enum class BoxStatus { kDone, kFailed, kNotApplicable };
const char* BoxStatusName(BoxStatus status);  // "done", "failed", "not_applicable"

// text: the evidence of a done box, the reason of another; measured: what was measured all the
// same.
struct BoxVerdict {
  BoxStatus status = BoxStatus::kFailed;
  std::string text;
  std::string measured;
};
BoxVerdict Done(std::string evidence);
BoxVerdict Failed(std::string reason, std::string measured = {});
BoxVerdict NotApplicable(std::string reason, std::string measured = {});

// What an evaluator may look at: the evidence of each phase that ran, and facts about the run.
struct ChecklistContext {
  std::map<std::string, Json>
      phases;  // phase -> what it measured, with "_seconds", "_started", "_peak_memory_bytes"
  std::string workspace;     // folder
  std::string program_data;  // folder that holds docs/ and data/
  Json ladder = Json::object();
  std::string decision;  // "GO", ..., or empty
  std::string secrets;   // where a secret was found; empty: none was

  bool Ran(const std::string& phase) const { return phases.count(phase) != 0; }
  const Json& Phase(const std::string& phase) const;
  // Whether the model is of the 4B's size, for limits that hold for it alone.
  bool IsFourB() const;
};

using BoxEvaluator =
    std::function<BoxVerdict(const ChecklistBox& box, const ChecklistContext& context)>;
// Key -> evaluator; "children" and "boxes" are not in it, for they look at other boxes.
const std::map<std::string, BoxEvaluator>& BoxEvaluators();

struct EvaluatedBox {
  ChecklistBox box;
  BoxVerdict verdict;
};
struct EvaluatedSection {
  std::string id, title;
  std::vector<EvaluatedBox> boxes;
};
struct EvaluatedField {
  ChecklistField field;
  Json value;  // null: for a person
};
struct EvaluatedChecklist {
  std::vector<EvaluatedSection> sections;
  std::vector<EvaluatedField> fields;
  int done = 0, failed = 0, not_applicable = 0;
};

// Errors: kInternal for a key without an evaluator, or a parent or box that is not there.
Result<EvaluatedChecklist> EvaluateChecklist(const ChecklistTemplate& checklist,
                                             const ChecklistContext& context);

// checklist.json (schemas/checklist.schema.json) and CHECKLIST.md.
OrderedJson ToJson(const EvaluatedChecklist& checklist, const ChecklistContext& context);
std::string ToMarkdown(const EvaluatedChecklist& checklist, const ChecklistContext& context);

}  // namespace dragoman

#endif  // DRAGOMAN_SHIP_CHECKLIST_H_
