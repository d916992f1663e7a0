// A fixed set of worker threads that share loops. The calling thread works too.
#ifndef DRAGOMAN_BASE_THREAD_POOL_H_
#define DRAGOMAN_BASE_THREAD_POOL_H_

#include <cstdint>
#include <functional>
#include <memory>

namespace dragoman {

class ThreadPool {
 public:
  // threads >= 1 counts the caller; 0 takes AvailableCores().
  explicit ThreadPool(int threads = 0);
  ~ThreadPool();
  ThreadPool(const ThreadPool&) = delete;
  ThreadPool& operator=(const ThreadPool&) = delete;

  int threads() const;

  // Calls body(begin, end, worker) over [0, count) in pieces of `grain` (more where there would be
  // over 2^31 of them), the last one shorter. Each worker has neighbouring pieces of its own and
  // takes others' when it is done with these; worker is in [0, threads()). Returns when all is
  // done. Not reentrant: one loop at a time, and `body` must neither throw nor start another loop
  // on this pool.
  void ParallelFor(int64_t count, int64_t grain,
                   const std::function<void(int64_t begin, int64_t end, int worker)>& body);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

// Cores this process may use: affinity mask, quotas of control groups and, where cores differ,
// their speed considered (base/cpu_topology.h). `sharers`: processes of this kind that divide the
// machine's cores and the quota among them; at least 1 is left to each.
int AvailableCores(int sharers = 1);

}  // namespace dragoman

#endif  // DRAGOMAN_BASE_THREAD_POOL_H_
