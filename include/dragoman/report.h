// What a command of Dragoman gives back: the same facts for people and for machines.
#ifndef DRAGOMAN_REPORT_H_
#define DRAGOMAN_REPORT_H_

#include <string>

#include "dragoman/result.h"

namespace dragoman::api {

struct Report {
  std::string json;   // one JSON document with a "schema" field, final newline included
  std::string text;   // the same for a terminal, final newline included
  int exit_code = 0;  // 0 success or GO, 3 RECONSIDER, 4 FALLBACK
};

// Where and with what work is done.
struct Machine {
  std::string device =
      "auto";       // "auto", "cpu", "cpu:avx2", "cpu:avxvnni", "cpu:avx512", "reference"
  int threads = 0;  // 0: all cores this process may use
  // Keys and values of a text while it is translated: "f32", "f16", "q8"; "auto": f16. Commands
  // that judge builds keep float32.
  std::string kv = "auto";
  bool lock = false;  // keep the weights in physical memory; loading then reads all of them
};

// Exit code of the process for an error: 2 bad usage or input, 5 input/output, device or memory, 1
// internal.
int ExitCodeOf(ErrorCode code);
// An error as a JSON document ("dragoman.error/1").
std::string ErrorJson(const Error& error);

// Progress lines and log messages on standard error.
void SetQuiet(bool quiet);
// Path of the model that ships with the program. Errors: kNotFound.
Result<std::string> BundledModelPath();

}  // namespace dragoman::api

#endif  // DRAGOMAN_REPORT_H_
