#include "ship/doctor.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "base/process_stats.h"
#include "base/thread_pool.h"
#include "kernels/kernels.h"
#include "ship/accelerators.h"
#include "ship/versions.h"

namespace dragoman {
namespace {

namespace fs = std::filesystem;

constexpr uint64_t k4bParameters = 3880263168;
constexpr uint64_t k4bLargestTensorElems = uint64_t{262208} * 2560;
constexpr uint64_t k4bCheckpointBytes = 8600000000;
// Results, logs and evidence; measured on the built-in suite they stay far below.
constexpr uint64_t kSmallFilesBytes = 200000000;
// Activations, key-value caches and the tokenizer beside the mapped weights.
constexpr uint64_t kWorkingMemoryBytes = 500000000;

std::string Gigabytes(uint64_t bytes) {
  return fmt::format("{:.1f} GB", static_cast<double>(bytes) / 1e9);
}

DoctorCheck CheckAccelerators(const std::string& library) {
  const AcceleratorReport report = FindAccelerators(library);
  DoctorCheck check{"P1", "accelerators", CheckStatus::kOk, report.detail, ToJson(report)};
  if (report.devices.empty()) return check;
  check.detail = "driver " + report.driver_version;
  for (const Accelerator& device : report.devices) {
    check.detail += fmt::format("; {} {} (compute {}), {} free of {}", device.index, device.name,
                                device.compute_capability, Gigabytes(device.free_bytes),
                                Gigabytes(device.total_bytes));
  }
  return check;
}

// Those of the processor's features that matter to the kernels, as the kernel lists them.
std::vector<std::string> CpuFeatures(std::string* model) {
  static const char* const kWanted[] = {
      "sse4_2",   "avx",      "avx2",        "fma",      "f16c",        "avx512f",
      "avx512bw", "avx512vl", "avx512_vnni", "avx_vnni", "avx512_bf16", "amx_int8",
      "asimd",    "asimddp",  "i8mm",        "sha_ni",   "bf16"};
  std::ifstream in("/proc/cpuinfo");
  std::vector<std::string> found;
  for (std::string line; std::getline(in, line);) {
    const size_t colon = line.find(':');
    if (colon == std::string::npos) continue;
    if (line.rfind("model name", 0) == 0 && model->empty())
      *model = line.substr(std::min(colon + 2, line.size()));
    if (line.rfind("flags", 0) != 0 && line.rfind("Features", 0) != 0) continue;
    std::istringstream words(line.substr(colon + 1));
    for (std::string word; words >> word;) {
      const bool wanted = std::any_of(std::begin(kWanted), std::end(kWanted),
                                      [&](const char* w) { return word == w; });
      if (wanted && std::find(found.begin(), found.end(), word) == found.end())
        found.push_back(word);
    }
    break;
  }
  return found;
}

DoctorCheck CheckCpu() {
  std::string model;
  const std::vector<std::string> features = CpuFeatures(&model);
  OrderedJson backends = OrderedJson::array();
  std::string usable;
  for (const BackendInfo& backend : ListBackends()) {
    backends.push_back(OrderedJson{{"name", backend.name}, {"usable", backend.usable}});
    if (backend.usable) usable += (usable.empty() ? "" : ", ") + backend.name;
  }
  const int cores = AvailableCores();
  std::string list;
  for (const std::string& feature : features) list += (list.empty() ? "" : " ") + feature;
  DoctorCheck check{"P2", "cpu", CheckStatus::kOk, {}, {}};
  check.detail = fmt::format("{}{} core{} for this process; {}; backends {}",
                             model.empty() ? "" : model + ", ", cores, cores == 1 ? "" : "s",
                             list.empty() ? "no known vector features" : list, usable);
  check.data = OrderedJson{
      {"model", model}, {"cores", cores}, {"features", features}, {"backends", backends}};
  return check;
}

DoctorCheck CheckMemory(const JobNeed& need, bool required) {
  const MachineMemory memory = CurrentMachineMemory();
  DoctorCheck check{"P2", "memory", CheckStatus::kOk, {}, {}};
  const bool enough = memory.available_bytes >= need.memory_bytes;
  if (!enough) check.status = required ? CheckStatus::kFail : CheckStatus::kWarn;
  check.detail = fmt::format("{} free of {}; {} needs {}", Gigabytes(memory.available_bytes),
                             Gigabytes(memory.total_bytes), required ? "the job" : "the 4B job",
                             Gigabytes(need.memory_bytes));
  check.data = OrderedJson{{"total_bytes", memory.total_bytes},
                           {"available_bytes", memory.available_bytes},
                           {"needed_bytes", need.memory_bytes},
                           {"enough", enough}};
  return check;
}

DoctorCheck CheckDisk(const std::string& workspace, const JobNeed& need, bool required) {
  const uint64_t free_bytes = FreeDiskBytes(workspace);
  DoctorCheck check{"P2", "disk", CheckStatus::kOk, {}, {}};
  const bool enough = free_bytes >= need.disk_bytes;
  if (!enough) check.status = required ? CheckStatus::kFail : CheckStatus::kWarn;
  check.detail =
      fmt::format("{} free; {} needs {} ({})", Gigabytes(free_bytes),
                  required ? "the job" : "the 4B job", Gigabytes(need.disk_bytes), need.basis);
  check.data = OrderedJson{{"free_bytes", free_bytes},
                           {"needed_bytes", need.disk_bytes},
                           {"basis", need.basis},
                           {"enough", enough}};
  return check;
}

std::vector<DoctorCheck> CheckHubRows(const HubStatus& hub) {
  const HubSettings& settings = hub.settings;
  DoctorCheck reach{"P3", "hub", hub.reachable ? CheckStatus::kOk : CheckStatus::kWarn,
                    settings.endpoint + ": " + hub.detail +
                        (hub.reachable ? "" : "; needed only to fetch a model"),
                    ToJson(hub)};
  DoctorCheck token{"P3", "token",
                    settings.token_source.empty() ? CheckStatus::kWarn : CheckStatus::kOk,
                    settings.token_source.empty()
                        ? "none (HF_TOKEN is not set); needed only to fetch a gated model"
                        : "present, from " + settings.token_source,
                    OrderedJson{{"present", !settings.token_source.empty()}}};
  DoctorCheck cache{
      "P3", "cache", hub.cache_writable ? CheckStatus::kOk : CheckStatus::kWarn, {}, {}};
  cache.detail = settings.cache_folder.empty()
                     ? "no folder known: neither HF_HOME nor HOME is set"
                     : settings.cache_folder +
                           (hub.cache_writable ? (hub.cache_exists ? ": writable" : ": can be made")
                                               : ": not writable");
  cache.data = OrderedJson{{"folder", settings.cache_folder}, {"writable", hub.cache_writable}};
  return {std::move(reach), std::move(token), std::move(cache)};
}

// Makes the folder, writes a file in it and removes that again.
bool IsWritableFolder(const fs::path& folder, std::string* problem) {
  std::error_code ec;
  fs::create_directories(folder, ec);
  if (ec) {
    *problem = folder.string() + ": " + ec.message();
    return false;
  }
  const fs::path probe = folder / (".write-test-" + std::to_string(::getpid()));
  std::ofstream out(probe);
  out << "x";
  out.close();
  const bool written = static_cast<bool>(out);
  fs::remove(probe, ec);
  if (!written) *problem = folder.string() + ": cannot be written";
  return written;
}

DoctorCheck CheckWorkspace(const std::string& workspace) {
  DoctorCheck check{"P4", "workspace", CheckStatus::kOk, {}, {}};
  OrderedJson folders = OrderedJson::object();
  for (const char* name : {"models", "eval", "logs"}) {
    std::string problem;
    const bool writable = IsWritableFolder(fs::path(workspace) / name, &problem);
    folders[name] = writable;
    if (writable) continue;
    check.status = CheckStatus::kFail;
    check.detail += (check.detail.empty() ? "" : "; ") + problem;
  }
  if (check.status == CheckStatus::kOk)
    check.detail = workspace + ": models/, eval/ and logs/ are writable";
  check.data = OrderedJson{{"path", workspace}, {"folders", std::move(folders)}};
  return check;
}

DoctorCheck CheckVersions() {
  DoctorCheck check{"P4", "versions", CheckStatus::kOk, {}, OrderedJson::object()};
  for (const auto& [name, version] : ComponentVersions()) {
    check.data[name] = version;
    check.detail += (check.detail.empty() ? "" : ", ") + name + " " + version;
  }
  return check;
}

}  // namespace

JobNeed NeedOfJob(uint64_t parameters, uint64_t largest_tensor_elems) {
  JobNeed need;
  const uint64_t sixteen_bit = parameters * 2;
  // The largest rung of the ladder is Q6_K at 6.56 bits; a rung below is kept beside it, and the
  // package repeats one.
  const uint64_t build = parameters / 8 * 6563 / 1000;
  need.disk_bytes = sixteen_bit + 3 * build + kSmallFilesBytes;
  // Rounding holds the largest tensor as float32 and as blocks; running maps the 16-bit model.
  const uint64_t quantizing = largest_tensor_elems * 5;
  need.memory_bytes = std::max(quantizing, sixteen_bit) + kWorkingMemoryBytes;
  need.basis = fmt::format("16-bit GGUF {}, two builds and a package of up to {} each",
                           Gigabytes(sixteen_bit), Gigabytes(build));
  return need;
}

JobNeed NeedOf4bJob() {
  JobNeed need = NeedOfJob(k4bParameters, k4bLargestTensorElems);
  need.disk_bytes += k4bCheckpointBytes;
  need.basis = "checkpoint " + Gigabytes(k4bCheckpointBytes) + ", " + need.basis;
  return need;
}

const char* CheckStatusName(CheckStatus status) {
  switch (status) {
    case CheckStatus::kOk:
      return "ok";
    case CheckStatus::kWarn:
      return "warn";
    case CheckStatus::kFail:
      return "fail";
  }
  return "fail";
}

bool DoctorReport::ok() const { return Blockers().empty(); }

std::vector<std::string> DoctorReport::Blockers() const {
  std::vector<std::string> blockers;
  for (const DoctorCheck& check : checks) {
    if (check.status == CheckStatus::kFail) blockers.push_back(check.name + ": " + check.detail);
  }
  return blockers;
}

const DoctorCheck* DoctorReport::Find(const std::string& name) const {
  for (const DoctorCheck& check : checks) {
    if (check.name == name) return &check;
  }
  return nullptr;
}

DoctorReport RunDoctor(const DoctorOptions& options) {
  const bool required = options.need.has_value();
  const JobNeed need = required ? *options.need : NeedOf4bJob();
  DoctorReport report;
  report.checks.push_back(CheckAccelerators(options.nvml_library));
  report.checks.push_back(CheckCpu());
  report.checks.push_back(CheckMemory(need, required));
  report.checks.push_back(CheckDisk(options.workspace, need, required));
  const HubSettings settings = options.hub ? *options.hub : HubSettingsFromEnvironment();
  for (DoctorCheck& check : CheckHubRows(CheckHub(settings, options.hub_timeout_ms))) {
    report.checks.push_back(std::move(check));
  }
  report.checks.push_back(CheckWorkspace(options.workspace));
  report.checks.push_back(CheckVersions());
  return report;
}

OrderedJson ToJson(const DoctorReport& report) {
  OrderedJson checks = OrderedJson::array();
  for (const DoctorCheck& check : report.checks) {
    checks.push_back(OrderedJson{{"row", check.row},
                                 {"name", check.name},
                                 {"status", CheckStatusName(check.status)},
                                 {"detail", check.detail},
                                 {"data", check.data}});
  }
  return OrderedJson{
      {"schema", "dragoman.doctor/1"}, {"ok", report.ok()}, {"checks", std::move(checks)}};
}

std::string ToText(const DoctorReport& report) {
  std::string text;
  for (const DoctorCheck& check : report.checks) {
    text += fmt::format("{:<5} {}  {:<13} {}\n", CheckStatusName(check.status), check.row,
                        check.name, check.detail);
  }
  const std::vector<std::string> blockers = report.Blockers();
  text += blockers.empty() ? "ready\n"
                           : fmt::format("not ready: {} of {} checks failed\n", blockers.size(),
                                         report.checks.size());
  return text;
}

}  // namespace dragoman
