// Turns requests into prompts: white space set aside, long texts cut into pieces, ids encoded,
// lengths limited.
#ifndef DRAGOMAN_TRANSLATE_REQUEST_PLANNER_H_
#define DRAGOMAN_TRANSLATE_REQUEST_PLANNER_H_

#include <cstdint>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "dragoman/result.h"
#include "model/gemma3_config.h"
#include "text/kept_languages.h"
#include "text/tokenizer.h"
#include "translate/batch_decoder.h"
#include "translate/text_pieces.h"
#include "translate/translator.h"

namespace dragoman {

// Views point into the requests' texts.
struct RequestPlan {
  struct Request {
    PiecePlan text;
    size_t first_job = 0;  // piece i is job first_job + i
  };
  std::vector<Request> requests;
  std::vector<DecodeJob> jobs;         // by request, then by piece
  std::vector<size_t> request_of_job;  // the same size
  // Jobs in a good order for a batch: pair by pair (so that prefixes stay cached), long ones first
  // (so that no long one runs alone at the end).
  std::vector<size_t> joining_order;
};

class RequestPlanner {
 public:
  // Config and tokenizer must outlive the object.
  RequestPlanner(const Gemma3Config& config, const Tokenizer& tokenizer, KeptLanguages kept = {});

  // Errors: kInvalidArgument for a text that does not fit, a language that the vocabulary was
  // trimmed of, or options out of range; names the request.
  Result<RequestPlan> Plan(std::span<const TranslationRequest> requests,
                           const TranslateOptions& options) const;

  // Longest prompt and output together.
  int64_t context_tokens() const { return context_tokens_; }

 private:
  struct Pair {
    size_t index = 0;  // in order of appearance
    std::shared_ptr<const std::vector<int32_t>> prefix;
    PieceLimits limits;
  };
  // A call's pairs, by both codes.
  using Pairs = std::map<std::pair<std::string, std::string>, Pair>;

  Result<const Pair*> FindPair(const TranslationRequest& request, const TranslateOptions& options,
                               Pairs& pairs) const;
  Result<PieceLimits> LimitsFor(const TranslateOptions& options, int64_t prefix_tokens) const;
  PiecePlan CutText(const TranslationRequest& request, const TranslateOptions& options,
                    const PieceLimits& limits) const;
  Result<DecodeJob> MakeJob(const TranslationRequest& request, const Pair& pair,
                            std::string_view text, const TranslateOptions& options) const;

  const Gemma3Config& config_;
  const Tokenizer& tokenizer_;
  KeptLanguages kept_;
  int64_t context_tokens_ = 0;
  int64_t suffix_tokens_ = 0;  // of a prompt, after the text
};

}  // namespace dragoman

#endif  // DRAGOMAN_TRANSLATE_REQUEST_PLANNER_H_
