// Single passes, each over the result of the one before.
#include "evaluate/metrics/mteval.h"

#include <array>
#include <cstddef>

namespace dragoman {
namespace {

bool IsDigit(char c) { return c >= '0' && c <= '9'; }
bool IsPeriodOrComma(char c) { return c == '.' || c == ','; }

// ASCII punctuation that always stands alone: all but ' , - .
constexpr std::array<bool, 256> MakeStandsAlone() {
  std::array<bool, 256> table{};
  for (int c = 0x21; c < 0x7f; ++c) {
    const bool word = (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z');
    table[static_cast<size_t>(c)] = !word && c != '\'' && c != ',' && c != '-' && c != '.';
  }
  return table;
}
constexpr std::array<bool, 256> kStandsAlone = MakeStandsAlone();

}  // namespace

void ReplaceEvery(std::string& text, std::string_view from, std::string_view to) {
  size_t at = text.find(from);
  if (at == std::string::npos) return;
  std::string out;
  out.reserve(text.size());
  size_t start = 0;
  for (; at != std::string::npos; at = text.find(from, start)) {
    out.append(text, start, at - start);
    out.append(to);
    start = at + from.size();
  }
  out.append(text, start);
  text.swap(out);
}

void PadPunctuation(std::string_view in, std::string& out) {
  out.resize(3 * in.size());
  char* end = out.data();
  for (const char c : in) {
    if (kStandsAlone[static_cast<unsigned char>(c)]) {
      *end++ = ' ';
      *end++ = c;
      *end++ = ' ';
    } else {
      *end++ = c;
    }
  }
  out.resize(static_cast<size_t>(end - out.data()));
}

// The three below copy stretch by stretch: few characters of a line are periods, commas or dashes.
void SplitPeriodAfterNonDigit(std::string_view in, std::string& out) {
  out.clear();
  size_t copied = 0;
  for (size_t i = 1; i < in.size(); ++i) {
    if (!IsPeriodOrComma(in[i]) || i == copied || IsDigit(in[i - 1])) continue;
    out.append(in, copied, i - copied);
    out.append({' ', in[i], ' '});
    copied = i + 1;
  }
  out.append(in, copied);
}

// What was matched is not looked at again, as with a regular expression.
void SplitPeriodBeforeNonDigit(std::string_view in, std::string& out) {
  out.clear();
  size_t copied = 0;
  for (size_t i = 0; i + 1 < in.size(); ++i) {
    if (!IsPeriodOrComma(in[i]) || IsDigit(in[i + 1])) continue;
    out.append(in, copied, i - copied);
    out.append({' ', in[i], ' ', in[i + 1]});
    copied = i + 2;
    ++i;
  }
  out.append(in, copied);
}

void SplitDashAfterDigit(std::string_view in, std::string& out) {
  out.clear();
  size_t copied = 0;
  for (size_t i = 1; i < in.size(); ++i) {
    if (in[i] != '-' || i == copied || !IsDigit(in[i - 1])) continue;
    out.append(in, copied, i - copied);
    out.append(" - ");
    copied = i + 1;
  }
  out.append(in, copied);
}

}  // namespace dragoman
