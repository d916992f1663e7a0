// Pieces of a SentencePiece model, for spBLEU.
#include "evaluate/metrics/segmenter.h"

#if DRAGOMAN_HAVE_SENTENCEPIECE
#include <sentencepiece_processor.h>

#include "base/atomic_file.h"
#include "evaluate/metrics/white_space.h"
#endif

namespace dragoman {
#if DRAGOMAN_HAVE_SENTENCEPIECE
namespace {

constexpr uint64_t kMaxModelBytes = uint64_t{64} << 20;

class PieceSegmenter : public Segmenter {
 public:
  PieceSegmenter(std::unique_ptr<sentencepiece::SentencePieceProcessor> processor, std::string name)
      : processor_(std::move(processor)), name_(std::move(name)) {}

  void Split(std::string_view line, std::string& storage,
             std::vector<std::string_view>& tokens) const override {
    storage.clear();
    for (const std::string& piece : processor_->EncodeAsPieces(line)) {
      storage += piece;
      storage += ' ';
    }
    SplitWhiteSpace(storage, tokens);
  }
  std::string signature() const override { return name_; }

 private:
  std::unique_ptr<sentencepiece::SentencePieceProcessor> processor_;
  std::string name_;
};

}  // namespace

Result<std::shared_ptr<const Segmenter>> OpenSentencePiece(const std::string& model,
                                                           const std::string& name) {
  DRAGOMAN_ASSIGN_OR_RETURN(const std::string bytes, ReadFile(model, kMaxModelBytes));
  auto processor = std::make_unique<sentencepiece::SentencePieceProcessor>();
  const auto status = processor->LoadFromSerializedProto(bytes);
  if (!status.ok()) {
    return Fail(ErrorCode::kCorruptFile, "expected a SentencePiece model: " + status.ToString(),
                model);
  }
  return std::make_shared<const PieceSegmenter>(std::move(processor), name);
}

#else

Result<std::shared_ptr<const Segmenter>> OpenSentencePiece(const std::string&, const std::string&) {
  return Fail(ErrorCode::kUnsupported, "this program was built without libsentencepiece");
}

#endif
}  // namespace dragoman
