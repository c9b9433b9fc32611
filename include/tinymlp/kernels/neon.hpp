// AArch64 Advanced SIMD: 4 floats in a vector, 32 registers.
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

#if defined(__aarch64__) && defined(__GNUC__) && !defined(__AARCH64EB__)
#include <arm_neon.h>

#include <tinymlp/kernels/region_begin.inl>
namespace tinymlp::kernels::vectors {

// 4 floats, or 4 int32.
struct v4 {
  using reg = float32x4_t;
  using ireg = int32x4_t;
  static constexpr std::size_t lanes = 4;
  static TINYMLP_INLINE reg zero() { return vdupq_n_f32(0); }
  static TINYMLP_INLINE reg load(const float* p) { return vld1q_f32(p); }
  static TINYMLP_INLINE reg load_first(const float* p, std::size_t count) {
    if (count >= lanes) return load(p);
    reg a = zero();
    if (count > 0) a = vld1q_lane_f32(p, a, 0);
    if (count > 1) a = vld1q_lane_f32(p + 1, a, 1);
    if (count > 2) a = vld1q_lane_f32(p + 2, a, 2);
    return a;
  }
  static TINYMLP_INLINE void store(float* p, reg a) { vst1q_f32(p, a); }
  static TINYMLP_INLINE reg broadcast(const float* p) { return vld1q_dup_f32(p); }
  static TINYMLP_INLINE reg fma(reg a, reg b, reg c) { return vfmaq_f32(c, a, b); }
  static TINYMLP_INLINE reg add(reg a, reg b) { return vaddq_f32(a, b); }
  static TINYMLP_INLINE reg sub(reg a, reg b) { return vsubq_f32(a, b); }
  static TINYMLP_INLINE reg relu(reg a) { return vmaxq_f32(a, zero()); } // NaN stays NaN
  static TINYMLP_INLINE reg opaque(reg a) { // hides a value from the compiler
    __asm__("" : "+w"(a));
    return a;
  }
  // The canonical NaN where `poison` is a NaN, else a.
  static TINYMLP_INLINE reg poisoned(reg a, reg poison) {
    return vbslq_f32(vceqq_f32(poison, poison), a, vreinterpretq_f32_u32(vdupq_n_u32(0x7fc00000)));
  }

  static TINYMLP_INLINE reg set(float a) { return vdupq_n_f32(a); }
  static TINYMLP_INLINE float first(reg a) { return vgetq_lane_f32(a, 0); }
  // Rounded: never fused with an addition.
  static TINYMLP_INLINE reg mul(reg a, reg b) {
    reg product = vmulq_f32(a, b);
    __asm__("" : "+w"(product));
    return product;
  }
  static TINYMLP_INLINE reg div(reg a, reg b) { return vdivq_f32(a, b); }
  static TINYMLP_INLINE reg sqrt(reg a) { return vsqrtq_f32(a); }
  static TINYMLP_INLINE reg fnma(reg a, reg b, reg c) { return vfmsq_f32(c, a, b); }
  static TINYMLP_INLINE reg minimum(reg a, reg b) { return vminq_f32(a, b); }
  static TINYMLP_INLINE reg maximum(reg a, reg b) { return vmaxq_f32(a, b); }
  // a < b ? a : b, and a > b ? a : b: b where either is NaN.
  static TINYMLP_INLINE reg lower(reg a, reg b) { return vbslq_f32(vcltq_f32(a, b), a, b); }
  static TINYMLP_INLINE reg upper(reg a, reg b) { return vbslq_f32(vcgtq_f32(a, b), a, b); }
  static TINYMLP_INLINE reg and_bits(reg a, reg b) {
    return as_float(vandq_s32(as_int(a), as_int(b)));
  }
  static TINYMLP_INLINE reg or_bits(reg a, reg b) {
    return as_float(vorrq_s32(as_int(a), as_int(b)));
  }
  // ~a & b
  static TINYMLP_INLINE reg and_not_bits(reg a, reg b) {
    return as_float(vbicq_s32(as_int(b), as_int(a)));
  }
  // a < b ? x : y
  static TINYMLP_INLINE reg if_less(reg a, reg b, reg x, reg y) {
    return vbslq_f32(vcltq_f32(a, b), x, y);
  }
  // a with the sign of b; a is not negative, or has that sign already.
  static TINYMLP_INLINE reg with_sign(reg a, reg b) {
    return vbslq_f32(vdupq_n_u32(0x80000000), b, a);
  }
  // x where the sign bit of a is set, else y.
  static TINYMLP_INLINE reg if_negative(reg a, reg x, reg y) {
    return vbslq_f32(vreinterpretq_u32_s32(shift_right<31>(as_int(a))), x, y);
  }
  // Whether a lane is below `low` or above `high`.
  static TINYMLP_INLINE bool any_outside(reg a, reg low, reg high) {
    return vmaxvq_u32(vorrq_u32(vcltq_f32(a, low), vcltq_f32(high, a))) != 0;
  }
  // N floats, then zeros; reads no further.
  template <std::size_t N> static TINYMLP_INLINE reg load_first(const float* p) {
    if constexpr (N >= 4)
      return load(p);
    else if constexpr (N == 1)
      return vld1q_lane_f32(p, zero(), 0);
    else {
      const reg two = vcombine_f32(vld1_f32(p), vdup_n_f32(0));
      if constexpr (N == 2)
        return two;
      else
        return vld1q_lane_f32(p + 2, two, 2);
    }
  }
  // The first n floats, below 4, and zeros; the others are not read.
  static TINYMLP_INLINE reg load_upto(const float* p, std::size_t n) {
    return n == 1 ? load_first<1>(p) : n == 2 ? load_first<2>(p) : load_first<3>(p);
  }
  // The first n, below 4, in whole pieces; the others are not written.
  static TINYMLP_INLINE void store_upto(float* p, reg a, std::size_t n) {
    if (n == 1) return vst1q_lane_f32(p, a, 0);
    vst1_f32(p, vget_low_f32(a));
    if (n > 2) vst1q_lane_f32(p + 2, a, 2);
  }
  static TINYMLP_INLINE bool any_nan(reg a) { return vminvq_u32(vceqq_f32(a, a)) == 0; }
  static TINYMLP_INLINE reg negated(reg a) { return vnegq_f32(a); }
  // The larger of two floats; the largest of 0 and all lanes, in all lanes; a, or the smallest
  // positive float for 0, of an a not below 0.
  static TINYMLP_INLINE reg larger(reg a, reg b) { return vmaxq_f32(a, b); }
  static TINYMLP_INLINE reg largest(reg a) { return vdupq_n_f32(vmaxvq_f32(vmaxq_f32(a, zero()))); }
  static TINYMLP_INLINE reg not_zero(reg a) {
    return vmaxq_f32(a, vreinterpretq_f32_u32(vdupq_n_u32(1)));
  }
  static TINYMLP_INLINE reg low_high(reg a, reg b) {
    return vcombine_f32(vget_low_f32(a), vget_high_f32(b));
  }
  static TINYMLP_INLINE reg high_low(reg a, reg b) { return vextq_f32(a, b, 2); }
  static TINYMLP_INLINE reg even(reg a, reg b) { return vuzp1q_f32(a, b); }
  static TINYMLP_INLINE reg odd(reg a, reg b) { return vuzp2q_f32(a, b); }
  static TINYMLP_INLINE float reduce_max(reg a) { return vmaxvq_f32(a); }
  static TINYMLP_INLINE float reduce_min(reg a) { return vminvq_f32(a); }
  static TINYMLP_INLINE float reduce_add(reg a) { return vaddvq_f32(a); }

  static TINYMLP_INLINE ireg iset(std::int32_t a) { return vdupq_n_s32(a); }
  static TINYMLP_INLINE ireg iload(const void* p) {
    return vreinterpretq_s32_u8(vld1q_u8(static_cast<const std::uint8_t*>(p)));
  }
  static TINYMLP_INLINE void istore(void* p, ireg a) {
    vst1q_u8(static_cast<std::uint8_t*>(p), vreinterpretq_u8_s32(a));
  }
  static TINYMLP_INLINE ireg iadd(ireg a, ireg b) { return vaddq_s32(a, b); }
  static TINYMLP_INLINE ireg isub(ireg a, ireg b) { return vsubq_s32(a, b); }
  static TINYMLP_INLINE ireg imul(ireg a, ireg b) { return vmulq_s32(a, b); }
  static TINYMLP_INLINE ireg imin(ireg a, ireg b) { return vminq_s32(a, b); }
  static TINYMLP_INLINE ireg narrow(ireg a) { return a; }
  static TINYMLP_INLINE ireg imul_narrow(ireg a, ireg b) { return imul(a, b); }
  static TINYMLP_INLINE ireg to_int(reg a) { return vcvtnq_s32_f32(a); } // half to even
  // a, or the limit that it lies beyond: to_int would make 0 of the NaN that an overflow leads to.
  static TINYMLP_INLINE reg within(reg a, reg limit) {
    return vminq_f32(limit, vmaxq_f32(vnegq_f32(limit), a));
  }
  static constexpr bool saturates = true;
  static TINYMLP_INLINE reg to_float(ireg a) { return vcvtq_f32_s32(a); }
  static TINYMLP_INLINE ireg as_int(reg a) { return vreinterpretq_s32_f32(a); } // the same bits
  static TINYMLP_INLINE reg as_float(ireg a) { return vreinterpretq_f32_s32(a); }
  template <int N> static TINYMLP_INLINE ireg shift_left(ireg a) { return vshlq_n_s32(a, N); }
  template <int N> static TINYMLP_INLINE ireg shift_right(ireg a) { // the sign comes in
    return vshrq_n_s32(a, N);
  }
  // a * 2^n, rounded once, for whole n from -252 to 254; a NaN if both are.
  static TINYMLP_INLINE reg scale(reg a, reg n) {
    const ireg whole = to_int(n), half = shift_right<1>(whole);
    return mul(mul(a, power(half)), power(isub(whole, half)));
  }
  static TINYMLP_INLINE reg power(ireg n) { return as_float(shift_left<23>(iadd(n, iset(127)))); }
};

// v4 that packs quantised values as unsigned bytes.
struct v4_unsigned : v4 {
  // Saturates to bytes: the four of a, then of b, c and d.
  static TINYMLP_INLINE ireg pack(ireg a, ireg b, ireg c, ireg d) {
    const uint16x8_t low = vcombine_u16(vqmovun_s32(a), vqmovun_s32(b));
    const uint16x8_t high = vcombine_u16(vqmovun_s32(c), vqmovun_s32(d));
    return vreinterpretq_s32_u8(vcombine_u8(vqmovn_u16(low), vqmovn_u16(high)));
  }
  // Saturates to bytes: a, b, c and d of each lane side by side.
  static TINYMLP_INLINE ireg quads(ireg a, ireg b, ireg c, ireg d) {
    return turn(pack(a, b, c, d));
  }
  // Saturates to 4 bytes.
  static TINYMLP_INLINE void store_bytes(void* p, ireg a) { store_four(p, pack(a, a, a, a)); }

  static TINYMLP_INLINE ireg turn(ireg a) {
    alignas(16) static constexpr std::uint8_t order[16]{0, 4, 8,  12, 1, 5, 9,  13,
                                                        2, 6, 10, 14, 3, 7, 11, 15};
    return vreinterpretq_s32_u8(vqtbl1q_u8(vreinterpretq_u8_s32(a), vld1q_u8(order)));
  }
  static TINYMLP_INLINE void store_four(void* p, ireg a) {
    const std::int32_t four = vgetq_lane_s32(a, 0);
    std::memcpy(p, &four, sizeof four);
  }
};

// v4 that packs quantised values as signed bytes, less 128.
struct v4_signed : v4 {
  static TINYMLP_INLINE ireg pack(ireg a, ireg b, ireg c, ireg d) {
    return veorq_s32(v4_unsigned::pack(a, b, c, d), vreinterpretq_s32_u8(vdupq_n_u8(0x80)));
  }
  static TINYMLP_INLINE ireg quads(ireg a, ireg b, ireg c, ireg d) {
    return v4_unsigned::turn(pack(a, b, c, d));
  }
  static TINYMLP_INLINE void store_bytes(void* p, ireg a) {
    v4_unsigned::store_four(p, pack(a, a, a, a));
  }
};

} // namespace tinymlp::kernels::vectors
namespace tinymlp::kernels::neon {

struct ops {
  // One row: the vector for a layer's outputs, and how many sums run together.
  using v = vectors::v4_signed;
  template <std::size_t Outputs, std::size_t Sums> using row_vector = v;
  using int8_row_vector = v;
  static constexpr std::size_t row_sums = 16;
  static constexpr bool row_negated = false; // relu takes two cycles as it is
  // Terms of a chain that come by permutation: all, for fmla takes a lane as it is.
  static constexpr std::size_t row_permuted = 65536;
  // Many rows: vectors of rows in a block, and chains of a sum together.
  using narrow = vectors::v4; // the vector for eight values at the most
  using uneven = vectors::v4; // and for a panel of 9 to 15
  // Vectors of panels at once of networks whose sizes are numbers, in four chains.
  static constexpr std::size_t row_panels = 4;
  static constexpr std::size_t block_outputs = 4;
  static constexpr std::size_t block_vectors = 4, block_chains = 1;
  static constexpr std::size_t int8_vectors = 2, int8_parts = 2; // and parts of a block
  // So many rows of a network of so many parameters take longer alone than a vector of rows does;
  // of int8, so many fewer where other vectors fill the time that each layer waits for its scale.
  static constexpr std::size_t fp32_pays(std::size_t) { return 3; }
  static constexpr std::size_t int8_pays_sooner = 0;
  static constexpr std::size_t int8_pays(std::size_t) { return 3; }
  static constexpr std::size_t static_pays(std::size_t) { return 3; }

  // Lane I of x in all lanes.
  template <std::size_t Index, std::size_t K>
  static TINYMLP_INLINE float32x4_t element(vectors::v4, float32x4_t x) {
    return vdupq_laneq_f32(x, Index);
  }

  // Four lanes beside the last sums. N floats, then zeros.
  using quad = float32x4_t;
  template <std::size_t N> static TINYMLP_INLINE quad load_quad(const float* p) {
    return v::load_first<N>(p);
  }
  // +0 where x is finite, else NaN.
  static TINYMLP_INLINE quad poison_of(quad x) { return vsubq_f32(x, x); }
  static TINYMLP_INLINE quad add_quad(quad a, quad b) { return vaddq_f32(a, b); }

  // The 8 lanes of the one-output layer.
  struct octet {
    float32x4_t low, high;
  };
  // The O-th octet of x's vectors, of which N lanes are there; zeros in the others.
  template <std::size_t O, std::size_t N>
  static TINYMLP_INLINE octet octet_of(vectors::v4, const float32x4_t* x) {
    if constexpr (N <= 4)
      return keep<N>({x[2 * O], vdupq_n_f32(0)});
    else
      return keep<N>({x[2 * O], x[2 * O + 1]});
  }
  // Lanes from N on become zero.
  template <std::size_t N> static TINYMLP_INLINE octet keep(octet x) {
    return {first_lanes<N>(x.low), first_lanes<(N > 4 ? N - 4 : 0)>(x.high)};
  }
  static TINYMLP_INLINE octet load_octet(const float* p) {
    return {vld1q_f32(p), vld1q_f32(p + 4)};
  }
  // The first n floats, below 8, then zeros; nothing is read behind them.
  static TINYMLP_INLINE octet load_octet_upto(const float* p, std::size_t n) {
    if (n < 4) return {v::load_upto(p, n), v::zero()};
    return {v::load(p), n > 4 ? v::load_upto(p + 4, n - 4) : v::zero()};
  }
  static TINYMLP_INLINE octet fma_octet(octet a, octet b, octet c) {
    return {vfmaq_f32(c.low, a.low, b.low), vfmaq_f32(c.high, a.high, b.high)};
  }
  static TINYMLP_INLINE octet fnma_octet(octet a, octet b, octet c) {
    return {vfmsq_f32(c.low, a.low, b.low), vfmsq_f32(c.high, a.high, b.high)};
  }
  // Adds halves, 8 -> 4 -> 2 -> 1. `poison` is +0, or NaN to make the score NaN; adding it also
  // turns a score of -0 into +0.
  static TINYMLP_INLINE float sum_octet(octet a, quad poison) {
    const float32x4_t four = vaddq_f32(vaddq_f32(a.low, poison), a.high);
    const float32x2_t two = vadd_f32(vget_low_f32(four), vget_high_f32(four));
    const float32x2_t one = vpadd_f32(two, two);
    const float32x2_t nan = vreinterpret_f32_u32(vdup_n_u32(0x7fc00000));
    return vget_lane_f32(vbsl_f32(vceq_f32(one, one), one, nan), 0);
  }

  static TINYMLP_INLINE void prefetch(const void* p) { __builtin_prefetch(p); }
  // Four vectors transposed.
  static TINYMLP_INLINE void exchange(float32x4_t a, float32x4_t b, float32x4_t c, float32x4_t d,
                                      float32x4_t (&to)[4]) {
    const float32x4_t ac_low = vzip1q_f32(a, c), ac_high = vzip2q_f32(a, c);
    const float32x4_t bd_low = vzip1q_f32(b, d), bd_high = vzip2q_f32(b, d);
    to[0] = vzip1q_f32(ac_low, bd_low);
    to[1] = vzip2q_f32(ac_low, bd_low);
    to[2] = vzip1q_f32(ac_high, bd_high);
    to[3] = vzip2q_f32(ac_high, bd_high);
  }
  // Four columns of 4 rows, `stride` floats apart, as four vectors of 4 rows.
  static TINYMLP_INLINE void load_columns(const float* rows, std::size_t stride,
                                          float32x4_t (&column)[4]) {
    const float32x4_t a = vld1q_f32(rows), b = vld1q_f32(rows + stride);
    const float32x4_t c = vld1q_f32(rows + 2 * stride), d = vld1q_f32(rows + 3 * stride);
    exchange(a, b, c, d, column);
  }

  // The other way round: four floats each to the first `count` rows, in their order, 3 or 4.
  static TINYMLP_INLINE void store_columns(const float32x4_t (&column)[4], float* rows,
                                           std::size_t stride, std::size_t count) {
    float32x4_t row[4];
    exchange(column[0], column[1], column[2], column[3], row);
    TINYMLP_UNROLL for (std::size_t j = 0; j < 4; ++j) if (j != 3 || count == 4)
        vst1q_f32(rows + j * stride, row[j]);
  }

  // 4 rows of six floats.
  static TINYMLP_INLINE void load_sixes(const float* rows, float32x4_t (&m)[6]) {
    TINYMLP_UNROLL for (std::size_t i = 0; i < 6; ++i) m[i] = vld1q_f32(rows + 4 * i);
  }

  // int8: q holds four bytes in a lane, less 128, w four signed ones; their products are added to
  // `sum`, exactly. `zero` is the zero point that dot() itself subtracts from q.
  static constexpr std::int32_t zero = 128;
  static TINYMLP_INLINE int32x4_t dot(int32x4_t sum, int32x4_t q, int32x4_t w) {
    const int8x16_t a = vreinterpretq_s8_s32(q), b = vreinterpretq_s8_s32(w);
    const int32x4_t low = vpaddlq_s16(vmull_s8(vget_low_s8(a), vget_low_s8(b)));
    const int32x4_t high = vpaddlq_s16(vmull_high_s8(a, b));
    return vaddq_s32(sum, vpaddq_s32(low, high));
  }
  // Lane J of x in all lanes.
  template <std::size_t, std::size_t J>
  static TINYMLP_INLINE int32x4_t group(vectors::v4, int32x4_t x) {
    return vdupq_laneq_s32(x, J);
  }

private:
  template <std::size_t N> static TINYMLP_INLINE float32x4_t first_lanes(float32x4_t x) {
    if constexpr (N >= 4)
      return x;
    else {
      alignas(16) static constexpr std::uint32_t mask[4]{N > 0 ? ~0U : 0, N > 1 ? ~0U : 0,
                                                         N > 2 ? ~0U : 0, 0};
      return vreinterpretq_f32_u32(vandq_u32(vreinterpretq_u32_f32(x), vld1q_u32(mask)));
    }
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

} // namespace tinymlp::kernels::neon
#include <tinymlp/kernels/region_end.inl>
#endif
