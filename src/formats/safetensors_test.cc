#include "formats/safetensors.h"

#include "formats/testing_files.h"

namespace dragoman {
namespace {

using testing::HasSubstr;

std::span<const std::byte> Bytes(const std::string& text) {
  return std::as_bytes(std::span(text.data(), text.size()));
}

std::string FileOf(std::string_view json, size_t data_bytes) {
  const uint64_t length = json.size();
  std::string out(reinterpret_cast<const char*>(&length), sizeof(length));
  out += json;
  return out + std::string(data_bytes, '\1');
}

class SafetensorsFileTest : public testing::Test {
 protected:
  std::string In(const std::string& name) const { return (folder_.path() / name).string(); }
  TemporaryFolder folder_;
};

TEST_F(SafetensorsFileTest, WritingWhatWasReadGivesTheSameBytes) {
  const std::vector<GgufTensorPlan> plans = {{"wide", BlockType::kI64, {3}},
                                             {"f64", BlockType::kF64, {2, 1}},
                                             {"model.norm.weight", BlockType::kF32, {4}},
                                             {"scalar", BlockType::kI32, {}},
                                             {"none", BlockType::kF16, {0, 7}},
                                             {"név", BlockType::kBF16, {1, 2, 3}},
                                             {"half", BlockType::kF16, {3}},
                                             {"i16", BlockType::kI16, {1}},
                                             {"bytes", BlockType::kI8, {5}}};
  ASSERT_TRUE(WriteSafetensors(In("a"), plans, CountingSource(plans)).has_value());
  const std::string bytes = ReadBytes(In("a"));
  EXPECT_EQ(SafetensorsFileBytes(plans), bytes.size());
  auto header = ParseSafetensors(Bytes(bytes), "a");
  ASSERT_TRUE(header.has_value()) << ToString(header.error());
  EXPECT_EQ(header->data_offset_bytes % 8, 0u);
  EXPECT_THAT(header->metadata, testing::ElementsAre(std::pair("format", "pt")));
  std::vector<GgufTensorPlan> read;
  for (const TensorInfo& tensor : header->tensors) {
    read.push_back({tensor.name, tensor.type, tensor.shape});
  }
  // "none" holds no byte and sorts before the tensor it shares its offset with.
  ASSERT_EQ(read.size(), plans.size());
  for (size_t i = 0; i < plans.size(); ++i) {
    EXPECT_EQ(read[i].name, plans[i].name);
    EXPECT_EQ(read[i].type, plans[i].type);
    EXPECT_EQ(read[i].shape, plans[i].shape);
  }
  const auto copy = [&](size_t i, const ByteSink& sink) {
    const TensorInfo& tensor = header->tensors[i];
    return sink(Bytes(bytes).subspan(tensor.offset_bytes, tensor.size_bytes));
  };
  ASSERT_TRUE(WriteSafetensors(In("b"), read, copy).has_value());
  EXPECT_EQ(bytes, ReadBytes(In("b")));
}

TEST_F(SafetensorsFileTest, RewritesAFileOfTheBundledModelByteForByte) {
  const std::string bytes =
      ReadBytes(std::string(DRAGOMAN_SOURCE_DIR) + "/models/mini/model-00004-of-00004.safetensors");
  auto header = ParseSafetensors(Bytes(bytes), "mini");
  ASSERT_TRUE(header.has_value()) << ToString(header.error());
  std::vector<GgufTensorPlan> plans;
  for (const TensorInfo& tensor : header->tensors) {
    plans.push_back({tensor.name, tensor.type, tensor.shape});
  }
  ASSERT_TRUE(WriteSafetensors(In("a"), plans, [&](size_t i, const ByteSink& sink) {
                const TensorInfo& tensor = header->tensors[i];
                return sink(Bytes(bytes).subspan(tensor.offset_bytes, tensor.size_bytes));
              }).has_value());
  EXPECT_EQ(bytes, ReadBytes(In("a")));
}

TEST(SafetensorsParse, ReadsBytesBuiltByHand) {
  std::string json =
      R"({"b":{"dtype":"BF16","shape":[2,2],"data_offsets":[8,16]},)"
      R"( "a":{"data_offsets":[0,8],"shape":[2],"dtype":"F32"}, "__metadata__":{"k":"v"}})";
  json.resize((json.size() + 7) / 8 * 8, ' ');
  const std::string bytes = FileOf(json, 16);
  auto header = ParseSafetensors(Bytes(bytes), "x");
  ASSERT_TRUE(header.has_value()) << ToString(header.error());
  EXPECT_EQ(header->tensors[0].name, "a");
  EXPECT_EQ(header->tensors[1].name, "b");
  EXPECT_EQ(header->tensors[1].offset_bytes, bytes.size() - 8);
  EXPECT_THAT(header->tensors[1].shape, testing::ElementsAre(2, 2));
  EXPECT_EQ(header->metadata[0].second, "v");
  // Well-formed, but the data starts at an odd offset.
  header = ParseSafetensors(Bytes(FileOf(json + " ", 16)), "x");
  ASSERT_FALSE(header.has_value());
  EXPECT_EQ(header.error().code, ErrorCode::kUnsupported);
  EXPECT_THAT(header.error().message, HasSubstr("a multiple of 2 bytes"));
}

struct RefusedHeader {
  const char* name;
  std::string bytes;
  ErrorCode code;
  const char* message;
};
class BadSafetensors : public testing::TestWithParam<RefusedHeader> {};

TEST_P(BadSafetensors, IsRefusedWithItsReason) {
  auto header = ParseSafetensors(Bytes(GetParam().bytes), "bad.safetensors");
  ASSERT_FALSE(header.has_value());
  EXPECT_EQ(header.error().code, GetParam().code) << ToString(header.error());
  EXPECT_THAT(ToString(header.error()), HasSubstr(GetParam().message));
  EXPECT_THAT(ToString(header.error()), HasSubstr("bad.safetensors"));
}

constexpr ErrorCode kBroken = ErrorCode::kCorruptFile;
constexpr ErrorCode kNotRead = ErrorCode::kUnsupported;

// A file with the header text padded to a multiple of 8.
std::string Padded(std::string json, size_t data_bytes) {
  json.resize((json.size() + 7) / 8 * 8, ' ');
  return FileOf(json, data_bytes);
}
std::string OneTensor(const std::string& members, size_t data_bytes) {
  return Padded("{\"t\":{" + members + "}}", data_bytes);
}
std::string Length(uint64_t length) {
  return std::string(reinterpret_cast<const char*>(&length), 8) + "{}";
}
std::string Repeated(const std::string& text, int count) {
  std::string out;
  for (int i = 0; i < count; ++i) out += text;
  return out;
}

INSTANTIATE_TEST_SUITE_P(
    Header, BadSafetensors,
    testing::Values(
        RefusedHeader{"Empty", "", kBroken, "expected 8 bytes"},
        RefusedHeader{"SevenBytes", "1234567", kBroken, "expected 8 bytes, found a file of 7"},
        RefusedHeader{"LengthHuge", Length(UINT64_MAX), kBroken,
                      "expected at most 100000000 bytes, found"},
        RefusedHeader{"LengthAboveTheFile", Length(3), kBroken, "expected 3 bytes, found 2"},
        RefusedHeader{"LengthZero", FileOf("", 0), kBroken, "begin with {"},
        RefusedHeader{"LeadingSpace", FileOf(" {}", 0), kBroken, "begin with {"},
        RefusedHeader{"ByteOrderMark", FileOf("\xef\xbb\xbf{}", 0), kBroken, "begin with {"},
        RefusedHeader{"NotJson", FileOf("{]", 0), kBroken, "expected JSON"},
        RefusedHeader{"Garbage", FileOf("{} x", 0), kBroken, "expected JSON"},
        RefusedHeader{"ZeroByte", FileOf(std::string("{}\0x", 4), 0), kBroken, "zero byte"},
        RefusedHeader{"NotUtf8", FileOf("{\"\xff\":1}", 0), kBroken, "expected JSON"},
        RefusedHeader{"Deep", FileOf("{\"a\":" + Repeated("[", 100000), 0), kBroken,
                      "found an array"},
        RefusedHeader{"DeepObjects", FileOf(Repeated("{\"a\":", 100000), 0), kBroken,
                      "expected dtype"},
        RefusedHeader{"TrailingBytes", FileOf("{}      ", 1), kBroken, "expected the file to end"},
        RefusedHeader{"TensorIsNumber", FileOf("{\"t\":1}", 0), kBroken, "'t': expected an object"},
        RefusedHeader{"NameTwice",
                      Padded(R"({"t":{"dtype":"I8","shape":[1],"data_offsets":[0,1]},)"
                             R"("t":{"dtype":"I8","shape":[1],"data_offsets":[1,2]}})",
                             2),
                      kBroken, "'t': expected each name once"},
        RefusedHeader{"NameEmpty",
                      Padded(R"({"":{"dtype":"I8","shape":[1],"data_offsets":[0,1]}})", 1), kBroken,
                      "it is empty"},
        RefusedHeader{"NameControl",
                      Padded(R"({"a\u0000":{"dtype":"I8","shape":[1],"data_offsets":[0,1]}})", 1),
                      kBroken, "control"},
        RefusedHeader{"MetadataNumber", FileOf(R"({"__metadata__":{"a":1}})", 0), kBroken,
                      "expected a string"},
        RefusedHeader{"MetadataTwice", FileOf(R"({"__metadata__":{"a":"1","a":"2"}})", 0), kBroken,
                      "expected each key once"}),
    [](const testing::TestParamInfo<RefusedHeader>& param) {
      return std::string(param.param.name);
    });

INSTANTIATE_TEST_SUITE_P(
    Tensors, BadSafetensors,
    testing::Values(
        RefusedHeader{"NoDtype", OneTensor(R"("shape":[1],"data_offsets":[0,1])", 1), kBroken,
                      "found less"},
        RefusedHeader{"NoShape", OneTensor(R"("dtype":"I8","data_offsets":[0,1])", 1), kBroken,
                      "found less"},
        RefusedHeader{"NoOffsets", OneTensor(R"("dtype":"I8","shape":[1])", 1), kBroken,
                      "found less"},
        RefusedHeader{"OneOffset", OneTensor(R"("dtype":"I8","shape":[1],"data_offsets":[0])", 1),
                      kBroken, "found less"},
        RefusedHeader{"ThreeOffsets",
                      OneTensor(R"("dtype":"I8","shape":[1],"data_offsets":[0,1,2])", 1), kBroken,
                      "two data_offsets, found more"},
        RefusedHeader{"DtypeTwice",
                      OneTensor(R"("dtype":"I8","dtype":"I8","shape":[1],"data_offsets":[0,1])", 1),
                      kBroken, "dtype once"},
        RefusedHeader{"UnknownMember",
                      OneTensor(R"("dtype":"I8","x":1,"shape":[1],"data_offsets":[0,1])", 1),
                      kBroken, "found 'x'"},
        RefusedHeader{"DtypeNumber", OneTensor(R"("dtype":1,"shape":[1],"data_offsets":[0,1])", 1),
                      kBroken, "expected a string"},
        RefusedHeader{"ShapeString",
                      OneTensor(R"("dtype":"I8","shape":"1","data_offsets":[0,1])", 1), kBroken,
                      "expected an array"},
        RefusedHeader{"ShapeNegative",
                      OneTensor(R"("dtype":"I8","shape":[-1],"data_offsets":[0,1])", 1), kBroken,
                      "found a negative number"},
        RefusedHeader{"ShapeFloat",
                      OneTensor(R"("dtype":"I8","shape":[1.0],"data_offsets":[0,1])", 1), kBroken,
                      "no integer"},
        RefusedHeader{
            "ShapeAbove64Bits",
            OneTensor(R"("dtype":"I8","shape":[18446744073709551616],"data_offsets":[0,1])", 1),
            kBroken, "no integer"},
        RefusedHeader{"ShapeNested",
                      OneTensor(R"("dtype":"I8","shape":[[1]],"data_offsets":[0,1])", 1), kBroken,
                      "found an array"},
        RefusedHeader{
            "ShapeLong",
            OneTensor(R"("dtype":"I8","shape":[1,1,1,1,1,1,1,1,1],"data_offsets":[0,1])", 1),
            kBroken, "at most 8 dimensions"},
        RefusedHeader{
            "ShapeOverflow",
            OneTensor(R"("dtype":"I8","shape":[4294967296,4294967296],"data_offsets":[0,0])", 0),
            kBroken, "2^63"},
        RefusedHeader{
            "BytesOverflow",
            OneTensor(R"("dtype":"F64","shape":[4611686018427387904],"data_offsets":[0,0])", 0),
            kBroken, "2^63"},
        RefusedHeader{"DtypeUnknown",
                      OneTensor(R"("dtype":"F8_E4M3","shape":[1],"data_offsets":[0,1])", 1),
                      kNotRead, "dtype 'F8_E4M3' is not supported"},
        RefusedHeader{"DtypeBlock",
                      OneTensor(R"("dtype":"Q4_K","shape":[256],"data_offsets":[0,144])", 144),
                      kNotRead, "dtype 'Q4_K'"},
        RefusedHeader{"Size", OneTensor(R"("dtype":"F32","shape":[2],"data_offsets":[0,4])", 4),
                      kBroken, "tensor 't': expected 8 bytes for its shape and dtype F32, found 4"},
        RefusedHeader{"OffsetsReversed",
                      OneTensor(R"("dtype":"I8","shape":[1],"data_offsets":[1,0])", 1), kBroken,
                      "found [1, 0]"},
        RefusedHeader{"OffsetsBeyond",
                      OneTensor(R"("dtype":"I8","shape":[2],"data_offsets":[0,2])", 1), kBroken,
                      "cut off"},
        RefusedHeader{"HoleAtStart",
                      OneTensor(R"("dtype":"I8","shape":[1],"data_offsets":[1,2])", 2), kBroken,
                      "there is a hole"},
        RefusedHeader{"HoleAtEnd", OneTensor(R"("dtype":"I8","shape":[1],"data_offsets":[0,1])", 2),
                      kBroken, "expected the file to end"},
        RefusedHeader{"Overlap",
                      Padded(R"({"a":{"dtype":"I8","shape":[2],"data_offsets":[0,2]},)"
                             R"("b":{"dtype":"I8","shape":[2],"data_offsets":[1,3]}})",
                             3),
                      kBroken, "tensor 'b': expected its data at offset 122"},
        RefusedHeader{"Alias",
                      Padded(R"({"a":{"dtype":"I8","shape":[2],"data_offsets":[0,2]},)"
                             R"("b":{"dtype":"I8","shape":[2],"data_offsets":[0,2]}})",
                             2),
                      kBroken, "they overlap"}),
    [](const testing::TestParamInfo<RefusedHeader>& param) {
      return std::string(param.param.name);
    });

bool ParsesSafetensorsSafely(const std::string& bytes) {
  const std::vector<std::byte> copy(Bytes(bytes).begin(), Bytes(bytes).end());
  auto header = ParseSafetensors(copy, "x");
  if (!header) {
    EXPECT_FALSE(header.error().message.empty());
    return false;
  }
  for (const TensorInfo& tensor : header->tensors) {
    ScanFinite(tensor.type, std::span(copy).subspan(tensor.offset_bytes, tensor.size_bytes));
  }
  return true;
}

TEST_F(SafetensorsFileTest, EveryTruncationIsRefusedAndNoBitFlipCrashes) {
  WriteTinySafetensors(In("a"), {"first", "second"});
  std::string bytes = ReadBytes(In("a"));
  ASSERT_TRUE(ParsesSafetensorsSafely(bytes));
  for (size_t size = 0; size < bytes.size(); ++size) {
    EXPECT_FALSE(ParsesSafetensorsSafely(bytes.substr(0, size))) << size;
  }
  int refused = 0;
  for (size_t bit = 0; bit < (bytes.size() - 32) * 8; ++bit) {
    bytes[bit / 8] = static_cast<char>(bytes[bit / 8] ^ (1 << (bit % 8)));
    refused += ParsesSafetensorsSafely(bytes) ? 0 : 1;
    bytes[bit / 8] = static_cast<char>(bytes[bit / 8] ^ (1 << (bit % 8)));
  }
  EXPECT_GT(refused, 500);
}

TEST_F(SafetensorsFileTest, WriterRefusesWhatReadersWould) {
  const auto source = [](size_t, const ByteSink&) -> Result<void> { return {}; };
  const auto code = [&](const std::vector<GgufTensorPlan>& plans) {
    auto written = WriteSafetensors(In("bad"), plans, source);
    EXPECT_FALSE(std::filesystem::exists(In("bad")));
    return written ? ErrorCode::kInternal : written.error().code;
  };
  constexpr ErrorCode kInvalid = ErrorCode::kInvalidArgument;
  EXPECT_EQ(code({{"t", BlockType::kQ8_0, {32}}}), kInvalid);
  EXPECT_EQ(code({{"", BlockType::kF32, {1}}}), kInvalid);
  EXPECT_EQ(code({{"__metadata__", BlockType::kF32, {1}}}), kInvalid);
  EXPECT_EQ(code({{"\xff", BlockType::kF32, {1}}}), kInvalid);
  EXPECT_EQ(code({{"t", BlockType::kF32, {1}}, {"t", BlockType::kF32, {1}}}), kInvalid);
  EXPECT_EQ(code({{"t", BlockType::kF32, {1ull << 40, 1ull << 40}}}), kInvalid);
  EXPECT_EQ(code({{"a", BlockType::kF16, {1}}, {"b", BlockType::kF32, {1}}}), kInvalid);
  EXPECT_EQ(code({{"a", BlockType::kF16, {1}}}), ErrorCode::kInternal);  // the source emits nothing
}

}  // namespace
}  // namespace dragoman
