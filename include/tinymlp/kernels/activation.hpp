// What may follow a dense layer, value by value: one list for the parser, the networks and the
// kernels. Each names the ONNX operator whose formula it is; `alpha` and `beta` are its attributes.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace tinymlp {

// y = f(x), one value at a time.
enum class activation : std::uint8_t {
  identity,         // x
  relu,             // Relu: max(0, x)
  leaky_relu,       // LeakyRelu: x < 0 ? alpha * x : x
  prelu,            // PRelu: the same with an alpha for each feature
  clip,             // Clip: min(max(x, alpha), beta)
  hard_sigmoid,     // HardSigmoid: min(max(alpha * x + beta, 0), 1), product and sum rounded
  hard_swish,       // HardSwish: x * min(max(x / 6 + 0.5, 0), 1)
  thresholded_relu, // ThresholdedRelu: x > alpha ? x : 0
  elu,              // Elu: x < 0 ? alpha * (exp(x) - 1) : x
  selu,             // Selu: beta * (x <= 0 ? alpha * (exp(x) - 1) : x); beta is ONNX's gamma
  celu,             // Celu: max(0, x) + min(0, alpha * (exp(x / alpha) - 1))
  sigmoid,          // Sigmoid: 1 / (1 + exp(-x))
  tanh,             // Tanh
  softplus,         // Softplus: log(1 + exp(x))
  softsign,         // Softsign: x / (1 + |x|)
  silu,             // Swish-24, or Mul(x, Sigmoid(alpha * x)): x * sigmoid(alpha * x)
  gelu,             // Gelu-20: x / 2 * (1 + erf(x / sqrt(2)))
  gelu_tanh, // Gelu-20, approximate "tanh": x / 2 * (1 + tanh(sqrt(2 / pi) * (x + 0.044715 x^3)))
  mish,      // Mish: x * tanh(softplus(x))
};

namespace detail {
inline constexpr std::array<std::string_view, 19> activation_names{
    "identity",         "relu", "leaky_relu", "prelu",     "clip",    "hard_sigmoid", "hard_swish",
    "thresholded_relu", "elu",  "selu",       "celu",      "sigmoid", "tanh",         "softplus",
    "softsign",         "silu", "gelu",       "gelu_tanh", "mish"};
} // namespace detail
// How many there are.
inline constexpr std::size_t activation_count = detail::activation_names.size();

// As above; "unknown" for what is none of them.
constexpr std::string_view name(activation which) noexcept {
  const auto index = static_cast<std::size_t>(which);
  return index < activation_count ? detail::activation_names[index] : "unknown";
}

// Straight pieces only: no elementary function, so that int8 networks equal ONNX Runtime's.
constexpr bool is_piecewise_linear(activation which) noexcept {
  return which <= activation::hard_sigmoid || which == activation::thresholded_relu;
}

} // namespace tinymlp
