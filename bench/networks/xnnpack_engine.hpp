// A network by XNNPACK's operators: weights packed once, memory set up once, one thread. Batches go
// through all layers in blocks that stay in the second-level cache.
#pragma once

#include <cstddef>
#include <memory>
#include <span>

#include "layers.hpp"

namespace tinymlp::bench {

class xnnpack_engine {
public:
  // Throws std::runtime_error where XNNPACK has no operator for a layer: the message says which.
  explicit xnnpack_engine(std::span<const layer> layers);
  ~xnnpack_engine();

  void row(const float* in, float* out) const;
  void rows(const float* in, std::size_t count, float* out) const;

  // Are all layers, written with_fewer_activations(), such that there are operators for them?
  static bool can_express(std::span<const layer> layers);

private:
  struct program;
  std::unique_ptr<program> one_, block_;
};

} // namespace tinymlp::bench
