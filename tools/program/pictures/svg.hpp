// What the program's pictures share: a canvas that follows the reader's light or dark colours, and
// axes with round numbers.
#pragma once

#include <iterator>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <fmt/format.h>

namespace tinymlp::tools {

// Text from a file name or a log, fit for XML: control characters and broken UTF-8 become '?', and
// what is longer than a line is cut.
std::string svg_escaped(std::string_view text);

// Round steps (1, 2 or 5 times a power of ten) that cut `span` into about `wanted` parts.
double nice_step(double span, int wanted);

// A number of any size in at most 11 characters: "1.25e21".
std::string short_text(double value);

// As many decimals as tell ticks `step` apart; a large number is short_text().
std::string tick_text(double value, double step);

struct axis {
  double low = 0, high = 1;  // data
  double start = 0, end = 1; // pixels
  double step = 1;
  double at(double value) const { return start + (value - low) / (high - low) * (end - start); }
  std::vector<double> ticks() const;
};

// Data from `low` to `high` with a little room, ends on round values; pixels from bottom to top.
axis value_axis(double low, double high, double top, double bottom, int wanted);

// A whole SVG 1.1 document. Colours come from classes only: text, title, number (text that counts),
// end and middle (where text is anchored), grid, axis, and those of the picture itself.
class svg_canvas {
public:
  // `light` and `dark`: style rules of the picture's own classes. `title` is escaped here.
  svg_canvas(double width, double height, std::string_view title, std::string_view light,
             std::string_view dark);

  template <class... Args> void add(fmt::format_string<Args...> text, Args&&... args) {
    fmt::format_to(std::back_inserter(out_), text, std::forward<Args>(args)...);
  }
  // `content` must be escaped.
  void text(double x, double y, std::string_view kind, std::string_view content);
  void rule(std::string_view kind, double x1, double y1, double x2, double y2);
  // Text that reads upwards, its middle at x, y.
  void upright_text(double x, double y, std::string_view content);

  std::string finish();

private:
  std::string out_;
};

} // namespace tinymlp::tools
