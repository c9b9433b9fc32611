// A network to score with, made from a file that has been read or compiled in.
#pragma once

#include <cstddef>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <tinymlp/isa.hpp>

#include "logs/feature_rows.hpp"
#include "onnx/onnx_file.hpp"

namespace tinymlp::tools {

struct model_description {
  std::string name; // "mlp_small", "mlp_small.int8", or the file's path
  bool compiled_in = false;
  // libvmaf's model that a shipped network approximates, "vmaf_v0.6.1"; by its weights, whether
  // they are compiled in or come from a file.
  std::string predicts;
  std::string registered; // id, registry and quant_mode, where it came from a registry
  std::string network;    // the name of its shape, "mlp_small"
  std::string shape;      // "6-16-8-1"
  std::string precision;  // "fp32", "int8" or "static int8"
  std::string kernel;     // the instruction set that scores
  std::string row_kernel; // and the one that scores a row alone
  std::size_t parameters = 0;
  std::size_t inputs = 0, outputs = 0; // values in a row, and out of it
  std::vector<feature_group> groups;   // the graph's inputs
  std::string output_name;
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
  // Row-major rows [N, inputs] -> [N, outputs].
  virtual void score(std::span<const float> rows, std::span<float> scores) const = 0;
  // One row, by the kernel for single rows; its first output. As a player calls it: nothing is
  // checked or chosen. Not from two threads at once.
  virtual float score_row(const float* row) const noexcept = 0;

protected:
  model_description description_;
};

// The network of a file that has been read; `registered` as in the description. Throws failure
// where it cannot be loaded.
std::unique_ptr<model> make_model(const onnx_file& file, std::optional<isa> which,
                                  std::string registered);
// The ending of the names of compiled-in int8 networks.
inline constexpr std::string_view int8_suffix = ".int8";
// One that is compiled in; null for a name that none has.
std::unique_ptr<model> make_compiled_in(std::string_view wanted, std::optional<isa> which);
// "mlp_small, mlp_medium, ..., mlp_small.int8, ..." for help texts.
std::string compiled_in_names();

// Throws failure unless the network takes the six features of a frame and gives one score.
void require_scores_of_frames(const model_description& network);

} // namespace tinymlp::tools
