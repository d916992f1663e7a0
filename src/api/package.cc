#include "dragoman/package.h"

#include <fmt/format.h>

#include <utility>

#include "base/json.h"
#include "package/package.h"

namespace dragoman::api {

Result<Report> BuildPackage(const PackageOptions& options) {
  dragoman::PackageOptions room;
  room.model_path = options.model;
  room.output_folder = options.output;
  room.model_name = options.name;
  room.model_version = options.version;
  room.shard_bytes = options.shard_bytes;
  room.comparison_path = options.comparison;
  room.results_path = options.results;
  room.languages = options.languages;
  DRAGOMAN_ASSIGN_OR_RETURN(const PackageReport report, dragoman::BuildPackage(room));
  OrderedJson json;
  json["schema"] = "dragoman.package/1";
  json["manifest"] = report.manifest_path;
  json["total_bytes"] = report.total_bytes;
  json["shards"] = report.shards;
  std::string text = fmt::format("wrote {}: {} shards, {} bytes\n", report.manifest_path,
                                 report.shards, report.total_bytes);
  OrderedJson compression = OrderedJson::array();
  for (const auto& figure : report.compression) {
    compression.push_back({{"method", figure.method},
                           {"raw_bytes", figure.raw_bytes},
                           {"compressed_bytes", figure.compressed_bytes},
                           {"ratio", figure.ratio()},
                           {"seconds", figure.seconds}});
    text += fmt::format("  {:<10} {:.3f}x\n", figure.method, figure.ratio());
  }
  json["compression"] = std::move(compression);
  return Report{DumpJson(json), std::move(text), 0};
}

Result<Report> VerifyPackage(const std::string& folder) {
  DRAGOMAN_ASSIGN_OR_RETURN(const auto checks, dragoman::VerifyPackage(folder));
  OrderedJson list = OrderedJson::array();
  std::string text;
  bool ok = true;
  for (const auto& check : checks) {
    list.push_back({{"what", check.what}, {"ok", check.ok}, {"detail", check.detail}});
    text += fmt::format("{}  {}{}{}\n", check.ok ? "ok  " : "FAIL", check.what,
                        check.detail.empty() ? "" : ": ", check.detail);
    ok = ok && check.ok;
  }
  OrderedJson json;
  json["schema"] = "dragoman.package_check/1";
  json["ok"] = ok;
  json["checks"] = std::move(list);
  return Report{DumpJson(json), std::move(text), ok ? 0 : 2};
}

}  // namespace dragoman::api
