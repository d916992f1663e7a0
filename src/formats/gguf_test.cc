#include "formats/gguf.h"

#include <cmath>
#include <functional>

#include "formats/testing_files.h"

namespace dragoman {
namespace {

using testing::HasSubstr;

std::span<const std::byte> AsBytes(const std::string& text) {
  return std::as_bytes(std::span(text.data(), text.size()));
}

// Builds GGUF bytes field by field, right or wrong; the writer under test is not used.
class Crafted {
 public:
  template <typename Number>
  Crafted& Put(Number value) {
    bytes_.append(reinterpret_cast<const char*>(&value), sizeof(value));
    return *this;
  }
  Crafted& U32(uint32_t value) { return Put(value); }
  Crafted& U64(uint64_t value) { return Put(value); }
  Crafted& Text(std::string_view text) {
    U64(text.size());
    bytes_ += text;
    return *this;
  }
  Crafted& Start(uint64_t tensors, uint64_t keys) {
    bytes_ += "GGUF";
    return U32(3).U64(tensors).U64(keys);
  }
  // A tensor entry with its dimensions as the file orders them.
  Crafted& Tensor(std::string_view name, std::vector<uint64_t> dims, uint32_t type,
                  uint64_t offset) {
    Text(name).U32(static_cast<uint32_t>(dims.size()));
    for (uint64_t dim : dims) U64(dim);
    return U32(type).U64(offset);
  }
  // Pads the header and appends data.
  std::string WithData(size_t data_bytes, size_t alignment = 32) const {
    std::string out = bytes_;
    out.resize((out.size() + alignment - 1) / alignment * alignment, '\0');
    return out + std::string(data_bytes, '\1');
  }
  const std::string& bytes() const { return bytes_; }

 private:
  std::string bytes_;
};

GgufMetadata EveryKindOfValue() {
  const auto array = [](GgufType type, std::vector<int64_t> v) {
    return GgufValue{type, true, std::move(v)};
  };
  return {
      {"u8", GgufValue::U8(255)},
      {"i8", {GgufType::kI8, false, int64_t{-128}}},
      {"u16", GgufValue::U16(65535)},
      {"i16", {GgufType::kI16, false, int64_t{-32768}}},
      {"u32", GgufValue::U32(4294967295u)},
      {"i32", GgufValue::I32(-2147483647 - 1)},
      {"u64", GgufValue::U64(UINT64_MAX)},
      {"i64", GgufValue::I64(INT64_MIN)},
      {"f32", GgufValue::F32(1e-6f)},
      {"f64", GgufValue::F64(0.1)},
      {"bool", GgufValue::Bool(true)},
      {"string", GgufValue::String("Übersetzer")},
      {"empty", GgufValue::String("")},
      {"strings", GgufValue::Strings({"a", "", "日本"})},
      {"i32s", GgufValue::I32s({-1, 2, 3})},
      {"f32s", GgufValue::F32s({0.5, -1000.0})},
      {"f64s", {GgufType::kF64, true, std::vector<double>{0.1}}},
      {"u8s", array(GgufType::kU8, {0, 255})},
      {"i8s", array(GgufType::kI8, {-128, 127})},
      {"u16s", array(GgufType::kU16, {65535})},
      {"i16s", array(GgufType::kI16, {-32768})},
      {"u32s", array(GgufType::kU32, {4294967295})},
      {"i64s", array(GgufType::kI64, {INT64_MIN})},
      {"u64s", array(GgufType::kU64, {-1})},  // by its bits: 2^64 - 1
      {"bools", array(GgufType::kBool, {0, 1})},
      {"none", GgufValue::Strings({})},
  };
}

std::vector<GgufTensorPlan> PlansOfManyShapes() {
  return {{"blk.0.attn_q.weight", BlockType::kQ4_K, {3, 512}},
          {"blk.0.attn_norm.weight", BlockType::kF32, {7}},
          {"four", BlockType::kF16, {2, 3, 1, 5}},
          {"scalar", BlockType::kI64, {}},
          {"nothing", BlockType::kF32, {0, 4}},
          {"output_norm.weight", BlockType::kBF16, {3}}};
}

class GgufFileTest : public testing::Test {
 protected:
  std::string In(const std::string& name) const { return (folder_.path() / name).string(); }
  TemporaryFolder folder_;
};

TEST_F(GgufFileTest, WritingWhatWasReadGivesTheSameBytes) {
  for (uint32_t alignment : {0u, 8u, 64u}) {
    GgufMetadata metadata = EveryKindOfValue();
    if (alignment != 0) metadata.emplace_back("general.alignment", GgufValue::U32(alignment));
    const auto plans = PlansOfManyShapes();
    ASSERT_TRUE(WriteGguf(In("a.gguf"), metadata, plans, CountingSource(plans)).has_value());
    auto first = GgufFile::Open(In("a.gguf"));
    ASSERT_TRUE(first.has_value()) << ToString(first.error());
    EXPECT_EQ(first->alignment_bytes(), alignment == 0 ? 32 : alignment);
    EXPECT_EQ(first->data_offset_bytes() % first->alignment_bytes(), 0u);

    std::vector<GgufTensorPlan> read_plans;
    for (const TensorInfo& tensor : first->tensors()) {
      read_plans.push_back({tensor.name, tensor.type, tensor.shape});
    }
    const auto copy = [&](size_t index, const ByteSink& sink) {
      return sink(first->Data(first->tensors()[index]));
    };
    ASSERT_TRUE(WriteGguf(In("b.gguf"), first->metadata(), read_plans, copy).has_value());
    const std::string bytes = ReadBytes(In("a.gguf"));
    EXPECT_EQ(bytes, ReadBytes(In("b.gguf")));
    EXPECT_EQ(GgufFileBytes(metadata, plans), bytes.size());
  }
}

TEST_F(GgufFileTest, ReadsBackValuesAndTensors) {
  const auto plans = PlansOfManyShapes();
  ASSERT_TRUE(
      WriteGguf(In("a.gguf"), EveryKindOfValue(), plans, CountingSource(plans)).has_value());
  auto opened = GgufFile::Open(In("a.gguf"));
  ASSERT_TRUE(opened.has_value()) << ToString(opened.error());
  const GgufFile file = std::move(*opened);  // lookups survive a move
  EXPECT_EQ(file.FindUnsigned("u8"), 255u);
  EXPECT_EQ(file.FindUnsigned("u64"), UINT64_MAX);
  EXPECT_EQ(file.FindUnsigned("i32"), std::nullopt);  // negative
  EXPECT_EQ(file.FindUnsigned("string"), std::nullopt);
  EXPECT_EQ(file.FindUnsigned("absent"), std::nullopt);
  EXPECT_EQ(file.FindFloat("f32"), double{1e-6f});
  EXPECT_EQ(file.FindFloat("f64"), 0.1);
  EXPECT_EQ(file.FindFloat("u8"), std::nullopt);
  EXPECT_EQ(file.FindBool("bool"), true);
  EXPECT_EQ(*file.FindString("string"), "Übersetzer");
  EXPECT_THAT(*file.FindStrings("strings"), testing::ElementsAre("a", "", "日本"));
  EXPECT_THAT(*file.FindIntegers("i32s"), testing::ElementsAre(-1, 2, 3));
  EXPECT_THAT(*file.FindFloats("f32s"), testing::ElementsAre(0.5, -1000.0));
  EXPECT_EQ(file.FindStrings("i32s"), nullptr);
  EXPECT_EQ(std::get<int64_t>(file.Find("i64")->value), INT64_MIN);
  ASSERT_EQ(file.tensors().size(), plans.size());
  for (size_t i = 0; i < plans.size(); ++i) {
    const TensorInfo& tensor = file.tensors()[i];
    EXPECT_EQ(tensor.name, plans[i].name);
    EXPECT_EQ(tensor.type, plans[i].type);
    EXPECT_EQ(tensor.shape, plans[i].shape);
    const auto data = file.Data(tensor);
    for (size_t b = 0; b < data.size(); ++b) ASSERT_EQ(data[b], static_cast<std::byte>(b % 61));
  }
}

TEST(GgufParse, ReadsBytesBuiltByHand) {
  const std::string bytes = Crafted()
                                .Start(1, 1)
                                .Text("general.architecture")
                                .U32(8)
                                .Text("gemma3")
                                .Tensor("t", {4, 2}, 0, 0)
                                .WithData(32);
  auto parsed = GgufFile::Parse(AsBytes(bytes), "x.gguf");
  ASSERT_TRUE(parsed.has_value()) << ToString(parsed.error());
  EXPECT_EQ(*parsed->FindString("general.architecture"), "gemma3");
  EXPECT_THAT(parsed->tensors()[0].shape, testing::ElementsAre(2, 4));
  EXPECT_EQ(parsed->tensors()[0].rows(), 2u);
  EXPECT_EQ(parsed->Data(parsed->tensors()[0]).data(), AsBytes(bytes).data() + bytes.size() - 32);
}

// One defect each.
struct Bad {
  const char* name;
  std::function<std::string()> bytes;
  ErrorCode code;
  const char* message;
};
class BadGguf : public testing::TestWithParam<Bad> {};

TEST_P(BadGguf, IsRefusedWithItsReason) {
  const std::string bytes = GetParam().bytes();
  auto parsed = GgufFile::Parse(AsBytes(bytes), "bad.gguf");
  ASSERT_FALSE(parsed.has_value());
  EXPECT_EQ(parsed.error().code, GetParam().code) << ToString(parsed.error());
  EXPECT_THAT(ToString(parsed.error()), HasSubstr(GetParam().message));
  EXPECT_THAT(ToString(parsed.error()), HasSubstr("bad.gguf"));
}

constexpr ErrorCode kCorrupt = ErrorCode::kCorruptFile;
constexpr ErrorCode kUnsupported = ErrorCode::kUnsupported;

std::string OneTensor(std::string_view name, std::vector<uint64_t> dims, uint32_t type,
                      uint64_t offset, size_t data_bytes = 4096) {
  return Crafted().Start(1, 0).Tensor(name, std::move(dims), type, offset).WithData(data_bytes);
}
std::string OneKey(std::string_view key, const std::function<void(Crafted&)>& value) {
  Crafted crafted;
  crafted.Start(0, 1).Text(key);
  value(crafted);
  return crafted.WithData(64);
}

INSTANTIATE_TEST_SUITE_P(
    Header, BadGguf,
    testing::Values(
        Bad{"Empty", [] { return std::string(); }, kCorrupt, "cut off"},
        Bad{"Magic", [] { return "GGML" + std::string(40, '\0'); }, kCorrupt, "\"GGUF\""},
        Bad{"VersionTwo", [] { return "GGUF" + Crafted().U32(2).U64(0).U64(0).bytes(); },
            kUnsupported, "expected GGUF version 3, found 2"},
        Bad{"BigEndian", [] { return "GGUF" + Crafted().U32(0x03000000).U64(0).U64(0).bytes(); },
            kUnsupported, "big-endian"},
        Bad{"TensorCount", [] { return Crafted().Start(UINT64_MAX, 0).WithData(64); }, kCorrupt,
            "tensors in a file of this size, found 18446744073709551615"},
        Bad{"TensorCountAboveTheFile", [] { return Crafted().Start(50, 0).WithData(64); }, kCorrupt,
            "expected at most 2 tensors"},
        Bad{"KeyCount", [] { return Crafted().Start(0, uint64_t{1} << 40).WithData(64); }, kCorrupt,
            "metadata keys in a file of this size"},
        Bad{"TrailingBytes", [] { return Crafted().Start(0, 0).WithData(1); }, kCorrupt,
            "expected the file to end"}),
    [](const testing::TestParamInfo<Bad>& param) { return std::string(param.param.name); });

INSTANTIATE_TEST_SUITE_P(
    Metadata, BadGguf,
    testing::Values(
        Bad{"KeyLength", [] { return Crafted().Start(0, 1).U64(1ull << 60).WithData(64); },
            kCorrupt, "expected a key of at most"},
        Bad{"EmptyKey", [] { return OneKey("", [](Crafted& c) { c.U32(4).U32(1); }); }, kCorrupt,
            "it is empty"},
        Bad{"LongKey",
            [] { return OneKey(std::string(70000, 'k'), [](Crafted& c) { c.U32(4).U32(1); }); },
            kCorrupt, "expected at most 65535 bytes, found 70000"},
        Bad{"KeyUtf8", [] { return OneKey("k\xff", [](Crafted& c) { c.U32(4).U32(1); }); },
            kCorrupt, "UTF-8"},
        Bad{"KeyControl", [] { return OneKey("k\n", [](Crafted& c) { c.U32(4).U32(1); }); },
            kCorrupt, "control"},
        Bad{"KeyTwice",
            [] {
              return Crafted().Start(0, 2).Text("k").U32(4).U32(1).Text("k").U32(4).U32(1).WithData(
                  64);
            },
            kCorrupt, "metadata key 'k'"},
        Bad{"ValueType", [] { return OneKey("k", [](Crafted& c) { c.U32(13).U64(1); }); }, kCorrupt,
            "expected a value type of 0 to 12, found 13"},
        Bad{"Bool", [] { return OneKey("k", [](Crafted& c) { c.U32(7).Put<uint8_t>(2); }); },
            kCorrupt, "expected a bool of 0 or 1, found 2"},
        Bad{"StringLength", [] { return OneKey("k", [](Crafted& c) { c.U32(8).U64(1000); }); },
            kCorrupt, "expected 1000 more bytes"},
        Bad{"StringHuge", [] { return OneKey("k", [](Crafted& c) { c.U32(8).U64(UINT64_MAX); }); },
            kCorrupt, "expected a string of at most"},
        Bad{"StringUtf8",
            [] { return OneKey("k", [](Crafted& c) { c.U32(8).Text("a\xc0\x80"); }); }, kCorrupt,
            "found byte 0xc0 at its position 1"},
        Bad{"NestedArray",
            [] { return OneKey("k", [](Crafted& c) { c.U32(9).U32(9).U64(1).U32(4).U64(0); }); },
            kUnsupported, "array inside an array"},
        Bad{"ArrayType", [] { return OneKey("k", [](Crafted& c) { c.U32(9).U32(99).U64(0); }); },
            kCorrupt, "element type"},
        Bad{"ArrayCount",
            [] { return OneKey("k", [](Crafted& c) { c.U32(9).U32(4).U64(UINT64_MAX / 4); }); },
            kCorrupt, "array elements"},
        Bad{"ArrayAboveTheFile",
            [] { return OneKey("k", [](Crafted& c) { c.U32(9).U32(8).U64(1000); }); }, kCorrupt,
            "expected 8000 more bytes"},
        Bad{"ArrayBools",
            [] { return OneKey("k", [](Crafted& c) { c.U32(9).U32(7).U64(1).Put<uint8_t>(7); }); },
            kCorrupt, "expected bools of 0 or 1, found 7"},
        Bad{"AlignmentZero",
            [] { return OneKey("general.alignment", [](Crafted& c) { c.U32(4).U32(0); }); },
            kCorrupt, "power of two"},
        Bad{"AlignmentOdd",
            [] { return OneKey("general.alignment", [](Crafted& c) { c.U32(4).U32(48); }); },
            kCorrupt, "power of two"},
        Bad{"AlignmentHuge",
            [] { return OneKey("general.alignment", [](Crafted& c) { c.U32(4).U32(1u << 31); }); },
            kCorrupt, "found 2147483648"},
        Bad{"AlignmentType",
            [] { return OneKey("general.alignment", [](Crafted& c) { c.U32(10).U64(32); }); },
            kCorrupt, "expected a u32"}),
    [](const testing::TestParamInfo<Bad>& param) { return std::string(param.param.name); });

INSTANTIATE_TEST_SUITE_P(
    Tensors, BadGguf,
    testing::Values(
        Bad{"EmptyName", [] { return OneTensor("", {4}, 0, 0); }, kCorrupt, "it is empty"},
        Bad{"LongName", [] { return OneTensor(std::string(65, 'n'), {4}, 0, 0); }, kCorrupt,
            "expected at most 64 bytes, found 65"},
        Bad{"NameUtf8", [] { return OneTensor("\xed\xa0\x80", {4}, 0, 0); }, kCorrupt, "UTF-8"},
        Bad{"NameTwice",
            [] {
              return Crafted()
                  .Start(2, 0)
                  .Tensor("t", {8}, 0, 0)
                  .Tensor("t", {8}, 0, 32)
                  .WithData(64);
            },
            kCorrupt, "tensor 't'"},
        Bad{"FiveDimensions",
            [] {
              return OneTensor("t", {1, 1, 1, 1, 1}, 0, 0);
            },
            kCorrupt, "expected at most 4 dimensions, found 5"},
        Bad{"ShapeOverflow",
            [] {
              return OneTensor("t", {1ull << 32, 1ull << 32, 1ull << 32}, 0, 0);
            },
            kCorrupt, "2^63"},
        Bad{"ShapeNegative", [] { return OneTensor("t", {UINT64_MAX}, 24, 0); }, kCorrupt, "2^63"},
        Bad{"BytesOverflow", [] { return OneTensor("t", {1ull << 62}, 28, 0); }, kCorrupt, "2^64"},
        Bad{"UnknownType", [] { return OneTensor("t", {256}, 16, 0); }, kUnsupported,
            "element type 16"},
        Bad{"RetiredType", [] { return OneTensor("t", {256}, 4, 0); }, kUnsupported,
            "element type 4"},
        Bad{"PartialBlock", [] { return OneTensor("t", {100}, 12, 0); }, kCorrupt,
            "multiple of 256 weights for Q4_K, found 100"},
        Bad{"OffsetUnaligned", [] { return OneTensor("t", {4}, 0, 4); }, kCorrupt,
            "a multiple of 32, found 4"},
        Bad{"Hole", [] { return OneTensor("t", {4}, 0, 32); }, kCorrupt,
            "expected data offset 0 (where the tensor before it ends), found 32"},
        Bad{"Overlap",
            [] {
              return Crafted()
                  .Start(2, 0)
                  .Tensor("a", {16}, 0, 0)
                  .Tensor("b", {16}, 0, 32)
                  .WithData(96);
            },
            kCorrupt, "expected data offset 64"},
        Bad{"OffsetOverflow",
            [] {
              return Crafted()
                  .Start(2, 0)
                  .Tensor("a", {(1ull << 63) - 8}, 24, 0)
                  .Tensor("b", {(1ull << 63) - 8}, 25, 1ull << 63)
                  .WithData(64);
            },
            kCorrupt, "2^64"},
        Bad{"CutData", [] { return OneTensor("t", {64}, 0, 0, 128); }, kCorrupt,
            "tensor 't': the file is cut off: expected 256 bytes"},
        Bad{"TrailingData", [] { return OneTensor("t", {4}, 0, 0, 33); }, kCorrupt,
            "expected the file to end with its last tensor"}),
    [](const testing::TestParamInfo<Bad>& param) { return std::string(param.param.name); });

std::string SmallFile() {
  return Crafted()
      .Start(2, 4)
      .Text("general.alignment")
      .U32(4)
      .U32(32)
      .Text("a")
      .U32(9)
      .U32(8)
      .U64(2)
      .Text("x")
      .Text("é")
      .Text("b")
      .U32(7)
      .Put<uint8_t>(1)
      .Text("c")
      .U32(9)
      .U32(5)
      .U64(2)
      .U32(1)
      .U32(2)
      .Tensor("first", {32, 2}, 8, 0)
      .Tensor("second", {8}, 0, 96)
      .WithData(96 + 32);
}

// Parses a copy that ends where the heap block ends, so that a sanitizer sees any step too far.
bool ParsesSafely(const std::string& bytes) {
  const std::vector<std::byte> copy(AsBytes(bytes).begin(), AsBytes(bytes).end());
  auto parsed = GgufFile::Parse(copy, "x.gguf");
  if (!parsed) {
    EXPECT_FALSE(parsed.error().message.empty());
    return false;
  }
  for (const TensorInfo& tensor : parsed->tensors()) ScanFinite(tensor.type, parsed->Data(tensor));
  return true;
}

TEST(GgufParse, EveryTruncationIsRefused) {
  const std::string bytes = SmallFile();
  ASSERT_TRUE(ParsesSafely(bytes));
  for (size_t size = 0; size < bytes.size(); ++size) {
    EXPECT_FALSE(ParsesSafely(bytes.substr(0, size))) << size;
  }
}

TEST(GgufParse, EveryBitFlipIsAnErrorOrAFile) {
  std::string bytes = SmallFile();
  int refused = 0;
  for (size_t bit = 0; bit < (bytes.size() - 128) * 8; ++bit) {
    bytes[bit / 8] = static_cast<char>(bytes[bit / 8] ^ (1 << (bit % 8)));
    refused += ParsesSafely(bytes) ? 0 : 1;
    bytes[bit / 8] = static_cast<char>(bytes[bit / 8] ^ (1 << (bit % 8)));
  }
  EXPECT_GT(refused, 500);
}

TEST_F(GgufFileTest, TheLastPaddingMayBeMissing) {
  WriteTinyGguf(In("a.gguf"), {"t"}, {});
  const std::string bytes = ReadBytes(In("a.gguf"));
  EXPECT_TRUE(ParsesSafely(bytes.substr(0, bytes.size() - 16)));
  EXPECT_FALSE(ParsesSafely(bytes.substr(0, bytes.size() - 17)));
}

TEST_F(GgufFileTest, WriterRefusesWhatReadersWould) {
  const auto source = [](size_t, const ByteSink&) -> Result<void> { return {}; };
  const auto code = [&](const GgufMetadata& metadata, const std::vector<GgufTensorPlan>& plans) {
    auto written = WriteGguf(In("bad.gguf"), metadata, plans, source);
    EXPECT_FALSE(std::filesystem::exists(In("bad.gguf")));
    return written ? ErrorCode::kInternal : written.error().code;
  };
  constexpr ErrorCode kInvalid = ErrorCode::kInvalidArgument;
  EXPECT_EQ(code({{"k", GgufValue::U32(1)}, {"k", GgufValue::U32(1)}}, {}), kInvalid);
  EXPECT_EQ(code({{"", GgufValue::U32(1)}}, {}), kInvalid);
  EXPECT_EQ(code({{"k", {GgufType::kU8, false, uint64_t{256}}}}, {}), kInvalid);
  EXPECT_EQ(code({{"k", {GgufType::kI8, false, int64_t{200}}}}, {}), kInvalid);
  EXPECT_EQ(code({{"k", {GgufType::kString, false, uint64_t{1}}}}, {}), kInvalid);
  EXPECT_EQ(code({{"k", {GgufType::kU32, true, uint64_t{1}}}}, {}), kInvalid);
  EXPECT_EQ(code({{"k", {GgufType::kU8, true, std::vector<int64_t>{-1}}}}, {}), kInvalid);
  EXPECT_EQ(code({{"k", {GgufType::kU8, true, std::vector<std::string>{}}}}, {}), kInvalid);
  EXPECT_EQ(code({{"k", {GgufType::kBool, true, std::vector<int64_t>{2}}}}, {}), kInvalid);
  EXPECT_EQ(code({{"k", GgufValue::String("\xff")}}, {}), kInvalid);
  EXPECT_EQ(code({{"general.alignment", GgufValue::U32(24)}}, {}), kInvalid);
  EXPECT_EQ(code({}, {{std::string(64, 'n'), BlockType::kF32, {1}}}), kInvalid);
  EXPECT_EQ(code({}, {{"t", BlockType::kF32, {1, 1, 1, 1, 1}}}), kInvalid);
  EXPECT_EQ(code({}, {{"t", BlockType::kQ4_K, {1, 255}}}), kInvalid);
  EXPECT_EQ(code({}, {{"t", BlockType::kF32, {1ull << 40, 1ull << 40}}}), kInvalid);
  EXPECT_EQ(code({}, {{"t", BlockType::kF32, {0}}, {"t", BlockType::kF32, {0}}}), kInvalid);
}

TEST_F(GgufFileTest, WriterLeavesNothingWhenASourceFails) {
  const std::vector<GgufTensorPlan> plans = TinyPlans({"t"});
  const std::vector<std::byte> bytes(17);
  for (const size_t emitted : {size_t{15}, size_t{17}}) {
    auto written = WriteGguf(In("a.gguf"), {}, plans, [&](size_t, const ByteSink& sink) {
      return sink(std::span(bytes).first(emitted));
    });
    ASSERT_FALSE(written.has_value());
    EXPECT_EQ(written.error().code, ErrorCode::kInternal);
    EXPECT_THAT(written.error().message, HasSubstr("must emit 16 bytes"));
  }
  auto cancelled = WriteGguf(In("a.gguf"), {}, plans, [](size_t, const ByteSink&) -> Result<void> {
    return Fail(ErrorCode::kCancelled, "stopped");
  });
  EXPECT_EQ(cancelled.error().code, ErrorCode::kCancelled);
  EXPECT_TRUE(std::filesystem::is_empty(folder_.path()));
}

}  // namespace
}  // namespace dragoman
