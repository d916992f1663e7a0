#include "formats/names.h"

#include <fmt/format.h>

#include "base/utf8.h"

namespace dragoman {

std::string ProblemWithName(std::string_view name, uint64_t max_bytes) {
  if (name.empty()) return "it is empty";
  if (name.size() > max_bytes) {
    return fmt::format("expected at most {} bytes, found {}", max_bytes, name.size());
  }
  const size_t invalid = FindInvalidUtf8(name);
  if (invalid < name.size()) {
    return fmt::format("expected UTF-8, found byte 0x{:02x} at its position {}",
                       static_cast<uint8_t>(name[invalid]), invalid);
  }
  for (size_t i = 0; i < name.size(); ++i) {
    const auto byte = static_cast<uint8_t>(name[i]);
    if (byte < 0x20 || byte == 0x7f) {
      return fmt::format("expected no control characters, found byte 0x{:02x} at its position {}",
                         byte, i);
    }
  }
  return {};
}

std::string Quoted(std::string_view text) {
  constexpr size_t kShownBytes = 120;
  std::string out = "'";
  for (size_t offset = 0; offset < text.size();) {
    if (offset >= kShownBytes) {
      out += "...";
      break;
    }
    const CodePoint point = DecodeUtf8(text, offset);
    if (point.valid && point.value >= 0x20 && point.value != 0x7f) {
      out += text.substr(offset, point.size_bytes);
    } else {
      out += fmt::format("\\x{:02x}", static_cast<uint8_t>(text[offset]));
    }
    offset += point.valid ? point.size_bytes : 1;
  }
  return out + "'";
}

}  // namespace dragoman
