// What the canonical order of sums (docs in kernels/layout.hpp) alone costs a frame: the operations
// of its longest dependent path, one after the other, with nothing beside them. No kernel that
// returns the contract's bits can take less time for a frame that waits for the one before.
#pragma once

#include <array>
#include <string_view>

namespace tinymlp::bench {

struct order_limit {
  std::string_view network;
  float (*run)(const float* features);

  float row(const float* features) const { return run(features); }
};

// Empty functions where the CPU lacks FMA, or is no x86-64.
std::array<order_limit, 3> order_limits();

} // namespace tinymlp::bench
