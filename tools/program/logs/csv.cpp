// CSV with named columns: libvmaf's own (Frame,...,) and anyone's. One row at a time, in constant
// memory.
#include <algorithm>
#include <cstring>
#include <span>
#include <string_view>
#include <vector>

#include "failure.hpp"
#include "logs/frame_table.hpp"
#include "logs/log_reader.hpp"

namespace tinymlp::tools {

namespace {

constexpr std::size_t longest_line = std::size_t{1} << 20;

class line_reader {
public:
  explicit line_reader(byte_source& source, row_sink* idles = nullptr)
      : source_(source), idles_(idles), buffer_(longest_line + 2) {}

  // The next line without its LF or CRLF; false at the end. Valid until the next call.
  bool next(std::string_view& line) {
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

  std::size_t number() const noexcept { return number_; }
  // Whether the line handed out last had no newline: it is the last, and may be cut off.
  bool ended_bare() const noexcept { return ended_bare_; }

  std::string where() const { return fmt::format("{}:{}", source_.name(), number_); }

private:
  bool find_newline(std::size_t& length) {
    const void* found = std::memchr(buffer_.data() + searched_, '\n', end_ - searched_);
    searched_ = end_;
    if (found == nullptr) return false;
    length = static_cast<std::size_t>(static_cast<const char*>(found) - buffer_.data()) - begin_;
    return true;
  }

  bool fill() {
    if (begin_ > 0) {
      std::memmove(buffer_.data(), buffer_.data() + begin_, end_ - begin_);
      end_ -= begin_;
      searched_ -= begin_;
      begin_ = 0;
    }
    if (end_ == buffer_.size())
      fail("{}:{}: a line of more than {} bytes", source_.name(), number_ + 1, longest_line);
    if (idles_ != nullptr && source_.would_block()) idles_->idle();
    const std::size_t got = source_.read(std::span(buffer_).subspan(end_));
    end_ += got;
    return got > 0;
  }

  byte_source& source_;
  row_sink* idles_; // told when more rows may take a while, or null
  std::vector<char> buffer_;
  std::size_t begin_ = 0, searched_ = 0, end_ = 0;
  std::size_t number_ = 0;
  bool ended_bare_ = false;
};

std::string_view trim(std::string_view text) {
  const std::size_t first = text.find_first_not_of(" \t");
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(" \t") - first + 1);
}

// The end of a quoted cell that starts at the front of `text`; a doubled quote stands for one.
std::size_t find_closing_quote(std::string_view text) {
  for (std::size_t at = text.find('"', 1); at != std::string_view::npos;
       at = text.find('"', at + 2))
    if (at + 1 == text.size() || text[at + 1] != '"') return at;
  return std::string_view::npos;
}

// Splits at commas; a cell may be quoted. libvmaf's trailing comma gives a last, empty cell.
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

// What the header says: where to find what a row needs.
struct csv_layout {
  std::size_t cells = 0;
  bool trailing_comma = false;
  std::array<std::size_t, feature_count> features{};
  std::optional<std::size_t> vmaf;
  std::optional<std::size_t> frame;
};

void refuse_headless(std::span<const std::string_view> cells, const line_reader& lines) {
  if (parse_number(cells.front()).status != number_status::not_a_number)
    fail("{}: the first line must name the columns (adm2,vif_scale0,...), but starts with a number",
         lines.where());
  if (cells.size() == 1 && cells.front().find_first_of(";\t") != std::string_view::npos)
    fail("{}: the columns must be separated by commas", lines.where());
}

std::optional<std::size_t> find_frame_column(std::span<const std::string> names,
                                             const line_reader& lines) {
  std::optional<std::size_t> found;
  for (std::size_t i = 0; i < names.size(); ++i) {
    if (names[i] != "Frame" && names[i] != "frame" && names[i] != "frameNum") continue;
    if (found)
      fail("{}: two columns of frame numbers: {} and {}", lines.where(), names[*found], names[i]);
    found = i;
  }
  return found;
}

csv_layout read_header(std::string_view line, const line_reader& lines, const log_options& options,
                       log_description& description, row_sink& sink) {
  if (line.find('\r') != std::string_view::npos)
    fail("{}: a carriage return inside the line; lines must end in LF or CRLF", lines.where());
  std::vector<std::string_view> cells;
  split(line, cells, lines);
  refuse_headless(cells, lines);
  const std::vector<std::string> names(cells.begin(), cells.end());
  const key_choice choice = choose_feature_keys(names, options.feature_suffix, lines.where());

  csv_layout layout;
  layout.cells = names.size();
  layout.trailing_comma = names.size() > 1 && names.back().empty();
  layout.features = choice.features;
  layout.vmaf = choice.vmaf;
  layout.frame = find_frame_column(names, lines);
  description.format = layout.trailing_comma && names.front() == "Frame" ? "libvmaf CSV" : "CSV";
  for (std::size_t f = 0; f < feature_count; ++f) description.keys[f] = names[choice.features[f]];
  description.has_vmaf = choice.vmaf.has_value();
  for (const std::string& note : choice.notes) sink.note(note);
  return layout;
}

// libvmaf leaves out a value that it did not compute, comma and all, which shifts the rest of the
// row: a row of another count than the header's cannot be read by position.
void check_count(const std::vector<std::string_view>& cells, const csv_layout& layout,
                 const line_reader& lines) {
  const bool closed = !layout.trailing_comma || cells.back().empty();
  if (cells.size() == layout.cells && closed) return;
  const std::size_t trailing = layout.trailing_comma ? 1 : 0;
  const std::size_t values = cells.size() - (closed ? trailing : 0);
  if (values == layout.cells - trailing)
    fail("{}: the row does not end in a comma as the header does", lines.where());
  fail("{}: the row has {} value{}, the header names {}", lines.where(), values,
       values == 1 ? "" : "s", layout.cells - trailing);
}

log_row parse_row(const std::vector<std::string_view>& cells, const csv_layout& layout,
                  const log_description& description, std::int64_t count,
                  const line_reader& lines) {
  const auto value = [&](std::string_view key, std::size_t column) {
    const parsed_number number = parse_float32(cells[column]);
    if (number.status != number_status::ok)
      refuse_value(key, cells[column], number.status, lines.where());
    return number.value;
  };
  log_row row;
  row.frame = count;
  if (layout.frame) {
    const std::optional<std::int64_t> number = parse_frame_number(cells[*layout.frame]);
    if (!number) fail("{}: the frame number is not a whole number from 0 up", lines.where());
    row.frame = *number;
  }
  for (std::size_t f = 0; f < feature_count; ++f)
    row.features[f] = static_cast<float>(value(description.keys[f], layout.features[f]));
  if (layout.vmaf) row.vmaf = value("vmaf", *layout.vmaf);
  return row;
}

} // namespace

void read_csv_log(byte_source& source, const log_options& options, row_sink& sink) {
  line_reader lines(source, &sink);
  std::string_view line;
  while (lines.next(line) && trim(line).empty()) {
  }
  log_description description;
  const csv_layout layout = read_header(line, lines, options, description, sink);
  sink.begin(description);

  std::vector<std::string_view> cells;
  std::int64_t count = 0;
  bool blank = false;
  while (lines.next(line)) {
    if (trim(line).empty()) {
      blank = true;
      continue;
    }
    if (blank) fail("{}: a row after an empty line", lines.where());
    split(line, cells, lines);
    check_count(cells, layout, lines);
    sink.row(parse_row(cells, layout, description, count++, lines));
  }
  if (count == 0) fail("{}: no rows after the header", source.name());
  // A row cut off inside its last number reads as another number; a trailing comma would tell.
  if (lines.ended_bare() && !layout.trailing_comma)
    sink.note(fmt::format("line {} has no newline at its end: make sure that it is not cut off",
                          lines.number()));
}

void read_csv_table(byte_source& source, std::size_t columns, const table_row& row) {
  line_reader lines(source);
  std::string_view line;
  std::vector<std::string_view> cells;
  std::vector<float> values(columns);
  std::size_t count = 0;
  for (bool header = true; lines.next(line); header = false) {
    split(line, cells, lines);
    if (header) refuse_headless(cells, lines);
    if (cells.size() != columns)
      fail("{}: {} column{}, and the network has {} features", lines.where(), cells.size(),
           cells.size() == 1 ? "" : "s", columns);
    if (header) continue;
    for (std::size_t i = 0; i < columns; ++i) {
      const parsed_number number = parse_float32(cells[i]);
      if (number.status != number_status::ok)
        refuse_value(fmt::format("column {}", i + 1), cells[i], number.status, lines.where());
      values[i] = static_cast<float>(number.value);
    }
    row(values, lines.where());
    ++count;
  }
  if (count == 0) fail("{}: no rows after the header", source.name());
}

} // namespace tinymlp::tools
