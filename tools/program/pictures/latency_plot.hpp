// What `tinymlp latency` measured, and its picture.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "models/model.hpp"
#include "system/tick_clock.hpp"

namespace tinymlp::tools {

struct quantile {
  std::string_view name; // "p99.9"
  double share;          // of the frames, in (0, 1]
};
inline constexpr std::array quantiles{quantile{"p50", 0.5}, quantile{"p90", 0.9},
                                      quantile{"p99", 0.99}, quantile{"p99.9", 0.999}};

// Spans of single frames, or of several frames in a row, less the clock's own; as time a frame.
class latency_distribution {
public:
  // `spans`: ticks of each reading of `frames_per_reading` frames, at least one; sorted here.
  latency_distribution(std::vector<std::uint32_t> spans, std::size_t frames_per_reading,
                       const clock_description& clock);

  struct bin {
    double from_ns, to_ns; // [from, to)
    std::uint64_t readings;
  };

  std::size_t readings() const noexcept { return spans_.size(); }
  std::size_t frames_per_reading() const noexcept { return frames_per_reading_; }
  std::size_t frames() const noexcept { return readings() * frames_per_reading_; }
  double step_ns() const noexcept; // readings are multiples of this apart
  double min_ns() const noexcept { return ns(spans_.front()); }
  double max_ns() const noexcept { return ns(spans_.back()); }
  double mean_ns() const noexcept { return mean_ns_; }
  // The smallest value that at least this share of the readings does not exceed.
  double quantile_ns(double share) const noexcept;
  // Bins of equal width on a logarithmic scale, from the smallest value to the largest, wide enough
  // for the clock's steps; those without a reading are there, too.
  std::vector<bin> histogram() const;

private:
  double ns(std::uint32_t span) const noexcept;

  std::vector<std::uint32_t> spans_;
  std::size_t frames_per_reading_;
  clock_description clock_;
  double mean_ns_ = 0;
};

// A whole SVG 1.1 document: readings over nanoseconds, both axes logarithmic.
std::string render_latency_plot(const model_description& network,
                                const latency_distribution& latency);

} // namespace tinymlp::tools
