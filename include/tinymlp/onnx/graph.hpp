// ModelProto and GraphProto: every node, constant, input and output of the graph, found by name,
// and checked for what does not depend on the operators: names, order, single assignment. The index
// is small (3.5 KiB): messages are read again where they are needed.
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

inline constexpr std::size_t max_values = 864; // constants, inputs and results of nodes
inline constexpr std::size_t max_node_inputs = 5;
inline constexpr std::size_t max_node_outputs = 3;

// Equal bytes? (Clang 14 takes one step for it in constant expressions, not some a character.)
constexpr bool same(std::string_view a, std::string_view b) noexcept {
#if defined(__clang__)
  return a.size() == b.size() && (a.empty() || __builtin_memcmp(a.data(), b.data(), a.size()) == 0);
#else
  return a == b;
#endif
}

// The name of an operator, and a number that tells most names apart, made when this is compiled:
// comparing takes few steps in constant expressions.
constexpr std::uint32_t code_of(const char* name, std::size_t size) noexcept {
  if (size == 0) return 0;
  const auto at = [name](std::size_t i) {
    return std::uint32_t{static_cast<unsigned char>(name[i])};
  };
  return static_cast<std::uint32_t>(size) ^ at(0) << 8 ^ at(size / 2) << 16 ^ at(size - 1) << 24;
}
struct op_name {
  std::string_view text;
  std::uint32_t code;
  template <std::size_t N>
  consteval op_name(const char (&name)[N]) noexcept
      : text(name, N - 1), code(code_of(name, N - 1)) {}
};

// A NodeProto. Of the operands and results the first ones are kept; `operand` and `result_index`
// know all of them.
struct node {
  std::string_view op_type{}, name{}, domain{};
  std::array<std::string_view, max_node_inputs> inputs{};
  std::array<std::string_view, max_node_outputs> outputs{};
  std::size_t input_count = 0, output_count = 0; // trailing omitted ones are not counted
  std::uint32_t code = 0;                        // of op_type
  std::size_t tag = 0;                           // offset of the field that holds it
  std::size_t attributes = 0;                    // where they begin in the body
  view body{};                                   // they are read from here on demand

  constexpr bool in_default_domain() const noexcept {
    return domain.empty() || same(domain, std::string_view("ai.onnx", 7));
  }
  constexpr bool is(op_name op) const noexcept {
    return code == op.code && same(op_type, op.text) && in_default_domain();
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
  bool is_tensor = true;          // not a sequence, map, optional or sparse tensor
  bool has_shape = false;
  std::size_t rank = 0;
  std::array<std::int32_t, max_rank> dims{}; // -1 where symbolic or unknown
};

// Finds messages by the names that they define: an open-addressed table of the offsets of the
// fields in GraphProto that hold them. Names are compared in the file itself.
class name_index {
public:
  static constexpr std::size_t slot_count = 896;

  constexpr std::size_t size() const noexcept { return size_; }

  // The field of the initializer, node or graph input that defines the name, or 0.
  [[gnu::noinline]] constexpr std::uint32_t find(view file, std::string_view name) const noexcept {
    const std::uint32_t hash = hash_of(name);
    for (std::size_t i = hash % slot_count; slots_[i] != 0; i = i + 1 == slot_count ? 0 : i + 1)
      if ((slots_[i] ^ hash) >> 31 == 0 && defines(field_at(file, slots_[i] & 0x7fffffffU), name))
        return slots_[i] & 0x7fffffffU;
    return 0;
  }
  // Inserts a name that no other field defines; false where one does. size() must be below
  // max_values.
  constexpr bool insert(view file, std::string_view name, std::size_t tag) noexcept {
    const std::uint32_t hash = hash_of(name);
    std::size_t i = hash % slot_count;
    for (; slots_[i] != 0; i = i + 1 == slot_count ? 0 : i + 1) {
      const std::uint32_t other = slots_[i] & 0x7fffffffU;
      if ((slots_[i] ^ hash) >> 31 == 0 && other != tag && defines(field_at(file, other), name))
        return false;
    }
    slots_[i] = static_cast<std::uint32_t>(tag) | (hash & 0x80000000U);
    ++size_;
    return true;
  }

  static constexpr field field_at(view file, std::size_t tag) noexcept {
    field f;
    (void)cursor(view{file.data + tag, file.size - tag, tag}).next(f);
    return f;
  }

private:
  static constexpr bool defines(const field& f, std::string_view name) noexcept;

  // Eight characters at a time, for few steps in constant expressions.
  static constexpr std::uint32_t hash_of(std::string_view name) noexcept {
    constexpr std::uint32_t p = 0x01000193;
    const char* c = name.data();
    const std::size_t size = name.size();
    std::uint32_t h = static_cast<std::uint32_t>(size) * 0x9e3779b1U;
    std::size_t i = 0;
    for (; i + 8 <= size; i += 8)
      h = (((((((h * p ^ static_cast<unsigned char>(c[i])) * p ^
                static_cast<unsigned char>(c[i + 1])) *
                   p ^
               static_cast<unsigned char>(c[i + 2])) *
                  p ^
              static_cast<unsigned char>(c[i + 3])) *
                 p ^
             static_cast<unsigned char>(c[i + 4])) *
                p ^
            static_cast<unsigned char>(c[i + 5])) *
               p ^
           static_cast<unsigned char>(c[i + 6])) *
              p ^
          static_cast<unsigned char>(c[i + 7]);
    for (; i < size; ++i) h = h * p ^ static_cast<unsigned char>(c[i]);
    h *= p;
    return h ^ h >> 15;
  }

  std::array<std::uint32_t, slot_count> slots_{}; // offsets, and the topmost bit of the hash
  std::size_t size_ = 0;
};

struct graph {
  view file{};
  external_files external{};
  std::string_view producer_name{}, producer_version{}, name{};
  std::int64_t ir_version = 0;
  std::int64_t opset = 0;    // of the default domain
  std::int64_t ml_opset = 0; // of ai.onnx.ml; 0 where that is not imported
  view body{};               // GraphProto
  name_index names{};
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
inline constexpr std::uint64_t node_bytes = fields({1, 2, 3, 4, 5, 7, 8}),
                               graph_bytes = fields({1, 2, 5, 11, 12, 13, 15}),
                               info_bytes = fields({1, 2});
constexpr bool wire_type_ok(const field& f, std::uint64_t delimited) noexcept {
  const bool must = f.number < 64 && (delimited >> f.number & 1) != 0;
  return !must || f.type == wire::length_delimited;
}

constexpr error read_node_field(const field& f, node& n) noexcept {
  if (!wire_type_ok(f, node_bytes)) return {status::wrong_wire_type, f.offset};
  const std::string_view text = f.payload.text();
  switch (f.number) {
  case node_input:
    if (n.input_count < max_node_inputs) n.inputs[n.input_count] = text;
    ++n.input_count;
    return {};
  case node_output:
    if (n.output_count < max_node_outputs) n.outputs[n.output_count] = text;
    ++n.output_count;
    return {};
  case node_name: n.name = text; return {};
  case node_op_type:
    n.op_type = text;
    n.code = code_of(f.payload.data, f.payload.size);
    return {};
  case node_domain: n.domain = text; return {};
  case node_overload: return text.empty() ? error{} : error{status::unsupported_feature, f.offset};
  case node_metadata: return check_message(f, {});
  default: return {};
  }
}

[[gnu::noinline]] constexpr error parse_node(const field& holder, node& n) noexcept {
  n = {};
  n.tag = holder.offset;
  n.body = holder.payload;
  n.attributes = n.body.size;
  cursor c(n.body);
  while (!c.done()) {
    field f;
    if (const status e = c.next(f); e != status::ok) return {e, c.offset(), n.label()};
    if (f.number == node_attribute && f.type == wire::length_delimited) {
      if (n.attributes == n.body.size) n.attributes = f.offset - n.body.offset;
      continue;
    }
    if (const error e = read_node_field(f, n); failed(e)) return naming(e, n.label());
  }
  // trailing empty names are omitted optional operands
  while (n.input_count != 0 && n.input_count <= max_node_inputs &&
         n.inputs[n.input_count - 1].empty())
    --n.input_count;
  while (n.output_count != 0 && n.output_count <= max_node_outputs &&
         n.outputs[n.output_count - 1].empty())
    --n.output_count;
  return {};
}

// The fields from the first attribute on.
constexpr view attributes_of(const node& n) noexcept {
  return {n.body.data + n.attributes, n.body.size - n.attributes, n.body.offset + n.attributes};
}

// The name in the `index`-th field of that number, of those that have it; empty beyond the last.
constexpr std::string_view nth_name(view message, std::uint32_t number,
                                    std::size_t index) noexcept {
  for (cursor c(message); !c.done();) {
    field f;
    if (c.next(f) != status::ok) break;
    if (f.number == number && index-- == 0) return f.payload.text();
  }
  return {};
}
constexpr std::string_view operand(const node& n, std::size_t index) noexcept {
  if (index < max_node_inputs) return n.inputs[index];
  return nth_name(n.body, node_input, index);
}
constexpr std::string_view result_of(const node& n, std::size_t index) noexcept {
  if (index < max_node_outputs) return n.outputs[index];
  return nth_name(n.body, node_output, index);
}
// Which of the node's results has the name; output_count where none has.
constexpr std::size_t result_index(const node& n, std::string_view wanted) noexcept {
  std::size_t i = 0;
  while (i < n.output_count && !same(result_of(n, i), wanted)) ++i;
  return i;
}

// TensorShapeProto.Dimension: -1 unless it has a dim_value that is not negative, as exporters write
// unknown ones; of that and dim_param, the last counts. There may be no rows.
constexpr error parse_dimension(view message, value_info& to) noexcept {
  if (to.rank == max_rank) return {status::bad_dimension, message.offset, to.name};
  std::int64_t dim = -1;
  for (cursor c(message); !c.done();) {
    field f;
    const std::size_t at = c.offset();
    if (const status e = c.next(f); e != status::ok) return {e, at, to.name};
    if (f.number == 1 && f.type != wire::varint)
      return {status::wrong_wire_type, f.offset, to.name};
    if (f.number == 2) dim = -1;
    if (f.number != 1) continue;
    dim = static_cast<std::int64_t>(f.value);
    if (dim < 0) dim = -1;
    if ((dim == 0 && to.rank != 0) || dim > 0x7fffffff)
      return {status::bad_dimension, f.offset, to.name};
  }
  to.dims[to.rank++] = static_cast<std::int32_t>(dim);
  return {};
}

constexpr error parse_shape(view message, value_info& to) noexcept {
  to.has_shape = true; // a shape in several parts is their dimensions in order, as protobuf merges
  for (cursor c(message); !c.done();) {
    field f;
    const std::size_t at = c.offset();
    if (const status e = c.next(f); e != status::ok) return {e, at, to.name};
    if (f.number != 1) continue;
    if (f.type != wire::length_delimited) return {status::wrong_wire_type, f.offset, to.name};
    if (const error e = parse_dimension(f.payload, to); failed(e)) return e;
  }
  return {};
}

// TypeProto, of which only tensor_type (field 1) is a tensor.
constexpr error parse_type(view message, value_info& to) noexcept {
  for (cursor c(message); !c.done();) {
    field f;
    const std::size_t at = c.offset();
    if (const status e = c.next(f); e != status::ok) return {e, at, to.name};
    if (f.number == 6) continue; // denotation
    if (f.number != 1) to.is_tensor = false;
    if (f.number != 1) continue;
    if (f.type != wire::length_delimited) return {status::wrong_wire_type, f.offset, to.name};
    for (cursor tensor_type(f.payload); !tensor_type.done();) {
      field g;
      const std::size_t inner = tensor_type.offset();
      if (const status e = tensor_type.next(g); e != status::ok) return {e, inner, to.name};
      if ((g.number == 1 && g.type != wire::varint) ||
          (g.number == 2 && g.type != wire::length_delimited))
        return {status::wrong_wire_type, g.offset, to.name};
      if (g.number == 1) to.element_type = g.value;
      if (g.number == 2)
        if (const error e = parse_shape(g.payload, to); failed(e)) return e;
    }
  }
  return {};
}

[[gnu::noinline]] constexpr error parse_value_info(view message, value_info& out) noexcept {
  value_info v;
  v.offset = message.offset;
  for (cursor c(message); !c.done();) {
    field f;
    const std::size_t at = c.offset();
    if (const status e = c.next(f); e != status::ok) return {e, at, v.name};
    if (!wire_type_ok(f, info_bytes)) return {status::wrong_wire_type, f.offset, v.name};
    if (f.number == 1) v.name = f.payload.text();
    if (f.number == 2)
      if (const error e = parse_type(f.payload, v); failed(e)) return e;
  }
  if (v.name.empty()) return {status::missing_name, v.offset, {}};
  out = v;
  return {};
}

// Where a Constant node keeps its value, and whether that is a TensorProto (attribute `value`) or,
// from operator set 12 on, an AttributeProto (value_float(s), value_int(s)).
struct constant_value {
  attribute a{};
  std::size_t tag = 0; // offset of the field that holds the TensorProto or AttributeProto
  bool is_tensor = false;
};

[[gnu::noinline]] constexpr error find_constant_value(const node& n, std::int64_t opset,
                                                      constant_value& out) noexcept {
  bool found = false;
  for (cursor c(attributes_of(n)); !c.done();) {
    field f;
    if (const status e = c.next(f); e != status::ok) return {e, c.offset(), n.label()};
    if (f.number != node_attribute) continue;
    attribute a;
    if (const error e = parse_attribute(f.payload, a); failed(e)) return naming(e, n.label());
    const bool is_value = same(a.name, "value") && a.type == attribute_type::tensor;
    const bool is_list = (same(a.name, "value_float") && a.type == attribute_type::float32) ||
                         (same(a.name, "value_floats") && a.type == attribute_type::floats) ||
                         (same(a.name, "value_int") && a.type == attribute_type::int64) ||
                         (same(a.name, "value_ints") && a.type == attribute_type::ints);
    if (is_list && opset < 12)
      return {status::operator_needs_newer_opset, f.payload.offset, a.name, n.op_type, opset, 12};
    if (!is_value && !is_list)
      return {status::unsupported_attribute, f.payload.offset, a.name, n.op_type};
    if (found) return {status::bad_attribute, f.payload.offset, a.name, n.op_type};
    found = true;
    out = {a, is_value ? a.t_offset : f.offset, is_value};
  }
  return found ? error{} : error{status::missing_data, n.body.offset, n.label(), n.op_type};
}

constexpr bool name_index_defines(const field& f, std::string_view name) noexcept {
  if (f.number == graph_initializer) return same(name_in(f.payload, tensor_name), name);
  if (f.number == graph_input) return same(name_in(f.payload, 1), name);
  for (cursor c(f.payload); !c.done();) {
    field g;
    if (c.next(g) != status::ok) return false;
    if (g.number == node_output && same(g.payload.text(), name)) return true;
  }
  return false;
}

// Of value_info and IR 3 inputs: a declaration of a constant must agree with the constant.
[[gnu::noinline]] constexpr error check_declaration(const value_info& v, const tensor& t) noexcept {
  if (v.element_type != 0 && v.element_type != static_cast<std::uint64_t>(t.type))
    return {status::wrong_element_type,
            v.offset,
            v.name,
            {},
            static_cast<std::int64_t>(v.element_type),
            static_cast<std::int64_t>(t.type)};
  bool agrees = !v.has_shape || v.rank == t.rank;
  for (std::size_t i = 0; v.has_shape && agrees && i < t.rank; ++i)
    agrees = v.dims[i] < 0 || static_cast<std::uint64_t>(v.dims[i]) == t.dims[i];
  return agrees ? error{} : error{status::shape_mismatch, v.offset, v.name};
}

// Indexes the graph's constants, then inputs, then nodes, as each may refer to those before.
class graph_indexer {
public:
  constexpr explicit graph_indexer(graph& to) noexcept : g_(to) {}

  constexpr error index() noexcept {
    if (const error e = each_field(&graph_indexer::add_constant); failed(e)) return e;
    if (const error e = each_field(&graph_indexer::add_declaration); failed(e)) return e;
    if (inputs_ == 0) return naming({status::missing_input, g_.body.offset, g_.name}, "graph");
    if (outputs_ == 0) return naming({status::missing_output, g_.body.offset, g_.name}, "graph");
    if (const error e = each_field(&graph_indexer::add_node); failed(e)) return e;
    return each_field(&graph_indexer::check_output);
  }

private:
  constexpr error each_field(error (graph_indexer::*handle)(const field&) noexcept) noexcept {
    for (cursor c(g_.body); !c.done();) {
      field f;
      const std::size_t at = c.offset();
      if (const status e = c.next(f); e != status::ok) return {e, at, "graph"};
      if (const error e = (this->*handle)(f); failed(e)) return e;
    }
    return {};
  }

  constexpr error define(std::string_view name, const field& f, status too_many) noexcept {
    if (g_.names.size() == max_values && g_.names.find(g_.file, name) == 0)
      return {too_many, f.payload.offset, name, {}, -1, max_values};
    if (g_.names.size() != max_values && g_.names.insert(g_.file, name, f.offset)) return {};
    return {status::duplicate_name, f.payload.offset, name};
  }

  [[gnu::noinline]] constexpr error add_constant(const field& f) noexcept {
    if (!wire_type_ok(f, graph_bytes)) return {status::wrong_wire_type, f.offset, "graph"};
    switch (f.number) {
    case graph_name: g_.name = f.payload.text(); return {};
    case graph_sparse: return {status::unsupported_feature, f.offset, "sparse_initializer"};
    case graph_quantization: return check_message(f, "quantization_annotation");
    case graph_metadata: return check_message(f, "metadata_props");
    case graph_initializer: break;
    default: return {};
    }
    tensor t;
    if (const error e = parse_tensor(f.payload, g_.external, t); failed(e))
      return naming(e, "initializer");
    if (t.name.empty()) return {status::missing_name, t.offset, "initializer"};
    return define(t.name, f, status::too_many_tensors);
  }

  [[gnu::noinline]] constexpr error add_declaration(const field& f) noexcept {
    if (f.number != graph_input && f.number != graph_output && f.number != graph_value_info)
      return {};
    value_info v;
    if (const error e = parse_value_info(f.payload, v); failed(e))
      return naming(e, f.number == graph_input    ? "graph input"
                       : f.number == graph_output ? "graph output"
                                                  : "value_info");
    if (f.number == graph_output) ++outputs_;
    if (f.number == graph_output) return {};
    const std::uint32_t tag = g_.names.find(g_.file, v.name);
    const field other = tag == 0 ? field{} : name_index::field_at(g_.file, tag);
    if (tag == 0 || other.number == graph_input) {
      if (f.number == graph_value_info) return {};
      ++inputs_;
      return define(v.name, f, status::too_many_tensors);
    }
    if (f.number == graph_input) // it merely lists the initializer, as IR version 3 requires
      if (const error e = check_listed_once(f, v); failed(e)) return e;
    tensor t;
    if (const error e = parse_tensor(other.payload, g_.external, t); failed(e)) return e;
    return check_declaration(v, t);
  }

  // Is no input before this one of its name?
  constexpr error check_listed_once(const field& f, const value_info& v) const noexcept {
    for (cursor c(g_.body); !c.done() && c.offset() < f.offset;) {
      field g;
      if (c.next(g) != status::ok) break;
      if (g.number == graph_input && same(name_in(g.payload, 1), v.name))
        return {status::duplicate_name, v.offset, v.name};
    }
    return {};
  }

  [[gnu::noinline]] constexpr error add_node(const field& f) noexcept {
    if (f.number != graph_node) return {};
    node n;
    if (const error e = parse_node(f, n); failed(e)) return e;
    if (n.op_type.empty()) return {status::missing_op_type, n.body.offset, n.label()};
    const bool is_constant = n.is("Constant");
    if (is_constant && (n.output_count != 1 || n.input_count != 0))
      return {status::wrong_arity, n.body.offset, n.label(), n.op_type};
    if (const error e = is_constant ? check_constant(n) : check_attributes(n); failed(e)) return e;
    if (const error e = check_names(f, n, is_constant); failed(e)) return e;
    return n.output_count != 0 ? error{}
                               : error{status::wrong_arity, n.body.offset, n.label(), n.op_type};
  }

  // Whole messages?
  static constexpr error check_attributes(const node& n) noexcept {
    for (cursor c(attributes_of(n)); !c.done();) {
      field g;
      (void)c.next(g);
      if (g.number == node_attribute)
        if (const error e = check_message(g, n.label()); failed(e)) return e;
    }
    return {};
  }

  [[gnu::noinline]] constexpr error check_constant(const node& n) const noexcept {
    constant_value value;
    tensor t;
    if (const error e = find_constant_value(n, g_.opset, value); failed(e)) return e;
    const error e =
        value.is_tensor ? parse_tensor(value.a.t, g_.external, t) : tensor_of(value.a, t);
    return failed(e) ? naming(e, n.label()) : e;
  }

  // Operands are defined before, results not.
  [[gnu::noinline]] constexpr error check_names(const field& f, const node& n,
                                                bool is_constant) noexcept {
    for (std::size_t i = 0; i < n.input_count; ++i) {
      const std::string_view name = operand(n, i);
      if (!name.empty() && g_.names.find(g_.file, name) == 0)
        return {is_result(name) ? status::not_sorted : status::dangling_name, n.body.offset, name,
                n.op_type};
    }
    for (std::size_t i = 0; i < n.output_count; ++i) {
      const std::string_view name = result_of(n, i);
      if (name.empty()) continue;
      if (result_index(n, name) != i) return {status::duplicate_name, n.body.offset, name};
      if (const error e =
              define(name, f, is_constant ? status::too_many_tensors : status::too_many_nodes);
          failed(e))
        return e;
    }
    return {};
  }

  [[gnu::noinline]] constexpr bool is_result(std::string_view name) const noexcept {
    for (cursor c(g_.body); !c.done();) {
      field f;
      if (c.next(f) != status::ok) break;
      if (f.number == graph_node && name_index_defines(f, name)) return true;
    }
    return false;
  }

  // Not const, as the others that each_field() calls.
  // NOLINTNEXTLINE(readability-make-member-function-const)
  constexpr error check_output(const field& f) noexcept {
    if (f.number != graph_output) return {};
    const std::string_view name = name_in(f.payload, 1);
    if (g_.names.find(g_.file, name) != 0) return {};
    return {status::dangling_name, f.payload.offset, name};
  }

  graph& g_;
  std::size_t inputs_ = 0, outputs_ = 0;
};

// One OperatorSetIdProto. Versions of other domains than these two do not matter.
constexpr error parse_opset(view message, graph& to) noexcept {
  std::string_view domain{};
  std::int64_t version = 0;
  for (cursor c(message); !c.done();) {
    field f;
    const std::size_t at = c.offset();
    if (const status e = c.next(f); e != status::ok) return {e, at, "opset_import"};
    if ((f.number == 1 && f.type != wire::length_delimited) ||
        (f.number == 2 && f.type != wire::varint))
      return {status::wrong_wire_type, f.offset, "opset_import"};
    if (f.number == 1) domain = f.payload.text();
    if (f.number == 2) version = static_cast<std::int64_t>(f.value);
  }
  const bool ml = same(domain, "ai.onnx.ml");
  if (!ml && !domain.empty() && !same(domain, "ai.onnx")) return {};
  std::int64_t& opset = ml ? to.ml_opset : to.opset;
  const bool repeated = opset != 0;
  if (repeated || version < (ml ? 1 : 7) || version > (ml ? 5 : 26))
    return {status::bad_opset, message.offset, "opset_import", {}, version, ml ? 5 : 26};
  opset = version;
  return {};
}

constexpr error read_model_field(const field& f, graph& to,
                                 std::optional<view>& graph_message) noexcept {
  if (!is_known_model_field(f.number)) return {status::unknown_field, f.offset, "model"};
  const bool number = f.number == model_ir_version || f.number == 5;
  if ((f.type == wire::varint) != number || (!number && f.type != wire::length_delimited))
    return {status::wrong_wire_type, f.offset, "model"};
  switch (f.number) {
  case model_ir_version: to.ir_version = static_cast<std::int64_t>(f.value); return {};
  case model_producer_name: to.producer_name = f.payload.text(); return {};
  case model_producer_version: to.producer_version = f.payload.text(); return {};
  case model_opset_import: return parse_opset(f.payload, to);
  case model_training_info: return {status::unsupported_feature, f.offset, "training_info"};
  case model_functions: return {status::unsupported_feature, f.offset, "functions"};
  case model_metadata: return check_message(f, "metadata_props");
  case model_configuration: return check_message(f, "configuration");
  case model_graph:
    if (graph_message) return {status::duplicate_field, f.offset, "graph"};
    graph_message = f.payload;
    return {};
  default: return {};
  }
}

} // namespace detail

constexpr bool name_index::defines(const field& f, std::string_view name) noexcept {
  return detail::name_index_defines(f, name);
}

// Reads a ModelProto whole: IR version 3 and up, default-domain operator set 7 to 26.
constexpr error parse_model(std::span<const char> model, external_files files,
                            graph& out) noexcept {
  if (model.size() > 0x7fffffffU) return {status::file_too_large, 0, "model"};
  std::optional<view> graph_message;
  out.file = {model.data(), model.size(), 0};
  out.external = files;
  for (cursor c(out.file); !c.done();) {
    field f;
    const std::size_t at = c.offset();
    if (const status e = c.next(f); e != status::ok) return {e, at, "model"};
    if (const error e = detail::read_model_field(f, out, graph_message); failed(e)) return e;
  }
  if (out.ir_version < 3) return {status::bad_ir_version, 0, "model", {}, out.ir_version, 3};
  if (!graph_message) return {status::missing_graph, 0, "model"};
  if (out.opset == 0) return {status::bad_opset, 0, "opset_import"};
  out.body = *graph_message;
  return detail::graph_indexer(out).index();
}

} // namespace tinymlp::onnx
