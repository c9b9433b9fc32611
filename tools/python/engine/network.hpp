// A network as Python holds it: what the engine scores with, and how results are shaped.
#pragma once

#include <cstddef>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include <nanobind/nanobind.h>

#include <tinymlp/onnx.hpp>

#include "engine/scorer.hpp"

namespace tinymlp::python {

namespace nb = nanobind;

// The bytes of a model and of its files of external data. Python owns them: keep it alive.
struct model_files {
  nb::bytes model;
  nb::dict external; // location: bytes
  std::vector<std::pair<std::string, nb::bytes>> held;
  std::vector<onnx::external_file> files;

  model_files(nb::bytes model, nb::dict external);
  std::span<const char> bytes() const { return {model.c_str(), model.size()}; }
};

class network {
public:
  // Raises tinymlp.Error where the model is refused. An empty output: the first that is an MLP.
  network(const model_files& from, const std::string& output);

  // Row-major rows [N, inputs()] -> [N, outputs()].
  void run(std::span<const float> rows, std::span<float> out) const noexcept {
    scorer_->run(rows, out);
  }
  std::size_t inputs() const noexcept { return inputs_; }
  std::size_t outputs() const noexcept { return outputs_; }
  // Weights and biases of the dense layers.
  std::size_t parameters() const noexcept { return parameters_; }
  // Sizes before the first dense layer and after each, and what activates each.
  const std::vector<std::size_t>& shape() const noexcept { return shape_; }
  const std::vector<activation>& activations() const noexcept { return activations_; }
  std::string_view kernel() const noexcept { return scorer_->kernel(); }
  // Whether a row's result is a number, not a row of one: the graph's output is [N].
  bool is_scalar() const noexcept { return is_scalar_; }

private:
  std::unique_ptr<const scorer> scorer_;
  std::size_t inputs_ = 0, outputs_ = 0, parameters_ = 0;
  std::vector<std::size_t> shape_;
  std::vector<activation> activations_;
  bool is_scalar_ = false;
};

// What the file says of itself and of the chosen output, as dicts and lists.
nb::dict describe(const model_files& from, const std::string& output);

// Raises tinymlp.Error with the reason and all other obstacles.
[[noreturn]] void raise_refused(const model_files& from, const std::string& output,
                                const error& why);

// Text out of a file, which may be no UTF-8.
nb::str text_of(std::string_view from);

} // namespace tinymlp::python
