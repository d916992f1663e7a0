// Is the model hub there, is a token there, where is the cache? Nothing is downloaded, no token is
// printed.
#ifndef DRAGOMAN_HUB_REACHABILITY_H_
#define DRAGOMAN_HUB_REACHABILITY_H_

#include <string>

#include "base/json.h"
#include "dragoman/result.h"

namespace dragoman {

inline constexpr const char* kDefaultHubEndpoint = "https://huggingface.co";

// How this machine is set up to reach a hub. The token itself is not held, only where it was found.
struct HubSettings {
  std::string endpoint = kDefaultHubEndpoint;
  std::string cache_folder;  // HF_HOME, else ~/.cache/huggingface; empty when neither is known
  std::string token_source;  // "HF_TOKEN" or "token file"; empty: none
  std::string proxy_source;  // name of the environment variable that sets a proxy; empty: none
};

// From HF_ENDPOINT, HF_HOME, HF_TOKEN, XDG_CACHE_HOME, HOME and the usual proxy variables.
HubSettings HubSettingsFromEnvironment();

struct HubStatus {
  HubSettings settings;
  bool reachable = false;  // it answered something, whatever the status
  long http_status = 0;
  double seconds = 0;
  std::string detail;  // "answered 200 in 0.12 s", or why it could not be reached
  bool cache_exists = false;
  bool cache_writable = false;  // or can be created
};

// One HEAD request with a time limit. A hub on this machine (loopback) is asked without any proxy.
// Never fails: an unreachable hub is an answer.
HubStatus CheckHub(const HubSettings& settings, long timeout_ms = 2000);
OrderedJson ToJson(const HubStatus& status);

}  // namespace dragoman

#endif  // DRAGOMAN_HUB_REACHABILITY_H_
