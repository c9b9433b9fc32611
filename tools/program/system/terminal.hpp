// What changes when a person watches: colour, width, progress, and messages on standard error.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace tinymlp::tools {

// Whether the descriptor is a terminal that wants colour: NO_COLOR unset, TERM not "dumb".
bool wants_colour(int descriptor);
// Columns of the terminal at `descriptor`, else of COLUMNS, else 80; 40 to 160.
int text_columns(int descriptor);

// Paints text with an SGR code ("1;31"), or leaves it as it is.
class painter {
public:
  explicit painter(bool enabled) : enabled_(enabled) {}
  std::string paint(std::string_view code, std::string_view text) const;

private:
  bool enabled_;
};

// The text as it stands, on standard error; whether that succeeds has no further consequence.
void write_error(const std::string& text);

// A line "tinymlp: <kind>: <text>" on standard error; control characters in the text, which may
// come from a file, are shown as '?'. `kind` may be empty.
void print_message(std::string_view kind, std::string_view text);

// A line typed on the terminal without being shown. Throws failure where there is no terminal.
std::string ask_password(std::string_view prompt);

// Rows so far and their rate on standard error, and the share when the size is known: only when
// that is a terminal, and only once the work takes longer than a moment. Removed at the end.
class progress {
public:
  progress();
  progress(const progress&) = delete;
  progress& operator=(const progress&) = delete;
  ~progress() { clear(); }

  void update(std::uint64_t rows, std::uint64_t bytes, std::optional<std::uint64_t> total_bytes);
  void clear();

private:
  using clock = std::chrono::steady_clock;
  bool enabled_;
  bool shown_ = false;
  clock::time_point start_;
  clock::time_point next_;
};

} // namespace tinymlp::tools
