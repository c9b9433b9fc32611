// Any network by ONNX Runtime's C API: one thread, all graph optimisations, all graph inputs fed,
// tensors made once and bound.
#pragma once

#include <cstddef>
#include <memory>
#include <string>

#include "network_file.hpp"

namespace tinymlp::bench {

// A session for so many rows a call. Throws std::runtime_error with ONNX Runtime's message: a graph
// may be such that it cannot take many rows. Files that fix the number of rows to 1 are read as if
// it were symbolic where `count` is not 1.
class onnxruntime_run {
public:
  // out: [count, outputs], or null to keep the outputs inside.
  onnxruntime_run(const network_file& network, std::size_t count, float* out);
  ~onnxruntime_run();
  onnxruntime_run(onnxruntime_run&&) noexcept;

  // Row-major [count, inputs], copied into the tensors of the graph's inputs.
  void set_rows(const float* rows) const;
  // Scores the rows as they are.
  void operator()() const;
  // The wanted output of the last call, [count, outputs]: copies it if it is not in `out`.
  void read(float* out) const;

private:
  struct values;
  std::unique_ptr<values> values_;
};

class onnxruntime_network {
public:
  explicit onnxruntime_network(const network_file& network)
      : network_(network), single_(network, 1, nullptr) {}

  void row(const float* in, float* out) const {
    single_.set_rows(in);
    single_();
    single_.read(out);
  }
  onnxruntime_run prepare(const float* rows, std::size_t count, float* out) const {
    onnxruntime_run run(network_, count, out);
    run.set_rows(rows);
    return run;
  }

private:
  const network_file& network_;
  onnxruntime_run single_;
};

} // namespace tinymlp::bench
