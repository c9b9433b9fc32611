#include "pictures/latency_plot.hpp"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <utility>

#include "pictures/svg.hpp"

namespace tinymlp::tools {

latency_distribution::latency_distribution(std::vector<std::uint32_t> spans,
                                           std::size_t frames_per_reading,
                                           const clock_description& clock)
    : spans_(std::move(spans)), frames_per_reading_(frames_per_reading), clock_(clock) {
  std::sort(spans_.begin(), spans_.end());
  const double sum =
      std::accumulate(spans_.begin(), spans_.end(), 0.0,
                      [this](double so_far, std::uint32_t span) { return so_far + ns(span); });
  mean_ns_ = sum / static_cast<double>(spans_.size());
}

double latency_distribution::ns(std::uint32_t span) const noexcept {
  const double ticks = std::max(0.0, static_cast<double>(span) - clock_.overhead_ticks);
  return ticks / clock_.ticks_per_ns / static_cast<double>(frames_per_reading_);
}

double latency_distribution::step_ns() const noexcept {
  return clock_.step_ticks / clock_.ticks_per_ns / static_cast<double>(frames_per_reading_);
}

double latency_distribution::quantile_ns(double share) const noexcept {
  const double rank = std::ceil(share * static_cast<double>(spans_.size()) - 1e-6);
  const auto last = static_cast<double>(spans_.size() - 1);
  return ns(spans_[static_cast<std::size_t>(std::clamp(rank - 1, 0.0, last))]);
}

std::vector<latency_distribution::bin> latency_distribution::histogram() const {
  const double low = std::max(min_ns(), step_ns());
  // Two steps wide at the median, so that the clock's steps do not look like gaps.
  const double narrowest = std::log10(1 + 2 * step_ns() / std::max(quantile_ns(0.5), low));
  const double width = std::max(0.025, narrowest);
  const auto bin_of = [&](double value) {
    return static_cast<std::size_t>(std::log10(std::max(value, low) / low) / width);
  };
  // The last is the one that holds the largest reading, by the same arithmetic.
  const std::size_t count = bin_of(max_ns()) + 1;
  std::vector<bin> bins(count);
  for (std::size_t i = 0; i < count; ++i)
    bins[i] = {low * std::pow(10.0, width * static_cast<double>(i)),
               low * std::pow(10.0, width * static_cast<double>(i + 1)), 0};
  for (const std::uint32_t span : spans_) ++bins[bin_of(ns(span))].readings;
  // Logarithm and power round: what lies in a bin lies below its end.
  bins.back().to_ns = std::max(bins.back().to_ns, std::nextafter(max_ns(), HUGE_VAL));
  return bins;
}

namespace {

constexpr double width = 960, height = 420;
constexpr double left = 76, right = width - 28, top = 96, bottom = 340;

constexpr std::string_view light_style = R"(.bar { fill: #0969da }
.mark { stroke: #cf222e; stroke-width: 1.4; stroke-dasharray: 4 3 }
.mark-name { fill: #cf222e; font-weight: 600 }
)";
constexpr std::string_view dark_style = R"(.bar { fill: #58a6ff }
.mark { stroke: #ff7b72 }
.mark-name { fill: #ff7b72 }
)";

// "24.3 ns", "1.2 us", "3.4 ms"
std::string duration_text(double ns) {
  const auto scaled = [](double value, std::string_view unit) {
    return fmt::format("{:.{}f} {}", value, value < 9.995 ? 2 : value < 99.95 ? 1 : 0, unit);
  };
  if (ns < 999.5) return scaled(ns, "ns");
  return ns < 999.5e3 ? scaled(ns / 1e3, "us") : scaled(ns / 1e6, "ms");
}

class latency_plot : svg_canvas {
public:
  latency_plot(const model_description& network, const latency_distribution& latency)
      : svg_canvas(width, height, "Latency of one frame: " + network.name, light_style, dark_style),
        network_(network), latency_(latency), bins_(latency.histogram()) {
    std::uint64_t most = 1;
    for (const auto& bin : bins_) most = std::max(most, bin.readings);
    x_ = {std::log10(bins_.front().from_ns) - 0.02, std::log10(bins_.back().to_ns) + 0.02, left,
          right, 1};
    y_ = {-0.3, std::log10(static_cast<double>(most)) * 1.04 + 0.1, bottom, top, 1};
  }

  std::string render() {
    draw_head();
    draw_axes();
    for (const auto& bin : bins_) draw_bar(bin);
    draw_marks();
    return finish();
  }

private:
  void draw_head() {
    text(left, 34, "title", fmt::format("Latency of one frame by {}", svg_escaped(network_.name)));
    std::string what =
        fmt::format("{}, {}, {} kernel; {} frames, each waiting for the one before", network_.shape,
                    network_.precision, network_.row_kernel, latency_.frames());
    if (latency_.frames_per_reading() > 1)
      what += fmt::format("; means of {} in a row", latency_.frames_per_reading());
    text(left, 54, "", what);
  }

  void draw_axes() {
    for (double power = 0; power <= y_.high; ++power) {
      rule("grid", left, y_.at(power), right, y_.at(power));
      text(left - 8, y_.at(power) + 4, "end", fmt::format("{:.0f}", std::pow(10.0, power)));
    }
    rule("axis", left, bottom, right, bottom);
    // 1, 2 and 5 times the powers of ten, as long as their texts have room.
    const bool wide = x_.high - x_.low < 2.5;
    for (double power = std::floor(x_.low); power <= x_.high; ++power)
      for (const double factor : {1.0, 2.0, 5.0}) {
        const double at = power + std::log10(factor);
        if (at < x_.low || at > x_.high || (factor != 1 && !wide)) continue;
        rule("axis", x_.at(at), bottom, x_.at(at), bottom + 5);
        text(x_.at(at), bottom + 18, "middle", tick_duration(factor * std::pow(10.0, power)));
      }
    text((left + right) / 2, bottom + 40, "middle",
         "time of one frame (logarithmic), less the clock's own");
    upright_text(20, (top + bottom) / 2,
                 latency_.frames_per_reading() > 1 ? "readings (logarithmic)"
                                                   : "frames (logarithmic)");
  }

  static std::string tick_duration(double ns) {
    return ns < 999     ? fmt::format("{:g} ns", ns)
           : ns < 999e3 ? fmt::format("{:g} us", ns / 1e3)
                        : fmt::format("{:g} ms", ns / 1e6);
  }

  void draw_bar(const latency_distribution::bin& bin) {
    if (bin.readings == 0) return;
    const double from = x_.at(std::log10(bin.from_ns)), to = x_.at(std::log10(bin.to_ns));
    const double height_at = y_.at(std::log10(static_cast<double>(bin.readings)));
    add("<rect class=\"bar\" x=\"{:.2f}\" y=\"{:.2f}\" width=\"{:.2f}\" height=\"{:.2f}\"/>\n",
        from, height_at, std::max(to - from - 0.5, 0.5), bottom - height_at);
  }

  // Names stand above the chart, pushed right where they would touch.
  void draw_marks() {
    double free_from = left;
    const auto mark = [&](std::string_view name, double ns) {
      const double x = x_.at(std::log10(std::max(ns, bins_.front().from_ns)));
      const std::string words = fmt::format("{} {}", name, duration_text(ns));
      const double at =
          std::min(std::max(x, free_from), right - 6.6 * static_cast<double>(words.size()));
      rule("mark", x, top - 4, x, bottom);
      text(at, top - 10, "mark-name", words);
      free_from = at + 6.9 * static_cast<double>(words.size()) + 12;
    };
    for (const quantile& q : quantiles) mark(q.name, latency_.quantile_ns(q.share));
    mark("max", latency_.max_ns());
  }

  const model_description& network_;
  const latency_distribution& latency_;
  std::vector<latency_distribution::bin> bins_;
  axis x_, y_; // of the decimal logarithms
};

} // namespace

std::string render_latency_plot(const model_description& network,
                                const latency_distribution& latency) {
  return latency_plot(network, latency).render();
}

} // namespace tinymlp::tools
