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
#include <tinymlp/kernels/static_int8.hpp>

#include <array>
#include <cstddef>
#include <initializer_list>

#include <tinymlp/nonblocking.inl>
namespace tinymlp::kernels {

// One row of Shape::inputs features -> its score. Noexcept, allocates nothing, reads nothing but
// its arguments.
template <class Weights>
using row_function = float (*)(const Weights& weights,
                               const float* features) noexcept TINYMLP_NONBLOCKING;
// Row-major rows [count, Shape::inputs] -> scores [count], likewise. No alignment needed; `scores`
// must not overlap `rows`.
template <class Weights>
using rows_function = void (*)(const Weights& weights, const float* features, std::size_t count,
                               float* scores) noexcept TINYMLP_NONBLOCKING;

// What an instruction set provides for one kind of weights (fp32_weights<Shape>,
// int8_weights<Shape> or static_int8_weights<Shape>).
template <class Weights> struct kernel {
  isa id;
  row_function<Weights> row;
  rows_function<Weights> rows;
};

// The instruction sets that this build has kernels for; a CPU may lack some of them.
constexpr isa_set built() noexcept {
  isa_set set;
  set.insert(isa::reference);
#if defined(__x86_64__) || defined(_M_X64)
  for (const isa which : {isa::avx2, isa::avx2_vnni, isa::avx512, isa::avx512_vnni})
    set.insert(which);
#elif defined(__aarch64__) && defined(__GNUC__) && !defined(__AARCH64EB__)
  set.insert(isa::neon);
#if defined(__ARM_FEATURE_DOTPROD) || !defined(__clang__) || __clang_major__ >= 17
  set.insert(isa::neon_dotprod);
#endif
#if defined(__ARM_FEATURE_MATMUL_INT8) || !defined(__clang__) || __clang_major__ >= 17
  set.insert(isa::neon_i8mm);
#endif
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
template <class Weights> inline constexpr std::array int8_kernels {
  kernel<Weights>{isa::reference, &reference::score, &reference::score_rows},
#if defined(__x86_64__) || defined(_M_X64)
      kernel<Weights>{isa::avx2, &avx2::score_row, &avx2::score_rows},
      kernel<Weights>{isa::avx2_vnni, &avx2_vnni::score_row, &avx2_vnni::score_rows},
      kernel<Weights>{isa::avx512, &avx512::score_row, &avx512::score_rows},
      kernel<Weights>{isa::avx512_vnni, &avx512_vnni::score_row, &avx512_vnni::score_rows},
#elif defined(__aarch64__) && defined(__GNUC__) && !defined(__AARCH64EB__)
      kernel<Weights>{isa::neon, &neon::score_row, &neon::score_rows},
#if defined(__ARM_FEATURE_DOTPROD) || !defined(__clang__) || __clang_major__ >= 17
      kernel<Weights>{isa::neon_dotprod, &neon_dotprod::score_row, &neon_dotprod::score_rows},
#endif
#if defined(__ARM_FEATURE_MATMUL_INT8) || !defined(__clang__) || __clang_major__ >= 17
      kernel<Weights>{isa::neon_i8mm, &neon_i8mm::score_row, &neon_i8mm::score_rows},
#endif
#endif
};
template <class Shape>
inline constexpr auto registered<int8_weights<Shape>> = int8_kernels<int8_weights<Shape>>;
template <class Shape>
inline constexpr auto registered<static_int8_weights<Shape>> =
    int8_kernels<static_int8_weights<Shape>>;

namespace detail {

// Is one row scored in 512-bit vectors, all from registers, where there are such?
template <class Weights> inline constexpr bool row_is_wide = false;
#if defined(__x86_64__) || defined(_M_X64)
template <class Shape>
inline constexpr bool row_is_wide<fp32_weights<Shape>> =
    avx512::row_unrolls<Shape>&& avx512::ops::row_vector<16, most_sums<Shape>>::lanes == 16;
#endif

// Where the compiler could not build an instruction set, the one below it stands in.
template <class Weights> constexpr kernel<Weights> find(std::size_t which) noexcept {
  kernel<Weights> found{};
  for (const kernel<Weights>& each : registered<Weights>)
    if (static_cast<std::size_t>(each.id) <= which) found = each;
  return found;
}

// A table for each part of a kernel: a program that scores single rows only does not carry the
// code for batches, nor the other way round.
template <class Weights>
inline constexpr std::array<kernel<Weights>, isa_count> by_isa = [] {
  std::array<kernel<Weights>, isa_count> table{};
  for (std::size_t i = 0; i < isa_count; ++i) table[i] = find<Weights>(i);
  return table;
}();
template <class Weights>
inline constexpr std::array<row_function<Weights>, isa_count> row_by_isa = [] {
  std::array<row_function<Weights>, isa_count> table{};
  for (std::size_t i = 0; i < isa_count; ++i) table[i] = find<Weights>(i).row;
  return table;
}();
template <class Weights>
inline constexpr std::array<rows_function<Weights>, isa_count> rows_by_isa = [] {
  std::array<rows_function<Weights>, isa_count> table{};
  for (std::size_t i = 0; i < isa_count; ++i) table[i] = find<Weights>(i).rows;
  return table;
}();

} // namespace detail

// The kernel of an instruction set that supported() contains; with its two functions.
template <class Weights> const kernel<Weights>& kernel_of(isa which) noexcept {
  return detail::by_isa<Weights>[static_cast<std::size_t>(which)];
}
template <class Weights> row_function<Weights> row_function_of(isa which) noexcept {
  return detail::row_by_isa<Weights>[static_cast<std::size_t>(which)];
}
// The instruction set that scores one row when none is named.
template <class Weights> isa selected_for_row() noexcept {
  if constexpr (detail::row_is_wide<Weights>)
    return tinymlp::detail::selected_for_wide_row();
  else
    return selected();
}
template <class Weights> rows_function<Weights> rows_function_of(isa which) noexcept {
  return detail::rows_by_isa<Weights>[static_cast<std::size_t>(which)];
}

// The kernel of an instruction set named at compile time, which this build must have.
template <class Weights, isa Which>
inline constexpr kernel<Weights> kernel_for = [] {
  constexpr isa_set all = built();
  static_assert(all.contains(Which), "this build has no kernels for that instruction set");
  return detail::find<Weights>(static_cast<std::size_t>(Which));
}();

} // namespace tinymlp::kernels
#include <tinymlp/nonblocking.inl>
