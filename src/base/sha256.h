// SHA-256 behind a small port: OpenSSL here, something else in a browser build.
#ifndef DRAGOMAN_BASE_SHA256_H_
#define DRAGOMAN_BASE_SHA256_H_

#include <cstddef>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "dragoman/result.h"

namespace dragoman {

class Sha256 {
 public:
  Sha256();
  ~Sha256();
  Sha256(Sha256&&) noexcept;
  Sha256& operator=(Sha256&&) noexcept;
  void Update(std::span<const std::byte> bytes);
  void Update(std::string_view text);
  // 64 lower-case hex digits. The object must not be used afterwards.
  std::string HexDigest();

 private:
  struct State;
  std::unique_ptr<State> state_;
};

std::string Sha256Hex(std::string_view text);
// Streams the file. Errors: kNotFound, kIo.
Result<std::string> Sha256OfFile(const std::string& path);

}  // namespace dragoman

#endif  // DRAGOMAN_BASE_SHA256_H_
