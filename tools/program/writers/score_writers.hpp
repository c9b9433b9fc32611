// The forms in which `tinymlp score` prints: rows as they come, then the summary.
#pragma once

#include <memory>
#include <string_view>

#include "scores/score_writer.hpp"
#include "system/atomic_file.hpp"

namespace tinymlp::tools {

// frame,score with 9 significant digits, so that every float32 reads back as itself; NaN is "nan".
std::unique_ptr<score_writer> make_csv_writer(atomic_file& out);

// libvmaf's layout: frames[{frameNum, metrics}] and pooled_metrics. The score's key is
// tinymlp_vmaf; the log's own score, where it has one, stands beside it under its own key. NaN is
// null.
std::unique_ptr<score_writer> make_json_writer(atomic_file& out);

// For people: a chart as wide as the terminal, the pooled scores beside libvmaf's own, agreement,
// precision, kernel and time.
std::unique_ptr<score_writer> make_view_writer(atomic_file& out, bool colour, int columns);

} // namespace tinymlp::tools
