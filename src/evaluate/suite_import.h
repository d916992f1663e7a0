// Suites from the test sets of others: FLORES+, NTREX-128, WMT, TMX, tables, plain parallel files.
#ifndef DRAGOMAN_EVALUATE_SUITE_IMPORT_H_
#define DRAGOMAN_EVALUATE_SUITE_IMPORT_H_

#include <string>
#include <string_view>
#include <vector>

#include "evaluate/suite.h"

namespace dragoman {

enum class SuiteFormat {
  kAuto,    // by the content
  kJsonl,   // everything that ReadSuite reads
  kFlores,  // FLORES-200 (eng_Latn.devtest) or FLORES+ (devtest/eng_Latn.jsonl or .tsv): a folder
  kNtrex,   // NTREX-128: a folder with newstest2019-src.eng.txt and newstest2019-ref.deu.txt
  kPlain,   // one file a language, a sentence a line: news.en news.de, or en=FILE de=FILE
  kTsv,     // a table with tabs: a line of names, or two columns
  kSgm,     // WMT before 2021: one source file, one file of references
  kWmtXml,  // WMT from 2021 on: one file
  kTmx,     // Translation Memory eXchange
};
// "auto", "jsonl", "flores", "ntrex", "plain", "tsv", "sgm", "wmt-xml", "tmx".
const char* SuiteFormatName(SuiteFormat format);
Result<SuiteFormat> SuiteFormatNamed(std::string_view name);

struct SuiteInput {
  std::vector<std::string> paths;  // files or one folder; "LANG=FILE" for plain files
  SuiteFormat format = SuiteFormat::kAuto;
  std::string split = "devtest";  // of FLORES
  std::string license;            // what the suite file states; empty: what the format implies
};
// Language codes of other catalogues become those of the prompt: eng_Latn is en, zho_Hant zh-Hant.
// Sentences of parallel files are aligned by line, or by id where the format has ids; texts that
// are empty in a language are left out and counted. Errors: kNotFound, kCorruptFile with file and
// line, kInvalidArgument when files do not belong together or a language asked for is not there.
Result<Suite> ImportSuite(const SuiteInput& input, const SuiteOptions& options);

}  // namespace dragoman

#endif  // DRAGOMAN_EVALUATE_SUITE_IMPORT_H_
