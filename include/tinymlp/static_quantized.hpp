// static_quantized_network<6, 32, 16, 1>: int8 weights, activations quantised by scales that were
// fixed beforehand, from rows like those to come. A row's score is what ONNX Runtime returns for
// that row in a batch of any size, bit for bit, for all finite features: what lies beyond a scale's
// range saturates, and so does what overflows float32 on its way.
#pragma once

#include <tinymlp/kernels/static_int8.hpp>
#include <tinymlp/quantized.hpp>

#include <array>
#include <cstddef>
#include <cstdint>

namespace tinymlp {

// The values that a layer's inputs were seen to have; of the first layer, behind the scaler.
// Widened to include 0, it becomes the 256 values of a byte; what lies outside saturates.
struct activation_range {
  // The least and the largest.
  float low = 0, high = 0;
};

// Scale and zero point of ONNX QuantizeLinear (to uint8).
struct activation_scale {
  // x = (q - zero_point) * scale
  float scale = 1;
  std::int32_t zero_point = 0;
};

// scale = (high - low) / 255, zero point = round_half_even(-low / scale), as DynamicQuantizeLinear
// makes them of such a range; scale 1 where that is too small for a normal float. Errors: bad_scale
// for a range that is not finite, too wide for a float, or empty (high < low).
constexpr result<activation_scale> scale_of(activation_range range) noexcept {
  using namespace kernels::exact;
  const float low = range.low < 0 ? range.low : 0.0F, high = range.high > 0 ? range.high : 0.0F;
  const float width = sub(high, low);
  if (!is_finite(range.low) || !is_finite(range.high) || !is_finite(width) ||
      range.high < range.low)
    return error{status::bad_scale, 0, "activation_range"};
  const float scale = div(width, 255.0F);
  if (scale < 0x1p-126F) return activation_scale{};
  const float zero = div(-low, scale);
  return activation_scale{scale, round_half_even(zero > 255 ? 255.0F : zero)};
}

// A network of fixed shape in int8, each layer's activations quantised by a scale that is fixed
// beforehand. About a byte a parameter.
template <std::size_t... Sizes>
class static_quantized_network
    : public detail::int8_network<kernels::static_int8_weights<kernels::shape<Sizes...>>,
                                  Sizes...> {
  using shape = kernels::shape<Sizes...>;

public:
  // What its file must be.
  static constexpr onnx::quant_mode mode = onnx::quant_mode::static_int8;
  // Of the inputs of each layer.
  using ranges = std::array<activation_range, shape::layer_count>;

  // Packs a plan of this shape in the static-PTQ form. Errors: network_mismatch,
  // precision_mismatch.
  static constexpr result<static_quantized_network> from_plan(const onnx::plan& plan) noexcept {
    static_quantized_network to;
    detail::plain_steps steps;
    input_scaler<shape::inputs> scaler;
    if (const error e = detail::check_fit<shape>(plan, mode, steps); onnx::failed(e)) return e;
    detail::read_scaler(plan, steps, scaler);
    to.pack_scaler(scaler);
    for (std::size_t l = 0; l < shape::layer_count; ++l) {
      const onnx::step& layer = plan.steps[steps.layer(l)];
      to.pack_layer(plan, layer, l);
      to.pack_scales(plan, layer, l);
      to.weights_.inputs[l].scale = layer.activation_scale;
      to.weights_.inputs[l].zero_point = layer.activation_zero_point;
    }
    kernels::prepare(to.weights_);
    return to;
  }

  // Quantises a float32 network: weights as quantized_network::from_network does, activations by
  // scale_of their ranges. Errors: bad_scale, also for a scale whose product with a weight scale
  // is not a positive finite float.
  static constexpr result<static_quantized_network>
  from_network(const network<Sizes...>& from, const ranges& inputs, granularity grain) noexcept {
    static_quantized_network to;
    to.pack_scaler(from.scaler());
    for (std::size_t l = 0; l < shape::layer_count; ++l) {
      const result<activation_scale> input = scale_of(inputs[l]);
      if (!input) return input.error();
      to.quantize_layer(from, l, grain);
      for (std::size_t o = 0; o < shape::sizes[l + 1]; ++o) {
        const float scale = kernels::exact::mul(input->scale, to.scale(l, o));
        if (!(scale > 0) || !kernels::exact::is_finite(scale))
          return error{status::bad_scale, 0, "activation_range"};
        to.scale(l, o) = scale;
      }
      to.weights_.inputs[l].scale = input->scale;
      to.weights_.inputs[l].zero_point = input->zero_point;
    }
    kernels::prepare(to.weights_);
    return to;
  }

  // How the inputs of layer `l` are quantised.
  constexpr activation_scale input_scale(std::size_t l) const noexcept {
    return {this->weights_.inputs[l].scale, this->weights_.inputs[l].zero_point};
  }
  // What the sum for `output` of layer `l` is multiplied by: activation scale * weight scale.
  constexpr float sum_scale(std::size_t l, std::size_t output) const noexcept {
    return this->scale(l, output);
  }

private:
  constexpr static_quantized_network() noexcept = default;

  constexpr void pack_scales(const onnx::plan& plan, const onnx::step& from,
                             std::size_t l) noexcept {
    const bool has_factor = from.sum_scale_factor.present();
    const onnx::tensor scale_of = onnx::read(plan, from.sum_scale),
                       factor_of = onnx::read(plan, from.sum_scale_factor);
    onnx::element_reader scales(scale_of), factors(factor_of);
    float scale = 0, factor = 1;
    for (std::size_t o = 0; o < from.outputs; ++o) { // past its end a reader keeps the last value
      scales.next(scale);
      if (has_factor) factors.next(factor);
      this->scale(l, o) = kernels::exact::mul(scale, factor);
    }
  }
};

// The int8 form of a float32 network with fixed activation scales, from the range of each layer's
// inputs; also in constant expressions. Errors: bad_scale.
template <std::size_t... Sizes>
constexpr result<static_quantized_network<Sizes...>>
quantize(const network<Sizes...>& from,
         const typename static_quantized_network<Sizes...>::ranges& inputs,
         granularity grain = granularity::per_tensor) noexcept {
  return static_quantized_network<Sizes...>::from_network(from, inputs, grain);
}

// The shipped networks' shapes.
using mlp_small_static_int8 = static_quantized_network<6, 16, 8, 1>;
using mlp_medium_static_int8 = static_quantized_network<6, 32, 16, 1>;
using mlp_large_static_int8 = static_quantized_network<6, 64, 32, 16, 1>;

} // namespace tinymlp
