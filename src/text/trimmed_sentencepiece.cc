#include "text/trimmed_sentencepiece.h"

#include <fmt/format.h>

#include <cstdint>
#include <optional>

namespace dragoman {
namespace {

// Of ModelProto and TrainerSpec.
constexpr uint32_t kPieces = 1, kTrainerSpec = 2, kSelfTestData = 4;
constexpr uint32_t kVocabSize = 4, kUnkId = 40, kPadId = 43;

enum WireType : uint32_t { kVarint = 0, kFixed64 = 1, kDelimited = 2, kFixed32 = 5 };

void AppendVarint(uint64_t value, std::string& out) {
  for (; value >= 0x80; value >>= 7) out.push_back(static_cast<char>(value | 0x80));
  out.push_back(static_cast<char>(value));
}

void AppendKey(uint32_t number, WireType type, std::string& out) {
  AppendVarint(uint64_t{number} << 3 | type, out);
}

struct ProtoField {
  uint32_t number = 0;
  WireType type = kVarint;
  uint64_t varint = 0;
  std::string_view payload;  // of kDelimited
  std::string_view whole;    // key included
};

// Walks the fields of one message.
class ProtoReader {
 public:
  ProtoReader(std::string_view message, size_t offset, const std::string& where)
      : message_(message), offset_(offset), where_(where) {}

  bool AtEnd() const { return at_ == message_.size(); }
  size_t place() const { return offset_ + at_; }

  Result<ProtoField> Next() {
    const size_t start = at_;
    ProtoField field;
    DRAGOMAN_ASSIGN_OR_RETURN(const uint64_t key, Varint());
    if (key >> 3 == 0 || key >> 3 > 0x1fffffff) return Corrupt(start, "a field number");
    field.number = static_cast<uint32_t>(key >> 3);
    field.type = static_cast<WireType>(key & 7);
    switch (field.type) {
      case kVarint: {
        DRAGOMAN_ASSIGN_OR_RETURN(field.varint, Varint());
        break;
      }
      case kFixed64:
        DRAGOMAN_RETURN_IF_ERROR(Take(8));
        break;
      case kFixed32:
        DRAGOMAN_RETURN_IF_ERROR(Take(4));
        break;
      case kDelimited: {
        DRAGOMAN_ASSIGN_OR_RETURN(const uint64_t bytes, Varint());
        const size_t begin = at_;
        DRAGOMAN_RETURN_IF_ERROR(Take(bytes));
        field.payload = message_.substr(begin, at_ - begin);
        break;
      }
      default:
        return Corrupt(start, "wire type 0, 1, 2 or 5");
    }
    field.whole = message_.substr(start, at_ - start);
    return field;
  }

 private:
  Result<uint64_t> Varint() {
    const size_t start = at_;
    uint64_t value = 0;
    for (int shift = 0; shift < 64 && at_ < message_.size(); shift += 7) {
      const auto byte = static_cast<uint8_t>(message_[at_++]);
      value |= uint64_t{byte & 0x7fu} << shift;
      if (byte < 0x80) return value;
    }
    return Corrupt(start, "an integer of at most 10 bytes");
  }

  Result<void> Take(uint64_t bytes) {
    if (bytes > message_.size() - at_) {
      return Corrupt(at_, fmt::format("{} bytes of a field", bytes));
    }
    at_ += bytes;
    return {};
  }

  tl::unexpected<Error> Corrupt(size_t at, std::string_view expected) const {
    return Fail(ErrorCode::kCorruptFile,
                fmt::format("byte {}: expected {}, found {} bytes that hold none", offset_ + at,
                            expected, message_.size() - at),
                where_);
  }

  std::string_view message_;
  size_t offset_;  // of the message in the file
  const std::string& where_;
  size_t at_ = 0;
};

// unk_id, bos_id, eos_id, pad_id.
bool IsTokenId(uint32_t number) { return number >= kUnkId && number <= kPadId; }

Result<std::string> TrimTrainerSpec(std::string_view spec, size_t offset, const std::string& where,
                                    const VocabularyTrim& trim, uint64_t kept_pieces) {
  std::string out;
  ProtoReader reader(spec, offset, where);
  while (!reader.AtEnd()) {
    DRAGOMAN_ASSIGN_OR_RETURN(const ProtoField field, reader.Next());
    if (field.type == kVarint && field.number == kVocabSize) {
      AppendKey(field.number, kVarint, out);
      AppendVarint(kept_pieces, out);
    } else if (field.type == kVarint && IsTokenId(field.number)) {
      const bool none = field.varint > INT32_MAX;  // -1
      const int64_t id = none ? -1 : trim.NewId(static_cast<int64_t>(field.varint));
      AppendKey(field.number, kVarint, out);
      AppendVarint(static_cast<uint64_t>(id), out);
    } else {
      out += field.whole;
    }
  }
  return out;
}

}  // namespace

Result<std::string> TrimSentencePieceModel(std::string_view model, const VocabularyTrim& trim,
                                           const std::string& where) {
  std::string pieces, rest, spec_of_trainer;
  std::optional<std::pair<std::string_view, size_t>> spec;
  int64_t id = 0;
  uint64_t kept = 0;
  ProtoReader reader(model, 0, where);
  while (!reader.AtEnd()) {
    DRAGOMAN_ASSIGN_OR_RETURN(const ProtoField field, reader.Next());
    if (field.type == kDelimited && field.number == kPieces) {
      if (trim.NewId(id++) < 0) continue;
      pieces += field.whole;
      ++kept;
    } else if (field.type == kDelimited && field.number == kTrainerSpec) {
      spec = {field.payload, reader.place() - field.payload.size()};
    } else if (field.number != kSelfTestData) {
      rest += field.whole;
    }
  }
  if (kept == 0) {
    return Fail(ErrorCode::kCorruptFile,
                fmt::format("expected some of {} pieces to stay, found none", id), where);
  }
  if (spec) {
    DRAGOMAN_ASSIGN_OR_RETURN(const std::string trimmed,
                              TrimTrainerSpec(spec->first, spec->second, where, trim, kept));
    AppendKey(kTrainerSpec, kDelimited, spec_of_trainer);
    AppendVarint(trimmed.size(), spec_of_trainer);
    spec_of_trainer += trimmed;
  }
  return pieces + spec_of_trainer + rest;
}

}  // namespace dragoman
