#include "ship/html.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <utility>

#include "base/utf8.h"

namespace dragoman {
namespace {

// Where value lies between low and high, in percent of the width.
double Position(double value, double low, double high) {
  return high > low ? std::clamp((value - low) / (high - low), 0.0, 1.0) * 100.0 : 50.0;
}

// A step of 1, 2 or 5 times a power of ten that gives at most `most` steps.
double NiceStep(double span, int most) {
  const double rough = span / most;
  const double power = std::pow(10.0, std::floor(std::log10(rough)));
  for (double factor : {1.0, 2.0, 5.0}) {
    if (factor * power >= rough) return factor * power;
  }
  return 10.0 * power;
}

struct Axis {
  double low = -1, high = 1, step = 1;
};

Axis AxisFor(const std::vector<ForestRow>& rows) {
  Axis axis{0, 0, 1};
  for (const ForestRow& row : rows) {
    axis.low = std::min({axis.low, row.bleu.low, row.chrf.low, -row.limit});
    axis.high = std::max({axis.high, row.bleu.high, row.chrf.high, row.limit});
  }
  const double pad = std::max(0.5, (axis.high - axis.low) * 0.04);
  axis.low -= pad;
  axis.high += pad;
  constexpr int kMostTicks = 6;
  axis.step = NiceStep(axis.high - axis.low, kMostTicks);
  return axis;
}

std::string Interval(const Axis& axis, const ForestPoint& point, double y, const char* name) {
  const double at = Position(point.value, axis.low, axis.high);
  return fmt::format(
      "<line class=\"ci {0}\" x1=\"{1:.2f}%\" x2=\"{2:.2f}%\" y1=\"{3}\" y2=\"{3}\"/>"
      "<circle class=\"dot {0}\" cx=\"{4:.2f}%\" cy=\"{3}\" r=\"4\"/>",
      name, Position(point.low, axis.low, axis.high), Position(point.high, axis.low, axis.high), y,
      at);
}

std::string ForestTrack(const Axis& axis, const ForestRow& row) {
  const double zero = Position(0, axis.low, axis.high);
  const double limit = Position(-row.limit, axis.low, axis.high);
  std::string svg = fmt::format(
      "<svg class=\"track\" height=\"30\" role=\"img\" aria-label=\"{}\">"
      "<rect class=\"beyond\" x=\"0\" y=\"0\" width=\"{:.2f}%\" height=\"30\"/>"
      "<line class=\"zero\" x1=\"{:.2f}%\" x2=\"{:.2f}%\" y1=\"0\" y2=\"30\"/>"
      "<line class=\"limit\" x1=\"{:.2f}%\" x2=\"{:.2f}%\" y1=\"0\" y2=\"30\"/>",
      EscapeHtml(
          fmt::format("{}: BLEU {:+.2f} % [{:+.2f}, {:+.2f}], chrF {:+.2f} % [{:+.2f}, {:+.2f}]",
                      row.label, row.bleu.value, row.bleu.low, row.bleu.high, row.chrf.value,
                      row.chrf.low, row.chrf.high)),
      limit, zero, zero, limit, limit);
  svg += Interval(axis, row.bleu, 10, "bleu") + Interval(axis, row.chrf, 21, "chrf");
  return svg + "</svg>";
}

std::string AxisLabels(const Axis& axis) {
  std::string svg = "<svg class=\"track axis\" height=\"18\" aria-hidden=\"true\">";
  for (double tick = std::ceil(axis.low / axis.step) * axis.step; tick <= axis.high;
       tick += axis.step) {
    const double at = Position(tick, axis.low, axis.high);
    if (at < 4 || at > 96) continue;
    const bool zero = std::abs(tick) < axis.step / 1e6;
    svg += fmt::format("<text x=\"{:.2f}%\" y=\"13\">{}</text>", at,
                       zero ? "0" : fmt::format("{:+.3g}", tick));
  }
  return svg + "</svg>";
}

}  // namespace

std::string EscapeHtml(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  for (size_t i = 0; i < text.size();) {
    const CodePoint point = DecodeUtf8(text, i);
    i += point.size_bytes;
    switch (point.value) {
      case '&':
        out += "&amp;";
        break;
      case '<':
        out += "&lt;";
        break;
      case '>':
        out += "&gt;";
        break;
      case '"':
        out += "&quot;";
        break;
      case '\'':
        out += "&#39;";
        break;
      default:
        if ((point.value < 0x20 && point.value != '\t' && point.value != '\n') ||
            point.value == 0x7f) {
          out += ' ';
        } else {
          AppendUtf8(point.value, out);
        }
    }
  }
  return out;
}

std::string InlineMarkdown(std::string_view text) {
  std::string html = EscapeHtml(text);
  for (const auto& [mark, tag] : {std::pair<std::string, std::string>{"**", "b"}, {"`", "code"}}) {
    for (size_t open = html.find(mark); open != std::string::npos; open = html.find(mark, open)) {
      const size_t close = html.find(mark, open + mark.size());
      if (close == std::string::npos) break;
      html.replace(close, mark.size(), "</" + tag + ">");
      html.replace(open, mark.size(), "<" + tag + ">");
      open = close;
    }
  }
  return html;
}

std::string ShortTime(const std::string& utc) {
  constexpr size_t kMinutes = 16;
  if (utc.size() < kMinutes || utc[10] != 'T') return utc;
  return utc.substr(0, 10) + " " + utc.substr(11, 5) + " UTC";
}

std::string RenderTable(const HtmlTable& table) {
  const auto attribute = [&](size_t column) {
    return std::find(table.numeric.begin(), table.numeric.end(), column) != table.numeric.end()
               ? " class=\"num\""
               : "";
  };
  std::string html =
      fmt::format("<div class=\"scroll\"><table{}>", table.stacks ? " class=\"stack\"" : "");
  if (!table.head.empty()) {
    html += "<thead><tr>";
    for (size_t i = 0; i < table.head.size(); ++i) {
      html += fmt::format("<th scope=\"col\"{}>{}</th>", attribute(i), EscapeHtml(table.head[i]));
    }
    html += "</tr></thead>";
  }
  html += "<tbody>";
  for (const auto& row : table.rows) {
    html += "<tr>";
    for (size_t i = 0; i < row.size(); ++i) {
      const std::string label = table.stacks && i > 0 && i < table.head.size()
                                    ? " data-label=\"" + EscapeHtml(table.head[i]) + "\""
                                    : "";
      html += fmt::format("<td{}{}>{}</td>", attribute(i), label, row[i]);
    }
    html += "</tr>\n";
  }
  return html + "</tbody></table></div>\n";
}

std::string RenderForest(const std::vector<ForestRow>& rows) {
  const Axis axis = AxisFor(rows);
  std::string html = "<div class=\"forest\">\n";
  for (const ForestRow& row : rows) {
    html += fmt::format(
        "<div class=\"frow{}\"><span class=\"fname\">{}</span>{}<span class=\"fval\"><b "
        "class=\"bleu\">{:+.1f}</b> "
        "<b class=\"chrf\">{:+.1f}</b></span></div>\n",
        row.strong ? " strong" : "", EscapeHtml(row.label), ForestTrack(axis, row), row.bleu.value,
        row.chrf.value);
  }
  html += "<div class=\"frow\"><span class=\"fname\"></span>" + AxisLabels(axis) +
          "<span class=\"fval unit\">% change</span></div>\n";
  return html +
         "<p class=\"legend\"><span class=\"key bleu\"></span>BLEU <span class=\"key "
         "chrf\"></span>chrF "
         "<span class=\"key limit\"></span>loss allowed; shaded: beyond it. Lines are confidence "
         "intervals.</p></div>\n";
}

std::string RenderBars(const std::vector<Bar>& bars) {
  double most = 0;
  for (const Bar& bar : bars) most = std::max(most, bar.amount);
  std::string html = "<div class=\"bars\">\n";
  for (const Bar& bar : bars) {
    html += fmt::format(
        "<div class=\"brow\"><span class=\"bname\">{}</span><svg class=\"track\" height=\"18\" "
        "aria-hidden=\"true\">"
        "<rect class=\"rail\" width=\"100%\" height=\"18\" rx=\"3\"/>"
        "<rect class=\"bar {}\" width=\"{:.2f}%\" height=\"18\" rx=\"3\"/></svg>"
        "<span class=\"bval\">{}</span></div>\n",
        EscapeHtml(bar.label), EscapeHtml(bar.tone), Position(bar.amount, 0, most),
        EscapeHtml(bar.value));
  }
  return html + "</div>\n";
}

std::string RenderShares(const std::vector<Bar>& shares) {
  double sum = 0;
  for (const Bar& share : shares) sum += share.amount;
  std::string svg = "<svg class=\"shares\" height=\"22\" aria-hidden=\"true\">";
  std::string legend = "<p class=\"legend\">";
  double begin = 0;
  for (const Bar& share : shares) {
    const double width = Position(share.amount, 0, sum);
    svg += fmt::format("<rect class=\"bar {}\" x=\"{:.3f}%\" width=\"{:.3f}%\" height=\"22\"/>",
                       EscapeHtml(share.tone), begin, width);
    legend += fmt::format("<span class=\"key {}\"></span>{} {} ", EscapeHtml(share.tone),
                          EscapeHtml(share.value), EscapeHtml(share.label));
    begin += width;
  }
  return svg + "</svg>" + legend + "</p>\n";
}

}  // namespace dragoman
