// `tinymlp score --format view`: what a person wants to see of a clip, in one screen.
#include <algorithm>
#include <array>
#include <cmath>
#include <string>
#include <vector>

#include <fmt/format.h>

#include "writers/score_writers.hpp"
#include "system/terminal.hpp"
#include "system/text.hpp"

namespace tinymlp::tools {

namespace {

constexpr int chart_rows = 8;
constexpr int label_columns = 7; // the axis at the left
constexpr std::array<std::string_view, 9> eighths{" ", "▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"};

// One column of the chart: the bucket means of the rows that fall into it.
struct chart_column {
  value_range score, difference;
};

std::vector<chart_column> to_columns(const series& scores, std::size_t room) {
  const std::span<const series_bucket> buckets = scores.buckets();
  // Short clips get bars of several characters.
  const std::size_t repeat =
      std::max<std::size_t>(1, room / std::max<std::size_t>(1, buckets.size()));
  const std::size_t count = std::min(buckets.size(), room);
  std::vector<chart_column> columns;
  for (std::size_t c = 0; c < count; ++c) {
    chart_column column;
    const std::size_t end = (c + 1) * buckets.size() / count;
    for (std::size_t b = c * buckets.size() / count; b < end; ++b) {
      column.score.merge(buckets[b].score);
      column.difference.merge(buckets[b].difference);
    }
    columns.insert(columns.end(), std::min<std::size_t>(repeat, 4), column);
  }
  return columns;
}

// Bars start below the lowest score, so that they show how it moves; the axis says where.
struct chart_scale {
  double low = 0, high = 100;
  int level(double value, int levels) const {
    const double share = std::clamp((value - low) / (high - low), 0.0, 1.0);
    return static_cast<int>(std::lround(share * levels));
  }
};

chart_scale choose_scale(const std::vector<chart_column>& columns) {
  value_range means;
  for (const chart_column& c : columns)
    if (!c.score.empty()) means.add(c.score.mean());
  if (means.empty()) return {};
  const double room = std::max(0.15 * (means.max - means.min), 0.25);
  return {std::floor(2 * (means.min - 2 * room)) / 2, std::ceil(2 * (means.max + room / 2)) / 2};
}

// Red below 40, amber around 65, green from 85: a score's usual reading, as 256-colour codes.
std::string_view colour_of(double score) {
  if (score < 40) return "38;5;203";
  if (score < 60) return "38;5;215";
  if (score < 75) return "38;5;221";
  if (score < 85) return "38;5;149";
  return "38;5;78";
}

std::string cell(const chart_column& column, const chart_scale& scale, int row,
                 const painter& paint) {
  if (column.score.empty()) return row == 0 ? paint.paint("31", "×") : std::string(" ");
  const double mean = column.score.mean();
  // A bar is never empty: a missing score is a cross.
  const int level = std::max(1, scale.level(mean, chart_rows * 8));
  return paint.paint(colour_of(mean),
                     eighths[static_cast<std::size_t>(std::clamp(level - 8 * row, 0, 8))]);
}

std::string axis_label(const chart_scale& scale, int row) {
  const double step = (scale.high - scale.low) / chart_rows;
  if (row == chart_rows - 1) return fmt::format("{:.1f}", scale.high);
  if (row == 0) return fmt::format("{:.1f}", scale.low);
  if (row == chart_rows / 2) return fmt::format("{:.1f}", scale.low + step * row);
  return "";
}

std::string difference_line(const std::vector<chart_column>& columns, double widest) {
  std::string line;
  for (const chart_column& c : columns) {
    if (c.difference.empty()) {
      line += ' ';
      continue;
    }
    const double size = std::max(std::fabs(c.difference.min), std::fabs(c.difference.max));
    line += eighths[static_cast<std::size_t>(1 + std::lround(7 * size / std::max(widest, 1e-9)))];
  }
  return line;
}

std::string duration_text(double ns) {
  if (ns < 1e3) return fmt::format("{:.0f} ns", ns);
  if (ns < 1e6) return fmt::format("{:.3g} µs", ns / 1e3);
  if (ns < 1e9) return fmt::format("{:.3g} ms", ns / 1e6);
  return fmt::format("{:.3g} s", ns / 1e9);
}

class view_writer final : public score_writer {
public:
  view_writer(atomic_file& out, bool colour, int columns)
      : out_(out), paint_(colour), columns_(columns) {}

  void begin(const score_context&) override {}
  void row(const scored_frame&) override {}

  void end(const score_context& context, const score_summary& summary,
           const series& scores) override {
    write_head(context, scores);
    write_chart(context, scores);
    write_pooled(context, summary);
    write_foot(context, summary);
  }

private:
  void write_head(const score_context& context, const series& scores) {
    const model_description& m = context.network;
    out_.write(
        fmt::format("\n  {}{}  {}\n", paint_.paint("1", printable(m.name, 60)),
                    m.predicts.empty() ? "" : " predicts " + m.predicts,
                    paint_.paint("2", fmt::format("{} · {} · {} parameters · {} kernel", m.shape,
                                                  m.precision, m.parameters, m.kernel))));
    const std::string writer = context.log.version.empty()
                                   ? context.log.format
                                   : context.log.format + " " + context.log.version;
    out_.write(paint_.paint("2", fmt::format("  {} · {} · {} frame{}",
                                             printable(context.input, 200), printable(writer, 60),
                                             scores.rows(), scores.rows() == 1 ? "" : "s")));
    out_.write("\n\n");
  }

  void write_chart(const score_context& context, const series& scores) {
    const auto room = static_cast<std::size_t>(columns_ - label_columns - 4);
    const std::vector<chart_column> columns = to_columns(scores, room);
    const chart_scale scale = choose_scale(columns);
    for (int row = chart_rows - 1; row >= 0; --row) {
      std::string line = paint_.paint("2", fmt::format("  {:>6} ┤", axis_label(scale, row)));
      for (const chart_column& c : columns) line += cell(c, scale, row, paint_);
      out_.write(line + "\n");
    }
    write_frame_axis(scores, columns.size());
    if (compares(context)) write_difference(columns);
    out_.write("\n");
  }

  void write_frame_axis(const series& scores, std::size_t width) {
    const std::string first = fmt::format("frame {}", scores.buckets().front().first_frame);
    const std::string last = fmt::format("{}", scores.buckets().back().last_frame);
    const std::size_t used = first.size() + last.size();
    const std::string blank(width > used ? width - used : 1, ' ');
    const std::string line = scores.rows() == 1 ? first : first + blank + last;
    out_.write(paint_.paint("2", fmt::format("{:>{}}{}", "", label_columns + 3, line)) + "\n");
  }

  void write_difference(const std::vector<chart_column>& columns) {
    double widest = 0;
    for (const chart_column& c : columns)
      if (!c.difference.empty())
        widest = std::max({widest, std::fabs(c.difference.min), std::fabs(c.difference.max)});
    out_.write(
        paint_.paint("2", "   |Δ|  │") + paint_.paint("36", difference_line(columns, widest)) +
        "\n" +
        paint_.paint("2", fmt::format("{:>{}}distance from libvmaf's own score, {:.3g} at most", "",
                                      label_columns + 3, widest)) +
        "\n");
  }

  void write_pooled(const score_context& context, const score_summary& summary) {
    out_.write(paint_.paint("2", fmt::format("  {:<12}{:>10}{:>10}{:>15}{:>10}\n", "pooled", "min",
                                             "mean", "harmonic mean", "max")));
    write_pooled_row("tinymlp", summary.score, "1");
    if (context.log.has_vmaf) {
      write_pooled_row(printable(own_name(context.log), 11), summary.vmaf, "0");
      if (compares(context))
        out_.write(fmt::format("  {:<12}PLCC {}   RMSE {}\n", "agreement",
                               paint_.paint("1", fmt::format("{:.6f}", summary.own.plcc())),
                               paint_.paint("1", fmt::format("{:.4f}", summary.own.rmse()))));
      else
        out_.write(fmt::format("  {}\n", why_not_compared(context)));
    }
    if (std::isfinite(summary.score.mean()) && std::isnan(summary.score.harmonic_mean()))
      out_.write(
          paint_.paint("2", "  no harmonic mean: a score is -1 or below (see --clip, --raw)\n"));
    out_.write("\n");
  }

  void write_pooled_row(std::string_view who, const pooling& p, std::string_view code) {
    const auto text = [](double value) {
      return std::fabs(value) >= 1e5 ? fmt::format("{:.3g}", value) : fmt::format("{:.4f}", value);
    };
    out_.write(
        paint_.paint(code, fmt::format("  {:<12}{:>10}{:>10}{:>15}{:>10}", who, text(p.min()),
                                       text(p.mean()), text(p.harmonic_mean()), text(p.max()))) +
        "\n");
  }

  void write_foot(const score_context& context, const score_summary& summary) {
    out_.write(fmt::format("  {}, {} kernel: {} per frame, {} in a batch\n",
                           context.network.precision, context.network.kernel,
                           paint_.paint("1", duration_text(summary.single_frame_ns)),
                           paint_.paint("1", duration_text(summary.batch_frame_ns))));
    if (summary.not_finite > 0)
      out_.write(paint_.paint("31", fmt::format("  × {} of {} frames have no finite score",
                                                summary.not_finite, summary.rows)) +
                 "\n");
    out_.write("\n");
  }

  atomic_file& out_;
  painter paint_;
  int columns_;
};

} // namespace

std::unique_ptr<score_writer> make_view_writer(atomic_file& out, bool colour, int columns) {
  return std::make_unique<view_writer>(out, colour, columns);
}

} // namespace tinymlp::tools
