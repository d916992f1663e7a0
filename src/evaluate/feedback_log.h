// What a server or a browser extension leaves behind for `dragoman monitor`: sampled requests with
// what came out, votes, corrections, errors. One JSON object a line (schemas/feedback.schema.json).
#ifndef DRAGOMAN_EVALUATE_FEEDBACK_LOG_H_
#define DRAGOMAN_EVALUATE_FEEDBACK_LOG_H_

#include <string>
#include <string_view>
#include <vector>

#include "dragoman/result.h"

namespace dragoman {

enum class Vote { kNone, kUp, kDown };

struct FeedbackRecord {
  std::string id;    // empty: "line 7"
  std::string time;  // UTC, "2026-11-26T10:00:00Z"; may be empty
  std::string source_lang, target_lang, source, translation;
  std::string correction;  // a better translation by the user; may be empty
  std::string error;       // the request failed; then there is no translation
  std::string model_sha256;
  Vote vote = Vote::kNone;
  double latency_ms = 0;  // 0: not measured
  bool length_limit = false;
};

// Records in the file's order. Later lines of the same id complete earlier ones, as a vote that
// comes after its translation does. Errors: kCorruptFile with file and line, what was expected and
// found.
Result<std::vector<FeedbackRecord>> ParseFeedback(std::string_view text, const std::string& where);

}  // namespace dragoman

#endif  // DRAGOMAN_EVALUATE_FEEDBACK_LOG_H_
