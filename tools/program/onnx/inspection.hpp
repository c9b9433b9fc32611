// What the parser saw in a file, for people.
#pragma once

#include <string>

#include "onnx/onnx_file.hpp"

namespace tinymlp::tools {

// Lines for the file, the ends of the graph, and each step as it is computed.
std::string inspection_of(const onnx_file& file);

} // namespace tinymlp::tools
