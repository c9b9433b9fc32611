// Networks of any shape from their files: as a type, as a type that the compiler deduces, and known
// at run time only; the same bits in all three, and near a float64 evaluation of the same plan.
#include "onnx_writer.hpp"
#include "plan_float64.hpp"
#include "test_data.hpp"

#include <tinymlp/any_network.hpp>
#include <tinymlp/load.hpp>
#include <tinymlp/vmaf.hpp>

#include <doctest/doctest.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstdint>
#include <random>
#include <string>
#include <type_traits>
#include <vector>

using namespace tinymlp;
namespace w = onnx_writer;
using w::bytes;

namespace {

// ---- a small model of each kind, in constant expressions too

// Gemm layers `width` values wide, each followed by a node of that operator, if it is named.
struct layer {
  std::int64_t width;
  const char* op = "";
  const char* attribute = "";
  float value = 0;
};
constexpr w::model chain(std::int64_t inputs, std::vector<layer> layers, bool scaler = false) {
  w::model m;
  m.opsets = {{"", 22}};
  w::graph& g = m.g;
  g.inputs = {{"x", {"N", inputs}}};
  bytes x = "x";
  if (scaler) {
    const auto n = static_cast<std::size_t>(inputs);
    g.initializers.push_back(w::floats("mean", {inputs}, w::weights(70, n)));
    g.initializers.push_back(w::floats("std", {inputs}, w::deviations(n)));
    g.nodes.push_back({"Sub", {x, "mean"}, {"centred"}});
    g.nodes.push_back({"Div", {"centred", "std"}, {"scaled"}});
    x = "scaled";
  }
  std::int64_t width = inputs;
  for (std::size_t l = 0; l < layers.size(); ++l) {
    const auto in = static_cast<std::size_t>(width),
               out = static_cast<std::size_t>(layers[l].width);
    const bytes weight = w::numbered("w", l), bias = w::numbered("b", l), h = w::numbered("h", l);
    g.initializers.push_back(
        w::floats(weight, {layers[l].width, width}, w::weights(2 * l + 1, in * out)));
    g.initializers.push_back(w::floats(bias, {layers[l].width}, w::weights(2 * l + 2, out)));
    g.nodes.push_back({"Gemm", {x, weight, bias}, {h}, {w::int_attribute("transB", 1)}});
    x = h;
    width = layers[l].width;
    if (*layers[l].op == '\0') continue;
    x = w::numbered("a", l);
    w::node after{layers[l].op, {h}, {x}};
    if (*layers[l].attribute != '\0')
      after.attributes.push_back(w::float_attribute(layers[l].attribute, layers[l].value));
    g.nodes.push_back(after);
  }
  g.nodes.push_back({"Identity", {x}, {"y"}});
  g.outputs = {{"y", {"N", width}}};
  return m;
}

// The bytes of a model made by the compiler, for embed<...>().
template <auto Make> struct embedded_file {
  static constexpr auto bytes = [] {
    constexpr std::size_t size = Make().write().size();
    std::array<char, size> to{};
    const w::bytes from = Make().write();
    for (std::size_t i = 0; i < size; ++i) to[i] = from[i];
    return to;
  }();
};

constexpr auto policy = [] {
  return chain(5, {{9, "Tanh"}, {7, "Elu", "alpha", 0.5F}, {3}}, true);
};
constexpr auto classifier = [] { return chain(4, {{6, "Sigmoid"}, {3, "Softmax"}}); };
constexpr auto quality = [] { return chain(6, {{16, "Relu"}, {8, "Relu"}, {1}}, true); };
constexpr auto bounded = [] { return chain(6, {{4, "LeakyRelu", "alpha", 0.2F}, {1, "Sigmoid"}}); };

std::vector<float> rows_for(std::size_t count, std::size_t inputs, unsigned seed) {
  std::mt19937 random(seed);
  std::uniform_real_distribution<float> value(-2, 2);
  std::vector<float> rows(count * inputs);
  for (float& x : rows) x = value(random);
  return rows;
}
bool same(float a, float b) {
  return std::bit_cast<std::uint32_t>(a) == std::bit_cast<std::uint32_t>(b);
}

// The type's bits equal those of the network that is known at run time only, in every batch.
template <class Net> void check_against_any(const Net& net, std::span<const char> file) {
  owned_network any;
  REQUIRE(any.load(file).code == status::ok);
  REQUIRE(any->inputs() == Net::inputs);
  REQUIRE(any->outputs() == Net::outputs);
  CHECK(any->parameter_count() == Net::parameter_count);
  for (const std::size_t count : {1, 2, 7, 33, 70}) {
    const std::vector<float> rows = rows_for(count, Net::inputs, 1);
    std::vector<float> a(count * Net::outputs), b(a.size());
    REQUIRE(net.run(rows, a) == status::ok);
    for (const isa which : supported()) {
      REQUIRE(any->run(rows, b, which) == status::ok);
      for (std::size_t i = 0; i < a.size(); ++i) CHECK(same(a[i], b[i]));
      REQUIRE(net.run(rows, b, which) == status::ok);
      for (std::size_t i = 0; i < a.size(); ++i) CHECK(same(a[i], b[i]));
    }
    for (std::size_t r = 0; r < count; ++r) {
      const auto one =
          net.run(std::span(rows).subspan(r * Net::inputs).template first<Net::inputs>());
      for (std::size_t o = 0; o < Net::outputs; ++o) CHECK(same(one[o], a[r * Net::outputs + o]));
    }
  }
}

// Integers behind Casts, one by way of a narrower type; a transposed weight that gains and loses an
// axis; coefficients in a list; even bounds; LogSoftmax by one operator.
constexpr w::model seldom() {
  w::model m;
  m.opsets = {{"", 17}, {"ai.onnx.ml", 1}};
  m.g.inputs = {{"x", {"N", 3}}};
  m.g.outputs = {{"y", {"N", 2}}};
  m.g.initializers = {w::integers("c", {3}, w::int64, {255, -2, 1 << 20}),
                      w::integers("i", {3, 4}, w::int8, {1, -2, 3, 4, 5, -6, 7, 8, -9, 1, 2, 3}),
                      w::floats("t", {4, 4}, w::weights(1, 16)),
                      w::integers("first", {1}, w::int64, {0}),
                      w::floats("low", {1, 4}, {-0.5F, -0.5F, -0.5F, -0.5F})};
  const auto to = [](std::int64_t type) { return w::int_attribute("to", type); };
  m.g.nodes = {{"Cast", {"c"}, {"c32"}, {to(6)}},
               {"Cast", {"c32"}, {"scale"}, {to(1)}},
               {"Div", {"x", "scale"}, {"scaled"}},
               {"Cast", {"i"}, {"w0"}, {to(1)}},
               {"MatMul", {"scaled", "w0"}, {"h0"}},
               {"Transpose", {"t"}, {"turned"}},
               {"Unsqueeze", {"turned", "first"}, {"cube"}},
               {"Squeeze", {"cube", "first"}, {"w1"}},
               {"MatMul", {"h0", "w1"}, {"h1"}},
               {"Max", {"low", "h1"}, {"a1"}},
               {"LinearRegressor",
                {"a1"},
                {"h2"},
                {w::floats_attribute("coefficients", w::weights(2, 8), true),
                 w::int_attribute("targets", 2), w::floats_attribute("intercepts", {0.5F, -1})},
                "",
                "ai.onnx.ml"},
               {"ReduceLogSumExp", {"h2"}, {"sum"}, {w::ints_attribute("axes", {-1})}},
               {"Sub", {"h2", "sum"}, {"y"}}};
  return m;
}

template <auto Make, class Expected> void check_embedded() {
  constexpr const auto& file = embedded_file<Make>::bytes;
  constexpr auto net = embed<file>();
  static_assert(std::is_same_v<decltype(net), const Expected>);
  const auto loaded = load<Expected>(std::span<const char>(file));
  REQUIRE(loaded);
  if constexpr (requires { net.view(); }) {
    constexpr std::array<float, Expected::inputs> ones = [] {
      std::array<float, Expected::inputs> x{};
      x.fill(0.75F);
      return x;
    }();
    constexpr auto by_compiler = net.run(ones);
    const auto at_run_time = loaded->run(ones);
    for (std::size_t o = 0; o < Expected::outputs; ++o) CHECK(same(by_compiler[o], at_run_time[o]));
    check_against_any(net, file);
  }
}

} // namespace

TEST_CASE("the compiler deduces the type of a network, and computes with it") {
  check_embedded<policy,
                 mlp<5, layers::affine<>, layers::tanh<9>, layers::elu<7>, layers::linear<3>>>();
  check_embedded<classifier, mlp<4, layers::sigmoid<6>, layers::linear<3>, layers::softmax>>();
  check_embedded<quality, mlp_small>();
  check_embedded<bounded, mlp<6, layers::leaky_relu<4>, layers::sigmoid<1>>>();
  check_embedded<seldom, mlp<3, layers::affine<>, layers::linear<4>, layers::clip<4>,
                             layers::linear<2>, layers::log_softmax>>();
}

// One network of each kind: the compiler takes long over the kernels of each.
TEST_CASE("a shipped network gives the same bits when its shape is known at run time only") {
  const auto check = [](const auto& net, const auto& file) {
    owned_network any;
    REQUIRE(any.load(std::span<const char>(file, sizeof file - 1)).code == status::ok);
    for (const std::size_t count : {1, 3, 16, 45}) {
      std::vector<float> rows = rows_for(count, 6, 2), a(count), b(count);
      REQUIRE(net.score(rows, a) == status::ok);
      for (const isa which : supported()) {
        REQUIRE(any->run(rows, b, which) == status::ok);
        for (std::size_t r = 0; r < count; ++r) CHECK(same(a[r], b[r]));
      }
    }
  };
  check(vmaf::small(), models::mlp_small_onnx);
}

TEST_CASE("int8 models give the same bits when their shape is known at run time only") {
  const auto check = [](const auto& net, const bytes& file) {
    REQUIRE(net);
    owned_network any;
    REQUIRE(any.load(file.span()).code == status::ok);
    CHECK(any->mode() == std::decay_t<decltype(*net)>::mode);
    const std::vector<float> rows = rows_for(50, 6, 3);
    std::vector<float> a(50), b(50);
    REQUIRE(net->score(rows, a) == status::ok);
    for (const isa which : supported()) {
      REQUIRE(any->run(rows, b, which) == status::ok);
      for (std::size_t r = 0; r < 50; ++r) CHECK(same(a[r], b[r]));
    }
  };
  for (const bool per_channel : {false, true}) {
    const bytes dynamic = w::int8_model({6, 16, 8, 1}, per_channel).write();
    check(load<mlp_small_int8>(dynamic.span()), dynamic);
    const bytes fixed = w::static_model({6, 16, 8, 1}, per_channel).write();
    check(load<mlp_small_static_int8>(fixed.span()), fixed);
  }
}

TEST_CASE("a NaN or infinite feature makes every output of its row NaN, and of no other") {
  const bytes file = chain(4, {{6, "Sigmoid"}, {3, "Softmax"}}).write();
  owned_network net;
  REQUIRE(net.load(file.span()).code == status::ok);
  std::vector<float> rows = rows_for(40, 4, 4), out(40 * 3);
  rows[5 * 4 + 2] = std::nanf("");
  rows[17 * 4] = INFINITY;
  for (const isa which : supported()) {
    REQUIRE(net->run(rows, out, which) == status::ok);
    for (std::size_t i = 0; i < out.size(); ++i)
      CHECK(std::isnan(out[i]) == (i / 3 == 5 || i / 3 == 17));
  }
}

TEST_CASE("storage is the caller's, of the size told beforehand, and no byte beyond is touched") {
  const bytes file = chain(5, {{9, "Tanh"}, {3}}).write();
  const auto size = required_storage(file.span());
  REQUIRE(size);
  std::vector<std::byte> memory(*size + 64, std::byte{0xa5});
  const auto net = load_any(file.span(), std::span(memory).subspan(1, *size));
  REQUIRE(net);
  CHECK(memory[0] == std::byte{0xa5});
  for (std::size_t i = 1 + *size; i < memory.size(); ++i) CHECK(memory[i] == std::byte{0xa5});
  std::vector<float> out(3);
  CHECK(net->run(rows_for(1, 5, 5), out) == status::ok);
  CHECK(net->run(rows_for(1, 4, 5), out) == status::size_mismatch);
  CHECK(net->run(rows_for(2, 5, 5), out) == status::size_mismatch);
  CHECK(load_any(file.span(), std::span(memory).first(*size - 64)).error().code ==
        status::short_storage);
  CHECK(any_network().run({}, {}) == status::size_mismatch);
  owned_network kept;
  REQUIRE(kept.load(file.span()).code == status::ok);
  CHECK(kept.load(file.span().first(20)).code != status::ok);
  CHECK(kept->inputs() == 5);
}

TEST_CASE("a type that does not fit the file is an error that names the node") {
  const bytes file = chain(5, {{9, "Tanh"}, {3}}).write();
  using namespace layers;
  CHECK(load<mlp<5, layers::tanh<9>, linear<3>>>(file.span()));
  const auto wrong = load<mlp<5, layers::tanh<8>, linear<3>>>(file.span());
  CHECK(wrong.error().code == status::network_mismatch);
  CHECK(wrong.error().where == "h0");
  CHECK(load<mlp<5, relu<9>, linear<3>>>(file.span()).error().code == status::network_mismatch);
  CHECK(load<mlp<5, layers::tanh<9>>>(file.span()).error().code == status::network_mismatch);
  CHECK(load<quantized_mlp<5, layers::tanh<9>, linear<3>>>(file.span()).error().code ==
        status::precision_mismatch);
  CHECK(load<network<5, 9, 1>>(file.span()).error().code == status::network_mismatch);
}

TEST_CASE("random chains of every activation are near their float64 evaluation") {
  constexpr const char* ops[]{
      "",         "Relu", "LeakyRelu", "Elu",         "Selu", "Celu",      "Sigmoid",        "Tanh",
      "Softplus", "Mish", "Softsign",  "HardSigmoid", "Gelu", "HardSwish", "ThresholdedRelu"};
  std::mt19937 random(6);
  for (int round = 0; round < 60; ++round) {
    std::vector<layer> layers;
    const std::size_t count = 1 + random() % 4;
    for (std::size_t l = 0; l < count; ++l)
      layers.push_back(
          {static_cast<std::int64_t>(1 + random() % 40), ops[random() % std::size(ops)]});
    const auto inputs = static_cast<std::int64_t>(1 + random() % 20);
    const bytes file = chain(inputs, layers, random() % 2 == 0).write();
    CAPTURE(round);
    onnx::plan plan;
    REQUIRE(onnx::parse_into(plan, file.span()).code == status::ok);
    owned_network net;
    REQUIRE(net.load(file.span()).code == status::ok);
    const std::vector<float> rows = rows_for(20, net->inputs(), 7);
    std::vector<float> out(20 * net->outputs());
    REQUIRE(net->run(rows, out) == status::ok);
    for (std::size_t r = 0; r < 20; ++r) {
      const plan_float64::row exact = plan_float64::score(
          plan, {rows.begin() + static_cast<std::ptrdiff_t>(r * net->inputs()),
                 rows.begin() + static_cast<std::ptrdiff_t>((r + 1) * net->inputs())});
      double largest = 1;
      for (const double y : exact) largest = std::max(largest, std::abs(y));
      for (std::size_t o = 0; o < exact.size(); ++o)
        CHECK(std::abs(double{out[r * exact.size() + o]} - exact[o]) <= 2e-5 * largest);
    }
  }
}

// The shape that the file gives a weight is not the one that MatMul sees.
TEST_CASE("a weight is read in the shape that Reshape gives it") {
  constexpr std::size_t in = 3, out = 18;
  for (const std::vector<std::int64_t>& dims :
       {std::vector<std::int64_t>{54}, {1, 54}, {54, 1}, {18, 3}, {3, 3, 6}, {9, 6}}) {
    CAPTURE(dims.size());
    CAPTURE(dims[0]);
    w::model m;
    m.g.inputs = {{"x", {"N", in}}};
    m.g.outputs = {{"y", {"N", out}}};
    m.g.initializers = {w::floats("w", dims, w::weights(1, in * out)),
                        w::integers("s", {2}, w::int64, {in, -1})};
    m.g.nodes = {{"Reshape", {"w", "s"}, {"matrix"}}, {"MatMul", {"x", "matrix"}, {"y"}}};
    const bytes file = m.write();
    const std::vector<char> exact(file.view().begin(),
                                  file.view().end()); // a sanitizer sees its end
    owned_network net;
    REQUIRE(net.load(exact).code == status::ok);
    const std::array<float, in> row{1, 2, 4};
    std::array<float, out> y{};
    REQUIRE(net->run(row, y) == status::ok);
    for (std::size_t o = 0; o < out; ++o) {
      float expected = 0; // of multiples of 1/64: exact
      for (std::size_t i = 0; i < in; ++i) expected += row[i] * w::weight(1, i * out + o);
      CHECK(y[o] == expected);
    }
  }
}
