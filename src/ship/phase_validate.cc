// Phase validate: the build used as a user would, its speed, its edges and its faults (rows X1-X4).
#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <map>
#include <set>

#include "base/process_stats.h"
#include "evaluate/benchmark.h"
#include "evaluate/checks.h"
#include "ship/checklist.h"
#include "ship/phase.h"
#include "ship/provoked_errors.h"
#include "translate/translator.h"

namespace dragoman {
namespace {

constexpr int kLatencyRuns = 5;
// About ten tokens, and about a hundred.
constexpr const char* kShortText = "Where is the next bus stop, please?";
constexpr const char* kLongText =
    "The library is open from Monday to Friday. You can borrow five books at a time. Please bring "
    "them back after "
    "three weeks. If you need more time, write to us before the last day. The reading room is on "
    "the second floor. "
    "There is a small cafe next to the entrance, and it sells coffee, tea and sandwiches. Children "
    "under twelve may "
    "use the library for free. We look forward to your visit and wish you a pleasant day.";

Result<PhaseInputs> ValidateInputs(ShipRun& run) {
  PhaseInputs inputs = {{"device", run.options.device},
                        {"threads", std::to_string(run.options.threads)}};
  DRAGOMAN_RETURN_IF_ERROR(AddFileInput(run, "build", run.BuildPath(), &inputs));
  DRAGOMAN_RETURN_IF_ERROR(
      AddFileInput(run, "results", run.RungPath("quantized_results.json"), &inputs));
  DRAGOMAN_ASSIGN_OR_RETURN(const std::string checklist, ChecklistTemplatePath());
  DRAGOMAN_RETURN_IF_ERROR(AddFileInput(run, "checklist", checklist, &inputs));
  return inputs;
}

// The general check lets single words pass untranslated, for many are names; these are none.
std::vector<std::string> ProblemsOf(const Prediction& prediction) {
  const OutputChecks checks = CheckOutput(prediction);
  std::vector<std::string> problems;
  if (checks.empty) problems.emplace_back("empty");
  if (checks.copy || prediction.hypothesis == prediction.source)
    problems.emplace_back("a copy of the source");
  if (checks.wrong_script) problems.emplace_back("wrong script");
  if (checks.repetition) problems.emplace_back("repetition");
  if (checks.runaway) problems.emplace_back("ran into the length limit");
  return problems;
}

// The plain translations that the checklist asks for, as far as their languages are wanted.
Result<Json> BasicTranslations(const ShipRun& run, Translator& translator) {
  DRAGOMAN_ASSIGN_OR_RETURN(const ChecklistTemplate checklist, LoadChecklistTemplate());
  const auto& wanted = run.options.target_languages;
  Json list = Json::array();
  for (const ChecklistBox& box : checklist.AllBoxes()) {
    if (box.evidence != "e2e.basic") continue;
    const auto source = box.expect.value("source", std::string());
    const auto code = box.expect.value("target_lang", std::string());
    if (!wanted.empty() && std::find(wanted.begin(), wanted.end(), code) == wanted.end()) continue;
    DRAGOMAN_ASSIGN_OR_RETURN(const Language from, FindLanguage("en"));
    DRAGOMAN_ASSIGN_OR_RETURN(const Language to, FindLanguage(code));
    const TranslationRequest request{source, from, to};
    DRAGOMAN_ASSIGN_OR_RETURN(const auto translations, translator.Translate({&request, 1}, {}));
    Prediction prediction;
    prediction.pair = "en-" + code;
    prediction.source = source;
    prediction.hypothesis = translations.at(0).text;
    list.push_back(Json{{"pair", prediction.pair},
                        {"source", source},
                        {"text", prediction.hypothesis},
                        {"problems", ProblemsOf(prediction)}});
  }
  return list;
}

// Median over a few runs of one text alone, as a user waits for it.
Result<Json> Latency(const ShipRun& run, Translator& translator, const char* text) {
  const std::string code =
      run.options.target_languages.empty() ? "de" : run.options.target_languages[0];
  DRAGOMAN_ASSIGN_OR_RETURN(const Language from, FindLanguage("en"));
  DRAGOMAN_ASSIGN_OR_RETURN(const Language to, FindLanguage(code));
  const TranslationRequest request{text, from, to};
  std::vector<double> times;
  int64_t new_tokens = 0;
  for (int i = 0; i < kLatencyRuns; ++i) {
    const Stopwatch watch;
    DRAGOMAN_ASSIGN_OR_RETURN(const auto translations, translator.Translate({&request, 1}, {}));
    times.push_back(watch.Milliseconds());
    new_tokens = translations.at(0).new_tokens;
  }
  std::sort(times.begin(), times.end());
  const auto source_tokens = translator.tokenizer().Encode(text, {}).size();
  return Json{
      {"pair", "en-" + code}, {"source_tokens", source_tokens},       {"new_tokens", new_tokens},
      {"runs", kLatencyRuns}, {"median_ms", times[times.size() / 2]}, {"max_ms", times.back()}};
}

// What became of every edge case, by its domain: from the benchmark run, which translated all of
// them.
Json EdgeCases(const BenchmarkResult& results) {
  std::map<std::string, Json> domains;
  for (const Prediction& prediction : results.predictions) {
    if (!prediction.is_edge_case()) continue;
    Json& domain = domains[prediction.domain];
    if (domain.is_null()) domain = Json{{"cases", 0}, {"good", 0}, {"failures", Json::array()}};
    domain["cases"] = domain["cases"].get<int>() + 1;
    std::string problem;
    const bool blank = prediction.source.find_first_not_of(" \t\r\n") == std::string::npos;
    if (blank && prediction.hypothesis.find_first_not_of(" \t\r\n") != std::string::npos) {
      problem = "an empty text became \"" + prediction.hypothesis + "\"";
    } else if (!blank && prediction.hypothesis.empty()) {
      problem = "the output is empty";
    }
    for (const std::string& keep : prediction.keep) {
      if (prediction.hypothesis.find(keep) == std::string::npos && problem.empty())
        problem = "lost \"" + keep + "\"";
    }
    if (problem.empty()) {
      domain["good"] = domain["good"].get<int>() + 1;
    } else {
      domain["failures"].push_back(Json{{"id", prediction.id},
                                        {"pair", prediction.pair},
                                        {"problem", problem},
                                        {"output", prediction.hypothesis}});
    }
  }
  Json json = Json::object();
  for (auto& [name, domain] : domains) json[name] = std::move(domain);
  return json;
}

Json Sensible(const Json& basic) {
  int bad = 0;
  std::string detail;
  for (const Json& translation : basic) {
    if (translation["problems"].empty()) continue;
    ++bad;
    detail += fmt::format(
        "{}{}: {} ({})", detail.empty() ? "" : "; ", translation["pair"].get<std::string>(),
        translation["problems"][0].get<std::string>(), translation["text"].get<std::string>());
  }
  return Json{{"checked", basic.size()}, {"bad", bad}, {"detail", detail}};
}

Result<PhaseWork> ValidateWork(ShipRun& run) {
  DRAGOMAN_ASSIGN_OR_RETURN(const BenchmarkResult results,
                            ReadBenchmarkResult(run.RungPath("quantized_results.json")));
  PhaseWork work;
  Json& measured = work.measured;
  measured["edge_cases"] = EdgeCases(results);
  ResetPeakMemory();
  {
    const Stopwatch load;
    DRAGOMAN_ASSIGN_OR_RETURN(
        const auto translator,
        Translator::Open(run.BuildPath(), run.options.device, run.options.threads));
    measured["load_seconds"] = load.Seconds();
    measured["device"] = translator->model().backend().name();
    DRAGOMAN_ASSIGN_OR_RETURN(measured["basic"], BasicTranslations(run, *translator));
    DRAGOMAN_ASSIGN_OR_RETURN(measured["latency_sentence"], Latency(run, *translator, kShortText));
    DRAGOMAN_ASSIGN_OR_RETURN(measured["latency_long"], Latency(run, *translator, kLongText));
  }
  measured["peak_memory_bytes"] = CurrentMemoryUse().peak_rss_bytes;
  measured["sensible"] = Sensible(measured["basic"]);
  measured["errors"] = Json{{"invalid_input", ProvokeUnknownLanguage()},
                            {"corruption", ProvokeDamagedModel(run.BuildPath(), run.Path("state"))},
                            {"device", ProvokeAbsentDevice(run.BuildPath(), run.options.threads)}};
  int good = 0;
  int cases = 0;
  for (const Json& domain : measured["edge_cases"]) {
    good += domain["good"].get<int>();
    cases += domain["cases"].get<int>();
  }
  work.summary =
      fmt::format("a sentence in {:.0f} ms, loads in {:.2f} s, {} peak; {} of {} edge cases kept",
                  measured["latency_sentence"]["median_ms"].get<double>(),
                  measured["load_seconds"].get<double>(),
                  HumanBytes(measured["peak_memory_bytes"].get<uint64_t>()), good, cases);
  return work;
}

}  // namespace

Phase ValidatePhase() { return {"validate", false, false, ValidateInputs, ValidateWork}; }

}  // namespace dragoman
