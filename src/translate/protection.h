// Translating a piece so that its protected text arrives: with marks in its place, or between it.
#ifndef DRAGOMAN_TRANSLATE_PROTECTION_H_
#define DRAGOMAN_TRANSLATE_PROTECTION_H_

#include <functional>
#include <span>
#include <vector>

#include "translate/translator.h"

namespace dragoman {

// Translates requests without protection, one result each.
using PlainTranslate =
    std::function<Result<std::vector<Translation>>(std::span<const TranslationRequest>)>;

// The pieces' translations with all protected text of their sources. Each is tried with marks of
// two kinds, then put together from the translations of the stretches between the protected ones.
// Tokens and latency sum up every try; the warnings are those of the one that was taken.
Result<std::vector<Translation>> TranslateProtected(std::span<const TranslationRequest> pieces,
                                                    const PlainTranslate& translate);

}  // namespace dragoman

#endif  // DRAGOMAN_TRANSLATE_PROTECTION_H_
