#include "logs/feature_rows.hpp"

#include <algorithm>
#include <optional>
#include <unordered_map>

#include <tinymlp/vmaf.hpp>

#include "system/failure.hpp"
#include "logs/csv_lines.hpp"
#include "logs/frame_stream.hpp"
#include "logs/number.hpp"
#include "system/text.hpp"

namespace tinymlp::tools {

namespace {

std::string column_name(const feature_group& group, std::size_t index) {
  return group.count == 1 ? group.name : fmt::format("{}.{}", group.name, index);
}

bool is_number(std::string_view text) {
  return parse_number(text).status != number_status::not_a_number;
}

std::size_t column_count(std::span<const feature_group> groups) {
  std::size_t count = 0;
  for (const feature_group& group : groups) count += group.count;
  return count;
}

// "obs (45), state (1)"
std::string groups_text(std::span<const feature_group> groups) {
  std::string text;
  for (const feature_group& group : groups)
    text +=
        fmt::format("{}{} ({})", text.empty() ? "" : ", ", printable(group.name, 80), group.count);
  return text;
}

} // namespace

std::vector<feature_group> feature_groups(const onnx::plan& plan) {
  std::vector<feature_group> groups;
  for (const onnx::input_slice& input : std::span(plan.graph_inputs).first(plan.input_count))
    groups.push_back({std::string(input.name), input.first, input.count, input.used});
  return groups;
}

feature_columns::feature_columns(std::span<const feature_group> groups,
                                 std::span<const std::string_view> first, const std::string& where)
    : cells_(first.size()) {
  for (const feature_group& group : groups)
    for (std::size_t i = 0; group.used && i < group.count; ++i)
      names_.push_back(column_name(group, i));
  const std::size_t wanted = column_count(groups);
  has_header_ = !std::all_of(first.begin(), first.end(), is_number);
  if (has_header_) {
    if (take_names(names_, first, where)) return;
    const std::vector<std::string> frames(vmaf::feature_names.begin(), vmaf::feature_names.end());
    if (names_.size() == frames.size() && take_names(frames, first, where)) return;
    if (groups.size() == 1 && cells_ == wanted) {
      for (const std::string_view cell : first)
        if (is_number(cell))
          fail("{}: some cells are numbers ({}) and some are not: neither a row nor a header. Mend "
               "the row, or name the columns {}{}",
               where, printable(cell, 80), printable(names_.front(), 80),
               names_.size() > 1 ? ", " + printable(names_[1], 80) + ", ..." : std::string());
      take_positions(groups);
      return;
    }
    fail("{}: the header names none of the network's inputs {}: their columns are called {}{}",
         where, groups_text(groups), printable(names_.front(), 80),
         names_.size() > 1 ? ", " + printable(names_[1], 80) + ", ..." : std::string());
  }
  if (cells_ != wanted)
    fail("{}: {} column{}, and the network's inputs are {}: {} in all", where, cells_,
         cells_ == 1 ? "" : "s", groups_text(groups), wanted);
  take_positions(groups);
}

void feature_columns::take_positions(std::span<const feature_group> groups) {
  columns_.resize(names_.size());
  std::size_t column = 0;
  for (const feature_group& group : groups)
    for (std::size_t i = 0; i < group.count; ++i, ++column)
      if (group.used) columns_[group.first + i] = column;
}

// False where the header has none of the names.
bool feature_columns::take_names(std::span<const std::string> wanted,
                                 std::span<const std::string_view> header,
                                 const std::string& where) {
  std::unordered_map<std::string_view, std::size_t> feature_of;
  for (std::size_t i = 0; i < wanted.size(); ++i) feature_of.emplace(wanted[i], i);
  std::vector<std::optional<std::size_t>> found(wanted.size());
  std::size_t count = 0;
  for (std::size_t column = 0; column < header.size(); ++column) {
    std::string_view name = header[column];
    auto feature = feature_of.find(name);
    if (feature == feature_of.end() && name.ends_with(".0")) { // x.0 for the only column of x
      name.remove_suffix(2);
      feature = feature_of.find(name);
    }
    if (feature == feature_of.end()) continue;
    if (found[feature->second])
      fail("{}: columns {} and {} are both {}", where, *found[feature->second] + 1, column + 1,
           printable(name, 80));
    found[feature->second] = column;
    ++count;
  }
  if (count == 0) return false;
  columns_.clear();
  for (std::size_t i = 0; i < wanted.size(); ++i) {
    if (!found[i])
      fail("{}: no column {}: of the network's {} features, {} {} named", where,
           printable(wanted[i], 80), wanted.size(), count, count == 1 ? "is" : "are");
    columns_.push_back(*found[i]);
  }
  names_.assign(wanted.begin(), wanted.end());
  return true;
}

namespace {

void take_row(const std::vector<std::string_view>& cells, const feature_columns& layout,
              const std::string& where, std::vector<float>& row) {
  if (cells.size() != layout.cells())
    fail("{}: the row has {} column{}, the first line {}", where, cells.size(),
         cells.size() == 1 ? "" : "s", layout.cells());
  for (std::size_t i = 0; i < row.size(); ++i) {
    const std::size_t column = layout.columns()[i];
    const parsed_number number = parse_float32(cells[column]);
    if (number.status != number_status::ok)
      refuse_value(fmt::format("column {} ({})", column + 1, printable(layout.name(i), 80)),
                   cells[column], number.status, where);
    row[i] = static_cast<float>(number.value);
  }
}

} // namespace

void read_feature_rows(byte_source& source, std::span<const feature_group> groups,
                       feature_sink& sink) {
  if (source.peek(3) == "\xEF\xBB\xBF") { // a byte-order mark
    char mark[3];
    static_cast<void>(source.read(mark));
  }
  constexpr std::size_t shortest = std::size_t{1} << 20, cell = 64;
  line_reader lines(
      source, [&sink] { sink.idle(); }, std::max(shortest, column_count(groups) * cell));
  std::optional<feature_columns> layout;
  std::string_view line;
  std::vector<std::string_view> cells;
  std::vector<float> row;
  std::uint64_t rows = 0;
  bool blank = false;
  while (lines.next(line)) {
    if (trim(line).empty()) {
      blank = true;
      continue;
    }
    if (blank && layout) fail("{}: a row after an empty line", lines.where());
    split(line, cells, lines);
    if (!layout) {
      layout.emplace(groups, cells, lines.where());
      row.resize(layout->columns().size());
      blank = false;
      if (layout->has_header()) continue;
    }
    take_row(cells, *layout, lines.where(), row);
    sink.row(row, lines.where());
    ++rows;
  }
  if (!layout) fail("{}: empty: a CSV of rows of features is expected", source.name());
  if (rows == 0) fail("{}: no rows after the header", source.name());
  if (lines.ended_bare())
    sink.note(fmt::format("line {} has no newline at its end: make sure that it is not cut off",
                          lines.number()));
}

} // namespace tinymlp::tools
