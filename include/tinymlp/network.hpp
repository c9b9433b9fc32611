// network<6, 16, 8, 1>: a float32 multilayer perceptron of fixed shape, its weights inside the
// object, scored without allocation, lock, exception or hidden state.
#pragma once

#include <tinymlp/error.hpp>
#include <tinymlp/isa.hpp>
#include <tinymlp/kernels/exact.hpp>
#include <tinymlp/kernels/layout.hpp>
#include <tinymlp/kernels/reference.hpp>
#include <tinymlp/kernels/row_in_double.hpp>
#include <tinymlp/kernels/table.hpp>
#include <tinymlp/onnx/plan.hpp>
#include <tinymlp/packing.hpp>

#include <array>
#include <bit>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <span>
#include <type_traits>

#include <tinymlp/nonblocking.inl>
namespace tinymlp {

// A struct of named features that lists itself as one row, such as vmaf::features.
template <class T, std::size_t Inputs>
concept feature_row = requires(const T& features) {
  { features.row() }
  noexcept->std::same_as<std::array<float, Inputs>>;
};

// What network and quantized_network share: scoring. All functions are const, noexcept and
// thread-safe, allocate nothing, and return the same bits on every instruction set, at compile
// time and at run time. A NaN or infinity among a row's features gives a NaN score. Scores are
// not clipped.
template <class Weights> class scorer {
public:
  // The sizes of the layers.
  using shape_type = typename Weights::shape_type;
  // Features in a row.
  static constexpr std::size_t inputs = shape_type::inputs;
  // Weights and biases (257 for 6-16-8-1), without the scaler.
  static constexpr std::size_t parameter_count = shape_type::parameter_count;
  // A row of features.
  using row_view = std::span<const float, inputs>;

  // One row of `inputs` features -> its score.
  constexpr float score(row_view row) const noexcept TINYMLP_NONBLOCKING {
    if (std::is_constant_evaluated()) return kernels::reference::score(weights_, row.data());
    return kernels::row_function_of<Weights>(kernels::selected_for_row<Weights>())(weights_,
                                                                                   row.data());
  }
  template <feature_row<inputs> Features>
  constexpr float score(const Features& features) const noexcept TINYMLP_NONBLOCKING {
    const std::array<float, inputs> row = features.row();
    return score(row_view(row));
  }

  // Row-major rows [N, inputs] -> scores [N]; any N, any alignment, no overlap. Takes stack,
  // as GCC 12 compiles it at -O2: mlp_large 16 KiB, its int8 form 40 KiB, any shape up to 148 KiB.
  // status::size_mismatch, and nothing written, unless rows.size() == scores.size() * inputs.
  [[nodiscard]] constexpr status score(std::span<const float> rows,
                                       std::span<float> scores) const noexcept TINYMLP_NONBLOCKING {
    if (!sizes_match(rows, scores)) return status::size_mismatch;
    if (std::is_constant_evaluated())
      kernels::reference::score_rows(weights_, rows.data(), scores.size(), scores.data());
    else
      kernels::rows_function_of<Weights>(selected())(weights_, rows.data(), scores.size(),
                                                     scores.data());
    return status::ok;
  }

  // The same on an instruction set named by the caller; status::isa_unsupported where this CPU, or
  // this build, lacks it.
  result<float> score(row_view row, isa which) const noexcept TINYMLP_NONBLOCKING {
    if (!can_score(which)) return error{status::isa_unsupported, 0, name(which)};
    return kernels::row_function_of<Weights>(which)(weights_, row.data());
  }
  template <feature_row<inputs> Features>
  result<float> score(const Features& features, isa which) const noexcept TINYMLP_NONBLOCKING {
    const std::array<float, inputs> row = features.row();
    return score(row_view(row), which);
  }
  [[nodiscard]] status score(std::span<const float> rows, std::span<float> scores,
                             isa which) const noexcept TINYMLP_NONBLOCKING {
    if (!sizes_match(rows, scores)) return status::size_mismatch;
    if (!can_score(which)) return status::isa_unsupported;
    kernels::rows_function_of<Weights>(which)(weights_, rows.data(), scores.size(), scores.data());
    return status::ok;
  }

  // The same on an instruction set fixed at compile time: no dispatch, and the kernel may be
  // inlined into callers compiled for that instruction set. The caller knows that the CPU has it;
  // elsewhere the program ends with an illegal instruction.
  template <isa Which> float score(row_view row) const noexcept TINYMLP_NONBLOCKING {
    return kernels::kernel_for<Weights, Which>.row(weights_, row.data());
  }
  template <isa Which, feature_row<inputs> Features>
  float score(const Features& features) const noexcept TINYMLP_NONBLOCKING {
    const std::array<float, inputs> row = features.row();
    return score<Which>(row_view(row));
  }
  template <isa Which>
  [[nodiscard]] status score(std::span<const float> rows,
                             std::span<float> scores) const noexcept TINYMLP_NONBLOCKING {
    if (!sizes_match(rows, scores)) return status::size_mismatch;
    kernels::kernel_for<Weights, Which>.rows(weights_, rows.data(), scores.size(), scores.data());
    return status::ok;
  }

  // The packed arrays, in the layout of kernels/layout.hpp.
  constexpr const Weights& weights() const noexcept { return weights_; }

protected:
  constexpr scorer() noexcept = default;
  // What derived networks pack.
  Weights weights_{};

private:
  static bool can_score(isa which) noexcept TINYMLP_NONBLOCKING {
    return supported(which) && kernels::built().contains(which);
  }
  static constexpr bool sizes_match(std::span<const float> rows, std::span<float> scores) noexcept {
    return rows.size() % inputs == 0 && rows.size() / inputs == scores.size();
  }
};

// (x - mean) / divisor * multiplier, where divisor or multiplier is all ones.
template <std::size_t Inputs> struct input_scaler {
  // One for each feature.
  std::array<float, Inputs> mean{}, divisor{}, multiplier{};
};

namespace detail {

// Sizes and Relus, in order, those of the plan?
template <class Shape>
constexpr error check_fit(const onnx::plan& plan, onnx::quant_mode mode,
                          plain_steps& steps) noexcept {
  if (!find_plain_steps(plan, steps) || plan.layer_count != Shape::layer_count)
    return onnx::naming({status::network_mismatch, 0, plan.graph_name}, "graph");
  for (std::size_t l = 0; l < plan.layer_count; ++l) {
    const onnx::step& layer = plan.steps[steps.layer(l)];
    if (layer.inputs != Shape::sizes[l] || layer.outputs != Shape::sizes[l + 1])
      return {status::network_mismatch, layer.offset, onnx::label(plan, layer)};
  }
  if (plan.mode != mode)
    return {status::precision_mismatch, plan.steps[steps.layer(0)].offset, name(plan.mode)};
  return {};
}

// The constant's values, one for each of `out`, broadcast if there is only one.
template <std::size_t N>
constexpr void read_broadcast(const onnx::plan& plan, onnx::constant from,
                              std::array<float, N>& out) noexcept {
  float_values values(plan, from);
  for (std::size_t i = 0; i < N; ++i) out[i] = values[i];
}

template <std::size_t Inputs>
constexpr void read_scaler(const onnx::plan& plan, const plain_steps& steps,
                           input_scaler<Inputs>& to) noexcept {
  to.divisor.fill(1);
  to.multiplier.fill(1);
  for (std::size_t i = 0; i < steps.first_layer; ++i) {
    const onnx::step& from = plan.steps[i];
    switch (from.op) {
    case onnx::affine_op::scaler:
      read_broadcast(plan, from.weight, to.mean);
      read_broadcast(plan, from.bias, to.multiplier);
      break;
    case onnx::affine_op::divide: read_broadcast(plan, from.weight, to.divisor); break;
    case onnx::affine_op::multiply: read_broadcast(plan, from.weight, to.multiplier); break;
    default:
      read_broadcast(plan, from.weight, to.mean);
      if (from.op == onnx::affine_op::add)
        for (float& m : to.mean) m = -m;
      break;
    }
  }
}

} // namespace detail

// Sizes of the layers, inputs first; the last is 1. Hidden layers are followed by Relu.
// About 4 bytes a parameter (padding aside), plus a copy of the first layer's weights where those
// are at most 4,096, else 2 bits for each.
template <std::size_t... Sizes>
class network : public scorer<kernels::fp32_weights<kernels::shape<Sizes...>>> {
  using base = scorer<kernels::fp32_weights<kernels::shape<Sizes...>>>;
  using shape = kernels::shape<Sizes...>;
  using layout = kernels::fp32_layout<shape>;

public:
  // What its file must be.
  static constexpr onnx::precision kind = onnx::precision::fp32;
  static constexpr onnx::quant_mode mode = onnx::quant_mode::fp32;

  // Packs a plan of this shape. Errors: network_mismatch, precision_mismatch, non_finite_weight
  // (a weight that overflows when alpha or the scaler is folded into it).
  static constexpr result<network> from_plan(const onnx::plan& plan) noexcept {
    network to;
    detail::plain_steps steps;
    if (const error e = detail::check_fit<shape>(plan, mode, steps); onnx::failed(e)) return e;
    detail::read_scaler(plan, steps, to.scaler_);
    for (std::size_t i = 0; i < shape::inputs; ++i)
      to.weights_.values[layout::mean + i] = to.scaler_.mean[i];
    for (std::size_t l = 0; l < shape::layer_count; ++l) {
      const onnx::step& layer = plan.steps[steps.layer(l)];
      const bool scaled = l == 0 && steps.first_layer != 0;
      if (const error e = to.pack_weight(plan, layer, l, scaled); onnx::failed(e))
        return detail::explained(plan, e);
      if (const error e = to.pack_bias(plan, layer, l); onnx::failed(e))
        return detail::explained(plan, e);
    }
    if constexpr (kernels::row_in_double::applies<shape>) to.tell_whether_moderate();
    return to;
  }

  // The model's scaler, as it stands in the file (scoring has its division folded away).
  constexpr const input_scaler<shape::inputs>& scaler() const noexcept { return scaler_; }

  // The model's own weight from `input` to `output` of layer `l`, and its bias.
  constexpr float weight(std::size_t l, std::size_t input, std::size_t output) const noexcept {
    const float packed = this->weights_.values[at(l, input, output)];
    if (l != 0) return packed;
    const std::size_t i = input * shape::sizes[1] + output;
    if constexpr (copies_first)
      return first_weight_[i];
    else
      return step_ulps(unscaled(packed, input), (first_steps_[i / 4] >> (i % 4 * 2) & 3) - 1);
  }
  constexpr float bias(std::size_t l, std::size_t output) const noexcept {
    return this->weights_.values[layout::layers[l].bias + output];
  }

private:
  constexpr network() noexcept = default;

  static constexpr std::size_t at(std::size_t l, std::size_t input, std::size_t output) noexcept {
    const bool last = l + 1 == shape::layer_count;
    const kernels::fp32_layer& layer = layout::layers[l];
    return layer.weight + (last ? input : input * layer.padded_outputs + output);
  }

  // Folds alpha, and into the first layer the scaler: float(alpha * w / std), rounded once.
  constexpr error pack_weight(const onnx::plan& plan, const onnx::step& from, std::size_t l,
                              bool scaled) noexcept {
    const onnx::tensor weight = onnx::read(plan, from.weight);
    const char* raw = nullptr;
    if (from.alpha == 1 && !scaled && onnx::raw_floats(weight, raw)) {
      const float largest = copy_weight(raw, from, l);
      if (kernels::exact::is_finite(largest)) return {};
    }
    onnx::element_reader reader(weight);
    float value = 0;
    const std::size_t slow = from.transposed ? from.outputs : from.inputs;
    const std::size_t fast = from.transposed ? from.inputs : from.outputs;
    for (std::size_t s = 0; s < slow; ++s)
      for (std::size_t f = 0; f < fast; ++f) {
        reader.next(value);
        const std::size_t input = from.transposed ? f : s, output = from.transposed ? s : f;
        if (!place(l, input, output, static_cast<double>(value) * static_cast<double>(from.alpha)))
          return {status::non_finite_weight, reader.offset(), weight.name};
      }
    return {};
  }

  // Weights as they stand in the file; few steps each in a constant expression. Returns the largest
  // magnitude.
  constexpr float copy_weight(const char* raw, const onnx::step& from, std::size_t l) noexcept {
    const std::size_t outputs = from.outputs, across = from.transposed ? from.inputs : 1,
                      along = from.transposed ? 1 : outputs;
    const bool last = l + 1 == shape::layer_count;
    const std::size_t stride = last ? 1 : layout::layers[l].padded_outputs;
    float* const to = this->weights_.values.data() + layout::layers[l].weight;
    std::uint32_t worst = 0;
    for (std::size_t k = 0; k < from.inputs; ++k)
      for (std::size_t o = 0; o < outputs; ++o)
        worst = detail::packer::put(to[k * stride + o], raw, k * along + o * across, worst);
    if (l != 0) return std::bit_cast<float>(worst);
    if constexpr (copies_first) {
      for (std::size_t k = 0; k < from.inputs; ++k)
        for (std::size_t o = 0; o < outputs; ++o)
          first_weight_[k * outputs + o] = to[k * stride + o];
    } else {
      first_steps_.fill(0x55); // four times none
    }
    return std::bit_cast<float>(worst);
  }

  constexpr bool place(std::size_t l, std::size_t input, std::size_t output,
                       double value) noexcept {
    using kernels::exact::is_finite;
    const float own = kernels::exact::narrow(value);
    float packed = own;
    if (l == 0) {
      packed = kernels::exact::narrow(value / static_cast<double>(scaler_.divisor[input]) *
                                      static_cast<double>(scaler_.multiplier[input]));
      keep(input, output, own, packed);
    }
    this->weights_.values[at(l, input, output)] = packed;
    return is_finite(own) && is_finite(packed);
  }

  // The first layer's weight as it was before folding: itself, or, in networks that would grow by
  // more than a tenth, how many ulps (-1, 0 or 1) lie between it and the folded one multiplied
  // back.
  constexpr void keep(std::size_t input, std::size_t output, float own, float packed) noexcept {
    const std::size_t i = input * shape::sizes[1] + output;
    if constexpr (copies_first) {
      first_weight_[i] = own;
    } else {
      const float back = unscaled(packed, input);
      const unsigned code = own == step_ulps(back, 1) ? 2 : own == step_ulps(back, -1) ? 0 : 1;
      first_steps_[i / 4] = static_cast<std::uint8_t>(first_steps_[i / 4] | code << (i % 4 * 2));
    }
  }
  constexpr float unscaled(float packed, std::size_t input) const noexcept {
    if (scaler_.multiplier[input] == 0) return 0; // a feature that never counts
    return kernels::exact::narrow(static_cast<double>(packed) /
                                  static_cast<double>(scaler_.multiplier[input]) *
                                  static_cast<double>(scaler_.divisor[input]));
  }
  static constexpr float step_ulps(float x, int ulps) noexcept {
    return std::bit_cast<float>(std::bit_cast<std::int32_t>(x) + ulps);
  }

  constexpr error pack_bias(const onnx::plan& plan, const onnx::step& from,
                            std::size_t l) noexcept {
    if (!from.bias.present()) return {};
    const onnx::tensor bias = onnx::read(plan, from.bias);
    onnx::element_reader reader(bias);
    float value = 0;
    for (std::size_t o = 0; o < from.outputs; ++o) { // past its end a reader keeps the last value
      reader.next(value);
      const float packed =
          kernels::exact::narrow(static_cast<double>(value) * static_cast<double>(from.beta));
      if (!kernels::exact::is_finite(packed))
        return {status::non_finite_weight, reader.offset(), bias.name};
      this->weights_.values[layout::layers[l].bias + o] = packed;
    }
    return {};
  }

  constexpr void tell_whether_moderate() noexcept {
    bool moderate = true;
    for (const float each : this->weights_.values)
      moderate = moderate && kernels::row_in_double::is_moderate(each);
    this->weights_.values[kernels::row_in_double::flag<shape>] = moderate ? 1.0F : 0.0F;
  }

  input_scaler<shape::inputs> scaler_{};
  static constexpr std::size_t first_count = shape::inputs * shape::sizes[1];
  static constexpr bool copies_first = first_count <= 4096;
  std::array<float, copies_first ? first_count : 0> first_weight_{};
  std::array<std::uint8_t, copies_first ? 0 : (first_count + 3) / 4> first_steps_{};
};

// The shapes of the shipped networks, and of upstream's vmaf_tiny_v2, v3 and v4.
using mlp_small = network<6, 16, 8, 1>;
using mlp_medium = network<6, 32, 16, 1>;
using mlp_large = network<6, 64, 32, 16, 1>;

} // namespace tinymlp
#include <tinymlp/nonblocking.inl>
