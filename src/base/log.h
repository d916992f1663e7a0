// Logging behind a small port (spdlog here). Lines go to standard error, and to a file once one is opened.
// Secrets never reach it: callers log names of environment variables, not their values.
#ifndef DRAGOMAN_BASE_LOG_H_
#define DRAGOMAN_BASE_LOG_H_

#include <fmt/format.h>

#include <string>
#include <string_view>

#include "dragoman/result.h"

namespace dragoman {

enum class LogLevel { kDebug, kInfo, kWarning, kError };

void LogLine(LogLevel level, std::string_view text);
// Lines below `level` are dropped on standard error; the log file takes all of them.
void SetLogLevel(LogLevel level);
// Also appends every line to this file. Errors: kIo.
Result<void> OpenLogFile(const std::string& path);

template <typename... Args>
void LogDebug(fmt::format_string<Args...> format, Args&&... args) {
  LogLine(LogLevel::kDebug, fmt::format(format, std::forward<Args>(args)...));
}
template <typename... Args>
void LogInfo(fmt::format_string<Args...> format, Args&&... args) {
  LogLine(LogLevel::kInfo, fmt::format(format, std::forward<Args>(args)...));
}
template <typename... Args>
void LogWarning(fmt::format_string<Args...> format, Args&&... args) {
  LogLine(LogLevel::kWarning, fmt::format(format, std::forward<Args>(args)...));
}

}  // namespace dragoman

#endif  // DRAGOMAN_BASE_LOG_H_
