// Progress of long work: a line redrawn on a terminal (rate and ETA), plain lines now and then in a log.
#ifndef DRAGOMAN_BASE_PROGRESS_H_
#define DRAGOMAN_BASE_PROGRESS_H_

#include <chrono>
#include <cstdint>
#include <string>

namespace dragoman {

// Not thread-safe: one thread reports. Prints to standard error. Quiet for work that ends within a second.
class Progress {
 public:
  // `unit` follows the rate ("sentences", "tensors"); "bytes" prints as GB/s.
  Progress(std::string label, uint64_t total, std::string unit);
  ~Progress();
  // Work done so far, and what is being worked on.
  void Update(uint64_t done, const std::string& detail = {});
  // Ends the line; further updates are ignored.
  void Finish();

  static void SetQuiet(bool quiet);

 private:
  void Print(bool last);
  std::string label_, unit_, detail_;
  uint64_t total_;
  uint64_t done_ = 0;
  bool terminal_;
  bool printed_ = false;
  bool finished_ = false;
  std::chrono::steady_clock::time_point start_, last_print_;
};

}  // namespace dragoman

#endif  // DRAGOMAN_BASE_PROGRESS_H_
