// The one error type of Dragoman, usable in every room.
//
// Fallible functions return Result<T>. An Error says what went wrong, in which file or tensor, what
// was expected and what was found. Exceptions never cross a room; DRAGOMAN_CHECK is for programmer
// errors only.
#ifndef DRAGOMAN_RESULT_H_
#define DRAGOMAN_RESULT_H_

#include <cstdio>
#include <cstdlib>
#include <string>
#include <tl/expected.hpp>
#include <utility>

namespace dragoman {

enum class ErrorCode {
  kInvalidArgument,  // the caller's words are off: unknown option value, unknown language
  kCorruptFile,      // a file's bytes contradict its format
  kUnsupported,      // well-formed, but nothing here handles it
  kNotFound,         // file, tensor or resource that is not there
  kIo,               // the operating system refused: read, write, space, network
  kOutOfMemory,      // more memory needed than there is
  kDevice,           // an accelerator is absent or failed
  kGateFailed,       // a quality gate said no
  kCancelled,        // stopped by the user
  kInternal,         // a bug in Dragoman
};

struct Error {
  ErrorCode code = ErrorCode::kInternal;
  std::string message;  // what, expected against found, one sentence
  std::string where;    // file, tensor, offset; may be empty
};

template <typename T>
using Result = tl::expected<T, Error>;

// `return Fail(ErrorCode::kCorruptFile, "expected ... , found ...", path);`
inline tl::unexpected<Error> Fail(ErrorCode code, std::string message, std::string where = {}) {
  return tl::unexpected<Error>(Error{code, std::move(message), std::move(where)});
}

// "model.gguf: tensor blk.0.attn_q.weight: expected ..., found ..."
inline std::string ToString(const Error& error) {
  return error.where.empty() ? error.message : error.where + ": " + error.message;
}

// Stable names, used in JSON outputs.
inline const char* ErrorCodeName(ErrorCode code) {
  switch (code) {
    case ErrorCode::kInvalidArgument:
      return "invalid_argument";
    case ErrorCode::kCorruptFile:
      return "corrupt_file";
    case ErrorCode::kUnsupported:
      return "unsupported";
    case ErrorCode::kNotFound:
      return "not_found";
    case ErrorCode::kIo:
      return "io";
    case ErrorCode::kOutOfMemory:
      return "out_of_memory";
    case ErrorCode::kDevice:
      return "device";
    case ErrorCode::kGateFailed:
      return "gate_failed";
    case ErrorCode::kCancelled:
      return "cancelled";
    case ErrorCode::kInternal:
      return "internal";
  }
  return "internal";
}

}  // namespace dragoman

#define DRAGOMAN_CONCAT_INNER(a, b) a##b
#define DRAGOMAN_CONCAT(a, b) DRAGOMAN_CONCAT_INNER(a, b)

// Returns from the enclosing function when `expression` (a Result) holds an error.
#define DRAGOMAN_RETURN_IF_ERROR(expression)                                         \
  do {                                                                               \
    auto dragoman_result = (expression);                                             \
    if (!dragoman_result) return tl::unexpected(std::move(dragoman_result).error()); \
  } while (false)

// Declares or assigns `left` from the value of `expression`, or returns its error.
#define DRAGOMAN_ASSIGN_OR_RETURN(left, expression) \
  DRAGOMAN_ASSIGN_OR_RETURN_INNER(DRAGOMAN_CONCAT(dragoman_result_, __LINE__), left, expression)
#define DRAGOMAN_ASSIGN_OR_RETURN_INNER(result, left, expression) \
  auto result = (expression);                                     \
  if (!result) return tl::unexpected(std::move(result).error());  \
  left = std::move(result).value()

// Aborts on a programmer error. Never for input: bytes, flags and device state return an Error.
#define DRAGOMAN_CHECK(condition)                                                        \
  do {                                                                                   \
    if (!(condition)) {                                                                  \
      std::fprintf(stderr, "%s:%d: check failed: %s\n", __FILE__, __LINE__, #condition); \
      std::abort();                                                                      \
    }                                                                                    \
  } while (false)

#endif  // DRAGOMAN_RESULT_H_
