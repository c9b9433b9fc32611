// mlp<48, layers::tanh<64>, layers::tanh<64>, layers::linear<12>>: a multilayer perceptron of any
// sequence of layers and activations, known at compile time, its weights inside the object.
#pragma once

#include <tinymlp/error.hpp>
#include <tinymlp/isa.hpp>
#include <tinymlp/kernels/steps_table.hpp>
#include <tinymlp/onnx/plan.hpp>
#include <tinymlp/packing.hpp>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <type_traits>

#include <tinymlp/nonblocking.inl>
namespace tinymlp {

// What stands in an mlp, in order. Each takes as many values as the one before it gives.
namespace layers {

// y = activation(x * weight + bias): Outputs values.
template <std::size_t Outputs, activation A = activation::identity> struct dense {};
template <std::size_t Outputs> using linear = dense<Outputs>;
template <std::size_t Outputs> using relu = dense<Outputs, activation::relu>;
template <std::size_t Outputs> using leaky_relu = dense<Outputs, activation::leaky_relu>;
template <std::size_t Outputs> using prelu = dense<Outputs, activation::prelu>;
template <std::size_t Outputs> using clip = dense<Outputs, activation::clip>;
template <std::size_t Outputs> using hard_sigmoid = dense<Outputs, activation::hard_sigmoid>;
template <std::size_t Outputs> using hard_swish = dense<Outputs, activation::hard_swish>;
template <std::size_t Outputs>
using thresholded_relu = dense<Outputs, activation::thresholded_relu>;
template <std::size_t Outputs> using elu = dense<Outputs, activation::elu>;
template <std::size_t Outputs> using selu = dense<Outputs, activation::selu>;
template <std::size_t Outputs> using celu = dense<Outputs, activation::celu>;
template <std::size_t Outputs> using sigmoid = dense<Outputs, activation::sigmoid>;
template <std::size_t Outputs> using tanh = dense<Outputs, activation::tanh>;
template <std::size_t Outputs> using softplus = dense<Outputs, activation::softplus>;
template <std::size_t Outputs> using softsign = dense<Outputs, activation::softsign>;
template <std::size_t Outputs> using silu = dense<Outputs, activation::silu>;
template <std::size_t Outputs> using gelu = dense<Outputs, activation::gelu>;
template <std::size_t Outputs> using gelu_tanh = dense<Outputs, activation::gelu_tanh>;
template <std::size_t Outputs> using mish = dense<Outputs, activation::mish>;

// activation(x - mean): before a dense layer that has the division by std in its weights, as
// network<...> has its scaler, and in int8 networks.
template <activation A = activation::identity> struct centre {};
// activation((x - mean) * scale + shift), constants that no dense layer took.
template <activation A = activation::identity> struct affine {};
// The activation alone.
template <activation A> struct activate {};
struct layer_norm {};  // LayerNormalization-17
struct softmax {};     // Softmax-13
struct log_softmax {}; // LogSoftmax-13
struct complement {};  // one value p -> (1 - p, p)
// Values First to First + Count - 1.
template <std::size_t First, std::size_t Count> struct slice {};
// x + a, a - x, x * a, x / a, one by one: in int8 networks only, as the file has them.
template <activation A = activation::identity> struct add {};
template <activation A = activation::identity> struct subtract_from {};
template <activation A = activation::identity> struct multiply {};
template <activation A = activation::identity> struct divide {};

} // namespace layers

namespace detail {

// The shape of a step: what its type says.
struct step_shape {
  kernels::step_op op = kernels::step_op::dense;
  activation activates = activation::identity;
  std::uint32_t inputs = 0, outputs = 0;
  std::uint32_t first = 0; // slice
  constexpr bool operator==(const step_shape&) const noexcept = default;
};
constexpr step_shape shape_of(const kernels::step& s) noexcept {
  return {s.op, s.activates, s.inputs, s.outputs, s.op == kernels::step_op::slice ? s.at : 0};
}

// Appends a layer's shape behind values of `width`; dense ones of op `as`.
template <class Layer> struct layer_shape;
template <std::size_t Outputs, activation A> struct layer_shape<layers::dense<Outputs, A>> {
  static_assert(Outputs >= 1 && Outputs <= onnx::max_width, "layer sizes are 1 to 65536");
  static constexpr step_shape at(std::uint32_t width, kernels::step_op as) noexcept {
    return {as, A, width, static_cast<std::uint32_t>(Outputs)};
  }
};
template <kernels::step_op Op, activation A> struct in_place_shape {
  static constexpr step_shape at(std::uint32_t width, kernels::step_op) noexcept {
    return {Op, A, width, width};
  }
};
template <activation A>
struct layer_shape<layers::centre<A>> : in_place_shape<step_op::centre, A> {};
template <activation A>
struct layer_shape<layers::affine<A>> : in_place_shape<step_op::affine, A> {};
template <activation A> struct layer_shape<layers::add<A>> : in_place_shape<step_op::add, A> {};
template <activation A>
struct layer_shape<layers::subtract_from<A>> : in_place_shape<step_op::subtract_from, A> {};
template <activation A>
struct layer_shape<layers::multiply<A>> : in_place_shape<step_op::multiply, A> {};
template <activation A>
struct layer_shape<layers::divide<A>> : in_place_shape<step_op::divide, A> {};
template <activation A>
struct layer_shape<layers::activate<A>> : in_place_shape<step_op::activate, A> {};
template <>
struct layer_shape<layers::layer_norm> : in_place_shape<step_op::layer_norm, activation::identity> {
};
template <>
struct layer_shape<layers::softmax> : in_place_shape<step_op::softmax, activation::identity> {};
template <>
struct layer_shape<layers::log_softmax>
    : in_place_shape<step_op::log_softmax, activation::identity> {};
template <> struct layer_shape<layers::complement> {
  static constexpr step_shape at(std::uint32_t width, kernels::step_op) noexcept {
    return {step_op::complement, activation::identity, width, 2};
  }
};
template <std::size_t First, std::size_t Count> struct layer_shape<layers::slice<First, Count>> {
  static constexpr step_shape at(std::uint32_t width, kernels::step_op) noexcept {
    return {step_op::slice, activation::identity, width, static_cast<std::uint32_t>(Count),
            static_cast<std::uint32_t>(First)};
  }
};

template <class Layer> inline constexpr bool is_dense = false;
template <std::size_t Outputs, activation A>
inline constexpr bool is_dense<layers::dense<Outputs, A>> = true;

template <onnx::quant_mode Mode, std::size_t Inputs, class... Layers> constexpr auto shapes_of() {
  constexpr std::size_t dense_count = (std::size_t{is_dense<Layers>} + ...);
  std::array<step_shape, sizeof...(Layers)> shapes{};
  std::uint32_t width = Inputs;
  std::size_t i = 0, seen = 0;
  const auto append = [&]<class Layer>(Layer) {
    seen += is_dense<Layer>;
    const step_op fp32 = seen == dense_count ? step_op::dense_to_one : step_op::dense;
    shapes[i] = layer_shape<Layer>::at(width, Mode == onnx::quant_mode::fp32 ? fp32
                                              : Mode == onnx::quant_mode::dynamic_int8
                                                  ? step_op::dense_dynamic
                                                  : step_op::dense_static);
    if (shapes[i].op == step_op::dense_to_one && shapes[i].outputs != 1)
      shapes[i].op = step_op::dense;
    width = shapes[i++].outputs;
  };
  (append(Layers{}), ...);
  return shapes;
}

// The steps of such a type with their places, and what they take: kernels::fixed_step reads them.
template <onnx::quant_mode Mode, std::size_t Inputs, class... Layers> struct mlp_shape {
  static constexpr auto shapes = shapes_of<Mode, Inputs, Layers...>();
  static constexpr std::size_t outputs = shapes.back().outputs;
  static constexpr std::size_t inputs = Inputs;

private:
  struct placed {
    std::array<kernels::step, sizeof...(Layers)> steps{};
    kernels::extent room;
  };
  static constexpr placed all = [] {
    placed to;
    std::size_t moved = 0, i = 0;
    for (const step_shape& from : shapes) {
      kernels::step& s = to.steps[i++];
      s = {.op = from.op,
           .activates = from.activates,
           .inputs = from.inputs,
           .outputs = from.outputs,
           .at = from.first};
      place(s, to.room, moved);
    }
    close(to.room);
    return to;
  }();

public:
  static constexpr std::array<kernels::step, sizeof...(Layers)> steps = all.steps;
  static constexpr kernels::extent room = all.room;
};

// Floats of scratch for many rows: as many rows together as fit 192 KiB of stack, at most 32.
inline constexpr std::size_t most_scratch = 49152;
constexpr std::size_t rows_scratch(std::size_t row) noexcept {
  std::size_t rows = 32;
  while (rows > 1 && row * rows > most_scratch) rows /= 2;
  return row * rows;
}

} // namespace detail

// Inputs, then layers (namespace layers). Mode: float32, or int8 with the scale of its activations
// from the row (dynamic) or fixed (static). All functions are const, noexcept and thread-safe,
// allocate nothing, and return the same bits on every instruction set, at compile time and at run
// time. A NaN or infinity among a row's features makes all its outputs NaN.
// Size: 4 bytes a parameter (int8: 1), some arrays padded to 16 values, and 48 bytes a layer.
template <onnx::quant_mode Mode, std::size_t Inputs, class... Layers> class basic_mlp {
  static_assert(sizeof...(Layers) >= 1 && Inputs >= 1 && Inputs <= onnx::max_width);
  using shape = detail::mlp_shape<Mode, Inputs, Layers...>;
  static constexpr auto shapes = shape::shapes;
  static constexpr kernels::extent extent = shape::room;
  static_assert(kernels::fits(extent), "the network is larger than 2 GiB of constants");
  static constexpr bool is_int8 = Mode != onnx::quant_mode::fp32;
  static constexpr std::size_t row_floats = extent.even + extent.odd;

public:
  // What its file must be.
  static constexpr onnx::quant_mode mode = Mode;
  static constexpr onnx::precision kind = onnx::precision_of(Mode);
  // Features in a row, values out of it.
  static constexpr std::size_t inputs = Inputs;
  static constexpr std::size_t outputs = shapes.back().outputs;
  // Weights and biases of the dense layers.
  static constexpr std::size_t parameter_count = [] {
    std::size_t n = 0;
    for (const detail::step_shape& s : shapes)
      if (s.op <= kernels::step_op::dense_static) n += std::size_t{s.inputs + 1} * s.outputs;
    return n;
  }();
  // A row of features, and what comes out.
  using row_view = std::span<const float, inputs>;
  using values = std::array<float, outputs>;

  // Packs a plan of this shape. Errors: network_mismatch, precision_mismatch, non_finite_weight.
  static constexpr result<basic_mlp> from_plan(const onnx::plan& plan) noexcept {
    basic_mlp to;
    if (const error e = to.fit(plan); onnx::failed(e)) return e;
    detail::packer packer(plan, to.steps_.data(), to.floats_.data(), to.bytes_.data(),
                          to.sums_.data());
    if (const error e = packer.pack(); onnx::failed(e)) return e;
    return to;
  }

  // One row of `inputs` features -> `outputs` values.
  constexpr values run(row_view row) const noexcept TINYMLP_NONBLOCKING {
    values out{};
    if (std::is_constant_evaluated()) {
      float scratch[row_floats]{};
      kernels::reference::run_row(view(), row.data(), out.data(), scratch);
    } else {
      run_row(selected(), row.data(), out.data());
    }
    return out;
  }
  constexpr float score(row_view row) const noexcept TINYMLP_NONBLOCKING requires(outputs == 1) {
    return run(row)[0];
  }

  // Row-major rows [N, inputs] -> out [N, outputs]; any N, any alignment, no overlap.
  // status::size_mismatch, and nothing written, where the sizes do not match.
  [[nodiscard]] constexpr status run(std::span<const float> rows,
                                     std::span<float> out) const noexcept TINYMLP_NONBLOCKING {
    if (!sizes_match(rows, out)) return status::size_mismatch;
    if (!std::is_constant_evaluated()) return run_on(selected(), rows, out);
    float scratch[row_floats]{};
    kernels::reference::run_rows(view(), rows.data(), rows.size() / inputs, out.data(), scratch, 0);
    return status::ok;
  }
  [[nodiscard]] constexpr status score(std::span<const float> rows,
                                       std::span<float> scores) const noexcept TINYMLP_NONBLOCKING
      requires(outputs == 1) {
    return run(rows, scores);
  }

  // The same on an instruction set named by the caller; status::isa_unsupported where this CPU, or
  // this build, lacks it.
  result<values> run(row_view row, isa which) const noexcept TINYMLP_NONBLOCKING {
    if (!can_run(which)) return error{status::isa_unsupported, 0, name(which)};
    values out{};
    run_row(which, row.data(), out.data());
    return out;
  }
  [[nodiscard]] status run(std::span<const float> rows, std::span<float> out,
                           isa which) const noexcept TINYMLP_NONBLOCKING {
    if (!sizes_match(rows, out)) return status::size_mismatch;
    if (!can_run(which)) return status::isa_unsupported;
    return run_on(which, rows, out);
  }

  // What the kernels read: steps and constants, in the layout of kernels/steps.hpp.
  constexpr kernels::steps_view view() const noexcept {
    return {steps_.data(), steps_.size(),  inputs,        outputs,     extent.even,
            extent.odd,    floats_.data(), bytes_.data(), sums_.data()};
  }

private:
  constexpr basic_mlp() noexcept = default;

  // What its kernels know of it. Constants pay in small networks; large ones share their code.
  using known =
      std::conditional_t<is_int8, kernels::int8_steps,
                         std::conditional_t<parameter_count <= 16384 && sizeof...(Layers) <= 24,
                                            shape, kernels::any_shape>>;

  void run_row(isa which, const float* row, float* out) const noexcept TINYMLP_NONBLOCKING {
    alignas(64) float scratch[row_floats];
    kernels::steps_row_of<known>(which)(view(), row, out, scratch);
  }

  static bool can_run(isa which) noexcept TINYMLP_NONBLOCKING {
    return supported(which) && kernels::built().contains(which);
  }
  static constexpr bool sizes_match(std::span<const float> rows, std::span<float> out) noexcept {
    return rows.size() % inputs == 0 && out.size() % outputs == 0 &&
           rows.size() / inputs == out.size() / outputs;
  }

  status run_on(isa which, std::span<const float> rows,
                std::span<float> out) const noexcept TINYMLP_NONBLOCKING {
    constexpr std::size_t room = detail::rows_scratch(row_floats);
    alignas(64) float scratch[room];
    kernels::steps_rows_of<known>(which)(view(), rows.data(), rows.size() / inputs, out.data(),
                                         scratch, room);
    return status::ok;
  }

  static constexpr error fit(const onnx::plan& plan) noexcept {
    if (plan.mode != Mode) return {status::precision_mismatch, 0, name(plan.mode)};
    detail::folded_step each;
    std::size_t i = 0;
    for (detail::folder steps(plan); steps.next(each); ++i)
      if (i == shapes.size() || detail::shape_of(each.step) != shapes[i])
        return {status::network_mismatch, plan.steps[each.main].offset,
                onnx::label(plan, plan.steps[each.main])};
    if (i != shapes.size()) return {status::network_mismatch, 0, plan.graph_name};
    return {};
  }

  std::array<kernels::step, sizeof...(Layers)> steps_{};
  alignas(64) std::array<float, extent.floats> floats_{};
  alignas(is_int8 ? 64 : 1) std::array<std::int8_t, is_int8 ? extent.bytes : 0> bytes_{};
  alignas(is_int8 ? 64 : 4) std::array<std::int32_t, is_int8 ? extent.sums : 0> sums_{};
};

// In float32, in int8 with each row's own activation scales, in int8 with fixed ones.
template <std::size_t Inputs, class... Layers>
using mlp = basic_mlp<onnx::quant_mode::fp32, Inputs, Layers...>;
template <std::size_t Inputs, class... Layers>
using quantized_mlp = basic_mlp<onnx::quant_mode::dynamic_int8, Inputs, Layers...>;
template <std::size_t Inputs, class... Layers>
using static_quantized_mlp = basic_mlp<onnx::quant_mode::static_int8, Inputs, Layers...>;

} // namespace tinymlp
#include <tinymlp/nonblocking.inl>
