// Mean squared error of two builds against the model both were made from, tensor by tensor.
//
//   tensor_errors REFERENCE OURS THEIRS [--imatrix IMATRIX.gguf] [--json]
//
// Each is a checkpoint folder or a GGUF. With an importance matrix, each column's errors count by
// its mean square relative to the tensor's average column. Exit 1 when a tensor has a higher error
// in OURS than in THEIRS although both store it in the same type.
#include <fmt/format.h>

#include <algorithm>
#include <cstdio>
#include <map>
#include <memory>
#include <numeric>
#include <optional>
#include <string>
#include <vector>

#include "base/json.h"
#include "base/thread_pool.h"
#include "formats/checkpoint.h"
#include "model/gemma3_config.h"
#include "model/gemma3_tensors.h"
#include "quantize/importance.h"

namespace dragoman {
namespace {

struct Model {
  std::unique_ptr<Checkpoint> checkpoint;
  ModelTensorMap map;

  const ModelTensor* Find(const std::string& name) const {
    const auto found = std::find_if(map.tensors.begin(), map.tensors.end(),
                                    [&](const ModelTensor& t) { return t.name == name; });
    return found == map.tensors.end() ? nullptr : &*found;
  }
  void Decode(const ModelTensor& tensor, int64_t row, int64_t rows, float* out) const {
    const auto bytes = checkpoint->Data(*tensor.info);
    const auto row_bytes = bytes.size() / tensor.info->rows();
    const auto elems = rows * static_cast<int64_t>(tensor.info->cols());
    TraitsOf(tensor.info->type)
        .decode(bytes.data() + static_cast<size_t>(row) * row_bytes, elems, out);
    for (int64_t i = 0; tensor.norm_needs_plus_one && i < elems; ++i) out[i] += 1.0f;
  }
};

Result<Model> Open(const std::string& path) {
  Model model;
  DRAGOMAN_ASSIGN_OR_RETURN(model.checkpoint, OpenCheckpoint(path));
  DRAGOMAN_ASSIGN_OR_RETURN(const Gemma3Config config, LoadGemma3Config(*model.checkpoint));
  DRAGOMAN_ASSIGN_OR_RETURN(model.map, MapGemma3Tensors(*model.checkpoint, config));
  return model;
}

// Weights of the columns with mean 1; all 1 where nothing was measured.
std::vector<double> ColumnWeights(const ImportanceMatrix* importance, const ModelTensor& tensor) {
  std::vector<double> weights(tensor.info->cols(), 1.0);
  if (importance == nullptr) return weights;
  const auto found = importance->entries.find(tensor.name);
  if (found == importance->entries.end()) return weights;
  const auto& sums = found->second.sum_of_squares;
  const double total = std::accumulate(sums.begin(), sums.end(), 0.0);
  if (sums.size() != weights.size() || !(total > 0)) return weights;
  for (size_t i = 0; i < weights.size(); ++i) {
    weights[i] = sums[i] / total * static_cast<double>(weights.size());
  }
  return weights;
}

struct Errors {
  double ours = 0, theirs = 0, source = 0;
};

Errors Compare(const Model& reference, const ModelTensor& tensor, const Model& ours,
               const Model& theirs, const std::vector<double>& weights, ThreadPool& pool) {
  const auto rows = static_cast<int64_t>(tensor.info->rows());
  const auto cols = static_cast<int64_t>(tensor.info->cols());
  const ModelTensor *our_tensor = ours.Find(tensor.name), *their_tensor = theirs.Find(tensor.name);
  const int64_t step = std::max<int64_t>(1, 65536 / cols);
  std::vector<Errors> slices(static_cast<size_t>((rows + step - 1) / step));
  pool.ParallelFor(static_cast<int64_t>(slices.size()), 1, [&](int64_t begin, int64_t end, int) {
    std::vector<float> x(static_cast<size_t>(step * cols)), a(x.size()), b(x.size());
    for (int64_t slice = begin; slice < end; ++slice) {
      const int64_t row = slice * step, count = std::min(step, rows - row);
      reference.Decode(tensor, row, count, x.data());
      ours.Decode(*our_tensor, row, count, a.data());
      theirs.Decode(*their_tensor, row, count, b.data());
      Errors& sum = slices[static_cast<size_t>(slice)];
      for (size_t i = 0; i < static_cast<size_t>(count * cols); ++i) {
        const double value = x[i], our_rest = value - a[i], their_rest = value - b[i];
        const double weight = weights[i % weights.size()];
        sum.ours += weight * our_rest * our_rest;
        sum.theirs += weight * their_rest * their_rest;
        sum.source += value * value;
      }
    }
  });
  Errors total;
  for (const Errors& slice : slices) {
    total.ours += slice.ours;
    total.theirs += slice.theirs;
    total.source += slice.source;
  }
  const double elems = static_cast<double>(rows) * static_cast<double>(cols);
  return {total.ours / elems, total.theirs / elems, total.source / elems};
}

struct TypeSummary {
  int tensors = 0, higher = 0;
  double ours = 0, theirs = 0, worst_ratio = 0;  // error sums weighted by elements
};

Result<int> Run(const std::string& reference_path, const std::string& our_path,
                const std::string& their_path, const std::string& importance_path, bool as_json) {
  DRAGOMAN_ASSIGN_OR_RETURN(const Model reference, Open(reference_path));
  DRAGOMAN_ASSIGN_OR_RETURN(const Model ours, Open(our_path));
  DRAGOMAN_ASSIGN_OR_RETURN(const Model theirs, Open(their_path));
  std::optional<ImportanceMatrix> importance;
  if (!importance_path.empty()) {
    DRAGOMAN_ASSIGN_OR_RETURN(importance, ReadImatrix(importance_path));
  }
  ThreadPool pool;
  std::map<std::string, TypeSummary> by_type;
  OrderedJson json = OrderedJson::array();
  int other_types = 0;
  for (const ModelTensor& tensor : reference.map.tensors) {
    const ModelTensor *a = ours.Find(tensor.name), *b = theirs.Find(tensor.name);
    if (a == nullptr || b == nullptr || a->info->shape != tensor.info->shape ||
        b->info->shape != tensor.info->shape) {
      return Fail(ErrorCode::kInvalidArgument, "the three models do not have the same tensors",
                  tensor.name);
    }
    if (!TraitsOf(a->info->type).is_quantized && !TraitsOf(b->info->type).is_quantized) continue;
    const Errors errors = Compare(reference, tensor, ours, theirs,
                                  ColumnWeights(importance ? &*importance : nullptr, tensor), pool);
    const double ratio = errors.theirs > 0 ? errors.ours / errors.theirs
                         : errors.ours > 0 ? 1e9
                                           : 1.0;
    const std::string type(TraitsOf(a->info->type).name), their_type(TraitsOf(b->info->type).name);
    json.push_back({{"tensor", tensor.name},
                    {"type", type},
                    {"their_type", their_type},
                    {"mean_squared_error", errors.ours},
                    {"their_mean_squared_error", errors.theirs},
                    {"ratio", ratio}});
    if (!as_json) {
      fmt::print("{:<28} {:<5} {:<5} {:.6e} {:.6e} {:.4f}\n", tensor.name, type, their_type,
                 errors.ours, errors.theirs, ratio);
    }
    if (type != their_type) {
      ++other_types;
      continue;
    }
    TypeSummary& summary = by_type[type];
    ++summary.tensors;
    summary.higher += ratio > 1.0;
    summary.ours += errors.ours * static_cast<double>(tensor.info->elems());
    summary.theirs += errors.theirs * static_cast<double>(tensor.info->elems());
    summary.worst_ratio = std::max(summary.worst_ratio, ratio);
  }
  if (as_json) std::fputs(DumpJson(json).c_str(), stdout);
  int higher = 0;
  for (const auto& [type, summary] : by_type) {
    fmt::print(stderr, "{}: {} tensors, error {:.4f} of theirs, worst tensor {:.4f}, {} higher\n",
               type, summary.tensors, summary.ours / summary.theirs, summary.worst_ratio,
               summary.higher);
    higher += summary.higher;
  }
  if (other_types > 0)
    fmt::print(stderr, "{} tensors are stored in different types\n", other_types);
  return higher > 0 ? 1 : 0;
}

}  // namespace
}  // namespace dragoman

int main(int argc, char** argv) {
  std::vector<std::string> paths;
  std::string importance;
  bool as_json = false, known = true;
  for (int i = 1; i < argc; ++i) {
    const std::string argument = argv[i];
    if (argument == "--json") {
      as_json = true;
    } else if (argument == "--imatrix" && i + 1 < argc) {
      importance = argv[++i];
    } else {
      known = known && argument.rfind("--", 0) != 0;
      paths.push_back(argument);
    }
  }
  if (paths.size() != 3 || !known) {
    std::fputs("usage: tensor_errors REFERENCE OURS THEIRS [--imatrix IMATRIX.gguf] [--json]\n",
               stderr);
    return 2;
  }
  const auto code = dragoman::Run(paths[0], paths[1], paths[2], importance, as_json);
  if (!code) {
    fmt::print(stderr, "{}\n", dragoman::ToString(code.error()));
    return 2;
  }
  return *code;
}
