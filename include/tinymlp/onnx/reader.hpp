// Reads what nodes say: attributes, constants behind operators that do not change them, and shapes.
// Functions that return bool return false once something was refused; error() then says what.
#pragma once

#include <tinymlp/onnx/bulk.hpp>
#include <tinymlp/onnx/plan.hpp>
#include <tinymlp/onnx/shape.hpp>

#include <cstddef>
#include <cstdint>
#include <string_view>
#include <type_traits>

namespace tinymlp::onnx::detail {

// A constant as a node sees it: `t` has the shape that the node sees, elements in the file's order.
struct operand_constant {
  constant where{};
  tensor t{};
  bool is_cast = false;    // of another type in the file
  bool transposed = false; // a matrix whose dimensions the file has the other way round
};

class graph_reader {
public:
  constexpr explicit graph_reader(const graph& from) noexcept : g_(from) {}
  constexpr const tinymlp::error& error() const noexcept { return why_; }

protected:
  // ---- refusals

  [[gnu::noinline]] constexpr bool fail(const tinymlp::error& why) noexcept {
    why_ = why;
    return false;
  }
  [[gnu::noinline]] constexpr bool fail(status code, const node& n, std::string_view what = {},
                                        std::int64_t found = -1,
                                        std::int64_t accepted = -1) noexcept {
    return fail({code, n.body.offset, what.empty() ? n.label() : what, n.op_type, found, accepted});
  }
  [[gnu::noinline]] constexpr bool fail(status code, const tensor& t, std::int64_t found = -1,
                                        std::int64_t accepted = -1) noexcept {
    tinymlp::error why{code, t.offset, t.name, {}, found, accepted};
    why.rank = static_cast<std::uint8_t>(t.rank > why.dims.size() ? 0 : t.rank);
    for (std::size_t i = 0; i < why.rank; ++i) why.dims[i] = t.dims[i];
    return fail(why);
  }
  [[gnu::noinline]] constexpr bool fail(status code, const attribute& a) noexcept {
    return fail({code, a.offset, a.name});
  }
  constexpr bool ok(const tinymlp::error& why) noexcept { return !failed(why) || fail(why); }

  // ---- edges

  // The field that defines the value: of a node, an initializer or a graph input.
  [[gnu::noinline]] constexpr field definition(std::string_view value) const noexcept {
    const std::uint32_t tag = value.empty() ? 0 : g_.names.find(g_.file, value);
    return tag == 0 ? field{} : name_index::field_at(g_.file, tag);
  }
  [[gnu::noinline]] constexpr bool producer(std::string_view value, node& out) const noexcept {
    const field f = definition(value);
    return f.number == graph_node && !failed(parse_node(f, out));
  }

  // The value itself, of which operators that do nothing may have made this one.
  [[gnu::noinline]] constexpr std::string_view origin(std::string_view value) const noexcept {
    node n;
    while (producer(value, n) && passes(n, value)) value = n.inputs[0];
    return value;
  }
  // Is the node's result its first operand, unchanged in value and shape?
  [[gnu::noinline]] constexpr bool passes(const node& n, std::string_view result) const noexcept {
    if (n.input_count == 0 || !same(n.outputs[0], result)) return false;
    if (n.is("Identity") || (n.is("Dropout") && n.input_count < 3)) return true;
    return (n.is("Concat") && n.input_count == 1) || (n.is("Cast") && is_float_cast(n));
  }
  // Cast of float32 to float32.
  [[gnu::noinline]] constexpr bool is_float_cast(const node& n) const noexcept {
    std::int64_t to = 0;
    std::string_view from = n.inputs[0];
    for (node before; producer(from, before) && before.is("Identity");) from = before.inputs[0];
    return peek_int(n, "to", to) && to == static_cast<std::int64_t>(element::float32) &&
           !is_result_of(from, "MatMulInteger") && !is_other_constant(from);
  }
  [[gnu::noinline]] constexpr bool is_result_of(std::string_view value,
                                                op_name op_type) const noexcept {
    node n;
    return producer(value, n) && n.is(op_type);
  }
  [[gnu::noinline]] constexpr bool is_other_constant(std::string_view value) const noexcept {
    const field f = definition(value);
    node n;
    return f.number == graph_initializer ||
           (f.number == graph_node && !failed(parse_node(f, n)) && n.is("Constant"));
  }

  // ---- attributes

  // What the attributes of the node at the chain's end are, so that they are parsed once. (The
  // node's attributes have been checked where the node is on the way to the output.)
  static constexpr std::size_t max_attributes = 6;
  struct known_attributes {
    std::size_t node = 0; // its tag
    std::size_t count = 0;
    std::array<std::uint32_t, max_attributes> codes{}, tags{};
    std::array<attribute_type, max_attributes> types{};
    std::array<std::int64_t, max_attributes> integers{};
    std::array<float, max_attributes> floats{};
  };
  // Index of the attribute, or count; the node must be the known one.
  constexpr std::size_t known_index(op_name wanted) const noexcept {
    std::size_t i = 0;
    while (i < known_.count && known_.codes[i] != wanted.code) ++i;
    return i;
  }
  [[gnu::noinline]] constexpr bool find_attribute(const node& n, op_name wanted,
                                                  attribute& out) const noexcept {
    if (n.tag != 0 && n.tag == known_.node) {
      const std::size_t i = known_index(wanted);
      return i != known_.count &&
             !failed(parse_attribute(name_index::field_at(g_.file, known_.tags[i]).payload, out));
    }
    for (cursor c(attributes_of(n)); !c.done();) {
      field f;
      if (c.next(f) != status::ok) return false;
      if (f.number != node_attribute || !same(name_in(f.payload, attribute_name), wanted.text))
        continue;
      return !failed(parse_attribute(f.payload, out));
    }
    return false;
  }
  [[gnu::noinline]] constexpr bool peek_int(const node& n, op_name wanted,
                                            std::int64_t& value) const noexcept {
    attribute a;
    if (!find_attribute(n, wanted, a) || a.type != attribute_type::int64) return false;
    value = a.i;
    return true;
  }
  [[gnu::noinline]] constexpr bool read_int(const node& n, op_name wanted,
                                            std::int64_t& value) noexcept {
    attribute a;
    if (n.tag == known_.node) {
      const std::size_t i = known_index(wanted);
      if (i == known_.count) return true;
      value = known_.integers[i];
      if (known_.types[i] == attribute_type::int64) return true;
    }
    if (!find_attribute(n, wanted, a)) return true;
    if (a.type != attribute_type::int64) return fail(status::bad_attribute, a);
    value = a.i;
    return true;
  }
  [[gnu::noinline]] constexpr bool read_float(const node& n, op_name wanted,
                                              float& value) noexcept {
    attribute a;
    if (n.tag == known_.node) {
      const std::size_t i = known_index(wanted);
      if (i == known_.count) return true;
      value = known_.floats[i];
      if (known_.types[i] == attribute_type::float32 && is_finite(value)) return true;
    }
    if (!find_attribute(n, wanted, a)) return true;
    if (a.type != attribute_type::float32 || !is_finite(a.f)) return fail(status::bad_attribute, a);
    value = a.f;
    return true;
  }

  // ---- constants

  // Made of a constant by operators that only change its shape or, exactly, its type?
  [[gnu::noinline]] constexpr bool is_constant(std::string_view value) const noexcept {
    node n;
    for (std::size_t hops = 0; hops <= max_values; ++hops) {
      const field f = definition(value);
      if (f.number == graph_initializer) return true;
      if (f.number != graph_node || failed(parse_node(f, n))) return false;
      if (n.is("Constant")) return true;
      if (!keeps_elements(n)) return false;
      value = n.inputs[0];
    }
    return false;
  }
  // Computed of constants alone, by few operators of any kind: whoever exports may fold it.
  [[gnu::noinline]] constexpr bool is_of_constants(std::string_view value,
                                                   unsigned depth) noexcept {
    node n;
    if (depth == 8 || ++work_ > max_work) return false;
    if (is_other_constant(value)) return true;
    if (!producer(value, n)) return false;
    bool all = n.input_count != 0;
    for (std::size_t i = 0; all && i < n.input_count; ++i)
      all = operand(n, i).empty() || is_of_constants(operand(n, i), depth + 1);
    return all;
  }
  static constexpr bool keeps_elements(const node& n) noexcept {
    return n.input_count != 0 &&
           (n.is("Identity") || n.is("Cast") || n.is("Transpose") || n.is("Reshape") ||
            n.is("Unsqueeze") || n.is("Squeeze") || n.is("Flatten"));
  }

  // The constant itself, as the file holds it; false where the value is none.
  constexpr bool read_whole(std::string_view value, operand_constant& out) noexcept {
    return read_defined(definition(value), value, out);
  }
  [[gnu::noinline]] constexpr bool read_defined(const field& f, std::string_view value,
                                                operand_constant& out) noexcept {
    out.where = {};
    if (f.number == graph_initializer)
      out.where.offset = static_cast<std::uint32_t>(f.offset & 0x7fffffffU);
    else if (f.number != graph_node || !find_value(f, out.where))
      return false;
    if (failed(read_constant(g_.file, g_.external, out.where, out.t))) return false;
    out.t.name = value;
    return true;
  }
  // Of a Constant node.
  [[gnu::noinline]] constexpr bool find_value(const field& f, constant& out) const noexcept {
    node n;
    constant_value v;
    if (failed(parse_node(f, n)) || !n.is("Constant") ||
        failed(find_constant_value(n, g_.opset, v)))
      return false;
    out.offset = static_cast<std::uint32_t>(v.tag & 0x7fffffffU);
    out.is_list = v.is_tensor ? 0 : 1;
    return true;
  }

  // The constant of that name, whichever its type is.
  [[gnu::noinline]] constexpr bool take_any(const node& user, std::string_view value,
                                            operand_constant& out) noexcept {
    out.transposed = out.is_cast = false;
    if (read_whole(value, out)) return true;
    if (depth_ == 5) return fail(status::not_constant, user, value);
    ++depth_;
    const bool done = take_changed(user, value, out);
    --depth_;
    return done;
  }
  [[gnu::noinline]] constexpr bool take_changed(const node& user, std::string_view value,
                                                operand_constant& out) noexcept {
    node n;
    std::string_view from = value;
    while (producer(from, n) && n.is("Identity")) from = n.inputs[0];
    if (read_whole(from, out)) return true;
    if (!producer(from, n) || !keeps_elements(n)) return fail(status::not_constant, user, value);
    if (!take_any(user, n.inputs[0], out)) return false;
    return n.is("Cast") ? cast_constant(n, out) : shape_constant(n, out);
  }
  // Of float16, float64 or integers to float32, where that is exact.
  [[gnu::noinline]] constexpr bool cast_constant(const node& n, operand_constant& out) noexcept {
    std::int64_t to = 0, saturate = 1;
    if (!read_int(n, "to", to) || !read_int(n, "saturate", saturate)) return false;
    if (saturate != 0 && saturate != 1)
      return fail(status::bad_attribute, n, "saturate", saturate, 1);
    if (to == static_cast<std::int64_t>(out.t.type)) return true;
    const bool was_cast = out.is_cast;
    out.is_cast = true;
    if (is_integer(out.t.type) && is_integer(static_cast<element>(to)))
      return true; // as it is read
    if (to == 1 && (is_integer(out.t.type) || is_byte(out.t.type)))
      return integers_to_floats(n, was_cast, out);
    const bool is_half = out.t.type == element::float16, is_double = out.t.type == element::float64;
    if (to != 1 || (!is_half && !is_double)) return fail(status::bad_attribute, n, "to", to, 1);
    std::uint64_t bits = 0;
    for (element_reader reader(out.t); is_double && reader.next(bits);) {
      const auto value = std::bit_cast<double>(bits);
      const bool finite = (bits >> 52 & 0x7ff) != 0x7ff;
      if (!finite || value > 0x1.fffffep127 || value < -0x1.fffffep127)
        return fail({status::non_finite_weight, reader.offset(), out.t.name, n.op_type});
      if (static_cast<double>(static_cast<float>(value)) != value)
        return fail({status::inexact_cast, reader.offset(), out.t.name, n.op_type});
    }
    out.t.type = element::float32; // so it counts
    return true;
  }
  // Behind another Cast, which may have narrowed them, only integers that int32 holds.
  [[gnu::noinline]] constexpr bool integers_to_floats(const node& n, bool was_cast,
                                                      operand_constant& out) noexcept {
    const std::int64_t most = was_cast ? 0x7fffffff : std::int64_t{1} << 62;
    std::int64_t value = 0;
    for (element_reader reader(out.t); reader.next(value);)
      if (value > most || value < -most ||
          static_cast<std::int64_t>(static_cast<float>(value)) != value)
        return fail({status::inexact_cast, reader.offset(), out.t.name, n.op_type});
    out.t.type = element::float32; // so it counts
    return true;
  }
  static constexpr bool is_byte(element type) noexcept {
    return type == element::int8 || type == element::uint8;
  }
  static constexpr bool is_integer(element type) noexcept {
    return type == element::int32 || type == element::int64;
  }
  [[gnu::noinline]] constexpr bool shape_constant(const node& n, operand_constant& out) noexcept {
    if (n.is("Transpose")) return transpose_constant(n, out);
    row_shape s;
    s.rank = out.t.rank;
    for (std::size_t i = 0; i < s.rank; ++i) s.dims[i] = out.t.dims[i];
    if (!reshape_by(n, s)) return false;
    if (out.transposed && !keeps_matrix(out.t, s))
      return fail(status::not_constant, n); // elements in no order that steps can tell
    out.t.rank = s.rank;
    for (std::size_t i = 0; i < s.rank; ++i) out.t.dims[i] = s.dims[i];
    return true;
  }
  // Has the shape the dimensions of the matrix, those of one value left aside?
  static constexpr bool keeps_matrix(const tensor& t, const row_shape& s) noexcept {
    std::size_t i = 0;
    for (std::size_t k = 0; k < t.rank; ++k) {
      if (t.dims[k] == 1) continue;
      while (i < s.rank && s.dims[i] == 1) ++i;
      if (i == s.rank || s.dims[i++] != t.dims[k]) return false;
    }
    return true; // all others are 1: it has as many elements
  }
  // Transpose, of which no more than two dimensions change places, those of one value left aside.
  [[gnu::noinline]] constexpr bool transpose_constant(const node& n,
                                                      operand_constant& out) noexcept {
    attribute a;
    int_list perm;
    const tensor from = out.t;
    if (!find_attribute(n, "perm", a))
      for (; perm.count < from.rank; ++perm.count)
        perm.values[perm.count] = static_cast<std::int32_t>(from.rank - 1 - perm.count);
    else if (!read_ints_of(a, perm))
      return false;
    bool seen[max_rank] = {};
    std::size_t moved = 0, wide = 0, last = 0; // axes of more than one value
    if (perm.count != from.rank) return fail(status::bad_attribute, n, "perm");
    for (std::size_t i = 0; i < from.rank; ++i) {
      const std::int64_t axis = perm.values[i];
      if (axis < 0 || axis >= static_cast<std::int64_t>(from.rank) ||
          seen[static_cast<std::size_t>(axis)])
        return fail(status::bad_attribute, n, "perm");
      const auto at = static_cast<std::size_t>(axis);
      seen[at] = true;
      out.t.dims[i] = from.dims[at];
      if (from.dims[at] == 1) continue;
      if (wide++ != 0 && at < last) ++moved;
      last = at;
    }
    if (moved == 0) return true;
    if (wide != 2) return fail(status::not_constant, n);
    out.transposed = !out.transposed;
    return true;
  }

  [[gnu::noinline]] constexpr bool take(const node& user, std::string_view value, element type,
                                        operand_constant& out) noexcept {
    if (!take_any(user, value, out)) return false;
    // Floats that are taken value by value, in the order of the file. (Weights come by take_any.)
    if (type == element::float32 && out.transposed) return fail(status::not_constant, user, value);
    if (out.t.type == type) return true;
    return fail(status::wrong_element_type, out.t, static_cast<std::int64_t>(out.t.type),
                static_cast<std::int64_t>(type));
  }
  [[gnu::noinline]] constexpr bool
  take_floats(const node& user, std::string_view value, operand_constant& out,
              status otherwise = status::non_finite_weight) noexcept {
    return take(user, value, element::float32, out) && check_finite(out, otherwise);
  }

  // Every value finite; with `divisor` none 0.
  constexpr bool check_finite(const operand_constant& c, status otherwise,
                              bool divisor = false) noexcept {
    return c.is_cast ? check_finite(c.where, otherwise, divisor)
                     : check_finite(c.t, otherwise, divisor);
  }
  constexpr bool check_finite(constant c, status otherwise, bool divisor) noexcept {
    tensor t;
    (void)read_constant(g_.file, g_.external, c, t);
    return check_finite(t, otherwise, divisor);
  }
  [[gnu::noinline]] constexpr bool check_finite(const tensor& t, status otherwise,
                                                bool divisor) noexcept {
    const char* data = nullptr;
    if (!std::is_constant_evaluated() && !divisor && raw_floats(t, data) &&
        bulk::all_finite(data, static_cast<std::size_t>(t.count)))
      return true;
    float value = 0;
    for (element_reader reader(t); reader.next(value);) {
      if (!is_finite(value)) return fail({otherwise, reader.offset(), t.name});
      if (divisor && value == 0) return fail({status::zero_std, reader.offset(), t.name});
    }
    return true;
  }

  // A float constant of one value; false, and nothing refused, where it is none.
  [[gnu::noinline]] constexpr bool scalar(std::string_view value, float& out) noexcept {
    if (!is_constant(value)) return false;
    operand_constant c;
    const bool found = take_any(node{}, value, c) && c.t.type == element::float32 && c.t.count == 1;
    why_ = {};
    if (found && c.t.rank > scalar_rank_) scalar_rank_ = c.t.rank;
    return found && read_first(c.where, out);
  }
  // Of Pow: since operator set 12 in a type of its own.
  [[gnu::noinline]] constexpr bool exponent(std::string_view value, float& out) noexcept {
    if (scalar(value, out)) return true;
    operand_constant c;
    std::uint64_t bits = 0;
    const bool found = g_.opset >= 12 && is_constant(value) && take_any(node{}, value, c) &&
                       c.t.count == 1 && element_reader(c.t).next(bits);
    why_ = {};
    if (!found) return false;
    if (c.t.rank > scalar_rank_) scalar_rank_ = c.t.rank;
    if (is_integer(c.t.type)) {
      std::int64_t integer = 0;
      element_reader(c.t).next(integer);
      out = static_cast<float>(integer);
      return true;
    }
    (void)element_reader(c.t).next(out);
    return c.t.type == element::float16 ||
           (c.t.type == element::float64 && std::bit_cast<double>(bits) == double{out});
  }
  std::size_t scalar_rank_ = 0; // the most dimensions of any that scalar() found
  // As the file has it: read again, since a Cast may have changed the type.
  [[gnu::noinline]] constexpr bool read_first(constant c, float& out) const noexcept {
    tensor t;
    return !failed(read_constant(g_.file, g_.external, c, t)) && element_reader(t).next(out);
  }

  // ---- integers

  [[gnu::noinline]] constexpr bool read_ints_of(const attribute& a, int_list& out) noexcept {
    tensor t;
    if (a.type != attribute_type::ints && a.type != attribute_type::int64)
      return fail(status::bad_attribute, a);
    return ok(tensor_of(a, t)) && read_ints_of(t, out);
  }
  [[gnu::noinline]] constexpr bool read_ints_of(const tensor& t, int_list& out) noexcept {
    if (!is_integer(t.type))
      return fail(status::wrong_element_type, t, static_cast<std::int64_t>(t.type),
                  static_cast<std::int64_t>(element::int64));
    if (t.rank > 1 || t.count > max_rank) return fail(status::shape_mismatch, t);
    out = {};
    out.count = static_cast<std::size_t>(t.count);
    out.is_scalar = t.rank == 0;
    out.type = static_cast<std::uint8_t>(t.type);
    element_reader reader(t);
    for (std::size_t i = 0; i < out.count; ++i) {
      std::int64_t value = 0;
      reader.next(value);
      constexpr std::int64_t most = 0x7fffffff;
      out.values[i] = static_cast<std::int32_t>(value > most    ? most
                                                : value < -most ? -most
                                                                : value);
    }
    return true;
  }

  // Of an operand: a constant, or computed from the shapes of values that are known.
  [[gnu::noinline]] constexpr bool ints(const node& user, std::string_view value,
                                        int_list& out) noexcept {
    if (is_other_constant(value)) return constant_ints(value, out);
    if (depth_ == 5 || ++work_ > max_work) return fail(status::not_constant, user, value);
    ++depth_;
    const bool done = computed_ints(user, value, out);
    --depth_;
    return done;
  }
  // Where ONNX has int64 only: targets of Reshape and Expand, axes.
  [[gnu::noinline]] constexpr bool int64s(const node& user, std::string_view value,
                                          int_list& out) noexcept {
    if (!ints(user, value, out)) return false;
    if (out.is(element::int64)) return true;
    operand_constant c;
    if (!read_whole(value, c)) c.t.name = value, c.t.offset = user.body.offset;
    return fail(status::wrong_element_type, c.t, out.type,
                static_cast<std::int64_t>(element::int64));
  }
  [[gnu::noinline]] constexpr bool constant_ints(std::string_view value, int_list& out) noexcept {
    operand_constant c;
    return read_whole(value, c) && read_ints_of(c.t, out);
  }
  [[gnu::noinline]] constexpr bool computed_ints(const node& user, std::string_view value,
                                                 int_list& out) noexcept {
    node n;
    bool is_scalar = false, is_list = false; // made so by the last Squeeze, Unsqueeze or Reshape
    std::int64_t type = 0, to = 0;           // made so by the last Cast
    bool narrows = false;
    for (;;) {
      if (!producer(value, n) || ++work_ > max_work) return fail(status::not_constant, user, value);
      const bool squeezes = n.is("Squeeze"), lists = n.is("Unsqueeze") || reshapes_to_list(n);
      if (!squeezes && !lists && !n.is("Identity") && !n.is("Cast")) break;
      if (!is_scalar && !is_list) is_scalar = squeezes, is_list = lists;
      if (n.is("Cast") && peek_int(n, "to", to)) {
        if (type == 0) type = to;
        narrows = narrows || to == static_cast<std::int64_t>(element::int32);
      }
      value = n.inputs[0];
      if (is_other_constant(value)) break;
    }
    const bool done = is_other_constant(value) ? constant_ints(value, out) : operator_ints(n, out);
    if (!done) return false;
    if (is_scalar || is_list) out.is_scalar = is_scalar;
    if (type != 0) out.type = static_cast<std::uint8_t>(type < 0 || type > 64 ? 0 : type);
    for (std::size_t i = 0; narrows && i < out.count; ++i) // int32 may hold another number then
      if (out.values[i] == 0x7fffffff || out.values[i] == -0x7fffffff)
        return fail(status::value_out_of_range, user, value);
    return out.count == 1 || !is_scalar || fail(status::not_constant, user, value);
  }
  // Reshape to [-1].
  [[gnu::noinline]] constexpr bool reshapes_to_list(const node& n) noexcept {
    int_list to;
    if (!n.is("Reshape") || n.input_count != 2) return false;
    const std::string_view shape = origin(n.inputs[1]);
    const bool is_known = is_other_constant(shape) && constant_ints(shape, to);
    why_ = {};
    return is_known && to.count == 1 && !to.is_scalar && to.values[0] == -1 &&
           to.is(element::int64);
  }
  [[gnu::noinline]] constexpr bool operator_ints(const node& n, int_list& out) noexcept {
    if (n.is("Shape") && n.input_count == 1) return shape_ints(n, out);
    if (n.is("Gather") && n.input_count == 2) return gather_ints(n, out);
    if (n.is("Concat")) return concat_ints(n, out);
    if (n.is("Slice")) return slice_ints(n, out);
    if (is_arithmetic(n) && n.input_count == 2) return arithmetic_ints(n, out);
    return fail(status::not_constant, n);
  }
  [[gnu::noinline]] constexpr bool shape_ints(const node& n, int_list& out) noexcept {
    row_shape s;
    std::int64_t start = 0, end = static_cast<std::int64_t>(max_rank);
    if (within_shape_) return fail(status::not_constant, n);
    within_shape_ = true;
    const bool done = shape_of(n, n.inputs[0], s);
    within_shape_ = false;
    if (!done) return false;
    if (!read_int(n, "start", start) || !read_int(n, "end", end)) return false;
    const auto rank = static_cast<std::int64_t>(s.rank);
    start = start < 0 ? start + rank : start, end = end < 0 ? end + rank : end;
    out = {};
    for (std::int64_t i = start < 0 ? 0 : start; i < end && i < rank; ++i) {
      if (static_cast<std::size_t>(i) == s.batch) out.batch = out.count;
      out.values[out.count++] = static_cast<std::int32_t>(s.dims[static_cast<std::size_t>(i)]);
    }
    return true;
  }
  [[gnu::noinline]] constexpr bool gather_ints(const node& n, int_list& out) noexcept {
    int_list from, which;
    if (n.input_count != 2 || !ints(n, n.inputs[0], from) || !ints(n, n.inputs[1], which))
      return false;
    out = {};
    out.is_scalar = which.is_scalar;
    out.type = from.type;
    for (std::size_t k = 0; k < which.count; ++k) {
      const auto size = static_cast<std::int64_t>(from.count);
      const std::int64_t at = which.values[k], i = at < 0 ? at + size : at;
      if (i < 0 || i >= size) return fail(status::value_out_of_range, n);
      if (static_cast<std::size_t>(i) == from.batch) out.batch = k;
      out.values[out.count++] = from.values[static_cast<std::size_t>(i)];
    }
    return true;
  }
  [[gnu::noinline]] constexpr bool concat_ints(const node& n, int_list& out) noexcept {
    out = {};
    for (std::size_t k = 0; k < n.input_count; ++k) {
      int_list part;
      if (!ints(n, operand(n, k), part)) return false;
      if (part.is_scalar || out.count + part.count > max_rank || (k != 0 && part.type != out.type))
        return fail(status::shape_mismatch, n);
      out.type = part.type;
      if (part.batch != max_rank) out.batch = out.count + part.batch;
      for (std::size_t i = 0; i < part.count; ++i) out.values[out.count++] = part.values[i];
    }
    return true;
  }
  // Add, Sub, Mul, Div; only what stays the number of rows is told to be it.
  [[gnu::noinline]] constexpr bool arithmetic_ints(const node& n, int_list& out) noexcept {
    int_list by;
    if (!ints(n, n.inputs[0], out) || !ints(n, n.inputs[1], by)) return false;
    if (out.count != by.count || out.type != by.type) return fail(status::shape_mismatch, n);
    out.is_scalar = out.is_scalar && by.is_scalar;
    const bool multiplies = n.is("Mul");
    for (std::size_t i = 0; i < out.count; ++i) {
      const std::int64_t a = out.values[i], b = by.values[i];
      if (b == 0 && n.is("Div")) return fail(status::value_out_of_range, n);
      const std::int64_t r = multiplies ? a * b : n.is("Add") ? a + b : n.is("Sub") ? a - b : a / b;
      if (r > 0x7fffffff || r < -0x7fffffff) return fail(status::dimension_overflow, n);
      const bool left = out.batch == i && multiplies && b == 1;
      const bool right = by.batch == i && multiplies && a == 1;
      if (out.batch == i || right) out.batch = left || right ? i : max_rank;
      out.values[i] = static_cast<std::int32_t>(r);
    }
    return true;
  }
  [[gnu::noinline]] constexpr bool slice_ints(const node& n, int_list& out) noexcept {
    int_list from;
    slice_range r;
    if (!ints(n, n.inputs[0], from) || !read_slice(n, r)) return false;
    const auto size = static_cast<std::int64_t>(from.count);
    if (r.count != 1 || (r.axes.values[0] != 0 && r.axes.values[0] != -1))
      return fail(status::shape_mismatch, n);
    const std::int64_t end = clamped(r.ends.values[0], size);
    out = {};
    out.type = from.type;
    for (std::int64_t i = clamped(r.starts.values[0], size); i < end; ++i) {
      if (static_cast<std::size_t>(i) == from.batch) out.batch = out.count;
      out.values[out.count++] = from.values[static_cast<std::size_t>(i)];
    }
    return true;
  }

  // Slice: attributes before operator set 10, inputs since. Steps of 1 only.
  struct slice_range {
    std::size_t count = 0;
    int_list starts{}, ends{}, axes{};
  };
  static constexpr std::int64_t clamped(std::int64_t i, std::int64_t size) noexcept {
    if (i < 0) i += size;
    return i < 0 ? 0 : i > size ? size : i;
  }
  [[gnu::noinline]] constexpr bool read_slice(const node& n, slice_range& r) noexcept {
    int_list steps;
    attribute a;
    const bool by_attributes = g_.opset < 10;
    if (by_attributes) {
      if (!find_attribute(n, "starts", a)) return fail(status::missing_data, n, "starts");
      if (!read_ints_of(a, r.starts)) return false;
      if (!find_attribute(n, "ends", a)) return fail(status::missing_data, n, "ends");
      if (!read_ints_of(a, r.ends)) return false;
      if (find_attribute(n, "axes", a) && !read_ints_of(a, r.axes)) return false;
    } else {
      if (n.input_count < 3) return fail(status::wrong_arity, n);
      if (!ints(n, n.inputs[1], r.starts) || !ints(n, n.inputs[2], r.ends)) return false;
      if (n.input_count > 3 && !n.inputs[3].empty() && !ints(n, n.inputs[3], r.axes)) return false;
      if (n.input_count > 4 && !ints(n, n.inputs[4], steps)) return false;
    }
    r.count = r.starts.count;
    for (std::size_t i = 0; i < steps.count; ++i)
      if (steps.values[i] != 1) return fail(status::bad_attribute, n, "steps", steps.values[i], 1);
    if (r.axes.count == 0)
      for (; r.axes.count < r.count; ++r.axes.count)
        r.axes.values[r.axes.count] = static_cast<std::int32_t>(r.axes.count);
    if (r.ends.type != r.starts.type)
      return fail(status::wrong_element_type, n, {}, r.ends.type, r.starts.type);
    return (r.ends.count == r.count && r.axes.count == r.count) || fail(status::shape_mismatch, n);
  }

  // ---- shapes

  // Of a value that is made, by operators whose effect on shapes is known, of a graph input or of
  // `known_value_`, whose shape is `known_shape_`. Walks back once for each of them: that takes
  // time, but no stack.
  [[gnu::noinline]] constexpr bool shape_of(const node& user, std::string_view value,
                                            row_shape& out) noexcept {
    std::size_t hops = 0;
    std::string_view at = value;
    node n;
    for (;; ++hops) {
      if (is_known(at)) break;
      if (definition(at).number == graph_input) break;
      if (hops == 64 || !producer(at, n) || n.input_count == 0)
        return fail(status::not_constant, user, value);
      at = shaping_operand(n);
    }
    if (is_known(at))
      out = known_shape_;
    else if (!input_shape(definition(at), out))
      return false;
    while (hops-- != 0) {
      at = value;
      if ((work_ += hops) > max_work) return fail(status::not_constant, user, value);
      for (std::size_t i = 0; i <= hops && producer(at, n); ++i)
        at = i == hops ? at : shaping_operand(n);
      if (!change_shape(user, n, at, out)) return false;
    }
    return true;
  }
  constexpr bool is_known(std::string_view value) const noexcept {
    return !known_value_.empty() && same(value, known_value_);
  }
  static constexpr bool is_arithmetic(const node& n) noexcept {
    return n.is("Add") || n.is("Sub") || n.is("Mul") || n.is("Div");
  }
  [[gnu::noinline]] constexpr std::string_view shaping_operand(const node& n) const noexcept {
    const bool second = is_arithmetic(n) &&
                        (is_constant(n.inputs[0]) || is_result_of(n.inputs[0], "ConstantOfShape"));
    return n.inputs[second ? 1 : 0];
  }
  [[gnu::noinline]] constexpr bool change_shape(const node& user, const node& n,
                                                std::string_view result, row_shape& s) noexcept {
    if (passes(n, result) || keeps_shape(n) || is_arithmetic(n)) return true;
    if (n.is("Gemm") || n.is("MatMul")) return product_shape(n, s);
    return is_reshaping(n) ? reshape_by(n, s) : fail(status::not_constant, user, result);
  }
  static constexpr bool keeps_shape(const node& n) noexcept {
    constexpr op_name names[] = {
        "Relu",     "Tanh", "Sigmoid",           "Exp", "Clip", "Elu", "Selu", "LeakyRelu",
        "Softplus", "Erf",  "BatchNormalization"};
    bool found = false;
    for (const op_name& name : names) found = found || n.is(name);
    return found;
  }
  [[gnu::noinline]] constexpr bool product_shape(const node& n, row_shape& out) noexcept {
    operand_constant w;
    std::int64_t transposed = 0;
    if (!take_any(n, n.inputs[1], w)) return false;
    if (!read_int(n, "transB", transposed)) return false;
    if (w.t.rank != 2 || out.rank == 0) return fail(status::shape_mismatch, w.t);
    out.dims[out.rank - 1] = w.t.dims[transposed == 1 ? 0 : 1];
    return true;
  }

  // As declared; the rows are its first axis, where that is symbolic or there are others.
  [[gnu::noinline]] constexpr bool input_shape(const field& f, row_shape& out) noexcept {
    value_info v;
    if (!ok(parse_value_info(f.payload, v))) return false;
    if (!v.is_tensor || v.element_type != static_cast<std::uint64_t>(element::float32))
      return fail({status::wrong_element_type,
                   v.offset,
                   v.name,
                   {},
                   static_cast<std::int64_t>(v.element_type),
                   1});
    if (!v.has_shape || v.rank == 0 || v.rank > 4)
      return fail({status::shape_mismatch, v.offset, v.name});
    if (v.dims[0] == 0) return fail({status::bad_dimension, v.offset, v.name, {}, 0, max_width});
    out = {};
    out.rank = v.rank;
    const bool has_rows = v.rank > 1 || v.dims[0] < 0;
    for (std::size_t i = 0; i < v.rank; ++i) {
      if (i == 0 && has_rows) continue;
      if (v.dims[i] < 0 || v.dims[i] > static_cast<std::int64_t>(max_width))
        return fail({status::bad_dimension, v.offset, v.name, {}, v.dims[i], max_width});
      out.dims[i] = static_cast<std::uint32_t>(v.dims[i]);
    }
    if (has_rows) out.dims[0] = 1, out.batch = 0, out.rows = v.dims[0];
    if (out.width() <= max_width) return true;
    return fail({status::bad_dimension,
                 v.offset,
                 v.name,
                 {},
                 static_cast<std::int64_t>(out.width()),
                 max_width});
  }

  static constexpr bool is_reshaping(const node& n) noexcept {
    return n.is("Flatten") || n.is("Reshape") || n.is("Squeeze") || n.is("Unsqueeze") ||
           n.is("Transpose") || n.is("Expand");
  }

  // What an operator that keeps all values in their order makes of a shape.
  [[gnu::noinline]] constexpr bool reshape_by(const node& n, row_shape& s) noexcept {
    if (n.is("Flatten")) return flatten(n, s);
    if (n.is("Reshape")) return reshape(n, s);
    if (n.is("Squeeze")) return squeeze(n, s);
    if (n.is("Unsqueeze")) return unsqueeze(n, s);
    if (n.is("Transpose")) return transpose(n, s);
    if (n.is("Expand")) return expand(n, s);
    return fail(status::unexpected_operator, n);
  }

  [[gnu::noinline]] constexpr bool fail_shape(const node& n, const row_shape& s,
                                              std::string_view what = {},
                                              status code = status::shape_mismatch) noexcept {
    tinymlp::error why{code, n.body.offset, what.empty() ? n.label() : what, n.op_type};
    why.rank = static_cast<std::uint8_t>(s.rank > why.dims.size() ? 0 : s.rank);
    for (std::size_t i = 0; i < why.rank; ++i)
      why.dims[i] = i == s.batch && s.rows != 1 ? 0 : s.dims[i];
    return fail(why);
  }

  // Flatten (1, 9, 11, 13, ...): [d0 ... dn] -> [product before axis, product from axis].
  [[gnu::noinline]] constexpr bool flatten(const node& n, row_shape& s) noexcept {
    std::int64_t at = 1;
    if (!read_int(n, "axis", at)) return false;
    const auto rank = static_cast<std::int64_t>(s.rank);
    if (at < (g_.opset >= 11 ? -rank : 0) || at > rank)
      return fail(status::bad_attribute, n, "axis", at, rank);
    const auto axis = static_cast<std::size_t>(at < 0 ? at + rank : at);
    std::uint64_t before = 1;
    for (std::size_t i = 0; i < axis; ++i) before *= s.dims[i];
    const bool keeps_rows = s.has_batch() && s.batch < axis && before == 1;
    s.dims[1] = static_cast<std::uint32_t>(s.width() / before);
    s.dims[0] = static_cast<std::uint32_t>(before);
    s.rank = 2;
    s.batch = keeps_rows ? 0 : max_rank;
    return true;
  }

  // Reshape (5, 13, 14, ...).
  [[gnu::noinline]] constexpr bool reshape(const node& n, row_shape& s) noexcept {
    int_list to;
    std::int64_t allow_zero = 0;
    if (n.input_count != 2) return fail(status::wrong_arity, n);
    if (!int64s(n, n.inputs[1], to) || !read_int(n, "allowzero", allow_zero)) return false;
    if (to.is_scalar) return fail_shape(n, s);
    row_shape r;
    r.rows = s.rows, r.rank = to.count, r.batch = to.batch;
    std::uint64_t known = 1;
    std::size_t open = max_rank;
    for (std::size_t i = 0; i < to.count; ++i) {
      std::int64_t d = to.values[i];
      if (d == 0 && (allow_zero != 0 || i >= s.rank))
        return fail_named(n.inputs[1], status::shape_mismatch, n);
      if (d == 0 && i == s.batch) r.batch = i;
      if (d == 0) d = s.dims[i];
      if (i == 0 && s.has_batch() && s.rows > 1 && d == s.rows) d = 1, r.batch = 0;
      if (d == -1 && open != max_rank) return fail_named(n.inputs[1], status::shape_mismatch, n);
      if (d == -1) open = i, d = 1;
      if (d < 1 || d > static_cast<std::int64_t>(max_width))
        return fail_named(n.inputs[1], status::shape_mismatch, n);
      r.dims[i] = static_cast<std::uint32_t>(d);
      known *= static_cast<std::uint64_t>(d);
      if (known > max_elements) return fail_named(n.inputs[1], status::shape_mismatch, n);
    }
    const std::uint64_t width = s.width();
    if (width % known != 0 || (open == max_rank && known != width))
      return fail_named(n.inputs[1], status::shape_mismatch, n);
    if (open != max_rank) r.dims[open] = static_cast<std::uint32_t>(width / known);
    if (open == 0 && s.has_batch() && !r.has_batch() && r.dims[0] == 1) r.batch = 0;
    s = r;
    return true;
  }

  // Axes as an attribute before operator set 13, as an input since. `has` tells whether any.
  [[gnu::noinline]] constexpr bool read_axes(const node& n, std::int64_t inputs_since,
                                             int_list& axes, bool& has) noexcept {
    attribute a;
    const bool has_attribute = find_attribute(n, "axes", a);
    const bool has_input = n.input_count > 1;
    has = has_attribute || has_input;
    if (has_attribute && (has_input || g_.opset >= inputs_since))
      return fail(status::unsupported_attribute, n, "axes");
    if (has_input && g_.opset < inputs_since)
      return fail(status::operator_needs_newer_opset, n, {}, g_.opset, inputs_since);
    if (has_attribute && a.type != attribute_type::ints) return fail(status::bad_attribute, a);
    if (!has) return true;
    if (!(has_attribute ? read_ints_of(a, axes) : int64s(n, n.inputs[1], axes))) return false;
    if (!axes.is_scalar) return true;
    return fail_named(n.inputs[1], status::shape_mismatch, n);
  }
  // Points to the operand, where that is a constant.
  [[gnu::noinline]] constexpr bool fail_named(std::string_view value, status code,
                                              const node& n) noexcept {
    operand_constant c;
    const std::string_view from = origin(value);
    if (!read_whole(from, c)) return fail(code, n, value);
    return fail(code, c.t);
  }

  [[gnu::noinline]] constexpr bool squeeze(const node& n, row_shape& s) noexcept {
    int_list axes;
    bool has = false, gone[max_rank] = {};
    if (!read_axes(n, 13, axes, has)) return false;
    // Without axes the rows stay, of which there may be many: one alone has the same values.
    for (std::size_t i = 0; i < (has ? axes.count : s.rank); ++i) {
      const std::size_t at = has ? s.axis(axes.values[i]) : i;
      if (!has && !s.is_one(at)) continue;
      if (at == s.rank || gone[at] || !s.is_one(at)) return fail_shape(n, s);
      gone[at] = true;
    }
    for (std::size_t i = s.rank; i-- > 0;)
      if (gone[i]) s.remove_axis(i);
    return true;
  }

  [[gnu::noinline]] constexpr bool unsqueeze(const node& n, row_shape& s) noexcept {
    int_list axes;
    bool has = false, added[max_rank] = {};
    if (!read_axes(n, 13, axes, has)) return false;
    if (!has) return fail(status::wrong_arity, n, "axes");
    const std::size_t rank = s.rank + axes.count;
    if (rank > max_rank) return fail_shape(n, s);
    for (std::size_t i = 0; i < axes.count; ++i) {
      const std::size_t at = s.axis(axes.values[i], rank);
      if (at == rank || added[at]) return fail_shape(n, s);
      added[at] = true;
    }
    for (std::size_t i = 0; i < rank; ++i)
      if (added[i] && !s.insert_axis(i)) return fail_shape(n, s);
    return true;
  }

  // Transpose where only dimensions of one value move.
  [[gnu::noinline]] constexpr bool transpose(const node& n, row_shape& s) noexcept {
    attribute a;
    int_list perm;
    if (find_attribute(n, "perm", a)) {
      if (!read_ints_of(a, perm)) return false;
    } else {
      for (; perm.count < s.rank; ++perm.count)
        perm.values[perm.count] = static_cast<std::int32_t>(s.rank - 1 - perm.count);
    }
    if (perm.count != s.rank) return fail(status::bad_attribute, n, "perm");
    row_shape r = s;
    r.batch = max_rank;
    bool seen[max_rank] = {};
    std::int64_t last = -1;
    for (std::size_t i = 0; i < s.rank; ++i) {
      const std::int64_t from = perm.values[i];
      if (from < 0 || from >= static_cast<std::int64_t>(s.rank) ||
          seen[static_cast<std::size_t>(from)])
        return fail(status::bad_attribute, n, "perm");
      const auto at = static_cast<std::size_t>(from);
      seen[at] = true;
      r.dims[i] = s.dims[at];
      if (at == s.batch) r.batch = i;
      if (s.dims[at] == 1) continue;
      if (from < last) return fail_shape(n, s);
      last = from;
    }
    s = r;
    return true;
  }

  // Expand to a shape that the value has already, or that gains dimensions of one.
  [[gnu::noinline]] constexpr bool expand(const node& n, row_shape& s) noexcept {
    int_list to;
    if (n.input_count != 2) return fail(status::wrong_arity, n);
    if (!int64s(n, n.inputs[1], to)) return false;
    while (s.rank < to.count)
      if (!s.insert_axis(0)) return fail_shape(n, s);
    for (std::size_t i = 0; i < to.count; ++i) {
      const std::size_t at = s.rank - to.count + i;
      const bool rows = at == s.batch && to.values[i] == s.rows;
      if (to.values[i] != 1 && to.values[i] != std::int64_t{s.dims[at]} && !rows)
        return fail_shape(n, s);
    }
    return true;
  }

  const graph& g_;
  known_attributes known_{};
  std::string_view known_value_{}; // a value whose shape is known, for shape_of
  row_shape known_shape_{};
  // Integers computed from shapes: how deep, and how many. Files are not trusted to be short.
  static constexpr std::size_t max_work = 100000;
  unsigned depth_ = 0;
  bool within_shape_ = false;
  std::size_t work_ = 0;
  tinymlp::error why_{};
};

} // namespace tinymlp::onnx::detail
