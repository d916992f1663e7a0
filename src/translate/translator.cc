// The public face of the room: plan, decode, put together.
#include "translate/translator.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/process_stats.h"
#include "text/prompt.h"
#include "text/protected_spans.h"
#include "translate/batch_decoder.h"
#include "translate/draft_model.h"
#include "translate/protection.h"
#include "translate/request_planner.h"
#include "translate/trimming_stream.h"

namespace dragoman {

struct Translator::State {
  std::unique_ptr<Backend> backend;
  std::unique_ptr<Gemma3> model;
  std::unique_ptr<Tokenizer> tokenizer;
  KeptLanguages kept;
  std::unique_ptr<RequestPlanner> planner;
  std::unique_ptr<BatchDecoder> decoder;
  double load_seconds = 0;
};

namespace {

// Every id that ends a translation: some files name one of the two end tokens only.
std::vector<int32_t> AllEndIds(const Gemma3Config& config, const Tokenizer& tokenizer) {
  std::vector<int32_t> ids(tokenizer.end_ids().begin(), tokenizer.end_ids().end());
  ids.insert(ids.end(), config.eos_ids.begin(), config.eos_ids.end());
  std::sort(ids.begin(), ids.end());
  ids.erase(std::unique(ids.begin(), ids.end()), ids.end());
  return ids;
}

// The decoded tokens without the one that ended them.
std::span<const int32_t> TextIds(const DecodedSequence& decoded) {
  const std::span<const int32_t> ids = decoded.ids;
  return decoded.reached_end ? ids.first(ids.size() - 1) : ids;
}

void AddWarning(const char* warning, Translation& translation) {
  auto& list = translation.warnings;
  if (std::find(list.begin(), list.end(), warning) == list.end()) list.emplace_back(warning);
}

// Adds what one piece tells about the whole.
void AddPiece(const SourcePiece& piece, const DecodeJob& job, const DecodedSequence& decoded,
              bool empty, Translation& translation) {
  translation.prompt_tokens += static_cast<int64_t>(job.prompt.size());
  translation.new_tokens += static_cast<int64_t>(decoded.ids.size());
  if (piece.cut_inside_sentence) AddWarning("sentence cut", translation);
  if (empty) AddWarning("empty output", translation);
  if (decoded.reached_end) return;
  AddWarning(decoded.repeated ? "repetition" : "length limit reached", translation);
  translation.finish = FinishReason::kLength;
}

// A restored piece costs both tries and warns as the one that was taken.
void AddRestored(const SourcePiece& piece, const Translation& restored, Translation& translation) {
  translation.prompt_tokens += restored.prompt_tokens;
  translation.new_tokens += restored.new_tokens;
  translation.latency_ms += restored.latency_ms;
  if (piece.cut_inside_sentence) AddWarning("sentence cut", translation);
  for (const std::string& warning : restored.warnings) AddWarning(warning.c_str(), translation);
  if (restored.finish == FinishReason::kLength) translation.finish = FinishReason::kLength;
}

// The trimmed text of every job.
std::vector<std::string> JobTexts(std::span<const DecodedSequence> decoded,
                                  const Tokenizer& tokenizer) {
  std::vector<std::string> texts;
  for (const DecodedSequence& sequence : decoded) {
    const std::string text = tokenizer.Decode(TextIds(sequence));
    texts.emplace_back(TrimForPrompt(text));
  }
  return texts;
}

// What came out of a plan, by job.
struct DecodedPlan {
  std::vector<DecodedSequence> sequences;
  std::vector<std::string> texts;
  std::map<size_t, Translation> restored;  // translated again to keep protected text
};

Translation Assemble(const RequestPlan& plan, const RequestPlan::Request& request,
                     const DecodedPlan& decoded) {
  Translation translation;
  translation.text = request.text.leading_space;
  translation.pieces = static_cast<int>(request.text.pieces.size());
  if (request.text.pieces.empty()) {
    translation.finish = FinishReason::kEmptyInput;
    return translation;
  }
  double joined_ms = decoded.sequences[request.first_job].joined_ms;
  double first_ms = decoded.sequences[request.first_job].first_token_ms;
  double finished_ms = 0;
  for (size_t i = 0; i < request.text.pieces.size(); ++i) {
    const SourcePiece& piece = request.text.pieces[i];
    const size_t job = request.first_job + i;
    const DecodedSequence& sequence = decoded.sequences[job];
    const auto restored = decoded.restored.find(job);
    const bool is_restored = restored != decoded.restored.end();
    const std::string& text = is_restored ? restored->second.text : decoded.texts[job];
    translation.text += text;
    translation.text += piece.space_after;
    if (is_restored) {
      translation.prompt_tokens += static_cast<int64_t>(plan.jobs[job].prompt.size());
      translation.new_tokens += static_cast<int64_t>(sequence.ids.size());
      AddRestored(piece, restored->second, translation);
    } else {
      AddPiece(piece, plan.jobs[job], sequence, text.empty(), translation);
    }
    joined_ms = std::min(joined_ms, sequence.joined_ms);
    first_ms = std::min(first_ms, sequence.first_token_ms);
    finished_ms = std::max(finished_ms, sequence.finished_ms);
  }
  translation.first_token_ms = first_ms - joined_ms;
  translation.latency_ms += finished_ms - joined_ms;
  return translation;
}

// Counts finished requests while their pieces end in any order.
class ProgressCounter {
 public:
  ProgressCounter(const RequestPlan& plan, const Translator::ProgressCallback& callback)
      : callback_(callback) {
    for (const RequestPlan::Request& request : plan.requests)
      open_.push_back(request.text.pieces.size());
    done_ = static_cast<size_t>(std::count(open_.begin(), open_.end(), size_t{0}));
    if (callback_ && done_ > 0) callback_(done_, open_.size());
  }
  void PieceFinished(size_t request) {
    if (--open_[request] > 0) return;
    ++done_;
    if (callback_) callback_(done_, open_.size());
  }

 private:
  const Translator::ProgressCallback& callback_;
  std::vector<size_t> open_;  // pieces not finished, by request
  size_t done_ = 0;
};

// Hands out one request's translation as its pieces grow side by side: the first unfinished piece
// streams, what later ones have so far waits. A piece with protected text comes whole, and only
// when Release says what it is.
class PieceStream {
 public:
  PieceStream(const PiecePlan& text, const Tokenizer& tokenizer, bool protect,
              const std::function<void(std::string_view)>& on_text)
      : text_(text), on_text_(on_text) {
    for (const SourcePiece& piece : text.pieces) {
      pieces_.emplace_back(tokenizer, protect && !FindProtectedSpans(piece.text).empty());
    }
    Emit(text.leading_space);
  }
  void PushToken(size_t piece, int32_t id, bool is_end) {
    if (is_end || pieces_[piece].comes_whole) return;
    pieces_[piece].waiting += pieces_[piece].trim.Push(pieces_[piece].decoder.Push(id));
    Drain();
  }
  void PieceFinished(size_t piece) {
    if (pieces_[piece].comes_whole) return;
    pieces_[piece].waiting += pieces_[piece].trim.Push(pieces_[piece].decoder.Finish());
    pieces_[piece].finished = true;
    Drain();
  }
  void Release(size_t piece, std::string_view text) {
    if (!pieces_[piece].comes_whole) return;
    pieces_[piece].waiting = text;
    pieces_[piece].finished = true;
    Drain();
  }

 private:
  struct Piece {
    Piece(const Tokenizer& tokenizer, bool whole) : decoder(tokenizer), comes_whole(whole) {}
    StreamingDecoder decoder;
    TrimmingStream trim;
    std::string waiting;
    bool comes_whole = false;
    bool finished = false;
  };
  void Emit(std::string_view part) {
    if (!part.empty() && on_text_) on_text_(part);
  }
  void Drain() {
    for (; current_ < pieces_.size(); ++current_) {
      Piece& piece = pieces_[current_];
      Emit(piece.waiting);
      piece.waiting.clear();
      if (!piece.finished) return;
      Emit(text_.pieces[current_].space_after);
    }
  }
  const PiecePlan& text_;
  const std::function<void(std::string_view)>& on_text_;
  std::vector<Piece> pieces_;
  size_t current_ = 0;
};

}  // namespace

Translator::Translator(std::unique_ptr<State> state) : state_(std::move(state)) {}
Translator::~Translator() = default;

Result<std::unique_ptr<Translator>> Translator::Open(const std::string& model_path,
                                                     const std::string& device, int threads,
                                                     const BackendOptions& options) {
  const Stopwatch watch;
  auto state = std::make_unique<State>();
  DRAGOMAN_ASSIGN_OR_RETURN(state->backend, OpenBackend(device, threads, options));
  DRAGOMAN_ASSIGN_OR_RETURN(state->model, Gemma3::Load(model_path, *state->backend));
  DRAGOMAN_ASSIGN_OR_RETURN(state->tokenizer, Tokenizer::ForCheckpoint(state->model->checkpoint()));
  const Gemma3Config& config = state->model->config();
  if (state->tokenizer->vocab_size() > config.vocab) {
    return Fail(
        ErrorCode::kCorruptFile,
        fmt::format("expected a tokenizer of at most {} pieces, the embedding's rows, found {}",
                    config.vocab, state->tokenizer->vocab_size()),
        model_path);
  }
  DRAGOMAN_ASSIGN_OR_RETURN(state->kept, KeptLanguages::Of(state->model->checkpoint()));
  state->planner = std::make_unique<RequestPlanner>(config, *state->tokenizer, state->kept);
  state->decoder =
      std::make_unique<BatchDecoder>(*state->model, AllEndIds(config, *state->tokenizer));
  state->load_seconds = watch.Seconds();
  return std::unique_ptr<Translator>(new Translator(std::move(state)));
}

Result<void> Translator::UseDraft(const std::string& draft_path) {
  DRAGOMAN_ASSIGN_OR_RETURN(
      std::unique_ptr<DraftModel> draft,
      DraftModel::Load(draft_path, *state_->backend, state_->model->config(), *state_->tokenizer));
  state_->decoder->SetDraft(std::move(draft));
  return {};
}

const SpeculationCounts& Translator::speculation() const { return state_->decoder->speculation(); }

Result<std::vector<Translation>> Translator::Translate(std::span<const TranslationRequest> requests,
                                                       const TranslateOptions& options,
                                                       const ProgressCallback& progress) {
  DRAGOMAN_ASSIGN_OR_RETURN(RequestPlan plan, state_->planner->Plan(requests, options));
  ProgressCounter counter(plan, progress);
  BatchDecoder::Callbacks callbacks;
  callbacks.on_finished = [&](size_t job) { counter.PieceFinished(plan.request_of_job[job]); };
  DecodedPlan decoded;
  DRAGOMAN_ASSIGN_OR_RETURN(decoded.sequences,
                            state_->decoder->Run(plan.jobs, plan.joining_order, options.max_batch,
                                                 callbacks, options.speculate));
  decoded.texts = JobTexts(decoded.sequences, *state_->tokenizer);
  DRAGOMAN_ASSIGN_OR_RETURN(decoded.restored,
                            RestoreProtected(requests, plan, decoded.texts, options));
  std::vector<Translation> translations;
  for (const RequestPlan::Request& request : plan.requests) {
    translations.push_back(Assemble(plan, request, decoded));
  }
  return translations;
}

Result<std::map<size_t, Translation>> Translator::RestoreProtected(
    std::span<const TranslationRequest> requests, const RequestPlan& plan,
    std::span<const std::string> texts, const TranslateOptions& options) {
  if (!options.protect) return {};
  std::vector<size_t> jobs;
  std::vector<TranslationRequest> pieces;
  for (size_t job = 0; job < plan.jobs.size(); ++job) {
    const TranslationRequest& request = requests[plan.request_of_job[job]];
    const RequestPlan::Request& planned = plan.requests[plan.request_of_job[job]];
    const std::string_view source = planned.text.pieces[job - planned.first_job].text;
    if (KeepsSpans(FindProtectedSpans(source), texts[job])) continue;
    jobs.push_back(job);
    pieces.push_back({std::string(source), request.source, request.target});
  }
  TranslateOptions plain = options;
  plain.protect = false;
  DRAGOMAN_ASSIGN_OR_RETURN(
      std::vector<Translation> translations,
      TranslateProtected(pieces, [&](std::span<const TranslationRequest> attempts) {
        return Translate(attempts, plain);
      }));
  std::map<size_t, Translation> restored;
  for (size_t i = 0; i < jobs.size(); ++i) restored.emplace(jobs[i], std::move(translations[i]));
  return restored;
}

Result<Translation> Translator::TranslateStreaming(
    const TranslationRequest& request, const TranslateOptions& options,
    const std::function<void(std::string_view)>& on_text) {
  DRAGOMAN_ASSIGN_OR_RETURN(const RequestPlan plan, state_->planner->Plan({&request, 1}, options));
  PieceStream stream(plan.requests[0].text, *state_->tokenizer, options.protect, on_text);
  BatchDecoder::Callbacks callbacks;
  callbacks.on_token = [&](size_t job, int32_t id) {
    stream.PushToken(job, id, state_->decoder->IsEnd(id));
  };
  callbacks.on_finished = [&](size_t job) { stream.PieceFinished(job); };
  std::vector<size_t> reading_order(plan.jobs.size());
  for (size_t i = 0; i < reading_order.size(); ++i) reading_order[i] = i;
  DecodedPlan decoded;
  DRAGOMAN_ASSIGN_OR_RETURN(decoded.sequences,
                            state_->decoder->Run(plan.jobs, reading_order, options.max_batch,
                                                 callbacks, options.speculate));
  decoded.texts = JobTexts(decoded.sequences, *state_->tokenizer);
  DRAGOMAN_ASSIGN_OR_RETURN(decoded.restored,
                            RestoreProtected({&request, 1}, plan, decoded.texts, options));
  for (size_t job = 0; job < plan.jobs.size(); ++job) {
    const auto restored = decoded.restored.find(job);
    stream.Release(job,
                   restored == decoded.restored.end() ? decoded.texts[job] : restored->second.text);
  }
  return Assemble(plan, plan.requests[0], decoded);
}

Result<std::vector<int32_t>> Translator::GreedyIds(std::span<const int32_t> prompt,
                                                   int64_t max_new_tokens) {
  const int64_t most = state_->model->config().context_length - static_cast<int64_t>(prompt.size());
  if (prompt.empty() || max_new_tokens < 1 || max_new_tokens > most) {
    return Fail(ErrorCode::kInvalidArgument,
                fmt::format("expected a prompt and 1 to {} new tokens, found {} and {}", most,
                            prompt.size(), max_new_tokens));
  }
  DecodeJob job;
  job.prompt.assign(prompt.begin(), prompt.end());
  job.max_new_tokens = max_new_tokens;
  job.stop_on_repetition = false;
  const size_t only = 0;
  DRAGOMAN_ASSIGN_OR_RETURN(std::vector<DecodedSequence> decoded,
                            state_->decoder->Run({&job, 1}, {&only, 1}, 1, {}));
  return std::move(decoded[0].ids);
}

Gemma3& Translator::model() { return *state_->model; }
const Tokenizer& Translator::tokenizer() const { return *state_->tokenizer; }
const KeptLanguages& Translator::kept_languages() const { return state_->kept; }
double Translator::load_seconds() const { return state_->load_seconds; }
uint64_t Translator::kv_bytes() const { return state_->decoder->cache_bytes(); }
uint64_t Translator::cache_bytes() const {
  return state_->decoder->cache_bytes() + state_->model->activation_bytes();
}

}  // namespace dragoman
