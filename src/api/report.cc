#include "dragoman/report.h"

#include "base/log.h"
#include "base/progress.h"
#include "base/shared_data.h"

namespace dragoman::api {

int ExitCodeOf(ErrorCode code) {
  switch (code) {
    case ErrorCode::kInvalidArgument:
    case ErrorCode::kCorruptFile:
    case ErrorCode::kUnsupported:
    case ErrorCode::kNotFound: return 2;
    case ErrorCode::kGateFailed: return 4;
    case ErrorCode::kIo:
    case ErrorCode::kOutOfMemory:
    case ErrorCode::kDevice: return 5;
    case ErrorCode::kCancelled:
    case ErrorCode::kInternal: return 1;
  }
  return 1;
}

void SetQuiet(bool quiet) {
  Progress::SetQuiet(quiet);
  SetLogLevel(quiet ? LogLevel::kError : LogLevel::kInfo);
}

Result<std::string> BundledModelPath() { return FindSharedData("models/mini"); }

}  // namespace dragoman::api
