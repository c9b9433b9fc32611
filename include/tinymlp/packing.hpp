// From a plan to what kernels compute with: which steps there are once constants are folded into
// dense layers, how much room they take, and their constants in the layout of kernels/steps.hpp.
// At compile time and at run time by the same functions; nothing is allocated.
#pragma once

#include <tinymlp/error.hpp>
#include <tinymlp/kernels/exact.hpp>
#include <tinymlp/kernels/steps.hpp>
#include <tinymlp/onnx/bulk.hpp>
#include <tinymlp/onnx/plan.hpp>

#include <algorithm>
#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <type_traits>

namespace tinymlp::detail {

using kernels::step_op;

constexpr bool starts_centred(onnx::affine_op op) noexcept {
  return op == onnx::affine_op::subtract || op == onnx::affine_op::add;
}
constexpr bool scales(onnx::affine_op op) noexcept {
  return op == onnx::affine_op::multiply || op == onnx::affine_op::divide;
}

// The plan of a network of dense layers with Relu between, behind a scaler or none: where its parts
// stand among the steps.
struct plain_steps {
  std::size_t first_layer = 0; // before it, the scaler
  constexpr std::size_t layer(std::size_t l) const noexcept { return first_layer + 2 * l; }
};
// Is it such a plan: (x - mean), and then one division or multiplication, or one of these, or none?
constexpr bool find_plain_steps(const onnx::plan& plan, plain_steps& to) noexcept {
  std::size_t i = 0;
  const auto is_affine = [&plan](std::size_t at) {
    return at < plan.step_count && plan.steps[at].kind == onnx::step_kind::affine;
  };
  if (is_affine(i) && plan.steps[i].op == onnx::affine_op::scaler)
    ++i;
  else {
    if (is_affine(i) && starts_centred(plan.steps[i].op)) ++i;
    if (is_affine(i) && scales(plan.steps[i].op)) ++i;
  }
  to.first_layer = i;
  if (plan.layer_count == 0 || i + 2 * plan.layer_count - 1 != plan.step_count) return false;
  for (std::size_t l = 0; l < plan.layer_count; ++l) {
    if (plan.steps[to.layer(l)].kind != onnx::step_kind::dense) return false;
    if (l + 1 == plan.layer_count) break;
    const onnx::step& between = plan.steps[to.layer(l) + 1];
    if (between.kind != onnx::step_kind::activate || between.activates != activation::relu)
      return false;
  }
  return plan.outputs == 1;
}

// A step to compute, and the steps of the plan that it stands for.
struct folded_step {
  kernels::step step{};  // without its places among the constants
  std::size_t scale = 0; // dense: the first plan step of the scaler before it
  std::size_t main = 0;  // the plan's dense, activate, layer_norm ... or first affine step
  std::size_t end = 0;   // behind the last plan step
  std::size_t begin = 0; // dense: the first output that is kept
};

// Reads the plan's steps and folds:
// - in a plain network, (x - mean) / std, or * scale: x - mean stays (`centre`), the rest goes into
//   the first layer's weights, as network<...> has it; elsewhere such a scaler is an affine step;
// - what is added to and multiplied by constants behind a dense layer: into it;
// - a slice behind a dense layer and what was folded into it: only those outputs are computed;
// - an activation: into the dense or affine step before it.
// Each weight and bias is computed in double and rounded once. In int8 networks, whose scores are
// to be those of the operators one by one, affine steps are left as they are.
class folder {
public:
  constexpr explicit folder(const onnx::plan& plan) noexcept
      : p_(plan), literal_(plan.kind == onnx::precision::int8) {
    plain_steps places;
    if (!literal_ && find_plain_steps(plan, places)) scaler_end_ = places.first_layer;
  }

  constexpr bool next(folded_step& out) noexcept {
    if (half_) { // the multiplication of a scaler that stays as it is
      half_ = false;
      out = literal(step_op::multiply, at_);
      finish(out);
      return true;
    }
    if (at_ == p_.step_count) return false;
    const onnx::step& from = p_.steps[at_];
    out = {};
    out.scale = out.main = out.end = at_;
    out.step.inputs = out.step.outputs = from.inputs;
    switch (from.kind) {
    case onnx::step_kind::affine: fold_affine(out); break;
    case onnx::step_kind::dense: fold_dense(out, at_, at_); break;
    case onnx::step_kind::activate:
      out.step.op = step_op::activate;
      take_activation(out);
      break;
    default: plain(out, from); break;
    }
    at_ = out.end;
    return true;
  }

private:
  constexpr bool is(std::size_t i, onnx::step_kind kind) const noexcept {
    return i < p_.step_count && p_.steps[i].kind == kind;
  }

  static constexpr void plain(folded_step& out, const onnx::step& from) noexcept {
    switch (from.kind) {
    case onnx::step_kind::layer_norm:
      out.step.op = step_op::layer_norm;
      out.step.alpha = from.alpha;
      break;
    case onnx::step_kind::softmax: out.step.op = step_op::softmax; break;
    case onnx::step_kind::log_softmax: out.step.op = step_op::log_softmax; break;
    case onnx::step_kind::complement: out.step.op = step_op::complement; break;
    default:
      out.step.op = step_op::slice;
      out.step.at = from.begin;
      break;
    }
    out.step.outputs = from.outputs;
    ++out.end;
  }

  constexpr void take_activation(folded_step& out) const noexcept {
    if (!is(out.end, onnx::step_kind::activate)) return;
    const onnx::step& from = p_.steps[out.end++];
    out.step.activates = from.activates;
    out.step.alpha = from.alpha;
    out.step.beta = from.beta;
  }

  constexpr folded_step literal(step_op op, std::size_t i) const noexcept {
    folded_step out;
    out.step.op = op;
    out.step.inputs = out.step.outputs = p_.steps[i].inputs;
    out.scale = out.main = i;
    out.end = i + 1;
    return out;
  }
  constexpr void finish(folded_step& out) noexcept {
    take_activation(out);
    at_ = out.end;
  }

  constexpr void fold_affine(folded_step& out) noexcept {
    const onnx::affine_op op = p_.steps[at_].op;
    if (literal_) {
      switch (op) {
      case onnx::affine_op::add: out = literal(step_op::add, at_); break;
      case onnx::affine_op::subtract: out = literal(step_op::centre, at_); break;
      case onnx::affine_op::subtract_from: out = literal(step_op::subtract_from, at_); break;
      case onnx::affine_op::multiply: out = literal(step_op::multiply, at_); break;
      case onnx::affine_op::divide: out = literal(step_op::divide, at_); break;
      case onnx::affine_op::scaler:
        out = literal(step_op::centre, at_);
        out.end = at_;
        half_ = true;
        return;
      case onnx::affine_op::negate:
      case onnx::affine_op::batch_norm:
        out.step.op = step_op::affine;
        ++out.end;
        break;
      }
      return take_activation(out);
    }
    if (at_ < scaler_end_) {
      const bool centred = op == onnx::affine_op::scaler || starts_centred(op);
      if (!centred || centred_) return fold_dense(out, at_, scaler_end_);
      centred_ = true; // and once more, for the layer with the rest
      out.step.op = step_op::centre;
      return;
    }
    std::size_t end = at_;
    while (is(end, onnx::step_kind::affine)) ++end;
    out.step.op = step_op::affine;
    out.end = end;
    take_activation(out);
  }

  constexpr void fold_dense(folded_step& out, std::size_t scale, std::size_t main) noexcept {
    const onnx::step& from = p_.steps[main];
    const bool last = ++layers_ == p_.layer_count;
    out.scale = scale;
    out.main = main;
    out.end = main + 1;
    out.step.inputs = from.inputs;
    out.step.outputs = from.outputs;
    for (; out.end < p_.step_count; ++out.end) {
      const onnx::step& after = p_.steps[out.end];
      if (after.kind == onnx::step_kind::slice) {
        out.begin += after.begin;
        out.step.outputs = after.outputs;
      } else if (after.kind == onnx::step_kind::activate &&
                 out.step.activates == activation::identity) {
        take_activation(out);
        --out.end;
      } else if (after.kind != onnx::step_kind::affine || literal_ ||
                 out.step.activates != activation::identity || !keeps_width(out, after)) {
        break;
      }
    }
    out.step.op = p_.mode == onnx::quant_mode::dynamic_int8  ? step_op::dense_dynamic
                  : p_.mode == onnx::quant_mode::static_int8 ? step_op::dense_static
                  : last && out.step.outputs == 1            ? step_op::dense_to_one
                                                             : step_op::dense;
    if (p_.mode != onnx::quant_mode::static_int8) return;
    out.step.scale = from.activation_scale;
    out.step.zero_point = from.activation_zero_point;
  }

  // As many values after it as before? (One value can become many by an array of constants.)
  static constexpr bool keeps_width(const folded_step& out, const onnx::step& after) noexcept {
    return after.inputs == out.step.outputs && after.outputs == out.step.outputs;
  }

  const onnx::plan& p_;
  bool literal_;
  bool half_ = false, centred_ = false;
  std::size_t scaler_end_ = 0; // of a plain network's scaler
  std::size_t at_ = 0, layers_ = 0;
};

constexpr kernels::extent measure(const onnx::plan& plan) noexcept {
  kernels::extent to;
  std::size_t moved = 0;
  folded_step each;
  for (folder steps(plan); steps.next(each);) place(each.step, to, moved);
  close(to);
  return to;
}

// The values of a float constant by index; fast where they are asked for in order, or raw.
class float_values {
public:
  constexpr float_values() noexcept : reader_(t_) {}
  constexpr float_values(const onnx::plan& plan, onnx::constant from) noexcept
      : t_(onnx::read(plan, from)), reader_(t_) {}

  constexpr float operator[](std::size_t i) noexcept {
    if (t_.count == 1) i = 0;
    const char* data = nullptr;
    if (onnx::raw_floats(t_, data)) return std::bit_cast<float>(raw_bits(data, i));
    if (i < read_) {
      reader_ = onnx::element_reader(t_);
      read_ = 0;
    }
    for (; read_ <= i; ++read_) reader_.next(value_);
    return value_;
  }
  constexpr const onnx::tensor& tensor() const noexcept { return t_; }

  static constexpr std::uint32_t raw_bits(const char* data, std::size_t i) noexcept {
    return static_cast<std::uint32_t>(static_cast<unsigned char>(data[4 * i])) |
           static_cast<std::uint32_t>(static_cast<unsigned char>(data[4 * i + 1])) << 8 |
           static_cast<std::uint32_t>(static_cast<unsigned char>(data[4 * i + 2])) << 16 |
           static_cast<std::uint32_t>(static_cast<unsigned char>(data[4 * i + 3])) << 24;
  }

private:
  onnx::tensor t_{};
  onnx::element_reader reader_;
  std::size_t read_ = 0;
  float value_ = 0;
};

// The first value that is not finite, or none.
constexpr error non_finite(const onnx::tensor& t) noexcept {
  onnx::element_reader reader(t);
  for (float value = 0; reader.next(value);)
    if (!kernels::exact::is_finite(value))
      return {status::non_finite_weight, reader.offset(), t.name};
  return {};
}

// In a constant expression parse() leaves the raw weights of dense layers to whoever packs them.
// Where that failed: what parse() would have said at run time, of the last layer first, as it reads
// them; else what packing says.
constexpr error explained(const onnx::plan& plan, const error& packing) noexcept {
  if (!onnx::failed(packing) || !std::is_constant_evaluated()) return packing;
  for (std::size_t i = plan.step_count; i-- > 0;)
    if (plan.steps[i].kind == onnx::step_kind::dense)
      if (const error e = non_finite(onnx::read(plan, plan.steps[i].weight)); onnx::failed(e))
        return e;
  return packing;
}

// Packs a plan into arrays that measure() told the sizes of. In constant expressions they are zero;
// at run time `floats` may hold anything.
class packer {
public:
  constexpr packer(const onnx::plan& plan, kernels::step* steps, float* floats, std::int8_t* bytes,
                   std::int32_t* sums) noexcept
      : p_(plan), steps_(steps), floats_(floats), bytes_(bytes), sums_(sums) {}

  // Errors: non_finite_weight, where folding overflows a weight, or in constant expressions one is
  // not finite.
  constexpr error pack() noexcept { return explained(p_, pack_steps()); }

  // Element i of raw little-endian floats, into `to`; returns the larger of `worst` and its
  // magnitude, both as bits.
  static constexpr std::uint32_t put(float& to, const char* data, std::size_t i,
                                     std::uint32_t worst) noexcept {
    const std::uint32_t bits = float_values::raw_bits(data, i);
    to = std::bit_cast<float>(bits);
    return (bits & 0x7fffffffU) > worst ? bits & 0x7fffffffU : worst;
  }

private:
  constexpr error pack_steps() noexcept {
    kernels::extent at;
    std::size_t moved = 0, count = 0;
    folded_step each;
    for (folder steps(p_); steps.next(each); ++count) {
      const auto begin = static_cast<std::size_t>(at.floats);
      place(each.step, at, moved);
      steps_[count] = each.step;
      clear(each.step, begin, static_cast<std::size_t>(at.floats));
      if (const error e = fill(each); onnx::failed(e)) return e;
    }
    const auto end = static_cast<std::size_t>(at.floats);
    zero(end, end + kernels::panel_width);
    return {};
  }

  // What a step's constants leave of their room: all of it but the weights of dense ones.
  constexpr void clear(const kernels::step& s, std::size_t begin, std::size_t end) noexcept {
    if (s.op != step_op::dense) return zero(begin, end);
    const std::size_t weight = begin + kernels::round_up(s.outputs, kernels::panel_width);
    zero(begin, weight);
    zero(weight + std::size_t{s.inputs} * s.outputs, end);
  }
  constexpr void zero(std::size_t begin, std::size_t end) noexcept {
    if (std::is_constant_evaluated()) return;
    for (; begin < end; ++begin) floats_[begin] = 0;
  }

  constexpr error fill(const folded_step& f) noexcept {
    const onnx::step& from = p_.steps[f.main];
    error e{};
    switch (f.step.op) {
    case step_op::dense:
    case step_op::dense_to_one: e = fill_dense(f); break;
    case step_op::dense_dynamic:
    case step_op::dense_static: fill_int8(f); break;
    case step_op::affine: e = fill_affine(f); break;
    case step_op::layer_norm:
      fill_array(f.step.at, f.step.inputs, from.weight, 1);
      fill_array(f.step.at + kernels::round_up(f.step.inputs, kernels::panel_width), f.step.inputs,
                 from.bias, 0);
      break;
    case step_op::centre:
      fill_array(f.step.at, f.step.inputs, from.weight, 0, from.op == onnx::affine_op::add);
      break;
    case step_op::multiply:
      fill_array(f.step.at, f.step.inputs,
                 from.op == onnx::affine_op::scaler ? from.bias : from.weight, 1);
      break;
    case step_op::divide: fill_array(f.step.at, f.step.inputs, from.weight, 1); break;
    case step_op::add:
    case step_op::subtract_from: fill_array(f.step.at, f.step.inputs, from.weight, 0); break;
    default: break;
    }
    if (!onnx::failed(e) && f.step.activates == activation::prelu) fill_slopes(f);
    return e;
  }

  constexpr void fill_array(std::size_t at, std::size_t count, onnx::constant from, float otherwise,
                            bool negative = false) noexcept {
    float_values values(p_, from);
    for (std::size_t i = 0; i < count; ++i) {
      const float value = from.present() ? values[i] : otherwise;
      floats_[at + i] = negative ? -value : value;
    }
  }

  constexpr void fill_slopes(const folded_step& f) noexcept {
    std::size_t skip = 0; // values that slices behind the activation leave out before it
    for (std::size_t i = f.main; i < f.end; ++i) {
      const onnx::step& s = p_.steps[i];
      if (s.kind == onnx::step_kind::activate) {
        skip = value_index(i + 1, f.end, 0);
        float_values values(p_, s.weight);
        for (std::size_t o = 0; o < f.step.outputs; ++o)
          floats_[f.step.slopes + o] = kernels::exact::mul(s.alpha, values[skip + o]);
      }
    }
  }

  // scale * x + shift of value i, of the affine steps [begin, end); `mean` is taken off first.
  struct line {
    double mean = 0, scale = 1, shift = 0;
    constexpr void multiply(double by) noexcept { scale *= by, shift *= by; }
  };
  constexpr line line_of(std::size_t begin, std::size_t end, std::size_t i,
                         bool takes_mean) noexcept {
    line to;
    for (std::size_t s = begin; s < end; ++s) {
      const onnx::step& from = p_.steps[s];
      if (from.kind != onnx::step_kind::affine) continue;
      const bool first = takes_mean && s == begin;
      apply(to, from, value_index(s, end, i), first);
    }
    return to;
  }
  // Index, where step s stands, of what is value i behind step `end`.
  constexpr std::size_t value_index(std::size_t s, std::size_t end, std::size_t i) const noexcept {
    for (; s < end; ++s)
      if (p_.steps[s].kind == onnx::step_kind::slice) i += p_.steps[s].begin;
    return i;
  }
  constexpr double value(onnx::constant from, std::size_t i) noexcept {
    std::size_t c = 0;
    while (c < cached_ && cache_[c].offset != from.offset) ++c;
    if (c == cached_) { // a constant that is read again and again is found only once
      c = cached_ < cache_.size() ? cached_++ : cache_.size() - 1;
      cache_[c].offset = from.offset;
      cache_[c].values = float_values(p_, from);
    }
    return static_cast<double>(cache_[c].values[i]);
  }

  constexpr void apply(line& to, const onnx::step& from, std::size_t i, bool first) noexcept {
    const double a = from.weight.present() ? value(from.weight, i) : 1;
    switch (from.op) {
    case onnx::affine_op::add: (first ? to.mean : to.shift) += first ? -a : a; break;
    case onnx::affine_op::subtract: (first ? to.mean : to.shift) += first ? a : -a; break;
    case onnx::affine_op::subtract_from:
      to.multiply(-1);
      to.shift += a;
      break;
    case onnx::affine_op::multiply: to.multiply(a); break;
    case onnx::affine_op::negate: to.multiply(-1); break;
    case onnx::affine_op::divide:
      to.scale /= a;
      to.shift /= a;
      break;
    case onnx::affine_op::scaler:
      (first ? to.mean : to.shift) += first ? a : -a;
      to.multiply(value(from.bias, i));
      break;
    case onnx::affine_op::batch_norm: {
      const double variance = value(from.variance, i) + static_cast<double>(from.alpha);
      const double mean = value(from.mean, i);
      (first ? to.mean : to.shift) += first ? mean : -mean;
      to.multiply(variance > 0 ? a / kernels::exact::root(variance)
                               : std::numeric_limits<double>::infinity());
      to.shift += from.bias.present() ? value(from.bias, i) : 0;
      break;
    }
    }
  }

  constexpr error fill_affine(const folded_step& f) noexcept {
    const std::size_t padded = kernels::round_up(f.step.inputs, kernels::panel_width);
    float* const mean = floats_ + f.step.at;
    for (std::size_t i = 0; i < f.step.inputs; ++i) {
      const line to = line_of(f.main, f.end, i, true);
      mean[i] = kernels::exact::narrow(to.mean);
      mean[padded + i] = kernels::exact::narrow(to.scale);
      mean[2 * padded + i] = kernels::exact::narrow(to.shift);
      if (!finite(mean[i]) || !finite(mean[padded + i]) || !finite(mean[2 * padded + i]))
        return overflow(p_.steps[f.main]);
    }
    return {};
  }

  static constexpr bool finite(float x) noexcept { return kernels::exact::is_finite(x); }
  constexpr error overflow(const onnx::step& from) const noexcept {
    return {status::non_finite_weight, from.offset, "folding"};
  }

  // Is there anything to fold into the weights?
  constexpr bool folds(const folded_step& f) const noexcept {
    const onnx::step& from = p_.steps[f.main];
    if (f.scale != f.main || from.alpha != 1 || from.beta != 1) return true;
    for (std::size_t i = f.main + 1; i < f.end; ++i)
      if (p_.steps[i].kind == onnx::step_kind::affine) return true;
    return false;
  }

  constexpr std::size_t weight_index(const folded_step& f, std::size_t k,
                                     std::size_t o) const noexcept {
    const std::size_t at = f.step.at;
    if (f.step.op == step_op::dense_to_one) return at + kernels::virtual_lanes + k;
    return at + kernels::round_up(f.step.outputs, kernels::panel_width) +
           kernels::panel_index(f.step.inputs, f.step.outputs, k, o);
  }

  constexpr error fill_dense(const folded_step& f) noexcept {
    const onnx::step& from = p_.steps[f.main];
    const onnx::tensor weight = onnx::read(p_, from.weight);
    const char* data = nullptr;
    bool sound = onnx::raw_floats(weight, data) ? fill_raw(f, weight, data) : fill_typed(f, weight);
    if (std::is_constant_evaluated() && data != nullptr && f.step.outputs != from.outputs)
      for (std::size_t i = 0; i < weight.count; ++i) // those of the outputs that a slice leaves out
        sound = sound && (float_values::raw_bits(data, i) & 0x7fffffffU) < 0x7f800000U;
    if (!sound) return non_finite(weight);
    float* const bias = floats_ + f.step.at;
    if (from.bias.present()) {
      float_values values(p_, from.bias);
      for (std::size_t o = 0; o < f.step.outputs; ++o) bias[o] = values[f.begin + o];
    }
    if (!folds(f)) return {};
    const bool scales = f.scale != f.main || from.alpha != 1; // all weights
    for (std::size_t o = 0; o < f.step.outputs; ++o) {
      const line after = line_of(f.main + 1, f.end, o, false);
      bias[o] = kernels::exact::narrow(static_cast<double>(from.beta) *
                                           static_cast<double>(bias[o]) * after.scale +
                                       after.shift);
      if (scales || after.scale != 1) sound = scale_output(f, o, after.scale) && sound;
      sound = finite(bias[o]) && sound;
    }
    return sound ? error{} : overflow(from);
  }

  constexpr bool scale_output(const folded_step& f, std::size_t o, double scale) noexcept {
    const onnx::step& from = p_.steps[f.main];
    bool sound = true;
    for (std::size_t k = 0; k < f.step.inputs; ++k) {
      float& w = floats_[weight_index(f, k, o)];
      double folded = static_cast<double>(w) * static_cast<double>(from.alpha);
      for (std::size_t s = f.scale; s < f.main; ++s) {
        const onnx::step& before = p_.steps[s];
        if (before.op == onnx::affine_op::multiply) folded *= value(before.weight, k);
        if (before.op == onnx::affine_op::divide) folded /= value(before.weight, k);
        if (before.op == onnx::affine_op::scaler) folded *= value(before.bias, k);
      }
      folded *= scale;
      w = kernels::exact::narrow(folded);
      sound = sound && finite(w);
    }
    return sound;
  }

  // Raw float32, as exporters write it. Returns whether all are finite.
  constexpr bool fill_raw(const folded_step& f, const onnx::tensor& weight,
                          const char* data) noexcept {
    const bool transposed = p_.steps[f.main].transposed;
    const std::size_t in = f.step.inputs, out = f.step.outputs;
    // the outputs, kept or not: not the tensor's dimension, which may be another before a Reshape
    const std::size_t width = static_cast<std::size_t>(weight.count) / in;
    std::uint32_t worst = 0;
    if (f.step.op == step_op::dense_to_one) {
      float* const to = floats_ + f.step.at + kernels::virtual_lanes;
      for (std::size_t k = 0; k < in; ++k)
        worst = put(to[k], data, transposed ? f.begin * in + k : k * width + f.begin, worst);
      return worst < 0x7f800000U;
    }
    float* to = floats_ + f.step.at + kernels::round_up(out, kernels::panel_width);
    for (std::size_t first = 0; first < out; first += kernels::panel_width) {
      const std::size_t panel = (std::min)(out - first, kernels::panel_width);
      const std::size_t from = f.begin + first;
      if (transposed)
        worst = (std::max)(worst, put_panel(to, data, from * in, in, 1, in, panel));
      else
        worst = (std::max)(worst, put_panel(to, data, from, 1, width, in, panel));
      to += in * panel;
    }
    return worst < 0x7f800000U;
  }

  // One panel: element (k, j) of it is that of index first + j * across + k * along. Returns the
  // largest magnitude, as bits, in a constant expression; at run time, parse() has looked.
  static constexpr std::uint32_t put_panel(float* to, const char* data, std::size_t first,
                                           std::size_t across, std::size_t along, std::size_t in,
                                           std::size_t panel) noexcept {
    if (!std::is_constant_evaluated() && onnx::bulk::as_stored) {
      if (along == 1)
        onnx::bulk::transpose(to, data + 4 * first, across, in, panel);
      else
        onnx::bulk::columns_of(to, data + 4 * first, along, in, panel);
      return 0;
    }
    std::uint32_t worst = 0;
    for (std::size_t k = 0; k < in; ++k)
      for (std::size_t j = 0; j < panel; ++j)
        worst = put(to[k * panel + j], data, first + j * across + k * along, worst);
    return worst;
  }

  constexpr bool fill_typed(const folded_step& f, const onnx::tensor& weight) noexcept {
    const bool transposed = p_.steps[f.main].transposed;
    const std::size_t in = f.step.inputs;
    const std::size_t all = static_cast<std::size_t>(weight.count) / in; // outputs, kept or not
    onnx::element_reader reader(weight);
    float value = 0;
    bool sound = true;
    for (std::size_t i = 0; reader.next(value); ++i) {
      const std::size_t k = transposed ? i % in : i / all, o = transposed ? i / in : i % all;
      if (o < f.begin || o - f.begin >= f.step.outputs) continue;
      floats_[weight_index(f, k, o - f.begin)] = value;
      sound = sound && finite(value);
    }
    return sound;
  }

  constexpr void fill_int8(const folded_step& f) noexcept {
    const onnx::step& from = p_.steps[f.main];
    const std::size_t padded = kernels::round_up(f.step.outputs, kernels::panel_width);
    float* const scale = floats_ + f.step.at;
    const onnx::tensor weight = onnx::read(p_, from.weight);
    const std::size_t all = static_cast<std::size_t>(weight.count) / f.step.inputs;
    onnx::element_reader reader(weight);
    std::int64_t q = 0;
    for (std::size_t i = 0; reader.next(q); ++i) {
      const std::size_t k = from.transposed ? i % f.step.inputs : i / all;
      const std::size_t output = from.transposed ? i / f.step.inputs : i % all;
      const std::size_t o = output - f.begin;
      if (output < f.begin || o >= f.step.outputs) continue;
      bytes_[f.step.bytes + (k / 4 * padded + o) * 4 + k % 4] = static_cast<std::int8_t>(q);
      sums_[f.step.sums + o] += static_cast<std::int32_t>(q);
    }
    const bool dynamic = f.step.op == step_op::dense_dynamic;
    float_values scales(p_, dynamic ? from.weight_scale : from.sum_scale);
    for (std::size_t o = 0; o < f.step.outputs; ++o) scale[o] = scales[f.begin + o];
    if (!dynamic && from.sum_scale_factor.present()) {
      float_values factors(p_, from.sum_scale_factor);
      for (std::size_t o = 0; o < f.step.outputs; ++o)
        scale[o] = kernels::exact::mul(scale[o], factors[f.begin + o]);
    }
    if (!from.bias.present()) return;
    float_values biases(p_, from.bias);
    for (std::size_t o = 0; o < f.step.outputs; ++o) scale[padded + o] = biases[f.begin + o];
  }

  const onnx::plan& p_;
  kernels::step* steps_;
  float* floats_;
  std::int8_t* bytes_;
  std::int32_t* sums_;
  struct cached {
    std::uint32_t offset = 0;
    float_values values{};
  };
  std::array<cached, 6> cache_{};
  std::size_t cached_ = 0;
};

} // namespace tinymlp::detail
