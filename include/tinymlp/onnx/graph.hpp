// ModelProto and GraphProto: every node, constant, input and output of the graph, indexed and
// checked for what does not depend on the operators: names, order, single assignment.
#pragma once

#include <tinymlp/onnx/tensor.hpp>

#include <array>
#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <optional>
#include <span>
#include <string_view>

namespace tinymlp::onnx {

inline constexpr std::size_t max_nodes = 160;
inline constexpr std::size_t max_tensors = 160;
inline constexpr std::size_t max_node_inputs = 5;
inline constexpr std::size_t max_node_outputs = 3;

struct node {
  std::string_view op_type{}, name{}, domain{};
  std::array<std::string_view, max_node_inputs> inputs{};
  std::array<std::string_view, max_node_outputs> outputs{};
  std::size_t input_count = 0, output_count = 0;
  view body{}; // attributes are read from here on demand

  constexpr bool in_default_domain() const noexcept {
    return domain.empty() || domain == "ai.onnx";
  }
  // What to call the node in an error: its name, else what it computes, else its operator.
  constexpr std::string_view label() const noexcept {
    if (!name.empty()) return name;
    if (output_count != 0 && !outputs[0].empty()) return outputs[0];
    return !op_type.empty() ? op_type : "node";
  }
};

// The graph's input or output: ValueInfoProto.
struct value_info {
  std::string_view name{};
  std::size_t offset = 0;
  std::uint64_t element_type = 0; // TensorProto.DataType; 0 when absent
  bool has_shape = false;
  std::size_t rank = 0;
  std::array<std::int64_t, max_rank> dims{}; // -1 where symbolic or unknown
};

// Whether a thing is there is told by its index, not by a pointer: under sanitizers, GCC does not
// compare addresses with null in constant expressions.
struct graph {
  std::string_view producer_name{}, producer_version{}, name{};
  std::int64_t ir_version = 0;
  std::int64_t opset = 0;    // of the default domain
  std::int64_t ml_opset = 0; // of ai.onnx.ml; 0 where that is not imported
  std::size_t offset = 0;    // of GraphProto
  std::size_t node_count = 0, tensor_count = 0;
  std::array<node, max_nodes> nodes{};
  std::array<tensor, max_tensors> tensors{};
  value_info input{}, output{};

  // Index of the constant of that name, or tensor_count.
  constexpr std::size_t index_of_tensor(std::string_view wanted) const noexcept {
    std::size_t i = 0;
    while (i < tensor_count && tensors[i].name != wanted) ++i;
    return i;
  }
  constexpr bool has_tensor(std::string_view wanted) const noexcept {
    return index_of_tensor(wanted) != tensor_count;
  }
  // Index of the node that computes the value, or node_count.
  constexpr std::size_t producer_of(std::string_view value) const noexcept {
    for (std::size_t i = 0; i < node_count; ++i)
      for (std::size_t o = 0; o < nodes[i].output_count; ++o)
        if (nodes[i].outputs[o] == value) return i;
    return node_count;
  }
};

namespace detail {

// ModelProto
inline constexpr std::uint32_t model_ir_version = 1, model_producer_name = 2,
                               model_producer_version = 3, model_graph = 7, model_opset_import = 8,
                               model_metadata = 14, model_training_info = 20, model_functions = 25,
                               model_configuration = 26;
// GraphProto
inline constexpr std::uint32_t graph_node = 1, graph_name = 2, graph_initializer = 5,
                               graph_input = 11, graph_output = 12, graph_value_info = 13,
                               graph_quantization = 14, graph_sparse = 15, graph_metadata = 16;
// NodeProto
inline constexpr std::uint32_t node_input = 1, node_output = 2, node_name = 3, node_op_type = 4,
                               node_attribute = 5, node_domain = 7, node_overload = 8,
                               node_metadata = 9;

constexpr bool is_known_model_field(std::uint32_t n) noexcept {
  return (n >= model_ir_version && n <= model_opset_import) || n == model_metadata ||
         n == model_training_info || n == model_functions || n == model_configuration;
}

// Fields of a message that must be strings or messages, as a set of numbers below 64.
constexpr std::uint64_t fields(std::initializer_list<std::uint32_t> numbers) noexcept {
  std::uint64_t set = 0;
  for (const std::uint32_t n : numbers) set |= std::uint64_t{1} << n;
  return set;
}
constexpr bool wire_type_ok(const field& f, std::uint64_t delimited) noexcept {
  const bool must = f.number < 64 && (delimited >> f.number & 1) != 0;
  return !must || f.type == wire::length_delimited;
}

constexpr error parse_node(view message, node& out) noexcept {
  node n;
  n.body = message;
  for (cursor c(message); !c.done();) {
    field f;
    const std::size_t at = c.offset();
    if (const errc e = c.next(f); e != errc::ok) return {e, at, n.label()};
    if (!wire_type_ok(f, fields({1, 2, 3, 4, 5, 7, 8})))
      return {errc::wrong_wire_type, f.offset, n.label()};
    const std::string_view text = f.payload.text();
    switch (f.number) {
    case node_input:
      if (n.input_count == max_node_inputs) return {errc::wrong_arity, f.offset, n.label()};
      n.inputs[n.input_count++] = text;
      break;
    case node_output:
      if (n.output_count == max_node_outputs) return {errc::wrong_arity, f.offset, n.label()};
      n.outputs[n.output_count++] = text;
      break;
    case node_name: n.name = text; break;
    case node_op_type: n.op_type = text; break;
    case node_domain: n.domain = text; break;
    case node_overload:
      if (!text.empty()) return {errc::unsupported_feature, f.offset, n.label()};
      break;
    case node_metadata:
      if (const error e = check_message(f, n.label()); failed(e)) return e;
      break;
    default: break;
    }
  }
  // trailing empty names are omitted optional operands
  while (n.input_count != 0 && n.inputs[n.input_count - 1].empty()) --n.input_count;
  while (n.output_count != 0 && n.outputs[n.output_count - 1].empty()) --n.output_count;
  out = n;
  return {};
}

// TensorShapeProto.Dimension: -1 unless it has a dim_value; of that and dim_param, the last counts.
constexpr error parse_dimension(view message, value_info& to) noexcept {
  if (to.rank == max_rank) return {errc::bad_dimension, message.offset, to.name};
  std::int64_t dim = -1;
  for (cursor c(message); !c.done();) {
    field f;
    const std::size_t at = c.offset();
    if (const errc e = c.next(f); e != errc::ok) return {e, at, to.name};
    if (f.number == 1 && f.type != wire::varint) return {errc::wrong_wire_type, f.offset, to.name};
    if (f.number == 2) dim = -1;
    if (f.number != 1) continue;
    dim = static_cast<std::int64_t>(f.value);
    if (dim <= 0) return {errc::bad_dimension, f.offset, to.name};
  }
  to.dims[to.rank++] = dim;
  return {};
}

constexpr error parse_shape(view message, value_info& to) noexcept {
  to.has_shape = true; // a shape in several parts is their dimensions in order, as protobuf merges
  for (cursor c(message); !c.done();) {
    field f;
    const std::size_t at = c.offset();
    if (const errc e = c.next(f); e != errc::ok) return {e, at, to.name};
    if (f.number != 1) continue;
    if (f.type != wire::length_delimited) return {errc::wrong_wire_type, f.offset, to.name};
    if (const error e = parse_dimension(f.payload, to); failed(e)) return e;
  }
  return {};
}

// TypeProto, of which only tensor_type (field 1) is a tensor.
constexpr error parse_type(view message, value_info& to) noexcept {
  for (cursor c(message); !c.done();) {
    field f;
    const std::size_t at = c.offset();
    if (const errc e = c.next(f); e != errc::ok) return {e, at, to.name};
    if (f.number == 6) continue; // denotation
    if (f.number != 1) return {errc::wrong_element_type, f.offset, to.name};
    if (f.type != wire::length_delimited) return {errc::wrong_wire_type, f.offset, to.name};
    for (cursor tensor_type(f.payload); !tensor_type.done();) {
      field g;
      const std::size_t inner = tensor_type.offset();
      if (const errc e = tensor_type.next(g); e != errc::ok) return {e, inner, to.name};
      if ((g.number == 1 && g.type != wire::varint) ||
          (g.number == 2 && g.type != wire::length_delimited))
        return {errc::wrong_wire_type, g.offset, to.name};
      if (g.number == 1) to.element_type = g.value;
      if (g.number == 2)
        if (const error e = parse_shape(g.payload, to); failed(e)) return e;
    }
  }
  return {};
}

constexpr error parse_value_info(view message, value_info& out) noexcept {
  value_info v;
  v.offset = message.offset;
  for (cursor c(message); !c.done();) {
    field f;
    const std::size_t at = c.offset();
    if (const errc e = c.next(f); e != errc::ok) return {e, at, v.name};
    if (!wire_type_ok(f, fields({1, 2}))) return {errc::wrong_wire_type, f.offset, v.name};
    if (f.number == 1) v.name = f.payload.text();
    if (f.number == 2)
      if (const error e = parse_type(f.payload, v); failed(e)) return e;
  }
  if (v.name.empty()) return {errc::missing_name, v.offset, {}};
  out = v;
  return {};
}

// The constant that a Constant node yields: attribute value or, from operator set 12 on,
// value_float(s) or value_int(s).
constexpr error parse_constant(const node& n, std::int64_t opset, external_files files,
                               tensor& out) noexcept {
  bool found = false;
  for (cursor c(n.body); !c.done();) {
    field f;
    if (const errc e = c.next(f); e != errc::ok) return {e, c.offset(), n.label()};
    if (f.number != node_attribute) continue;
    attribute a;
    if (const error e = parse_attribute(f.payload, a); failed(e)) return naming(e, n.label());
    const bool is_value = a.name == "value" && a.type == attribute_type::tensor;
    const bool is_list = (a.name == "value_float" && a.type == attribute_type::float32) ||
                         (a.name == "value_floats" && a.type == attribute_type::floats) ||
                         (a.name == "value_int" && a.type == attribute_type::int64) ||
                         (a.name == "value_ints" && a.type == attribute_type::ints);
    if (is_list && opset < 12) return {errc::operator_needs_newer_opset, a.offset, a.name};
    if (!is_value && !is_list) return {errc::unsupported_attribute, a.offset, a.name};
    if (found) return {errc::bad_attribute, a.offset, a.name};
    found = true;
    const error e = is_value ? parse_tensor(a.t, files, out) : tensor_of(a, out);
    if (failed(e)) return naming(e, n.label());
  }
  if (!found) return {errc::missing_data, n.body.offset, n.label()};
  out.name = n.outputs[0];
  return {};
}

class graph_parser {
public:
  constexpr graph_parser(external_files files, graph& to) noexcept : files_(files), g_(to) {}

  constexpr error parse(view message) noexcept {
    g_.offset = message.offset;
    if (const error e = parse_contents(message); failed(e)) return e;
    if (const error e = parse_ends(message); failed(e)) return e;
    return check_names();
  }

private:
  constexpr error add_tensor(const tensor& t) noexcept {
    if (t.name.empty()) return {errc::missing_name, t.offset, "initializer"};
    if (g_.tensor_count == max_tensors) return {errc::too_many_tensors, t.offset, t.name};
    g_.tensors[g_.tensor_count++] = t;
    return {};
  }

  constexpr error add_node(view message) noexcept {
    node n;
    if (const error e = parse_node(message, n); failed(e)) return e;
    if (n.op_type.empty()) return {errc::missing_op_type, message.offset, n.label()};
    if (n.in_default_domain() && n.op_type == "Constant") {
      if (n.output_count != 1 || n.input_count != 0)
        return {errc::wrong_arity, message.offset, n.label()};
      tensor t;
      if (const error e = parse_constant(n, g_.opset, files_, t); failed(e)) return e;
      t.first_user = g_.node_count; // the nodes before it must not
      return add_tensor(t);
    }
    if (g_.node_count == max_nodes) return {errc::too_many_nodes, message.offset, n.label()};
    g_.nodes[g_.node_count++] = n;
    return {};
  }

  constexpr error add_initializer(view message) noexcept {
    tensor t;
    if (const error e = parse_tensor(message, files_, t); failed(e))
      return naming(e, "initializer");
    t.may_be_listed = true;
    return add_tensor(t);
  }

  constexpr error parse_contents(view message) noexcept {
    for (cursor c(message); !c.done();) {
      field f;
      const std::size_t at = c.offset();
      if (const errc e = c.next(f); e != errc::ok) return {e, at, "graph"};
      if (!wire_type_ok(f, fields({1, 2, 5, 11, 12, 13, 15})))
        return {errc::wrong_wire_type, f.offset, "graph"};
      error e{};
      if (f.number == graph_name) g_.name = f.payload.text();
      if (f.number == graph_node) e = add_node(f.payload);
      if (f.number == graph_initializer) e = add_initializer(f.payload);
      if (f.number == graph_sparse) e = {errc::unsupported_feature, f.offset, "sparse_initializer"};
      if (f.number == graph_quantization) e = check_message(f, "quantization_annotation");
      if (f.number == graph_metadata) e = check_message(f, "metadata_props");
      if (failed(e)) return e;
    }
    return {};
  }

  // A declaration of a constant must agree with the constant.
  static constexpr error check_declaration(const value_info& v, const tensor& t) noexcept {
    if (v.element_type != 0 && v.element_type != static_cast<std::uint64_t>(t.type))
      return {errc::wrong_element_type, v.offset, v.name};
    bool agrees = !v.has_shape || v.rank == t.rank;
    for (std::size_t i = 0; v.has_shape && agrees && i < t.rank; ++i)
      agrees = v.dims[i] < 0 || static_cast<std::uint64_t>(v.dims[i]) == t.dims[i];
    return agrees ? error{} : error{errc::shape_mismatch, v.offset, v.name};
  }

  // Inputs that merely list an initializer (required by IR version 3) are not the graph's input.
  constexpr error parse_ends(view message) noexcept {
    std::size_t inputs = 0, outputs = 0;
    for (cursor c(message); !c.done();) {
      field f;
      if (const errc e = c.next(f); e != errc::ok) return {e, c.offset(), "graph"};
      if (f.number != graph_input && f.number != graph_output && f.number != graph_value_info)
        continue;
      value_info v;
      if (const error e = parse_value_info(f.payload, v); failed(e))
        return naming(e, f.number == graph_input    ? "graph input"
                         : f.number == graph_output ? "graph output"
                                                    : "value_info");
      if (f.number == graph_value_info) {
        const std::size_t t = g_.index_of_tensor(v.name);
        if (t == g_.tensor_count) continue;
        if (const error e = check_declaration(v, g_.tensors[t]); failed(e)) return e;
        continue;
      }
      if (f.number == graph_input) {
        const std::size_t t = g_.index_of_tensor(v.name);
        if (t != g_.tensor_count) {
          if (!g_.tensors[t].may_be_listed) return {errc::duplicate_name, v.offset, v.name};
          g_.tensors[t].may_be_listed = false;
          if (const error e = check_declaration(v, g_.tensors[t]); failed(e)) return e;
          continue;
        }
        if (++inputs > 1) return {errc::extra_input, v.offset, v.name};
        g_.input = v;
      } else {
        if (++outputs > 1) return {errc::extra_output, v.offset, v.name};
        g_.output = v;
      }
    }
    if (inputs == 0) return naming({errc::missing_input, g_.offset, g_.name}, "graph");
    if (outputs == 0) return naming({errc::missing_output, g_.offset, g_.name}, "graph");
    return {};
  }

  // Each value has one definition, and each use comes after it.
  constexpr error check_names() const noexcept {
    for (std::size_t i = 0; i < g_.tensor_count; ++i)
      for (std::size_t j = 0; j < i; ++j)
        if (g_.tensors[i].name == g_.tensors[j].name)
          return {errc::duplicate_name, g_.tensors[i].offset, g_.tensors[i].name};
    for (std::size_t i = 0; i < g_.node_count; ++i) {
      if (const error e = check_outputs(i); failed(e)) return e;
      if (const error e = check_inputs(i); failed(e)) return e;
    }
    const std::string_view out = g_.output.name;
    if (out != g_.input.name && !g_.has_tensor(out) && g_.producer_of(out) == g_.node_count)
      return {errc::dangling_name, g_.output.offset, out};
    return {};
  }

  constexpr error check_outputs(std::size_t i) const noexcept {
    const node& n = g_.nodes[i];
    if (n.output_count == 0) return {errc::wrong_arity, n.body.offset, n.label()};
    for (std::size_t o = 0; o < n.output_count; ++o) {
      const std::string_view value = n.outputs[o];
      if (value.empty()) return {errc::missing_name, n.body.offset, n.label()};
      bool taken = value == g_.input.name || g_.has_tensor(value) || g_.producer_of(value) != i;
      for (std::size_t p = 0; p < o; ++p) taken |= n.outputs[p] == value;
      if (taken) return {errc::duplicate_name, n.body.offset, value};
    }
    return {};
  }

  constexpr error check_inputs(std::size_t i) const noexcept {
    const node& n = g_.nodes[i];
    for (std::size_t k = 0; k < n.input_count; ++k) {
      const std::string_view value = n.inputs[k];
      if (value.empty() || value == g_.input.name) continue;
      if (const std::size_t t = g_.index_of_tensor(value); t != g_.tensor_count) {
        if (g_.tensors[t].first_user > i) return {errc::not_sorted, n.body.offset, value};
        continue;
      }
      const std::size_t producer = g_.producer_of(value);
      if (producer == g_.node_count) return {errc::dangling_name, n.body.offset, value};
      if (producer >= i) return {errc::not_sorted, n.body.offset, value};
    }
    return {};
  }

  external_files files_;
  graph& g_;
};

// One OperatorSetIdProto. Versions of other domains than these two do not matter.
constexpr error parse_opset(view message, graph& to) noexcept {
  std::string_view domain{};
  std::int64_t version = 0;
  for (cursor c(message); !c.done();) {
    field f;
    const std::size_t at = c.offset();
    if (const errc e = c.next(f); e != errc::ok) return {e, at, "opset_import"};
    if ((f.number == 1 && f.type != wire::length_delimited) ||
        (f.number == 2 && f.type != wire::varint))
      return {errc::wrong_wire_type, f.offset, "opset_import"};
    if (f.number == 1) domain = f.payload.text();
    if (f.number == 2) version = static_cast<std::int64_t>(f.value);
  }
  const bool ml = domain == "ai.onnx.ml";
  if (!ml && !domain.empty() && domain != "ai.onnx") return {};
  std::int64_t& opset = ml ? to.ml_opset : to.opset;
  const bool repeated = opset != 0;
  if (repeated || version < (ml ? 1 : 7) || version > (ml ? 5 : 23))
    return {errc::bad_opset, message.offset, "opset_import"};
  opset = version;
  return {};
}

constexpr error read_model_field(const field& f, graph& to,
                                 std::optional<view>& graph_message) noexcept {
  if (!is_known_model_field(f.number)) return {errc::unknown_field, f.offset, "model"};
  const bool number = f.number == model_ir_version || f.number == 5;
  if ((f.type == wire::varint) != number || (!number && f.type != wire::length_delimited))
    return {errc::wrong_wire_type, f.offset, "model"};
  switch (f.number) {
  case model_ir_version: to.ir_version = static_cast<std::int64_t>(f.value); return {};
  case model_producer_name: to.producer_name = f.payload.text(); return {};
  case model_producer_version: to.producer_version = f.payload.text(); return {};
  case model_opset_import: return parse_opset(f.payload, to);
  case model_training_info: return {errc::unsupported_feature, f.offset, "training_info"};
  case model_functions: return {errc::unsupported_feature, f.offset, "functions"};
  case model_metadata: return check_message(f, "metadata_props");
  case model_configuration: return check_message(f, "configuration");
  case model_graph:
    if (graph_message) return {errc::duplicate_field, f.offset, "graph"};
    graph_message = f.payload;
    return {};
  default: return {};
  }
}

} // namespace detail

// Reads a ModelProto whole: IR version 3 and up, default-domain operator set 7 to 23.
constexpr error parse_model(std::span<const char> model, external_files files,
                            graph& out) noexcept {
  std::optional<view> graph_message;
  for (cursor c(view{model.data(), model.size(), 0}); !c.done();) {
    field f;
    const std::size_t at = c.offset();
    if (const errc e = c.next(f); e != errc::ok) return {e, at, "model"};
    if (const error e = detail::read_model_field(f, out, graph_message); failed(e)) return e;
  }
  if (out.ir_version < 3) return {errc::bad_ir_version, 0, "model"};
  if (!graph_message) return {errc::missing_graph, 0, "model"};
  if (out.opset == 0) return {errc::bad_opset, 0, "opset_import"};
  return detail::graph_parser(files, out).parse(*graph_message);
}

} // namespace tinymlp::onnx
