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
  const auto consider_jump = [this](std::int64_t from, std::int64_t to) {
    if (to - from <= jump_to - jump_from) return;
    jump_from = from;
    jump_to = to;
  };
  consider_jump(last_frame, next.first_frame);
  consider_jump(next.jump_from, next.jump_to);
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
                       .jump_from = row.frame,
                       .jump_to = row.frame,
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

  const bool open = !buckets_.empty() && buckets_.back().rows < rows_per_bucket_;
  if (open) return buckets_.back().merge(single);
  if (buckets_.size() == capacity_) halve();
  buckets_.push_back(single);
}

// Only called when every bucket is full, so that all stay of one size.
void series::halve() {
  for (std::size_t i = 0; i < capacity_ / 2; ++i) {
    buckets_[i] = buckets_[2 * i];
    buckets_[i].merge(buckets_[2 * i + 1]);
  }
  buckets_.resize(capacity_ / 2);
  rows_per_bucket_ *= 2;
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
