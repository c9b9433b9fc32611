// Sums of dense layers four outputs at a time, in the 128-bit vectors that the target always has,
// for CPUs that have no fused multiply-add: SSE2 on x86-64, simd128 in WebAssembly. The same bits
// as exact::fma, one multiply-add after the other.
#pragma once

#include <tinymlp/kernels/exact.hpp>
#include <tinymlp/kernels/layout.hpp>

#include <cstddef>
#include <cstdint>

#if defined(__x86_64__) || defined(_M_X64)
#include <emmintrin.h>
#define TINYMLP_HAS_BLOCKS 1
#elif defined(__wasm_simd128__)
#include <wasm_simd128.h>
#define TINYMLP_HAS_BLOCKS 1
#else
#define TINYMLP_HAS_BLOCKS 0
#endif

#include <tinymlp/kernels/precise_begin.inl>
namespace tinymlp::kernels::blocks {

#if TINYMLP_HAS_BLOCKS
inline constexpr bool available = true;

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

#if defined(__wasm_simd128__)
using floats = v128_t;  // 4
using doubles = v128_t; // 2
using bits = v128_t;    // 4 of 32
TINYMLP_BLOCK_INLINE floats load(const float* p) { return wasm_v128_load(p); }
TINYMLP_BLOCK_INLINE void store(float* p, floats a) { wasm_v128_store(p, a); }
TINYMLP_BLOCK_INLINE floats zero() { return wasm_f32x4_const_splat(0); }
TINYMLP_BLOCK_INLINE floats add(floats a, floats b) { return wasm_f32x4_add(a, b); }
TINYMLP_BLOCK_INLINE doubles broadcast(float a) { return wasm_f64x2_splat(static_cast<double>(a)); }
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
TINYMLP_BLOCK_INLINE doubles broadcast(float a) { return _mm_set1_pd(static_cast<double>(a)); }
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

// `Vectors` vectors of outputs: y[o] = the sum over k of x[k] * weight[k * stride + o], plus
// bias[o], in the canonical order. False, and y is of no use, where a lane was doubtful on the way.
template <std::size_t Vectors>
TINYMLP_BLOCK_INLINE bool dots(const float* x, const float* weight, std::size_t stride,
                               const float* bias, chain_split split, float* y) noexcept {
  floats front[Vectors], back[Vectors]; // the first two chains, and the last two
  TINYMLP_BLOCK_UNROLL for (std::size_t v = 0; v < Vectors; ++v) front[v] = back[v] = zero();
  bits doubt = set(0);
  for (std::size_t c = 0; c < split.count; ++c) {
    floats sum[Vectors];
    TINYMLP_BLOCK_UNROLL for (std::size_t v = 0; v < Vectors; ++v) sum[v] =
        c == 0 ? load(bias + 4 * v) : zero();
    for (std::size_t k = split.begin(c); k < split.begin(c + 1); ++k) {
      const doubles factor = broadcast(x[k]);
      TINYMLP_BLOCK_UNROLL for (std::size_t v = 0; v < Vectors; ++v) {
        const floats w = load(weight + k * stride + 4 * v);
        const doubles low = multiply_add(factor, lower(w), lower(sum[v]));
        const doubles high = multiply_add(factor, upper(w), upper(sum[v]));
        doubt = either(doubt, doubtful(low, high));
        sum[v] = narrow(low, high);
      }
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
TINYMLP_BLOCK_INLINE bool lanes(const float* x, const float* weight, std::size_t inputs,
                                float* lane) noexcept {
  floats sum[2] = {load(lane), load(lane + 4)};
  bits doubt = set(0);
  for (std::size_t k = 0; k < inputs; k += 8)
    TINYMLP_BLOCK_UNROLL for (std::size_t v = 0; v < 2; ++v) {
      const floats a = load(x + k + 4 * v), w = load(weight + k + 4 * v);
      const doubles low = multiply_add(lower(a), lower(w), lower(sum[v]));
      const doubles high = multiply_add(upper(a), upper(w), upper(sum[v]));
      doubt = either(doubt, doubtful(low, high));
      sum[v] = narrow(low, high);
    }
  if (any(doubt)) return false;
  store(lane, sum[0]);
  store(lane + 4, sum[1]);
  return true;
}

#undef TINYMLP_BLOCK_INLINE
#undef TINYMLP_BLOCK_UNROLL
#else
inline constexpr bool available = false; // or not needed
template <std::size_t Vectors>
bool dots(const float*, const float*, std::size_t, const float*, chain_split, float*) noexcept {
  return false;
}
inline bool lanes(const float*, const float*, std::size_t, float*) noexcept { return false; }
#endif
#undef TINYMLP_HAS_BLOCKS

} // namespace tinymlp::kernels::blocks
#include <tinymlp/kernels/precise_end.inl>
