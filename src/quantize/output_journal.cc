#include "quantize/output_journal.h"

#include <fmt/format.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <filesystem>

#include "base/sha256.h"

namespace dragoman {
namespace {

constexpr std::string_view kMagic = "dragoman output journal 1\n";
constexpr size_t kDigestBytes = 64;
constexpr size_t kNameBytes = 64;

tl::unexpected<Error> Failed(const char* what, const std::string& path) {
  return Fail(ErrorCode::kIo, fmt::format("cannot {}: {}", what, std::strerror(errno)), path);
}

template <typename Pod>
std::span<const std::byte> BytesOf(const Pod& pod) {
  return std::as_bytes(std::span<const Pod, 1>(&pod, 1));
}

bool WriteAll(std::FILE* file, std::span<const std::byte> bytes) {
  return std::fwrite(bytes.data(), 1, bytes.size(), file) == bytes.size();
}

bool ReadAll(std::FILE* file, std::span<std::byte> bytes) {
  return std::fread(bytes.data(), 1, bytes.size(), file) == bytes.size();
}

}  // namespace

// Followed by its blocks and by the digest of both.
struct OutputJournal::Record {
  char tensor[kNameBytes] = {};
  int64_t first_row = 0;
  uint64_t bytes = 0;
  GroupSums sums;

  std::string name() const { return {tensor, strnlen(tensor, kNameBytes)}; }
  std::string DigestWith(std::span<const std::byte> blocks) const {
    Sha256 hash;
    hash.Update(BytesOf(*this));
    hash.Update(blocks);
    return hash.HexDigest();
  }
};

Result<std::unique_ptr<OutputJournal>> OutputJournal::Open(const std::string& path,
                                                           const std::string& key) {
  std::unique_ptr<OutputJournal> journal(new OutputJournal(path));
  std::error_code ignored;
  if (std::filesystem::path(path).has_parent_path()) {
    std::filesystem::create_directories(std::filesystem::path(path).parent_path(), ignored);
  }
  journal->file_.reset(std::fopen(path.c_str(), "r+b"));
  if (journal->file_ == nullptr) {
    DRAGOMAN_RETURN_IF_ERROR(journal->Begin(key));
  } else {
    DRAGOMAN_RETURN_IF_ERROR(journal->Recover(key));
  }
  return journal;
}

Result<void> OutputJournal::Begin(const std::string& key) {
  file_.reset(std::fopen(path_.c_str(), "w+b"));
  if (file_ == nullptr) return Failed("write", path_);
  const std::string header = std::string(kMagic) + key + "\n";
  if (!WriteAll(file_.get(), std::as_bytes(std::span(header))) || std::fflush(file_.get()) != 0) {
    return Failed("write", path_);
  }
  return {};
}

OutputJournal::~OutputJournal() {
  if (file_ != nullptr && empty_) Remove();
}

// Somebody's own file of that name is not to be overwritten.
Result<void> OutputJournal::CheckIsJournal() {
  std::string magic(kMagic.size(), '\0');
  const size_t got = std::fread(magic.data(), 1, magic.size(), file_.get());
  std::rewind(file_.get());
  if (kMagic.starts_with(std::string_view(magic).substr(0, got))) return {};  // cut short, too
  file_.reset();
  return Fail(ErrorCode::kInvalidArgument,
              "the journal of finished rows belongs here, found another file; move it away or "
              "choose another output",
              path_);
}

// Reads every record up to the first that is not whole.
Result<void> OutputJournal::Recover(const std::string& key) {
  DRAGOMAN_RETURN_IF_ERROR(CheckIsJournal());
  std::error_code failed;
  const uint64_t file_bytes = std::filesystem::file_size(path_, failed);
  if (failed) return Fail(ErrorCode::kIo, "cannot read: " + failed.message(), path_);
  const std::string expected = std::string(kMagic) + key + "\n";
  std::string header(expected.size(), '\0');
  if (!ReadAll(file_.get(), std::as_writable_bytes(std::span(header))) || header != expected) {
    return Begin(key);
  }
  int64_t end = std::ftell(file_.get());
  std::vector<std::byte> blocks;
  Record record;
  char digest[kDigestBytes];
  while (ReadAll(file_.get(), std::as_writable_bytes(std::span<Record, 1>(&record, 1)))) {
    const int64_t offset = std::ftell(file_.get());
    if (record.bytes == 0 || record.bytes > file_bytes - static_cast<uint64_t>(offset)) break;
    blocks.resize(record.bytes);
    if (!ReadAll(file_.get(), blocks) ||
        !ReadAll(file_.get(), std::as_writable_bytes(std::span(digest))) ||
        record.DigestWith(blocks) != std::string_view(digest, kDigestBytes)) {
      break;
    }
    places_[{record.name(), record.first_row}] = {offset, record.bytes, record.sums};
    recovered_bytes_ += record.bytes;
    empty_ = false;
    end = std::ftell(file_.get());
  }
  return Keep(end);
}

// Drops what lies behind.
Result<void> OutputJournal::Keep(int64_t end_bytes) {
  std::clearerr(file_.get());
  if (std::fflush(file_.get()) != 0 || ftruncate(fileno(file_.get()), end_bytes) != 0) {
    return Failed("cut", path_);
  }
  return {};
}

std::optional<EncodedRows> OutputJournal::Find(std::string_view tensor, int64_t first_row,
                                               uint64_t bytes) {
  const auto found = places_.find({std::string(tensor), first_row});
  if (found == places_.end() || found->second.bytes != bytes) return std::nullopt;
  EncodedRows group{found->second.sums, std::vector<std::byte>(bytes)};
  if (std::fseek(file_.get(), found->second.offset_bytes, SEEK_SET) != 0 ||
      !ReadAll(file_.get(), group.blocks)) {
    return std::nullopt;
  }
  return group;
}

Result<void> OutputJournal::Append(std::string_view tensor, int64_t first_row,
                                   const EncodedRows& group) {
  Record record;
  std::memcpy(record.tensor, tensor.data(), std::min(tensor.size(), kNameBytes));
  record.first_row = first_row;
  record.bytes = group.blocks.size();
  record.sums = group.sums;
  const std::string digest = record.DigestWith(group.blocks);
  std::FILE* file = file_.get();
  if (std::fseek(file, 0, SEEK_END) != 0 || !WriteAll(file, BytesOf(record)) ||
      !WriteAll(file, group.blocks) || !WriteAll(file, std::as_bytes(std::span(digest))) ||
      std::fflush(file) != 0) {
    return Failed("write", path_);
  }
  empty_ = false;
  return {};
}

void OutputJournal::Remove() {
  file_.reset();
  std::error_code ignored;
  std::filesystem::remove(path_, ignored);
}

}  // namespace dragoman
