#include "models/model.hpp"

#include <algorithm>
#include <memory>
#include <tuple>

#include <tinymlp/tinymlp.hpp>

#include "system/failure.hpp"
#include "onnx/network_names.hpp"
#include "onnx/onnx_file.hpp"
#include "system/text.hpp"

namespace tinymlp::tools {

namespace {

// A network that the program can score with: its fp32 and int8 types and its shipped weights.
// One row is all that a further one needs.
template <class Fp32, class Int8, class StaticInt8> struct network_row {
  using fp32_type = Fp32;
  using int8_type = Int8;
  using static_int8_type = StaticInt8;
  std::string_view name;
  std::string_view predicts;  // libvmaf's model
  std::span<const char> onnx; // the file that the shipped networks are parsed from
  const Fp32& (*fp32)() noexcept;
  const Int8& (*int8)() noexcept;
};

template <std::size_t N> constexpr std::span<const char> file_of(const char (&literal)[N]) {
  return {literal, N - 1}; // without the final NUL
}

constexpr std::string_view hd_model = "vmaf_v0.6.1", uhd_model = "vmaf_4k_v0.6.1";

constexpr std::tuple networks{
    network_row<mlp_small, mlp_small_int8, mlp_small_static_int8>{
        "mlp_small", hd_model, file_of(models::mlp_small_onnx), &vmaf::small<>,
        &vmaf::small_int8<>},
    network_row<mlp_medium, mlp_medium_int8, mlp_medium_static_int8>{
        "mlp_medium", hd_model, file_of(models::mlp_medium_onnx), &vmaf::medium<>,
        &vmaf::medium_int8<>},
    network_row<mlp_large, mlp_large_int8, mlp_large_static_int8>{
        "mlp_large", hd_model, file_of(models::mlp_large_onnx), &vmaf::large<>,
        &vmaf::large_int8<>},
    network_row<mlp_small, mlp_small_int8, mlp_small_static_int8>{
        "mlp_small_4k", uhd_model, file_of(models::mlp_small_4k_onnx), &vmaf::small_4k<>,
        &vmaf::small_4k_int8<>},
    network_row<mlp_medium, mlp_medium_int8, mlp_medium_static_int8>{
        "mlp_medium_4k", uhd_model, file_of(models::mlp_medium_4k_onnx), &vmaf::medium_4k<>,
        &vmaf::medium_4k_int8<>},
    network_row<mlp_large, mlp_large_int8, mlp_large_static_int8>{
        "mlp_large_4k", uhd_model, file_of(models::mlp_large_4k_onnx), &vmaf::large_4k<>,
        &vmaf::large_4k_int8<>},
};

template <class F> void for_each_network(F&& f) {
  std::apply([&](const auto&... row) { (f(row), ...); }, networks);
}

template <class Net> class model_of final : public model {
public:
  model_of(const Net& network, const model_description& description, std::optional<isa> which)
      : network_(network), isa_(which), for_row_(kernels::kernel_of<weights>(
                                            which.value_or(kernels::selected_for_row<weights>()))) {
    description_ = description;
    description_.shape = joined(Net::shape_type::sizes, "-");
    description_.precision = precision_text(Net::mode);
    // The kernels that run, which for float32 are not those of the best instruction set's name.
    description_.kernel = name(kernels::kernel_of<weights>(which.value_or(selected())).id);
    description_.row_kernel = name(for_row_.id);
    description_.parameters = Net::parameter_count;
    description_.inputs = Net::inputs;
    description_.outputs = 1;
  }

  void score(std::span<const float> rows, std::span<float> scores) const override {
    const status done = isa_ ? network_.score(rows, scores, *isa_) : network_.score(rows, scores);
    if (done != status::ok) fail("{}: {}", description_.name, message(done));
  }
  float score_row(const float* row) const noexcept override {
    return for_row_.row(network_.weights(), row);
  }

private:
  using weights = std::remove_cvref_t<decltype(std::declval<Net>().weights())>;

  Net network_;
  std::optional<isa> isa_;
  const kernels::kernel<weights>& for_row_;
};

// Of a shape that the compiler did not know.
class any_model final : public model {
public:
  any_model(const onnx_file& file, const model_description& description, std::optional<isa> which)
      : isa_(which.value_or(selected())),
        kernel_(file.plan.mode == onnx::quant_mode::fp32
                    ? kernels::steps_kernel_of<kernels::any_shape>(isa_)
                    : kernels::steps_kernel_of<kernels::int8_steps>(isa_)) {
    const error why = network_.load(file.bytes, file.external_files, file.plan.output_name);
    if (onnx::failed(why)) fail("{}: {}", file.path, describe(why));
    description_ = description;
    description_.shape = shape_text(file.plan);
    description_.precision = precision_text(file.plan.mode);
    description_.kernel = description_.row_kernel = name(kernel_.id);
    description_.parameters = network_->parameter_count();
    description_.inputs = network_->inputs();
    description_.outputs = network_->outputs();
    row_.resize(network_->outputs());
    scratch_.resize(kernels::row_scratch(network_->view()) + alignment / sizeof(float));
    void* at = scratch_.data();
    std::size_t room = scratch_.size() * sizeof(float);
    aligned_ = static_cast<float*>(
        std::align(alignment, kernels::row_scratch(network_->view()) * sizeof(float), at, room));
  }

  void score(std::span<const float> rows, std::span<float> scores) const override {
    if (const status done = network_->run(rows, scores, isa_); done != status::ok)
      fail("{}: {}", description_.name, message(done));
  }
  float score_row(const float* row) const noexcept override {
    kernel_.row(network_->view(), row, row_.data(), aligned_);
    return row_[0];
  }

private:
  static constexpr std::size_t alignment = 64;

  owned_network network_;
  isa isa_;
  const kernels::steps_kernel& kernel_;
  mutable std::vector<float> row_, scratch_;
  float* aligned_ = nullptr;
};

template <class Net>
std::unique_ptr<model> make_model_of(const Net& network, const model_description& description,
                                     std::optional<isa> which) {
  return std::make_unique<model_of<Net>>(network, description, which);
}

// What the plan tells and the network does not.
void describe_plan(const onnx::plan& plan, model_description& to) {
  to.groups = feature_groups(plan);
  to.output_name = plan.output_name;
  scaler_values scaler = scaler_of(plan);
  to.mean = std::move(scaler.mean);
  to.std = std::move(scaler.std);
}

template <class T> bool same_bits(const T& a, const T& b) {
  const auto x = std::as_bytes(std::span(a)), y = std::as_bytes(std::span(b));
  return std::equal(x.begin(), x.end(), y.begin());
}
template <class A, class B> bool same_weights(const A&, const B&) { return false; }
template <class Shape>
bool same_weights(const kernels::fp32_weights<Shape>& a, const kernels::fp32_weights<Shape>& b) {
  return same_bits(a.values, b.values);
}
template <class Shape>
bool same_weights(const kernels::int8_weights<Shape>& a, const kernels::int8_weights<Shape>& b) {
  return same_bits(a.bytes, b.bytes) && same_bits(a.floats, b.floats);
}

// libvmaf's model that the network approximates, where its weights are those of a shipped one,
// whatever file they come from; else empty.
template <class Net> std::string_view predicted_by(const Net& network) {
  std::string_view found;
  for_each_network([&](const auto& row) {
    if (same_weights(network.weights(), row.fp32().weights()) ||
        same_weights(network.weights(), row.int8().weights()))
      found = row.predicts;
  });
  return found;
}

template <class Net>
std::unique_ptr<model> pack(const onnx_file& file, model_description description,
                            std::optional<isa> which) {
  const result<Net> network = Net::from_plan(file.plan);
  if (!network) fail("{}: {}", file.path, describe(network.error()));
  description.predicts = predicted_by(*network);
  return make_model_of(*network, description, which);
}

} // namespace

// One of the three shapes by the types that the compiler knows, any other by the same kernels that
// all shapes share: the same bits.
std::unique_ptr<model> make_model(const onnx_file& file, std::optional<isa> which,
                                  std::string registered) {
  model_description description;
  description.name = file.path;
  description.registered = std::move(registered);
  description.network = network_name(file.plan);
  description.bytes = file.bytes.size();
  description.sha256 = file.sha256;
  for (const external_data& data : file.external)
    description.external.push_back({data.location, data.sha256});
  describe_plan(file.plan, description);
  std::unique_ptr<model> found;
  for_each_network([&](const auto& row) {
    using row_type = std::remove_cvref_t<decltype(row)>;
    if (description.network != row.name) return;
    switch (file.plan.mode) {
    case onnx::quant_mode::fp32:
      found = pack<typename row_type::fp32_type>(file, description, which);
      break;
    case onnx::quant_mode::dynamic_int8:
      found = pack<typename row_type::int8_type>(file, description, which);
      break;
    case onnx::quant_mode::static_int8:
      found = pack<typename row_type::static_int8_type>(file, description, which);
      break;
    }
  });
  return found ? std::move(found) : std::make_unique<any_model>(file, description, which);
}

std::unique_ptr<model> make_compiled_in(std::string_view wanted, std::optional<isa> which) {
  std::unique_ptr<model> found;
  for_each_network([&](const auto& row) {
    const std::string int8_name = std::string(row.name) + std::string(int8_suffix);
    if (wanted != row.name && wanted != int8_name) return;
    model_description description;
    description.name = wanted;
    description.compiled_in = true;
    description.predicts = row.predicts;
    description.bytes = row.onnx.size();
    description.sha256 = sha256_of({row.onnx.data(), row.onnx.size()});
    if (const auto plan = onnx::parse(row.onnx)) {
      description.network = network_name(*plan);
      describe_plan(*plan, description);
    }
    found = wanted == row.name ? make_model_of(row.fp32(), description, which)
                               : make_model_of(row.int8(), description, which);
  });
  return found;
}

void require_scores_of_frames(const model_description& network) {
  if (network.inputs == vmaf::feature_names.size() && network.outputs == 1) return;
  fail("{}: takes {} feature{} a row and gives {} value{}; frames have the {} features {} and get "
       "one score",
       network.name, network.inputs, network.inputs == 1 ? "" : "s", network.outputs,
       network.outputs == 1 ? "" : "s", vmaf::feature_names.size(),
       joined(vmaf::feature_names, ", "));
}

std::string compiled_in_names() {
  std::vector<std::string> names;
  for_each_network([&](const auto& row) { names.emplace_back(row.name); });
  for_each_network(
      [&](const auto& row) { names.push_back(fmt::format("{}{}", row.name, int8_suffix)); });
  return joined(names, ", ");
}

} // namespace tinymlp::tools
