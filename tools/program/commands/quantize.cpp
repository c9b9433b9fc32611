// `tinymlp quantize`: an fp32 ONNX file to int8.
#include <algorithm>
#include <array>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <CLI/CLI.hpp>
#include <fmt/format.h>

#include "system/atomic_file.hpp"
#include "models/calibration.hpp"
#include "commands.hpp"
#include "commands/options.hpp"
#include "system/failure.hpp"
#include "system/folder.hpp"
#include "onnx/onnx_file.hpp"
#include "models/quantizer.hpp"
#include "registry/registry.hpp"
#include "system/terminal.hpp"

namespace tinymlp::tools {

namespace {

constexpr double default_percentile = 99.999;

struct quantize_options {
  std::string input;
  std::string output;
  std::string output_name; // of the graph
  bool per_channel = false;
  std::optional<std::string> rows; // to calibrate with; none: dynamic scales
  std::string calibration = "minmax";
  std::optional<double> percentile;

  bool is_static() const { return rows.has_value(); }
  granularity grain() const {
    return per_channel ? granularity::per_channel : granularity::per_tensor;
  }
};

// Where a registry looks for the int8 file: mlp_small.onnx -> mlp_small.int8.onnx, beside it. That
// with fixed scales, mlp_small.static.int8.onnx, does not take its place unasked.
std::string default_output(const quantize_options& options) {
  if (options.input == "-")
    throw usage_error("the model comes from standard input: --output is needed");
  return with_suffix(options.input, options.is_static() ? ".static.int8.onnx" : ".int8.onnx");
}

calibration_method method_of(const quantize_options& options) {
  const auto found =
      std::find(calibration_methods.begin(), calibration_methods.end(), options.calibration);
  return static_cast<calibration_method>(found - calibration_methods.begin());
}

std::string range_text(const std::vector<activation_range>& ranges) {
  std::string text;
  for (const activation_range& range : ranges)
    text += fmt::format("{}{:.4g} to {:.4g}", text.empty() ? "" : ", ", range.low, range.high);
  return text;
}

std::string quantize_statically(const onnx_file& file, const quantize_options& options) {
  calibration over(file.plan, method_of(options));
  byte_source source(*options.rows);
  add_rows(source, file.plan, over);
  const std::vector<activation_range> ranges =
      over.ranges(options.percentile.value_or(default_percentile));
  std::string bytes = quantize_model(file, options.grain(), ranges);
  print_message("", fmt::format("activations over {} rows of {}, {}: {}", over.rows(),
                                source.name(), options.calibration, range_text(ranges)));
  return bytes;
}

void refuse_wrong_usage(const quantize_options& options, const std::string& output) {
  if (options.input == "-" && options.rows == "-")
    throw usage_error("the model and --static cannot both be standard input");
  if (options.percentile && options.calibration != "percentile")
    throw usage_error("--percentile needs --calibration percentile");
  refuse_overwriting("--output", output,
                     std::array{options.input, options.rows.value_or(std::string())});
}

// Known only once the model is read.
void refuse_external_data(const onnx_file& file, const quantize_options& options,
                          const std::string& output) {
  refuse_overwriting("--output", output, external_files_of(options.input, file));
}

void run_quantize(const quantize_options& options) {
  const std::string output = options.output.empty() ? default_output(options) : options.output;
  refuse_wrong_usage(options, output);
  const onnx_file file = read_onnx_file(options.input, options.output_name);
  refuse_external_data(file, options, output);
  const std::string bytes = options.is_static() ? quantize_statically(file, options)
                                                : quantize_model(file, options.grain());
  atomic_file out(output);
  out.write(bytes);
  out.commit();
  if (output != "-")
    print_message("",
                  fmt::format("{}: {} bytes, sha256 {}", output, bytes.size(), sha256_of(bytes)));
}

constexpr const char* quantize_footer =
    R"(Weights become symmetric int8 with zero point 0, one scale a layer (max|w| / 127) or, with
--per-channel, one an output; activations are quantised when the model runs. Scales, weights and
zero points are those of ONNX Runtime's quantize_dynamic(weight_type=QInt8), as long as max|w| is
below 1.7e38, from where on its scales are infinite. Alpha and beta of a Gemm are folded into weight
and bias first; all other operators, names and shapes of inputs and outputs stay, and what the
graph's other outputs compute with dense layers becomes int8 likewise.

With --static, activations are quantised by scales that are fixed now, from the range that each
layer's inputs take over the rows of CSV: any log or CSV that `tinymlp score` reads; for a network of
other than six features and one output, a CSV as `tinymlp run` reads it. Only the layers that
the output (--output-name) depends on become int8 then. Scoring is faster so, and the scores are
further from fp32's, for a scale must suit all rows; what lies outside its range saturates. --calibration chooses the range: minmax takes all that the rows
reach, percentile leaves out the ends, mse minimises the squared error of the activations. The
two have the smaller mean error, minmax by far the smaller worst one.

An fp32 model that `tinymlp inspect` accepts can be quantised, whatever its shape. Refused, by
name, are files that would lose something: another output that could not be computed as before, and
nodes that mean something else in the operator set that int8 needs (11). What is written is read
back, every output of it. The same files always give the same bytes.

Examples:
  tinymlp quantize my_model.onnx                   writes my_model.int8.onnx
  tinymlp quantize my_model.onnx --per-channel --output my_model.pc.onnx
  tinymlp quantize my_model.onnx --static rows.csv writes my_model.static.int8.onnx
  xz -dc model/corpus.csv.xz | tinymlp quantize model/mlp_large.onnx --static - --output large.onnx
)";

} // namespace

void add_quantize_command(CLI::App& app) {
  CLI::App* command = app.add_subcommand("quantize", "Write an fp32 ONNX file with int8 weights");
  auto options = std::make_shared<quantize_options>();
  command
      ->add_option("--output", options->output,
                   "Write here, whole or not at all; by default FILE with .int8.onnx for .onnx "
                   "(.static.int8.onnx with --static); - for standard output")
      ->type_name("FILE");
  command
      ->add_option("--output-name", options->output_name,
                   "Which output of the graph; by default the first that is an MLP")
      ->type_name("NAME")
      ->check(utf8_text());
  command->add_flag("--per-channel", options->per_channel,
                    "One scale an output instead of a layer");
  CLI::Option* rows = command
                          ->add_option("--static", options->rows,
                                       "Fix the activation scales, from these rows of features; - "
                                       "for standard input")
                          ->type_name("CSV");
  command
      ->add_option("--calibration", options->calibration,
                   "minmax, percentile or mse: which range the scales cover")
      ->type_name("METHOD")
      ->check(CLI::IsMember(
          std::vector<std::string>(calibration_methods.begin(), calibration_methods.end())))
      ->capture_default_str()
      ->needs(rows);
  command
      ->add_option("--percentile", options->percentile,
                   "With --calibration percentile: share of values within either end (99.999)")
      ->type_name("PERCENT")
      ->check(number_in(50.0, 100.0));
  command->add_option("FILE", options->input, "ONNX file")->required();
  command->footer(quantize_footer);
  command->callback([options] { run_quantize(*options); });
}

} // namespace tinymlp::tools
