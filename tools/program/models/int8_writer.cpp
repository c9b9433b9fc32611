#include "models/int8_writer.hpp"

#include <bit>

#include "system/failure.hpp"

namespace tinymlp::tools {

std::string_view as_bytes(const std::vector<std::int8_t>& values) {
  return {reinterpret_cast<const char*>(values.data()), values.size()};
}

std::string as_bytes(std::span<const float> values) {
  std::string bytes;
  for (const float value : values)
    for (unsigned shift = 0; shift < 32; shift += 8)
      bytes += static_cast<char>(std::bit_cast<std::uint32_t>(value) >> shift & 0xffU);
  return bytes;
}

std::string as_bytes(std::span<const std::int64_t> values) {
  std::string bytes;
  for (const std::int64_t value : values)
    for (unsigned shift = 0; shift < 64; shift += 8)
      bytes += static_cast<char>(static_cast<std::uint64_t>(value) >> shift & 0xffU);
  return bytes;
}

protobuf_message int_attribute(std::string_view name, std::int64_t value) {
  protobuf_message a;
  a.add_bytes(1, name);
  a.add_varint(3, static_cast<std::uint64_t>(value));
  a.add_varint(20, static_cast<std::uint64_t>(onnx::attribute_type::int64));
  return a;
}

std::string int8_writer::unique(std::string_view wanted) {
  std::string name(wanted);
  for (int i = 2; !taken_.insert(name).second; ++i) name = fmt::format("{}_{}", wanted, i);
  return name;
}

protobuf_message& int8_writer::add_node(std::string_view op_type,
                                        std::initializer_list<std::string_view> inputs,
                                        std::initializer_list<std::string_view> outputs) {
  protobuf_message& n = nodes_.emplace_back();
  for (const std::string_view input : inputs) n.add_bytes(1, input);
  for (const std::string_view output : outputs) n.add_bytes(2, output);
  n.add_bytes(4, op_type);
  return n;
}

std::string int8_writer::add_tensor(std::string_view wanted, onnx::element type,
                                    std::span<const std::uint64_t> dims, std::string_view raw) {
  std::string name = unique(wanted);
  protobuf_message& t = tensors_.emplace_back();
  for (const std::uint64_t dim : dims) t.add_varint(1, dim);
  t.add_varint(2, static_cast<std::uint64_t>(type));
  t.add_bytes(8, name);
  t.add_bytes(9, raw);
  return name;
}

void int8_writer::write_layer(const quantized_layer& layer, const std::string& input,
                              const std::string& output) {
  const std::uint64_t shape[] = {layer.inputs, layer.outputs};
  const auto scale_shape = std::span(shape).subspan(1, grain_ == granularity::per_channel ? 1 : 0);
  const std::string weight = add_tensor(layer.weight_name + "_quantized", onnx::element::int8,
                                        shape, as_bytes(layer.weight));
  std::string scale;
  if (inputs_.empty())
    scale = add_tensor(layer.weight_name + "_scale", onnx::element::float32, scale_shape,
                       as_bytes(layer.scale));
  const std::string zero = add_tensor(layer.weight_name + "_zero_point", onnx::element::int8,
                                      scale_shape, std::string(layer.scale.size(), '\0'));
  std::string bias;
  if (layer.has_bias)
    bias = add_tensor(layer.bias_name, onnx::element::float32, std::span(shape).last(1),
                      as_bytes(layer.bias));
  const std::string x = unique(input + "_quantized");
  std::string x_zero, both;
  if (inputs_.empty()) {
    const std::string x_scale = unique(input + "_scale");
    x_zero = unique(input + "_zero_point");
    both = unique(output + "_scale");
    add_node("DynamicQuantizeLinear", {input}, {x, x_scale, x_zero});
    add_node("Mul", {x_scale, scale}, {both});
  } else {
    x_zero = write_fixed_quantiser(input, x);
    both = add_tensor(output + "_scale", onnx::element::float32, scale_shape,
                      as_bytes(sum_scales(layer)));
    ++written_;
  }
  const std::string sum = unique(output + "_int32"), real = unique(output + "_float32"),
                    product = layer.has_bias ? unique(output + "_product") : output;
  add_node("MatMulInteger", {x, weight, x_zero, zero}, {sum});
  add_node("Cast", {sum}, {real})
      .add_message(5, int_attribute("to", static_cast<std::int64_t>(onnx::element::float32)));
  add_node("Mul", {real, both}, {product});
  if (layer.has_bias) add_node("Add", {product, bias}, {output});
}

// Returns the name of the zero point.
std::string int8_writer::write_fixed_quantiser(const std::string& input,
                                               const std::string& quantised) {
  const activation_scale& by = inputs_[written_];
  const std::string scale =
      add_tensor(input + "_scale", onnx::element::float32, {}, as_bytes(std::span(&by.scale, 1)));
  std::string zero = add_tensor(input + "_zero_point", onnx::element::uint8, {},
                                std::string(1, static_cast<char>(by.zero_point)));
  add_node("QuantizeLinear", {input, scale, zero}, {quantised});
  return zero;
}

std::vector<float> int8_writer::sum_scales(const quantized_layer& layer) const {
  std::vector<float> scales;
  for (const float scale : layer.scale) {
    scales.push_back(kernels::exact::mul(inputs_[written_].scale, scale));
    if (!(scales.back() > 0) || !kernels::exact::is_finite(scales.back()))
      fail("{}: the product of its scale and that of layer {}'s inputs is no positive finite "
           "float",
           layer.weight_name, written_ + 1);
  }
  return scales;
}

} // namespace tinymlp::tools
