// Real llama.cpp reads the files we write: it tokenizes the golden prompts equally and continues
// them with the same greedy text, but for near ties (positions where our two best logits lie closer
// than the stated tolerance).
//
// llama.cpp is no float32 reference: for F16 weights it rounds activations to fp16, for quantized
// ones to 8 bits.
#include <gtest/gtest.h>
#include <sys/wait.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <limits>
#include <string>
#include <vector>

#include "base/atomic_file.h"
#include "base/json.h"
#include "quantize/quantize.h"
#include "translate/translator.h"

namespace dragoman {
namespace {

namespace fs = std::filesystem;

const std::string kRoot = DRAGOMAN_SOURCE_DIR;
constexpr int kSkipped = 77;

struct Continuation {
  std::vector<int32_t> ids;
  std::vector<int32_t> greedy_ids;
};

// What a program printed, and its exit status.
struct Output {
  std::string text;
  int status = 0;
};

Output RunShell(const std::string& command) {
  Output output;
  FILE* pipe = ::popen(command.c_str(), "r");
  if (pipe == nullptr) return {"", -1};
  char chunk[65536];
  for (size_t got; (got = std::fread(chunk, 1, sizeof(chunk), pipe)) > 0;)
    output.text.append(chunk, got);
  const int status = ::pclose(pipe);
  output.status = WIFEXITED(status) ? WEXITSTATUS(status) : -1;
  return output;
}

// Empty when llama.cpp can be run, else why not.
std::string WhyNoLlama() {
  if (!fs::exists(kRoot + "/node_modules/node-llama-cpp"))
    return "npm package node-llama-cpp is not installed";
  const std::string check =
      "node -e 'process.exit(process.versions.node.split(\".\")[0] >= 20 ? 0 : " +
      std::to_string(kSkipped) + ")' 2>/dev/null";
  if (RunShell(check).status != 0) return "Node 20 or newer is not here";
  return "";
}

Json GoldenPrompts() {
  auto golden = ReadJsonFile(kRoot + "/tests/golden/mini_golden.json");
  EXPECT_TRUE(golden) << ToString(golden.error());
  return golden ? (*golden)["prompts"] : Json::array();
}

std::vector<Continuation> LlamaContinues(const std::string& gguf, const Json& prompts) {
  Json request = Json::array();
  for (const auto& prompt : prompts) {
    request.push_back({{"prompt", prompt["prompt"]}, {"max_new_tokens", 128}});
  }
  const std::string path = gguf + ".prompts.json";
  EXPECT_TRUE(WriteJsonFile(path, request));
  const Output output =
      RunShell("cd '" + kRoot + "' && timeout 300 node tests/parity_llama/llama_greedy.mjs '" +
               gguf + "' '" + path + "' 2>/dev/null");
  EXPECT_EQ(output.status, 0) << "llama.cpp could not run " << gguf;
  std::vector<Continuation> all;
  for (size_t begin = 0; begin < output.text.size();) {
    const size_t end = std::min(output.text.find('\n', begin), output.text.size());
    auto line = ParseJson(output.text.substr(begin, end - begin), "llama_greedy");
    EXPECT_TRUE(line);
    if (line) all.push_back({(*line)["ids"], (*line)["greedy_ids"]});
    begin = end + 1;
  }
  return all;
}

// How far our logit of `theirs` lies below our best after `context`.
float LogitGap(Gemma3& model, const std::vector<int32_t>& context, int32_t theirs) {
  const auto tokens = static_cast<int64_t>(context.size());
  auto cache = KvCache::Create(model.backend(), model.config(), tokens, tokens);
  EXPECT_TRUE(cache);
  SequenceChunk chunk;
  chunk.cache = cache->get();
  chunk.tokens = context;
  auto logits = model.Forward(std::span(&chunk, 1));
  EXPECT_TRUE(logits);
  std::vector<float> row(static_cast<size_t>(logits->vocab));
  model.backend().Download(logits->data, row);
  return *std::max_element(row.begin(), row.end()) - row[static_cast<size_t>(theirs)];
}

// How near a tie two greedy texts part after `ids`: 0 when they are equal, infinity when one is
// only the beginning of the other.
float GapWhereTextsPart(Gemma3& model, const std::vector<int32_t>& ids,
                        const std::vector<int32_t>& ours, const std::vector<int32_t>& theirs) {
  if (ours == theirs) return 0;
  const auto [our_end, their_end] =
      std::mismatch(ours.begin(), ours.end(), theirs.begin(), theirs.end());
  if (our_end == ours.end() || their_end == theirs.end()) {
    return std::numeric_limits<float>::infinity();
  }
  std::vector<int32_t> context = ids;
  context.insert(context.end(), ours.begin(), our_end);
  return LogitGap(model, context, *their_end);
}

// What counts as a near tie of a 16-bit model: sums in another order.
constexpr float kNearTie16Bit = 0.02f;

struct Agreement {
  int equal_tokenizations = 0;
  int equal_texts = 0;
  int prompts = 0;
  float worst_gap = 0;  // at the first difference of a text
};

Agreement CompareWithLlama(const std::string& recipe, size_t count) {
  Agreement agreement;
  const std::string gguf = ::testing::TempDir() + "parity_" + recipe + ".gguf";
  QuantizeOptions options;
  auto found = FindRecipe(recipe);
  EXPECT_TRUE(found);
  options.recipe = *found;
  auto written = Quantize(kRoot + "/models/mini", gguf, options);
  EXPECT_TRUE(written) << ToString(written.error());
  Json prompts = GoldenPrompts();
  prompts.erase(
      prompts.begin() + static_cast<Json::difference_type>(std::min(count, prompts.size())),
      prompts.end());
  const auto theirs = LlamaContinues(gguf, prompts);
  auto translator = Translator::Open(gguf, "auto", 0);
  EXPECT_TRUE(translator) << ToString(translator.error());
  if (theirs.size() != prompts.size() || !translator) {
    ADD_FAILURE() << recipe << ": " << theirs.size() << " answers for " << prompts.size()
                  << " prompts";
    return agreement;
  }
  for (size_t i = 0; i < theirs.size(); ++i) {
    const std::vector<int32_t> ids = prompts[i]["ids"];
    ++agreement.prompts;
    agreement.equal_tokenizations += theirs[i].ids == ids ? 1 : 0;
    auto ours = (*translator)->GreedyIds(ids, 128);
    EXPECT_TRUE(ours);
    agreement.equal_texts += *ours == theirs[i].greedy_ids ? 1 : 0;
    agreement.worst_gap =
        std::max(agreement.worst_gap,
                 GapWhereTextsPart((*translator)->model(), ids, *ours, theirs[i].greedy_ids));
  }
  std::printf("%s: %d of %d tokenize equally, %d texts equal, widest near tie %.4f\n",
              recipe.c_str(), agreement.equal_tokenizations, agreement.prompts,
              agreement.equal_texts, agreement.worst_gap);
  fs::remove(gguf);
  return agreement;
}

// A trimmed vocabulary is nothing special to llama.cpp: our ids, our translations.
TEST(LlamaParityTrimmed, TokenizesAndTranslatesAsWeDo) {
  const std::string why_not = WhyNoLlama();
  if (!why_not.empty()) GTEST_SKIP() << why_not;
  VocabularyOptions vocabulary;
  for (const char* code : {"en", "de", "ja"}) vocabulary.languages.push_back(*FindLanguage(code));
  const std::string gguf = ::testing::TempDir() + "parity_trimmed.gguf";
  QuantizeOptions options;
  options.recipe = *FindRecipe("F16");
  options.vocabulary = &vocabulary;
  auto written = Quantize(kRoot + "/models/mini", gguf, options);
  ASSERT_TRUE(written) << ToString(written.error());
  Json prompts = Json::array();
  for (const Json& prompt : GoldenPrompts()) {
    const auto kept = [&](const char* side) {
      const std::string code = prompt[side];
      return code == "en" || code == "de" || code == "ja";
    };
    if (kept("source_lang") && kept("target_lang")) prompts.push_back(prompt);
  }
  ASSERT_GE(prompts.size(), 3u);
  const auto theirs = LlamaContinues(gguf, prompts);
  ASSERT_EQ(theirs.size(), prompts.size());
  auto translator = Translator::Open(gguf, "auto", 0);
  ASSERT_TRUE(translator) << ToString(translator.error());
  auto whole = Tokenizer::FromJsonFile(kRoot + "/models/mini/tokenizer.json");
  ASSERT_TRUE(whole);
  size_t equal_texts = 0;
  for (size_t i = 0; i < prompts.size(); ++i) {
    const Tokenizer& tokenizer = (*translator)->tokenizer();
    const auto ids = tokenizer.Encode(prompts[i]["prompt"].get<std::string>(), {});
    EXPECT_EQ(theirs[i].ids, ids);
    const std::vector<int32_t> whole_ids = prompts[i]["ids"];
    EXPECT_EQ(tokenizer.Decode(ids, true), (*whole)->Decode(whole_ids, true));
    EXPECT_EQ(ids.size(), whole_ids.size());
    auto ours = (*translator)->GreedyIds(ids, 128);
    ASSERT_TRUE(ours);
    equal_texts += *ours == theirs[i].greedy_ids ? 1u : 0u;
    EXPECT_LE(GapWhereTextsPart((*translator)->model(), ids, *ours, theirs[i].greedy_ids),
              kNearTie16Bit)
        << prompts[i]["text"];
  }
  EXPECT_GE(equal_texts + 1, prompts.size());
  fs::remove(gguf);
}

struct Case {
  const char* recipe;
  size_t prompts;  // of the golden ones, from the first
  int min_equal_texts;
  float max_gap;  // logits: what counts as a near tie
};

class LlamaParity : public ::testing::TestWithParam<Case> {};

TEST_P(LlamaParity, ReadsOurFileAndSaysTheSame) {
  const std::string why_not = WhyNoLlama();
  if (!why_not.empty()) GTEST_SKIP() << why_not;
  const Agreement agreement = CompareWithLlama(GetParam().recipe, GetParam().prompts);
  EXPECT_EQ(agreement.prompts, static_cast<int>(GetParam().prompts));
  EXPECT_EQ(agreement.equal_tokenizations, agreement.prompts);
  EXPECT_GE(agreement.equal_texts, GetParam().min_equal_texts);
  EXPECT_LE(agreement.worst_gap, GetParam().max_gap);
}

INSTANTIATE_TEST_SUITE_P(Recipes, LlamaParity,
                         ::testing::Values(Case{"F16", 20, 18, kNearTie16Bit},
                                           Case{"BF16", 6, 4, 0.2f}, Case{"Q8_0", 6, 4, 0.3f},
                                           Case{"Q6_K", 6, 4, 0.3f}, Case{"Q5_K_M", 6, 4, 0.3f},
                                           Case{"Q4_K_S", 6, 4, 0.5f}, Case{"Q4_K_M", 20, 14, 0.5f},
                                           Case{"IQ4_XS", 6, 3, 0.5f}, Case{"Q3_K_M", 6, 3, 0.5f},
                                           Case{"Q2_K", 6, 3, 0.5f}),
                         [](const auto& test) { return std::string(test.param.recipe); });

}  // namespace
}  // namespace dragoman
