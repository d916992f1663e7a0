// Checks a package that may come from anywhere: nothing outside its folder is read, whatever the
// manifest says.
#include <fmt/format.h>

#include <array>
#include <cstdio>
#include <filesystem>
#include <memory>

#include "base/atomic_file.h"
#include "base/sha256.h"
#include "package/documents.h"
#include "package/manifest.h"
#include "package/package.h"

namespace dragoman {
namespace {

namespace fs = std::filesystem;

// Hashes the file into `whole` as well, when given.
Result<std::string> HashInto(const std::string& path, Sha256* whole) {
  const std::unique_ptr<std::FILE, int (*)(std::FILE*)> file(std::fopen(path.c_str(), "rb"),
                                                             std::fclose);
  if (!file) return Fail(ErrorCode::kNotFound, "cannot be opened", path);
  Sha256 hash;
  std::vector<std::byte> buffer(size_t{1} << 20);
  size_t got = 0;
  while ((got = std::fread(buffer.data(), 1, buffer.size(), file.get())) > 0) {
    const std::span<const std::byte> bytes(buffer.data(), got);
    hash.Update(bytes);
    if (whole != nullptr) whole->Update(bytes);
  }
  if (std::ferror(file.get()) != 0) return Fail(ErrorCode::kIo, "read error", path);
  return hash.HexDigest();
}

// Every part of the path is checked for symbolic links, which could lead out of the folder.
bool HasSymlink(const fs::path& folder, const std::string& relative) {
  fs::path path = folder;
  std::error_code ec;
  for (const fs::path& part : fs::path(relative)) {
    path /= part;
    if (fs::is_symlink(fs::symlink_status(path, ec))) return true;
  }
  return false;
}

PackageCheck CheckFile(const std::string& folder, const ManifestFile& file, Sha256* whole) {
  PackageCheck check{file.path, false, {}};
  const std::string path = folder + "/" + file.path;
  std::error_code ec;
  if (HasSymlink(folder, file.path)) {
    check.detail = "is or lies behind a symbolic link";
  } else if (!fs::is_regular_file(path, ec)) {
    check.detail = "missing";
  } else if (const uint64_t found = fs::file_size(path, ec); ec || found != file.bytes) {
    check.detail = fmt::format("expected {} bytes, found {}", file.bytes, found);
  } else if (const auto hash = HashInto(path, whole); !hash) {
    check.detail = ToString(hash.error());
  } else if (*hash != file.sha256) {
    check.detail = fmt::format("expected SHA-256 {}, found {}", file.sha256, *hash);
  } else {
    check.ok = true;
    check.detail = fmt::format("{} bytes, SHA-256 as listed", file.bytes);
  }
  return check;
}

PackageCheck CheckNotices(const Manifest& manifest) {
  PackageCheck check{"licence notices", false, {}};
  bool notice = false;
  bool readme = false;
  for (const ManifestFile& file : manifest.documents) {
    notice = notice || file.path == "NOTICE";
    readme = readme || file.path == "README.md";
  }
  check.ok = notice && readme;
  check.detail = check.ok ? "NOTICE and README.md are listed; licence " + manifest.license.id
                          : "expected NOTICE and README.md among the documents";
  return check;
}

PackageCheck CheckProof(const Manifest& manifest) {
  return {"proof", true,
          manifest.proof.proven
              ? "proven: the gate said GO"
              : "not proven: decision " + manifest.proof.decision + ", stated in the manifest"};
}

}  // namespace

Result<std::vector<PackageCheck>> VerifyPackage(const std::string& folder) {
  const std::string path = folder + "/manifest.json";
  DRAGOMAN_ASSIGN_OR_RETURN(const std::string text, ReadFile(path, kMaxManifestBytes));
  std::vector<PackageCheck> checks;
  const auto manifest = ParseManifest(text, path);
  checks.push_back(
      {"manifest.json", manifest.has_value(),
       manifest ? std::string("follows ") + kManifestSchema : ToString(manifest.error())});
  if (!manifest) return checks;

  Sha256 whole;
  bool shards_ok = true;
  for (const ManifestFile& file : manifest->files) {
    checks.push_back(CheckFile(folder, file, &whole));
    shards_ok = shards_ok && checks.back().ok;
  }
  PackageCheck sum{"whole file", false, "not checked: a shard is missing or damaged"};
  if (shards_ok) {
    const std::string found = whole.HexDigest();
    sum.ok = found == manifest->whole.sha256;
    sum.detail = sum.ok ? "the shards concatenate to SHA-256 " + found
                        : "expected SHA-256 " + manifest->whole.sha256 + ", found " + found;
  }
  checks.push_back(sum);
  for (const ManifestFile& file : manifest->documents)
    checks.push_back(CheckFile(folder, file, nullptr));
  checks.push_back(CheckNotices(*manifest));
  checks.push_back(CheckProof(*manifest));
  return checks;
}

}  // namespace dragoman
