// `tinymlp quantize`: an fp32 ONNX file to int8.
#include <filesystem>
#include <memory>
#include <string>

#include <CLI/CLI.hpp>
#include <fmt/format.h>

#include "atomic_file.hpp"
#include "commands.hpp"
#include "failure.hpp"
#include "onnx_file.hpp"
#include "quantizer.hpp"
#include "terminal.hpp"

namespace tinymlp::tools {

namespace {

struct quantize_options {
  std::string input;
  std::string output;
  bool per_channel = false;
};

// Where a registry looks for the int8 file: mlp_small.onnx -> mlp_small.int8.onnx, beside it.
std::string default_output(const std::string& input) {
  return std::filesystem::path(input).replace_extension(".int8.onnx").string();
}

void run_quantize(const quantize_options& options) {
  const std::string output =
      options.output.empty() ? default_output(options.input) : options.output;
  if (output != "-" && same_file(output, options.input)) throw usage_error("--output is the input");
  const onnx_file file = read_onnx_file(options.input);
  const std::string bytes = quantize_model(file, options.per_channel ? granularity::per_channel
                                                                     : granularity::per_tensor);
  atomic_file out(output);
  out.write(bytes);
  out.commit();
  if (output != "-")
    print_message("",
                  fmt::format("{}: {} bytes, sha256 {}", output, bytes.size(), sha256_of(bytes)));
}

constexpr const char* footer =
    R"(Weights become symmetric int8 with zero point 0, one scale a layer (max|w| / 127) or, with
--per-channel, one an output; activations are quantised when the model runs. Scales, weights and
zero points are those of ONNX Runtime's quantize_dynamic(weight_type=QInt8). Alpha and beta of a
Gemm are folded into weight and bias first; scaler, names and shapes of input and output stay.

Any fp32 model that `tinymlp inspect` accepts can be quantised, whatever its shape. The same
file always gives the same bytes.

Examples:
  tinymlp quantize my_model.onnx                   writes my_model.int8.onnx
  tinymlp quantize my_model.onnx --per-channel --output my_model.pc.onnx
)";

} // namespace

void add_quantize_command(CLI::App& app) {
  CLI::App* command =
      app.add_subcommand("quantize", "Write an fp32 ONNX file with int8 weights (dynamic PTQ)");
  auto options = std::make_shared<quantize_options>();
  command
      ->add_option("--output", options->output,
                   "Write here, whole or not at all; by default FILE with .int8.onnx for .onnx")
      ->type_name("FILE");
  command->add_flag("--per-channel", options->per_channel,
                    "One scale an output instead of a layer");
  command->add_option("FILE", options->input, "ONNX file")->required();
  command->footer(footer);
  command->callback([options] { run_quantize(*options); });
}

} // namespace tinymlp::tools
