// The scalar kernel of networks of any shape: constexpr, and the definition of every value that
// they give. All other kernels return the same bits.
#pragma once

#include <tinymlp/kernels/elementary.hpp>
#include <tinymlp/kernels/exact.hpp>
#include <tinymlp/kernels/reference.hpp>
#include <tinymlp/kernels/steps.hpp>

#include <array>
#include <cstddef>
#include <cstdint>
#include <utility>

#include <tinymlp/nonblocking.inl>
namespace tinymlp::kernels::reference {

// 8 lanes added by halves; never -0.
constexpr float sum_lanes(std::array<float, virtual_lanes> lane) noexcept {
  for (std::size_t half = virtual_lanes / 2; half >= 1; half /= 2)
    for (std::size_t j = 0; j < half; ++j) lane[j] = exact::add(lane[j], lane[j + half]);
  return exact::add(lane[0], 0.0F);
}

constexpr void dense_outputs(const steps_view& net, const step& at, const float* x,
                             float* y) noexcept {
  const float* bias = net.floats + at.at;
  const float* weight = bias + round_up(at.outputs, panel_width);
  const chain_split split(at.inputs);
  for (std::size_t first = 0; first < at.outputs; first += panel_width) {
    const std::size_t width = at.outputs - first < panel_width ? at.outputs - first : panel_width;
    chained_dots(x, weight + first * at.inputs, width, bias + first, width, split, y + first);
  }
}

constexpr float dense_to_one(const steps_view& net, const step& at, const float* x) noexcept {
  const float* bias = net.floats + at.at;
  std::array<float, virtual_lanes> lane{};
  for (std::size_t j = 0; j < virtual_lanes; ++j) lane[j] = bias[j];
  std::size_t k = 0;
  const std::size_t whole = at.inputs / virtual_lanes * virtual_lanes;
  if (!std::is_constant_evaluated() && blocks::lanes(x, bias + virtual_lanes, whole, lane.data()))
    k = whole;
  for (; k < at.inputs; ++k)
    lane[k % virtual_lanes] = exact::fma(x[k], bias[virtual_lanes + k], lane[k % virtual_lanes]);
  return sum_lanes(lane);
}

constexpr void affine_values(const steps_view& net, const step& at, float* x) noexcept {
  const std::size_t padded = round_up(at.inputs, panel_width);
  const float *mean = net.floats + at.at, *scale = mean + padded, *shift = scale + padded;
  for (std::size_t i = 0; i < at.inputs; ++i)
    x[i] = exact::fma(exact::sub(x[i], mean[i]), scale[i], shift[i]);
}

constexpr void literal_values(const steps_view& net, const step& at, float* x) noexcept {
  const float* a = net.floats + at.at;
  for (std::size_t i = 0; i < at.inputs; ++i) {
    if (at.op == step_op::centre) x[i] = exact::sub(x[i], a[i]);
    if (at.op == step_op::add) x[i] = exact::add(x[i], a[i]);
    if (at.op == step_op::subtract_from) x[i] = exact::sub(a[i], x[i]);
    if (at.op == step_op::multiply) x[i] = exact::mul(x[i], a[i]);
    if (at.op == step_op::divide) x[i] = exact::div(x[i], a[i]);
  }
}

constexpr void normalize_values(const steps_view& net, const step& at, float* x) noexcept {
  const float* scale = net.floats + at.at;
  const float* shift = scale + round_up(at.inputs, panel_width);
  const auto n = static_cast<float>(at.inputs);
  std::array<float, virtual_lanes> lane{};
  for (std::size_t i = 0; i < at.inputs; ++i)
    lane[i % virtual_lanes] = exact::add(lane[i % virtual_lanes], x[i]);
  const float mean = exact::div(sum_lanes(lane), n);
  lane.fill(0);
  for (std::size_t i = 0; i < at.inputs; ++i) {
    x[i] = exact::sub(x[i], mean);
    lane[i % virtual_lanes] = exact::fma(x[i], x[i], lane[i % virtual_lanes]);
  }
  const float variance = exact::add(exact::div(sum_lanes(lane), n), at.alpha);
  const float inverse = exact::div(1.0F, exact::sqrt(variance));
  for (std::size_t i = 0; i < at.inputs; ++i)
    x[i] = exact::fma(exact::mul(x[i], inverse), scale[i], shift[i]);
}

constexpr void softmax_values(const step& at, float* x) noexcept {
  float largest = x[0];
  for (std::size_t i = 1; i < at.inputs; ++i) largest = x[i] > largest ? x[i] : largest;
  std::array<float, virtual_lanes> lane{};
  for (std::size_t i = 0; i < at.inputs; ++i) {
    const float shifted = exact::sub(x[i], largest), e = exp<vectors::v1>(shifted);
    lane[i % virtual_lanes] = exact::add(lane[i % virtual_lanes], e);
    x[i] = at.op == step_op::softmax ? e : shifted;
  }
  const float sum = sum_lanes(lane);
  const float log_sum = at.op == step_op::log_softmax ? log<vectors::v1>(sum) : 0;
  for (std::size_t i = 0; i < at.inputs; ++i)
    x[i] = at.op == step_op::softmax ? exact::div(x[i], sum) : exact::sub(x[i], log_sum);
}

constexpr void activate_values(const steps_view& net, const step& at, float* x) noexcept {
  if (at.activates == activation::prelu)
    activate_prelu<vectors::v1>(net.floats + at.slopes, x, at.outputs);
  else
    activate<vectors::v1>(at.activates, at.alpha, at.beta, x, at.outputs);
}

// One int8 dense step: y[o] = float(sum) * scale + bias, each operation rounded; a dynamic scale is
// activation scale * weight scale. Returns false where that overflows, or where an input is NaN:
// every output is NaN. Infinite inputs saturate where the scale is fixed. Uses x up.
constexpr bool int8_outputs(const steps_view& net, const step& at, float* x, float* y) noexcept {
  const bool dynamic = at.op == step_op::dense_dynamic;
  for (std::size_t i = 0; i < at.inputs; ++i)
    if (exact::is_nan(x[i])) return false;
  for (std::size_t i = at.inputs; i < round_up(at.inputs, 4); ++i) x[i] = 0;
  const quantized_range range =
      dynamic ? range_of(x, at.inputs, false) : quantized_range{1, at.scale, at.zero_point};
  const std::size_t padded = round_up(at.outputs, panel_width);
  const float* floats = net.floats + at.at;
  return int8_layer_outputs(
      {at.inputs, at.outputs, padded, net.bytes + at.bytes, floats, floats + padded, false}, range,
      x, y);
}

// One row of net.inputs features -> net.outputs values. `scratch`: row_scratch(net) floats.
constexpr void run_row(const steps_view& net, const float* row, float* out,
                       float* scratch) noexcept TINYMLP_NONBLOCKING {
  float *x = scratch, *y = scratch + net.even;
  bool sound = all_finite(row, net.inputs);
  for (std::size_t i = 0; i < net.inputs; ++i) x[i] = row[i];
  for (std::size_t s = 0; s < net.step_count && sound; ++s) {
    const step& at = net.steps[s];
    switch (at.op) {
    case step_op::dense: dense_outputs(net, at, x, y); break;
    case step_op::dense_to_one: y[0] = dense_to_one(net, at, x); break;
    case step_op::dense_dynamic:
    case step_op::dense_static: sound = int8_outputs(net, at, x, y); break;
    case step_op::affine: affine_values(net, at, x); break;
    case step_op::layer_norm: normalize_values(net, at, x); break;
    case step_op::softmax:
    case step_op::log_softmax: softmax_values(at, x); break;
    case step_op::complement:
      y[0] = exact::sub(1.0F, x[0]);
      y[1] = x[0];
      break;
    case step_op::slice:
      for (std::size_t i = 0; i < at.outputs; ++i) y[i] = x[at.at + i];
      break;
    case step_op::activate: break;
    default: literal_values(net, at, x); break;
    }
    if (moves(at.op)) std::swap(x, y);
    if (sound && at.activates != activation::identity) activate_values(net, at, x);
  }
  for (std::size_t i = 0; i < net.outputs; ++i) out[i] = sound ? canonical(x[i]) : exact::quiet_nan;
}

// Row-major rows [count, inputs] -> out [count, outputs].
constexpr void run_rows(const steps_view& net, const float* rows, std::size_t count, float* out,
                        float* scratch, std::size_t) noexcept TINYMLP_NONBLOCKING {
  for (std::size_t r = 0; r < count; ++r)
    run_row(net, rows + r * net.inputs, out + r * net.outputs, scratch);
}

} // namespace tinymlp::kernels::reference
#include <tinymlp/nonblocking.inl>
