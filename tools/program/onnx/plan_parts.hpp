// What a plan tells of its file: its layers, its scaler, and the graph's own names. Needs nothing
// but the engine.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <tinymlp/onnx.hpp>

namespace tinymlp::tools {

// "fp32", "int8" (scales from the row at hand), or "static int8" (fixed scales).
std::string_view precision_text(onnx::quant_mode mode);

// The sizes of the layers: "6-16-8-1".
std::string shape_text(const onnx::plan& plan);

// Is it a scaler or none, dense layers with Relu between, and one output value: network<...>?
bool is_plain(const onnx::plan& plan);
// Whether that is all there is to the file: one input [N,K] and one output.
bool is_plain_file(const onnx::plan& plan);

std::span<const onnx::step> steps_of(const onnx::plan& plan);
// The dense layers, in order. Views the plan.
std::vector<const onnx::step*> dense_steps(const onnx::plan& plan);
// What stands before the first dense layer and does no more than subtract a mean, and divide by a
// standard deviation or multiply by its inverse.
std::span<const onnx::step> scaler_steps(const onnx::plan& plan);
// Weights and biases of a dense layer.
std::size_t parameters_of(const onnx::step& layer);
// The node that the step was read from: its name, operator and results. Searches the file.
onnx::node node_of(const onnx::plan& plan, const onnx::step& step);

// The graph's inputs or outputs (GraphProto's field `number`) as declared, constants included.
std::vector<onnx::value_info> values_of_graph(const onnx::plan& plan, std::uint32_t number);
onnx::value_info value_named(const onnx::plan& plan, std::uint32_t number, std::string_view name);

// The constant's values; one value stands for all `count`.
std::vector<float> values_of(const onnx::plan& plan, onnx::constant from, std::size_t count);

// The scaler, one value a feature; empty without one. A factor is given as the divisor that it
// replaces.
struct scaler_values {
  std::vector<float> mean, std;
};
scaler_values scaler_of(const onnx::plan& plan);

} // namespace tinymlp::tools
