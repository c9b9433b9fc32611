#include "pictures/svg.hpp"

#include <algorithm>
#include <cmath>

#include "system/text.hpp"

namespace tinymlp::tools {

namespace {

constexpr std::string_view light_style = R"(<style>
text { font-family: system-ui, -apple-system, "Segoe UI", Roboto, "Helvetica Neue", sans-serif; font-size: 12px; fill: #59636e }
.title { font-size: 17px; font-weight: 600; fill: #1f2328 }
.number { font-variant-numeric: tabular-nums; fill: #1f2328 }
.end { text-anchor: end }
.middle { text-anchor: middle }
.paper { fill: #ffffff; stroke: #d1d9e0 }
.grid { stroke: #e4e8ec; stroke-width: 1 }
.axis { stroke: #818b98; stroke-width: 1 }
)";
constexpr std::string_view dark_style = R"(@media (prefers-color-scheme: dark) {
text { fill: #9198a1 }
.title, .number { fill: #f0f6fc }
.paper { fill: #0d1117; stroke: #3d444d }
.grid { stroke: #21262d }
.axis { stroke: #656c76 }
)";

} // namespace

std::string svg_escaped(std::string_view text) {
  std::string out;
  for (const char c : printable(text, 120)) {
    switch (c) {
    case '&': out += "&amp;"; break;
    case '<': out += "&lt;"; break;
    case '>': out += "&gt;"; break;
    case '"': out += "&quot;"; break;
    default: out += c;
    }
  }
  return out;
}

double nice_step(double span, int wanted) {
  const double rough = span / wanted;
  const double power = std::pow(10.0, std::floor(std::log10(rough)));
  for (const double factor : {1.0, 2.0, 5.0})
    if (rough <= factor * power * 1.0001) return factor * power;
  return 10 * power;
}

std::string tick_text(double value, double step) {
  // Beyond this a label would not fit beside its axis, nor be read.
  if (std::fabs(value) >= 1e7) return short_text(value);
  const int decimals = std::clamp(static_cast<int>(-std::floor(std::log10(step) + 1e-9)), 0, 9);
  return fmt::format("{:.{}f}", value, decimals);
}

std::string short_text(double value) {
  const std::string text = fmt::format("{:.5g}", value); // 1.25e+21
  const std::size_t plus = text.find("e+");
  if (plus == std::string::npos) return text;
  const std::size_t digits = text.find_first_not_of('0', plus + 2);
  return text.substr(0, plus + 1) + text.substr(digits);
}

std::vector<double> axis::ticks() const {
  std::vector<double> values;
  for (double k = std::ceil(low / step - 1e-9); k * step <= high + step * 1e-9; ++k)
    values.push_back(k == 0 ? 0 : k * step);
  return values;
}

axis value_axis(double low, double high, double top, double bottom, int wanted) {
  const double room = std::max(0.04 * (high - low), 1e-3 + 1e-6 * std::fabs(high));
  axis y{low - room, high + room, bottom, top, 1};
  y.step = nice_step(y.high - y.low, wanted);
  y.low = std::floor(y.low / y.step) * y.step;
  y.high = std::ceil(y.high / y.step) * y.step;
  return y;
}

svg_canvas::svg_canvas(double width, double height, std::string_view title, std::string_view light,
                       std::string_view dark) {
  add("<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {0} {1}\" width=\"{0}\" "
      "height=\"{1}\" role=\"img\">\n",
      width, height);
  add("<title>{}</title>\n", svg_escaped(title));
  out_ += light_style;
  out_ += light;
  out_ += dark_style;
  out_ += dark;
  out_ += "}\n</style>\n";
  add("<rect class=\"paper\" x=\".5\" y=\".5\" width=\"{}\" height=\"{}\" rx=\"8\"/>\n", width - 1,
      height - 1);
}

void svg_canvas::text(double x, double y, std::string_view kind, std::string_view content) {
  add("<text class=\"{}\" x=\"{:.1f}\" y=\"{:.1f}\">{}</text>\n", kind, x, y, content);
}

void svg_canvas::rule(std::string_view kind, double x1, double y1, double x2, double y2) {
  add("<line class=\"{}\" x1=\"{:.1f}\" y1=\"{:.1f}\" x2=\"{:.1f}\" y2=\"{:.1f}\"/>\n", kind, x1,
      y1, x2, y2);
}

void svg_canvas::upright_text(double x, double y, std::string_view content) {
  add("<text class=\"middle\" transform=\"translate({:.0f} {:.1f}) rotate(-90)\">{}</text>\n", x, y,
      content);
}

std::string svg_canvas::finish() {
  out_ += "</svg>\n";
  return std::move(out_);
}

} // namespace tinymlp::tools
