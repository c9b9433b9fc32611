#include "model_source.hpp"

#include <array>
#include <tuple>

#include <tinymlp/tinymlp.hpp>
#include <unistd.h>

#include "failure.hpp"
#include "onnx_file.hpp"
#include "text.hpp"

namespace tinymlp::tools {

namespace {

// A network that the program can score with: its fp32 and int8 types and its shipped weights.
// One row is all that a further one needs.
template <class Fp32, class Int8> struct network_row {
  using fp32_type = Fp32;
  using int8_type = Int8;
  std::string_view name;
  std::span<const char> onnx; // the file that the shipped networks are parsed from
  const Fp32& (*fp32)() noexcept;
  const Int8& (*int8)() noexcept;
};

template <std::size_t N> constexpr std::span<const char> file_of(const char (&literal)[N]) {
  return {literal, N - 1}; // without the final NUL
}

constexpr std::tuple networks{
    network_row<mlp_small, mlp_small_int8>{"mlp_small", file_of(models::mlp_small_onnx),
                                           &vmaf::small<>, &vmaf::small_int8<>},
    network_row<mlp_medium, mlp_medium_int8>{"mlp_medium", file_of(models::mlp_medium_onnx),
                                             &vmaf::medium<>, &vmaf::medium_int8<>},
    network_row<mlp_large, mlp_large_int8>{"mlp_large", file_of(models::mlp_large_onnx),
                                           &vmaf::large<>, &vmaf::large_int8<>},
};
constexpr std::string_view int8_suffix = ".int8";

template <class F> void for_each_network(F&& f) {
  std::apply([&](const auto&... row) { (f(row), ...); }, networks);
}

std::optional<isa> choose_isa(const std::optional<std::string>& wanted) {
  if (!wanted) return std::nullopt;
  const std::optional<isa> which = isa_from_name(*wanted);
  if (!which)
    throw usage_error(
        fmt::format("--isa: no instruction set {}; known are {}", *wanted, isa_names()));
  if (!supported(*which)) fail("--isa: {}: {}", *wanted, message(errc::isa_unsupported));
  return which;
}

template <class Net> class model_of final : public model {
public:
  model_of(const Net& network, const model_description& description, std::optional<isa> which)
      : network_(network), isa_(which) {
    description_ = description;
    description_.shape = joined(Net::shape_type::sizes, "-");
    description_.precision = name(Net::kind);
    description_.kernel = name(which.value_or(selected()));
    description_.parameters = Net::parameter_count;
  }

  void score(std::span<const float> rows, std::span<float> scores) const override {
    const errc done = isa_ ? network_.score(rows, scores, *isa_) : network_.score(rows, scores);
    if (done != errc::ok) fail("{}: {}", description_.name, message(done));
  }

private:
  Net network_;
  std::optional<isa> isa_;
};

template <class Net>
std::unique_ptr<model> make_model(const Net& network, const model_description& description,
                                  std::optional<isa> which) {
  return std::make_unique<model_of<Net>>(network, description, which);
}

void describe_scaler(const onnx::plan& plan, model_description& to) {
  if (plan.input_scaler.op == onnx::scale_op::none) return;
  to.mean = broadcast_values(plan.input_scaler.mean, plan.inputs);
  to.std = broadcast_values(plan.input_scaler.scale, plan.inputs);
  if (plan.input_scaler.op == onnx::scale_op::multiply)
    for (float& value : to.std) value = 1 / value;
}

std::unique_ptr<model> open_compiled_in(const std::string& wanted, std::optional<isa> which) {
  std::unique_ptr<model> found;
  for_each_network([&](const auto& row) {
    const std::string int8_name = std::string(row.name) + std::string(int8_suffix);
    if (wanted != row.name && wanted != int8_name) return;
    model_description description;
    description.name = wanted;
    description.compiled_in = true;
    description.network = row.name;
    description.bytes = row.onnx.size();
    description.sha256 = sha256_of({row.onnx.data(), row.onnx.size()});
    if (const auto plan = onnx::parse(row.onnx)) describe_scaler(*plan, description);
    found = wanted == row.name ? make_model(row.fp32(), description, which)
                               : make_model(row.int8(), description, which);
  });
  return found;
}

template <class Net>
std::unique_ptr<model> pack(const onnx_file& file, const model_description& description,
                            std::optional<isa> which) {
  const result<Net> network = Net::from_plan(file.plan);
  if (!network) fail("{}: {}", file.path, describe(network.error()));
  return make_model(*network, description, which);
}

std::unique_ptr<model> open_file(const std::string& path, std::optional<isa> which) {
  const onnx_file file = read_onnx_file(path);
  const std::string shape = shape_text(file.plan);
  std::vector<std::string> known;
  std::unique_ptr<model> found;
  for_each_network([&](const auto& row) {
    using row_type = std::remove_cvref_t<decltype(row)>;
    known.push_back(joined(row_type::fp32_type::shape_type::sizes, "-"));
    if (known.back() != shape) return;
    model_description description;
    description.name = file.path;
    description.network = row.name;
    description.bytes = file.bytes.size();
    description.sha256 = file.sha256;
    for (const external_data& data : file.external)
      description.external.push_back({data.location, data.sha256});
    describe_scaler(file.plan, description);
    found = file.plan.kind == onnx::precision::fp32
                ? pack<typename row_type::fp32_type>(file, description, which)
                : pack<typename row_type::int8_type>(file, description, which);
  });
  if (!found)
    fail("{}: its layers are {}; this program scores {}", file.path, shape, joined(known, ", "));
  return found;
}

} // namespace

std::unique_ptr<model> open_model(const std::string& name_or_file,
                                  const std::optional<std::string>& isa_name) {
  const std::optional<isa> which = choose_isa(isa_name);
  if (std::unique_ptr<model> found = open_compiled_in(name_or_file, which)) return found;
  const bool is_path = name_or_file.find_first_of("/.") != std::string::npos ||
                       ::access(name_or_file.c_str(), F_OK) == 0;
  if (!is_path)
    throw usage_error(fmt::format("--model: neither a file nor one of {}: {}", compiled_in_names(),
                                  name_or_file));
  return open_file(name_or_file, which);
}

std::string network_name(const onnx::plan& plan) {
  const std::string shape = shape_text(plan);
  std::string found = shape;
  for_each_network([&](const auto& row) {
    using shape_type = typename std::remove_cvref_t<decltype(row)>::fp32_type::shape_type;
    if (fmt::format("{}", fmt::join(shape_type::sizes, "-")) == shape) found = row.name;
  });
  return found;
}

std::string compiled_in_names() {
  std::vector<std::string> names;
  for_each_network([&](const auto& row) { names.emplace_back(row.name); });
  for_each_network(
      [&](const auto& row) { names.push_back(fmt::format("{}{}", row.name, int8_suffix)); });
  return joined(names, ", ");
}

std::string isa_names() {
  std::vector<std::string_view> names;
  for (std::size_t i = 0; i < isa_count; ++i) names.push_back(name(static_cast<isa>(i)));
  return joined(names, ", ");
}

} // namespace tinymlp::tools
