// What can be said of any ONNX file, also of those that the engine would refuse: its operator set,
// and every file that its tensors live in.
#pragma once

#include <cstdint>
#include <set>
#include <span>
#include <string>
#include <string_view>

namespace tinymlp::tools {

struct onnx_scan {
  std::int64_t opset = 0;          // of the default domain; 0 where it is not imported
  std::set<std::string> locations; // of external tensor data, as path_of_location() has them
};

// ONNX files spell the locations of external data as they like: './weights.bin' is 'weights.bin'.
// Whatever opens, lists or looks up such a file goes by this; it may still have a path_objection().
std::string_view path_of_location(std::string_view location) noexcept;

// Walks graphs, subgraphs, functions, training info, and the tensors in initializers, attributes
// and sparse tensors. Throws failure, with a byte offset, for what is not a ModelProto with a
// graph.
onnx_scan scan_onnx(std::span<const char> model);

} // namespace tinymlp::tools
