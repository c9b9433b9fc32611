// The kernels there are: a row for each instruction set, and the choice among them.
#pragma once

#include <tinymlp/isa.hpp>
#include <tinymlp/kernels/layout.hpp>
#include <tinymlp/kernels/reference.hpp>

#include <array>
#include <cstddef>

namespace tinymlp::kernels {

// The two functions an instruction set provides for one kind of weights (fp32_weights<Shape> or
// int8_weights<Shape>). Both are noexcept, allocate nothing and read nothing but their arguments.
template <class Weights> struct kernel {
  isa id;
  // One row of Shape::inputs features -> its score.
  float (*row)(const Weights& weights, const float* features) noexcept;
  // Row-major rows [count, Shape::inputs] -> scores [count]. No alignment needed; `scores` must
  // not overlap `rows`.
  void (*rows)(const Weights& weights, const float* features, std::size_t count,
               float* scores) noexcept;
};

template <class Weights>
inline constexpr std::array registered{
    kernel<Weights>{isa::reference, &reference::score, &reference::score_rows<Weights>},
};

namespace detail {

template <class Weights> constexpr auto index_by_isa() noexcept {
  std::array<kernel<Weights>, isa_count> table{};
  for (const kernel<Weights>& row : registered<Weights>)
    table[static_cast<std::size_t>(row.id)] = row;
  return table;
}
template <class Weights> inline constexpr auto by_isa = index_by_isa<Weights>();

} // namespace detail

// The kernel of an instruction set that supported() contains.
template <class Weights> const kernel<Weights>& kernel_of(isa which) noexcept {
  return detail::by_isa<Weights>[static_cast<std::size_t>(which)];
}

} // namespace tinymlp::kernels
