// What a translation has to carry over from its source, and whether it does.
#ifndef DRAGOMAN_EVALUATE_KEPT_ITEMS_H_
#define DRAGOMAN_EVALUATE_KEPT_ITEMS_H_

#include "evaluate/checks.h"

namespace dragoman {

// Notes kLostNumber to kLostOther, items and kept.
void CheckKeptItems(const Prediction& prediction, OutputChecks& checks);

}  // namespace dragoman

#endif  // DRAGOMAN_EVALUATE_KEPT_ITEMS_H_
