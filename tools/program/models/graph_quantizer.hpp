// Post-training quantisation of a graph of any form: its dense layers alone are written anew.
#pragma once

#include <span>
#include <string>

#include "models/quantizer.hpp"

namespace tinymlp::tools {

// The model with every dense layer of `file.plan` in the int8 form (dynamic: also those of the
// graph's other outputs, as far as they are MLPs), and all other nodes, inputs and outputs as they
// stand. What only the replaced nodes used is gone. Operator sets below 11 are raised to it, and
// Clip and Slice given their operands as it has them. `inputs`: fixed activation scales of the
// plan's layers; none: dynamic. The file's external data must be inside already.
//
// Throws failure, without the file's name, for a layer that has no int8 form: with the weight on
// the left or of rank 1, or with transA.
std::string quantize_graph(const onnx_file& file, granularity grain,
                           std::span<const activation_scale> inputs);

} // namespace tinymlp::tools
