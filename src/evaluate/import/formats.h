// One parser a format, each on the text of one file. What they take comes from outside: sizes are
// capped, every error names file and line.
#ifndef DRAGOMAN_EVALUATE_IMPORT_FORMATS_H_
#define DRAGOMAN_EVALUATE_IMPORT_FORMATS_H_

#include <string>
#include <string_view>

#include "evaluate/import/language_text.h"

namespace dragoman {

// A file of FLORES+ for one language: JSON lines, or a table with a line of names; `text` and,
// where they are there, `id` and `domain`.
Result<LanguageText> ParseFloresJsonl(std::string_view text, std::string language,
                                      const std::string& where);
Result<LanguageText> ParseFloresTsv(std::string_view text, std::string language,
                                    const std::string& where);

// A table with tabs, nothing quoted. With a line of names: language codes (sentences in several
// languages), or source and target or reference, each under one of its usual names, optionally id,
// domain, source_lang, target_lang. Without: source and reference, or a number before them; their
// languages are then `from` and `to`.
Result<void> ParseTsv(std::string_view text, const std::string& where, const std::string& from,
                      const std::string& to, ParsedSuite& parsed);

// WMT's SGML before 2021, which is not well-formed XML: <srcset srclang="en"> or <refset
// trglang="de">, <doc docid="x">, <seg id="1">text</seg>.
struct SgmFile {
  bool is_source = false;
  std::string set_id;
  LanguageText text;        // ids are docid#segment
  size_t alternatives = 0;  // references of segments that have one in this file already
};
Result<SgmFile> ParseSgm(std::string_view text, const std::string& where);

// WMT's XML from 2021 on: <doc><src lang="en"><p><seg id="1">, <ref lang="de" translator="A">; of
// several references of a segment the first that says something is taken, systems' outputs are
// passed over.
Result<void> ParseWmtXml(std::string_view text, const std::string& where, ParsedSuite& parsed);

// TMX 1.1 to 1.4: <tu tuid="x"><tuv xml:lang="en-US"><seg>. Codes of formatting inside segments
// (bpt, ept, ph, it, ut) are left out, the words they enclose stay; so do placeholders such as {0},
// and a line break becomes a space. The first text of a language counts.
Result<void> ParseTmx(std::string_view text, const std::string& where, ParsedSuite& parsed);

}  // namespace dragoman

#endif  // DRAGOMAN_EVALUATE_IMPORT_FORMATS_H_
