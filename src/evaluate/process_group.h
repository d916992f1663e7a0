// Processes that share one benchmark run, as mpirun starts them: who they are, and the two ways in
// which they exchange texts.
//
// Open MPI is not linked. A module of its own (mpi_module.h), built where Open MPI is, is loaded
// only in a process that mpirun started; so the program runs where no MPI is installed.
#ifndef DRAGOMAN_EVALUATE_PROCESS_GROUP_H_
#define DRAGOMAN_EVALUATE_PROCESS_GROUP_H_

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "dragoman/result.h"

namespace dragoman {

class ProcessGroup {
 public:
  virtual ~ProcessGroup() = default;
  virtual int rank() const = 0;  // 0 gathers, writes and reports
  virtual int size() const = 0;
  // Among the processes of the same machine.
  virtual int local_rank() const = 0;
  virtual int local_size() const = 0;
  // Every process calls it. Rank 0 gets a text of each, in order of their ranks; the others
  // nothing. Waits without using the processor. Errors: kIo when another process cannot be reached.
  virtual Result<std::vector<std::string>> Gather(std::string_view mine) = 0;
  // Every process calls it and gets rank 0's text.
  virtual Result<std::string> Broadcast(std::string_view of_rank_0) = 0;
  // What to say on standard error if mpirun stops this process because another one ended.
  virtual void SayWhenStopped(const std::string&) {}
  // Every process calls it, once all is exchanged. A process that ends without it takes the others
  // with it.
  virtual Result<void> Leave() = 0;

  // Every process calls it with what came of its own work. When it failed somewhere, every process
  // gets the error of the lowest such rank, named. Errors besides: those of Gather.
  Result<void> Agree(const Result<void>& mine);
  // Such an error was agreed on: rank 0 reports it, the others need not.
  bool failed_together() const { return failed_together_; }

 private:
  bool failed_together_ = false;
};

// The group that mpirun started this process in; null when there is no other process. May succeed
// once. Errors: kUnsupported when the module or its library is not there, kIo.
Result<std::unique_ptr<ProcessGroup>> JoinProcessGroup();

// Whether it went well, without the value.
template <typename T>
Result<void> ErrorOf(const Result<T>& outcome) {
  if (outcome) return {};
  return tl::unexpected(outcome.error());
}

}  // namespace dragoman

#endif  // DRAGOMAN_EVALUATE_PROCESS_GROUP_H_
