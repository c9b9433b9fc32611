// quantized_network<6, 32, 16, 1>: int8 weights, activations quantised dynamically, each row by
// itself; a row's score is what ONNX Runtime returns for a batch of that one row, bit for bit:
// without graph optimisations for any file, with them for all whose weight scales are not of rank 2
// (its optimiser then multiplies the scales in another order than the graph; its quantiser writes
// rank 0 and 1). But where the product of activation scale and weight scale overflows, which takes
// weights of 1e25 and more, the score is NaN.
#pragma once

#include <tinymlp/network.hpp>

#include <array>
#include <cstddef>
#include <cstdint>

namespace tinymlp {

// One weight scale a layer, or one an output.
enum class granularity : std::uint8_t { per_tensor, per_channel };

// The scale of symmetric int8 weights of which `largest` is the largest magnitude: largest / 127,
// or 1 where that is too small for a normal float. As ONNX Runtime's quantiser computes it.
constexpr float symmetric_scale(float largest) noexcept {
  const double scale =
      static_cast<double>(largest) / 127; // rounding twice is innocuous: 53 >= 2 * 24 + 2 bits
  return scale < 0x1p-126 ? 1.0F : kernels::exact::narrow(scale);
}

// w / scale rounded half to even, within -127 to 127.
constexpr std::int8_t quantize_weight(float w, float scale) noexcept {
  const float q = kernels::exact::div(w, scale);
  return static_cast<std::int8_t>(kernels::exact::round_half_even(q < -127  ? -127.0F
                                                                  : q > 127 ? 127.0F
                                                                            : q));
}

namespace detail {

// What int8 networks share, however their activations are quantised: scaler, weights and biases.
template <class Weights, std::size_t... Sizes> class int8_network : public scorer<Weights> {
protected:
  using shape = kernels::shape<Sizes...>;
  using layout = kernels::int8_layout<shape>;

public:
  static constexpr onnx::precision kind = onnx::precision::int8;

  // The quantised weight from `input` to `output` of layer `l`; the output's bias.
  constexpr std::int8_t weight(std::size_t l, std::size_t input,
                               std::size_t output) const noexcept {
    return this->weights_.bytes[layout::weight(l, input, output)];
  }
  constexpr float bias(std::size_t l, std::size_t output) const noexcept {
    return this->weights_.floats[layout::layers[l].bias + output];
  }

protected:
  constexpr int8_network() noexcept = default;

  constexpr void pack_scaler(const input_scaler<shape::inputs>& from) noexcept {
    auto& floats = this->weights_.floats;
    for (std::size_t i = 0; i < shape::padded_inputs; ++i) {
      const bool pad = i >= shape::inputs;
      floats[layout::mean + i] = pad ? 0.0F : from.mean[i];
      floats[layout::divisor + i] = pad ? 1.0F : from.divisor[i];
      floats[layout::multiplier + i] = pad ? 1.0F : from.multiplier[i];
    }
  }

  constexpr void place(std::size_t l, std::size_t input, std::size_t output,
                       std::int8_t value) noexcept {
    this->weights_.bytes[layout::weight(l, input, output)] = value;
    this->weights_.sums[layout::layers[l].sum + output] += value;
  }

  // Scales of the layer's outputs, where the layout has them.
  constexpr float& scale(std::size_t l, std::size_t output) noexcept {
    return this->weights_.floats[layout::layers[l].scale + output];
  }
  constexpr float scale(std::size_t l, std::size_t output) const noexcept {
    return this->weights_.floats[layout::layers[l].scale + output];
  }

  // Weights and biases.
  constexpr void pack_layer(const onnx::plan& plan, const onnx::step& from,
                            std::size_t l) noexcept {
    const onnx::tensor weight = onnx::read(plan, from.weight),
                       bias_of = onnx::read(plan, from.bias);
    onnx::element_reader weights(weight), biases(bias_of);
    std::int64_t q = 0;
    const std::size_t slow = from.transposed ? from.outputs : from.inputs;
    const std::size_t fast = from.transposed ? from.inputs : from.outputs;
    for (std::size_t s = 0; s < slow; ++s)
      for (std::size_t f = 0; f < fast; ++f) {
        weights.next(q);
        place(l, from.transposed ? f : s, from.transposed ? s : f, static_cast<std::int8_t>(q));
      }
    float bias = 0;
    for (std::size_t o = 0; o < from.outputs; ++o) { // past its end a reader keeps the last value
      biases.next(bias);
      this->weights_.floats[layout::layers[l].bias + o] = bias;
    }
  }

  // Weights and biases, and weight scales in the place of scales.
  constexpr void quantize_layer(const network<Sizes...>& from, std::size_t l,
                                granularity grain) noexcept {
    const kernels::int8_layer& at = layout::layers[l];
    std::array<float, kernels::widest_layer<shape>> largest{};
    float largest_of_all = 0;
    for (std::size_t i = 0; i < at.inputs; ++i)
      for (std::size_t o = 0; o < at.outputs; ++o) {
        const float w = magnitude(from.weight(l, i, o));
        if (w > largest[o]) largest[o] = w;
        if (w > largest_of_all) largest_of_all = w;
      }
    for (std::size_t o = 0; o < at.outputs; ++o) {
      const float most = grain == granularity::per_channel ? largest[o] : largest_of_all;
      scale(l, o) = symmetric_scale(most);
      this->weights_.floats[at.bias + o] = from.bias(l, o);
      for (std::size_t i = 0; i < at.inputs; ++i)
        place(l, i, o, quantize_weight(from.weight(l, i, o), scale(l, o)));
    }
  }

private:
  static constexpr float magnitude(float x) noexcept { return x < 0 ? -x : x; }
};

} // namespace detail

// A network of fixed shape in int8, each layer's activations quantised by the range of the row at
// hand. About a byte a parameter.
template <std::size_t... Sizes>
class quantized_network
    : public detail::int8_network<kernels::int8_weights<kernels::shape<Sizes...>>, Sizes...> {
  using shape = kernels::shape<Sizes...>;

public:
  // What its file must be.
  static constexpr onnx::quant_mode mode = onnx::quant_mode::dynamic_int8;

  // Packs a plan of this shape in the dynamic-PTQ form. Errors: network_mismatch,
  // precision_mismatch.
  static constexpr result<quantized_network> from_plan(const onnx::plan& plan) noexcept {
    quantized_network to;
    detail::plain_steps steps;
    input_scaler<shape::inputs> scaler;
    if (const error e = detail::check_fit<shape>(plan, mode, steps); onnx::failed(e)) return e;
    detail::read_scaler(plan, steps, scaler);
    to.pack_scaler(scaler);
    for (std::size_t l = 0; l < shape::layer_count; ++l) {
      const onnx::step& layer = plan.steps[steps.layer(l)];
      to.pack_layer(plan, layer, l);
      const onnx::tensor weight_scale = onnx::read(plan, layer.weight_scale);
      onnx::element_reader scales(weight_scale);
      float scale = 0;
      for (std::size_t o = 0; o < layer.outputs; ++o) {
        scales.next(scale);
        to.scale(l, o) = scale;
      }
    }
    return to;
  }

  // Quantises a float32 network as ONNX Runtime's quantize_dynamic (QInt8 weights) does:
  // symmetric, scale by symmetric_scale, zero point 0, round half to even.
  static constexpr quantized_network from_network(const network<Sizes...>& from,
                                                  granularity grain) noexcept {
    quantized_network to;
    to.pack_scaler(from.scaler());
    for (std::size_t l = 0; l < shape::layer_count; ++l) to.quantize_layer(from, l, grain);
    return to;
  }

  // The scale of the weights to `output` of layer `l`.
  constexpr float weight_scale(std::size_t l, std::size_t output) const noexcept {
    return this->scale(l, output);
  }

private:
  constexpr quantized_network() noexcept = default;
};

// The int8 form of a float32 network; also in constant expressions.
template <std::size_t... Sizes>
constexpr quantized_network<Sizes...>
quantize(const network<Sizes...>& from, granularity grain = granularity::per_tensor) noexcept {
  return quantized_network<Sizes...>::from_network(from, grain);
}

// The shipped networks' shapes.
using mlp_small_int8 = quantized_network<6, 16, 8, 1>;
using mlp_medium_int8 = quantized_network<6, 32, 16, 1>;
using mlp_large_int8 = quantized_network<6, 64, 32, 16, 1>;

} // namespace tinymlp
