// A whole clip in four numbers, and how well two series of scores agree. Constant memory.
#pragma once

#include <cstdint>
#include <limits>

namespace tinymlp::tools {

// Pools as libvmaf does: harmonic_mean = n / sum(1 / (x + 1)) - 1, the 1 keeping a score of 0
// finite.
//
// Bad numbers stay bad: with a NaN or infinity among the values, or with none, all four are NaN.
// The harmonic mean is also NaN when a value is -1 or below, where it has no meaning (unclipped
// scores can be).
class pooling {
public:
  void add(double value) noexcept;

  std::uint64_t count() const noexcept { return count_; }
  double min() const noexcept { return valid() ? min_ : nan; }
  double max() const noexcept { return valid() ? max_ : nan; }
  double mean() const noexcept;
  double harmonic_mean() const noexcept;

private:
  static constexpr double nan = std::numeric_limits<double>::quiet_NaN();
  bool valid() const noexcept { return count_ > 0 && all_finite_; }

  std::uint64_t count_ = 0;
  bool all_finite_ = true;
  bool all_above_minus_one_ = true;
  double min_ = std::numeric_limits<double>::infinity();
  double max_ = -std::numeric_limits<double>::infinity();
  double sum_ = 0;
  double reciprocal_sum_ = 0;
};

// Pearson correlation (PLCC) and root mean square error of pairs; pairs with a non-finite member
// are left out.
class agreement {
public:
  void add(double x, double y) noexcept;

  std::uint64_t count() const noexcept { return count_; }
  // NaN with fewer than two pairs or when a series is constant.
  double plcc() const noexcept;
  // NaN without a pair.
  double rmse() const noexcept;

private:
  std::uint64_t count_ = 0;
  double mean_x_ = 0;
  double mean_y_ = 0;
  double moment_xx_ = 0;
  double moment_yy_ = 0;
  double moment_xy_ = 0;
  double squared_error_ = 0;
};

} // namespace tinymlp::tools
