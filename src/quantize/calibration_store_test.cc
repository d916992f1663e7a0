// What is stored comes back; what does not fit is as if it were not there.
#include "quantize/calibration_store.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

#include "base/atomic_file.h"

namespace dragoman {
namespace {

CalibrationStore Fresh(const std::string& name) {
  const std::string folder = ::testing::TempDir() + "/" + name;
  std::filesystem::remove_all(folder);
  return CalibrationStore(folder, "key");
}

TEST(CalibrationStore, KeepsTranslations) {
  const CalibrationStore store = Fresh("store_translations");
  EXPECT_FALSE(store.LoadTranslations(0, 2));
  const std::vector<StoredTranslation> translations = {{"Guten Morgen.", 1}, {"", 3}};
  store.SaveTranslations(0, translations);
  const auto loaded = store.LoadTranslations(0, 2);
  ASSERT_TRUE(loaded);
  EXPECT_EQ((*loaded)[0].text, "Guten Morgen.");
  EXPECT_EQ((*loaded)[1].pieces, 3);
  EXPECT_FALSE(store.LoadTranslations(0, 3)) << "of another number of texts";
  EXPECT_FALSE(store.LoadTranslations(1, 2));
}

TEST(CalibrationStore, KeepsSensitivities) {
  const CalibrationStore store = Fresh("store_sensitivities");
  SensitivityPart part;
  part.predicted = 7;
  part.linears["blk.0.attn_q.weight"] = {{1.5f, 2.5f}, {0.25f, 0.5f, 1.0f}};
  part.tables["token_embd.weight"] = {2, 7, {1, 2, 2, 5}};
  store.SaveSensitivities(3, part);
  const auto loaded = store.LoadSensitivities(3);
  ASSERT_TRUE(loaded);
  EXPECT_EQ(loaded->predicted, 7u);
  EXPECT_EQ(loaded->linears.at("blk.0.attn_q.weight").rows, (std::vector<float>{1.5f, 2.5f}));
  EXPECT_EQ(loaded->linears.at("blk.0.attn_q.weight").output_squares,
            (std::vector<float>{0.25f, 0.5f, 1.0f}));
  EXPECT_EQ(loaded->tables.at("token_embd.weight").mean, (std::vector<float>{1, 2, 2, 5}));
}

TEST(CalibrationStore, KeepsCostsByWhatTheyDependOn) {
  const CalibrationStore store = Fresh("store_costs");
  const std::vector<StoredTypeCost> costs = {{"Q4_K", 0.1234567890123}, {"Q6_K", 1e-9}};
  store.SaveCosts("32 rows", "blk.0.attn_q.weight", costs);
  const auto loaded = store.LoadCosts("32 rows", "blk.0.attn_q.weight");
  ASSERT_TRUE(loaded);
  ASSERT_EQ(loaded->size(), 2u);
  EXPECT_EQ((*loaded)[0].predicted_kl, 0.1234567890123);
  EXPECT_FALSE(store.LoadCosts("64 rows", "blk.0.attn_q.weight"));
}

TEST(CalibrationStore, ACutFileIsComputedAgain) {
  const CalibrationStore store = Fresh("store_cut");
  store.SaveTranslations(0, std::vector<StoredTranslation>{{"Hallo", 1}});
  const std::string path = store.folder() + "/translations-0000.gguf";
  const std::string whole = *ReadFile(path);
  for (size_t cut = 0; cut < whole.size(); ++cut) {
    std::ofstream(path, std::ios::binary | std::ios::trunc) << whole.substr(0, cut);
    const auto loaded = store.LoadTranslations(0, 1);
    if (!loaded) continue;
    EXPECT_EQ((*loaded)[0].text, "Hallo") << cut;  // only padding was cut
  }
  ASSERT_TRUE(WriteFileAtomically(path, whole));
  EXPECT_TRUE(store.LoadTranslations(0, 1));
}

TEST(CalibrationStore, WhereNothingCanBeWrittenTheWorkGoesOn) {
  const std::string file = ::testing::TempDir() + "/store_blocked";
  ASSERT_TRUE(WriteFileAtomically(file, "a file where the folder should be"));
  const CalibrationStore store(file, "key");
  store.SaveTranslations(0, std::vector<StoredTranslation>{{"Hallo", 1}});
  EXPECT_FALSE(store.LoadTranslations(0, 1));
  EXPECT_EQ(*ReadFile(file), "a file where the folder should be");
}

}  // namespace
}  // namespace dragoman
