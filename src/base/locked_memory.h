// Memory that must not be paged out.
#ifndef DRAGOMAN_BASE_LOCKED_MEMORY_H_
#define DRAGOMAN_BASE_LOCKED_MEMORY_H_

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

#include "dragoman/result.h"

namespace dragoman {

// Reads the pages of `bytes` in and keeps them in physical memory until they are unmapped.
// `locked_bytes` counts what has been locked before, of the same `what`. Errors: kOutOfMemory, with
// the limit and how to raise it.
Result<void> LockMemory(std::span<const std::byte> bytes, std::string_view what,
                        uint64_t& locked_bytes);

// What this process may lock in all (RLIMIT_MEMLOCK); the largest number when there is no limit.
uint64_t LockLimitBytes();

}  // namespace dragoman

#endif  // DRAGOMAN_BASE_LOCKED_MEMORY_H_
