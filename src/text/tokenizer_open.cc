// Finds a tokenizer's files: tokenizer.json with its chat template beside it, or the metadata of a
// GGUF.
#include <filesystem>
#include <utility>

#include "base/atomic_file.h"
#include "base/json.h"
#include "base/mapped_file.h"
#include "text/tokenizer.h"
#include "text/tokenizer_state.h"

namespace dragoman {
namespace {

constexpr uint64_t kMaxTemplateBytes = uint64_t{4} << 20;  // real ones have a few KB
constexpr uint64_t kMaxConfigBytes = uint64_t{64}
                                     << 20;  // the real tokenizer_config.json has 1.2 MB

bool Exists(const std::filesystem::path& path) {
  std::error_code ignored;
  return std::filesystem::exists(path, ignored);
}

// "chat_template" of tokenizer_config.json: a string, or a list of named ones of which "default"
// counts.
std::string TemplateOfConfig(const Json& config) {
  const Json value = config.is_object() ? config.value("chat_template", Json()) : Json();
  if (value.is_string()) return value.get<std::string>();
  if (!value.is_array()) return {};
  for (const Json& named : value) {
    const bool is_default = named.is_object() && named.value("name", Json()) == "default" &&
                            named.contains("template") && named["template"].is_string();
    if (is_default) return named["template"].get<std::string>();
  }
  return {};
}

// chat_template.jinja goes before tokenizer_config.json; neither has to be there.
Result<std::string> ReadChatTemplate(const std::filesystem::path& folder) {
  const std::filesystem::path jinja = folder / "chat_template.jinja";
  if (Exists(jinja)) return ReadFile(jinja.string(), kMaxTemplateBytes);
  const std::filesystem::path config_path = folder / "tokenizer_config.json";
  if (!Exists(config_path)) return std::string();
  DRAGOMAN_ASSIGN_OR_RETURN(const Json config, ReadJsonFile(config_path.string(), kMaxConfigBytes));
  return TemplateOfConfig(config);
}

}  // namespace

Result<std::unique_ptr<Tokenizer>> Tokenizer::FromJson(std::string_view json,
                                                       const std::string& where) {
  auto state = std::make_unique<State>();
  DRAGOMAN_ASSIGN_OR_RETURN(state->data, ReadTokenizerJson(json, where));
  return std::unique_ptr<Tokenizer>(new Tokenizer(std::move(state)));
}

Result<std::unique_ptr<Tokenizer>> Tokenizer::FromJsonFile(const std::string& path) {
  DRAGOMAN_ASSIGN_OR_RETURN(const MappedFile file, MappedFile::Open(path));
  const std::string_view json(reinterpret_cast<const char*>(file.bytes().data()),
                              file.bytes().size());
  DRAGOMAN_ASSIGN_OR_RETURN(auto tokenizer, FromJson(json, path));
  const std::filesystem::path folder = std::filesystem::path(path).parent_path();
  DRAGOMAN_ASSIGN_OR_RETURN(tokenizer->state_->data.chat_template, ReadChatTemplate(folder));
  return tokenizer;
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
