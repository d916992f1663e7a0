#include "hub/reachability.h"

#include <arpa/inet.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <optional>
#include <thread>
#include <vector>

#include "base/atomic_file.h"
#include "base/process_stats.h"

namespace dragoman {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

// A socket bound to a free port of the loopback interface.
class LocalPort {
 public:
  explicit LocalPort(bool listening) {
    socket_ = ::socket(AF_INET, SOCK_STREAM, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    EXPECT_EQ(::bind(socket_, reinterpret_cast<sockaddr*>(&address), sizeof(address)), 0);
    socklen_t length = sizeof(address);
    EXPECT_EQ(::getsockname(socket_, reinterpret_cast<sockaddr*>(&address), &length), 0);
    port_ = ntohs(address.sin_port);
    if (listening) {
      EXPECT_EQ(::listen(socket_, 4), 0);
    }
  }
  ~LocalPort() { ::close(socket_); }
  std::string Url() const { return "http://127.0.0.1:" + std::to_string(port_); }
  int socket() const { return socket_; }

 private:
  int socket_ = -1;
  int port_ = 0;
};

// Answers one request; what was asked is kept.
class OneAnswer {
 public:
  OneAnswer(const LocalPort& port, std::string answer)
      : thread_([this, &port, answer = std::move(answer)] {
          const int client = ::accept(port.socket(), nullptr, nullptr);
          char buffer[4096];
          const ssize_t got = ::read(client, buffer, sizeof(buffer));
          if (got > 0) request_.assign(buffer, static_cast<size_t>(got));
          EXPECT_EQ(::write(client, answer.data(), answer.size()),
                    static_cast<ssize_t>(answer.size()));
          ::close(client);
        }) {}
  std::string Request() {
    thread_.join();
    return request_;
  }

 private:
  std::string request_;
  std::thread thread_;
};

// Sets variables for one test and puts them back.
class Environment {
 public:
  void Set(const char* name, const char* value) {
    const char* old = std::getenv(name);
    saved_.emplace_back(
        name, old == nullptr ? std::optional<std::string>() : std::optional<std::string>(old));
    value == nullptr ? ::unsetenv(name) : ::setenv(name, value, 1);
  }
  ~Environment() {
    for (auto it = saved_.rbegin(); it != saved_.rend(); ++it) {
      it->second ? ::setenv(it->first.c_str(), it->second->c_str(), 1)
                 : ::unsetenv(it->first.c_str());
    }
  }

 private:
  std::vector<std::pair<std::string, std::optional<std::string>>> saved_;
};

TEST(Hub, AnAnswerOfAnyKindMeansReachable) {
  for (const char* status : {"200 OK", "401 Unauthorized", "302 Found", "503 Busy"}) {
    const LocalPort port(true);
    OneAnswer server(
        port, std::string("HTTP/1.1 ") + status + "\r\nLocation: /x\r\nContent-Length: 0\r\n\r\n");
    HubSettings settings;
    settings.endpoint = port.Url();
    const HubStatus hub = CheckHub(settings);
    EXPECT_THAT(server.Request(), HasSubstr("HEAD / HTTP/1.1"));
    EXPECT_TRUE(hub.reachable) << hub.detail;
    EXPECT_EQ(hub.http_status, std::atol(status));
  }
}

TEST(Hub, AClosedPortIsSaidQuickly) {
  const LocalPort port(false);
  HubSettings settings;
  settings.endpoint = port.Url();
  const HubStatus hub = CheckHub(settings);
  EXPECT_FALSE(hub.reachable);
  EXPECT_NE(hub.detail, "");
  EXPECT_LT(hub.seconds, 2.5);
}

TEST(Hub, ASilentServerRunsIntoTheTimeLimit) {
  const LocalPort port(true);  // accepts in the kernel, never answers
  HubSettings settings;
  settings.endpoint = port.Url();
  const HubStatus hub = CheckHub(settings, 300);
  EXPECT_FALSE(hub.reachable);
  EXPECT_GE(hub.seconds, 0.25);
  EXPECT_LT(hub.seconds, 2.0);
}

TEST(Hub, OnlyTheWebIsAsked) {
  HubSettings settings;
  settings.endpoint = "file:///etc/hostname";
  EXPECT_FALSE(CheckHub(settings).reachable);
}

TEST(Hub, ALoopbackHubIgnoresTheProxy) {
  const LocalPort closed(false);
  const LocalPort port(true);
  Environment environment;
  environment.Set("http_proxy", closed.Url().c_str());
  OneAnswer server(port, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
  environment.Set("HF_ENDPOINT", port.Url().c_str());
  const HubStatus hub = CheckHub(HubSettingsFromEnvironment());
  EXPECT_TRUE(hub.reachable) << hub.detail;
  server.Request();
}

TEST(Hub, TheTokenIsSeenAndNeverRepeated) {
  const std::string folder = ::testing::TempDir() + "hub_test_home";
  std::filesystem::remove_all(folder);
  Environment environment;
  environment.Set("HF_HOME", folder.c_str());
  environment.Set("HF_ENDPOINT", "http://me:sesame@127.0.0.1:1/hub");
  environment.Set("HF_TOKEN", nullptr);
  EXPECT_EQ(HubSettingsFromEnvironment().token_source, "");
  ASSERT_TRUE(WriteFileAtomically(folder + "/token", "hf_secretsecret"));
  EXPECT_EQ(HubSettingsFromEnvironment().token_source, "token file");
  environment.Set("HF_TOKEN", "hf_othersecret");
  const HubSettings settings = HubSettingsFromEnvironment();
  EXPECT_EQ(settings.token_source, "HF_TOKEN");
  EXPECT_EQ(settings.cache_folder, folder);
  const std::string json = DumpJson(ToJson(CheckHub(settings)));
  EXPECT_THAT(json, HasSubstr("\"token\": \"HF_TOKEN\""));
  EXPECT_THAT(json, HasSubstr("\"cache_writable\": true"));
  EXPECT_THAT(json, HasSubstr("127.0.0.1:1/hub"));
  EXPECT_THAT(json, Not(HasSubstr("secret")));
  EXPECT_THAT(json, Not(HasSubstr("sesame")));
  std::filesystem::remove_all(folder);
}

TEST(Hub, TheEndpointHasADefault) {
  Environment environment;
  environment.Set("HF_ENDPOINT", nullptr);
  EXPECT_EQ(HubSettingsFromEnvironment().endpoint, kDefaultHubEndpoint);
}

}  // namespace
}  // namespace dragoman
