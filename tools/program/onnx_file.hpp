// An ONNX file read once: the bytes that are hashed are the bytes that are parsed and used.
#pragma once

#include <list>
#include <string>
#include <string_view>
#include <vector>

#include <tinymlp/onnx.hpp>

#include "folder.hpp"

namespace tinymlp::tools {

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
  onnx::plan plan; // views `bytes` and `external`

  onnx_file() = default;
  onnx_file(const onnx_file&) = delete;
  onnx_file(onnx_file&&) = default; // a moved vector keeps its bytes where they are
  onnx_file& operator=(const onnx_file&) = delete;
  onnx_file& operator=(onnx_file&&) = default;
};

// Reads and parses. Throws failure for what cannot be read and for what the parser refuses (path,
// byte, reason, name).
//
// External data is read from inside the model's folder only: its location must be a relative path
// without "..", and no symbolic link may lead out of the folder.
onnx_file read_onnx_file(const std::string& path);

// The same in two steps, for those who look at the hash in between. `relative` is the model's path
// inside `where`, which external data may not leave.
model_bytes read_model_bytes(const std::string& path); // "-": standard input
model_bytes read_model_bytes(const folder& where, const std::string& relative);
onnx_file parse_onnx_file(model_bytes from, const folder& where, const std::string& relative);

// The external data as the parser takes it; views `file`.
std::vector<onnx::external_file> external_files(const onnx_file& file);

// "byte 123: the operator is not supported (Softmax)"
std::string describe(const error& why);

// "fp32", "int8" (scales from the row at hand), or "static int8" (fixed scales).
std::string_view precision_text(onnx::quant_mode mode);

// The sizes of the layers: "6-16-8-1".
std::string shape_text(const onnx::plan& plan);

// The float32 tensor's values; one value stands for all `count`.
std::vector<float> broadcast_values(const onnx::tensor& from, std::size_t count);

// The scaler, one value a feature; empty without one. A factor is given as the divisor that it
// replaces.
struct scaler_values {
  std::vector<float> mean, std;
};
scaler_values scaler_of(const onnx::plan& plan);

// Lowercase hex.
std::string sha256_of(std::string_view bytes);

} // namespace tinymlp::tools
