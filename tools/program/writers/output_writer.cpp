#include "writers/output_writer.hpp"

#include <algorithm>
#include <cmath>
#include <iterator>

namespace tinymlp::tools {

namespace {

constexpr std::size_t block_floats = std::size_t{1} << 18; // features or outputs held at once
constexpr std::size_t most_block_rows = 1024;
constexpr std::size_t plot_buckets = 1024; // about one a pixel of the plot's width

// A CSV cell; quoted where it must be.
std::string csv_cell(const std::string& text) {
  if (text.find_first_of(",\"\r\n") == std::string::npos) return text;
  std::string out = "\"";
  for (const char c : text) out += c == '"' ? "\"\"" : std::string(1, c);
  return out + '"';
}

std::vector<std::string> output_names(const model_description& network) {
  const std::string& name = network.output_name;
  if (network.outputs == 1) return {name};
  std::vector<std::string> names;
  for (std::size_t i = 0; i < network.outputs; ++i) names.push_back(fmt::format("{}.{}", name, i));
  return names;
}

} // namespace

output_writer::output_writer(const model& network, const byte_source& source, bool as_json,
                             std::size_t plotted, atomic_file& out)
    : network_(network), inputs_(network.description().inputs),
      outputs_(network.description().outputs), as_json_(as_json), source_(source), out_(out),
      names_(output_names(network.description())) {
  const std::size_t widest = std::max(inputs_, outputs_);
  block_rows_ = std::clamp<std::size_t>(block_floats / widest, 1, most_block_rows);
  series_.assign(std::min(outputs_, plotted), series(plot_buckets));
  if (!as_json_) write_header();
}

void output_writer::row(std::span<const float> features, const std::string&) {
  features_.insert(features_.end(), features.begin(), features.end());
  if (features_.size() == block_rows_ * inputs_) run_block();
}

void output_writer::note(const std::string& text) {
  progress_.clear();
  print_message("note", fmt::format("{}: {}", source_.name(), text));
}

void output_writer::idle() {
  run_block();
  out_.flush();
}

void output_writer::end() {
  run_block();
  progress_.clear();
}

void output_writer::report_warnings() const {
  if (not_finite_ > 0)
    print_message("warning",
                  fmt::format("{}: {} of {} rows have an output that is not finite, because of "
                              "NaN, infinite or huge features",
                              source_.name(), not_finite_, rows_));
}

void output_writer::write_header() {
  line_.clear();
  fmt::format_to(std::back_inserter(line_), "row");
  for (const std::string& name : names_)
    fmt::format_to(std::back_inserter(line_), ",{}", csv_cell(name));
  line_.push_back('\n');
  out_.write({line_.data(), line_.size()});
}

void output_writer::run_block() {
  if (features_.empty()) return;
  const std::size_t count = features_.size() / inputs_;
  values_.resize(count * outputs_);
  network_.score(features_, values_);
  for (std::size_t r = 0; r < count; ++r)
    write_row(std::span(values_).subspan(r * outputs_, outputs_));
  features_.clear();
  progress_.update(rows_, source_.position(), source_.size());
}

void output_writer::write_row(std::span<const float> values) {
  bool finite = true;
  for (const float value : values) finite = finite && std::isfinite(value);
  not_finite_ += finite ? 0 : 1;
  for (std::size_t i = 0; i < series_.size(); ++i)
    series_[i].add({.frame = static_cast<std::int64_t>(rows_), .score = values[i]});
  line_.clear();
  const auto to = std::back_inserter(line_);
  if (as_json_)
    fmt::format_to(to, "{{\"row\":{},\"output\":{}", rows_, outputs_ == 1 ? "" : "[");
  else
    fmt::format_to(to, "{}", rows_);
  for (std::size_t i = 0; i < values.size(); ++i) {
    if (!as_json_ || i > 0) line_.push_back(',');
    write_number(values[i]);
  }
  fmt::format_to(to, "{}", as_json_ ? outputs_ == 1 ? "}\n" : "]}\n" : "\n");
  out_.write({line_.data(), line_.size()});
  ++rows_;
}

// 9 significant digits, from which every float32 reads back.
void output_writer::write_number(float value) {
  const auto to = std::back_inserter(line_);
  if (std::isnan(value))
    fmt::format_to(to, "{}", as_json_ ? "null" : "nan");
  else if (as_json_ && std::isinf(value))
    fmt::format_to(to, "null");
  else
    fmt::format_to(to, "{:.9g}", value);
}

} // namespace tinymlp::tools
