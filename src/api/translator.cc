#include "dragoman/translator.h"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <fstream>
#include <iostream>
#include <istream>
#include <optional>
#include <utility>

#include "api/backend_options.h"
#include "api/model_path.h"
#include "api/speculation.h"
#include "base/atomic_file.h"
#include "base/json.h"
#include "base/log.h"
#include "base/process_stats.h"
#include "base/progress.h"
#include "text/languages.h"
#include "translate/translator.h"

namespace dragoman::api {
namespace {

// Lines decoded together: enough to fill batches, few enough that memory stays small and output
// flows.
constexpr size_t kLinesPerWindow = 512;

Result<dragoman::TranslateOptions> ToRoom(const TranslateOptions& options) {
  dragoman::TranslateOptions room;
  DRAGOMAN_ASSIGN_OR_RETURN(room.speculate, ParseSpeculate(options.speculate));
  room.max_batch = options.max_batch;
  room.max_new_tokens = options.max_new_tokens;
  room.split_sentences = options.split_sentences;
  room.protect = options.protect;
  return room;
}

TranslatedText FromRoom(Translation translation) {
  return {std::move(translation.text), translation.pieces,     translation.prompt_tokens,
          translation.new_tokens,      translation.latency_ms, std::move(translation.warnings)};
}

OrderedJson MemoryJson(dragoman::Translator& translator) {
  const ModelMemory model = translator.model().memory();
  const MemoryUse process = CurrentMemoryUse();
  return {{"weights_mapped_bytes", model.weights_mapped_bytes},
          {"weights_owned_bytes", model.weights_owned_bytes},
          {"kv_bytes", translator.kv_bytes()},
          {"scratch_bytes", model.scratch_bytes},
          {"rss_bytes", process.rss_bytes},
          {"anonymous_bytes", process.anonymous_bytes}};
}

struct Pair {
  Language source;
  Language target;
};

Result<Pair> FindPair(const TranslateOptions& options) {
  DRAGOMAN_ASSIGN_OR_RETURN(Language source, FindLanguage(options.from));
  DRAGOMAN_ASSIGN_OR_RETURN(Language target, FindLanguage(options.to));
  return Pair{std::move(source), std::move(target)};
}

std::vector<TranslationRequest> ToRequests(std::span<const std::string> texts, const Pair& pair) {
  std::vector<TranslationRequest> requests;
  requests.reserve(texts.size());
  for (const auto& text : texts) requests.push_back({text, pair.source, pair.target});
  return requests;
}

// Where translated lines go: standard output as they come, or a file that appears whole.
class LineSink {
 public:
  static Result<LineSink> Open(const std::string& path) {
    LineSink sink;
    if (path == "-") return sink;
    DRAGOMAN_ASSIGN_OR_RETURN(AtomicFile file, AtomicFile::Create(path));
    sink.file_.emplace(std::move(file));
    return sink;
  }
  Result<void> Write(const std::string& line) {
    if (file_) return file_->Write(line);
    std::cout << line;
    if (!std::cout) return Fail(ErrorCode::kIo, "cannot write", "standard output");
    return {};
  }
  Result<void> Flush() {
    std::cout.flush();
    return {};
  }
  Result<void> Commit() { return file_ ? file_->Commit() : Flush(); }

 private:
  std::optional<AtomicFile> file_;
};

// A line as read, with the end it had ("\n", "\r\n" or none on the last line).
struct Line {
  std::string text;
  std::string end;
};

std::vector<Line> ReadLines(std::istream& in, size_t count) {
  std::vector<Line> lines;
  std::string text;
  while (lines.size() < count && std::getline(in, text)) {
    std::string end = in.eof() ? "" : "\n";
    if (!text.empty() && text.back() == '\r') {
      text.pop_back();
      end.insert(0, "\r");
    }
    lines.push_back({text, std::move(end)});
  }
  return lines;
}

struct FileTotals {
  size_t lines = 0;
  int64_t new_tokens = 0;
  size_t warnings = 0;
};

}  // namespace

struct Translator::State {
  std::unique_ptr<dragoman::Translator> room;
};

Translator::Translator(std::unique_ptr<State> state) : state_(std::move(state)) {}
Translator::~Translator() = default;

Result<std::unique_ptr<Translator>> Translator::Open(const std::string& model,
                                                     const Machine& machine) {
  DRAGOMAN_ASSIGN_OR_RETURN(const std::string path, ModelOrBundled(model));
  auto state = std::make_unique<State>();
  DRAGOMAN_ASSIGN_OR_RETURN(const BackendOptions options, BackendOptionsOf(machine));
  DRAGOMAN_ASSIGN_OR_RETURN(
      state->room,
      dragoman::Translator::Open(path, machine.device, machine.threads, options));
  return std::unique_ptr<Translator>(new Translator(std::move(state)));
}

Result<void> Translator::UseDraft(const std::string& draft) {
  return state_->room->UseDraft(draft);
}

Result<std::vector<TranslatedText>> Translator::Translate(std::span<const std::string> texts,
                                                          const TranslateOptions& options) {
  DRAGOMAN_ASSIGN_OR_RETURN(const Pair pair, FindPair(options));
  DRAGOMAN_ASSIGN_OR_RETURN(const dragoman::TranslateOptions room, ToRoom(options));
  const auto requests = ToRequests(texts, pair);
  DRAGOMAN_ASSIGN_OR_RETURN(auto translations, state_->room->Translate(requests, room));
  std::vector<TranslatedText> out;
  for (auto& translation : translations) out.push_back(FromRoom(std::move(translation)));
  return out;
}

Result<Report> Translator::TranslateToReport(std::span<const std::string> texts,
                                             const TranslateOptions& options) {
  DRAGOMAN_ASSIGN_OR_RETURN(const auto translated, Translate(texts, options));
  Report report;
  OrderedJson list = OrderedJson::array();
  for (size_t i = 0; i < translated.size(); ++i) {
    const TranslatedText& one = translated[i];
    report.text += one.text + "\n";
    list.push_back({{"source", texts[i]},
                    {"text", one.text},
                    {"pieces", one.pieces},
                    {"prompt_tokens", one.prompt_tokens},
                    {"new_tokens", one.new_tokens},
                    {"latency_ms", one.latency_ms},
                    {"warnings", one.warnings}});
    for (const auto& warning : one.warnings) LogWarning("text {}: {}", i + 1, warning);
  }
  OrderedJson json;
  json["schema"] = "dragoman.translate/1";
  json["from"] = options.from;
  json["to"] = options.to;
  json["translations"] = std::move(list);
  json["speculation"] = ToJson(state_->room->speculation());
  json["memory"] = MemoryJson(*state_->room);
  report.json = DumpJson(json);
  return report;
}

Result<TranslatedText> Translator::TranslateStreaming(
    const std::string& text, const TranslateOptions& options,
    const std::function<void(std::string_view)>& on_text) {
  DRAGOMAN_ASSIGN_OR_RETURN(const Pair pair, FindPair(options));
  DRAGOMAN_ASSIGN_OR_RETURN(const dragoman::TranslateOptions room, ToRoom(options));
  DRAGOMAN_ASSIGN_OR_RETURN(
      Translation translation,
      state_->room->TranslateStreaming({text, pair.source, pair.target}, room, on_text));
  return FromRoom(std::move(translation));
}

namespace {

Result<void> TranslateStream(dragoman::Translator& room, std::istream& in, const std::string& where,
                             const Pair& pair, const TranslateOptions& options, LineSink& sink,
                             FileTotals& totals) {
  DRAGOMAN_ASSIGN_OR_RETURN(const dragoman::TranslateOptions in_room, ToRoom(options));
  Progress progress("translate " + where, 0, "lines");
  for (;;) {
    const std::vector<Line> lines = ReadLines(in, kLinesPerWindow);
    if (in.bad()) return Fail(ErrorCode::kIo, "cannot read", where);
    if (lines.empty()) return {};
    std::vector<TranslationRequest> requests;
    for (const auto& line : lines) requests.push_back({line.text, pair.source, pair.target});
    const size_t before = totals.lines;
    DRAGOMAN_ASSIGN_OR_RETURN(auto translations,
                              room.Translate(requests, in_room, [&](size_t done, size_t) {
                                progress.Update(before + done);
                              }));
    for (size_t i = 0; i < lines.size(); ++i) {
      // One line in, one line out: a translation never brings a line break of its own.
      std::string text = std::move(translations[i].text);
      std::replace(text.begin(), text.end(), '\n', ' ');
      DRAGOMAN_RETURN_IF_ERROR(sink.Write(text + lines[i].end));
      totals.new_tokens += translations[i].new_tokens;
      totals.warnings += translations[i].warnings.size();
    }
    totals.lines += lines.size();
    DRAGOMAN_RETURN_IF_ERROR(sink.Flush());
  }
}

}  // namespace

Result<Report> Translator::TranslateFiles(std::span<const std::string> inputs,
                                          const std::string& output,
                                          const TranslateOptions& options) {
  DRAGOMAN_ASSIGN_OR_RETURN(const Pair pair, FindPair(options));
  DRAGOMAN_ASSIGN_OR_RETURN(LineSink sink, LineSink::Open(output));
  const Stopwatch watch;
  FileTotals totals;
  for (const auto& input : inputs) {
    if (input == "-") {
      DRAGOMAN_RETURN_IF_ERROR(
          TranslateStream(*state_->room, std::cin, "standard input", pair, options, sink, totals));
      continue;
    }
    std::ifstream file(input, std::ios::binary);
    if (!file) return Fail(ErrorCode::kNotFound, "cannot open for reading", input);
    DRAGOMAN_RETURN_IF_ERROR(
        TranslateStream(*state_->room, file, input, pair, options, sink, totals));
  }
  DRAGOMAN_RETURN_IF_ERROR(sink.Commit());
  const double seconds = watch.Seconds();
  OrderedJson json;
  json["schema"] = "dragoman.translate_files/1";
  json["lines"] = totals.lines;
  json["new_tokens"] = totals.new_tokens;
  json["warnings"] = totals.warnings;
  json["seconds"] = seconds;
  json["output"] = output;
  json["speculation"] = ToJson(state_->room->speculation());
  return Report{DumpJson(json),
                fmt::format("{} lines in {:.1f} s ({:.1f} lines/s, {:.0f} tokens/s), {} warnings\n",
                            totals.lines, seconds, static_cast<double>(totals.lines) / seconds,
                            static_cast<double>(totals.new_tokens) / seconds, totals.warnings),
                0};
}

Result<Report> ListLanguages(const std::string& filter) {
  const auto lower = [](std::string text) {
    std::transform(text.begin(), text.end(), text.begin(),
                   [](unsigned char c) { return std::tolower(c); });
    return text;
  };
  const std::string wanted = lower(filter);
  OrderedJson list = OrderedJson::array();
  std::string text;
  for (const auto& entry : AllLanguages()) {
    const std::string code(entry.code), name(entry.name);
    if (!wanted.empty() && lower(code + " " + name).find(wanted) == std::string::npos) continue;
    list.push_back({{"code", code}, {"name", name}});
    text += fmt::format("{:<12} {}\n", code, name);
  }
  if (list.empty()) {
    return Fail(ErrorCode::kInvalidArgument,
                "no language code or name contains \"" + filter + "\"");
  }
  OrderedJson json;
  json["schema"] = "dragoman.languages/1";
  json["languages"] = std::move(list);
  return Report{DumpJson(json), std::move(text), 0};
}

}  // namespace dragoman::api
