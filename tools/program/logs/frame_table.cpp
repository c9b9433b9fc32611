#include "logs/frame_table.hpp"

#include <algorithm>

#include "system/failure.hpp"
#include "system/text.hpp"

namespace tinymlp::tools {

line_index::line_index(std::string_view text) {
  for (std::size_t at = text.find('\n'); at != std::string_view::npos; at = text.find('\n', at + 1))
    newlines_.push_back(at);
}

std::size_t line_index::line_of(std::size_t offset) const {
  const auto next = std::lower_bound(newlines_.begin(), newlines_.end(), offset);
  return static_cast<std::size_t>(next - newlines_.begin()) + 1;
}

void refuse_value(std::string_view key, std::string_view text, number_status why,
                  std::string_view where) {
  constexpr std::size_t longest = 40;
  const std::string shown = text.empty() ? "empty" : fmt::format("'{}'", printable(text, longest));
  fail("{}: {} is {}, {}", where, key, shown,
       why == number_status::out_of_range ? "outside the range of float32" : "not a number");
}

void frame_table::add_frame(std::int64_t number, std::size_t line) {
  frames_.push_back({number, line});
}

frame_table::column& frame_table::column_of(std::string_view key) {
  const auto found = std::find(keys_.begin(), keys_.end(), key);
  if (found != keys_.end()) return columns_[static_cast<std::size_t>(found - keys_.begin())];
  // Keys with made-up suffixes could otherwise cost memory without bound.
  constexpr std::size_t most_keys = 256;
  if (keys_.size() == most_keys) fail("{}: more than {} different feature keys", file_, most_keys);
  keys_.emplace_back(key);
  return columns_.emplace_back();
}

void frame_table::add_value(std::string_view key, std::string_view text, std::size_t line) {
  const auto where = [&] {
    return fmt::format("{}:{}: frame {}", file_, line, frames_.back().number);
  };
  column& c = column_of(key);
  if (c.values.size() == frames_.size()) fail("{}: the key {} occurs twice", where(), key);
  const parsed_number number = parse_float32(text);
  if (number.status != number_status::ok) refuse_value(key, text, number.status, where());
  c.values.resize(frames_.size() - 1);
  c.present.resize(frames_.size() - 1);
  c.values.push_back(number.value);
  c.present.push_back(true);
}

void frame_table::check_present(std::size_t column_index) const {
  const std::vector<bool>& present = columns_[column_index].present;
  std::size_t i =
      static_cast<std::size_t>(std::find(present.begin(), present.end(), false) - present.begin());
  if (i == frames_.size()) return;
  fail("{}:{}: frame {} has no {}", file_, frames_[i].line, frames_[i].number, keys_[column_index]);
}

void frame_table::emit(log_description description, const log_options& options,
                       row_sink& sink) const {
  if (frames_.empty()) fail("{}: the log has no frames", file_);
  const key_choice choice = choose_feature_keys(keys_, options.feature_suffix, file_);
  for (std::size_t f = 0; f < feature_count; ++f) description.keys[f] = keys_[choice.features[f]];
  description.has_vmaf = choice.vmaf.has_value();
  for (const std::string& note : choice.notes) sink.note(note);
  for (const std::size_t column_index : choice.features) check_present(column_index);

  const column* own = choice.vmaf ? &columns_[*choice.vmaf] : nullptr;
  sink.begin(description);
  for (std::size_t i = 0; i < frames_.size(); ++i) {
    log_row row;
    row.frame = frames_[i].number;
    for (std::size_t f = 0; f < feature_count; ++f)
      row.features[f] = static_cast<float>(columns_[choice.features[f]].values[i]);
    if (own != nullptr && i < own->present.size() && own->present[i]) row.vmaf = own->values[i];
    sink.row(row);
  }
}

} // namespace tinymlp::tools
