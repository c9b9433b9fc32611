// Sums of dense layers four outputs at a time, for CPUs without kernels of their own: in the
// 128-bit vectors that the target always has, SSE2 on x86-64, simd128 in WebAssembly; elsewhere in
// four floats, so that their sums are independent and stay in registers. The same bits as
// exact::fma, one multiply-add after the other.
#pragma once

#include <tinymlp/kernels/exact.hpp>
#include <tinymlp/kernels/layout.hpp>

#include <bit>
#include <cstddef>
#include <cstdint>
#include <type_traits>

#if defined(__x86_64__) || defined(_M_X64)
#include <emmintrin.h>
#elif defined(__wasm_simd128__)
#include <wasm_simd128.h>
#endif

#include <tinymlp/kernels/precise_begin.inl>
namespace tinymlp::kernels::blocks {

// Arrays of vectors are registers only where the loops over them are unrolled.
#if defined(__clang__)
#define TINYMLP_BLOCK_INLINE [[gnu::always_inline]] inline
#define TINYMLP_BLOCK_UNROLL _Pragma("clang loop unroll(full)")
#elif defined(__GNUC__)
#define TINYMLP_BLOCK_INLINE [[gnu::always_inline]] inline
#define TINYMLP_BLOCK_UNROLL _Pragma("GCC unroll 4")
#else
#define TINYMLP_BLOCK_INLINE __forceinline
#define TINYMLP_BLOCK_UNROLL
#endif

// A target has: `floats`, four of them; `doubts`, which gather whether a rounding may have been
// wrong; and `arithmetic`: a factor, for all four floats or each, multiply-added with one rounding
// or a doubt. `most` such vectors at once fill the registers.
#if defined(__x86_64__) || defined(_M_X64) || defined(__wasm_simd128__)
inline constexpr std::size_t most = 4;
#if defined(__wasm_simd128__)
using floats = v128_t;  // 4
using doubles = v128_t; // 2
using bits = v128_t;    // 4 of 32
TINYMLP_BLOCK_INLINE floats load(const float* p) { return wasm_v128_load(p); }
TINYMLP_BLOCK_INLINE void store(float* p, floats a) { wasm_v128_store(p, a); }
TINYMLP_BLOCK_INLINE floats zero() { return wasm_f32x4_const_splat(0); }
TINYMLP_BLOCK_INLINE floats add(floats a, floats b) { return wasm_f32x4_add(a, b); }
TINYMLP_BLOCK_INLINE doubles splat(float a) { return wasm_f64x2_splat(static_cast<double>(a)); }
TINYMLP_BLOCK_INLINE doubles lower(floats a) { return wasm_f64x2_promote_low_f32x4(a); }
TINYMLP_BLOCK_INLINE doubles upper(floats a) {
  return wasm_f64x2_promote_low_f32x4(wasm_i32x4_shuffle(a, a, 2, 3, 2, 3));
}
TINYMLP_BLOCK_INLINE doubles multiply_add(doubles a, doubles b, doubles c) {
  return wasm_f64x2_add(wasm_f64x2_mul(a, b), c);
}
TINYMLP_BLOCK_INLINE floats narrow(doubles low, doubles high) {
  return wasm_i32x4_shuffle(wasm_f32x4_demote_f64x2_zero(low), wasm_f32x4_demote_f64x2_zero(high),
                            0, 1, 4, 5);
}
TINYMLP_BLOCK_INLINE bits low_words(doubles a, doubles b) {
  return wasm_i32x4_shuffle(a, b, 0, 2, 4, 6);
}
TINYMLP_BLOCK_INLINE bits high_words(doubles a, doubles b) {
  return wasm_i32x4_shuffle(a, b, 1, 3, 5, 7);
}
TINYMLP_BLOCK_INLINE bits set(std::int32_t a) { return wasm_i32x4_splat(a); }
TINYMLP_BLOCK_INLINE bits both(bits a, bits b) { return wasm_v128_and(a, b); }
TINYMLP_BLOCK_INLINE bits either(bits a, bits b) { return wasm_v128_or(a, b); }
TINYMLP_BLOCK_INLINE bits without(bits a, bits b) { return wasm_v128_andnot(a, b); } // a & ~b
TINYMLP_BLOCK_INLINE bits equal(bits a, bits b) { return wasm_i32x4_eq(a, b); }
TINYMLP_BLOCK_INLINE bits greater(bits a, bits b) { return wasm_i32x4_gt(a, b); }
TINYMLP_BLOCK_INLINE bool any(bits a) { return wasm_v128_any_true(a); }
#else
using floats = __m128;
using doubles = __m128d;
using bits = __m128i;
TINYMLP_BLOCK_INLINE floats load(const float* p) { return _mm_loadu_ps(p); }
TINYMLP_BLOCK_INLINE void store(float* p, floats a) { _mm_storeu_ps(p, a); }
TINYMLP_BLOCK_INLINE floats zero() { return _mm_setzero_ps(); }
TINYMLP_BLOCK_INLINE floats add(floats a, floats b) { return _mm_add_ps(a, b); }
TINYMLP_BLOCK_INLINE doubles splat(float a) { return _mm_set1_pd(static_cast<double>(a)); }
TINYMLP_BLOCK_INLINE doubles lower(floats a) { return _mm_cvtps_pd(a); }
TINYMLP_BLOCK_INLINE doubles upper(floats a) { return _mm_cvtps_pd(_mm_movehl_ps(a, a)); }
TINYMLP_BLOCK_INLINE doubles multiply_add(doubles a, doubles b, doubles c) {
  return _mm_add_pd(_mm_mul_pd(a, b), c);
}
TINYMLP_BLOCK_INLINE floats narrow(doubles low, doubles high) {
  return _mm_movelh_ps(_mm_cvtpd_ps(low), _mm_cvtpd_ps(high));
}
TINYMLP_BLOCK_INLINE bits low_words(doubles a, doubles b) {
  return _mm_castps_si128(_mm_shuffle_ps(_mm_castpd_ps(a), _mm_castpd_ps(b), 0x88));
}
TINYMLP_BLOCK_INLINE bits high_words(doubles a, doubles b) {
  return _mm_castps_si128(_mm_shuffle_ps(_mm_castpd_ps(a), _mm_castpd_ps(b), 0xdd));
}
TINYMLP_BLOCK_INLINE bits set(std::int32_t a) { return _mm_set1_epi32(a); }
TINYMLP_BLOCK_INLINE bits both(bits a, bits b) { return _mm_and_si128(a, b); }
TINYMLP_BLOCK_INLINE bits either(bits a, bits b) { return _mm_or_si128(a, b); }
TINYMLP_BLOCK_INLINE bits without(bits a, bits b) { return _mm_andnot_si128(b, a); } // a & ~b
TINYMLP_BLOCK_INLINE bits equal(bits a, bits b) { return _mm_cmpeq_epi32(a, b); }
TINYMLP_BLOCK_INLINE bits greater(bits a, bits b) { return _mm_cmpgt_epi32(a, b); }
TINYMLP_BLOCK_INLINE bool any(bits a) { return _mm_movemask_epi8(a) != 0; }
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
struct floats {
  float a, b, c, d;
};
TINYMLP_BLOCK_INLINE floats load(const float* p) { return {p[0], p[1], p[2], p[3]}; }
TINYMLP_BLOCK_INLINE void store(float* p, floats x) {
  p[0] = x.a;
  p[1] = x.b;
  p[2] = x.c;
  p[3] = x.d;
}
TINYMLP_BLOCK_INLINE floats zero() { return {0, 0, 0, 0}; }
TINYMLP_BLOCK_INLINE floats add(floats x, floats y) {
  return {exact::add(x.a, y.a), exact::add(x.b, y.b), exact::add(x.c, y.c), exact::add(x.d, y.d)};
}
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

#undef TINYMLP_BLOCK_INLINE
#undef TINYMLP_BLOCK_UNROLL

} // namespace tinymlp::kernels::blocks
#include <tinymlp/kernels/precise_end.inl>
