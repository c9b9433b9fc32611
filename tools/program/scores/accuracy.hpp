// How far one series of scores lies from another, over the same rows.
#pragma once

#include <cstddef>
#include <span>
#include <vector>

namespace tinymlp::tools {

// Differences are other - baseline. NaN where there is nothing to tell it from.
struct accuracy {
  std::size_t rows = 0;       // pairs that are finite on both sides; all figures are over these
  std::size_t not_finite = 0; // the other pairs
  std::size_t one_sided = 0;  // those of them where one score is finite and the other is not
  double plcc = 0;            // Pearson's linear correlation
  double srocc = 0;           // Spearman's rank correlation, equal scores sharing their mean rank
  double rmse = 0;
  double bias = 0;                                 // mean difference
  double mean_abs = 0, p99_abs = 0, worst_abs = 0; // p99 interpolated linearly between ranks
};

// Both series must be equally long.
accuracy compare_scores(std::span<const float> baseline, std::span<const float> other);

// Ranks from 1; equal values share the mean of theirs.
std::vector<double> average_ranks(std::span<const double> values);

} // namespace tinymlp::tools
