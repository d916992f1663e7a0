// The rules of the house as a test: which room may include which, how long a file may be, which
// words never land. docs/ARCHITECTURE.md gives the reasons.
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <map>
#include <regex>
#include <set>
#include <sstream>
#include <string>
#include <vector>

namespace dragoman {
namespace {

namespace fs = std::filesystem;

const fs::path kRoot = DRAGOMAN_SOURCE_DIR;
constexpr size_t kMaxFileLines = 600;

// Room -> rooms it may include besides itself and "dragoman/result.h".
const std::map<std::string, std::set<std::string>>& IncludeTable() {
  static const std::map<std::string, std::set<std::string>> table = {
      {"base", {}},
      {"blocks", {"base"}},
      {"formats", {"base", "blocks"}},
      {"hub", {"base"}},
      {"text", {"base", "formats"}},
      {"kernels", {"base", "blocks"}},
      {"model", {"base", "blocks", "formats", "kernels"}},
      {"translate", {"base", "blocks", "formats", "kernels", "model", "text"}},
      {"quantize", {"base", "blocks", "formats", "kernels", "model", "text", "translate"}},
      {"evaluate/metrics", {"base"}},
      {"evaluate",
       {"evaluate/metrics", "base", "blocks", "formats", "kernels", "model", "text", "translate"}},
      {"package", {"base", "formats", "evaluate", "hub"}},
      {"ship",
       {"base", "blocks", "formats", "hub", "text", "kernels", "model", "translate", "quantize",
        "evaluate", "evaluate/metrics", "package"}},
      {"api",
       {"base", "blocks", "formats", "hub", "text", "kernels", "model", "translate", "quantize",
        "evaluate", "evaluate/metrics", "package", "ship", "dragoman"}},
      {"cli", {"dragoman"}},
  };
  return table;
}

std::string RoomOf(const std::string& path_below_src) {
  if (path_below_src.rfind("evaluate/metrics/", 0) == 0) return "evaluate/metrics";
  return path_below_src.substr(0, path_below_src.find('/'));
}

bool IsSource(const fs::path& path) {
  return path.extension() == ".cc" || path.extension() == ".h";
}

bool IsTest(const fs::path& path) {
  const std::string name = path.stem().string();
  return name.size() > 5 && name.compare(name.size() - 5, 5, "_test") == 0;
}

std::vector<fs::path> SourcesBelow(const std::string& folder) {
  std::vector<fs::path> files;
  for (const auto& entry : fs::recursive_directory_iterator(kRoot / folder)) {
    if (entry.is_regular_file() && IsSource(entry.path())) files.push_back(entry.path());
  }
  return files;
}

std::vector<std::string> LinesOf(const fs::path& path) {
  std::ifstream in(path);
  std::vector<std::string> lines;
  for (std::string line; std::getline(in, line);) lines.push_back(line);
  return lines;
}

// "src/model/a.cc:12: includes quantize/b.h" for each include that the table forbids.
std::vector<std::string> ForbiddenIncludes(const fs::path& file,
                                           const std::vector<std::string>& lines) {
  static const std::regex kInclude("^\\s*#\\s*include\\s+\"([^\"]+)\"");
  const std::string below = fs::relative(file, kRoot / "src").generic_string();
  const std::string room = RoomOf(below);
  const auto allowed = IncludeTable().find(room);
  std::vector<std::string> problems;
  if (allowed == IncludeTable().end()) return {below + ": lies in no known room"};
  for (size_t i = 0; i < lines.size(); ++i) {
    std::smatch match;
    if (!std::regex_search(lines[i], match, kInclude)) continue;
    const std::string target = match[1];
    const std::string target_room = RoomOf(target);
    if (target_room == "hwy") continue;  // Highway writes its includes with quotes
    if (target == "dragoman/result.h" || target_room == room ||
        allowed->second.count(target_room) != 0)
      continue;
    problems.push_back("src/" + below + ":" + std::to_string(i + 1) + ": room " + room +
                       " may not include " + target);
  }
  return problems;
}

TEST(House, RoomsIncludeOnlyWhatTheTableAllows) {
  const auto files = SourcesBelow("src");
  ASSERT_GT(files.size(), 50u);
  for (const auto& file : files) {
    for (const auto& problem : ForbiddenIncludes(file, LinesOf(file))) ADD_FAILURE() << problem;
  }
}

TEST(House, TheIncludeCheckSeesAForbiddenInclude) {
  const auto file = kRoot / "src/kernels/example.cc";
  EXPECT_EQ(
      ForbiddenIncludes(file, {"#include \"base/log.h\"", "#include \"model/gemma3.h\""}).size(),
      1u);
  EXPECT_EQ(ForbiddenIncludes(kRoot / "src/evaluate/metrics/x.cc", {"#include \"model/gemma3.h\""})
                .size(),
            1u);
  EXPECT_EQ(ForbiddenIncludes(kRoot / "src/cli/x.cc", {"#include \"base/log.h\""}).size(), 1u);
}

TEST(House, PublicHeadersIncludeNoRoom) {
  for (const auto& file : SourcesBelow("include")) {
    for (const auto& line : LinesOf(file)) {
      if (line.rfind("#include \"", 0) == 0) {
        EXPECT_EQ(line.rfind("#include \"dragoman/", 0), 0u) << file << ": " << line;
      }
    }
  }
}

TEST(House, FilesStayShortEnoughToRead) {
  for (const char* folder : {"src", "include", "tests", "bench"}) {
    for (const auto& file : SourcesBelow(folder)) {
      if (file.string().find(".gen.") != std::string::npos) continue;
      EXPECT_LE(LinesOf(file).size(), kMaxFileLines) << file;
    }
  }
}

TEST(House, EveryHeaderSaysWhatItIsFor) {
  for (const char* folder : {"src", "include"}) {
    for (const auto& file : SourcesBelow(folder)) {
      if (file.extension() != ".h") continue;
      const auto lines = LinesOf(file);
      ASSERT_FALSE(lines.empty()) << file;
      EXPECT_TRUE(lines[0].rfind("//", 0) == 0 || lines[0].rfind("/*", 0) == 0) << file;
    }
  }
}

// ISA conditionals belong to the kernels (and to the base room's ports).
TEST(House, InstructionSetsAreKnownOnlyToKernels) {
  static const std::regex kIsa(
      "#\\s*if.*(__AVX|__SSE|__ARM_NEON|__x86_64__)|#\\s*include\\s*<(immintrin|arm_neon)\\.h>");
  for (const auto& file : SourcesBelow("src")) {
    const std::string below = fs::relative(file, kRoot / "src").generic_string();
    const std::string room = RoomOf(below);
    if (room == "kernels" || room == "base") continue;
    for (const auto& line : LinesOf(file))
      EXPECT_FALSE(std::regex_search(line, kIsa)) << below << ": " << line;
  }
}

TEST(House, NoLeftoversInSources) {
  static const std::regex kWords("\\b(TODO|FIXME|XXX|HACK)\\b");
  for (const auto& file : SourcesBelow("src")) {
    for (const auto& line : LinesOf(file))
      EXPECT_FALSE(std::regex_search(line, kWords)) << file << ": " << line;
  }
}

// Code that tests share ("tiny_model.h" implemented by "tiny_model_test.cc"), linked into the test
// program only.
bool IsFixture(const fs::path& test) {
  const std::string stem = test.stem().string();
  const std::string header = stem.substr(0, stem.size() - 5) + ".h";
  const auto lines = LinesOf(test.parent_path() / header);
  return !lines.empty() && lines[0].find("test") != std::string::npos;
}

// A room's tests are run: every *_test.cc holds at least one TEST with an expectation.
TEST(House, TestsExpectSomething) {
  for (const auto& file : SourcesBelow("src")) {
    if (!IsTest(file) || file.extension() != ".cc" || IsFixture(file)) continue;
    std::stringstream text;
    text << std::ifstream(file).rdbuf();
    EXPECT_NE(text.str().find("TEST"), std::string::npos) << file;
    EXPECT_TRUE(text.str().find("EXPECT_") != std::string::npos ||
                text.str().find("ASSERT_") != std::string::npos)
        << file;
  }
}

}  // namespace
}  // namespace dragoman
