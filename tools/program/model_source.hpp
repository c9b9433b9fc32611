// A network to score with: one that is compiled in, by name, or an ONNX file loaded now.
#pragma once

#include <cstddef>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "feature_rows.hpp"
#include "onnx_file.hpp"

namespace tinymlp::tools {

struct model_description {
  std::string name; // "mlp_small", "mlp_small.int8", or the file's path
  bool compiled_in = false;
  std::string predicts;   // libvmaf's model that a compiled-in network approximates, "vmaf_v0.6.1"
  std::string registered; // id, registry and quant_mode, where it came from a registry
  std::string network;    // the name of its shape, "mlp_small"
  std::string shape;      // "6-16-8-1"
  std::string precision;  // "fp32", "int8" or "static int8"
  std::string kernel;     // the instruction set that scores
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

// What a person asks for.
struct model_request {
  std::string model{};              // a compiled-in name, else a path; an id with a registry
  std::string output_name{};        // of the graph; empty: the first that is an MLP
  std::optional<std::string> isa{}; // forces a kernel by name
  std::optional<std::string>
      precision{};                       // "fp32" or "int8"; else the registry's, or the file's own
  std::optional<std::string> registry{}; // its path: the model's bytes must have the hash in there
  std::optional<std::string>
      public_key{}; // a minisign key, or its file, that must have signed them
};

// Throws failure for a file that cannot be read or is refused, for bytes that are not the
// registered or not the signed ones, for a precision that is not to be had (nothing else is loaded
// instead), and for an instruction set that this machine lacks; usage_error for names nobody knows.
std::unique_ptr<model> open_model(const model_request& request);
// The files that the model came from, with its registry and key: output must not replace them.
std::vector<std::string> files_of(const model_request& request, const model_description& from);
// A file that has been read already; `registered` as in the description.
std::unique_ptr<model> open_model(const onnx_file& file, std::string registered);

// Throws failure unless the network takes the six features of a frame and gives one score.
void require_scores_of_frames(const model_description& network);

// "mlp_small", or the sizes of the layers where that shape has no name: "6-24-1".
std::string network_name(const onnx::plan& plan);
// Whether the text could be the network_name() of some network.
bool is_network_name(std::string_view text);

// "mlp_small, mlp_medium, ..." for help texts.
std::string compiled_in_names();
std::string isa_names();

} // namespace tinymlp::tools
