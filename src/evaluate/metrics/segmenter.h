// Tokenizers that come from outside libraries, behind one port: MeCab's dictionaries for Japanese
// and Korean, SentencePiece models for spBLEU. Each is optional when the program is built; a build
// without them answers kUnsupported.
#ifndef DRAGOMAN_EVALUATE_METRICS_SEGMENTER_H_
#define DRAGOMAN_EVALUATE_METRICS_SEGMENTER_H_

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "dragoman/result.h"

namespace dragoman {

// Keeps scratch memory; not thread-safe.
class Segmenter {
 public:
  virtual ~Segmenter() = default;
  // Appends the tokens of `line`. The views are valid until the next call with the same `storage`.
  virtual void Split(std::string_view line, std::string& storage,
                     std::vector<std::string_view>& tokens) const = 0;
  // As in sacreBLEU's signature: "ja-mecab-0.996-IPA", "flores200".
  virtual std::string signature() const = 0;
};

enum class MecabLanguage { kJapanese, kKorean };

// MeCab with the IPA dictionary (Japanese) or mecab-ko-dic (Korean), as sacreBLEU's ja-mecab and
// ko-mecab. `dictionary`: its folder; empty: for Japanese where Debian installs mecab-ipadic-utf8.
//
// sacreBLEU's dictionary has 392,126 words; Debian's has one more, the era name Reiwa, and cuts
// only lines with that name differently. For Korean sacreBLEU uses the fork mecab-ko, which adds a
// cost where a space precedes a particle; the signature tells the two apart by their versions.
// Errors: kUnsupported (built without libmecab), kNotFound, kCorruptFile (another dictionary).
Result<std::shared_ptr<const Segmenter>> OpenMecab(MecabLanguage language,
                                                   const std::string& dictionary);

// A SentencePiece model (unigram or BPE) as in sacreBLEU's flores101, flores200 and spBLEU-1K.
// `name` goes into the signature. Errors: kUnsupported (built without libsentencepiece), kNotFound,
// kCorruptFile.
Result<std::shared_ptr<const Segmenter>> OpenSentencePiece(const std::string& model,
                                                           const std::string& name);

}  // namespace dragoman

#endif  // DRAGOMAN_EVALUATE_METRICS_SEGMENTER_H_
