// Reads little-endian numbers front to back from bytes that may end anywhere.
#ifndef DRAGOMAN_FORMATS_BYTE_CURSOR_H_
#define DRAGOMAN_FORMATS_BYTE_CURSOR_H_

#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <string_view>

namespace dragoman {

static_assert(std::endian::native == std::endian::little,
              "files are little endian and read without swapping");

class ByteCursor {
 public:
  explicit ByteCursor(std::span<const std::byte> bytes) : bytes_(bytes) {}

  uint64_t position() const { return position_; }
  uint64_t remaining_bytes() const { return bytes_.size() - position_; }

  // False, and nothing consumed, when the number does not fit into what is left.
  template <typename Number>
  bool Read(Number& value) {
    if (remaining_bytes() < sizeof(Number)) return false;
    std::memcpy(&value, bytes_.data() + position_, sizeof(Number));
    position_ += sizeof(Number);
    return true;
  }

  bool ReadText(uint64_t size_bytes, std::string_view& text) {
    if (remaining_bytes() < size_bytes) return false;
    text = {reinterpret_cast<const char*>(bytes_.data()) + position_, size_bytes};
    position_ += size_bytes;
    return true;
  }

 private:
  std::span<const std::byte> bytes_;
  uint64_t position_ = 0;
};

}  // namespace dragoman

#endif  // DRAGOMAN_FORMATS_BYTE_CURSOR_H_
