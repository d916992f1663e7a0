// Versions of everything a run rests on, for its evidence.
#ifndef DRAGOMAN_SHIP_VERSIONS_H_
#define DRAGOMAN_SHIP_VERSIONS_H_

#include <string>
#include <utility>
#include <vector>

namespace dragoman {

// "dragoman" first, then compiler, C library, kernel and the libraries, in a fixed order.
std::vector<std::pair<std::string, std::string>> ComponentVersions();

// SHA-256 of the running program's file; empty when it cannot be read.
std::string ProgramHash();

}  // namespace dragoman

#endif  // DRAGOMAN_SHIP_VERSIONS_H_
