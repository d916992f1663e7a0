// The sections of the report page. Internal to the report.
#ifndef DRAGOMAN_SHIP_REPORT_SECTIONS_H_
#define DRAGOMAN_SHIP_REPORT_SECTIONS_H_

#include <string>

#include "ship/report.h"

namespace dragoman {

std::string RenderQualitySection(const ReportData& data);
std::string RenderSizeSection(const ReportData& data);
std::string RenderSpeedSection(const ReportData& data);
// Token by token and layer by layer; empty when it was not measured.
std::string RenderDivergenceSection(const ReportData& data);
std::string RenderFaultsSection(const ReportData& data);
std::string RenderLedgerSection(const ReportData& data);
// The builds that were tried, as a table without a card; empty when there is none.
std::string RenderBuildsSection(const ReportData& data);
// A card for each metric whose scores another program gave; the same as Markdown.
std::string RenderScoresSection(const ReportData& data);
std::string RenderScoresMarkdown(const ReportData& data);
std::string RenderGateSection(const ReportData& data);
std::string RenderSentencesSection(const ReportData& data);
std::string RenderValidationSection(const ReportData& data);
std::string RenderTensorsSection(const ReportData& data);
std::string RenderChecklistSection(const ReportData& data);
std::string RenderPhasesSection(const ReportData& data);
std::string RenderEnvironmentSection(const ReportData& data);

}  // namespace dragoman

#endif  // DRAGOMAN_SHIP_REPORT_SECTIONS_H_
