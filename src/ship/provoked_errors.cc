#include "ship/provoked_errors.h"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <functional>

#include "base/atomic_file.h"
#include "base/mapped_file.h"
#include "formats/gguf.h"
#include "model/verify.h"
#include "text/languages.h"
#include "translate/translator.h"

namespace dragoman {
namespace {

// Enough to hold the header of every real model; a copy of this length is cut off inside the
// tensors.
constexpr uint64_t kMaxCopyBytes = uint64_t{64} << 20;

Json Verdict(bool ok, const std::string& detail) { return Json{{"ok", ok}, {"detail", detail}}; }

struct Damage {
  const char* name;
  std::function<void(std::string* bytes)> apply;
};

// Writes the damaged copy and tells how it was met: refused for being corrupt, or not.
Result<Json> TryDamaged(const std::string& bytes, const std::string& path, const char* name) {
  DRAGOMAN_RETURN_IF_ERROR(WriteFileAtomically(path, bytes));
  const auto report = VerifyModel(path, 1);
  std::error_code ec;
  std::filesystem::remove(path, ec);
  if (report) return Verdict(false, std::string(name) + ": not noticed");
  const bool ok = report.error().code == ErrorCode::kCorruptFile ||
                  report.error().code == ErrorCode::kUnsupported;
  return Verdict(ok, fmt::format("{}: {}", name, report.error().message));
}

// NaN written over the first float32 tensor (a norm in every build), when the copy holds it.
Result<bool> SpoilFirstNorm(const std::string& model_path, std::string* bytes) {
  DRAGOMAN_ASSIGN_OR_RETURN(const GgufFile gguf, GgufFile::Open(model_path));
  for (const TensorInfo& tensor : gguf.tensors()) {
    if (tensor.type != BlockType::kF32 || tensor.offset_bytes + tensor.size_bytes > bytes->size())
      continue;
    std::fill_n(bytes->begin() + static_cast<std::ptrdiff_t>(tensor.offset_bytes), 4, '\xff');
    return true;
  }
  return false;
}

Result<Json> TryAllDamage(const std::string& model_path, const std::string& scratch) {
  DRAGOMAN_ASSIGN_OR_RETURN(const MappedFile model, MappedFile::Open(model_path));
  const uint64_t copied = std::min(model.size_bytes(), kMaxCopyBytes);
  const std::string good(reinterpret_cast<const char*>(model.bytes().data()), copied);
  const std::string path = scratch + "/damaged.gguf";
  const Damage damages[] = {
      {"cut in the middle", [](std::string* b) { b->resize(b->size() / 2); }},
      {"wrong magic", [](std::string* b) { (*b)[0] = static_cast<char>((*b)[0] ^ 0x20); }},
      {"wrong version", [](std::string* b) { (*b)[4] = '\x7f'; }},
      {"absurd tensor count", [](std::string* b) { (*b)[15] = '\x7f'; }},
      {"damaged metadata", [](std::string* b) { (*b)[31] = '\x7f'; }},
  };
  std::string detail;
  bool ok = true;
  const auto note = [&](const Json& verdict) {
    ok = ok && verdict["ok"].get<bool>();
    detail += (detail.empty() ? "" : "; ") + verdict["detail"].get<std::string>();
  };
  for (const Damage& damage : damages) {
    std::string bytes = good;
    damage.apply(&bytes);
    DRAGOMAN_ASSIGN_OR_RETURN(const Json verdict, TryDamaged(bytes, path, damage.name));
    note(verdict);
  }
  if (copied == model.size_bytes()) {
    std::string bytes = good;
    DRAGOMAN_ASSIGN_OR_RETURN(const bool spoilt, SpoilFirstNorm(model_path, &bytes));
    if (spoilt) {
      DRAGOMAN_ASSIGN_OR_RETURN(const Json verdict, TryDamaged(bytes, path, "NaN in a tensor"));
      note(verdict);
    }
  }
  return Verdict(ok, detail);
}

}  // namespace

Json ProvokeUnknownLanguage() {
  const auto language = FindLanguage("germn");
  if (language) return Verdict(false, "\"germn\" was taken for " + language->name);
  const bool ok = language.error().code == ErrorCode::kInvalidArgument &&
                  language.error().message.find("de") != std::string::npos;
  return Verdict(ok, "\"germn\": " + language.error().message);
}

Json ProvokeDamagedModel(const std::string& model_path, const std::string& scratch) {
  const auto verdict = TryAllDamage(model_path, scratch);
  return verdict ? *verdict : Verdict(false, "could not be tried: " + ToString(verdict.error()));
}

Json ProvokeAbsentDevice(const std::string& model_path, int threads) {
  constexpr const char* kAbsent = "cuda:99";
  const auto translator = Translator::Open(model_path, kAbsent, threads);
  if (translator) {
    return Verdict(
        true, fmt::format("{}: fell back to {}", kAbsent, (*translator)->model().backend().name()));
  }
  const bool ok = (translator.error().code == ErrorCode::kDevice ||
                   translator.error().code == ErrorCode::kInvalidArgument) &&
                  translator.error().message.find("cpu") != std::string::npos;
  return Verdict(ok, fmt::format("{}: refused, {}", kAbsent, translator.error().message));
}

}  // namespace dragoman
