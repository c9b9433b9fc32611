// Constants that a Transpose stands before, and constants whose shape would widen the row: read in
// the order that the graph means, or refused. (What ONNX Runtime gives for these graphs is another
// order or another shape than the file's elements suggest.)
#include "onnx_writer.hpp"

#include <doctest/doctest.h>

#include <tinymlp/tinymlp.hpp>

#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

namespace {

namespace w = onnx_writer;
using namespace tinymlp;

// The same weights, kept the other way round behind a Transpose.
void transpose(w::model& m, const std::string& name) {
  w::tensor& t = m.g.initializer(name);
  const auto rows = static_cast<std::size_t>(t.dims[0]),
             columns = static_cast<std::size_t>(t.dims[1]);
  std::vector<std::int64_t> turned;
  for (std::size_t c = 0; c < columns; ++c)
    for (std::size_t r = 0; r < rows; ++r) turned.push_back(t.ints[r * columns + c]);
  t.ints = turned;
  std::swap(t.dims[0], t.dims[1]);
  t.name = name + "_turned";
  m.g.nodes.insert(m.g.nodes.begin(), {"Transpose", {t.name}, {name}});
}

std::vector<float> outputs_of(const w::bytes& file) {
  std::vector<std::byte> storage(required_storage(file.span()).value());
  const result<any_network> net = load_any(file.span(), storage);
  REQUIRE(net.has_value());
  const std::vector<float> rows{0.25F, -3, 1.5F, 2, 0.125F, -0.75F};
  std::vector<float> out(2 * net->outputs());
  REQUIRE(net->run(rows, out) == status::ok);
  return out;
}

// x [N, 2, 3], an operator with constants, Flatten, and a layer.
w::model over_matrix(const w::node& op) {
  w::model m;
  m.g.inputs.push_back({"x", {"N", 2, 3}});
  m.g.nodes.push_back(op);
  m.g.nodes.push_back({"Flatten", {op.outputs[0]}, {"flat"}});
  m.g.nodes.push_back({"MatMul", {"flat", "w"}, {"y"}});
  m.g.initializers.push_back(w::floats("w", {6, 1}, {1, 2, 3, 4, 5, 6}));
  m.g.outputs.push_back({"y", {"N", 1}});
  return m;
}

// x [1, 4], a layer of three, and what is between it and the softmax at the end.
w::model before_softmax(std::vector<w::node> nodes) {
  w::model m;
  m.g.inputs.push_back({"x", {1, 4}});
  m.g.nodes.push_back({"MatMul", {"x", "w"}, {"h"}});
  for (w::node& n : nodes) m.g.nodes.push_back(std::move(n));
  m.g.nodes.push_back({"Softmax", {"last"}, {"y"}, {w::int_attribute("axis", -1)}});
  m.g.initializers.push_back(w::floats("w", {4, 3}, {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12}));
  m.g.outputs.push_back({"y", {1, 3}});
  return m;
}

status status_of(const w::model& m) {
  const w::bytes file = m.write();
  onnx::plan p;
  return onnx::parse_into(p, file.span()).code;
}

} // namespace

TEST_CASE("int8 weights behind a Transpose") {
  for (const bool is_static : {false, true}) {
    const w::model plain = is_static ? w::static_model({3, 4, 2, 1}) : w::int8_model({3, 4, 2, 1});
    w::model turned = plain;
    transpose(turned, "w0");
    transpose(turned, "w1");
    const w::bytes file = plain.write(), other = turned.write();
    CHECK(outputs_of(file) == outputs_of(other));

    const std::array<float, 3> row{0.25F, -3, 1.5F};
    const auto score = [&](const w::bytes& from) {
      if (is_static) return load<static_quantized_network<3, 4, 2, 1>>(from.span())->score(row);
      return load<quantized_network<3, 4, 2, 1>>(from.span())->score(row);
    };
    CHECK(std::bit_cast<std::uint32_t>(score(file)) == std::bit_cast<std::uint32_t>(score(other)));
  }
}

TEST_CASE("a matrix of constants behind a Transpose is refused, since values are taken in the "
          "file's order") {
  for (const char* op : {"Add", "Sub", "Mul", "Div", "PRelu"}) {
    CAPTURE(op);
    w::model m = over_matrix({op, {"x", "c"}, {"z"}});
    m.g.initializers.push_back(w::floats("c", {2, 3}, {1, 2, 3, 4, 5, 6}));
    CHECK(status_of(m) == status::ok);
    m.g.initializers.back().dims = {3, 2};
    m.g.initializers.back().name = "t";
    m.g.nodes.insert(m.g.nodes.begin(), {"Transpose", {"t"}, {"c"}});
    CHECK(status_of(m) == status::not_constant);
  }
}

TEST_CASE("one number an output behind a weight on the left is a row beside a column") {
  w::model m;
  m.g.inputs.push_back({"x", {1, 4}});
  m.g.nodes.push_back({"Transpose", {"x"}, {"column"}});
  m.g.nodes.push_back({"MatMul", {"w", "column"}, {"h"}});
  m.g.nodes.push_back({"Add", {"h", "b"}, {"y"}});
  m.g.initializers.push_back(w::floats("w", {3, 4}, {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12}));
  m.g.initializers.push_back(w::floats("b", {3}, {1, 2, 3}));
  m.g.outputs.push_back({"y", {}});
  m.g.outputs[0].has_shape = false;
  CHECK(status_of(m) == status::shape_mismatch);
  m.g.initializers.back().dims = {3, 1};
  CHECK(status_of(m) == status::ok);
  m.g.initializers.back().dims = {3}; // and a row of rank 1
  m.g.inputs[0].dims = {4};
  m.g.nodes.erase(m.g.nodes.begin());
  m.g.nodes[0].inputs[1] = "x";
  CHECK(status_of(m) == status::ok);
}

TEST_CASE("a number with more dimensions than the row would widen it") {
  const auto with = [](std::vector<std::int64_t> dims, const char* op, float value) {
    w::model m = before_softmax({{op, {"h", "c"}, {"last"}}});
    m.g.initializers.push_back(w::floats("c", std::move(dims), {value}));
    return status_of(m);
  };
  for (const char* op : {"Max", "Min"}) {
    CAPTURE(op);
    CHECK(with({}, op, 0) == status::ok);
    CHECK(with({1, 1}, op, 0) == status::ok);
    CHECK(with({1, 1, 1}, op, 0) == status::shape_mismatch);
  }
  // x * sigmoid(1.5 x): a pattern with a number in it
  for (const std::vector<std::int64_t>& dims : {std::vector<std::int64_t>{1}, {1, 1, 1}}) {
    w::model m = before_softmax({{"Mul", {"h", "c"}, {"scaled"}},
                                 {"Sigmoid", {"scaled"}, {"gate"}},
                                 {"Mul", {"h", "gate"}, {"last"}}});
    m.g.initializers.push_back(w::floats("c", dims, {1.5F}));
    CHECK(status_of(m) == (dims.size() == 1 ? status::ok : status::shape_mismatch));
  }
}

TEST_CASE("a column of weights within a normalisation would widen the row") {
  using nodes = std::vector<w::node>;
  const nodes inverse{{"ReduceMean", {"h"}, {"mean"}, {w::ints_attribute("axes", {-1})}},
                      {"Sub", {"h", "mean"}, {"centred"}},
                      {"Mul", {"centred", "centred"}, {"squares"}},
                      {"ReduceMean", {"squares"}, {"var"}, {w::ints_attribute("axes", {-1})}},
                      {"Add", {"var", "eps"}, {"stable"}},
                      {"Sqrt", {"stable"}, {"std"}},
                      {"Reciprocal", {"std"}, {"inverse"}},
                      {"Mul", {"inverse", "gamma"}, {"by"}}};
  const nodes scaled{{"Mul", {"centred", "by"}, {"last"}}};
  const nodes moments{{"Mul", {"h", "by"}, {"product"}},
                      {"Mul", {"mean", "by"}, {"shift"}},
                      {"Sub", {"beta", "shift"}, {"rest"}},
                      {"Add", {"product", "rest"}, {"last"}}};
  const auto status_with = [&](const nodes& end, const char* column) {
    nodes all = inverse;
    all.insert(all.end(), end.begin(), end.end());
    w::model m = before_softmax(std::move(all));
    m.g.outputs[0].has_shape = false;
    m.g.initializers.push_back(w::floats("eps", {}, {1e-5F}));
    m.g.initializers.push_back(w::floats("gamma", {3}, {1, 2, 3}));
    m.g.initializers.push_back(w::floats("beta", {3}, {4, 5, 6}));
    if (*column != '\0') m.g.initializer(column).dims = {3, 1};
    return status_of(m);
  };
  CHECK(status_with(scaled, "") == status::ok);
  CHECK(status_with(scaled, "gamma") == status::shape_mismatch);
  CHECK(status_with(moments, "") == status::ok);
  CHECK(status_with(moments, "beta") == status::shape_mismatch);
}

TEST_CASE("a value without axes gains that of a constant of one value") {
  const auto with = [](const char* op, std::vector<std::int64_t> dims,
                       std::vector<w::dimension> declared) {
    w::model m;
    m.g.inputs.push_back({"x", {4}});
    m.g.nodes = {{"MatMul", {"x", "w"}, {"h"}}, {op, {"h", "c"}, {"y"}}};
    m.g.initializers.push_back(w::floats("w", {4}, {1, 2, 3, 4}));
    m.g.initializers.push_back(w::floats("c", std::move(dims), {0.5F}));
    m.g.outputs.push_back({"y", std::move(declared)});
    return status_of(m);
  };
  for (const char* op : {"Add", "Mul", "Max"}) {
    CAPTURE(op);
    CHECK(with(op, {1}, {1}) == status::ok);
    CHECK(with(op, {1}, {}) == status::shape_mismatch);
    CHECK(with(op, {}, {}) == status::ok);
    CHECK(with(op, {}, {1}) == status::shape_mismatch);
  }
  CHECK(with("Clip", {1}, {}) == status::ok); // its bounds have no say
}

TEST_CASE("an exponent's type is that of the base before operator set 12") {
  const auto with = [](std::int64_t opset, const w::tensor& two) {
    w::model m =
        before_softmax({{"ReduceMean", {"h"}, {"mean"}, {w::ints_attribute("axes", {-1})}},
                        {"Sub", {"h", "mean"}, {"centred"}},
                        {"Pow", {"centred", "two"}, {"squares"}},
                        {"ReduceMean", {"squares"}, {"v"}, {w::ints_attribute("axes", {-1})}},
                        {"Add", {"v", "eps"}, {"stable"}},
                        {"Sqrt", {"stable"}, {"std"}},
                        {"Div", {"centred", "std"}, {"last"}}});
    m.opsets[0].version = opset;
    m.g.initializers.push_back(w::floats("eps", {}, {1e-5F}));
    m.g.initializers.push_back(two);
    return status_of(m);
  };
  for (const w::tensor& two :
       {w::integers("two", {}, w::int32, {2}), w::integers("two", {}, w::int64, {2}),
        w::integers("two", {}, w::float16, {0x4000}),
        w::integers("two", {}, w::float64, {0x4000000000000000})}) {
    CHECK(with(12, two) == status::ok);
    CHECK(with(11, two) == status::branch);
  }
  CHECK(with(12, w::integers("two", {}, w::int64, {3})) == status::branch);
  CHECK(with(12, w::integers("two", {}, w::float64, {0x4000000000000001})) == status::branch);
}

TEST_CASE("Gemm is of rank 2 only, MatMul is not") {
  const auto with = [](const char* op, std::vector<w::dimension> dims) {
    w::model m;
    m.g.inputs.push_back({"x", std::move(dims)});
    m.g.nodes = {{op, {"x", "w"}, {"y"}}};
    m.g.initializers.push_back(w::floats("w", {4, 2}, {1, 2, 3, 4, 5, 6, 7, 8}));
    m.g.outputs.push_back({"y", {}});
    m.g.outputs[0].has_shape = false;
    return status_of(m);
  };
  CHECK(with("Gemm", {"N", 4}) == status::ok);
  CHECK(with("Gemm", {"N", 1, 4}) == status::shape_mismatch);
  CHECK(with("Gemm", {4}) == status::shape_mismatch);
  CHECK(with("MatMul", {"N", 1, 4}) == status::ok);
  CHECK(with("MatMul", {4}) == status::ok);
}

TEST_CASE("LayerNormalization's weight and bias must broadcast to the row") {
  const auto with = [](std::vector<std::int64_t> weight, std::vector<std::int64_t> bias) {
    w::model m = over_matrix(
        {"LayerNormalization", {"x", "scale", "bias"}, {"z"}, {w::int_attribute("axis", 1)}});
    m.g.inputs[0].dims = {"N", 6, 1};
    const auto ones = [](const std::vector<std::int64_t>& dims) {
      std::size_t count = 1;
      for (const std::int64_t d : dims) count *= static_cast<std::size_t>(d);
      return std::vector<float>(count, 1);
    };
    m.g.initializers.push_back(w::floats("scale", weight, ones(weight)));
    m.g.initializers.push_back(w::floats("bias", bias, ones(bias)));
    return status_of(m);
  };
  CHECK(with({6, 1}, {6, 1}) == status::ok);
  CHECK(with({1}, {6, 1}) == status::ok);
  CHECK(with({6, 1}, {}) == status::ok);
  CHECK(with({6}, {6, 1}) == status::shape_mismatch); // a row beside a column
  CHECK(with({6, 1}, {6}) == status::shape_mismatch);
  CHECK(with({1}, {6}) == status::shape_mismatch);
  CHECK(with({1, 1, 1, 1}, {6, 1}) == status::shape_mismatch);
}

TEST_CASE("inputs that are joined agree in rank and in rows") {
  const auto with = [](std::vector<w::dimension> a, std::vector<w::dimension> b) {
    w::model m;
    m.g.inputs = {{"a", std::move(a)}, {"b", std::move(b)}};
    m.g.nodes = {{"Concat", {"a", "b"}, {"x"}, {w::int_attribute("axis", -1)}},
                 {"MatMul", {"x", "w"}, {"y"}}};
    m.g.initializers.push_back(w::floats("w", {4, 2}, {1, 2, 3, 4, 5, 6, 7, 8}));
    m.g.outputs.push_back({"y", {}});
    m.g.outputs[0].has_shape = false;
    return status_of(m);
  };
  CHECK(with({"N", 3}, {"N", 1}) == status::ok);
  CHECK(with({4, 3}, {"N", 1}) == status::ok);
  CHECK(with({"N", 3}, {4, 1}) == status::ok);
  CHECK(with({4, 3}, {4, 1}) == status::ok);
  CHECK(with({4, 3}, {1, 1}) == status::shape_mismatch);
  CHECK(with({1, 3}, {4, 1}) == status::shape_mismatch);
  CHECK(with({"N", 3}, {"N", 1, 1}) == status::shape_mismatch);
  CHECK(with({"N", 1, 2}, {"N", 2, 1}) == status::shape_mismatch);
}

TEST_CASE("what is normalised is the row, not the rows") {
  const auto with = [](const char* op, std::int64_t opset, const w::dimension& rows,
                       std::int64_t axis, std::int64_t width = 3) {
    w::model m;
    m.opsets[0].version = opset;
    m.g.inputs.push_back({"x", {rows, 4}});
    m.g.nodes = {{"MatMul", {"x", "w"}, {"h"}},
                 {op, {"h"}, {"y"}, {w::int_attribute("axis", axis)}}};
    if (m.g.nodes[1].op_type.view() == "LayerNormalization") m.g.nodes[1].inputs.push_back("one");
    m.g.initializers.push_back(
        w::floats("w", {4, width}, std::vector<float>(static_cast<std::size_t>(4 * width), 1)));
    m.g.initializers.push_back(w::floats("one", {1}, {1}));
    m.g.outputs.push_back({"y", {rows, width}});
    return status_of(m);
  };
  for (const char* op : {"Softmax", "LogSoftmax"}) {
    CAPTURE(op);
    CHECK(with(op, 11, 1, 0) == status::ok); // coerced to one row
    CHECK(with(op, 11, "N", 0) == status::bad_attribute);
    CHECK(with(op, 11, 4, 0) == status::bad_attribute);
    CHECK(with(op, 11, "N", 1) == status::ok);
    CHECK(with(op, 13, 1, 0) == status::bad_attribute); // of one value each
    CHECK(with(op, 13, "N", 0) == status::bad_attribute);
    CHECK(with(op, 13, "N", 0, 1) == status::bad_attribute);
    CHECK(with(op, 13, 1, 0, 1) == status::ok);
    CHECK(with(op, 13, "N", 1, 1) == status::ok);
  }
  CHECK(with("LayerNormalization", 17, "N", 0) == status::bad_attribute);
  CHECK(with("LayerNormalization", 17, 1, 0) == status::ok);
}
