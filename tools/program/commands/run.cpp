// `tinymlp run`: the outputs of any network over rows of features.
#include <array>
#include <memory>
#include <optional>
#include <string>

#include <CLI/CLI.hpp>

#include "system/atomic_file.hpp"
#include "commands.hpp"
#include "commands/options.hpp"
#include "commands/usage.hpp"
#include "system/failure.hpp"
#include "logs/feature_rows.hpp"
#include "models/open_model.hpp"
#include "pictures/output_plot.hpp"
#include "writers/output_writer.hpp"

namespace tinymlp::tools {

namespace {

struct run_options {
  model_request request;
  std::string input;
  std::string format = "csv";
  std::string output;
  std::string plot;
};

// Rows that left through a pipe or to the screen cannot be called back.
void read_rows(byte_source& source, const model_description& network, output_writer& sink,
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

  output_writer sink(*network, source, options.format == "json", picture ? most_plotted : 0, out);
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

constexpr const char* run_footer =
    R"(INPUT is a CSV of one row a line; "-" is standard input. A first line of numbers only means
that there is no header: columns go by position, all inputs of the graph in order, each
flattened, those that the output does not depend on included and skipped. A header names the
columns of an input x: x.0, x.1, ..., or x where it is one; further columns are skipped. Where
the graph has one input, a header of other names and as many columns goes by position. Where
the network takes six features, columns that are called adm2, vif_scale0 to vif_scale3 and motion2
go by these names, in this order, however the file has them. `tinymlp inspect` tells the inputs.

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
  command->footer(run_footer);
  command->callback([options] { run_network(*options); });
}

} // namespace tinymlp::tools
