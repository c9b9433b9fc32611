// The kernels there are: a row for each instruction set, and the choice among them.
#pragma once

#include <tinymlp/isa.hpp>
#include <tinymlp/kernels/avx2.hpp>
#include <tinymlp/kernels/avx2_vnni.hpp>
#include <tinymlp/kernels/avx512.hpp>
#include <tinymlp/kernels/avx512_vnni.hpp>
#include <tinymlp/kernels/layout.hpp>
#include <tinymlp/kernels/neon.hpp>
#include <tinymlp/kernels/neon_dotprod.hpp>
#include <tinymlp/kernels/neon_i8mm.hpp>
#include <tinymlp/kernels/reference.hpp>

#include <array>
#include <cstddef>
#include <initializer_list>

#include <tinymlp/nonblocking.inl>
namespace tinymlp::kernels {

// The two functions an instruction set provides for one kind of weights (fp32_weights<Shape> or
// int8_weights<Shape>). Both are noexcept, allocate nothing and read nothing but their arguments.
template <class Weights> struct kernel {
  isa id;
  // One row of Shape::inputs features -> its score.
  float (*row)(const Weights& weights, const float* features) noexcept TINYMLP_NONBLOCKING;
  // Row-major rows [count, Shape::inputs] -> scores [count]. No alignment needed; `scores` must
  // not overlap `rows`.
  void (*rows)(const Weights& weights, const float* features, std::size_t count,
               float* scores) noexcept TINYMLP_NONBLOCKING;
};

// The instruction sets that this build has kernels for; a CPU may lack some of them.
constexpr isa_set built() noexcept {
  isa_set set;
  set.insert(isa::reference);
#if defined(__x86_64__) || defined(_M_X64)
  for (const isa which : {isa::avx2, isa::avx2_vnni, isa::avx512, isa::avx512_vnni})
    set.insert(which);
#elif defined(__aarch64__) && defined(__GNUC__) && !defined(__AARCH64EB__)
  for (const isa which : {isa::neon, isa::neon_dotprod, isa::neon_i8mm}) set.insert(which);
#endif
  return set;
}

// Instruction sets that differ in int8 only have no row of their own here.
template <class Weights> inline constexpr std::array<kernel<Weights>, 0> registered{};
template <class Shape> inline constexpr std::array registered<fp32_weights<Shape>> {
  kernel<fp32_weights<Shape>>{isa::reference, &reference::score, &reference::score_rows},
#if defined(__x86_64__) || defined(_M_X64)
      kernel<fp32_weights<Shape>>{isa::avx2, &avx2::score_row, &avx2::score_rows},
      kernel<fp32_weights<Shape>>{isa::avx512, &avx512::score_row, &avx512::score_rows},
#elif defined(__aarch64__) && defined(__GNUC__) && !defined(__AARCH64EB__)
      kernel<fp32_weights<Shape>>{isa::neon, &neon::score_row, &neon::score_rows},
#endif
};
template <class Shape> inline constexpr std::array registered<int8_weights<Shape>> {
  kernel<int8_weights<Shape>>{isa::reference, &reference::score, &reference::score_rows},
#if defined(__x86_64__) || defined(_M_X64)
      kernel<int8_weights<Shape>>{isa::avx2, &avx2::score_row, &avx2::score_rows},
      kernel<int8_weights<Shape>>{isa::avx2_vnni, &avx2_vnni::score_row, &avx2_vnni::score_rows},
      kernel<int8_weights<Shape>>{isa::avx512, &avx512::score_row, &avx512::score_rows},
      kernel<int8_weights<Shape>>{isa::avx512_vnni, &avx512_vnni::score_row,
                                  &avx512_vnni::score_rows},
#elif defined(__aarch64__) && defined(__GNUC__) && !defined(__AARCH64EB__)
      kernel<int8_weights<Shape>>{isa::neon, &neon::score_row, &neon::score_rows},
      kernel<int8_weights<Shape>>{isa::neon_dotprod, &neon_dotprod::score_row,
                                  &neon_dotprod::score_rows},
      kernel<int8_weights<Shape>>{isa::neon_i8mm, &neon_i8mm::score_row, &neon_i8mm::score_rows},
#endif
};

namespace detail {

// Where the compiler could not build an instruction set, the one below it stands in.
template <class Weights> constexpr auto index_by_isa() noexcept {
  std::array<kernel<Weights>, isa_count> table{};
  for (std::size_t i = 0; i < isa_count; ++i)
    for (const kernel<Weights>& row : registered<Weights>)
      if (static_cast<std::size_t>(row.id) <= i) table[i] = row;
  return table;
}
template <class Weights> inline constexpr auto by_isa = index_by_isa<Weights>();

} // namespace detail

// The kernel of an instruction set that supported() contains.
template <class Weights> const kernel<Weights>& kernel_of(isa which) noexcept {
  return detail::by_isa<Weights>[static_cast<std::size_t>(which)];
}

// The kernel of an instruction set named at compile time, which this build must have.
template <class Weights, isa Which>
inline constexpr kernel<Weights> kernel_for = [] {
  constexpr isa_set all = built();
  static_assert(all.contains(Which), "this build has no kernels for that instruction set");
  return detail::by_isa<Weights>[static_cast<std::size_t>(Which)];
}();

} // namespace tinymlp::kernels
#include <tinymlp/nonblocking.inl>
