// Synthetic checkpoints: real shapes, random weights, for measuring size, speed and memory.
#ifndef DRAGOMAN_SYNTH_H_
#define DRAGOMAN_SYNTH_H_

#include <cstdint>
#include <string>
#include <vector>

#include "dragoman/report.h"
#include "dragoman/result.h"

namespace dragoman::api {

struct SynthOptions {
  std::string shape;   // one of SynthShapes()
  std::string output;  // folder to write
  uint64_t seed = 1;
  int threads = 0;        // 0: all cores
  std::string tokenizer;  // tokenizer.json to copy; empty: none
};
// Writes a Hugging Face checkpoint folder in BF16; the same options give the same bytes. A folder
// that is already complete is left alone. Errors: kInvalidArgument (unknown shape, a folder with
// other files), kNotFound, kIo.
Result<Report> Synthesize(const SynthOptions& options);

std::vector<std::string> SynthShapes();

}  // namespace dragoman::api

#endif  // DRAGOMAN_SYNTH_H_
