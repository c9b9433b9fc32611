#include "onnx/network_names.hpp"

#include <array>

#include <tinymlp/network.hpp>

#include "onnx/onnx_file.hpp"
#include "system/text.hpp"

namespace tinymlp::tools {

namespace {

struct named_shape {
  std::string_view name;
  std::string sizes;
};

template <class Net> named_shape shape_of(std::string_view name) {
  return {name, joined(Net::shape_type::sizes, "-")};
}

const std::array<named_shape, 3>& named_shapes() {
  static const std::array<named_shape, 3> shapes{shape_of<mlp_small>("mlp_small"),
                                                 shape_of<mlp_medium>("mlp_medium"),
                                                 shape_of<mlp_large>("mlp_large")};
  return shapes;
}

} // namespace

std::string network_name(const onnx::plan& plan) {
  std::string sizes = shape_text(plan);
  if (is_plain(plan))
    for (const named_shape& known : named_shapes())
      if (known.sizes == sizes) return std::string(known.name);
  return sizes;
}

bool is_network_name(std::string_view text) {
  for (const named_shape& known : named_shapes())
    if (known.name == text) return true;
  return text.find('-') != std::string_view::npos &&
         text.find_first_not_of("0123456789-") == std::string_view::npos;
}

} // namespace tinymlp::tools
