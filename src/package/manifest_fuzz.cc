// Any bytes as manifest.json: an Error or a manifest that survives writing and reading again.
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "package/documents.h"
#include "package/manifest.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const auto manifest = dragoman::ParseManifest(text, "fuzz");
  if (!manifest) return 0;
  for (const auto& file : manifest->files) {
    if (!dragoman::IsSafePackagePath(file.path)) std::abort();
  }
  const std::string written = dragoman::DumpJson(dragoman::ToJson(*manifest));
  const auto again = dragoman::ParseManifest(written, "written");
  if (!again || dragoman::DumpJson(dragoman::ToJson(*again)) != written) std::abort();
  if (dragoman::RenderNotice(*manifest).empty() ||
      dragoman::RenderIntegrationReadme(*manifest).empty())
    std::abort();
  return 0;
}
