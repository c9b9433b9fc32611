#include "xnnpack_engine.hpp"

#include <algorithm>
#include <array>
#include <cstring>
#include <limits>
#include <stdexcept>
#include <string>
#include <vector>

#include <xnnpack.h>

namespace tinymlp::bench {

namespace {

void check(xnn_status status, const char* what) {
  if (status != xnn_status_success)
    throw std::runtime_error(std::string("XNNPACK: ") + what + " failed with status " +
                             std::to_string(status));
}

constexpr float infinity = std::numeric_limits<float>::infinity();

// The kernels of XNNPACK load past the end of rows.
std::vector<float> padded(std::size_t count) {
  return std::vector<float>(count + XNN_EXTRA_BYTES / sizeof(float));
}

// What a dense operator does by itself: min and max.
bool is_clamp(activation which) {
  return which == activation::identity || which == activation::relu || which == activation::clip;
}

bool has_operator(const layer& l) {
  switch (l.activates) {
  case activation::identity:
  case activation::relu:
  case activation::clip:
  case activation::leaky_relu:
  case activation::prelu:
  case activation::hard_swish:
  case activation::elu:
  case activation::sigmoid: return true;
  case activation::silu: return l.alpha == 1;
  default: return false;
  }
}

} // namespace

bool xnnpack_engine::can_express(std::span<const layer> layers) {
  return std::all_of(layers.begin(), layers.end(), [](const layer& l) {
    const bool has_kind =
        l.kind == layer_kind::dense || l.kind == layer_kind::scale || l.kind == layer_kind::softmax;
    return has_kind && has_operator(l);
  });
}

// The operators of a network, set up for so many rows.
struct xnnpack_engine::program {
  // Where an operator reads or writes: values of the caller, or one of the arrays between.
  enum place { in, out, even, odd, aside };
  enum class kind {
    fully_connected,
    leaky_relu,
    prelu,
    hard_swish,
    elu,
    sigmoid,
    softmax,
    add,
    mul
  };
  struct operation {
    kind what;
    xnn_operator_t op;
    place from, to;
    std::size_t width;
    place second = aside; // of mul: the other factor, unless it is constant
    const float* constant = nullptr;
  };

  std::vector<layer> layers; // constants of scale and prelu stay here
  std::size_t rows, most = 1;
  std::vector<operation> operations;
  std::array<std::vector<float>, 5> memory; // in and out: of one row, or the last rows of many
  std::array<float*, 5> at{};
  std::size_t set_up_for = 0;

  program(std::span<const layer> from, std::size_t count)
      : layers(from.begin(), from.end()), rows(count) {
    for (const layer& l : layers) most = std::max({most, l.inputs, l.outputs});
    memory[in] = padded(rows * layers.front().inputs);
    memory[out] = padded(rows * layers.back().outputs);
    for (const place p : {even, odd, aside}) memory[p] = padded(rows * most);
    for (std::size_t i = 0; i < at.size(); ++i) at[i] = memory[i].data();
    for (std::size_t i = 0; i < layers.size(); ++i) add_layer(i);
    for (const operation& each : operations) set_up(each, rows);
    set_up_for = rows;
  }
  program(const program&) = delete;
  ~program() {
    for (const operation& each : operations) xnn_delete_operator(each.op);
  }

  void add(kind what, xnn_operator_t op, place from, place to, std::size_t width,
           const float* constant = nullptr, place second = aside) {
    operations.push_back({what, op, from, to, width, second, constant});
  }

  void add_layer(std::size_t index) {
    const layer& l = layers[index];
    const place from = index == 0 ? in : index % 2 == 0 ? odd : even;
    const place to = index + 1 == layers.size() ? out : index % 2 == 0 ? even : odd;
    const float low = l.activates == activation::relu   ? 0
                      : l.activates == activation::clip ? l.alpha
                                                        : -infinity;
    const float high = l.activates == activation::clip ? l.beta : infinity;
    const std::size_t n = l.outputs;
    xnn_operator_t op = nullptr;
    if (l.kind == layer_kind::dense) {
      check(xnn_create_fully_connected_nc_f32(l.inputs, n, l.inputs, n, l.weight.data(),
                                              l.bias.data(), low, high, 0, &op),
            "fully connected");
      add(kind::fully_connected, op, from, to, n);
    } else if (l.kind == layer_kind::scale) {
      check(xnn_create_multiply_nd_f32(-infinity, infinity, 0, &op), "multiply");
      add(kind::mul, op, from, to, n, l.weight.data());
      check(xnn_create_add_nd_f32(low, high, 0, &op), "add");
      add(kind::add, op, to, to, n, l.bias.data());
    } else {
      check(xnn_create_softmax_nc_f32(n, n, n, 0, &op), "softmax");
      add(kind::softmax, op, from, to, n);
    }
    if (!is_clamp(l.activates)) add_activation(l, to);
  }

  void add_activation(const layer& l, place at_place) {
    const std::size_t n = l.outputs;
    xnn_operator_t op = nullptr;
    switch (l.activates) {
    case activation::leaky_relu:
      check(xnn_create_leaky_relu_nc_f32(n, n, n, l.alpha, 0, &op), "leaky relu");
      return add(kind::leaky_relu, op, at_place, at_place, n);
    case activation::prelu:
      check(xnn_create_prelu_nc_f32(n, n, n, l.slope.data(), 0, &op), "prelu");
      return add(kind::prelu, op, at_place, at_place, n);
    case activation::hard_swish:
      check(xnn_create_hardswish_nc_f32(n, n, n, 0, &op), "hard swish");
      return add(kind::hard_swish, op, at_place, at_place, n);
    case activation::elu:
      check(xnn_create_elu_nc_f32(n, n, n, l.alpha, 0, &op), "elu");
      return add(kind::elu, op, at_place, at_place, n);
    case activation::sigmoid:
      check(xnn_create_sigmoid_nc_f32(n, n, n, 0, &op), "sigmoid");
      return add(kind::sigmoid, op, at_place, at_place, n);
    default: // silu
      check(xnn_create_sigmoid_nc_f32(n, n, n, 0, &op), "sigmoid");
      add(kind::sigmoid, op, at_place, aside, n);
      check(xnn_create_multiply_nd_f32(-infinity, infinity, 0, &op), "multiply");
      return add(kind::mul, op, at_place, at_place, n, nullptr, aside);
    }
  }

  void set_up(const operation& o, std::size_t n) const {
    const float *x = at[o.from], *second = o.constant != nullptr ? o.constant : at[o.second];
    float* y = at[o.to];
    const std::size_t values[]{n, o.width}, all[]{n * o.width};
    const bool by_column = o.constant != nullptr;
    const std::size_t *shape = by_column ? values : all, *other = by_column ? values + 1 : all;
    const std::size_t dims = by_column ? 2 : 1;
    switch (o.what) {
    case kind::fully_connected:
      return check(xnn_setup_fully_connected_nc_f32(o.op, n, x, y, nullptr), "set up");
    case kind::leaky_relu:
      return check(xnn_setup_leaky_relu_nc_f32(o.op, n, x, y, nullptr), "set up");
    case kind::prelu: return check(xnn_setup_prelu_nc_f32(o.op, n, x, y, nullptr), "set up");
    case kind::hard_swish:
      return check(xnn_setup_hardswish_nc_f32(o.op, n, x, y, nullptr), "set up");
    case kind::elu: return check(xnn_setup_elu_nc_f32(o.op, n, x, y, nullptr), "set up");
    case kind::sigmoid: return check(xnn_setup_sigmoid_nc_f32(o.op, n, x, y, nullptr), "set up");
    case kind::softmax: return check(xnn_setup_softmax_nc_f32(o.op, n, x, y, nullptr), "set up");
    case kind::add:
      return check(xnn_setup_add_nd_f32(o.op, dims, shape, 1, other, x, second, y, nullptr),
                   "set up");
    case kind::mul:
      return check(xnn_setup_multiply_nd_f32(o.op, dims, shape, 1, other, x, second, y, nullptr),
                   "set up");
    }
  }

  void run() const {
    for (const operation& each : operations) xnn_run_operator(each.op, nullptr);
  }

  // `n` rows from and to memory of the caller: only what touches that is set up again.
  void run(const float* x, std::size_t n, float* y) {
    at[in] = const_cast<float*>(x); // read only
    at[out] = y;
    for (const operation& each : operations)
      if (n != set_up_for || each.from == in || each.to == out || each.from == out) set_up(each, n);
    set_up_for = n;
    run();
  }

  void run_single(const float* x, float* y) const {
    std::memcpy(at[in], x, layers.front().inputs * sizeof(float));
    run();
    std::memcpy(y, at[out], layers.back().outputs * sizeof(float));
  }

  void run_blocks(const float* x, std::size_t count, float* y) {
    const std::size_t inputs = layers.front().inputs, outputs = layers.back().outputs;
    for (; count > rows; count -= rows, x += rows * inputs, y += rows * outputs) run(x, rows, y);
    std::memcpy(memory[in].data(), x, count * inputs * sizeof(float)); // no load past the end
    run(memory[in].data(), count, y);
  }
};

namespace {

// Rows whose values, of the two widest layers, take 256 KiB: a multiple of the rows, 4 to 7, that
// XNNPACK's kernels take at a time.
std::size_t block_rows(std::size_t most) {
  constexpr std::size_t unit = 84;
  return std::clamp<std::size_t>(256 * 1024 / (2 * sizeof(float) * most) / unit * unit, unit,
                                 12 * unit);
}

} // namespace

xnnpack_engine::xnnpack_engine(std::span<const layer> layers) {
  static const xnn_status ready = xnn_initialize(nullptr);
  check(ready, "initialisation");
  const std::vector<layer> fewer = with_fewer_activations(layers);
  if (!can_express(fewer)) throw std::runtime_error("XNNPACK has no operator for a layer");
  std::size_t most = 1;
  for (const layer& l : fewer) most = std::max({most, l.inputs, l.outputs});
  one_ = std::make_unique<program>(fewer, 1);
  block_ = std::make_unique<program>(fewer, block_rows(most));
}

xnnpack_engine::~xnnpack_engine() = default;

void xnnpack_engine::row(const float* in, float* out) const { one_->run_single(in, out); }

void xnnpack_engine::rows(const float* in, std::size_t count, float* out) const {
  if (count != 0) block_->run_blocks(in, count, out);
}

} // namespace tinymlp::bench
