// The evaluators of the checklist's evidence keys, by subject. Internal to the checklist.
#ifndef DRAGOMAN_SHIP_EVALUATORS_H_
#define DRAGOMAN_SHIP_EVALUATORS_H_

#include <map>
#include <string>

#include "ship/checklist.h"

namespace dragoman {

using EvaluatorMap = std::map<std::string, BoxEvaluator>;
void AddMachineEvaluators(EvaluatorMap* evaluators);  // preflight, hub, workspace, documents, model
void AddBuildEvaluators(EvaluatorMap* evaluators);    // convert, quantize, GGUF
void AddQualityEvaluators(EvaluatorMap* evaluators);  // suite, runs, gate, decision, ladder
void AddReleaseEvaluators(EvaluatorMap* evaluators);  // package, end to end, errors, sign-off

// The measured value of a field of the form; null when it is a person's. Errors: kInternal for an
// unknown source.
Result<Json> FieldValue(const ChecklistField& field, const ChecklistContext& context);

// A measured value against the box's limit: done or failed; not applicable, with the figure, when
// the limit holds for the 4B alone and this is another model.
BoxVerdict Judge(const ChecklistBox& box, const ChecklistContext& context, bool ok,
                 const std::string& measured, const std::string& limit);

}  // namespace dragoman

#endif  // DRAGOMAN_SHIP_EVALUATORS_H_
