// Small pieces of HTML and SVG, everything that comes from outside escaped.
#ifndef DRAGOMAN_SHIP_HTML_H_
#define DRAGOMAN_SHIP_HTML_H_

#include <string>
#include <string_view>
#include <vector>

namespace dragoman {

// For text and for quoted attributes. Invalid UTF-8 becomes U+FFFD, control characters but tab and
// newline a space.
std::string EscapeHtml(std::string_view text);

// The text escaped, with **bold** and `code` of Markdown turned into markup where they come in
// pairs.
std::string InlineMarkdown(std::string_view text);

// "2026-11-23 02:12 UTC" of "2026-11-23T02:12:43Z"; other texts as they are.
std::string ShortTime(const std::string& utc);

// A table; cells are HTML already. Columns named in `numeric` are aligned to the right.
struct HtmlTable {
  std::vector<std::string> head;
  std::vector<std::vector<std::string>> rows;
  std::vector<size_t> numeric;
  bool stacks = false;  // on a phone each row becomes a block of labelled lines
};
std::string RenderTable(const HtmlTable& table);

// One row of a forest plot: a point with its interval, both in percent.
struct ForestPoint {
  double value = 0, low = 0, high = 0;
};
struct ForestRow {
  std::string label;
  ForestPoint bleu, chrf;
  double limit = 0;  // the loss allowed, percent; drawn at -limit
  bool strong = false;
};
// Rows of text and percent-based SVG, so that the plot fits a phone and a sheet of paper alike.
std::string RenderForest(const std::vector<ForestRow>& rows);

struct Bar {
  std::string label, value;  // value as printed
  double amount = 0;
  std::string tone;  // CSS class: "base", "build", "quiet", "good", "warn", "bad"
};
// Horizontal bars on one scale from zero.
std::string RenderBars(const std::vector<Bar>& bars);

// Shares of a whole as one bar with a legend.
std::string RenderShares(const std::vector<Bar>& shares);

// The page's style sheet: light and dark, phone to print.
std::string_view ReportStyle();

}  // namespace dragoman

#endif  // DRAGOMAN_SHIP_HTML_H_
