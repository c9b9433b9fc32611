// float32 arithmetic with exactly one rounding per call, the same at compile time and at run
// time, on every CPU and under every -ffp-contract. The reference kernels are written in it.
#pragma once

#include <tinymlp/error.hpp>

#include <bit>
#include <cstdint>
#include <limits>
#include <type_traits>

#include <tinymlp/kernels/precise_begin.inl>
namespace tinymlp::kernels::exact {

// The one NaN that scores are; by its bits, since older MIPS has another.
inline constexpr float quiet_nan = std::bit_cast<float>(std::uint32_t{0x7fc00000});
inline constexpr float infinity = std::numeric_limits<float>::infinity();

constexpr bool is_finite(float x) noexcept {
  return (std::bit_cast<std::uint32_t>(x) & 0x7f800000U) != 0x7f800000U;
}
constexpr bool is_nan(float x) noexcept {
  return (std::bit_cast<std::uint32_t>(x) & 0x7fffffffU) > 0x7f800000U;
}
constexpr bool is_finite(double x) noexcept {
  return (std::bit_cast<std::uint64_t>(x) >> 52 & 0x7ff) != 0x7ff;
}

// Stops the compiler from fusing the multiply that made `x` with an add that uses it.
constexpr float rounded(float x) noexcept {
#if defined(__GNUC__)
  if (!std::is_constant_evaluated()) {
#if defined(__SSE2__)
    __asm__("" : "+x"(x));
#elif defined(__aarch64__)
    __asm__("" : "+w"(x));
#elif defined(__ARM_FP) && defined(__arm__)
    __asm__("" : "+t"(x));
#elif defined(__riscv_flen) || defined(__powerpc64__) || defined(__s390x__) ||                     \
    defined(__mips_hard_float)
    __asm__("" : "+f"(x));
#elif defined(__wasm__)
    __asm__("" : "+r"(x));
#else
    __asm__("" : "+m"(x));
#endif
  }
#endif
  return x;
}

// Rounds to nearest even; beyond the largest float, to infinity (the cast alone would be
// undefined there, and is refused in a constant expression).
constexpr float narrow(double x) noexcept {
  constexpr double overflow = 0x1.ffffffp127; // midway between FLT_MAX and 2^128
  if (x >= overflow) return infinity;
  if (x <= -overflow) return -infinity;
  return static_cast<float>(x);
}

namespace detail {

constexpr double widen(float x) noexcept { return static_cast<double>(x); }

// Constant evaluation refuses arithmetic that yields NaN, so those cases are answered by rule.
constexpr float add_in_constant(float a, float b) noexcept {
  if (is_nan(a) || is_nan(b)) return quiet_nan;
  if (!is_finite(a)) return !is_finite(b) && a != b ? quiet_nan : a;
  if (!is_finite(b)) return b;
  return narrow(widen(a) + widen(b)); // 53 >= 2 * 24 + 2 bits: the second rounding is innocuous
}
constexpr float mul_in_constant(float a, float b) noexcept {
  if (is_nan(a) || is_nan(b)) return quiet_nan;
  if (!is_finite(a) || !is_finite(b)) {
    if (a == 0 || b == 0) return quiet_nan;
    return (a < 0) == (b < 0) ? infinity : -infinity;
  }
  return narrow(widen(a) * widen(b));
}
constexpr float div_in_constant(float a, float b) noexcept {
  if (is_nan(a) || is_nan(b)) return quiet_nan;
  const bool negative = (std::bit_cast<std::int32_t>(a) ^ std::bit_cast<std::int32_t>(b)) < 0;
  if (!is_finite(a)) return !is_finite(b) ? quiet_nan : negative ? -infinity : infinity;
  if (!is_finite(b)) return negative ? -0.0F : 0.0F;
  if (b == 0) return a == 0 ? quiet_nan : negative ? -infinity : infinity;
  return narrow(widen(a) / widen(b));
}

// a * b + c with one rounding, in double: the product is exact (48 of 53 bits); the sum is
// rounded to odd (Boldo and Melquiond, "Emulation of FMA and correctly rounded sums: proved
// algorithms using rounding to odd", IEEE TC 2008), after which rounding to float is exact.
constexpr float fma_in_double(float a, float b, float c) noexcept {
  const double p = widen(a) * widen(b);
  const double z = widen(c);
  const double s = p + z;
  const double t = s - p; // TwoSum (Knuth): s + e == p + z exactly
  const double e = (p - (s - t)) + (z - t);
  auto bits = std::bit_cast<std::uint64_t>(s);
  if (e != 0 && (bits & 1) == 0) bits = (e > 0) == (s > 0) ? bits + 1 : bits - 1;
  return narrow(std::bit_cast<double>(bits));
}

} // namespace detail

constexpr float add(float a, float b) noexcept {
  if (std::is_constant_evaluated()) return detail::add_in_constant(a, b);
  return a + b;
}
constexpr float sub(float a, float b) noexcept {
  if (std::is_constant_evaluated()) return detail::add_in_constant(a, -b);
  return a - b;
}
constexpr float mul(float a, float b) noexcept {
  if (std::is_constant_evaluated()) return detail::mul_in_constant(a, b);
  return rounded(a * b);
}
constexpr float div(float a, float b) noexcept {
  if (std::is_constant_evaluated()) return detail::div_in_constant(a, b);
  return a / b;
}

// Fused multiply-add, a * b + c rounded once (IEEE 754-2019, 5.4.1): by the CPU where the compiler
// says that it has one. On x86 it may, but a build flag must not change this body there.
#if defined(__GNUC__) && !defined(__x86_64__) && !defined(__i386__) &&                             \
    (defined(__FP_FAST_FMAF) || defined(__ARM_FEATURE_FMA) || defined(__aarch64__))
#define TINYMLP_HAS_FAST_FMA 1
#else
#define TINYMLP_HAS_FAST_FMA 0
#endif
inline constexpr bool fma_is_fast = TINYMLP_HAS_FAST_FMA;

namespace detail {

// Any operands.
#if defined(__GNUC__)
[[gnu::cold, gnu::noinline]]
#endif
constexpr float
fma_by_rule(float a, float b, float c) noexcept {
  if (!is_finite(a) || !is_finite(b)) {
    if (std::is_constant_evaluated()) return add_in_constant(mul_in_constant(a, b), c);
    return rounded(a * b) + c;
  }
  if (!is_finite(c)) return c; // the product, however large, is finite
  return fma_in_double(a, b, c);
}

} // namespace detail

constexpr float fma(float a, float b, float c) noexcept {
#if TINYMLP_HAS_FAST_FMA
  if (!std::is_constant_evaluated()) return __builtin_fmaf(a, b, c);
#endif
  if (std::is_constant_evaluated()) return detail::fma_by_rule(a, b, c);
  // The product is exact and the sum is rounded to double. Rounding that to float is right unless
  // it lies midway between two floats, where what the first rounding took away decides; or is no
  // normal float, whose midways lie elsewhere.
  const double sum = detail::widen(a) * detail::widen(b) + detail::widen(c);
  const auto bits = std::bit_cast<std::uint64_t>(sum);
  constexpr std::uint64_t below_float = (std::uint64_t{1} << 29) - 1;
  constexpr std::uint32_t least = 1023 - 126, beyond = 1023 + 127; // exponents, as double has them
  const bool is_midway = (bits & below_float) == std::uint64_t{1} << 28;
  const bool is_normal = (static_cast<std::uint32_t>(bits >> 52) & 0x7ffU) - least < beyond - least;
  if (is_normal && !is_midway) return static_cast<float>(sum);
  return detail::fma_by_rule(a, b, c);
}
#undef TINYMLP_HAS_FAST_FMA

// The square root of a normal double above 0, within 2 of its 53 bits: Newton's iteration, from a
// guess by the exponent.
constexpr double root(double a) noexcept {
  auto guess =
      std::bit_cast<double>((std::bit_cast<std::uint64_t>(a) >> 1) + (std::uint64_t{1023} << 51));
  for (int i = 0; i < 6; ++i) guess = 0.5 * (guess + a / guess);
  return guess;
}

// The square root, rounded once; NaN below 0. No root of a float lies as near to a tie of floats as
// root() may be off.
constexpr float sqrt(float x) noexcept {
  if (is_nan(x) || x < 0) return quiet_nan;
  if (x == 0 || x == infinity) return x;
  return narrow(root(detail::widen(x)));
}

// Rounds half to even. |x| must be below 2^31.
constexpr std::int32_t round_half_even(float x) noexcept {
  const auto whole = static_cast<std::int32_t>(x); // toward zero
  const float rest = x - static_cast<float>(whole);
  const bool up = rest > 0.5F || (rest == 0.5F && (whole & 1) != 0);
  const bool down = rest < -0.5F || (rest == -0.5F && (whole & 1) != 0);
  return whole + (up ? 1 : 0) - (down ? 1 : 0);
}

} // namespace tinymlp::kernels::exact
#include <tinymlp/kernels/precise_end.inl>
