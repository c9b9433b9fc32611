// An ONNX file read once: the bytes that are hashed are the bytes that are parsed and used.
#pragma once

#include <cstdint>
#include <list>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <tinymlp/onnx.hpp>

#include "onnx/plan_parts.hpp"
#include "system/failure.hpp"
#include "system/folder.hpp"

namespace tinymlp::tools {

// Of int8 files: it brought DynamicQuantizeLinear. Quantising raises older operator sets to it.
inline constexpr std::int64_t oldest_quantised_opset = 11;

// A file of external tensor data beside the model.
struct external_data {
  std::string location; // relative to the model's folder, as the model spells it
  std::vector<char> bytes;
  std::string sha256;
};

// A model's file, not yet parsed.
struct model_bytes {
  std::string path; // for messages
  std::vector<char> bytes;
  std::string sha256; // lowercase hex
};

struct onnx_file : model_bytes {
  std::list<external_data> external;
  std::vector<onnx::external_file> external_files; // the same as the parser takes it
  onnx::plan plan;                                 // views `bytes` and all of the above

  onnx_file() = default;
  onnx_file(const onnx_file&) = delete;
  onnx_file(onnx_file&&) = default; // a moved vector keeps its bytes where they are
  onnx_file& operator=(const onnx_file&) = delete;
  onnx_file& operator=(onnx_file&&) = default;
};

// A model that the parser refuses: what() tells the first obstacle (path, byte, reason, name).
struct refused_model : failure {
  refused_model(const std::string& first, std::string all_of_them)
      : failure(first), obstacles(std::move(all_of_them)) {}
  std::string obstacles; // all of them, a paragraph each, as describe_obstacle() has them
};

// Reads and parses. Throws failure for what cannot be read and refused_model for what the parser
// refuses.
//
// External data is read from inside the model's folder only: its location must be a relative path
// without "..", and no symbolic link may lead out of the folder.
//
// `output_name`: the graph output to compute; empty: the first that is an MLP.
onnx_file read_onnx_file(const std::string& path, std::string_view output_name = {});

// The paths of the external data that the model at `path` uses ("-": beside the working folder).
std::vector<std::string> external_files_of(const std::string& path, const onnx_file& file);

// The same in two steps, for those who look at the hash in between. `relative` is the model's path
// inside `where`, which external data may not leave.
model_bytes read_model_bytes(const std::string& path); // "-": standard input
model_bytes read_model_bytes(const folder& where, const std::string& relative);
onnx_file parse_onnx_file(model_bytes from, const folder& where, const std::string& relative,
                          std::string_view output_name = {});

// The most files of external data that a model may have.
inline constexpr std::size_t most_external_files = 16;
// One of them, from inside the model's folder, which is `model_folder` in `where` ("" or "a/b/").
external_data read_external(const folder& where, const std::string& model_folder,
                            const std::string& location);

// Node or tensor, operator, what was found, what is accepted, what to do at the exporter, and where
// all accepted forms are listed; several lines.
std::string describe_obstacle(const error& why);

// "byte 123: the operator is not supported (Softmax)"
std::string describe(const error& why);

// Lowercase hex.
std::string sha256_of(std::string_view bytes);

} // namespace tinymlp::tools
