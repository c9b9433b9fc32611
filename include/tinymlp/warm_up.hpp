// What the first call costs, paid beforehand.
#pragma once

#include <tinymlp/isa.hpp>

#include <algorithm>
#include <array>
#include <cstddef>
#include <span>

namespace tinymlp {

// Scores rows of zeros, one by itself and some in a batch, so that the first real frame finds the
// instruction set chosen, and code and weights in memory and near. Without it the first call of a
// process takes some 20 microseconds, for a system that maps pages when they are touched, where
// later ones take 20 to 100 ns. Call it once, outside the loop; again after a pause long enough for
// other work to push the network out of the caches. Allocates nothing; 16 KiB of stack at most, or
// one row of outputs.
//
// For any type that knows its sizes: network, quantized_network, static_quantized_network, mlp. An
// any_network does not: run it once over a row of its own.
template <class Net> void warm_up(const Net& net) noexcept {
  constexpr std::size_t inputs = Net::inputs;
  constexpr std::size_t outputs = [] {
    if constexpr (requires { Net::outputs; })
      return Net::outputs;
    else
      return std::size_t{1};
  }();
  constexpr std::size_t rows = std::clamp<std::size_t>(4096 / (inputs + outputs), 1, 64);
  static constexpr std::array<float, rows * inputs> zeros{};
  const std::span<const float, inputs> row(zeros.data(), inputs);
  std::array<float, rows * outputs> out{};
  volatile float seen = 0; // or the compiler would leave out calls that nobody looks at
  if constexpr (requires { net.run(row); }) {
    seen = net.run(row)[0];
    static_cast<void>(net.run(std::span<const float>(zeros), std::span<float>(out)));
  } else {
    seen = net.score(row);
    static_cast<void>(net.score(std::span<const float>(zeros), std::span<float>(out)));
  }
  seen = out[0];
  static_cast<void>(seen);
}

} // namespace tinymlp
