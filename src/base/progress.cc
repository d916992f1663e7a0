#include "base/progress.h"

#include <fmt/format.h>
#include <unistd.h>

#include <atomic>
#include <cstdio>
#include <utility>

namespace dragoman {
namespace {

using Clock = std::chrono::steady_clock;
constexpr double kTerminalSeconds = 0.2;  // redraw interval
constexpr double kLogSeconds = 5.0;       // interval of plain lines

std::atomic<bool> g_quiet{false};

double SecondsSince(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

std::string Duration(double seconds) {
  const int total = static_cast<int>(seconds + 0.5);
  if (total < 60) return fmt::format("{}s", total);
  if (total < 3600) return fmt::format("{}m{:02}s", total / 60, total % 60);
  return fmt::format("{}h{:02}m", total / 3600, total / 60 % 60);
}

}  // namespace

void Progress::SetQuiet(bool quiet) { g_quiet = quiet; }

Progress::Progress(std::string label, uint64_t total, std::string unit)
    : label_(std::move(label)),
      unit_(std::move(unit)),
      total_(total),
      terminal_(::isatty(STDERR_FILENO) == 1),
      start_(Clock::now()),
      last_print_(start_) {}

Progress::~Progress() { Finish(); }

void Progress::Update(uint64_t done, const std::string& detail) {
  if (finished_) return;
  done_ = done;
  detail_ = detail;
  if (SecondsSince(last_print_) < (terminal_ ? kTerminalSeconds : kLogSeconds)) return;
  if (SecondsSince(start_) < 1.0) return;
  Print(false);
}

void Progress::Print(bool last) {
  if (g_quiet) return;
  last_print_ = Clock::now();
  printed_ = true;
  const double seconds = SecondsSince(start_);
  const double rate = seconds > 0 ? static_cast<double>(done_) / seconds : 0;
  const std::string speed = unit_ != "bytes" ? fmt::format("{:.1f} {}/s", rate, unit_)
                            : rate >= 1e7      ? fmt::format("{:.2f} GB/s", rate / 1e9)
                                               : fmt::format("{:.2f} MB/s", rate / 1e6);
  const double share = total_ > 0 ? 100.0 * static_cast<double>(done_) / static_cast<double>(total_) : 0;
  std::string line = fmt::format("{}: {:.0f}% {}", label_, share, speed);
  if (last) {
    line += fmt::format(", took {}", Duration(seconds));
  } else if (rate > 0 && total_ > done_) {
    line += fmt::format(", ETA {}", Duration(static_cast<double>(total_ - done_) / rate));
  }
  if (!last && !detail_.empty()) line += " | " + detail_;
  if (terminal_) {
    fmt::print(stderr, "\r\033[K{}{}", line, last ? "\n" : "");
  } else {
    fmt::print(stderr, "{}\n", line);
  }
  std::fflush(stderr);
}

void Progress::Finish() {
  if (finished_) return;
  if (printed_) Print(true);
  finished_ = true;
}

}  // namespace dragoman
