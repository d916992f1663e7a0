#include "text/tokenizer_json_options.h"

#include <fmt/format.h>

#include "text/tokenizer_data.h"

namespace dragoman {
namespace {

tl::unexpected<Error> Unsupported(std::string_view field, std::string_view expected,
                                  const Json& found, const std::string& where) {
  constexpr size_t kShownBytes = 120;
  const std::string text = found.dump(-1, ' ', true, Json::error_handler_t::replace);
  return Fail(
      ErrorCode::kUnsupported,
      fmt::format("{}: expected {}, found {}", field, expected, text.substr(0, kShownBytes)),
      where);
}

Json ReplaceStep(std::string_view pattern, std::string_view content) {
  return {{"type", "Replace"}, {"pattern", {{"String", pattern}}}, {"content", content}};
}

// Splitting at spaces after every space became "▁" does nothing; any other step would do something.
bool IsWithoutEffect(const Json& pre_tokenizer) {
  if (pre_tokenizer.is_null()) return true;
  const Json space = {{"String", " "}};
  return pre_tokenizer.is_object() && pre_tokenizer.value("type", Json()) == "Split" &&
         pre_tokenizer.value("pattern", Json()) == space &&
         pre_tokenizer.value("invert", Json()) == false;
}

}  // namespace

Result<void> CheckTokenizerStep(std::string_view field, const Json& json,
                                const std::string& where) {
  if (field == "normalizer") {
    if (json == ReplaceStep(" ", kSpaceMark)) return {};
    return Unsupported(field, "Replace of \" \" by \"\u2581\" and nothing else", json, where);
  }
  if (field == "pre_tokenizer") {
    if (IsWithoutEffect(json)) return {};
    return Unsupported(field, "none, or Split on \" \"", json, where);
  }
  const Json steps =
      Json::array({ReplaceStep(kSpaceMark, " "), {{"type", "ByteFallback"}}, {{"type", "Fuse"}}});
  if (json == Json{{"type", "Sequence"}, {"decoders", steps}}) return {};
  return Unsupported(field, "Sequence of Replace \"\u2581\" by \" \", ByteFallback, Fuse", json,
                     where);
}

Result<void> CheckModelOption(std::string_view option, const Json& json, const std::string& where) {
  const std::string field = fmt::format("model.{}", option);
  if (option == "type") {
    if (json == "BPE") return {};
    return Unsupported(field, "\"BPE\"", json, where);
  }
  if (option == "byte_fallback") {
    if (json == true) return {};
    return Unsupported(field, "true", json, where);
  }
  // The unknown piece never appears with byte fallback, so neither its name nor joining it matters.
  if (option == "fuse_unk" || option == "unk_token") return {};
  const bool off = json.is_null() || json == false || json == "" || json == 0.0;
  if (off) return {};
  return Unsupported(field, "the option to be off", json, where);
}

}  // namespace dragoman
