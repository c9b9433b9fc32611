// ONNX semantics in float64: evaluates a graph that the writer wrote, node by node as the ONNX text
// says, without the engine's parser, plan or packing. Each value goes with a bound of how far
// float32 arithmetic may be from it, whatever the order of sums and however constants are folded
// into neighbouring layers.
//
// The bound. With u = 2^-24, a value v has an error e and a magnitude m: the sum of the absolute
// values that linear steps made v of. Folding constants and reordering sums changes a result by
// some roundings of what m sums up, never of less: each linear node adds (terms + 8) u m to the
// errors that it hands on. Functions hand on the larger difference to their values at v - e and
// v + e where they are monotone, else e times a bound of their slope, and add 8 ulp: four times
// what the engine's own guarantee is.
#pragma once

#include "onnx_writer.hpp"

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <limits>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace graph_float64 {

namespace writer = onnx_writer;

inline constexpr double u = 0x1p-24, tiny = 0x1p-120;
inline constexpr double infinity = std::numeric_limits<double>::infinity();

struct number {
  double v = 0, e = 0, m = 0; // value, error, magnitude
};
struct value {
  std::vector<std::int64_t> dims;
  std::vector<number> at;
};

inline std::size_t count(const std::vector<std::int64_t>& dims) {
  std::size_t n = 1;
  for (const std::int64_t d : dims) n *= static_cast<std::size_t>(d);
  return n;
}
// An operand that the graph does not have, an operator that is not here: a fault of the test.
[[noreturn]] inline void wrong(std::string_view) { std::abort(); }

// Attributes as the writer encoded them (onnx.proto): fields of one byte's tag.
class attributes {
public:
  explicit attributes(const writer::node& of) : of_(&of) {}

  double real(std::string_view name, double otherwise) const {
    const writer::attribute* a = find(name);
    return a == nullptr ? otherwise : real_at(a->value.view(), 1);
  }
  std::int64_t integer(std::string_view name, std::int64_t otherwise) const {
    const std::optional<std::vector<std::int64_t>> all = integers(name);
    return all ? all->at(0) : otherwise;
  }
  std::optional<std::vector<std::int64_t>> integers(std::string_view name) const {
    const writer::attribute* a = find(name);
    if (a == nullptr) return std::nullopt;
    std::vector<std::int64_t> to;
    for (std::size_t i = 0; i < a->value.size();) {
      std::uint64_t n = 0;
      unsigned shift = 0;
      for (++i;; shift += 7) {
        const auto byte = static_cast<unsigned char>(a->value[i++]);
        n |= std::uint64_t{byte & 0x7fU} << shift;
        if (byte < 0x80) break;
      }
      to.push_back(static_cast<std::int64_t>(n));
    }
    return to;
  }
  std::vector<double> reals(std::string_view name) const {
    const writer::attribute* a = find(name);
    if (a == nullptr) wrong(name);
    const std::string_view text = a->value.view();
    std::vector<double> to;
    if ((text[0] & 7) == 2) { // packed: fewer than 32 of them have a length of one byte
      if (text.size() != 2 + static_cast<unsigned char>(text[1])) wrong(name);
      for (std::size_t i = 2; i < text.size(); i += 4) to.push_back(real_at(text, i));
    } else {
      for (std::size_t i = 1; i < text.size(); i += 5) to.push_back(real_at(text, i));
    }
    return to;
  }
  std::string_view text(std::string_view name) const {
    const writer::attribute* a = find(name);
    return a == nullptr ? std::string_view{} : a->value.view().substr(2);
  }
  const writer::attribute* find(std::string_view name) const {
    for (const writer::attribute& a : of_->attributes)
      if (a.name.view() == name) return &a;
    return nullptr;
  }

private:
  static double real_at(std::string_view text, std::size_t i) {
    std::uint32_t bits = 0;
    for (std::size_t b = 0; b < 4; ++b)
      bits |= std::uint32_t{static_cast<unsigned char>(text[i + b])} << (8 * b);
    return double{std::bit_cast<float>(bits)};
  }
  const writer::node* of_;
};

// ---- one number

inline number plus(number a, number b) {
  const double m = a.m + b.m;
  return {a.v + b.v, a.e + b.e + 8 * u * m + tiny, m};
}
inline number minus(number a, number b) { return plus(a, {-b.v, b.e, b.m}); }
// Nothing times an error without bound is nothing.
inline double share(double a, double b) { return a == 0 || b == 0 ? 0 : std::abs(a * b); }
inline number times(number a, number b) {
  const double m = share(a.m, b.m);
  return {a.v * b.v, share(a.v, b.e) + share(b.v, a.e) + share(a.e, b.e) + 8 * u * m + tiny, m};
}
inline number over(number a, number b) {
  const double least = std::abs(b.v) - b.e;
  if (least <= 0) return {a.v / b.v, infinity, infinity};
  const double m = a.m / least;
  return {a.v / b.v, (a.e + std::abs(a.v / b.v) * b.e) / least + 8 * u * m + tiny, m};
}
// A function that is monotone from x.v - x.e to x.v + x.e.
template <class F> number monotone(number x, F f) {
  const double v = f(x.v);
  if (!(x.e < infinity)) return {v, infinity, infinity};
  const double e = std::max(std::abs(f(x.v + x.e) - v), std::abs(v - f(x.v - x.e)));
  return {v, e + 8 * u * std::abs(v) + tiny, std::abs(v) + e};
}
// One whose slope is nowhere more, and whose terms cancel where x is negative.
template <class F> number sloped(number x, double slope, F f) {
  const double v = f(x.v), e = slope * x.e + 8 * u * (std::abs(v) + std::abs(x.v)) + tiny;
  return {v, e, std::abs(v) + e};
}
inline number exactly(double v) { return {v, 0, std::abs(v)}; }

inline double sigmoid(double x) { return 1 / (1 + std::exp(-x)); }
inline double softplus(double x) { return std::max(x, 0.0) + std::log1p(std::exp(-std::abs(x))); }

class evaluator {
public:
  // `constants`: what the graph's Constant nodes hold, by the names of their outputs. `exact`:
  // every result is rounded to float32, as a runtime does that computes node by node.
  evaluator(const writer::model& m, const std::vector<writer::tensor>& constants, bool exact)
      : graph_(m.g), exact_(exact) {
    for (const writer::tensor& t : constants) set(t.name, constant(t));
    for (const writer::opset& o : m.opsets)
      if (o.domain.empty()) opset_ = o.version;
    for (const writer::tensor& t : graph_.initializers) set(t.name, constant(t));
  }

  // The graph's outputs for one row: features of all inputs that are no initializers and that the
  // graph uses, in order.
  std::vector<number> run(const std::vector<float>& row) {
    std::size_t next = 0;
    for (const writer::value_info& input : graph_.inputs) {
      if (values_.contains(key(input.name)) || !is_used(input.name)) continue;
      value x;
      for (const writer::dimension& d : input.dims) x.dims.push_back(d.is_symbol ? 1 : d.value);
      for (std::size_t i = count(x.dims); i > 0; --i)
        x.at.push_back(exactly(double{row.at(next++)}));
      set(input.name, std::move(x));
    }
    if (next != row.size()) wrong("features");
    for (const writer::node& n : graph_.nodes)
      if (n.op_type.view() != "Constant") evaluate(n);
    return get(graph_.outputs.at(0).name).at;
  }

private:
  static std::string key(const writer::bytes& name) { return std::string(name.view()); }
  const value& get(const writer::bytes& name) const { return values_.at(key(name)); }
  void set(const writer::bytes& name, value to) {
    for (number& n : to.at) {
      if (exact_) n.v = double{static_cast<float>(n.v)}, n.e = 0;
      if (!std::isfinite(n.v) || !(n.e < infinity)) n = {0, infinity, infinity}; // beyond float64
    }
    values_[key(name)] = std::move(to);
  }
  bool is_used(const writer::bytes& name) const {
    for (const writer::node& n : graph_.nodes)
      for (const writer::bytes& i : n.inputs)
        if (i.view() == name.view()) return true;
    return false;
  }
  static value constant(const writer::tensor& t) {
    value to{t.dims, {}};
    for (const float f : t.floats) to.at.push_back(exactly(double{f}));
    for (const std::int64_t i : t.ints) to.at.push_back(exactly(static_cast<double>(i)));
    return to;
  }

  // ---- shapes

  static std::size_t axis(std::int64_t a, std::size_t rank) {
    return static_cast<std::size_t>(a < 0 ? a + static_cast<std::int64_t>(rank) : a);
  }
  static std::vector<std::int64_t> integers(const value& x) {
    std::vector<std::int64_t> to;
    for (const number& n : x.at) to.push_back(static_cast<std::int64_t>(n.v));
    return to;
  }
  // Of an operand since some operator set, of an attribute before.
  std::vector<std::int64_t> axes(const writer::node& n, std::size_t operand) const {
    if (n.inputs.size() > operand) return integers(get(n.inputs[operand]));
    return attributes(n).integers("axes").value();
  }
  // Values before, along and behind an axis.
  struct extent {
    std::size_t before = 1, along = 1, behind = 1;
  };
  static extent around(const value& x, std::size_t axis) {
    extent to;
    for (std::size_t i = 0; i < x.dims.size(); ++i)
      (i < axis    ? to.before
       : i == axis ? to.along
                   : to.behind) *= static_cast<std::size_t>(x.dims[i]);
    return to;
  }
  // Which element of `dims`, broadcast to `whole`, stands at the place `i`.
  static std::size_t broadcast(const std::vector<std::int64_t>& dims,
                               const std::vector<std::int64_t>& whole, std::size_t i) {
    std::size_t to = 0, stride = 1;
    for (std::size_t k = 0; k < whole.size(); ++k) {
      const auto size = static_cast<std::size_t>(whole[whole.size() - 1 - k]);
      const std::size_t at = i % size;
      i /= size;
      if (k >= dims.size()) continue;
      const auto own = static_cast<std::size_t>(dims[dims.size() - 1 - k]);
      if (own != 1) to += at * stride;
      stride *= own;
    }
    return to;
  }
  template <class F> static value combine(const value& a, const value& b, F f) {
    value to{a.dims.size() >= b.dims.size() ? a.dims : b.dims, {}};
    const std::vector<std::int64_t>& other = a.dims.size() >= b.dims.size() ? b.dims : a.dims;
    for (std::size_t k = 0; k < other.size(); ++k) {
      std::int64_t& d = to.dims[to.dims.size() - 1 - k];
      d = std::max(d, other[other.size() - 1 - k]);
    }
    for (std::size_t i = 0; i < count(to.dims); ++i)
      to.at.push_back(
          f(a.at.at(broadcast(a.dims, to.dims, i)), b.at.at(broadcast(b.dims, to.dims, i))));
    return to;
  }
  template <class F> static value map(const value& x, F f) {
    value to{x.dims, {}};
    for (const number& n : x.at) to.at.push_back(f(n));
    return to;
  }

  // ---- matrices

  static number dot(const value& a, std::size_t a_at, std::size_t a_step, const value& b,
                    std::size_t b_at, std::size_t b_step, std::size_t n) {
    number sum;
    for (std::size_t i = 0; i < n; ++i) {
      const number &x = a.at.at(a_at + i * a_step), &w = b.at.at(b_at + i * b_step);
      sum.v += x.v * w.v;
      sum.e += share(x.v, w.e) + share(w.v, x.e) + share(x.e, w.e);
      sum.m += share(x.m, w.m);
    }
    sum.e += static_cast<double>(n + 8) * u * sum.m + tiny;
    return sum;
  }
  // Of rank 1 and 2: vectors are rows on the left, columns on the right.
  static value product(const value& a, const value& b) {
    const bool row = a.dims.size() == 1, column = b.dims.size() == 1;
    const auto rows = static_cast<std::size_t>(row ? 1 : a.dims.at(0));
    const auto inner = static_cast<std::size_t>(a.dims.back());
    const auto columns = static_cast<std::size_t>(column ? 1 : b.dims.at(1));
    value to;
    if (!row) to.dims.push_back(a.dims[0]);
    if (!column) to.dims.push_back(b.dims[1]);
    for (std::size_t r = 0; r < rows; ++r)
      for (std::size_t c = 0; c < columns; ++c)
        to.at.push_back(dot(a, r * inner, 1, b, c, columns, inner));
    return to;
  }
  static value transpose(const value& x) {
    if (x.dims.size() != 2) wrong("transpose");
    value to{{x.dims[1], x.dims[0]}, {}};
    const auto rows = static_cast<std::size_t>(x.dims[0]),
               columns = static_cast<std::size_t>(x.dims[1]);
    for (std::size_t c = 0; c < columns; ++c)
      for (std::size_t r = 0; r < rows; ++r) to.at.push_back(x.at.at(r * columns + c));
    return to;
  }
  value gemm(const writer::node& n) const {
    const attributes with(n);
    const number alpha = exactly(with.real("alpha", 1)), beta = exactly(with.real("beta", 1));
    const value& b = get(n.inputs[1]);
    value y = product(get(n.inputs[0]), with.integer("transB", 0) != 0 ? transpose(b) : b);
    y = map(y, [&](const number& x) { return times(x, alpha); });
    if (n.inputs.size() < 3 || n.inputs[2].empty()) return y;
    return combine(y, map(get(n.inputs[2]), [&](const number& x) { return times(x, beta); }), plus);
  }

  // ---- over an axis

  template <class F> static value reduce(const value& x, std::size_t axis, bool keep, F f) {
    const extent part = around(x, axis);
    value to{x.dims, {}};
    if (keep)
      to.dims[axis] = 1;
    else
      to.dims.erase(to.dims.begin() + static_cast<std::ptrdiff_t>(axis));
    for (std::size_t i = 0; i < part.before; ++i)
      for (std::size_t k = 0; k < part.behind; ++k) {
        std::vector<number> along;
        for (std::size_t j = 0; j < part.along; ++j)
          along.push_back(x.at.at((i * part.along + j) * part.behind + k));
        to.at.push_back(f(along));
      }
    return to;
  }
  static number sum(const std::vector<number>& all) {
    number to;
    for (const number& n : all) to.v += n.v, to.e += n.e, to.m += n.m;
    to.e += static_cast<double>(all.size() + 8) * u * to.m + tiny;
    return to;
  }
  static number mean(const std::vector<number>& all) {
    return over(sum(all), exactly(static_cast<double>(all.size())));
  }
  static number largest(const std::vector<number>& all) {
    number to = all[0];
    for (const number& n : all) {
      to.v = std::max(to.v, n.v);
      to.e = std::max(to.e, n.e);
      to.m = std::max(to.m, n.m);
    }
    return to;
  }
  static value normalised(const value& x, double epsilon) { // over the last axis
    const std::size_t last = x.dims.size() - 1;
    const value centred = combine(x, reduce(x, last, true, mean), minus);
    const value variance = reduce(combine(centred, centred, times), last, true, mean);
    return combine(centred, variance, [&](const number& d, const number& v) {
      return over(d, root(plus(v, exactly(epsilon))));
    });
  }
  static number root(number x) {
    return monotone(x, [](double t) { return std::sqrt(std::max(t, 0.0)); });
  }
  static number exponential(number x) {
    return monotone(x, [](double t) { return std::exp(t); });
  }
  static number logarithm(number x) {
    if (x.v - x.e <= 0) return {std::log(x.v), infinity, infinity};
    return monotone(x, [](double t) { return std::log(t); });
  }
  // Its slopes are 0 to 1 and their sum is 1; of terms that are about 1 it is a sum.
  static number log_sum_exp(const std::vector<number>& all) {
    const number most = largest(all);
    double total = 0;
    for (const number& n : all) total += std::exp(n.v - most.v);
    const double v = most.v + std::log(total);
    const double e = static_cast<double>(all.size() + 16) * u + 8 * u * std::abs(v);
    return {v, most.e + e + tiny, std::abs(v) + most.m};
  }
  // With the other axes as they are: of one element, all but one.
  value reduced(const writer::node& n) const {
    const std::string_view op = n.op_type.view();
    const value& x = get(n.inputs[0]);
    const attributes with(n);
    const bool keep = with.integer("keepdims", 1) != 0;
    constexpr std::string_view known[]{"ReduceMean", "ReduceSum", "ReduceMax", "ReduceLogSumExp"};
    if (std::find(std::begin(known), std::end(known), op) == std::end(known)) wrong(op);
    const auto along = [&](std::size_t a, const value& of, bool keeps) {
      return reduce(of, a, keeps,
                    op == "ReduceMean"  ? mean
                    : op == "ReduceSum" ? sum
                    : op == "ReduceMax" ? largest
                                        : log_sum_exp);
    };
    if (n.inputs.size() > 1 || with.find("axes") != nullptr)
      return along(axis(axes(n, 1)[0], x.dims.size()), x, keep);
    if (x.dims.size() != 1) wrong(op); // all axes are one
    return along(0, x, keep);
  }
  value softmax(const writer::node& n, bool log) const {
    const value& x = get(n.inputs[0]);
    const std::size_t a = axis(attributes(n).integer("axis", opset_ >= 13 ? -1 : 1), x.dims.size());
    const value shifted = combine(x, reduce(x, a, true, largest), minus);
    const value exps = map(shifted, exponential);
    const value total = reduce(exps, a, true, sum);
    return log ? combine(shifted, map(total, logarithm), minus) : combine(exps, total, over);
  }

  // ---- activations

  value activation(const writer::node& n) const {
    const attributes with(n);
    const std::string_view op = n.op_type.view();
    const value& x = get(n.inputs[0]);
    const auto alpha = [&](double otherwise) { return with.real("alpha", otherwise); };
    const auto rising = [&](auto f) {
      return map(x, [&](const number& t) { return monotone(t, f); });
    };
    const auto waving = [&](double slope, auto f) {
      return map(x, [&](const number& t) { return sloped(t, slope, f); });
    };
    if (op == "Relu") return rising([](double t) { return std::max(t, 0.0); });
    if (op == "Sigmoid") return rising(sigmoid);
    if (op == "Tanh") return rising([](double t) { return std::tanh(t); });
    if (op == "Erf") return rising([](double t) { return std::erf(t); });
    if (op == "Exp") return map(x, exponential);
    if (op == "Log") return map(x, logarithm);
    if (op == "Sqrt") return map(x, root);
    if (op == "Softplus") return rising(softplus);
    if (op == "Softsign") return rising([](double t) { return t / (1 + std::abs(t)); });
    if (op == "Abs") return waving(1, [](double t) { return std::abs(t); });
    if (op == "Reciprocal") return map(x, [](const number& t) { return over(exactly(1), t); });
    if (op == "Neg") return map(x, [](const number& t) { return number{-t.v, t.e, t.m}; });
    if (op == "LeakyRelu") {
      const double a = alpha(double{0.01F});
      return rising([a](double t) { return t < 0 ? a * t : t; });
    }
    if (op == "Elu") {
      const double a = alpha(1);
      return rising([a](double t) { return t < 0 ? a * std::expm1(t) : t; });
    }
    if (op == "Celu") {
      const double a = alpha(1);
      return rising([a](double t) { return t < 0 ? a * std::expm1(t / a) : t; });
    }
    if (op == "Selu") {
      const double a = alpha(double{1.67326319217681884765625F}),
                   g = with.real("gamma", double{1.05070102214813232421875F});
      return rising([a, g](double t) { return g * (t < 0 ? a * std::expm1(t) : t); });
    }
    if (op == "HardSigmoid") {
      const double a = alpha(double{0.2F}), b = with.real("beta", 0.5);
      return map(x, [a, b](const number& t) {
        const number line = plus(times(t, exactly(a)), exactly(b));
        return monotone(line, [](double y) { return std::clamp(y, 0.0, 1.0); });
      });
    }
    if (op == "ThresholdedRelu") { // a step of `a` there
      const double a = alpha(1);
      return map(x, [a](const number& t) {
        number to{t.v > a ? t.v : 0, t.e, std::abs(t.v) + t.e};
        if (t.e != 0 && std::abs(t.v - a) <= t.e) to.e += std::abs(a) + t.e;
        return to;
      });
    }
    if (op == "HardSwish")
      return waving(1.5, [](double t) { return t * std::clamp(t / 6 + 0.5, 0.0, 1.0); });
    if (op == "Mish") return waving(1.1, [](double t) { return t * std::tanh(softplus(t)); });
    if (op == "Swish") {
      const double a = alpha(1);
      return waving(1.1, [a](double t) { return t * sigmoid(a * t); });
    }
    if (op == "Gelu" && with.text("approximate") == "tanh")
      return waving(1.2, [](double t) {
        return t / 2 * (1 + std::tanh(std::sqrt(2 / std::acos(-1.0)) * (t + 0.044715 * t * t * t)));
      });
    if (op == "Gelu")
      return waving(1.2, [](double t) { return t / 2 * (1 + std::erf(t / std::sqrt(2.0))); });
    wrong(op);
  }
  value clip(const writer::node& n) const {
    const attributes with(n);
    const auto bound = [&](std::size_t i, std::string_view name, double otherwise) {
      if (n.inputs.size() > i && !n.inputs[i].empty()) return get(n.inputs[i]).at.at(0).v;
      return with.real(name, otherwise);
    };
    const double low = bound(1, "min", -infinity), high = bound(2, "max", infinity);
    return map(get(n.inputs[0]), [=](const number& t) {
      return monotone(t, [=](double x) { return std::min(std::max(x, low), high); });
    });
  }
  static number power(number x, number y) {
    if (y.v == 2) return times(x, x);
    if (y.v == 3) return times(x, times(x, x));
    if (y.v == -0.5) return over(exactly(1), root(x));
    wrong("Pow");
  }

  // ---- int8

  // q, scale, zero point of DynamicQuantizeLinear-11. Where x has an error, so has q: within one
  // step of the scale, on either side, of what x is.
  void quantise(const writer::node& n) {
    const value& x = get(n.inputs[0]);
    double low = 0, high = 0, error = 0;
    for (const number& t : x.at) {
      low = std::min(low, t.v);
      high = std::max(high, t.v);
      error = std::max(error, t.e);
    }
    const auto narrow = [](double v) { return double{static_cast<float>(v)}; };
    const double scale = high == low ? 1 : narrow(narrow(high - low) / 255);
    const double zero = std::clamp(std::nearbyint(narrow(0 - narrow(low / scale))), 0.0, 255.0);
    const bool inexact = error > 0;
    // an empty range, or one that an error makes of it, has no scale that could be told
    const double of_scale =
        inexact ? (high - low <= 4 * error ? infinity : 2 * error / 255 + 4 * u * scale) : 0;
    value q{x.dims, {}};
    for (const number& t : x.at) {
      const double v = std::clamp(std::nearbyint(narrow(t.v / scale)) + zero, 0.0, 255.0);
      q.at.push_back({v,
                      inexact
                          ? (t.e + 2 * scale + of_scale) / (scale - std::min(of_scale, scale / 2)) +
                                256 * of_scale / scale
                          : 0,
                      255});
    }
    set(n.outputs[0], std::move(q));
    set(n.outputs[1], {{}, {{scale, of_scale, scale + of_scale}}});
    set(n.outputs[2], {{}, {exactly(zero)}});
  }
  value quantise_linear(const writer::node& n) const {
    const double scale = get(n.inputs[1]).at.at(0).v, zero = get(n.inputs[2]).at.at(0).v;
    return map(get(n.inputs[0]), [=](const number& t) {
      const double v = std::nearbyint(double{static_cast<float>(t.v / scale)}) + zero;
      return number{std::clamp(v, 0.0, 255.0), t.e == 0 ? 0 : t.e / scale + 1, 255};
    });
  }
  value integer_product(const writer::node& n) const {
    const double zero = get(n.inputs[2]).at.at(0).v;
    const value x = map(get(n.inputs[0]), [&](const number& q) {
      return number{q.v - zero, q.e, std::abs(q.v - zero) + q.e};
    });
    value y = product(x, get(n.inputs[1]));
    const bool inexact =
        std::any_of(x.at.begin(), x.at.end(), [](const number& q) { return q.e > 0; });
    if (!inexact) // sums of integers are exact
      for (number& t : y.at) t.e = 0, t.m = std::abs(t.v);
    return y;
  }

  // ---- parts and shapes

  static value part(const value& x, std::size_t axis, const std::vector<std::int64_t>& which) {
    const extent e = around(x, axis);
    value to{x.dims, {}};
    to.dims[axis] = static_cast<std::int64_t>(which.size());
    for (std::size_t i = 0; i < e.before; ++i)
      for (const std::int64_t w : which)
        for (std::size_t k = 0; k < e.behind; ++k)
          to.at.push_back(x.at.at((i * e.along + static_cast<std::size_t>(w)) * e.behind + k));
    return to;
  }
  static value part(const value& x, std::size_t axis, std::int64_t begin, std::int64_t end) {
    std::vector<std::int64_t> which;
    for (std::int64_t i = begin; i < std::min(end, x.dims.at(axis)); ++i) which.push_back(i);
    return part(x, axis, which);
  }
  value slice(const writer::node& n) const { // of one axis; without one: the first
    const value& x = get(n.inputs[0]);
    const attributes with(n);
    if (n.inputs.size() == 1)
      return part(x, axis(axes(n, 3)[0], x.dims.size()), with.integer("starts", 0),
                  with.integer("ends", 0));
    return part(x, axis(integers(get(n.inputs[3]))[0], x.dims.size()),
                integers(get(n.inputs[1]))[0], integers(get(n.inputs[2]))[0]);
  }
  value gather(const writer::node& n) const {
    const value &x = get(n.inputs[0]), &which = get(n.inputs[1]);
    const std::size_t a = axis(attributes(n).integer("axis", 0), x.dims.size());
    value to = part(x, a, integers(which));
    if (which.dims.empty()) to.dims.erase(to.dims.begin() + static_cast<std::ptrdiff_t>(a));
    return to;
  }
  void split(const writer::node& n) {
    const value x = get(n.inputs[0]);
    const std::size_t a = axis(attributes(n).integer("axis", 0), x.dims.size());
    const std::vector<std::int64_t> sizes =
        n.inputs.size() > 1 ? integers(get(n.inputs[1])) : attributes(n).integers("split").value();
    std::int64_t begin = 0;
    for (std::size_t i = 0; i < sizes.size(); begin += sizes[i++])
      set(n.outputs.at(i), part(x, a, begin, begin + sizes[i]));
  }
  value concat(const writer::node& n) const {
    value to = get(n.inputs[0]);
    const std::size_t a = axis(attributes(n).integer("axis", 0), to.dims.size());
    for (std::size_t i = 1; i < n.inputs.size(); ++i) { // what stands before the axis is one row
      const value& more = get(n.inputs[i]);
      if (around(to, a).before != 1) wrong("Concat");
      to.dims[a] += more.dims.at(a);
      to.at.insert(to.at.end(), more.at.begin(), more.at.end());
    }
    return to;
  }
  value reshape(const writer::node& n) const {
    value x = get(n.inputs[0]);
    std::vector<std::int64_t> dims = integers(get(n.inputs[1]));
    std::int64_t known = 1;
    for (std::size_t i = 0; i < dims.size(); ++i) {
      if (dims[i] == 0) dims[i] = x.dims.at(i);
      if (dims[i] > 0) known *= dims[i];
    }
    for (std::int64_t& d : dims)
      if (d == -1) d = static_cast<std::int64_t>(x.at.size()) / known;
    if (count(dims) != x.at.size()) wrong("Reshape");
    x.dims = dims;
    return x;
  }
  value shaped(const writer::node& n) const {
    const std::string_view op = n.op_type.view();
    value x = get(n.inputs[0]);
    if (op == "Reshape") return reshape(n);
    if (op == "Flatten") { // of the axis 1
      const extent e = around(x, 0);
      x.dims = {static_cast<std::int64_t>(e.along), static_cast<std::int64_t>(e.behind)};
    } else if (op == "Squeeze" && n.inputs.size() == 1 && attributes(n).find("axes") == nullptr) {
      std::erase(x.dims, 1);
    } else if (op == "Squeeze") {
      x.dims.erase(x.dims.begin() +
                   static_cast<std::ptrdiff_t>(axis(axes(n, 1)[0], x.dims.size())));
    } else if (op == "Unsqueeze") {
      x.dims.insert(
          x.dims.begin() + static_cast<std::ptrdiff_t>(axis(axes(n, 1)[0], x.dims.size() + 1)), 1);
    } else if (op == "Transpose") {
      const std::optional<std::vector<std::int64_t>> order = attributes(n).integers("perm");
      return order && order->at(0) == 0 ? x : transpose(x);
    } else if (op == "Shape") {
      value to{{static_cast<std::int64_t>(x.dims.size())}, {}};
      for (const std::int64_t d : x.dims) to.at.push_back(exactly(static_cast<double>(d)));
      return to;
    }
    return x; // Identity, Cast, Dropout
  }

  void evaluate(const writer::node& n) {
    const std::string_view op = n.op_type.view();
    if (op == "DynamicQuantizeLinear") return quantise(n);
    if (op == "Split") return split(n);
    set(n.outputs[0], result(n));
  }
  value result(const writer::node& n) const {
    const std::string_view op = n.op_type.view();
    const auto in = [&](std::size_t i) -> const value& { return get(n.inputs.at(i)); };
    if (op == "Add" || op == "Sum") return combine(in(0), in(1), plus);
    if (op == "Sub") return combine(in(0), in(1), minus);
    if (op == "Mul") return combine(in(0), in(1), times);
    if (op == "Div") return combine(in(0), in(1), over);
    if (op == "Pow") return combine(in(0), in(1), power);
    if (op == "Max" || op == "Min")
      return combine(in(0), in(1), [&](const number& a, const number& b) {
        return number{op == "Max" ? std::max(a.v, b.v) : std::min(a.v, b.v), std::max(a.e, b.e),
                      std::max(a.m, b.m)};
      });
    if (op == "PRelu")
      return combine(in(0), in(1), [](const number& x, const number& slope) {
        const number below = times(x, slope);
        if (x.v + x.e < 0) return below;
        if (x.v - x.e >= 0) return number{x.v, x.e, std::abs(x.v) + x.e};
        return number{x.v < 0 ? below.v : x.v, std::max(below.e, x.e) + 2 * x.e, x.m + below.m};
      });
    if (op == "Gemm") return gemm(n);
    if (op == "MatMul") return product(in(0), in(1));
    if (op == "MatMulInteger") return integer_product(n);
    if (op == "QuantizeLinear") return quantise_linear(n);
    if (op == "Clip") return clip(n);
    if (op == "Softmax" || op == "LogSoftmax") return softmax(n, op == "LogSoftmax");
    if (op.substr(0, 6) == "Reduce") return reduced(n);
    if (op == "LayerNormalization") {
      value y =
          combine(normalised(in(0), attributes(n).real("epsilon", double{1e-5F})), in(1), times);
      return n.inputs.size() > 2 ? combine(y, in(2), plus) : y;
    }
    if (op == "BatchNormalization") {
      const double epsilon = attributes(n).real("epsilon", double{1e-5F});
      const value deviation =
          map(in(4), [&](const number& v) { return root(plus(v, exactly(epsilon))); });
      return combine(combine(combine(combine(in(0), in(3), minus), deviation, over), in(1), times),
                     in(2), plus);
    }
    const auto list = [&](std::string_view name) {
      value to;
      for (const double v : attributes(n).reals(name)) to.at.push_back(exactly(v));
      to.dims = {static_cast<std::int64_t>(to.at.size())};
      return to;
    };
    if (op == "Scaler") return combine(combine(in(0), list("offset"), minus), list("scale"), times);
    if (op == "LinearRegressor") {
      value w = list("coefficients");
      w.dims = {attributes(n).integer("targets", 1), in(0).dims.at(1)};
      const value y = product(in(0), transpose(w));
      const bool has_bias = attributes(n).find("intercepts") != nullptr;
      return has_bias ? combine(y, list("intercepts"), plus) : y;
    }
    if (op == "Slice") return slice(n);
    if (op == "Gather") return gather(n);
    if (op == "Concat") return concat(n);
    for (const std::string_view same : {"Identity", "Cast", "Dropout", "Reshape", "Flatten",
                                        "Squeeze", "Unsqueeze", "Transpose", "Shape"})
      if (op == same) return shaped(n);
    return activation(n);
  }
  const writer::graph& graph_;
  bool exact_;
  std::int64_t opset_ = 0;
  std::map<std::string, value> values_;
};

} // namespace graph_float64
