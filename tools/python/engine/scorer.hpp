// What runs a network: compiled once, behind a call that all of the bindings share.
#pragma once

#include <cstddef>
#include <memory>
#include <span>
#include <string_view>

#include <tinymlp/onnx.hpp>

namespace tinymlp::python {

class scorer {
public:
  virtual ~scorer() = default;
  // Row-major rows [N, inputs] -> [N, outputs], whose sizes the caller has checked.
  virtual void run(std::span<const float> rows, std::span<float> out) const noexcept = 0;
  // The instruction set whose kernels run.
  virtual std::string_view kernel() const noexcept = 0;
};

// For a model that has been parsed into `plan`, by the types that the compiler knows where it has
// one of their shapes: the same bits, faster. Null, with the reason in `why`, where it is refused.
std::unique_ptr<const scorer> make_scorer(const onnx::plan& plan, error& why);

} // namespace tinymlp::python
