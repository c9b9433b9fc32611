// What a graph computes, reduced to a list of steps over one row of features: the one thing between
// parsing and packing. bytes -> graph -> plan -> network -> score.
#pragma once

#include <tinymlp/error.hpp>
#include <tinymlp/kernels/activation.hpp>
#include <tinymlp/onnx/graph.hpp>

#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

namespace tinymlp::onnx {

inline constexpr std::size_t max_layers = 64;   // dense ones
inline constexpr std::size_t max_steps = 200;   // of all kinds: 64 layers as MatMul, Add, Relu
inline constexpr std::size_t max_inputs = 16;   // of the graph, those that are not used included
inline constexpr std::size_t max_width = 65536; // features, or values between steps

// Of the weights.
enum class precision : std::uint8_t { fp32, int8 };
// "fp32" or "int8".
constexpr std::string_view name(precision p) noexcept {
  return p == precision::fp32 ? "fp32" : "int8";
}

// How int8 layers come by the scale of their activations: from the row at hand, or from the file.
enum class quant_mode : std::uint8_t { fp32, dynamic_int8, static_int8 };
constexpr std::string_view name(quant_mode m) noexcept {
  return m == quant_mode::fp32           ? "fp32"
         : m == quant_mode::dynamic_int8 ? "dynamic int8"
                                         : "static int8";
}
constexpr precision precision_of(quant_mode m) noexcept {
  return m == quant_mode::fp32 ? precision::fp32 : precision::int8;
}

// A constant of the file, checked when the plan was made; read() views it. Small, because a plan
// holds hundreds: where the field stands that holds it. (No initializers, so that it can be in a
// union; `constant{}` is none.)
struct constant {
  std::uint32_t offset : 31; // in the file; 0: there is none
  std::uint32_t is_list : 1; // an AttributeProto with numbers, else a TensorProto
  // Whether there is one.
  constexpr bool present() const noexcept { return offset != 0; }
};

// What a step does.
enum class step_kind : std::uint8_t {
  affine,     // one operator with constants: op
  dense,      // y = alpha * x * weight + beta * bias; int8: see step
  activate,   // activates, value by value
  layer_norm, // LayerNormalization-17 over all values: weight (gamma), bias (beta); alpha = epsilon
  softmax,    // over all values
  log_softmax, // likewise
  complement,  // one value p -> (1 - p, p): the two probabilities of a binary classifier
  slice,       // values `begin` to `begin + outputs`
};

// The operator of an affine step; x is its input.
enum class affine_op : std::uint8_t {
  add,           // x + weight
  subtract,      // x - weight
  subtract_from, // weight - x
  multiply,      // x * weight
  divide,        // x / weight: not 0
  negate,        // -x
  scaler,        // (x - weight) * bias: ai.onnx.ml Scaler-1
  batch_norm,    // (x - mean) / sqrt(variance + alpha) * weight + bias; alpha is epsilon
};

// One operator of the graph, or a pattern of several that is one. Wherever a constant is taken
// value by value, it holds one for each feature, or one for all. All are finite, divisors not 0;
// but raw weights of dense layers are not looked at in constant expressions: whoever packs them
// must refuse NaN and infinities then (at run time, parse() has).
struct step {
  step_kind kind : 4 = step_kind::dense;       // what else is here follows from it
  affine_op op : 4 = affine_op::add;           // affine
  activation activates = activation::identity; // activate
  std::uint8_t activation_zero_point = 0;      // static int8
  bool transposed : 1 = false;                 // dense: weight is [outputs, inputs]
  std::uint8_t marks : 7 = 0;                  // of the parser
  std::uint32_t inputs = 0, outputs = 0;       // values before and after it
  std::uint32_t offset = 0;                    // of the node in the file, for errors
  float alpha = 1;                             // of the operator, where it has them
  union {
    float beta = 1;
    float activation_scale; // static int8: q = saturate(round(x / scale) + zero point), 0 to 255
  };
  constant weight{}, bias{}; // prelu: alpha * weight is the slope
  union {
    std::uint32_t begin = 0; // slice
    constant mean;           // batch_norm
    constant weight_scale;   // dynamic int8: one value, or `outputs`
    constant sum_scale; // static int8: what the sum is multiplied by, one value or `outputs`; or
  };
  union {
    std::uint32_t unused = 0;
    constant variance;         // batch_norm
    constant sum_scale_factor; // static int8: the product with this, if present
  };
};

// A graph input: a slice of the row of features, or one that the output does not depend on.
struct input_slice {
  std::string_view name{};            // in the file
  std::uint32_t offset = 0;           // of its ValueInfoProto
  std::uint32_t first = 0, count = 0; // in the row of features; count also where it is not used
  std::uint8_t rank = 0;              // as declared: 1 to 4
  bool used = false;                  // whether the output depends on it
};

// A model that was read. It views the file's bytes.
struct plan {
  // Of all dense layers.
  precision kind = precision::fp32;
  quant_mode mode = quant_mode::fp32;
  // What the file says of itself.
  std::int64_t ir_version = 0, opset = 0;
  std::string_view producer_name{}, producer_version{}, graph_name{};
  std::string_view output_name{};      // the one that is computed
  std::size_t output_rank = 2;         // as derived
  std::uint32_t ignored_outputs = 0;   // how many others the graph has
  constant labels{};                   // of a classifier: classlabels_int64s (strings are not kept)
  std::size_t inputs = 0, outputs = 0; // values in a row, and out of it
  // Inputs of the graph, in the file's order.
  std::size_t input_count = 0;
  std::array<input_slice, max_inputs> graph_inputs{};
  std::size_t layer_count = 0; // dense steps
  // All steps, in the order in which they are computed.
  std::size_t step_count = 0;
  std::array<step, max_steps> steps{};
  std::span<const char> model{}; // the file, and files of external data: keep them alive
  external_files external{};     // likewise
};

namespace detail {

[[gnu::noinline]] constexpr error read_constant(view file, external_files external, constant c,
                                                tensor& out) noexcept {
  const field f = name_index::field_at(file, c.offset);
  if (c.is_list == 0) return parse_tensor(f.payload, external, out);
  attribute a;
  if (const error e = parse_attribute(f.payload, a); failed(e)) return e;
  return tensor_of(a, out);
}

} // namespace detail

// The constant's shape and elements (element_reader, raw_floats), or no elements where there is no
// constant. `p` made by parse(): it is sound. The shape is the file's: a weight of a left-hand or
// transposed operand may have its dimensions in another order, a bias leading ones.
constexpr tensor read(const plan& p, constant c) noexcept {
  tensor t;
  if (c.present())
    (void)detail::read_constant({p.model.data(), p.model.size(), 0}, p.external, c, t);
  return t;
}

// Of a float32 tensor in raw data (little-endian, no alignment): its bytes, t.count times four.
// False for others, which element_reader reads.
constexpr bool raw_floats(const tensor& t, const char*& data) noexcept {
  if (!t.is_raw || t.type != element::float32) return false;
  data = t.raw.data;
  return true;
}

// What to call the step's node in an error: its name, else its result's. Searches the file.
constexpr std::string_view label(const plan& p, const step& s) noexcept {
  for (cursor model({p.model.data(), p.model.size(), 0}); !model.done();) {
    field g;
    if (model.next(g) != status::ok) break;
    if (g.number != detail::model_graph || g.type != wire::length_delimited) continue;
    for (cursor graph(g.payload); !graph.done();) {
      field f;
      node n;
      if (graph.next(f) != status::ok) break;
      if (f.number != detail::graph_node || f.payload.offset != s.offset) continue;
      if (!failed(detail::parse_node(f, n))) return n.label();
    }
  }
  return "node";
}

} // namespace tinymlp::onnx
