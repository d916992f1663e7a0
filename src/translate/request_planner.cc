// The limits on texts, and the prompts made within them.
#include "translate/request_planner.h"

#include <fmt/format.h>

#include <algorithm>
#include <numeric>
#include <utility>

#include "text/prompt.h"
#include "text/protected_spans.h"

namespace dragoman {
namespace {

// Numbers, punctuation and protected text only.
bool NothingToTranslate(std::string_view text) {
  const std::vector<std::string_view> stretches = StretchesBetween(FindProtectedSpans(text), text);
  return std::none_of(stretches.begin(), stretches.end(), HasLetters);
}

// The model card of TranslateGemma states 2K tokens of input; as many again for the output.
constexpr int64_t kMaxContextTokens = 4096;
constexpr int64_t kMinPackTokens = 16, kMaxPackTokens = 512;
constexpr int64_t kMaxSentenceTokens = 1024;
constexpr int64_t kLeastSourceTokens = 4;  // the bytes of one character
constexpr int kMaxBatchLimit = 4096;

Result<void> CheckOptions(const TranslateOptions& options) {
  if (options.max_batch < 1 || options.max_batch > kMaxBatchLimit) {
    return Fail(ErrorCode::kInvalidArgument, fmt::format("max_batch: expected 1 to {}, found {}",
                                                         kMaxBatchLimit, options.max_batch));
  }
  if (options.max_new_tokens < 0 || options.max_source_tokens < 0) {
    return Fail(
        ErrorCode::kInvalidArgument,
        fmt::format("token limits: expected none below 0, found {} new and {} source tokens",
                    options.max_new_tokens, options.max_source_tokens));
  }
  return {};
}

}  // namespace

RequestPlanner::RequestPlanner(const Gemma3Config& config, const Tokenizer& tokenizer,
                               KeptLanguages kept)
    : config_(config),
      tokenizer_(tokenizer),
      kept_(std::move(kept)),
      context_tokens_(std::min(config.context_length, kMaxContextTokens)) {
  suffix_tokens_ = static_cast<int64_t>(tokenizer.Encode(PromptSuffix(), {false, true}).size());
}

Result<RequestPlan> RequestPlanner::Plan(std::span<const TranslationRequest> requests,
                                         const TranslateOptions& options) const {
  DRAGOMAN_RETURN_IF_ERROR(CheckOptions(options));
  RequestPlan plan;
  plan.requests.resize(requests.size());
  Pairs pairs;
  std::vector<size_t> pair_of_job;
  for (size_t i = 0; i < requests.size(); ++i) {
    RequestPlan::Request& planned = plan.requests[i];
    planned.first_job = plan.jobs.size();
    if (TrimForPrompt(requests[i].text).empty()) {
      planned.text.leading_space = requests[i].text;
      continue;
    }
    DRAGOMAN_ASSIGN_OR_RETURN(const Pair* pair, FindPair(requests[i], options, pairs));
    planned.text = CutText(requests[i], options, pair->limits);
    for (const SourcePiece& piece : planned.text.pieces) {
      Result<DecodeJob> job = MakeJob(requests[i], *pair, piece.text, options);
      if (!job) return Fail(job.error().code, job.error().message, fmt::format("text {}", i + 1));
      plan.jobs.push_back(std::move(*job));
      plan.request_of_job.push_back(i);
      pair_of_job.push_back(pair->index);
    }
  }
  plan.joining_order.resize(plan.jobs.size());
  std::iota(plan.joining_order.begin(), plan.joining_order.end(), size_t{0});
  std::stable_sort(plan.joining_order.begin(), plan.joining_order.end(), [&](size_t a, size_t b) {
    if (pair_of_job[a] != pair_of_job[b]) return pair_of_job[a] < pair_of_job[b];
    return plan.jobs[a].prompt.size() > plan.jobs[b].prompt.size();
  });
  return plan;
}

Result<const RequestPlanner::Pair*> RequestPlanner::FindPair(const TranslationRequest& request,
                                                             const TranslateOptions& options,
                                                             Pairs& pairs) const {
  const auto key = std::make_pair(request.source.code, request.target.code);
  const auto found = pairs.find(key);
  if (found != pairs.end()) return &found->second;
  DRAGOMAN_RETURN_IF_ERROR(kept_.Check(request.source));
  DRAGOMAN_RETURN_IF_ERROR(kept_.Check(request.target));
  Pair pair;
  pair.index = pairs.size();
  PromptIds ids = EncodePrompt(tokenizer_, request.source, request.target, "");
  pair.prefix = std::make_shared<const std::vector<int32_t>>(std::move(ids.prefix));
  DRAGOMAN_ASSIGN_OR_RETURN(pair.limits,
                            LimitsFor(options, static_cast<int64_t>(pair.prefix->size())));
  return &pairs.emplace(key, std::move(pair)).first->second;
}

// Sentences go together up to a quarter of the local layers' window: then source, translation and
// the prompt's end stay in view of each other, and small models, trained on single sentences, are
// not given texts of which they drop parts. One sentence may fill the window before it is cut.
Result<PieceLimits> RequestPlanner::LimitsFor(const TranslateOptions& options,
                                              int64_t prefix_tokens) const {
  // A third of what the prompt leaves: the output may be twice as long as the source.
  const int64_t room = (context_tokens_ - prefix_tokens - suffix_tokens_) / 3;
  if (room < kLeastSourceTokens) {
    return Fail(ErrorCode::kInvalidArgument,
                fmt::format("no text fits into a context of {} tokens, {} of them the prompt's",
                            context_tokens_, prefix_tokens + suffix_tokens_));
  }
  PieceLimits limits;
  if (options.max_source_tokens > 0) {
    limits.pack_tokens = std::clamp(options.max_source_tokens, kLeastSourceTokens, room);
    limits.cut_tokens = limits.pack_tokens;
    return limits;
  }
  const auto& local = config_.layer_is_local;
  const bool has_window = std::find(local.begin(), local.end(), true) != local.end();
  const int64_t quarter_window = has_window ? config_.sliding_window / 4 : kMaxPackTokens;
  limits.pack_tokens = std::min(std::clamp(quarter_window, kMinPackTokens, kMaxPackTokens), room);
  limits.cut_tokens = std::min({4 * limits.pack_tokens, kMaxSentenceTokens, room});
  return limits;
}

PiecePlan RequestPlanner::CutText(const TranslationRequest& request,
                                  const TranslateOptions& options,
                                  const PieceLimits& limits) const {
  const std::string_view text = request.text;
  if (options.protect && NothingToTranslate(text)) return {text, {}};
  if (options.split_sentences) {
    return PlanPieces(text, request.source.code, limits, [this](std::string_view part) {
      return static_cast<int64_t>(tokenizer_.Encode(part, {false, false}).size());
    });
  }
  const std::string_view core = TrimForPrompt(text);
  const auto begin = static_cast<size_t>(core.data() - text.data());
  return {text.substr(0, begin), {{core, text.substr(begin + core.size()), false}}};
}

Result<DecodeJob> RequestPlanner::MakeJob(const TranslationRequest& request, const Pair& pair,
                                          std::string_view text,
                                          const TranslateOptions& options) const {
  DecodeJob job;
  job.prefix = pair.prefix;
  job.prompt = EncodePrompt(tokenizer_, request.source, request.target, text).rest;
  const auto prompt_tokens = static_cast<int64_t>(pair.prefix->size() + job.prompt.size());
  const int64_t room = context_tokens_ - prompt_tokens;
  if (room < 1) {
    return Fail(ErrorCode::kInvalidArgument,
                fmt::format("the text does not fit: expected a prompt below {} tokens, found {}",
                            context_tokens_, prompt_tokens));
  }
  const int64_t source_tokens =
      std::max<int64_t>(static_cast<int64_t>(job.prompt.size()) - suffix_tokens_, 1);
  const int64_t wanted =
      options.max_new_tokens > 0 ? options.max_new_tokens : 4 * source_tokens + 64;
  job.max_new_tokens = std::min(wanted, room);
  return job;
}

}  // namespace dragoman
