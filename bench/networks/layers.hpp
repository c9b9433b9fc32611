// A plan as layers of plain arrays: what engines without tinymlp compute. Constants are folded into
// dense layers in double precision, as whoever ships such an engine would do.
#pragma once

#include <cstddef>
#include <span>
#include <vector>

#include <tinymlp/onnx/plan.hpp>

namespace tinymlp::bench {

enum class layer_kind {
  dense,      // activation(weight * x + bias)
  scale,      // activation(x * weight + bias), value by value
  layer_norm, // (x - mean) / sqrt(variance + alpha) * weight + bias
  softmax,
  log_softmax,
  slice, // values from `begin`
};

struct layer {
  layer_kind kind = layer_kind::dense;
  std::size_t inputs = 0, outputs = 0, begin = 0;
  std::vector<float> weight; // dense: [outputs, inputs]; else [inputs]
  std::vector<float> bias;   // [outputs]
  activation activates = activation::identity;
  float alpha = 0, beta = 0;
  std::vector<float> slope; // prelu: [outputs]
};

// Makes layers of operations in the order of a row's way through them.
class layer_builder {
public:
  explicit layer_builder(std::size_t inputs) : width_(inputs) {}

  // x * scale + shift, value by value; both [width].
  void affine(std::span<const double> scale, std::span<const double> shift);
  // weight [outputs, width], bias [outputs]
  void dense(std::span<const double> weight, std::span<const double> bias);
  // slope: of prelu, [width]
  void activate(activation which, float alpha, float beta, std::vector<float> slope = {});
  // layer_norm, softmax, log_softmax; arrays and alpha of the first.
  void other(layer of);
  void slice(std::size_t begin, std::size_t count);

  std::size_t width() const { return width_; }
  std::vector<layer> take();

private:
  void flush();
  bool ends_in_plain_dense() const;

  std::size_t width_;
  std::vector<layer> layers_;
  std::vector<double> scale_, shift_; // not yet in any layer
};

std::vector<layer> layers_of(const onnx::plan& plan);

// The same function for engines that lack tanh and selu: 2 sigmoid(2 x) - 1, and a multiple of elu,
// whose factors go into the dense layers around.
std::vector<layer> with_fewer_activations(std::span<const layer> layers);

} // namespace tinymlp::bench
