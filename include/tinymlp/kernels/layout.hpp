// Where each weight of a network lies: one layout for all kernels, fixed at compile time.
//
// fp32, one array of floats:
//   mean                 [inputs, padded to 16]
//   hidden layer         bias [padded outputs], then weight [input][padded output]
//   one-output layer     bias as 8 lanes (bias, 0, ..., 0), whether all of these numbers are
//                        moderate (row_in_double.hpp), then weight [input, padded to 8]
// int8, an array each of floats, of bytes and of sums:
//   mean, divisor, multiplier      [inputs, padded to 16] each
//   layer floats         weight scale [padded outputs], then bias [padded outputs]
//   layer bytes          weight [input / 4][padded output][input % 4]
//   layer sums           sum over the inputs of the weights [padded outputs]
// Padding holds zeros (ones in divisor and multiplier).
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>

namespace tinymlp::kernels {

constexpr std::size_t round_up(std::size_t n, std::size_t multiple) noexcept {
  return (n + multiple - 1) / multiple * multiple;
}

// The canonical order of a dense layer's sum over `inputs` terms: `count` contiguous chains of
// fused multiply-adds; the first `inputs % count` chains are one term longer.
struct chain_split {
  std::size_t inputs, count;
  constexpr explicit chain_split(std::size_t n) noexcept
      : inputs(n), count(n >= 16  ? 4
                         : n >= 2 ? 2
                                  : 1) {}
  constexpr std::size_t begin(std::size_t chain) const noexcept {
    const std::size_t longer = chain < inputs % count ? chain : inputs % count;
    return chain * (inputs / count) + longer;
  }
  // The n-th input where chains take turns: first terms, second terms, and so on.
  constexpr std::size_t in_turn(std::size_t n) const noexcept {
    for (std::size_t term = 0;; ++term)
      for (std::size_t chain = 0; chain < count; ++chain)
        if (begin(chain) + term < begin(chain + 1) && n-- == 0) return begin(chain) + term;
  }
};

inline constexpr std::size_t virtual_lanes = 8; // of the one-output layer's sum

// Shape of one dense layer and where its parts start (in elements of their array).
struct fp32_layer {
  std::size_t inputs, outputs, padded_outputs, bias, weight;
};
struct int8_layer {
  std::size_t inputs, padded_inputs, outputs, padded_outputs, scale, bias, weight, sum;
};

template <std::size_t... Sizes> struct shape {
  static_assert(sizeof...(Sizes) >= 2, "a network needs at least an input and an output size");
  static_assert(((Sizes >= 1 && Sizes <= 65536) && ...), "layer sizes are 1 to 65536");
  static constexpr std::array<std::size_t, sizeof...(Sizes)> sizes{Sizes...};
  static_assert(sizes.back() == 1, "a network has one output");

  static constexpr std::size_t inputs = sizes[0];
  static constexpr std::size_t layer_count = sizeof...(Sizes) - 1;
  static constexpr std::size_t padded_inputs = round_up(inputs, 16);
  // Weights and biases, without the scaler.
  static constexpr std::size_t parameter_count = [] {
    std::size_t n = 0;
    for (std::size_t l = 0; l < layer_count; ++l) n += (sizes[l] + 1) * sizes[l + 1];
    return n;
  }();
};

// The size of the widest layer, inputs included, padded: room for one row's activations.
template <class Shape>
inline constexpr std::size_t
    widest_layer = round_up(*std::max_element(Shape::sizes.begin(), Shape::sizes.end()), 16);

// The most chains of sums that a hidden layer has: what there is to compute side by side when one
// row is scored.
template <class Shape>
inline constexpr std::size_t most_sums = [] {
  std::size_t most = 0;
  for (std::size_t l = 0; l + 1 < Shape::layer_count; ++l)
    most = (std::max)(most, Shape::sizes[l + 1] * chain_split(Shape::sizes[l]).count);
  return most;
}();

namespace detail {

template <class Shape> constexpr auto place_fp32_layers() noexcept {
  std::array<fp32_layer, Shape::layer_count + 1> layers{}; // the last only marks the end
  std::size_t at = Shape::padded_inputs;
  for (std::size_t l = 0; l < Shape::layer_count; ++l) {
    const std::size_t in = Shape::sizes[l], out = Shape::sizes[l + 1];
    const bool last = l + 1 == Shape::layer_count;
    const std::size_t padded = round_up(out, out <= 8 ? 8 : 16);
    layers[l] = {in, out, padded, at, at + round_up(padded, 16)};
    at = layers[l].weight + round_up(last ? round_up(in, virtual_lanes) : in * padded, 16);
  }
  layers[Shape::layer_count].bias = at;
  return layers;
}

template <class Shape> constexpr auto place_int8_layers() noexcept {
  std::array<int8_layer, Shape::layer_count + 1> layers{};
  std::size_t floats = 3 * Shape::padded_inputs, bytes = 0, sums = 0;
  for (std::size_t l = 0; l < Shape::layer_count; ++l) {
    const std::size_t in = Shape::sizes[l], out = Shape::sizes[l + 1];
    const std::size_t padded_in = round_up(in, 4), padded_out = round_up(out, 16);
    layers[l] = {in, padded_in, out, padded_out, floats, floats + padded_out, bytes, sums};
    floats += 2 * padded_out;
    bytes += padded_in * padded_out;
    sums += padded_out;
  }
  layers[Shape::layer_count].scale = floats;
  layers[Shape::layer_count].weight = bytes;
  layers[Shape::layer_count].sum = sums;
  return layers;
}

} // namespace detail

template <class Shape> struct fp32_layout {
  using shape_type = Shape;
  static constexpr auto layers = detail::place_fp32_layers<Shape>();
  static constexpr std::size_t mean = 0;
  static constexpr std::size_t size = layers[Shape::layer_count].bias;
};

template <class Shape> struct int8_layout {
  using shape_type = Shape;
  static constexpr auto layers = detail::place_int8_layers<Shape>();
  static constexpr std::size_t mean = 0;
  static constexpr std::size_t divisor = Shape::padded_inputs;
  static constexpr std::size_t multiplier = 2 * Shape::padded_inputs;
  static constexpr std::size_t float_count = layers[Shape::layer_count].scale;
  static constexpr std::size_t byte_count = layers[Shape::layer_count].weight;
  static constexpr std::size_t sum_count = layers[Shape::layer_count].sum;

  // Index of the weight from `input` to `output` of layer `l`.
  static constexpr std::size_t weight(std::size_t l, std::size_t input,
                                      std::size_t output) noexcept {
    const int8_layer& at = layers[l];
    return at.weight + (input / 4 * at.padded_outputs + output) * 4 + input % 4;
  }
};

// The packed arrays of a network, in the layouts above. Kernels read nothing else.
template <class Shape> struct fp32_weights {
  using shape_type = Shape;
  alignas(64) std::array<float, fp32_layout<Shape>::size> values{};
};
template <class Shape> struct int8_weights {
  using shape_type = Shape;
  alignas(64) std::array<float, int8_layout<Shape>::float_count> floats{};
  alignas(64) std::array<std::int8_t, int8_layout<Shape>::byte_count> bytes{};
  alignas(64) std::array<std::int32_t, int8_layout<Shape>::sum_count> sums{};
};

} // namespace tinymlp::kernels
