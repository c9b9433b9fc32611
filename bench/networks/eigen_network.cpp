#include "eigen_network.hpp"

#include <algorithm>
#include <utility>
#include <vector>

#include <Eigen/Core>

namespace tinymlp::bench {

namespace {

using matrix = Eigen::Matrix<float, Eigen::Dynamic, Eigen::Dynamic>;
using vector = Eigen::Matrix<float, Eigen::Dynamic, 1>;
using row_major = Eigen::Matrix<float, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;

struct eigen_layer {
  layer_kind kind;
  matrix weight; // dense: [outputs x inputs]; scale: [outputs x 1]
  vector bias, slope;
  activation activates;
  float alpha, beta;
};

// x [values x rows]
template <class Values> void activate(const eigen_layer& l, Values& x) {
  auto a = x.array();
  switch (l.activates) {
  case activation::relu: a = a.max(0.0F); break;
  case activation::clip: a = a.max(l.alpha).min(l.beta); break;
  case activation::leaky_relu: a = (a < 0.0F).select(l.alpha * a, a); break;
  case activation::prelu: a = (a < 0.0F).select(a.colwise() * l.slope.array(), a); break;
  case activation::elu: a = (a < 0.0F).select(l.alpha * (a.exp() - 1.0F), a); break;
  case activation::selu: a = l.beta * (a <= 0.0F).select(l.alpha * (a.exp() - 1.0F), a); break;
  case activation::sigmoid: a = a.logistic(); break;
  case activation::tanh: a = a.tanh(); break;
  case activation::silu: a = a * (l.alpha * a).logistic(); break;
  default: break;
  }
}

template <class From, class To> void compute(const eigen_layer& l, const From& x, To& y) {
  if (l.kind == layer_kind::dense) {
    y.noalias() = l.weight * x;
    y.colwise() += l.bias;
  } else if (l.kind == layer_kind::scale) {
    y = (x.array().colwise() * l.weight.col(0).array()).matrix();
    y.colwise() += l.bias;
  } else {
    for (Eigen::Index c = 0; c < x.cols(); ++c) {
      y.col(c) = (x.col(c).array() - x.col(c).maxCoeff()).exp().matrix();
      y.col(c) /= y.col(c).sum();
    }
  }
  activate(l, y);
}

constexpr Eigen::Index block = 128; // columns: they and the weights stay in the second-level cache

} // namespace

struct eigen_network::state {
  std::vector<eigen_layer> layers;
  std::vector<vector> vectors; // what each layer gives
  std::vector<matrix> matrices;
  Eigen::Index inputs = 0, outputs = 0;
};

bool eigen_network::can_express(std::span<const layer> layers) {
  return std::all_of(layers.begin(), layers.end(), [](const layer& l) {
    if (l.kind == layer_kind::softmax) return true;
    if (l.kind != layer_kind::dense && l.kind != layer_kind::scale) return false;
    switch (l.activates) {
    case activation::identity:
    case activation::relu:
    case activation::clip:
    case activation::leaky_relu:
    case activation::prelu:
    case activation::elu:
    case activation::selu:
    case activation::sigmoid:
    case activation::tanh:
    case activation::silu: return true;
    default: return false;
    }
  });
}

eigen_network::eigen_network(std::span<const layer> layers) : state_(std::make_unique<state>()) {
  const auto size = [](std::size_t n) { return static_cast<Eigen::Index>(n); };
  for (const layer& l : layers) {
    eigen_layer to{l.kind, {}, {}, {}, l.activates, l.alpha, l.beta};
    if (l.kind == layer_kind::dense)
      to.weight = Eigen::Map<const row_major>(l.weight.data(), size(l.outputs), size(l.inputs));
    if (l.kind == layer_kind::scale)
      to.weight = Eigen::Map<const matrix>(l.weight.data(), size(l.outputs), 1);
    to.bias = Eigen::Map<const vector>(l.bias.data(), size(l.bias.size()));
    to.slope = Eigen::Map<const vector>(l.slope.data(), size(l.slope.size()));
    state_->layers.push_back(std::move(to));
    state_->vectors.emplace_back(size(l.outputs));
    state_->matrices.emplace_back(size(l.outputs), block);
  }
  state_->inputs = size(layers.front().inputs);
  state_->outputs = size(layers.back().outputs);
}

eigen_network::~eigen_network() = default;

void eigen_network::row(const float* in, float* out) const {
  state& s = *state_;
  const Eigen::Map<const vector> x(in, s.inputs);
  for (std::size_t i = 0; i < s.layers.size(); ++i)
    if (i == 0)
      compute(s.layers[i], x, s.vectors[i]);
    else
      compute(s.layers[i], s.vectors[i - 1], s.vectors[i]);
  std::copy_n(s.vectors.back().data(), s.outputs, out);
}

void eigen_network::rows(const float* in, std::size_t count, float* out) const {
  state& s = *state_;
  for (; count >= block; count -= block, in += block * s.inputs, out += block * s.outputs) {
    const Eigen::Map<const matrix> x(in, s.inputs, block);
    for (std::size_t i = 0; i < s.layers.size(); ++i)
      if (i == 0)
        compute(s.layers[i], x, s.matrices[i]);
      else
        compute(s.layers[i], s.matrices[i - 1], s.matrices[i]);
    std::copy_n(s.matrices.back().data(), block * s.outputs, out);
  }
  for (; count > 0; --count, in += s.inputs, out += s.outputs) row(in, out);
}

} // namespace tinymlp::bench
