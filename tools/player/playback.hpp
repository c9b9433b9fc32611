// The player's loop: two pictures -> their features -> a score, frame by frame.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include <tinymlp/vmaf.hpp>

#include "libvmaf.hpp"
#include "models/model.hpp"
#include "pairing.hpp"
#include "scores/pooling.hpp"
#include "scores/scoring.hpp"
#include "video.hpp"

namespace tinymlp::player {

// Where the time of a frame, or of all, goes; of the steady clock, less what reading it takes.
struct frame_time {
  double decode_ns = 0;   // both pictures
  double features_ns = 0; // libvmaf's extractors, and luma into their pictures
  double fetch_ns = 0;    // asking libvmaf for the features, once they are there
  double scoring_ns = 0;  // the network
  double predict_ns = 0;  // libvmaf's predictor, which is not part of total_ns()

  double total_ns() const noexcept { return decode_ns + features_ns + fetch_ns + scoring_ns; }
  double scoring_share() const noexcept { return scoring_ns / total_ns(); }
  frame_time& operator+=(const frame_time& other) noexcept;
};

struct played_frame {
  std::int64_t number = 0;
  double at_s = 0; // NaN where the reference does not tell
  vmaf::features features;
  float score = 0;           // clipped
  double mean = 0;           // of the scores up to here
  std::optional<double> own; // libvmaf's own score
  frame_time time;
};

// What is known of the frames played so far.
struct play_summary {
  std::uint64_t frames = 0, not_finite = 0;
  tools::pooling score, own;
  tools::agreement agreement; // score against libvmaf's own
  double difference_sum = 0;  // score less libvmaf's own
  double worst = 0;           // the largest of them by size, with its sign
  std::int64_t worst_frame = 0;
  frame_time time; // of all frames together
  // What each predictor took of each frame, compared frames only; libvmaf itself keeps more of
  // each.
  std::vector<double> ours_ns,
      own_ns; // with the fetching of the features, which libvmaf's does, too

  double mean_difference() const noexcept {
    return difference_sum / static_cast<double>(agreement.count());
  }
};

// The value in the middle; of at least one.
double median(std::vector<double> values);

// What the loop hands on to whoever shows it.
class frame_sink {
public:
  virtual ~frame_sink() = default;
  virtual void frame(const played_frame& frame) = 0;
  virtual void note(const std::string& text) = 0;
};

class playback {
public:
  // `compare`: libvmaf's own model predicts, too.
  playback(const std::string& reference, const std::string& distorted, const tools::model& network,
           const pairing_options& options, bool compare, frame_sink& sink);

  // Plays to the end, or until a signal asks to end (system/interrupts.hpp). Throws failure where
  // the files cannot be compared any further, once all frames before that have been scored.
  void play();

  const play_summary& summary() const noexcept { return summary_; }
  const luma_form& form() const noexcept { return pairing_.form(); }
  const video& reference() const noexcept { return reference_; }
  // One warning on standard error of frames outside the verified region, if there were any.
  void report_warnings() const;

private:
  void play_pairs();
  void extract(const AVFrame& reference, const AVFrame& distorted);
  void note_conversion(const video& file, const AVFrame& picture, const luma_writer& writer) const;
  float fetch();
  void complete(std::optional<float> motion2);
  void predict(played_frame& frame);
  void score(played_frame& frame);
  void emit(const played_frame& frame);

  const tools::model& network_;
  bool compare_;
  frame_sink& sink_;
  video reference_, distorted_;
  pairing pairing_;
  std::optional<luma_writer> reference_luma_, distorted_luma_;
  feature_extractors extractors_;
  vmaf::motion2_stream motion2_;
  unsigned extracted_ = 0;        // pairs
  played_frame latest_, waiting_; // the pair extracted last; the one that waits for its motion2
  play_summary summary_;
  tools::region_check region_;
};

} // namespace tinymlp::player
