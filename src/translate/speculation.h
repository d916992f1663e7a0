// Guessing tokens ahead: what is measured, and the rule by which guesses are checked or left.
//
// A step over a sequence's newest token and k guessed ones gives the model's own choice after each.
// Guesses are kept as long as they equal that choice, so the output is the one of decoding token by
// token, whatever was guessed; only time is at stake. (The backend computes a row the same to the
// last bit whatever rows are beside it: docs/numerics.md.)
#ifndef DRAGOMAN_TRANSLATE_SPECULATION_H_
#define DRAGOMAN_TRANSLATE_SPECULATION_H_

#include <array>
#include <cstdint>
#include <map>
#include <span>
#include <vector>

#include "base/json.h"

namespace dragoman {

enum class Speculate {
  kOff,
  kAuto,    // where it pays by the measured figures
  kAlways,  // every guess is checked (tests, measurements)
};

// Since the translator was opened. Proposed: checked by the model.
struct SpeculationCounts {
  int64_t copies_proposed = 0, copies_accepted = 0;
  int64_t drafts_proposed = 0, drafts_accepted = 0;
  // Of steps in which every sequence decoded (none read its prompt):
  int64_t steps = 0;   // steps times sequences
  int64_t tokens = 0;  // that came out of them; without guesses as many as steps
  double seconds = 0;  // they took, drafting included
  // Of steps whose batch was measured without guesses, too: what they took, and what the same
  // tokens would have taken one a step.
  double compared_seconds = 0;
  double plain_seconds = 0;
};
// Proposed, accepted, and the speed-up: plain_seconds by compared_seconds, null when
// nothing could be compared.
OrderedJson ToJson(const SpeculationCounts& counts);

// Guesses of one kind come true equally often, more or less. The end of a sequence is never
// guessed: nothing can be gained behind it.
enum class GuessKind : uint8_t {
  kCopy1,  // follows one token that source and output share; 2, 3, 4 and more
  kCopy2,
  kCopy3,
  kCopy4,
  kDraft0,  // the draft's two best logits are less than 0.5 apart; 1, 2, 4; more
  kDraft1,
  kDraft2,
  kDraft3,
  kDraft4,
};
constexpr size_t kGuessKinds = 9;
constexpr bool IsCopy(GuessKind kind) { return kind <= GuessKind::kCopy4; }

struct Guess {
  int32_t id = 0;
  GuessKind kind = GuessKind::kCopy1;
};
// Of one sequence in one step; fewer than a cache's chunk, so that rejected ones can be undone.
constexpr size_t kMaxGuesses = 16;

// How often guesses came true. Old ones fade, so that a new kind of text shows.
class GuessRecord {
 public:
  void Count(GuessKind kind, bool came_true);
  double Chance(GuessKind kind) const;
  // Of a draft's guess before it is made: the mean over those made.
  double DraftChance() const;

 private:
  struct Entry {
    double true_ones = 1, all = 2;  // before any is counted: one half
    double Chance() const { return true_ones / all; }
    void Count(bool came_true);
  };
  std::array<Entry, kGuessKinds> entries_;
  Entry drafts_;
};

// Seconds of a step by its rows, as measured.
class StepCosts {
 public:
  // A single slow step among fast ones moves the figure little.
  void Add(int64_t rows, double seconds);
  // Measured twice, or between two such numbers of rows.
  bool Knows(int64_t rows) const;
  // Between measured numbers of rows by proportion. Above all of them: as the largest, so that more
  // rows are tried. 0 before any.
  double Seconds(int64_t rows) const;

 private:
  struct Entry {
    double seconds = 0;
    int samples = 0;
  };
  std::map<int64_t, Entry> entries_;
};

// How many of each sequence's guesses to check in one step: the choice with the most tokens
// expected per second, or none unless that is 2 % more than without guesses. chances[s][i]: that
// guess i of sequence s comes true if those before it do. spent_seconds: for making them.
std::vector<size_t> ChooseGuesses(std::span<const std::vector<double>> chances,
                                  const StepCosts& costs, double spent_seconds);

// Whether a way of guessing has paid: seconds it took against seconds it saved, over 32 steps at a
// time. A loss closes it for 128 steps, the next one for twice as many, and so on.
class GuessLedger {
 public:
  void Enter(double cost_seconds, double gain_seconds);
  // Asked once a step; counts a pause down.
  bool IsOpen();

 private:
  static constexpr int kSteps = 32;
  static constexpr int kFirstPause = 128, kLongestPause = 8192;
  double cost_seconds_ = 0, gain_seconds_ = 0;
  int steps_ = 0;
  int pause_steps_ = kFirstPause;
  int paused_ = 0;  // steps to wait
};

// The source's tokens after the longest stretch (at most kMaxMatchTokens) that ends the output, and
// the length of that stretch. Among equally long ones, the one as far from the source's start as
// the output's end is from its own. Empty, 0: the last token does not occur, or only last.
struct CopyMatch {
  std::span<const int32_t> tokens;
  int64_t matched_tokens = 0;
};
constexpr int64_t kMaxMatchTokens = 8;
CopyMatch FindCopy(std::span<const int32_t> source, std::span<const int32_t> output);

}  // namespace dragoman

#endif  // DRAGOMAN_TRANSLATE_SPECULATION_H_
