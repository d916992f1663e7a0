// What a phase did, from what, to what end: one JSON file a phase, written when the phase ends.
#ifndef DRAGOMAN_SHIP_EVIDENCE_H_
#define DRAGOMAN_SHIP_EVIDENCE_H_

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "base/json.h"
#include "dragoman/result.h"
#include "ship/workspace.h"

namespace dragoman {

inline constexpr const char* kEvidenceSchema = "dragoman.evidence/1";

// Named values whose change makes a phase run again: options as text, files as SHA-256.
using PhaseInputs = std::vector<std::pair<std::string, std::string>>;
// SHA-256 over names and values in order; no two different lists share an encoding.
std::string HashInputs(const std::string& phase, const PhaseInputs& inputs);

struct EvidenceOutput {
  std::string path;  // relative to the workspace where it lies in it
  FileStamp stamp;
  std::string sha256;
};

struct PhaseEvidence {
  std::string phase;
  std::string status;  // "done" or "failed"
  std::string input_hash;
  PhaseInputs inputs;
  std::vector<EvidenceOutput> outputs;
  Json measured = Json::object();
  std::string summary;            // one line
  std::string error;              // why it failed; empty when done
  std::string program;            // version
  std::string started, finished;  // UTC
  double seconds = 0;
  double cpu_seconds = 0;  // over all threads
  uint64_t peak_memory_bytes = 0;

  bool done() const { return status == "done"; }
};

OrderedJson ToJson(const PhaseEvidence& evidence);  // schemas/evidence.schema.json
// Errors: kNotFound, kCorruptFile.
Result<PhaseEvidence> ReadEvidence(const std::string& path);

// Whether every output is still what the phase left: same stamp, or else same size and hash.
bool OutputsAreThere(const PhaseEvidence& evidence, const Workspace& workspace, HashCache* hashes);
// Errors: kNotFound when the phase did not leave what it said.
Result<std::vector<EvidenceOutput>> DescribeOutputs(const std::vector<std::string>& paths,
                                                    const Workspace& workspace, HashCache* hashes);

}  // namespace dragoman

#endif  // DRAGOMAN_SHIP_EVIDENCE_H_
