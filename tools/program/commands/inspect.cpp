// `tinymlp inspect`: what the parser saw, layer by layer.
#include <array>
#include <memory>
#include <string>

#include <CLI/CLI.hpp>

#include "system/atomic_file.hpp"
#include "commands.hpp"
#include "commands/options.hpp"
#include "system/failure.hpp"
#include "onnx/inspection.hpp"
#include "onnx/onnx_file.hpp"
#include "system/terminal.hpp"

namespace tinymlp::tools {

namespace {

struct inspect_options {
  std::string path;
  std::string output_name;
};

// The first obstacle to those who look for one line, then all of them.
onnx_file read_or_list_obstacles(const inspect_options& options) {
  try {
    return read_onnx_file(options.path, options.output_name);
  } catch (const refused_model& why) {
    print_message("", why.what());
    write_error("all obstacles:\n" + why.obstacles);
    throw told_failure(why.what());
  }
}

void run_inspect(const inspect_options& options) {
  refuse_overwriting("", "-", std::array{options.path});
  const onnx_file file = read_or_list_obstacles(options);
  refuse_overwriting("", "-", external_files_of(options.path, file));
  print(inspection_of(file));
}

constexpr const char* inspect_footer =
    R"(Inputs with the features that they give and those that the output does not depend on, the output
and the others, the labels of a classifier, and each step as it is computed: what is folded into
a layer's weights and biases stands with it. MACs are those of the dense layers.

A file that is no such network is refused with exit status 1, and all obstacles are listed on
standard error: byte offset and reason, the node or tensor, its operator, what was found and what
is accepted, what to do at the exporter, and the section of the page that lists all forms.

Examples:
  tinymlp inspect model/mlp_small.onnx
  tinymlp inspect actor_critic.onnx --output-name value
)";

} // namespace

void add_inspect_command(CLI::App& app) {
  CLI::App* command =
      app.add_subcommand("inspect", "Show what an ONNX file holds, or why it is refused");
  auto options = std::make_shared<inspect_options>();
  command
      ->add_option("--output-name", options->output_name,
                   "Which output of the graph; by default the first that is an MLP")
      ->type_name("NAME")
      ->check(utf8_text());
  command->add_option("FILE", options->path, "ONNX file")->required();
  command->footer(inspect_footer);
  command->callback([options] { run_inspect(*options); });
}

} // namespace tinymlp::tools
