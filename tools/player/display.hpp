// What a person sees of the frames as they are played, and of all of them at the end.
#pragma once

#include <chrono>
#include <string>

#include "playback.hpp"
#include "system/atomic_file.hpp"

namespace tinymlp::player {

// One line that changes on a terminal; elsewhere a line a frame.
class display {
public:
  enum class frames { one_line, lines, none };

  // `budget_ms`: how long a frame is shown; 0 where nothing tells.
  display(tools::atomic_file& out, frames how) : out_(out), how_(how) {}

  void budget(double budget_ms) noexcept { budget_ms_ = budget_ms; }
  void frame(const played_frame& frame);
  void summary(const std::string& text);
  // Makes room for a message.
  void clear();

private:
  using clock = std::chrono::steady_clock;

  tools::atomic_file& out_;
  frames how_;
  double budget_ms_ = 0;
  bool shown_ = false;
  clock::time_point next_;
};

// The summary as lines for people.
std::string summary_text(const playback& played, const std::string& distorted,
                         const tools::model& network);

} // namespace tinymlp::player
