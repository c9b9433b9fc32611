// AVX-512 F, BW, DQ, VL: 16 floats in a vector, 32 registers. Layers of at most 8 outputs use
// 8 lanes.
#pragma once

#include <tinymlp/kernels/layout.hpp>

#include <cstddef>
#include <cstdint>
#include <utility>

#if defined(__x86_64__) || defined(_M_X64)
#include <immintrin.h>

#define TINYMLP_TARGET "avx2,fma,avx512f,avx512bw,avx512dq,avx512vl"
#include <tinymlp/kernels/region_begin.inl>
namespace tinymlp::kernels::avx512 {

// 8 floats.
struct v8 {
  using reg = __m256;
  static constexpr std::size_t lanes = 8;
  static TINYMLP_INLINE reg zero() { return _mm256_setzero_ps(); }
  static TINYMLP_INLINE reg load(const float* p) { return _mm256_loadu_ps(p); }
  static TINYMLP_INLINE void store(float* p, reg a) { _mm256_storeu_ps(p, a); }
  static TINYMLP_INLINE reg broadcast(const float* p) { return _mm256_broadcast_ss(p); }
  static TINYMLP_INLINE reg fma(reg a, reg b, reg c) { return _mm256_fmadd_ps(a, b, c); }
  static TINYMLP_INLINE reg add(reg a, reg b) { return _mm256_add_ps(a, b); }
  static TINYMLP_INLINE reg sub(reg a, reg b) { return _mm256_sub_ps(a, b); }
  static TINYMLP_INLINE reg relu(reg a) { return _mm256_max_ps(zero(), a); } // NaN stays NaN
};

// 16 floats.
struct v16 {
  using reg = __m512;
  static constexpr std::size_t lanes = 16;
  static TINYMLP_INLINE reg zero() { return _mm512_setzero_ps(); }
  static TINYMLP_INLINE reg load(const float* p) { return _mm512_loadu_ps(p); }
  static TINYMLP_INLINE void store(float* p, reg a) { _mm512_storeu_ps(p, a); }
  static TINYMLP_INLINE reg broadcast(const float* p) { return _mm512_set1_ps(*p); }
  static TINYMLP_INLINE reg fma(reg a, reg b, reg c) { return _mm512_fmadd_ps(a, b, c); }
  static TINYMLP_INLINE reg add(reg a, reg b) { return _mm512_add_ps(a, b); }
  static TINYMLP_INLINE reg sub(reg a, reg b) { return _mm512_sub_ps(a, b); }
  static TINYMLP_INLINE reg relu(reg a) { return _mm512_max_ps(zero(), a); }
  // NaN becomes the canonical one.
  static TINYMLP_INLINE reg canonical(reg a) {
    const reg nan = _mm512_castsi512_ps(_mm512_set1_epi32(0x7fc00000));
    return _mm512_mask_mov_ps(a, _mm512_cmp_ps_mask(a, a, _CMP_UNORD_Q), nan);
  }
};

// The wider vector where there is more than fits the narrower.
template <bool Wide> struct row_vector_of { using type = v8; };
template <> struct row_vector_of<true> { using type = v16; };

struct ops {
  template <std::size_t Outputs> using row_vector = typename row_vector_of<(Outputs > 8)>::type;
  static constexpr std::size_t row_sums = 16;
  using v = v16;
  static constexpr std::size_t block_vectors = 2, block_chains = 2;

  // Lane I of x in all lanes.
  template <std::size_t I> static TINYMLP_INLINE __m512 element(v16, __m512 x) {
    return _mm512_permute_ps(_mm512_shuffle_f32x4(x, x, I / 4 * 0x55), I % 4 * 0x55);
  }
  template <std::size_t I> static TINYMLP_INLINE __m512 element(v16, __m256 x) {
    return element<I>(v16{}, _mm512_castps256_ps512(x));
  }
  template <std::size_t I> static TINYMLP_INLINE __m256 element(v8, __m256 x) {
    return _mm256_permute_ps(_mm256_permute2f128_ps(x, x, I / 4 * 0x11), I % 4 * 0x55);
  }
  template <std::size_t I> static TINYMLP_INLINE __m256 element(v8, __m512 x) {
    return _mm512_castps512_ps256(element<I>(v16{}, x));
  }

  using octet = __m256;
  template <std::size_t O> static TINYMLP_INLINE octet octet_of(v8, const __m256* x) {
    return x[O];
  }
  template <std::size_t O> static TINYMLP_INLINE octet octet_of(v16, const __m512* x) {
    if constexpr (O % 2 == 0) return _mm512_castps512_ps256(x[O / 2]);
    else return _mm512_extractf32x8_ps(x[O / 2], 1);
  }
  // Lanes from N on become zero.
  template <std::size_t N> static TINYMLP_INLINE octet keep(octet x) {
    if constexpr (N >= 8) return x;
    else return _mm256_maskz_mov_ps(static_cast<__mmask8>((1U << N) - 1), x);
  }
  static TINYMLP_INLINE octet load_octet(const float* p) { return _mm256_loadu_ps(p); }
  static TINYMLP_INLINE octet fma_octet(octet a, octet b, octet c) {
    return _mm256_fmadd_ps(a, b, c);
  }
  // Adds halves, 8 -> 4 -> 2 -> 1. `poison` is +0, or NaN to make the score NaN; adding it while
  // the upper half is on its way also turns a score of -0 into +0.
  static TINYMLP_INLINE float sum_octet(octet a, __m256 poison) {
    const __m128 low = _mm_add_ps(_mm256_castps256_ps128(a), _mm256_castps256_ps128(poison));
    const __m128 four = _mm_add_ps(low, _mm256_extractf128_ps(a, 1));
    const __m128 two = _mm_add_ps(four, _mm_movehl_ps(four, four));
    const __m128 one = _mm_add_ps(two, _mm_movehdup_ps(two));
    // Table: where the source is a NaN (tokens 0 and 1) the first operand, else the source.
    const __m128 nan = _mm_castsi128_ps(_mm_set1_epi32(0x7fc00000));
    return _mm_cvtss_f32(_mm_fixupimm_ss(nan, one, _mm_set1_epi32(0x11111100), 0));
  }
  static TINYMLP_INLINE float sum_octet(octet a, __m512 poison) {
    return sum_octet(a, _mm512_castps512_ps256(poison));
  }

  // Four columns of 16 rows, `stride` floats apart, as four vectors of 16 rows.
  static TINYMLP_INLINE void load_columns(const float* rows, std::size_t stride,
                                          __m512 (&column)[4]) {
    const __m512 a = load_quads(rows, stride), b = load_quads(rows + stride, stride);
    const __m512 c = load_quads(rows + 2 * stride, stride);
    const __m512 d = load_quads(rows + 3 * stride, stride);
    const __m512 ab_low = _mm512_unpacklo_ps(a, b), ab_high = _mm512_unpackhi_ps(a, b);
    const __m512 cd_low = _mm512_unpacklo_ps(c, d), cd_high = _mm512_unpackhi_ps(c, d);
    column[0] = _mm512_shuffle_ps(ab_low, cd_low, 0x44);
    column[1] = _mm512_shuffle_ps(ab_low, cd_low, 0xee);
    column[2] = _mm512_shuffle_ps(ab_high, cd_high, 0x44);
    column[3] = _mm512_shuffle_ps(ab_high, cd_high, 0xee);
  }

private:
  // Four floats of rows 0, 4, 8 and 12.
  static TINYMLP_INLINE __m512 load_quads(const float* rows, std::size_t stride) {
    const __m512 x = _mm512_castps128_ps512(_mm_loadu_ps(rows));
    const __m512 y = _mm512_insertf32x4(x, _mm_loadu_ps(rows + 4 * stride), 1);
    const __m512 z = _mm512_insertf32x4(y, _mm_loadu_ps(rows + 8 * stride), 2);
    return _mm512_insertf32x4(z, _mm_loadu_ps(rows + 12 * stride), 3);
  }
};

#include <tinymlp/kernels/fp32_row.inl>
#include <tinymlp/kernels/fp32_rows.inl>

} // namespace tinymlp::kernels::avx512
#include <tinymlp/kernels/region_end.inl>
#endif
