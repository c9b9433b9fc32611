#include "pictures/score_plot.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <functional>
#include <iterator>
#include <string_view>
#include <vector>

#include <fmt/format.h>

#include "pictures/svg.hpp"

namespace tinymlp::tools {

namespace {

constexpr double width = 960;
constexpr double left = 64, right = width - 28;
constexpr double chart_top = 92, chart_bottom = 352;
constexpr double difference_top = 392, difference_bottom = 462;

constexpr std::string_view light_style =
    R"(.line { fill: none; stroke-linejoin: round; stroke-linecap: round }
.score { stroke: #0969da; stroke-width: 1.6 }
.own { stroke: #f0883e; stroke-width: 3.6 }
.band { stroke: none; fill-opacity: .2 }
.score-fill { fill: #0969da }
.own-fill { fill: #f0883e }
.missing { stroke: #cf222e; stroke-width: 1.2 }
)";
constexpr std::string_view dark_style = R"(.score { stroke: #58a6ff }
.own { stroke: #bd5b1c }
.score-fill { fill: #58a6ff }
.own-fill { fill: #bd5b1c }
.missing { stroke: #ff7b72 }
)";

axis value_axis_of(value_range values, double top, double bottom, int wanted) {
  if (values.empty()) values.min = 0, values.max = 100;
  return value_axis(values.min, values.max, top, bottom, wanted);
}

class plot : svg_canvas {
public:
  plot(const score_context& context, const score_summary& summary, const series& scores)
      : svg_canvas(width, compares(context) ? 576 : 450,
                   "VMAF score over frames: " + context.network.name, light_style, dark_style),
        context_(context), summary_(summary), scores_(scores), by_row_(scores.out_of_order() > 0) {
    collect_ranges();
    const double first = x_of(scores.buckets().front(), false);
    const double last = x_of(scores.buckets().back(), true);
    const double room = first == last ? 0.5 : 0;
    x_ = {first - room, last + room, left, right, 1};
    x_.step = std::max(1.0, nice_step(x_.high - x_.low, 9));
  }

  std::string render() {
    draw_head();
    draw_scores();
    double foot = 410;
    if (compares(context_)) {
      draw_difference();
      foot = 518;
    }
    draw_pooled(foot);
    return finish();
  }

private:
  using range_of = std::function<const value_range&(const series_bucket&)>;

  // Frame numbers that step back (several clips in one file) cannot be an axis; rows then are.
  double x_of(const series_bucket& b, bool at_end) const {
    if (by_row_) return static_cast<double>(b.first_row + (at_end ? b.rows - 1 : 0));
    return static_cast<double>(at_end ? b.last_frame : b.first_frame);
  }
  double middle_of(const series_bucket& b) const { return (x_of(b, false) + x_of(b, true)) / 2; }

  void collect_ranges() {
    for (const series_bucket& b : scores_.buckets()) {
      for (const value_range* r : {&b.score, &b.vmaf})
        if (!r->empty()) values_.add(r->min), values_.add(r->max);
      if (!b.difference.empty())
        differences_.add(b.difference.min), differences_.add(b.difference.max);
    }
  }

  void draw_head() {
    const model_description& m = context_.network;
    text(left, 34, "title",
         fmt::format("{} per frame by {}", m.predicts.empty() ? "VMAF" : m.predicts,
                     svg_escaped(m.name)));
    text(left, 54, "",
         fmt::format("{}: {} {}, {}, {} kernel", svg_escaped(context_.input), scores_.rows(),
                     scores_.rows() == 1 ? "frame" : "frames", m.precision, m.kernel));
    double x = left;
    const auto entry = [&](std::string_view kind, std::string_view name) {
      rule(fmt::format("line {}", kind), x, 74, x + 22, 74);
      text(x + 29, 78, "", name);
      x += 29 + 6.6 * static_cast<double>(name.size()) + 18;
    };
    entry("score", "tinymlp");
    if (context_.log.has_vmaf) entry("own", svg_escaped(own_name(context_.log)));
    if (scores_.rows_per_bucket() > 1)
      text(x, 78, "",
           fmt::format("line: mean of {} frames, band: their minimum to maximum",
                       scores_.rows_per_bucket()));
  }

  void draw_axes(const axis& y, std::string_view name, bool frame_ticks) {
    for (const double tick : y.ticks()) {
      rule("grid", left, y.at(tick), right, y.at(tick));
      text(left - 8, y.at(tick) + 4, "end", tick_text(tick, y.step));
    }
    rule("axis", left, y.start, right, y.start);
    upright_text(18, (y.start + y.end) / 2, name);
    if (!frame_ticks) return;
    for (const double tick : x_.ticks()) {
      rule("axis", x_.at(tick), y.start, x_.at(tick), y.start + 5);
      text(x_.at(tick), y.start + 18, "middle", tick_text(tick, x_.step));
    }
    text((left + right) / 2, y.start + 34, "middle", by_row_ ? "row" : "frame");
  }

  // Runs of buckets that belong together: a new one starts after a missing frame or score.
  void for_each_run(const range_of& range,
                    const std::function<void(std::span<const series_bucket>)>& draw) const {
    const std::span<const series_bucket> all = scores_.buckets();
    std::size_t begin = 0;
    for (std::size_t i = 0; i <= all.size(); ++i) {
      const bool missing = i == all.size() || range(all[i]).empty();
      const bool apart = !missing && i > begin && is_gap(all[i - 1], all[i]);
      if (!missing && !apart) continue;
      if (i > begin) draw(all.subspan(begin, i - begin));
      begin = missing ? i + 1 : i;
    }
  }
  bool is_gap(const series_bucket& before, const series_bucket& after) const {
    return !by_row_ && after.first_frame - before.last_frame > scores_.typical_step();
  }

  void draw_series(const axis& y, std::string_view kind, const range_of& range) {
    for_each_run(range, [&](std::span<const series_bucket> run) {
      if (scores_.rows_per_bucket() > 1) draw_band(y, kind, range, run);
      if (run.size() == 1) {
        add("<circle class=\"{}-fill\" cx=\"{:.1f}\" cy=\"{:.2f}\" r=\"2.5\"/>\n", kind,
            x_.at(middle_of(run[0])), y.at(range(run[0]).mean()));
        return;
      }
      add(R"(<path class="line {}" d=")", kind);
      for (std::size_t i = 0; i < run.size(); ++i)
        add("{}{:.1f} {:.2f}", i == 0 ? "M" : "L", x_.at(middle_of(run[i])),
            y.at(range(run[i]).mean()));
      add("\"/>\n");
    });
  }

  void draw_band(const axis& y, std::string_view kind, const range_of& range,
                 std::span<const series_bucket> run) {
    add(R"(<path class="band {}-fill" d="M)", kind);
    for (const series_bucket& b : run)
      add("{:.1f} {:.2f}L{:.1f} {:.2f}L", x_.at(x_of(b, false)), y.at(range(b).max),
          x_.at(x_of(b, true)), y.at(range(b).max));
    for (auto b = run.rbegin(); b != run.rend(); ++b)
      add("{:.1f} {:.2f}L{:.1f} {:.2f}{}", x_.at(x_of(*b, true)), y.at(range(*b).min),
          x_.at(x_of(*b, false)), y.at(range(*b).min), b + 1 == run.rend() ? "Z" : "L");
    add("\"/>\n");
  }

  void draw_scores() {
    value_range shown = values_;
    // At least one point from bottom to top: finer ticks tell nothing, and their labels do not fit.
    const double missing = shown.empty() ? 0 : std::max(0.0, 1 - (shown.max - shown.min));
    shown.min -= missing / 2;
    shown.max += missing / 2;
    const axis y = value_axis_of(shown, chart_top, chart_bottom, 6);
    draw_axes(y, "VMAF score (0 to 100)", !compares(context_));
    if (context_.log.has_vmaf)
      draw_series(y, "own", [](const series_bucket& b) -> const value_range& { return b.vmaf; });
    draw_series(y, "score", [](const series_bucket& b) -> const value_range& { return b.score; });
    for (const series_bucket& b : scores_.buckets())
      if (b.score.count < b.rows)
        rule("missing", x_.at(middle_of(b)), chart_bottom - 7, x_.at(middle_of(b)), chart_bottom);
    if (summary_.not_finite > 0)
      text(right, 78, "end",
           fmt::format("red ticks: {} without a finite score", summary_.not_finite));
  }

  void draw_difference() {
    value_range range = differences_;
    const double widest = std::max({std::fabs(range.min), std::fabs(range.max), 1e-2});
    if (!range.empty()) range.min = -widest, range.max = widest;
    const axis y = value_axis_of(range, difference_top, difference_bottom, 2);
    text(left, difference_top - 12, "", "tinymlp minus libvmaf (VMAF points)");
    draw_axes(y, "difference", true);
    if (y.low < 0 && y.high > 0) rule("axis", left, y.at(0), right, y.at(0));
    draw_series(y, "score",
                [](const series_bucket& b) -> const value_range& { return b.difference; });
  }

  void draw_pooled(double top) {
    constexpr std::array columns{150.0, 260.0, 400.0, 510.0};
    constexpr std::array names{"min", "mean", "harmonic mean", "max"};
    for (std::size_t i = 0; i < columns.size(); ++i) text(left + columns[i], top, "end", names[i]);
    const auto value = [this](double x, double y, double v, int decimals) {
      text(x, y, "number end",
           std::isnan(v)         ? std::string("not defined")
           : std::fabs(v) >= 1e7 ? short_text(v)
                                 : fmt::format("{:.{}f}", v, decimals));
    };
    const auto row = [&](double y, std::string_view kind, std::string_view name, const pooling& p) {
      rule(fmt::format("line {}", kind), left, y - 4, left + 14, y - 4);
      text(left + 21, y, "number", name);
      const std::array values{p.min(), p.mean(), p.harmonic_mean(), p.max()};
      for (std::size_t i = 0; i < columns.size(); ++i) value(left + columns[i], y, values[i], 4);
    };
    row(top + 19, "score", "tinymlp", summary_.score);
    if (!context_.log.has_vmaf) return;
    row(top + 36, "own", svg_escaped(own_name(context_.log)), summary_.vmaf);
    if (!compares(context_)) return;
    text(right - 110, top + 19, "end", "correlation (PLCC)");
    value(right, top + 19, summary_.own.plcc(), 6);
    text(right - 110, top + 36, "end", "RMSE");
    value(right, top + 36, summary_.own.rmse(), 4);
  }

  const score_context& context_;
  const score_summary& summary_;
  const series& scores_;
  bool by_row_;
  value_range values_, differences_;
  axis x_;
};

} // namespace

std::string render_plot(const score_context& context, const score_summary& summary,
                        const series& scores) {
  return plot(context, summary, scores).render();
}

} // namespace tinymlp::tools
