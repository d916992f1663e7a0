#include "evaluate/import/xml_reader.h"

#include <expat.h>
#include <fmt/format.h>

#include <algorithm>
#include <memory>
#include <optional>

namespace dragoman {
namespace {

constexpr size_t kMaxDepth = 64;
constexpr size_t kChunkBytes = size_t{1} << 20;  // expat counts in int

struct Reading {
  XML_Parser parser = nullptr;
  XmlHandler* handler = nullptr;
  size_t depth = 0;
  std::optional<Error> error;

  void Stop(const Error& found) {
    if (!error.has_value()) error = found;
    XML_StopParser(parser, XML_FALSE);
  }
  void Take(const Result<void>& result) {
    if (!result) Stop(result.error());
  }
};

void OnBegin(void* data, const XML_Char* name, const XML_Char** attributes) {
  auto& reading = *static_cast<Reading*>(data);
  if (reading.error.has_value()) return;
  if (++reading.depth > kMaxDepth) {
    return reading.Stop({ErrorCode::kCorruptFile,
                         fmt::format("expected at most {} elements inside each other", kMaxDepth),
                         ""});
  }
  XmlHandler::Attributes list;
  for (size_t i = 0; attributes[i] != nullptr; i += 2) list[attributes[i]] = attributes[i + 1];
  reading.Take(reading.handler->Begin(name, list, XML_GetCurrentLineNumber(reading.parser)));
}

void OnEnd(void* data, const XML_Char* name) {
  auto& reading = *static_cast<Reading*>(data);
  if (reading.error.has_value()) return;
  --reading.depth;
  reading.Take(reading.handler->End(name));
}

void OnText(void* data, const XML_Char* text, int size) {
  auto& reading = *static_cast<Reading*>(data);
  if (reading.error.has_value()) return;
  reading.Take(reading.handler->Text({text, static_cast<size_t>(size)}));
}

void OnEntity(void* data, const XML_Char* name, int, const XML_Char*, int, const XML_Char*,
              const XML_Char*, const XML_Char*, const XML_Char*) {
  static_cast<Reading*>(data)->Stop(
      {ErrorCode::kCorruptFile,
       fmt::format("expected no entity declarations, found one of \"{}\"", name), ""});
}

void OnSkippedEntity(void* data, const XML_Char* name, int) {
  static_cast<Reading*>(data)->Stop(
      {ErrorCode::kCorruptFile, fmt::format("expected one of XML's own entities, found &{};", name),
       ""});
}

}  // namespace

Result<void> ReadXml(std::string_view text, const std::string& where, XmlHandler& handler) {
  const std::unique_ptr<XML_ParserStruct, decltype(&XML_ParserFree)> parser(
      XML_ParserCreate(nullptr), &XML_ParserFree);
  if (parser == nullptr) return Fail(ErrorCode::kOutOfMemory, "no memory for a parser", where);
  Reading reading;
  reading.parser = parser.get();
  reading.handler = &handler;
  XML_SetUserData(parser.get(), &reading);
  XML_SetElementHandler(parser.get(), OnBegin, OnEnd);
  XML_SetCharacterDataHandler(parser.get(), OnText);
  XML_SetEntityDeclHandler(parser.get(), OnEntity);
  XML_SetSkippedEntityHandler(parser.get(), OnSkippedEntity);
  XML_SetParamEntityParsing(parser.get(), XML_PARAM_ENTITY_PARSING_NEVER);
  for (bool last = false; !last;) {
    const std::string_view chunk = text.substr(0, kChunkBytes);
    text.remove_prefix(chunk.size());
    last = text.empty();
    const XML_Status status = XML_Parse(parser.get(), chunk.data(), static_cast<int>(chunk.size()),
                                        last ? XML_TRUE : XML_FALSE);
    if (status == XML_STATUS_OK) continue;
    const std::string here =
        fmt::format("{}: line {}", where, XML_GetCurrentLineNumber(parser.get()));
    if (reading.error.has_value()) return Fail(reading.error->code, reading.error->message, here);
    return Fail(ErrorCode::kCorruptFile,
                fmt::format("expected well-formed XML, found: {}",
                            XML_ErrorString(XML_GetErrorCode(parser.get()))),
                here);
  }
  return {};
}

}  // namespace dragoman
