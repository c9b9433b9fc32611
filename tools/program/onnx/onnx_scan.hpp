// What can be said of any ONNX file, also of those that the engine would refuse: its operator set,
// and every file that its tensors live in.
#pragma once

#include <cstdint>
#include <set>
#include <span>
#include <string>

namespace tinymlp::tools {

struct onnx_scan {
  std::int64_t opset = 0;          // of the default domain; 0 where it is not imported
  std::set<std::string> locations; // of external tensor data, as the file spells them
};

// Walks graphs, subgraphs, functions, training info, and the tensors in initializers, attributes
// and sparse tensors. Throws failure, with a byte offset, for what is not a ModelProto with a
// graph.
onnx_scan scan_onnx(std::span<const char> model);

} // namespace tinymlp::tools
