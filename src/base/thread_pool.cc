#include "base/thread_pool.h"

#include <sched.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cmath>
#include <condition_variable>
#include <limits>
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

int64_t CeilDivide(int64_t a, int64_t b) { return (a + b - 1) / b; }

constexpr int64_t kMaxPieces = std::numeric_limits<int32_t>::max();

}  // namespace

// A worker takes part in a loop by entering its gate while that is open. The caller shuts the gate
// when no piece is left and waits only for those inside, so that a worker the system has not woken
// yet delays nobody.
struct ThreadPool::State {
  static constexpr uint32_t kShut = 1u << 31;

  // The pieces of a loop that nobody has taken yet of those meant for one worker. They lie beside
  // each other, so that what a worker fetches ahead of a piece is what it works on next.
  class alignas(64) Share {
   public:
    void Set(int64_t begin, int64_t end) {
      range_.store(Pack(begin, end), std::memory_order_relaxed);
    }

    std::optional<int64_t> TakeFirst() {
      return Take([](int64_t begin, int64_t end) { return Taken{begin, Pack(begin + 1, end)}; });
    }
    std::optional<int64_t> TakeLast() {
      return Take([](int64_t begin, int64_t end) { return Taken{end - 1, Pack(begin, end - 1)}; });
    }

   private:
    struct Taken {
      int64_t piece;
      uint64_t rest;
    };

    static uint64_t Pack(int64_t begin, int64_t end) {
      return static_cast<uint64_t>(begin) << 32 | static_cast<uint64_t>(end);
    }

    template <typename Choose>
    std::optional<int64_t> Take(const Choose& choose) {
      uint64_t range = range_.load(std::memory_order_relaxed);
      for (;;) {
        const auto begin = static_cast<int64_t>(range >> 32);
        const auto end = static_cast<int64_t>(range & 0xffffffffu);
        if (begin >= end) return std::nullopt;
        const Taken taken = choose(begin, end);
        if (range_.compare_exchange_weak(range, taken.rest, std::memory_order_relaxed)) {
          return taken.piece;
        }
      }
    }

    std::atomic<uint64_t> range_{0};  // begin, end
  };

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
  std::unique_ptr<Share[]> shares;  // a worker's each

  void Divide(int64_t new_count, int64_t new_grain) {
    count = new_count;
    grain = std::max(new_grain, CeilDivide(new_count, kMaxPieces));
    const int64_t pieces = CeilDivide(count, grain);
    for (int64_t i = 0; i < thread_count; ++i) {
      shares[i].Set(pieces * i / thread_count, pieces * (i + 1) / thread_count);
    }
  }

  void RunPiece(int64_t piece, int worker) {
    const int64_t begin = piece * grain;
    (*body)(begin, std::min(begin + grain, count), worker);
  }

  // The worker's own share in order, then the ends of the others'.
  void RunPieces(int worker) {
    while (const std::optional<int64_t> piece = shares[worker].TakeFirst())
      RunPiece(*piece, worker);
    for (int step = 1; step < thread_count; ++step) {
      Share& other = shares[(worker + step) % thread_count];
      while (const std::optional<int64_t> piece = other.TakeLast()) RunPiece(*piece, worker);
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
  state_->shares = std::make_unique<State::Share[]>(static_cast<size_t>(state_->thread_count));
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
  state.Divide(count, grain);
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
