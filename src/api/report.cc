#include "dragoman/report.h"

#include "base/json.h"
#include "base/log.h"
#include "base/progress.h"
#include "base/shared_data.h"

namespace dragoman::api {

int ExitCodeOf(ErrorCode code) {
  switch (code) {
    case ErrorCode::kInvalidArgument:
    case ErrorCode::kCorruptFile:
    case ErrorCode::kUnsupported:
    case ErrorCode::kNotFound:
      return 2;
    case ErrorCode::kGateFailed:
      return 4;
    case ErrorCode::kIo:
    case ErrorCode::kOutOfMemory:
    case ErrorCode::kDevice:
      return 5;
    case ErrorCode::kCancelled:
    case ErrorCode::kInternal:
      return 1;
  }
  return 1;
}

std::string ErrorJson(const Error& error) {
  OrderedJson json;
  json["schema"] = "dragoman.error/1";
  json["error"] = {{"code", ErrorCodeName(error.code)},
                   {"message", error.message},
                   {"where", error.where},
                   {"exit_code", ExitCodeOf(error.code)}};
  return DumpJson(json);
}

void SetQuiet(bool quiet) {
  Progress::SetQuiet(quiet);
  SetLogLevel(quiet ? LogLevel::kError : LogLevel::kInfo);
}

Result<std::string> BundledModelPath() { return FindSharedData("models/mini"); }

}  // namespace dragoman::api
