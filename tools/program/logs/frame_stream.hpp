// The frames of a log whose keys stand beside every value (JSON, XML): the keys are chosen from its
// first frames, and from then on rows are handed on one by one, in constant memory.
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <limits>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "logs/log_reader.hpp"
#include "logs/number.hpp"

namespace tinymlp::tools {

class frame_stream {
public:
  // `file` starts every message; `line` tells where the reader stands, for messages.
  frame_stream(std::string file, std::function<std::uint64_t()> line, log_options options,
               row_sink& sink);

  // What the log says of itself, as far as it has been read when the first rows are handed on.
  log_description& description() noexcept { return description_; }
  const log_options& options() const noexcept { return options_; }

  void begin_frame();
  // May come after its values.
  void number_frame(std::int64_t number) noexcept { number_ = number; }
  // A value of the frame under any key; one that cannot be a score or a feature, nor is asked for,
  // is passed over. Throws failure for text that is not a number, for one outside float32's range,
  // and for a key seen twice in the frame.
  void add_value(std::string_view key, std::string_view text);
  // Whether add_value would look at it.
  bool wants(std::string_view key) { return find(key) != unwanted; }
  // Instead of add_value, for a key that is not wanted.
  void pass_over() noexcept { ++expected_; }
  // Throws failure where one of the chosen keys is missing.
  void end_frame();
  // More frames may take a while.
  void idle();
  // After the last frame. Throws failure for a log without frames.
  void end();

private:
  static constexpr std::size_t held_frames = 512, most_keys = 256, most_seen = 1024;
  static constexpr std::size_t unwanted = static_cast<std::size_t>(-1);
  static constexpr std::size_t own_slot = feature_count, no_slot = own_slot + 1;

  struct held_frame {
    std::int64_t number;
    std::uint64_t line;
    std::vector<double> values;
    std::vector<bool> present;
  };
  struct known_key {
    std::string name;
    std::uint64_t last_frame = 0; // that had it, from 1
    std::size_t slot = no_slot;   // in the row, once keys are chosen
  };

  std::size_t find(std::string_view key);
  std::size_t enter(std::string_view key);
  void choose();
  void hand_on_held();
  std::string where() const;
  [[noreturn]] void refuse_missing(std::uint64_t line, std::int64_t frame, std::size_t key) const;

  std::string file_;
  std::function<std::uint64_t()> line_;
  log_options options_;
  row_sink& sink_;
  log_description description_;
  std::vector<known_key> keys_;
  struct seen_key {
    std::string name;
    std::size_t index; // in keys_, or unwanted
  };
  std::vector<seen_key> seen_;
  std::size_t expected_ = 0; // the key that followed the latest one in the frame before
  std::array<std::size_t, feature_count> chosen_{};
  bool is_chosen_ = false;
  std::vector<held_frame> held_;
  std::uint64_t frames_ = 0, frame_line_ = 0; // the line matters only while frames are held
  std::int64_t number_ = 0;
  std::vector<double> values_; // of the frame, by key, while keys are not chosen
  log_row row_;
  std::optional<std::string> late_key_; // that appeared too late to be chosen, to be told once
};

// Throws failure, saying what is wrong with the value.
[[noreturn]] void refuse_value(std::string_view key, std::string_view text, number_status why,
                               std::string_view where);

} // namespace tinymlp::tools
