// float32 arithmetic with exactly one rounding per call, the same at compile time and at run
// time, on every CPU and under every -ffp-contract. The reference kernels are written in it.
#pragma once

#include <bit>
#include <cstdint>
#include <limits>
#include <type_traits>

#include <tinymlp/kernels/precise_begin.inl>
namespace tinymlp::kernels::exact {

inline constexpr float quiet_nan = std::numeric_limits<float>::quiet_NaN(); // bits 0x7fc00000
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

// Fused multiply-add, a * b + c rounded once (IEEE 754-2019, 5.4.1).
constexpr float fma(float a, float b, float c) noexcept {
#if defined(__aarch64__) && defined(__GNUC__)
  // FMA is part of the baseline; on x86 it is not, and a build flag must not change this body.
  if (!std::is_constant_evaluated()) return __builtin_fmaf(a, b, c);
#endif
  if (!is_finite(a) || !is_finite(b)) return add(mul(a, b), c);
  if (!is_finite(c)) return c; // the product, however large, is finite
  return detail::fma_in_double(a, b, c);
}

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
