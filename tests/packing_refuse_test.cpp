// What a plan is refused for when it is packed into a network: its shape, its precision, and
// weights that overflow when something is folded into them; and, in constant expressions, the
// constants that parse() looks at in a running program. (Refusals of files: onnx_refuse_test.cpp.)
#include "broken_models.hpp"
#include "onnx_writer.hpp"

#include <doctest/doctest.h>

#include <tinymlp/load.hpp>
#include <tinymlp/network.hpp>
#include <tinymlp/quantized.hpp>
#include <tinymlp/static_quantized.hpp>

#include <array>
#include <cstddef>
#include <limits>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

using tinymlp::status;
namespace w = onnx_writer;
using w::bytes, w::model, w::storage;

namespace {

using namespace broken_models;

const std::vector<row> float_rows{
    {"a weight that overflows by alpha", status::non_finite_weight, "w0",
     [](model& m) {
       m.g.producer("h0").attributes.push_back(w::float_attribute("alpha", 4));
       return replace_data(m, "w0", 2, -huge / 2);
     }},
    {"a bias that overflows by beta", status::non_finite_weight, "b1",
     [](model& m) {
       m.g.producer("h1").attributes.push_back(w::float_attribute("beta", 3));
       return replace_data(m, "b1", 0, huge / 2);
     }},
    {"a weight that overflows divided by std", status::non_finite_weight, "w0",
     [](model& m) {
       m.g.initializer("std").floats[1] = 1e-30F;
       return replace_data(m, "w0", 4, 1e30F);
     }},
    {"a weight that overflows times the scaler's factor", status::non_finite_weight, "w0",
     [](model& m) {
       m.g.producer("scaled").op_type = "Mul";
       m.g.initializer("std").floats[1] = 1e30F;
       return replace_data(m, "w0", 4, 1e30F);
     }},
    {"another number of layers in a graph without a name", status::network_mismatch, "graph",
     [](model& m) {
       m = w::fp32_model({3, 2, 2, 1});
       m.g.name = {};
       return start;
     }},
    {"another hidden size", status::network_mismatch, "h0",
     [](model& m) {
       m = w::fp32_model({3, 4, 1});
       return at_node(m, "h0");
     }},
    {"another number of inputs", status::network_mismatch, "first",
     [](model& m) {
       m = w::fp32_model({2, 2, 1});
       m.g.producer("h0").name = "first";
       return at_node(m, "h0");
     }},
    {"another number of layers", status::network_mismatch, "deep",
     [](model& m) {
       m = w::fp32_model({3, 2, 2, 1});
       m.g.name = "deep";
       return start;
     }},
    {"int8 layers for a float32 network", status::precision_mismatch, "dynamic int8",
     [](model& m) {
       m = w::int8_model({3, 2, 1});
       return at_node(m, "q0");
     }},
    {"static int8 layers for a float32 network", status::precision_mismatch, "static int8",
     [](model& m) {
       m = w::static_model({3, 2, 1});
       return at_node(m, "q0");
     }},
};

const std::vector<row> int8_rows{
    {"float32 layers for an int8 network", status::precision_mismatch, "fp32",
     [](model& m) {
       m = w::fp32_model({3, 2, 1});
       return at_node(m, "h0");
     }},
    {"fixed scales for a network without", status::precision_mismatch, "static int8",
     [](model& m) {
       m = w::static_model({3, 2, 1});
       return at_node(m, "q0");
     }},
    {"another hidden size", status::network_mismatch, "q0",
     [](model& m) {
       m = w::int8_model({3, 4, 1});
       return at_node(m, "q0");
     }},
};

const std::vector<row> static_rows{
    {"another hidden size", status::network_mismatch, "q0",
     [](model& m) {
       m = w::static_model({3, 4, 1});
       return at_node(m, "q0");
     }},
    {"float32 layers for a static network", status::precision_mismatch, "fp32",
     [](model& m) {
       m = w::fp32_model({3, 2, 1});
       return at_node(m, "h0");
     }},
    {"dynamic scales for a static network", status::precision_mismatch, "dynamic int8",
     [](model& m) {
       m = w::int8_model({3, 2, 1});
       return at_node(m, "q0");
     }},
};

template <class Net> void check(const row& r, model good) {
  CAPTURE(std::string_view(r.what));
  REQUIRE(tinymlp::load<Net>(good.write().span()));
  const place where = r.break_it(good);
  const bytes file = good.write();
  const auto net = tinymlp::load<Net>(file.span());
  CHECK_FALSE(net.has_value());
  if (net.has_value()) return; // and on to the other rows
  const tinymlp::error e = net.error();
  CHECK(tinymlp::message(e.code) == tinymlp::message(r.code));
  CHECK(e.where == r.where);
  CHECK(e.offset == expected_offset(file, where));
}

} // namespace

TEST_CASE("a plan that is not the network's is refused with code, offset and name") {
  for (const row& r : float_rows) check<tinymlp::network<3, 2, 1>>(r, w::fp32_model({3, 2, 1}));
  for (const row& r : int8_rows)
    check<tinymlp::quantized_network<3, 2, 1>>(r, w::int8_model({3, 2, 1}));
  for (const row& r : static_rows)
    check<tinymlp::static_quantized_network<3, 2, 1>>(r, w::static_model({3, 2, 1}));
}

// ---- constants that are refused with one error by the compiler and by the program

namespace {

// x -> MatMul w0, Add b0 -> h -> an operator with these constants -> k -> Gemm w1, b1 -> y.
constexpr model around(const char* op, std::vector<w::tensor> constants,
                       std::vector<w::attribute> attributes = {}, const char* domain = "") {
  model m;
  w::graph& g = m.g;
  g.inputs = {{"x", {"N", 2}}};
  g.outputs = {{"y", {"N", 2}}};
  g.initializers.push_back(w::floats("w0", {2, 3}, w::weights(1, 6)));
  g.initializers.push_back(w::floats("b0", {3}, w::weights(2, 3)));
  g.initializers.push_back(w::floats("w1", {2, 3}, w::weights(3, 6)));
  g.initializers.push_back(w::floats("b1", {2}, w::weights(4, 2)));
  g.nodes.push_back({"MatMul", {"x", "w0"}, {"d"}});
  g.nodes.push_back({"Add", {"d", "b0"}, {"h"}});
  w::node middle{op, {"h"}, {"k"}, std::move(attributes), {}, domain};
  for (w::tensor& t : constants) {
    middle.inputs.push_back(t.name);
    g.initializers.push_back(std::move(t));
  }
  g.nodes.push_back(middle);
  g.nodes.push_back({"Gemm", {"k", "w1", "b1"}, {"y"}, {w::int_attribute("transB", 1)}});
  return m;
}
constexpr model with(model m, std::string_view tensor, std::size_t i, float value) {
  m.g.initializer(tensor).floats[i] = value;
  return m;
}
// BatchNormalization whose operand of that number has that value in its last place.
constexpr model normalised(std::size_t operand, float value) {
  std::vector<w::tensor> four;
  four.push_back(w::floats("scale", {3}, {1, 2, 3}));
  four.push_back(w::floats("shift", {3}, {0.5F, 0, -1}));
  four.push_back(w::floats("mean", {3}, {0.25F, 1, 2}));
  four.push_back(w::floats("variance", {3}, {1, 0, 4}));
  four[operand].floats[2] = value;
  return around("BatchNormalization", four);
}
constexpr model layer_norm(float weight, float bias) {
  return around("LayerNormalization",
                {w::floats("weight", {3}, {1, weight, 3}), w::floats("bias", {3}, {0, 1, bias})});
}
// (h - mean(h)) / sqrt(mean((h - mean(h))^2) + epsilon) * weight + bias, one by one
constexpr model layer_norm_of_operators(float weight, float bias) {
  model m = around("Relu", {});
  w::graph& g = m.g;
  const w::node gemm = g.nodes.back();
  g.nodes.pop_back();
  g.nodes.pop_back();
  g.initializers.push_back(w::floats("two", {}, {2}));
  g.initializers.push_back(w::floats("epsilon", {}, {1e-5F}));
  g.initializers.push_back(w::floats("weight", {3}, {1, weight, 3}));
  g.initializers.push_back(w::floats("bias", {3}, {0, 1, bias}));
  const std::vector<w::attribute> over{w::ints_attribute("axes", {-1})};
  g.nodes.push_back({"ReduceMean", {"h"}, {"m"}, over});
  g.nodes.push_back({"Sub", {"h", "m"}, {"c"}});
  g.nodes.push_back({"Pow", {"c", "two"}, {"s"}});
  g.nodes.push_back({"ReduceMean", {"s"}, {"v"}, over});
  g.nodes.push_back({"Add", {"v", "epsilon"}, {"e"}});
  g.nodes.push_back({"Sqrt", {"e"}, {"r"}});
  g.nodes.push_back({"Div", {"c", "r"}, {"n"}});
  g.nodes.push_back({"Mul", {"n", "weight"}, {"p"}});
  g.nodes.push_back({"Add", {"p", "bias"}, {"k"}});
  g.nodes.push_back(gemm);
  return m;
}
// Only the values [1, 3) behind the first layer are kept.
constexpr model sliced(std::string_view tensor, std::size_t i, float value) {
  model m = around("Slice",
                   {w::integers("from", {1}, w::int64, {1}), w::integers("to", {1}, w::int64, {3}),
                    w::integers("axes", {1}, w::int64, {1})});
  m.g.initializer("w1") = w::floats("w1", {2, 2}, w::weights(3, 4));
  return with(m, tensor, i, value);
}
constexpr model scaled(float offset, float scale, bool packed) {
  model m = around("Scaler", {},
                   {w::floats_attribute("offset", {0, offset, 1}, packed),
                    w::floats_attribute("scale", {1, 2, scale}, packed)},
                   "ai.onnx.ml");
  m.opsets.push_back({"ai.onnx.ml", 1});
  return m;
}
// A scaler whose second step is `op`.
constexpr model plain(const char* op, std::string_view tensor, std::size_t i, float value) {
  model m = w::fp32_model({3, 2, 1});
  m.g.producer("scaled").op_type = op;
  return with(m, tensor, i, value);
}

template <class Make> struct file_of {
  static constexpr auto bytes = w::frozen([] { return Make{}().write(); });
};

template <class Make>
void check_both_ways(const char* what, status code, std::string_view where, Make) {
  CAPTURE(what);
  static constexpr std::span<const char> file = file_of<Make>::bytes;
  static constexpr tinymlp::error compiled = [] {
    constexpr tinymlp::error parsed = tinymlp::onnx::parse(file).error();
    if constexpr (tinymlp::onnx::failed(parsed))
      return parsed;
    else // weights are looked at when they are packed
      return tinymlp::load<tinymlp::network_of<file_of<Make>::bytes>>(file).error();
  }();
  const tinymlp::error ran = tinymlp::onnx::parse(file).error();
  CHECK(tinymlp::message(ran.code) == tinymlp::message(code));
  CHECK(ran.where == where);
  CHECK(tinymlp::message(compiled.code) == tinymlp::message(ran.code));
  CHECK(compiled.where == ran.where);
  CHECK(compiled.offset == ran.offset);
  CHECK(compiled.op_type == ran.op_type);
}

} // namespace

TEST_CASE("a constant is refused with one error by the compiler and by the program") {
  constexpr status weight = status::non_finite_weight, factor = status::non_finite_std,
                   zero = status::zero_std;
#define REFUSED(what, code, where, ...)                                                            \
  check_both_ways(what, code, where, [] { return __VA_ARGS__; })
  REFUSED("a weight", weight, "w0", with(around("Relu", {}), "w0", 4, inf));
  REFUSED("a transposed weight", weight, "w1", with(around("Relu", {}), "w1", 1, nan));
  REFUSED("a bias by Add", weight, "b0", with(around("Relu", {}), "b0", 1, -inf));
  REFUSED("a bias by Gemm", weight, "b1", with(around("Relu", {}), "b1", 0, nan));
  REFUSED("weights of two layers", weight, "w1",
          with(with(around("Relu", {}), "w0", 4, inf), "w1", 0, inf));
  REFUSED("a factor", factor, "c", around("Mul", {w::floats("c", {3}, {1, inf, 2})}));
  REFUSED("a factor for all", factor, "c", around("Mul", {w::floats("c", {1}, {nan})}));
  REFUSED("a divisor", factor, "c", around("Div", {w::floats("c", {3}, {1, 2, inf})}));
  REFUSED("a divisor of zero", zero, "c", around("Div", {w::floats("c", {3}, {1, -0.0F, 2})}));
  REFUSED("an addend", weight, "c", around("Sub", {w::floats("c", {3}, {nan, 1, 2})}));
  REFUSED("slopes", weight, "c", around("PRelu", {w::floats("c", {3}, {0, inf, 0.5F})}));
  REFUSED("a scale of BatchNormalization", weight, "scale", normalised(0, inf));
  REFUSED("a shift of BatchNormalization", weight, "shift", normalised(1, -inf));
  REFUSED("a mean of BatchNormalization", weight, "mean", normalised(2, nan));
  REFUSED("a variance of BatchNormalization", weight, "variance", normalised(3, inf));
  REFUSED("a variance below zero", zero, "variance", normalised(3, -1));
  REFUSED("a weight of LayerNormalization", weight, "weight", layer_norm(inf, 0));
  REFUSED("a bias of LayerNormalization", weight, "bias", layer_norm(1, nan));
  REFUSED("a factor behind a normalisation", factor, "weight", layer_norm_of_operators(inf, 0));
  REFUSED("an addend behind a normalisation", weight, "bias", layer_norm_of_operators(1, inf));
  REFUSED("a weight that a slice leaves out", weight, "w0", sliced("w0", 3, inf));
  REFUSED("a bias that a slice leaves out", weight, "b0", sliced("b0", 0, inf));
  REFUSED("an offset of Scaler", weight, "offset", scaled(inf, 1, false));
  REFUSED("a packed scale of Scaler", factor, "scale", scaled(0, inf, true));
  REFUSED("a scaler's mean", weight, "mean", plain("Div", "mean", 1, inf));
  REFUSED("a scaler's std", factor, "std", plain("Div", "std", 2, nan));
  REFUSED("a scaler's std of zero", zero, "std", plain("Div", "std", 1, 0));
  REFUSED("a scaler's factor", factor, "std", plain("Mul", "std", 0, -inf));
  REFUSED("a plain network's weight", weight, "w0", plain("Div", "w0", 5, inf));
  REFUSED("a plain network's bias", weight, "b1", plain("Div", "b1", 0, nan));
  REFUSED("an int8 network's bias", weight, "b0", with(w::int8_model({3, 2, 1}), "b0", 1, inf));
  REFUSED("an int8 network's std", factor, "std", with(w::int8_model({3, 2, 1}), "std", 0, inf));
  REFUSED("a static network's bias", weight, "b1", with(w::static_model({3, 2, 1}), "b1", 0, inf));
#undef REFUSED
}
