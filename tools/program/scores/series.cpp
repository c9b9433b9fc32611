#include "scores/series.hpp"

#include <algorithm>
#include <cmath>

namespace tinymlp::tools {

void value_range::add(double value) noexcept {
  if (!std::isfinite(value)) return;
  ++count;
  min = std::min(min, value);
  max = std::max(max, value);
  sum += value;
}

void value_range::merge(const value_range& other) noexcept {
  count += other.count;
  min = std::min(min, other.min);
  max = std::max(max, other.max);
  sum += other.sum;
}

void series_bucket::merge(const series_bucket& next) noexcept {
  rows += next.rows;
  last_frame = next.last_frame;
  score.merge(next.score);
  vmaf.merge(next.vmaf);
  difference.merge(next.difference);
}

series::series(std::size_t capacity) : capacity_(capacity) { buckets_.reserve(capacity); }

void series::add(const scored_frame& row) {
  series_bucket single{.first_row = rows_,
                       .rows = 1,
                       .first_frame = row.frame,
                       .last_frame = row.frame,
                       .score = {},
                       .vmaf = {},
                       .difference = {}};
  const auto score = static_cast<double>(row.score);
  single.score.add(score);
  single.vmaf.add(row.vmaf);
  single.difference.add(score - row.vmaf);
  if (rows_ > 0) note_step(row.frame - last_frame_);
  last_frame_ = row.frame;
  ++rows_;

  const bool open = !buckets_.empty() && buckets_.back().rows < rows_per_bucket_ &&
                    !is_gap(buckets_.back().last_frame, row.frame);
  if (open) return buckets_.back().merge(single);
  if (buckets_.size() == capacity_) make_room();
  buckets_.push_back(single);
}

bool series::is_gap(std::int64_t from, std::int64_t to) const noexcept {
  return to - from > typical_step();
}

void series::make_room() {
  rows_per_bucket_ *= 2;
  merge_neighbours(false);
  // A bucket a gap: they would fill up again at once, or soon.
  if (buckets_.size() > capacity_ / 4 * 3) merge_neighbours(true);
}

void series::merge_neighbours(bool across_gaps) {
  std::size_t last = 0;
  for (std::size_t i = 1; i < buckets_.size(); ++i) {
    series_bucket& into = buckets_[last];
    const bool fits = into.rows + buckets_[i].rows <= rows_per_bucket_;
    if (fits && (across_gaps || !is_gap(into.last_frame, buckets_[i].first_frame)))
      into.merge(buckets_[i]);
    else
      buckets_[++last] = buckets_[i];
  }
  buckets_.resize(last + 1);
}

void series::note_step(std::int64_t step) noexcept {
  if (step <= 0) {
    ++out_of_order_;
    return;
  }
  if (step_votes_ == 0) step_ = step;
  step_votes_ = step == step_ ? step_votes_ + 1 : step_votes_ - 1;
}

} // namespace tinymlp::tools
