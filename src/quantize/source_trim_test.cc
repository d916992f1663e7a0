// A trimmed model computes what the whole one does, on the pieces that are left.
#include "quantize/source_trim.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <stdlib.h>

#include <algorithm>
#include <cstring>
#include <filesystem>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "base/atomic_file.h"
#include "base/json.h"
#include "formats/gguf.h"
#include "formats/safetensors.h"
#include "quantize/hf_checkpoint.h"
#include "quantize/importance.h"
#include "quantize/quantize.h"
#include "quantize/trimmed_checkpoint.h"
#include "text/kept_languages.h"
#include "text/prompt.h"
#include "text/trimmed_tokenizer_json.h"
#include "translate/translator.h"

namespace dragoman {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

const std::string kWholeModel = DRAGOMAN_SOURCE_DIR "/models/mini";

VocabularyOptions Keeping(const std::vector<std::string>& codes) {
  VocabularyOptions options;
  for (const std::string& code : codes) options.languages.push_back(*FindLanguage(code));
  return options;
}

class SourceTrimTest : public testing::Test {
 protected:
  SourceTrimTest() {
    std::string name = testing::TempDir() + "dragoman-trim-XXXXXX";
    folder_ = ::mkdtemp(name.data());
  }
  ~SourceTrimTest() override {
    std::error_code ignored;
    std::filesystem::remove_all(folder_, ignored);
  }
  std::string Path(const std::string& name) const { return (folder_ / name).string(); }

  Result<QuantizeReport> Write(const std::string& model, const std::string& output,
                               const std::string& recipe, const VocabularyOptions* vocabulary,
                               const ImportanceMatrix* importance = nullptr) {
    QuantizeOptions options;
    options.recipe = *FindRecipe(recipe);
    // The rows are what is at stake: the other tensors need no search.
    if (importance != nullptr) options.recipe.overrides = {{"token_embd.weight", BlockType::kQ4_K}};
    options.threads = 2;
    options.vocabulary = vocabulary;
    options.importance = importance;
    return Quantize(model, output, options);
  }

  std::filesystem::path folder_;
};

std::unique_ptr<Translator> OpenTranslator(const std::string& path) {
  auto translator = Translator::Open(path, "cpu", 2);
  EXPECT_TRUE(translator) << ToString(translator.error());
  return translator ? std::move(*translator) : nullptr;
}

// Of the token after the prompt, [vocab].
std::vector<float> LogitsAfter(Gemma3& model, const PromptIds& prompt) {
  std::vector<int32_t> ids = prompt.prefix;
  ids.insert(ids.end(), prompt.rest.begin(), prompt.rest.end());
  const auto tokens = static_cast<int64_t>(ids.size());
  auto cache = KvCache::Create(model.backend(), model.config(), tokens, tokens);
  EXPECT_TRUE(cache);
  SequenceChunk chunk;
  chunk.cache = cache->get();
  chunk.tokens = ids;
  auto logits = model.Forward(std::span(&chunk, 1));
  EXPECT_TRUE(logits);
  std::vector<float> row(static_cast<size_t>(logits->vocab));
  model.backend().Download(logits->data, row);
  return row;
}

const char* const kSentences[] = {"Good morning.", "The train to Berlin leaves at 7:45.",
                                  "Please open the window, it is too warm in here."};

TEST_F(SourceTrimTest, KeptPiecesHaveTheLogitsOfTheWholeModel) {
  const VocabularyOptions vocabulary = Keeping({"en", "de"});
  for (const std::string recipe : {"F32", "BF16"}) {
    const auto report = Write(kWholeModel, Path("trimmed.gguf"), recipe, &vocabulary);
    ASSERT_TRUE(report) << ToString(report.error());
    ASSERT_TRUE(Write(kWholeModel, Path("whole.gguf"), recipe, nullptr));
    const auto whole = OpenTranslator(Path("whole.gguf"));
    const auto trimmed = OpenTranslator(Path("trimmed.gguf"));
    const Language en = *FindLanguage("en"), de = *FindLanguage("de");
    const auto kept = ChooseVocabulary(whole->tokenizer(), vocabulary.languages, {}, 1 << 20);
    ASSERT_EQ(static_cast<size_t>(trimmed->tokenizer().vocab_size()), kept->kept_ids.size());
    for (const char* sentence : kSentences) {
      const auto before =
          LogitsAfter(whole->model(), EncodePrompt(whole->tokenizer(), en, de, sentence));
      const auto after =
          LogitsAfter(trimmed->model(), EncodePrompt(trimmed->tokenizer(), en, de, sentence));
      ASSERT_EQ(after.size(), kept->kept_ids.size());
      for (size_t i = 0; i < after.size(); ++i) {
        ASSERT_EQ(after[i], before[static_cast<size_t>(kept->kept_ids[i])]) << recipe << " " << i;
      }
    }
  }
}

TEST_F(SourceTrimTest, TranslatesAsTheWholeModelAndRefusesOtherLanguages) {
  const VocabularyOptions vocabulary = Keeping({"en", "de", "ja"});
  ASSERT_TRUE(Write(kWholeModel, Path("trimmed.gguf"), "BF16", &vocabulary));
  const auto whole = OpenTranslator(kWholeModel), trimmed = OpenTranslator(Path("trimmed.gguf"));
  EXPECT_EQ(trimmed->kept_languages().languages.size(), 3u);
  EXPECT_TRUE(whole->kept_languages().languages.empty());
  std::vector<TranslationRequest> requests;
  for (const char* sentence : kSentences) {
    for (const char* target : {"de", "ja"}) {
      requests.push_back({sentence, *FindLanguage("en"), *FindLanguage(target)});
    }
  }
  requests.push_back({"Guten Morgen.", *FindLanguage("de"), *FindLanguage("en")});
  const auto before = whole->Translate(requests, {}), after = trimmed->Translate(requests, {});
  ASSERT_TRUE(before && after);
  for (size_t i = 0; i < requests.size(); ++i) {
    EXPECT_EQ((*after)[i].text, (*before)[i].text);
    EXPECT_EQ((*after)[i].new_tokens, (*before)[i].new_tokens);
  }
  for (const auto& [from, to] : {std::pair("en", "it"), std::pair("fr", "de")}) {
    const std::vector<TranslationRequest> other = {
        {"Hello", *FindLanguage(from), *FindLanguage(to)}};
    const auto refused = trimmed->Translate(other, {});
    ASSERT_FALSE(refused) << from << to;
    EXPECT_EQ(refused.error().code, ErrorCode::kInvalidArgument);
    EXPECT_THAT(refused.error().message, HasSubstr("en (English), de (German), ja (Japanese)"));
  }
}

TEST_F(SourceTrimTest, TheFileIsThePlansAndSaysWhatItKeeps) {
  VocabularyOptions vocabulary = Keeping({"en", "ru"});
  vocabulary.held_out = {{"ru", {"Доброе утро.", "Поезд в Москву"}}, {"other", {"可以使用", "ok"}}};
  const Recipe recipe = *FindRecipe("Q4_K_M");
  const auto whole_plan = PlanQuantization(kWholeModel, recipe);
  const auto plan = PlanQuantization(kWholeModel, recipe, &vocabulary);
  ASSERT_TRUE(whole_plan && plan);
  const auto report = Write(kWholeModel, Path("a.gguf"), "Q4_K_M", &vocabulary);
  ASSERT_TRUE(report) << ToString(report.error());
  EXPECT_EQ(std::filesystem::file_size(Path("a.gguf")), plan->file_bytes);
  EXPECT_EQ(plan->vocabulary->bytes_saved, whole_plan->file_bytes - plan->file_bytes);
  EXPECT_EQ(plan->tensors[0].shape[0], plan->vocabulary->pieces_after);
  EXPECT_EQ(plan->vocabulary->pieces_before, 15104u);
  EXPECT_LT(plan->vocabulary->pieces_after, 10000u);
  EXPECT_THAT(plan->vocabulary->scripts, ElementsAre("Cyrl", "Latn"));
  const auto& held_out = report->plan.vocabulary->held_out;
  ASSERT_EQ(held_out.size(), 2u);
  EXPECT_EQ(held_out[0].lines, 2);
  EXPECT_EQ(held_out[0].changed_lines, 0);
  EXPECT_EQ(held_out[1].changed_lines, 1);  // the measure sees a change where there is one
  const auto gguf = GgufFile::Open(Path("a.gguf"));
  EXPECT_THAT(*gguf->FindStrings(kKeptLanguagesKey), ElementsAre("en", "ru"));
  const auto& tokens = *gguf->FindStrings("tokenizer.ggml.tokens");
  EXPECT_EQ(tokens.size(), plan->vocabulary->pieces_after);
  const auto spelled = [&](const char* key) { return tokens.at(*gguf->FindUnsigned(key)); };
  EXPECT_EQ(spelled("tokenizer.ggml.bos_token_id"), "<bos>");
  EXPECT_EQ(spelled("tokenizer.ggml.eos_token_id"), "<end_of_turn>");
  EXPECT_EQ(spelled("tokenizer.ggml.padding_token_id"), "<pad>");
}

TEST_F(SourceTrimTest, ImportanceOfTheWholeModelAppliesAndTheSameRowsComeOut) {
  ImportanceMatrix importance;
  ImportanceEntry entry;
  for (int i = 0; i < 512; ++i) entry.sum_of_squares.push_back(1.0f + static_cast<float>(i % 7));
  entry.tokens = 10;
  importance.entries["token_embd.weight"] = entry;
  const VocabularyOptions vocabulary = Keeping({"en", "de"});
  ASSERT_TRUE(Write(kWholeModel, Path("whole.gguf"), "F16", nullptr, &importance));
  ASSERT_TRUE(Write(kWholeModel, Path("trimmed.gguf"), "F16", &vocabulary, &importance));
  const auto whole = OpenCheckpoint(Path("whole.gguf"));
  const auto trimmed = OpenCheckpoint(Path("trimmed.gguf"));
  const auto tokenizer = Tokenizer::ForCheckpoint(**whole);
  const auto kept = ChooseVocabulary(**tokenizer, vocabulary.languages, {}, 1 << 20);
  for (const TensorInfo& info : (*whole)->tensors()) {
    const auto before = (*whole)->Data(info);
    const auto after = (*trimmed)->Data(*(*trimmed)->Find(info.name));
    if (info.name != "token_embd.weight") {
      ASSERT_TRUE(std::equal(before.begin(), before.end(), after.begin(), after.end()));
      continue;
    }
    const size_t row_bytes = before.size() / info.rows();
    ASSERT_EQ(after.size(), row_bytes * kept->kept_ids.size());
    for (size_t i = 0; i < kept->kept_ids.size(); ++i) {
      const auto old_row = static_cast<size_t>(kept->kept_ids[i]);
      ASSERT_EQ(
          std::memcmp(after.data() + i * row_bytes, before.data() + old_row * row_bytes, row_bytes),
          0);
    }
  }
}

TEST_F(SourceTrimTest, ATrimmedFileIsTrimmedFurtherButNotBack) {
  const VocabularyOptions three = Keeping({"en", "de", "ja"}), two = Keeping({"en", "de"});
  const VocabularyOptions other = Keeping({"en", "fr"});
  ASSERT_TRUE(Write(kWholeModel, Path("three.gguf"), "BF16", &three));
  const auto further = Write(Path("three.gguf"), Path("two.gguf"), "BF16", &two);
  ASSERT_TRUE(further) << ToString(further.error());
  ASSERT_TRUE(Write(kWholeModel, Path("direct.gguf"), "BF16", &two));
  const auto a = OpenCheckpoint(Path("two.gguf")), b = OpenCheckpoint(Path("direct.gguf"));
  const auto at = [](const Result<std::unique_ptr<Checkpoint>>& checkpoint) {
    return (*checkpoint)->Data(*(*checkpoint)->Find("token_embd.weight"));
  };
  EXPECT_TRUE(std::equal(at(a).begin(), at(a).end(), at(b).begin(), at(b).end()));
  EXPECT_EQ(*(*a)->gguf()->FindStrings("tokenizer.ggml.tokens"),
            *(*b)->gguf()->FindStrings("tokenizer.ggml.tokens"));
  EXPECT_THAT(*(*a)->gguf()->FindStrings(kKeptLanguagesKey), ElementsAre("en", "de"));
  const auto refused = Write(Path("three.gguf"), Path("no.gguf"), "BF16", &other);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, ErrorCode::kInvalidArgument);
  EXPECT_FALSE(std::filesystem::exists(Path("no.gguf")));
}

// What a writer of Hugging Face folders does with the parts: rows, tokenizer.json, config.json.
TEST_F(SourceTrimTest, AFolderMadeOfTheRewrittenFilesTranslatesAsTheWholeModel) {
  auto source = OpenQuantizeSource(kWholeModel);
  ASSERT_TRUE(source);
  ASSERT_TRUE(TrimSource(Keeping({"en", "de"}), *source));
  const VocabularyTrim& trim = source->trim->vocabulary;
  std::vector<GgufTensorPlan> plans;
  const auto& tensors = source->checkpoint->tensors();
  for (const TensorInfo& info : tensors) plans.push_back({info.name, info.type, info.shape});
  const auto written =
      WriteSafetensors(Path("model.safetensors"), plans, [&](size_t index, const ByteSink& sink) {
        return sink(source->checkpoint->Data(tensors[index]));
      });
  ASSERT_TRUE(written) << ToString(written.error());
  const auto json = ReadFile(kWholeModel + "/tokenizer.json");
  const auto trimmed_json = TrimTokenizerJson(*json, trim, "tokenizer.json");
  ASSERT_TRUE(trimmed_json) << ToString(trimmed_json.error());
  ASSERT_TRUE(WriteFileAtomically(Path("tokenizer.json"), *trimmed_json));
  OrderedJson config = OrderedJson::parse(*ReadFile(kWholeModel + "/config.json"));
  TrimModelConfig(trim, config);
  ASSERT_TRUE(WriteJsonFile(Path("config.json"), config));
  const auto whole = OpenTranslator(kWholeModel), trimmed = OpenTranslator(folder_.string());
  ASSERT_TRUE(trimmed);
  EXPECT_EQ(trimmed->model().config().vocab, static_cast<int64_t>(trim.kept_ids.size()));
  const std::vector<TranslationRequest> kept = {
      {kSentences[1], *FindLanguage("en"), *FindLanguage("de")}};
  const std::vector<TranslationRequest> dropped = {
      {kSentences[1], *FindLanguage("en"), *FindLanguage("ja")}};
  const auto before = whole->Translate(kept, {}), after = trimmed->Translate(kept, {});
  ASSERT_TRUE(before && after);
  EXPECT_EQ((*after)[0].text, (*before)[0].text);
  EXPECT_FALSE(trimmed->Translate(dropped, {}));
}

// Second moments of inputs that have nothing to do with each other.
class PlainMoments : public SecondMoments {
 public:
  explicit PlainMoments(const QuantizeSource& source) {
    for (const ModelTensor& tensor : source.map.tensors) {
      if (!tensor.is_norm) dims_[tensor.name] = static_cast<int64_t>(tensor.info->cols());
    }
  }
  bool Has(std::string_view tensor) const override { return dims_.contains(tensor); }
  Result<const Hessian*> Of(std::string_view tensor) override {
    const int64_t dim = dims_.find(tensor)->second;
    now_ = {dim, 1, std::vector<float>(static_cast<size_t>(dim * dim), 0.0f)};
    for (int64_t i = 0; i < dim; ++i) now_.mean[static_cast<size_t>(i * dim + i)] = 1.0f;
    return &now_;
  }

 private:
  std::map<std::string, int64_t, std::less<>> dims_;
  Hessian now_;
};

TEST_F(SourceTrimTest, AQuantizedFolderIsTrimmedInEveryFile) {
  PlainMoments moments(*OpenQuantizeSource(kWholeModel));
  VocabularyOptions keeping = Keeping({"en", "de"});
  keeping.held_out = {{"de", {"Guten Morgen, der Zug fährt um 7:30 Uhr.", "Über 3 € für Käse"}}};
  HfQuantizeOptions options;
  options.group = {8, true};
  options.moments = &moments;
  options.vocabulary = &keeping;
  options.threads = 2;
  const auto plan = PlanHf(kWholeModel, options);
  const auto report = QuantizeToHf(kWholeModel, Path("gptq"), options);
  ASSERT_TRUE(plan && report) << ToString(report.error());
  const VocabularyReport& vocabulary = *report->plan.vocabulary;
  EXPECT_EQ(plan->file_bytes, report->plan.file_bytes);
  EXPECT_EQ(vocabulary.pieces_before, 15104u);
  // Beside the rows, the lengths of numbers in the header.
  EXPECT_NEAR(static_cast<double>(vocabulary.bytes_saved),
              static_cast<double>((15104 - vocabulary.pieces_after) * 512 * 2), 128);
  ASSERT_EQ(vocabulary.held_out.size(), 1u);
  EXPECT_EQ(vocabulary.held_out[0].lines, 2);
  EXPECT_EQ(vocabulary.held_out[0].changed_lines, 0);
  const Json config = *ReadJsonFile(Path("gptq/config.json"));
  EXPECT_EQ(config["vocab_size"], vocabulary.pieces_after);
  EXPECT_EQ(config["dragoman_languages"], Json::parse(R"(["en", "de"])"));
  const std::string sentencepiece = *ReadFile(Path("gptq/tokenizer.model"));
  EXPECT_LT(sentencepiece.size(), ReadFile(kWholeModel + "/tokenizer.model")->size());
  const auto whole = OpenTranslator(kWholeModel), trimmed = OpenTranslator(Path("gptq"));
  ASSERT_TRUE(whole && trimmed);
  const std::vector<TranslationRequest> request = {
      {kSentences[1], *FindLanguage("en"), *FindLanguage("de")}};
  EXPECT_EQ((*trimmed->Translate(request, {}))[0].text, (*whole->Translate(request, {}))[0].text);
}

TEST(TrimGgufTokenizerTest, MapsEveryIdAndDropsWhatWentStale) {
  VocabularyTrim trim;
  trim.languages = {*FindLanguage("en")};
  trim.scripts = {"Latn"};
  trim.kept_ids = {0, 2, 4};
  GgufMetadata metadata = {
      {"general.name", GgufValue::String("n")},
      {"gemma3.vocab_size", GgufValue::U32(6)},
      {"tokenizer.ggml.tokens", GgufValue::Strings({"a", "b", "c", "d", "e", "[PAD5]"})},
      {"tokenizer.ggml.scores", GgufValue::F32s({0, -1, -2, -3, -4, -5})},
      {"tokenizer.ggml.token_type", GgufValue::I32s({1, 1, 3, 1, 6, 5})},
      {"tokenizer.ggml.bos_token_id", GgufValue::U32(2)},
      {"tokenizer.ggml.eos_token_id", GgufValue::I32(4)},
      {"tokenizer.ggml.mask_token_id", GgufValue::U32(3)},
      {"tokenizer.ggml.suppress_tokens", GgufValue::I32s({1, 4})},
      {"tokenizer.ggml.add_bos_token", GgufValue::Bool(true)},
      {"tokenizer.ggml.merges", GgufValue::Strings({"a b"})},
      {"dragoman.languages", GgufValue::Strings({"en", "ja"})}};
  ASSERT_TRUE(TrimGgufTokenizer(trim, metadata));
  const auto find = [&](std::string_view key) -> const GgufValue* {
    const auto found = std::find_if(metadata.begin(), metadata.end(),
                                    [key](const auto& entry) { return entry.first == key; });
    return found == metadata.end() ? nullptr : &found->second;
  };
  const auto integers = [&](std::string_view key) {
    return std::get<std::vector<int64_t>>(find(key)->value);
  };
  EXPECT_THAT(std::get<std::vector<std::string>>(find("tokenizer.ggml.tokens")->value),
              ElementsAre("a", "c", "e"));
  EXPECT_THAT(std::get<std::vector<double>>(find("tokenizer.ggml.scores")->value),
              ElementsAre(0, -2, -4));
  EXPECT_THAT(integers("tokenizer.ggml.token_type"), ElementsAre(1, 3, 6));
  EXPECT_THAT(integers("tokenizer.ggml.suppress_tokens"), ElementsAre(2));
  EXPECT_EQ(std::get<uint64_t>(find("tokenizer.ggml.bos_token_id")->value), 1u);
  EXPECT_EQ(std::get<int64_t>(find("tokenizer.ggml.eos_token_id")->value), 2);
  EXPECT_EQ(std::get<uint64_t>(find("gemma3.vocab_size")->value), 3u);
  EXPECT_EQ(find("tokenizer.ggml.mask_token_id"), nullptr);
  EXPECT_EQ(find("tokenizer.ggml.merges"), nullptr);
  EXPECT_THAT(std::get<std::vector<std::string>>(find("dragoman.languages")->value),
              ElementsAre("en"));
  EXPECT_EQ(std::count_if(metadata.begin(), metadata.end(),
                          [](const auto& e) { return e.first == "dragoman.languages"; }),
            1);
  trim.kept_ids = {0, 5};  // more than the arrays hold now
  const Result<void> refused = TrimGgufTokenizer(trim, metadata);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, ErrorCode::kCorruptFile);
}

TEST(TrimCheckpointTest, RefusesRowsThatAreNotThere) {
  auto checkpoint = OpenCheckpoint(kWholeModel);
  const auto config = LoadGemma3Config(**checkpoint);
  auto map = MapGemma3Tensors(**checkpoint, *config);
  const auto refused = TrimCheckpoint(std::move(*checkpoint), {0, 15104}, *map);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, ErrorCode::kCorruptFile);
  EXPECT_THAT(refused.error().message, HasSubstr("15104 rows"));
}

}  // namespace
}  // namespace dragoman
