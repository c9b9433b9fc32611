#include "pictures/output_plot.hpp"

#include <algorithm>
#include <string_view>

#include <fmt/format.h>

#include "pictures/svg.hpp"
#include "system/text.hpp"

namespace tinymlp::tools {

namespace {

constexpr double width = 960, height = 450;
constexpr double left = 84, right = width - 28, top = 92, bottom = 380;

// The colours of Okabe and Ito, which the colour-blind tell apart.
constexpr std::string_view light_style =
    R"(.line { fill: none; stroke-linejoin: round; stroke-linecap: round; stroke-width: 1.5 }
.band { stroke: none; fill-opacity: .18 }
.s0 { stroke: #0072b2 } .f0 { fill: #0072b2 }
.s1 { stroke: #d55e00 } .f1 { fill: #d55e00 }
.s2 { stroke: #009e73 } .f2 { fill: #009e73 }
.s3 { stroke: #cc79a7 } .f3 { fill: #cc79a7 }
.s4 { stroke: #e69f00 } .f4 { fill: #e69f00 }
.s5 { stroke: #56b4e9 } .f5 { fill: #56b4e9 }
.s6 { stroke: #8a7a00 } .f6 { fill: #8a7a00 }
.s7 { stroke: #57606a } .f7 { fill: #57606a }
)";
constexpr std::string_view dark_style = R"(.s0 { stroke: #58a6ff } .f0 { fill: #58a6ff }
.s6 { stroke: #f0e442 } .f6 { fill: #f0e442 }
.s7 { stroke: #b1bac4 } .f7 { fill: #b1bac4 }
)";

class output_plot : svg_canvas {
public:
  output_plot(const model_description& network, const std::string& input,
              std::span<const std::string> names, std::span<const series> outputs)
      : svg_canvas(width, height, "Outputs over rows: " + network.name, light_style, dark_style),
        network_(network), input_(input), names_(names), outputs_(outputs) {
    value_range values;
    for (const series& each : outputs)
      for (const series_bucket& b : each.buckets())
        if (!b.score.empty()) values.add(b.score.min), values.add(b.score.max);
    if (values.empty()) values.min = 0, values.max = 1;
    y_ = value_axis(values.min, values.max, top, bottom, 6);
    const auto last = static_cast<double>(outputs[0].rows() - 1);
    const double room = last == 0 ? 0.5 : 0;
    x_ = {-room, last + room, left, right, 1};
    x_.step = std::max(1.0, nice_step(x_.high - x_.low, 9));
  }

  std::string render() {
    draw_head();
    draw_axes();
    for (std::size_t i = 0; i < outputs_.size(); ++i) draw_series(outputs_[i], i);
    return finish();
  }

private:
  void draw_head() {
    const std::uint64_t rows = outputs_[0].rows();
    text(left, 34, "title", fmt::format("Outputs of {}", svg_escaped(network_.name)));
    text(left, 54, "",
         fmt::format("{}: {} row{}, {}, {} kernel{}", svg_escaped(input_), rows,
                     rows == 1 ? "" : "s", network_.precision, network_.kernel,
                     outputs_[0].rows_per_bucket() > 1
                         ? fmt::format("; line: mean of {} rows, band: their minimum to maximum",
                                       outputs_[0].rows_per_bucket())
                         : std::string()));
    double x = left;
    for (std::size_t i = 0; i < outputs_.size(); ++i) {
      const std::string name = svg_escaped(printable(names_[i], 24));
      rule(fmt::format("line s{}", i), x, 74, x + 16, 74);
      text(x + 21, 78, "", name);
      x += 21 + 6.6 * static_cast<double>(std::min<std::size_t>(names_[i].size(), 24)) + 12;
    }
    if (network_.outputs > outputs_.size())
      text(right, 34, "end",
           fmt::format("the first {} of {} outputs", outputs_.size(), network_.outputs));
  }

  void draw_axes() {
    for (const double tick : y_.ticks()) {
      rule("grid", left, y_.at(tick), right, y_.at(tick));
      text(left - 8, y_.at(tick) + 4, "end", tick_text(tick, y_.step));
    }
    rule("axis", left, bottom, right, bottom);
    for (const double tick : x_.ticks()) {
      rule("axis", x_.at(tick), bottom, x_.at(tick), bottom + 5);
      text(x_.at(tick), bottom + 18, "middle", tick_text(tick, x_.step));
    }
    text((left + right) / 2, bottom + 36, "middle", "row");
  }

  double first_of(const series_bucket& b) const { return x_.at(static_cast<double>(b.first_row)); }
  double last_of(const series_bucket& b) const {
    return x_.at(static_cast<double>(b.first_row + b.rows - 1));
  }
  double middle_of(const series_bucket& b) const { return (first_of(b) + last_of(b)) / 2; }

  // Rows without a finite value leave gaps.
  void draw_series(const series& from, std::size_t number) {
    const std::span<const series_bucket> all = from.buckets();
    std::size_t begin = 0;
    for (std::size_t i = 0; i <= all.size(); ++i) {
      if (i < all.size() && !all[i].score.empty()) continue;
      if (i > begin) draw_run(all.subspan(begin, i - begin), number, from.rows_per_bucket() > 1);
      begin = i + 1;
    }
  }

  void draw_run(std::span<const series_bucket> run, std::size_t number, bool banded) {
    if (banded) draw_band(run, number);
    if (run.size() == 1) {
      add("<circle class=\"f{}\" cx=\"{:.1f}\" cy=\"{:.2f}\" r=\"2.5\"/>\n", number,
          middle_of(run[0]), y_.at(run[0].score.mean()));
      return;
    }
    add(R"(<path class="line s{}" d=")", number);
    for (std::size_t i = 0; i < run.size(); ++i)
      add("{}{:.1f} {:.2f}", i == 0 ? "M" : "L", middle_of(run[i]), y_.at(run[i].score.mean()));
    add("\"/>\n");
  }

  void draw_band(std::span<const series_bucket> run, std::size_t number) {
    add(R"(<path class="band f{}" d="M)", number);
    for (const series_bucket& b : run)
      add("{:.1f} {:.2f}L{:.1f} {:.2f}L", first_of(b), y_.at(b.score.max), last_of(b),
          y_.at(b.score.max));
    for (auto b = run.rbegin(); b != run.rend(); ++b)
      add("{:.1f} {:.2f}L{:.1f} {:.2f}{}", last_of(*b), y_.at(b->score.min), first_of(*b),
          y_.at(b->score.min), b + 1 == run.rend() ? "Z" : "L");
    add("\"/>\n");
  }

  const model_description& network_;
  const std::string& input_;
  std::span<const std::string> names_;
  std::span<const series> outputs_;
  axis x_, y_;
};

} // namespace

std::string render_output_plot(const model_description& network, const std::string& input,
                               std::span<const std::string> names,
                               std::span<const series> outputs) {
  return output_plot(network, input, names, outputs).render();
}

} // namespace tinymlp::tools
