// The arithmetic that the reference kernels are written in, against the C library and the CPU.
#include "both_ways.hpp"

#include <tinymlp/kernels/exact.hpp>

#include <bit>
#include <cmath>
#include <cstdint>
#include <limits>
#include <random>

namespace exact = tinymlp::kernels::exact;

namespace {

bool same(float a, float b) {
  return std::bit_cast<std::uint32_t>(a) == std::bit_cast<std::uint32_t>(b) ||
         (std::isnan(a) && std::isnan(b));
}

// Any bit pattern, or one with an exponent near 1, where sums cancel.
class float_source {
public:
  float any() { return std::bit_cast<float>(static_cast<std::uint32_t>(bits_())); }
  float moderate() {
    const auto bits = static_cast<std::uint32_t>(bits_());
    return std::bit_cast<float>((bits & 0x807fffffU) | (((bits >> 23 & 0x1fU) + 112U) << 23));
  }

  // An odd whole number of that many bits.
  float odd(unsigned width) {
    const std::uint64_t top = std::uint64_t{1} << (width - 1);
    return static_cast<float>((bits_() & (top - 1)) | top | 1);
  }

private:
  std::mt19937_64 bits_{20080401};
};

constexpr float inf = std::numeric_limits<float>::infinity();
constexpr float not_a_number = std::numeric_limits<float>::quiet_NaN();
constexpr float largest = std::numeric_limits<float>::max();
constexpr float smallest = std::numeric_limits<float>::denorm_min();

} // namespace

TEST_CASE("the emulated fma equals the C library's on random and cancelling operands") {
  float_source source;
  for (int i = 0; i < 2'000'000; ++i) {
    const bool any = i % 2 == 0;
    const float a = any ? source.any() : source.moderate();
    const float b = any ? source.any() : source.moderate();
    const float c = i % 3 == 0 ? -a * b : any ? source.any() : source.moderate();
    if (!same(exact::fma(a, b, c), std::fma(a, b, c))) {
      CAPTURE(a);
      CAPTURE(b);
      CAPTURE(c);
      CHECK(exact::fma(a, b, c) == std::fma(a, b, c));
    }
  }
}

// A product midway between two floats, and a term too small for double beside it, that decides.
TEST_CASE("the emulated fma rounds to float what double would have rounded before") {
  float_source source;
  std::size_t ties = 0;
  for (int i = 0; i < 20'000; ++i) {
    const float a = source.odd(13), b = source.odd(12);
    const double product = static_cast<double>(a) * static_cast<double>(b);
    if (static_cast<double>(static_cast<float>(product)) == product) continue;
    ++ties;
    for (const float c : {0x1p-60F, -0x1p-60F, smallest, -smallest}) {
      CAPTURE(a);
      CAPTURE(b);
      CAPTURE(c);
      CHECK(exact::fma(a, b, c) == std::fma(a, b, c));
      CHECK(exact::fma(-a, b, c) == std::fma(-a, b, c));
    }
  }
  CHECK(ties > 2'000);
}

TEST_CASE("fma rounds once, at compile time too") {
  // (1 + 2^-12)^2 - (1 + 2^-11) = 2^-24 exactly; with two roundings it would be 0
  CHECK_BOTH_WAYS(exact::fma(0x1.001p0F, 0x1.001p0F, -0x1.002p0F) == 0x1p-24F);
  CHECK_BOTH_WAYS(exact::fma(0x1.001p0F, 0x1.001p0F, 0x1p-80F) == 0x1.002002p0F);
  CHECK_BOTH_WAYS(exact::fma(0x1.001p0F, 0x1.001p0F, -0x1p-80F) == 0x1.002p0F);
  CHECK_BOTH_WAYS(exact::fma(largest, 2.0F, -largest) == largest);
  CHECK_BOTH_WAYS(exact::fma(largest, largest, 0.0F) == inf);
  CHECK_BOTH_WAYS(exact::fma(largest, largest, -inf) == -inf);
  CHECK_BOTH_WAYS(exact::is_nan(exact::fma(inf, 0.0F, 1.0F)));
  CHECK_BOTH_WAYS(exact::is_nan(exact::fma(inf, 1.0F, -inf)));
  CHECK_BOTH_WAYS(exact::fma(smallest, 0.5F, smallest) == 2 * smallest); // a tie, to even
  CHECK_BOTH_WAYS(exact::fma(smallest, 0.5F, 2 * smallest) == 2 * smallest);
}

TEST_CASE("arithmetic in constant expressions equals the CPU's, non-finite operands included") {
  constexpr float values[] = {0.0F,     -0.0F,     1.0F,      -1.5F, 0.1F, largest,     -largest,
                              smallest, -smallest, 0x1p-126F, inf,   -inf, not_a_number};
  for (const float a : values)
    for (const float b : values) {
      CAPTURE(a);
      CAPTURE(b);
      CHECK(same(exact::detail::add_in_constant(a, b), a + b));
      CHECK(same(exact::detail::add_in_constant(a, -b), a - b));
      CHECK(same(exact::detail::mul_in_constant(a, b), a * b));
      CHECK(same(exact::detail::div_in_constant(a, b), a / b));
    }
  static_assert(exact::div(1.0F, 3.0F) == 1.0F / 3.0F);
  static_assert(exact::is_nan(exact::sub(inf, inf)));
}

TEST_CASE("multiply and add are not fused where each must round") {
  volatile float a = 0x1.001p0F, c = -0x1.002p0F;
  CHECK(exact::add(exact::mul(a, a), c) == 0.0F); // fused, it would be 2^-24
}

TEST_CASE("rounding is half to even") {
  CHECK_BOTH_WAYS(exact::round_half_even(0.5F) == 0);
  CHECK_BOTH_WAYS(exact::round_half_even(1.5F) == 2);
  CHECK_BOTH_WAYS(exact::round_half_even(2.5F) == 2);
  CHECK_BOTH_WAYS(exact::round_half_even(-0.5F) == 0);
  CHECK_BOTH_WAYS(exact::round_half_even(-1.5F) == -2);
  CHECK_BOTH_WAYS(exact::round_half_even(254.5F) == 254);
  for (int sixteenths = -4800; sixteenths < 4800; ++sixteenths) {
    const float x = static_cast<float>(sixteenths) / 16.0F;
    CHECK(static_cast<float>(exact::round_half_even(x)) == std::nearbyint(x));
  }
}
