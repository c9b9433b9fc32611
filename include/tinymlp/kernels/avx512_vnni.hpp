// avx512 with AVX-512 VNNI: int8 products of four bytes, added in one instruction. float32 is
// avx512's.
#pragma once

#include <tinymlp/kernels/avx512.hpp>
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

#define TINYMLP_TARGET "avx2,fma,avx512f,avx512bw,avx512dq,avx512vl,avx512vnni"
#include <tinymlp/kernels/region_begin.inl>
namespace tinymlp::kernels::avx512_vnni {

struct ops : avx512::ops {
  static constexpr std::size_t int8_pays(std::size_t) { return 6; }
  static constexpr std::size_t static_pays(std::size_t parameters) {
    return parameters < 2048 ? 6 : 8;
  }
#if defined(__GNUC__) && !defined(__clang__)
  // GCC 12 copies the sum before and after the intrinsic.
  static TINYMLP_INLINE __m256i dot(__m256i sum, __m256i q, __m256i w) {
    __asm__("vpdpbusd %2, %1, %0" : "+v"(sum) : "v"(q), "vm"(w));
    return sum;
  }
  static TINYMLP_INLINE __m512i dot(__m512i sum, __m512i q, __m512i w) {
    __asm__("vpdpbusd %2, %1, %0" : "+v"(sum) : "v"(q), "vm"(w));
    return sum;
  }
#else
  static TINYMLP_INLINE __m256i dot(__m256i sum, __m256i q, __m256i w) {
    return _mm256_dpbusd_epi32(sum, q, w);
  }
  static TINYMLP_INLINE __m512i dot(__m512i sum, __m512i q, __m512i w) {
    return _mm512_dpbusd_epi32(sum, q, w);
  }
#endif
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

} // namespace tinymlp::kernels::avx512_vnni
#include <tinymlp/kernels/region_end.inl>
#endif
