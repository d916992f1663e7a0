// The report of a comparison alone, without a run around it: what `dragoman compare --report`
// writes.
#ifndef DRAGOMAN_SHIP_COMPARE_REPORT_H_
#define DRAGOMAN_SHIP_COMPARE_REPORT_H_

#include <string>

#include "evaluate/benchmark.h"
#include "evaluate/compare.h"
#include "ship/report.h"

namespace dragoman {

ReportData CompareReportData(const Comparison& comparison, const BenchmarkResult& baseline,
                             const BenchmarkResult& quantized);
// report.html and QUANTIZATION_REPORT.md in the folder. Errors: kIo.
Result<void> WriteCompareReport(const std::string& folder, const Comparison& comparison,
                                const BenchmarkResult& baseline, const BenchmarkResult& quantized,
                                const Json& divergence = Json::object());

}  // namespace dragoman

#endif  // DRAGOMAN_SHIP_COMPARE_REPORT_H_
