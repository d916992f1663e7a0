// The packing of sentences and the cutting of endless ones.
#include "translate/text_pieces.h"

#include <algorithm>
#include <array>

#include "base/utf8.h"
#include "text/prompt.h"
#include "text/protected_spans.h"
#include "text/sentences.h"

namespace dragoman {
namespace {

std::string_view Between(const char* begin, const char* end) {
  return {begin, static_cast<size_t>(end - begin)};
}

// The start of the code point that `offset` lies in, or `offset` itself between two.
size_t FloorToCharacter(std::string_view text, size_t offset) {
  if (offset >= text.size()) return text.size();
  const auto is_continuation = [&](size_t i) {
    return (static_cast<uint8_t>(text[i]) & 0xc0) == 0x80;
  };
  constexpr size_t kMaxContinuations = 3;  // more are no UTF-8: cut anywhere
  size_t back = 0;
  while (back < kMaxContinuations && back < offset && is_continuation(offset - back)) ++back;
  return is_continuation(offset - back) ? offset : offset - back;
}

size_t FirstCharacterBytes(std::string_view text) { return DecodeUtf8(text, 0).size_bytes; }

// Bytes of the longest prefix found that holds at most `limit` tokens; at least one character.
size_t PrefixWithin(std::string_view text, int64_t limit, const TokenCounter& count) {
  size_t end = std::min<size_t>(text.size(),
                                static_cast<size_t>(limit) * 4);  // a usual token has some 4 bytes
  int64_t tokens = count(text.substr(0, end));
  while (tokens <= limit / 2 && end < text.size()) {
    const size_t doubled = std::min(text.size(), end * 2);
    const int64_t more = count(text.substr(0, doubled));
    if (more > limit) break;
    end = doubled;
    tokens = more;
  }
  while (tokens > limit) {
    const size_t shorter =
        FloorToCharacter(text, end * static_cast<size_t>(limit) / static_cast<size_t>(tokens));
    end = shorter < end ? shorter : FloorToCharacter(text, end - 1);
    if (end <= FirstCharacterBytes(text)) return FirstCharacterBytes(text);
    tokens = count(text.substr(0, end));
  }
  return std::max(FloorToCharacter(text, end), FirstCharacterBytes(text));
}

bool EndsClause(char32_t c) {
  static constexpr std::array<char32_t, 14> kMarks = {
      U',',      U';',      U':',      U'\u2013',
      U'\u2014', U'\u060c', U'\u061b',  // dashes; Arabic comma and semicolon
      U'\u3001', U'\uff0c', U'\uff1b', U'\uff1a',
      U')',      U'\uff09', U'\u0964'};  // CJK; brackets; danda
  return std::find(kMarks.begin(), kMarks.end(), c) != kMarks.end();
}

// Where to cut inside text[0, end): after the last clause mark of the second half, else before the
// last space of the last three quarters, else at the end.
size_t NicestCut(std::string_view text, size_t end) {
  size_t clause = 0, space = 0;
  for (size_t at = 0; at < end;) {
    const CodePoint point = DecodeUtf8(text, at);
    const size_t next = at + point.size_bytes;
    if (EndsClause(point.value) && next <= end) clause = next;
    if (TrimForPrompt(text.substr(at, point.size_bytes)).empty()) space = at;
    at = next;
  }
  if (clause >= end / 2 && clause > 0) return clause;
  if (space >= end / 4 && space > 0) return space;
  return end;
}

// Builds the plan front to back.
class PiecePlanner {
 public:
  PiecePlanner(std::string_view core, const PieceLimits& limits, const TokenCounter& count)
      : core_end_(core.data() + core.size()), limits_(limits), count_(count) {}

  void Add(const TextPiece& sentence) {
    if (sentence.text.empty()) return;  // its space falls between its neighbours
    const int64_t tokens = count_(sentence.text);
    if (tokens > limits_.cut_tokens) {
      Flush(sentence.text.data());
      Cut(sentence.text);
    } else {
      if (group_tokens_ + tokens > limits_.pack_tokens) Flush(sentence.text.data());
      if (group_begin_ == nullptr) group_begin_ = sentence.text.data();
      group_end_ = sentence.text.data() + sentence.text.size();
      group_tokens_ += tokens;
    }
    if (sentence.trailing_space.find('\n') != std::string_view::npos) {
      Flush(sentence.trailing_space.data() + sentence.trailing_space.size());
    }
  }
  std::vector<SourcePiece> Finish() {
    Flush(core_end_);
    return std::move(pieces_);
  }

 private:
  // Ends the open group; what lies between it and `next` is its space.
  void Flush(const char* next) {
    if (!pieces_.empty() && group_begin_ == nullptr) CloseLast(next);
    if (group_begin_ == nullptr) return;
    CloseLast(group_begin_);
    pieces_.push_back({Between(group_begin_, group_end_), Between(group_end_, next), false});
    group_begin_ = nullptr;
    group_tokens_ = 0;
  }
  // Stretches the last piece's space up to `next`.
  void CloseLast(const char* next) {
    if (pieces_.empty()) return;
    SourcePiece& last = pieces_.back();
    last.space_after = Between(last.text.data() + last.text.size(), next);
  }
  void Cut(std::string_view sentence) {
    while (!sentence.empty()) {
      CloseLast(sentence.data());
      size_t end = PrefixWithin(sentence, limits_.cut_tokens, count_);
      if (end < sentence.size()) end = NicestCut(sentence, end);
      const std::string_view text = TrimForPrompt(sentence.substr(0, end));
      const bool whole = end == sentence.size() && !cutting_;
      cutting_ = end < sentence.size();
      if (!text.empty()) pieces_.push_back({text, {}, !whole});
      sentence.remove_prefix(end);
      sentence.remove_prefix(sentence.size() - TrimLeft(sentence).size());
    }
    CloseLast(core_end_);
  }
  static std::string_view TrimLeft(std::string_view text) {
    const std::string_view trimmed = TrimForPrompt(text);
    if (trimmed.empty()) return text.substr(text.size());
    return Between(trimmed.data(), text.data() + text.size());
  }

  const char* core_end_;
  const PieceLimits& limits_;
  const TokenCounter& count_;
  std::vector<SourcePiece> pieces_;
  const char* group_begin_ = nullptr;
  const char* group_end_ = nullptr;
  int64_t group_tokens_ = 0;
  bool cutting_ = false;
};

// Sentences that end inside a URL or a tag (at its "?") go on.
std::vector<TextPiece> SentencesOutsideSpans(std::string_view text, std::string_view language) {
  const std::vector<ProtectedSpan> spans = FindProtectedSpans(text);
  std::vector<TextPiece> sentences;
  bool goes_on = false;
  auto span = spans.begin();
  for (const TextPiece& sentence : SplitSentences(text, language)) {
    const char* end = sentence.text.data() + sentence.text.size() + sentence.trailing_space.size();
    if (goes_on) {
      sentences.back().text =
          Between(sentences.back().text.data(), sentence.text.data() + sentence.text.size());
      sentences.back().trailing_space = sentence.trailing_space;
    } else {
      sentences.push_back(sentence);
    }
    while (span != spans.end() && span->text.data() + span->text.size() <= end) ++span;
    goes_on = span != spans.end() && span->text.data() < end;
  }
  return sentences;
}

}  // namespace

PiecePlan PlanPieces(std::string_view text, std::string_view language, const PieceLimits& limits,
                     const TokenCounter& count) {
  PiecePlan plan;
  const std::string_view core = TrimForPrompt(text);
  if (core.empty()) {
    plan.leading_space = text;
    return plan;
  }
  const char* core_end = core.data() + core.size();
  plan.leading_space = Between(text.data(), core.data());
  const std::string_view trailing = Between(core_end, text.data() + text.size());
  if (count(core) <= limits.pack_tokens) {
    plan.pieces.push_back({core, trailing, false});
    return plan;
  }
  PiecePlanner planner(core, limits, count);
  for (const TextPiece& sentence : SentencesOutsideSpans(core, language)) planner.Add(sentence);
  plan.pieces = planner.Finish();
  SourcePiece& last = plan.pieces.back();
  const char* last_end = last.text.data() + last.text.size();
  last.space_after = Between(last_end, text.data() + text.size());
  return plan;
}

}  // namespace dragoman
