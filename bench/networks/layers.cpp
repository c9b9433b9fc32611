#include "layers.hpp"

#include <cmath>
#include <stdexcept>
#include <utility>

namespace tinymlp::bench {

namespace {

std::vector<double> values(const onnx::plan& plan, onnx::constant from, std::size_t count,
                           double otherwise) {
  std::vector<double> to;
  if (from.present()) {
    const onnx::tensor tensor = onnx::read(plan, from);
    onnx::element_reader reader(tensor);
    for (float value = 0; reader.next(value);) to.push_back(static_cast<double>(value));
  } else {
    to.push_back(otherwise);
  }
  if (to.size() == 1) to.resize(count, to[0]);
  if (to.size() != count) throw std::runtime_error("a constant of another size than its step");
  return to;
}

std::vector<float> rounded(std::span<const double> from) {
  std::vector<float> to;
  for (const double value : from) to.push_back(static_cast<float>(value));
  return to;
}

} // namespace

bool layer_builder::ends_in_plain_dense() const {
  return !layers_.empty() && layers_.back().kind == layer_kind::dense &&
         layers_.back().activates == activation::identity;
}

void layer_builder::affine(std::span<const double> scale, std::span<const double> shift) {
  if (scale.size() != width_) { // one value becomes many
    if (width_ != 1) throw std::runtime_error("an affine step of another width");
    dense(scale, shift);
    return;
  }
  if (scale_.empty()) {
    scale_.assign(width_, 1);
    shift_.assign(width_, 0);
  }
  for (std::size_t i = 0; i < width_; ++i) {
    scale_[i] *= scale[i];
    shift_[i] = shift_[i] * scale[i] + shift[i];
  }
}

// What was scaled stands behind a dense layer, or becomes a layer of its own.
void layer_builder::flush() {
  if (scale_.empty()) return;
  if (ends_in_plain_dense()) {
    layer& last = layers_.back();
    for (std::size_t o = 0; o < last.outputs; ++o) {
      for (std::size_t i = 0; i < last.inputs; ++i) {
        float& weight = last.weight[o * last.inputs + i];
        weight = static_cast<float>(static_cast<double>(weight) * scale_[o]);
      }
      last.bias[o] = static_cast<float>(static_cast<double>(last.bias[o]) * scale_[o] + shift_[o]);
    }
  } else {
    layers_.push_back({.kind = layer_kind::scale,
                       .inputs = width_,
                       .outputs = width_,
                       .weight = rounded(scale_),
                       .bias = rounded(shift_),
                       .slope = {}});
  }
  scale_.clear();
  shift_.clear();
}

void layer_builder::dense(std::span<const double> weight, std::span<const double> bias) {
  if (ends_in_plain_dense()) flush();
  std::vector<double> w(weight.begin(), weight.end()), b(bias.begin(), bias.end());
  if (!scale_.empty()) {
    for (std::size_t o = 0; o < b.size(); ++o)
      for (std::size_t i = 0; i < width_; ++i) {
        b[o] += w[o * width_ + i] * shift_[i];
        w[o * width_ + i] *= scale_[i];
      }
    scale_.clear();
    shift_.clear();
  }
  layers_.push_back({.kind = layer_kind::dense,
                     .inputs = width_,
                     .outputs = b.size(),
                     .weight = rounded(w),
                     .bias = rounded(b),
                     .slope = {}});
  width_ = b.size();
}

void layer_builder::activate(activation which, float alpha, float beta, std::vector<float> slope) {
  if (which == activation::identity) return;
  flush();
  const bool joins = !layers_.empty() && layers_.back().kind <= layer_kind::scale &&
                     layers_.back().activates == activation::identity;
  if (!joins)
    layers_.push_back({.kind = layer_kind::scale,
                       .inputs = width_,
                       .outputs = width_,
                       .weight = std::vector<float>(width_, 1.0F),
                       .bias = std::vector<float>(width_, 0.0F),
                       .slope = {}});
  layer& last = layers_.back();
  last.activates = which;
  last.alpha = alpha;
  last.beta = beta;
  last.slope = std::move(slope);
}

void layer_builder::other(layer of) {
  flush();
  of.inputs = of.outputs = width_;
  layers_.push_back(std::move(of));
}

void layer_builder::slice(std::size_t begin, std::size_t count) {
  flush();
  if (layers_.empty() || layers_.back().kind != layer_kind::dense) {
    layers_.push_back({.kind = layer_kind::slice,
                       .inputs = width_,
                       .outputs = count,
                       .begin = begin,
                       .weight = {},
                       .bias = {},
                       .slope = {}});
  } else { // outputs that nobody reads need no computing
    layer& last = layers_.back();
    const auto keep = [&](std::vector<float>& array, std::size_t width) {
      if (!array.empty())
        array = std::vector(array.data() + begin * width, array.data() + (begin + count) * width);
    };
    keep(last.weight, last.inputs);
    keep(last.bias, 1);
    keep(last.slope, 1);
    last.outputs = count;
  }
  width_ = count;
}

std::vector<layer> layer_builder::take() {
  flush();
  return std::move(layers_);
}

namespace {

void add_affine(layer_builder& to, const onnx::plan& plan, const onnx::step& s) {
  const std::size_t n = s.outputs;
  std::vector<double> scale(n, 1), shift(n, 0);
  const std::vector<double> weight = values(plan, s.weight, n, 1);
  const bool is_norm = s.op == onnx::affine_op::batch_norm;
  const std::vector<double> mean = is_norm ? values(plan, s.mean, n, 0) : shift;
  const std::vector<double> variance = is_norm ? values(plan, s.variance, n, 1) : scale;
  const bool with_bias = is_norm || s.op == onnx::affine_op::scaler;
  const std::vector<double> bias = values(plan, with_bias ? s.bias : onnx::constant{}, n, 0);
  for (std::size_t i = 0; i < n; ++i) {
    switch (s.op) {
    case onnx::affine_op::add: shift[i] = weight[i]; break;
    case onnx::affine_op::subtract: shift[i] = -weight[i]; break;
    case onnx::affine_op::subtract_from:
      scale[i] = -1;
      shift[i] = weight[i];
      break;
    case onnx::affine_op::multiply: scale[i] = weight[i]; break;
    case onnx::affine_op::divide: scale[i] = 1 / weight[i]; break;
    case onnx::affine_op::negate: scale[i] = -1; break;
    case onnx::affine_op::scaler:
      scale[i] = bias[i];
      shift[i] = -weight[i] * bias[i];
      break;
    case onnx::affine_op::batch_norm:
      scale[i] = weight[i] / std::sqrt(variance[i] + static_cast<double>(s.alpha));
      shift[i] = bias[i] - mean[i] * scale[i];
      break;
    }
  }
  to.affine(scale, shift);
}

void add_dense(layer_builder& to, const onnx::plan& plan, const onnx::step& s) {
  const std::size_t in = s.inputs, out = s.outputs;
  const std::vector<double> from = values(plan, s.weight, in * out, 1);
  std::vector<double> weight(in * out), bias = values(plan, s.bias, out, 0);
  for (std::size_t o = 0; o < out; ++o) {
    for (std::size_t i = 0; i < in; ++i)
      weight[o * in + i] =
          static_cast<double>(s.alpha) * from[s.transposed ? o * in + i : i * out + o];
    bias[o] *= static_cast<double>(s.beta);
  }
  to.dense(weight, bias);
}

void add_step(layer_builder& to, const onnx::plan& plan, const onnx::step& s) {
  switch (s.kind) {
  case onnx::step_kind::affine: add_affine(to, plan, s); break;
  case onnx::step_kind::dense: add_dense(to, plan, s); break;
  case onnx::step_kind::activate:
    to.activate(s.activates, s.alpha, s.beta,
                s.activates == activation::prelu ? rounded(values(plan, s.weight, s.outputs, 0))
                                                 : std::vector<float>{});
    break;
  case onnx::step_kind::layer_norm:
    to.other({.kind = layer_kind::layer_norm,
              .weight = rounded(values(plan, s.weight, s.inputs, 1)),
              .bias = rounded(values(plan, s.bias, s.inputs, 0)),
              .alpha = s.alpha,
              .slope = {}});
    break;
  case onnx::step_kind::softmax:
  case onnx::step_kind::log_softmax:
    to.other(
        {.kind = s.kind == onnx::step_kind::softmax ? layer_kind::softmax : layer_kind::log_softmax,
         .weight = {},
         .bias = {},
         .slope = {}});
    break;
  case onnx::step_kind::complement: { // p -> (1 - p, p)
    constexpr double weight[]{-1, 1}, bias[]{1, 0};
    to.dense(weight, bias);
    break;
  }
  case onnx::step_kind::slice: to.slice(s.begin, s.outputs); break;
  }
}

std::vector<double> widened(std::span<const float> from, double by = 1) {
  std::vector<double> to;
  for (const float value : from) to.push_back(by * static_cast<double>(value));
  return to;
}

} // namespace

std::vector<layer> layers_of(const onnx::plan& plan) {
  layer_builder to(plan.inputs);
  for (std::size_t i = 0; i < plan.step_count; ++i) add_step(to, plan, plan.steps[i]);
  return to.take();
}

std::vector<layer> with_fewer_activations(std::span<const layer> layers) {
  layer_builder to(layers.front().inputs);
  for (const layer& l : layers) {
    const bool is_tanh = l.activates == activation::tanh, is_selu = l.activates == activation::selu;
    const double by = is_tanh ? 2 : 1;
    if (l.kind == layer_kind::dense)
      to.dense(widened(l.weight, by), widened(l.bias, by));
    else if (l.kind == layer_kind::scale)
      to.affine(widened(l.weight, by), widened(l.bias, by));
    else if (l.kind == layer_kind::slice)
      to.slice(l.begin, l.outputs);
    else
      to.other(l);
    to.activate(is_tanh   ? activation::sigmoid
                : is_selu ? activation::elu
                          : l.activates,
                l.alpha, l.beta, l.slope);
    const auto scale = [&](double factor, double shift) {
      to.affine(std::vector(l.outputs, factor), std::vector(l.outputs, shift));
    };
    if (is_tanh) scale(2, -1);
    if (is_selu) scale(static_cast<double>(l.beta), 0);
  }
  return to.take();
}

} // namespace tinymlp::bench
