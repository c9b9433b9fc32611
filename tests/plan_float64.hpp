// A plan computed in float64 as the ONNX text says, step by step: what the engine's float32 is held
// against. Slow, and separate from the engine on purpose; int8 layers as ONNX Runtime computes
// them.
#pragma once

#include <tinymlp/onnx/plan.hpp>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <vector>

namespace plan_float64 {

using namespace tinymlp;
using row = std::vector<double>;

// The constant's values, or `otherwise` alone where there is none.
inline row values(const onnx::plan& p, onnx::constant c, double otherwise) {
  if (!c.present()) return {otherwise};
  const onnx::tensor t = onnx::read(p, c);
  onnx::element_reader reader(t);
  row to;
  const bool is_float = t.type == onnx::element::float32 || t.type == onnx::element::float16 ||
                        t.type == onnx::element::float64;
  float value = 0;
  std::int64_t integer = 0;
  while (is_float ? reader.next(value) : reader.next(integer))
    to.push_back(is_float ? double{value} : static_cast<double>(integer));
  return to;
}
inline double at(const row& values, std::size_t i) {
  return values.size() == 1 ? values[0] : values.at(i);
}

inline double sigmoid(double x) { return 1 / (1 + std::exp(-x)); }
inline double softplus(double x) { return x > 30 ? x + std::exp(-x) : std::log1p(std::exp(x)); }

inline double activate(const onnx::step& s, double x, double slope) {
  const double a = double{s.alpha}, b = double{s.beta};
  switch (s.activates) {
  case activation::identity: return x;
  case activation::relu: return std::max(0.0, x);
  case activation::leaky_relu: return x < 0 ? a * x : x;
  case activation::prelu: return x < 0 ? a * slope * x : x;
  case activation::clip: return std::min(std::max(x, a), b);
  case activation::hard_sigmoid: return std::min(std::max(a * x + b, 0.0), 1.0);
  case activation::hard_swish: return x * std::min(std::max(x / 6 + 0.5, 0.0), 1.0);
  case activation::thresholded_relu: return x > a ? x : 0;
  case activation::elu: return x < 0 ? a * std::expm1(x) : x;
  case activation::selu: return b * (x <= 0 ? a * std::expm1(x) : x);
  case activation::celu: return std::max(0.0, x) + std::min(0.0, a * std::expm1(x / a));
  case activation::sigmoid: return sigmoid(x);
  case activation::tanh: return std::tanh(x);
  case activation::softplus: return softplus(x);
  case activation::softsign: return x / (1 + std::abs(x));
  case activation::silu: return x * sigmoid(a * x);
  case activation::gelu: return x / 2 * (1 + std::erf(x / std::sqrt(2.0)));
  case activation::gelu_tanh:
    return x / 2 * (1 + std::tanh(std::sqrt(2 / std::acos(-1.0)) * (x + 0.044715 * x * x * x)));
  case activation::mish: return x * std::tanh(softplus(x));
  }
  return std::nan("");
}

inline void affine(const onnx::plan& p, const onnx::step& s, row& x) {
  const row w = values(p, s.weight, 1), b = values(p, s.bias, 1);
  const bool is_norm = s.op == onnx::affine_op::batch_norm;
  const row mean = is_norm ? values(p, s.mean, 0) : row{0};
  const row variance = is_norm ? values(p, s.variance, 1) : row{1};
  for (std::size_t i = 0; i < x.size(); ++i) switch (s.op) {
    case onnx::affine_op::add: x[i] += at(w, i); break;
    case onnx::affine_op::subtract: x[i] -= at(w, i); break;
    case onnx::affine_op::subtract_from: x[i] = at(w, i) - x[i]; break;
    case onnx::affine_op::multiply: x[i] *= at(w, i); break;
    case onnx::affine_op::divide: x[i] /= at(w, i); break;
    case onnx::affine_op::negate: x[i] = -x[i]; break;
    case onnx::affine_op::scaler: x[i] = (x[i] - at(w, i)) * at(b, i); break;
    case onnx::affine_op::batch_norm:
      x[i] =
          (x[i] - at(mean, i)) / std::sqrt(at(variance, i) + double{s.alpha}) * at(w, i) + at(b, i);
    }
}

// DynamicQuantizeLinear-11, or QuantizeLinear: x becomes what the integers mean. All in float32.
inline void quantise(const onnx::plan& p, const onnx::step& s, row& x, row& scales) {
  float scale = p.mode == onnx::quant_mode::static_int8 ? s.activation_scale : 1.0F,
        zero = static_cast<float>(s.activation_zero_point);
  scales = values(p, p.mode == onnx::quant_mode::static_int8 ? s.sum_scale : s.weight_scale, 1);
  if (p.mode == onnx::quant_mode::dynamic_int8) {
    float low = 0, high = 0;
    for (const double v : x) {
      low = std::min(low, static_cast<float>(v));
      high = std::max(high, static_cast<float>(v));
    }
    scale = high == low ? 1 : (high - low) / 255;
    zero = std::nearbyint(std::clamp(0 - low / scale, 0.0F, 255.0F));
    for (double& v : scales) v = double{static_cast<float>(v) * scale};
  } else {
    const row factors = values(p, s.sum_scale_factor, 1);
    scales.resize(s.outputs, scales[0]);
    for (std::size_t o = 0; o < s.outputs; ++o)
      scales[o] = double{static_cast<float>(scales[o] * at(factors, o))};
  }
  for (double& v : x)
    v = double{std::clamp(std::nearbyint(static_cast<float>(v) / scale) + zero, 0.0F, 255.0F) -
               zero};
}

inline row dense(const onnx::plan& p, const onnx::step& s, row x) {
  const row w = values(p, s.weight, 0), b = values(p, s.bias, 0);
  row y(s.outputs), scales{1};
  if (p.kind == onnx::precision::int8) quantise(p, s, x, scales);
  for (std::size_t o = 0; o < s.outputs; ++o) {
    double sum = 0;
    for (std::size_t i = 0; i < s.inputs; ++i)
      sum += x[i] * w.at(s.transposed ? o * s.inputs + i : i * s.outputs + o);
    if (p.kind == onnx::precision::int8)
      y[o] = double{static_cast<float>(sum) * static_cast<float>(at(scales, o)) +
                    static_cast<float>(at(b, o))};
    else
      y[o] = double{s.alpha} * sum + double{s.beta} * at(b, o);
  }
  return y;
}

inline void layer_norm(const onnx::plan& p, const onnx::step& s, row& x) {
  const row w = values(p, s.weight, 1), b = values(p, s.bias, 0);
  double mean = 0, variance = 0;
  for (const double v : x) mean += v / static_cast<double>(x.size());
  for (const double v : x) variance += (v - mean) * (v - mean) / static_cast<double>(x.size());
  for (std::size_t i = 0; i < x.size(); ++i)
    x[i] = (x[i] - mean) / std::sqrt(variance + double{s.alpha}) * at(w, i) + at(b, i);
}

inline void softmax(row& x, bool log) {
  const double largest = *std::max_element(x.begin(), x.end());
  double sum = 0;
  for (const double v : x) sum += std::exp(v - largest);
  for (double& v : x) v = log ? v - largest - std::log(sum) : std::exp(v - largest) / sum;
}

// [plan.inputs] -> [plan.outputs]
inline row score(const onnx::plan& p, row x) {
  for (std::size_t i = 0; i < p.step_count; ++i) {
    const onnx::step& s = p.steps[i];
    switch (s.kind) {
    case onnx::step_kind::affine: affine(p, s, x); break;
    case onnx::step_kind::dense: x = dense(p, s, x); break;
    case onnx::step_kind::activate: {
      const row slopes = values(p, s.weight, 1);
      for (std::size_t k = 0; k < x.size(); ++k) x[k] = activate(s, x[k], at(slopes, k));
      break;
    }
    case onnx::step_kind::layer_norm: layer_norm(p, s, x); break;
    case onnx::step_kind::softmax: softmax(x, false); break;
    case onnx::step_kind::log_softmax: softmax(x, true); break;
    case onnx::step_kind::complement: x = {1 - x[0], x[0]}; break;
    case onnx::step_kind::slice:
      x = row(x.begin() + s.begin, x.begin() + s.begin + s.outputs);
      break;
    }
  }
  return x;
}

} // namespace plan_float64
