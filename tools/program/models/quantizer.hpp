// Post-training quantisation of any model of the ONNX subset, with dynamic or with fixed activation
// scales: fp32 bytes in, int8 bytes out.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include <tinymlp/static_quantized.hpp>

#include "onnx/onnx_file.hpp"

namespace tinymlp::tools {

// Weights [inputs, outputs] and biases of a float32 layer, Gemm's alpha and beta folded in. Throw
// failure, naming the tensor, where one overflows.
std::vector<float> weight_of(const onnx::plan& plan, const onnx::step& from);
std::vector<float> bias_of(const onnx::plan& plan, const onnx::step& from);

// y = scale * (x * weight) + bias, weight symmetric int8 with zero point 0.
struct quantized_layer {
  std::string weight_name, bias_name; // of the tensors, in the fp32 model
  std::size_t inputs = 0, outputs = 0;
  std::vector<std::int8_t> weight; // row-major [inputs, outputs]
  std::vector<float> scale;        // one, or `outputs` values (per channel)
  std::vector<float> bias;         // `outputs` values; zeros where the model has none
  bool has_bias = true;            // false: an Add of the graph, or nothing, follows the product
};

// The dense layers of an fp32 plan in int8: scales, weights and zero points are element for
// element those of ONNX Runtime's quantize_dynamic(weight_type=QInt8, per_channel=...). Gemm's
// alpha and beta, which ONNX Runtime leaves in float32, are folded into weight and bias first.
// Throws failure, without the file's name, for an int8 plan, and for weights that overflow when
// alpha or beta is folded in.
std::vector<quantized_layer> quantize_layers(const onnx::plan& plan, granularity grain);

// The model in the dynamic-PTQ form: per layer DynamicQuantizeLinear-11, MatMulInteger-10, Cast,
// Mul by the product of both scales, Add of the bias. The operator set is raised to 11 and the IR
// version to 6 where they are lower. Equal input gives equal bytes; the producer is `tinymlp`.
//
// A plain network (is_plain_file) is written anew: input, output, their names and shapes, the
// scaler and Relu stay as they are; Identity and constants listed as inputs go; what squeezes the
// output becomes one Squeeze. Of any other, each dense layer is replaced where it stands, also
// those of other outputs, and all else is left alone (graph_quantizer.hpp).
//
// Weights in external data end up inside the result, which has been parsed once more. Throws
// failure, naming the file, as quantize_layers and quantize_graph do.
std::string quantize_model(const onnx_file& file, granularity grain);

// The same in the static-PTQ form: QuantizeLinear with the scale and zero point of each layer's
// range in the place of DynamicQuantizeLinear, and the product of both scales as a constant. Throws
// failure also for a range whose scale, or that product, is no positive finite float.
std::string quantize_model(const onnx_file& file, granularity grain,
                           std::span<const activation_range> inputs);

} // namespace tinymlp::tools
