#include "base/log.h"

#include <spdlog/sinks/basic_file_sink.h>
#include <spdlog/sinks/stdout_color_sinks.h>
#include <spdlog/spdlog.h>

#include <filesystem>
#include <memory>

namespace dragoman {
namespace {

struct Log {
  std::shared_ptr<spdlog::sinks::stderr_color_sink_mt> terminal =
      std::make_shared<spdlog::sinks::stderr_color_sink_mt>();
  spdlog::logger logger{"dragoman", terminal};
  Log() {
    logger.set_level(spdlog::level::debug);
    terminal->set_level(spdlog::level::info);
    terminal->set_pattern("%^%v%$");
  }
};

Log& TheLog() {
  static Log log;
  return log;
}

spdlog::level::level_enum ToSpdlog(LogLevel level) {
  switch (level) {
    case LogLevel::kDebug: return spdlog::level::debug;
    case LogLevel::kInfo: return spdlog::level::info;
    case LogLevel::kWarning: return spdlog::level::warn;
    case LogLevel::kError: return spdlog::level::err;
  }
  return spdlog::level::info;
}

}  // namespace

void LogLine(LogLevel level, std::string_view text) { TheLog().logger.log(ToSpdlog(level), text); }

void SetLogLevel(LogLevel level) { TheLog().terminal->set_level(ToSpdlog(level)); }

Result<void> OpenLogFile(const std::string& path) {
  try {
    std::filesystem::create_directories(std::filesystem::path(path).parent_path());
    auto sink = std::make_shared<spdlog::sinks::basic_file_sink_mt>(path);
    sink->set_pattern("%Y-%m-%dT%H:%M:%S.%e %l %v");
    TheLog().logger.sinks().push_back(std::move(sink));
    TheLog().logger.flush_on(spdlog::level::info);
    return {};
  } catch (const std::exception& e) {  // spdlog and filesystem throw; nothing crosses this room
    return Fail(ErrorCode::kIo, std::string("cannot open log file: ") + e.what(), path);
  }
}

}  // namespace dragoman
