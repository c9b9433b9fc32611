// From the bytes of a model to a network: load at run time, embed at compile time.
#pragma once

#include <tinymlp/error.hpp>
#include <tinymlp/onnx/plan.hpp>

#include <array>
#include <bit>
#include <cstddef>
#include <span>
#include <utility>

namespace tinymlp {

// A network of type Net (network<...>, quantized_network<...> or static_quantized_network<...>)
// from the bytes of an ONNX file, or the reason why not: code, byte offset and name. No allocation,
// no exceptions; about 125 KiB of stack. The network keeps no reference to the bytes (the error's
// `where` does).
template <class Net>
constexpr result<Net> load(std::span<const char> model,
                           onnx::external_files external = {}) noexcept {
  const result<onnx::plan> plan = onnx::parse(model, external);
  if (!plan) return plan.error();
  return Net::from_plan(*plan);
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
  return load<Net>(std::span(reinterpret_cast<const char*>(model.data()), model.size()), external);
}
template <class Net>
result<Net> load(std::span<const std::byte> model, onnx::external_files external = {}) noexcept {
  return load<Net>(std::span(reinterpret_cast<const char*>(model.data()), model.size()), external);
}

namespace detail {

// Not constexpr, never defined: naming it in a constant expression is an error that shows `Code`.
template <errc Code> void model_refused_because();

template <std::size_t... Code> consteval void refuse(errc code, std::index_sequence<Code...>) {
  ((static_cast<std::size_t>(code) == Code ? model_refused_because<static_cast<errc>(Code)>()
                                           : void()),
   ...);
}
inline constexpr std::size_t errc_count = static_cast<std::size_t>(errc::isa_unsupported) + 1;

template <class Net> consteval Net accepted(const result<Net>& net) {
  if (!net) refuse(net.error().code, std::make_index_sequence<errc_count>());
  return *net;
}

} // namespace detail

// A network from the bytes of an ONNX file, parsed by the compiler; a model that load() would
// refuse is a compile error that names the reason (errc).
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
