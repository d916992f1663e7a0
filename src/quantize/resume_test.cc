// A run of error feedback that is killed continues where it was, and ends in the same bytes.
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <iterator>

#include "quantize/quantize.h"
#include "quantize/quantize_source.h"

namespace dragoman {
namespace {

constexpr char kModel[] = DRAGOMAN_SOURCE_DIR "/models/mini";

// Independent inputs for the tensors of the first layer; counts how often they are asked for.
class CountedMoments : public SecondMoments {
 public:
  CountedMoments() {
    const auto source = OpenQuantizeSource(kModel);
    for (const ModelTensor& tensor : source.value().map.tensors) {
      if (tensor.is_norm || !tensor.name.starts_with("blk.0.")) continue;
      Hessian& hessian = map_[tensor.name];
      hessian.dim = static_cast<int64_t>(tensor.info->cols());
      hessian.tokens = 1;
      const auto dim = static_cast<size_t>(hessian.dim);
      hessian.mean.assign(dim * dim, 0.0f);
      for (size_t i = 0; i < dim; ++i) {
        hessian.mean[i * dim + i] = 1.0f + static_cast<float>(i % 5);
      }
    }
  }
  bool Has(std::string_view tensor) const override { return map_.contains(tensor); }
  Result<const Hessian*> Of(std::string_view tensor) override {
    ++asked;
    const auto found = map_.find(tensor);
    return found == map_.end() ? nullptr : &found->second;
  }
  size_t size() const { return map_.size(); }

  size_t asked = 0;

 private:
  HessianMap map_;
};

std::string Bytes(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>()};
}

struct ResumeTest : public ::testing::Test {
  ResumeTest() : folder(::testing::TempDir() + "/resume") {
    std::filesystem::remove_all(folder);
    std::filesystem::create_directories(folder);
    options.recipe = *FindRecipe("q4_0");
    options.moments_key = "text and model";
    options.threads = 2;
  }
  Result<QuantizeReport> Run(const std::string& output) {
    options.moments = &moments;
    moments.asked = 0;
    return Quantize(kModel, output, options);
  }
  // Runs in a process of its own that ends, as if killed, once `tensor` is worked on.
  void RunUntil(const std::string& output, const std::string& tensor) {
    const pid_t child = ::fork();
    ASSERT_GE(child, 0);
    if (child == 0) {
      options.progress = [&](uint64_t, uint64_t, const std::string& now) {
        if (now == tensor) ::_exit(9);
      };
      (void)Run(output);
      ::_exit(0);
    }
    int status = 0;
    ASSERT_EQ(::waitpid(child, &status, 0), child);
    ASSERT_TRUE(WIFEXITED(status));
    ASSERT_EQ(WEXITSTATUS(status), 9) << "the run ended before it could be killed";
  }
  size_t FilesLeft() const {
    return static_cast<size_t>(std::distance(std::filesystem::directory_iterator(folder), {}));
  }

  std::string folder;
  CountedMoments moments;
  QuantizeOptions options;
};

TEST_F(ResumeTest, AKilledRunContinuesToTheSameBytes) {
  ASSERT_TRUE(Run(folder + "/alone.gguf"));
  EXPECT_EQ(moments.asked, moments.size());
  const std::string output = folder + "/killed.gguf";
  RunUntil(output, "blk.0.ffn_down.weight");
  EXPECT_FALSE(std::filesystem::exists(output));
  EXPECT_TRUE(std::filesystem::exists(output + ".partial"));
  ASSERT_TRUE(Run(output));
  EXPECT_LT(moments.asked, moments.size()) << "finished tensors were done again";
  EXPECT_EQ(Bytes(output), Bytes(folder + "/alone.gguf"));
  EXPECT_EQ(FilesLeft(), 2u) << "the two builds, and nothing of the kill";
}

TEST_F(ResumeTest, OtherWorkDoesNotContinueThere) {
  const std::string output = folder + "/killed.gguf";
  RunUntil(output, "blk.0.ffn_down.weight");
  options.moments_key = "another text";
  ASSERT_TRUE(Run(output));
  EXPECT_EQ(moments.asked, moments.size());
}

}  // namespace
}  // namespace dragoman
