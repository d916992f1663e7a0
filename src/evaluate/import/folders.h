// Test sets that are folders of one file a language: FLORES-200, FLORES+, NTREX-128.
#ifndef DRAGOMAN_EVALUATE_IMPORT_FOLDERS_H_
#define DRAGOMAN_EVALUATE_IMPORT_FOLDERS_H_

#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "evaluate/import/language_text.h"

namespace dragoman {

// Which languages are needed, as the prompt spells them; empty: all of the folder.
using WantedLanguages = std::set<std::string>;

bool IsFloresFolder(const std::string& path);
// Files that only a library of that format reads, in the folder or that of the split.
bool HasParquet(const std::string& path, const std::string& split);
bool IsNtrexFolder(const std::string& path);
// Reads what is wanted and aligns it. Errors: kNotFound for a language that has no file, naming
// those that have; those of the files.
Result<void> ReadFloresFolder(const std::string& path, const std::string& split,
                              const WantedLanguages& wanted, ParsedSuite& parsed);
Result<void> ReadNtrexFolder(const std::string& path, const WantedLanguages& wanted,
                             ParsedSuite& parsed);

// Reads a file and notes it with its hash in parsed.suite.files.
Result<std::string> ReadNoted(const std::string& path, ParsedSuite& parsed);

}  // namespace dragoman

#endif  // DRAGOMAN_EVALUATE_IMPORT_FOLDERS_H_
