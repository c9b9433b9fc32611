// From the bytes of a model to a network: load at run time, embed at compile time.
#pragma once

#include <tinymlp/error.hpp>
#include <tinymlp/mlp.hpp>
#include <tinymlp/network.hpp>
#include <tinymlp/onnx.hpp>
#include <tinymlp/packing.hpp>
#include <tinymlp/quantized.hpp>
#include <tinymlp/static_quantized.hpp>

#include <array>
#include <bit>
#include <cstddef>
#include <span>
#include <type_traits>
#include <utility>

namespace tinymlp {

// A network of type Net (network<...>, mlp<...> or their int8 forms) from the bytes of an ONNX
// file, or the reason why not: code, byte offset and name. No allocation, no exceptions; 24 KiB of
// stack beside the network itself. The network keeps no reference to the bytes (the error's `where`
// does).
template <class Net>
constexpr result<Net> load(std::span<const char> model,
                           onnx::external_files external = {}) noexcept {
  onnx::plan plan;
  if (const error e = onnx::parse_into(plan, model, external); onnx::failed(e)) return e;
  return Net::from_plan(plan);
}
// From a string literal, as `tinymlp embed` writes it: its final NUL is not part of the model.
template <class Net, std::size_t N>
constexpr result<Net> load(const char (&model)[N], onnx::external_files external = {}) noexcept {
  const result<Net> whole = load<Net>(std::span<const char>(model, N), external);
  if (whole || model[N - 1] != '\0') return whole;
  return load<Net>(std::span<const char>(model, N - 1), external);
}
template <class Net>
result<Net> load(std::span<const unsigned char> model,
                 onnx::external_files external = {}) noexcept {
  return load<Net>(onnx::chars(model), external);
}
template <class Net>
result<Net> load(std::span<const std::byte> model, onnx::external_files external = {}) noexcept {
  return load<Net>(onnx::chars(model), external);
}

namespace detail {

// Not constexpr, never defined: naming it in a constant expression is an error that shows `Code`.
template <status Code> void model_refused_because();

template <std::size_t... Code> consteval void refuse(status code, std::index_sequence<Code...>) {
  ((static_cast<std::size_t>(code) == Code ? model_refused_because<static_cast<status>(Code)>()
                                           : void()),
   ...);
}
inline constexpr std::size_t status_count = static_cast<std::size_t>(status::out_of_memory) + 1;

template <class Net> consteval Net accepted(const result<Net>& net) {
  if (!net) refuse(net.error().code, std::make_index_sequence<status_count>());
  return *net;
}

// The type of the network in a model that the compiler knows.

template <step_shape S> constexpr auto layer_of() {
  constexpr activation a = S.activates;
  using enum kernels::step_op;
  if constexpr (S.op <= dense_static) return layers::dense<S.outputs, a>{};
  if constexpr (S.op == affine) return layers::affine<a>{};
  if constexpr (S.op == centre) return layers::centre<a>{};
  if constexpr (S.op == add) return layers::add<a>{};
  if constexpr (S.op == subtract_from) return layers::subtract_from<a>{};
  if constexpr (S.op == multiply) return layers::multiply<a>{};
  if constexpr (S.op == divide) return layers::divide<a>{};
  if constexpr (S.op == kernels::step_op::activate) return layers::activate<a>{};
  if constexpr (S.op == layer_norm) return layers::layer_norm{};
  if constexpr (S.op == softmax) return layers::softmax{};
  if constexpr (S.op == log_softmax) return layers::log_softmax{};
  if constexpr (S.op == complement) return layers::complement{};
  if constexpr (S.op == slice) return layers::slice<S.first, S.outputs>{};
}

// The model as chars of static duration; of a string literal, without its NUL where that is not
// part of the model.
template <const auto& Model> consteval auto chars_of() {
  static_assert(sizeof(Model[0]) == 1, "a model is an array of bytes");
  return std::bit_cast<std::array<char, sizeof(Model)>>(Model);
}

struct embedded_form {
  error why{};
  std::size_t bytes = 0; // of the model, without a literal's NUL
  std::size_t inputs = 0, steps = 0, layers = 0;
  onnx::quant_mode mode = onnx::quant_mode::fp32;
  bool plain = false; // network<...> and its int8 forms
};
consteval embedded_form form_of(std::span<const char> model) {
  embedded_form form;
  onnx::plan plan;
  form.bytes = model.size();
  form.why = onnx::parse_into(plan, model);
  if (onnx::failed(form.why) && !model.empty() && model.back() == '\0') {
    plan = {};
    form.why = onnx::parse_into(plan, model.first(--form.bytes));
  }
  if (onnx::failed(form.why)) return form;
  plain_steps places;
  form.inputs = plan.inputs;
  form.layers = plan.layer_count;
  form.steps = measure(plan).steps;
  form.mode = plan.mode;
  form.plain = find_plain_steps(plan, places);
  return form;
}

template <const auto& Model> struct embedded {
  static constexpr auto chars = chars_of<Model>();
  static constexpr embedded_form form = form_of(std::span(chars));
  static constexpr std::span<const char> bytes = std::span<const char>(chars).first(form.bytes);

  static consteval auto shapes() {
    std::array<step_shape, form.steps> to{};
    onnx::plan plan;
    static_cast<void>(onnx::parse_into(plan, bytes));
    folded_step each;
    std::size_t i = 0;
    for (folder steps(plan); steps.next(each);) to[i++] = shape_of(each.step);
    return to;
  }
  // Of a plain network: the width before each dense layer, and the last one's.
  static consteval auto sizes() {
    constexpr auto all = shapes();
    std::array<std::size_t, form.layers + 1> to{};
    to[0] = form.inputs;
    std::size_t l = 0;
    for (const step_shape& s : all)
      if (s.op <= kernels::step_op::dense_static) to[++l] = s.outputs;
    return to;
  }

  template <std::size_t... Index>
  static consteval auto plain_network(std::index_sequence<Index...>) {
    constexpr auto at = sizes();
    if constexpr (form.mode == onnx::quant_mode::fp32)
      return std::type_identity<network<at[Index]...>>{};
    else if constexpr (form.mode == onnx::quant_mode::dynamic_int8)
      return std::type_identity<quantized_network<at[Index]...>>{};
    else
      return std::type_identity<static_quantized_network<at[Index]...>>{};
  }
  template <std::size_t... Index> static consteval auto mlp_network(std::index_sequence<Index...>) {
    constexpr auto at = shapes();
    return std::type_identity<
        basic_mlp<form.mode, form.inputs, decltype(layer_of<at[Index]>())...>>{};
  }
  static consteval auto network_type() {
    if constexpr (onnx::failed(form.why)) {
      refuse(form.why.code, std::make_index_sequence<status_count>());
    } else if constexpr (form.plain) {
      return plain_network(std::make_index_sequence<form.layers + 1>());
    } else {
      return mlp_network(std::make_index_sequence<form.steps>());
    }
  }
};

} // namespace detail

// The type of the network in a model: network<6, 16, 8, 1> where it is dense layers with Relu
// between and one output, behind a scaler or none; else mlp<...>; or their int8 forms. `Model`: an
// array of bytes or a string literal of static duration, as `tinymlp embed` writes it.
template <const auto& Model>
using network_of = typename decltype(detail::embedded<Model>::network_type())::type;

// A network from the bytes of an ONNX file, parsed by the compiler, its type deduced from them; a
// model that cannot be a network is a compile error that names the reason (status).
template <const auto& Model> consteval network_of<Model> embed() {
  return detail::accepted(load<network_of<Model>>(detail::embedded<Model>::bytes));
}

// A network from the bytes of an ONNX file, parsed by the compiler; a model that load() would
// refuse is a compile error that names the reason (status).
template <class Net> consteval Net embed(std::span<const char> model) {
  return detail::accepted(load<Net>(model));
}
// From a string literal, as `tinymlp embed` writes it.
template <class Net, std::size_t N> consteval Net embed(const char (&model)[N]) {
  return detail::accepted(load<Net>(model));
}
// From an array of unsigned char, std::byte or the like, as #embed or xxd write it; or a span of
// fixed extent over one.
template <class Net, class Byte, std::size_t N>
requires(sizeof(Byte) == 1) consteval Net embed(const Byte (&model)[N]) {
  const auto bytes = std::bit_cast<std::array<char, N>>(model);
  return embed<Net>(std::span<const char>(bytes));
}
template <class Net, class Byte, std::size_t N>
requires(sizeof(Byte) == 1) consteval Net embed(const std::array<Byte, N>& model) {
  const auto bytes = std::bit_cast<std::array<char, N>>(model);
  return embed<Net>(std::span<const char>(bytes));
}
template <class Net, class Byte, std::size_t N>
requires(sizeof(Byte) == 1 && N != std::dynamic_extent) consteval Net
    embed(std::span<const Byte, N> model) {
  std::array<char, N> bytes{};
  for (std::size_t i = 0; i < N; ++i) bytes[i] = static_cast<char>(model[i]);
  return embed<Net>(std::span<const char>(bytes));
}

} // namespace tinymlp
