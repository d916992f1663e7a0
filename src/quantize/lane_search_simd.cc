// The K-quant search in Google Highway, compiled once per instruction set and chosen at run time.
// Every operation has its counterpart, in the same order, in lane_search_scalar.cc; multiply and
// add stay apart (no fused form), so that all machines give the same bits.
#include "quantize/lane_search.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "quantize/lane_search_simd.cc"
#include <hwy/foreach_target.h>  // must come before highway.h
#include <hwy/highway.h>

HWY_BEFORE_NAMESPACE();
namespace dragoman {
namespace HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

using Tag = hn::CappedTag<float, kLanes>;
using Vec = hn::Vec<Tag>;

struct Sums {
  Vec wq, wqq, wqx;
};

struct Fit {
  Vec scale, offset, gain;
};

HWY_INLINE Vec NearestCode(Tag d, Vec value, Vec low, Vec high) {
  const Vec bias = hn::Set(d, kRoundingBias);
  return hn::Sub(hn::Add(hn::Min(hn::Max(value, low), high), bias), bias);
}

struct EvenCodes {
  static constexpr float kUnit = kEvenUnit;
  float low, high;
  HWY_INLINE Vec Nearest(Tag d, Vec value) const {
    return NearestCode(d, value, hn::Set(d, low), hn::Set(d, high));
  }
};

struct GridCodes {
  static constexpr float kUnit = kGridUnit;
  float low, high;
  HWY_INLINE Vec Nearest(Tag d, Vec value) const {
    Vec level = hn::Set(d, kGridLow);
    for (const GridStep& step : kGridSteps) {
      const auto beyond = hn::Gt(value, hn::Set(d, step.middle));
      level = hn::Add(level, hn::IfThenElseZero(beyond, hn::Set(d, step.rise)));
    }
    return level;
  }
};

HWY_INLINE Vec ReciprocalOrZero(Tag d, Vec value) {
  const auto usable = hn::Gt(hn::Abs(value), hn::Set(d, kTiny));
  const Vec one = hn::Set(d, 1.0f);
  return hn::IfThenElseZero(usable, hn::Div(one, hn::IfThenElse(usable, value, one)));
}

HWY_INLINE void AddCode(Vec w, Vec q, Vec x, Sums& sums) {
  const Vec weighted = hn::Mul(w, q);
  sums.wq = hn::Add(sums.wq, weighted);
  sums.wqq = hn::Add(sums.wqq, hn::Mul(weighted, q));
  sums.wqx = hn::Add(sums.wqx, hn::Mul(weighted, x));
}

HWY_INLINE Fit Solve(Tag d, const Sums& sums, Vec w, Vec wx) {
  const Vec zero = hn::Zero(d), one = hn::Set(d, 1.0f);
  const Vec both = hn::Mul(w, sums.wqq);
  const Vec determinant = hn::Sub(both, hn::Mul(sums.wq, sums.wq));
  const auto solvable = hn::Gt(determinant, hn::Mul(hn::Set(d, kMinDeterminant), both));
  const Vec inverse = hn::Div(one, hn::IfThenElse(solvable, determinant, one));
  const Vec scale = hn::Mul(hn::Sub(hn::Mul(w, sums.wqx), hn::Mul(sums.wq, wx)), inverse);
  const Vec offset = hn::Mul(hn::Sub(hn::Mul(sums.wqq, wx), hn::Mul(sums.wq, sums.wqx)), inverse);
  const auto through_zero = hn::Or(hn::Gt(offset, zero), hn::Not(solvable));
  Fit fit;
  fit.scale =
      hn::IfThenElse(through_zero, hn::Div(sums.wqx, hn::Max(sums.wqq, hn::Set(d, kTiny))), scale);
  fit.offset = hn::IfThenZeroElse(through_zero, offset);
  const Vec gain = hn::Add(hn::Mul(fit.scale, sums.wqx), hn::Mul(fit.offset, wx));
  fit.gain = hn::IfThenElse(hn::Lt(fit.scale, zero), hn::Set(d, -1.0f), gain);
  return fit;
}

template <typename Codes>
HWY_INLINE Sums SumCodes(Tag d, const LaneBlock& block, size_t lane, Vec inverse, Vec shift,
                         const Codes& codes) {
  Sums sums{hn::Zero(d), hn::Zero(d), hn::Zero(d)};
  for (int i = 0; i < block.elems; ++i) {
    const Vec x = hn::Load(d, block.x[i] + lane);
    AddCode(hn::Load(d, block.w[i] + lane), codes.Nearest(d, hn::Add(hn::Mul(x, inverse), shift)),
            x, sums);
  }
  return sums;
}

HWY_INLINE void Consider(Tag d, const LaneBlock& block, size_t lane, Vec inverse, Vec shift,
                         const EvenCodes& codes, Vec w, Vec wx, Fit& best) {
  const Fit found = Solve(d, SumCodes(d, block, lane, inverse, shift, codes), w, wx);
  const auto better = hn::Gt(found.gain, best.gain);
  best.scale = hn::IfThenElse(better, found.scale, best.scale);
  best.offset = hn::IfThenElse(better, found.offset, best.offset);
  best.gain = hn::IfThenElse(better, found.gain, best.gain);
}

void SearchAffine(const LaneBlock& block, AffineRange range, AffineFit* fit) {
  const Tag d;
  const EvenCodes codes{0.0f, static_cast<float>(range.top_code)};
  const Vec zero = hn::Zero(d), top = hn::Set(d, codes.high);
  for (size_t lane = 0; lane < kLanes; lane += hn::Lanes(d)) {
    Vec low = zero, high = hn::Load(d, block.x[0] + lane), w = zero, wx = zero;
    for (int i = 0; i < block.elems; ++i) {
      const Vec x = hn::Load(d, block.x[i] + lane), weight = hn::Load(d, block.w[i] + lane);
      low = hn::Min(low, x);
      high = hn::Max(high, x);
      w = hn::Add(w, weight);
      wx = hn::Add(wx, hn::Mul(weight, x));
    }
    Fit best{zero, hn::Min(hn::Div(wx, w), zero), zero};
    best.gain = hn::Mul(best.offset, wx);
    const Vec inverse_range = ReciprocalOrZero(d, hn::Sub(high, low));
    for (int k = 0; k < kStretches * kPhases; ++k) {
      const AffineStart start = AffineStartAt(k);
      const Vec inverse = hn::Mul(hn::Add(top, hn::Set(d, start.stretch)), inverse_range);
      const Vec shift = hn::Sub(hn::Set(d, start.phase), hn::Mul(low, inverse));
      Consider(d, block, lane, inverse, shift, codes, w, wx, best);
    }
    const Vec inverse = ReciprocalOrZero(d, best.scale);
    Consider(d, block, lane, inverse, hn::Sub(zero, hn::Mul(best.offset, inverse)), codes, w, wx,
             best);
    hn::Store(best.scale, d, fit->scale.data() + lane);
    hn::Store(hn::Sub(zero, best.offset), d, fit->minimum.data() + lane);
  }
}

struct AffineTrial {
  Vec scale_code, minimum_code, error;
  Sums sums;
};

struct AffineTarget {  // what the trials of a group of lanes share
  Vec top, largest, d, dmin, inverse_dmin, minimum, w, wx;
};

HWY_INLINE AffineTrial TryAffine(Tag d, const LaneBlock& block, size_t lane,
                                 const AffineTarget& target, Vec scale_code) {
  const Vec zero = hn::Zero(d);
  const Vec scale = hn::Mul(scale_code, target.d);
  const Vec inverse = ReciprocalOrZero(d, scale);
  Vec wq = zero;
  for (int i = 0; i < block.elems; ++i) {
    const Vec x = hn::Load(d, block.x[i] + lane);
    const Vec q = NearestCode(d, hn::Mul(hn::Add(x, target.minimum), inverse), zero, target.top);
    wq = hn::Add(wq, hn::Mul(hn::Load(d, block.w[i] + lane), q));
  }
  const Vec best_minimum = hn::Div(hn::Sub(hn::Mul(scale, wq), target.wx), target.w);
  AffineTrial trial{scale_code, zero, zero, {zero, zero, zero}};
  trial.minimum_code =
      NearestCode(d, hn::Mul(best_minimum, target.inverse_dmin), zero, target.largest);
  const Vec actual = hn::Mul(trial.minimum_code, target.dmin);
  for (int i = 0; i < block.elems; ++i) {
    const Vec x = hn::Load(d, block.x[i] + lane), w = hn::Load(d, block.w[i] + lane);
    const Vec raised = hn::Add(x, actual);
    const Vec q = NearestCode(d, hn::Mul(raised, inverse), zero, target.top);
    AddCode(w, q, x, trial.sums);
    const Vec rest = hn::Sub(raised, hn::Mul(scale, q));
    trial.error = hn::Add(trial.error, hn::Mul(hn::Mul(w, rest), rest));
  }
  return trial;
}

HWY_INLINE void KeepBetter(const AffineTrial& trial, AffineTrial& best) {
  const auto better = hn::Lt(trial.error, best.error);
  best.scale_code = hn::IfThenElse(better, trial.scale_code, best.scale_code);
  best.minimum_code = hn::IfThenElse(better, trial.minimum_code, best.minimum_code);
  best.error = hn::IfThenElse(better, trial.error, best.error);
  best.sums.wq = hn::IfThenElse(better, trial.sums.wq, best.sums.wq);
  best.sums.wqq = hn::IfThenElse(better, trial.sums.wqq, best.sums.wqq);
  best.sums.wqx = hn::IfThenElse(better, trial.sums.wqx, best.sums.wqx);
}

void ChooseAffine(const LaneBlock& block, AffineRange range, const AffineFit& fit,
                  const LaneFloats& d_lanes, const LaneFloats& dmin_lanes, AffineChoice* choice) {
  const Tag d;
  const Vec zero = hn::Zero(d), largest = hn::Set(d, static_cast<float>(range.top_scale));
  for (size_t lane = 0; lane < kLanes; lane += hn::Lanes(d)) {
    AffineTarget target;
    target.top = hn::Set(d, static_cast<float>(range.top_code));
    target.largest = largest;
    target.d = hn::LoadU(d, d_lanes.data() + lane);
    target.dmin = hn::LoadU(d, dmin_lanes.data() + lane);
    target.inverse_dmin = ReciprocalOrZero(d, target.dmin);
    target.minimum = hn::Load(d, fit.minimum.data() + lane);
    target.w = target.wx = zero;
    for (int i = 0; i < block.elems; ++i) {
      const Vec w = hn::Load(d, block.w[i] + lane);
      target.w = hn::Add(target.w, w);
      target.wx = hn::Add(target.wx, hn::Mul(w, hn::Load(d, block.x[i] + lane)));
    }
    const Vec wanted = hn::Mul(hn::Load(d, fit.scale.data() + lane), ReciprocalOrZero(d, target.d));
    const Vec middle = NearestCode(d, wanted, zero, largest);
    const auto try_step = [&](float step) HWY_ATTR {
      const Vec code = hn::Min(hn::Max(hn::Add(middle, hn::Set(d, step)), zero), largest);
      return TryAffine(d, block, lane, target, code);
    };
    AffineTrial best = try_step(-1.0f);
    KeepBetter(try_step(0.0f), best);
    KeepBetter(try_step(1.0f), best);
    hn::Store(best.scale_code, d, choice->scale_code.data() + lane);
    hn::Store(best.minimum_code, d, choice->minimum_code.data() + lane);
    hn::Store(best.error, d, choice->error.data() + lane);
    hn::Store(best.sums.wq, d, choice->wq.data() + lane);
    hn::Store(best.sums.wqq, d, choice->wqq.data() + lane);
    hn::Store(best.sums.wqx, d, choice->wqx.data() + lane);
    hn::Store(target.w, d, choice->w.data() + lane);
    hn::Store(target.wx, d, choice->wx.data() + lane);
  }
}

HWY_INLINE void StoreCodes(Tag d, Vec q, int8_t* codes) {
  const hn::Rebind<int32_t, Tag> as_int;
  const hn::Rebind<int8_t, Tag> as_code;
  (void)d;
  hn::StoreU(hn::DemoteTo(as_code, hn::ConvertTo(as_int, q)), as_code, codes);
}

void EncodeAffine(const LaneBlock& block, AffineRange range, const AffineFit& fit,
                  LaneCodes* codes) {
  const Tag d;
  const Vec zero = hn::Zero(d), top = hn::Set(d, static_cast<float>(range.top_code));
  for (size_t lane = 0; lane < kLanes; lane += hn::Lanes(d)) {
    const Vec inverse = ReciprocalOrZero(d, hn::Load(d, fit.scale.data() + lane));
    const Vec minimum = hn::Load(d, fit.minimum.data() + lane);
    for (int i = 0; i < block.elems; ++i) {
      const Vec value = hn::Mul(hn::Add(hn::Load(d, block.x[i] + lane), minimum), inverse);
      StoreCodes(d, NearestCode(d, value, zero, top), codes->q[i] + lane);
    }
  }
}

template <typename Codes>
void SearchSymmetricOn(const LaneBlock& block, const Codes& codes, LaneFloats* scale) {
  const Tag d;
  const Vec zero = hn::Zero(d), tiny = hn::Set(d, kTiny);
  const Vec low = hn::Set(d, codes.low), high = hn::Set(d, codes.high);
  for (size_t lane = 0; lane < kLanes; lane += hn::Lanes(d)) {
    Vec least = zero, most = zero;
    for (int i = 0; i < block.elems; ++i) {
      const Vec x = hn::Load(d, block.x[i] + lane);
      least = hn::Min(least, x);
      most = hn::Max(most, x);
    }
    const Vec extreme = hn::IfThenElse(hn::Gt(most, hn::Sub(zero, least)), most, least);
    const Vec inverse_extreme = ReciprocalOrZero(d, extreme);
    Vec best_scale = zero, best_gain = zero;
    const auto consider = [&](Vec inverse) HWY_ATTR {
      const Sums sums = SumCodes(d, block, lane, inverse, zero, codes);
      const Vec found = hn::Div(sums.wqx, hn::Max(sums.wqq, tiny));
      const Vec gain = hn::Mul(found, sums.wqx);
      const auto better = hn::Gt(gain, best_gain);
      best_gain = hn::IfThenElse(better, gain, best_gain);
      best_scale = hn::IfThenElse(better, found, best_scale);
    };
    for (int k = 0; k < kSymmetricStarts; ++k) {
      const Vec stretch = hn::Set(d, SymmetricStretchAt(k) * Codes::kUnit);
      const Vec reach = k < kSymmetricStarts / 2 ? hn::Sub(low, stretch) : hn::Add(high, stretch);
      consider(hn::Mul(reach, inverse_extreme));
    }
    consider(ReciprocalOrZero(d, best_scale));
    hn::StoreU(best_scale, d, scale->data() + lane);
  }
}

template <typename Codes>
void ChooseSymmetricOn(const LaneBlock& block, const SymmetricRange& range, const Codes& codes,
                       const LaneFloats& scale, const LaneFloats& d_lanes,
                       SymmetricChoice* choice) {
  const Tag d;
  const Vec zero = hn::Zero(d), smallest = hn::Set(d, static_cast<float>(range.scale_low)),
            largest = hn::Set(d, static_cast<float>(range.scale_high));
  for (size_t lane = 0; lane < kLanes; lane += hn::Lanes(d)) {
    const Vec unit = hn::LoadU(d, d_lanes.data() + lane);
    const Vec wanted = hn::Mul(hn::LoadU(d, scale.data() + lane), ReciprocalOrZero(d, unit));
    const Vec middle = NearestCode(d, wanted, smallest, largest);
    AffineTrial best{zero, zero, zero, {zero, zero, zero}};
    for (int step = 0; step < 3; ++step) {
      AffineTrial trial{zero, zero, zero, {zero, zero, zero}};
      const Vec moved = hn::Add(middle, hn::Set(d, static_cast<float>(step - 1)));
      trial.scale_code = hn::Min(hn::Max(moved, smallest), largest);
      const Vec actual = hn::Mul(trial.scale_code, unit);
      const Vec inverse = ReciprocalOrZero(d, actual);
      for (int i = 0; i < block.elems; ++i) {
        const Vec x = hn::Load(d, block.x[i] + lane), w = hn::Load(d, block.w[i] + lane);
        const Vec q = codes.Nearest(d, hn::Mul(x, inverse));
        AddCode(w, q, x, trial.sums);
        const Vec rest = hn::Sub(x, hn::Mul(actual, q));
        trial.error = hn::Add(trial.error, hn::Mul(hn::Mul(w, rest), rest));
      }
      if (step == 0) {
        best = trial;
      } else {
        KeepBetter(trial, best);
      }
    }
    hn::Store(best.scale_code, d, choice->scale_code.data() + lane);
    hn::Store(best.error, d, choice->error.data() + lane);
    hn::Store(best.sums.wqq, d, choice->wqq.data() + lane);
    hn::Store(best.sums.wqx, d, choice->wqx.data() + lane);
  }
}

template <typename Codes>
void EncodeSymmetricOn(const LaneBlock& block, const Codes& codes, const LaneFloats& scale,
                       LaneCodes* found) {
  const Tag d;
  for (size_t lane = 0; lane < kLanes; lane += hn::Lanes(d)) {
    const Vec inverse = ReciprocalOrZero(d, hn::LoadU(d, scale.data() + lane));
    for (int i = 0; i < block.elems; ++i) {
      const Vec value = hn::Mul(hn::Load(d, block.x[i] + lane), inverse);
      StoreCodes(d, codes.Nearest(d, value), found->q[i] + lane);
    }
  }
}

EvenCodes EvenCodesOf(const SymmetricRange& range) {
  return {static_cast<float>(range.low), static_cast<float>(range.high)};
}

GridCodes GridCodesOf(const SymmetricRange& range) {
  return {static_cast<float>(range.low), static_cast<float>(range.high)};
}

void SearchSymmetric(const LaneBlock& block, const SymmetricRange& range, LaneFloats* scale) {
  if (range.iq4_grid) return SearchSymmetricOn(block, GridCodesOf(range), scale);
  SearchSymmetricOn(block, EvenCodesOf(range), scale);
}

void ChooseSymmetric(const LaneBlock& block, const SymmetricRange& range, const LaneFloats& scale,
                     const LaneFloats& d, SymmetricChoice* choice) {
  if (range.iq4_grid) {
    return ChooseSymmetricOn(block, range, GridCodesOf(range), scale, d, choice);
  }
  ChooseSymmetricOn(block, range, EvenCodesOf(range), scale, d, choice);
}

void EncodeSymmetric(const LaneBlock& block, const SymmetricRange& range, const LaneFloats& scale,
                     LaneCodes* found) {
  if (range.iq4_grid) return EncodeSymmetricOn(block, GridCodesOf(range), scale, found);
  EncodeSymmetricOn(block, EvenCodesOf(range), scale, found);
}

LaneKernels Kernels() {
  return {hwy::TargetName(HWY_TARGET),
          SearchAffine,
          ChooseAffine,
          EncodeAffine,
          SearchSymmetric,
          ChooseSymmetric,
          EncodeSymmetric};
}

}  // namespace HWY_NAMESPACE
}  // namespace dragoman
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace dragoman {

HWY_EXPORT(Kernels);

LaneKernels SimdLaneKernels() { return HWY_DYNAMIC_DISPATCH(Kernels)(); }

}  // namespace dragoman
#endif  // HWY_ONCE
