#include "network_file.hpp"

#include <algorithm>
#include <charconv>
#include <cstdio>
#include <fstream>
#include <iterator>
#include <random>
#include <set>
#include <stdexcept>
#include <utility>

#include <tinymlp/onnx.hpp>

namespace tinymlp::bench {

namespace {

namespace fs = std::filesystem;

std::vector<char> read_bytes(const fs::path& path) {
  std::ifstream file(path, std::ios::binary);
  if (!file) throw std::runtime_error(path.filename().string() + ": cannot be read");
  return {std::istreambuf_iterator<char>(file), {}};
}

std::vector<float> parse_line(std::string_view line, std::size_t number) {
  std::vector<float> values;
  for (const char *at = line.data(), *end = at + line.size(); at != end;) {
    float value = 0;
    const auto [rest, failure] = std::from_chars(at, end, value);
    if (failure != std::errc() || (rest != end && *rest != ','))
      throw std::runtime_error("inputs.csv: line " + std::to_string(number) + ": not a number");
    values.push_back(value);
    at = rest == end ? end : rest + 1;
  }
  return values;
}

[[noreturn]] void refuse(const error& why) {
  throw std::runtime_error(std::string(message(why.code)) + " (" + std::string(why.where) + ")");
}

template <class Function> void for_each_dense(const onnx::plan& plan, Function&& function) {
  for (std::size_t i = 0; i < plan.step_count; ++i)
    if (plan.steps[i].kind == onnx::step_kind::dense) function(plan.steps[i]);
}

} // namespace

network_file::network_file(std::string name, std::vector<char> model, fs::path folder,
                           std::string_view csv)
    : name_(std::move(name)), model_(std::move(model)), folder_(std::move(folder)),
      plan_(std::make_unique<onnx::plan>()) {
  read_external();
  if (const error why = onnx::parse_into(*plan_, model_, external_); onnx::failed(why)) refuse(why);
  if (plan_->mode != onnx::quant_mode::fp32)
    throw std::runtime_error("int8: fp32 is measured here");
  if (const error why = net_.load(model_, external_); onnx::failed(why)) refuse(why);
  read_rows(csv);
}

// Files beside the model that are not its own; the parser takes those that the model names.
void network_file::read_external() {
  if (folder_.empty()) return;
  for (const fs::directory_entry& entry : fs::directory_iterator(folder_))
    if (entry.is_regular_file() && entry.path().extension() == ".data")
      external_bytes_.emplace_back(entry.path().filename().string(), read_bytes(entry.path()));
  for (const auto& [location, bytes] : external_bytes_) external_.push_back({location, bytes});
}

void network_file::read_rows(std::string_view csv) {
  if (csv.empty()) {
    std::mt19937 random(1);
    rows_.resize(256 * inputs());
    for (float& value : rows_) value = static_cast<float>(random()) * 0x1p-32F;
    return;
  }
  std::size_t number = 0;
  while (!csv.empty()) {
    const std::string_view line = csv.substr(0, csv.find('\n'));
    csv.remove_prefix(std::min(csv.size(), line.size() + 1));
    const std::vector<float> values = parse_line(line, ++number);
    std::size_t column = 0;
    std::vector<float> row(inputs());
    for (std::size_t i = 0; i < plan_->input_count; ++i) {
      const onnx::input_slice& slice = plan_->graph_inputs[i];
      for (std::size_t k = 0; k < slice.count; ++k, ++column)
        if (slice.used && column < values.size()) row[slice.first + k] = values[column];
    }
    if (column != values.size())
      throw std::runtime_error("inputs.csv: line " + std::to_string(number) + ": " +
                               std::to_string(values.size()) + " values, expected " +
                               std::to_string(column));
    rows_.insert(rows_.end(), row.begin(), row.end());
  }
}

std::size_t network_file::macs() const {
  std::size_t macs = 0;
  for (const kernels::step& s : net_->steps())
    if (s.op <= kernels::step_op::dense_static) macs += std::size_t{s.inputs} * s.outputs;
  return macs;
}

std::size_t network_file::parameters() const {
  std::size_t count = 0;
  for_each_dense(*plan_,
                 [&](const onnx::step& s) { count += (std::size_t{s.inputs} + 1) * s.outputs; });
  return count;
}

std::size_t network_file::narrowest() const {
  std::vector<std::size_t> widths;
  for_each_dense(*plan_, [&](const onnx::step& s) { widths.push_back(s.outputs); });
  if (widths.size() < 2) return 0; // nothing is hidden
  return *std::min_element(widths.begin(), widths.end() - 1);
}

std::string network_file::shape() const {
  std::string sizes;
  std::vector<std::string> what;
  const auto add = [&](std::string_view name) {
    if (std::find(what.begin(), what.end(), name) == what.end()) what.emplace_back(name);
  };
  for (std::size_t i = 0; i < plan_->step_count; ++i) {
    const onnx::step& s = plan_->steps[i];
    if (s.kind == onnx::step_kind::dense) {
      if (sizes.empty()) sizes = std::to_string(s.inputs);
      sizes += "-" + std::to_string(s.outputs);
    }
    if (s.kind == onnx::step_kind::activate) add(tinymlp::name(s.activates));
    if (s.kind == onnx::step_kind::layer_norm) add("layer_norm");
    if (s.kind == onnx::step_kind::softmax) add("softmax");
    if (s.kind == onnx::step_kind::log_softmax) add("log_softmax");
  }
  for (const std::string& each : what) sizes += " " + each;
  return sizes;
}

std::vector<float> network_file::rows(std::size_t count) const {
  std::vector<float> to(count * inputs());
  for (std::size_t i = 0; i < to.size(); ++i) to[i] = rows_[i % rows_.size()];
  return to;
}

namespace {

std::string read_text(const fs::path& path) {
  const std::vector<char> bytes = read_bytes(path);
  return {bytes.begin(), bytes.end()};
}

void add_network(std::vector<std::unique_ptr<network_file>>& to, const std::string& name,
                 const fs::path& model) {
  try {
    const fs::path csv = model.parent_path() / "inputs.csv";
    to.push_back(std::make_unique<network_file>(name, read_bytes(model), model.parent_path(),
                                                fs::exists(csv) ? read_text(csv) : ""));
  } catch (const std::exception& error) {
    std::fprintf(stderr, "left out: %s: %s\n", name.c_str(), error.what());
  }
}

} // namespace

std::vector<std::unique_ptr<network_file>> read_networks(const fs::path& path) {
  std::vector<std::unique_ptr<network_file>> networks;
  if (fs::is_regular_file(path)) {
    add_network(networks, path.stem().string(), path);
    return networks;
  }
  std::set<fs::path> entries;
  for (const fs::directory_entry& entry : fs::directory_iterator(path))
    entries.insert(entry.path());
  for (const fs::path& entry : entries) {
    if (entry.extension() == ".onnx") add_network(networks, entry.stem().string(), entry);
    if (fs::exists(entry / "model.onnx"))
      add_network(networks, entry.filename().string(), entry / "model.onnx");
  }
  return networks;
}

} // namespace tinymlp::bench
