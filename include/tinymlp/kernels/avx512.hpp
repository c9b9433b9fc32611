// AVX-512 F, BW, DQ, VL: 16 floats in a vector, 32 registers. Layers of at most 8 outputs use
// 8 lanes.
#pragma once

#include <tinymlp/kernels/activation.hpp>
#include <tinymlp/kernels/avx2.hpp>
#include <tinymlp/kernels/elementary.hpp>
#include <tinymlp/kernels/exact.hpp>
#include <tinymlp/kernels/layout.hpp>
#include <tinymlp/kernels/static_int8.hpp>
#include <tinymlp/kernels/steps.hpp>

#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <limits>
#include <type_traits>
#include <utility>

#if defined(__x86_64__) || defined(_M_X64)
#include <immintrin.h>

#define TINYMLP_TARGET "avx2,fma,avx512f,avx512bw,avx512dq,avx512vl"
#include <tinymlp/kernels/region_begin.inl>
namespace tinymlp::kernels::vectors {

// 16 floats, or 16 int32.
struct v16 {
  using reg = __m512;
  using ireg = __m512i;
  static constexpr std::size_t lanes = 16;
  static TINYMLP_INLINE reg zero() { return _mm512_setzero_ps(); }
  static TINYMLP_INLINE reg load(const float* p) { return _mm512_loadu_ps(p); }
  static TINYMLP_INLINE reg load_first(const float* p, std::size_t count) {
    const unsigned bits = (1U << (count < lanes ? count : lanes)) - 1;
    return _mm512_maskz_loadu_ps(static_cast<__mmask16>(bits), p);
  }
  static TINYMLP_INLINE void store(float* p, reg a) { _mm512_storeu_ps(p, a); }
  static TINYMLP_INLINE reg broadcast(const float* p) { return _mm512_set1_ps(*p); }
  static TINYMLP_INLINE reg fma(reg a, reg b, reg c) { return _mm512_fmadd_ps(a, b, c); }
  static TINYMLP_INLINE reg add(reg a, reg b) { return _mm512_add_ps(a, b); }
  static TINYMLP_INLINE reg sub(reg a, reg b) { return _mm512_sub_ps(a, b); }
  static TINYMLP_INLINE reg relu(reg a) { return _mm512_max_ps(zero(), a); }
  static TINYMLP_INLINE reg negated(reg a) {
#if defined(__GNUC__)
    return -a; // so that a multiply-add can take it in
#else
    return _mm512_xor_ps(a, set(-0.0F));
#endif
  }
  // As v8's.
  static TINYMLP_INLINE reg negated_relu(reg a) {
    return _mm512_castsi512_ps(_mm512_min_epi32(_mm512_castps_si512(a), _mm512_setzero_si512()));
  }
  static TINYMLP_INLINE reg opaque(reg a) {
#if defined(__GNUC__)
    __asm__("" : "+v"(a));
#endif
    return a;
  }
  // The canonical NaN where `poison` is a NaN, else a.
  static TINYMLP_INLINE reg poisoned(reg a, reg poison) {
    const reg nan = _mm512_castsi512_ps(_mm512_set1_epi32(0x7fc00000));
    return _mm512_mask_mov_ps(a, _mm512_cmp_ps_mask(poison, poison, _CMP_UNORD_Q), nan);
  }

  static TINYMLP_INLINE reg set(float a) { return _mm512_set1_ps(a); }
  static TINYMLP_INLINE float first(reg a) { return _mm512_cvtss_f32(a); }
  // Rounded: never fused with an addition.
  static TINYMLP_INLINE reg mul(reg a, reg b) {
    reg product = _mm512_mul_ps(a, b);
#if defined(__GNUC__)
    __asm__("" : "+v"(product));
#endif
    return product;
  }
  static TINYMLP_INLINE reg div(reg a, reg b) {
#if defined(__clang__) // which may make an estimate of a division, if parts of -ffast-math add up
    reg quotient;
    __asm__("vdivps {%2, %1, %0|%0, %1, %2}" : "=v"(quotient) : "v"(a), "v"(b));
    return quotient;
#elif defined(__GNUC__)
    return a / b;
#else
    return _mm512_div_ps(a, b);
#endif
  }
  static TINYMLP_INLINE reg sqrt(reg a) {
#if defined(__clang__) // as div
    reg root;
    __asm__("vsqrtps {%1, %0|%0, %1}" : "=v"(root) : "v"(a));
    return root;
#else
    return _mm512_sqrt_ps(a);
#endif
  }
  static TINYMLP_INLINE reg fnma(reg a, reg b, reg c) { return _mm512_fnmadd_ps(a, b, c); }
  static TINYMLP_INLINE reg minimum(reg a, reg b) { return _mm512_min_ps(a, b); }
  static TINYMLP_INLINE reg maximum(reg a, reg b) { return _mm512_max_ps(a, b); }
  // As v8's.
  static TINYMLP_INLINE reg lower(reg a, reg b) { return _mm512_min_ps(a, b); }
  static TINYMLP_INLINE reg upper(reg a, reg b) { return _mm512_max_ps(a, b); }
  static TINYMLP_INLINE reg and_bits(reg a, reg b) { return _mm512_and_ps(a, b); }
  static TINYMLP_INLINE reg or_bits(reg a, reg b) { return _mm512_or_ps(a, b); }
  static TINYMLP_INLINE reg and_not_bits(reg a, reg b) { return _mm512_andnot_ps(a, b); }
  // a < b ? x : y
  static TINYMLP_INLINE reg if_less(reg a, reg b, reg x, reg y) {
    return _mm512_mask_mov_ps(y, _mm512_cmp_ps_mask(a, b, _CMP_LT_OQ), x);
  }
  static TINYMLP_INLINE reg with_sign(reg a, reg b) { // a | (b & sign)
    const ireg sign = iset((std::numeric_limits<std::int32_t>::min)());
    return as_float(_mm512_ternarylogic_epi32(as_int(a), as_int(b), sign, 0xf8));
  }
  static TINYMLP_INLINE reg if_negative(reg a, reg x, reg y) {
    const ireg mask = shift_right<31>(as_int(a)); // no comparison: those wait for multiply-adds
    return as_float(_mm512_ternarylogic_epi32(mask, as_int(x), as_int(y), 0xca));
  }
  // Whether a lane is below `low` or above `high`.
  static TINYMLP_INLINE bool any_outside(reg a, reg low, reg high) {
    return (_mm512_cmp_ps_mask(a, low, _CMP_LT_OQ) | _mm512_cmp_ps_mask(high, a, _CMP_LT_OQ)) != 0;
  }
  // N floats, then zeros; reads no further.
  template <std::size_t N> static TINYMLP_INLINE reg load_first(const float* p) {
    if constexpr (N >= 16)
      return load(p);
    else
      return _mm512_maskz_loadu_ps(static_cast<__mmask16>((1U << N) - 1), p);
  }
  // The first n floats, below 16, and zeros; the others are not read.
  static TINYMLP_INLINE reg load_upto(const float* p, std::size_t n) {
    return _mm512_maskz_loadu_ps(static_cast<__mmask16>((1U << n) - 1), p);
  }
  static TINYMLP_INLINE void store_upto(float* p, reg a, std::size_t n) {
    if (n < 8) return v8::store_upto(p, _mm512_castps512_ps256(a), n);
    _mm256_storeu_ps(p, _mm512_castps512_ps256(a));
    v8::store_upto(p + 8, _mm512_extractf32x8_ps(a, 1), n - 8);
  }
  static TINYMLP_INLINE bool any_nan(reg a) { return _mm512_cmp_ps_mask(a, a, _CMP_UNORD_Q) != 0; }
  static TINYMLP_INLINE reg larger(reg a, reg b) {
    return _mm512_castsi512_ps(_mm512_max_epi32(_mm512_castps_si512(a), _mm512_castps_si512(b)));
  }
  static TINYMLP_INLINE reg largest(reg a) {
    const __m256 x = _mm512_castps512_ps256(a), y = _mm512_extractf32x8_ps(a, 1);
    const __m256 most = v8::largest(v8::larger(x, y));
    return _mm512_broadcastss_ps(_mm256_castps256_ps128(most));
  }
  static TINYMLP_INLINE reg not_zero(reg a) { return larger(a, _mm512_castsi512_ps(iset(1))); }
  static TINYMLP_INLINE reg low_high(reg a, reg b) { return _mm512_mask_mov_ps(a, 0xcccc, b); }
  static TINYMLP_INLINE reg high_low(reg a, reg b) { return _mm512_shuffle_ps(a, b, 0x4e); }
  static TINYMLP_INLINE reg even(reg a, reg b) { return _mm512_shuffle_ps(a, b, 0x88); }
  static TINYMLP_INLINE reg odd(reg a, reg b) { return _mm512_shuffle_ps(a, b, 0xdd); }
  static TINYMLP_INLINE float reduce_max(reg a) {
    return v8::reduce_max(_mm256_max_ps(_mm512_castps512_ps256(a), _mm512_extractf32x8_ps(a, 1)));
  }
  static TINYMLP_INLINE float reduce_min(reg a) {
    return v8::reduce_min(_mm256_min_ps(_mm512_castps512_ps256(a), _mm512_extractf32x8_ps(a, 1)));
  }
  static TINYMLP_INLINE float reduce_add(reg a) {
    return v8::reduce_add(_mm256_add_ps(_mm512_castps512_ps256(a), _mm512_extractf32x8_ps(a, 1)));
  }

  static TINYMLP_INLINE ireg iset(std::int32_t a) { return _mm512_set1_epi32(a); }
  static TINYMLP_INLINE ireg iload(const void* p) { return _mm512_loadu_si512(p); }
  static TINYMLP_INLINE void istore(void* p, ireg a) { _mm512_storeu_si512(p, a); }
  static TINYMLP_INLINE ireg iadd(ireg a, ireg b) { return _mm512_add_epi32(a, b); }
  static TINYMLP_INLINE ireg isub(ireg a, ireg b) { return _mm512_sub_epi32(a, b); }
  static TINYMLP_INLINE ireg imul(ireg a, ireg b) { return _mm512_mullo_epi32(a, b); }
  static TINYMLP_INLINE ireg imin(ireg a, ireg b) { return _mm512_min_epi32(a, b); }
  static TINYMLP_INLINE ireg narrow(ireg a) { return _mm512_and_si512(a, iset(0xffff)); }
  static TINYMLP_INLINE ireg imul_narrow(ireg a, ireg b) { return _mm512_madd_epi16(a, b); }
  static TINYMLP_INLINE ireg to_int(reg a) { return _mm512_cvtps_epi32(a); } // half to even
  // a, or what to_int makes an integer beyond the limits of: above `limit`, that; far below
  // -limit, or NaN, a itself, of which to_int makes the least integer.
  static TINYMLP_INLINE reg within(reg a, reg limit) { return _mm512_min_ps(limit, a); }
  static constexpr bool saturates = false;
  static TINYMLP_INLINE reg to_float(ireg a) { return _mm512_cvtepi32_ps(a); }
  static TINYMLP_INLINE ireg as_int(reg a) { return _mm512_castps_si512(a); } // the same bits
  static TINYMLP_INLINE reg as_float(ireg a) { return _mm512_castsi512_ps(a); }
  template <int N> static TINYMLP_INLINE ireg shift_left(ireg a) { return _mm512_slli_epi32(a, N); }
  template <int N> static TINYMLP_INLINE ireg shift_right(ireg a) { // the sign comes in
    return _mm512_srai_epi32(a, N);
  }
  // a * 2^n, rounded once, for whole n; a NaN if both are.
  static TINYMLP_INLINE reg scale(reg a, reg n) { return _mm512_scalef_ps(a, n); }
  // Saturates to bytes: in each 128-bit lane, the four of a, then of b, c and d.
  static TINYMLP_INLINE ireg pack(ireg a, ireg b, ireg c, ireg d) {
    return _mm512_packus_epi16(_mm512_packus_epi32(a, b), _mm512_packus_epi32(c, d));
  }
  // Saturates to bytes: a, b, c and d of each lane side by side.
  static TINYMLP_INLINE ireg quads(ireg a, ireg b, ireg c, ireg d) {
    const ireg order =
        _mm512_broadcast_i32x4(_mm_setr_epi8(0, 4, 8, 12, 1, 5, 9, 13, 2, 6, 10, 14, 3, 7, 11, 15));
    return _mm512_shuffle_epi8(pack(a, b, c, d), order);
  }
  // Saturates to 16 bytes.
  static TINYMLP_INLINE void store_bytes(void* p, ireg a) {
    _mm_storeu_si128(static_cast<__m128i*>(p),
                     _mm512_cvtusepi32_epi8(_mm512_max_epi32(a, _mm512_setzero_si512())));
  }
};

// 16 floats by halves, for arrays where most loads of 16 would cross a cache line.
struct halves {
  struct reg {
    __m256 low, high;
  };
  static constexpr std::size_t lanes = 16;
  static TINYMLP_INLINE reg zero() { return {v8::zero(), v8::zero()}; }
  static TINYMLP_INLINE reg load(const float* p) { return {v8::load(p), v8::load(p + 8)}; }
  static TINYMLP_INLINE reg broadcast(const float* p) {
    const __m256 all = v8::broadcast(p);
    return {all, all};
  }
  static TINYMLP_INLINE reg fma(reg a, reg b, reg c) {
    return {v8::fma(a.low, b.low, c.low), v8::fma(a.high, b.high, c.high)};
  }
  static TINYMLP_INLINE reg add(reg a, reg b) {
    return {v8::add(a.low, b.low), v8::add(a.high, b.high)};
  }
  static TINYMLP_INLINE reg relu(reg a) { return {v8::relu(a.low), v8::relu(a.high)}; }
  static TINYMLP_INLINE void store(float* p, reg a) {
    _mm512_storeu_ps(p, _mm512_insertf32x8(_mm512_castps256_ps512(a.low), a.high, 1));
  }
};

} // namespace tinymlp::kernels::vectors
namespace tinymlp::kernels::avx512 {

using vectors::v16, vectors::v8;

// The wider vector where there is more than fits the narrower.
template <bool Wide> struct row_vector_of { using type = v8; };
template <> struct row_vector_of<true> { using type = v16; };

struct ops {
  // The wider vectors add more slowly and leave fewer units; they pay where the narrower ones could
  // not keep up with the chains: two multiply-adds a cycle, four cycles each, are 64 sums.
  template <std::size_t Outputs, std::size_t Sums>
  using row_vector = typename row_vector_of<(Outputs > 8 && Sums > 64)>::type;
  using int8_row_vector = v8;
  static constexpr std::size_t row_sums = 16;
  static constexpr bool row_negated = true;
  static constexpr std::size_t row_permuted = 2;
  using v = v16;
  // The vector for eight values at the most. Zeros are stored behind them, for a load of 16 that
  // follows would have to wait for a store of eight.
  struct narrow : vectors::v8 {
    static TINYMLP_INLINE void store(float* p, reg a) {
      _mm512_storeu_ps(p, _mm512_zextps256_ps512(a));
    }
  };
  using uneven = vectors::halves; // for a panel of 9 to 15
  // Vectors of panels at once of networks whose sizes are numbers, in four chains.
  static constexpr std::size_t row_panels = 4;
  static constexpr std::size_t block_outputs = 4;
  static constexpr std::size_t block_vectors = 2, block_chains = 2;
  static constexpr std::size_t int8_vectors = 4, int8_parts = 2; // and parts of a block
  // So many rows of a network of so many parameters take longer alone than a vector of rows does;
  // of int8, so many fewer where other vectors fill the time that each layer waits for its scale.
  static constexpr std::size_t fp32_pays(std::size_t parameters) {
    return parameters < 512 ? 7 : parameters < 2048 ? 8 : 11;
  }
  static constexpr std::size_t int8_pays_sooner = 2;
  static constexpr std::size_t int8_pays(std::size_t parameters) {
    return parameters < 512 ? 6 : parameters < 2048 ? 7 : 9;
  }
  static constexpr std::size_t static_pays(std::size_t parameters) {
    return parameters < 512 ? 6 : parameters < 2048 ? 7 : 10;
  }

  // Lane I of x, term K of its chain, in all lanes. One permutation takes one instruction, but with
  // 256 bits more cycles on some CPUs than two that stay simple: those are for the term that all
  // others wait for.
  template <std::size_t Index, std::size_t K> static TINYMLP_INLINE __m512 element(v16, __m512 x) {
    if constexpr (Index == 0) return _mm512_broadcastss_ps(_mm512_castps512_ps128(x));
    return _mm512_permutexvar_ps(_mm512_set1_epi32(Index), x);
  }
  template <std::size_t Index, std::size_t K> static TINYMLP_INLINE __m512 element(v16, __m256 x) {
    return element<Index, K>(v16{}, _mm512_castps256_ps512(x));
  }
  template <std::size_t Index, std::size_t K> static TINYMLP_INLINE __m256 element(v8, __m256 x) {
    if constexpr (Index == 0 || K == 0) return avx2::ops::element<Index, K>(v8{}, x);
    return _mm256_permutexvar_ps(_mm256_set1_epi32(Index), x);
  }
  template <std::size_t Index, std::size_t K> static TINYMLP_INLINE __m256 element(v8, __m512 x) {
    return _mm512_castps512_ps256(element<Index, K>(v16{}, x));
  }

  using quad = __m128;
  template <std::size_t N> static TINYMLP_INLINE quad load_quad(const float* p) {
    return avx2::ops::load_quad<N>(p);
  }
  static TINYMLP_INLINE quad poison_of(quad x) { return avx2::ops::poison_of(x); }
  static TINYMLP_INLINE quad add_quad(quad a, quad b) { return avx2::ops::add_quad(a, b); }

  // The 8 lanes of the one-output layer.
  using octet = __m256;
  // The O-th octet of x's vectors, of which N lanes are there; zeros in the others.
  template <std::size_t O, std::size_t N>
  static TINYMLP_INLINE octet octet_of(v8, const __m256* x) {
    return keep<N>(x[O]);
  }
  template <std::size_t O, std::size_t N>
  static TINYMLP_INLINE octet octet_of(v16, const __m512* x) {
    if constexpr (O % 2 == 0)
      return keep<N>(_mm512_castps512_ps256(x[O / 2]));
    else
      return keep<N>(_mm512_extractf32x8_ps(x[O / 2], 1));
  }
  // Lanes from N on become zero.
  template <std::size_t N> static TINYMLP_INLINE octet keep(octet x) {
    if constexpr (N >= 8)
      return x;
    else
      return _mm256_maskz_mov_ps(static_cast<__mmask8>((1U << N) - 1), x);
  }
  static TINYMLP_INLINE octet load_octet(const float* p) { return _mm256_loadu_ps(p); }
  static TINYMLP_INLINE octet load_octet_upto(const float* p, std::size_t n) {
    return _mm256_maskz_loadu_ps(static_cast<__mmask8>((1U << n) - 1), p);
  }
  static TINYMLP_INLINE octet fma_octet(octet a, octet b, octet c) {
    return _mm256_fmadd_ps(a, b, c);
  }
  static TINYMLP_INLINE octet fnma_octet(octet a, octet b, octet c) {
    return _mm256_fnmadd_ps(a, b, c);
  }
  static TINYMLP_INLINE float sum_octet(octet a, quad poison) {
    // Table: where the source is a NaN (tokens 0 and 1) the first operand, else the source.
    const __m128 nan = _mm_castsi128_ps(_mm_set1_epi32(0x7fc00000));
    const __m128 sum = avx2::ops::add_halves(a, poison);
    return _mm_cvtss_f32(_mm_fixupimm_ss(nan, sum, _mm_set1_epi32(0x11111100), 0));
  }

  static TINYMLP_INLINE void prefetch(const void* p) { avx2::ops::prefetch(p); }
  // Four columns of 16 rows, `stride` floats apart, as four vectors of 16 rows.
  static TINYMLP_INLINE void load_columns(const float* rows, std::size_t stride,
                                          __m512 (&column)[4]) {
    const __m512 a = load_quads(rows, stride), b = load_quads(rows + stride, stride);
    const __m512 c = load_quads(rows + 2 * stride, stride);
    const __m512 d = load_quads(rows + 3 * stride, stride);
    exchange(a, b, c, d, column);
  }

  // The other way round: four floats each to the first `count` rows, in their order, 15 or 16.
  static TINYMLP_INLINE void store_columns(const __m512 (&column)[4], float* rows,
                                           std::size_t stride, std::size_t count) {
    __m512 row[4];
    exchange(column[0], column[1], column[2], column[3], row);
    TINYMLP_UNROLL for (std::size_t j = 0; j < 4; ++j)
        _mm_storeu_ps(rows + j * stride, _mm512_castps512_ps128(row[j]));
    TINYMLP_UNROLL for (std::size_t j = 0; j < 4; ++j)
        _mm_storeu_ps(rows + (j + 4) * stride, _mm512_extractf32x4_ps(row[j], 1));
    TINYMLP_UNROLL for (std::size_t j = 0; j < 4; ++j)
        _mm_storeu_ps(rows + (j + 8) * stride, _mm512_extractf32x4_ps(row[j], 2));
    TINYMLP_UNROLL for (std::size_t j = 0; j < 4; ++j) if (j != 3 || count == 16)
        _mm_storeu_ps(rows + (j + 12) * stride, _mm512_extractf32x4_ps(row[j], 3));
  }

  // 16 rows of six floats: quad I of rows 0 to 3, of 4 to 7, and so on, in m[I]. The same shuffles
  // as those of six_columns(), of quads instead of floats.
  static TINYMLP_INLINE void load_sixes(const float* rows, __m512 (&m)[6]) {
    __m512 z[6];
    TINYMLP_UNROLL for (std::size_t i = 0; i < 6; ++i) z[i] = _mm512_loadu_ps(rows + 16 * i);
    split_quads(_mm512_mask_mov_ps(z[0], 0xff00, z[1]), _mm512_mask_mov_ps(z[3], 0xff00, z[4]),
                m[0], m[1]);
    split_quads(_mm512_shuffle_f32x4(z[0], z[2], 0x4e), _mm512_shuffle_f32x4(z[3], z[5], 0x4e),
                m[2], m[3]);
    split_quads(_mm512_mask_mov_ps(z[1], 0xff00, z[2]), _mm512_mask_mov_ps(z[4], 0xff00, z[5]),
                m[4], m[5]);
  }

  // int8: q holds four unsigned bytes in a lane, w four signed ones; their products are added to
  // `sum`, exactly. `zero` is the zero point that dot() itself subtracts from q.
  static constexpr std::int32_t zero = 0;
  static TINYMLP_INLINE __m256i dot(__m256i sum, __m256i q, __m256i w) {
    return avx2::ops::dot(sum, q, w);
  }
  static TINYMLP_INLINE __m512i dot(__m512i sum, __m512i q, __m512i w) {
    const __m512i even = _mm512_set1_epi32(0x00ff00ff);
    const __m512i low =
        _mm512_madd_epi16(_mm512_and_si512(q, even), _mm512_srai_epi16(_mm512_slli_epi16(w, 8), 8));
    const __m512i high = _mm512_madd_epi16(_mm512_srli_epi16(q, 8), _mm512_srai_epi16(w, 8));
    return _mm512_add_epi32(sum, _mm512_add_epi32(low, high));
  }
  template <std::size_t Half, std::size_t J> static TINYMLP_INLINE __m256i group(v8, __m256i x) {
    return avx2::ops::group<Half, J>(v8{}, x);
  }

private:
  // In each 128-bit lane, four vectors of four floats transposed.
  static TINYMLP_INLINE void exchange(__m512 a, __m512 b, __m512 c, __m512 d, __m512 (&to)[4]) {
    const __m512 ab_low = _mm512_unpacklo_ps(a, b), ab_high = _mm512_unpackhi_ps(a, b);
    const __m512 cd_low = _mm512_unpacklo_ps(c, d), cd_high = _mm512_unpackhi_ps(c, d);
    to[0] = _mm512_shuffle_ps(ab_low, cd_low, 0x44);
    to[1] = _mm512_shuffle_ps(ab_low, cd_low, 0xee);
    to[2] = _mm512_shuffle_ps(ab_high, cd_high, 0x44);
    to[3] = _mm512_shuffle_ps(ab_high, cd_high, 0xee);
  }
  // The even quads of a, then of b; the odd ones.
  static TINYMLP_INLINE void split_quads(__m512 a, __m512 b, __m512& even, __m512& odd) {
    even = _mm512_shuffle_f32x4(a, b, 0x88);
    odd = _mm512_shuffle_f32x4(a, b, 0xdd);
  }
  // Four floats of rows 0, 4, 8 and 12.
  static TINYMLP_INLINE __m512 load_quads(const float* rows, std::size_t stride) {
    const __m512 x = _mm512_castps128_ps512(_mm_loadu_ps(rows));
    const __m512 y = _mm512_insertf32x4(x, _mm_loadu_ps(rows + 4 * stride), 1);
    const __m512 z = _mm512_insertf32x4(y, _mm_loadu_ps(rows + 8 * stride), 2);
    return _mm512_insertf32x4(z, _mm_loadu_ps(rows + 12 * stride), 3);
  }
};

#include <tinymlp/kernels/elementary.inl>
#include <tinymlp/kernels/elementary_pair.inl>
#include <tinymlp/kernels/activations.inl>
#include <tinymlp/kernels/rows_input.inl>
#include <tinymlp/kernels/fp32_row.inl>
#include <tinymlp/kernels/fp32_rows.inl>
#include <tinymlp/kernels/int8_row.inl>
#include <tinymlp/kernels/steps_int8.inl>
#include <tinymlp/kernels/steps_row.inl>
#include <tinymlp/kernels/steps_rows.inl>
#include <tinymlp/kernels/int8_rows.inl>
#include <tinymlp/kernels/int8_static_row.inl>
#include <tinymlp/kernels/int8_static_rows.inl>

} // namespace tinymlp::kernels::avx512
#include <tinymlp/kernels/region_end.inl>
#endif
