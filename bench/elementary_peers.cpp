#include "elementary_peers.hpp"

#include <Eigen/Core>
#include <unsupported/Eigen/SpecialFunctions>

#if TINYMLP_BENCH_SLEEF
#include <immintrin.h>
#include <sleef.h>
#endif

namespace {

using floats = Eigen::Map<Eigen::ArrayXf>;
using const_floats = Eigen::Map<const Eigen::ArrayXf>;

template <class F> void by_eigen(const float* x, float* y, std::size_t count, F function) {
  const auto n = static_cast<Eigen::Index>(count);
  floats(y, n) = function(const_floats(x, n));
}

#define BY_EIGEN(name, expression)                                                                 \
  elementary_peer {                                                                                \
    name, "Eigen", [](const float* x, float* y, std::size_t count) {                               \
      by_eigen(x, y, count, [](const auto& a) { return expression; });                             \
    }                                                                                              \
  }

#if TINYMLP_BENCH_SLEEF
#if defined(__AVX512F__)
using sleef_vector = __m512;
constexpr std::size_t sleef_lanes = 16;
sleef_vector load(const float* p) { return _mm512_loadu_ps(p); }
void store(float* p, sleef_vector a) { _mm512_storeu_ps(p, a); }
#define SLEEF(name) Sleef_##name##f16_u10avx512f
#else
using sleef_vector = __m256;
constexpr std::size_t sleef_lanes = 8;
sleef_vector load(const float* p) { return _mm256_loadu_ps(p); }
void store(float* p, sleef_vector a) { _mm256_storeu_ps(p, a); }
#define SLEEF(name) Sleef_##name##f8_u10avx2
#endif

template <class F> void by_sleef(const float* x, float* y, std::size_t count, F function) {
  for (std::size_t i = 0; i < count; i += sleef_lanes) store(y + i, function(load(x + i)));
}

#define BY_SLEEF(name, expression)                                                                 \
  elementary_peer {                                                                                \
    name, "SLEEF", [](const float* x, float* y, std::size_t count) {                               \
      by_sleef(x, y, count, [](sleef_vector a) { return expression; });                            \
    }                                                                                              \
  }
#endif

} // namespace

std::vector<elementary_peer> elementary_peers() {
  return {
#if TINYMLP_BENCH_SLEEF
    BY_SLEEF("exp", SLEEF(exp)(a)), BY_SLEEF("expm1", SLEEF(expm1)(a)),
        BY_SLEEF("log", SLEEF(log)(a)), BY_SLEEF("tanh", SLEEF(tanh)(a)),
        BY_SLEEF("sigmoid", 1.0F / (1.0F + SLEEF(exp)(-a))), BY_SLEEF("erf", SLEEF(erf)(a)),
        BY_SLEEF("softplus", SLEEF(log1p)(SLEEF(exp)(a))),
#endif
        BY_EIGEN("exp", a.exp()), BY_EIGEN("expm1", a.expm1()), BY_EIGEN("log", a.log()),
        BY_EIGEN("tanh", a.tanh()), BY_EIGEN("sigmoid", a.logistic()), BY_EIGEN("erf", a.erf()),
        BY_EIGEN("softplus", a.exp().log1p()),
  };
}
