// VMAF feature fusion: six libvmaf features a frame in, one quality score out.
#pragma once

#include <tinymlp/kernels/exact.hpp>
#include <tinymlp/load.hpp>
#include <tinymlp/models/mlp_large.hpp>
#include <tinymlp/models/mlp_large_4k.hpp>
#include <tinymlp/models/mlp_medium.hpp>
#include <tinymlp/models/mlp_medium_4k.hpp>
#include <tinymlp/models/mlp_small.hpp>
#include <tinymlp/models/mlp_small_4k.hpp>
#include <tinymlp/network.hpp>
#include <tinymlp/quantized.hpp>
#include <tinymlp/vmaf_region.hpp>

#include <array>
#include <limits>
#include <optional>
#include <span>
#include <string_view>

namespace tinymlp::vmaf {

// The order of a row ("canonical-6"). libvmaf's own vmaf_v0.6.1 model lists motion2 second.
inline constexpr std::array<std::string_view, 6> feature_names{
    "adm2", "vif_scale0", "vif_scale1", "vif_scale2", "vif_scale3", "motion2"};

// One frame's features, as libvmaf writes them (with or without `integer_`): adm2 and vif about
// 0 to 1 (above 1 is legitimate where the frame is sharper than its reference), motion2 0 and up.
// Unset features are NaN, so that a forgotten one gives a NaN score and not a plausible one.
struct features {
  // What a feature is until it is set.
  static constexpr float unset = std::numeric_limits<float>::quiet_NaN();
  // In the order of feature_names.
  float adm2 = unset;
  float vif_scale0 = unset;
  float vif_scale1 = unset;
  float vif_scale2 = unset;
  float vif_scale3 = unset;
  float motion2 = unset;

  // As a row of the networks, and from one.
  constexpr std::array<float, 6> row() const noexcept {
    return {adm2, vif_scale0, vif_scale1, vif_scale2, vif_scale3, motion2};
  }
  static constexpr features from_row(std::span<const float, 6> row) noexcept {
    return {row[0], row[1], row[2], row[3], row[4], row[5]};
  }
};

// motion2 from a live stream of libvmaf's motion, frame after frame:
// motion2[i] = min(motion[i], motion[i + 1]), and motion[last] for the last frame; libvmaf itself
// (3.2.0 and later) writes it only when the stream is flushed. One frame of delay.
//
//   motion2_stream stream;
//   for each frame i: if (auto m = stream.push(motion[i])) use *m for frame i - 1
//   at the end:       if (auto m = stream.flush())         use *m for the last frame
//
// NaN on either side gives NaN. No allocation.
class motion2_stream {
public:
  // Takes motion of the next frame; returns motion2 of the frame before it, if there was one.
  constexpr std::optional<float> push(float motion) noexcept {
    const std::optional<float> before = held_;
    held_ = motion;
    return before ? std::optional<float>(smaller(*before, motion)) : std::nullopt;
  }
  // Returns motion2 of the last frame pushed, if any, and starts anew.
  constexpr std::optional<float> flush() noexcept {
    const std::optional<float> last = held_;
    held_.reset();
    return last;
  }

private:
  static constexpr float smaller(float a, float b) noexcept {
    if (a != a) return a;
    return b < a || b != b ? b : a;
  }
  std::optional<float> held_{};
};

// A score clipped to libvmaf's range, 0 to 100; NaN stays NaN.
constexpr float clip(float score) noexcept {
  return score < 0 ? 0.0F : score > 100 ? 100.0F : score;
}

// The phone model's score from vmaf_v0.6.1's, unclipped, as the networks give it: libvmaf's
// score_transform, a polynomial of the score, never below it, then clipped (a score below 0 that
// was clipped before would give 1.7). float32 throughout: within 5e-5 of libvmaf's double. NaN
// stays NaN. (The NEG model needs no function: it is vmaf_v0.6.1 itself on NEG's features.)
constexpr float phone(float score) noexcept {
  const float seen = kernels::exact::fma(kernels::exact::fma(-0.00705305F, score, 1.72643844F),
                                         score, 1.70674692F);
  return clip(seen < score ? score : seen);
}

// Whether a frame lies in the region over which the shipped networks were verified
// (model/region.json; model/README.md tells their largest error there). Outside they extrapolate,
// and may be wrong by any amount. False where a feature is NaN or infinite. About thirty
// comparisons, no allocation.
constexpr bool in_verified_region(const features& frame) noexcept {
  constexpr double tolerance = 1e-6; // features are printed with six decimals
  const std::array<float, 6> row = frame.row();
  for (const float value : row)
    if (!kernels::exact::is_finite(value)) return false; // which constant expressions do not add up
  for (const detail::region_rule& rule : detail::region_rules) {
    double sum = 0;
    for (std::size_t f = 0; f < row.size(); ++f)
      sum += rule.weights[f] * static_cast<double>(row[f]);
    if (!(sum <= rule.at_most + tolerance)) return false;
  }
  return true;
}

namespace detail {

// libvmaf's model that a network approximates.
enum class teacher { hd, uhd };

// Everything below depends on a template parameter, so that a program holds, and the compiler
// parses, only the networks that it names.
template <class Net, teacher Of> struct onnx_of;
template <> struct onnx_of<mlp_small, teacher::hd> {
  static constexpr const auto& bytes = models::mlp_small_onnx;
};
template <> struct onnx_of<mlp_medium, teacher::hd> {
  static constexpr const auto& bytes = models::mlp_medium_onnx;
};
template <> struct onnx_of<mlp_large, teacher::hd> {
  static constexpr const auto& bytes = models::mlp_large_onnx;
};
template <> struct onnx_of<mlp_small, teacher::uhd> {
  static constexpr const auto& bytes = models::mlp_small_4k_onnx;
};
template <> struct onnx_of<mlp_medium, teacher::uhd> {
  static constexpr const auto& bytes = models::mlp_medium_4k_onnx;
};
template <> struct onnx_of<mlp_large, teacher::uhd> {
  static constexpr const auto& bytes = models::mlp_large_4k_onnx;
};
template <class Net, teacher Of = teacher::hd>
inline constexpr Net shipped = embed<Net>(onnx_of<Net, Of>::bytes);
template <class Net, teacher Of = teacher::hd>
inline constexpr auto shipped_int8 = quantize(shipped<Net, Of>);

// Net, as a type that depends on a value.
template <class Net, int> struct later { using type = Net; };
template <class Net, int N> using later_t = typename later<Net, N>::type;

} // namespace detail

// The shipped networks: constants, parsed from their ONNX files by the compiler; in float32, and
// quantised to int8. They approximate vmaf_v0.6.1, unclipped; see model/README.md.
template <int N = 0> constexpr const mlp_small& small_hd() noexcept {
  return detail::shipped<detail::later_t<mlp_small, N>>;
}
template <int N = 0> constexpr const mlp_medium& medium_hd() noexcept {
  return detail::shipped<detail::later_t<mlp_medium, N>>;
}
template <int N = 0> constexpr const mlp_large& large_hd() noexcept {
  return detail::shipped<detail::later_t<mlp_large, N>>;
}
// Their shorter names. Windows' headers make `small` a macro: after them, only small_hd() can be
// said.
#pragma push_macro("small")
#undef small
template <int N = 0> constexpr const mlp_small& small() noexcept { return small_hd<N>(); }
#pragma pop_macro("small")
template <int N = 0> constexpr const mlp_medium& medium() noexcept { return medium_hd<N>(); }
template <int N = 0> constexpr const mlp_large& large() noexcept { return large_hd<N>(); }
template <int N = 0> constexpr const mlp_small_int8& small_int8() noexcept {
  return detail::shipped_int8<detail::later_t<mlp_small, N>>;
}
template <int N = 0> constexpr const mlp_medium_int8& medium_int8() noexcept {
  return detail::shipped_int8<detail::later_t<mlp_medium, N>>;
}
template <int N = 0> constexpr const mlp_large_int8& large_int8() noexcept {
  return detail::shipped_int8<detail::later_t<mlp_large, N>>;
}

// The same of vmaf_4k_v0.6.1, for 2160p seen from one and a half screen heights.
template <int N = 0> constexpr const mlp_small& small_4k() noexcept {
  return detail::shipped<detail::later_t<mlp_small, N>, detail::teacher::uhd>;
}
template <int N = 0> constexpr const mlp_medium& medium_4k() noexcept {
  return detail::shipped<detail::later_t<mlp_medium, N>, detail::teacher::uhd>;
}
template <int N = 0> constexpr const mlp_large& large_4k() noexcept {
  return detail::shipped<detail::later_t<mlp_large, N>, detail::teacher::uhd>;
}
template <int N = 0> constexpr const mlp_small_int8& small_4k_int8() noexcept {
  return detail::shipped_int8<detail::later_t<mlp_small, N>, detail::teacher::uhd>;
}
template <int N = 0> constexpr const mlp_medium_int8& medium_4k_int8() noexcept {
  return detail::shipped_int8<detail::later_t<mlp_medium, N>, detail::teacher::uhd>;
}
template <int N = 0> constexpr const mlp_large_int8& large_4k_int8() noexcept {
  return detail::shipped_int8<detail::later_t<mlp_large, N>, detail::teacher::uhd>;
}

} // namespace tinymlp::vmaf
