// Runs that several processes share, with threads in their place: split, parts, resumption, errors
// in one of them. tests/mpi_shares_a_run.sh does it with real processes.
#include "evaluate/shared_run.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <barrier>
#include <filesystem>
#include <functional>
#include <thread>

#include "base/atomic_file.h"

namespace dragoman {
namespace {

namespace fs = std::filesystem;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

// Where the threads of a made-up group leave their texts for each other.
struct Board {
  explicit Board(int size) : texts(static_cast<size_t>(size)), barrier(size) {}
  std::vector<std::string> texts;
  std::barrier<> barrier;
};

class FakeGroup : public ProcessGroup {
 public:
  // `local_rank`: 0 stands for the first process of a machine of its own.
  FakeGroup(Board& board, int rank, int local_rank)
      : board_(board), rank_(rank), local_rank_(local_rank) {}
  int rank() const override { return rank_; }
  int size() const override { return static_cast<int>(board_.texts.size()); }
  int local_rank() const override { return local_rank_; }
  int local_size() const override { return 1; }
  Result<std::vector<std::string>> Gather(std::string_view mine) override {
    const std::vector<std::string> all = Exchange(mine);
    return rank_ == 0 ? all : std::vector<std::string>();
  }
  Result<std::string> Broadcast(std::string_view of_rank_0) override {
    return Exchange(of_rank_0)[0];
  }
  Result<void> Leave() override { return {}; }

 private:
  std::vector<std::string> Exchange(std::string_view mine) {
    board_.texts[static_cast<size_t>(rank_)] = mine;
    board_.barrier.arrive_and_wait();
    const std::vector<std::string> all = board_.texts;
    board_.barrier.arrive_and_wait();
    return all;
  }
  Board& board_;
  int rank_, local_rank_;
};

Suite ThirtySentences() {
  Suite suite;
  suite.hash = "0123";
  for (int i = 0; i < 30; ++i) {
    const std::string number = std::to_string(i);
    suite.samples.push_back({"s-" + number,
                             "en",
                             i % 3 == 0 ? "fr" : "de",
                             "Here is number " + number + ".",
                             "Hier ist Nummer " + number + ".",
                             "talk",
                             {}});
  }
  return suite;
}

OrderedJson IdentityOf(const std::string& device) {
  return {{"schema", "dragoman.predictions/1"}, {"model_sha256", "a"}, {"device", device}};
}

// What one of the threads did.
struct Outcome {
  BenchmarkResult result;
  Result<void> status;
  int asked = 0;
  bool failed_together = false;
};

struct FakeRun {
  Suite suite = ThirtySentences();
  std::string folder;                    // of the predictions; empty: none are kept
  bool machines = false;                 // every process has a machine and files of its own
  std::function<bool(int, int)> breaks;  // rank, sentences asked: this translator fails now
  std::function<std::string(int)> device = [](int) { return "cpu:avx2"; };

  std::string PathOf(int rank) const {
    if (folder.empty()) return {};
    const std::string machine = machines ? "/machine-" + std::to_string(rank) : "";
    return folder + machine + "/run.jsonl";
  }

  std::vector<Outcome> With(int processes) const {
    Board board(processes);
    std::vector<Outcome> outcomes(static_cast<size_t>(processes));
    std::vector<std::thread> threads;
    for (int rank = 0; rank < processes; ++rank) {
      threads.emplace_back([&, rank] {
        FakeGroup group(board, rank, machines ? 0 : rank);
        Outcome& outcome = outcomes[static_cast<size_t>(rank)];
        BenchmarkOptions options;
        options.max_batch = 1;  // chunks of 4
        options.predictions_path = PathOf(rank);
        options.group = &group;
        outcome.status = TranslateSuite(
            suite, options, IdentityOf(device(rank)),
            [&](std::span<const TranslationRequest> requests) {
              return Answer(requests, rank, outcome.asked);
            },
            outcome.result);
        outcome.failed_together = group.failed_together();
      });
    }
    for (std::thread& thread : threads) thread.join();
    return outcomes;
  }

  Result<std::vector<Translation>> Answer(std::span<const TranslationRequest> requests, int rank,
                                          int& asked) const {
    std::vector<Translation> translations;
    for (const auto& request : requests) {
      ++asked;
      if (breaks && breaks(rank, asked)) return Fail(ErrorCode::kDevice, "the card fell out");
      Translation translation;
      translation.text = "Hier ist " + request.text.substr(8);
      translations.push_back(translation);
    }
    return translations;
  }
};

std::string EmptyFolder(const std::string& name) {
  const std::string folder = ::testing::TempDir() + "dragoman_shared_run/" + name;
  fs::remove_all(folder);
  return folder;
}

std::vector<std::string> Hypotheses(const BenchmarkResult& result) {
  std::vector<std::string> texts;
  for (const Prediction& one : result.predictions) texts.push_back(one.hypothesis);
  return texts;
}

int AskedOf(const std::vector<Outcome>& outcomes) {
  int asked = 0;
  for (const Outcome& one : outcomes) asked += one.asked;
  return asked;
}

std::vector<std::string> ScoresAlone(const Suite& suite, BenchmarkResult* result) {
  const FakeRun run;
  int asked = 0;
  const Result<void> status = TranslateSuite(
      suite, {}, IdentityOf("cpu:avx2"),
      [&](std::span<const TranslationRequest> requests) { return run.Answer(requests, 0, asked); },
      *result);
  EXPECT_TRUE(status);
  return Hypotheses(*result);
}

TEST(SharedRun, AnyNumberOfProcessesScoresAsOne) {
  FakeRun run;
  BenchmarkResult alone;
  const std::vector<std::string> expected = ScoresAlone(run.suite, &alone);
  for (const int processes : {1, 2, 3, 7, 31}) {
    const auto outcomes = run.With(processes);
    for (const Outcome& one : outcomes) ASSERT_TRUE(one.status) << ToString(one.status.error());
    EXPECT_EQ(Hypotheses(outcomes[0].result), expected) << processes;
    EXPECT_EQ(outcomes[0].result.mean_bleu, alone.mean_bleu);
    EXPECT_EQ(outcomes[0].result.processes, processes);
    EXPECT_GT(outcomes[0].result.peak_rss_bytes, 0u);
    EXPECT_EQ(AskedOf(outcomes), 30);
    EXPECT_LE(outcomes[0].asked, (30 + processes - 1) / processes);
  }
}

TEST(SharedRun, WhatWasFinishedIsKeptWhenOneFails) {
  FakeRun run;
  run.folder = EmptyFolder("kept");
  run.breaks = [](int rank, int asked) { return rank == 1 && asked > 4; };
  const auto broken = run.With(3);
  for (const Outcome& one : broken) {
    ASSERT_FALSE(one.status);
    EXPECT_EQ(one.status.error().code, ErrorCode::kDevice);
    EXPECT_EQ(ToString(one.status.error()), "process 1 of 3: the card fell out");
    EXPECT_TRUE(one.failed_together);
  }
  EXPECT_THAT(PartsBeside(run.PathOf(0)), SizeIs(2));  // rank 0 writes the run's own file

  run.breaks = nullptr;
  const auto again = run.With(2);  // 10 of rank 0, 4 of rank 1, 10 of rank 2 are there
  ASSERT_TRUE(again[0].status) << ToString(again[0].status.error());
  EXPECT_EQ(AskedOf(again), 6);
  EXPECT_THAT(PartsBeside(run.PathOf(0)), IsEmpty());
  BenchmarkResult alone;
  EXPECT_EQ(Hypotheses(again[0].result), ScoresAlone(run.suite, &alone));
}

TEST(SharedRun, OneProcessAloneContinuesFromTheParts) {
  FakeRun run;
  run.folder = EmptyFolder("alone");
  run.breaks = [](int rank, int asked) { return rank == 2 && asked > 8; };
  ASSERT_FALSE(run.With(3)[0].status);
  // The last line of a process that was killed in the middle of writing is torn.
  const std::string part = PartPath(run.PathOf(0), 2);
  const auto text = ReadFile(part);
  ASSERT_TRUE(text);
  ASSERT_TRUE(WriteFileAtomically(part, text->substr(0, text->size() - 5)));

  auto file = PredictionsFile::Open(run.PathOf(0), IdentityOf("cpu:avx2"));
  ASSERT_TRUE(file) << ToString(file.error());
  EXPECT_EQ(file->size(), 10u + 10u + 7u);
  EXPECT_THAT(PartsBeside(run.PathOf(0)), IsEmpty());
}

TEST(SharedRun, PartsOfAnotherRunAreNotTaken) {
  const std::string path = EmptyFolder("other") + "/run.jsonl";
  ASSERT_TRUE(PredictionsFile::Open(PartPath(path, 1), IdentityOf("cpu:avx512")));
  const auto file = PredictionsFile::Open(path, IdentityOf("cpu:avx2"));
  ASSERT_TRUE(file);
  EXPECT_EQ(file->size(), 0u);
  EXPECT_THAT(PartsBeside(path), IsEmpty());
}

TEST(SharedRun, MachinesNeedNoFilesInCommon) {
  FakeRun run;
  run.folder = EmptyFolder("machines");
  run.machines = true;
  run.breaks = [](int rank, int asked) { return rank == 1 && asked > 4; };
  ASSERT_FALSE(run.With(3)[0].status);
  EXPECT_THAT(PartsBeside(run.PathOf(0)), IsEmpty());
  EXPECT_THAT(PartsBeside(run.PathOf(1)), SizeIs(1));

  run.breaks = nullptr;
  const auto again = run.With(3);
  ASSERT_TRUE(again[0].status) << ToString(again[0].status.error());
  EXPECT_EQ(AskedOf(again), 6);
  for (int rank = 0; rank < 3; ++rank) EXPECT_THAT(PartsBeside(run.PathOf(rank)), IsEmpty());
  BenchmarkResult alone;
  EXPECT_EQ(Hypotheses(again[0].result), ScoresAlone(run.suite, &alone));
}

TEST(SharedRun, ProcessesThatComputeOtherwiseAreRefused) {
  FakeRun run;
  run.device = [](int rank) { return rank == 2 ? "cpu:generic" : "cpu:avx2"; };
  const auto outcomes = run.With(3);
  for (const Outcome& one : outcomes) {
    ASSERT_FALSE(one.status);
    EXPECT_EQ(one.status.error().code, ErrorCode::kInvalidArgument);
    EXPECT_THAT(ToString(one.status.error()), HasSubstr("process 2 of 3"));
    EXPECT_THAT(ToString(one.status.error()), HasSubstr("cpu:generic"));
    EXPECT_EQ(one.asked, 0);
  }
}

TEST(SharedRun, PredictionsSurviveTheWay) {
  Prediction one;
  one.id = "s-1";
  one.pair = "en-de";
  one.source = "a\nb\t\"c\"";
  one.hypothesis = "ä\\n🙂";
  one.seconds = 0.1;
  one.keep = {"x"};
  const std::string lines = FormatPredictions(std::vector{one, one});
  const auto back = ParsePredictions(lines, "here");
  ASSERT_TRUE(back) << ToString(back.error());
  ASSERT_THAT(*back, SizeIs(2));
  EXPECT_EQ((*back)[1].source, one.source);
  EXPECT_EQ((*back)[1].hypothesis, one.hypothesis);
  EXPECT_EQ((*back)[1].seconds, one.seconds);
  const auto torn = ParsePredictions(lines.substr(0, lines.size() - 4), "here");
  ASSERT_FALSE(torn);
  EXPECT_THAT(ToString(torn.error()), HasSubstr("here: line 2"));
}

}  // namespace
}  // namespace dragoman
