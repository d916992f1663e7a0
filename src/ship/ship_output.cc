// What a run says at its end, for people and for machines.
#include <fmt/format.h>

#include "ship/ship.h"

namespace dragoman {

OrderedJson ToJson(const ShipOutcome& outcome) {
  OrderedJson json;
  json["schema"] = "dragoman.ship/1";
  json["decision"] =
      outcome.decision ? OrderedJson(DecisionName(*outcome.decision)) : OrderedJson();
  json["exit_code"] = outcome.exit_code;
  json["reasons"] = outcome.reasons;
  json["advice"] = outcome.advice;
  json["seconds"] = outcome.seconds;
  OrderedJson phases = OrderedJson::array();
  for (const PhaseOutcome& phase : outcome.phases) {
    phases.push_back(OrderedJson{{"name", phase.name},
                                 {"skipped", phase.skipped},
                                 {"seconds", phase.seconds},
                                 {"summary", phase.summary}});
  }
  json["phases"] = std::move(phases);
  json["checklist"] = OrderedJson{{"done", outcome.boxes_done},
                                  {"failed", outcome.boxes_failed},
                                  {"not_applicable", outcome.boxes_not_applicable}};
  json["build"] = outcome.build_path;
  json["package"] = outcome.package_folder;
  json["checklist_md"] = outcome.checklist_path;
  json["checklist_json"] = outcome.checklist_json_path;
  json["report"] = outcome.report_path;
  return json;
}

std::string ToText(const ShipOutcome& outcome) {
  std::string text;
  for (const PhaseOutcome& phase : outcome.phases) {
    text += fmt::format("{:<9}  {:<20} {:>7.1f} s  {}\n", phase.skipped ? "unchanged" : "done",
                        phase.name, phase.seconds, phase.summary);
  }
  if (!outcome.decision) return text + "\nstopped before the decision, as asked\n";
  text += fmt::format("\n{}\n", DecisionName(*outcome.decision));
  for (const std::string& reason : outcome.reasons) text += "  " + reason + "\n";
  if (!outcome.advice.empty()) text += "what to try:\n";
  for (const std::string& advice : outcome.advice) text += "  " + advice + "\n";
  if (outcome.report_path.empty()) return text;
  text += fmt::format("\nchecklist: {} done, {} failed, {} not applicable\n", outcome.boxes_done,
                      outcome.boxes_failed, outcome.boxes_not_applicable);
  for (const auto& [name, path] :
       {std::pair<const char*, const std::string*>{"build", &outcome.build_path},
        {"package", &outcome.package_folder},
        {"checklist", &outcome.checklist_path},
        {"report", &outcome.report_path}}) {
    text += fmt::format("{:<9}  {}\n", name, *path);
  }
  return text;
}

}  // namespace dragoman
