#include "models/quantizer.hpp"

#include <algorithm>

#include "system/failure.hpp"
#include "models/graph_quantizer.hpp"
#include "models/int8_writer.hpp"
#include "onnx/onnx_rewrite.hpp"
#include "onnx/plan_parts.hpp"
#include "onnx/protobuf_writer.hpp"

namespace tinymlp::tools {
namespace {

// ---- weights

void multiply(std::vector<float>& values, float factor, std::string_view tensor) {
  if (factor == 1) return;
  for (float& value : values) {
    value = kernels::exact::narrow(double{value} * double{factor});
    if (!kernels::exact::is_finite(value))
      fail("{}: overflows float32 when the Gemm's alpha or beta is folded in", tensor);
  }
}

// The tensor's name; that of a Constant node's may be empty.
std::string name_of(const onnx::plan& plan, const onnx::step& step, onnx::constant from,
                    std::string_view what) {
  const onnx::tensor tensor = onnx::read(plan, from);
  if (!tensor.name.empty()) return std::string(tensor.name);
  return fmt::format("{}_{}", onnx::label(plan, step), what);
}

} // namespace

std::vector<float> weight_of(const onnx::plan& plan, const onnx::step& from) {
  std::vector<float> weight = values_of(plan, from.weight, std::size_t{from.inputs} * from.outputs);
  multiply(weight, from.alpha, name_of(plan, from, from.weight, "weight"));
  if (!from.transposed) return weight;
  std::vector<float> turned(weight.size());
  for (std::size_t i = 0; i < from.inputs; ++i)
    for (std::size_t o = 0; o < from.outputs; ++o)
      turned[i * from.outputs + o] = weight[o * from.inputs + i];
  return turned;
}

std::vector<float> bias_of(const onnx::plan& plan, const onnx::step& from) {
  if (!from.bias.present()) return std::vector<float>(from.outputs);
  std::vector<float> bias = values_of(plan, from.bias, from.outputs);
  multiply(bias, from.beta, name_of(plan, from, from.bias, "bias"));
  return bias;
}

namespace {

quantized_layer quantize_layer(const onnx::plan& plan, const onnx::step& from, granularity grain) {
  quantized_layer to;
  to.weight_name = name_of(plan, from, from.weight, "weight");
  to.bias_name =
      from.bias.present() ? name_of(plan, from, from.bias, "bias") : to.weight_name + "_bias";
  to.inputs = from.inputs;
  to.outputs = from.outputs;
  const std::vector<float> weight = weight_of(plan, from);
  const std::size_t scales = grain == granularity::per_channel ? to.outputs : 1;
  std::vector<float> largest(scales);
  for (std::size_t i = 0; i < weight.size(); ++i) {
    float& most = largest[i % to.outputs % scales];
    most = std::max(most, weight[i] < 0 ? -weight[i] : weight[i]);
  }
  for (const float most : largest) to.scale.push_back(symmetric_scale(most));
  for (std::size_t i = 0; i < weight.size(); ++i)
    to.weight.push_back(quantize_weight(weight[i], to.scale[i % to.outputs % scales]));
  to.bias = bias_of(plan, from);
  return to;
}

// ---- the ONNX file; field numbers are those of onnx.proto

std::vector<float> all_floats(const onnx::plan& plan, onnx::constant from) {
  return values_of(plan, from, static_cast<std::size_t>(onnx::read(plan, from).count));
}

protobuf_message ints_attribute(std::string_view name, std::int64_t value) {
  protobuf_message a;
  a.add_bytes(1, name);
  a.add_varint(8, static_cast<std::uint64_t>(value));
  a.add_varint(20, static_cast<std::uint64_t>(onnx::attribute_type::ints));
  return a;
}

protobuf_message floats_attribute(std::string_view name, std::span<const float> values) {
  protobuf_message a;
  a.add_bytes(1, name);
  for (const float value : values) a.add_float(7, value); // proto2: not packed
  a.add_varint(20, static_cast<std::uint64_t>(onnx::attribute_type::floats));
  return a;
}

// The ValueInfoProto of that name, as it stands in the model, so that dynamic dimensions keep
// their names. `number`: GraphProto's inputs or outputs.
std::string_view value_info_bytes(onnx::view graph, std::string_view name, std::uint32_t number) {
  onnx::field f;
  for (onnx::cursor c(graph); c.next(f) == status::ok;)
    if (f.number == number && onnx::name_in(f.payload, 1) == name) return f.payload.text();
  fail("the graph's input or output moved while it was read"); // the parser found it there
}

onnx::value_info value_of(std::string_view message) {
  onnx::value_info info;
  static_cast<void>( // parsed before: succeeds
      onnx::detail::parse_value_info({message.data(), message.size(), 0}, info));
  return info;
}

class model_writer : int8_writer {
public:
  // `inputs`: fixed activation scales of each layer; none: dynamic.
  model_writer(const onnx::graph& graph, const onnx::plan& plan, granularity grain,
               std::span<const activation_scale> inputs)
      : int8_writer(grain, inputs), graph_(graph), plan_(plan),
        opset_(std::max(plan.opset, oldest_quantised_opset)) {
    take_name(input().name);
    take_name(plan.output_name);
  }

  std::string write(std::span<const quantized_layer> layers) {
    const bool squeezes = plan_.output_rank == 1;
    std::string value = write_scaler(std::string(input().name));
    for (const quantized_layer& layer : layers) {
      const bool is_last = &layer == &layers.back();
      const std::string sum =
          is_last && !squeezes ? std::string(plan_.output_name) : unique("dense");
      write_layer(layer, value, sum);
      value = is_last ? sum : unique("relu");
      if (!is_last) add_node("Relu", {sum}, {value});
    }
    if (squeezes) write_squeeze(value);
    return assemble();
  }

private:
  const onnx::input_slice& input() const { return plan_.graph_inputs[0]; }

  std::string copy_floats(const onnx::step& step) {
    const onnx::tensor from = onnx::read(plan_, step.weight);
    const std::vector<std::uint64_t> dims(from.dims.begin(), from.dims.begin() + from.rank);
    return add_tensor(name_of(plan_, step, step.weight, "value"), onnx::element::float32, dims,
                      as_bytes(all_floats(plan_, step.weight)));
  }

  std::string write_scaler(const std::string& input) {
    const std::span<const onnx::step> steps = scaler_steps(plan_);
    if (steps.empty()) return input;
    std::string scaled = unique("scaled");
    if (steps[0].op == onnx::affine_op::scaler) {
      uses_ml_ = true;
      protobuf_message& n = add_node("Scaler", {input}, {scaled});
      n.add_message(5, floats_attribute("offset", all_floats(plan_, steps[0].weight)));
      n.add_message(5, floats_attribute("scale", all_floats(plan_, steps[0].bias)));
      n.add_bytes(7, "ai.onnx.ml");
      return scaled;
    }
    std::string value = input;
    for (const onnx::step& step : steps) {
      const std::string before = value;
      value = &step == &steps.back() ? scaled : unique("centred");
      add_node(operator_of(step.op), {before, copy_floats(step)}, {value});
    }
    return value;
  }

  static std::string_view operator_of(onnx::affine_op op) {
    return op == onnx::affine_op::subtract ? "Sub"
           : op == onnx::affine_op::add    ? "Add"
           : op == onnx::affine_op::divide ? "Div"
                                           : "Mul";
  }

  // Squeeze takes its axes as an attribute before operator set 13, as an input since.
  void write_squeeze(const std::string& value) {
    if (opset_ < 13) {
      add_node("Squeeze", {value}, {plan_.output_name}).add_message(5, ints_attribute("axes", 1));
      return;
    }
    const std::uint64_t one[] = {1};
    const std::string axes =
        add_tensor("axes", onnx::element::int64, one, std::string("\1\0\0\0\0\0\0\0", 8));
    add_node("Squeeze", {value, axes}, {plan_.output_name});
  }

  std::string assemble() const {
    protobuf_message graph;
    for (const protobuf_message& n : nodes_) graph.add_message(1, n);
    graph.add_bytes(2, plan_.graph_name.empty() ? "graph" : plan_.graph_name);
    for (const protobuf_message& t : tensors_) graph.add_message(5, t);
    graph.add_bytes(11, value_info_bytes(graph_.body, input().name, onnx::detail::graph_input));
    const std::string_view output =
        value_info_bytes(graph_.body, plan_.output_name, onnx::detail::graph_output);
    graph.add_bytes(12, value_of(output).has_shape ? output : output_with_shape().bytes());
    protobuf_message to;
    to.add_varint(1, static_cast<std::uint64_t>(std::max(plan_.ir_version, oldest_quantised_ir)));
    to.add_bytes(2, "tinymlp"); // without a version: the bytes depend on the input alone
    to.add_message(7, graph);
    to.add_message(8, opset_import("", opset_));
    if (uses_ml_) to.add_message(8, opset_import("ai.onnx.ml", 1)); // the first with Scaler
    if (to.bytes().size() > largest_model)
      fail("the result would be larger than the 2 GiB of a protobuf message");
    return to.bytes();
  }

  // For a model that leaves its output's shape out, which onnx.checker does not accept.
  protobuf_message output_with_shape() const {
    protobuf_message rows, one, shape, tensor_type, type, info;
    const onnx::value_info features =
        value_of(value_info_bytes(graph_.body, input().name, onnx::detail::graph_input));
    if (features.dims[0] > 0)
      rows.add_varint(1, static_cast<std::uint64_t>(features.dims[0]));
    else
      rows.add_bytes(2, "N");
    one.add_varint(1, 1);
    shape.add_message(1, rows);
    if (plan_.output_rank == 2) shape.add_message(1, one);
    tensor_type.add_varint(1, static_cast<std::uint64_t>(onnx::element::float32));
    tensor_type.add_message(2, shape);
    type.add_message(1, tensor_type);
    info.add_bytes(1, plan_.output_name);
    info.add_message(2, type);
    return info;
  }

  static protobuf_message opset_import(std::string_view domain, std::int64_t version) {
    protobuf_message o;
    o.add_bytes(1, domain);
    o.add_varint(2, static_cast<std::uint64_t>(version));
    return o;
  }

  const onnx::graph& graph_;
  const onnx::plan& plan_;
  std::int64_t opset_;
  bool uses_ml_ = false;
};

} // namespace

std::vector<quantized_layer> quantize_layers(const onnx::plan& plan, granularity grain) {
  if (plan.kind != onnx::precision::fp32) fail("the model is int8 already");
  std::vector<quantized_layer> layers;
  for (const onnx::step* layer : dense_steps(plan))
    layers.push_back(quantize_layer(plan, *layer, grain));
  return layers;
}

namespace {

// The same model, with its external data inside.
onnx_file inlined(const onnx_file& file) {
  const std::string bytes = inline_external_data(file);
  onnx_file to;
  to.path = file.path;
  to.bytes.assign(bytes.begin(), bytes.end());
  const error why = onnx::parse_into(to.plan, to.bytes, {}, file.plan.output_name);
  if (onnx::failed(why)) fail("with its external data inside: {}", describe(why));
  return to;
}

// What is written must be the same network, in int8.
void check_result(const std::string& bytes, const onnx_file& file) {
  onnx::plan plan;
  const error why = onnx::parse_into(plan, std::span<const char>(bytes), {}, file.plan.output_name);
  if (onnx::failed(why)) fail("its int8 form would not be accepted: {}", describe(why));
  if (plan.kind != onnx::precision::int8 || shape_text(plan) != shape_text(file.plan))
    fail("its int8 form would be another network: {} {}", onnx::name(plan.kind), shape_text(plan));
  for (const onnx::value_info& output : values_of_graph(file.plan, onnx::detail::graph_output)) {
    onnx::plan before, after;
    if (output.name == file.plan.output_name) continue; // seen above
    if (onnx::failed(onnx::parse_into(before, file.bytes, file.external_files, output.name)))
      continue;
    const error other = onnx::parse_into(after, std::span<const char>(bytes), {}, output.name);
    if (onnx::failed(other))
      fail("output {}: its int8 form would not be accepted: {}", output.name, describe(other));
    if (shape_text(after) != shape_text(before))
      fail("output {}: its int8 form would be another network: {}", output.name, shape_text(after));
  }
}

std::string write_model(const onnx_file& file, granularity grain,
                        std::span<const activation_scale> inputs) {
  if (file.plan.kind != onnx::precision::fp32) fail("the model is int8 already");
  std::string bytes;
  if (is_plain_file(file.plan)) {
    onnx::graph graph;
    const error why = onnx::parse_model(file.bytes, file.external_files, graph);
    if (onnx::failed(why)) fail("{}", describe(why));
    bytes = model_writer(graph, file.plan, grain, inputs).write(quantize_layers(file.plan, grain));
  } else {
    bytes = file.external.empty() ? quantize_graph(file, grain, inputs)
                                  : quantize_graph(inlined(file), grain, inputs);
  }
  check_result(bytes, file);
  return bytes;
}

} // namespace

std::string quantize_model(const onnx_file& file, granularity grain) {
  try {
    return write_model(file, grain, {});
  } catch (const failure& why) {
    fail("{}: {}", file.path, why.what());
  }
}

std::string quantize_model(const onnx_file& file, granularity grain,
                           std::span<const activation_range> inputs) {
  try {
    std::vector<activation_scale> scales;
    for (const activation_range& range : inputs) {
      const result<activation_scale> scale = scale_of(range);
      if (!scale)
        fail("the inputs of layer {} range from {} to {}: {}", scales.size() + 1, range.low,
             range.high, message(scale.error().code));
      scales.push_back(*scale);
    }
    return write_model(file, grain, scales);
  } catch (const failure& why) {
    fail("{}: {}", file.path, why.what());
  }
}

} // namespace tinymlp::tools
