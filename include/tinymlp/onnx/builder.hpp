// From a graph to a plan, in two passes. The first walks back from the output to the inputs, one
// operator or pattern after the other, so that only what the output depends on is looked at; it
// leaves one entry each at the end of the plan's own array of steps. The second goes forward over
// these entries with the shape of the row and makes the steps, from the array's beginning.
#pragma once

#include <tinymlp/onnx/patterns.hpp>

#include <array>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <span>
#include <string_view>

namespace tinymlp::onnx::detail {

class plan_builder : private pattern_matcher {
public:
  constexpr plan_builder(const graph& from, plan& to) noexcept : pattern_matcher(from), p_(to) {}

  // The output of that name, or else the first that is an MLP; the error of the likeliest.
  constexpr tinymlp::error build(std::string_view output_name) noexcept {
    tinymlp::error first{};
    std::uint32_t outputs = 0;
    bool found = false, named = false;
    int first_rank = -1;
    for (cursor c(g_.body); !c.done();) {
      field f;
      value_info v;
      if (c.next(f) != status::ok) break;
      if (f.number != graph_output || failed(parse_value_info(f.payload, v))) continue;
      ++outputs;
      if (found || (!output_name.empty() && !same(v.name, output_name))) continue;
      named = true;
      found = build_output(v);
      if (found) continue;
      if (rank_of(v) > first_rank) first = why_, first_rank = rank_of(v);
    }
    if (!named) return {status::unknown_output, g_.body.offset, output_name};
    if (!found) return first;
    p_.ignored_outputs = outputs - 1;
    return {};
  }

  // Everything that keeps the output (of that name, or else the likeliest) from being a
  // plan, as far as each can be told without the others; how many there are. The plan is void then.
  constexpr std::size_t list(std::string_view output_name, std::span<tinymlp::error> to) noexcept {
    if (!failed(build(output_name))) return 0;
    obstacles_ = to;
    is_listing_ = true;
    std::size_t candidates = 0;
    for (int rank = 2; rank >= 0; --rank)
      for (cursor c(g_.body); !c.done() && candidates == 0;) {
        field f;
        value_info v;
        if (c.next(f) != status::ok) break;
        if (f.number != graph_output || failed(parse_value_info(f.payload, v))) continue;
        if (output_name.empty() ? rank_of(v) < rank : !same(v.name, output_name)) continue;
        ++candidates;
        if (!build_output(v) && failed(why_)) note(why_);
        list_operators(v.name);
      }
    if (candidates == 0) note({status::unknown_output, g_.body.offset, output_name});
    is_listing_ = false;
    return obstacle_count_;
  }

  // One row an operator: who takes it where it stands at the chain's end, and what it may have.
  using handler = bool (plan_builder::*)(const node&) noexcept;
  struct attribute_row {
    op_name name = "";
    std::int64_t since = 0, before = 1000; // operator sets that have it
  };
  struct op_row {
    op_name op_type, domain;
    std::int64_t since; // first opset of the default domain that has it in a form accepted here
    std::size_t min_inputs, max_inputs, max_outputs;
    std::array<attribute_row, max_attributes> attributes;
    handler take;
  };
  static constexpr op_name pattern_parts[] = {
      "Constant", "ConstantOfShape", "Shape",      "Erf",       "Pow",       "Sqrt",
      "Abs",      "ZipMap",          "ReduceMean", "ReduceSum", "ReduceMax", "ReduceLogSumExp"};
  struct operator_table; // below the class, which must be complete for it

private:
  // ---- the way back

  // Kinds of entries that become no step of that kind.
  static constexpr step_kind reshapes = static_cast<step_kind>(8);
  static constexpr step_kind unknown = static_cast<step_kind>(9); // while obstacles are listed
  // What an entry keeps in `marks`.
  static constexpr std::uint8_t left_mark = 1, // weight on the left; or constant operand first
      trans_a_mark = 2,                        // Gemm transA of the row
      open_mark = 4,                           // a dense layer that the next Add may give a bias
      vector_mark = 8,                         // weight of rank 1: the axis vanishes
      suffix_mark = 16,                        // all axes from that one on; or a shape of its own
      dynamic_mark = 32,                       // scales of the row at hand
      axes_mark = 64,                          // a set of axes
      static_mark = 64;                        // of a dense layer: scales of the file

  // How likely an output is the one that was meant: float32, at least computed, or neither.
  [[gnu::noinline]] constexpr int rank_of(const value_info& v) const noexcept {
    if (is_constant(v.name)) return 0;
    return v.element_type == static_cast<std::uint64_t>(element::float32) ? 2 : 1;
  }

  [[gnu::noinline]] constexpr bool build_output(const value_info& out) noexcept {
    why_ = {};
    depth_ = 0;
    p_.labels = constant{};
    value_ = out.name;
    known_value_ = {};
    first_ = max_steps;
    join_ = 0;
    node n;
    if (producer(value_, n) && same(n.op_type, "ZipMap") && same(n.domain, "ai.onnx.ml")) {
      if (!take_zip_map(n)) return false;
    } else if (!out.is_tensor || out.element_type != static_cast<std::uint64_t>(element::float32)) {
      fail({status::wrong_element_type,
            out.offset,
            out.name,
            {},
            static_cast<std::int64_t>(out.element_type),
            1});
      if (!is_listing_) return false;
      note(why_);
      why_ = {};
    }
    if (!walk(out)) return false;
    is_lost_ = false;
    if (!begin() && !lose_shape()) return false;
    return advance(out) && (is_lost_ || end(out));
  }
  // While obstacles are listed: the next dense layer tells the shape again.
  [[gnu::noinline]] constexpr bool lose_shape() noexcept {
    if (!is_listing_) return false;
    note(why_);
    why_ = {};
    return is_lost_ = true;
  }

  [[gnu::noinline]] constexpr bool walk(const value_info& out) noexcept {
    while (join_ == 0) {
      const field f = definition(value_);
      if (f.number == graph_input) return true;
      node n;
      if (f.number != graph_node || !ok(parse_node(f, n)))
        return fail({status::disconnected_output, out.offset, out.name});
      if (n.is("Constant")) return fail({status::disconnected_output, out.offset, out.name});
      const std::size_t before = first_;
      if (!take_node(n) && !step_over(n, before)) return false;
    }
    return true;
  }

  // ---- listing obstacles

  // Each once, and of those at one place the first.
  [[gnu::noinline]] constexpr void note(const tinymlp::error& why) noexcept {
    const std::size_t kept =
        obstacle_count_ < obstacles_.size() ? obstacle_count_ : obstacles_.size();
    for (std::size_t i = 0; i < kept; ++i)
      if (obstacles_[i].offset == why.offset) return;
    if (obstacle_count_ < obstacles_.size()) obstacles_[obstacle_count_] = why;
    ++obstacle_count_;
  }
  // Notes why the node was refused, and goes on with the operand that is computed last: of a
  // residual connection or a gate, that is what most of the network leads to.
  [[gnu::noinline]] constexpr bool step_over(const node& n, std::size_t before) noexcept {
    if (!is_listing_) return false;
    first_ = before;
    note(why_);
    why_ = {};
    join_ = 0;
    std::string_view last{};
    std::size_t at = 0;
    for (std::size_t i = 0; i < n.input_count; ++i) {
      const std::string_view value = operand(n, i);
      if (value.empty() || is_constant(value) || is_of_constants(value, 0)) continue;
      const field f = definition(value);
      const std::size_t offset = f.number == graph_node ? f.offset : 0; // inputs: before all nodes
      if (!last.empty() && offset <= at) continue;
      last = value, at = offset;
    }
    return !last.empty() && push(n, unknown, last) != nullptr;
  }
  // Operators that are not known at all, or not in this form, wherever the output depends on them.
  [[gnu::noinline]] constexpr void list_operators(std::string_view output) noexcept {
    std::array<std::uint32_t, max_values> tags{};
    std::array<bool, max_values> needed{};
    std::size_t count = 0;
    for (cursor c(g_.body); !c.done() && count < max_values;) {
      field f;
      if (c.next(f) != status::ok) break;
      if (f.number == graph_node) tags[count++] = static_cast<std::uint32_t>(f.offset);
    }
    mark_needed(output, tags, needed, count);
    for (std::size_t i = count; i-- > 0;) {
      node n;
      if (!needed[i] || failed(parse_node(name_index::field_at(g_.file, tags[i]), n))) continue;
      for (std::size_t k = 0; k < n.input_count; ++k)
        if (const std::string_view value = operand(n, k); !is_of_constants(value, 0))
          mark_needed(value, tags, needed, i);
    }
    for (std::size_t i = 0; i < count; ++i) {
      node n;
      if (!needed[i] || failed(parse_node(name_index::field_at(g_.file, tags[i]), n))) continue;
      const bool ml = same(n.domain, std::string_view("ai.onnx.ml", 10)) && g_.ml_opset != 0;
      if (!n.in_default_domain() && !ml)
        note({status::unsupported_domain, n.body.offset, n.domain, n.op_type});
      else if (const op_row& row = find_row(n); !row.op_type.text.empty()) {
        if (!check_form(n, row)) note(why_);
      } else if (!is_part_of_pattern(n))
        note({status::unsupported_operator, n.body.offset, n.op_type, n.op_type});
    }
  }
  constexpr void mark_needed(std::string_view value,
                             const std::array<std::uint32_t, max_values>& tags,
                             std::array<bool, max_values>& needed,
                             std::size_t count) const noexcept {
    const std::uint32_t tag = value.empty() ? 0 : g_.names.find(g_.file, value);
    for (std::size_t i = 0; i < count; ++i)
      if (tags[i] == tag) needed[i] = true;
  }
  // Operators that have no row of their own, but stand within what is accepted.
  static constexpr bool is_part_of_pattern(const node& n) noexcept {
    bool found = false;
    for (const op_name& name : pattern_parts)
      found = found || (n.code == name.code && same(n.op_type, name.text));
    return found;
  }

  [[gnu::noinline]] constexpr bool take_node(const node& n) noexcept {
    if (!n.in_default_domain() && (!same(n.domain, "ai.onnx.ml") || g_.ml_opset == 0))
      return fail(status::unsupported_domain, n, n.domain);
    const op_row& row = find_row(n);
    if (row.op_type.text.empty()) return fail(status::unsupported_operator, n, n.op_type);
    if (!check_form(n, row)) return false;
    if (row.max_outputs > 1 && !n.is("Split") && !same(n.outputs[0], value_))
      return fail(status::unexpected_operator, n);
    const std::size_t before = first_;
    scalar_rank_ = 0;
    if (!(this->*row.take)(n)) return false;
    return scalar_rank_ == 0 || first_ == before || take_scalar_rank(n, p_.steps[first_]);
  }
  // Operator set, arity and attributes.
  [[gnu::noinline]] constexpr bool check_form(const node& n, const op_row& row) noexcept {
    if (g_.opset < row.since)
      return fail(status::operator_needs_newer_opset, n, {}, g_.opset, row.since);
    if (n.input_count < row.min_inputs)
      return fail(status::wrong_arity, n, {}, static_cast<std::int64_t>(n.input_count),
                  static_cast<std::int64_t>(row.min_inputs));
    if (n.input_count > row.max_inputs)
      return fail(status::wrong_arity, n, {}, static_cast<std::int64_t>(n.input_count),
                  static_cast<std::int64_t>(row.max_inputs));
    if (n.output_count > row.max_outputs)
      return fail(status::wrong_arity, n, {}, static_cast<std::int64_t>(n.output_count),
                  static_cast<std::int64_t>(row.max_outputs));
    return check_attributes(n, row);
  }
  // Numbers of an operator or a pattern, which may have dimensions of 1: no more than the row has,
  // which is looked at on the way forward; else they would widen it.
  [[gnu::noinline]] constexpr bool take_scalar_rank(const node& n, step& s) noexcept {
    if (s.kind == step_kind::activate && s.inputs < scalar_rank_)
      s.inputs = static_cast<std::uint32_t>(scalar_rank_);
    const bool has_axes = s.kind == step_kind::layer_norm || s.kind == step_kind::softmax ||
                          s.kind == step_kind::log_softmax;
    return !has_axes || scalar_rank_ <= 2 || fail(status::shape_mismatch, n);
  }

  static constexpr const op_row& find_row(const node& n) noexcept;

  [[gnu::noinline]] constexpr bool check_attributes(const node& n, const op_row& row) noexcept {
    known_ = {};
    for (cursor c(attributes_of(n)); !c.done();) {
      field f;
      if (const status e = c.next(f); e != status::ok) return fail({e, c.offset(), n.label()});
      if (f.number != node_attribute) continue;
      attribute a;
      if (const tinymlp::error e = parse_attribute(f.payload, a); failed(e))
        return fail(naming(e, n.label()));
      const std::uint32_t code = code_of(a.name.data(), a.name.size());
      if (!is_accepted(row, a.name, code))
        return fail({status::unsupported_attribute, a.offset, a.name, n.op_type});
      // Only of use for float8, so nobody reads it; a flag all the same.
      if (same(a.name, "saturate")) {
        if (a.type != attribute_type::int64)
          return fail({status::bad_attribute, a.offset, a.name, n.op_type});
        if (a.i != 0 && a.i != 1) return fail(status::bad_attribute, n, "saturate", a.i, 1);
      }
      if (same(a.name, "round_mode") && !is_round_mode(a)) // likewise
        return fail({status::bad_attribute, a.offset, a.name, n.op_type});
      for (std::size_t i = 0; i < known_.count; ++i)
        if (known_.codes[i] == code)
          return fail({status::bad_attribute,
                       name_index::field_at(g_.file, known_.tags[i]).payload.offset, a.name,
                       n.op_type});
      const std::size_t k = known_.count++;
      known_.codes[k] = code;
      known_.tags[k] = static_cast<std::uint32_t>(f.offset);
      known_.types[k] = a.type;
      known_.integers[k] = a.i;
      known_.floats[k] = a.f;
    }
    known_.node = n.tag;
    return true;
  }
  static constexpr bool is_round_mode(const attribute& a) noexcept {
    return a.type == attribute_type::string &&
           (same(a.s, "up") || same(a.s, "down") || same(a.s, "nearest"));
  }
  constexpr bool is_accepted(const op_row& row, std::string_view name,
                             std::uint32_t code) const noexcept {
    for (const attribute_row& a : row.attributes)
      if (a.name.code == code && code != 0)
        return same(a.name.text, name) && g_.opset >= a.since && g_.opset < a.before;
    return false;
  }

  // An entry for the node; the chain goes on with what it is computed from.
  constexpr step* push(const node& n, step_kind kind, std::string_view from) noexcept {
    if (first_ == 0) {
      fail(status::too_many_steps, n, {}, static_cast<std::int64_t>(max_steps) + 1, max_steps);
      return nullptr;
    }
    step& s = p_.steps[--first_];
    s = step{};
    s.kind = kind;
    s.offset = static_cast<std::uint32_t>(n.body.offset);
    value_ = from;
    return &s;
  }

  // ---- operators that do nothing

  constexpr bool pass(const node& n) noexcept {
    value_ = n.inputs[0];
    return true;
  }
  constexpr bool take_cast(const node& n) noexcept {
    std::int64_t to = 0;
    if (!read_int(n, "to", to)) return false;
    if (is_result_of(origin(n.inputs[0]), "MatMulInteger"))
      return fail(status::unexpected_operator, n); // without the product with its scale
    if (to == static_cast<std::int64_t>(element::float32)) return pass(n);
    const bool is_float = to == static_cast<std::int64_t>(element::float16) ||
                          to == static_cast<std::int64_t>(element::float64) ||
                          to == static_cast<std::int64_t>(element::bfloat16);
    if (is_float) return fail(status::wrong_element_type, n, {}, to, 1);
    return fail(status::bad_attribute, n, "to", to, 1);
  }
  // Dropout (7, 10, 12, ...): at inference nothing, unless a third operand says training.
  [[gnu::noinline]] constexpr bool take_dropout(const node& n) noexcept {
    operand_constant training;
    if (n.input_count < 3) return pass(n);
    std::uint64_t bits = 1;
    if (!take_any(n, n.inputs[2], training)) return false;
    element_reader(training.t).next(bits);
    return bits == 0 ? pass(n) : fail(status::unsupported_feature, n, "training_mode");
  }
  constexpr bool take_reshaping(const node& n) noexcept {
    step* s = push(n, reshapes, n.inputs[0]);
    if (s != nullptr) s->begin = static_cast<std::uint32_t>(n.tag);
    return s != nullptr;
  }
  // Concat: of one operand; of 1 - p and p; or of all inputs.
  [[gnu::noinline]] constexpr bool take_concat(const node& n) noexcept {
    if (n.input_count == 1) return pass(n);
    std::string_view p{};
    std::int64_t axis = 0;
    if (!read_int(n, "axis", axis)) return false;
    if (n.input_count == 2 && match_complement(n, p)) {
      step* s = push(n, step_kind::complement, p);
      if (s != nullptr) s->inputs = static_cast<std::uint32_t>(axis);
      return s != nullptr;
    }
    for (std::size_t i = 0; i < n.input_count; ++i)
      if (!comes_from_input(operand(n, i))) return fail(status::branch, n);
    join_ = static_cast<std::uint32_t>(n.tag);
    return true;
  }
  // Through operators that do nothing to a row?
  [[gnu::noinline]] constexpr bool comes_from_input(std::string_view value) const noexcept {
    node n;
    for (std::size_t hops = 0; hops <= max_values; ++hops) {
      if (definition(value).number == graph_input) return true;
      if (!producer(value, n) || !(passes(n, value) || is_reshaping(n))) return false;
      value = n.inputs[0];
    }
    return false;
  }

  // ---- dense layers

  // Gemm (7, 9, 11, 13): alpha * A' * B' + beta * C; C may be omitted from 11 on. The row is A, or
  // B.
  [[gnu::noinline]] constexpr bool take_gemm(const node& n) noexcept {
    std::int64_t trans_a = 0, trans_b = 0;
    float alpha = 1, beta = 1;
    if (!read_int(n, "transA", trans_a) || !read_int(n, "transB", trans_b) ||
        !read_float(n, "alpha", alpha) || !read_float(n, "beta", beta))
      return false;
    if (trans_a != 0 && trans_a != 1) return fail(status::bad_attribute, n, "transA", trans_a, 0);
    if (trans_b != 0 && trans_b != 1) return fail(status::bad_attribute, n, "transB", trans_b, 1);
    if (n.input_count == 2 && g_.opset < 11)
      return fail(status::operator_needs_newer_opset, n, {}, g_.opset, 11);
    operand_constant w;
    const bool left = !take_any(n, n.inputs[1], w) && is_constant(n.inputs[0]);
    if (!take_weight(n, left, w)) return false;
    step* s = push(n, step_kind::dense, n.inputs[left ? 1 : 0]);
    if (s == nullptr || !set_weight(w, (left ? trans_a : trans_b) == 1, left, *s)) return false;
    if ((left ? trans_b : trans_a) == 1) s->marks |= trans_a_mark;
    s->alpha = alpha;
    s->begin = static_cast<std::uint32_t>(n.tag); // of no use to fp32 but here: of rank 2 only
    if (n.input_count < 3) s->marks |= open_mark;
    return n.input_count < 3 ? take_next_add() : set_gemm_bias(n, beta, *s);
  }
  // The Add behind a layer without bias, where it holds one value or one an output, whatever rank
  // the row has. (Others are told apart on the way forward.)
  constexpr bool take_next_add() noexcept {
    const step s = p_.steps[first_];
    if (first_ + 1 == max_steps || (s.marks & open_mark) == 0) return true;
    if ((s.marks & left_mark) != 0) return true; // one an output would be a row beside a column
    const bool vector = (s.marks & vector_mark) != 0; // whose result may have no axis yet
    step& next = p_.steps[first_ + 1];
    if (next.kind != step_kind::affine || next.op != affine_op::add ||
        (next.marks & suffix_mark) != 0 || next.inputs > (vector ? 0 : 1) ||
        (next.outputs != 1 && next.outputs != s.outputs))
      return true;
    const constant bias = next.weight;
    next = s;
    next.bias = bias;
    next.marks = s.marks & (0x7f - open_mark);
    ++first_;
    return true;
  }
  // `w` has been read, unless it stands on the left, or could not be.
  [[gnu::noinline]] constexpr bool take_weight(const node& n, bool left,
                                               operand_constant& w) noexcept {
    if (failed(why_) && !left) return false;
    why_ = {};
    if (left && !take_any(n, n.inputs[0], w)) return false;
    const char* data = nullptr; // of many: whoever packs them looks at them once
    if (std::is_constant_evaluated() && !w.is_cast && raw_floats(w.t, data)) return true;
    if (w.t.type == element::float32) return check_finite(w, status::non_finite_weight);
    return fail(status::wrong_element_type, w.t, static_cast<std::int64_t>(w.t.type), 1);
  }
  [[gnu::noinline]] constexpr bool set_gemm_bias(const node& n, float beta, step& s) noexcept {
    operand_constant c;
    if (!take_floats(n, n.inputs[2], c)) return false;
    row_shape y;
    y.rank = 2;
    const bool left = (s.marks & left_mark) != 0;
    y.dims[0] = left ? s.outputs : 1, y.dims[1] = left ? 1 : s.outputs;
    if (!broadcasts_over(y, c.t.rank, c.t.dims.data(), c.t.count)) s.marks |= suffix_mark;
    s.bias = c.where;
    s.beta = beta;
    return true;
  }
  // A matrix [inputs, outputs], or the other way round where the row is on its right, or where
  // `transposed` (once more).
  constexpr bool set_weight(const operand_constant& w, bool transposed, bool left,
                            step& s) noexcept {
    if (w.t.rank != 2) return fail(status::shape_mismatch, w.t);
    const bool outputs_first = transposed != left;
    const std::uint64_t in = w.t.dims[outputs_first ? 1 : 0], out = w.t.dims[outputs_first ? 0 : 1];
    if (in > max_width || out > max_width)
      return fail(status::dimension_overflow, w.t, static_cast<std::int64_t>(in > out ? in : out),
                  max_width);
    s.inputs = static_cast<std::uint32_t>(in);
    s.outputs = static_cast<std::uint32_t>(out);
    s.weight = w.where;
    s.transposed = outputs_first != w.transposed;
    if (left) s.marks |= left_mark;
    return true;
  }

  // MatMul (1, 9, 13): the row times a matrix or vector, or a matrix times the row.
  [[gnu::noinline]] constexpr bool take_matmul(const node& n) noexcept {
    operand_constant w;
    const bool left = !take_any(n, n.inputs[1], w) && is_constant(n.inputs[0]);
    if (!take_weight(n, left, w)) return false;
    step* s = push(n, step_kind::dense, n.inputs[left ? 1 : 0]);
    if (s == nullptr) return false;
    s->marks = open_mark;
    if (w.t.rank == 1) {
      w.t.rank = 2;
      w.t.dims[1] = 1;
      if (left) w.t.dims[1] = w.t.dims[0], w.t.dims[0] = 1;
      s->marks |= vector_mark;
    }
    return set_weight(w, false, left, *s) && take_next_add();
  }

  // ---- affine steps

  // Which operand is a constant: 0, 1, or 2 for neither.
  constexpr unsigned constant_side(const node& n) const noexcept {
    return is_constant(n.inputs[1]) ? 1 : is_constant(n.inputs[0]) ? 0 : 2;
  }
  [[gnu::noinline]] constexpr bool fail_branch(const node& n) noexcept {
    for (std::size_t i = 0; i < 2; ++i)
      if (is_of_constants(n.inputs[i], 0) && !is_of_constants(n.inputs[1 - i], 0))
        return fail(status::not_constant, n, n.inputs[i]);
    return fail(status::branch, n, same(n.inputs[0], n.inputs[1]) ? n.inputs[0] : n.label());
  }
  [[gnu::noinline]] constexpr bool take_affine(const node& n, affine_op op, unsigned side,
                                               status otherwise) noexcept {
    const bool first = side == 0;
    operand_constant c;
    if (!take(n, n.inputs[first ? 0 : 1], element::float32, c)) return false;
    if (!check_finite(c, otherwise, op == affine_op::divide)) return false;
    step* s = push(n, step_kind::affine, n.inputs[first ? 1 : 0]);
    if (s == nullptr) return false;
    s->op = op;
    set_elementwise(n, c, first, *s);
    return true;
  }
  // Of a constant that is combined value by value: what place() needs to check its shape.
  static constexpr void set_elementwise(const node& n, const operand_constant& c, bool first,
                                        step& s) noexcept {
    s.weight = c.where;
    s.begin = static_cast<std::uint32_t>(n.tag);
    s.inputs = static_cast<std::uint32_t>(c.t.rank);
    s.outputs = static_cast<std::uint32_t>(c.t.count);
    if (first) s.marks |= left_mark;
    for (std::size_t i = 0; i + 1 < c.t.rank; ++i)
      if (c.t.dims[i] != 1) s.marks |= suffix_mark; // its shape must be looked at again
    if (c.t.rank != 0 && c.t.dims[c.t.rank - 1] != c.t.count) s.marks |= suffix_mark;
  }

  [[gnu::noinline]] constexpr bool take_add(const node& n) noexcept {
    const unsigned side = constant_side(n);
    if (side != 2) return take_affine(n, affine_op::add, side, status::non_finite_weight);
    return take_pattern(n) || (!failed(why_) && fail_branch(n));
  }
  // Sum (8, 13) of one value or two.
  constexpr bool take_sum(const node& n) noexcept {
    return n.input_count == 1 ? pass(n) : take_add(n);
  }
  [[gnu::noinline]] constexpr bool take_sub(const node& n) noexcept {
    const unsigned side = constant_side(n);
    if (side == 2) return take_pattern(n) || (!failed(why_) && fail_branch(n));
    return take_affine(n, side == 0 ? affine_op::subtract_from : affine_op::subtract, side,
                       status::non_finite_weight);
  }
  [[gnu::noinline]] constexpr bool take_mul(const node& n) noexcept {
    const unsigned side = constant_side(n);
    float number = 0;
    if ((side == 2 || scalar(n.inputs[side], number)) && take_pattern(n)) return true;
    if (failed(why_)) return false;
    if (is_scaled_sum(n, side)) return take_quantized(n);
    return side == 2 ? fail_branch(n)
                     : take_affine(n, affine_op::multiply, side, status::non_finite_std);
  }
  [[gnu::noinline]] constexpr bool take_div(const node& n) noexcept {
    const unsigned side = constant_side(n);
    float number = 0;
    if ((side == 2 || scalar(n.inputs[side], number)) && take_pattern(n)) return true;
    if (failed(why_)) return false;
    if (side == 0) return fail(status::unexpected_operator, n); // a constant divided by a row
    return side == 2 ? fail_branch(n)
                     : take_affine(n, affine_op::divide, side, status::non_finite_std);
  }
  constexpr bool take_neg(const node& n) noexcept {
    step* s = push(n, step_kind::affine, n.inputs[0]);
    if (s != nullptr) s->op = affine_op::negate;
    return s != nullptr;
  }

  // A pattern of several nodes with this one at its end.
  [[gnu::noinline]] constexpr bool take_pattern(const node& n) noexcept {
    pattern found;
    if (!match(n, found)) return false;
    step* s = push(n, found.kind, found.from);
    if (s == nullptr) return false;
    s->activates = found.activates;
    s->alpha = found.alpha;
    s->inputs = found.axes;
    if (found.axes != 0) s->marks = axes_mark;
    if (!found.bias.value.empty() && !take_part_of_pattern(found.bias, *s, s->bias)) return false;
    return found.weight.value.empty() || take_part_of_pattern(found.weight, *s, s->weight);
  }
  [[gnu::noinline]] constexpr bool take_part_of_pattern(const constant_operand& from, step& s,
                                                        constant& to) noexcept {
    node user;
    operand_constant c;
    (void)parse_node(name_index::field_at(g_.file, from.user), user);
    if (!take_floats(user, from.value, c)) return false;
    to = c.where;
    if (s.kind == step_kind::activate) set_elementwise(user, c, from.first, s);
    if (s.kind != step_kind::layer_norm) return true;
    if (s.outputs != 0 && c.t.count != s.outputs) return fail(status::shape_mismatch, c.t);
    if (c.t.rank != 0 && c.t.count != 1 && c.t.dims[c.t.rank - 1] == 1) // a column widens a row
      return fail(status::shape_mismatch, c.t);
    s.outputs = static_cast<std::uint32_t>(c.t.count);
    return true;
  }

  // ai.onnx.ml Scaler-1: (x - offset) * scale, each one value or one a feature.
  constexpr bool take_scaler(const node& n) noexcept {
    step* s = push(n, step_kind::affine, n.inputs[0]);
    if (s == nullptr) return false;
    s->op = affine_op::scaler;
    s->begin = static_cast<std::uint32_t>(n.tag);
    return take_list(n, "offset", status::non_finite_weight, s->weight) &&
           take_list(n, "scale", status::non_finite_std, s->bias);
  }
  [[gnu::noinline]] constexpr bool take_list(const node& n, op_name wanted, status otherwise,
                                             constant& to) noexcept {
    for (cursor c(n.body); !c.done();) {
      field f;
      if (c.next(f) != status::ok) break;
      if (f.number != node_attribute || !same(name_in(f.payload, attribute_name), wanted.text))
        continue;
      attribute a;
      tensor t;
      if (!ok(parse_attribute(f.payload, a))) return false;
      if (a.type != attribute_type::floats) return fail(status::bad_attribute, a);
      if (!ok(tensor_of(a, t))) return false;
      to.offset = static_cast<std::uint32_t>(f.offset & 0x7fffffffU);
      to.is_list = 1;
      return check_finite(t, otherwise, false);
    }
    return fail(status::missing_data, n, wanted.text);
  }

  // ai.onnx.ml LinearRegressor-1: coefficients are [targets, features].
  [[gnu::noinline]] constexpr bool take_linear_regressor(const node& n) noexcept {
    std::int64_t targets = 1;
    attribute a;
    tensor t;
    if (!read_int(n, "targets", targets)) return false;
    if (find_attribute(n, "post_transform", a) &&
        (a.type != attribute_type::string || !same(a.s, "NONE")))
      return fail(status::bad_attribute, a);
    step* s = push(n, step_kind::dense, n.inputs[0]);
    if (s == nullptr || !take_list(n, "coefficients", status::non_finite_weight, s->weight))
      return false;
    (void)read_constant(g_.file, g_.external, s->weight, t);
    const auto count = static_cast<std::int64_t>(t.count);
    if (targets < 1 || targets > static_cast<std::int64_t>(max_width) || count % targets != 0 ||
        count / targets > static_cast<std::int64_t>(max_width))
      return fail(status::bad_attribute, n, "targets", targets, 1);
    s->inputs = static_cast<std::uint32_t>(count / targets);
    s->outputs = static_cast<std::uint32_t>(targets);
    s->transposed = true;
    s->begin = static_cast<std::uint32_t>(n.tag); // of rank 2 only
    if (!find_attribute(n, "intercepts", a)) return true;
    if (!take_list(n, "intercepts", status::non_finite_weight, s->bias)) return false;
    (void)read_constant(g_.file, g_.external, s->bias, t);
    return t.count == s->outputs || fail(status::shape_mismatch, t, -1, targets);
  }

  // BatchNormalization (7, 9, 14, 15) at inference.
  [[gnu::noinline]] constexpr bool take_batch_norm(const node& n) noexcept {
    std::int64_t spatial = 1, training = 0;
    step* s = push(n, step_kind::affine, n.inputs[0]);
    if (s == nullptr) return false;
    s->op = affine_op::batch_norm;
    s->alpha = 1e-5F;
    if (!read_float(n, "epsilon", s->alpha) || !read_int(n, "spatial", spatial) ||
        !read_int(n, "training_mode", training))
      return false;
    if (spatial != 1) return fail(status::bad_attribute, n, "spatial", spatial, 1);
    if (training != 0) return fail(status::bad_attribute, n, "training_mode", training, 0);
    s->mean = constant{};
    s->variance = constant{};
    return take_channels(n, 1, *s, s->weight) && take_channels(n, 2, *s, s->bias) &&
           take_channels(n, 3, *s, s->mean) && take_channels(n, 4, *s, s->variance) &&
           check_variance(n, *s);
  }
  constexpr bool take_channels(const node& n, std::size_t i, step& s, constant& to) noexcept {
    operand_constant c;
    if (!take_floats(n, n.inputs[i], c)) return false;
    if (c.t.rank != 1 || c.t.count > max_width || (i > 1 && c.t.count != s.outputs))
      return fail(status::shape_mismatch, c.t);
    s.outputs = static_cast<std::uint32_t>(c.t.count);
    to = c.where;
    return true;
  }
  constexpr bool check_variance(const node& n, const step& s) noexcept {
    tensor t;
    (void)read_constant(g_.file, g_.external, s.variance, t);
    float v = 0;
    for (element_reader reader(t); reader.next(v);)
      if (!(v + s.alpha > 0)) return fail({status::zero_std, reader.offset(), t.name, n.op_type});
    return true;
  }

  // ---- activations

  constexpr bool take_unary(const node& n, activation which) noexcept {
    step* s = push(n, step_kind::activate, n.inputs[0]);
    if (s != nullptr) s->activates = which;
    return s != nullptr;
  }
  constexpr bool take_unary(const node& n, activation which, float alpha, op_name second = "",
                            float beta = 1) noexcept {
    if (!take_unary(n, which)) return false;
    step& s = p_.steps[first_];
    s.alpha = alpha, s.beta = beta;
    return read_float(n, "alpha", s.alpha) &&
           (second.text.empty() || read_float(n, second, s.beta));
  }
  constexpr bool take_relu(const node& n) noexcept { return take_unary(n, activation::relu); }
  constexpr bool take_tanh(const node& n) noexcept { return take_unary(n, activation::tanh); }
  constexpr bool take_sigmoid(const node& n) noexcept { return take_unary(n, activation::sigmoid); }
  constexpr bool take_softplus(const node& n) noexcept {
    return take_unary(n, activation::softplus);
  }
  constexpr bool take_softsign(const node& n) noexcept {
    return take_unary(n, activation::softsign);
  }
  constexpr bool take_hard_swish(const node& n) noexcept {
    return take_unary(n, activation::hard_swish);
  }
  constexpr bool take_mish(const node& n) noexcept { return take_unary(n, activation::mish); }
  constexpr bool take_elu(const node& n) noexcept { return take_unary(n, activation::elu, 1); }
  constexpr bool take_leaky_relu(const node& n) noexcept {
    return take_unary(n, activation::leaky_relu, 0.01F);
  }
  constexpr bool take_thresholded_relu(const node& n) noexcept {
    return take_unary(n, activation::thresholded_relu, 1);
  }
  constexpr bool take_swish(const node& n) noexcept { return take_unary(n, activation::silu, 1); }
  constexpr bool take_selu(const node& n) noexcept {
    return take_unary(n, activation::selu, 1.67326319217681884765625F, "gamma",
                      1.05070102214813232421875F);
  }
  constexpr bool take_hard_sigmoid(const node& n) noexcept {
    return take_unary(n, activation::hard_sigmoid, 0.2F, "beta", 0.5F);
  }
  constexpr bool take_celu(const node& n) noexcept {
    if (!take_unary(n, activation::celu, 1)) return false;
    return p_.steps[first_].alpha != 0 || fail(status::bad_attribute, n, "alpha", 0);
  }
  constexpr bool take_gelu(const node& n) noexcept {
    attribute a;
    if (!find_attribute(n, "approximate", a) || same(a.s, "none"))
      return take_unary(n, activation::gelu);
    if (a.type != attribute_type::string || !same(a.s, "tanh"))
      return fail(status::bad_attribute, n, "approximate");
    return take_unary(n, activation::gelu_tanh);
  }

  // PRelu (7, 9, 16): a slope for each feature, or one.
  [[gnu::noinline]] constexpr bool take_prelu(const node& n) noexcept {
    operand_constant c;
    if (!take_floats(n, n.inputs[1], c)) return false;
    if (!take_unary(n, activation::prelu)) return false;
    set_elementwise(n, c, false, p_.steps[first_]);
    return true;
  }

  // Clip (6: attributes; 11, 12, 13: operands, each may be left out).
  constexpr bool take_clip(const node& n) noexcept {
    float low = 0, high = 0;
    const bool found = clip_bounds(n, low, high);
    if (scalar_rank_ == 1) scalar_rank_ = 0; // whatever they are, the result is shaped as the row
    return found ? push_clip(n, n.inputs[0], low, high) : fail_bounds(n);
  }
  constexpr bool push_clip(const node& n, std::string_view from, float low, float high) noexcept {
    const bool is_relu = low == 0 && high == std::numeric_limits<float>::infinity();
    step* s = push(n, step_kind::activate, from);
    if (s == nullptr) return false;
    s->activates = is_relu ? activation::relu : activation::clip;
    if (!is_relu) s->alpha = low, s->beta = high;
    return true;
  }
  constexpr bool fail_bounds(const node& n) noexcept {
    return failed(why_) ? false : fail(status::not_constant, n);
  }
  constexpr bool take_min_max(const node& n) noexcept {
    if (take_pattern(n)) return true;
    if (n.input_count == 1) return pass(n);
    float low = 0, high = 0;
    std::string_view from{};
    if (min_max_bounds(n, from, low, high)) return push_clip(n, from, low, high);
    return constant_side(n) == 2 ? fail_bounds(n) : take_even_bound(n, constant_side(n) == 0);
  }
  // Of many values that are all one number.
  [[gnu::noinline]] constexpr bool take_even_bound(const node& n, bool first) noexcept {
    operand_constant c;
    float bound = 0, other = 0;
    if (!take(n, n.inputs[first ? 0 : 1], element::float32, c)) return false;
    tensor t;
    (void)read_constant(g_.file, g_.external, c.where, t); // in the type of the file
    element_reader reader(t);
    (void)reader.next(bound);
    while (reader.next(other))
      if (other != bound) return fail(status::not_constant, n);
    if (bound != bound) return fail(status::not_constant, n);
    constexpr float infinity = std::numeric_limits<float>::infinity();
    float low = -infinity, high = infinity;
    (n.is("Max") ? low : high) = bound;
    if (!push_clip(n, n.inputs[first ? 1 : 0], low, high)) return false;
    set_elementwise(n, c, first, p_.steps[first_]);
    p_.steps[first_].marks |= suffix_mark; // none may be more than the row has
    return true;
  }

  // ---- over a whole row

  constexpr bool take_over_row(const node& n, step_kind kind) noexcept {
    std::int64_t axis = g_.opset < 13 ? 1 : -1;
    if (!read_int(n, "axis", axis)) return false;
    if (axis < -8 || axis > 8) return fail(status::bad_attribute, n, "axis", axis);
    step* s = push(n, kind, n.inputs[0]);
    if (s == nullptr) return false;
    s->inputs = static_cast<std::uint32_t>(static_cast<std::int32_t>(axis));
    if (g_.opset < 13) s->marks = suffix_mark;
    return true;
  }
  constexpr bool take_softmax(const node& n) noexcept {
    return take_over_row(n, step_kind::softmax);
  }
  constexpr bool take_log_softmax(const node& n) noexcept {
    return take_over_row(n, step_kind::log_softmax);
  }
  constexpr bool take_reciprocal(const node& n) noexcept {
    return take_pattern(n) || (!failed(why_) && fail(status::unexpected_operator, n));
  }
  // Log: of a softmax, or of 1 + exp.
  constexpr bool take_log(const node& n) noexcept {
    return take_pattern(n) || take_function_of(n, "Softmax", step_kind::log_softmax);
  }
  // Exp: of the logarithm of a softmax.
  constexpr bool take_exp(const node& n) noexcept {
    return take_pattern(n) || take_function_of(n, "LogSoftmax", step_kind::softmax);
  }
  [[gnu::noinline]] constexpr bool take_function_of(const node& n, op_name op,
                                                    step_kind kind) noexcept {
    node inner;
    if (failed(why_)) return false;
    if (!producer(origin(n.inputs[0]), inner) || !inner.is(op))
      return fail(status::unexpected_operator, n);
    return check_attributes(inner, find_row(inner)) && take_over_row(inner, kind);
  }

  // LayerNormalization-17 over all values.
  [[gnu::noinline]] constexpr bool take_layer_norm(const node& n) noexcept {
    std::int64_t axis = -1, stash = 1;
    float epsilon = 1e-5F;
    if (!read_int(n, "axis", axis) || !read_int(n, "stash_type", stash) ||
        !read_float(n, "epsilon", epsilon))
      return false;
    if (stash != 1) return fail(status::bad_attribute, n, "stash_type", stash, 1);
    if (axis < -8 || axis > 8) return fail(status::bad_attribute, n, "axis", axis);
    step* s = push(n, step_kind::layer_norm, n.inputs[0]);
    if (s == nullptr) return false;
    s->alpha = epsilon;
    s->inputs = static_cast<std::uint32_t>(static_cast<std::int32_t>(axis));
    s->marks = suffix_mark;
    operand_constant c;
    if (!take_floats(n, n.inputs[1], c)) return false;
    s->weight = c.where;
    s->begin = static_cast<std::uint32_t>(n.tag);
    s->outputs = static_cast<std::uint32_t>(c.t.count);
    if (n.input_count < 3) return true;
    if (!take_floats(n, n.inputs[2], c)) return false;
    if (s->outputs == 1) s->outputs = static_cast<std::uint32_t>(c.t.count);
    if (c.t.count != s->outputs && c.t.count != 1) return fail(status::shape_mismatch, c.t);
    s->bias = c.where;
    return true;
  }

  // ---- parts of a row

  constexpr bool take_part(const node& n) noexcept {
    step* s = push(n, step_kind::slice, n.inputs[0]);
    if (s == nullptr) return false;
    s->begin = static_cast<std::uint32_t>(n.tag);
    if (n.is("Split")) s->inputs = static_cast<std::uint32_t>(split_index_);
    return true;
  }
  constexpr bool take_split(const node& n) noexcept {
    split_index_ = result_index(n, value_);
    return take_part(n);
  }

  // ---- int8

  constexpr bool misplaced(const node& n) noexcept { return fail(status::unexpected_operator, n); }

  // The Mul by the scale of a MatMulInteger's sum?
  [[gnu::noinline]] constexpr bool is_scaled_sum(const node& n, unsigned constant) const noexcept {
    return (constant != 0 && is_sum(n.inputs[0])) || (constant != 1 && is_sum(n.inputs[1]));
  }
  [[gnu::noinline]] constexpr bool is_sum(std::string_view value) const noexcept {
    node cast;
    if (is_result_of(value = origin(value), "MatMulInteger")) return true; // without the Cast
    return producer(value, cast) && cast.is("Cast") &&
           is_result_of(origin(cast.inputs[0]), "MatMulInteger");
  }

  // One layer: MatMulInteger-10 of a row that was quantised, Cast to float32, Mul by the scales.
  // The row by DynamicQuantizeLinear-11, whose scale times the weight's is the factor; or by
  // QuantizeLinear (10, 13, 19, 21, 23), where the factor is a constant, or a Mul of two.
  [[gnu::noinline]] constexpr bool take_quantized(const node& mul) noexcept {
    const bool second = !is_sum(mul.inputs[0]);
    node cast, matmul, quantize;
    if (!producer(origin(mul.inputs[second ? 1 : 0]), cast) || !cast.is("Cast"))
      return fail(status::unexpected_operator, mul);
    std::int64_t to = 0;
    if (!read_int(cast, "to", to)) return false;
    if (to != static_cast<std::int64_t>(element::float32))
      return fail(status::bad_attribute, cast, "to", to, 1);
    if (!producer(origin(cast.inputs[0]), matmul) || !check_node(matmul)) return false;
    if (!producer(origin(matmul.inputs[0]), quantize))
      return fail(status::unexpected_operator, matmul);
    const bool dynamic = quantize.is("DynamicQuantizeLinear");
    if (!dynamic && !quantize.is("QuantizeLinear"))
      return fail(status::unexpected_operator, matmul);
    if (!check_node(quantize)) return false;
    step* s = push(quantize, step_kind::dense, quantize.inputs[0]);
    if (s == nullptr || !take_int8_weight(matmul, *s)) return false;
    s->marks |= open_mark;
    const std::string_view scale = mul.inputs[second ? 0 : 1];
    return (dynamic ? take_dynamic(quantize, matmul, mul, scale, *s)
                    : take_static(quantize, matmul, mul, scale, *s)) &&
           take_next_add();
  }
  // Arity, attributes and opset, as where the node stands on its own.
  constexpr bool check_node(const node& n) noexcept {
    const op_row& row = find_row(n);
    if (g_.opset < row.since)
      return fail(status::operator_needs_newer_opset, n, {}, g_.opset, row.since);
    if (n.input_count < row.min_inputs || n.input_count > row.max_inputs ||
        n.output_count != row.max_outputs)
      return fail(status::wrong_arity, n);
    return check_attributes(n, row);
  }
  [[gnu::noinline]] constexpr bool take_int8_weight(const node& matmul, step& s) noexcept {
    operand_constant w, zero;
    if (!is_constant(matmul.inputs[1])) return fail(status::not_constant, matmul, matmul.inputs[1]);
    if (!take(matmul, matmul.inputs[1], element::int8, w)) return false;
    if (!set_weight(w, false, false, s)) return false;
    if (matmul.input_count < 4) return true;
    if (!take(matmul, matmul.inputs[3], element::int8, zero)) return false;
    if (zero.t.count != 1 && (zero.t.count != s.outputs || zero.t.rank > 2))
      return fail(status::shape_mismatch, zero.t);
    std::int64_t value = 0;
    for (element_reader reader(zero.t); reader.next(value);)
      if (value != 0) return fail({status::bad_zero_point, reader.offset(), zero.t.name});
    return true;
  }
  [[gnu::noinline]] constexpr bool take_dynamic(const node& quantize, const node& matmul,
                                                const node& mul, std::string_view scale,
                                                step& s) noexcept {
    if (matmul.input_count < 3 || !same(origin(matmul.inputs[2]), quantize.outputs[2]))
      return fail(status::bad_zero_point, matmul); // without it, activations would not be centred
    node scales;
    if (!producer(origin(scale), scales) || !scales.is("Mul"))
      return fail(status::unexpected_operator, mul);
    const bool second = !same(origin(scales.inputs[0]), quantize.outputs[1]);
    if (second && !same(origin(scales.inputs[1]), quantize.outputs[1]))
      return fail(status::unexpected_operator, mul);
    s.weight_scale = constant{};
    s.marks |= dynamic_mark;
    return take_scales(scales, scales.inputs[second ? 0 : 1], s, s.weight_scale);
  }
  [[gnu::noinline]] constexpr bool take_static(const node& quantize, const node& matmul,
                                               const node& mul, std::string_view scale,
                                               step& s) noexcept {
    if (!check_quantize_attributes(quantize)) return false;
    operand_constant c;
    std::int32_t zero = 0, sum_zero = 0;
    if (!take_single(quantize, quantize.inputs[1], element::float32, c) || !check_scales(c.t))
      return false;
    float activation_scale = 0;
    element_reader(c.t).next(activation_scale);
    s.activation_scale = activation_scale;
    s.marks |= static_mark;
    if (quantize.input_count == 3 && !read_zero_point(quantize, quantize.inputs[2], zero))
      return false;
    if (matmul.input_count >= 3 && !matmul.inputs[2].empty() &&
        !read_zero_point(matmul, matmul.inputs[2], sum_zero))
      return false;
    if (zero != sum_zero) return fail(status::bad_zero_point, matmul, {}, sum_zero, zero);
    s.activation_zero_point = static_cast<std::uint8_t>(zero);
    return take_sum_scale(mul, scale, s);
  }
  [[gnu::noinline]] constexpr bool take_sum_scale(const node& mul, std::string_view scale,
                                                  step& s) noexcept {
    node both;
    s.sum_scale = constant{};
    s.sum_scale_factor = constant{};
    if (!producer(origin(scale), both) || !both.is("Mul"))
      return take_scales(mul, scale, s, s.sum_scale);
    if (!take_scales(both, both.inputs[0], s, s.sum_scale) ||
        !take_scales(both, both.inputs[1], s, s.sum_scale_factor))
      return false;
    return product_is_scale(s) || fail(status::bad_scale, both);
  }
  // Rounded to float32, positive and finite? (Double holds the products exactly.)
  [[gnu::noinline]] constexpr bool product_is_scale(const step& s) const noexcept {
    tensor a, b;
    (void)read_constant(g_.file, g_.external, s.sum_scale, a);
    (void)read_constant(g_.file, g_.external, s.sum_scale_factor, b);
    element_reader scales(a), factors(b);
    float scale = 0, factor = 0;
    for (std::size_t o = 0; o < s.outputs; ++o) { // past its end a reader keeps the last value
      scales.next(scale);
      factors.next(factor);
      const double product = double{scale} * double{factor};
      if (!(product > 0x1p-150 && product < 0x1.ffffffp127)) return false;
    }
    return true;
  }
  constexpr bool take_single(const node& user, std::string_view value, element type,
                             operand_constant& out) noexcept {
    if (!is_constant(value)) return fail(status::not_constant, user, value);
    if (!take(user, value, type, out)) return false;
    return (out.t.count == 1 && out.t.rank <= 1) || fail(status::shape_mismatch, out.t);
  }
  constexpr bool read_zero_point(const node& user, std::string_view value,
                                 std::int32_t& out) noexcept {
    operand_constant c;
    std::int64_t zero = 0;
    if (!take_single(user, value, element::uint8, c)) return false;
    element_reader(c.t).next(zero);
    out = static_cast<std::int32_t>(zero);
    return true;
  }
  [[gnu::noinline]] constexpr bool check_scales(const tensor& t) noexcept {
    float s = 0;
    for (element_reader reader(t); reader.next(s);)
      if (!is_finite(s) || !(s > 0)) return fail({status::bad_scale, reader.offset(), t.name});
    return true;
  }
  [[gnu::noinline]] constexpr bool take_scales(const node& user, std::string_view value,
                                               const step& s, constant& to) noexcept {
    operand_constant c;
    if (!take(user, value, element::float32, c)) return false;
    const bool fits =
        c.t.count == 1 || (c.t.count == s.outputs && c.t.dims[c.t.rank - 1] == s.outputs);
    if (c.t.rank > 2 || !fits) return fail(status::shape_mismatch, c.t, -1, s.outputs);
    to = c.where;
    return check_scales(c.t);
  }
  // Attributes of other forms than one scale for the whole tensor and uint8: their defaults only.
  // The axis means nothing here, but must be one of the tensor's two.
  constexpr bool check_quantize_attributes(const node& n) noexcept {
    std::int64_t axis = 1, saturate = 1, block_size = 0, output_dtype = 0, scale_type = 0;
    if (!read_int(n, "axis", axis) || !read_int(n, "saturate", saturate) ||
        !read_int(n, "block_size", block_size) || !read_int(n, "output_dtype", output_dtype) ||
        !read_int(n, "precision", scale_type))
      return false;
    if (axis < -2 || axis > 1) return fail(status::bad_attribute, n, "axis", axis, 1);
    if (saturate != 1) return fail(status::bad_attribute, n, "saturate", saturate, 1);
    if (block_size != 0) return fail(status::bad_attribute, n, "block_size", block_size, 0);
    if (output_dtype != 0 && output_dtype != static_cast<std::int64_t>(element::uint8))
      return fail(status::bad_attribute, n, "output_dtype", output_dtype, 2);
    if (scale_type != 0 && scale_type != static_cast<std::int64_t>(element::float32))
      return fail(status::bad_attribute, n, "precision", scale_type, 1);
    return true;
  }

  // ZipMap of a classifier's probabilities, and the labels if they are integers.
  [[gnu::noinline]] constexpr bool take_zip_map(const node& n) noexcept {
    if (n.input_count != 1) return fail(status::wrong_arity, n);
    value_ = n.inputs[0];
    for (cursor c(n.body); !c.done();) {
      field f;
      if (c.next(f) != status::ok) break;
      if (f.number != node_attribute) continue;
      attribute a;
      if (!same(name_in(f.payload, attribute_name), "classlabels_int64s")) continue;
      if (!ok(parse_attribute(f.payload, a))) return false;
      p_.labels.offset = static_cast<std::uint32_t>(f.offset & 0x7fffffffU);
      p_.labels.is_list = 1;
    }
    return true;
  }

  // ---- the way forward

  // Lists the graph's inputs, and finds the row's shape.
  [[gnu::noinline]] constexpr bool begin() noexcept {
    p_.input_count = 0;
    p_.inputs = 0;
    for (cursor c(g_.body); !c.done();) {
      field f;
      if (c.next(f) != status::ok) break;
      if (f.number == graph_input && !add_input(f)) return false;
    }
    shape_ = row_shape{};
    if (join_ != 0) return join_inputs();
    return input_shape(definition(value_), shape_) && use_input(value_, shape_.width());
  }
  [[gnu::noinline]] constexpr bool add_input(const field& f) noexcept {
    value_info v;
    if (!ok(parse_value_info(f.payload, v))) return false;
    if (definition(v.name).offset != f.offset) return true; // it lists an initializer
    if (p_.input_count == max_inputs)
      return fail({status::extra_input, v.offset, v.name, {}, max_inputs + 1, max_inputs});
    input_slice& in = p_.graph_inputs[p_.input_count++];
    in = {v.name, static_cast<std::uint32_t>(v.offset), 0,
          1,      static_cast<std::uint8_t>(v.rank),    false};
    for (std::size_t i = v.rank > 1 ? 1 : 0; i < v.rank; ++i) {
      const std::int64_t d = v.dims[i] < 0 ? (i == 0 ? 1 : 0) : v.dims[i];
      const bool too_large = d > std::int64_t{max_width} || in.count * d > std::int64_t{max_width};
      in.count = too_large ? 0 : in.count * static_cast<std::uint32_t>(d);
    }
    return true;
  }
  [[gnu::noinline]] constexpr bool use_input(std::string_view value, std::uint64_t count) noexcept {
    for (std::size_t i = 0; i < p_.input_count; ++i) {
      input_slice& in = p_.graph_inputs[i];
      if (!same(in.name, value)) continue;
      if (in.used) return fail({status::branch, in.offset, in.name});
      in.used = true;
      in.count = static_cast<std::uint32_t>(count);
      in.first = static_cast<std::uint32_t>(p_.inputs);
      p_.inputs += static_cast<std::size_t>(count);
      for (std::size_t k = i + 1; k < p_.input_count; ++k)
        if (p_.graph_inputs[k].used)
          return fail({status::unexpected_operator, in.offset, in.name, "Concat"});
    }
    if (p_.inputs <= max_width) return true;
    return fail({status::bad_dimension,
                 g_.body.offset,
                 value,
                 {},
                 static_cast<std::int64_t>(p_.inputs),
                 max_width});
  }
  [[gnu::noinline]] constexpr bool join_inputs() noexcept {
    node n;
    std::int64_t axis = 0;
    (void)parse_node(name_index::field_at(g_.file, join_), n);
    if (!read_int(n, "axis", axis)) return false;
    for (std::size_t k = 0; k < n.input_count; ++k) {
      row_shape s;
      const std::string_view part = operand(n, k);
      if (!shape_of(n, part, s)) return false;
      const std::size_t at = s.axis(axis);
      if (!s.runs_along(at) || at == s.batch || (k != 0 && !joins(s))) return fail_shape(n, s);
      if (k == 0) shape_ = s;
      if (shape_.rows < 0 && shape_.batch == s.batch) shape_.rows = s.rows;
      if (!use_input(input_of(part), s.width())) return false;
      shape_.dims[at] = static_cast<std::uint32_t>(p_.inputs);
    }
    return true;
  }
  // As many axes, the rows on the same, and as many of them where both numbers are told?
  constexpr bool joins(const row_shape& s) const noexcept {
    const std::int64_t rows = s.has_batch() ? s.rows : 1;
    const std::int64_t known = shape_.has_batch() ? shape_.rows : 1;
    const bool same_axis = s.batch == shape_.batch || !s.has_batch() || !shape_.has_batch();
    return s.rank == shape_.rank && (same_axis || (rows == 1 && known == 1)) &&
           (rows == known || rows < 0 || known < 0);
  }
  [[gnu::noinline]] constexpr std::string_view input_of(std::string_view value) const noexcept {
    node n;
    while (producer(value, n)) value = n.inputs[0];
    return value;
  }

  [[gnu::noinline]] constexpr bool advance(const value_info& out) noexcept {
    p_.step_count = p_.layer_count = 0;
    p_.kind = precision::fp32;
    p_.mode = quant_mode::fp32;
    width_ = p_.inputs;
    for (std::size_t i = first_; i < max_steps; ++i) {
      step s = p_.steps[i];
      if (s.kind == unknown) is_lost_ = true;
      if (is_lost_ && s.kind != step_kind::dense) continue;
      if (is_lost_) find_shape(s);
      if (place(s)) continue;
      if (!lose_shape()) return false;
    }
    p_.outputs = width_;
    p_.output_rank = shape_.rank;
    return p_.layer_count != 0 || is_lost_ || fail({status::no_layers, out.offset, out.name});
  }

  // As the layer needs it.
  [[gnu::noinline]] constexpr void find_shape(const step& s) noexcept {
    const bool left = (s.marks & left_mark) != 0, vector = (s.marks & vector_mark) != 0;
    shape_ = row_shape{};
    shape_.rank = 2;
    shape_.dims[0] = left ? s.inputs : 1;
    shape_.dims[1] = left ? 1 : s.inputs;
    if (left && vector) shape_.rank = 1;
    if ((s.marks & trans_a_mark) != 0 && !left) shape_.dims[0] = s.inputs, shape_.dims[1] = 1;
    width_ = s.inputs;
    is_lost_ = false;
  }

  [[gnu::noinline]] constexpr bool place(step& s) noexcept {
    switch (s.kind) {
    case step_kind::dense: return place_dense(s);
    case step_kind::affine: return place_affine(s);
    case step_kind::activate: return place_activation(s);
    case step_kind::softmax:
    case step_kind::log_softmax:
    case step_kind::layer_norm: return place_over_row(s);
    case step_kind::complement: return place_complement(s);
    case step_kind::slice: return place_slice(s);
    default: break;
    }
    return place_reshaping(s);
  }
  // The step is final: it stands after those placed before.
  constexpr bool append(const step& s, std::size_t outputs) noexcept {
    step& to = p_.steps[p_.step_count++];
    to = s;
    to.marks = s.marks & open_mark;
    to.inputs = static_cast<std::uint32_t>(width_);
    to.outputs = static_cast<std::uint32_t>(outputs);
    width_ = outputs;
    return true;
  }
  [[gnu::noinline]] constexpr bool fail_step(status code, const step& s, std::int64_t found = -1,
                                             std::int64_t accepted = -1) noexcept {
    return fail({code, s.offset, label_of(s), {}, found, accepted});
  }
  [[gnu::noinline]] constexpr std::string_view label_of(const step& s) const noexcept {
    node n;
    return node_of(s.offset, n) ? n.label() : "node";
  }
  [[gnu::noinline]] constexpr bool node_of(std::size_t offset, node& n) const noexcept {
    for (cursor c(g_.body); !c.done();) {
      field f;
      if (c.next(f) != status::ok) return false;
      if (f.number == graph_node && f.payload.offset == offset) return !failed(parse_node(f, n));
    }
    return false;
  }
  [[gnu::noinline]] constexpr bool fail_constant(constant c, const step& s,
                                                 std::int64_t accepted) noexcept {
    tensor t;
    (void)read_constant(g_.file, g_.external, c, t);
    if (t.name.empty()) t.name = label_of(s);
    return fail(status::shape_mismatch, t, -1, accepted);
  }

  [[gnu::noinline]] constexpr bool place_dense(step& s) noexcept {
    if (p_.layer_count == max_layers)
      return fail_step(status::too_many_layers, s, max_layers + 1, max_layers);
    const quant_mode mode = (s.marks & static_mark) != 0    ? quant_mode::static_int8
                            : (s.marks & dynamic_mark) != 0 ? quant_mode::dynamic_int8
                                                            : quant_mode::fp32;
    if (p_.layer_count != 0 && mode != p_.mode) return fail_step(status::mixed_precision, s);
    p_.mode = mode;
    p_.kind = precision_of(mode);
    const bool left = (s.marks & left_mark) != 0;
    if (mode == quant_mode::fp32 && s.begin != 0 && shape_.rank != 2) return fail_row(s);
    if (mode == quant_mode::fp32) s.begin = 0;
    if ((s.marks & trans_a_mark) != 0 && !transpose_row(s)) return false;
    if (shape_.rank == 0 || (left && shape_.rank > 2)) return fail_step(status::shape_mismatch, s);
    const std::size_t axis = left ? 0 : shape_.rank - 1;
    const bool fits = shape_.runs_along(axis) && shape_.dims[axis] == s.inputs;
    if (!fits && (s.marks & trans_a_mark) != 0)
      return fail({status::bad_attribute, s.offset, left ? "transB" : "transA", "Gemm", 1, 0});
    if (!fits) return fail_constant(s.weight, s, static_cast<std::int64_t>(shape_.dims[axis]));
    if ((s.marks & suffix_mark) != 0) return fail_constant(s.bias, s, s.outputs);
    shape_.dims[axis] = s.outputs;
    if (axis == shape_.batch && s.outputs != 1) shape_.batch = max_rank;
    if ((s.marks & vector_mark) != 0) shape_.remove_axis(axis);
    ++p_.layer_count;
    return append(s, s.outputs);
  }
  // The row has the wrong number of axes: told as its shape.
  [[gnu::noinline]] constexpr bool fail_row(const step& s) noexcept {
    node n;
    if (!node_of(s.offset, n)) return fail_step(status::shape_mismatch, s);
    return fail_shape(n, shape_);
  }
  // A row as a column, which changes nothing for one row.
  constexpr bool transpose_row(const step& s) noexcept {
    if (shape_.rank != 2) return fail_step(status::shape_mismatch, s);
    const std::uint32_t first = shape_.dims[0];
    shape_.dims[0] = shape_.dims[1], shape_.dims[1] = first;
    if (shape_.has_batch()) shape_.batch = 1 - shape_.batch;
    return true;
  }

  // Does a constant, combined value by value, leave the row's shape as it is?
  [[gnu::noinline]] constexpr bool fits_row(const step& s) noexcept {
    const std::uint32_t count = s.outputs, row[1] = {count};
    if ((s.marks & suffix_mark) == 0) {
      if (s.inputs > shape_.rank && !(count == 1 && s.inputs == 1)) return false;
      if (count == 1) return true;
      return broadcasts_over(shape_, 1, row, count);
    }
    node n;
    operand_constant c;
    if (failed(parse_node(name_index::field_at(g_.file, s.begin), n)) ||
        !take_any(n, n.inputs[(s.marks & left_mark) != 0 ? 0 : 1], c))
      return false;
    return broadcasts_over(shape_, c.t.rank, c.t.dims.data(), c.t.count);
  }

  [[gnu::noinline]] constexpr bool place_affine(step& s) noexcept {
    if (s.op == affine_op::negate) return append(s, width_);
    if (s.op == affine_op::scaler) {
      if (shape_.rank == 0 || !shape_.runs_along(shape_.rank - 1))
        return fail_step(status::shape_mismatch, s);
      if (!list_fits(s.weight, s) || !list_fits(s.bias, s)) return false;
      return append(s, width_);
    }
    if (s.op == affine_op::batch_norm) {
      if (shape_.rank >= 2 && shape_.runs_along(1) && shape_.dims[1] == s.outputs)
        return append(s, width_);
      return fail_constant(s.weight, s, static_cast<std::int64_t>(width_));
    }
    if (!fits_row(s)) return fail_constant(s.weight, s, static_cast<std::int64_t>(width_));
    gain_axis(s);
    if (p_.step_count != 0 && merges(s)) return true;
    s.begin = 0;
    return append(s, width_);
  }
  // A value without axes has that of the constant of one value.
  constexpr void gain_axis(const step& s) noexcept {
    if (shape_.rank == 0 && s.inputs == 1) (void)shape_.insert_axis(0);
  }
  constexpr bool list_fits(constant c, const step& s) noexcept {
    tensor t;
    (void)read_constant(g_.file, g_.external, c, t);
    return t.count == 1 || t.count == width_ ||
           fail_constant(c, s, static_cast<std::int64_t>(width_));
  }
  // A bias of the dense layer before, or the weight and bias of a normalisation that has none.
  constexpr bool merges(const step& s) noexcept {
    step& before = p_.steps[p_.step_count - 1];
    const bool open = (before.marks & open_mark) != 0;
    if (!open || (before.kind != step_kind::dense && before.kind != step_kind::layer_norm))
      return false;
    if (before.kind == step_kind::layer_norm && s.op == affine_op::multiply &&
        !before.weight.present() && !before.bias.present()) {
      before.weight = s.weight;
      return true;
    }
    if (s.op != affine_op::add || before.bias.present()) return false;
    before.bias = s.weight;
    if (p_.kind == precision::fp32) before.beta = 1;
    before.marks = 0;
    return true;
  }

  constexpr bool place_activation(step& s) noexcept {
    if (s.weight.present()) {
      if (!fits_row(s)) return fail_constant(s.weight, s, static_cast<std::int64_t>(width_));
      s.begin = 0;
      if (s.activates != activation::prelu) s.weight = constant{}; // alpha and beta tell it
    }
    if (s.inputs > 1 && s.inputs > shape_.rank) return fail_row(s);
    if (s.activates != activation::prelu) gain_axis(s); // whose slope must not widen the row
    return append(s, width_);
  }
  // Softmax and its logarithm, normalisations: over all values of the row.
  [[gnu::noinline]] constexpr bool place_over_row(step& s) noexcept {
    if ((s.marks & axes_mark) != 0) { // of ReduceMean and the like
      if (!axes_cover_row(s.inputs)) return fail_step(status::shape_mismatch, s);
      if (s.outputs != 0 && s.outputs != width_)
        return fail_constant(s.weight.present() ? s.weight : s.bias, s,
                             static_cast<std::int64_t>(width_));
      s.marks = s.bias.present() ? 0 : open_mark;
      return append(s, width_);
    }
    const std::int64_t wanted = static_cast<std::int32_t>(s.inputs);
    const std::size_t axis = shape_.axis(wanted);
    std::uint64_t before = 1;
    for (std::size_t i = 0; i < axis && i < shape_.rank; ++i) before *= shape_.dims[i];
    const bool is_suffix = (s.marks & suffix_mark) != 0;
    const bool over_rows = shape_.has_batch() && shape_.rows != 1 &&
                           (is_suffix ? axis <= shape_.batch : axis == shape_.batch);
    const bool covers = is_suffix ? before == 1 : shape_.runs_along(axis);
    if (axis == shape_.rank || !covers || over_rows) return fail_axis(s, wanted);
    if (s.kind == step_kind::layer_norm && !norm_fits(s)) return false;
    s.begin = 0;
    return append(s, width_);
  }
  // Do LayerNormalization's weight and bias leave the row's shape as it is?
  [[gnu::noinline]] constexpr bool norm_fits(const step& s) noexcept {
    node n;
    operand_constant c;
    (void)parse_node(name_index::field_at(g_.file, s.begin), n);
    for (std::size_t i = 1; i < n.input_count; ++i) {
      if (!take_any(n, n.inputs[i], c)) return false;
      if (!broadcasts_over(shape_, c.t.rank, c.t.dims.data(), c.t.count))
        return fail(status::shape_mismatch, c.t, -1, static_cast<std::int64_t>(width_));
    }
    return true;
  }
  [[gnu::noinline]] constexpr bool fail_axis(const step& s, std::int64_t found) noexcept {
    return fail({status::bad_attribute, s.offset, "axis", {}, found, -1});
  }
  constexpr bool axes_cover_row(std::uint32_t mask) const noexcept {
    if (mask == all_axes) return shape_.rank != 0 && (!shape_.has_batch() || shape_.rows == 1);
    std::uint64_t product = 1;
    bool seen[max_rank] = {};
    for (std::int64_t a = -8; a < 8; ++a) {
      if ((mask >> (a + 8) & 1) == 0) continue;
      const std::size_t axis = shape_.axis(a);
      if (axis == shape_.rank || seen[axis] || (axis == shape_.batch && shape_.rows != 1))
        return false;
      seen[axis] = true;
      product *= shape_.dims[axis];
    }
    return product == width_;
  }

  constexpr bool place_complement(step& s) noexcept {
    const std::size_t axis = shape_.axis(static_cast<std::int32_t>(s.inputs));
    if (width_ != 1 || axis == shape_.rank || axis == shape_.batch)
      return fail_step(status::shape_mismatch, s, static_cast<std::int64_t>(width_), 1);
    shape_.dims[axis] = 2;
    return append(s, 2);
  }

  [[gnu::noinline]] constexpr bool place_reshaping(const step& s) noexcept {
    node n;
    (void)parse_node(name_index::field_at(g_.file, s.begin), n);
    known_value_ = origin(n.inputs[0]);
    known_shape_ = shape_;
    const bool done = reshape_by(n, shape_);
    known_value_ = {};
    return done && (shape_.width() == width_ || fail_shape(n, shape_));
  }

  // Slice, Split and Gather of neighbouring values.
  [[gnu::noinline]] constexpr bool place_slice(step& s) noexcept {
    node n;
    (void)parse_node(name_index::field_at(g_.file, s.begin), n);
    const std::size_t split_index = s.inputs;
    s.begin = 0;
    s.outputs = static_cast<std::uint32_t>(width_);
    known_value_ = origin(n.inputs[0]);
    known_shape_ = shape_;
    const bool done = n.is("Split")   ? place_split(n, split_index, s)
                      : n.is("Slice") ? place_ranges(n, s)
                                      : place_gather(n, s);
    known_value_ = {};
    if (!done) return false;
    return s.outputs == width_ ? true : append(s, s.outputs); // all of them: nothing to do
  }
  // Values `from` to `to` along the axis: those of the row that are kept.
  constexpr bool keep(const node& n, std::size_t axis, std::int64_t from, std::int64_t to,
                      step& s) noexcept {
    if (axis >= shape_.rank) return fail(status::bad_attribute, n, "axis");
    const std::int64_t size = shape_.dims[axis];
    if (axis == shape_.batch && shape_.rows != 1 && (from != 0 || to < size))
      return fail_shape(n, shape_);
    std::uint64_t before = 1, after = 1;
    for (std::size_t i = 0; i < shape_.rank; ++i) (i < axis ? before : after) *= shape_.dims[i];
    after /= shape_.dims[axis];
    if (from < 0 || from >= to || to > size) return fail_shape(n, shape_);
    if (from == 0 && to == size) return true;
    if (before != 1) return fail_shape(n, shape_); // not neighbours
    s.begin += static_cast<std::uint32_t>(static_cast<std::uint64_t>(from) * after);
    s.outputs = static_cast<std::uint32_t>(static_cast<std::uint64_t>(to - from) * after);
    shape_.dims[axis] = static_cast<std::uint32_t>(to - from);
    return true;
  }
  constexpr bool place_ranges(const node& n, step& s) noexcept {
    slice_range r;
    if (!read_slice(n, r)) return false;
    for (std::size_t i = 0; i < r.count; ++i) {
      const std::size_t axis = shape_.axis(r.axes.values[i]);
      if (axis == shape_.rank) return fail_shape(n, shape_);
      const std::int64_t size = shape_.dims[axis];
      if (axis == shape_.batch && shape_.rows != 1) {
        if (r.starts.values[i] != 0 || r.ends.values[i] < 0x7fffffff) return fail_shape(n, shape_);
        continue;
      }
      if (!keep(n, axis, clamped(r.starts.values[i], size), clamped(r.ends.values[i], size), s))
        return false;
    }
    return true;
  }
  // Split (2, 11: attribute; 13, 18: operand or equal parts).
  [[gnu::noinline]] constexpr bool place_split(const node& n, std::size_t index, step& s) noexcept {
    std::int64_t at = 0, parts = static_cast<std::int64_t>(n.output_count), from = 0, size = 0;
    if (!read_int(n, "axis", at) || !read_int(n, "num_outputs", parts)) return false;
    const std::size_t axis = shape_.axis(at);
    if (axis == shape_.rank) return fail(status::bad_attribute, n, "axis", at);
    if (parts < 1) return fail(status::bad_attribute, n, "num_outputs", parts, 1);
    constant c{};
    tensor t;
    std::int64_t sum = 0;
    if (!split_sizes(n, c, t)) return false;
    element_reader reader(t);
    const std::int64_t all = shape_.dims[axis], part = (all + parts - 1) / parts;
    const std::uint64_t count = c.present() ? t.count : static_cast<std::uint64_t>(parts);
    if (count != n.output_count && c.present()) return fail_shape(n, shape_);
    for (std::uint64_t i = 0; i < count; ++i) {
      std::int64_t next = part < all - sum ? part : all - sum;
      if (c.present()) reader.next(next);
      if (next < 0 || next > all - sum || (next == 0 && !c.present())) return fail_shape(n, shape_);
      if (i == index) from = sum, size = next;
      sum += next;
    }
    if (sum != all || (g_.opset < 18 && !c.present() && all % parts != 0))
      return fail_shape(n, shape_);
    return keep(n, axis, from, from + size, s);
  }
  constexpr bool split_sizes(const node& n, constant& c, tensor& t) noexcept {
    operand_constant o;
    attribute a;
    if (n.input_count > 1 && !n.inputs[1].empty()) {
      if (!take(n, n.inputs[1], element::int64, o)) return false;
      if (o.t.rank != 1) return fail(status::shape_mismatch, o.t);
      c = o.where;
      t = o.t;
    } else if (find_attribute(n, "split", a)) {
      if (a.type != attribute_type::ints) return fail(status::bad_attribute, a);
      c.offset = 1;
      return ok(tensor_of(a, t));
    }
    return true;
  }
  // Gather (1, 11, 13): neighbouring indices, upwards; or one, whose axis vanishes.
  [[gnu::noinline]] constexpr bool place_gather(const node& n, step& s) noexcept {
    std::int64_t at = 0, from = 0;
    operand_constant which;
    if (!read_int(n, "axis", at)) return false;
    const std::size_t axis = shape_.axis(at);
    if (axis == shape_.rank) return fail(status::bad_attribute, n, "axis", at);
    if (axis == shape_.batch && shape_.rows != 1) return fail_shape(n, shape_);
    if (!take_any(n, n.inputs[1], which)) return false;
    if (!is_integer(which.t.type))
      return fail(status::wrong_element_type, which.t, static_cast<std::int64_t>(which.t.type),
                  static_cast<std::int64_t>(element::int64));
    if (which.t.rank > 1) {
      (void)fail(status::shape_mismatch, which.t);
      why_.op_type = n.op_type; // what to do about it is the operator's
      return false;
    }
    const std::int64_t size = shape_.dims[axis];
    element_reader reader(which.t);
    for (std::int64_t i = 0, k = 0; reader.next(i); ++k) {
      if (i < 0) i += size;
      if (k == 0) from = i;
      if (i != from + k)
        return fail({status::bad_dimension, reader.offset(), which.t.name, "Gather"});
    }
    if (!keep(n, axis, from, from + static_cast<std::int64_t>(which.t.count), s)) return false;
    if (which.t.rank == 0) shape_.remove_axis(axis);
    return true;
  }

  // ---- the end

  [[gnu::noinline]] constexpr bool end(const value_info& out) noexcept {
    bool agrees = true;
    const bool is_map = !out.is_tensor;
    if (!is_map && out.has_shape) {
      agrees = out.rank == shape_.rank;
      for (std::size_t i = 0; agrees && i < out.rank; ++i) {
        const std::int64_t known = i == shape_.batch ? shape_.rows : std::int64_t{shape_.dims[i]};
        agrees = out.dims[i] < 0 || known < 0 || out.dims[i] == known;
      }
    }
    if (!agrees) {
      tinymlp::error why{status::shape_mismatch, out.offset, out.name};
      why.rank = static_cast<std::uint8_t>(shape_.rank > why.dims.size() ? 0 : shape_.rank);
      for (std::size_t i = 0; i < why.rank; ++i)
        why.dims[i] = i == shape_.batch && shape_.rows != 1 ? 0 : shape_.dims[i];
      return fail(why);
    }
    for (std::size_t i = 0; i < p_.step_count; ++i) p_.steps[i].marks = 0;
    for (std::size_t i = p_.step_count; i < max_steps; ++i)
      if (i >= first_) p_.steps[i] = step{};
    p_.output_name = out.name;
    p_.ir_version = g_.ir_version;
    p_.opset = g_.opset;
    p_.producer_name = g_.producer_name;
    p_.producer_version = g_.producer_version;
    p_.graph_name = g_.name;
    p_.model = {g_.file.data, g_.file.size};
    p_.external = g_.external;
    return true;
  }

  plan& p_;
  std::string_view value_{}; // the chain's end, on the way back
  std::size_t first_ = 0;    // the entries made so far
  std::uint32_t join_ = 0;   // the Concat of all inputs, if one was reached
  std::size_t split_index_ = 0;
  row_shape shape_{}; // on the way forward
  std::size_t width_ = 0;
  // While obstacles are listed.
  std::span<tinymlp::error> obstacles_{};
  std::size_t obstacle_count_ = 0;
  bool is_listing_ = false, is_lost_ = false;
};

struct plan_builder::operator_table {
  using b = plan_builder;
  static constexpr op_row none{"", "", 0, 0, 0, 0, {}, &b::misplaced};
  // The most frequent ones first: the table is searched from its start.
  static constexpr std::array rows{
      op_row{
          "Gemm", "", 7, 2, 3, 1, {{{"alpha"}, {"beta"}, {"transA"}, {"transB"}}}, &b::take_gemm},
      op_row{"Relu", "", 7, 1, 1, 1, {}, &b::take_relu},
      op_row{"MatMul", "", 7, 2, 2, 1, {}, &b::take_matmul},
      op_row{"Add", "", 7, 2, 2, 1, {}, &b::take_add},
      op_row{"Mul", "", 7, 2, 2, 1, {}, &b::take_mul},
      op_row{
          "Cast", "", 7, 1, 1, 1, {{{"to"}, {"saturate", 19}, {"round_mode", 24}}}, &b::take_cast},
      op_row{"Identity", "", 7, 1, 1, 1, {}, &b::pass},
      op_row{"Tanh", "", 7, 1, 1, 1, {}, &b::take_tanh},
      op_row{"Sigmoid", "", 7, 1, 1, 1, {}, &b::take_sigmoid},
      op_row{"Elu", "", 7, 1, 1, 1, {{{"alpha"}}}, &b::take_elu},
      op_row{"Sub", "", 7, 2, 2, 1, {}, &b::take_sub},
      op_row{"Div", "", 7, 2, 2, 1, {}, &b::take_div},
      op_row{"Neg", "", 7, 1, 1, 1, {}, &b::take_neg},
      op_row{"Sum", "", 8, 1, 2, 1, {}, &b::take_sum},
      op_row{"Flatten", "", 7, 1, 1, 1, {{{"axis"}}}, &b::take_reshaping},
      op_row{"Reshape", "", 7, 2, 2, 1, {{{"allowzero", 14}}}, &b::take_reshaping},
      op_row{"Squeeze", "", 7, 1, 2, 1, {{{"axes"}}}, &b::take_reshaping},
      op_row{"Unsqueeze", "", 7, 1, 2, 1, {{{"axes"}}}, &b::take_reshaping},
      op_row{"Transpose", "", 7, 1, 1, 1, {{{"perm"}}}, &b::take_reshaping},
      op_row{"Expand", "", 8, 2, 2, 1, {}, &b::take_reshaping},
      op_row{"Concat", "", 7, 1, 64, 1, {{{"axis"}}}, &b::take_concat},
      op_row{"Dropout", "", 7, 1, 3, 2, {{{"ratio", 0, 12}, {"seed", 12}}}, &b::take_dropout},
      op_row{"Softmax", "", 7, 1, 1, 1, {{{"axis"}}}, &b::take_softmax},
      op_row{"LogSoftmax", "", 7, 1, 1, 1, {{{"axis"}}}, &b::take_log_softmax},
      op_row{"Log", "", 7, 1, 1, 1, {}, &b::take_log},
      op_row{"Exp", "", 7, 1, 1, 1, {}, &b::take_exp},
      op_row{"LeakyRelu", "", 7, 1, 1, 1, {{{"alpha"}}}, &b::take_leaky_relu},
      op_row{"PRelu", "", 7, 2, 2, 1, {}, &b::take_prelu},
      op_row{"Selu", "", 7, 1, 1, 1, {{{"alpha"}, {"gamma"}}}, &b::take_selu},
      op_row{"Celu", "", 12, 1, 1, 1, {{{"alpha"}}}, &b::take_celu},
      op_row{"Clip", "", 7, 1, 3, 1, {{{"min", 0, 11}, {"max", 0, 11}}}, &b::take_clip},
      op_row{"Reciprocal", "", 7, 1, 1, 1, {}, &b::take_reciprocal},
      op_row{"Min", "", 7, 1, 2, 1, {}, &b::take_min_max},
      op_row{"Max", "", 7, 1, 2, 1, {}, &b::take_min_max},
      op_row{"HardSigmoid", "", 7, 1, 1, 1, {{{"alpha"}, {"beta"}}}, &b::take_hard_sigmoid},
      op_row{"HardSwish", "", 14, 1, 1, 1, {}, &b::take_hard_swish},
      op_row{"Softplus", "", 7, 1, 1, 1, {}, &b::take_softplus},
      op_row{"Softsign", "", 7, 1, 1, 1, {}, &b::take_softsign},
      op_row{"ThresholdedRelu", "", 10, 1, 1, 1, {{{"alpha"}}}, &b::take_thresholded_relu},
      op_row{"Mish", "", 18, 1, 1, 1, {}, &b::take_mish},
      op_row{"Gelu", "", 20, 1, 1, 1, {{{"approximate"}}}, &b::take_gelu},
      op_row{"Swish", "", 24, 1, 1, 1, {{{"alpha"}}}, &b::take_swish},
      op_row{"LayerNormalization",
             "",
             17,
             2,
             3,
             3,
             {{{"axis"}, {"epsilon"}, {"stash_type"}}},
             &b::take_layer_norm},
      op_row{"BatchNormalization",
             "",
             7,
             5,
             5,
             1,
             {{{"epsilon"}, {"momentum"}, {"spatial", 0, 9}, {"training_mode", 14}}},
             &b::take_batch_norm},
      op_row{"Scaler", "ai.onnx.ml", 7, 1, 1, 1, {{{"offset"}, {"scale"}}}, &b::take_scaler},
      op_row{"LinearRegressor",
             "ai.onnx.ml",
             7,
             1,
             1,
             1,
             {{{"coefficients"}, {"intercepts"}, {"post_transform"}, {"targets"}}},
             &b::take_linear_regressor},
      op_row{"Split",
             "",
             7,
             1,
             2,
             1024,
             {{{"axis"}, {"split", 0, 13}, {"num_outputs", 18}}},
             &b::take_split},
      op_row{"Slice",
             "",
             7,
             1,
             5,
             1,
             {{{"axes", 0, 10}, {"starts", 0, 10}, {"ends", 0, 10}}},
             &b::take_part},
      op_row{"Gather", "", 7, 2, 2, 1, {{{"axis"}}}, &b::take_part},
      op_row{"DynamicQuantizeLinear", "", 11, 1, 1, 3, {}, &b::misplaced},
      op_row{"QuantizeLinear",
             "",
             10,
             2,
             3,
             1,
             {{{"axis", 13},
               {"saturate", 19},
               {"block_size", 21},
               {"output_dtype", 21},
               {"precision", 23}}},
             &b::misplaced},
      op_row{"MatMulInteger", "", 10, 2, 4, 1, {}, &b::misplaced},
  };
};

constexpr const plan_builder::op_row& plan_builder::find_row(const node& n) noexcept {
  for (const op_row& row : operator_table::rows)
    if (row.op_type.code == n.code && same(row.op_type.text, n.op_type))
      return (row.domain.text.empty() ? n.in_default_domain() : same(row.domain.text, n.domain))
                 ? row
                 : operator_table::none;
  return operator_table::none;
}

} // namespace tinymlp::onnx::detail
