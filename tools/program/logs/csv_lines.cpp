#include "logs/csv_lines.hpp"

#include <algorithm>
#include <cstring>
#include <utility>

#include "system/failure.hpp"

namespace tinymlp::tools {

line_reader::line_reader(byte_source& source, std::function<void()> idle, std::size_t longest_line)
    : source_(source), idle_(std::move(idle)), buffer_(longest_line + 2) {}

bool line_reader::next(std::string_view& line) {
  std::size_t length = 0;
  while (!find_newline(length)) {
    if (fill()) continue;
    if (begin_ == end_) return false;
    length = end_ - begin_;
    ended_bare_ = true;
    break;
  }
  ++number_;
  line = {buffer_.data() + begin_, length};
  begin_ = std::min(begin_ + length + 1, end_);
  searched_ = begin_;
  if (line.ends_with('\r')) line.remove_suffix(1);
  const std::size_t nul = line.find('\0');
  if (nul != std::string_view::npos) fail("{}: a NUL byte in column {}", where(), nul + 1);
  return true;
}

std::string line_reader::where() const { return fmt::format("{}:{}", source_.name(), number_); }

bool line_reader::find_newline(std::size_t& length) {
  const void* found = std::memchr(buffer_.data() + searched_, '\n', end_ - searched_);
  searched_ = end_;
  if (found == nullptr) return false;
  length = static_cast<std::size_t>(static_cast<const char*>(found) - buffer_.data()) - begin_;
  return true;
}

bool line_reader::fill() {
  if (begin_ > 0) {
    std::memmove(buffer_.data(), buffer_.data() + begin_, end_ - begin_);
    end_ -= begin_;
    searched_ -= begin_;
    begin_ = 0;
  }
  if (end_ == buffer_.size())
    fail("{}:{}: a line of more than {} bytes", source_.name(), number_ + 1, buffer_.size() - 2);
  if (idle_ && source_.would_block()) idle_();
  const std::size_t got = source_.read(std::span(buffer_).subspan(end_));
  end_ += got;
  return got > 0;
}

std::string_view trim(std::string_view text) {
  const std::size_t first = text.find_first_not_of(" \t");
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(" \t") - first + 1);
}

namespace {

// The end of a quoted cell that starts at the front of `text`; a doubled quote stands for one.
std::size_t find_closing_quote(std::string_view text) {
  for (std::size_t at = text.find('"', 1); at != std::string_view::npos;
       at = text.find('"', at + 2))
    if (at + 1 == text.size() || text[at + 1] != '"') return at;
  return std::string_view::npos;
}

} // namespace

void split(std::string_view line, std::vector<std::string_view>& cells, const line_reader& lines) {
  cells.clear();
  for (;;) {
    const std::size_t first = std::min(line.find_first_not_of(" \t"), line.size());
    std::size_t comma = 0;
    if (line.substr(first).starts_with('"')) {
      const std::size_t length = find_closing_quote(line.substr(first));
      if (length == std::string_view::npos)
        fail("{}: cell {}: a quote is not closed on its line", lines.where(), cells.size() + 1);
      cells.push_back(line.substr(first + 1, length - 1));
      comma = std::min(line.find_first_not_of(" \t", first + length + 1), line.size());
      if (comma < line.size() && line[comma] != ',')
        fail("{}: cell {}: text after a closing quote", lines.where(), cells.size());
    } else {
      comma = std::min(line.find(','), line.size());
      cells.push_back(trim(line.substr(0, comma)));
    }
    if (comma == line.size()) return;
    line.remove_prefix(comma + 1);
  }
}

} // namespace tinymlp::tools
