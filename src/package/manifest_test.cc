#include "package/manifest.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/json.h"
#include "package/documents.h"

namespace dragoman {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

const std::string kHash(64, 'a');

Manifest GoodManifest() {
  Manifest manifest;
  manifest.model = {"mini", "1.0", "Q4_K_M", "example/base", "gemma3", 42};
  manifest.proof = {true, "GO", "Mean BLEU loss 0.1 %.", kHash, ""};
  manifest.whole = {"model.gguf", 25, kHash};
  manifest.shard_bytes = 10;
  manifest.files = {{"shards/model-00000.bin", 10, kHash},
                    {"shards/model-00001.bin", 10, kHash},
                    {"shards/model-00002.bin", 5, kHash}};
  manifest.documents = {{"NOTICE", 3, kHash}, {"README.md", 3, kHash}};
  manifest.measured = ManifestMeasurement{"cpu", 0.5, 12, 20, 300, 1000000};
  manifest.compression = {{"gzip -6", 100, 96, false}};
  manifest.languages = {"en", "de"};
  manifest.license = DescribeLicense("apache-2.0", false);
  manifest.fallback = "cloud";
  manifest.created_by = "dragoman test";
  return manifest;
}

TEST(Manifest, SurvivesWritingAndReading) {
  const std::string text = DumpJson(ToJson(GoodManifest()));
  const auto manifest = ParseManifest(text, "manifest.json");
  ASSERT_TRUE(manifest) << ToString(manifest.error());
  EXPECT_EQ(DumpJson(ToJson(*manifest)), text);
  EXPECT_EQ(manifest->files.size(), 3u);
  ASSERT_TRUE(manifest->measured);
  EXPECT_EQ(manifest->measured->latency_p50_ms, 12);
}

TEST(Manifest, ReadsAnUnmeasuredOne) {
  Manifest manifest = GoodManifest();
  manifest.measured.reset();
  const auto again = ParseManifest(DumpJson(ToJson(manifest)), "manifest.json");
  ASSERT_TRUE(again) << ToString(again.error());
  EXPECT_FALSE(again->measured);
}

struct BadCase {
  const char* name;
  const char* pointer;  // JSON pointer of the member to replace
  const char* value;    // JSON text; null: remove it
  const char* message;  // part of the error
};

class HostileManifest : public ::testing::TestWithParam<BadCase> {};

TEST_P(HostileManifest, IsRefusedWithTheKeyNamed) {
  Json json = Json::parse(DumpJson(ToJson(GoodManifest())));
  const Json::json_pointer pointer(GetParam().pointer);
  if (GetParam().value == nullptr) {
    json[pointer.parent_pointer()].erase(pointer.back());
  } else {
    json[pointer] = Json::parse(GetParam().value);
  }
  const auto manifest = ParseManifest(json.dump(), "manifest.json");
  ASSERT_FALSE(manifest);
  EXPECT_EQ(manifest.error().code, ErrorCode::kCorruptFile);
  EXPECT_EQ(manifest.error().where, "manifest.json");
  EXPECT_THAT(manifest.error().message, HasSubstr(GetParam().message));
}

const BadCase kBadCases[] = {
    {"Climbs", "/files/0/path", "\"../../etc/passwd\"", "files[0].path"},
    {"Absolute", "/files/0/path", "\"/etc/passwd\"", "files[0].path"},
    {"ClimbsInside", "/files/1/path", "\"shards/../../x\"", "files[1].path"},
    {"Backslash", "/files/0/path", "\"shards\\\\..\\\\x\"", "files[0].path"},
    {"Drive", "/files/0/path", "\"C:x\"", "files[0].path"},
    {"Nul", "/files/0/path", "\"a\\u0000b\"", "files[0].path"},
    {"Hidden", "/documents/0/path", "\".bashrc\"", "documents[0].path"},
    {"EmptyPart", "/files/0/path", "\"shards//x\"", "files[0].path"},
    {"WholeClimbs", "/whole/path", "\"../model.gguf\"", "whole.path"},
    {"Itself", "/documents/0/path", "\"Manifest.JSON\"", "is the manifest itself"},
    {"Twice", "/documents/0/path", "\"readme.MD\"", "listed twice"},
    {"HashShort", "/files/0/sha256", "\"abc\"", "files[0].sha256"},
    {"HashUpper", "/files/0/sha256",
     "\"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\"", "files[0].sha256"},
    {"HashNumber", "/files/0/sha256", "7", "expected a string"},
    {"NegativeSize", "/files/0/bytes", "-1", "files[0].bytes"},
    {"FractionalSize", "/files/0/bytes", "1.5", "files[0].bytes"},
    {"HugeSize", "/whole/bytes", "18446744073709551615", "whole.bytes"},
    {"ZeroSize", "/files/2/bytes", "0", "files[2].bytes"},
    {"SumOff", "/files/2/bytes", "6", "the shards hold 26 bytes"},
    {"ShardOff", "/files/1/bytes", "9", "files[1].bytes"},
    {"NoShards", "/files", "[]", "at least one shard"},
    {"FilesObject", "/files", "{}", "expected an array"},
    {"EntryNumber", "/files/0", "3", "expected an object"},
    {"ShardBytesZero", "/shard_bytes", "0", "shard_bytes"},
    {"OtherSchema", "/schema", "\"dragoman.manifest/2\"", "schema"},
    {"NoModel", "/model", nullptr, "\"model\" is missing"},
    {"NoName", "/model/name", nullptr, "\"model.name\" is missing"},
    {"EmptyName", "/model/name", "\"\"", "model.name"},
    {"Decision", "/proof/decision", "\"MAYBE\"", "proof.decision"},
    {"FalseProof", "/proof/decision", "\"FALLBACK\"", "proof.proven"},
    {"ProofWithoutComparison", "/proof/comparison_sha256", "\"\"", "proof.comparison_sha256"},
    {"ProvenText", "/proof/proven", "\"yes\"", "true or false"},
    {"Latency", "/measured/latency_p50_ms", "-3", "measured.latency_p50_ms"},
    {"Language", "/languages/0", "7", "languages"},
    {"Compression", "/compression/0/compressed_bytes", "0", "compression[0].compressed_bytes"},
    {"License", "/license/text_included", "1", "license.text_included"},
};

INSTANTIATE_TEST_SUITE_P(Manifest, HostileManifest, ::testing::ValuesIn(kBadCases),
                         [](const auto& test) { return test.param.name; });

TEST(Manifest, EveryTruncationIsRefused) {
  const std::string text = DumpJson(ToJson(GoodManifest()));
  for (size_t length = 0; length + 2 < text.size(); ++length) {
    ASSERT_FALSE(ParseManifest(std::string_view(text).substr(0, length), "cut")) << length;
  }
}

TEST(Manifest, RefusesWhatIsTooLargeOrTooDeep) {
  EXPECT_FALSE(ParseManifest(std::string(kMaxManifestBytes + 1, ' '), "big"));
  EXPECT_FALSE(ParseManifest(std::string(10000, '['), "deep"));
  Json json = Json::parse(DumpJson(ToJson(GoodManifest())));
  json["languages"] = std::vector<std::string>(kMaxManifestFiles + 1, "en");
  const auto many = ParseManifest(json.dump(), "many");
  ASSERT_FALSE(many);
  EXPECT_THAT(many.error().message, HasSubstr("at most 65536"));
}

TEST(Manifest, SafePaths) {
  for (const char* path : {"a", "README.md", "shards/model-00000.bin", "a/b/c_d-e.f"}) {
    EXPECT_TRUE(IsSafePackagePath(path)) << path;
  }
  for (const char* path :
       {"", "/", "a/", "/a", ".", "..", "a/..", "a/./b", "-rf", "~", "a b", "a\nb", "\xc3\xa9"}) {
    EXPECT_FALSE(IsSafePackagePath(path)) << path;
  }
  EXPECT_FALSE(IsSafePackagePath(std::string(201, 'a')));
}

// Every required member of the schema is one that the reader insists on, and the writer writes no
// other.
TEST(Manifest, AgreesWithItsSchema) {
  const auto schema = ReadJsonFile(DRAGOMAN_SOURCE_DIR "/schemas/manifest.schema.json");
  ASSERT_TRUE(schema) << ToString(schema.error());
  const Json good = Json::parse(DumpJson(ToJson(GoodManifest())));
  const std::pair<std::string, Json> objects[] = {
      {"", *schema},
      {"/model", (*schema)["properties"]["model"]},
      {"/proof", (*schema)["properties"]["proof"]},
      {"/whole", (*schema)["$defs"]["file"]},
      {"/files/1", (*schema)["$defs"]["file"]},
      {"/measured", (*schema)["properties"]["measured"]["oneOf"][1]},
      {"/compression/0", (*schema)["properties"]["compression"]["items"]},
      {"/license", (*schema)["properties"]["license"]},
  };
  for (const auto& [where, rules] : objects) {
    const Json written = good[Json::json_pointer(where)];
    EXPECT_EQ(written.size(), rules["properties"].size()) << where;
    EXPECT_EQ(written.size(), rules["required"].size()) << where;
    for (const Json& name : rules["required"]) {
      Json cut = good;
      cut[Json::json_pointer(where)].erase(name.get<std::string>());
      EXPECT_FALSE(ParseManifest(cut.dump(), "cut")) << where << " without " << name;
    }
  }
}

TEST(Documents, GemmaNoticeHasWhatTheTermsAskFor) {
  Manifest manifest = GoodManifest();
  manifest.license = DescribeLicense("gemma", false);
  const std::string notice = RenderNotice(manifest);
  EXPECT_THAT(notice,
              HasSubstr("Gemma is provided under and subject to the Gemma Terms of Use found at "
                        "ai.google.dev/gemma/terms"));
  EXPECT_THAT(notice, HasSubstr("section 3.2"));
  EXPECT_THAT(notice, HasSubstr("Modification notice"));
  EXPECT_THAT(notice, HasSubstr("add it before passing the package on"));
  manifest.license.text_included = true;
  EXPECT_THAT(RenderNotice(manifest), Not(HasSubstr("add it before")));
}

TEST(Documents, OtherLicencesAreNamedAndAMissingOneIsSaid) {
  Manifest manifest = GoodManifest();
  EXPECT_THAT(RenderNotice(manifest),
              HasSubstr("apache-2.0 (https://www.apache.org/licenses/LICENSE-2.0)"));
  EXPECT_THAT(RenderNotice(manifest), Not(HasSubstr("Gemma is provided")));
  manifest.license = DescribeLicense("", false);
  EXPECT_EQ(manifest.license.id, "unstated");
  EXPECT_THAT(RenderNotice(manifest), HasSubstr("states no licence"));
}

TEST(Documents, ReadmeTellsFiguresAndStatus) {
  Manifest manifest = GoodManifest();
  std::string readme = RenderIntegrationReadme(manifest);
  for (const char* part :
       {"**Proven.**", "## Loading", "## Caching", "## Speed", "## Fallback: cloud", "## Rollback",
        "median 12 ms", "gzip -6 1.042x", "4.0 % less"}) {
    EXPECT_THAT(readme, HasSubstr(part));
  }
  manifest.proof = {false, "FALLBACK", "Mean BLEU loss 5 %.", kHash, ""};
  EXPECT_THAT(RenderIntegrationReadme(manifest),
              HasSubstr("**Not proven.** The quality gate said FALLBACK."));
  manifest.proof = {};
  manifest.measured.reset();
  readme = RenderIntegrationReadme(manifest);
  EXPECT_THAT(readme, HasSubstr("**Unproven.**"));
  EXPECT_THAT(readme, HasSubstr("not measured"));
}

}  // namespace
}  // namespace dragoman
