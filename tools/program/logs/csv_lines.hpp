// Lines of a CSV and their cells: one line at a time, in constant memory.
#pragma once

#include <cstddef>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "system/byte_source.hpp"

namespace tinymlp::tools {

class line_reader {
public:
  // `idle` is told when more lines may take a while: the source is a pipe that is empty for now.
  explicit line_reader(byte_source& source, std::function<void()> idle = {},
                       std::size_t longest_line = std::size_t{1} << 20);

  // The next line without its LF or CRLF; false at the end. Valid until the next call. Throws
  // failure for a line that is too long and for a NUL byte.
  bool next(std::string_view& line);

  std::size_t number() const noexcept { return number_; }
  // Whether the line handed out last had no newline: it is the last, and may be cut off.
  bool ended_bare() const noexcept { return ended_bare_; }
  // "rows.csv:17"
  std::string where() const;

private:
  bool find_newline(std::size_t& length);
  bool fill();

  byte_source& source_;
  std::function<void()> idle_;
  std::vector<char> buffer_;
  std::size_t begin_ = 0, searched_ = 0, end_ = 0;
  std::size_t number_ = 0;
  bool ended_bare_ = false;
};

// Without blanks and tabs at its ends.
std::string_view trim(std::string_view text);

// Splits at commas; a cell may be quoted. A trailing comma gives a last, empty cell. Throws
// failure, naming line and cell, for quotes that are not closed.
void split(std::string_view line, std::vector<std::string_view>& cells, const line_reader& lines);

} // namespace tinymlp::tools
