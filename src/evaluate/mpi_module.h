// The narrow door between the program and the module that is linked with MPI: plain functions, no
// types of either side. Every function returns 0, or 1 with a text in message().
#ifndef DRAGOMAN_EVALUATE_MPI_MODULE_H_
#define DRAGOMAN_EVALUATE_MPI_MODULE_H_

#include <stdint.h>

extern "C" {

// Takes a text of a process; called in order of ranks.
typedef void (*DragomanTake)(void* context, int rank, const char* bytes, uint64_t count);

struct DragomanMpiModule {
  int version;  // kDragomanMpiModuleVersion of the header it was built with
  int (*join)(int* rank, int* size);
  // On rank 0 `take` gets every other process's text.
  int (*gather)(const char* bytes, uint64_t count, DragomanTake take, void* context);
  // On the others `take` gets rank 0's text.
  int (*broadcast)(const char* bytes, uint64_t count, DragomanTake take, void* context);
  int (*leave)(void);
  const char* (*message)(void);  // of the last failure
};

// The one symbol of the module, "dragoman_mpi_module".
typedef const DragomanMpiModule* (*DragomanGetMpiModule)(void);

}  // extern "C"

inline constexpr int kDragomanMpiModuleVersion = 1;

#endif  // DRAGOMAN_EVALUATE_MPI_MODULE_H_
