// The picture of `tinymlp run --plot`: the outputs of a network over rows.
#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <vector>

#include "models/model.hpp"
#include "scores/series.hpp"

namespace tinymlp::tools {

inline constexpr std::size_t most_plotted = 8; // more lines cannot be told apart

// A whole SVG 1.1 document that follows the reader's light or dark colour scheme. `outputs`: the
// first ones, at most most_plotted, by the names `names`. Its size does not grow with the rows:
// many are drawn as the mean of each few within their minimum and maximum.
std::string render_output_plot(const model_description& network, const std::string& input,
                               std::span<const std::string> names, std::span<const series> outputs);

} // namespace tinymlp::tools
