// A network of any shape as its kernels see it: a table of steps, and the constants that they use.
// One layout for all kernels; sizes are numbers here, not types, so that one kernel serves every
// network, whether its shape was known to the compiler or only when the file was read.
//
// Constants of a step start at a multiple of 16 floats:
//   dense                bias [outputs, padded to 16], then panels of 16 outputs, [input][16] each;
//                        the last panel as narrow as what is left, [input][rest]
//   dense_to_one         bias as 8 lanes (bias, 0, ..., 0), then weight [input, padded to 8]
//   dense_dynamic,       weight scale, or what the sum is multiplied by [outputs, padded to 16],
//   dense_static         bias likewise; bytes: weight [input / 4][output, padded to 16][input % 4];
//                        sums: sum over the inputs of the weights [outputs, padded to 16]
//   affine               mean, scale and shift, [inputs, padded to 16] each
//   centre, add, subtract_from, multiply, divide      one array, [inputs, padded to 16]
//   layer_norm           scale, then shift, [inputs, padded to 16] each
// and, where a dense step's activation is prelu, its slopes at the end [outputs, padded to 16].
#pragma once

#include <tinymlp/kernels/activation.hpp>
#include <tinymlp/kernels/layout.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>

namespace tinymlp::kernels {

inline constexpr std::size_t panel_width = 16; // outputs side by side in a dense step's weights

enum class step_op : std::uint8_t {
  dense,         // chains of fused multiply-adds: chain_split
  dense_to_one,  // the last dense step of a network, where it has one output: 8 virtual lanes
  dense_dynamic, // int8, the scale of its inputs from the row
  dense_static,  // int8, the scale of its inputs fixed
  affine,        // fma(x - mean, scale, shift)
  centre,        // x - mean
  add,           // x + a; these four, each rounded, only in int8 networks, as the file has them
  subtract_from, // a - x
  multiply,      // x * a
  divide,        // x / a
  activate,      // the activation alone
  layer_norm,    // (x - mean) * (1 / sqrt(variance + alpha)), then fma(., scale, shift)
  softmax,       // exp(x - largest) / sum
  log_softmax,   // (x - largest) - log(sum of exp(x - largest))
  complement,    // one value p -> (1 - p, p)
  slice,         // values `at` to `at + outputs`
};

struct step {
  step_op op = step_op::dense;
  activation activates = activation::identity; // of what the operation gives
  std::uint32_t inputs = 0, outputs = 0;
  std::uint32_t at = 0;              // the first float of its constants; of slice, the first value
  std::uint32_t slopes = 0;          // prelu: its first float
  std::uint32_t bytes = 0, sums = 0; // int8: the first of each
  float alpha = 0, beta = 0;         // of the activation; layer_norm: epsilon
  float scale = 0;                   // dense_static: of the inputs
  std::int32_t zero_point = 0;

  constexpr bool operator==(const step&) const noexcept = default;
};

// What kernels read; at least one step. Views: a network owns the arrays.
struct steps_view {
  const step* steps;
  std::size_t step_count;
  std::size_t inputs, outputs;
  // Values go to and fro between two arrays, with each step that moves them: value_room() of the
  // most that stand in the one that features are read into, and in the other.
  std::size_t even, odd;
  const float* floats;
  const std::int8_t* bytes;
  const std::int32_t* sums;
};

// Steps that write their values elsewhere than they read them.
constexpr bool moves(step_op op) noexcept {
  return op <= step_op::dense_static || op == step_op::complement || op == step_op::slice;
}

// Room for `count` values: vectors are stored whole, and 16 zeros after them.
constexpr std::size_t value_room(std::size_t count) noexcept {
  return round_up(count, panel_width) + panel_width;
}

// Floats of scratch that scoring one row takes.
constexpr std::size_t row_scratch(const steps_view& net) noexcept { return net.even + net.odd; }

// Floats of a dense step's constants, without slopes.
constexpr std::uint64_t dense_floats(std::uint32_t inputs, std::uint32_t outputs) noexcept {
  const std::uint64_t weights = std::uint64_t{inputs} * outputs + panel_width - 1;
  return round_up(outputs, panel_width) + weights / panel_width * panel_width;
}
// Index, after the bias, of the weight from `input` to `output`.
constexpr std::size_t panel_index(std::size_t inputs, std::size_t outputs, std::size_t input,
                                  std::size_t output) noexcept {
  const std::size_t first = output / panel_width * panel_width;
  const std::size_t width = outputs - first < panel_width ? outputs - first : panel_width;
  return first * inputs + input * width + (output - first);
}
constexpr std::size_t dense_to_one_floats(std::size_t inputs) noexcept {
  return round_up(virtual_lanes + round_up(inputs, virtual_lanes), panel_width);
}

// What a network takes.
struct extent {
  std::size_t steps = 0, sums = 0;
  std::uint64_t floats = 0, bytes = 0; // a file may use one array in many layers
  std::size_t even = 0, odd = 0;       // as steps_view has them
};

// Places of the step's constants; `to` grows by them. `moved` counts the steps that moved values.
constexpr void place(step& s, extent& to, std::size_t& moved) noexcept {
  const std::size_t in = round_up(s.inputs, panel_width), out = round_up(s.outputs, panel_width);
  std::uint64_t floats = 0;
  switch (s.op) {
  case step_op::dense: floats = dense_floats(s.inputs, s.outputs); break;
  case step_op::dense_to_one: floats = dense_to_one_floats(s.inputs); break;
  case step_op::dense_dynamic:
  case step_op::dense_static:
    floats = 2 * out;
    s.bytes = static_cast<std::uint32_t>(to.bytes);
    s.sums = static_cast<std::uint32_t>(to.sums);
    to.bytes += std::uint64_t{round_up(s.inputs, 4)} * out;
    to.sums += out;
    break;
  case step_op::affine: floats = 3 * in; break;
  case step_op::layer_norm: floats = 2 * in; break;
  case step_op::centre:
  case step_op::add:
  case step_op::subtract_from:
  case step_op::multiply:
  case step_op::divide: floats = in; break;
  default: break;
  }
  if (s.op != step_op::slice) s.at = static_cast<std::uint32_t>(to.floats);
  to.floats += floats;
  if (s.activates == activation::prelu) {
    s.slopes = static_cast<std::uint32_t>(to.floats);
    to.floats += out;
  }
  std::size_t& before = moved % 2 == 0 ? to.even : to.odd;
  before = (std::max)(before, value_room(s.inputs));
  if (moves(s.op)) ++moved;
  std::size_t& after = moved % 2 == 0 ? to.even : to.odd;
  after = (std::max)(after, value_room(s.outputs));
  ++to.steps;
}

// Vectors are loaded whole: room for the last one's end.
constexpr void close(extent& to) noexcept { to.floats += panel_width; }

// What kernels know of a network's shape when they are compiled: nothing, its sizes are numbers; or
// a type with `steps` (with their places), `inputs`, `outputs` and `room`: sizes are constants, and
// code for what the network does not have is left out.
struct any_shape {};

template <class Shape> constexpr std::size_t inputs_of(const steps_view&) noexcept {
  return Shape::inputs;
}
template <> constexpr std::size_t inputs_of<any_shape>(const steps_view& net) noexcept {
  return net.inputs;
}
template <class Shape> constexpr std::size_t outputs_of(const steps_view&) noexcept {
  return Shape::outputs;
}
template <> constexpr std::size_t outputs_of<any_shape>(const steps_view& net) noexcept {
  return net.outputs;
}
// Floats of the first of the two arrays that values go to and fro between; of both.
template <class Shape> constexpr std::size_t even_of(const steps_view&) noexcept {
  return Shape::room.even;
}
template <> constexpr std::size_t even_of<any_shape>(const steps_view& net) noexcept {
  return net.even;
}
template <class Shape> constexpr std::size_t scratch_of(const steps_view&) noexcept {
  return Shape::room.even + Shape::room.odd;
}
template <> constexpr std::size_t scratch_of<any_shape>(const steps_view& net) noexcept {
  return row_scratch(net);
}

// Step I of a shape that is a type, as kernels read it: else as `step`, but for what only int8 has.
template <class Shape, std::size_t I> struct fixed_step {
  static constexpr step_op op = Shape::steps[I].op;
  static constexpr activation activates = Shape::steps[I].activates;
  static constexpr std::uint32_t inputs = Shape::steps[I].inputs, outputs = Shape::steps[I].outputs;
  static constexpr std::uint32_t at = Shape::steps[I].at, slopes = Shape::steps[I].slopes;
  float alpha, beta;

  explicit constexpr fixed_step(const steps_view& net) noexcept
      : alpha(net.steps[I].alpha), beta(net.steps[I].beta) {}
};

// Do the places fit their 32 bits, and the arrays what this machine addresses?
constexpr bool fits(const extent& of) noexcept {
  constexpr std::uint64_t most = (std::uint64_t{1} << (sizeof(std::size_t) > 4 ? 31 : 27)) - 1;
  return of.floats <= most && of.bytes <= most;
}

} // namespace tinymlp::kernels
