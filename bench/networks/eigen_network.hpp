// A network by Eigen's matrices of dynamic size, -O3 -march=native: matrix times vector for a row,
// matrix times matrix for blocks of rows; activations by its vectorised array functions.
#pragma once

#include <cstddef>
#include <memory>
#include <span>

#include "layers.hpp"

namespace tinymlp::bench {

class eigen_network {
public:
  explicit eigen_network(std::span<const layer> layers);
  ~eigen_network();

  void row(const float* in, float* out) const;
  void rows(const float* in, std::size_t count, float* out) const;

  // Dense, scale and softmax layers with the activations that take one line.
  static bool can_express(std::span<const layer> layers);

private:
  struct state;
  std::unique_ptr<state> state_;
};

} // namespace tinymlp::bench
