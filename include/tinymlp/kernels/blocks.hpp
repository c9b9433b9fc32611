// Sums of dense layers four outputs at a time (baseline.hpp), for CPUs without kernels of their
// own. The same bits as exact::fma, one multiply-add after the other.
#pragma once

#include <tinymlp/kernels/baseline.hpp>
#include <tinymlp/kernels/exact.hpp>
#include <tinymlp/kernels/layout.hpp>

#include <bit>
#include <cstddef>
#include <cstdint>
#include <type_traits>

#include <tinymlp/kernels/precise_begin.inl>
namespace tinymlp::kernels::blocks {

// A target has: `doubts`, which gather whether a rounding may have been
// wrong; and `arithmetic`: a factor, for all four floats or each, multiply-added with one rounding
// or a doubt. `most` such vectors at once fill the registers.
#if TINYMLP_HAS_BASELINE_VECTORS
#if defined(__wasm_relaxed_simd__)
inline constexpr std::size_t most = 4;
#else
inline constexpr std::size_t most = 2; // four gain 5 % in networks of any shape, for 1.2 KB of code
#endif

// Lanes in which rounding these sums to float may be wrong, as in exact::fma: those midway between
// two floats, and those below the normal floats, whose midways lie elsewhere. A sum of 0 is right,
// and so is one too large, which becomes infinite.
TINYMLP_BLOCK_INLINE bits doubtful(doubles low, doubles high) {
  const bits fraction = both(low_words(low, high), set(0x1fffffff));
  const bits size = both(high_words(low, high), set(0x7fffffff));
  const bits midway = equal(fraction, set(0x10000000));
  const bits tiny = without(greater(set(0x38100000), size), equal(size, set(0))); // below 2^-126
  return either(midway, tiny);
}

using doubts = bits;
TINYMLP_BLOCK_INLINE doubts none() { return set(0); }
// In double, where the product is exact.
struct arithmetic {
  using factor = doubles;
  TINYMLP_BLOCK_INLINE static factor splat(float a) { return blocks::splat(a); }
  TINYMLP_BLOCK_INLINE static floats multiply_add(factor x, floats w, floats sum, doubts& doubt) {
    const doubles low = blocks::multiply_add(x, lower(w), lower(sum));
    const doubles high = blocks::multiply_add(x, upper(w), upper(sum));
    doubt = either(doubt, doubtful(low, high));
    return narrow(low, high);
  }
  TINYMLP_BLOCK_INLINE static floats each(floats x, floats w, floats sum, doubts& doubt) {
    const doubles low = blocks::multiply_add(lower(x), lower(w), lower(sum));
    const doubles high = blocks::multiply_add(upper(x), upper(w), upper(sum));
    doubt = either(doubt, doubtful(low, high));
    return narrow(low, high);
  }
};
#if defined(__wasm_relaxed_simd__)
// f32x4.relaxed_madd rounds once or twice, as the CPU has it, but always the one or the other while
// a program runs (WebAssembly 3.0, relaxed operations). So it is tried first, here and now.
struct relaxed {
  using factor = floats;
  TINYMLP_BLOCK_INLINE static factor splat(float a) { return wasm_f32x4_splat(a); }
  TINYMLP_BLOCK_INLINE static floats multiply_add(factor x, floats w, floats sum, doubts&) {
    return wasm_f32x4_relaxed_madd(x, w, sum);
  }
  TINYMLP_BLOCK_INLINE static floats each(floats x, floats w, floats sum, doubts&) {
    return wasm_f32x4_relaxed_madd(x, w, sum);
  }
};
inline bool rounds_once() noexcept {
  // (1 + 2^-12)^2 - (1 + 2^-11) = 2^-24, or 0 where the product was rounded
  const volatile float x = 0x1.001p0F, sum = -0x1.002p0F;
  const floats a = wasm_f32x4_splat(x);
  return wasm_f32x4_extract_lane(wasm_f32x4_relaxed_madd(a, a, wasm_f32x4_splat(sum)), 0) != 0;
}
#endif
#else
inline constexpr std::size_t most = 2;
using doubts = std::uint32_t; // 0: none
TINYMLP_BLOCK_INLINE doubts none() { return 0; }
TINYMLP_BLOCK_INLINE bool any(doubts doubt) { return doubt != 0; }
// A multiply-add by the CPU, or as exact::fma makes it where that has no doubt.
template <class Factor>
TINYMLP_BLOCK_INLINE float one(Factor x, float w, float sum, doubts& doubt) {
  if constexpr (exact::fma_is_fast) {
    return exact::fma(x, w, sum);
  } else {
    const double both = x * static_cast<double>(w) + static_cast<double>(sum);
    const auto words = std::bit_cast<std::uint64_t>(both);
    const auto size = static_cast<std::uint32_t>(words >> 32) & 0x7fffffffU;
    doubt |= std::uint32_t{(words & 0x1fffffff) == 0x10000000} | // midway
             std::uint32_t{size - 1 < 0x38100000U - 1};          // below 2^-126, but not 0
    return static_cast<float>(both);
  }
}
struct arithmetic {
  using factor = std::conditional_t<exact::fma_is_fast, float, double>;
  TINYMLP_BLOCK_INLINE static factor splat(float a) { return a; }
  TINYMLP_BLOCK_INLINE static floats multiply_add(factor x, floats w, floats sum, doubts& doubt) {
    return {one(x, w.a, sum.a, doubt), one(x, w.b, sum.b, doubt), one(x, w.c, sum.c, doubt),
            one(x, w.d, sum.d, doubt)};
  }
  TINYMLP_BLOCK_INLINE static floats each(floats x, floats w, floats sum, doubts& doubt) {
    return {one(factor{x.a}, w.a, sum.a, doubt), one(factor{x.b}, w.b, sum.b, doubt),
            one(factor{x.c}, w.c, sum.c, doubt), one(factor{x.d}, w.d, sum.d, doubt)};
  }
};
#endif

// `Vectors` vectors of outputs: y[o] = the sum over k of x[k] * weight[k * stride + o], plus
// bias[o], in the canonical order. False, and y is of no use, where a lane was doubtful on the way.
template <std::size_t Vectors, class Arithmetic>
TINYMLP_BLOCK_INLINE bool dots_in(const float* x, const float* weight, std::size_t stride,
                                  const float* bias, chain_split split, float* y) noexcept {
  floats front[Vectors], back[Vectors]; // the first two chains, and the last two
  TINYMLP_BLOCK_UNROLL for (std::size_t v = 0; v < Vectors; ++v) front[v] = back[v] = zero();
  doubts doubt = none();
  for (std::size_t c = 0; c < split.count; ++c) {
    floats sum[Vectors];
    TINYMLP_BLOCK_UNROLL for (std::size_t v = 0; v < Vectors; ++v) sum[v] =
        c == 0 ? load(bias + 4 * v) : zero();
    for (std::size_t k = split.begin(c); k < split.begin(c + 1); ++k) {
      const auto of_all = Arithmetic::splat(x[k]);
      TINYMLP_BLOCK_UNROLL for (std::size_t v = 0; v < Vectors; ++v) sum[v] =
          Arithmetic::multiply_add(of_all, load(weight + k * stride + 4 * v), sum[v], doubt);
    }
    floats(&half)[Vectors] = c < 2 ? front : back;
    TINYMLP_BLOCK_UNROLL for (std::size_t v = 0; v < Vectors; ++v) half[v] =
        c % 2 == 0 ? sum[v] : add(half[v], sum[v]);
  }
  TINYMLP_BLOCK_UNROLL for (std::size_t v = 0; v < Vectors; ++v)
      store(y + 4 * v, split.count == 4 ? add(front[v], back[v]) : front[v]);
  return !any(doubt);
}

// The 8 lanes of the one-output layer, over whole eights of inputs. False as above.
template <class Arithmetic>
TINYMLP_BLOCK_INLINE bool lanes_in(const float* x, const float* weight, std::size_t inputs,
                                   float* lane) noexcept {
  floats sum[2] = {load(lane), load(lane + 4)};
  doubts doubt = none();
  for (std::size_t k = 0; k < inputs; k += 8)
    TINYMLP_BLOCK_UNROLL for (std::size_t v = 0; v < 2; ++v) sum[v] =
        Arithmetic::each(load(x + k + 4 * v), load(weight + k + 4 * v), sum[v], doubt);
  if (any(doubt)) return false;
  store(lane, sum[0]);
  store(lane + 4, sum[1]);
  return true;
}

// By the arithmetic that is right and fast.
template <std::size_t Vectors>
TINYMLP_BLOCK_INLINE bool dots(const float* x, const float* weight, std::size_t stride,
                               const float* bias, chain_split split, float* y) noexcept {
#if defined(__wasm_relaxed_simd__)
  if (rounds_once()) return dots_in<Vectors, relaxed>(x, weight, stride, bias, split, y);
#endif
  return dots_in<Vectors, arithmetic>(x, weight, stride, bias, split, y);
}
TINYMLP_BLOCK_INLINE bool lanes(const float* x, const float* weight, std::size_t inputs,
                                float* lane) noexcept {
#if defined(__wasm_relaxed_simd__)
  if (rounds_once()) return lanes_in<relaxed>(x, weight, inputs, lane);
#endif
  return lanes_in<arithmetic>(x, weight, inputs, lane);
}

} // namespace tinymlp::kernels::blocks
#include <tinymlp/kernels/precise_end.inl>
