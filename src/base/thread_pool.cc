#include "base/thread_pool.h"

#include <sched.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cmath>
#include <condition_variable>
#include <fstream>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

namespace dragoman {
namespace {

// Rounds of polling before a waiting thread sleeps: about as long as the gap between two matrix
// products.
constexpr int kSpinRounds = 4000;

inline void CpuRelax() {
#if defined(__x86_64__)
  __builtin_ia32_pause();
#endif
}

}  // namespace

// A worker takes part in a loop by entering its gate while that is open. The caller shuts the gate
// when no piece is left and waits only for those inside, so that a worker the system has not woken
// yet delays nobody.
struct ThreadPool::State {
  static constexpr uint32_t kShut = 1u << 31;

  int thread_count = 1;
  std::vector<std::thread> workers;
  std::mutex mutex;
  std::condition_variable wake;
  std::atomic<int> sleepers{0};
  std::atomic<uint64_t> generation{0};
  std::atomic<bool> stopping{false};

  // kShut and the number of workers inside.
  std::atomic<uint32_t> gate{kShut};
  // The loop in progress; changed only while the gate is shut and nobody inside.
  const std::function<void(int64_t, int64_t, int)>* body = nullptr;
  int64_t count = 0;
  int64_t grain = 1;
  std::atomic<int64_t> next{0};

  void RunPieces(int worker) {
    for (;;) {
      const int64_t begin = next.fetch_add(grain, std::memory_order_relaxed);
      if (begin >= count) return;
      (*body)(begin, std::min(begin + grain, count), worker);
    }
  }

  // The first generation after `seen`; nothing once the pool stops.
  std::optional<uint64_t> WaitForGeneration(uint64_t seen) {
    for (int round = 0; round < kSpinRounds; ++round) {
      const uint64_t now = generation.load();
      if (now != seen || stopping.load()) return stopping ? std::nullopt : std::optional(now);
      CpuRelax();
    }
    std::unique_lock lock(mutex);
    sleepers.fetch_add(1);
    wake.wait(lock, [&] { return generation.load() != seen || stopping.load(); });
    sleepers.fetch_sub(1);
    return stopping ? std::nullopt : std::optional(generation.load());
  }

  void WorkerLoop(int worker) {
    uint64_t seen = 0;
    while (const std::optional<uint64_t> now = WaitForGeneration(seen)) {
      seen = *now;
      if ((gate.fetch_add(1, std::memory_order_acquire) & kShut) == 0) RunPieces(worker);
      gate.fetch_sub(1, std::memory_order_release);
    }
  }

  void WakeWorkers() {
    // Whoever falls asleep after this sees the new generation: both are sequentially consistent.
    generation.fetch_add(1);
    if (sleepers.load() == 0) return;
    { std::lock_guard lock(mutex); }
    wake.notify_all();
  }

  void ShutGate() {
    gate.fetch_or(kShut);
    for (int round = 0; gate.load(std::memory_order_acquire) != kShut; ++round) {
      if (round < kSpinRounds) {
        CpuRelax();
      } else {
        std::this_thread::yield();
      }
    }
  }
};

ThreadPool::ThreadPool(int threads) : state_(std::make_unique<State>()) {
  state_->thread_count = threads > 0 ? threads : AvailableCores();
  for (int worker = 1; worker < state_->thread_count; ++worker) {
    state_->workers.emplace_back([state = state_.get(), worker] { state->WorkerLoop(worker); });
  }
}

ThreadPool::~ThreadPool() {
  {
    std::lock_guard lock(state_->mutex);
    state_->stopping = true;
  }
  state_->wake.notify_all();
  for (auto& worker : state_->workers) worker.join();
}

int ThreadPool::threads() const { return state_->thread_count; }

void ThreadPool::ParallelFor(int64_t count, int64_t grain,
                             const std::function<void(int64_t, int64_t, int)>& body) {
  if (count <= 0) return;
  State& state = *state_;
  grain = std::max<int64_t>(grain, 1);
  if (state.thread_count == 1 || count <= grain) {
    body(0, count, 0);
    return;
  }
  state.body = &body;
  state.count = count;
  state.grain = grain;
  state.next.store(0, std::memory_order_relaxed);
  state.gate.fetch_and(~State::kShut, std::memory_order_release);
  state.WakeWorkers();
  state.RunPieces(0);
  state.ShutGate();
}

int AvailableCores(int sharers) {
  int cores = static_cast<int>(std::max<long>(1, sysconf(_SC_NPROCESSORS_ONLN)));
  std::ifstream quota_file("/sys/fs/cgroup/cpu.max");  // cgroup v2: "max 100000" or "150000 100000"
  std::string quota;
  double period = 0;
  if (quota_file >> quota >> period && quota != "max" && period > 0) {
    const double limit = std::ceil(std::strtod(quota.c_str(), nullptr) / period);
    if (limit >= 1) cores = std::min(cores, static_cast<int>(limit));
  }
  cores = std::max(1, cores / std::max(1, sharers));
  cpu_set_t set;  // of this process alone: a launcher may have bound each to cores of its own
  if (sched_getaffinity(0, sizeof(set), &set) == 0)
    cores = std::min(cores, std::max(1, CPU_COUNT(&set)));
  return cores;
}

}  // namespace dragoman
