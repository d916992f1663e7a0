// Finds a tokenizer's files: tokenizer.json with its chat template beside it, or the metadata of a
// GGUF.
#include <fmt/format.h>
#include <simdjson.h>

#include <filesystem>
#include <utility>

#include "base/atomic_file.h"
#include "base/mapped_file.h"
#include "text/tokenizer.h"
#include "text/tokenizer_state.h"

namespace dragoman {
namespace {

constexpr uint64_t kMaxTemplateBytes = uint64_t{4} << 20;  // real ones have a few KB
constexpr uint64_t kMaxConfigBytes = uint64_t{64}
                                     << 20;  // the real tokenizer_config.json has 1.2 MB

// A mapped file's last page reads as zeros behind the end: mostly enough padding for the JSON
// parser, which spares a copy of 33 MB.
bool HasPadding(uint64_t size_bytes) {
  constexpr uint64_t kPageBytes = 4096;  // the smallest page there is
  constexpr uint64_t kPaddingBytes = 64;
  const uint64_t in_last_page = size_bytes % kPageBytes;
  return in_last_page != 0 && in_last_page <= kPageBytes - kPaddingBytes;
}

bool Exists(const std::filesystem::path& path) {
  std::error_code ignored;
  return std::filesystem::exists(path, ignored);
}

// "chat_template" of tokenizer_config.json: a string, or a list of named ones of which "default"
// counts. The file repeats all added tokens (1.2 MB), so only what is asked for is built.
Result<std::string> TemplateOfConfig(const std::string& path) {
  DRAGOMAN_ASSIGN_OR_RETURN(const std::string text, ReadFile(path, kMaxConfigBytes));
  simdjson::dom::parser parser;
  simdjson::dom::object config;
  if (auto error = parser.parse(text).get_object().get(config)) {
    return Fail(ErrorCode::kCorruptFile,
                fmt::format("expected a JSON object: {}", simdjson::error_message(error)), path);
  }
  std::string_view chat_template;
  if (config["chat_template"].get_string().get(chat_template) == simdjson::SUCCESS) {
    return std::string(chat_template);
  }
  simdjson::dom::array named;
  if (config["chat_template"].get_array().get(named) != simdjson::SUCCESS) return std::string();
  for (const simdjson::dom::element entry : named) {
    std::string_view name;
    const bool is_default = entry["name"].get_string().get(name) == simdjson::SUCCESS &&
                            name == "default" &&
                            entry["template"].get_string().get(chat_template) == simdjson::SUCCESS;
    if (is_default) return std::string(chat_template);
  }
  return std::string();
}

// chat_template.jinja goes before tokenizer_config.json; neither has to be there.
Result<std::string> ReadChatTemplate(const std::filesystem::path& folder) {
  const std::filesystem::path jinja = folder / "chat_template.jinja";
  if (Exists(jinja)) return ReadFile(jinja.string(), kMaxTemplateBytes);
  const std::filesystem::path config_path = folder / "tokenizer_config.json";
  if (!Exists(config_path)) return std::string();
  return TemplateOfConfig(config_path.string());
}

}  // namespace

Result<std::unique_ptr<Tokenizer>> Tokenizer::FromJson(std::string_view json,
                                                       const std::string& where) {
  auto state = std::make_unique<State>();
  DRAGOMAN_ASSIGN_OR_RETURN(state->data, ReadTokenizerJson(json, false, where));
  return std::unique_ptr<Tokenizer>(new Tokenizer(std::move(state)));
}

Result<std::unique_ptr<Tokenizer>> Tokenizer::FromJsonFile(const std::string& path) {
  DRAGOMAN_ASSIGN_OR_RETURN(const MappedFile file, MappedFile::Open(path));
  const std::string_view json(reinterpret_cast<const char*>(file.bytes().data()),
                              file.bytes().size());
  auto state = std::make_unique<State>();
  DRAGOMAN_ASSIGN_OR_RETURN(state->data,
                            ReadTokenizerJson(json, HasPadding(file.size_bytes()), path));
  const std::filesystem::path folder = std::filesystem::path(path).parent_path();
  DRAGOMAN_ASSIGN_OR_RETURN(state->data.chat_template, ReadChatTemplate(folder));
  return std::unique_ptr<Tokenizer>(new Tokenizer(std::move(state)));
}

Result<std::unique_ptr<Tokenizer>> Tokenizer::FromGguf(const GgufFile& gguf,
                                                       const std::string& where) {
  auto state = std::make_unique<State>();
  DRAGOMAN_ASSIGN_OR_RETURN(state->data, ReadTokenizerGguf(gguf, where));
  return std::unique_ptr<Tokenizer>(new Tokenizer(std::move(state)));
}

Result<std::unique_ptr<Tokenizer>> Tokenizer::ForCheckpoint(const Checkpoint& checkpoint) {
  if (checkpoint.gguf() != nullptr) return FromGguf(*checkpoint.gguf(), checkpoint.path());
  return FromJsonFile((std::filesystem::path(checkpoint.folder()) / "tokenizer.json").string());
}

}  // namespace dragoman
