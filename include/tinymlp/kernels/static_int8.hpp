// The weights of an int8 network whose activation scales are fixed beforehand, and what follows
// from those scales: constants that spare kernels the division and, mostly, the clamping.
#pragma once

#include <tinymlp/kernels/exact.hpp>
#include <tinymlp/kernels/layout.hpp>

#include <array>
#include <cstddef>
#include <cstdint>

namespace tinymlp::kernels {

// How a layer's inputs become bytes: q = saturate(round_half_even(x / scale) + zero_point), 0 to
// 255 (ONNX QuantizeLinear). The rest follows from these two, by prepare().
//
// x / scale is computed as x * (reciprocal + rest), reciprocal being 1 / scale rounded and rest
// what that lacks. Rounded to float and then to an integer this equals the division rounded
// likewise; the case "quotients by fixed scales round like divisions" in tests/kernels_test.cpp
// proves it by trying all that are near a tie. It needs a scale between 2^-64 and 2^64 or so, clear
// of overflow and of denormals: others are brought there, x too, times a power of two.
struct fixed_scale {
  float scale = 1;
  std::int32_t zero_point = 0;
  float shift = 1;                // the power of two
  float reciprocal = 1, rest = 0; // of scale * shift
  float limit = 256;              // 256 * scale * shift: |x| beyond it saturate whatever they are
  bool plain = false;             // behind the layer before, x needs neither Relu, shift nor limit
};

// `largest`: no x is above it.
constexpr void prepare(fixed_scale& s, double largest, bool behind_relu) noexcept {
  s.shift = s.scale < 0x1p-64F ? 0x1p64F : s.scale > 0x1p64F ? 0x1p-64F : 1.0F;
  const float divisor = exact::mul(s.scale, s.shift);
  s.reciprocal = exact::div(1.0F, divisor);
  const float error = exact::fma(-s.reciprocal, divisor, 1.0F);
  s.rest = exact::mul(s.reciprocal, exact::fma(error, error, error));
  s.limit = exact::mul(256.0F, divisor);
  // Quotients must fit 16 bits, from which they saturate to bytes; what is below 0, as Relu would
  // have it.
  s.plain = behind_relu && s.zero_point == 0 && s.shift == 1 && largest < 32767 * double{s.scale};
}

// In the layout of int8, but that `floats` hold what a layer's sums are multiplied by (activation
// scale * weight scale) where int8 has the weight scale.
template <class Shape> struct static_int8_weights {
  using shape_type = Shape;
  using layout = int8_layout<Shape>;
  alignas(64) std::array<float, layout::float_count> floats{};
  alignas(64) std::array<std::int8_t, layout::byte_count> bytes{};
  alignas(64) std::array<std::int32_t, layout::sum_count> sums{};
  alignas(64) std::array<std::int32_t, layout::sum_count> starts{}; // -zero point * sum
  std::array<fixed_scale, Shape::layer_count> inputs{};             // of each layer
  bool divides = false, multiplies = false;                         // what the scaler does
};

// Fills in what follows from floats, bytes, sums, and the inputs' scales and zero points.
template <class Shape> constexpr void prepare(static_int8_weights<Shape>& weights) noexcept {
  using layout = int8_layout<Shape>;
  for (std::size_t i = 0; i < Shape::inputs; ++i) {
    weights.divides |= weights.floats[layout::divisor + i] != 1;
    weights.multiplies |= weights.floats[layout::multiplier + i] != 1;
  }
  double largest = 0; // that the layer before can yield
  for (std::size_t l = 0; l < Shape::layer_count; ++l) {
    const int8_layer& at = layout::layers[l];
    const std::int32_t zero_point = weights.inputs[l].zero_point;
    prepare(weights.inputs[l], largest, l != 0);
    largest = 0;
    for (std::size_t o = 0; o < at.outputs; ++o) {
      std::int32_t above = 0; // sum of the weights above 0; `above` - sum is that of the others
      for (std::size_t i = 0; i < at.inputs; ++i) {
        const std::int8_t w = weights.bytes[layout::weight(l, i, o)];
        above += w > 0 ? w : 0;
      }
      const std::int32_t sum = weights.sums[at.sum + o];
      weights.starts[at.sum + o] = -zero_point * sum;
      const std::int32_t most = (255 - zero_point) * above + zero_point * (above - sum);
      const double y = static_cast<double>(most) * double{weights.floats[at.scale + o]} +
                       double{weights.floats[at.bias + o]};
      if (y > largest) largest = y;
    }
  }
}

} // namespace tinymlp::kernels
