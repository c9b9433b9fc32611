// `tinymlp inspect`: what the parser saw, layer by layer.
#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>
#include <memory>
#include <string>
#include <vector>

#include <CLI/CLI.hpp>
#include <fmt/format.h>

#include "atomic_file.hpp"
#include "commands.hpp"
#include "onnx_file.hpp"
#include "text.hpp"

namespace tinymlp::tools {

namespace {

struct tensor_range {
  double min = std::numeric_limits<double>::infinity();
  double max = -std::numeric_limits<double>::infinity();
  void add(double value) {
    min = std::min(min, value);
    max = std::max(max, value);
  }
  std::string text() const { return fmt::format("{:.6g} to {:.6g}", min, max); }
};

tensor_range range_of(const onnx::tensor& tensor) {
  tensor_range range;
  onnx::element_reader reader(tensor);
  if (tensor.type == onnx::element::float32) {
    for (float value = 0; reader.next(value);) range.add(static_cast<double>(value));
  } else {
    for (std::int64_t value = 0; reader.next(value);) range.add(static_cast<double>(value));
  }
  return range;
}

std::string dims_text(const onnx::tensor& tensor) {
  std::string text;
  for (std::size_t i = 0; i < tensor.rank; ++i)
    text += fmt::format("{}{}", i == 0 ? "" : ",", tensor.dims[i]);
  return "[" + text + "]";
}

std::string values_text(const onnx::tensor& tensor) {
  std::string text;
  onnx::element_reader reader(tensor);
  for (float value = 0; reader.next(value);)
    text += fmt::format("{}{:.9g}", text.empty() ? "" : " ", value);
  return text;
}

std::size_t parameters_of(const onnx::dense& layer) {
  return layer.outputs * (layer.inputs + (layer.has_bias ? 1 : 0));
}

// The operator of the node that starts at the byte; the plan does not keep it.
std::string_view operator_at(const onnx::graph& graph, std::size_t offset) {
  for (std::size_t i = 0; i < graph.node_count; ++i)
    if (graph.nodes[i].body.offset == offset) return graph.nodes[i].op_type;
  return "?";
}

class report {
public:
  explicit report(const onnx_file& file)
      : file_(file), plan_(file.plan), graph_(std::make_unique<onnx::graph>()) {
    const std::vector<onnx::external_file> external = external_files(file);
    static_cast<void>(onnx::parse_model(file.bytes, external, *graph_)); // parsed before: succeeds
  }

  std::string text() {
    describe_file();
    describe_scaler();
    for (std::size_t l = 0; l < plan_.layer_count; ++l) describe_layer(l);
    describe_totals();
    return std::move(out_);
  }

private:
  void line(std::string_view name, const std::string& value) {
    out_ += fmt::format("{:<11}{}\n", name, printable(value, 2000));
  }
  void detail(std::string_view name, const std::string& value) {
    out_ += fmt::format("  {:<9}{}\n", name, printable(value, 2000));
  }

  void describe_file() {
    line("file", fmt::format("{}, {} bytes", file_.path, file_.bytes.size()));
    line("sha256", file_.sha256);
    for (const external_data& data : file_.external)
      line("external",
           fmt::format("{}, {} bytes, sha256 {}", data.location, data.bytes.size(), data.sha256));
    line("format", fmt::format("ONNX IR {}, opset {}", plan_.ir_version, plan_.opset));
    if (!plan_.producer_name.empty())
      line("producer", fmt::format("{} {}", plan_.producer_name, plan_.producer_version));
    if (!plan_.graph_name.empty()) line("graph", std::string(plan_.graph_name));
    line("input", fmt::format("{} float32 [N,{}]", plan_.input_name, plan_.inputs));
    line("output",
         fmt::format("{} float32 {}", plan_.output_name, plan_.output_rank == 1 ? "[N]" : "[N,1]"));
    line("network", shape_text(plan_));
    line("precision", precision_line());
  }

  std::string precision_line() const {
    switch (plan_.mode) {
    case onnx::quant_mode::fp32: return "fp32";
    case onnx::quant_mode::dynamic_int8: return "int8 weights, activations quantised dynamically";
    case onnx::quant_mode::static_int8:
      return "int8 weights, activations quantised by fixed scales";
    }
    return "";
  }

  void describe_scaler() {
    const onnx::scaler& scaler = plan_.input_scaler;
    if (scaler.op == onnx::scale_op::none) return line("scaler", "none");
    const bool divides = scaler.op == onnx::scale_op::divide;
    line("scaler", divides ? "(x - mean) / std" : "(x - mean) * scale");
    detail("mean", values_text(scaler.mean));
    detail(divides ? "std" : "scale", values_text(scaler.scale));
  }

  void describe_layer(std::size_t l) {
    const onnx::dense& layer = plan_.layers[l];
    const bool is_int8 = plan_.kind == onnx::precision::int8;
    const bool last = l + 1 == plan_.layer_count;
    line(fmt::format("layer {}", l + 1),
         fmt::format("{} -> {}{}: {} parameters, {} MACs; {} {}, byte {}", layer.inputs,
                     layer.outputs, last ? "" : ", Relu", parameters_of(layer),
                     layer.inputs * layer.outputs, operator_at(*graph_, layer.offset), layer.name,
                     layer.offset));
    detail("weight", fmt::format("{} {} {}{}, {}", layer.weight.name, is_int8 ? "int8" : "float32",
                                 dims_text(layer.weight), layer.transposed ? " transposed" : "",
                                 range_of(layer.weight).text()));
    if (is_int8) describe_quantisation(layer);
    if (layer.has_bias)
      detail("bias", fmt::format("{} float32 {}, {}", layer.bias.name, dims_text(layer.bias),
                                 range_of(layer.bias).text()));
    if (layer.alpha != 1 || layer.beta != 1)
      detail("gemm", fmt::format("alpha {:.9g}, beta {:.9g}", layer.alpha, layer.beta));
  }

  void describe_quantisation(const onnx::dense& layer) {
    if (plan_.mode == onnx::quant_mode::static_int8) return describe_fixed_scales(layer);
    detail("scale", scale_text(layer.weight_scale));
    detail("zero", "0 (symmetric)");
  }

  static std::string scale_text(const onnx::tensor& scale) {
    return scale.count > 1 ? fmt::format("per channel, {}", range_of(scale).text())
                           : values_text(scale);
  }

  void describe_fixed_scales(const onnx::dense& layer) {
    const float scale = layer.activation_scale;
    const std::int32_t zero = layer.activation_zero_point;
    detail("input",
           fmt::format("scale {:.9g}, zero point {}: {:.6g} to {:.6g}", scale, zero,
                       scale * static_cast<float>(-zero), scale * static_cast<float>(255 - zero)));
    detail("sum",
           fmt::format("scale {}{}", scale_text(layer.sum_scale),
                       layer.has_sum_scale_factor ? " times " + scale_text(layer.sum_scale_factor)
                                                  : std::string()));
    detail("zero", "0 (symmetric)");
  }

  void describe_totals() {
    std::size_t parameters = 0, macs = 0;
    for (std::size_t l = 0; l < plan_.layer_count; ++l) {
      parameters += parameters_of(plan_.layers[l]);
      macs += plan_.layers[l].inputs * plan_.layers[l].outputs;
    }
    line("total", fmt::format("{} parameters, {} MACs per row", parameters, macs));
  }

  const onnx_file& file_;
  const onnx::plan& plan_;
  std::unique_ptr<onnx::graph> graph_; // some 60 KiB
  std::string out_;
};

void run_inspect(const std::string& path) {
  const onnx_file file = read_onnx_file(path);
  atomic_file out("-");
  out.write(report(file).text());
  out.commit();
}

constexpr const char* footer =
    R"(A file that tinymlp would not score is refused: byte offset, reason, and the node, operator or
tensor in question, with exit status 1.

Example:
  tinymlp inspect model/mlp_small.onnx
)";

} // namespace

void add_inspect_command(CLI::App& app) {
  CLI::App* command =
      app.add_subcommand("inspect", "Show what an ONNX file holds, or why it is refused");
  auto path = std::make_shared<std::string>();
  command->add_option("FILE", *path, "ONNX file")->required();
  command->footer(footer);
  command->callback([path] { run_inspect(*path); });
}

} // namespace tinymlp::tools
