// The parts of verification that work on an open checkpoint. Private to this room.
#ifndef DRAGOMAN_MODEL_VERIFY_SCAN_H_
#define DRAGOMAN_MODEL_VERIFY_SCAN_H_

#include "formats/checkpoint.h"
#include "model/verify.h"

namespace dragoman {

Result<ModelSummary> SummarizeCheckpoint(const Checkpoint& checkpoint);

}  // namespace dragoman

#endif  // DRAGOMAN_MODEL_VERIFY_SCAN_H_
