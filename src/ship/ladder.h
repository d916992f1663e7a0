// Which build is tried next when one shows a loss.
#ifndef DRAGOMAN_SHIP_LADDER_H_
#define DRAGOMAN_SHIP_LADDER_H_

#include <optional>
#include <string>

namespace dragoman {

struct LadderRung {
  std::string recipe;
  // Types chosen for every tensor in the bytes of the recipe, rounded by error feedback.
  bool refined = false;
};

// First the same size refined, then larger recipes, refined as well; nothing when none is left: the
// build falls back. Never fewer bits: 3 bits are only for who asks for them.
std::optional<LadderRung> NextRung(const LadderRung& rung);

}  // namespace dragoman

#endif  // DRAGOMAN_SHIP_LADDER_H_
