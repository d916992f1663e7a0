// Encoding and decoding. Loading is in tokenizer_open.cc, the readers in tokenizer_json.cc and
// tokenizer_gguf.cc, the merging of a word in bpe.cc.
#include "text/tokenizer.h"

#include "base/utf8.h"
#include "text/bpe.h"
#include "text/tokenizer_state.h"

namespace dragoman {
namespace {

// Positions inside a word have 32 bits. A longer stretch without a token boundary is cut here.
constexpr size_t kMaxWordBytes = size_t{1} << 30;
constexpr std::string_view kReplacement = "\ufffd";

// Encodes the text between two added tokens.
class StretchEncoder {
 public:
  explicit StretchEncoder(const TokenizerData& data) : data_(data), merger_(data) {}

  void Encode(std::string_view stretch, std::vector<int32_t>& ids) {
    for (size_t begin = 0; begin < stretch.size(); begin += kMaxWordBytes / 4) {
      EncodeBounded(stretch.substr(begin, kMaxWordBytes / 4), ids);
    }
  }

 private:
  // Writes spaces as "▁" and cuts in front of each: pieces have a space mark inside only after
  // another mark or after the few bytes in `before_space`, so nothing can merge across any other
  // place.
  void EncodeBounded(std::string_view stretch, std::vector<int32_t>& ids) {
    marked_.clear();
    size_t word = 0;
    bool after_mark = true;  // nothing to cut off at the very start
    for (size_t i = 0; i < stretch.size();) {
      const bool space = stretch[i] == ' ';
      if (!space && stretch.compare(i, kSpaceMark.size(), kSpaceMark) != 0) {
        marked_.push_back(stretch[i++]);
        after_mark = false;
        continue;
      }
      if (!after_mark && !data_.before_space[static_cast<uint8_t>(marked_.back())]) {
        merger_.Encode(std::string_view(marked_).substr(word), ids);
        word = marked_.size();
      }
      marked_.append(kSpaceMark);
      i += space ? 1 : kSpaceMark.size();
      after_mark = true;
    }
    if (word < marked_.size()) merger_.Encode(std::string_view(marked_).substr(word), ids);
  }

  const TokenizerData& data_;
  BpeMerger merger_;
  std::string marked_;
};

void AppendWithSpaces(std::string_view piece, std::string& out) {
  size_t begin = 0;
  for (size_t at = piece.find(kSpaceMark); at != std::string_view::npos;
       at = piece.find(kSpaceMark, begin)) {
    out.append(piece, begin, at - begin);
    out.push_back(' ');
    begin = at + kSpaceMark.size();
  }
  out.append(piece, begin);
}

// A run of byte pieces is text when all of it is valid UTF-8, else one replacement character per
// byte.
void FlushBytes(std::string& bytes, std::string& out) {
  if (IsValidUtf8(bytes)) {
    out.append(bytes);
  } else {
    for (size_t i = 0; i < bytes.size(); ++i) out.append(kReplacement);
  }
  bytes.clear();
}

// Adds one token: bytes to `bytes`, anything else to `out` behind the bytes that were waiting.
void DecodeToken(const Tokenizer& tokenizer, int32_t id, bool with_control, std::string& bytes,
                 std::string& out) {
  if (id < 0 || id >= tokenizer.vocab_size()) return;
  const TokenKind kind = tokenizer.kind(id);
  if (kind == TokenKind::kByte) {
    bytes.push_back(static_cast<char>(ByteOfPiece(tokenizer.piece(id))));
    return;
  }
  const bool reserved =
      kind == TokenKind::kControl || kind == TokenKind::kUnknown || kind == TokenKind::kUnused;
  if (reserved && !with_control) return;
  FlushBytes(bytes, out);
  AppendWithSpaces(tokenizer.piece(id), out);
}

}  // namespace

Tokenizer::Tokenizer(std::unique_ptr<State> state) : state_(std::move(state)) {}
Tokenizer::~Tokenizer() = default;

std::vector<int32_t> Tokenizer::Encode(std::string_view text, const EncodeOptions& options) const {
  const TokenizerData& data = state_->data;
  StretchEncoder encoder(data);
  std::vector<int32_t> ids;
  if (options.add_bos) ids.push_back(data.bos_id);
  for (size_t begin = 0; begin < text.size();) {
    const AddedTokens::Match match = data.added.FindNext(text, begin, options.parse_special);
    encoder.Encode(text.substr(begin, match.begin - begin), ids);
    if (match.size_bytes != 0) ids.push_back(match.id);
    begin = match.begin + match.size_bytes;
  }
  return ids;
}

std::string Tokenizer::Decode(std::span<const int32_t> ids, bool with_control) const {
  std::string bytes;
  std::string out;
  for (const int32_t id : ids) DecodeToken(*this, id, with_control, bytes, out);
  FlushBytes(bytes, out);
  return out;
}

int32_t Tokenizer::vocab_size() const { return state_->data.pieces.size(); }
std::string_view Tokenizer::piece(int32_t id) const { return state_->data.pieces.piece(id); }
std::string Tokenizer::GgufSpelling(int32_t id) const {
  if (kind(id) != TokenKind::kUserDefined) return std::string(piece(id));
  std::string spelling;
  AppendWithSpaces(piece(id), spelling);
  return spelling;
}
TokenKind Tokenizer::kind(int32_t id) const { return state_->data.kinds[static_cast<size_t>(id)]; }
float Tokenizer::score(int32_t id) const { return state_->data.scores[static_cast<size_t>(id)]; }
int32_t Tokenizer::Find(std::string_view piece) const { return state_->data.pieces.Find(piece); }
int32_t Tokenizer::bos_id() const { return state_->data.bos_id; }
int32_t Tokenizer::pad_id() const { return state_->data.pad_id; }
int32_t Tokenizer::unk_id() const { return state_->data.unk_id; }
std::span<const int32_t> Tokenizer::end_ids() const { return state_->data.end_ids; }
const std::string& Tokenizer::chat_template() const { return state_->data.chat_template; }

std::string StreamingDecoder::Push(int32_t id) {
  std::string out;
  DecodeToken(tokenizer_, id, false, pending_bytes_, out);
  return out;
}

std::string StreamingDecoder::Finish() {
  std::string out;
  FlushBytes(pending_bytes_, out);
  return out;
}

}  // namespace dragoman
