// The elementary functions and the activations in double, far more exact than float.
#pragma once

#include <cmath>
#include <cstddef>

namespace in_double {

// Further out all results are the same in float, and some libraries are slow.
inline double within(double x, double limit) { return x < -limit ? -limit : x > limit ? limit : x; }

inline double exp(double x) { return std::exp(within(x, 200)); }
inline double expm1(double x) { return std::expm1(within(x, 200)); }
inline double log(double x) { return std::log(x); }
inline double tanh(double x) { return std::tanh(within(x, 20)); }
inline double erf(double x) { return std::erf(within(x, 5)); }
inline double sigmoid(double x) {
  const double z = exp(-std::fabs(x));
  return (x < 0 ? z : 1) / (1 + z);
}
inline double softplus(double x) { return (x > 0 ? x : 0) + std::log1p(exp(-std::fabs(x))); }

inline constexpr float selu_alpha = 0x1.ac5af4p0F, selu_gamma = 0x1.0cfabep0F; // ONNX's defaults
inline double elu(double x) { return x < 0 ? expm1(x < 0 ? x : 0) : x; }
inline double selu(double x) {
  return double{selu_gamma} * (x < 0 ? double{selu_alpha} * elu(x) : x);
}
inline double softsign(double x) { return x / (1 + std::fabs(x)); }
inline double silu(double x) { return x * sigmoid(x); }
inline double gelu(double x) { return x / 2 * std::erfc(within(-x * 0.70710678118654752440, 20)); }
inline double gelu_tanh(double x) {
  const double twice_root = 1.5957691216057307118; // 2 sqrt(2 / pi)
  return x * sigmoid(twice_root * (x + 0.044715 * x * x * x));
}
inline double mish(double x) {
  const double w = exp(x < 40 ? x : 40), n = w * (w + 2);
  return x * (n / (n + 2));
}

// One of them over an array of finite values: elementary_in_double.cpp, which a compiler may make
// vectors of.
using block_function = void (*)(const float* x, double* y, std::size_t count);
block_function block_of(double (*function)(double));

} // namespace in_double
