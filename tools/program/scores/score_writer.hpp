// What a run hands on to whoever prints it: rows as they come, then the summary.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "logs/log_reader.hpp"
#include "models/model.hpp"
#include "scores/pooling.hpp"
#include "scores/series.hpp"

namespace tinymlp::tools {

// What a run knows at its end.
struct score_summary {
  pooling score, vmaf; // vmaf: the log's own, over the rows that have it
  agreement own;       // score against vmaf
  std::uint64_t rows = 0;
  std::uint64_t not_finite = 0; // rows whose score is NaN
  double scoring_ns = 0;        // inside the network, all rows together
  // A frame's time, scored by itself and in a batch, measured over many passes; 0 when not
  // measured.
  double single_frame_ns = 0, batch_frame_ns = 0;
};

// Everything about a run that a format may want to name.
struct score_context {
  const model_description& network;
  const log_description& log;
  std::string_view input;
  bool clipped; // scores are brought into 0..100
};

// Whether the log has a score of its own to compare with: one of the model that the network
// predicts, as far as either is known.
bool compares(const score_context& context);
// How tables and legends call the log's own score: "libvmaf", or its key where that is not "vmaf".
std::string own_name(const log_description& log);
// Why there is nothing to compare with, although the log has a score of its own.
std::string why_not_compared(const score_context& context);

class score_writer {
public:
  virtual ~score_writer() = default;
  virtual void begin(const score_context& context) = 0;
  virtual void row(const scored_frame& row) = 0;
  // The input has nothing more for now: a reader of a live stream wants what there is.
  virtual void idle() {}
  virtual void end(const score_context& context, const score_summary& summary,
                   const series& scores) = 0;
};

} // namespace tinymlp::tools
