#include "ship/secrets.h"

#include <unistd.h>

#include <algorithm>
#include <array>
#include <filesystem>

#include "base/atomic_file.h"

namespace dragoman {
namespace {

namespace fs = std::filesystem;

constexpr uint64_t kMaxFileBytes = uint64_t{64} << 20;
// Shorter values are words that occur by chance.
constexpr size_t kMinSecretChars = 8;

// A fixed beginning, then at least so many characters of a token's alphabet.
struct TokenPattern {
  const char* prefix;
  size_t least_chars;
  const char* name;
};
constexpr TokenPattern kPatterns[] = {
    {"hf_", 30, "a hub token"},
    {"ghp_", 30, "a repository token"},
    {"github_pat_", 40, "a repository token"},
    {"glpat-", 20, "a repository token"},
    {"npm_", 36, "a registry token"},
    {"AKIA", 16, "a cloud access key"},
    {"xoxb-", 20, "a chat token"},
    {"sk-", 40, "an API key"},
    {"-----BEGIN RSA PRIVATE KEY", 0, "a private key"},
    {"-----BEGIN PRIVATE KEY", 0, "a private key"},
    {"-----BEGIN OPENSSH PRIVATE KEY", 0, "a private key"},
};

bool IsTokenChar(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
         c == '-';
}

bool Matches(std::string_view text, const TokenPattern& pattern) {
  const std::string_view prefix = pattern.prefix;
  for (size_t at = text.find(prefix); at != std::string_view::npos;
       at = text.find(prefix, at + 1)) {
    if (at > 0 && IsTokenChar(text[at - 1]) && IsTokenChar(prefix[0]))
      continue;  // inside a longer word
    size_t end = at + prefix.size();
    while (end < text.size() && IsTokenChar(text[end])) ++end;
    if (end - at - prefix.size() >= pattern.least_chars) return true;
  }
  return false;
}

bool SoundsSecret(std::string name) {
  std::transform(name.begin(), name.end(), name.begin(),
                 [](unsigned char c) { return static_cast<char>(std::toupper(c)); });
  for (const char* word :
       {"TOKEN", "SECRET", "PASSWORD", "PASSWD", "API_KEY", "APIKEY", "ACCESS_KEY", "CREDENTIAL"}) {
    if (name.find(word) != std::string::npos) return true;
  }
  return false;
}

bool IsText(const fs::path& path) {
  static const char* const kExtensions[] = {".json", ".jsonl", ".log", ".md", ".html", ".txt", ""};
  return std::any_of(std::begin(kExtensions), std::end(kExtensions),
                     [&](const char* extension) { return path.extension() == extension; });
}

}  // namespace

std::vector<std::pair<std::string, std::string>> EnvironmentSecrets() {
  std::vector<std::pair<std::string, std::string>> secrets;
  for (char** entry = environ; entry != nullptr && *entry != nullptr; ++entry) {
    const std::string_view text = *entry;
    const size_t equals = text.find('=');
    if (equals == std::string_view::npos) continue;
    std::string name(text.substr(0, equals));
    std::string value(text.substr(equals + 1));
    const bool is_path = value.rfind('/', 0) == 0;  // where a secret is kept is none
    if (SoundsSecret(name) && value.size() >= kMinSecretChars && !is_path)
      secrets.emplace_back(name, value);
  }
  return secrets;
}

std::string FindSecret(std::string_view text,
                       const std::vector<std::pair<std::string, std::string>>& secrets) {
  for (const auto& [name, value] : secrets) {
    if (text.find(value) != std::string_view::npos) return "the value of " + name;
  }
  for (const TokenPattern& pattern : kPatterns) {
    if (Matches(text, pattern)) return pattern.name;
  }
  return {};
}

Result<std::string> FindSecretInFolders(const std::vector<std::string>& folders) {
  const auto secrets = EnvironmentSecrets();
  for (const std::string& folder : folders) {
    std::error_code ec;
    for (auto it = fs::recursive_directory_iterator(folder, ec);
         !ec && it != fs::recursive_directory_iterator(); it.increment(ec)) {
      if (!it->is_regular_file(ec) || !IsText(it->path()) || it->file_size(ec) > kMaxFileBytes)
        continue;
      DRAGOMAN_ASSIGN_OR_RETURN(const std::string text,
                                ReadFile(it->path().string(), kMaxFileBytes));
      const std::string found = FindSecret(text, secrets);
      if (!found.empty()) return it->path().string() + " holds " + found;
    }
    if (ec && ec != std::errc::no_such_file_or_directory)
      return Fail(ErrorCode::kIo, ec.message(), folder);
  }
  return std::string();
}

}  // namespace dragoman
