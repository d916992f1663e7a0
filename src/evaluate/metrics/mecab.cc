// Japanese and Korean words by MeCab, each line through one lattice.
#include "evaluate/metrics/segmenter.h"

#if DRAGOMAN_HAVE_MECAB
#include <fmt/format.h>
#include <mecab.h>

#include <array>
#include <cstdlib>
#include <filesystem>
#include <mutex>

#include "evaluate/metrics/white_space.h"
#endif

namespace dragoman {
#if DRAGOMAN_HAVE_MECAB
namespace {

// Words of each dictionary; sacreBLEU refuses all but the second and fourth.
constexpr unsigned kDebianIpadicWords = 392127;
constexpr unsigned kIpadicWords = 392126;
constexpr unsigned kKoreanWords = 811795;

class MecabSegmenter : public Segmenter {
 public:
  MecabSegmenter(std::unique_ptr<MeCab::Model> model, std::string signature)
      : model_(std::move(model)),
        tagger_(model_->createTagger()),
        lattice_(model_->createLattice()),
        signature_(std::move(signature)) {}

  void Split(std::string_view line, std::string& storage,
             std::vector<std::string_view>& tokens) const override {
    const std::lock_guard lock(mutex_);
    storage.assign(Strip(line));
    lattice_->set_sentence(storage.data(), storage.size());
    if (!tagger_->parse(lattice_.get())) return;
    for (const MeCab::Node* node = lattice_->bos_node(); node != nullptr; node = node->next) {
      if (node->stat == MECAB_BOS_NODE || node->stat == MECAB_EOS_NODE) continue;
      // A surface may be or hold white space that MeCab does not know as such (U+3000).
      SplitWhiteSpace({node->surface, node->length}, tokens);
    }
  }
  std::string signature() const override { return signature_; }

 private:
  mutable std::mutex mutex_;  // the lattice is shared by all who hold this segmenter
  std::unique_ptr<MeCab::Model> model_;
  std::unique_ptr<MeCab::Tagger> tagger_;
  std::unique_ptr<MeCab::Lattice> lattice_;
  std::string signature_;
};

std::string FindIpadic() {
  for (const char* folder : {"/var/lib/mecab/dic/ipadic-utf8", "/usr/lib/mecab/dic/ipadic-utf8",
                             "/usr/share/mecab/dic/ipadic-utf8"}) {
    std::error_code ignored;
    if (std::filesystem::exists(std::string(folder) + "/sys.dic", ignored)) return folder;
  }
  return {};
}

bool IsExpected(MecabLanguage language, const MeCab::DictionaryInfo& info) {
  if (info.next != nullptr) return false;  // a user dictionary would change the words
  if (language == MecabLanguage::kKorean) return info.size == kKoreanWords;
  return info.size == kIpadicWords || info.size == kDebianIpadicWords;
}

}  // namespace

Result<std::shared_ptr<const Segmenter>> OpenMecab(MecabLanguage language,
                                                   const std::string& dictionary) {
  const bool japanese = language == MecabLanguage::kJapanese;
  const std::string folder = dictionary.empty() && japanese ? FindIpadic() : dictionary;
  if (folder.empty()) {
    return Fail(ErrorCode::kNotFound,
                japanese ? "no IPA dictionary for MeCab is installed: install mecab-ipadic-utf8, "
                           "or name its folder"
                         : "ko-mecab needs the folder of mecab-ko-dic");
  }
  std::error_code ignored;
  if (!std::filesystem::exists(folder + "/sys.dic", ignored)) {
    return Fail(ErrorCode::kNotFound, "expected a MeCab dictionary with sys.dic, found none",
                folder);
  }
  // No configuration file: it could name a user dictionary.
  std::array<std::string, 5> words = {"mecab", "-r", "/dev/null", "-d", folder};
  std::array<char*, 5> arguments{};
  for (size_t i = 0; i < words.size(); ++i) arguments[i] = words[i].data();
  std::unique_ptr<MeCab::Model> model(
      MeCab::createModel(static_cast<int>(arguments.size()), arguments.data()));
  if (model == nullptr) {
    const char* why = MeCab::getLastError();
    return Fail(ErrorCode::kCorruptFile,
                fmt::format("MeCab cannot open the dictionary: {}", why == nullptr ? "" : why),
                folder);
  }
  const MeCab::DictionaryInfo* info = model->dictionary_info();
  if (info == nullptr || !IsExpected(language, *info)) {
    return Fail(
        ErrorCode::kCorruptFile,
        fmt::format("expected {}, found {} words",
                    japanese ? "the IPA dictionary (392126 words)" : "mecab-ko-dic (811795 words)",
                    info == nullptr ? 0 : info->size),
        folder);
  }
  return std::make_shared<const MecabSegmenter>(
      std::move(model), japanese ? fmt::format("ja-mecab-{}-IPA", MeCab::Model::version())
                                 : fmt::format("ko-mecab-{}-KO", MeCab::Model::version()));
}

#else

Result<std::shared_ptr<const Segmenter>> OpenMecab(MecabLanguage, const std::string&) {
  return Fail(ErrorCode::kUnsupported, "this program was built without libmecab");
}

#endif
}  // namespace dragoman
