#include "translate/protection.h"

#include <algorithm>
#include <optional>

#include "text/protected_spans.h"

namespace dragoman {
namespace {

void AddCost(const Translation& attempt, Translation& total) {
  total.prompt_tokens += attempt.prompt_tokens;
  total.new_tokens += attempt.new_tokens;
  total.latency_ms += attempt.latency_ms;
}

// Takes over what an attempt says, not what it cost.
void TakeText(Translation attempt, std::string text, const char* how, Translation& result) {
  result.text = std::move(text);
  result.finish = attempt.finish;
  result.pieces = attempt.pieces;
  result.warnings = std::move(attempt.warnings);
  result.warnings.emplace_back(how);
}

class ProtectedRun {
 public:
  ProtectedRun(std::span<const TranslationRequest> pieces, const PlainTranslate& translate)
      : pieces_(pieces), translate_(translate), results_(pieces.size()) {
    for (size_t i = 0; i < pieces.size(); ++i) {
      spans_.push_back(FindProtectedSpans(pieces[i].text));
      open_.push_back(i);
    }
  }

  Result<std::vector<Translation>> Run() {
    DRAGOMAN_RETURN_IF_ERROR(TryMarks('%'));
    DRAGOMAN_RETURN_IF_ERROR(TryMarks('#'));
    DRAGOMAN_RETURN_IF_ERROR(TranslateBetween());
    return std::move(results_);
  }

 private:
  Result<void> TryMarks(char sign) {
    std::vector<MaskedText> masked;
    std::vector<TranslationRequest> requests;
    for (size_t i : open_) {
      masked.emplace_back(pieces_[i].text, spans_[i], sign);
      requests.push_back({masked.back().text(), pieces_[i].source, pieces_[i].target});
    }
    if (requests.empty()) return {};
    DRAGOMAN_ASSIGN_OR_RETURN(std::vector<Translation> attempts, translate_(requests));
    std::vector<size_t> still_open;
    for (size_t k = 0; k < open_.size(); ++k) {
      const size_t i = open_[k];
      AddCost(attempts[k], results_[i]);
      std::optional<std::string> text = masked[k].Unmask(attempts[k].text);
      const bool whole = attempts[k].finish == FinishReason::kEndToken;
      if (whole && text && KeepsSpans(spans_[i], *text)) {
        TakeText(std::move(attempts[k]), std::move(*text), "protected by marks", results_[i]);
      } else {
        still_open.push_back(i);
      }
    }
    open_ = std::move(still_open);
    return {};
  }

  // Stretches without letters (a full stop, a number) are copied.
  Result<void> TranslateBetween() {
    std::vector<TranslationRequest> requests;
    for (size_t i : open_) {
      for (std::string_view stretch : StretchesBetween(spans_[i], pieces_[i].text)) {
        if (!HasLetters(stretch)) continue;
        requests.push_back({std::string(stretch), pieces_[i].source, pieces_[i].target});
      }
    }
    std::vector<Translation> parts;
    if (!requests.empty()) {
      DRAGOMAN_ASSIGN_OR_RETURN(parts, translate_(requests));
    }
    size_t next = 0;
    for (size_t i : open_) {
      const std::vector<std::string_view> stretches = StretchesBetween(spans_[i], pieces_[i].text);
      Translation joined;
      std::string text;
      for (size_t k = 0; k < stretches.size(); ++k) {
        if (k > 0) text += spans_[i][k - 1].text;
        if (!HasLetters(stretches[k])) {
          text += stretches[k];
          continue;
        }
        const Translation& part = parts[next++];
        text += part.text;
        AddCost(part, results_[i]);
        if (part.finish == FinishReason::kLength) joined.finish = FinishReason::kLength;
        for (const std::string& warning : part.warnings) AddOnce(warning, joined.warnings);
      }
      TakeText(std::move(joined), std::move(text), "translated between protected text",
               results_[i]);
    }
    return {};
  }

  static void AddOnce(const std::string& warning, std::vector<std::string>& list) {
    if (std::find(list.begin(), list.end(), warning) == list.end()) list.push_back(warning);
  }

  const std::span<const TranslationRequest> pieces_;
  const PlainTranslate& translate_;
  std::vector<std::vector<ProtectedSpan>> spans_;
  std::vector<size_t> open_;  // pieces not translated yet
  std::vector<Translation> results_;
};

}  // namespace

Result<std::vector<Translation>> TranslateProtected(std::span<const TranslationRequest> pieces,
                                                    const PlainTranslate& translate) {
  return ProtectedRun(pieces, translate).Run();
}

}  // namespace dragoman
