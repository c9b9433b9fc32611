// The graph, read as one chain from its input to its output and reduced to what there is to
// compute: a scaler, then dense layers with Relu between them.
#pragma once

#include <tinymlp/onnx/graph.hpp>

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace tinymlp::onnx {

inline constexpr std::size_t max_layers = 16;

enum class precision : std::uint8_t { fp32, int8 };
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

// y = (x - mean) / scale or (x - mean) * scale, each value one of `inputs` or broadcast.
enum class scale_op : std::uint8_t { none, divide, multiply };
struct scaler {
  scale_op op = scale_op::none;
  tensor mean{}, scale{};
};

// y = x * weight + bias: Gemm, MatMul and Add, or a quantised sequence.
struct dense {
  std::string_view name{};
  std::size_t offset = 0; // of the node
  std::size_t inputs = 0, outputs = 0;
  tensor weight{};           // [inputs, outputs], or [outputs, inputs] when transposed
  bool transposed = false;   // Gemm transB
  float alpha = 1, beta = 1; // Gemm
  bool has_bias = false;
  tensor bias{};         // `outputs` values, or one for all
  tensor weight_scale{}; // dynamic int8: `outputs` values (per channel), or one
  // static int8: q = saturate(round(x / activation_scale) + activation_zero_point), 0 to 255, and
  // what the sum is multiplied by, `outputs` values or one; or the product of two such tensors.
  float activation_scale = 0;
  std::int32_t activation_zero_point = 0;
  tensor sum_scale{}, sum_scale_factor{};
  bool has_sum_scale_factor = false;
};

struct plan {
  precision kind = precision::fp32;
  quant_mode mode = quant_mode::fp32;
  std::int64_t ir_version = 0, opset = 0;
  std::string_view producer_name{}, producer_version{}, graph_name{};
  std::string_view input_name{}, output_name{};
  std::size_t output_rank = 2; // 1: [N], 2: [N, 1]
  std::size_t inputs = 0;      // features per row
  scaler input_scaler{};
  std::size_t layer_count = 0;
  std::array<dense, max_layers> layers{};
};

namespace detail {

class chain_builder {
public:
  constexpr chain_builder(const graph& from, plan& to) noexcept : g_(from), plan_(to) {}

  constexpr error build() noexcept {
    if (const error e = check_operators(); failed(e)) return e;
    if (const error e = begin(); failed(e)) return e;
    while (value_ != g_.output.name) {
      std::size_t next = 0;
      if (const error e = sole_consumer(value_, next); failed(e)) return e;
      if (const error e = apply(next); failed(e)) return e;
    }
    return end();
  }

private:
  using handler = error (chain_builder::*)(const node&) noexcept;

  // One row an operator. `apply` consumes the node, and those that belong to it, at the chain's
  // end; operators that only occur inside another's pattern have `misplaced`.
  struct op_row {
    std::string_view op_type, domain;
    std::int64_t since; // first opset of the default domain that has it in a form accepted here
    std::size_t min_inputs, max_inputs, outputs;
    std::string_view attributes; // accepted names, separated by blanks
    handler apply;
  };

  struct operator_table; // below the class, which must be complete for it

  // How far the chain has come.
  enum class stage : std::uint8_t { input, centred, scaled, dense, activated, exit };

  static constexpr error at(errc code, const node& n) noexcept {
    return {code, n.body.offset, n.label()};
  }
  static constexpr error at(errc code, const node& n, std::string_view what) noexcept {
    return {code, n.body.offset, what};
  }
  static constexpr error at(errc code, const tensor& t) noexcept {
    return {code, t.offset, t.name};
  }

  // ---- every node, whether or not the chain reaches it

  // The operator's row, or that of no operator, which has no name.
  static constexpr const op_row& find_row(const node& n) noexcept;

  constexpr error check_operators() const noexcept {
    for (std::size_t i = 0; i < g_.node_count; ++i) {
      const node& n = g_.nodes[i];
      if (!n.in_default_domain() && (n.domain != "ai.onnx.ml" || g_.ml_opset == 0))
        return at(errc::unsupported_domain, n, n.domain);
      const op_row& row = find_row(n);
      if (row.op_type.empty()) return at(errc::unsupported_operator, n, n.op_type);
      if (g_.opset < row.since) return at(errc::operator_needs_newer_opset, n);
      if (n.input_count < row.min_inputs || n.input_count > row.max_inputs ||
          n.output_count != row.outputs)
        return at(errc::wrong_arity, n);
      if (const error e = check_attributes(n, row.attributes); failed(e)) return e;
    }
    return {};
  }

  static constexpr bool lists(std::string_view names, std::string_view wanted) noexcept {
    while (!names.empty()) {
      const std::size_t end = names.find(' ');
      if (names.substr(0, end) == wanted) return true;
      names = end == std::string_view::npos ? std::string_view{} : names.substr(end + 1);
    }
    return false;
  }

  // The first operator set whose operator has the attribute, where it came after the operator.
  static constexpr std::int64_t first_opset_of(std::string_view op_type,
                                               std::string_view wanted) noexcept {
    if (op_type == "Reshape" && wanted == "allowzero") return 14;
    if (op_type == "Cast" && wanted == "saturate") return 19;
    if (op_type == "QuantizeLinear")
      return wanted == "axis" ? 13 : wanted == "saturate" ? 19 : wanted == "precision" ? 23 : 21;
    return 0;
  }

  constexpr error check_attributes(const node& n, std::string_view accepted) const noexcept {
    for (cursor c(n.body); !c.done();) {
      field f;
      if (const errc e = c.next(f); e != errc::ok) return {e, c.offset(), n.label()};
      if (f.number != node_attribute) continue;
      attribute a;
      if (const error e = parse_attribute(f.payload, a); failed(e)) return naming(e, n.label());
      if (!lists(accepted, a.name) || g_.opset < first_opset_of(n.op_type, a.name))
        return {errc::unsupported_attribute, a.offset, a.name};
      attribute other;
      if (find_attribute(n, a.name, other) && other.offset != a.offset)
        return {errc::bad_attribute, a.offset, a.name};
    }
    return {};
  }

  // The last attribute of that name; the node's attributes have been checked.
  static constexpr bool find_attribute(const node& n, std::string_view wanted,
                                       attribute& out) noexcept {
    bool found = false;
    for (cursor c(n.body); !c.done();) {
      field f;
      attribute a;
      if (c.next(f) != errc::ok) return found;
      if (f.number != node_attribute || failed(parse_attribute(f.payload, a))) continue;
      if (a.name == wanted) out = a, found = true;
    }
    return found;
  }

  static constexpr error read_int(const node& n, std::string_view wanted,
                                  std::int64_t& value) noexcept {
    attribute a;
    if (!find_attribute(n, wanted, a)) return {};
    if (a.type != attribute_type::int64) return {errc::bad_attribute, a.offset, a.name};
    value = a.i;
    return {};
  }

  static constexpr error read_float(const node& n, std::string_view wanted, float& value) noexcept {
    attribute a;
    if (!find_attribute(n, wanted, a)) return {};
    if (a.type != attribute_type::float32 || !is_finite(a.f))
      return {errc::bad_attribute, a.offset, a.name};
    value = a.f;
    return {};
  }

  // ---- edges

  // The one node that uses the value, exactly once.
  constexpr error sole_consumer(std::string_view value, std::size_t& out) const noexcept {
    std::size_t uses = value == g_.output.name ? 1 : 0;
    for (std::size_t i = 0; i < g_.node_count; ++i)
      for (std::size_t k = 0; k < g_.nodes[i].input_count; ++k)
        if (g_.nodes[i].inputs[k] == value) {
          out = i;
          if (++uses > 1) return at(errc::branch, g_.nodes[i], value);
        }
    if (uses == 0) return {errc::disconnected_node, g_.offset, value};
    return {};
  }

  // The sole consumer of the value, seen through Identity nodes, which must be such an operator.
  // `value` becomes the name that it reads.
  constexpr error follow(std::string_view& value, std::string_view op_type, errc otherwise,
                         std::size_t& out) noexcept {
    for (;;) {
      out = g_.node_count;
      if (const error e = sole_consumer(value, out); failed(e)) return e;
      if (out == g_.node_count) return {otherwise, g_.output.offset, value};
      const node& n = g_.nodes[out];
      visited_[out] = true;
      if (n.op_type == op_type && n.in_default_domain()) return {};
      if (n.op_type != "Identity") return at(otherwise, n);
      value = n.outputs[0];
    }
  }

  // The value itself, of which Identity nodes may have made this one.
  constexpr std::string_view origin(std::string_view value) const noexcept {
    for (;;) {
      const std::size_t i = g_.producer_of(value);
      if (i == g_.node_count || g_.nodes[i].op_type != "Identity") return value;
      value = g_.nodes[i].inputs[0];
    }
  }

  // The constant of that name, seen through Identity nodes.
  constexpr error constant(const node& user, std::string_view value, element type,
                           tensor& out) noexcept {
    for (std::size_t hops = 0; hops <= g_.node_count; ++hops) {
      if (const std::size_t t = g_.index_of_tensor(value); t != g_.tensor_count) {
        if (g_.tensors[t].type != type) return at(errc::wrong_element_type, g_.tensors[t]);
        out = g_.tensors[t];
        return {};
      }
      const std::size_t i = g_.producer_of(value);
      if (i == g_.node_count || g_.nodes[i].op_type != "Identity") break;
      visited_[i] = true;
      value = g_.nodes[i].inputs[0];
    }
    return at(errc::not_constant, user, value.empty() ? user.label() : value);
  }

  constexpr error float_constant(const node& user, std::string_view value, tensor& out) noexcept {
    if (const error e = constant(user, value, element::float32, out); failed(e)) return e;
    return check_finite(out, errc::non_finite_weight);
  }

  static constexpr error check_finite(const tensor& t, errc otherwise) noexcept {
    float value = 0;
    for (element_reader reader(t); reader.next(value);)
      if (!is_finite(value)) return {otherwise, reader.offset(), t.name};
    return {};
  }

  // May the tensor be broadcast over rows of `width` values: [width], [1, width], [1], [] ...
  static constexpr bool broadcasts(const tensor& t, std::size_t width) noexcept {
    if (t.rank > 2 || (t.count != 1 && t.count != width)) return false;
    return t.count == 1 || t.dims[t.rank - 1] == width;
  }

  // ---- the ends of the chain

  constexpr error begin() noexcept {
    const value_info& in = g_.input;
    if (in.element_type != static_cast<std::uint64_t>(element::float32))
      return {errc::wrong_element_type, in.offset, in.name};
    if (!in.has_shape || in.rank != 2) return {errc::shape_mismatch, in.offset, in.name};
    if (in.dims[1] < 0 || in.dims[1] > 65536) return {errc::bad_dimension, in.offset, in.name};
    plan_.inputs = width_ = static_cast<std::size_t>(in.dims[1]);
    rows_ = in.dims[0];
    value_ = in.name;
    return {};
  }

  constexpr error end() noexcept {
    const value_info& out = g_.output;
    for (std::size_t i = 0; i < g_.node_count; ++i)
      for (std::size_t k = 0; k < g_.nodes[i].input_count; ++k)
        if (g_.nodes[i].inputs[k] == out.name) return at(errc::branch, g_.nodes[i], out.name);
    if (stage_ == stage::activated) return {errc::relu_at_output, out.offset, out.name};
    if (plan_.layer_count == 0) return {errc::no_layers, out.offset, out.name};
    if (width_ != 1) return {errc::shape_mismatch, out.offset, out.name};
    if (out.element_type != static_cast<std::uint64_t>(element::float32))
      return {errc::wrong_element_type, out.offset, out.name};
    if (out.has_shape && (out.rank != rank_ || !dimension_agrees(out.dims[0], rows_) ||
                          (rank_ == 2 && !dimension_agrees(out.dims[1], 1))))
      return {errc::shape_mismatch, out.offset, out.name};
    for (std::size_t i = 0; i < g_.node_count; ++i)
      if (!visited_[i]) return at(errc::disconnected_node, g_.nodes[i]);
    plan_.output_rank = rank_;
    return {};
  }

  static constexpr bool dimension_agrees(std::int64_t declared, std::int64_t known) noexcept {
    return declared < 0 || known < 0 || declared == known;
  }

  constexpr error apply(std::size_t i) noexcept {
    const node& n = g_.nodes[i];
    if (visited_[i]) return at(errc::not_sorted, n);
    visited_[i] = true;
    if (const error e = (this->*find_row(n).apply)(n); failed(e)) return e;
    return {};
  }

  constexpr void advance(const node& n, stage to) noexcept {
    value_ = n.outputs[0];
    stage_ = to;
  }

  // ---- operators

  constexpr error misplaced(const node& n) noexcept { return at(errc::unexpected_operator, n); }

  constexpr error apply_identity(const node& n) noexcept {
    value_ = n.outputs[0];
    return {};
  }

  constexpr error apply_sub(const node& n) noexcept {
    if (stage_ != stage::input) return at(errc::bad_scaler, n);
    if (n.inputs[0] != value_) return at(errc::bad_scaler, n); // mean - x
    tensor& mean = plan_.input_scaler.mean;
    if (const error e = float_constant(n, n.inputs[1], mean); failed(e)) return e;
    if (!broadcasts(mean, width_)) return at(errc::shape_mismatch, mean);
    advance(n, stage::centred);
    return {};
  }

  constexpr error apply_div(const node& n) noexcept {
    if (stage_ != stage::centred || n.inputs[0] != value_) return at(errc::bad_scaler, n);
    return take_scale(n, n.inputs[1], scale_op::divide);
  }

  constexpr error apply_mul(const node& n) noexcept {
    if (stage_ != stage::centred) return at(errc::bad_scaler, n);
    return take_scale(n, n.inputs[n.inputs[0] == value_ ? 1 : 0], scale_op::multiply);
  }

  constexpr error take_scale(const node& n, std::string_view value, scale_op op) noexcept {
    scaler& s = plan_.input_scaler;
    if (const error e = constant(n, value, element::float32, s.scale); failed(e)) return e;
    if (!broadcasts(s.scale, width_)) return at(errc::shape_mismatch, s.scale);
    if (const error e = check_scale(s.scale, op); failed(e)) return e;
    s.op = op;
    advance(n, stage::scaled);
    return {};
  }

  static constexpr error check_scale(const tensor& t, scale_op op) noexcept {
    if (const error e = check_finite(t, errc::non_finite_std); failed(e)) return e;
    float value = 0;
    for (element_reader reader(t); op == scale_op::divide && reader.next(value);)
      if (value == 0) return {errc::zero_std, reader.offset(), t.name};
    return {};
  }

  // ai.onnx.ml Scaler-1: (x - offset) * scale, each one value or one a feature.
  constexpr error apply_scaler(const node& n) noexcept {
    if (stage_ != stage::input) return at(errc::bad_scaler, n);
    scaler& s = plan_.input_scaler;
    if (const error e = take_floats(n, "offset", s.mean); failed(e)) return e;
    if (const error e = take_floats(n, "scale", s.scale); failed(e)) return e;
    if (const error e = check_finite(s.mean, errc::non_finite_weight); failed(e)) return e;
    if (const error e = check_scale(s.scale, scale_op::multiply); failed(e)) return e;
    s.op = scale_op::multiply;
    advance(n, stage::scaled);
    return {};
  }

  constexpr error take_floats(const node& n, std::string_view wanted, tensor& out) const noexcept {
    attribute a;
    if (!find_attribute(n, wanted, a)) return at(errc::missing_data, n, wanted);
    if (a.type != attribute_type::floats) return {errc::bad_attribute, a.offset, a.name};
    if (const error e = tensor_of(a, out); failed(e)) return e;
    return broadcasts(out, width_) ? error{} : at(errc::shape_mismatch, out);
  }

  // A new layer at the chain's end, if one may follow here.
  constexpr error open_layer(const node& n, quant_mode mode, dense*& out) noexcept {
    if (stage_ == stage::centred) return at(errc::bad_scaler, n);
    if (stage_ == stage::dense) return at(errc::missing_relu, n);
    if (stage_ == stage::exit) return at(errc::unexpected_operator, n);
    if (plan_.layer_count == max_layers) return at(errc::too_many_layers, n);
    if (plan_.layer_count != 0 && plan_.mode != mode) return at(errc::mixed_precision, n);
    plan_.mode = mode;
    plan_.kind = precision_of(mode);
    out = &plan_.layers[plan_.layer_count++];
    out->name = n.label();
    out->offset = n.body.offset;
    out->inputs = width_;
    return {};
  }

  constexpr error close_layer(const node& n, const dense& layer) noexcept {
    width_ = layer.outputs;
    advance(n, stage::dense);
    return {};
  }

  constexpr error take_weight(const node& n, std::string_view value, element type,
                              dense& layer) noexcept {
    tensor& w = layer.weight;
    const error e =
        type == element::float32 ? float_constant(n, value, w) : constant(n, value, type, w);
    if (failed(e)) return e;
    if (w.rank != 2) return at(errc::shape_mismatch, w);
    const std::uint64_t in = w.dims[layer.transposed ? 1 : 0];
    const std::uint64_t out = w.dims[layer.transposed ? 0 : 1];
    if (in != width_) return at(errc::shape_mismatch, w);
    if (out > 65536) return at(errc::dimension_overflow, w);
    layer.outputs = static_cast<std::size_t>(out);
    return {};
  }

  constexpr error take_bias(const node& n, std::string_view value, dense& layer) noexcept {
    if (const error e = float_constant(n, value, layer.bias); failed(e)) return e;
    if (!broadcasts(layer.bias, layer.outputs)) return at(errc::shape_mismatch, layer.bias);
    layer.has_bias = true;
    return {};
  }

  // Gemm (7, 9, 11, 13): alpha * x * B' + beta * C; C may be omitted from 11 on.
  constexpr error apply_gemm(const node& n) noexcept {
    dense* layer = nullptr;
    if (const error e = open_layer(n, quant_mode::fp32, layer); failed(e)) return e;
    if (n.inputs[0] != value_) return at(errc::not_constant, n, value_);
    std::int64_t trans_a = 0, trans_b = 0;
    if (const error e = read_int(n, "transA", trans_a); failed(e)) return e;
    if (const error e = read_int(n, "transB", trans_b); failed(e)) return e;
    if (const error e = read_float(n, "alpha", layer->alpha); failed(e)) return e;
    if (const error e = read_float(n, "beta", layer->beta); failed(e)) return e;
    if (trans_a != 0) return at(errc::bad_attribute, n, "transA");
    if (trans_b != 0 && trans_b != 1) return at(errc::bad_attribute, n, "transB");
    layer->transposed = trans_b == 1;
    if (const error e = take_weight(n, n.inputs[1], element::float32, *layer); failed(e)) return e;
    if (n.input_count == 2 && g_.opset < 11) return at(errc::operator_needs_newer_opset, n);
    if (n.input_count == 3)
      if (const error e = take_bias(n, n.inputs[2], *layer); failed(e)) return e;
    return close_layer(n, *layer);
  }

  // The Add of a layer's bias, its operands in either order.
  constexpr error add_bias(std::string_view sum, dense& layer) noexcept {
    std::size_t i = 0;
    if (const error e = follow(sum, "Add", errc::missing_bias, i); failed(e)) return e;
    const node& n = g_.nodes[i];
    if (const error e = take_bias(n, n.inputs[n.inputs[0] == sum ? 1 : 0], layer); failed(e))
      return e;
    return close_layer(n, layer);
  }

  constexpr error apply_matmul(const node& n) noexcept {
    dense* layer = nullptr;
    if (const error e = open_layer(n, quant_mode::fp32, layer); failed(e)) return e;
    if (n.inputs[0] != value_) return at(errc::not_constant, n, value_);
    if (const error e = take_weight(n, n.inputs[1], element::float32, *layer); failed(e)) return e;
    return add_bias(n.outputs[0], *layer);
  }

  // One layer as ONNX Runtime's dynamic quantiser writes it: DynamicQuantizeLinear-11,
  // MatMulInteger-10, Cast to float32, Mul by (activation scale * weight scale), Add of the bias.
  constexpr error apply_quantized(const node& n) noexcept {
    dense* layer = nullptr;
    if (const error e = open_layer(n, quant_mode::dynamic_int8, layer); failed(e)) return e;
    std::string_view quantized = n.outputs[0], scale = n.outputs[1], zero_point = n.outputs[2];
    std::size_t matmul = 0, scales = 0, product = 0;
    constexpr errc otherwise = errc::unexpected_operator;
    if (const error e = follow(quantized, "MatMulInteger", otherwise, matmul); failed(e)) return e;
    if (const error e = check_computed_zero_point(g_.nodes[matmul], zero_point); failed(e))
      return e;
    if (const error e = check_matmul_integer(g_.nodes[matmul], quantized, *layer); failed(e))
      return e;
    if (const error e = follow(scale, "Mul", otherwise, scales); failed(e)) return e;
    const node& both = g_.nodes[scales];
    if (const error e = take_scales(both, both.inputs[both.inputs[0] == scale ? 1 : 0], *layer,
                                    layer->weight_scale);
        failed(e))
      return e;

    std::string_view sum_as_float{};
    if (const error e = follow_sum(g_.nodes[matmul], sum_as_float, product); failed(e)) return e;
    const node& mul = g_.nodes[product];
    std::string_view both_scales = both.outputs[0];
    if (origin(mul.inputs[mul.inputs[0] == sum_as_float ? 1 : 0]) != both_scales)
      return at(otherwise, mul);
    if (const error e = follow(both_scales, "Mul", otherwise, product); failed(e)) return e;
    return add_bias(mul.outputs[0], *layer);
  }

  // One layer with a fixed activation scale: QuantizeLinear (10, 13, 19, 21, 23) of the whole
  // tensor to uint8, MatMulInteger-10, Cast to float32, Mul by (activation scale * weight scale),
  // which is a constant or itself a Mul of two, Add of the bias.
  constexpr error apply_quantize_linear(const node& n) noexcept {
    dense* layer = nullptr;
    if (const error e = open_layer(n, quant_mode::static_int8, layer); failed(e)) return e;
    if (n.inputs[0] != value_) return at(errc::not_constant, n, value_);
    if (const error e = check_quantize_attributes(n); failed(e)) return e;
    if (const error e = take_activation_scale(n, *layer); failed(e)) return e;
    if (n.input_count == 3)
      if (const error e = read_zero_point(n, n.inputs[2], layer->activation_zero_point); failed(e))
        return e;
    std::string_view quantized = n.outputs[0], sum_as_float{};
    std::size_t matmul = 0, product = 0;
    if (const error e = follow(quantized, "MatMulInteger", errc::unexpected_operator, matmul);
        failed(e))
      return e;
    if (const error e = check_matmul_integer(g_.nodes[matmul], quantized, *layer); failed(e))
      return e;
    if (const error e = check_constant_zero_point(g_.nodes[matmul], *layer); failed(e)) return e;
    if (const error e = follow_sum(g_.nodes[matmul], sum_as_float, product); failed(e)) return e;
    if (const error e = take_sum_scale(g_.nodes[product], sum_as_float, *layer); failed(e))
      return e;
    return add_bias(g_.nodes[product].outputs[0], *layer);
  }

  // Attributes of other forms than one scale for the whole tensor and uint8: their defaults only.
  // The axis means nothing here, but must be one of the tensor's two.
  constexpr error check_quantize_attributes(const node& n) const noexcept {
    std::int64_t axis = 1, saturate = 1, block_size = 0, output_dtype = 0, scale_type = 0;
    if (const error e = read_int(n, "axis", axis); failed(e)) return e;
    if (const error e = read_int(n, "saturate", saturate); failed(e)) return e;
    if (const error e = read_int(n, "block_size", block_size); failed(e)) return e;
    if (const error e = read_int(n, "output_dtype", output_dtype); failed(e)) return e;
    if (const error e = read_int(n, "precision", scale_type); failed(e)) return e;
    if (axis < -2 || axis > 1) return at(errc::bad_attribute, n, "axis");
    if (saturate != 1) return at(errc::bad_attribute, n, "saturate");
    if (block_size != 0) return at(errc::bad_attribute, n, "block_size");
    if (output_dtype != 0 && output_dtype != static_cast<std::int64_t>(element::uint8))
      return at(errc::bad_attribute, n, "output_dtype");
    if (scale_type != 0 && scale_type != static_cast<std::int64_t>(element::float32))
      return at(errc::bad_attribute, n, "precision");
    return {};
  }

  constexpr error single_constant(const node& user, std::string_view value, element type,
                                  tensor& out) noexcept {
    if (const error e = constant(user, value, type, out); failed(e)) return e;
    return out.count == 1 && out.rank <= 1 ? error{} : at(errc::shape_mismatch, out);
  }

  constexpr error take_activation_scale(const node& n, dense& layer) noexcept {
    tensor t;
    if (const error e = single_constant(n, n.inputs[1], element::float32, t); failed(e)) return e;
    if (const error e = check_scales(t); failed(e)) return e;
    element_reader(t).next(layer.activation_scale);
    return {};
  }

  constexpr error read_zero_point(const node& user, std::string_view value,
                                  std::int32_t& out) noexcept {
    tensor t;
    std::int64_t zero = 0;
    if (const error e = single_constant(user, value, element::uint8, t); failed(e)) return e;
    element_reader(t).next(zero);
    out = static_cast<std::int32_t>(zero);
    return {};
  }

  // MatMulInteger -> Cast to float32 -> Mul: its name for the sum, and the Mul.
  constexpr error follow_sum(const node& matmul, std::string_view& sum_as_float,
                             std::size_t& product) noexcept {
    std::size_t cast = 0;
    constexpr errc otherwise = errc::unexpected_operator;
    std::string_view sum = matmul.outputs[0];
    if (const error e = follow(sum, "Cast", otherwise, cast); failed(e)) return e;
    if (const error e = check_cast(g_.nodes[cast]); failed(e)) return e;
    sum_as_float = g_.nodes[cast].outputs[0];
    return follow(sum_as_float, "Mul", otherwise, product);
  }

  constexpr error check_cast(const node& n) const noexcept {
    std::int64_t to = 0;
    if (const error e = read_int(n, "to", to); failed(e)) return e;
    if (to != static_cast<std::int64_t>(element::float32)) return at(errc::bad_attribute, n, "to");
    return {};
  }

  constexpr error check_computed_zero_point(const node& n, std::string_view zero_point) noexcept {
    if (n.input_count < 3 || origin(n.inputs[2]) != zero_point)
      return at(errc::bad_zero_point, n); // without it, activations would not be centred
    std::size_t user = 0;
    return follow(zero_point, "MatMulInteger", errc::unexpected_operator, user);
  }

  // Left out, it is 0.
  constexpr error check_constant_zero_point(const node& n, const dense& layer) noexcept {
    std::int32_t zero = 0;
    if (n.input_count >= 3 && !n.inputs[2].empty())
      if (const error e = read_zero_point(n, n.inputs[2], zero); failed(e)) return e;
    return zero == layer.activation_zero_point ? error{} : at(errc::bad_zero_point, n);
  }

  // The weight and its zero point.
  constexpr error check_matmul_integer(const node& n, std::string_view quantized,
                                       dense& layer) noexcept {
    if (n.inputs[0] != quantized) return at(errc::unexpected_operator, n);
    if (const error e = take_weight(n, n.inputs[1], element::int8, layer); failed(e)) return e;
    if (n.input_count < 4) return {};
    tensor zero;
    if (const error e = constant(n, n.inputs[3], element::int8, zero); failed(e)) return e;
    if (!broadcasts(zero, layer.outputs)) return at(errc::shape_mismatch, zero);
    std::int64_t value = 0;
    for (element_reader reader(zero); reader.next(value);)
      if (value != 0) return {errc::bad_zero_point, reader.offset(), zero.name};
    return {};
  }

  static constexpr error check_scales(const tensor& t) noexcept {
    float s = 0;
    for (element_reader reader(t); reader.next(s);)
      if (!is_finite(s) || !(s > 0)) return {errc::bad_scale, reader.offset(), t.name};
    return {};
  }

  constexpr error take_scales(const node& user, std::string_view value, const dense& layer,
                              tensor& to) noexcept {
    if (const error e = constant(user, value, element::float32, to); failed(e)) return e;
    if (!broadcasts(to, layer.outputs)) return at(errc::shape_mismatch, to);
    return check_scales(to);
  }

  constexpr error take_sum_scale(const node& mul, std::string_view sum_as_float,
                                 dense& layer) noexcept {
    const std::string_view value = mul.inputs[mul.inputs[0] == sum_as_float ? 1 : 0];
    const std::size_t i = g_.producer_of(origin(value));
    if (i == g_.node_count || g_.nodes[i].op_type != "Mul")
      return take_scales(mul, value, layer, layer.sum_scale);
    const node& both = g_.nodes[i];
    visited_[i] = true;
    if (const error e = take_scales(both, both.inputs[0], layer, layer.sum_scale); failed(e))
      return e;
    if (const error e = take_scales(both, both.inputs[1], layer, layer.sum_scale_factor); failed(e))
      return e;
    layer.has_sum_scale_factor = true;
    if (!product_is_scale(layer)) return at(errc::bad_scale, both);
    std::string_view product = both.outputs[0];
    std::size_t user = 0;
    return follow(product, "Mul", errc::unexpected_operator, user);
  }

  // Rounded to float32, positive and finite? (Double holds the products exactly.)
  static constexpr bool product_is_scale(const dense& layer) noexcept {
    element_reader scales(layer.sum_scale), factors(layer.sum_scale_factor);
    float scale = 0, factor = 0;
    for (std::size_t o = 0; o < layer.outputs; ++o) { // past its end a reader keeps the last value
      scales.next(scale);
      factors.next(factor);
      const double product = double{scale} * double{factor};
      if (!(product > 0x1p-150 && product < 0x1.ffffffp127)) return false;
    }
    return true;
  }

  constexpr error apply_relu(const node& n) noexcept {
    if (stage_ != stage::dense) return at(errc::unexpected_operator, n);
    advance(n, stage::activated);
    return {};
  }

  // ---- on the way out: the last layer's [N, 1] becomes [N] or stays

  constexpr error leave(const node& n, std::size_t rank) noexcept {
    if (stage_ == stage::activated) return at(errc::relu_at_output, n);
    if (stage_ != stage::dense && stage_ != stage::exit) return at(errc::unexpected_operator, n);
    if (width_ != 1) return at(errc::shape_mismatch, n);
    rank_ = rank;
    advance(n, stage::exit);
    return {};
  }

  constexpr error int_list(const node& user, std::string_view value, tensor& out) noexcept {
    if (const error e = constant(user, value, element::int64, out); failed(e)) return e;
    return out.rank == 1 ? error{} : at(errc::shape_mismatch, out);
  }

  // Squeeze: axes [1] or [-1], as an attribute before operator set 13, as an input since.
  constexpr error apply_squeeze(const node& n) noexcept {
    attribute a;
    tensor axes;
    const bool has_attribute = find_attribute(n, "axes", a);
    if (has_attribute != (g_.opset < 13) || has_attribute == (n.input_count == 2))
      return at(has_attribute ? errc::unsupported_attribute : errc::wrong_arity, n, "axes");
    if (has_attribute && a.type != attribute_type::ints)
      return {errc::bad_attribute, a.offset, a.name};
    if (const error e = has_attribute ? tensor_of(a, axes) : int_list(n, n.inputs[1], axes);
        failed(e))
      return e;
    std::int64_t axis = 0;
    element_reader(axes).next(axis);
    if (rank_ != 2 || axes.count != 1 || (axis != 1 && axis != -1))
      return at(errc::shape_mismatch, n);
    return leave(n, 1);
  }

  // Reshape: to [-1] or [-1, 1].
  constexpr error apply_reshape(const node& n) noexcept {
    tensor target;
    std::int64_t allow_zero = 0;
    if (const error e = int_list(n, n.inputs[1], target); failed(e)) return e;
    if (const error e = read_int(n, "allowzero", allow_zero); failed(e)) return e;
    std::int64_t dim = 0;
    element_reader reader(target);
    reader.next(dim);
    if (dim != -1 || target.count > 2) return at(errc::shape_mismatch, target);
    if (target.count == 2) reader.next(dim);
    if (target.count == 2 && dim != 1) return at(errc::shape_mismatch, target);
    return leave(n, static_cast<std::size_t>(target.count));
  }

  // Flatten: at axis 1 (the default), or since operator set 11 -1 of [N, 1]; the result is [N, 1].
  constexpr error apply_flatten(const node& n) noexcept {
    std::int64_t axis = 1;
    if (const error e = read_int(n, "axis", axis); failed(e)) return e;
    if (axis != 1 && !(axis == -1 && rank_ == 2 && g_.opset >= 11))
      return at(errc::bad_attribute, n, "axis");
    return leave(n, 2);
  }

  const graph& g_;
  plan& plan_;
  std::string_view value_{}; // the chain's end
  stage stage_ = stage::input;
  std::size_t width_ = 0, rank_ = 2;
  std::int64_t rows_ = -1;
  std::array<bool, max_nodes> visited_{};
};

struct chain_builder::operator_table {
  static constexpr op_row none{"", "", 0, 0, 0, 0, "", &chain_builder::misplaced};
  static constexpr std::array rows{
      op_row{"Sub", "", 7, 2, 2, 1, "", &chain_builder::apply_sub},
      op_row{"Div", "", 7, 2, 2, 1, "", &chain_builder::apply_div},
      op_row{"Mul", "", 7, 2, 2, 1, "", &chain_builder::apply_mul},
      op_row{"Scaler", "ai.onnx.ml", 7, 1, 1, 1, "offset scale", &chain_builder::apply_scaler},
      op_row{"Gemm", "", 7, 2, 3, 1, "alpha beta transA transB", &chain_builder::apply_gemm},
      op_row{"MatMul", "", 7, 2, 2, 1, "", &chain_builder::apply_matmul},
      op_row{"Add", "", 7, 2, 2, 1, "", &chain_builder::misplaced},
      op_row{"Relu", "", 7, 1, 1, 1, "", &chain_builder::apply_relu},
      op_row{"Identity", "", 7, 1, 1, 1, "", &chain_builder::apply_identity},
      op_row{"Squeeze", "", 7, 1, 2, 1, "axes", &chain_builder::apply_squeeze},
      op_row{"Reshape", "", 7, 2, 2, 1, "allowzero", &chain_builder::apply_reshape},
      op_row{"Flatten", "", 7, 1, 1, 1, "axis", &chain_builder::apply_flatten},
      op_row{"DynamicQuantizeLinear", "", 11, 1, 1, 3, "", &chain_builder::apply_quantized},
      op_row{"QuantizeLinear", "", 10, 2, 3, 1, "axis saturate block_size output_dtype precision",
             &chain_builder::apply_quantize_linear},
      op_row{"MatMulInteger", "", 10, 2, 4, 1, "", &chain_builder::misplaced},
      op_row{"Cast", "", 7, 1, 1, 1, "to saturate", &chain_builder::misplaced},
  };
};

constexpr const chain_builder::op_row& chain_builder::find_row(const node& n) noexcept {
  for (const op_row& row : operator_table::rows)
    if (row.op_type == n.op_type &&
        (row.domain.empty() ? n.in_default_domain() : row.domain == n.domain))
      return row;
  return operator_table::none;
}

} // namespace detail

// Reads a model and reduces it to a plan, or refuses it whole. The plan views the model's bytes
// and those of `external` (the files of external tensor data, if any): keep them alive.
// Allocates nothing; uses about 100 KiB of stack.
constexpr result<plan> parse(std::span<const char> model, external_files external = {}) noexcept {
  graph g;
  if (const error e = parse_model(model, external, g); failed(e)) return e;
  plan p;
  if (const error e = detail::chain_builder(g, p).build(); failed(e)) return e;
  p.ir_version = g.ir_version;
  p.opset = g.opset;
  p.producer_name = g.producer_name;
  p.producer_version = g.producer_version;
  p.graph_name = g.name;
  p.input_name = g.input.name;
  p.output_name = g.output.name;
  return p;
}

} // namespace tinymlp::onnx
