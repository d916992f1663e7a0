// Every tensor byte read once, in pieces shared among threads, looking for values that are not
// finite.
#include "model/verify.h"

#include <fmt/format.h>

#include <algorithm>
#include <atomic>
#include <mutex>
#include <optional>

#include "base/process_stats.h"
#include "base/thread_pool.h"
#include "model/verify_scan.h"

namespace dragoman {
namespace {

// Large enough that handing out costs nothing, small enough that resident memory stays at some
// megabytes a thread: each piece's pages are given back when it is done.
constexpr uint64_t kPieceBytes = uint64_t{8} << 20;

struct ScanPiece {
  const TensorInfo* tensor = nullptr;
  uint64_t offset_bytes = 0;  // inside the tensor; on a block boundary
  uint64_t size_bytes = 0;
};

struct BadValue {
  size_t piece = 0;
  uint64_t elem = 0;  // inside the tensor
  bool is_nan = false;
};

std::vector<ScanPiece> CutIntoPieces(const Checkpoint& checkpoint) {
  std::vector<ScanPiece> pieces;
  for (const TensorInfo& tensor : checkpoint.tensors()) {
    const uint64_t block_bytes = TraitsOf(tensor.type).block_bytes;
    const uint64_t step_bytes = std::max<uint64_t>(kPieceBytes / block_bytes, 1) * block_bytes;
    for (uint64_t offset = 0; offset < tensor.size_bytes; offset += step_bytes) {
      pieces.push_back({&tensor, offset, std::min(step_bytes, tensor.size_bytes - offset)});
    }
  }
  return pieces;
}

// Scans the pieces in parallel; the first bad value in file order wins whatever the threads' speed.
class Scanner {
 public:
  Scanner(const Checkpoint& checkpoint, std::vector<ScanPiece> pieces,
          const std::function<void(uint64_t, uint64_t)>& progress)
      : checkpoint_(checkpoint),
        pieces_(std::move(pieces)),
        progress_(progress),
        first_bad_(pieces_.size()) {
    for (const ScanPiece& piece : pieces_) total_bytes_ += piece.size_bytes;
  }

  std::optional<BadValue> Run(int threads) {
    ThreadPool pool(threads);
    pool.ParallelFor(static_cast<int64_t>(pieces_.size()), 1,
                     [this](int64_t begin, int64_t end, int) {
                       for (int64_t i = begin; i < end; ++i) ScanOne(static_cast<size_t>(i));
                     });
    return bad_;
  }
  uint64_t total_bytes() const { return total_bytes_; }
  const ScanPiece& piece(size_t index) const { return pieces_[index]; }

 private:
  void ScanOne(size_t index) {
    if (index > first_bad_.load(std::memory_order_relaxed)) return;  // an earlier one is known
    const ScanPiece& piece = pieces_[index];
    const std::span<const std::byte> bytes =
        checkpoint_.Data(*piece.tensor).subspan(piece.offset_bytes, piece.size_bytes);
    const FiniteScan scan = ScanFinite(piece.tensor->type, bytes);
    TensorInfo range = *piece.tensor;  // the piece's own bytes
    range.offset_bytes += piece.offset_bytes;
    range.size_bytes = piece.size_bytes;
    checkpoint_.Release(range);
    Report(index, scan);
  }

  void Report(size_t index, const FiniteScan& scan) {
    const std::lock_guard<std::mutex> lock(mutex_);
    const ScanPiece& piece = pieces_[index];
    done_bytes_ += piece.size_bytes;
    if (scan.nan_count + scan.inf_count > 0 && index < first_bad_.load(std::memory_order_relaxed)) {
      const BlockTraits& traits = TraitsOf(piece.tensor->type);
      const uint64_t elems_before = piece.offset_bytes / traits.block_bytes * traits.block_elems;
      bad_ = BadValue{index, elems_before + scan.first_bad_elem, scan.inf_count == 0};
      first_bad_.store(index, std::memory_order_relaxed);
    }
    if (progress_) progress_(done_bytes_, total_bytes_);
  }

  const Checkpoint& checkpoint_;
  const std::vector<ScanPiece> pieces_;
  const std::function<void(uint64_t, uint64_t)>& progress_;
  uint64_t total_bytes_ = 0;
  std::atomic<size_t> first_bad_;
  std::mutex mutex_;
  uint64_t done_bytes_ = 0;
  std::optional<BadValue> bad_;
};

tl::unexpected<Error> NotFinite(const Checkpoint& checkpoint, const ScanPiece& piece,
                                const BadValue& bad) {
  const TensorInfo& tensor = *piece.tensor;
  const BlockTraits& traits = TraitsOf(tensor.type);
  const uint64_t offset_bytes =
      tensor.offset_bytes + bad.elem / traits.block_elems * traits.block_bytes;
  const char* found = bad.is_nan ? "NaN" : "NaN or infinity";
  return Fail(ErrorCode::kCorruptFile,
              fmt::format("element {} at offset {}: expected a finite {} value, found {}", bad.elem,
                          offset_bytes, traits.name, found),
              fmt::format("{}: tensor {}", checkpoint.files()[tensor.file_index], tensor.name));
}

}  // namespace

Result<VerifyReport> VerifyModel(
    const std::string& path, int threads,
    const std::function<void(uint64_t done, uint64_t total)>& progress) {
  const Stopwatch watch;
  DRAGOMAN_ASSIGN_OR_RETURN(const std::unique_ptr<Checkpoint> checkpoint, OpenCheckpoint(path));
  VerifyReport report;
  DRAGOMAN_ASSIGN_OR_RETURN(report.summary, SummarizeCheckpoint(*checkpoint));
  Scanner scanner(*checkpoint, CutIntoPieces(*checkpoint), progress);
  const std::optional<BadValue> bad = scanner.Run(threads);
  if (bad) return NotFinite(*checkpoint, scanner.piece(bad->piece), *bad);
  report.scanned_bytes = scanner.total_bytes();
  report.seconds = watch.Seconds();
  return report;
}

OrderedJson ToJson(const VerifyReport& report) {
  OrderedJson json;
  json["schema"] = "dragoman.verify/1";
  json["ok"] = true;
  json["scanned_bytes"] = report.scanned_bytes;
  json["seconds"] = report.seconds;
  json["gb_per_second"] = report.gb_per_second();
  json["model"] = ToJson(report.summary);
  return json;
}

}  // namespace dragoman
