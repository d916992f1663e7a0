// The built-in suite, decoded greedily by the bundled model at 16 bits and as Q4_K_M: every backend
// chooses the same tokens as the reference, but where the reference's logit of what it chose lies
// within a tolerance of the best, which is listed. DRAGOMAN_SUITE_STEP=1 takes all pairs instead
// of every 149th; DRAGOMAN_SUITE_FIRST is the first one, so that several processes can share them.
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cstdlib>
#include <filesystem>
#include <iostream>
#include <map>

#include "evaluate/suite.h"
#include "quantize/quantize.h"
#include "text/prompt.h"
#include "translate/translator.h"

namespace dragoman {
namespace {

constexpr char kModel[] = DRAGOMAN_SOURCE_DIR "/models/mini";
constexpr int64_t kMaxNewTokens = 64;

// A sentence's prompt and how one backend continues it.
struct Continuation {
  std::string name;  // "en-de: The ..."
  std::vector<int32_t> prompt, answer;
};

// The best logits of a position: rounded activations sometimes choose the third or fourth.
using TopFew = std::array<TopLogit, 8>;

class SuiteAcrossBackends : public ::testing::Test {
 protected:
  static void SetUpTestSuite() {
    SuiteOptions options;
    options.include_edge_cases = true;
    auto suite = BuiltInSuite(options);
    ASSERT_TRUE(suite) << ToString(suite.error());
    // A number of pairs that is prime to the languages' takes them all in turn.
    const size_t step = std::max<size_t>(FromEnvironment("DRAGOMAN_SUITE_STEP", 149), 1);
    const size_t first = FromEnvironment("DRAGOMAN_SUITE_FIRST", 0);
    for (size_t i = first; i < suite->samples.size(); i += step) {
      samples_.push_back(suite->samples[i]);
    }
    ASSERT_FALSE(samples_.empty()) << "no pair from " << first << " on";
  }

  static size_t FromEnvironment(const char* name, size_t otherwise) {
    const char* value = std::getenv(name);
    return value == nullptr ? otherwise : std::strtoul(value, nullptr, 10);
  }

  static std::unique_ptr<Translator> Open(const std::string& path, const std::string& device,
                                          bool float32_activations) {
    auto opened = Translator::Open(path, device, 2, {.float32_activations = float32_activations});
    EXPECT_TRUE(opened) << ToString(opened.error());
    return opened ? std::move(*opened) : nullptr;
  }

  static std::vector<Continuation> Decode(Translator& translator) {
    std::vector<Continuation> continuations;
    for (const SuiteSample& sample : samples_) {
      const PromptIds ids = EncodePrompt(translator.tokenizer(), *FindLanguage(sample.source_lang),
                                         *FindLanguage(sample.target_lang), sample.source);
      Continuation one;
      one.name = sample.source_lang + "-" + sample.target_lang + ": " + sample.source.substr(0, 40);
      one.prompt = ids.prefix;
      one.prompt.insert(one.prompt.end(), ids.rest.begin(), ids.rest.end());
      if (one.prompt.size() > 500) continue;  // the long edge cases are cut by `translate`
      auto answer = translator.GreedyIds(one.prompt, kMaxNewTokens);
      EXPECT_TRUE(answer) << ToString(answer.error());
      one.answer = *answer;
      continuations.push_back(std::move(one));
    }
    return continuations;
  }

  // What a model finds best at every position of an answer that is read along.
  static std::vector<TopFew> ReadAlong(Gemma3& model, const Continuation& one) {
    std::vector<int32_t> ids = one.prompt;
    ids.insert(ids.end(), one.answer.begin(), one.answer.end());
    ids.pop_back();  // nothing is said after the last token
    const auto count = static_cast<int64_t>(ids.size());
    auto cache = KvCache::Create(model.backend(), model.config(), count, count);
    EXPECT_TRUE(cache) << ToString(cache.error());
    const size_t before = one.prompt.size() - 1;
    SequenceChunk prompt, answer;
    prompt.cache = answer.cache = cache->get();
    prompt.tokens = std::span(ids).first(before);
    prompt.no_logits = true;
    EXPECT_TRUE(model.Forward(std::span(&prompt, 1)));
    answer.tokens = std::span(ids).subspan(before);
    answer.all_logits = true;
    const auto logits = model.Forward(std::span(&answer, 1));
    EXPECT_TRUE(logits) << ToString(logits.error());
    std::vector<TopFew> top(one.answer.size());
    constexpr size_t kFew = std::tuple_size_v<TopFew>;
    model.backend().TopLogits(logits->data, logits->rows, logits->vocab, kFew,
                              std::span(top[0].data(), kFew * top.size()));
    return top;
  }

  // What the reference finds, which most backends ask for the same answers.
  struct Reference {
    std::unique_ptr<Translator> translator;
    std::map<std::vector<int32_t>, std::vector<TopFew>> known;

    const std::vector<TopFew>& Along(const Continuation& one) {
      std::vector<int32_t> key = one.prompt;
      key.insert(key.end(), one.answer.begin(), one.answer.end());
      auto found = known.find(key);
      if (found == known.end()) {
        found = known.emplace(std::move(key), ReadAlong(translator->model(), one)).first;
      }
      return found->second;
    }
  };

  // Compares a backend's answers with what the reference finds best along them, up to the first
  // difference of each, from where texts may differ altogether.
  static void ExpectSame(const std::vector<Continuation>& answers, Reference& reference,
                         double tolerance, double most_near_ties) {
    size_t near_ties = 0;
    ASSERT_FALSE(answers.empty());
    for (const Continuation& one : answers) {
      ASSERT_FALSE(one.answer.empty()) << one.name;
      const std::vector<TopFew>& top = reference.Along(one);
      size_t at = 0;
      while (at < one.answer.size() && top[at][0].id == one.answer[at]) ++at;
      if (at == one.answer.size()) continue;
      const auto chosen = std::find_if(top[at].begin(), top[at].end(),
                                       [&](const TopLogit& l) { return l.id == one.answer[at]; });
      if (chosen == top[at].end()) {
        ADD_FAILURE() << one.name << ", token " << at << ": none of the reference's best";
        continue;
      }
      const double gap = static_cast<double>(top[at][0].logit) - chosen->logit;
      EXPECT_LE(gap, tolerance) << one.name << ", token " << at;
      std::cout << "near tie, " << gap << " apart, choice " << chosen - top[at].begin() + 1 << ": "
                << one.name << ", token " << at << "\n";
      ++near_ties;
    }
    EXPECT_LE(near_ties, most_near_ties * static_cast<double>(answers.size()) + 1)
        << "of " << answers.size();
    std::cout << answers.size() - near_ties << " of " << answers.size() << " equal\n";
  }

  static void CompareAll(const std::string& path, Reference& reference, bool float32_activations,
                         double tolerance, double most_near_ties) {
    if (!reference.translator) reference.translator = Open(path, "reference", true);
    ASSERT_NE(reference.translator, nullptr);
    for (const char* device : {"cpu:avx512", "cpu:avxvnni", "cpu:avx2", "cpu:generic"}) {
      SCOPED_TRACE(device);
      auto probe = OpenBackend(device, 1);
      if (!probe) {
        std::cout << device << " is not here\n";
        continue;
      }
      const auto fast = Open(path, device, float32_activations);
      ASSERT_NE(fast, nullptr);
      std::cout << device << " against the reference: ";
      ExpectSame(Decode(*fast), reference, tolerance, most_near_ties);
    }
  }

  static std::string Q4Model() {
    const std::string path = ::testing::TempDir() + "/suite-q4_k_m.gguf";
    QuantizeOptions options;
    options.recipe = *FindRecipe("q4_k_m");
    options.threads = 2;
    const auto report = Quantize(kModel, path, options);
    EXPECT_TRUE(report) << ToString(report.error());
    return path;
  }

  static std::vector<SuiteSample> samples_;
};

std::vector<SuiteSample> SuiteAcrossBackends::samples_;

// docs/numerics.md states these tolerances.
TEST_F(SuiteAcrossBackends, At16BitsTheyAgree) {
  Reference reference;
  CompareAll(kModel, reference, true, 2e-3, 0.02);
}

TEST_F(SuiteAcrossBackends, AsQ4TheyAgreeAndMoreLooselyWithRoundedActivations) {
  const std::string q4 = Q4Model();
  Reference reference;
  CompareAll(q4, reference, true, 2e-3, 0.02);
  CompareAll(q4, reference, false, 0.5, 0.5);
  std::filesystem::remove(q4);
}

}  // namespace
}  // namespace dragoman
