// The 128-bit vectors that a target always has: SSE2 on x86-64, simd128 in WebAssembly. Four
// floats, two doubles, or their bits. Elsewhere as many single numbers, so that their sums are
// independent and stay in registers; no bits then.
#pragma once

#include <cstdint>

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

// larger(a, b) is b where they are equal.
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
#endif

} // namespace tinymlp::kernels::blocks
#include <tinymlp/kernels/precise_end.inl>
