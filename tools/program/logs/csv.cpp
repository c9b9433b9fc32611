// CSV with named columns: libvmaf's own (Frame,...,) and anyone's. One row at a time, in constant
// memory.
#include <span>
#include <string_view>
#include <vector>

#include "system/failure.hpp"
#include "logs/csv_lines.hpp"
#include "logs/frame_stream.hpp"
#include "logs/log_reader.hpp"
#include "logs/own_score.hpp"

namespace tinymlp::tools {

namespace {

// What the header says: where to find what a row needs.
struct csv_layout {
  std::size_t cells = 0;
  bool trailing_comma = false;
  std::array<std::size_t, feature_count> features{};
  std::optional<std::size_t> own; // the log's own score
  std::optional<std::size_t> frame;
  std::string header;
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
    // "n" is ffmpeg-quality-metrics'.
    if (names[i] != "Frame" && names[i] != "frame" && names[i] != "frameNum" && names[i] != "n")
      continue;
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
  const own_score_choice own =
      choose_own_score(names, options.own_score, "", choice, lines.where());

  csv_layout layout;
  layout.cells = names.size();
  layout.trailing_comma = names.size() > 1 && names.back().empty();
  layout.features = choice.features;
  layout.own = own.key;
  layout.frame = find_frame_column(names, lines);
  layout.header = line;
  description.format = layout.trailing_comma && names.front() == "Frame" ? "libvmaf CSV" : "CSV";
  for (std::size_t f = 0; f < feature_count; ++f) description.keys[f] = names[choice.features[f]];
  describe_own_score(own, names, description);
  for (const auto* notes : {&choice.notes, &own.notes})
    for (const std::string& note : *notes) sink.note(note);
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
  if (layout.own) row.vmaf = value(description.own_key, *layout.own);
  return row;
}

} // namespace

void read_csv_log(byte_source& source, const log_options& options, row_sink& sink) {
  line_reader lines(source, [&sink] { sink.idle(); });
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
    if (line == layout.header)
      fail("{}: the header once more: logs put one behind the other are scored one by one",
           lines.where());
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

} // namespace tinymlp::tools
