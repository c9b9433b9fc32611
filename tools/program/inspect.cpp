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
#include <tinymlp/packing.hpp>

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

class report {
public:
  explicit report(const onnx_file& file) : file_(file), plan_(file.plan) {}

  std::string text() {
    describe_file();
    describe_scaler();
    std::size_t number = 0;
    for (const onnx::step* layer : dense_steps(plan_)) describe_layer(*layer, ++number);
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
    for (const onnx::input_slice& input : std::span(plan_.graph_inputs).first(plan_.input_count))
      line("input", fmt::format("{} float32 [N,{}]", input.name, input.count));
    line("output", fmt::format("{} float32 {}", plan_.output_name,
                               plan_.output_rank == 1 ? std::string("[N]")
                                                      : fmt::format("[N,{}]", plan_.outputs)));
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
    const std::span<const onnx::step> steps = scaler_steps(plan_);
    if (steps.empty()) return line("scaler", "none");
    const onnx::affine_op last = steps.back().op;
    const bool divides = last == onnx::affine_op::divide;
    line("scaler", divides ? "(x - mean) / std" : "(x - mean) * scale");
    for (const onnx::step& step : steps) {
      const bool is_scaler = step.op == onnx::affine_op::scaler;
      if (is_scaler || tinymlp::detail::starts_centred(step.op))
        detail("mean", values_text(onnx::read(plan_, step.weight)));
      if (is_scaler || tinymlp::detail::scales(step.op))
        detail(divides ? "std" : "scale",
               values_text(onnx::read(plan_, is_scaler ? step.bias : step.weight)));
    }
  }

  void describe_layer(const onnx::step& layer, std::size_t number) {
    const bool is_int8 = plan_.kind == onnx::precision::int8;
    const bool last = number == plan_.layer_count;
    const onnx::node node = node_of(plan_, layer);
    const onnx::tensor weight = onnx::read(plan_, layer.weight);
    const onnx::tensor bias = onnx::read(plan_, layer.bias);
    line(fmt::format("layer {}", number),
         fmt::format("{} -> {}{}: {} parameters, {} MACs; {} {}, byte {}", layer.inputs,
                     layer.outputs, last ? "" : ", Relu", parameters_of(layer),
                     layer.inputs * layer.outputs, node.op_type, node.label(), layer.offset));
    detail("weight", fmt::format("{} {} {}{}, {}", weight.name, is_int8 ? "int8" : "float32",
                                 dims_text(weight), layer.transposed ? " transposed" : "",
                                 range_of(weight).text()));
    if (is_int8) describe_quantisation(layer);
    if (layer.bias.present())
      detail("bias",
             fmt::format("{} float32 {}, {}", bias.name, dims_text(bias), range_of(bias).text()));
    if (layer.alpha != 1 || layer.beta != 1)
      detail("gemm", fmt::format("alpha {:.9g}, beta {:.9g}", layer.alpha, layer.beta));
  }

  void describe_quantisation(const onnx::step& layer) {
    if (plan_.mode == onnx::quant_mode::static_int8) return describe_fixed_scales(layer);
    detail("scale", scale_text(onnx::read(plan_, layer.weight_scale)));
    detail("zero", "0 (symmetric)");
  }

  static std::string scale_text(const onnx::tensor& scale) {
    return scale.count > 1 ? fmt::format("per channel, {}", range_of(scale).text())
                           : values_text(scale);
  }

  void describe_fixed_scales(const onnx::step& layer) {
    const float scale = layer.activation_scale;
    const std::int32_t zero = layer.activation_zero_point;
    detail("input",
           fmt::format("scale {:.9g}, zero point {}: {:.6g} to {:.6g}", scale, zero,
                       scale * static_cast<float>(-zero), scale * static_cast<float>(255 - zero)));
    detail("sum",
           fmt::format("scale {}{}", scale_text(onnx::read(plan_, layer.sum_scale)),
                       layer.sum_scale_factor.present()
                           ? " times " + scale_text(onnx::read(plan_, layer.sum_scale_factor))
                           : std::string()));
    detail("zero", "0 (symmetric)");
  }

  void describe_totals() {
    std::size_t parameters = 0, macs = 0;
    for (const onnx::step* layer : dense_steps(plan_)) {
      parameters += parameters_of(*layer);
      macs += layer->inputs * layer->outputs;
    }
    line("total", fmt::format("{} parameters, {} MACs per row", parameters, macs));
  }

  const onnx_file& file_;
  const onnx::plan& plan_;
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
