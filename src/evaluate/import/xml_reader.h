// Events of an XML text, by expat. Nothing outside the text is ever opened, documents that declare
// entities are refused (they are how small texts grow large), depth is capped.
#ifndef DRAGOMAN_EVALUATE_IMPORT_XML_READER_H_
#define DRAGOMAN_EVALUATE_IMPORT_XML_READER_H_

#include <cstddef>
#include <map>
#include <string>
#include <string_view>

#include "dragoman/result.h"

namespace dragoman {

class XmlHandler {
 public:
  virtual ~XmlHandler() = default;
  using Attributes = std::map<std::string, std::string>;
  // `line` from 1. An error ends the reading and is returned with file and line.
  virtual Result<void> Begin(const std::string& name, const Attributes& attributes,
                             size_t line) = 0;
  virtual Result<void> End(const std::string& name) = 0;
  // Character data, UTF-8, in pieces.
  virtual Result<void> Text(std::string_view text) = 0;
};
// UTF-8, UTF-16 and Latin-1 texts. Errors: kCorruptFile (file, line, what expat found), those of
// the handler.
Result<void> ReadXml(std::string_view text, const std::string& where, XmlHandler& handler);

}  // namespace dragoman

#endif  // DRAGOMAN_EVALUATE_IMPORT_XML_READER_H_
