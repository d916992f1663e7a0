#include "ship/versions.h"

#include <curl/curl.h>
#include <fmt/core.h>
#include <gnu/libc-version.h>
#include <openssl/crypto.h>
#include <spdlog/version.h>
#include <sys/utsname.h>
#include <unicode/uversion.h>
#include <zlib.h>
#include <zstd.h>

#include "base/json.h"
#include "base/sha256.h"

namespace dragoman {

std::vector<std::pair<std::string, std::string>> ComponentVersions() {
  struct utsname system {};
  ::uname(&system);
  const int fmt_version = FMT_VERSION;
#if defined(__clang__)
  const std::string compiler = std::string("clang ") + __clang_version__;
#else
  const std::string compiler = std::string("gcc ") + __VERSION__;
#endif
  return {
      {"dragoman", DRAGOMAN_VERSION},
      {"compiler", compiler},
      {"glibc", ::gnu_get_libc_version()},
      {"kernel", std::string(system.sysname) + " " + system.release + " " + system.machine},
      {"openssl", OpenSSL_version(OPENSSL_VERSION_STRING)},
      {"libcurl", curl_version_info(CURLVERSION_NOW)->version},
      {"icu", U_ICU_VERSION},
      {"zlib", ::zlibVersion()},
      {"zstd", ::ZSTD_versionString()},
      {"fmt",
       fmt::format("{}.{}.{}", fmt_version / 10000, fmt_version / 100 % 100, fmt_version % 100)},
      {"spdlog", fmt::format("{}.{}.{}", SPDLOG_VER_MAJOR, SPDLOG_VER_MINOR, SPDLOG_VER_PATCH)},
      {"nlohmann-json", fmt::format("{}.{}.{}", NLOHMANN_JSON_VERSION_MAJOR,
                                    NLOHMANN_JSON_VERSION_MINOR, NLOHMANN_JSON_VERSION_PATCH)},
  };
}

std::string ProgramHash() {
  static const std::string hash = Sha256OfFile("/proc/self/exe").value_or("");
  return hash;
}

}  // namespace dragoman
