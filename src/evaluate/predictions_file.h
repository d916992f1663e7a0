// The predictions of a benchmark run on disk, appended as they come, so that a killed run
// continues.
//
// JSON lines: a header that names what the run is (model, suite, decoding), then one line a
// prediction. Appended and synced in chunks. A torn or damaged line ends what is trusted: it and
// all after it are cut off and done again.
//
// Processes that share a run (shared_run.h) each append to a part beside the file, "FILE.part-2",
// which rank 0 adds to the file in the end. Whoever opens the file next, also alone, takes in the
// parts that a killed run left.
#ifndef DRAGOMAN_EVALUATE_PREDICTIONS_FILE_H_
#define DRAGOMAN_EVALUATE_PREDICTIONS_FILE_H_

#include <map>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/json.h"
#include "dragoman/result.h"
#include "evaluate/benchmark.h"

namespace dragoman {

class PredictionsFile {
 public:
  // Opens or creates, and takes in the parts that lie beside it. A file with another header is
  // begun anew, a part with another header is removed. Errors: kIo.
  static Result<PredictionsFile> Open(const std::string& path, const OrderedJson& header);
  PredictionsFile(PredictionsFile&& other) noexcept;
  PredictionsFile& operator=(PredictionsFile&&) = delete;
  PredictionsFile(const PredictionsFile&) = delete;
  ~PredictionsFile();

  // What the file holds so far, by pair and id; null when absent.
  const Prediction* Find(const std::string& pair, const std::string& id) const;
  size_t size() const { return held_.size(); }
  // Appends and syncs. Errors: kIo (disk full).
  Result<void> Append(std::span<const Prediction> predictions);
  // Appends and holds those that the file does not hold yet. Errors: kIo.
  Result<void> TakeIn(std::vector<Prediction> predictions);

 private:
  PredictionsFile() = default;
  Result<void> TakeInParts(const OrderedJson& header);
  int fd_ = -1;
  std::string path_;
  std::map<std::pair<std::string, std::string>, Prediction> held_;
};

// What one process of a shared run appends to.
std::string PartPath(const std::string& path, int rank);
// The parts beside `path`, in order of their names.
std::vector<std::string> PartsBeside(const std::string& path);
// What a file holds under that header, up to the first torn line; nothing under another header.
Result<std::vector<Prediction>> ReadPredictions(const std::string& path, const OrderedJson& header);
// Lines as in the file, without a header.
std::string FormatPredictions(std::span<const Prediction> predictions);
// Errors: kCorruptFile with the line.
Result<std::vector<Prediction>> ParsePredictions(std::string_view lines, const std::string& where);

OrderedJson ToJson(const Prediction& prediction);
// Errors: kCorruptFile naming the field.
Result<Prediction> ParsePrediction(const Json& json, const std::string& where);

}  // namespace dragoman

#endif  // DRAGOMAN_EVALUATE_PREDICTIONS_FILE_H_
