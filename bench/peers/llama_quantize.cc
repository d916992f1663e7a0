// Quantizes a GGUF with real llama.cpp, through its public C API: the peer that compare_quantize.sh
// measures.
//
//   llama_quantize IN.gguf OUT.gguf TYPE THREADS
//
// Prints the seconds of the one call that does the work. Built by compare_quantize.sh against the
// prebuilt library of the npm package; no part of Dragoman.
#include <strings.h>

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <utility>

#include "ggml-backend.h"
#include "llama.h"

int main(int argc, char** argv) {
  if (argc != 5) {
    std::fputs("usage: llama_quantize IN.gguf OUT.gguf TYPE THREADS\n", stderr);
    return 2;
  }
  constexpr std::pair<const char*, llama_ftype> kTypes[] = {
      {"Q8_0", LLAMA_FTYPE_MOSTLY_Q8_0},     {"Q6_K", LLAMA_FTYPE_MOSTLY_Q6_K},
      {"Q5_K_S", LLAMA_FTYPE_MOSTLY_Q5_K_S}, {"Q5_K_M", LLAMA_FTYPE_MOSTLY_Q5_K_M},
      {"Q4_K_S", LLAMA_FTYPE_MOSTLY_Q4_K_S}, {"Q4_K_M", LLAMA_FTYPE_MOSTLY_Q4_K_M},
  };
  llama_model_quantize_params params = llama_model_quantize_default_params();
  bool known = false;
  for (const auto& [name, type] : kTypes) {
    if (strcasecmp(name, argv[3]) != 0) continue;
    params.ftype = type;
    known = true;
  }
  if (!known) {
    std::fprintf(stderr, "unknown type %s\n", argv[3]);
    return 2;
  }
  params.nthread = std::atoi(argv[4]);
  llama_log_set([](ggml_log_level, const char*, void*) {}, nullptr);
  if (const char* folder = std::getenv("LLAMA_BACKENDS")) ggml_backend_load_all_from_path(folder);
  llama_backend_init();
  const auto start = std::chrono::steady_clock::now();
  if (llama_model_quantize(argv[1], argv[2], &params) != 0) return 1;
  const std::chrono::duration<double> seconds = std::chrono::steady_clock::now() - start;
  std::printf("%.2f\n", seconds.count());
  return 0;
}
