// dragoman_mpi.so: texts between processes over MPI. Built where MPI is found, loaded under mpirun.
#include "evaluate/mpi_module.h"

#include <mpi.h>
#include <time.h>

#include <algorithm>
#include <new>
#include <string>

namespace {

constexpr uint64_t kPieceBytes = uint64_t{64} << 20;  // MPI counts in int
constexpr uint64_t kMostBytes = uint64_t{4} << 30;    // as predictions_file.cc
constexpr int kSizeTag = 1, kPieceTag = 2;
constexpr long kPauseNanoseconds = 1'000'000;

std::string g_message;

int Failed(const std::string& message) {
  g_message = message;
  return 1;
}

int Checked(int code, const char* what) {
  if (code == MPI_SUCCESS) return 0;
  char text[MPI_MAX_ERROR_STRING];
  int length = 0;
  if (MPI_Error_string(code, text, &length) != MPI_SUCCESS) length = 0;
  return Failed(std::string(what) + ": " + std::string(text, static_cast<size_t>(length)));
}

// MPI_Wait turns in circles at full speed; another process may need the core for an hour.
int WaitFor(MPI_Request* request, const char* what) {
  for (;;) {
    int done = 0;
    if (Checked(MPI_Test(request, &done, MPI_STATUS_IGNORE), what) != 0) return 1;
    if (done != 0) return 0;
    const timespec pause = {0, kPauseNanoseconds};
    nanosleep(&pause, nullptr);
  }
}

int Send(const void* bytes, int count, int rank, int tag) {
  MPI_Request request;
  constexpr const char* kWhat = "cannot send to another process";
  if (Checked(MPI_Isend(bytes, count, MPI_BYTE, rank, tag, MPI_COMM_WORLD, &request), kWhat) != 0)
    return 1;
  return WaitFor(&request, kWhat);
}

int Receive(void* bytes, int count, int rank, int tag) {
  MPI_Request request;
  constexpr const char* kWhat = "cannot receive from another process";
  if (Checked(MPI_Irecv(bytes, count, MPI_BYTE, rank, tag, MPI_COMM_WORLD, &request), kWhat) != 0)
    return 1;
  return WaitFor(&request, kWhat);
}

int SendText(const char* bytes, uint64_t count, int rank) {
  if (Send(&count, sizeof(count), rank, kSizeTag) != 0) return 1;
  for (uint64_t at = 0; at < count; at += kPieceBytes) {
    const uint64_t piece = std::min(kPieceBytes, count - at);
    if (Send(bytes + at, static_cast<int>(piece), rank, kPieceTag) != 0) return 1;
  }
  return 0;
}

int ReceiveText(int rank, DragomanTake take, void* context) try {
  uint64_t count = 0;
  if (Receive(&count, sizeof(count), rank, kSizeTag) != 0) return 1;
  if (count > kMostBytes) return Failed("another process announces too long a text");
  std::string text(count, '\0');
  for (uint64_t at = 0; at < count; at += kPieceBytes) {
    const uint64_t piece = std::min(kPieceBytes, count - at);
    if (Receive(text.data() + at, static_cast<int>(piece), rank, kPieceTag) != 0) return 1;
  }
  take(context, rank, text.data(), text.size());
  return 0;
} catch (const std::bad_alloc&) {
  return Failed("not enough memory for what another process sends");
}

int RankAndSize(int* rank, int* size) {
  if (Checked(MPI_Comm_rank(MPI_COMM_WORLD, rank), "cannot tell the rank") != 0) return 1;
  return Checked(MPI_Comm_size(MPI_COMM_WORLD, size), "cannot tell the number of processes");
}

int Join(int* rank, int* size) {
  int initialized = 0;
  MPI_Initialized(&initialized);
  if (initialized != 0) return Failed("this process has joined before");
  int provided = 0;
  // Only the thread that joins talks to MPI; the workers only compute.
  if (Checked(MPI_Init_thread(nullptr, nullptr, MPI_THREAD_FUNNELED, &provided),
              "cannot start MPI") != 0)
    return 1;
  MPI_Comm_set_errhandler(MPI_COMM_WORLD, MPI_ERRORS_RETURN);
  return RankAndSize(rank, size);
}

int Gather(const char* bytes, uint64_t count, DragomanTake take, void* context) {
  int rank = 0, size = 0;
  if (RankAndSize(&rank, &size) != 0) return 1;
  if (rank != 0) return SendText(bytes, count, 0);
  for (int other = 1; other < size; ++other) {
    if (ReceiveText(other, take, context) != 0) return 1;
  }
  return 0;
}

int Broadcast(const char* bytes, uint64_t count, DragomanTake take, void* context) {
  int rank = 0, size = 0;
  if (RankAndSize(&rank, &size) != 0) return 1;
  if (rank != 0) return ReceiveText(0, take, context);
  for (int other = 1; other < size; ++other) {
    if (SendText(bytes, count, other) != 0) return 1;
  }
  return 0;
}

int Leave() { return Checked(MPI_Finalize(), "cannot end MPI"); }

const char* Message() { return g_message.c_str(); }

}  // namespace

extern "C" __attribute__((visibility("default"))) const DragomanMpiModule* dragoman_mpi_module() {
  static const DragomanMpiModule module = {
      kDragomanMpiModuleVersion, Join, Gather, Broadcast, Leave, Message};
  return &module;
}
