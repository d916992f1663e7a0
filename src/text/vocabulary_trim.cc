#include "text/vocabulary_trim.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "base/utf8.h"
#include "text/language_scripts.h"
#include "text/prompt.h"
#include "text/scripts.h"

namespace dragoman {
namespace {

constexpr char32_t kFirstNonAscii = 0x80;
constexpr size_t kCodePoints = 0x110000;

// The characters whose pieces are kept, each looked up once.
class KeptCharacters {
 public:
  explicit KeptCharacters(ScriptSet scripts)
      : scripts_(std::move(scripts)), answers_(kCodePoints, Answer::kUnknown) {}

  void Add(std::string_view text) {
    ForEach(text, [this](char32_t c) {
      answers_[c] = Answer::kKept;
      return true;
    });
  }

  bool ContainsAll(std::string_view piece) {
    return ForEach(piece, [this](char32_t c) { return c < kFirstNonAscii || Contains(c); });
  }

 private:
  enum class Answer : uint8_t { kUnknown, kKept, kDropped };

  // False as soon as `visit` is. Bytes that are no UTF-8 belong to no script: passed over.
  template <typename Visit>
  static bool ForEach(std::string_view text, const Visit& visit) {
    for (size_t i = 0; i < text.size();) {
      const CodePoint point = DecodeUtf8(text, i);
      if (point.valid && !visit(point.value)) return false;
      i += point.size_bytes;
    }
    return true;
  }

  bool Contains(char32_t c) {
    if (answers_[c] == Answer::kUnknown) {
      answers_[c] = scripts_.Uses(c) ? Answer::kKept : Answer::kDropped;
    }
    return answers_[c] == Answer::kKept;
  }

  ScriptSet scripts_;
  std::vector<Answer> answers_;
};

// "<unused0>": reserved, no text and no model makes them.
bool IsPlaceholder(std::string_view piece) {
  constexpr std::string_view kStart = "<unused";
  return piece.size() > kStart.size() + 1 && piece.starts_with(kStart) && piece.back() == '>';
}

bool IsKept(const Tokenizer& tokenizer, int32_t id, KeptCharacters& characters) {
  const std::string_view piece = tokenizer.piece(id);
  switch (tokenizer.kind(id)) {
    case TokenKind::kByte:
    case TokenKind::kUnknown:
      return true;
    case TokenKind::kUnused:
      return false;
    case TokenKind::kControl:
      return !IsPlaceholder(piece) || tokenizer.chat_template().find(piece) != std::string::npos;
    case TokenKind::kNormal:
    case TokenKind::kUserDefined:
      return characters.ContainsAll(piece);
  }
  return true;
}

std::vector<int32_t> SpecialIds(const Tokenizer& tokenizer) {
  std::vector<int32_t> ids(tokenizer.end_ids().begin(), tokenizer.end_ids().end());
  ids.insert(ids.end(), {tokenizer.bos_id(), tokenizer.pad_id(), tokenizer.unk_id()});
  std::erase(ids, -1);
  return ids;
}

void AddPrompts(std::span<const Language> languages, KeptCharacters& characters) {
  for (const Language& language : languages) {
    characters.Add(BuildPrompt(language, language, ""));
  }
}

std::vector<std::string> ScriptsOf(std::span<const Language> languages) {
  std::set<std::string> scripts = {"Latn"};
  for (const Language& language : languages) {
    for (std::string& script : ScriptsOfLanguage(language.code)) scripts.insert(std::move(script));
  }
  return {scripts.begin(), scripts.end()};
}

std::vector<Language> WithoutRepeats(std::span<const Language> languages) {
  std::vector<Language> unique;
  for (const Language& language : languages) {
    const auto same = [&](const Language& other) { return other.code == language.code; };
    if (std::none_of(unique.begin(), unique.end(), same)) unique.push_back(language);
  }
  return unique;
}

}  // namespace

int32_t VocabularyTrim::NewId(int64_t old_id) const {
  const auto found = std::lower_bound(kept_ids.begin(), kept_ids.end(), old_id);
  if (found == kept_ids.end() || *found != old_id) return -1;
  return static_cast<int32_t>(found - kept_ids.begin());
}

Result<VocabularyTrim> ChooseVocabulary(const Tokenizer& tokenizer,
                                        std::span<const Language> languages,
                                        std::span<const std::string> corpus, uint64_t rows) {
  if (languages.empty()) {
    return Fail(ErrorCode::kInvalidArgument, "expected a language to keep, found none");
  }
  VocabularyTrim trim;
  trim.languages = WithoutRepeats(languages);
  trim.scripts = ScriptsOf(languages);
  DRAGOMAN_ASSIGN_OR_RETURN(ScriptSet scripts, ScriptSet::Of(trim.scripts));
  KeptCharacters characters(std::move(scripts));
  AddPrompts(languages, characters);
  for (const std::string& text : corpus) characters.Add(text);
  const auto pieces =
      static_cast<int32_t>(std::min<uint64_t>(rows, static_cast<uint64_t>(tokenizer.vocab_size())));
  const std::vector<int32_t> special = SpecialIds(tokenizer);
  for (int32_t id = 0; id < pieces; ++id) {
    const bool is_special = std::find(special.begin(), special.end(), id) != special.end();
    if (is_special || IsKept(tokenizer, id, characters)) trim.kept_ids.push_back(id);
  }
  for (const int32_t id : special) {
    if (id < pieces) continue;
    return Fail(ErrorCode::kUnsupported,
                fmt::format("token {} ({}) has no row in the embedding of {} rows", id,
                            tokenizer.piece(id), rows));
  }
  return trim;
}

}  // namespace dragoman
