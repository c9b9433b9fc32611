// NEON with FEAT_DotProd: int8 products of four bytes, added in one instruction. float32 is neon's.
#pragma once

#include <tinymlp/kernels/layout.hpp>
#include <tinymlp/kernels/neon.hpp>
#include <tinymlp/kernels/static_int8.hpp>

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <limits>
#include <type_traits>
#include <utility>

#if defined(__aarch64__) && defined(__GNUC__) && !defined(__AARCH64EB__)
// Clang declares these intrinsics outside their architecture from version 17 on; without them
// there are no such kernels (table.hpp).
#if defined(__ARM_FEATURE_DOTPROD) || !defined(__clang__) || __clang_major__ >= 17

#if !defined(__ARM_FEATURE_DOTPROD)
#if defined(__clang__)
#define TINYMLP_TARGET "dotprod"
#else
#define TINYMLP_TARGET "arch=armv8.2-a+dotprod"
#endif
#endif
#include <tinymlp/kernels/region_begin.inl>
namespace tinymlp::kernels::neon_dotprod {

struct ops : neon::ops {
  static TINYMLP_INLINE int32x4_t dot(int32x4_t sum, int32x4_t q, int32x4_t w) {
    return vdotq_s32(sum, vreinterpretq_s8_s32(q), vreinterpretq_s8_s32(w));
  }
};

#include <tinymlp/kernels/elementary.inl>
#include <tinymlp/kernels/elementary_pair.inl>
#include <tinymlp/kernels/activations.inl>
#include <tinymlp/kernels/rows_input.inl>
#include <tinymlp/kernels/int8_row.inl>
#include <tinymlp/kernels/steps_int8.inl>
#include <tinymlp/kernels/steps_row.inl>
#include <tinymlp/kernels/int8_rows.inl>
#include <tinymlp/kernels/int8_static_row.inl>
#include <tinymlp/kernels/int8_static_rows.inl>

} // namespace tinymlp::kernels::neon_dotprod
#include <tinymlp/kernels/region_end.inl>

#endif
#endif
