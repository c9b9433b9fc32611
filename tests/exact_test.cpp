// The arithmetic that the reference kernels are written in, against the C library and the CPU.
#include "both_ways.hpp"

#include <tinymlp/kernels/exact.hpp>
#include <tinymlp/kernels/reference.hpp>

#include <bit>
#include <cmath>
#include <cstdint>
#include <limits>
#include <random>
#include <vector>

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

// What runs may take several outputs at once (blocks.hpp); the definition takes one.
TEST_CASE("sums of many outputs at once are those of each by itself") {
  namespace reference = tinymlp::kernels::reference;
  float_source source;
  const auto value = [&source](int kind) {
    const float moderate = source.moderate();
    switch (kind) {
    case 0: return moderate;
    case 1: return moderate * 0x1p-70F; // products below the normal floats
    case 2: return moderate * 0x1p68F;  // and beyond the largest
    case 3: return static_cast<float>(static_cast<int>(moderate * 8)); // midways, and zeros
    case 4: return source.any();                                       // anything at all
    case 5: return source.odd(13);
    default: return 0x1p-75F * (1 + 0x1p-20F);
    }
  };
  for (int round = 0; round < 3000; ++round) {
    const int kind = round % 7;
    const auto inputs = static_cast<std::size_t>(1 + round * 7 % 37);
    const auto outputs = static_cast<std::size_t>(1 + round * 5 % 41);
    const std::size_t stride = outputs + static_cast<std::size_t>(round % 3);
    std::vector<float> x(inputs), weight(inputs * stride), bias(outputs), y(outputs);
    for (std::vector<float>* to : {&x, &weight, &bias})
      for (float& each : *to) each = value(kind);
    // The first product lies midway between two floats as a rule, and the bias decides.
    for (std::size_t k = 1; k < inputs && kind == 5; ++k) x[k] = 0;
    for (float& each : weight) each = kind == 5 ? source.odd(12) : each;
    for (float& each : bias) each = kind == 5 ? (round % 4 < 2 ? 0x1p-60F : -0x1p-60F) : each;
    // The same among the denormals, by a product a little off the middle.
    for (std::size_t k = 1; k < inputs && kind == 6; ++k) x[k] = 0;
    for (float& each : weight) each = kind == 6 ? 0x1p-75F * (1 - 0x1p-20F) : each;
    for (float& each : bias) each = kind == 6 ? 0x1p-127F + smallest : each;
    const tinymlp::kernels::chain_split split(inputs);
    reference::chained_dots(x.data(), weight.data(), stride, bias.data(), outputs, split, y.data());
    for (std::size_t o = 0; o < outputs; ++o) {
      const float one = reference::chained_dot(x.data(), weight.data() + o, stride, bias[o], split);
      CAPTURE(kind);
      CAPTURE(o);
      CHECK(same(y[o], one));
    }
    const std::size_t padded = inputs / 8 * 8;
    const float lanes[8] = {bias[0]};
    float expected[8] = {bias[0]};
    for (std::size_t k = 0; k < padded; ++k)
      expected[k % 8] = exact::fma(x[k], weight[k], expected[k % 8]);
    for (const std::size_t half : {4U, 2U, 1U})
      for (std::size_t j = 0; j < half; ++j) expected[j] += expected[j + half];
    CHECK(same(reference::laned_dot(x.data(), weight.data(), lanes, padded), expected[0]));
  }
}

namespace {

namespace kernels = tinymlp::kernels;
using odd_shape = kernels::shape<7, 24, 17, 8, 1>;

// The definition: one multiply-add after the other, whatever else the target has.
template <class Shape>
float scored_one_by_one(const kernels::fp32_weights<Shape>& weights, const float* row) {
  namespace reference = kernels::reference;
  using layout = kernels::fp32_layout<Shape>;
  const float* values = weights.values.data();
  if (!reference::all_finite(row, Shape::inputs)) return not_a_number;
  std::vector<float> x(kernels::widest_layer<Shape>), y(x.size());
  for (std::size_t i = 0; i < Shape::inputs; ++i) x[i] = row[i] - values[i];
  for (std::size_t l = 0; l + 1 < Shape::layer_count; ++l) {
    const auto& at = layout::layers[l];
    y.assign(y.size(), 0);
    for (std::size_t o = 0; o < at.outputs; ++o)
      y[o] = reference::relu(reference::chained_dot(x.data(), values + at.weight + o,
                                                    at.padded_outputs, values[at.bias + o],
                                                    kernels::chain_split(at.inputs)));
    x = y;
  }
  const auto& last = layout::layers[Shape::layer_count - 1];
  float lane[8] = {values[last.bias]};
  for (std::size_t k = 0; k < last.inputs; ++k)
    lane[k % 8] = exact::fma(x[k], values[last.weight + k], lane[k % 8]);
  for (const std::size_t half : {4U, 2U, 1U})
    for (std::size_t j = 0; j < half; ++j) lane[j] = exact::add(lane[j], lane[j + half]);
  return reference::canonical(lane[0]);
}

template <class Shape> struct scored { std::size_t in_double = 0, rows = 0; };

// Random networks, most of them moderate, and rows of every kind.
template <class Shape> scored<Shape> score_many(float_source& source) {
  scored<Shape> seen;
  const auto whole = [&](float to) {
    return static_cast<float>(static_cast<int>(source.moderate() * to));
  };
  for (int round = 0; round < 240; ++round) {
    kernels::fp32_weights<Shape> weights;
    const int kind = round % 6;
    const auto value = [&] {
      const float moderate = source.moderate();
      switch (kind) {
      case 0:
      case 1: return moderate;
      case 2: return source.odd(13) * 0x1p-13F; // a quarter of whose sums lie midway
      case 3:
        return moderate * 0x1p-20F; // down to the limit of what is moderate, and a little below
      case 4: return moderate * 0x1p+25F;
      default: return moderate * 0x1p-70F;
      }
    };
    const auto& layers = kernels::fp32_layout<Shape>::layers;
    for (std::size_t i = 0; i < Shape::inputs; ++i) weights.values[i] = whole(2);
    for (std::size_t l = 0; l < Shape::layer_count; ++l) {
      const auto& at = layers[l];
      const bool last = l + 1 == Shape::layer_count;
      for (std::size_t o = 0; o < at.outputs; ++o) {
        weights.values[at.bias + o] = value();
        for (std::size_t k = 0; k < at.inputs; ++k)
          weights.values[at.weight + (last ? k : k * at.padded_outputs + o)] = value();
      }
    }
    bool moderate = true;
    for (const float each : weights.values) moderate &= kernels::row_in_double::is_moderate(each);
    weights.values[kernels::row_in_double::flag<Shape>] = moderate ? 1.0F : 0.0F;
    for (int r = 0; r < 40; ++r) {
      std::vector<float> row(Shape::inputs);
      for (float& each : row)
        each = r % 5 == 4   ? source.any()
               : r % 5 == 3 ? source.odd(13) * 0x1p-13F
                            : source.moderate();
      CAPTURE(kind);
      CHECK(same(kernels::reference::score(weights, row.data()),
                 scored_one_by_one(weights, row.data())));
      if constexpr (kernels::row_in_double::applies<Shape>) {
        float score = 0;
        ++seen.rows;
        if (!kernels::row_in_double::score<Shape>(weights.values.data(), row.data(), score))
          continue;
        ++seen.in_double;
        CHECK(moderate);
        CHECK(same(score, scored_one_by_one(weights, row.data())));
      }
    }
  }
  return seen;
}

} // namespace

TEST_CASE("scores in double are those of multiply-adds with one rounding") {
  float_source source;
  const auto small = score_many<kernels::shape<6, 16, 8, 1>>(source);
  const auto odd = score_many<odd_shape>(source);
  // Some rows are scored so, and some have a doubt.
  if constexpr (kernels::row_in_double::applies<odd_shape>) {
    CHECK(small.in_double > small.rows / 16);
    CHECK(odd.in_double > odd.rows / 16);
    CHECK(small.in_double < small.rows);
  }
}

TEST_CASE("moderate numbers") {
  using kernels::row_in_double::is_moderate;
  for (const float sign : {1.0F, -1.0F}) {
    CHECK(is_moderate(sign * 0.0F));
    CHECK(is_moderate(sign * 0x1p-40F));
    CHECK(is_moderate(sign * 0x1p+40F));
    CHECK_FALSE(is_moderate(sign * std::nextafter(0x1p-40F, 0.0F)));
    CHECK_FALSE(is_moderate(sign * std::nextafter(0x1p+40F, inf)));
    CHECK_FALSE(is_moderate(sign * smallest));
    CHECK_FALSE(is_moderate(sign * inf));
    CHECK_FALSE(is_moderate(sign * not_a_number));
  }
}
