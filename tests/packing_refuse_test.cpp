// What a plan is refused for when it is packed into a network: its shape, its precision, and
// weights that overflow when something is folded into them. (Refusals of files:
// onnx_refuse_test.cpp.)
#include "broken_models.hpp"
#include "onnx_writer.hpp"

#include <doctest/doctest.h>

#include <tinymlp/load.hpp>
#include <tinymlp/network.hpp>
#include <tinymlp/quantized.hpp>
#include <tinymlp/static_quantized.hpp>

#include <limits>
#include <set>
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
