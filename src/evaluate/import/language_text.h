// The parts that importers share: segments of one language, their alignment, foreign language
// codes.
#ifndef DRAGOMAN_EVALUATE_IMPORT_LANGUAGE_TEXT_H_
#define DRAGOMAN_EVALUATE_IMPORT_LANGUAGE_TEXT_H_

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "evaluate/suite_parser.h"

namespace dragoman {

struct Segment {
  std::string id;      // empty: its place in the file
  std::string domain;  // empty: the set's
  std::string text;
  size_t line = 0;  // of the file, from 1
};

// One language of a set, as one file gives it.
struct LanguageText {
  std::string language;  // as the prompt spells it
  std::string where;     // the file
  std::vector<Segment> segments;
};

// Drops blank segments without an id at the end, as an editor adds them, down to so many.
void DropBlankEnd(LanguageText& text, size_t segments);

// The prompt's code for one of ISO 639-3 with script or region: eng_Latn is en, arb_Arab ar,
// zho_Hant zh-Hant, fra-CA fr-CA. A code that nobody knows comes back with '-' for '_'.
std::string PromptCode(std::string_view code);
// A code that the prompt knows as it is, else PromptCode: for files that are written for this
// program.
std::string KnownOrPromptCode(std::string_view code);
// Two or three letters, then subtags: what a file name or a column head needs to be taken for a
// language.
bool LooksLikeLanguageCode(std::string_view code);

// The text's beginning, of at most so many bytes and whole characters.
std::string FirstBytes(std::string_view text, size_t most);

// Lines as one language's segments, ids left empty. A byte order mark and carriage returns do not
// count; in a file without newlines, a carriage return ends a line. Errors: kCorruptFile (a line
// too long, invalid UTF-8, NUL).
Result<LanguageText> SplitLines(std::string_view text, std::string language,
                                const std::string& where);
// Checks what becomes a source or a reference. Errors: kCorruptFile.
Result<void> CheckText(std::string_view text, const std::string& where);

// Adds the segments that share a place (and an id, where there are ids) as one entry in all their
// languages; languages whose text is blank there are left out and counted in parsed.suite.blanks.
// Blank lines at the end of one file that another does not have do not count.
// Errors: kInvalidArgument when the files do not have the same segments, naming file, line,
// expected and found.
Result<void> AlignLanguages(std::vector<LanguageText> texts, const std::string& domain,
                            ParsedSuite& parsed);
// The same for one direction only: a whole sample each.
Result<void> AlignPair(LanguageText source, LanguageText reference, const std::string& domain,
                       ParsedSuite& parsed);

}  // namespace dragoman

#endif  // DRAGOMAN_EVALUATE_IMPORT_LANGUAGE_TEXT_H_
