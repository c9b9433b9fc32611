// A network to score with: one that is compiled in, by name, or an ONNX file loaded now.
#pragma once

#include <cstddef>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "onnx_file.hpp"

namespace tinymlp::tools {

struct model_description {
  std::string name; // "mlp_small", "mlp_small.int8", or the file's path
  bool compiled_in = false;
  std::string network;   // the name of its shape, "mlp_small"
  std::string shape;     // "6-16-8-1"
  std::string precision; // "fp32" or "int8"
  std::string kernel;    // the instruction set that scores
  std::size_t parameters = 0;
  std::size_t bytes = 0; // of the ONNX file
  std::string sha256;    // of the very bytes that were parsed, lowercase hex
  struct external_hash {
    std::string location, sha256;
  };
  std::vector<external_hash> external; // files of external data that belong to it
  std::vector<float> mean, std;        // the scaler, one per feature; empty without one
};

class model {
public:
  virtual ~model() = default;
  const model_description& description() const noexcept { return description_; }
  // Row-major rows x 6 in, one score per row out.
  virtual void score(std::span<const float> rows, std::span<float> scores) const = 0;

protected:
  model_description description_;
};

// `name_or_file` is a compiled-in name if there is one of it, else a path. `isa` forces a kernel by
// name. Throws failure for a file that cannot be read or is refused, and for an instruction set
// that this machine lacks; usage_error for names nobody knows.
std::unique_ptr<model> open_model(const std::string& name_or_file,
                                  const std::optional<std::string>& isa);

// "mlp_small", or the sizes of the layers where that shape has no name: "6-24-1".
std::string network_name(const onnx::plan& plan);

// "mlp_small, mlp_medium, ..." for help texts.
std::string compiled_in_names();
std::string isa_names();

} // namespace tinymlp::tools
