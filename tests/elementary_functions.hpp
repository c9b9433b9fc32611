// What the tests of the elementary functions and of the activations go through: each function by
// each vector of each instruction set, and its value in double.
#pragma once

#include "elementary_in_double.hpp"

#include <tinymlp/isa.hpp>
#include <tinymlp/kernels/table.hpp>

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <vector>

namespace elementary_functions {

using namespace tinymlp;
using namespace tinymlp::kernels;

using map_function = void (*)(float* x, std::size_t count);

struct elementary_kernel {
  isa which;
  const char* vector;
  std::array<map_function, 7> maps; // as `functions`, in place
  void (*activate)(activation, float, float, float*, std::size_t) noexcept;
  void (*activate_prelu)(const float*, float*, std::size_t) noexcept;
};

struct elementary_function {
  const char* name;
  double (*exact)(double);
  float (*scalar)(float);
  double limit; // of the error, in units in the last place
};

using vectors::v1;
inline constexpr std::array<elementary_function, 7> functions{{
    {"exp", &in_double::exp, &reference::exp<v1>, 1},
    {"expm1", &in_double::expm1, &reference::expm1<v1>, 1.5},
    {"log", &in_double::log, &reference::log<v1>, 1.5},
    {"tanh", &in_double::tanh, &reference::tanh<v1>, 2},
    {"sigmoid", &in_double::sigmoid, &reference::sigmoid<v1>, 1.5},
    {"erf", &in_double::erf, &reference::erf<v1>, 1.5},
    {"softplus", &in_double::softplus, &reference::softplus<v1>, 1.5},
}};

} // namespace elementary_functions

#if defined(__x86_64__) || defined(_M_X64)
#define TINYMLP_TARGET "avx2,fma"
#include <tinymlp/kernels/region_begin.inl>
namespace tinymlp::kernels::avx2 {
using elementary_functions::elementary_kernel;
#include "elementary_maps.inl"
} // namespace tinymlp::kernels::avx2
#include <tinymlp/kernels/region_end.inl>
#define TINYMLP_TARGET "avx2,fma,avx512f,avx512bw,avx512dq,avx512vl"
#include <tinymlp/kernels/region_begin.inl>
namespace tinymlp::kernels::avx512 {
using elementary_functions::elementary_kernel;
#include "elementary_maps.inl"
} // namespace tinymlp::kernels::avx512
#include <tinymlp/kernels/region_end.inl>
#elif defined(__aarch64__) && defined(__GNUC__) && !defined(__AARCH64EB__)
namespace tinymlp::kernels::neon {
using elementary_functions::elementary_kernel;
#include "elementary_maps.inl"
} // namespace tinymlp::kernels::neon
#endif
namespace tinymlp::kernels::reference {
using elementary_functions::elementary_kernel;
#include "elementary_maps.inl"
} // namespace tinymlp::kernels::reference

namespace elementary_functions {

// Those that this CPU has, the fastest last.
inline std::vector<elementary_kernel> supported_kernels() {
  std::vector<elementary_kernel> all{reference::kernel_of_vectors<v1>(isa::reference, "v1")};
#if defined(__x86_64__) || defined(_M_X64)
  all.push_back(avx2::kernel_of_vectors<vectors::v8>(isa::avx2, "v8"));
  all.push_back(avx512::kernel_of_vectors<vectors::v8>(isa::avx512, "v8"));
  all.push_back(avx512::kernel_of_vectors<vectors::v16>(isa::avx512, "v16"));
#elif defined(__aarch64__) && defined(__GNUC__) && !defined(__AARCH64EB__)
  all.push_back(neon::kernel_of_vectors<vectors::v4>(isa::neon, "v4"));
#endif
  std::erase_if(all, [](const elementary_kernel& k) { return !supported(k.which); });
  return all;
}

inline std::uint32_t bits(float x) { return std::bit_cast<std::uint32_t>(x); }
inline float of_bits(std::uint32_t x) { return std::bit_cast<float>(x); }
inline bool same(float a, float b) {
  return bits(a) == bits(b) || (std::isnan(a) && std::isnan(b));
}

// |got - want| in units in the last place of the float nearest to `want`; infinite where only one
// of them is a NaN or an infinity.
inline double ulps(float got, double want) {
  if (std::isnan(want)) return std::isnan(got) ? 0 : INFINITY;
  if (std::fabs(want) >= 0x1.ffffffp127) // rounds to infinity
    return static_cast<double>(got) == std::copysign(INFINITY, want) ? 0 : INFINITY;
  // 2^-149 where the result is denormal, else 23 bits below the leading one.
  const auto exponent = static_cast<int>(std::bit_cast<std::uint64_t>(want) >> 52 & 0x7ff) - 1023;
  const auto scale = static_cast<std::uint64_t>(1023 + 23 - std::max(exponent, -126)) << 52;
  return std::fabs(static_cast<double>(got) - want) * std::bit_cast<double>(scale);
}

} // namespace elementary_functions
