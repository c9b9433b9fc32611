// AVX2 + FMA: 8 floats in a vector, 16 registers.
#pragma once

#include <tinymlp/kernels/activation.hpp>
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

#define TINYMLP_TARGET "avx2,fma"
#include <tinymlp/kernels/region_begin.inl>
// Vectors have a namespace of their own: argument-dependent lookup must not reach from one
// instruction set's algorithms to another's.
namespace tinymlp::kernels::vectors {

// 8 floats, or 8 int32.
struct v8 {
  using reg = __m256;
  using ireg = __m256i;
  static constexpr std::size_t lanes = 8;
  static TINYMLP_INLINE reg zero() { return _mm256_setzero_ps(); }
  static TINYMLP_INLINE reg load(const float* p) { return _mm256_loadu_ps(p); }
  // The first `count` floats, all or fewer, then zeros; nothing is read behind them.
  static TINYMLP_INLINE reg load_first(const float* p, std::size_t count) {
    const __m256i wanted = _mm256_set1_epi32(static_cast<int>(count < lanes ? count : lanes));
    return _mm256_maskload_ps(
        p, _mm256_cmpgt_epi32(wanted, _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7)));
  }
  static TINYMLP_INLINE void store(float* p, reg a) { _mm256_storeu_ps(p, a); }
  static TINYMLP_INLINE reg broadcast(const float* p) { return _mm256_broadcast_ss(p); }
  static TINYMLP_INLINE reg fma(reg a, reg b, reg c) { return _mm256_fmadd_ps(a, b, c); }
  static TINYMLP_INLINE reg add(reg a, reg b) { return _mm256_add_ps(a, b); }
  static TINYMLP_INLINE reg sub(reg a, reg b) { return _mm256_sub_ps(a, b); }
  // max(0, a); NaN stays NaN, because the second operand is returned where one is NaN.
  static TINYMLP_INLINE reg relu(reg a) { return _mm256_max_ps(zero(), a); }
  static TINYMLP_INLINE reg negated(reg a) {
#if defined(__GNUC__)
    return -a; // so that a multiply-add can take it in
#else
    return _mm256_xor_ps(a, set(-0.0F));
#endif
  }
  // relu of what was negated, and negated again: min(0, a). What the CPU makes of inf - inf has its
  // sign bit set and stays; as integers, in one cycle where floats take up to four.
  static TINYMLP_INLINE reg negated_relu(reg a) {
    return _mm256_castsi256_ps(_mm256_min_epi32(_mm256_castps_si256(a), _mm256_setzero_si256()));
  }
  // Hides a value from the compiler: folding inf - inf itself, Clang gives NaN the other sign.
  static TINYMLP_INLINE reg opaque(reg a) {
#if defined(__GNUC__)
    __asm__("" : "+x"(a));
#endif
    return a;
  }
  // The canonical NaN where `poison` is a NaN, else a.
  static TINYMLP_INLINE reg poisoned(reg a, reg poison) {
    const reg nan = _mm256_castsi256_ps(_mm256_set1_epi32(0x7fc00000));
    return select(_mm256_cmp_ps(poison, poison, _CMP_UNORD_Q), nan, a);
  }

  static TINYMLP_INLINE reg set(float a) { return _mm256_set1_ps(a); }
  static TINYMLP_INLINE float first(reg a) { return _mm256_cvtss_f32(a); }
  // Rounded: never fused with an addition.
  static TINYMLP_INLINE reg mul(reg a, reg b) {
    reg product = _mm256_mul_ps(a, b);
#if defined(__GNUC__)
    __asm__("" : "+x"(product));
#endif
    return product;
  }
  static TINYMLP_INLINE reg div(reg a, reg b) {
#if defined(__clang__) // which may make an estimate of a division, if parts of -ffast-math add up
    reg quotient;
    __asm__("vdivps {%2, %1, %0|%0, %1, %2}" : "=x"(quotient) : "x"(a), "x"(b));
    return quotient;
#elif defined(__GNUC__)
    return a / b;
#else
    return _mm256_div_ps(a, b);
#endif
  }
  static TINYMLP_INLINE reg sqrt(reg a) {
#if defined(__clang__) // as div
    reg root;
    __asm__("vsqrtps {%1, %0|%0, %1}" : "=x"(root) : "x"(a));
    return root;
#else
    return _mm256_sqrt_ps(a);
#endif
  }
  static TINYMLP_INLINE reg fnma(reg a, reg b, reg c) { return _mm256_fnmadd_ps(a, b, c); }
  static TINYMLP_INLINE reg minimum(reg a, reg b) { return _mm256_min_ps(a, b); }
  static TINYMLP_INLINE reg maximum(reg a, reg b) { return _mm256_max_ps(a, b); }
  // a < b ? a : b, and a > b ? a : b: b where either is NaN.
  static TINYMLP_INLINE reg lower(reg a, reg b) { return _mm256_min_ps(a, b); }
  static TINYMLP_INLINE reg upper(reg a, reg b) { return _mm256_max_ps(a, b); }
  static TINYMLP_INLINE reg and_bits(reg a, reg b) { return _mm256_and_ps(a, b); }
  static TINYMLP_INLINE reg or_bits(reg a, reg b) { return _mm256_or_ps(a, b); }
  static TINYMLP_INLINE reg and_not_bits(reg a, reg b) { return _mm256_andnot_ps(a, b); } // ~a & b
  // a < b ? x : y
  static TINYMLP_INLINE reg if_less(reg a, reg b, reg x, reg y) {
    return select(_mm256_cmp_ps(a, b, _CMP_LT_OQ), x, y);
  }
  // x where `mask` is all ones, y where it is 0; a blend takes more cycles after it.
  static TINYMLP_INLINE reg select(reg mask, reg x, reg y) {
#if defined(__GNUC__)
    __asm__("" : "+x"(mask)); // else Clang makes a blend of it
#endif
    return _mm256_or_ps(_mm256_and_ps(mask, x), _mm256_andnot_ps(mask, y));
  }
  // a with the sign of b; a is not negative, or has that sign already.
  static TINYMLP_INLINE reg with_sign(reg a, reg b) {
    return _mm256_or_ps(a, _mm256_and_ps(b, set(-0.0F)));
  }
  // x where the sign bit of a is set, else y.
  static TINYMLP_INLINE reg if_negative(reg a, reg x, reg y) { return _mm256_blendv_ps(y, x, a); }
  // Whether a lane is below `low` or above `high`.
  static TINYMLP_INLINE bool any_outside(reg a, reg low, reg high) {
    return _mm256_movemask_ps(_mm256_or_ps(_mm256_cmp_ps(a, low, _CMP_LT_OQ),
                                           _mm256_cmp_ps(high, a, _CMP_LT_OQ))) != 0;
  }
  // N floats, then zeros; reads no further.
  template <std::size_t N> static TINYMLP_INLINE reg load_first(const float* p) {
    if constexpr (N >= 8)
      return load(p);
    else
      return _mm256_maskload_ps(p, first_lanes<N>());
  }
  // The first n floats, below 8, and zeros; the others are not read.
  static TINYMLP_INLINE reg load_upto(const float* p, std::size_t n) {
    return _mm256_maskload_ps(p, lanes_upto(n));
  }
  // The first n, below 8; the others are not written. In whole pieces, from which a load forwards,
  // as it does not from a masked store.
  static TINYMLP_INLINE void store_upto(float* p, reg a, std::size_t n) {
    __m128 rest = _mm256_castps256_ps128(a);
    if ((n & 4) != 0) {
      _mm_storeu_ps(p, rest);
      rest = _mm256_extractf128_ps(a, 1);
      p += 4;
    }
    if ((n & 2) != 0) {
      _mm_storel_pi(reinterpret_cast<__m64*>(p), rest);
      rest = _mm_movehl_ps(rest, rest);
      p += 2;
    }
    if ((n & 1) != 0) _mm_store_ss(p, rest);
  }
  static TINYMLP_INLINE bool any_nan(reg a) {
    return _mm256_movemask_ps(_mm256_cmp_ps(a, a, _CMP_UNORD_Q)) != 0;
  }
  static TINYMLP_INLINE ireg lanes_upto(std::size_t n) {
    return _mm256_cmpgt_epi32(iset(static_cast<std::int32_t>(n)),
                              _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7));
  }
  template <std::size_t N> static TINYMLP_INLINE ireg first_lanes() {
    return _mm256_setr_epi32(-(N > 0), -(N > 1), -(N > 2), -(N > 3), -(N > 4), -(N > 5), -(N > 6),
                             -(N > 7));
  }
  // As integers, in fewer cycles: the larger of two floats, if that is not below 0; the largest of
  // 0 and all lanes, in all lanes; a, or the smallest positive float for 0, of an a not below 0.
  static TINYMLP_INLINE reg larger(reg a, reg b) {
    return _mm256_castsi256_ps(_mm256_max_epi32(_mm256_castps_si256(a), _mm256_castps_si256(b)));
  }
  static TINYMLP_INLINE reg largest(reg a) {
    reg x = larger(larger(a, zero()), _mm256_permute2f128_ps(a, a, 1));
    x = larger(x, _mm256_permute_ps(x, 0x4e));
    return larger(x, _mm256_permute_ps(x, 0xb1));
  }
  static TINYMLP_INLINE reg not_zero(reg a) { return larger(a, _mm256_castsi256_ps(iset(1))); }
  // Of two halves of each 128-bit lane: a's low and b's high one; a's high and b's low one. Of its
  // four floats: the even ones of a, then of b; the odd ones.
  static TINYMLP_INLINE reg low_high(reg a, reg b) { return _mm256_blend_ps(a, b, 0xcc); }
  static TINYMLP_INLINE reg high_low(reg a, reg b) { return _mm256_shuffle_ps(a, b, 0x4e); }
  static TINYMLP_INLINE reg even(reg a, reg b) { return _mm256_shuffle_ps(a, b, 0x88); }
  static TINYMLP_INLINE reg odd(reg a, reg b) { return _mm256_shuffle_ps(a, b, 0xdd); }
  static TINYMLP_INLINE float reduce_max(reg a) {
    __m128 x = _mm_max_ps(_mm256_castps256_ps128(a), _mm256_extractf128_ps(a, 1));
    x = _mm_max_ps(x, _mm_movehl_ps(x, x));
    return _mm_cvtss_f32(_mm_max_ss(x, _mm_movehdup_ps(x)));
  }
  static TINYMLP_INLINE float reduce_min(reg a) {
    __m128 x = _mm_min_ps(_mm256_castps256_ps128(a), _mm256_extractf128_ps(a, 1));
    x = _mm_min_ps(x, _mm_movehl_ps(x, x));
    return _mm_cvtss_f32(_mm_min_ss(x, _mm_movehdup_ps(x)));
  }
  static TINYMLP_INLINE float reduce_add(reg a) {
    __m128 x = _mm_add_ps(_mm256_castps256_ps128(a), _mm256_extractf128_ps(a, 1));
    x = _mm_add_ps(x, _mm_movehl_ps(x, x));
    return _mm_cvtss_f32(_mm_add_ss(x, _mm_movehdup_ps(x)));
  }

  static TINYMLP_INLINE ireg iset(std::int32_t a) { return _mm256_set1_epi32(a); }
  static TINYMLP_INLINE ireg iload(const void* p) {
    return _mm256_loadu_si256(static_cast<const __m256i*>(p));
  }
  static TINYMLP_INLINE void istore(void* p, ireg a) {
    _mm256_storeu_si256(static_cast<__m256i*>(p), a);
  }
  static TINYMLP_INLINE ireg iadd(ireg a, ireg b) { return _mm256_add_epi32(a, b); }
  static TINYMLP_INLINE ireg isub(ireg a, ireg b) { return _mm256_sub_epi32(a, b); }
  static TINYMLP_INLINE ireg imul(ireg a, ireg b) { return _mm256_mullo_epi32(a, b); }
  static TINYMLP_INLINE ireg imin(ireg a, ireg b) { return _mm256_min_epi32(a, b); }
  // Of two factors that fit 16 bits: imul_narrow(narrow(a), b).
  static TINYMLP_INLINE ireg narrow(ireg a) { return _mm256_and_si256(a, iset(0xffff)); }
  static TINYMLP_INLINE ireg imul_narrow(ireg a, ireg b) { return _mm256_madd_epi16(a, b); }
  static TINYMLP_INLINE ireg to_int(reg a) { return _mm256_cvtps_epi32(a); } // half to even
  // a, or what to_int makes an integer beyond the limits of: above `limit`, that; far below
  // -limit, or NaN, a itself, of which to_int makes the least integer.
  static TINYMLP_INLINE reg within(reg a, reg limit) { return _mm256_min_ps(limit, a); }
  // Whether to_int saturates beyond 2^31 (and makes 0 of NaN), or makes the least integer of all.
  static constexpr bool saturates = false;
  static TINYMLP_INLINE reg to_float(ireg a) { return _mm256_cvtepi32_ps(a); }
  static TINYMLP_INLINE ireg as_int(reg a) { return _mm256_castps_si256(a); } // the same bits
  static TINYMLP_INLINE reg as_float(ireg a) { return _mm256_castsi256_ps(a); }
  template <int N> static TINYMLP_INLINE ireg shift_left(ireg a) { return _mm256_slli_epi32(a, N); }
  template <int N> static TINYMLP_INLINE ireg shift_right(ireg a) { // the sign comes in
    return _mm256_srai_epi32(a, N);
  }
  // a * 2^n, rounded once, for whole n from -252 to 254; a NaN if both are.
  static TINYMLP_INLINE reg scale(reg a, reg n) {
    const ireg whole = to_int(n), half = shift_right<1>(whole);
    return mul(mul(a, power(half)), power(isub(whole, half)));
  }
  static TINYMLP_INLINE reg power(ireg n) { return as_float(shift_left<23>(iadd(n, iset(127)))); }
  // Saturates to bytes: in each 128-bit lane, the four of a, then of b, c and d.
  static TINYMLP_INLINE ireg pack(ireg a, ireg b, ireg c, ireg d) {
    return _mm256_packus_epi16(_mm256_packus_epi32(a, b), _mm256_packus_epi32(c, d));
  }
  // Saturates to bytes: a, b, c and d of each lane side by side.
  static TINYMLP_INLINE ireg quads(ireg a, ireg b, ireg c, ireg d) {
    const ireg order = _mm256_broadcastsi128_si256(
        _mm_setr_epi8(0, 4, 8, 12, 1, 5, 9, 13, 2, 6, 10, 14, 3, 7, 11, 15));
    return _mm256_shuffle_epi8(pack(a, b, c, d), order);
  }
  // Saturates to 8 bytes.
  static TINYMLP_INLINE void store_bytes(void* p, ireg a) {
    const ireg both =
        _mm256_permutevar8x32_epi32(pack(a, a, a, a), _mm256_setr_epi32(0, 4, 0, 4, 0, 4, 0, 4));
    _mm_storel_epi64(static_cast<__m128i*>(p), _mm256_castsi256_si128(both));
  }
};

} // namespace tinymlp::kernels::vectors
namespace tinymlp::kernels::avx2 {

using vectors::v8;

struct ops {
  // One row: the vector for a layer's outputs, where a layer of the network has up to `Sums` sums
  // at once; how many of them run together; whether hidden layers are kept negated.
  template <std::size_t Outputs, std::size_t Sums> using row_vector = v8;
  using int8_row_vector = v8;
  static constexpr std::size_t row_sums = 8;
  static constexpr bool row_negated = true;
  // Terms of a chain that come by permutation; those after them through memory.
  static constexpr std::size_t row_permuted = 1;
  // Many rows: the vector of rows, vectors of rows in a block, and chains of a sum together.
  using v = v8;
  using narrow = vectors::v8; // the vector for eight values at the most
  using uneven = vectors::v8; // and for a panel of 9 to 15
  // Vectors of panels at once of networks whose sizes are numbers, in four chains.
  static constexpr std::size_t row_panels = 2;
  // Many rows, a layer in four chains: outputs together. Four would be eight sums, which just cover
  // the latency of a multiply-add; six leave room for what else delays it.
  static constexpr std::size_t block_outputs = 6;
  static constexpr std::size_t block_vectors = 2, block_chains = 1;
  static constexpr std::size_t int8_vectors = 3, int8_parts = 2; // and parts of a block
  // So many rows of a network of so many parameters take longer alone than a vector of rows does;
  // of int8, so many fewer where other vectors fill the time that each layer waits for its scale.
  static constexpr std::size_t fp32_pays(std::size_t parameters) {
    return parameters < 512 ? 6 : v8::lanes;
  }
  static constexpr std::size_t int8_pays_sooner = 2;
  static constexpr std::size_t int8_pays(std::size_t parameters) {
    return parameters < 2048 ? 5 : 7;
  }
  static constexpr std::size_t static_pays(std::size_t parameters) {
    return parameters < 2048 ? 5 : 7;
  }

  // Lane I of x, term K of its chain, in all lanes.
  template <std::size_t Index, std::size_t K> static TINYMLP_INLINE __m256 element(v8, __m256 x) {
    if constexpr (Index == 0) return _mm256_broadcastss_ps(_mm256_castps256_ps128(x));
    const __m256 half = _mm256_permute2f128_ps(x, x, Index / 4 * 0x11);
    return _mm256_permute_ps(half, Index % 4 * 0x55);
  }

  // Four lanes beside the last sums. N floats, then zeros.
  using quad = __m128;
  template <std::size_t N> static TINYMLP_INLINE quad load_quad(const float* p) {
    if constexpr (N >= 4)
      return _mm_loadu_ps(p);
    else
      return _mm_maskload_ps(p, _mm_setr_epi32(-(N > 0), -(N > 1), -(N > 2), 0));
  }
  // +0 where x is finite, else NaN.
  static TINYMLP_INLINE quad poison_of(quad x) { return _mm_sub_ps(x, x); }
  static TINYMLP_INLINE quad add_quad(quad a, quad b) { return _mm_add_ps(a, b); }

  // The 8 lanes of the one-output layer.
  using octet = __m256;
  // The O-th octet of x's vectors, of which N lanes are there; zeros in the others.
  template <std::size_t O, std::size_t N>
  static TINYMLP_INLINE octet octet_of(v8, const __m256* x) {
    return keep<N>(x[O]);
  }
  // Lanes from N on become zero.
  template <std::size_t N> static TINYMLP_INLINE octet keep(octet x) {
    if constexpr (N >= 8)
      return x;
    else
      return _mm256_and_ps(x, _mm256_castsi256_ps(v8::first_lanes<N>()));
  }
  static TINYMLP_INLINE octet load_octet(const float* p) { return _mm256_loadu_ps(p); }
  // As v8::load_upto.
  static TINYMLP_INLINE octet load_octet_upto(const float* p, std::size_t n) {
    return v8::load_upto(p, n);
  }
  static TINYMLP_INLINE octet fma_octet(octet a, octet b, octet c) {
    return _mm256_fmadd_ps(a, b, c);
  }
  static TINYMLP_INLINE octet fnma_octet(octet a, octet b, octet c) {
    return _mm256_fnmadd_ps(a, b, c);
  }
  // Adds halves, 8 -> 4 -> 2 -> 1. `poison` is +0, or NaN to make the score NaN; adding it while
  // the upper half is on its way also turns a score of -0 into +0.
  static TINYMLP_INLINE __m128 add_halves(octet a, quad poison) {
    const __m128 low = _mm_add_ps(_mm256_castps256_ps128(a), poison);
    const __m128 four = _mm_add_ps(low, _mm256_extractf128_ps(a, 1));
    const __m128 two = _mm_add_ps(four, _mm_movehl_ps(four, four));
    return _mm_add_ps(two, _mm_movehdup_ps(two));
  }
  // And makes a NaN the canonical one; as integers, in half the cycles of compare and blend.
  static TINYMLP_INLINE float sum_octet(octet a, quad poison) {
    const __m128i one = _mm_castps_si128(add_halves(a, poison));
    const __m128i magnitude = _mm_and_si128(one, _mm_set1_epi32(0x7fffffff));
    __m128i is_nan = _mm_cmpgt_epi32(magnitude, _mm_set1_epi32(0x7f800000));
#if defined(__GNUC__)
    __asm__("" : "+x"(is_nan)); // else Clang makes a blend of the rest
#endif
    const __m128i nan = _mm_and_si128(is_nan, _mm_set1_epi32(0x7fc00000));
    return _mm_cvtss_f32(_mm_castsi128_ps(_mm_or_si128(_mm_andnot_si128(is_nan, one), nan)));
  }

  static TINYMLP_INLINE void prefetch(const void* p) {
    _mm_prefetch(static_cast<const char*>(p), _MM_HINT_T0);
  }
  // Four columns of 8 rows, `stride` floats apart, as four vectors of 8 rows.
  static TINYMLP_INLINE void load_columns(const float* rows, std::size_t stride,
                                          __m256 (&column)[4]) {
    const __m256 a = load_pair(rows, rows + 4 * stride);
    const __m256 b = load_pair(rows + stride, rows + 5 * stride);
    const __m256 c = load_pair(rows + 2 * stride, rows + 6 * stride);
    const __m256 d = load_pair(rows + 3 * stride, rows + 7 * stride);
    exchange(a, b, c, d, column);
  }

  // The other way round: four floats each to the first `count` rows, in their order, 7 or 8.
  static TINYMLP_INLINE void store_columns(const __m256 (&column)[4], float* rows,
                                           std::size_t stride, std::size_t count) {
    __m256 row[4];
    exchange(column[0], column[1], column[2], column[3], row);
    TINYMLP_UNROLL for (std::size_t j = 0; j < 4; ++j)
        _mm_storeu_ps(rows + j * stride, _mm256_castps256_ps128(row[j]));
    TINYMLP_UNROLL for (std::size_t j = 0; j < 4; ++j) if (j != 3 || count == 8)
        _mm_storeu_ps(rows + (j + 4) * stride, _mm256_extractf128_ps(row[j], 1));
  }

  // 8 rows of six floats: quad I of rows 0 to 3, and that of rows 4 to 7, in m[I].
  static TINYMLP_INLINE void load_sixes(const float* rows, __m256 (&m)[6]) {
    TINYMLP_UNROLL for (std::size_t i = 0; i < 6; ++i) m[i] =
        load_pair(rows + 4 * i, rows + 24 + 4 * i);
  }

  // int8: q holds four unsigned bytes in a lane, w four signed ones; their products are added to
  // `sum`, exactly. `zero` is the zero point that dot() itself subtracts from q.
  static constexpr std::int32_t zero = 0;
  static TINYMLP_INLINE __m256i dot(__m256i sum, __m256i q, __m256i w) {
    const __m256i even = _mm256_set1_epi32(0x00ff00ff);
    const __m256i low =
        _mm256_madd_epi16(_mm256_and_si256(q, even), _mm256_srai_epi16(_mm256_slli_epi16(w, 8), 8));
    const __m256i high = _mm256_madd_epi16(_mm256_srli_epi16(q, 8), _mm256_srai_epi16(w, 8));
    return _mm256_add_epi32(sum, _mm256_add_epi32(low, high));
  }
  // Lane 4 * Half + J of x in all lanes.
  template <std::size_t Half, std::size_t J> static TINYMLP_INLINE __m256i group(v8, __m256i x) {
    return _mm256_permutevar8x32_epi32(x, _mm256_set1_epi32(4 * Half + J));
  }

private:
  static TINYMLP_INLINE __m256 load_pair(const float* low, const float* high) {
    return _mm256_insertf128_ps(_mm256_castps128_ps256(_mm_loadu_ps(low)), _mm_loadu_ps(high), 1);
  }
  // In each 128-bit lane, four vectors of four floats transposed.
  static TINYMLP_INLINE void exchange(__m256 a, __m256 b, __m256 c, __m256 d, __m256 (&to)[4]) {
    const __m256 ab_low = _mm256_unpacklo_ps(a, b), ab_high = _mm256_unpackhi_ps(a, b);
    const __m256 cd_low = _mm256_unpacklo_ps(c, d), cd_high = _mm256_unpackhi_ps(c, d);
    to[0] = join_low(ab_low, cd_low);
    to[1] = join_high(ab_low, cd_low);
    to[2] = join_low(ab_high, cd_high);
    to[3] = join_high(ab_high, cd_high);
  }
  static TINYMLP_INLINE __m256 join_low(__m256 a, __m256 b) {
    return _mm256_shuffle_ps(a, b, 0x44);
  }
  static TINYMLP_INLINE __m256 join_high(__m256 a, __m256 b) {
    return _mm256_shuffle_ps(a, b, 0xee);
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

} // namespace tinymlp::kernels::avx2
#include <tinymlp/kernels/region_end.inl>
#endif
