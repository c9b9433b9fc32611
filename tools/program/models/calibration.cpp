#include "models/calibration.hpp"

#include <algorithm>
#include <bit>
#include <cmath>
#include <limits>
#include <utility>

#include <tinymlp/vmaf.hpp>

#include "system/failure.hpp"
#include "logs/feature_rows.hpp"
#include "logs/log_reader.hpp"
#include "models/quantizer.hpp"
#include "system/terminal.hpp"

namespace tinymlp::tools {

namespace {

// Bins: a float's sign, exponent and first 9 bits of its significand.
constexpr unsigned dropped_bits = 14;
constexpr std::size_t bin_count = std::size_t{1} << (32 - dropped_bits);
constexpr std::size_t first_negative = bin_count / 2;

std::size_t bin_of(float value) { return std::bit_cast<std::uint32_t>(value) >> dropped_bits; }
// The float of that bin farthest from 0, and one in its middle.
float end_of(std::size_t bin) {
  return std::bit_cast<float>(static_cast<std::uint32_t>(bin) << dropped_bits |
                              ((1U << dropped_bits) - 1));
}
float middle_of(std::size_t bin) {
  return std::bit_cast<float>(static_cast<std::uint32_t>(bin) << dropped_bits |
                              (1U << (dropped_bits - 1)));
}

using histogram = std::vector<std::uint64_t>;

std::uint64_t total_of(const histogram& count) {
  std::uint64_t total = 0;
  for (const std::uint64_t n : count) total += n;
  return total;
}

// How many values may lie outside at either end.
std::uint64_t allowance(std::uint64_t total, double percent) {
  return static_cast<std::uint64_t>(static_cast<double>(total) * (100 - percent) / 100);
}

// The end of the outermost bin beyond which no more than `allowed` values lie, among the bins from
// `first` on, which lie ever farther from 0. 0 where all of those may lie outside.
float outermost(const histogram& count, std::size_t first, std::uint64_t allowed) {
  std::uint64_t outside = 0;
  for (std::size_t bin = first + bin_count / 2; bin-- > first;) {
    outside += count[bin];
    if (outside > allowed) return end_of(bin);
  }
  return 0;
}

// A bin that is not empty: how many values, and which.
struct bin {
  double count, value;
};
std::vector<bin> filled_bins(const histogram& count) {
  std::vector<bin> bins;
  for (std::size_t i = 0; i < bin_count; ++i)
    if (count[i] != 0)
      bins.push_back({static_cast<double>(count[i]), static_cast<double>(middle_of(i))});
  return bins;
}

// Not fused with the addition that follows: the result must not depend on the compiler.
#if defined(__GNUC__)
[[gnu::noinline]]
#endif
double
product(double a, double b) {
  return a * b;
}

double squared_error(const std::vector<bin>& bins, activation_range range) {
  const result<activation_scale> by = scale_of(range);
  if (!by) return std::numeric_limits<double>::infinity();
  const auto scale = static_cast<double>(by->scale), zero = static_cast<double>(by->zero_point);
  double sum = 0;
  for (const bin& b : bins) {
    const double q = std::clamp(std::nearbyint(b.value / scale), -zero, 255 - zero);
    const double error = product(q, scale) - b.value;
    sum += product(b.count, product(error, error));
  }
  return sum;
}

// Each end in turn, in steps of 1 % of the whole range, twice.
activation_range least_squares(const histogram& count, activation_range whole) {
  const std::vector<bin> bins = filled_bins(count);
  activation_range best = whole;
  double least = squared_error(bins, best);
  for (int round = 0; round < 2; ++round)
    for (float activation_range::*end : {&activation_range::high, &activation_range::low}) {
      if (whole.*end == 0) continue;
      for (int percent = 1; percent <= 100; ++percent) {
        activation_range tried = best;
        tried.*end = whole.*end * (static_cast<float>(percent) / 100);
        const double error = squared_error(bins, tried);
        if (error < least) least = error, best = tried;
      }
    }
  return best;
}

} // namespace

calibration::calibration(const onnx::plan& plan, calibration_method method)
    : method_(method), seen_(plan.layer_count) {
  if (plan.kind != onnx::precision::fp32) fail("the model is int8 already");
  for (const onnx::step& from : steps_of(plan)) add_stages(plan, from);
  if (method_ != calibration_method::minmax)
    for (seen& to : seen_) to.count.resize(bin_count);
}

namespace {

kernels::step_op literal_op(onnx::affine_op op) {
  switch (op) {
  case onnx::affine_op::add: return kernels::step_op::add;
  case onnx::affine_op::subtract:
  case onnx::affine_op::scaler: return kernels::step_op::centre;
  case onnx::affine_op::subtract_from: return kernels::step_op::subtract_from;
  case onnx::affine_op::divide: return kernels::step_op::divide;
  case onnx::affine_op::multiply:
  case onnx::affine_op::negate: return kernels::step_op::multiply;
  case onnx::affine_op::batch_norm: return kernels::step_op::affine;
  }
  return kernels::step_op::add;
}

// Mean, scale and shift, each padded to whole panels.
std::vector<float> batch_norm_constants(const onnx::plan& plan, const onnx::step& from) {
  const std::size_t n = from.inputs, padded = kernels::round_up(n, kernels::panel_width);
  const std::vector<float> mean = values_of(plan, from.mean, n);
  const std::vector<float> variance = values_of(plan, from.variance, n);
  const std::vector<float> scale = values_of(plan, from.weight, n);
  const std::vector<float> shift = values_of(plan, from.bias, n);
  std::vector<float> to(3 * padded);
  for (std::size_t i = 0; i < n; ++i) {
    const double deviation =
        std::sqrt(static_cast<double>(variance[i]) + static_cast<double>(from.alpha));
    to[i] = mean[i];
    to[padded + i] = kernels::exact::narrow(static_cast<double>(scale[i]) / deviation);
    to[2 * padded + i] = shift[i];
  }
  return to;
}

} // namespace

void calibration::add_stages(const onnx::plan& plan, const onnx::step& from) {
  stage to;
  to.step.inputs = from.inputs;
  to.step.outputs = from.outputs;
  switch (from.kind) {
  case onnx::step_kind::dense:
    to.step.op = kernels::step_op::dense;
    to.weight = weight_of(plan, from);
    to.bias = bias_of(plan, from);
    break;
  case onnx::step_kind::affine:
    to.step.op = literal_op(from.op);
    if (from.op == onnx::affine_op::batch_norm)
      to.constants = batch_norm_constants(plan, from);
    else if (from.op == onnx::affine_op::negate)
      to.constants.assign(from.inputs, -1);
    else
      to.constants = values_of(plan, from.weight, from.outputs);
    break;
  case onnx::step_kind::activate:
    to.step.op = kernels::step_op::activate;
    to.step.activates = from.activates;
    to.step.alpha = from.alpha;
    to.step.beta = from.beta;
    if (from.activates == activation::prelu)
      to.constants = values_of(plan, from.weight, from.inputs);
    break;
  case onnx::step_kind::layer_norm: {
    to.step.op = kernels::step_op::layer_norm;
    to.step.alpha = from.alpha;
    const std::size_t padded = kernels::round_up(from.inputs, kernels::panel_width);
    to.constants = from.weight.present() ? values_of(plan, from.weight, from.inputs)
                                         : std::vector<float>(from.inputs, 1);
    to.constants.resize(padded);
    const std::vector<float> shift = values_of(plan, from.bias, from.inputs);
    to.constants.insert(to.constants.end(), shift.begin(), shift.end());
    break;
  }
  case onnx::step_kind::softmax: to.step.op = kernels::step_op::softmax; break;
  case onnx::step_kind::log_softmax: to.step.op = kernels::step_op::log_softmax; break;
  case onnx::step_kind::complement: to.step.op = kernels::step_op::complement; break;
  case onnx::step_kind::slice:
    to.step.op = kernels::step_op::slice;
    to.step.at = from.begin;
    break;
  }
  stages_.push_back(std::move(to));
  if (from.kind != onnx::step_kind::affine || from.op != onnx::affine_op::scaler) return;
  stage factor; // (x - mean) * scale is two operations
  factor.step.op = kernels::step_op::multiply;
  factor.step.inputs = factor.step.outputs = from.inputs;
  factor.constants = values_of(plan, from.bias, from.inputs);
  stages_.push_back(std::move(factor));
}

void calibration::take(seen& to, std::span<const float> values) const {
  for (const float value : values) {
    if (!std::isfinite(value)) fail("overflows float32 inside the network");
    to.extremes.low = std::min(to.extremes.low, value);
    to.extremes.high = std::max(to.extremes.high, value);
    if (method_ != calibration_method::minmax) ++to.count[bin_of(value)];
  }
}

void calibration::add(std::span<const float> row) {
  x_.assign(row.begin(), row.end());
  std::size_t layer = 0;
  for (const stage& at : stages_) {
    if (at.step.op == kernels::step_op::dense) {
      take(seen_[layer], x_);
      if (++layer == seen_.size()) break; // nothing behind the last layer matters
    }
    run(at);
  }
  ++rows_;
}

// Sums in double, whose products are exact: the same with and without fused multiply-adds. All
// else is the engine's own scalar kernel, the same on every machine.
void calibration::run(const stage& at) {
  namespace scalar = kernels::reference;
  const std::size_t inputs = at.step.inputs, outputs = at.step.outputs;
  const kernels::steps_view constants{&at.step, 1,      inputs, outputs, 0, 0, at.constants.data(),
                                      nullptr,  nullptr};
  switch (at.step.op) {
  case kernels::step_op::dense:
    y_.assign(outputs, 0);
    for (std::size_t o = 0; o < outputs; ++o) {
      auto sum = static_cast<double>(at.bias[o]);
      for (std::size_t i = 0; i < inputs; ++i)
        sum += static_cast<double>(x_[i]) * static_cast<double>(at.weight[i * outputs + o]);
      y_[o] = kernels::exact::narrow(sum);
    }
    x_.swap(y_);
    break;
  case kernels::step_op::activate: scalar::activate_values(constants, at.step, x_.data()); break;
  case kernels::step_op::affine: scalar::affine_values(constants, at.step, x_.data()); break;
  case kernels::step_op::layer_norm: scalar::normalize_values(constants, at.step, x_.data()); break;
  case kernels::step_op::softmax:
  case kernels::step_op::log_softmax: scalar::softmax_values(at.step, x_.data()); break;
  case kernels::step_op::complement: x_ = {1 - x_[0], x_[0]}; break;
  case kernels::step_op::slice:
    x_.assign(x_.begin() + at.step.at, x_.begin() + at.step.at + at.step.outputs);
    break;
  default: scalar::literal_values(constants, at.step, x_.data()); break;
  }
}

std::vector<activation_range> calibration::ranges(double percent) const {
  std::vector<activation_range> ranges;
  for (const seen& from : seen_) {
    activation_range range = from.extremes;
    if (method_ == calibration_method::percentile) {
      const std::uint64_t allowed = allowance(total_of(from.count), percent);
      range.high = std::min(range.high, outermost(from.count, 0, allowed));
      range.low = std::max(range.low, outermost(from.count, first_negative, allowed));
    } else if (method_ == calibration_method::mse) {
      range = least_squares(from.count, range);
    }
    ranges.push_back(range);
  }
  return ranges;
}

namespace {

// `name(i)`: what to call a feature.
template <class Name>
void add_row(std::span<const float> row, const std::string& where, Name&& name, calibration& to) {
  for (std::size_t i = 0; i < row.size(); ++i)
    if (!std::isfinite(row[i]))
      fail("{}: {} is {}: rows to calibrate with must be finite", where, name(i), row[i]);
  try {
    to.add(row);
  } catch (const failure& why) {
    fail("{}: {}", where, why.what());
  }
}

class log_rows final : public row_sink {
public:
  log_rows(const byte_source& source, calibration& to) : source_(source), to_(to) {}
  void begin(const log_description&) override {}
  void row(const log_row& row) override {
    add_row(
        row.features,
        fmt::format("{}: row {} (frame {})", source_.name(), to_.rows() + 1, row.frame),
        [](std::size_t i) { return vmaf::feature_names[i]; }, to_);
  }
  void note(const std::string& text) override {
    print_message("note", fmt::format("{}: {}", source_.name(), text));
  }

private:
  const byte_source& source_;
  calibration& to_;
};

class table_rows final : public feature_sink {
public:
  table_rows(const byte_source& source, std::vector<feature_group> groups, calibration& to)
      : source_(source), groups_(std::move(groups)), to_(to) {}
  void row(std::span<const float> row, const std::string& where) override {
    add_row(
        row, where, [this](std::size_t i) { return name_of(i); }, to_);
  }
  void note(const std::string& text) override {
    print_message("note", fmt::format("{}: {}", source_.name(), text));
  }

private:
  std::string name_of(std::size_t feature) const {
    for (const feature_group& group : groups_)
      if (group.used && feature >= group.first && feature - group.first < group.count)
        return fmt::format("{}.{}", group.name, feature - group.first);
    return "a feature";
  }

  const byte_source& source_;
  std::vector<feature_group> groups_;
  calibration& to_;
};

} // namespace

void add_rows(byte_source& source, const onnx::plan& plan, calibration& to) {
  if (plan.inputs == feature_count && plan.outputs == 1) {
    log_rows rows(source, to);
    return read_log(source, {}, rows);
  }
  const std::vector<feature_group> groups = feature_groups(plan);
  table_rows rows(source, groups, to);
  read_feature_rows(source, groups, rows);
}

} // namespace tinymlp::tools
