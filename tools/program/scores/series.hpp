// Scores over frames, thinned to a bounded number of buckets, for pictures of any clip length.
#pragma once

#include <cstddef>
#include <cstdint>
#include <limits>
#include <span>
#include <vector>

namespace tinymlp::tools {

// One row of output: a frame, its score, and the log's own vmaf (NaN where it has none).
struct scored_frame {
  std::int64_t frame = 0;
  float score = 0;
  double vmaf = std::numeric_limits<double>::quiet_NaN();
};

// Finite values seen; what is not finite only counts as missing.
struct value_range {
  std::uint64_t count = 0;
  double min = std::numeric_limits<double>::infinity();
  double max = -std::numeric_limits<double>::infinity();
  double sum = 0;

  void add(double value) noexcept;
  void merge(const value_range& other) noexcept;
  bool empty() const noexcept { return count == 0; }
  double mean() const noexcept { return sum / static_cast<double>(count); } // not when empty
};

// Consecutive rows, without a gap among their frames (but see series).
struct series_bucket {
  std::uint64_t first_row = 0;
  std::uint64_t rows = 0;
  std::int64_t first_frame = 0;
  std::int64_t last_frame = 0;
  value_range score, vmaf, difference; // difference: score - vmaf

  void merge(const series_bucket& next) noexcept;
};

class series {
public:
  // At most `capacity` buckets (at least 4); once full, neighbours merge, and only where there are
  // more gaps than a picture could show, across gaps.
  explicit series(std::size_t capacity);

  void add(const scored_frame& row);

  std::span<const series_bucket> buckets() const noexcept { return buckets_; }
  std::uint64_t rows() const noexcept { return rows_; }
  // At most.
  std::uint64_t rows_per_bucket() const noexcept { return rows_per_bucket_; }
  // Rows whose frame number is not above the one before.
  std::uint64_t out_of_order() const noexcept { return out_of_order_; }
  // The step between most neighbouring frames (n_subsample), 1 if there is no majority. A wider
  // step is a gap.
  std::int64_t typical_step() const noexcept { return step_ > 0 ? step_ : 1; }

private:
  bool is_gap(std::int64_t from, std::int64_t to) const noexcept;
  void make_room();
  void merge_neighbours(bool across_gaps);
  void note_step(std::int64_t step) noexcept;

  std::size_t capacity_;
  std::vector<series_bucket> buckets_;
  std::uint64_t rows_ = 0;
  std::uint64_t rows_per_bucket_ = 1;
  std::uint64_t out_of_order_ = 0;
  std::int64_t last_frame_ = 0;
  std::int64_t step_ = 1; // Boyer-Moore majority vote over the steps
  std::uint64_t step_votes_ = 0;
};

} // namespace tinymlp::tools
