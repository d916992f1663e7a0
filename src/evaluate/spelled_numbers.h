// Numbers that a translation puts in words, "35" as "thirty-five".
#ifndef DRAGOMAN_EVALUATE_SPELLED_NUMBERS_H_
#define DRAGOMAN_EVALUATE_SPELLED_NUMBERS_H_

#include <cstddef>
#include <string_view>

namespace dragoman {

enum class Spelling {
  kThere,
  kMissing,
  kUnknown,  // nobody knows the language's words, or there are too many ways (a, twice, both)
};
// `digits` of a number; in any of its forms, ordinals too, as CLDR spells them. Endings may follow.
Spelling FindSpelled(std::string_view text, std::string_view digits, std::string_view language);

// How many languages' words this thread keeps: at most 64.
size_t LanguagesWithSpellers();

}  // namespace dragoman

#endif  // DRAGOMAN_EVALUATE_SPELLED_NUMBERS_H_
