#include "ship/doctor.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>

#include "base/atomic_file.h"
#include "ship/accelerators.h"

namespace dragoman {
namespace {

namespace fs = std::filesystem;
using ::testing::HasSubstr;

DoctorOptions OptionsFor(const std::string& name) {
  DoctorOptions options;
  options.workspace = ::testing::TempDir() + name;
  fs::remove_all(options.workspace);
  options.need = JobNeed{1, 1, "next to nothing"};
  options.hub = HubSettings{"http://127.0.0.1:1", options.workspace + "/cache", "", ""};
  options.hub_timeout_ms = 500;
  options.nvml_library = "no-such-library.so";
  return options;
}

TEST(Accelerators, NoneIsAStatedFact) {
  const AcceleratorReport report = FindAccelerators("no-such-library.so");
  EXPECT_TRUE(report.devices.empty());
  EXPECT_THAT(report.detail, HasSubstr("no NVIDIA driver"));
  EXPECT_THAT(FindAccelerators("libz.so.1").detail, HasSubstr("did not start"));
}

TEST(Accelerators, AreDescribed) {
  const AcceleratorReport report = FindAccelerators(DRAGOMAN_FAKE_NVML);
  ASSERT_EQ(report.devices.size(), 1u);  // the second is lost
  EXPECT_EQ(report.devices[0].name, "Fake GPU");
  EXPECT_EQ(report.devices[0].compute_capability, "9.0");
  EXPECT_EQ(report.devices[0].free_bytes, 6000000000u);
  EXPECT_EQ(report.driver_version, "555.1");
}

TEST(Doctor, AHealthyMachineIsReady) {
  const DoctorOptions options = OptionsFor("doctor_healthy");
  const DoctorReport report = RunDoctor(options);
  EXPECT_TRUE(report.ok()) << ToText(report);
  for (const char* name : {"accelerators", "cpu", "memory", "disk", "hub", "token", "cache",
                           "workspace", "versions"}) {
    ASSERT_NE(report.Find(name), nullptr) << name;
    EXPECT_NE(report.Find(name)->detail, "") << name;
  }
  EXPECT_EQ(report.Find("hub")->status,
            CheckStatus::kWarn);  // closed port: not needed, so no failure
  EXPECT_TRUE(fs::is_directory(options.workspace + "/models"));
  EXPECT_TRUE(fs::is_empty(options.workspace + "/logs"));
  EXPECT_THAT(ToText(report), HasSubstr("ready"));
  fs::remove_all(options.workspace);
}

TEST(Doctor, AShortfallOfTheJobIsABlocker) {
  DoctorOptions options = OptionsFor("doctor_short");
  options.need = JobNeed{uint64_t{1} << 60, uint64_t{1} << 60, "too much"};
  const DoctorReport report = RunDoctor(options);
  EXPECT_FALSE(report.ok());
  EXPECT_EQ(report.Find("disk")->status, CheckStatus::kFail);
  EXPECT_EQ(report.Find("memory")->status, CheckStatus::kFail);
  EXPECT_EQ(report.Blockers().size(), 2u);
  EXPECT_THAT(ToText(report), HasSubstr("not ready: 2 of"));
  fs::remove_all(options.workspace);
}

TEST(Doctor, WithoutAJobThe4bNeedIsTold) {
  DoctorOptions options = OptionsFor("doctor_4b");
  options.need.reset();
  const DoctorReport report = RunDoctor(options);
  EXPECT_TRUE(report.ok());
  EXPECT_THAT(report.Find("disk")->detail, HasSubstr("checkpoint 8.6 GB, 16-bit GGUF 7.8 GB"));
  fs::remove_all(options.workspace);
}

TEST(Doctor, AWorkspaceThatIsAFileIsABlocker) {
  const DoctorOptions options = OptionsFor("doctor_file");
  ASSERT_TRUE(WriteFileAtomically(options.workspace, "in the way"));
  const DoctorReport report = RunDoctor(options);
  EXPECT_EQ(report.Find("workspace")->status, CheckStatus::kFail);
  EXPECT_FALSE(report.ok());
  fs::remove_all(options.workspace);
}

TEST(Doctor, JsonFollowsItsSchema) {
  const DoctorOptions options = OptionsFor("doctor_json");
  const OrderedJson json = ToJson(RunDoctor(options));
  const auto schema = ReadJsonFile(DRAGOMAN_SOURCE_DIR "/schemas/doctor.schema.json");
  ASSERT_TRUE(schema) << ToString(schema.error());
  EXPECT_EQ(json["schema"], (*schema)["properties"]["schema"]["const"].get<std::string>());
  for (const Json& key : (*schema)["required"])
    EXPECT_TRUE(json.contains(key.get<std::string>())) << key;
  const Json& check_rules = (*schema)["properties"]["checks"]["items"];
  ASSERT_FALSE(json["checks"].empty());
  for (const OrderedJson& check : json["checks"]) {
    EXPECT_EQ(check.size(), check_rules["properties"].size());
    for (const Json& key : check_rules["required"])
      EXPECT_TRUE(check.contains(key.get<std::string>())) << key;
    const Json& states = check_rules["properties"]["status"]["enum"];
    EXPECT_NE(std::find(states.begin(), states.end(), check["status"].get<std::string>()),
              states.end());
  }
  fs::remove_all(options.workspace);
}

}  // namespace
}  // namespace dragoman
