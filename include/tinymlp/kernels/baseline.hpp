// The 128-bit vectors that a target always has: SSE2 on x86-64, simd128 in WebAssembly. Four
// floats, two doubles, or their bits. Elsewhere as many single numbers, so that their sums are
// independent and stay in registers; no bits then.
//
// For int8 also `uniform`, one float for all four; `ints`, four numbers of 32 bits; `group`, four
// activations of 16 bits as they are multiplied with the weights of one output; and `products`, the
// sums of four outputs on the way.
#pragma once

#include <tinymlp/kernels/exact.hpp>

#include <bit>
#include <cstdint>
#include <cstring>

#if defined(__x86_64__) || defined(_M_X64)
#include <emmintrin.h>
#elif defined(__wasm_simd128__)
#include <wasm_simd128.h>
#elif defined(__ARM_FEATURE_SIMD32) && !defined(__ARM_BIG_ENDIAN)
#include <arm_acle.h>
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

// larger(a, b) and smaller(a, b) are b where they are equal or one is NaN; poisoned(p, a) is p, or
// NaN where a is not finite.
#if defined(__x86_64__) || defined(_M_X64) || defined(__wasm_simd128__)
#define TINYMLP_HAS_BASELINE_VECTORS 1
#if defined(__wasm_simd128__)
using floats = v128_t;  // 4
using doubles = v128_t; // 2
using bits = v128_t;    // 4 of 32
TINYMLP_BLOCK_INLINE floats load(const float* p) { return wasm_v128_load(p); }
TINYMLP_BLOCK_INLINE void store(float* p, floats a) { wasm_v128_store(p, a); }
TINYMLP_BLOCK_INLINE floats zero() { return wasm_f32x4_const_splat(0); }
TINYMLP_BLOCK_INLINE floats add(floats a, floats b) { return wasm_f32x4_add(a, b); }
TINYMLP_BLOCK_INLINE floats larger(floats a, floats b) { return wasm_f32x4_pmax(b, a); }
TINYMLP_BLOCK_INLINE doubles load_two(const float* p) {
  return wasm_f64x2_promote_low_f32x4(wasm_v128_load64_zero(p));
}
TINYMLP_BLOCK_INLINE bits as_bits(v128_t a) { return a; }
TINYMLP_BLOCK_INLINE doubles as_doubles(bits a) { return a; }
TINYMLP_BLOCK_INLINE bits set64(std::int64_t a) { return wasm_i64x2_splat(a); }
TINYMLP_BLOCK_INLINE bits add64(bits a, bits b) { return wasm_i64x2_add(a, b); }
TINYMLP_BLOCK_INLINE bits doubled(bits a) { return wasm_i32x4_shl(a, 1); }
TINYMLP_BLOCK_INLINE bits subtract(bits a, bits b) { return wasm_i32x4_sub(a, b); }
TINYMLP_BLOCK_INLINE bits differ(bits a, bits b) { return wasm_v128_xor(a, b); }
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

using ints = v128_t;
using group = v128_t;
struct products {
  ints low, high; // of outputs 0 and 1, 2 and 3: two sums each
};
using uniform = v128_t;
TINYMLP_BLOCK_INLINE uniform splat_all(float a) { return wasm_f32x4_splat(a); }
TINYMLP_BLOCK_INLINE floats smaller(floats a, floats b) { return wasm_f32x4_pmin(b, a); }
TINYMLP_BLOCK_INLINE floats multiply(floats a, floats b) {
  floats product = wasm_f32x4_mul(a, b);
#if defined(__wasm_relaxed_simd__)
  __asm__("" : "+r"(product)); // else a compiler may fuse it with an addition
#endif
  return product;
}
TINYMLP_BLOCK_INLINE floats poisoned(floats poison, floats a) {
  return wasm_f32x4_add(poison, wasm_f32x4_mul(a, zero()));
}
TINYMLP_BLOCK_INLINE floats divide(floats a, uniform b) {
  using four [[gnu::vector_size(16)]] = float;
  return reinterpret_cast<floats>(reinterpret_cast<four>(a) / reinterpret_cast<four>(b));
}
TINYMLP_BLOCK_INLINE ints to_ints(floats a) {
  return wasm_i32x4_trunc_sat_f32x4(wasm_f32x4_nearest(a));
}
TINYMLP_BLOCK_INLINE floats to_floats(ints a) { return wasm_f32x4_convert_i32x4(a); }
TINYMLP_BLOCK_INLINE void store_group(void* p, ints a) {
  wasm_v128_store64_lane(p, wasm_i16x8_narrow_i32x4(a, a), 0);
}
TINYMLP_BLOCK_INLINE group load_group(const void* p) { return wasm_v128_load64_splat(p); }
TINYMLP_BLOCK_INLINE products no_products() { return {set(0), set(0)}; }
TINYMLP_BLOCK_INLINE void add_products(products& sum, group q, const std::int8_t* weight) {
  const v128_t w = wasm_v128_load(weight);
  sum.low = wasm_i32x4_add(sum.low, wasm_i32x4_dot_i16x8(q, wasm_i16x8_extend_low_i8x16(w)));
  sum.high = wasm_i32x4_add(sum.high, wasm_i32x4_dot_i16x8(q, wasm_i16x8_extend_high_i8x16(w)));
}
TINYMLP_BLOCK_INLINE ints totals(products a) {
  return wasm_i32x4_add(low_words(a.low, a.high), high_words(a.low, a.high));
}
#else
using floats = __m128;
using doubles = __m128d;
using bits = __m128i;
TINYMLP_BLOCK_INLINE floats load(const float* p) { return _mm_loadu_ps(p); }
TINYMLP_BLOCK_INLINE void store(float* p, floats a) { _mm_storeu_ps(p, a); }
TINYMLP_BLOCK_INLINE floats zero() { return _mm_setzero_ps(); }
TINYMLP_BLOCK_INLINE floats add(floats a, floats b) { return _mm_add_ps(a, b); }
TINYMLP_BLOCK_INLINE floats larger(floats a, floats b) { return _mm_max_ps(a, b); }
// From memory at once: of a register it takes a shuffle besides.
TINYMLP_BLOCK_INLINE doubles load_two(const float* p) {
#if defined(__GNUC__)
  doubles a;
#if defined(__AVX__)
  __asm__("vcvtps2pd %1, %0" : "=x"(a) : "m"(*reinterpret_cast<const float(*)[2]>(p)));
#else
  __asm__("cvtps2pd %1, %0" : "=x"(a) : "m"(*reinterpret_cast<const float(*)[2]>(p)));
#endif
  return a;
#else
  return _mm_cvtps_pd(_mm_castsi128_ps(_mm_loadl_epi64(reinterpret_cast<const __m128i*>(p))));
#endif
}
TINYMLP_BLOCK_INLINE bits as_bits(floats a) { return _mm_castps_si128(a); }
TINYMLP_BLOCK_INLINE bits as_bits(doubles a) { return _mm_castpd_si128(a); }
TINYMLP_BLOCK_INLINE doubles as_doubles(bits a) { return _mm_castsi128_pd(a); }
TINYMLP_BLOCK_INLINE bits set64(std::int64_t a) { return _mm_set1_epi64x(a); }
TINYMLP_BLOCK_INLINE bits add64(bits a, bits b) { return _mm_add_epi64(a, b); }
TINYMLP_BLOCK_INLINE bits doubled(bits a) { return _mm_slli_epi32(a, 1); }
TINYMLP_BLOCK_INLINE bits subtract(bits a, bits b) { return _mm_sub_epi32(a, b); }
TINYMLP_BLOCK_INLINE bits differ(bits a, bits b) { return _mm_xor_si128(a, b); }
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

using ints = __m128i;
using group = __m128i;
struct products {
  ints low, high; // of outputs 0 and 1, 2 and 3: two sums each
};
using uniform = __m128;
TINYMLP_BLOCK_INLINE uniform splat_all(float a) { return _mm_set1_ps(a); }
TINYMLP_BLOCK_INLINE floats smaller(floats a, floats b) { return _mm_min_ps(a, b); }
TINYMLP_BLOCK_INLINE floats multiply(floats a, floats b) {
  floats product = _mm_mul_ps(a, b);
#if defined(__GNUC__)
  __asm__("" : "+x"(product)); // else a compiler may fuse it with an addition
#endif
  return product;
}
TINYMLP_BLOCK_INLINE floats poisoned(floats poison, floats a) {
  return _mm_add_ps(poison, _mm_mul_ps(a, zero()));
}
TINYMLP_BLOCK_INLINE floats divide(floats a, uniform b) {
#if !defined(__GNUC__)
  return _mm_div_ps(a, b);
#elif defined(__AVX__) // an instruction by name: Clang may make another of a division
  floats quotient;
  __asm__("vdivps {%2, %1, %0|%0, %1, %2}" : "=x"(quotient) : "x"(a), "x"(b));
  return quotient;
#else
  __asm__("divps {%1, %0|%0, %1}" : "+x"(a) : "x"(b));
  return a;
#endif
}
TINYMLP_BLOCK_INLINE ints to_ints(floats a) { return _mm_cvtps_epi32(a); }
TINYMLP_BLOCK_INLINE floats to_floats(ints a) { return _mm_cvtepi32_ps(a); }
TINYMLP_BLOCK_INLINE void store_group(void* p, ints a) {
  _mm_storel_epi64(static_cast<__m128i*>(p), _mm_packs_epi32(a, a));
}
TINYMLP_BLOCK_INLINE group load_group(const void* p) {
  return _mm_shuffle_epi32(_mm_loadl_epi64(static_cast<const __m128i*>(p)), 0x44);
}
TINYMLP_BLOCK_INLINE products no_products() { return {set(0), set(0)}; }
TINYMLP_BLOCK_INLINE void add_products(products& sum, group q, const std::int8_t* weight) {
  const __m128i w = _mm_loadu_si128(reinterpret_cast<const __m128i*>(weight));
  const __m128i low = _mm_srai_epi16(_mm_unpacklo_epi8(w, w), 8);
  const __m128i high = _mm_srai_epi16(_mm_unpackhi_epi8(w, w), 8);
  sum.low = _mm_add_epi32(sum.low, _mm_madd_epi16(q, low));
  sum.high = _mm_add_epi32(sum.high, _mm_madd_epi16(q, high));
}
TINYMLP_BLOCK_INLINE ints totals(products a) {
  const __m128 low = _mm_castsi128_ps(a.low), high = _mm_castsi128_ps(a.high);
  return _mm_add_epi32(_mm_castps_si128(_mm_shuffle_ps(low, high, 0x88)),
                       _mm_castps_si128(_mm_shuffle_ps(low, high, 0xdd)));
}
#endif

#else
#define TINYMLP_HAS_BASELINE_VECTORS 0
struct floats {
  float a, b, c, d;
};
struct doubles {
  double a, b;
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
  return {x.a + y.a, x.b + y.b, x.c + y.c, x.d + y.d};
}
TINYMLP_BLOCK_INLINE float larger(float x, float y) { return x > y ? x : y; }
TINYMLP_BLOCK_INLINE floats larger(floats x, floats y) {
  return {larger(x.a, y.a), larger(x.b, y.b), larger(x.c, y.c), larger(x.d, y.d)};
}
TINYMLP_BLOCK_INLINE double widen(float x) { return static_cast<double>(x); }
TINYMLP_BLOCK_INLINE doubles splat(float x) { return {widen(x), widen(x)}; }
TINYMLP_BLOCK_INLINE doubles load_two(const float* p) { return {widen(p[0]), widen(p[1])}; }
TINYMLP_BLOCK_INLINE doubles lower(floats x) { return {widen(x.a), widen(x.b)}; }
TINYMLP_BLOCK_INLINE doubles upper(floats x) { return {widen(x.c), widen(x.d)}; }
TINYMLP_BLOCK_INLINE doubles multiply_add(doubles x, doubles y, doubles z) {
  return {x.a * y.a + z.a, x.b * y.b + z.b};
}
TINYMLP_BLOCK_INLINE floats narrow(doubles x, doubles y) {
  return {static_cast<float>(x.a), static_cast<float>(x.b), static_cast<float>(y.a),
          static_cast<float>(y.b)};
}

struct ints {
  std::int32_t a, b, c, d;
};
using products = ints;
using uniform = float;
TINYMLP_BLOCK_INLINE uniform splat_all(float x) { return x; }
TINYMLP_BLOCK_INLINE floats larger(uniform x, floats y) {
  return {larger(x, y.a), larger(x, y.b), larger(x, y.c), larger(x, y.d)};
}
TINYMLP_BLOCK_INLINE float smaller(float x, float y) { return x < y ? x : y; }
TINYMLP_BLOCK_INLINE floats smaller(floats x, floats y) {
  return {smaller(x.a, y.a), smaller(x.b, y.b), smaller(x.c, y.c), smaller(x.d, y.d)};
}
TINYMLP_BLOCK_INLINE floats smaller(uniform x, floats y) {
  return {smaller(x, y.a), smaller(x, y.b), smaller(x, y.c), smaller(x, y.d)};
}
TINYMLP_BLOCK_INLINE floats multiply(uniform x, floats y) {
  return {exact::mul(x, y.a), exact::mul(x, y.b), exact::mul(x, y.c), exact::mul(x, y.d)};
}
TINYMLP_BLOCK_INLINE floats multiply(floats x, floats y) {
  return {exact::mul(x.a, y.a), exact::mul(x.b, y.b), exact::mul(x.c, y.c), exact::mul(x.d, y.d)};
}
TINYMLP_BLOCK_INLINE floats poisoned(floats x, floats y) {
  return {x.a + y.a * 0, x.b + y.b * 0, x.c + y.c * 0, x.d + y.d * 0};
}
TINYMLP_BLOCK_INLINE floats divide(floats x, uniform y) {
  return {x.a / y, x.b / y, x.c / y, x.d / y};
}
// Of numbers below 2^22: what is added leaves no bits below 1, and the sum is rounded to even.
TINYMLP_BLOCK_INLINE std::int32_t to_int(float x) {
  constexpr float big = 0x1.8p23F;
  return std::bit_cast<std::int32_t>(x + big) - std::bit_cast<std::int32_t>(big);
}
TINYMLP_BLOCK_INLINE ints to_ints(floats x) {
  return {to_int(x.a), to_int(x.b), to_int(x.c), to_int(x.d)};
}
TINYMLP_BLOCK_INLINE floats to_floats(ints x) {
  return {static_cast<float>(x.a), static_cast<float>(x.b), static_cast<float>(x.c),
          static_cast<float>(x.d)};
}
TINYMLP_BLOCK_INLINE products no_products() { return {0, 0, 0, 0}; }
TINYMLP_BLOCK_INLINE ints totals(products x) { return x; }
#if defined(__ARM_FEATURE_SIMD32) && !defined(__ARM_BIG_ENDIAN)
// Two products at a time: of bytes 0 and 2, and of bytes 1 and 3.
struct group {
  std::uint32_t even, odd;
};
TINYMLP_BLOCK_INLINE void store_group(void* p, ints x) {
  const auto pair = [](std::int32_t low, std::int32_t high) {
    return (static_cast<std::uint32_t>(low) & 0xffffU) | static_cast<std::uint32_t>(high) << 16;
  };
  const std::uint32_t even = pair(x.a, x.c), odd = pair(x.b, x.d);
  std::memcpy(p, &even, 4);
  std::memcpy(static_cast<char*>(p) + 4, &odd, 4);
}
TINYMLP_BLOCK_INLINE group load_group(const void* p) {
  group q; // a word each: as one, compilers copy it by way of the stack
  std::memcpy(&q.even, p, 4);
  std::memcpy(&q.odd, static_cast<const char*>(p) + 4, 4);
  return q;
}
TINYMLP_BLOCK_INLINE std::int32_t dot(std::int32_t sum, group q, const std::int8_t* weight) {
  std::uint32_t w = 0;
  std::memcpy(&w, weight, sizeof w);
  const auto turned = w >> 8 | w << 24;
  sum = __smlad(static_cast<int16x2_t>(q.even), __sxtb16(static_cast<int8x4_t>(w)), sum);
  return __smlad(static_cast<int16x2_t>(q.odd), __sxtb16(static_cast<int8x4_t>(turned)), sum);
}
#else
struct group {
  std::int16_t a, b, c, d;
};
TINYMLP_BLOCK_INLINE void store_group(void* p, ints x) {
  const group q{static_cast<std::int16_t>(x.a), static_cast<std::int16_t>(x.b),
                static_cast<std::int16_t>(x.c), static_cast<std::int16_t>(x.d)};
  std::memcpy(p, &q, sizeof q);
}
TINYMLP_BLOCK_INLINE std::int32_t dot(std::int32_t sum, group q, const std::int8_t* weight) {
  return sum + q.a * weight[0] + q.b * weight[1] + q.c * weight[2] + q.d * weight[3];
}
TINYMLP_BLOCK_INLINE group load_group(const void* p) {
  group q;
  std::memcpy(&q, p, sizeof q);
  return q;
}
#endif
TINYMLP_BLOCK_INLINE void add_products(products& sum, group q, const std::int8_t* weight) {
  sum = {dot(sum.a, q, weight), dot(sum.b, q, weight + 4), dot(sum.c, q, weight + 8),
         dot(sum.d, q, weight + 12)};
}
#endif

} // namespace tinymlp::kernels::blocks
#include <tinymlp/kernels/precise_end.inl>
