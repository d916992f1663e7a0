// Quantizes a GGUF with real llama.cpp, through its public C API: the peer that compare_quantize.sh
// measures.
//
//   llama_quantize IN.gguf OUT.gguf TYPE THREADS [IMATRIX.gguf]
//
// Prints the seconds of the one call that does the work. Built by compare_quantize.sh against the
// prebuilt library of the npm package; no part of Dragoman.
#include <strings.h>

#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <utility>
#include <vector>

#include "ggml-backend.h"
#include "ggml.h"
#include "gguf.h"
#include "llama.h"

namespace {

// The mean squares of an importance matrix in GGUF ("X.in_sum2", "X.counts" per tensor X), as the
// library takes them.
class Importance {
 public:
  bool Read(const char* path) {
    ggml_context* tensors = nullptr;
    const gguf_init_params params = {false, &tensors};
    gguf_context* file = gguf_init_from_file(path, params);
    if (file == nullptr) return false;
    const std::string suffix = ".in_sum2";
    for (int64_t i = 0; i < gguf_get_n_tensors(file); ++i) {
      const std::string name = gguf_get_tensor_name(file, i);
      if (name.size() <= suffix.size() || !name.ends_with(suffix)) continue;
      const std::string tensor = name.substr(0, name.size() - suffix.size());
      const ggml_tensor* sums = ggml_get_tensor(tensors, name.c_str());
      const ggml_tensor* counts = ggml_get_tensor(tensors, (tensor + ".counts").c_str());
      if (counts == nullptr) return false;
      const float count = *static_cast<const float*>(counts->data);
      const auto* from = static_cast<const float*>(sums->data);
      std::vector<float> means(from, from + ggml_nelements(sums));
      for (float& mean : means) mean = count > 0 ? mean / count : 1.0f;
      names_.push_back(tensor);
      means_.push_back(std::move(means));
    }
    gguf_free(file);
    ggml_free(tensors);
    for (size_t i = 0; i < names_.size(); ++i) {
      entries_.push_back({names_[i].c_str(), means_[i].data(), means_[i].size()});
    }
    entries_.push_back({nullptr, nullptr, 0});
    return true;
  }
  const llama_model_imatrix_data* entries() const { return entries_.data(); }

 private:
  std::vector<std::string> names_;
  std::vector<std::vector<float>> means_;
  std::vector<llama_model_imatrix_data> entries_;
};

}  // namespace

int main(int argc, char** argv) {
  if (argc != 5 && argc != 6) {
    std::fputs("usage: llama_quantize IN.gguf OUT.gguf TYPE THREADS [IMATRIX.gguf]\n", stderr);
    return 2;
  }
  constexpr std::pair<const char*, llama_ftype> kTypes[] = {
      {"Q8_0", LLAMA_FTYPE_MOSTLY_Q8_0},     {"Q6_K", LLAMA_FTYPE_MOSTLY_Q6_K},
      {"Q5_1", LLAMA_FTYPE_MOSTLY_Q5_1},     {"Q5_0", LLAMA_FTYPE_MOSTLY_Q5_0},
      {"Q5_K_S", LLAMA_FTYPE_MOSTLY_Q5_K_S}, {"Q5_K_M", LLAMA_FTYPE_MOSTLY_Q5_K_M},
      {"Q4_1", LLAMA_FTYPE_MOSTLY_Q4_1},     {"Q4_0", LLAMA_FTYPE_MOSTLY_Q4_0},
      {"Q4_K_S", LLAMA_FTYPE_MOSTLY_Q4_K_S}, {"Q4_K_M", LLAMA_FTYPE_MOSTLY_Q4_K_M},
      {"IQ4_NL", LLAMA_FTYPE_MOSTLY_IQ4_NL}, {"IQ4_XS", LLAMA_FTYPE_MOSTLY_IQ4_XS},
      {"Q3_K_L", LLAMA_FTYPE_MOSTLY_Q3_K_L}, {"Q3_K_M", LLAMA_FTYPE_MOSTLY_Q3_K_M},
      {"Q3_K_S", LLAMA_FTYPE_MOSTLY_Q3_K_S}, {"Q2_K", LLAMA_FTYPE_MOSTLY_Q2_K},
      {"Q2_K_S", LLAMA_FTYPE_MOSTLY_Q2_K_S},
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
  Importance importance;
  if (argc == 6) {
    if (!importance.Read(argv[5])) {
      std::fprintf(stderr, "no importance matrix: %s\n", argv[5]);
      return 2;
    }
    params.imatrix = importance.entries();
  }
  llama_log_set([](ggml_log_level, const char*, void*) {}, nullptr);
  if (const char* folder = std::getenv("LLAMA_BACKENDS")) ggml_backend_load_all_from_path(folder);
  llama_backend_init();
  const auto start = std::chrono::steady_clock::now();
  if (llama_model_quantize(argv[1], argv[2], &params) != 0) return 1;
  const std::chrono::duration<double> seconds = std::chrono::steady_clock::now() - start;
  std::printf("%.2f\n", seconds.count());
  return 0;
}
