// The picture of `tinymlp score --plot`: score over frames, beside the log's own vmaf.
#pragma once

#include <string>

#include "scores/score_writer.hpp"

namespace tinymlp::tools {

// A whole SVG 1.1 document that follows the reader's light or dark colour scheme. Its size does not
// grow with the clip: a long clip is drawn as the mean of each bucket within its minimum and
// maximum. Missing frames and scores that are not finite leave gaps.
std::string render_plot(const score_context& context, const score_summary& summary,
                        const series& scores);

} // namespace tinymlp::tools
