// Text <-> token ids, identical to Gemma 3's reference tokenizer.
//
// BPE over whole stretches between added tokens, spaces written as U+2581, unknown symbols as UTF-8
// byte pieces. From tokenizer.json (merge ranks) or from GGUF metadata (scores). Immutable and
// thread-safe once loaded.
#ifndef DRAGOMAN_TEXT_TOKENIZER_H_
#define DRAGOMAN_TEXT_TOKENIZER_H_

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "dragoman/result.h"
#include "formats/checkpoint.h"
#include "formats/gguf.h"

namespace dragoman {

enum class TokenKind : uint8_t {
  kNormal = 1,
  kUnknown = 2,
  kControl = 3,
  kUserDefined = 4,
  kUnused = 5,
  kByte = 6
};

class Tokenizer {
 public:
  // Errors: kNotFound, kCorruptFile, kUnsupported (not a BPE with byte fallback).
  static Result<std::unique_ptr<Tokenizer>> FromJsonFile(const std::string& path);
  static Result<std::unique_ptr<Tokenizer>> FromJson(std::string_view json,
                                                     const std::string& where);
  static Result<std::unique_ptr<Tokenizer>> FromGguf(const GgufFile& gguf,
                                                     const std::string& where);
  // tokenizer.json beside the tensors, or the one inside the GGUF.
  static Result<std::unique_ptr<Tokenizer>> ForCheckpoint(const Checkpoint& checkpoint);
  ~Tokenizer();

  struct EncodeOptions {
    bool add_bos = false;
    bool parse_special =
        true;  // false: "<end_of_turn>" in the text is ordinary characters (user text)
  };
  // Any bytes: invalid UTF-8 becomes byte pieces.
  std::vector<int32_t> Encode(std::string_view text, const EncodeOptions& options) const;
  // Control tokens are left out unless asked for. Byte runs that are no valid UTF-8 become U+FFFD
  // per byte.
  std::string Decode(std::span<const int32_t> ids, bool with_control = false) const;

  int32_t vocab_size() const;                // ids with a piece
  std::string_view piece(int32_t id) const;  // stored spelling, "▁the"
  // As a GGUF spells it: user-defined pieces hold plain spaces, for its readers cut them out of raw text and
  // print them as they are; only ordinary pieces keep "▁".
  std::string GgufSpelling(int32_t id) const;
  TokenKind kind(int32_t id) const;
  float score(int32_t id) const;  // -id for ordinary pieces when from tokenizer.json (GGUF export)
  // -1 when absent.
  int32_t Find(std::string_view piece) const;
  int32_t bos_id() const;
  int32_t pad_id() const;
  int32_t unk_id() const;
  // <eos> and <end_of_turn>, whichever exist: generation stops on each.
  std::span<const int32_t> end_ids() const;
  // Jinja text for GGUF export, if the files have one.
  const std::string& chat_template() const;

 private:
  struct State;
  explicit Tokenizer(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

// Turns ids into text as they come: only whole UTF-8 characters leave. One per sequence.
class StreamingDecoder {
 public:
  explicit StreamingDecoder(const Tokenizer& tokenizer) : tokenizer_(tokenizer) {}
  // The text that became certain with this token; may be empty.
  std::string Push(int32_t id);
  // What is left (an unfinished byte run as U+FFFD).
  std::string Finish();

 private:
  const Tokenizer& tokenizer_;
  std::string pending_bytes_;
};

}  // namespace dragoman

#endif  // DRAGOMAN_TEXT_TOKENIZER_H_
