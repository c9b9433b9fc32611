// The kernels of networks of any shape: a row for each instruction set, and the choice among them.
#pragma once

#include <tinymlp/kernels/steps_reference.hpp>
#include <tinymlp/kernels/table.hpp>

#include <array>
#include <cstddef>

#include <tinymlp/nonblocking.inl>
namespace tinymlp::kernels {

// One row of net.inputs features -> net.outputs values, with row_scratch(net) floats of scratch
// aligned to 64 bytes; many rows likewise, with `room` floats, of which more let more rows be
// scored together. Noexcept, allocate nothing, read and write nothing but their arguments.
using steps_row_function = void (*)(const steps_view& net, const float* row, float* out,
                                    float* scratch) noexcept TINYMLP_NONBLOCKING;
using steps_rows_function = void (*)(const steps_view& net, const float* rows, std::size_t count,
                                     float* out, float* scratch,
                                     std::size_t room) noexcept TINYMLP_NONBLOCKING;

struct steps_kernel {
  isa id;
  steps_row_function row;
  steps_rows_function rows;
  std::size_t block; // rows that are scored together, where there is room
};

// The kernels of float32 networks of a shape; a template so that a program holds what it uses.
template <class Shape> struct steps_kernels {
  static constexpr std::array all {
    steps_kernel{isa::reference, &reference::run_row, &reference::run_rows, 1},
#if defined(__x86_64__) || defined(_M_X64)
        steps_kernel{isa::avx2, &avx2::run_row<Shape>, &avx2::run_rows<Shape>, avx2::steps_block},
        steps_kernel{isa::avx512, &avx512::run_row<Shape>, &avx512::run_rows<Shape>,
                     avx512::steps_block},
#elif defined(__aarch64__) && defined(__GNUC__) && !defined(__AARCH64EB__)
        steps_kernel{isa::neon, &neon::run_row<Shape>, &neon::run_rows<Shape>, neon::steps_block},
#endif
  };
};
// Of int8 networks, whatever their shape.
struct int8_steps {};
template <> struct steps_kernels<int8_steps> {
  static constexpr std::array all {
    steps_kernel{isa::reference, &reference::run_row, &reference::run_rows, 1},
#if defined(__x86_64__) || defined(_M_X64)
        steps_kernel{isa::avx2, &avx2::run_row_int8, &avx2::run_rows_int8, 1},
        steps_kernel{isa::avx2_vnni, &avx2_vnni::run_row_int8, &avx2_vnni::run_rows_int8, 1},
        steps_kernel{isa::avx512, &avx512::run_row_int8, &avx512::run_rows_int8, 1},
        steps_kernel{isa::avx512_vnni, &avx512_vnni::run_row_int8, &avx512_vnni::run_rows_int8, 1},
#elif defined(__aarch64__) && defined(__GNUC__) && !defined(__AARCH64EB__)
        steps_kernel{isa::neon, &neon::run_row_int8, &neon::run_rows_int8, 1},
#if defined(__ARM_FEATURE_DOTPROD) || !defined(__clang__) || __clang_major__ >= 17
        steps_kernel{isa::neon_dotprod, &neon_dotprod::run_row_int8, &neon_dotprod::run_rows_int8,
                     1},
#endif
#if defined(__ARM_FEATURE_MATMUL_INT8) || !defined(__clang__) || __clang_major__ >= 17
        steps_kernel{isa::neon_i8mm, &neon_i8mm::run_row_int8, &neon_i8mm::run_rows_int8, 1},
#endif
#endif
  };
};

namespace detail {

template <class Shape>
inline constexpr std::array<steps_kernel, isa_count> steps_by_isa = [] {
  std::array<steps_kernel, isa_count> table{};
  for (std::size_t i = 0; i < isa_count; ++i)
    for (const steps_kernel& each : steps_kernels<Shape>::all)
      if (static_cast<std::size_t>(each.id) <= i) table[i] = each;
  return table;
}();
// A table for each part: a program that scores single rows only does not carry the code for
// batches, nor the other way round.
template <class Shape>
inline constexpr std::array<steps_row_function, isa_count> steps_row_by_isa = [] {
  std::array<steps_row_function, isa_count> table{};
  for (std::size_t i = 0; i < isa_count; ++i) table[i] = steps_by_isa<Shape>[i].row;
  return table;
}();
template <class Shape>
inline constexpr std::array<steps_rows_function, isa_count> steps_rows_by_isa = [] {
  std::array<steps_rows_function, isa_count> table{};
  for (std::size_t i = 0; i < isa_count; ++i) table[i] = steps_by_isa<Shape>[i].rows;
  return table;
}();

} // namespace detail

// The kernel of an instruction set that supported() contains, and its two functions. Shape:
// any_shape or a type like it, or int8_steps.
template <class Shape> const steps_kernel& steps_kernel_of(isa which) noexcept {
  return detail::steps_by_isa<Shape>[static_cast<std::size_t>(which)];
}
template <class Shape> steps_row_function steps_row_of(isa which) noexcept {
  return detail::steps_row_by_isa<Shape>[static_cast<std::size_t>(which)];
}
template <class Shape> steps_rows_function steps_rows_of(isa which) noexcept {
  return detail::steps_rows_by_isa<Shape>[static_cast<std::size_t>(which)];
}

} // namespace tinymlp::kernels
#include <tinymlp/nonblocking.inl>
