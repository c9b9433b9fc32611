// Chains of operators that exporters write where there is one operator, or was none yet:
// activations and normalisations. Each is recognised from its last node, in any order of
// commutative operands, with constants that may have been rounded.
#pragma once

#include <tinymlp/onnx/reader.hpp>

#include <array>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <string_view>

namespace tinymlp::onnx::detail {

// What was recognised: a step of `kind` on the value `from`.
struct pattern {
  step_kind kind = step_kind::activate;
  activation activates = activation::identity;
  float alpha = 1;
  std::uint32_t axes = 0; // of ReduceMean: bit axis + 8
  std::string_view from{};
};

class pattern_matcher : protected graph_reader {
protected:
  using graph_reader::graph_reader;

  // The pattern that ends with this node. Nothing is refused: false where there is none.
  constexpr bool match(const node& n, pattern& out) noexcept {
    (void)n, (void)out;
    return false;
  }

  constexpr bool match_complement(const node& n, std::string_view& p) noexcept {
    node sub;
    float one = 0;
    if (!producer(origin(n.inputs[0]), sub) || !sub.is("Sub") || sub.input_count != 2) return false;
    p = n.inputs[1];
    return scalar(sub.inputs[0], one) && one == 1 && same(origin(sub.inputs[1]), origin(p));
  }

  // ---- bounds of Clip, Min and Max

  // A bound that is left out is infinite. False where it is no constant of one value, or NaN.
  constexpr bool clip_bounds(const node& n, float& low, float& high) noexcept {
    low = -std::numeric_limits<float>::infinity();
    high = std::numeric_limits<float>::infinity();
    if (g_.opset < 11) return read_bound(n, "min", low) && read_bound(n, "max", high);
    if (n.input_count > 1 && !n.inputs[1].empty() && !scalar(n.inputs[1], low)) return false;
    if (n.input_count > 2 && !n.inputs[2].empty() && !scalar(n.inputs[2], high)) return false;
    return low == low && high == high;
  }
  constexpr bool read_bound(const node& n, std::string_view name, float& bound) noexcept {
    attribute a;
    if (!find_attribute(n, name, a)) return true;
    if (a.type != attribute_type::float32 || a.f != a.f) return fail(errc::bad_attribute, a);
    bound = a.f;
    return true;
  }
  constexpr bool min_max_bounds(const node& n, std::string_view& from, float& low,
                                float& high) noexcept {
    low = -std::numeric_limits<float>::infinity();
    high = std::numeric_limits<float>::infinity();
    if (n.input_count != 2) return false;
    const bool first = is_constant(n.inputs[0]);
    from = n.inputs[first ? 1 : 0];
    float& bound = n.is("Min") ? high : low;
    return scalar(n.inputs[first ? 0 : 1], bound) && bound == bound;
  }
};

} // namespace tinymlp::onnx::detail
