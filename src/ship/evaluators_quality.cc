// Keys about the suite, the two runs, the gate, the decision and the ladder.
#include <fmt/format.h>

#include <algorithm>

#include "base/json.h"
#include "ship/evaluators.h"

namespace dragoman {
namespace {

using Box = ChecklistBox;
using Context = ChecklistContext;

BoxVerdict FileParses(const Context& context, const std::string& relative) {
  const auto json = ReadJsonFile(context.workspace + "/" + relative);
  if (!json) return Failed(ToString(json.error()));
  return Done(relative);
}

BoxVerdict SuiteWritten(const Box&, const Context& context) {
  const Json& suite = context.Phase("suite");
  const BoxVerdict file = FileParses(context, "eval/translate_gemma_test_suite.json");
  if (file.status != BoxStatus::kDone) return file;
  return Done(fmt::format("{}: {} samples, hash {}", file.text, suite.value("samples", 0),
                          suite.value("hash", std::string()).substr(0, 16)));
}

BoxVerdict SuiteSamples(const Box& box, const Context& context) {
  const Json& suite = context.Phase("suite");
  const int samples = suite.value("samples", 0);
  const int least = box.expect.value("min_samples", 0);
  return Judge(
      box, context, samples >= least,
      fmt::format("{} samples, {} of them edge cases", samples, suite.value("edge_cases", 0)),
      fmt::format("at least {}", least));
}

// Every name of the box's list occurs among those the suite has.
BoxVerdict SuiteHas(const Box& box, const char* list, const Json& there) {
  std::string names;
  for (const Json& name : box.expect.value(list, Json::array())) {
    const bool found = there.is_object()
                           ? there.contains(name.get<std::string>())
                           : std::find(there.begin(), there.end(), name) != there.end();
    if (!found) return Failed("the suite has no " + name.get<std::string>());
    names += (names.empty() ? "" : ", ") + name.get<std::string>();
  }
  return Done(names + " occur");
}

BoxVerdict RunDone(const Context& context, const char* phase) {
  const Json& run = context.Phase(phase);
  const int samples = run.value("samples", 0);
  const int wanted = run.value("suite_samples", -1);
  const std::string text =
      fmt::format("{} of {} samples; {:.1f} s, {:.1f} sentences/s", samples, wanted,
                  run.value("translation_seconds", 0.0), run.value("sentences_per_second", 0.0));
  return samples == wanted ? Done(text) : Failed("the run does not cover the suite", text);
}

BoxVerdict BaselinePerPair(const Box&, const Context& context) {
  const Json pairs = context.Phase("baseline").value("pairs", Json::array());
  const size_t wanted = context.Phase("suite").value("pairs", Json::object()).size();
  std::string text;
  for (const Json& pair : pairs) {
    text += fmt::format("{}{} {:.1f}", text.empty() ? "BLEU " : ", ",
                        pair.value("pair", std::string()), pair.value("bleu", 0.0));
  }
  return pairs.size() == wanted && wanted > 0
             ? Done(text)
             : Failed(fmt::format("{} of {} pairs", pairs.size(), wanted), text);
}

BoxVerdict GateLimits(const Box&, const Context& context) {
  const Json limits = context.Phase("compare").value("limits", Json::object());
  if (limits.empty()) return Failed("no limits are recorded");
  return Done(fmt::format(
      "mean loss {} %, a pair {} %, high-resource {} %, fallback above {} % (eval/comparison.json)",
      limits.value("max_mean_loss_percent", 0.0), limits.value("max_pair_loss_percent", 0.0),
      limits.value("max_high_resource_loss_percent", 0.0),
      limits.value("fallback_loss_percent", 0.0)));
}

// "en-de loss" -> "de"; empty for a check that is not about one pair.
std::string TargetOfCheck(const std::string& name) {
  const std::string pair = name.substr(0, name.find(' '));
  const size_t dash = pair.find('-');
  if (dash == std::string::npos || dash == 0 || dash > 3) return {};
  return pair.substr(dash + 1);
}

// All checks that `wanted` picks must say GO.
BoxVerdict GateVerdict(const Context& context,
                       const std::function<bool(const std::string& name)>& wanted) {
  std::string good;
  int checks = 0;
  for (const Json& check : context.Phase("compare").value("checks", Json::array())) {
    if (!wanted(check.value("name", std::string()))) continue;
    ++checks;
    if (check.value("verdict", std::string()) != "GO")
      return Failed(check.value("reason", std::string()));
    good = check.value("reason", std::string());
  }
  if (checks == 0) return NotApplicable("the suite has no such pair");
  return Done(checks == 1 ? good : fmt::format("all {} checks say GO", checks));
}

BoxVerdict GatePairs(const Box& box, const Context& context) {
  const Json languages = box.expect.value("languages", Json::array());
  return GateVerdict(context, [&](const std::string& name) {
    const std::string target = TargetOfCheck(name);
    if (target.empty()) return false;
    return languages.empty() ||
           std::find(languages.begin(), languages.end(), target) != languages.end();
  });
}

BoxVerdict GateNamed(const Context& context, const char* beginning) {
  return GateVerdict(context,
                     [&](const std::string& name) { return name.rfind(beginning, 0) == 0; });
}

BoxVerdict WhenDecided(const Context& context, const char* decision, const BoxVerdict& verdict) {
  if (context.decision == decision) return verdict;
  return NotApplicable("the decision is " +
                       (context.decision.empty() ? "not taken" : context.decision));
}

std::string AllOf(const Json& sentences) {
  std::string text;
  for (const Json& sentence : sentences)
    text += (text.empty() ? "" : " ") + sentence.get<std::string>();
  return text;
}

BoxVerdict DecisionIs(const Context& context, const char* decision) {
  const std::string reasons = AllOf(context.Phase("compare").value("reasons", Json::array()));
  return WhenDecided(context, decision, Done(std::string(decision) + ". " + reasons));
}

BoxVerdict Advice(const Context& context, const char* decision) {
  const std::string advice = AllOf(context.Phase("compare").value("advice", Json::array()));
  return WhenDecided(context, decision,
                     advice.empty() ? Failed("the comparison gives no advice") : Done(advice));
}

BoxVerdict LadderDecision(const Box&, const Context& context) {
  std::string text;
  for (const Json& rung : context.ladder.value("rungs", Json::array())) {
    text += fmt::format("{}{}: {}", text.empty() ? "" : ", then ",
                        rung.value("recipe", std::string()), rung.value("decision", std::string()));
  }
  if (text.empty()) return Failed("no rung is recorded");
  return Done("NO. " + text +
              "; stopped: " + context.ladder.value("stopped", std::string("unknown")));
}

BoxVerdict ThreeBit(const Box&, const Context&) {
  return NotApplicable("a 3-bit build was not asked for; it would lose more, not less");
}

BoxVerdict CloudFallback(const Box&, const Context& context) {
  const std::string fallback = context.Phase("package").value("fallback", std::string());
  return WhenDecided(context, "FALLBACK",
                     fallback.empty()
                         ? Failed("the manifest names no fallback")
                         : Done("models/manifest.json names the fallback: " + fallback));
}

void AddGateEvaluators(EvaluatorMap& all) {
  all["gate.limits"] = GateLimits;
  all["gate.mean"] = [](const Box&, const Context& context) { return GateNamed(context, "mean"); };
  all["gate.high_resource"] = [](const Box&, const Context& context) {
    return GateNamed(context, "high-resource");
  };
  all["gate.pairs"] = GatePairs;
  all["decision.go"] = [](const Box&, const Context& context) { return DecisionIs(context, "GO"); };
  all["decision.reconsider"] = [](const Box&, const Context& context) {
    return DecisionIs(context, "RECONSIDER");
  };
  all["decision.fallback"] = [](const Box&, const Context& context) {
    return DecisionIs(context, "FALLBACK");
  };
  all["decision.reconsider.review"] = [](const Box&, const Context& context) {
    return WhenDecided(context, "RECONSIDER",
                       Done("per-language results are in report.html and eval/comparison.json"));
  };
  all["decision.reconsider.accept"] = [](const Box&, const Context& context) {
    return WhenDecided(context, "RECONSIDER", NotApplicable("for a person to decide"));
  };
  all["decision.reconsider.alternative"] = [](const Box&, const Context& context) {
    return Advice(context, "RECONSIDER");
  };
  all["decision.fallback.advice"] = [](const Box&, const Context& context) {
    return Advice(context, "FALLBACK");
  };
  all["decision.fallback.three_bit"] = ThreeBit;
  all["decision.fallback.cloud"] = CloudFallback;
  all["ladder.decision"] = LadderDecision;
  all["ladder.three_bit"] = ThreeBit;
}

}  // namespace

void AddQualityEvaluators(EvaluatorMap* evaluators) {
  EvaluatorMap& all = *evaluators;
  all["suite.written"] = SuiteWritten;
  all["suite.samples"] = SuiteSamples;
  all["suite.languages"] = [](const Box& box, const Context& context) {
    return SuiteHas(box, "languages", context.Phase("suite").value("languages", Json::array()));
  };
  all["suite.edge_cases"] = [](const Box& box, const Context& context) {
    return SuiteHas(box, "domains", context.Phase("suite").value("domains", Json::object()));
  };
  all["baseline.done"] = [](const Box&, const Context& context) {
    return RunDone(context, "baseline");
  };
  all["candidate.done"] = [](const Box&, const Context& context) {
    return RunDone(context, "evaluate");
  };
  all["baseline.results"] = [](const Box&, const Context& context) {
    return FileParses(context, "eval/baseline_results.json");
  };
  all["candidate.results"] = [](const Box&, const Context& context) {
    return FileParses(context, "eval/quantized_results.json");
  };
  all["compare.results"] = [](const Box&, const Context& context) {
    return FileParses(context, "eval/comparison.json");
  };
  all["baseline.per_pair"] = BaselinePerPair;
  AddGateEvaluators(all);
}

}  // namespace dragoman
