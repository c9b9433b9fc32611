#include "written_networks.hpp"

#include <cmath>
#include <cstdio>
#include <exception>
#include <filesystem>
#include <random>
#include <string>
#include <utility>

#include "../../tests/onnx_writer.hpp"

namespace tinymlp::bench {

namespace {

namespace w = onnx_writer;

// A chain of operators, each on what the one before gave.
class chain {
public:
  explicit chain(std::size_t inputs) : width_(inputs) {
    model_.opsets = {w::opset{"", 20}};
    model_.g.inputs = {{"x", {"N", static_cast<std::int64_t>(inputs)}}};
  }

  void add(const char* op, std::vector<w::bytes> constants = {},
           std::vector<w::attribute> attributes = {}) {
    std::vector<w::bytes> operands{value_};
    operands.insert(operands.end(), constants.begin(), constants.end());
    value_ = next_name();
    model_.g.nodes.push_back({op, std::move(operands), {value_}, std::move(attributes)});
  }
  // Constants: one a value, or one for all.
  w::bytes constant(float low, float high, std::size_t count) {
    std::uniform_real_distribution<float> values(low, high);
    std::vector<float> floats(count);
    for (float& each : floats) each = values(random_);
    const w::bytes name = next_name();
    model_.g.initializers.push_back(
        w::floats(name, {static_cast<std::int64_t>(count)}, std::move(floats)));
    return name;
  }
  void add_dense(std::size_t outputs) {
    const float most = std::sqrt(6.0F / static_cast<float>(width_));
    const w::bytes weight = constant(-most, most, width_ * outputs);
    model_.g.initializers.back().dims = {static_cast<std::int64_t>(outputs),
                                         static_cast<std::int64_t>(width_)};
    width_ = outputs;
    add("Gemm", {weight, constant(-0.1F, 0.1F, outputs)}, {w::int_attribute("transB", 1)});
  }
  // x * f(x), of a chain that gives f(x) of the value `from`.
  void multiply_by(const w::bytes& from) { add("Mul", {from}); }
  w::bytes value() const { return value_; }
  std::size_t width() const { return width_; }

  std::unique_ptr<network_file> take(const std::string& name) {
    add("Identity");
    model_.g.outputs = {{value_, {"N", static_cast<std::int64_t>(width_)}}};
    const w::bytes bytes = model_.write();
    return std::make_unique<network_file>(
        name, std::vector<char>(bytes.data(), bytes.data() + bytes.size()), std::filesystem::path(),
        "");
  }

private:
  w::bytes next_name() { return "v" + std::to_string(names_++); }

  w::model model_;
  std::mt19937 random_{1};
  w::bytes value_ = "x";
  std::size_t width_, names_ = 0;
};

struct form {
  const char* name;
  void (*add)(chain& to);
};

// What stands between two dense layers.
constexpr form between[]{
    {"relu", [](chain& c) { c.add("Relu"); }},
    {"leaky_relu", [](chain& c) { c.add("LeakyRelu", {}, {w::float_attribute("alpha", 0.2F)}); }},
    {"prelu", [](chain& c) { c.add("PRelu", {c.constant(0, 1, c.width())}); }},
    {"clip",
     [](chain& c) {
       c.add("Clip", {c.constant(-0.5F, -0.4F, 1), c.constant(0.4F, 0.5F, 1)});
     }},
    {"hard_sigmoid", [](chain& c) { c.add("HardSigmoid"); }},
    {"hard_swish", [](chain& c) { c.add("HardSwish"); }},
    {"thresholded_relu",
     [](chain& c) { c.add("ThresholdedRelu", {}, {w::float_attribute("alpha", 0.0F)}); }},
    {"elu", [](chain& c) { c.add("Elu"); }},
    {"selu", [](chain& c) { c.add("Selu"); }},
    {"celu", [](chain& c) { c.add("Celu", {}, {w::float_attribute("alpha", 0.7F)}); }},
    {"sigmoid", [](chain& c) { c.add("Sigmoid"); }},
    {"tanh", [](chain& c) { c.add("Tanh"); }},
    {"softplus", [](chain& c) { c.add("Softplus"); }},
    {"softsign", [](chain& c) { c.add("Softsign"); }},
    {"silu",
     [](chain& c) {
       const w::bytes x = c.value();
       c.add("Sigmoid");
       c.multiply_by(x);
     }},
    {"gelu", [](chain& c) { c.add("Gelu"); }},
    {"gelu_tanh",
     [](chain& c) { c.add("Gelu", {}, {w::string_attribute("approximate", "tanh")}); }},
    {"mish", [](chain& c) { c.add("Mish"); }},
    {"affine",
     [](chain& c) {
       c.add("Relu");
       c.add("Mul", {c.constant(0.5F, 1.5F, c.width())});
       c.add("Add", {c.constant(-1, 1, 1)});
     }},
    {"batch_norm",
     [](chain& c) {
       const std::size_t n = c.width();
       c.add("BatchNormalization", {c.constant(0.5F, 1.5F, n), c.constant(-1, 1, n),
                                    c.constant(-1, 1, n), c.constant(0.5F, 2, n)});
       c.add("Relu");
     }},
    {"layer_norm",
     [](chain& c) {
       const std::size_t n = c.width();
       c.add("LayerNormalization", {c.constant(0.5F, 1.5F, n), c.constant(-1, 1, n)});
     }},
};

// What stands behind the last one.
constexpr form behind[]{
    {"softmax", [](chain& c) { c.add("Softmax"); }},
    {"log_softmax", [](chain& c) { c.add("LogSoftmax"); }},
    {"scaled",
     [](chain& c) {
       c.add("Tanh");
       c.add("Mul", {c.constant(0.5F, 1.5F, c.width())});
     }},
};

// 7 features -> scaler -> 24 -> 24 -> 5: sizes that fill no vector and no block.
chain begun() {
  chain to(7);
  to.add("Sub", {to.constant(-1, 1, 7)});
  to.add("Div", {to.constant(0.5F, 2, 7)});
  to.add_dense(24);
  return to;
}

} // namespace

std::unique_ptr<network_file> dense_network(std::size_t width) {
  chain to(width);
  for (int l = 0; l < 4; ++l) {
    to.add_dense(width);
    to.add("Relu");
  }
  return to.take("dense_" + std::to_string(width));
}

std::vector<std::unique_ptr<network_file>> forms() {
  std::vector<std::unique_ptr<network_file>> to;
  const auto take = [&](chain& from, const std::string& name) {
    try {
      to.push_back(from.take("form_" + name));
    } catch (const std::exception& error) {
      std::fprintf(stderr, "left out: form_%s: %s\n", name.c_str(), error.what());
    }
  };
  for (const form& each : between) {
    chain c = begun();
    each.add(c);
    c.add_dense(24);
    each.add(c);
    c.add_dense(5);
    take(c, each.name);
  }
  for (const form& each : behind) {
    chain c = begun();
    c.add("Relu");
    c.add_dense(5);
    each.add(c);
    take(c, each.name);
  }
  return to;
}

} // namespace tinymlp::bench
