// The predictions of a benchmark run on disk, appended as they come, so that a killed run
// continues.
//
// JSON lines: a header that names what the run is (model, suite, decoding), then one line a
// prediction. Appended and synced in chunks. A torn or damaged line ends what is trusted: it and
// all after it are cut off and done again.
#ifndef DRAGOMAN_EVALUATE_PREDICTIONS_FILE_H_
#define DRAGOMAN_EVALUATE_PREDICTIONS_FILE_H_

#include <map>
#include <span>
#include <string>
#include <utility>

#include "base/json.h"
#include "dragoman/result.h"
#include "evaluate/benchmark.h"

namespace dragoman {

class PredictionsFile {
 public:
  // Opens or creates. A file with another header is begun anew. Errors: kIo.
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

 private:
  PredictionsFile() = default;
  int fd_ = -1;
  std::string path_;
  std::map<std::pair<std::string, std::string>, Prediction> held_;
};

OrderedJson ToJson(const Prediction& prediction);
// Errors: kCorruptFile naming the field.
Result<Prediction> ParsePrediction(const Json& json, const std::string& where);

}  // namespace dragoman

#endif  // DRAGOMAN_EVALUATE_PREDICTIONS_FILE_H_
