// What a run hands on to whoever prints it: rows as they come, then the summary.
#pragma once

#include <cstdint>
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
