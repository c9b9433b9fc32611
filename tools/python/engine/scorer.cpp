#include "engine/scorer.hpp"

#include <new>
#include <type_traits>
#include <utility>

#include <tinymlp/any_network.hpp>
#include <tinymlp/network.hpp>
#include <tinymlp/quantized.hpp>
#include <tinymlp/static_quantized.hpp>

#include "onnx/plan_parts.hpp"

namespace tinymlp::python {

namespace {

template <class Net> class known_scorer final : public scorer {
public:
  explicit known_scorer(const Net& net) : net_(net) {}
  void run(std::span<const float> rows, std::span<float> out) const noexcept override {
    if (rows.size() == Net::inputs)
      out[0] = net_.score(rows.first<Net::inputs>());
    else
      static_cast<void>(net_.score(rows, out));
  }
  std::string_view kernel() const noexcept override {
    using weights = std::remove_cvref_t<decltype(net_.weights())>;
    return name(kernels::kernel_of<weights>(selected()).id);
  }

private:
  Net net_;
};

class any_scorer final : public scorer {
public:
  error load(const onnx::plan& plan) { return net_.load(plan); }
  void run(std::span<const float> rows, std::span<float> out) const noexcept override {
    static_cast<void>(net_->run(rows, out));
  }
  std::string_view kernel() const noexcept override {
    return name(net_->mode() == onnx::quant_mode::fp32
                    ? kernels::steps_kernel_of<kernels::any_shape>(selected()).id
                    : kernels::steps_kernel_of<kernels::int8_steps>(selected()).id);
  }

private:
  owned_network net_;
};

template <class Net> std::unique_ptr<const scorer> as(const onnx::plan& plan) {
  const result<Net> net = Net::from_plan(plan);
  return net ? std::make_unique<const known_scorer<Net>>(*net) : nullptr;
}
template <class... Nets> std::unique_ptr<const scorer> as_one_of(const onnx::plan& plan) {
  std::unique_ptr<const scorer> found;
  static_cast<void>(((found = as<Nets>(plan)) || ...));
  return found;
}

std::unique_ptr<const scorer> known(const onnx::plan& plan) {
  if (!tools::is_plain(plan)) return nullptr;
  switch (plan.mode) {
  case onnx::quant_mode::fp32: return as_one_of<mlp_small, mlp_medium, mlp_large>(plan);
  case onnx::quant_mode::dynamic_int8:
    return as_one_of<mlp_small_int8, mlp_medium_int8, mlp_large_int8>(plan);
  case onnx::quant_mode::static_int8:
    return as_one_of<mlp_small_static_int8, mlp_medium_static_int8, mlp_large_static_int8>(plan);
  }
  return nullptr;
}

} // namespace

std::unique_ptr<const scorer> make_scorer(const onnx::plan& plan, error& why) {
  if (auto found = known(plan)) return found;
  auto any = std::make_unique<any_scorer>();
  why = any->load(plan);
  if (onnx::failed(why)) return nullptr;
  return any;
}

} // namespace tinymlp::python
