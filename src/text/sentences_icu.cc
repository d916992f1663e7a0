// The ICU side of sentences.h: Unicode sentence boundaries (UAX 29), with ICU's list of
// abbreviations for the languages that have one. Works on UTF-8 directly; invalid bytes count as
// replacement characters.
#include <unicode/brkiter.h>
#include <unicode/filteredbrk.h>
#include <unicode/utext.h>

#include <algorithm>
#include <memory>

#include "text/prompt.h"
#include "text/sentences.h"

namespace dragoman {
namespace {

// ICU's positions are signed 32-bit numbers. Longer texts are looked at in stretches of this size,
// which also bounds the memory that ICU takes for its cache.
constexpr size_t kMaxStretchBytes = size_t{1} << 28;

// Titles in front of names: a wrong boundary there tears a name apart, and ICU's lists lack some
// ("Dr.").
constexpr const char16_t* kTitles[] = {u"Dr.", u"Mr.", u"Mrs.", u"Ms.", u"Prof.", u"St."};

std::unique_ptr<icu::BreakIterator> SentenceIterator(std::string_view language) {
  std::string name(language);
  std::replace(name.begin(), name.end(), '-', '_');
  const icu::Locale locale(name.c_str());
  UErrorCode status = U_ZERO_ERROR;
  std::unique_ptr<icu::BreakIterator> plain(
      icu::BreakIterator::createSentenceInstance(locale, status));
  if (U_FAILURE(status)) return nullptr;
  // Leaves out the boundaries behind known abbreviations.
  std::unique_ptr<icu::FilteredBreakIteratorBuilder> builder(
      icu::FilteredBreakIteratorBuilder::createInstance(locale, status));
  if (U_FAILURE(status)) return plain;
  for (const char16_t* title : kTitles) builder->suppressBreakAfter(title, status);
  std::unique_ptr<icu::BreakIterator> filtered(
      builder->wrapIteratorWithFilter(plain.release(), status));
  return U_SUCCESS(status) ? std::move(filtered) : nullptr;
}

// Ends of the sentences of `text`, white space behind them included; the last one is text.size().
// When ICU fails (its data are missing) the whole text is one sentence.
std::vector<size_t> SentenceEnds(std::string_view text, icu::BreakIterator* iterator) {
  std::vector<size_t> ends;
  UErrorCode status = U_ZERO_ERROR;
  UText* utext = utext_openUTF8(nullptr, text.data(), static_cast<int64_t>(text.size()), &status);
  if (iterator != nullptr && U_SUCCESS(status)) iterator->setText(utext, status);
  if (iterator != nullptr && U_SUCCESS(status)) {
    iterator->first();
    for (int32_t end = iterator->next(); end != icu::BreakIterator::DONE; end = iterator->next()) {
      ends.push_back(static_cast<size_t>(end));
    }
  }
  if (utext != nullptr) utext_close(utext);
  if (ends.empty() || ends.back() != text.size()) ends.push_back(text.size());
  return ends;
}

// The part of `text` from `begin` that is looked at in one go: all that is left, or up to the last
// newline that fits, so that a cut falls between sentences.
size_t StretchEnd(std::string_view text, size_t begin) {
  if (text.size() - begin <= kMaxStretchBytes) return text.size();
  const size_t newline = text.rfind('\n', begin + kMaxStretchBytes - 1);
  const bool found = newline != std::string_view::npos && newline > begin;
  return found ? newline + 1 : begin + kMaxStretchBytes;
}

std::string_view Between(std::string_view text, const char* begin, const char* end) {
  return text.substr(static_cast<size_t>(begin - text.data()), static_cast<size_t>(end - begin));
}

// Adds the sentence that ends at `end`, or lets blank text grow the space behind the last one.
void AddPiece(std::string_view text, std::string_view segment, std::vector<TextPiece>& pieces) {
  const std::string_view sentence = TrimForPrompt(segment);
  if (sentence.empty() && !pieces.empty()) {
    pieces.back().trailing_space =
        Between(text, pieces.back().trailing_space.data(), segment.data() + segment.size());
    return;
  }
  if (sentence.empty()) return;  // blank start: the first sentence takes it as its leading space
  TextPiece piece;
  if (pieces.empty()) {
    piece.leading_space = Between(text, text.data(), sentence.data());
  } else {
    pieces.back().trailing_space =
        Between(text, pieces.back().trailing_space.data(), sentence.data());
  }
  piece.text = sentence;
  piece.trailing_space =
      Between(text, sentence.data() + sentence.size(), segment.data() + segment.size());
  pieces.push_back(piece);
}

}  // namespace

std::vector<TextPiece> SplitSentences(std::string_view text, std::string_view language) {
  std::vector<TextPiece> pieces;
  const std::unique_ptr<icu::BreakIterator> iterator = SentenceIterator(language);
  for (size_t begin = 0; begin < text.size();) {
    const std::string_view stretch = text.substr(begin, StretchEnd(text, begin) - begin);
    size_t from = 0;
    for (const size_t end : SentenceEnds(stretch, iterator.get())) {
      AddPiece(text, stretch.substr(from, end - from), pieces);
      from = end;
    }
    begin += stretch.size();
  }
  if (pieces.empty()) pieces.push_back({text, text.substr(text.size()), text.substr(text.size())});
  return pieces;
}

}  // namespace dragoman
