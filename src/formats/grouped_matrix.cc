#include "formats/grouped_matrix.h"

#include <cstring>

#include "base/float16.h"
#include "formats/packed_codes.h"

namespace dragoman {
namespace {

constexpr int64_t kWordBytes = 4;

std::vector<std::byte> WordBuffer(int64_t words) {
  return std::vector<std::byte>(static_cast<size_t>(words * kWordBytes));
}

std::vector<std::byte> GroupIndexBytes(const std::vector<int32_t>& group_of) {
  std::vector<std::byte> bytes(group_of.size() * sizeof(int32_t));
  std::memcpy(bytes.data(), group_of.data(), bytes.size());
  return bytes;
}

// [rows, groups] as it is, or transposed.
std::vector<std::byte> ScaleBytes(const GroupedMatrix& matrix, bool transposed) {
  std::vector<uint16_t> halves(matrix.scales.size());
  for (int64_t row = 0; row < matrix.rows; ++row) {
    for (int64_t group = 0; group < matrix.groups; ++group) {
      const int64_t from = row * matrix.groups + group;
      const int64_t to = transposed ? group * matrix.rows + row : from;
      halves[static_cast<size_t>(to)] = FloatToFp16(matrix.scales[static_cast<size_t>(from)]);
    }
  }
  std::vector<std::byte> bytes(halves.size() * sizeof(uint16_t));
  std::memcpy(bytes.data(), halves.data(), bytes.size());
  return bytes;
}

void UnpackGptq(const GroupedParts& parts, GroupedMatrix& matrix) {
  for (int64_t row = 0; row < parts.rows; ++row) {
    UnpackCodes(parts.codes + row * kWordBytes, parts.rows, parts.cols, parts.bits,
                matrix.codes.data() + row * parts.cols, 1);
  }
  const int64_t zero_words = PackedWords(parts.rows, parts.bits);
  const auto unpack = parts.zeros_minus_one ? UnpackZerosMinusOne : UnpackCodes;
  for (int64_t group = 0; group < parts.groups; ++group) {
    unpack(parts.zeros + group * zero_words * kWordBytes, 1, parts.rows, parts.bits,
           matrix.zeros.data() + group, parts.groups);
  }
}

void UnpackPackQuantized(const GroupedParts& parts, GroupedMatrix& matrix) {
  const int64_t words = PackedWords(parts.cols, parts.bits);
  for (int64_t row = 0; row < parts.rows; ++row) {
    UnpackCodes(parts.codes + row * words * kWordBytes, 1, parts.cols, parts.bits,
                matrix.codes.data() + row * parts.cols, 1);
  }
  if (parts.zeros == nullptr) {
    matrix.zeros.assign(matrix.zeros.size(), static_cast<uint8_t>(1 << (parts.bits - 1)));
    return;
  }
  for (int64_t group = 0; group < parts.groups; ++group) {
    UnpackCodes(parts.zeros + group * kWordBytes, parts.groups, parts.rows, parts.bits,
                matrix.zeros.data() + group, parts.groups);
  }
}

void UnpackScales(const GroupedParts& parts, GroupedMatrix& matrix) {
  std::vector<float> stored(matrix.scales.size());
  TraitsOf(parts.scale_type)
      .decode(parts.scales, static_cast<int64_t>(stored.size()), stored.data());
  if (!parts.gptq) {
    matrix.scales = std::move(stored);
    return;
  }
  for (int64_t group = 0; group < parts.groups; ++group) {
    for (int64_t row = 0; row < parts.rows; ++row) {
      matrix.scales[static_cast<size_t>(row * parts.groups + group)] =
          stored[static_cast<size_t>(group * parts.rows + row)];
    }
  }
}

}  // namespace

void Dequantize(const GroupedMatrix& matrix, float* out) {
  for (int64_t row = 0; row < matrix.rows; ++row) {
    const uint8_t* codes = matrix.codes.data() + row * matrix.cols;
    const float* scales = matrix.scales.data() + row * matrix.groups;
    const uint8_t* zeros = matrix.zeros.data() + row * matrix.groups;
    float* to = out + row * matrix.cols;
    for (int64_t col = 0; col < matrix.cols; ++col) {
      const int32_t group = matrix.group_of[static_cast<size_t>(col)];
      to[col] = scales[group] * static_cast<float>(codes[col] - zeros[group]);
    }
  }
}

GptqTensors PackGptq(const GroupedMatrix& matrix) {
  const int64_t rows = matrix.rows, cols = matrix.cols, groups = matrix.groups;
  GptqTensors tensors;
  tensors.qweight = WordBuffer(PackedWords(cols, matrix.bits) * rows);
  for (int64_t row = 0; row < rows; ++row) {
    PackCodes(matrix.codes.data() + row * cols, 1, cols, matrix.bits,
              tensors.qweight.data() + row * kWordBytes, rows);
  }
  std::vector<uint8_t> stored(matrix.zeros.size());
  for (size_t i = 0; i < stored.size(); ++i) {
    stored[i] = static_cast<uint8_t>(matrix.zeros[i] - 1);
  }
  const int64_t zero_words = PackedWords(rows, matrix.bits);
  tensors.qzeros = WordBuffer(groups * zero_words);
  for (int64_t group = 0; group < groups; ++group) {
    PackCodes(stored.data() + group, groups, rows, matrix.bits,
              tensors.qzeros.data() + group * zero_words * kWordBytes, 1);
  }
  tensors.scales = ScaleBytes(matrix, true);
  tensors.g_idx = GroupIndexBytes(matrix.group_of);
  return tensors;
}

PackQuantizedTensors PackQuantized(const GroupedMatrix& matrix, bool asymmetric) {
  const int64_t rows = matrix.rows, cols = matrix.cols, groups = matrix.groups;
  const int64_t words = PackedWords(cols, matrix.bits);
  PackQuantizedTensors tensors;
  tensors.weight_packed = WordBuffer(rows * words);
  for (int64_t row = 0; row < rows; ++row) {
    PackCodes(matrix.codes.data() + row * cols, 1, cols, matrix.bits,
              tensors.weight_packed.data() + row * words * kWordBytes, 1);
  }
  if (asymmetric) {
    tensors.weight_zero_point = WordBuffer(PackedWords(rows, matrix.bits) * groups);
    for (int64_t group = 0; group < groups; ++group) {
      PackCodes(matrix.zeros.data() + group, groups, rows, matrix.bits,
                tensors.weight_zero_point.data() + group * kWordBytes, groups);
    }
  }
  tensors.weight_scale = ScaleBytes(matrix, false);
  tensors.weight_g_idx = GroupIndexBytes(matrix.group_of);
  return tensors;
}

GroupedMatrix Unpack(const GroupedParts& parts) {
  GroupedMatrix matrix;
  matrix.bits = parts.bits;
  matrix.rows = parts.rows;
  matrix.cols = parts.cols;
  matrix.groups = parts.groups;
  matrix.codes.resize(static_cast<size_t>(parts.rows * parts.cols));
  matrix.zeros.resize(static_cast<size_t>(parts.rows * parts.groups));
  matrix.scales.resize(matrix.zeros.size());
  matrix.group_of = parts.group_of;
  if (parts.gptq) {
    UnpackGptq(parts, matrix);
  } else {
    UnpackPackQuantized(parts, matrix);
  }
  UnpackScales(parts, matrix);
  return matrix;
}

}  // namespace dragoman
