// The frames of a log that is held whole (JSON, XML), before its keys are chosen.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "logs/log_reader.hpp"
#include "logs/number.hpp"

namespace tinymlp::tools {

// Lines of a text by byte offset; both count as people do (line 1 first).
class line_index {
public:
  explicit line_index(std::string_view text);
  std::size_t line_of(std::size_t offset) const;

private:
  std::vector<std::size_t> newlines_;
};

class frame_table {
public:
  // `file` starts every message.
  explicit frame_table(std::string file) : file_(std::move(file)) {}

  // A frame, whose values follow. `line` is where it starts.
  void add_frame(std::int64_t number, std::size_t line);
  // Numbers the latest frame, where its number comes after the frame itself.
  void number_latest(std::int64_t number) { frames_.back().number = number; }
  // A value of the latest frame under a key for which is_score_key holds. Throws failure for text
  // that is not a number, for one outside float32's range, and for a key seen twice in the frame.
  void add_value(std::string_view key, std::string_view text, std::size_t line);

  // Chooses the keys, checks that every frame has them (throws failure at the first that does not),
  // then hands over the frames. A frame without "vmaf" has NaN there.
  void emit(log_description description, const log_options& options, row_sink& sink) const;

private:
  struct frame {
    std::int64_t number;
    std::size_t line;
  };
  struct column {
    std::vector<double> values;
    std::vector<bool> present; // as long as values
  };
  column& column_of(std::string_view key);
  void check_present(std::size_t column_index) const;

  std::string file_;
  std::vector<frame> frames_;
  std::vector<std::string> keys_;
  std::vector<column> columns_; // parallel to keys_
};

// Throws failure, saying what is wrong with the value.
[[noreturn]] void refuse_value(std::string_view key, std::string_view text, number_status why,
                               std::string_view where);

} // namespace tinymlp::tools
