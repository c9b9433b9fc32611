// Networks at random, over the forms that onnx/README.md accepts: which one is a matter of the
// bytes that it is made from, so that a fuzzer chooses. Works in constant expressions. Every graph
// made with ordinary weights must be read; one with weights of any bits may be refused for them.
#pragma once

#include "onnx_writer.hpp"

#include <bit>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>
#include <utility>
#include <vector>

namespace random_graph {

using namespace onnx_writer;

// Choices out of bytes: zeros once they are used up, so that every graph ends.
class choices {
public:
  constexpr explicit choices(std::span<const std::uint8_t> bytes) : bytes_(bytes) {}

  constexpr bool any_left() const { return at_ < bytes_.size(); }
  constexpr std::uint32_t byte() { return any_left() ? bytes_[at_++] : 0; }
  constexpr std::uint32_t below(std::uint32_t n) { return n > 1 ? byte() % n : 0; }
  constexpr bool flip() { return below(2) != 0; }
  constexpr bool rarely() { return below(6) == 5; }
  constexpr std::uint32_t word() {
    const std::uint32_t low = byte() | byte() << 8;
    return low | byte() << 16 | byte() << 24;
  }

private:
  std::span<const std::uint8_t> bytes_;
  std::size_t at_ = 0;
};

enum class weights_kind : std::uint8_t {
  ordinary, // within +-2, multiples of 1/64
  any_bits, // any finite floats
};

struct limits {
  std::uint32_t layers = 4, width = 20;
  weights_kind weights = weights_kind::ordinary;
};

// A graph that grows node by node; `value` is the end of the chain, one row of `width` values.
class maker {
public:
  constexpr maker(choices& from, limits within) : from_(from), limits_(within) {
    random_ = from.word();
  }

  constexpr model make() {
    begin();
    const std::uint32_t layers = 1 + from_.below(limits_.layers);
    for (std::uint32_t l = 0; l < layers; ++l) {
      last_ = l + 1 == layers;
      between();
      layer();
      if (from_.rarely()) between();
      if (!last_ || from_.flip()) behind();
    }
    head();
    finish();
    return std::move(m_);
  }
  // int8, and nothing in it but operators that ONNX defines to the last bit.
  constexpr bool is_exact() const { return int8_ != int8_form::none && exact_; }
  constexpr bool is_int8() const { return int8_ != int8_form::none; }
  // What the Constant nodes hold, by the names of their outputs.
  constexpr const std::vector<tensor>& constants() const { return constants_; }

private:
  enum class int8_form : std::uint8_t { none, dynamic, fixed };
  using shape = std::vector<std::int64_t>;

  // ---- numbers

  constexpr std::uint32_t random() {
    random_ = random_ * 1664525U + 1013904223U;
    return random_ >> 8;
  }
  constexpr float small() {
    return static_cast<float>(static_cast<int>(random() % 257) - 128) / 64.0F;
  }
  constexpr float number() {
    if (limits_.weights == weights_kind::ordinary) return small();
    const std::uint32_t bits = from_.any_left() ? from_.word() : random() << 8 | random() % 256;
    return (bits & 0x7f800000U) == 0x7f800000U ? small() : std::bit_cast<float>(bits);
  }
  constexpr std::vector<float> numbers(std::size_t count) {
    std::vector<float> to;
    for (std::size_t i = 0; i < count; ++i) to.push_back(number());
    return to;
  }
  // 0.25 to 2.25: divisors, variances.
  constexpr std::vector<float> positive(std::size_t count) {
    std::vector<float> to;
    for (std::size_t i = 0; i < count; ++i)
      to.push_back(0.25F + static_cast<float>(random() % 65) / 32.0F);
    return to;
  }

  // ---- nodes and constants

  constexpr bytes fresh(const char* name) { return numbered(name, names_++); }
  constexpr bytes node(const char* op, std::vector<bytes> in, std::vector<attribute> with = {}) {
    const bytes to = fresh("v");
    m_.g.nodes.push_back({op, std::move(in), {to}, std::move(with)});
    return to;
  }
  constexpr void on(const char* op, std::vector<bytes> more = {},
                    std::vector<attribute> with = {}) {
    more.insert(more.begin(), value_);
    value_ = node(op, std::move(more), std::move(with));
  }
  // Operands of a commutative operator, in either order.
  constexpr bytes either(const char* op, const bytes& a, const bytes& b) {
    return from_.flip() ? node(op, {b, a}) : node(op, {a, b});
  }

  constexpr bytes constant(tensor t) {
    const bytes name = fresh("c");
    constexpr storage forms[]{storage::raw, storage::raw, storage::packed, storage::unpacked,
                              storage::mixed};
    const bool typed = t.type == float32 || t.type == int64;
    t.form = typed ? forms[from_.below(5)] : storage::raw;
    t.packed_dims = from_.flip();
    if (from_.rarely()) {
      m_.g.nodes.push_back(onnx_writer::constant(name, tensor_attribute("value", t)));
      t.name = name;
      constants_.push_back(t);
    } else {
      t.name = name;
      m_.g.initializers.push_back(t);
    }
    return from_.rarely() ? node("Identity", {name}) : name;
  }
  constexpr bytes constant(shape dims, std::vector<float> values) {
    return constant(floats("", std::move(dims), std::move(values)));
  }
  constexpr bytes scalar(float value) {
    return from_.flip() ? constant(shape{}, {value}) : constant(shape{1}, {value});
  }
  constexpr bytes ints(std::vector<std::int64_t> values) {
    const auto n = static_cast<std::int64_t>(values.size());
    return constant(integers("", {n}, int64, std::move(values)));
  }
  // What is combined with the row value by value: one number, or one a value.
  constexpr bytes operand(std::vector<float> (maker::*make)(std::size_t)) {
    const auto w = static_cast<std::int64_t>(width_);
    if (from_.rarely()) return from_.flip() ? whole_numbers({w}) : whole_numbers({});
    switch (from_.below(rows_ ? 4 : 3)) {
    case 0: return constant(shape{}, (this->*make)(1));
    case 1: return constant(shape{1}, (this->*make)(1));
    case 2: return constant(shape{w}, (this->*make)(width_));
    default: return constant(shape{1, w}, (this->*make)(width_));
    }
  }
  // 1 to 9, behind a Cast.
  constexpr bytes whole_numbers(shape dims) {
    constexpr element types[]{int64, int32, int8, uint8};
    std::size_t count = 1;
    for (const std::int64_t d : dims) count *= static_cast<std::size_t>(d);
    std::vector<std::int64_t> values;
    for (std::size_t i = 0; i < count; ++i)
      values.push_back(1 + static_cast<std::int64_t>(random() % 9));
    const bytes c =
        constant(integers("", std::move(dims), types[from_.below(4)], std::move(values)));
    return node("Cast", {c}, {int_attribute("to", 1)});
  }
  constexpr bytes each(std::vector<float> values) {
    const auto n = static_cast<std::int64_t>(values.size());
    return constant(shape{n}, std::move(values));
  }

  // ---- the graph's ends

  constexpr void begin() {
    opset_ = 7 + from_.below(20);
    const std::uint32_t mode = from_.below(5);
    if (opset_ >= 11 && mode >= 3) int8_ = mode == 3 ? int8_form::dynamic : int8_form::fixed;
    exact_ = from_.flip();
    m_.ir_version = opset_ < 9 && from_.flip() ? 3 : 4 + from_.below(7);
    m_.opsets = {opset{"", opset_}};
    width_ = 1 + from_.below(limits_.width);
    const auto w = static_cast<std::int64_t>(width_);
    value_ = "x";
    m_.g.inputs = {{"x", {"N", w}}};
    switch (from_.below(6)) {
    case 1: m_.g.inputs = {{"x", {1, w}}}; break;
    case 2: // a row alone
      rows_ = int8_ != int8_form::none;
      if (!rows_) m_.g.inputs = {{"x", {w}}};
      break;
    case 3: pictures(); break;
    case 4: joined(); break;
    default: break;
    }
  }
  constexpr void pictures() {
    const std::int64_t h = 1 + from_.below(3), w = 1 + from_.below(4);
    width_ = static_cast<std::size_t>(h * w);
    m_.g.inputs = {{"x", {"N", h, w}}};
    if (from_.flip()) {
      const bool whole = from_.flip();
      on("Sub", {constant(whole ? shape{h, w} : shape{1, h, w}, numbers(width_))});
    }
    switch (from_.below(4)) {
    case 0: on("Flatten"); break;
    case 1: on("Reshape", {ints({0, -1})}); break;
    case 2: on("Reshape", {ints({-1, h * w})}); break;
    default: { // as exporters write x.view(x.size(0), -1)
      const bytes shape_of = node("Shape", {value_});
      bytes n = node("Gather", {shape_of, constant(integers("", {}, int64, {0}))},
                     {int_attribute("axis", 0)});
      n = from_.flip()   ? node("Reshape", {n, ints({-1})})
          : opset_ >= 13 ? node("Unsqueeze", {n, ints({0})})
                         : node("Unsqueeze", {n}, {ints_attribute("axes", {0})});
      on("Reshape", {node("Concat", {n, ints({-1})}, {int_attribute("axis", 0)})});
    }
    }
  }
  constexpr void joined() {
    const std::int64_t a = 1 + from_.below(4), b = 1 + from_.below(5);
    width_ = static_cast<std::size_t>(a + b);
    m_.g.inputs = {{"x", {"N", a}}, {"unused", {"N", 3}}, {"y", {"N", 1, b}}};
    if (from_.flip()) on("Cast", {}, {int_attribute("to", 1)});
    on("Concat", {node("Flatten", {"y"})}, {int_attribute("axis", from_.flip() ? -1 : 1)});
  }
  constexpr void finish() {
    if (from_.rarely()) on("Squeeze");
    m_.g.outputs = {{value_, {}}};
    m_.g.outputs[0].has_shape = false;
    if (m_.ir_version >= 4) return;
    for (const tensor& t : m_.g.initializers) { // until then they are inputs as well
      std::vector<dimension> dims;
      for (const std::int64_t d : t.dims) dims.push_back(d);
      m_.g.inputs.push_back({t.name, dims, t.type});
    }
  }
  constexpr void head() {
    switch (from_.below(8)) {
    case 0:
      if (!is_exact()) softmax();
      break;
    case 1: part(); break;
    case 2: complement(); break;
    default: break;
    }
  }

  // ---- between layers

  constexpr void between() {
    for (std::uint32_t n = from_.below(3); n > 0; --n) {
      if (from_.flip())
        affine();
      else
        nothing();
    }
  }
  constexpr void affine() {
    switch (from_.below(is_exact() ? 6 : 8)) {
    case 0: value_ = either("Add", value_, operand(&maker::numbers)); break;
    case 1: on("Sub", {operand(&maker::numbers)}); break;
    case 2: value_ = node("Sub", {operand(&maker::numbers), value_}); break;
    case 3: value_ = either("Mul", value_, operand(&maker::numbers)); break;
    case 4: on("Div", {operand(&maker::positive)}); break;
    case 5: on("Neg"); break;
    case 6:
      if (rows_)
        on("BatchNormalization",
           {each(numbers(width_)), each(numbers(width_)), each(numbers(width_)),
            each(positive(width_))},
           {float_attribute("epsilon", 1e-3F)});
      break;
    default: {
      const std::size_t n = from_.flip() ? 1 : width_;
      if (m_.opsets.size() == 1) m_.opsets.push_back({"ai.onnx.ml", 1});
      const bytes to = fresh("v");
      m_.g.nodes.push_back({"Scaler",
                            {value_},
                            {to},
                            {floats_attribute("offset", numbers(n), from_.flip()),
                             floats_attribute("scale", numbers(n))},
                            "",
                            "ai.onnx.ml"});
      value_ = to;
    }
    }
  }
  constexpr bytes axes_of(const char* op, const bytes& x, std::int64_t axis) {
    if (opset_ >= 13) return node(op, {x, ints({axis})});
    return node(op, {x}, {ints_attribute("axes", {axis})});
  }
  constexpr void nothing() {
    switch (from_.below(rows_ ? 8 : 3)) {
    case 0: on("Identity"); break;
    case 1:
      if (opset_ < 12)
        on("Dropout", {}, {float_attribute("ratio", 0.5F)});
      else
        on("Dropout");
      break;
    case 2: on("Cast", {}, {int_attribute("to", 1)}); break;
    case 3: on("Flatten"); break;
    case 4: on("Reshape", {ints({0, -1})}); break;
    case 5:
      value_ = axes_of("Unsqueeze", value_, 1);
      value_ = axes_of("Squeeze", value_, opset_ >= 11 ? -2 : 1);
      break;
    case 6: on("Transpose", {}, {ints_attribute("perm", {0, 1})}); break;
    default: on("Concat", {}, {int_attribute("axis", 1)}); break;
    }
  }

  // ---- dense layers

  constexpr void layer() {
    const std::size_t to = last_ && from_.flip() ? 1 : 1 + from_.below(limits_.width);
    if (int8_ != int8_form::none)
      int8_layer(to);
    else if (!rows_)
      row_layer(to);
    else if (from_.flip())
      gemm(to);
    else
      matmul(to);
    width_ = to;
  }
  constexpr bytes matrix(std::size_t rows, std::size_t columns) {
    const auto r = static_cast<std::int64_t>(rows), c = static_cast<std::int64_t>(columns);
    if (from_.rarely()) return whole_numbers({r, c});
    if (from_.rarely()) {
      const bytes turned = node("Transpose", {constant(shape{c, r}, numbers(rows * columns))});
      if (!from_.rarely()) return turned;
      return from_.flip() ? node("Reshape", {turned, ints({r, -1})})
                          : axes_of("Squeeze", axes_of("Unsqueeze", turned, 0), 0);
    }
    if (from_.rarely())
      return node("Reshape", {constant(shape{r * c}, numbers(rows * columns)), ints({r, -1})});
    return constant(shape{r, c}, numbers(rows * columns));
  }
  constexpr void regressor(std::size_t to) {
    if (m_.opsets.size() == 1) m_.opsets.push_back({"ai.onnx.ml", 1});
    std::vector<attribute> with{floats_attribute("coefficients", numbers(width_ * to)),
                                int_attribute("targets", static_cast<std::int64_t>(to))};
    if (from_.flip()) with.push_back(floats_attribute("intercepts", numbers(to)));
    const bytes y = fresh("v");
    m_.g.nodes.push_back({"LinearRegressor", {value_}, {y}, std::move(with), "", "ai.onnx.ml"});
    value_ = y;
  }
  constexpr void gemm(std::size_t to) {
    if (from_.rarely()) return regressor(to);
    std::vector<attribute> with;
    const bool transposed = from_.flip();
    if (transposed) with.push_back(int_attribute("transB", 1));
    if (from_.rarely()) with.push_back(float_attribute("alpha", 0.75F));
    if (from_.rarely()) with.push_back(float_attribute("beta", -1.5F));
    std::vector<bytes> in{transposed ? matrix(to, width_) : matrix(width_, to)};
    const std::size_t before = std::exchange(width_, to);
    if (opset_ < 11 || from_.flip()) in.push_back(operand(&maker::numbers));
    width_ = before;
    on("Gemm", std::move(in), std::move(with));
  }
  constexpr void bias(std::size_t to) {
    width_ = to;
    if (from_.rarely()) return;
    const char* const op = opset_ >= 8 && from_.rarely() ? "Sum" : "Add";
    value_ = either(op, value_, operand(&maker::numbers));
  }
  constexpr void matmul(std::size_t to) {
    on("MatMul", {matrix(width_, to)});
    bias(to);
  }
  constexpr void row_layer(std::size_t to) {
    if (from_.flip())
      on("MatMul", {matrix(width_, to)});
    else
      value_ = node("MatMul", {matrix(to, width_), value_});
    bias(to);
  }
  constexpr void int8_layer(std::size_t to) {
    const auto rows = static_cast<std::int64_t>(width_), columns = static_cast<std::int64_t>(to);
    std::vector<std::int64_t> elements;
    for (std::size_t i = 0; i < width_ * to; ++i)
      elements.push_back(static_cast<std::int64_t>(random() % 255) - 127);
    const bytes w = constant(integers("", {rows, columns}, int8, std::move(elements)));
    const std::size_t scales = from_.flip() ? to : 1;
    std::vector<float> scale = positive(scales);
    for (float& s : scale) s /= 128;
    const shape of_scales = scales == 1 ? shape{} : shape{columns};
    const bytes zero =
        constant(integers("", of_scales, int8, std::vector<std::int64_t>(scales, 0)));
    bytes q, zero_point, of_sum;
    if (int8_ == int8_form::dynamic) {
      const bytes s = fresh("v"), z = fresh("v"), to_q = fresh("v");
      m_.g.nodes.push_back({"DynamicQuantizeLinear", {value_}, {to_q, s, z}});
      q = to_q, zero_point = z;
      of_sum = either("Mul", s, constant(of_scales, std::move(scale)));
    } else {
      const float of_row = (1 + static_cast<float>(from_.below(32))) / 64.0F;
      const bytes s = constant(shape{}, {of_row});
      zero_point = constant(integers("", {}, uint8, {from_.below(256)}));
      q = node("QuantizeLinear", {value_, s, zero_point});
      if (from_.flip()) {
        of_sum = either("Mul", s, constant(of_scales, std::move(scale)));
      } else {
        for (float& each_scale : scale) each_scale *= of_row;
        of_sum = constant(of_scales, std::move(scale));
      }
    }
    const bytes sum = node("MatMulInteger", {q, w, zero_point, zero});
    const bytes real = node("Cast", {sum}, {int_attribute("to", 1)});
    value_ = either("Mul", real, of_sum);
    value_ = either("Add", value_, each(numbers(to)));
  }

  // ---- behind a layer

  constexpr void behind() {
    if (is_exact()) return piecewise_linear();
    switch (from_.below(8)) {
    case 0: norm(); break;
    case 1: piecewise_linear(); break;
    case 2:
    case 3: pattern(); break;
    default: smooth(); break;
    }
  }
  constexpr void piecewise_linear() {
    switch (from_.below(6)) {
    case 0:
      on("LeakyRelu", {}, {float_attribute("alpha", 0.125F * static_cast<float>(from_.below(8)))});
      break;
    case 1:
      on("PRelu",
         {opset_ >= 9 && from_.flip() ? constant(shape{1}, {0.25F}) : each(numbers(width_))});
      break;
    case 2: clip(small(), 2.5F); break;
    case 3:
      if (opset_ < 8) return on("Relu"); // Min and Max broadcast since then
      value_ = either(from_.flip() ? "Max" : "Min", value_,
                      from_.flip() ? scalar(small()) : each(std::vector<float>(width_, small())));
      break;
    default: on("Relu"); break;
    }
  }
  constexpr void clip(float low, float high) {
    if (opset_ < 11)
      on("Clip", {}, {float_attribute("min", low), float_attribute("max", high)});
    else
      on("Clip", {constant(shape{}, {low}), from_.flip() ? constant(shape{}, {high}) : bytes{}});
  }
  constexpr void smooth() {
    const float alpha = 0.25F + 0.25F * static_cast<float>(from_.below(5));
    switch (from_.below(15)) {
    case 0: on("Tanh"); break;
    case 1: on("Sigmoid"); break;
    case 2: on("Softplus"); break;
    case 3: on("Softsign"); break;
    case 4: on("Elu", {}, {float_attribute("alpha", alpha)}); break;
    case 5: on("Selu"); break;
    case 6: on("HardSigmoid", {}, {float_attribute("alpha", 0.25F)}); break;
    case 7:
      opset_ >= 10 ? on("ThresholdedRelu", {}, {float_attribute("alpha", alpha)}) : on("Relu");
      break;
    case 8: opset_ >= 12 ? on("Celu", {}, {float_attribute("alpha", alpha)}) : on("Elu"); break;
    case 9: on(opset_ >= 14 ? "HardSwish" : "Tanh"); break;
    case 10: on(opset_ >= 18 ? "Mish" : "Softplus"); break;
    case 11: on(opset_ >= 20 ? "Gelu" : "Sigmoid"); break;
    case 12:
      opset_ >= 20 ? on("Gelu", {}, {string_attribute("approximate", "tanh")}) : on("Selu");
      break;
    case 13: opset_ >= 24 ? on("Swish", {}, {float_attribute("alpha", alpha)}) : on("Tanh"); break;
    default: on("Relu"); break;
    }
  }

  constexpr bytes times_half(const bytes& x) {
    return from_.flip() ? either("Mul", x, scalar(0.5F)) : node("Div", {x, scalar(2)});
  }
  // x * (1 + t) / 2, in the orders that exporters write
  constexpr bytes gate(const bytes& x, const bytes& t) {
    const bytes one_more = either("Add", t, scalar(1));
    switch (from_.below(3)) {
    case 0: return times_half(either("Mul", x, one_more));
    case 1: return either("Mul", times_half(x), one_more);
    default: return either("Mul", x, either("Mul", one_more, scalar(0.5F)));
    }
  }
  constexpr bytes softplus(const bytes& x) {
    return node("Log", {either("Add", node("Exp", {x}), scalar(1))});
  }
  constexpr bytes logistic_denominator(const bytes& x) {
    return either("Add", node("Exp", {node("Neg", {x})}), scalar(1));
  }
  constexpr bytes logistic(const bytes& x) {
    const bytes sum = logistic_denominator(x);
    return from_.flip() ? node("Reciprocal", {sum}) : node("Div", {scalar(1), sum});
  }
  constexpr void pattern() {
    const bytes x = value_;
    switch (from_.below(13)) {
    case 0: value_ = either("Mul", x, node("Sigmoid", {x})); break;
    case 11: value_ = node("Div", {x, logistic_denominator(x)}); break;
    case 12: value_ = either("Mul", x, logistic(x)); break;
    case 1: value_ = either("Mul", x, node("Sigmoid", {either("Mul", x, scalar(1.702F))})); break;
    case 2: // GELU
      if (opset_ < 9) return on("Softsign");
      value_ = gate(x, node("Erf", {from_.flip() ? node("Div", {x, scalar(1.41421356F)})
                                                 : either("Mul", x, scalar(0.707106781F))}));
      break;
    case 3: {
      const bytes cube =
          from_.flip() ? node("Pow", {x, scalar(3)}) : either("Mul", x, either("Mul", x, x));
      const bytes inner = either("Add", x, either("Mul", cube, scalar(0.044715F)));
      value_ = gate(x, node("Tanh", {either("Mul", inner, scalar(0.797884561F))}));
      break;
    }
    case 4: { // HardSwish
      const bytes sum = either("Add", x, scalar(3));
      const bytes low = opset_ >= 8 && from_.flip() ? node("Min", {node("Relu", {sum}), scalar(6)})
                                                    : (value_ = sum, clip_to_six(), value_);
      value_ = from_.flip() ? either("Mul", x, node("Div", {low, scalar(6)}))
                            : node("Div", {either("Mul", x, low), scalar(6)});
      break;
    }
    case 5:
      value_ = either("Mul", x, node("Tanh", {from_.flip() ? node("Softplus", {x}) : softplus(x)}));
      break;
    case 6: value_ = softplus(x); break;
    case 7: value_ = node("Div", {x, either("Add", node("Abs", {x}), scalar(1))}); break;
    case 8: value_ = logistic(x); break;
    case 9:
      if (opset_ < 8) return on("Relu"); // Max broadcasts since then
      value_ = either("Max", x, either("Mul", x, scalar(0.125F)));
      break;
    default: {
      const bytes slopes = each(numbers(width_)), below = node("Relu", {node("Neg", {x})});
      value_ = from_.flip() ? node("Sub", {node("Relu", {x}), either("Mul", below, slopes)})
                            : either("Add", node("Relu", {x}), either("Mul", below, slopes));
    }
    }
  }
  constexpr void clip_to_six() {
    if (opset_ < 11)
      on("Clip", {}, {float_attribute("min", 0), float_attribute("max", 6)});
    else
      on("Clip", {constant(shape{}, {0}), constant(shape{}, {6})});
  }

  constexpr bytes mean(const bytes& x) {
    if (opset_ >= 18) return node("ReduceMean", {x, ints({-1})}, {int_attribute("keepdims", 1)});
    return node("ReduceMean", {x},
                {ints_attribute("axes", {opset_ >= 11 ? -1
                                         : rows_      ? 1
                                                      : 0}),
                 int_attribute("keepdims", 1)});
  }
  constexpr void norm() {
    if (opset_ >= 17 && from_.flip()) {
      std::vector<bytes> in{each(numbers(width_))};
      if (from_.flip()) in.push_back(each(numbers(width_)));
      return on("LayerNormalization", std::move(in), {float_attribute("epsilon", 1e-3F)});
    }
    const bytes centred = node("Sub", {value_, mean(value_)});
    const bytes squares =
        from_.flip() ? node("Pow", {centred, scalar(2)}) : node("Mul", {centred, centred});
    const bytes stable = either("Add", mean(squares), scalar(1e-3F));
    switch (from_.below(4)) {
    case 0: value_ = node("Div", {centred, node("Sqrt", {stable})}); break;
    case 1: value_ = either("Mul", centred, node("Reciprocal", {node("Sqrt", {stable})})); break;
    case 2:
      value_ = either("Mul", centred, node("Div", {scalar(1), node("Sqrt", {stable})}));
      break;
    default: value_ = either("Mul", centred, node("Pow", {stable, scalar(-0.5F)})); break;
    }
    if (from_.flip()) {
      value_ = either("Mul", value_, each(numbers(width_)));
      value_ = either("Add", value_, each(numbers(width_)));
    }
  }

  // ---- heads

  // Over the row, by the axis, or by none where there is one row.
  constexpr bytes reduced(const char* op, const bytes& x, bool by_axis) {
    const std::int64_t axis = rows_ ? 1 : 0;
    if (!by_axis) return node(op, {x});
    const bool is_operand = opset_ >= (std::string_view(op) == "ReduceSum" ? 13 : 18);
    if (is_operand) return node(op, {x, ints({axis})}, {int_attribute("keepdims", 1)});
    return node(op, {x}, {ints_attribute("axes", {axis}), int_attribute("keepdims", 1)});
  }
  constexpr void softmax() {
    const attribute axis = int_attribute("axis", rows_ ? 1 : 0);
    const bool by_axis = rows_ || from_.flip();
    switch (from_.below(6)) {
    case 0: on("Softmax", {}, {axis}); break;
    case 1:
      on("Softmax", {}, {axis});
      on("Log");
      break;
    case 2: softmax_chain(by_axis); break;
    case 3:
      softmax_chain(by_axis);
      on("Log");
      break;
    case 4: log_softmax(axis, by_axis); break;
    default:
      log_softmax(axis, by_axis);
      on("Exp");
      break;
    }
  }
  // Exp of x or of x - max(x), and its quotient by the sum.
  constexpr void softmax_chain(bool by_axis) {
    const bytes e = node("Exp", {from_.flip() ? shifted(by_axis) : value_});
    const bytes sum = reduced("ReduceSum", e, by_axis);
    value_ = from_.flip() ? node("Div", {e, sum}) : either("Mul", e, node("Reciprocal", {sum}));
  }
  constexpr bytes shifted(bool by_axis) {
    return node("Sub", {value_, reduced("ReduceMax", value_, by_axis)});
  }
  constexpr bytes log_of_sum(const bytes& x, bool by_axis) {
    return node("Log", {reduced("ReduceSum", node("Exp", {x}), by_axis)});
  }
  constexpr void log_softmax(const attribute& axis, bool by_axis) {
    switch (from_.below(4)) {
    case 0: return on("LogSoftmax", {}, {axis});
    case 1: {
      const bytes x = from_.flip() ? shifted(by_axis) : value_;
      value_ = node("Sub", {x, reduced("ReduceLogSumExp", x, by_axis)});
      break;
    }
    case 2: {
      const bytes x = from_.flip() ? shifted(by_axis) : value_;
      value_ = node("Sub", {x, log_of_sum(x, by_axis)});
      break;
    }
    default: {
      const bytes largest = reduced("ReduceMax", value_, by_axis);
      const bytes log = log_of_sum(node("Sub", {value_, largest}), by_axis);
      value_ = node("Sub", {value_, either("Add", log, largest)});
    }
    }
  }
  constexpr void part() {
    if (!rows_ || width_ < 2) return;
    const std::int64_t first = from_.below(static_cast<std::uint32_t>(width_));
    const std::int64_t end =
        first + 1 +
        from_.below(static_cast<std::uint32_t>(width_) - static_cast<std::uint32_t>(first));
    const auto w = static_cast<std::int64_t>(width_);
    switch (from_.below(3)) {
    case 0:
      if (opset_ >= 10)
        on("Slice", {ints({first}), ints({end}), ints({1})});
      else
        on("Slice", {},
           {ints_attribute("axes", {1}), ints_attribute("starts", {first}),
            ints_attribute("ends", {end})});
      break;
    case 1: {
      std::vector<std::int64_t> which;
      for (std::int64_t i = first; i < end; ++i) which.push_back(i);
      on("Gather", {ints(std::move(which))}, {int_attribute("axis", 1)});
      break;
    }
    default: {
      if (first == 0) return;
      const bytes a = fresh("v"), b = fresh("v");
      onnx_writer::node split{"Split", {value_}, {a, b}, {int_attribute("axis", 1)}};
      if (opset_ >= 13)
        split.inputs.push_back(ints({first, w - first}));
      else
        split.attributes.push_back(ints_attribute("split", {first, w - first}));
      m_.g.nodes.push_back(split);
      const bool is_first = from_.flip();
      value_ = is_first ? a : b;
      width_ = static_cast<std::size_t>(is_first ? first : w - first);
      return;
    }
    }
    width_ = static_cast<std::size_t>(end - first);
  }
  constexpr void complement() {
    if (!rows_ || width_ != 1 || is_exact()) return;
    on("Sigmoid");
    const bytes p = value_, other = node("Sub", {scalar(1), p});
    value_ = node("Concat", {other, p}, {int_attribute("axis", 1)});
  }

  choices& from_;
  limits limits_;
  std::uint32_t random_ = 0;
  model m_;
  std::vector<tensor> constants_;
  bytes value_;
  std::size_t width_ = 1, names_ = 0;
  std::int64_t opset_ = 17;
  bool rows_ = true; // the value has an axis of rows
  bool last_ = false, exact_ = false;
  int8_form int8_ = int8_form::none;
};

} // namespace random_graph
