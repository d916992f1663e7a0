#include "hub/reachability.h"

#include <curl/curl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <memory>

#include "base/process_stats.h"

namespace dragoman {
namespace {

namespace fs = std::filesystem;

std::string Environment(const char* name) {
  const char* value = std::getenv(name);
  return value == nullptr ? std::string() : std::string(value);
}

std::string CacheFolder() {
  if (std::string home = Environment("HF_HOME"); !home.empty()) return home;
  if (std::string cache = Environment("XDG_CACHE_HOME"); !cache.empty())
    return cache + "/huggingface";
  if (std::string home = Environment("HOME"); !home.empty()) return home + "/.cache/huggingface";
  return {};
}

std::string TokenSource(const std::string& cache_folder) {
  if (!Environment("HF_TOKEN").empty()) return "HF_TOKEN";
  std::error_code ec;
  if (!cache_folder.empty() && fs::file_size(cache_folder + "/token", ec) > 0 && !ec)
    return "token file";
  return {};
}

std::string ProxySource(const std::string& endpoint) {
  const bool secure = endpoint.rfind("https://", 0) == 0;
  for (const char* name : {secure ? "https_proxy" : "http_proxy",
                           secure ? "HTTPS_PROXY" : "http_proxy", "all_proxy", "ALL_PROXY"}) {
    if (!Environment(name).empty()) return name;
  }
  return {};
}

// The host between "://" (and user info) and the port.
std::string HostOf(const std::string& url) {
  const size_t scheme = url.find("://");
  std::string rest = scheme == std::string::npos ? url : url.substr(scheme + 3);
  rest = rest.substr(0, rest.find_first_of("/?#"));
  if (const size_t at = rest.rfind('@'); at != std::string::npos) rest = rest.substr(at + 1);
  if (!rest.empty() && rest[0] == '[') return rest.substr(1, rest.find(']') - 1);
  return rest.substr(0, rest.find(':'));
}

bool IsLoopback(const std::string& host) {
  return host == "localhost" || host == "::1" || host.rfind("127.", 0) == 0;
}

// The endpoint may carry a password as user info: it is not repeated.
std::string WithoutUserInfo(const std::string& url) {
  const size_t scheme = url.find("://");
  if (scheme == std::string::npos) return url;
  const size_t host_end = url.find_first_of("/?#", scheme + 3);
  const size_t at = url.rfind('@', host_end);
  if (at == std::string::npos || at < scheme + 3) return url;
  return url.substr(0, scheme + 3) + url.substr(at + 1);
}

void AskHub(const HubSettings& settings, long timeout_ms, HubStatus* status) {
  static const CURLcode kReady = curl_global_init(CURL_GLOBAL_DEFAULT);
  const auto handle = std::unique_ptr<CURL, void (*)(CURL*)>(
      kReady == CURLE_OK ? curl_easy_init() : nullptr, curl_easy_cleanup);
  if (!handle) {
    status->detail = "the network library could not be started";
    return;
  }
  char message[CURL_ERROR_SIZE] = {};
  CURL* curl = handle.get();
  curl_easy_setopt(curl, CURLOPT_URL, settings.endpoint.c_str());
  curl_easy_setopt(curl, CURLOPT_NOBODY, 1L);
  curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
  curl_easy_setopt(curl, CURLOPT_TIMEOUT_MS, timeout_ms);
  curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT_MS, timeout_ms);
  curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "http,https");
  curl_easy_setopt(curl, CURLOPT_USERAGENT, "dragoman/" DRAGOMAN_VERSION);
  curl_easy_setopt(curl, CURLOPT_ERRORBUFFER, message);
  if (IsLoopback(HostOf(settings.endpoint))) curl_easy_setopt(curl, CURLOPT_PROXY, "");

  const Stopwatch watch;
  const CURLcode code = curl_easy_perform(curl);
  status->seconds = watch.Seconds();
  curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &status->http_status);
  status->reachable = code == CURLE_OK && status->http_status > 0;
  if (status->reachable) {
    status->detail = fmt::format("answered {} in {:.2f} s", status->http_status, status->seconds);
  } else {
    status->detail = message[0] != '\0' ? message : curl_easy_strerror(code);
  }
  if (!settings.proxy_source.empty() && !IsLoopback(HostOf(settings.endpoint))) {
    status->detail += " (through the proxy of " + settings.proxy_source + ")";
  }
}

// A folder that is there and writable, or whose nearest existing parent is.
void CheckCache(const std::string& folder, HubStatus* status) {
  if (folder.empty()) return;
  std::error_code ec;
  fs::path path = fs::absolute(folder, ec);
  if (ec) return;
  status->cache_exists = fs::is_directory(path, ec);
  while (!fs::exists(path, ec) && path != path.parent_path()) path = path.parent_path();
  status->cache_writable = fs::is_directory(path, ec) && ::access(path.c_str(), W_OK | X_OK) == 0;
}

}  // namespace

HubSettings HubSettingsFromEnvironment() {
  HubSettings settings;
  if (std::string endpoint = Environment("HF_ENDPOINT"); !endpoint.empty())
    settings.endpoint = endpoint;
  settings.cache_folder = CacheFolder();
  settings.token_source = TokenSource(settings.cache_folder);
  settings.proxy_source = ProxySource(settings.endpoint);
  return settings;
}

HubStatus CheckHub(const HubSettings& settings, long timeout_ms) {
  HubStatus status;
  status.settings = settings;
  status.settings.endpoint = WithoutUserInfo(settings.endpoint);
  AskHub(settings, timeout_ms, &status);
  CheckCache(settings.cache_folder, &status);
  return status;
}

OrderedJson ToJson(const HubStatus& status) {
  return OrderedJson{
      {"endpoint", status.settings.endpoint},
      {"reachable", status.reachable},
      {"http_status", status.http_status},
      {"detail", status.detail},
      {"token", status.settings.token_source.empty() ? "none" : status.settings.token_source},
      {"cache_folder", status.settings.cache_folder},
      {"cache_exists", status.cache_exists},
      {"cache_writable", status.cache_writable}};
}

}  // namespace dragoman
