// Coefficients of the elementary functions, one table for all kernels, and these functions of
// single floats: constexpr, and the definition of their bits.
#pragma once

#include <tinymlp/kernels/activation.hpp>
#include <tinymlp/kernels/exact.hpp>

#include <bit>
#include <cstddef>
#include <cstdint>

namespace tinymlp::kernels::elementary {

inline constexpr float log2_e = 0x1.715476p0F;
// ln(2) as the sum of two floats.
inline constexpr float ln2_high = 0x1.62e43p-1F, ln2_low = -0x1.05c61p-29F;
inline constexpr float sqrt_half = 0x1.6a09e6p-1F;
// Added to a float, leaves it 8 bits behind the point, those of the mask.
inline constexpr float point = 0x1.8p15F, fraction_mask = 0xffp-149F;

// Minimax polynomials, the constant term first, whose coefficients are floats (Brisebarre and
// Chevillard, "Efficient polynomial L-infinity approximations", ARITH 2007).
// (exp(r) - 1 - r) / r^2. Where a polynomial's range of r begins at -low ln(2), it ends at
// (1 - low) ln(2): n = floor(x / ln(2) + low) is subtracted.
// With the least relative error of exp(r):
inline constexpr float exp[]{0x1.000006p-1F, 0x1.5554dap-3F, 0x1.5543c6p-5F, 0x1.11f18ap-7F,
                             0x1.7fd91cp-10F};
// With the least relative error of exp(r) - 1:
inline constexpr float expm1[]{0x1.000002p-1F, 0x1.5554fep-3F, 0x1.55475p-5F, 0x1.11dbb2p-7F,
                               0x1.7eb4fp-10F};
inline constexpr float exp_low = 0.4140625F; // up to exp(r) = 1.5
inline constexpr float tanh[]{0x1.000002p-1F, 0x1.555624p-3F, 0x1.554ae8p-5F, 0x1.0f79e4p-7F,
                              0x1.a30f1cp-10F};
inline constexpr float tanh_low = 0.25F; // up to tanh(r / 2) = 0.25

// (log(1 + z) - z) / z^2, z from 0 to exp(-1)
inline constexpr float log1p[]{-0x1.ffffc4p-2F, 0x1.554888p-2F,  -0x1.fe2906p-3F,
                               0x1.89afc2p-3F,  -0x1.0c76ecp-3F, 0x1.b52c26p-5F};
// (log(1 + exp(x)) - x / 2 - log(2)) / x^2 by x^2, |x| <= 1
inline constexpr float softplus[]{0x1.ffffep-4F, -0x1.55418cp-8F, 0x1.6841bap-12F,
                                  -0x1.6d986cp-16F};
// (log(1 + f) - f + f^2 / 2) / f^3, 1 + f in [sqrt(1/2), sqrt(2)]
inline constexpr float log[]{0x1.555554p-2F,  -0x1.ffffe6p-3F, 0x1.999d2ap-3F,
                             -0x1.556288p-3F, 0x1.23de3ap-3F,  -0x1.fbbf2p-4F,
                             0x1.dc76b2p-4F,  -0x1.ddb3c8p-4F, 0x1.2cb26ep-4F};
// erf(x) / x - 1 by x^2, x in [0, 0.92]
inline constexpr float erf[]{0x1.06eba8p-3F, -0x1.812742p-2F,  0x1.ce2dfcp-4F, -0x1.b80f48p-6F,
                             0x1.54da3p-8F,  -0x1.ab23bep-11F, 0x1.605f9ep-14F};
// log(1 - erf(x)) / x + 2, x in [0.92, 4]
inline constexpr float erfc[]{0x1.be2228p-1F,  -0x1.45341p-1F,  -0x1.b31174p-4F, 0x1.850c64p-6F,
                              -0x1.dc67b2p-9F, 0x1.5079fap-12F, -0x1.726e0cp-17F};

} // namespace tinymlp::kernels::elementary

#include <tinymlp/nonblocking.inl>
#include <tinymlp/kernels/precise_begin.inl>
namespace tinymlp::kernels::vectors {

// One float, or int32: the primitives as the vectors have them, in exact arithmetic.
struct v1 {
  using reg = float;
  using ireg = std::int32_t;
  static constexpr std::size_t lanes = 1;
  static constexpr reg zero() { return 0; }
  static constexpr reg set(float a) { return a; }
  static constexpr reg load(const float* p) { return *p; }
  static constexpr void store(float* p, reg a) { *p = a; }
  static constexpr reg add(reg a, reg b) { return exact::add(a, b); }
  static constexpr reg sub(reg a, reg b) { return exact::sub(a, b); }
  static constexpr reg mul(reg a, reg b) { return exact::mul(a, b); }
  static constexpr reg div(reg a, reg b) { return exact::div(a, b); }
  static constexpr reg fma(reg a, reg b, reg c) { return exact::fma(a, b, c); }
  static constexpr reg fnma(reg a, reg b, reg c) { return exact::fma(-a, b, c); }
  static constexpr reg lower(reg a, reg b) { return a < b ? a : b; }
  static constexpr reg upper(reg a, reg b) { return a > b ? a : b; }
  static constexpr reg if_less(reg a, reg b, reg x, reg y) { return a < b ? x : y; }
  static constexpr reg with_sign(reg a, reg b) { return or_bits(a, and_bits(b, -0.0F)); }
  static constexpr reg if_negative(reg a, reg x, reg y) { return as_int(a) < 0 ? x : y; }
  static constexpr reg poisoned(reg a, reg poison) {
    return exact::is_nan(poison) ? exact::quiet_nan : a;
  }
  static constexpr reg and_bits(reg a, reg b) { return as_float(as_int(a) & as_int(b)); }
  static constexpr reg or_bits(reg a, reg b) { return as_float(as_int(a) | as_int(b)); }
  static constexpr reg and_not_bits(reg a, reg b) { return as_float(~as_int(a) & as_int(b)); }
  static constexpr ireg as_int(reg a) { return std::bit_cast<ireg>(a); }
  static constexpr reg as_float(ireg a) { return std::bit_cast<reg>(a); }
  static constexpr reg to_float(ireg a) { return static_cast<reg>(a); }
  static constexpr ireg isub(ireg a, ireg b) {
    return static_cast<ireg>(static_cast<std::uint32_t>(a) - static_cast<std::uint32_t>(b));
  }
  static constexpr ireg imin(ireg a, ireg b) { return a < b ? a : b; }
  template <int N> static constexpr ireg shift_left(ireg a) {
    return static_cast<ireg>(static_cast<std::uint32_t>(a) << N);
  }
  template <int N> static constexpr ireg shift_right(ireg a) { return a >> N; }
  // a * 2^n, rounded once, for whole n from -252 to 254; a NaN n gives a NaN if a is one.
  static constexpr reg scale(reg a, reg n) {
    const ireg whole = isub(shift_right<8>(as_int(add(n, elementary::point))),
                            shift_right<8>(as_int(elementary::point)));
    const ireg half = shift_right<1>(whole);
    return mul(mul(a, power(half)), power(isub(whole, half)));
  }

private:
  static constexpr reg power(ireg n) { return as_float(shift_left<23>(isub(n, -127))); }
};

} // namespace tinymlp::kernels::vectors
#define TINYMLP_INLINE
#define TINYMLP_UNROLL
namespace tinymlp::kernels::reference {

#include <tinymlp/kernels/elementary.inl>
#include <tinymlp/kernels/elementary_pair.inl>
#include <tinymlp/kernels/activations.inl>

} // namespace tinymlp::kernels::reference
#undef TINYMLP_INLINE
#undef TINYMLP_UNROLL
#include <tinymlp/kernels/precise_end.inl>
#include <tinymlp/nonblocking.inl>
