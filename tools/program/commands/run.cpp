// `tinymlp run`: the outputs of any network over rows of features.
#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>
#include <iterator>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <CLI/CLI.hpp>
#include <fmt/format.h>

#include "system/atomic_file.hpp"
#include "commands.hpp"
#include "commands/options.hpp"
#include "commands/usage.hpp"
#include "system/failure.hpp"
#include "logs/feature_rows.hpp"
#include "models/open_model.hpp"
#include "pictures/output_plot.hpp"
#include "scores/series.hpp"
#include "system/terminal.hpp"
#include "system/text.hpp"

namespace tinymlp::tools {

namespace {

struct run_options {
  model_request request;
  std::string input;
  std::string format = "csv";
  std::string output;
  std::string plot;
};

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

// Collects rows into blocks, computes each in one call, and writes the outputs in order.
class run_sink final : public feature_sink {
public:
  run_sink(const run_options& options, const model& network, const byte_source& source,
           atomic_file& out)
      : network_(network), inputs_(network.description().inputs),
        outputs_(network.description().outputs), as_json_(options.format == "json"),
        source_(source), out_(out), names_(output_names(network.description())) {
    const std::size_t widest = std::max(inputs_, outputs_);
    block_rows_ = std::clamp<std::size_t>(block_floats / widest, 1, most_block_rows);
    if (!options.plot.empty())
      series_.assign(std::min(outputs_, most_plotted), series(plot_buckets));
    if (!as_json_) write_header();
  }

  void row(std::span<const float> features, const std::string&) override {
    features_.insert(features_.end(), features.begin(), features.end());
    if (features_.size() == block_rows_ * inputs_) run_block();
  }
  void note(const std::string& text) override {
    progress_.clear();
    print_message("note", fmt::format("{}: {}", source_.name(), text));
  }
  void idle() override {
    run_block();
    out_.flush();
  }
  void end() {
    run_block();
    progress_.clear();
  }

  std::span<const std::string> names() const noexcept { return names_; }
  std::span<const series> plotted() const noexcept { return series_; }
  void report_warnings() const {
    if (not_finite_ > 0)
      print_message("warning",
                    fmt::format("{}: {} of {} rows have an output that is not finite, because of "
                                "NaN, infinite or huge features",
                                source_.name(), not_finite_, rows_));
  }

private:
  void write_header() {
    line_.clear();
    fmt::format_to(std::back_inserter(line_), "row");
    for (const std::string& name : names_)
      fmt::format_to(std::back_inserter(line_), ",{}", csv_cell(name));
    line_.push_back('\n');
    out_.write({line_.data(), line_.size()});
  }

  void run_block() {
    if (features_.empty()) return;
    const std::size_t count = features_.size() / inputs_;
    values_.resize(count * outputs_);
    network_.score(features_, values_);
    for (std::size_t r = 0; r < count; ++r)
      write_row(std::span(values_).subspan(r * outputs_, outputs_));
    features_.clear();
    progress_.update(rows_, source_.position(), source_.size());
  }

  void write_row(std::span<const float> values) {
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
  void write_number(float value) {
    const auto to = std::back_inserter(line_);
    if (std::isnan(value))
      fmt::format_to(to, "{}", as_json_ ? "null" : "nan");
    else if (as_json_ && std::isinf(value))
      fmt::format_to(to, "null");
    else
      fmt::format_to(to, "{:.9g}", value);
  }

  const model& network_;
  std::size_t inputs_, outputs_, block_rows_ = 1;
  bool as_json_;
  const byte_source& source_;
  atomic_file& out_;
  std::vector<std::string> names_;
  std::vector<series> series_;
  std::vector<float> features_, values_;
  fmt::memory_buffer line_;
  progress progress_;
  std::uint64_t rows_ = 0, not_finite_ = 0;
};

// Rows that left through a pipe or to the screen cannot be called back.
void read_rows(byte_source& source, const model_description& network, run_sink& sink,
               const atomic_file& out) {
  try {
    read_feature_rows(source, network.groups, sink);
  } catch (const failure& why) {
    if (!out.has_escaped()) throw;
    fail("{}; what was written before this is incomplete", why.what());
  }
}

void refuse_wrong_usage(const run_options& options) {
  if (options.input == "-" && options.request.model == "-")
    throw usage_error("the model and INPUT cannot both be standard input");
  require_svg_name(options.plot);
  refuse_overwriting_by(options.output, options.plot,
                        std::array{options.input, options.request.model});
}

void run_network(const run_options& options) {
  refuse_wrong_usage(options);
  const std::unique_ptr<model> network = open_model(options.request);
  refuse_overwriting_by(options.output, options.plot,
                        files_of(options.request, network->description()));
  byte_source source(options.input);
  atomic_file out(options.output);
  std::optional<atomic_file> picture;
  if (!options.plot.empty()) picture.emplace(options.plot);

  run_sink sink(options, *network, source, out);
  read_rows(source, network->description(), sink, out);
  sink.end();
  if (picture) {
    picture->write(
        render_output_plot(network->description(), source.name(), sink.names(), sink.plotted()));
    picture->flush(); // so that a full disk is seen before the rows replace anything
  }
  out.commit();
  if (picture) picture->commit();
  sink.report_warnings();
}

constexpr const char* footer =
    R"(INPUT is a CSV of one row a line; "-" is standard input. A first line of numbers only means
that there is no header: columns go by position, all inputs of the graph in order, each
flattened, those that the output does not depend on included and skipped. A header names the
columns of an input x: x.0, x.1, ..., or x where it is one; further columns are skipped. Where
the graph has one input, a header of other names and as many columns goes by position.
`tinymlp inspect` tells the inputs.

csv: a header row,NAME or row,NAME.0,NAME.1,... and a line a row, 9 significant digits, from which
every float32 reads back. json: JSON lines, one object a row: {"row":0,"output":[0.5,1.25]}, or a
number where the network has one output value; null stands for NaN and infinity.

A row with a NaN or infinite feature has NaN outputs and is counted in a warning. Everything else
that is missing or malformed ends the run with exit status 1, and an existing output file stays
as it was. Rows stream: memory does not grow with them.

Examples:
  tinymlp run policy.onnx observations.csv
  tinymlp run policy.onnx - --format json < observations.csv
  tinymlp run classifier.onnx rows.csv --output-name probabilities --output p.csv --plot p.svg
)";

} // namespace

void add_run_command(CLI::App& app) {
  CLI::App* command = app.add_subcommand("run", "Compute the outputs of any network over a CSV");
  auto options = std::make_shared<run_options>();
  command
      ->add_option("--output-name", options->request.output_name,
                   "Which output of the graph; by default the first that is an MLP")
      ->type_name("NAME")
      ->check(utf8_text());
  command
      ->add_option("--isa", options->request.isa,
                   "Instruction set: " + isa_names() +
                       "; the best that this machine has by default")
      ->type_name("NAME");
  command->add_option("--format", options->format, "csv or json")
      ->type_name("NAME")
      ->check(CLI::IsMember({"csv", "json"}))
      ->capture_default_str();
  command->add_option("--output", options->output, "Write here, whole or not at all")
      ->type_name("FILE");
  command->add_option("--plot", options->plot, "Draw the outputs over the rows as SVG")
      ->type_name("FILE");
  command
      ->add_option("MODEL", options->request.model, "ONNX file, or one of " + compiled_in_names())
      ->required();
  command->add_option("INPUT", options->input, "CSV; - for standard input")->required();
  command->footer(footer);
  command->callback([options] { run_network(*options); });
}

} // namespace tinymlp::tools
