// The evaluated checklist as JSON and as Markdown.
#include <fmt/format.h>

#include <algorithm>

#include "ship/checklist.h"

namespace dragoman {
namespace {

OrderedJson BoxJson(const EvaluatedBox& evaluated) {
  const ChecklistBox& box = evaluated.box;
  const BoxVerdict& verdict = evaluated.verdict;
  OrderedJson json;
  json["id"] = box.id;
  json["text"] = box.text;
  json["parent"] = box.parent.empty() ? OrderedJson() : OrderedJson(box.parent);
  json["phase"] = box.phase;
  json["status"] = BoxStatusName(verdict.status);
  if (verdict.status == BoxStatus::kDone) {
    json["evidence"] = verdict.text;
  } else {
    json["reason"] = verdict.text;
    if (!verdict.measured.empty()) json["evidence"] = verdict.measured;
  }
  if (!box.replaced_by.empty()) json["replaced_by"] = box.replaced_by;
  if (!box.note.empty()) json["note"] = box.note;
  if (box.refuted) json["claim"] = "refuted";
  return json;
}

std::string Mark(const EvaluatedBox& evaluated) {
  switch (evaluated.verdict.status) {
    case BoxStatus::kDone:
      return "[x]";
    case BoxStatus::kFailed:
      return evaluated.box.refuted ? "[ ] ✗ (claim refuted)" : "[ ] ✗";
    case BoxStatus::kNotApplicable:
      return "[ ] n/a";
  }
  return "[ ]";
}

std::string BoxMarkdown(const EvaluatedBox& evaluated) {
  const ChecklistBox& box = evaluated.box;
  const BoxVerdict& verdict = evaluated.verdict;
  const std::string indent(box.parent.empty() ? 0 : 2, ' ');
  std::string text = fmt::format("{}- {} {}\n", indent, Mark(evaluated), box.text);
  if (!box.code.empty()) {
    text += indent + "  ```\n";
    size_t begin = 0;
    while (begin <= box.code.size()) {
      const size_t end = std::min(box.code.find('\n', begin), box.code.size());
      text += indent + "  " + box.code.substr(begin, end - begin) + "\n";
      begin = end + 1;
    }
    text += indent + "  ```\n";
  }
  text += fmt::format("{}  <br>{}", indent, verdict.text);
  if (!verdict.measured.empty()) text += " Measured: " + verdict.measured + ".";
  if (!box.replaced_by.empty()) text += " Instead: " + box.replaced_by + ".";
  if (!box.note.empty()) text += "\n" + indent + "  <br>*" + box.note + "*";
  return text + "\n";
}

std::string FieldText(const EvaluatedField& evaluated) {
  std::string value = "_____________";
  if (evaluated.value.is_string()) value = evaluated.value.get<std::string>();
  if (evaluated.value.is_number()) value = evaluated.value.dump();
  std::string text = fmt::format("- **{}**: {}", evaluated.field.label, value);
  if (!evaluated.field.unit.empty()) text += " " + evaluated.field.unit;
  if (!evaluated.field.estimate.empty())
    text += " (the plan said " + evaluated.field.estimate + ")";
  return text + "\n";
}

std::string LedgerTable(const ChecklistContext& context) {
  static const char* const kOrder[] = {"preflight", "model",   "convert",  "calibrate",
                                       "quantize",  "suite",   "baseline", "evaluate",
                                       "compare",   "package", "validate"};
  std::string text =
      "| phase | seconds | peak memory, GB | accelerator hours |\n|---|---:|---:|---:|\n";
  double seconds = 0;
  for (const char* name : kOrder) {
    if (!context.Ran(name)) continue;
    const Json& phase = context.Phase(name);
    seconds += phase.value("_seconds", 0.0);
    text += fmt::format("| {} | {:.1f} | {:.2f} | 0 |\n", name, phase.value("_seconds", 0.0),
                        static_cast<double>(phase.value("_peak_memory_bytes", uint64_t{0})) / 1e9);
  }
  return text + fmt::format(
                    "| **sum** | **{:.1f}** | | **0** |\n\nNo accelerator was used, so none is "
                    "billed; the time "
                    "of this machine is not priced.\n",
                    seconds);
}

}  // namespace

OrderedJson ToJson(const EvaluatedChecklist& checklist, const ChecklistContext& context) {
  const Json& model = context.Phase("model");
  OrderedJson json;
  json["schema"] = "dragoman.checklist/1";
  json["model"] = OrderedJson{{"path", model.value("path", std::string())}};
  if (const auto parameters = model.value("parameters", uint64_t{0}); parameters > 0) {
    json["model"]["parameters"] = parameters;
  }
  json["decision"] = context.decision.empty() ? OrderedJson() : OrderedJson(context.decision);
  json["summary"] = OrderedJson{{"done", checklist.done},
                                {"failed", checklist.failed},
                                {"not_applicable", checklist.not_applicable}};
  OrderedJson sections = OrderedJson::array();
  for (const EvaluatedSection& section : checklist.sections) {
    OrderedJson boxes = OrderedJson::array();
    for (const EvaluatedBox& box : section.boxes) boxes.push_back(BoxJson(box));
    sections.push_back(
        OrderedJson{{"id", section.id}, {"title", section.title}, {"boxes", std::move(boxes)}});
  }
  json["sections"] = std::move(sections);
  OrderedJson fields = OrderedJson::array();
  for (const EvaluatedField& evaluated : checklist.fields) {
    OrderedJson field{{"id", evaluated.field.id}, {"label", evaluated.field.label}};
    if (!evaluated.field.unit.empty()) field["unit"] = evaluated.field.unit;
    field["value"] = evaluated.value;
    fields.push_back(std::move(field));
  }
  json["fields"] = std::move(fields);
  return json;
}

std::string ToMarkdown(const EvaluatedChecklist& checklist, const ChecklistContext& context) {
  std::string text = "# Checklist\n\n";
  text += fmt::format(
      "Decision: **{}**. {} boxes done, {} failed, {} not applicable. Every figure below was "
      "measured by "
      "the run; its evidence is in `evidence/`.\n",
      context.decision.empty() ? "none" : context.decision, checklist.done, checklist.failed,
      checklist.not_applicable);
  for (const EvaluatedSection& section : checklist.sections) {
    text += "\n## " + section.title + "\n\n";
    for (const EvaluatedBox& box : section.boxes) text += BoxMarkdown(box);
  }
  text += "\n## Time, accelerators, cost\n\n" + LedgerTable(context);
  text += "\n## Fields\n\nEmpty ones are for a person to fill in.\n\n";
  for (const EvaluatedField& field : checklist.fields) text += FieldText(field);
  return text;
}

}  // namespace dragoman
