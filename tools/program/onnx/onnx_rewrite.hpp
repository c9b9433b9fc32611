// An ONNX file written anew, all but a few parts as they stand.
#pragma once

#include <string>

#include "onnx/onnx_file.hpp"

namespace tinymlp::tools {

// The model with its external data inside: raw_data in the place of each reference, in initializers
// and constants of nodes. Without external data, its own bytes. Throws failure, naming the file,
// where the result would be larger than a protobuf message may be (2 GiB).
std::string inline_external_data(const onnx_file& file);

} // namespace tinymlp::tools
