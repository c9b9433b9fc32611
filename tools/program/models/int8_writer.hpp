// What every int8 file is made of: layers in the form of dynamic or static post-training
// quantisation, as nodes and tensors of ONNX.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <initializer_list>
#include <limits>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "onnx/protobuf_writer.hpp"
#include "models/quantizer.hpp"

namespace tinymlp::tools {

inline constexpr std::int64_t oldest_quantised_ir = 6; // came with operator set 11
inline constexpr std::size_t largest_model =
    std::numeric_limits<std::int32_t>::max(); // of a protobuf message

// Little-endian, as raw_data holds them.
std::string_view as_bytes(const std::vector<std::int8_t>& values);
std::string as_bytes(std::span<const float> values);
std::string as_bytes(std::span<const std::int64_t> values);

// An attribute of type INT.
protobuf_message int_attribute(std::string_view name, std::int64_t value);

// Collects the nodes and initializers of a graph.
class int8_writer {
public:
  // `inputs`: fixed activation scales of the layers, in the order of write_layer(); none: dynamic.
  int8_writer(granularity grain, std::span<const activation_scale> inputs)
      : grain_(grain), inputs_(inputs) {}

protected:
  // Of a name that the graph has already.
  void take_name(std::string_view name) { taken_.emplace(name); }
  // The wanted name, or the first of wanted_2, wanted_3, ... that is free.
  std::string unique(std::string_view wanted);

  protobuf_message& add_node(std::string_view op_type,
                             std::initializer_list<std::string_view> inputs,
                             std::initializer_list<std::string_view> outputs);
  // Returns the tensor's name.
  std::string add_tensor(std::string_view wanted, onnx::element type,
                         std::span<const std::uint64_t> dims, std::string_view raw);

  // DynamicQuantizeLinear-11 or QuantizeLinear-10, MatMulInteger-10, Cast, Mul, and Add where the
  // layer has a bias. Throws failure where the product of both scales is no positive finite float.
  void write_layer(const quantized_layer& layer, const std::string& input,
                   const std::string& output);

  std::vector<protobuf_message> nodes_, tensors_;

private:
  // Returns the name of the zero point.
  std::string write_fixed_quantiser(const std::string& input, const std::string& quantised);
  std::vector<float> sum_scales(const quantized_layer& layer) const;

  granularity grain_;
  std::span<const activation_scale> inputs_;
  std::size_t written_ = 0; // layers with fixed activation scales
  std::set<std::string, std::less<>> taken_;
};

} // namespace tinymlp::tools
