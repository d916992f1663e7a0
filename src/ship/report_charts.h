// Charts of the report that answer to a pointer: ECharts inside the page, where it is installed.
// The page's own drawings stay for paper and for browsers without scripts.
#ifndef DRAGOMAN_SHIP_REPORT_CHARTS_H_
#define DRAGOMAN_SHIP_REPORT_CHARTS_H_

#include <string>
#include <string_view>

#include "ship/report.h"

namespace dragoman {

// The library's text: share/dragoman/report/echarts.min.js, or node_modules/ of a checkout. Empty
// where it is not installed.
std::string FindChartLibrary();

// `drawing` is what stands there without a script; `id` names the chart that replaces it.
std::string Figure(const std::string& id, const std::string& drawing);

// What the charts show, as one JSON text that is safe inside <script>.
std::string ChartData(const ReportData& data);
// The <script> elements: library, data, drawing. Empty without a library.
std::string RenderChartScripts(const ReportData& data);
// The page's Content-Security-Policy: nothing from outside, and only those scripts.
std::string ContentPolicy(const ReportData& data);

// Our part of the script (report_script.cc).
std::string_view ChartScript();

// 101 quantiles, 0 to 100 %, of the latencies above zero; empty when there are none.
std::vector<double> LatencyQuantiles(const BenchmarkResult& result);

}  // namespace dragoman

#endif  // DRAGOMAN_SHIP_REPORT_CHARTS_H_
