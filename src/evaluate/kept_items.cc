#include "evaluate/kept_items.h"

#include <algorithm>
#include <vector>

#include "evaluate/number_forms.h"
#include "evaluate/spelled_numbers.h"
#include "text/protected_spans.h"

namespace dragoman {
namespace {

bool IsUrl(std::string_view item) {
  return item.find("://") != std::string_view::npos || item.rfind("www.", 0) == 0;
}

bool IsEmail(std::string_view item) {
  const size_t at = item.find('@');
  return at != std::string_view::npos && at > 0 && item.find('.', at) != std::string_view::npos;
}

Fault KindOf(std::string_view item) {
  if (item.front() == '<' || (item.front() == '&' && item.back() == ';')) return Fault::kLostMarkup;
  if (item.front() == '`') return Fault::kLostOther;
  if (IsUrl(item)) return Fault::kLostUrl;
  if (IsEmail(item)) return Fault::kLostEmail;
  if (item.front() == '%' || item.front() == '{' || item.rfind("${", 0) == 0)
    return Fault::kLostPlaceholder;
  return Fault::kLostOther;
}

// <https://x.example> and <a@b.example> are addresses in brackets, which a sentence does not need.
std::string_view WithoutAngles(std::string_view item) {
  if (item.size() < 3 || item.front() != '<' || item.back() != '>') return item;
  const std::string_view inner = item.substr(1, item.size() - 2);
  const bool address =
      (IsUrl(inner) || IsEmail(inner)) && inner.find_first_of(" =\"") == std::string_view::npos;
  return address ? inner : item;
}

// An emoji looks the same with and without the sign that asks for its picture.
std::string WithoutPictureSigns(std::string_view text) {
  constexpr std::string_view kSign = "\xef\xb8\x8f";  // U+FE0F
  std::string out(text);
  for (size_t at = out.find(kSign); at != std::string::npos; at = out.find(kSign, at))
    out.erase(at, kSign.size());
  return out;
}

// Would the address go on there, and be another one?
bool GoesOn(std::string_view text, size_t at) {
  if (at >= text.size()) return false;
  const char c = text[at];
  const bool alphanumeric =
      (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
  return alphanumeric || std::string_view("/_=&%#~").find(c) != std::string_view::npos;
}

bool IsPlainNumber(std::string_view item) {
  return std::all_of(item.begin(), item.end(), [](char c) { return c >= '0' && c <= '9'; });
}

// Counts what is due and what is there, kind by kind.
class Keeper {
 public:
  Keeper(const Prediction& prediction, OutputChecks& checks)
      : prediction_(prediction),
        checks_(checks),
        rest_(prediction.hypothesis),
        numbers_(prediction.hypothesis) {}

  void KeepNumber(const NumberForm& number) { Count(Fault::kLostNumber, numbers_.Take(number)); }

  // A number that is not there may be spelled out. Where nobody can tell, small ones are taken to
  // be, unless another number stands instead.
  void KeepNumbers(const std::vector<NumberForm>& due) {
    int64_t missing = 0, unknown = 0;
    for (const NumberForm& number : due) {
      const bool in_digits = numbers_.Take(number);
      const Spelling spelling =
          in_digits ? Spelling::kThere
                    : FindSpelled(prediction_.hypothesis, number.key, prediction_.target_lang);
      if (spelling == Spelling::kThere) {
        Count(Fault::kLostNumber, true);
      } else {
        const bool may_be =
            number.may_be_month || (spelling == Spelling::kUnknown && IsSmallNumber(number));
        ++(may_be ? unknown : missing);
      }
    }
    const bool changed =
        unknown > 0 && numbers_.HasOther(prediction_.source, prediction_.reference);
    for (int64_t i = 0; i < missing; ++i) Count(Fault::kLostNumber, false);
    for (int64_t i = 0; i < unknown; ++i) Count(Fault::kLostNumber, !changed);
  }

  // As often as they are listed; long ones first, so that {name} is not found inside {{name}}.
  void KeepTexts(std::vector<std::string_view> texts) {
    std::stable_sort(texts.begin(), texts.end(),
                     [](auto a, auto b) { return a.size() > b.size(); });
    for (const std::string_view text : texts)
      Count(KindOf(text), TakeText(text) || TakePicture(text));
  }

 private:
  bool TakeText(std::string_view item) {
    const Fault kind = KindOf(item);
    const bool address = kind == Fault::kLostUrl || kind == Fault::kLostEmail;
    for (size_t at = rest_.find(item); at != std::string::npos; at = rest_.find(item, at + 1)) {
      if (address && GoesOn(rest_, at + item.size())) continue;
      rest_.replace(at, item.size(), 1, '\0');
      return true;
    }
    return false;
  }

  bool TakePicture(std::string_view item) {
    if (KindOf(item) != Fault::kLostOther) return false;
    const std::string plain = WithoutPictureSigns(item);
    rest_ = WithoutPictureSigns(rest_);
    return !plain.empty() && TakeText(plain);
  }

  void Count(Fault kind, bool there) {
    ++checks_.items;
    checks_.kept += there ? 1 : 0;
    checks_.Note(kind, true, checks_.Has(kind) || !there);
  }

  const Prediction& prediction_;
  OutputChecks& checks_;
  std::string rest_;  // of the output, less what was found
  NumberPool numbers_;
};

void KeepWhatIsListed(const Prediction& prediction, Keeper& keeper) {
  std::vector<std::string_view> texts;
  for (const std::string& item : prediction.keep) {
    if (!IsPlainNumber(item)) {
      texts.emplace_back(item);
      continue;
    }
    for (const NumberForm& number : ReadNumbers(item)) keeper.KeepNumber(number);
  }
  keeper.KeepTexts(std::move(texts));
}

// The numbers of the source that the reference has too, for it may put one in words; without a
// reference all but those that languages count differently.
std::vector<NumberForm> NumbersDue(std::string_view text, const std::string& reference) {
  std::vector<NumberForm> due;
  NumberPool expected(reference);
  for (NumberForm& number : ReadNumbers(text)) {
    if (reference.empty() ? !number.by_magnitude && !(number.of_half_day && IsSmallNumber(number))
                          : expected.Take(number))
      due.push_back(std::move(number));
  }
  return due;
}

}  // namespace

void CheckKeptItems(const Prediction& prediction, OutputChecks& checks) {
  Keeper keeper(prediction, checks);
  if (!prediction.keep.empty()) return KeepWhatIsListed(prediction, keeper);
  const std::vector<ProtectedSpan> spans = FindProtectedSpans(prediction.source);
  std::vector<std::string_view> texts;
  for (const ProtectedSpan& span : spans) texts.push_back(WithoutAngles(span.text));
  keeper.KeepTexts(std::move(texts));
  // Digits of addresses are no numbers.
  std::string rest;
  for (const std::string_view stretch : StretchesBetween(spans, prediction.source))
    rest.append(stretch).append(" ");
  keeper.KeepNumbers(NumbersDue(rest, prediction.reference));
}

}  // namespace dragoman
