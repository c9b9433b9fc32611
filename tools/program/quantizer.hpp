// Dynamic post-training quantisation of any model of the ONNX subset: fp32 bytes in, int8 bytes
// out.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include <tinymlp/quantized.hpp>

#include "onnx_file.hpp"

namespace tinymlp::tools {

// y = scale * (x * weight) + bias, weight symmetric int8 with zero point 0.
struct quantized_layer {
  std::string weight_name, bias_name; // of the tensors, in the fp32 model
  std::size_t inputs = 0, outputs = 0;
  std::vector<std::int8_t> weight; // row-major [inputs, outputs]
  std::vector<float> scale;        // one, or `outputs` values (per channel)
  std::vector<float> bias;         // `outputs` values; zeros where the model has none
};

// The dense layers of an fp32 plan in int8: scales, weights and zero points are element for
// element those of ONNX Runtime's quantize_dynamic(weight_type=QInt8, per_channel=...). Gemm's
// alpha and beta, which ONNX Runtime leaves in float32, are folded into weight and bias first.
// Throws failure, without the file's name, for an int8 plan, and for weights that overflow when
// alpha or beta is folded in.
std::vector<quantized_layer> quantize_layers(const onnx::plan& plan, granularity grain);

// The model in the dynamic-PTQ form: per layer DynamicQuantizeLinear-11, MatMulInteger-10, Cast,
// Mul by the product of both scales, Add of the bias. Input, output, their names and shapes, the
// scaler and Relu stay as they are; Identity and constants listed as inputs go; what squeezes the
// output becomes one Squeeze. The operator set is raised to 11 and the IR version to 6 where they
// are lower. Equal input gives equal bytes; the producer is `tinymlp`.
//
// Weights in external data end up inside the result. Throws failure, naming the file, as
// quantize_layers does.
std::string quantize_model(const onnx_file& file, granularity grain);

} // namespace tinymlp::tools
