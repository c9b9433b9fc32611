#include "logs/frame_stream.hpp"

#include <algorithm>

#include "logs/own_score.hpp"
#include "system/failure.hpp"
#include "system/text.hpp"

namespace tinymlp::tools {

void refuse_value(std::string_view key, std::string_view text, number_status why,
                  std::string_view where) {
  constexpr std::size_t longest = 40;
  const std::string shown = text.empty() ? "empty" : fmt::format("'{}'", printable(text, longest));
  fail("{}: {} is {}, {}", where, key, shown,
       why == number_status::out_of_range ? "outside the range of float32" : "not a number");
}

frame_stream::frame_stream(std::string file, std::function<std::uint64_t()> line,
                           log_options options, row_sink& sink)
    : file_(std::move(file)), line_(std::move(line)), options_(std::move(options)), sink_(sink) {}

std::string frame_stream::where() const {
  return fmt::format("{}:{}: frame {}", file_, line_(), number_);
}

// A log repeats its keys, mostly in the same order: the one that followed last time is tried first.
std::size_t frame_stream::find(std::string_view key) {
  std::size_t at = expected_;
  if (at >= seen_.size() || seen_[at].name != key) {
    at = 0;
    while (at < seen_.size() && seen_[at].name != key) ++at;
  }
  if (at < seen_.size()) {
    expected_ = at;
    return seen_[at].index;
  }
  const bool wanted = is_feature_key(key) || is_own_score_key(key, options_.own_score);
  const std::size_t index = wanted ? enter(key) : unwanted;
  if (at < most_seen) seen_.push_back({std::string(key), index});
  return index;
}

std::size_t frame_stream::enter(std::string_view key) {
  // Keys with made-up suffixes could otherwise cost memory without bound.
  if (keys_.size() == most_keys) fail("{}: more than {} different feature keys", file_, most_keys);
  keys_.push_back({.name = std::string(key)});
  if (is_chosen_ && !late_key_)
    late_key_ = fmt::format("{} (frame {})", printable(key, 80), number_);
  return keys_.size() - 1;
}

void frame_stream::begin_frame() {
  ++frames_;
  number_ = 0;
  expected_ = 0;
  if (is_chosen_) {
    row_.vmaf = std::numeric_limits<double>::quiet_NaN();
  } else {
    frame_line_ = line_();
    values_.assign(keys_.size(), 0);
  }
}

void frame_stream::add_value(std::string_view key, std::string_view text) {
  const std::size_t at = find(key);
  ++expected_;
  if (at == unwanted) return;
  known_key& known = keys_[at];
  if (known.last_frame == frames_) fail("{}: the key {} occurs twice", where(), key);
  known.last_frame = frames_;
  const parsed_number number = parse_float32(text);
  if (number.status != number_status::ok) refuse_value(key, text, number.status, where());
  if (!is_chosen_) {
    values_.resize(keys_.size());
    values_[at] = number.value;
  } else if (known.slot < feature_count) {
    row_.features[known.slot] = static_cast<float>(number.value);
  } else if (known.slot == own_slot) {
    row_.vmaf = number.value;
  }
}

void frame_stream::refuse_missing(std::uint64_t line, std::int64_t frame, std::size_t key) const {
  fail("{}:{}: frame {} has no {}", file_, line, frame, keys_[key].name);
}

void frame_stream::end_frame() {
  if (is_chosen_) {
    for (const std::size_t key : chosen_)
      if (keys_[key].last_frame != frames_) refuse_missing(line_(), number_, key);
    row_.frame = number_;
    sink_.row(row_);
    return;
  }
  std::vector<bool> present(keys_.size());
  for (std::size_t k = 0; k < keys_.size(); ++k) present[k] = keys_[k].last_frame == frames_;
  held_.push_back({number_, frame_line_, values_, std::move(present)});
  if (held_.size() == held_frames) choose();
}

void frame_stream::choose() {
  std::vector<std::string> names;
  for (const known_key& key : keys_) names.push_back(key.name);
  const key_choice choice = choose_feature_keys(names, options_.feature_suffix, file_);
  const own_score_choice own =
      choose_own_score(names, options_.own_score, description_.model, choice, file_);
  chosen_ = choice.features;
  for (std::size_t f = 0; f < feature_count; ++f) {
    description_.keys[f] = names[choice.features[f]];
    keys_[choice.features[f]].slot = f;
  }
  describe_own_score(own, names, description_);
  if (own.key) keys_[*own.key].slot = own_slot;
  for (const auto* notes : {&choice.notes, &own.notes})
    for (const std::string& note : *notes) sink_.note(note);
  is_chosen_ = true;
  hand_on_held();
}

void frame_stream::hand_on_held() {
  for (const std::size_t key : chosen_)
    for (const held_frame& frame : held_)
      if (key >= frame.present.size() || !frame.present[key])
        refuse_missing(frame.line, frame.number, key);
  sink_.begin(description_);
  for (const held_frame& frame : held_) {
    log_row row;
    row.frame = frame.number;
    for (std::size_t k = 0; k < frame.values.size(); ++k) {
      if (!frame.present[k]) continue;
      if (keys_[k].slot < feature_count)
        row.features[keys_[k].slot] = static_cast<float>(frame.values[k]);
      else if (keys_[k].slot == own_slot)
        row.vmaf = frame.values[k];
    }
    sink_.row(row);
  }
  held_ = {};
}

void frame_stream::idle() {
  if (options_.live && !held_.empty()) choose();
  sink_.idle();
}

void frame_stream::end() {
  if (frames_ == 0) fail("{}: the log has no frames", file_);
  if (!is_chosen_) choose();
  if (late_key_)
    sink_.note(fmt::format("the key {} is not used: keys are chosen from the first {} frames",
                           *late_key_, held_frames));
}

} // namespace tinymlp::tools
