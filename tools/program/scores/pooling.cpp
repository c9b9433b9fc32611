#include "scores/pooling.hpp"

#include <algorithm>
#include <cmath>

namespace tinymlp::tools {

void pooling::add(double value) noexcept {
  ++count_;
  all_finite_ = all_finite_ && std::isfinite(value);
  all_above_minus_one_ = all_above_minus_one_ && value > -1;
  min_ = std::min(min_, value);
  max_ = std::max(max_, value);
  sum_ += value;
  reciprocal_sum_ += 1 / (value + 1);
}

double pooling::mean() const noexcept { return valid() ? sum_ / static_cast<double>(count_) : nan; }

double pooling::harmonic_mean() const noexcept {
  if (!valid() || !all_above_minus_one_) return nan;
  return static_cast<double>(count_) / reciprocal_sum_ - 1;
}

// Welford's update: exact enough for a million near-equal scores, where sums of squares cancel.
void agreement::add(double x, double y) noexcept {
  if (!std::isfinite(x) || !std::isfinite(y)) return;
  ++count_;
  const auto n = static_cast<double>(count_);
  const double from_mean_x = x - mean_x_;
  const double from_mean_y = y - mean_y_;
  mean_x_ += from_mean_x / n;
  mean_y_ += from_mean_y / n;
  moment_xx_ += from_mean_x * (x - mean_x_);
  moment_yy_ += from_mean_y * (y - mean_y_);
  moment_xy_ += from_mean_x * (y - mean_y_);
  squared_error_ += (x - y) * (x - y);
}

double agreement::plcc() const noexcept {
  const double scale = std::sqrt(moment_xx_) * std::sqrt(moment_yy_);
  if (count_ < 2 || !(scale > 0)) return std::numeric_limits<double>::quiet_NaN();
  return std::clamp(moment_xy_ / scale, -1.0, 1.0);
}

double agreement::rmse() const noexcept {
  if (count_ == 0) return std::numeric_limits<double>::quiet_NaN();
  return std::sqrt(squared_error_ / static_cast<double>(count_));
}

} // namespace tinymlp::tools
