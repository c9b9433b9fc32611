#include "scores/accuracy.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

#include "scores/pooling.hpp"

namespace tinymlp::tools {

namespace {

double correlation(std::span<const double> x, std::span<const double> y) {
  agreement both;
  for (std::size_t i = 0; i < x.size(); ++i) both.add(x[i], y[i]);
  return both.plcc();
}

// As numpy.percentile interpolates by default. `values` must be sorted and not empty.
double percentile(std::span<const double> values, double share) {
  const double place = share * static_cast<double>(values.size() - 1);
  const auto below = static_cast<std::size_t>(place);
  const std::size_t above = std::min(below + 1, values.size() - 1);
  return values[below] + (values[above] - values[below]) * (place - static_cast<double>(below));
}

} // namespace

std::vector<double> average_ranks(std::span<const double> values) {
  std::vector<std::size_t> order(values.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::sort(order.begin(), order.end(),
            [&](std::size_t a, std::size_t b) { return values[a] < values[b]; });
  std::vector<double> ranks(values.size());
  for (std::size_t first = 0, last = 0; first < order.size(); first = last) {
    while (last < order.size() && values[order[last]] == values[order[first]]) ++last;
    for (std::size_t i = first; i < last; ++i)
      ranks[order[i]] = static_cast<double>(first + 1 + last) / 2;
  }
  return ranks;
}

accuracy compare_scores(std::span<const float> baseline, std::span<const float> other) {
  constexpr double nan = std::numeric_limits<double>::quiet_NaN();
  std::vector<double> x, y, distances;
  accuracy to;
  double difference_sum = 0;
  agreement both;
  for (std::size_t i = 0; i < baseline.size(); ++i) {
    const bool left = std::isfinite(baseline[i]), right = std::isfinite(other[i]);
    to.one_sided += left != right ? 1 : 0;
    if (!left || !right) continue;
    x.push_back(static_cast<double>(baseline[i]));
    y.push_back(static_cast<double>(other[i]));
    both.add(x.back(), y.back());
    difference_sum += y.back() - x.back();
    distances.push_back(std::fabs(y.back() - x.back()));
  }
  to.rows = x.size();
  to.not_finite = baseline.size() - x.size();
  to.plcc = both.plcc();
  to.rmse = both.rmse();
  to.srocc = correlation(average_ranks(x), average_ranks(y));
  to.bias = to.mean_abs = to.p99_abs = to.worst_abs = nan;
  if (x.empty()) return to;
  std::sort(distances.begin(), distances.end());
  const auto count = static_cast<double>(x.size());
  to.bias = difference_sum / count;
  to.mean_abs = std::accumulate(distances.begin(), distances.end(), 0.0) / count;
  to.p99_abs = percentile(distances, 0.99);
  to.worst_abs = distances.back();
  return to;
}

} // namespace tinymlp::tools
