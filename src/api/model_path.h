// Which model a command means when none is named: the bundled one.
#ifndef DRAGOMAN_API_MODEL_PATH_H_
#define DRAGOMAN_API_MODEL_PATH_H_

#include <string>

#include "dragoman/report.h"
#include "dragoman/result.h"

namespace dragoman::api {

inline Result<std::string> ModelOrBundled(const std::string& model) {
  if (!model.empty()) return model;
  return BundledModelPath();
}

}  // namespace dragoman::api

#endif  // DRAGOMAN_API_MODEL_PATH_H_
