// Chains of operators that exporters write where there is one operator, or was none yet:
// activations and normalisations. Each is recognised from its last node, in any order of
// commutative operands, with constants that may have been rounded.
#pragma once

#include <tinymlp/onnx/reader.hpp>

#include <array>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <string_view>

namespace tinymlp::onnx::detail {

// A constant operand of a node in the middle of a pattern.
struct constant_operand {
  std::string_view value{}; // empty: none
  std::uint32_t user = 0;   // tag of the node
  bool first = false;       // which of its two operands
};

// Of ReduceMean and the like that name none.
inline constexpr std::uint32_t all_axes = std::uint32_t{1} << 16;

// What was recognised: a step of `kind` on the value `from`.
struct pattern {
  step_kind kind = step_kind::activate;
  activation activates = activation::identity;
  float alpha = 1;
  std::uint32_t axes = 0; // of ReduceMean and the like: bit axis + 8, or all_axes
  std::string_view from{};
  constant_operand weight{}, bias{}; // of a normalisation; or the slopes, which alpha multiplies
};

class pattern_matcher : protected graph_reader {
protected:
  using graph_reader::graph_reader;

  // The pattern that ends with this node. Nothing is refused: false where there is none.
  constexpr bool match(const node& n, pattern& out) noexcept {
    const expression e{n.op_type, n.inputs[0], n.inputs[1], n.code,
                       static_cast<std::uint32_t>(n.tag)};
    if (e.is("Mul"))
      return match_gated(e, n.outputs[0], out) || match_norm(e, out) || match_softmax(e, out);
    if (e.is("Div"))
      return match_gated(e, n.outputs[0], out) || match_norm(e, out) || match_softmax(e, out) ||
             match_quotient(e, out);
    if (e.is("Add")) return match_slopes(e, out) || match_moments(e, out);
    if (e.is("Sub")) return match_slopes(e, out) || match_log_softmax(e, out);
    if (e.is("Max")) return match_larger(e, out);
    if (e.is("Reciprocal")) return match_logistic(e.a, out);
    if (e.is("Exp")) {
      const expression sub = expression_of(e.a);
      if (!sub.is("Sub") || !match_log_softmax(sub, out)) return false;
      return out.kind = step_kind::softmax, true;
    }
    if (e.is("Log")) {
      const expression quotient = expression_of(e.a);
      if ((quotient.is("Div") || quotient.is("Mul")) && match_softmax(quotient, out))
        return out.kind = step_kind::log_softmax, true;
      out = {};
      out.activates = activation::softplus;
      return one_plus_exp(e.a, out.from);
    }
    return false;
  }

  [[gnu::noinline]] constexpr bool match_complement(const node& n, std::string_view& p) noexcept {
    const expression sub = expression_of(n.inputs[0]);
    float one = 0;
    p = n.inputs[1];
    return sub.is("Sub") && scalar(sub.a, one) && one == 1 && same(origin(sub.b), origin(p));
  }

  // ---- bounds of Clip, Min and Max

  // A bound that is left out is infinite. False where it is no constant of one value, or NaN.
  constexpr bool clip_bounds(const node& n, float& low, float& high) noexcept {
    low = -std::numeric_limits<float>::infinity();
    high = std::numeric_limits<float>::infinity();
    if (g_.opset < 11) return read_bound(n, "min", low) && read_bound(n, "max", high);
    if (n.input_count > 1 && !n.inputs[1].empty() && !scalar(n.inputs[1], low)) return false;
    if (n.input_count > 2 && !n.inputs[2].empty() && !scalar(n.inputs[2], high)) return false;
    return low == low && high == high;
  }
  constexpr bool read_bound(const node& n, op_name name, float& bound) noexcept {
    attribute a;
    if (!find_attribute(n, name, a)) return true;
    if (a.type != attribute_type::float32 || a.f != a.f) return fail(status::bad_attribute, a);
    bound = a.f;
    return true;
  }
  constexpr bool min_max_bounds(const node& n, std::string_view& from, float& low,
                                float& high) noexcept {
    low = -std::numeric_limits<float>::infinity();
    high = std::numeric_limits<float>::infinity();
    if (n.input_count != 2) return false;
    const bool first = is_constant(n.inputs[0]);
    from = n.inputs[first ? 1 : 0];
    float& bound = n.is("Min") ? high : low;
    return scalar(n.inputs[first ? 0 : 1], bound) && bound == bound;
  }

private:
  // An operator of the default domain and its first two operands.
  struct expression {
    std::string_view op{}, a{}, b{};
    std::uint32_t code = 0, tag = 0;
    constexpr bool is(op_name wanted) const noexcept {
      return code == wanted.code && same(op, wanted.text);
    }
  };
  // What computes the value, seen through operators that do nothing; no operator where it is a
  // constant or an input. (Not inlined: patterns recurse, and stacks are small.)
  [[gnu::noinline]] constexpr expression expression_of(std::string_view value) const noexcept {
    node n;
    value = origin(value);
    if (!producer(value, n) || !n.in_default_domain() || !same(n.outputs[0], value)) return {};
    return {n.op_type, n.inputs[0], n.inputs[1], n.code, static_cast<std::uint32_t>(n.tag)};
  }
  // Equal but for the rounding of a constant to float32?
  static constexpr bool about(double value, double wanted) noexcept {
    const double difference = value < wanted ? wanted - value : value - wanted;
    return difference <= 1e-6 * (wanted < 0 ? -wanted : wanted);
  }
  // The other operand of a commutative operator one of whose operands is this number.
  [[gnu::noinline]] constexpr bool other_than(const expression& e, float number,
                                              std::string_view& other) noexcept {
    float s = 0;
    if (scalar(e.b, s) && s == number) return other = e.a, true;
    if (scalar(e.a, s) && s == number) return other = e.b, true;
    return false;
  }
  // value = factor * x, by so many Mul and Div with numbers, or as many as there are.
  [[gnu::noinline]] constexpr void peel(std::string_view value, std::string_view& x, double& factor,
                                        int levels) noexcept {
    factor = 1;
    x = origin(value);
    for (int i = 0; i < levels; ++i) {
      const expression e = expression_of(x);
      float s = 0;
      if (e.is("Mul") && scalar(e.a, s)) {
        factor *= double{s}, x = origin(e.b);
      } else if ((e.is("Mul") || e.is("Div")) && scalar(e.b, s) && s != 0) {
        factor *= e.is("Mul") ? double{s} : 1 / double{s}, x = origin(e.a);
      } else {
        return;
      }
    }
  }

  // ---- x times a gate: SiLU, GELU, HardSwish, Mish

  // A product of numbers, x and the gate: each of the two once, in any association.
  struct gated_product {
    std::string_view x{}, gate{};
    double factor = 1;
    int xs = 0, gates = 0;
  };
  [[gnu::noinline]] constexpr bool multiply(std::string_view value, gated_product& p,
                                            int depth) noexcept {
    float s = 0;
    value = origin(value);
    if (same(value, p.gate)) return ++p.gates == 1;
    if (same(value, p.x)) return ++p.xs == 1;
    if (scalar(value, s)) return p.factor *= double{s}, true;
    const expression e = expression_of(value);
    if (depth == 4) return false;
    if (e.is("Mul")) return multiply(e.a, p, depth + 1) && multiply(e.b, p, depth + 1);
    if (!e.is("Div") || !scalar(e.b, s) || s == 0) return false;
    p.factor /= double{s};
    return multiply(e.a, p, depth + 1);
  }
  constexpr bool is_product(std::string_view root, std::string_view x, std::string_view gate,
                            double& factor) noexcept {
    gated_product p{x, origin(gate)};
    const bool found = multiply(root, p, 0) && p.xs == 1 && p.gates == 1;
    factor = p.factor;
    return found;
  }

  [[gnu::noinline]] constexpr bool match_gated(const expression& e, std::string_view root,
                                               pattern& out) noexcept {
    out = {};
    return find_gate(e.a, root, out, 0) || (e.is("Mul") && find_gate(e.b, root, out, 0));
  }
  [[gnu::noinline]] constexpr bool find_gate(std::string_view value, std::string_view root,
                                             pattern& out, int depth) noexcept {
    const expression e = expression_of(value);
    if (e.op.empty()) return false;
    if (is_gate(value, e, root, out)) return true;
    if (depth == 3 || (!e.is("Mul") && !e.is("Div"))) return false;
    return find_gate(e.a, root, out, depth + 1) ||
           (e.is("Mul") && find_gate(e.b, root, out, depth + 1));
  }
  [[gnu::noinline]] constexpr bool is_gate(std::string_view gate, const expression& e,
                                           std::string_view root, pattern& out) noexcept {
    if (e.is("Sigmoid")) return is_silu(gate, e, root, out);
    if (e.is("Div") || e.is("Reciprocal")) return is_logistic_silu(gate, e, root, out);
    if (e.is("Add")) return is_gelu(gate, e, root, out);
    if (e.is("Tanh")) return is_mish(gate, e, root, out);
    if (e.is("HardSigmoid") || e.is("Clip") || e.is("Min") || e.is("Max"))
      return is_hard_swish(gate, e, root, out);
    return false;
  }

  // x * sigmoid(alpha * x)
  [[gnu::noinline]] constexpr bool is_silu(std::string_view gate, const expression& e,
                                           std::string_view root, pattern& out) noexcept {
    out.activates = activation::silu;
    for (int levels = 0; levels < 3; ++levels) { // x itself may be a product with a number
      double factor = 0, alpha = 1;
      peel(e.a, out.from, alpha, levels);
      out.alpha = static_cast<float>(alpha);
      if (is_product(root, out.from, gate, factor) && factor == 1) return true;
    }
    return false;
  }

  // x * (1 / (1 + exp(-x)))
  [[gnu::noinline]] constexpr bool is_logistic_silu(std::string_view gate, const expression& e,
                                                    std::string_view root, pattern& out) noexcept {
    float s = 0;
    double factor = 0;
    if (e.is("Div") && !(scalar(e.a, s) && s == 1)) return false;
    if (!match_logistic(e.is("Div") ? e.b : e.a, out)) return false;
    out.activates = activation::silu;
    return is_product(root, out.from, gate, factor) && factor == 1;
  }

  // x * 0.5 * (1 + erf(x / sqrt(2))), or with tanh(sqrt(2 / pi) * (x + 0.044715 * x^3))
  [[gnu::noinline]] constexpr bool is_gelu(std::string_view gate, const expression& e,
                                           std::string_view root, pattern& out) noexcept {
    std::string_view inner{};
    double factor = 0, scale = 0;
    if (!other_than(e, 1, inner)) return false;
    const expression f = expression_of(inner);
    if (f.is("Tanh")) return find_cubic(root, gate, f.a, root, out, 0);
    if (!f.is("Erf")) return false;
    out.activates = activation::gelu;
    for (int levels = 1; levels < 4; ++levels) {
      peel(f.a, out.from, scale, levels);
      if (about(scale, 0.70710678118654752440) && is_product(root, out.from, gate, factor) &&
          about(factor, 0.5))
        return true;
    }
    return false;
  }
  // Tries the factors of the product, one after the other, as x.
  [[gnu::noinline]] constexpr bool find_cubic(std::string_view value, std::string_view gate,
                                              std::string_view argument, std::string_view root,
                                              pattern& out, int depth) noexcept {
    double factor = 0;
    polynomial p;
    value = origin(value);
    if (same(value, origin(gate))) return false;
    out.activates = activation::gelu_tanh;
    out.from = value;
    constexpr double c = 0.79788456080286535588;
    if (depth != 0 && expand(argument, value, p, 0) && p[0] == 0 && p[2] == 0 && about(p[1], c) &&
        about(p[3], c * 0.044715) && is_product(root, value, gate, factor) && about(factor, 0.5))
      return true;
    const expression e = expression_of(value);
    if (depth == 3 || (!e.is("Mul") && !e.is("Div"))) return false;
    return find_cubic(e.a, gate, argument, root, out, depth + 1) ||
           (e.is("Mul") && find_cubic(e.b, gate, argument, root, out, depth + 1));
  }
  // The value as a polynomial in x, coefficients from x^0 to x^3.
  using polynomial = std::array<double, 4>;
  [[gnu::noinline]] constexpr bool expand(std::string_view value, std::string_view x, polynomial& p,
                                          int depth) noexcept {
    float s = 0;
    p = {};
    value = origin(value);
    if (same(value, x)) return p[1] = 1, true;
    if (scalar(value, s)) return p[0] = double{s}, true;
    const expression e = expression_of(value);
    if (depth == 6 || e.op.empty()) return false;
    if (e.is("Neg")) return expand(e.a, x, p, depth + 1) && times(p, {-1});
    if (e.is("Pow")) {
      polynomial base;
      if (!exponent(e.b, s) || (s != 2 && s != 3) || !expand(e.a, x, base, depth + 1)) return false;
      p = base;
      return times(p, base) && (s == 2 || times(p, base));
    }
    if (e.is("Div"))
      return scalar(e.b, s) && s != 0 && expand(e.a, x, p, depth + 1) && times(p, {1 / double{s}});
    const double sign = e.is("Add") ? 1 : e.is("Sub") ? -1 : 0;
    polynomial other;
    if ((sign == 0 && !e.is("Mul")) || !expand(e.a, x, p, depth + 1) ||
        !expand(e.b, x, other, depth + 1))
      return false;
    if (sign == 0) return times(p, other);
    for (std::size_t i = 0; i < p.size(); ++i) p[i] += sign * other[i];
    return true;
  }
  // False where the degree would be above 3.
  static constexpr bool times(polynomial& p, const polynomial& by) noexcept {
    polynomial r{};
    for (std::size_t i = 0; i < p.size(); ++i)
      for (std::size_t k = 0; k < p.size(); ++k) {
        if (p[i] == 0 || by[k] == 0) continue;
        if (i + k >= p.size()) return false;
        r[i + k] += p[i] * by[k];
      }
    p = r;
    return true;
  }

  // x * tanh(softplus(x))
  [[gnu::noinline]] constexpr bool is_mish(std::string_view gate, const expression& e,
                                           std::string_view root, pattern& out) noexcept {
    double factor = 0;
    out.activates = activation::mish;
    const expression inner = expression_of(e.a);
    if (inner.is("Softplus"))
      out.from = origin(inner.a);
    else if (!inner.is("Log") || !one_plus_exp(inner.a, out.from))
      return false;
    return is_product(root, out.from, gate, factor) && factor == 1;
  }
  // 1 + exp(x)
  [[gnu::noinline]] constexpr bool one_plus_exp(std::string_view value,
                                                std::string_view& x) noexcept {
    std::string_view inner{};
    const expression e = expression_of(value);
    if (!e.is("Add") || !other_than(e, 1, inner)) return false;
    const expression exp = expression_of(inner);
    x = origin(exp.a);
    return exp.is("Exp");
  }

  // x * hard_sigmoid(x, 1/6, 1/2), or x * clip(x + 3, 0, 6) / 6
  [[gnu::noinline]] constexpr bool is_hard_swish(std::string_view gate, const expression& e,
                                                 std::string_view root, pattern& out) noexcept {
    double factor = 0, wanted = 1;
    out.activates = activation::hard_swish;
    if (e.is("HardSigmoid")) {
      node n;
      attribute alpha, beta;
      (void)parse_node(name_index::field_at(g_.file, e.tag), n);
      if (!find_attribute(n, "alpha", alpha) || !about(double{alpha.f}, 1.0 / 6)) return false;
      if (find_attribute(n, "beta", beta) && beta.f != 0.5F) return false;
      out.from = origin(e.a);
    } else {
      std::string_view shifted{};
      float low = 0, high = 0;
      if (!clipped(e, shifted, low, high) || low != 0 || high != 6) return false;
      const expression sum = expression_of(shifted);
      if (!sum.is("Add") || !other_than(sum, 3, out.from)) return false;
      out.from = origin(out.from);
      wanted = 1.0 / 6;
    }
    return is_product(root, out.from, gate, factor) && about(factor, wanted);
  }
  // Clip, or Min and Max one after the other.
  [[gnu::noinline]] constexpr bool clipped(const expression& e, std::string_view& x, float& low,
                                           float& high) noexcept {
    node n;
    (void)parse_node(name_index::field_at(g_.file, e.tag), n);
    x = e.a;
    if (e.is("Clip")) return quietly(clip_bounds(n, low, high));
    float inner_low = 0, inner_high = 0;
    if (!min_max_bounds(n, x, low, high)) return false;
    const expression inner = expression_of(x);
    if (inner.is("Relu")) return x = inner.a, low = low > 0 ? low : 0, true;
    if (!inner.is("Min") && !inner.is("Max")) return true;
    (void)parse_node(name_index::field_at(g_.file, inner.tag), n);
    if (!min_max_bounds(n, x, inner_low, inner_high)) return false;
    low = inner_low > low ? inner_low : low;
    high = inner_high < high ? inner_high : high;
    return true;
  }
  constexpr bool quietly(bool done) noexcept {
    why_ = {};
    return done;
  }

  // ---- slopes: LeakyRelu and PRelu

  // max(x, alpha * x), alpha at most 1
  [[gnu::noinline]] constexpr bool match_larger(const expression& e, pattern& out) noexcept {
    out = {};
    out.activates = activation::leaky_relu;
    for (const bool swap : {false, true}) {
      double alpha = 0;
      out.from = origin(swap ? e.b : e.a);
      const expression scaled = expression_of(swap ? e.a : e.b);
      float s = 0;
      std::string_view x{};
      if (!scaled.is("Mul")) continue;
      if (scalar(scaled.a, s))
        x = scaled.b;
      else if (scalar(scaled.b, s))
        x = scaled.a;
      else
        continue;
      alpha = double{s};
      out.alpha = s;
      if (same(origin(x), out.from) && alpha >= 0 && alpha <= 1) return true;
    }
    return false;
  }

  // relu(x) + slope * -relu(-x), relu(x) - slope * relu(-x), or + with slopes that are negated
  [[gnu::noinline]] constexpr bool match_slopes(const expression& e, pattern& out) noexcept {
    out = {};
    for (const bool swap : {false, true}) {
      if (swap && e.is("Sub")) return false;
      const expression relu = expression_of(swap ? e.b : e.a);
      const expression mul = expression_of(swap ? e.a : e.b);
      if (!relu.is("Relu") || !mul.is("Mul")) continue;
      const bool first = is_constant(mul.a);
      if (first == is_constant(mul.b)) continue;
      bool negative = e.is("Add");
      expression part = expression_of(first ? mul.b : mul.a);
      if (part.is("Neg")) negative = !negative, part = expression_of(part.a);
      const expression neg = part.is("Relu") ? expression_of(part.a) : expression{};
      out.from = origin(relu.a);
      if (!neg.is("Neg") || !same(origin(neg.a), out.from)) continue;
      out.activates = activation::prelu;
      out.alpha = negative ? -1.0F : 1.0F;
      out.weight = {first ? mul.a : mul.b, mul.tag, first};
      return true;
    }
    return false;
  }

  // ---- quotients: Sigmoid, SiLU, Softsign

  // x / (1 + |x|), x / (1 + exp(-x)), or 1 / (1 + exp(-x))
  [[gnu::noinline]] constexpr bool match_quotient(const expression& e, pattern& out) noexcept {
    float s = 0;
    std::string_view inner{};
    out = {};
    if (scalar(e.a, s)) return s == 1 && match_logistic(e.b, out);
    if (match_logistic(e.b, out)) {
      out.activates = activation::silu;
      return same(out.from, origin(e.a));
    }
    const expression sum = expression_of(e.b);
    if (!sum.is("Add") || !other_than(sum, 1, inner)) return false;
    const expression abs = expression_of(inner);
    out = {};
    out.activates = activation::softsign;
    out.from = origin(e.a);
    return abs.is("Abs") && same(origin(abs.a), out.from);
  }
  [[gnu::noinline]] constexpr bool match_logistic(std::string_view denominator,
                                                  pattern& out) noexcept {
    std::string_view x{};
    if (!one_plus_exp(denominator, x)) return false;
    const expression neg = expression_of(x);
    out = {};
    out.activates = activation::sigmoid;
    out.from = origin(neg.a);
    return neg.is("Neg");
  }

  // ---- over a whole row

  // ReduceMean, ReduceSum and the like of x along axes that stay.
  [[gnu::noinline]] constexpr bool reduces(std::string_view value, op_name op, std::string_view& x,
                                           std::uint32_t& axes) noexcept {
    const expression e = expression_of(value);
    node n;
    attribute a;
    int_list list;
    std::int64_t keep = 1;
    if (!e.is(op)) return false;
    (void)parse_node(name_index::field_at(g_.file, e.tag), n);
    x = origin(e.a);
    (void)peek_int(n, "keepdims", keep);
    if (n.input_count == 1 && reduces_all(n)) return axes = all_axes, keep == 1;
    const bool known = find_attribute(n, "axes", a)
                           ? read_ints_of(a, list)
                           : n.input_count == 2 && int64s(n, n.inputs[1], list);
    if (!quietly(known) || keep != 1) return false;
    axes = 0;
    for (std::size_t i = 0; i < list.count; ++i) {
      if (list.values[i] < -8 || list.values[i] > 7) return false;
      axes |= std::uint32_t{1} << static_cast<unsigned>(list.values[i] + 8);
    }
    return axes != 0;
  }
  // No attribute names axes, nor says that without them nothing is done.
  [[gnu::noinline]] constexpr bool reduces_all(const node& n) const noexcept {
    for (cursor c(attributes_of(n)); !c.done();) {
      field f;
      attribute a;
      if (c.next(f) != status::ok) return false;
      if (f.number != node_attribute) continue;
      if (failed(parse_attribute(f.payload, a)) || a.type != attribute_type::int64) return false;
      if (!same(a.name, "keepdims") && !(same(a.name, "noop_with_empty_axes") && a.i == 0))
        return false;
    }
    return true;
  }
  [[gnu::noinline]] constexpr bool reduces(std::string_view value, op_name op,
                                           const pattern& p) noexcept {
    std::string_view x{};
    std::uint32_t axes = 0;
    return reduces(value, op, x, axes) && same(x, p.from) && axes == p.axes;
  }

  // exp(x - max(x)) / sum(exp(x - max(x))), or times the reciprocal, or without the maximum
  [[gnu::noinline]] constexpr bool match_softmax(const expression& e, pattern& out) noexcept {
    for (const bool swap : {false, true}) {
      if (swap && e.is("Div")) return false;
      const std::string_view of = swap ? e.b : e.a;
      std::string_view x{}, sum = swap ? e.a : e.b;
      out = {};
      out.kind = step_kind::softmax;
      if (e.is("Mul")) {
        const expression reciprocal = expression_of(sum);
        if (!reciprocal.is("Reciprocal")) continue;
        sum = reciprocal.a;
      }
      const expression exp = expression_of(of);
      if (!exp.is("Exp") || !reduces(sum, "ReduceSum", x, out.axes) || !same(x, origin(of)))
        continue;
      find_unshifted(exp.a, out);
      return true;
    }
    return false;
  }
  // x - ReduceLogSumExp(x), x - log(sum(exp(x))), x likewise, or
  // x - (max(x) + log(sum(exp(x - max(x)))))
  [[gnu::noinline]] constexpr bool match_log_softmax(const expression& e, pattern& out) noexcept {
    std::string_view x{};
    out = {};
    out.kind = step_kind::log_softmax;
    const expression sum = expression_of(e.b);
    if (sum.is("Add"))
      return is_shifted_sum(sum.a, sum.b, e.a, out) || is_shifted_sum(sum.b, sum.a, e.a, out);
    if (sum.is("ReduceLogSumExp")
            ? !reduces(e.b, "ReduceLogSumExp", x, out.axes) || !same(x, origin(e.a))
            : !sums_exp(e.b, x, out.axes) || !same(x, origin(e.a)))
      return false;
    find_unshifted(e.a, out);
    return true;
  }
  // value = log(sum(exp(x)))
  [[gnu::noinline]] constexpr bool sums_exp(std::string_view value, std::string_view& x,
                                            std::uint32_t& axes) noexcept {
    const expression log = expression_of(value);
    if (!log.is("Log") || !reduces(log.a, "ReduceSum", x, axes)) return false;
    const expression exp = expression_of(x);
    x = origin(exp.a);
    return exp.is("Exp");
  }
  [[gnu::noinline]] constexpr bool is_shifted_sum(std::string_view largest, std::string_view log,
                                                  std::string_view x, pattern& out) noexcept {
    std::string_view shifted{};
    if (!sums_exp(log, shifted, out.axes)) return false;
    out.from = origin(x);
    const expression sub = expression_of(shifted);
    return sub.is("Sub") && same(origin(sub.a), out.from) && same(origin(sub.b), origin(largest)) &&
           reduces(largest, "ReduceMax", out);
  }
  // x, of which the value may be x - max(x)
  [[gnu::noinline]] constexpr void find_unshifted(std::string_view value, pattern& out) noexcept {
    const expression sub = expression_of(value);
    out.from = origin(sub.is("Sub") ? sub.a : value);
    if (sub.is("Sub") && !reduces(sub.b, "ReduceMax", out)) // a Sub of something else
      out.from = origin(value);
  }

  // (x - mean) / sqrt(variance + epsilon), or times the reciprocal, which a weight may multiply
  [[gnu::noinline]] constexpr bool match_norm(const expression& e, pattern& out) noexcept {
    for (const bool swap : {false, true}) {
      if (swap && e.is("Div")) return false;
      out = {};
      out.kind = step_kind::layer_norm;
      const expression sub = expression_of(swap ? e.b : e.a);
      if (!sub.is("Sub") || !reduces(sub.b, "ReduceMean", out.from, out.axes) ||
          !same(origin(sub.a), out.from))
        continue;
      const std::string_view by = swap ? e.a : e.b;
      if (e.is("Div") ? is_deviation(by, out) : is_inverse_deviation(by, out)) return true;
    }
    return false;
  }
  // x * i + (bias - mean * i), where i = weight / sqrt(variance + epsilon)
  [[gnu::noinline]] constexpr bool match_moments(const expression& e, pattern& out) noexcept {
    for (const bool swap : {false, true}) {
      out = {};
      out.kind = step_kind::layer_norm;
      const expression product = expression_of(swap ? e.b : e.a);
      const expression rest = expression_of(swap ? e.a : e.b);
      if (!product.is("Mul") || !rest.is("Sub") || !is_constant(rest.a)) continue;
      const expression shift = expression_of(rest.b);
      if (!shift.is("Mul")) continue;
      for (int i = 0; i < 4; ++i) {
        const std::string_view x = i & 1 ? product.b : product.a;
        const std::string_view by = i & 1 ? product.a : product.b;
        const std::string_view mean = i & 2 ? shift.b : shift.a;
        if (!same(origin(by), origin(i & 2 ? shift.a : shift.b))) continue;
        out.weight = {};
        if (!reduces(mean, "ReduceMean", out.from, out.axes) || !same(origin(x), out.from) ||
            !is_inverse_deviation(by, out))
          continue;
        out.bias = {rest.a, rest.tag, true};
        return true;
      }
    }
    return false;
  }
  [[gnu::noinline]] constexpr bool is_inverse_deviation(std::string_view value,
                                                        pattern& out) noexcept {
    float s = 0;
    expression e = expression_of(value);
    if (e.is("Mul") && is_constant(e.a) != is_constant(e.b)) {
      const bool first = is_constant(e.a);
      out.weight = {first ? e.a : e.b, e.tag, first};
      e = expression_of(first ? e.b : e.a);
    }
    if (e.is("Reciprocal")) return is_deviation(e.a, out);
    if (e.is("Div")) return scalar(e.a, s) && s == 1 && is_deviation(e.b, out);
    return e.is("Pow") && exponent(e.b, s) && s == -0.5F && is_stable_variance(e.a, out);
  }
  [[gnu::noinline]] constexpr bool is_deviation(std::string_view value, pattern& out) noexcept {
    float s = 0;
    const expression e = expression_of(value);
    if (e.is("Sqrt")) return is_stable_variance(e.a, out);
    return e.is("Pow") && exponent(e.b, s) && s == 0.5F && is_stable_variance(e.a, out);
  }
  // variance + epsilon
  [[gnu::noinline]] constexpr bool is_stable_variance(std::string_view value,
                                                      pattern& out) noexcept {
    const expression e = expression_of(value);
    if (!e.is("Add")) return false;
    const bool first = is_constant(e.a);
    return scalar(first ? e.a : e.b, out.alpha) && out.alpha > 0 &&
           is_variance(first ? e.b : e.a, out);
  }
  // mean((x - mean)^2), or mean(x^2) - mean^2, of which negative roundings may be cut off
  [[gnu::noinline]] constexpr bool is_variance(std::string_view value,
                                               const pattern& out) noexcept {
    std::string_view squares{}, x{};
    std::uint32_t axes = 0;
    expression e = expression_of(value);
    if (e.is("Max") && other_than(e, 0, squares))
      e = expression_of(value = squares);
    else if (e.is("Relu"))
      e = expression_of(value = e.a);
    if (e.is("Sub")) {
      std::string_view mean{};
      return reduces(e.a, "ReduceMean", squares, axes) && axes == out.axes &&
             is_square(squares, x) && same(x, out.from) && is_square(e.b, mean) &&
             reduces(mean, "ReduceMean", out);
    }
    if (!reduces(value, "ReduceMean", squares, axes) || axes != out.axes || !is_square(squares, x))
      return false;
    const expression sub = expression_of(x);
    return sub.is("Sub") && same(origin(sub.a), out.from) && reduces(sub.b, "ReduceMean", out);
  }
  [[gnu::noinline]] constexpr bool is_square(std::string_view value, std::string_view& x) noexcept {
    float s = 0;
    const expression e = expression_of(value);
    x = origin(e.a);
    return e.is("Mul") ? same(x, origin(e.b)) : e.is("Pow") && exponent(e.b, s) && s == 2;
  }
};

} // namespace tinymlp::onnx::detail
