// The scalar kernels: constexpr, and the definition of every score. All other kernels return
// the same bits. What runs takes four sums at a time (blocks.hpp); the constant evaluator never
// does.
#pragma once

#include <tinymlp/kernels/blocks.hpp>
#include <tinymlp/kernels/blocks_int8.hpp>
#include <tinymlp/kernels/exact.hpp>
#include <tinymlp/kernels/layout.hpp>
#include <tinymlp/kernels/row_in_double.hpp>
#include <tinymlp/kernels/static_int8.hpp>

#include <array>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <type_traits>
#include <utility>

#include <tinymlp/nonblocking.inl>
namespace tinymlp::kernels::reference {

// Any NaN or infinity among `row`'s `count` values?
constexpr bool all_finite(const float* row, std::size_t count) noexcept {
  bool finite = true;
  for (std::size_t i = 0; i < count; ++i) finite &= exact::is_finite(row[i]);
  return finite;
}

// ONNX Relu; NaN stays NaN.
constexpr float relu(float x) noexcept { return x < 0 ? 0.0F : x; }

// One canonical NaN, and +0 for -0.
constexpr float canonical(float score) noexcept {
  return exact::is_nan(score) ? exact::quiet_nan : exact::add(score, 0.0F);
}

// sum over k of x[k] * weight[k * stride], plus bias, in the canonical order of a dense layer.
constexpr float chained_dot(const float* x, const float* weight, std::size_t stride, float bias,
                            chain_split split) noexcept {
  std::array<float, 4> chain{bias, 0, 0, 0};
  for (std::size_t c = 0; c < split.count; ++c)
    for (std::size_t k = split.begin(c); k < split.begin(c + 1); ++k)
      chain[c] = exact::fma(x[k], weight[k * stride], chain[c]);
  if (split.count == 1) return chain[0];
  const float front = exact::add(chain[0], chain[1]);
  return split.count == 2 ? front : exact::add(front, exact::add(chain[2], chain[3]));
}

// Apart, where it is what remains.
#if defined(__GNUC__)
[[gnu::noinline]]
#endif
inline float
remaining_dot(const float* x, const float* weight, std::size_t stride, float bias,
              chain_split split) noexcept {
  return chained_dot(x, weight, stride, bias, split);
}

// y[o] = chained_dot() for `outputs` outputs whose weights lie side by side.
constexpr void chained_dots(const float* x, const float* weight, std::size_t stride,
                            const float* bias, std::size_t outputs, chain_split split,
                            float* y) noexcept {
  std::size_t o = 0;
  while (!std::is_constant_evaluated() && o + 4 <= outputs) {
    const std::size_t rest = outputs - o;
    const std::size_t width = blocks::most >= 4 && rest >= 16 ? 16 : rest >= 8 ? 8 : 4;
    const bool done = width == 16  ? blocks::dots<4>(x, weight + o, stride, bias + o, split, y + o)
                      : width == 8 ? blocks::dots<2>(x, weight + o, stride, bias + o, split, y + o)
                                   : blocks::dots<1>(x, weight + o, stride, bias + o, split, y + o);
    for (std::size_t each = o; each < o + width && !done; ++each)
      y[each] = remaining_dot(x, weight + each, stride, bias[each], split);
    o += width;
  }
  for (; o < outputs; ++o)
    y[o] = std::is_constant_evaluated() ? chained_dot(x, weight + o, stride, bias[o], split)
                                        : remaining_dot(x, weight + o, stride, bias[o], split);
}

// The one-output layer: 8 virtual lanes, then halves are added. `x` is zero beyond its end.
constexpr float laned_dot(const float* x, const float* weight, const float* bias_lanes,
                          std::size_t padded_inputs) noexcept {
  std::array<float, virtual_lanes> lane{};
  for (std::size_t j = 0; j < virtual_lanes; ++j) lane[j] = bias_lanes[j];
  std::size_t first = 0;
  if (!std::is_constant_evaluated() && blocks::lanes(x, weight, padded_inputs, lane.data()))
    first = padded_inputs;
  for (std::size_t k = first; k < padded_inputs; k += virtual_lanes)
    for (std::size_t j = 0; j < virtual_lanes; ++j)
      lane[j] = exact::fma(x[k + j], weight[k + j], lane[j]);
  for (std::size_t half = virtual_lanes / 2; half >= 1; half /= 2)
    for (std::size_t j = 0; j < half; ++j) lane[j] = exact::add(lane[j], lane[j + half]);
  return lane[0];
}

// The float32 score of one row of Shape::inputs features.
template <class Shape>
constexpr float score(const fp32_weights<Shape>& weights,
                      const float* row) noexcept TINYMLP_NONBLOCKING {
  using layout = fp32_layout<Shape>;
  if (!all_finite(row, Shape::inputs)) return exact::quiet_nan;
  const float* values = weights.values.data();
  if constexpr (row_in_double::applies<Shape>) {
    float scored = 0;
    if (!std::is_constant_evaluated() && row_in_double::score<Shape>(values, row, scored))
      return scored;
  }
  std::array<float, widest_layer<Shape>> x{}, y{};
  for (std::size_t i = 0; i < Shape::inputs; ++i)
    x[i] = exact::sub(row[i], values[layout::mean + i]);
  for (std::size_t l = 0; l + 1 < Shape::layer_count; ++l) {
    const fp32_layer& at = layout::layers[l];
    y.fill(0);
    chained_dots(x.data(), values + at.weight, at.padded_outputs, values + at.bias, at.outputs,
                 chain_split(at.inputs), y.data());
    for (std::size_t o = 0; o < at.outputs; ++o) y[o] = relu(y[o]);
    x = y;
  }
  const fp32_layer& last = layout::layers[Shape::layer_count - 1];
  return canonical(laned_dot(x.data(), values + last.weight, values + last.bias,
                             round_up(last.inputs, virtual_lanes)));
}

constexpr quantized_range range_of(const float* x, std::size_t count, bool behind_relu) noexcept {
  if (!std::is_constant_evaluated()) return blocks::range_of(x, count, behind_relu);
  float low = 0, high = 0;
  for (std::size_t i = 0; i < count; ++i) {
    low = x[i] < low ? x[i] : low;
    high = x[i] > high ? x[i] : high;
  }
  return range_between(low, high);
}
constexpr std::int32_t quantize(float x, quantized_range range) noexcept {
  const float low = static_cast<float>(-range.zero_point), high = low + 255.0F;
  const float q = exact::div(x, range.divisor);
  return exact::round_half_even(q < low ? low : q > high ? high : q) + range.zero_point;
}

// One int8 layer, as blocks::int8_layer has it: y[o] = float(sum) * (activation scale * weight
// scale) plus bias, each operation rounded. Returns false where a scale is not finite. Uses x up,
// in which zeros follow the inputs up to a whole four; so they do in y.
constexpr bool int8_layer_outputs(const blocks::int8_dense& at, const quantized_range& range,
                                  float* x, float* y) noexcept {
  if (!exact::is_finite(range.scale)) return false;
  if (!std::is_constant_evaluated()) return blocks::int8_layer(at, range, x, y);
  for (std::size_t i = 0; i < at.inputs; ++i)
    x[i] = static_cast<float>(quantize(x[i], range) - range.zero_point);
  for (std::size_t o = 0; o < at.outputs; ++o) {
    std::int32_t sum = 0;
    for (std::size_t i = 0; i < at.inputs; ++i)
      sum +=
          static_cast<std::int32_t>(x[i]) * at.weight[(i / 4 * at.padded_outputs + o) * 4 + i % 4];
    const float scale = exact::mul(range.scale, at.scale[o]);
    if (!exact::is_finite(scale)) return false;
    const float value = exact::add(exact::mul(static_cast<float>(sum), scale), at.bias[o]);
    y[o] = at.relu ? relu(value) : value;
  }
  return true;
}
// Layer l of a network. Of finite numbers no output is NaN, so that no input is.
template <class Weights>
constexpr blocks::int8_dense int8_layer_of(const Weights& weights, std::size_t l) noexcept {
  using shape = typename Weights::shape_type;
  const int8_layer& at = int8_layout<shape>::layers[l];
  const float* floats = weights.floats.data();
  return {at.inputs,
          at.outputs,
          at.padded_outputs,
          weights.bytes.data() + at.weight,
          floats + at.scale,
          floats + at.bias,
          l + 1 < shape::layer_count};
}

// The int8 score of one row of Shape::inputs features, quantised by itself: what ONNX Runtime
// returns for a batch of that one row.
template <class Shape>
constexpr float score(const int8_weights<Shape>& weights,
                      const float* row) noexcept TINYMLP_NONBLOCKING {
  using layout = int8_layout<Shape>;
  const float* floats = weights.floats.data();
  std::array<float, widest_layer<Shape>> scaled{}, other{};
  float *x = scaled.data(), *y = other.data();
  for (std::size_t i = 0; i < Shape::inputs; ++i) {
    const float centred = exact::sub(row[i], floats[layout::mean + i]);
    x[i] = exact::mul(exact::div(centred, floats[layout::divisor + i]),
                      floats[layout::multiplier + i]);
  }
  // Not finite here: a feature was not, or the scaler overflowed and so would the scale.
  if (!all_finite(x, Shape::inputs)) return exact::quiet_nan;
  for (std::size_t l = 0; l < Shape::layer_count; ++l) {
    const quantized_range range = range_of(x, Shape::sizes[l], l != 0);
    if (!int8_layer_outputs(int8_layer_of(weights, l), range, x, y)) return exact::quiet_nan;
    std::swap(x, y);
  }
  return exact::is_nan(x[0]) ? exact::quiet_nan : x[0];
}

// The int8 score of one row of Shape::inputs features with fixed activation scales: what ONNX
// Runtime returns, whatever the batch. NaN where a feature is not finite, or where the scaler
// makes a NaN of it (overflows, times 0); other overflows saturate, as they do there.
template <class Shape>
constexpr float score(const static_int8_weights<Shape>& weights,
                      const float* row) noexcept TINYMLP_NONBLOCKING {
  using layout = int8_layout<Shape>;
  if (!all_finite(row, Shape::inputs)) return exact::quiet_nan;
  const float* floats = weights.floats.data();
  std::array<float, widest_layer<Shape>> scaled{}, other{};
  float *x = scaled.data(), *y = other.data();
  for (std::size_t i = 0; i < Shape::inputs; ++i) {
    const float centred = exact::sub(row[i], floats[layout::mean + i]);
    x[i] = exact::mul(exact::div(centred, floats[layout::divisor + i]),
                      floats[layout::multiplier + i]);
    if (exact::is_nan(x[i])) return exact::quiet_nan;
  }
  for (std::size_t l = 0; l < Shape::layer_count; ++l) {
    const fixed_scale& by = weights.inputs[l]; // the weights' scales have its scale in them
    const quantized_range range{1, by.scale, by.zero_point};
    if (!int8_layer_outputs(int8_layer_of(weights, l), range, x, y)) return exact::quiet_nan;
    std::swap(x, y);
  }
  return x[0];
}

// Row-major rows [count, inputs] -> scores [count].
template <class Weights>
constexpr void score_rows(const Weights& weights, const float* rows, std::size_t count,
                          float* scores) noexcept TINYMLP_NONBLOCKING {
  constexpr std::size_t inputs = Weights::shape_type::inputs;
  for (std::size_t r = 0; r < count; ++r) scores[r] = score(weights, rows + r * inputs);
}

} // namespace tinymlp::kernels::reference
#include <tinymlp/nonblocking.inl>
