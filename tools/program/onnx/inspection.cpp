#include "onnx/inspection.hpp"

#include <algorithm>
#include <array>
#include <cstdint>
#include <limits>
#include <span>
#include <string_view>
#include <utility>

#include <fmt/format.h>
#include <tinymlp/packing.hpp>

#include "system/text.hpp"

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
  const bool is_float = tensor.type == onnx::element::float32 ||
                        tensor.type == onnx::element::float16 ||
                        tensor.type == onnx::element::float64;
  if (is_float) {
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

// The ONNX operator of an activation, with its attributes.
std::string activation_text(const onnx::step& step) {
  constexpr std::array<std::string_view, activation_count> operators{
      "Identity",        "Relu",  "LeakyRelu", "PRelu",     "Clip",    "HardSigmoid", "HardSwish",
      "ThresholdedRelu", "Elu",   "Selu",      "Celu",      "Sigmoid", "Tanh",        "Softplus",
      "Softsign",        "Swish", "Gelu",      "Gelu tanh", "Mish"};
  static_assert(!operators.back().empty());
  const auto name = operators[static_cast<std::size_t>(step.activates)];
  switch (step.activates) {
  case activation::leaky_relu:
  case activation::elu:
  case activation::celu:
  case activation::thresholded_relu: return fmt::format("{} (alpha {:.9g})", name, step.alpha);
  case activation::hard_sigmoid:
    return fmt::format("{} (alpha {:.9g}, beta {:.9g})", name, step.alpha, step.beta);
  case activation::selu:
    return fmt::format("{} (alpha {:.9g}, gamma {:.9g})", name, step.alpha, step.beta);
  case activation::clip:
    return fmt::format("{} (min {:.9g}, max {:.9g})", name, step.alpha, step.beta);
  case activation::silu:
    return step.alpha == 1 ? std::string(name) : fmt::format("{} (alpha {:.9g})", name, step.alpha);
  default: return std::string(name);
  }
}

std::string_view affine_text(onnx::affine_op op) {
  switch (op) {
  case onnx::affine_op::add: return "x + a";
  case onnx::affine_op::subtract: return "x - a";
  case onnx::affine_op::subtract_from: return "a - x";
  case onnx::affine_op::multiply: return "x * a";
  case onnx::affine_op::divide: return "x / a";
  case onnx::affine_op::negate: return "-x";
  case onnx::affine_op::scaler: return "(x - offset) * scale";
  case onnx::affine_op::batch_norm: return "(x - mean) / sqrt(variance + epsilon) * scale + bias";
  }
  return "";
}

std::string_view kind_text(onnx::step_kind kind) {
  switch (kind) {
  case onnx::step_kind::affine: return "affine";
  case onnx::step_kind::dense: return "layer";
  case onnx::step_kind::activate: return "activation";
  case onnx::step_kind::layer_norm: return "layer norm";
  case onnx::step_kind::softmax: return "softmax";
  case onnx::step_kind::log_softmax: return "logsoftmax";
  case onnx::step_kind::complement: return "classes";
  case onnx::step_kind::slice: return "slice";
  }
  return "";
}

// "[N,6]": N for the number of rows, ? for other dimensions that the file leaves open.
std::string declared_shape(const onnx::value_info& info) {
  if (!info.has_shape) return "";
  std::string text;
  for (std::size_t i = 0; i < info.rank; ++i)
    text += fmt::format("{}{}", i == 0 ? "" : ",",
                        info.dims[i] > 0 ? fmt::format("{}", info.dims[i])
                        : i == 0         ? "N"
                                         : "?");
  return " [" + text + "]";
}

class report {
public:
  explicit report(const onnx_file& file) : file_(file), plan_(file.plan) {}

  std::string text() {
    describe_file();
    describe_ends();
    line("network", shape_text(plan_));
    line("precision", precision_line());
    describe_scaler();
    describe_steps();
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
  }

  void describe_ends() {
    for (const onnx::input_slice& input : std::span(plan_.graph_inputs).first(plan_.input_count))
      line("input", describe_input(input));
    const onnx::value_info chosen =
        value_named(plan_, onnx::detail::graph_output, plan_.output_name);
    line("output", fmt::format("{} float32{}", plan_.output_name,
                               chosen.has_shape ? declared_shape(chosen) : derived_shape()));
    for (const onnx::value_info& other : values_of_graph(plan_, onnx::detail::graph_output))
      if (other.name != plan_.output_name)
        line("not used", fmt::format("output {} {}{}", other.name,
                                     onnx::name(static_cast<onnx::element>(other.element_type)),
                                     declared_shape(other)));
    if (plan_.labels.present()) line("labels", integers_text(onnx::read(plan_, plan_.labels)));
  }

  std::string describe_input(const onnx::input_slice& input) const {
    const onnx::value_info info = value_named(plan_, onnx::detail::graph_input, input.name);
    std::string text = fmt::format("{} {}{}", input.name,
                                   onnx::name(static_cast<onnx::element>(info.element_type)),
                                   declared_shape(info));
    if (!input.used) return text + ", not used by this output";
    if (plan_.input_count > 1)
      text += input.count == 1
                  ? fmt::format(", feature {}", input.first)
                  : fmt::format(", features {} to {}", input.first, input.first + input.count - 1);
    return text;
  }

  std::string derived_shape() const {
    return plan_.output_rank == 1 ? std::string(plan_.outputs == 1 ? " [N]" : "")
                                  : fmt::format(" [N,{}]", plan_.outputs);
  }

  static std::string integers_text(const onnx::tensor& labels) {
    std::string text;
    onnx::element_reader reader(labels);
    for (std::int64_t value = 0; reader.next(value);)
      text += fmt::format("{}{}", text.empty() ? "" : ", ", value);
    return text;
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
    line("scaler", scaler_text(steps));
    for (const onnx::step& step : steps) {
      const bool is_scaler = step.op == onnx::affine_op::scaler;
      if (step.op == onnx::affine_op::add)
        detail("shift", values_text(onnx::read(plan_, step.weight)));
      if (is_scaler || step.op == onnx::affine_op::subtract)
        detail("mean", values_text(onnx::read(plan_, step.weight)));
      if (step.op == onnx::affine_op::divide)
        detail("std", values_text(onnx::read(plan_, step.weight)));
      if (is_scaler || step.op == onnx::affine_op::multiply)
        detail("scale", values_text(onnx::read(plan_, is_scaler ? step.bias : step.weight)));
    }
  }

  static std::string scaler_text(std::span<const onnx::step> steps) {
    std::string text = "x";
    for (const onnx::step& step : steps) {
      if (step.op == onnx::affine_op::add) text = "(x + shift)";
      if (step.op == onnx::affine_op::subtract || step.op == onnx::affine_op::scaler)
        text = "(x - mean)";
      if (step.op == onnx::affine_op::divide) text += " / std";
      if (step.op == onnx::affine_op::multiply || step.op == onnx::affine_op::scaler)
        text += " * scale";
    }
    return text;
  }

  // As they are computed: what is folded into a step is told with it.
  void describe_steps() {
    const std::size_t scaler = scaler_steps(plan_).size();
    std::size_t number = 0;
    tinymlp::detail::folded_step group;
    for (tinymlp::detail::folder groups(plan_); groups.next(group);) {
      const onnx::step& main = plan_.steps[group.main];
      if (main.kind == onnx::step_kind::dense)
        describe_layer(group, ++number);
      else if (group.main >= scaler)
        describe_step(group);
    }
  }

  std::string activation_of(const tinymlp::detail::folded_step& group) const {
    for (std::size_t i = group.main; i < group.end; ++i)
      if (plan_.steps[i].kind == onnx::step_kind::activate) return activation_text(plan_.steps[i]);
    return "";
  }

  // "Gemm node_linear, byte 123"
  std::string node_text(const onnx::step& step) const {
    const onnx::node node = node_of(plan_, step);
    return fmt::format("{} {}, byte {}", node.op_type, node.label(), step.offset);
  }

  void describe_layer(const tinymlp::detail::folded_step& group, std::size_t number) {
    const onnx::step& layer = plan_.steps[group.main];
    const bool is_int8 = plan_.kind == onnx::precision::int8;
    const std::string activates = activation_of(group);
    const onnx::tensor weight = onnx::read(plan_, layer.weight);
    line(fmt::format("layer {}", number),
         fmt::format("{} -> {}{}{}: {} parameters, {} MACs; {}", layer.inputs, layer.outputs,
                     activates.empty() ? "" : ", ", activates, parameters_of(layer),
                     std::size_t{layer.inputs} * layer.outputs, node_text(layer)));
    detail("weight", constant_text(weight, layer.transposed ? " transposed" : ""));
    if (is_int8) describe_quantisation(layer);
    if (layer.bias.present()) detail("bias", constant_text(onnx::read(plan_, layer.bias)));
    if (layer.alpha != 1 || layer.beta != 1)
      detail("gemm", fmt::format("alpha {:.9g}, beta {:.9g}", layer.alpha, layer.beta));
    for (std::size_t i = group.scale; i < group.end; ++i)
      if (i != group.main) describe_folded(plan_.steps[i]);
  }

  void describe_folded(const onnx::step& step) {
    if (step.kind == onnx::step_kind::affine)
      detail("folded", fmt::format("{}: {}", affine_text(step.op), node_text(step)));
    if (step.kind == onnx::step_kind::slice)
      detail("kept", fmt::format("outputs {} to {}: {}", step.begin, step.begin + step.outputs - 1,
                                 node_text(step)));
    if (step.activates == activation::prelu && step.kind == onnx::step_kind::activate)
      detail("slope", fmt::format("{}: {}", range_of(onnx::read(plan_, step.weight)).text(),
                                  node_text(step)));
  }

  // Anything but a dense layer, computed by itself.
  void describe_step(const tinymlp::detail::folded_step& group) {
    const onnx::step& main = plan_.steps[group.main];
    std::string text;
    switch (main.kind) {
    case onnx::step_kind::affine: text = affine_text(main.op); break;
    case onnx::step_kind::activate: text = activation_text(main); break;
    case onnx::step_kind::layer_norm:
      text = fmt::format("over {} values, epsilon {:.9g}", main.inputs, main.alpha);
      break;
    case onnx::step_kind::softmax:
    case onnx::step_kind::log_softmax: text = fmt::format("over {} values", main.inputs); break;
    case onnx::step_kind::complement: text = "p -> 1 - p, p"; break;
    case onnx::step_kind::slice:
      text = fmt::format("values {} to {} of {}", main.begin, main.begin + main.outputs - 1,
                         main.inputs);
      break;
    case onnx::step_kind::dense: break;
    }
    line(kind_text(main.kind), fmt::format("{}; {}", text, node_text(main)));
    describe_constants(main);
    for (std::size_t i = group.main + 1; i < group.end; ++i) {
      describe_folded(plan_.steps[i]);
      if (plan_.steps[i].kind == onnx::step_kind::activate)
        detail("then",
               fmt::format("{}; {}", activation_text(plan_.steps[i]), node_text(plan_.steps[i])));
    }
  }

  // Those of a normalisation, and slopes that no dense layer has taken.
  void describe_constants(const onnx::step& step) {
    if (step.kind == onnx::step_kind::activate) describe_folded(step);
    if (step.kind != onnx::step_kind::layer_norm) return;
    if (step.weight.present()) detail("weight", constant_text(onnx::read(plan_, step.weight)));
    if (step.bias.present()) detail("bias", constant_text(onnx::read(plan_, step.bias)));
  }

  // "linear.bias float32 [3], -0.5 to 0.25"
  static std::string constant_text(const onnx::tensor& t, std::string_view how = "") {
    return fmt::format("{} {} {}{}, {}", t.name, onnx::name(t.type), dims_text(t), how,
                       range_of(t).text());
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
      macs += std::size_t{layer->inputs} * layer->outputs;
    }
    std::string others;
    if (const std::size_t count = other_parameters(); count != 0)
      others = fmt::format(" in dense layers, {} in normalisations and slopes", count);
    line("total", fmt::format("{} parameters{}, {} MACs per row", parameters, others, macs));
  }

  std::size_t other_parameters() const {
    std::size_t count = 0;
    for (std::size_t i = 0; i < plan_.step_count; ++i) {
      const onnx::step& step = plan_.steps[i];
      const bool slopes =
          step.kind == onnx::step_kind::activate && step.activates == activation::prelu;
      if (!slopes && step.kind != onnx::step_kind::layer_norm) continue;
      for (const onnx::constant& from : {step.weight, step.bias})
        if (from.present()) count += static_cast<std::size_t>(onnx::read(plan_, from).count);
    }
    return count;
  }

  const onnx_file& file_;
  const onnx::plan& plan_;
  std::string out_;
};

} // namespace

std::string inspection_of(const onnx_file& file) { return report(file).text(); }

} // namespace tinymlp::tools
