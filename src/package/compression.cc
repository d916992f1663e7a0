#include "package/compression.h"

#include <zlib.h>
#include <zstd.h>

#include <algorithm>
#include <future>
#include <memory>

#include "base/process_stats.h"

namespace dragoman {
namespace {

using Slices = std::vector<std::span<const std::byte>>;

constexpr size_t kOutputBytes = size_t{1} << 18;

Slices ChooseSlices(std::span<const std::byte> file) {
  if (file.size() <= kWholeCompressionBytes) return {file};
  const uint64_t slice_bytes = kWholeCompressionBytes / kSampleSlices;
  const uint64_t stride = (file.size() - slice_bytes) / (kSampleSlices - 1);
  Slices slices;
  for (uint64_t i = 0; i < kSampleSlices; ++i)
    slices.push_back(file.subspan(i * stride, slice_bytes));
  return slices;
}

Result<uint64_t> GzipBytes(const Slices& slices, int level) {
  z_stream stream{};
  constexpr int kGzipWindow = 15 + 16;  // 32 KiB window; +16 asks for a gzip header
  if (deflateInit2(&stream, level, Z_DEFLATED, kGzipWindow, 8, Z_DEFAULT_STRATEGY) != Z_OK) {
    return Fail(ErrorCode::kOutOfMemory, "zlib could not allocate its state");
  }
  const auto guard = std::unique_ptr<z_stream, int (*)(z_stream*)>(&stream, deflateEnd);
  std::vector<Bytef> output(kOutputBytes);
  for (size_t i = 0; i < slices.size(); ++i) {
    // zlib counts in 32 bits; slices are far smaller (kWholeCompressionBytes).
    stream.next_in = reinterpret_cast<Bytef*>(const_cast<std::byte*>(slices[i].data()));
    stream.avail_in = static_cast<uInt>(slices[i].size());
    const int flush = i + 1 == slices.size() ? Z_FINISH : Z_NO_FLUSH;
    do {
      stream.next_out = output.data();
      stream.avail_out = static_cast<uInt>(output.size());
      if (deflate(&stream, flush) == Z_STREAM_ERROR) {
        return Fail(ErrorCode::kInternal, "zlib's stream state is inconsistent");
      }
    } while (stream.avail_out == 0);
  }
  return uint64_t{stream.total_out};
}

Result<uint64_t> ZstdBytes(const Slices& slices, int level) {
  const auto context =
      std::unique_ptr<ZSTD_CCtx, size_t (*)(ZSTD_CCtx*)>(ZSTD_createCCtx(), ZSTD_freeCCtx);
  if (!context) return Fail(ErrorCode::kOutOfMemory, "zstd could not allocate its state");
  ZSTD_CCtx_setParameter(context.get(), ZSTD_c_compressionLevel, level);
  std::vector<char> output(kOutputBytes);
  uint64_t total = 0;
  for (size_t i = 0; i < slices.size(); ++i) {
    ZSTD_inBuffer in{slices[i].data(), slices[i].size(), 0};
    const bool last = i + 1 == slices.size();
    size_t remaining = 0;
    do {
      ZSTD_outBuffer out{output.data(), output.size(), 0};
      remaining =
          ZSTD_compressStream2(context.get(), &out, &in, last ? ZSTD_e_end : ZSTD_e_continue);
      if (ZSTD_isError(remaining) != 0) {
        return Fail(ErrorCode::kInternal, std::string("zstd: ") + ZSTD_getErrorName(remaining));
      }
      total += out.pos;
    } while (in.pos < in.size || (last && remaining != 0));
  }
  return total;
}

struct Method {
  const char* name;
  Result<uint64_t> (*run)(const Slices&, int level);
  int level;
};

}  // namespace

Result<std::vector<CompressionFigure>> MeasureCompression(std::span<const std::byte> file) {
  static constexpr Method kMethods[] = {
      {"gzip -6", GzipBytes, 6}, {"zstd -3", ZstdBytes, 3}, {"zstd -19", ZstdBytes, 19}};
  const Slices slices = ChooseSlices(file);
  CompressionFigure base;
  base.sampled = slices.size() > 1;
  for (const auto& slice : slices) base.raw_bytes += slice.size();

  std::vector<std::future<Result<CompressionFigure>>> runs;
  for (const Method& method : kMethods) {
    runs.push_back(std::async(std::launch::async | std::launch::deferred,
                              [&slices, base, &method]() -> Result<CompressionFigure> {
                                CompressionFigure figure = base;
                                const Stopwatch watch;
                                DRAGOMAN_ASSIGN_OR_RETURN(figure.compressed_bytes,
                                                          method.run(slices, method.level));
                                figure.method = method.name;
                                figure.seconds = watch.Seconds();
                                return figure;
                              }));
  }
  std::vector<CompressionFigure> figures;
  for (auto& run : runs) {
    DRAGOMAN_ASSIGN_OR_RETURN(CompressionFigure figure, run.get());
    figures.push_back(std::move(figure));
  }
  return figures;
}

}  // namespace dragoman
