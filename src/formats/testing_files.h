// For tests of this room: temporary folders and small files, good ones.
#ifndef DRAGOMAN_FORMATS_TESTING_FILES_H_
#define DRAGOMAN_FORMATS_TESTING_FILES_H_

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <stdlib.h>

#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <vector>

#include "formats/gguf.h"
#include "formats/safetensors.h"

namespace dragoman {

class TemporaryFolder {
 public:
  TemporaryFolder() {
    std::string name = testing::TempDir() + "dragoman-formats-XXXXXX";
    path_ = ::mkdtemp(name.data());
  }
  ~TemporaryFolder() {
    std::error_code ec;
    std::filesystem::remove_all(path_, ec);
  }
  TemporaryFolder(const TemporaryFolder&) = delete;
  TemporaryFolder& operator=(const TemporaryFolder&) = delete;
  const std::filesystem::path& path() const { return path_; }

 private:
  std::filesystem::path path_;
};

inline void WriteBytes(const std::string& path, std::string_view bytes) {
  std::ofstream(path, std::ios::binary)
      .write(bytes.data(), static_cast<std::streamsize>(bytes.size()));
}

inline std::string ReadBytes(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>()};
}

// Emits bytes 0, 1, 2, ... of the right number for a plan.
inline TensorSource CountingSource(std::vector<GgufTensorPlan> plans) {
  return [plans = std::move(plans)](size_t index, const ByteSink& sink) -> Result<void> {
    uint64_t elems = 1;
    for (uint64_t dim : plans[index].shape) elems *= dim;
    const uint64_t cols = plans[index].shape.empty() ? 1 : plans[index].shape.back();
    std::vector<std::byte> bytes(*TensorBytes(plans[index].type, elems / cols, cols));
    for (size_t i = 0; i < bytes.size(); ++i) bytes[i] = static_cast<std::byte>(i % 61);
    const size_t half = bytes.size() / 2;
    DRAGOMAN_RETURN_IF_ERROR(sink(std::span(bytes).first(half)));
    return sink(std::span(bytes).subspan(half));
  };
}

// Tensors of eight BF16 each.
inline std::vector<GgufTensorPlan> TinyPlans(const std::vector<std::string>& names) {
  std::vector<GgufTensorPlan> plans;
  for (const std::string& name : names) plans.push_back({name, BlockType::kBF16, {2, 4}});
  return plans;
}

inline void WriteTinySafetensors(const std::string& path, const std::vector<std::string>& names) {
  const auto plans = TinyPlans(names);
  const auto written = WriteSafetensors(path, plans, CountingSource(plans));
  ASSERT_TRUE(written.has_value()) << ToString(written.error());
}

inline void WriteTinyGguf(const std::string& path, const std::vector<std::string>& names,
                          const GgufMetadata& metadata) {
  const auto plans = TinyPlans(names);
  const auto written = WriteGguf(path, metadata, plans, CountingSource(plans));
  ASSERT_TRUE(written.has_value()) << ToString(written.error());
}

}  // namespace dragoman

#endif  // DRAGOMAN_FORMATS_TESTING_FILES_H_
