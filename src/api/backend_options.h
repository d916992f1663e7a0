// What the public API says of a machine, as the rooms want it.
#ifndef DRAGOMAN_API_BACKEND_OPTIONS_H_
#define DRAGOMAN_API_BACKEND_OPTIONS_H_

#include "dragoman/report.h"
#include "kernels/kernels.h"

namespace dragoman::api {

// Errors: kInvalidArgument (an unknown type of key-value cache).
Result<BackendOptions> BackendOptionsOf(const Machine& machine);

}  // namespace dragoman::api

#endif  // DRAGOMAN_API_BACKEND_OPTIONS_H_
