// Progress of work that reports itself in named steps, a line each.
#ifndef DRAGOMAN_API_STEP_PROGRESS_H_
#define DRAGOMAN_API_STEP_PROGRESS_H_

#include <cstddef>
#include <optional>
#include <string>

#include "base/progress.h"

namespace dragoman::api {

class StepProgress {
 public:
  void Update(const std::string& step, size_t done, size_t total, const std::string& detail = {}) {
    if (step != step_) {
      if (progress_) progress_->Finish();
      progress_.emplace(step, total, step == "translate" ? "sentences" : "steps");
      step_ = step;
    }
    progress_->Update(done, detail);
  }

 private:
  std::string step_;
  std::optional<Progress> progress_;
};

}  // namespace dragoman::api

#endif  // DRAGOMAN_API_STEP_PROGRESS_H_
