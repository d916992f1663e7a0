// The group over MPI: the module found, loaded and wrapped. And agreement over any group.
#include "evaluate/process_group.h"

#include <dlfcn.h>
#include <fmt/format.h>
#include <signal.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cstdlib>
#include <filesystem>
#include <optional>

#include "base/json.h"
#include "evaluate/mpi_module.h"

namespace dragoman {
namespace {

constexpr const char* kModuleName = "dragoman_mpi.so";

// What mpirun of Open MPI tells its processes; none in a process started otherwise.
std::optional<int> FromLauncher(const char* name) {
  const char* text = std::getenv(name);
  if (text == nullptr) return std::nullopt;
  const std::string_view digits(text);
  int value = 0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), value);
  if (error != std::errc() || end != digits.data() + digits.size() || value < 0)
    return std::nullopt;
  return value;
}

// Beside the program in a build tree, in PREFIX/lib/dragoman where it is installed.
std::vector<std::filesystem::path> ModulePlaces() {
  std::error_code ec;
  const auto program = std::filesystem::read_symlink("/proc/self/exe", ec).parent_path();
  return {program / kModuleName, program.parent_path() / "lib" / "dragoman" / kModuleName};
}

tl::unexpected<Error> NoModule(int processes, const std::string& why) {
  return Fail(ErrorCode::kUnsupported,
              fmt::format("mpirun started {} processes to share the run, but {}", processes, why),
              "mpirun");
}

Result<const DragomanMpiModule*> LoadModule(int processes) {
  std::string tried;
  for (const auto& place : ModulePlaces()) {
    std::error_code ec;
    tried += (tried.empty() ? "" : " or ") + place.string();
    if (!std::filesystem::exists(place, ec)) continue;
    // Global, because Open MPI loads modules of its own that look for its symbols.
    void* handle = ::dlopen(place.c_str(), RTLD_NOW | RTLD_GLOBAL);
    if (handle == nullptr)
      return NoModule(processes, fmt::format("the module for that cannot be loaded ({}): install "
                                             "Debian's openmpi-bin",
                                             ::dlerror()));
    const auto get = reinterpret_cast<DragomanGetMpiModule>(::dlsym(handle, "dragoman_mpi_module"));
    const DragomanMpiModule* module = get == nullptr ? nullptr : get();
    if (module == nullptr || module->version != kDragomanMpiModuleVersion)
      return NoModule(processes, fmt::format("{} is of another version", place.string()));
    return module;
  }
  return NoModule(processes,
                  fmt::format("the module for that is not there: expected {}; it is built where "
                              "Debian's libopenmpi-dev is installed (or start one process, "
                              "without mpirun)",
                              tried));
}

// Written by the signal handler, so it lies ready in static memory.
std::array<char, 2048> g_last_words;
volatile sig_atomic_t g_last_words_size = 0;

void SayLastWords(int signal_number) {
  if (::write(STDERR_FILENO, g_last_words.data(), static_cast<size_t>(g_last_words_size)) < 0) {
    // Nobody listens any more.
  }
  ::signal(signal_number, SIG_DFL);
  ::raise(signal_number);
}

class MpiGroup : public ProcessGroup {
 public:
  static Result<std::unique_ptr<ProcessGroup>> Join(const DragomanMpiModule* module) {
    auto group = std::unique_ptr<MpiGroup>(new MpiGroup(module));
    DRAGOMAN_RETURN_IF_ERROR(group->Check(module->join(&group->rank_, &group->size_)));
    return group;
  }
  int rank() const override { return rank_; }
  int size() const override { return size_; }
  int local_rank() const override {
    return FromLauncher("OMPI_COMM_WORLD_LOCAL_RANK").value_or(rank_);
  }
  int local_size() const override {
    return std::max(1, FromLauncher("OMPI_COMM_WORLD_LOCAL_SIZE").value_or(size_));
  }

  Result<std::vector<std::string>> Gather(std::string_view mine) override {
    std::vector<std::string> texts;
    if (rank_ == 0) texts.emplace_back(mine);
    DRAGOMAN_RETURN_IF_ERROR(Check(module_->gather(mine.data(), mine.size(), TakeOne, &texts)));
    return texts;
  }
  Result<std::string> Broadcast(std::string_view of_rank_0) override {
    std::vector<std::string> texts;
    if (rank_ == 0) texts.emplace_back(of_rank_0);
    DRAGOMAN_RETURN_IF_ERROR(
        Check(module_->broadcast(of_rank_0.data(), of_rank_0.size(), TakeOne, &texts)));
    if (texts.empty()) return Fail(ErrorCode::kInternal, "expected a text of process 0");
    return std::move(texts.front());
  }

  // Two of the ranks at most: enough when one of them is the one that ended, and no wall of text.
  void SayWhenStopped(const std::string& words) override {
    if (rank_ > 1) return;
    const size_t size = std::min(words.size(), g_last_words.size());
    std::copy_n(words.begin(), size, g_last_words.begin());
    g_last_words_size = static_cast<sig_atomic_t>(size);
    struct sigaction action = {};
    action.sa_handler = SayLastWords;
    ::sigaction(SIGTERM, &action, nullptr);
  }

  Result<void> Leave() override {
    ::signal(SIGTERM, SIG_DFL);
    return Check(module_->leave());
  }

 private:
  explicit MpiGroup(const DragomanMpiModule* module) : module_(module) {}
  static void TakeOne(void* texts, int, const char* bytes, uint64_t count) {
    static_cast<std::vector<std::string>*>(texts)->emplace_back(bytes, count);
  }
  Result<void> Check(int code) const {
    if (code == 0) return {};
    return Fail(ErrorCode::kIo, module_->message(), fmt::format("process {}", rank_));
  }

  const DragomanMpiModule* module_;
  int rank_ = 0, size_ = 1;
};

std::string Pack(const Result<void>& outcome) {
  if (outcome) return {};
  const Error& error = outcome.error();
  return OrderedJson{
      {"code", static_cast<int>(error.code)}, {"message", error.message}, {"where", error.where}}
      .dump(-1, ' ', false, OrderedJson::error_handler_t::replace);
}

Result<void> Unpack(const std::string& text) {
  if (text.empty()) return {};
  DRAGOMAN_ASSIGN_OR_RETURN(const Json json, ParseJson(text, "another process's error"));
  if (!json.is_object()) return Fail(ErrorCode::kInternal, "expected an object", text);
  const int code = std::clamp(json.value("code", 0), 0, static_cast<int>(ErrorCode::kInternal));
  return Fail(static_cast<ErrorCode>(code), json.value("message", std::string()),
              json.value("where", std::string()));
}

}  // namespace

Result<std::unique_ptr<ProcessGroup>> JoinProcessGroup() {
  const int processes = FromLauncher("OMPI_COMM_WORLD_SIZE").value_or(1);
  if (processes <= 1) return std::unique_ptr<ProcessGroup>();
  DRAGOMAN_ASSIGN_OR_RETURN(const DragomanMpiModule* module, LoadModule(processes));
  return MpiGroup::Join(module);
}

Result<void> ProcessGroup::Agree(const Result<void>& mine) {
  DRAGOMAN_ASSIGN_OR_RETURN(const std::vector<std::string> all, Gather(Pack(mine)));
  std::string first;
  for (size_t other = 0; other < all.size() && first.empty(); ++other) {
    Result<void> outcome = Unpack(all[other]);
    if (outcome) continue;
    Error error = std::move(outcome).error();
    error.where = fmt::format("process {} of {}{}{}", other, size(),
                              error.where.empty() ? "" : ": ", error.where);
    first = Pack(tl::unexpected(std::move(error)));
  }
  DRAGOMAN_ASSIGN_OR_RETURN(const std::string verdict, Broadcast(first));
  failed_together_ = !verdict.empty();
  return Unpack(verdict);
}

}  // namespace dragoman
