#include "translate/protection.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace dragoman {
namespace {

using ::testing::Contains;
using ::testing::HasSubstr;

// Upper case for letters, so that a translation is recognised; loses marks of the signs given.
class ShoutingTranslate {
 public:
  explicit ShoutingTranslate(std::string loses) : loses_(std::move(loses)) {}
  Result<std::vector<Translation>> operator()(std::span<const TranslationRequest> requests) {
    std::vector<Translation> out;
    for (const TranslationRequest& request : requests) {
      Translation translation;
      for (char c : request.text) {
        if (loses_.find(c) != std::string::npos) continue;
        translation.text += static_cast<char>(c >= 'a' && c <= 'z' ? c - 'a' + 'A' : c);
      }
      translation.new_tokens = 1;
      seen.push_back(request.text);
      out.push_back(translation);
    }
    return out;
  }
  std::vector<std::string> seen;

 private:
  std::string loses_;
};

Translation Protect(const std::string& text, ShoutingTranslate& translate) {
  const TranslationRequest request{text, {}, {}};
  const auto results = TranslateProtected({&request, 1}, std::ref(translate));
  EXPECT_TRUE(results);
  return results ? results->at(0) : Translation{};
}

TEST(Protection, MarksAreTriedFirst) {
  ShoutingTranslate translate("");
  const Translation result = Protect("see {name} now", translate);
  EXPECT_EQ(result.text, "SEE {name} NOW");
  EXPECT_THAT(translate.seen, testing::ElementsAre("see %1 now"));
  EXPECT_THAT(result.warnings, Contains(HasSubstr("by marks")));
}

TEST(Protection, ThenOtherMarks) {
  ShoutingTranslate translate("%");
  const Translation result = Protect("see {name} now", translate);
  EXPECT_EQ(result.text, "SEE {name} NOW");
  EXPECT_THAT(translate.seen, testing::ElementsAre("see %1 now", "see #1 now"));
  EXPECT_EQ(result.new_tokens, 2);
}

TEST(Protection, ThenTheStretchesBetween) {
  ShoutingTranslate translate("%#");
  const Translation result = Protect("see {name}, <b>not</b> 12", translate);
  EXPECT_EQ(result.text, "SEE {name}, <b>NOT</b> 12");
  EXPECT_THAT(translate.seen,
              testing::ElementsAre("see %1, %2not%3 12", "see #1, #2not#3 12", "see ", "not"));
  EXPECT_THAT(result.warnings, Contains(HasSubstr("between")));
}

TEST(Protection, AnErrorOfTheTranslatorIsPassedOn) {
  const TranslationRequest request{"a {b}", {}, {}};
  const auto result =
      TranslateProtected({&request, 1}, [](auto) -> Result<std::vector<Translation>> {
        return Fail(ErrorCode::kOutOfMemory, "no memory", "here");
      });
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().code, ErrorCode::kOutOfMemory);
}

}  // namespace
}  // namespace dragoman
