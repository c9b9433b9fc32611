// The names that shapes have: mlp_small is 6-16-8-1.
#pragma once

#include <string>
#include <string_view>

#include <tinymlp/onnx.hpp>

namespace tinymlp::tools {

// "mlp_small", or the sizes of the layers where that shape has no name: "6-24-1".
std::string network_name(const onnx::plan& plan);
// Whether the text could be the network_name() of some network.
bool is_network_name(std::string_view text);

} // namespace tinymlp::tools
