// avx2 with AVX-VNNI: int8 products of four bytes, added in one instruction. float32 is avx2's.
#pragma once

#include <tinymlp/kernels/avx2.hpp>
#include <tinymlp/kernels/layout.hpp>
#include <tinymlp/kernels/static_int8.hpp>

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <limits>
#include <type_traits>
#include <utility>

#if defined(__x86_64__) || defined(_M_X64)
#include <immintrin.h>

#define TINYMLP_TARGET "avx2,fma,avxvnni"
#include <tinymlp/kernels/region_begin.inl>
namespace tinymlp::kernels::avx2_vnni {

struct ops : avx2::ops {
  static constexpr std::size_t int8_pays(std::size_t parameters) {
    return parameters < 2048 ? 5 : 6;
  }
  static TINYMLP_INLINE __m256i dot(__m256i sum, __m256i q, __m256i w) {
#if defined(__GNUC__) && !defined(__clang__)
    // GCC 12 copies the sum before and after the intrinsic.
    __asm__("%{vex%} vpdpbusd %2, %1, %0" : "+x"(sum) : "x"(q), "xm"(w));
    return sum;
#else
    return _mm256_dpbusd_avx_epi32(sum, q, w);
#endif
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

} // namespace tinymlp::kernels::avx2_vnni
#include <tinymlp/kernels/region_end.inl>
#endif
