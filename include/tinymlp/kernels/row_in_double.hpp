// The float32 score of one row where the target has no fused multiply-add. Sums are kept in double,
// each rounded to float's 24 bits after every multiply-add by integer operations on its bits, which
// spares two conversions a term. In the 128-bit vectors that the target always has (baseline.hpp),
// or in as many single numbers.
//
// That is right for moderate numbers: 0, or between 2^-40 and 2^40 in magnitude. Products of such
// floats are multiples of 2^-126 and below 2^81, so that no sum of at most 2^16 of them leaves the
// normal floats. Weights are looked at once, when a network is made; the values of a row when it is
// scored. A sum midway between two floats is a doubt, as in blocks.hpp. Where there is any, the row
// is scored by the slower way.
#pragma once

#include <tinymlp/kernels/blocks.hpp>
#include <tinymlp/kernels/exact.hpp>
#include <tinymlp/kernels/layout.hpp>

#include <bit>
#include <cstddef>
#include <cstdint>

#include <tinymlp/kernels/precise_begin.inl>
namespace tinymlp::kernels::row_in_double {

// Bits of a float without its sign, doubled: 0, or from 2^-40 to 2^40.
inline constexpr std::uint32_t least = std::bit_cast<std::uint32_t>(0x1p-40F) << 1,
                               span = (std::bit_cast<std::uint32_t>(0x1p+40F) << 1) - least;
constexpr bool is_moderate(float x) noexcept {
  const std::uint32_t size = std::bit_cast<std::uint32_t>(x) << 1;
  return size == 0 || size - least <= span;
}

// Whether networks of that shape are scored so: small ones; not with relaxed simd, which is faster
// where it rounds once. And where they say that their weights are moderate (anything but 0): behind
// the 8 lanes of the last layer's bias.
#if defined(__wasm_relaxed_simd__)
template <class Shape> inline constexpr bool applies = false;
#else
template <class Shape>
inline constexpr bool applies =
    !exact::fma_is_fast && Shape::layer_count >= 2 && Shape::parameter_count <= 4096;
#endif
template <class Shape>
inline constexpr std::size_t flag =
    fp32_layout<Shape>::layers[Shape::layer_count - 1].bias + virtual_lanes;

using blocks::add;
using blocks::doubles;
using blocks::floats;
using blocks::load;
using blocks::load_two;
using blocks::multiply_add;
using blocks::zero;

#if TINYMLP_HAS_BASELINE_VECTORS
using doubts = blocks::bits;
TINYMLP_BLOCK_INLINE doubts none() { return blocks::set(0); }

// Rounded to 24 bits. Of what is midway the lower halves of `doubt` become ones.
TINYMLP_BLOCK_INLINE doubles rounded(doubles a, doubts& doubt) {
  const blocks::bits up = blocks::add64(blocks::as_bits(a), blocks::set64(std::int64_t{1} << 28));
  const blocks::bits kept = blocks::both(up, blocks::set64(-(std::int64_t{1} << 29)));
  doubt = blocks::either(doubt, blocks::equal(up, kept));
  return blocks::as_doubles(kept);
}
TINYMLP_BLOCK_INLINE bool any_midway(doubts doubt) {
  return blocks::any(blocks::both(doubt, blocks::set64(0xffffffff)));
}

// x, of which `Count` values are there and zeros up to a multiple of 4: are all moderate?
template <std::size_t Count> TINYMLP_BLOCK_INLINE bool all_moderate(const float* x) {
  blocks::bits odd = blocks::set(0);
  const blocks::bits wrap = blocks::set(INT32_MIN); // compares are of signed numbers
  for (std::size_t i = 0; i < Count; i += 4) {
    const blocks::bits size = blocks::doubled(blocks::as_bits(blocks::load(x + i)));
    const blocks::bits beyond = blocks::greater(
        blocks::differ(blocks::subtract(size, blocks::set(static_cast<std::int32_t>(least))), wrap),
        blocks::differ(blocks::set(static_cast<std::int32_t>(span)), wrap));
    odd = blocks::either(odd, blocks::without(beyond, blocks::equal(size, blocks::set(0))));
  }
  return !blocks::any(odd);
}
#else
using doubts = std::uint32_t; // 0: none
TINYMLP_BLOCK_INLINE doubts none() { return 0; }
TINYMLP_BLOCK_INLINE double rounded(double a, doubts& doubt) {
  const std::uint64_t up = std::bit_cast<std::uint64_t>(a) + (std::uint64_t{1} << 28);
  const std::uint64_t kept = up & ~std::uint64_t{0x1fffffff};
  doubt |= std::uint32_t{up == kept};
  return std::bit_cast<double>(kept);
}
TINYMLP_BLOCK_INLINE doubles rounded(doubles a, doubts& doubt) {
  return {rounded(a.a, doubt), rounded(a.b, doubt)};
}
TINYMLP_BLOCK_INLINE bool any_midway(doubts doubt) { return doubt != 0; }
template <std::size_t Count> TINYMLP_BLOCK_INLINE bool all_moderate(const float* x) {
  bool moderate = true;
  for (std::size_t i = 0; i < Count; ++i) moderate &= is_moderate(x[i]);
  return moderate;
}
#endif

struct sums { // of four outputs
  doubles low, high;
};
TINYMLP_BLOCK_INLINE sums widened(floats a) { return {blocks::lower(a), blocks::upper(a)}; }
TINYMLP_BLOCK_INLINE floats narrowed(sums a) { return blocks::narrow(a.low, a.high); }

// A dense layer with Relu, its outputs in eights; false where there was a doubt. One function for
// all layers of all networks: the loops within take the time, and a page that is downloaded the
// bytes.
#if defined(__GNUC__)
[[gnu::noinline]]
#endif
inline bool
dense(const float* weight, const float* bias, std::size_t inputs, std::size_t outputs,
      const float* x, float* y) noexcept {
  const chain_split split(inputs);
  doubts doubt = none();
  for (std::size_t o = 0; o < outputs; o += 8) {
    floats half[2] = {zero(), zero()}, front[2] = {zero(), zero()}; // of two chains, the first two
    for (std::size_t c = 0; c < split.count; ++c) {
      sums sum[2];
      TINYMLP_BLOCK_UNROLL for (std::size_t v = 0; v < 2; ++v) sum[v] =
          widened(c == 0 ? load(bias + o + 4 * v) : zero());
      const float* w = weight + split.begin(c) * outputs + o;
      for (std::size_t k = split.begin(c); k < split.begin(c + 1); ++k, w += outputs) {
        const doubles of_all = blocks::splat(x[k]);
        TINYMLP_BLOCK_UNROLL for (std::size_t v = 0; v < 2; ++v) {
          sum[v].low = rounded(multiply_add(of_all, load_two(w + 4 * v), sum[v].low), doubt);
          sum[v].high = rounded(multiply_add(of_all, load_two(w + 4 * v + 2), sum[v].high), doubt);
        }
      }
      TINYMLP_BLOCK_UNROLL for (std::size_t v = 0; v < 2; ++v) {
        half[v] = c % 2 == 0 ? narrowed(sum[v]) : add(half[v], narrowed(sum[v]));
        if (c == 1) front[v] = half[v];
      }
    }
    TINYMLP_BLOCK_UNROLL for (std::size_t v = 0; v < 2; ++v) blocks::store(
        y + o + 4 * v, blocks::larger(split.count == 4 ? add(front[v], half[v]) : half[v], zero()));
  }
  return !any_midway(doubt);
}

// The 8 virtual lanes of the one-output layer, added by halves.
#if defined(__GNUC__)
[[gnu::noinline]]
#endif
inline bool
last(const float* weight, const float* bias, std::size_t inputs, const float* x,
     float& score) noexcept {
  doubts doubt = none();
  sums sum[2] = {widened(load(bias)), widened(load(bias + 4))};
  for (std::size_t k = 0; k < inputs; k += virtual_lanes)
    TINYMLP_BLOCK_UNROLL for (std::size_t v = 0; v < 2; ++v) {
      const float *at = x + k + 4 * v, *w = weight + k + 4 * v;
      sum[v].low = rounded(multiply_add(load_two(at), load_two(w), sum[v].low), doubt);
      sum[v].high = rounded(multiply_add(load_two(at + 2), load_two(w + 2), sum[v].high), doubt);
    }
  float lane[4];
  blocks::store(lane, add(narrowed(sum[0]), narrowed(sum[1])));
  score = (lane[0] + lane[2]) + (lane[1] + lane[3]) + 0.0F; // no -0
  return !any_midway(doubt);
}

// Layers from L on, x being the inputs of that one. False where there was a doubt.
template <class Shape, std::size_t L>
TINYMLP_BLOCK_INLINE bool layers(const float* values, float* x, float* y, float& score) {
  constexpr fp32_layer at = fp32_layout<Shape>::layers[L];
  if (!all_moderate<at.inputs>(x)) return false;
  if constexpr (L + 1 == Shape::layer_count) {
    return last(values + at.weight, values + at.bias, at.inputs, x, score);
  } else {
    return dense(values + at.weight, values + at.bias, at.inputs, at.padded_outputs, x, y) &&
           layers<Shape, L + 1>(values, y, x, score);
  }
}

// The score, if moderate weights and this row allow it.
template <class Shape>
inline bool score(const float* values, const float* row, float& out) noexcept {
  if (values[flag<Shape>] == 0) return false;
  float x[widest_layer<Shape>], y[widest_layer<Shape>];
  for (std::size_t i = 0; i < round_up(Shape::inputs, virtual_lanes); ++i)
    x[i] = i < Shape::inputs ? row[i] - values[fp32_layout<Shape>::mean + i] : 0;
  return layers<Shape, 0>(values, x, y, out);
}

// Of baseline.hpp; nothing after this needs them.
#undef TINYMLP_BLOCK_INLINE
#undef TINYMLP_BLOCK_UNROLL
#undef TINYMLP_HAS_BASELINE_VECTORS

} // namespace tinymlp::kernels::row_in_double
#include <tinymlp/kernels/precise_end.inl>
