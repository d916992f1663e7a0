#include "base/thread_pool.h"

#include <sched.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cmath>
#include <condition_variable>
#include <mutex>
#include <optional>
#include <thread>
#include <vector>

#include "base/cpu_topology.h"

namespace dragoman {
namespace {

// How long a waiting thread polls before it sleeps: longer than the gap between two products of a
// decoding step, shorter than what waking up costs, so that a wait never costs much more than twice
// the better of both; on a busy machine the processor is soon free for others.
constexpr std::chrono::microseconds kPolling{50};
// Looks between two looks at the clock.
constexpr int kLooks = 32;

inline void CpuRelax() {
#if defined(__x86_64__)
  __builtin_ia32_pause();
#endif
}

// Polls `done` for a while; whether it came true.
template <typename Condition>
bool PollFor(std::chrono::microseconds time, const Condition& done) {
  const auto end = std::chrono::steady_clock::now() + time;
  do {
    for (int look = 0; look < kLooks; ++look) {
      if (done()) return true;
      CpuRelax();
    }
  } while (std::chrono::steady_clock::now() < end);
  return false;
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
    const auto called = [&] { return generation.load() != seen || stopping.load(); };
    if (PollFor(kPolling, called)) {
      return stopping ? std::nullopt : std::optional(generation.load());
    }
    std::unique_lock lock(mutex);
    sleepers.fetch_add(1);
    wake.wait(lock, called);
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
    const auto empty = [&] { return gate.load(std::memory_order_acquire) == kShut; };
    while (!PollFor(kPolling, empty)) std::this_thread::yield();
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

namespace {

// Of this process alone: a launcher may have bound each to cores of its own.
std::vector<int> AllowedCpus() {
  std::vector<int> cpus;
  cpu_set_t set;
  if (sched_getaffinity(0, sizeof(set), &set) != 0) return cpus;
  for (int cpu = 0; cpu < CPU_SETSIZE; ++cpu) {
    if (CPU_ISSET(cpu, &set)) cpus.push_back(cpu);
  }
  return cpus;
}

}  // namespace

int AvailableCores(int sharers) {
  int cores = static_cast<int>(std::max<long>(1, sysconf(_SC_NPROCESSORS_ONLN)));
  const double limit = std::ceil(CgroupCpuLimit());
  if (limit < cores) cores = std::max(1, static_cast<int>(limit));
  cores = std::max(1, cores / std::max(1, sharers));
  const int worthwhile = WorthwhileCores(CoreCapacities(AllowedCpus()));
  return worthwhile > 0 ? std::min(cores, worthwhile) : cores;
}

}  // namespace dragoman
