#include "sum_order.hpp"

#include <cstddef>

#include <tinymlp/tinymlp.hpp>

#if defined(__x86_64__)
#include <immintrin.h>
#endif

namespace tinymlp::bench {

#if defined(__x86_64__)

namespace {

// Read at run time, so that nothing is folded; none of these loads is on the path.
constinit volatile const float* hidden = nullptr;
alignas(32) constinit float constants[32] = {0.5F, 0.25F, 0.125F, 0.5F, 0.25F, 0.75F, 0.5F, 0.5F,
                                             0.5F, 0.25F, 0.125F, 0.5F, 0.25F, 0.75F, 0.5F, 0.5F,
                                             0.5F, 0.25F, 0.125F, 0.5F, 0.25F, 0.75F, 0.5F, 0.5F,
                                             0.5F, 0.25F, 0.125F, 0.5F, 0.25F, 0.75F, 0.5F, 0.5F};

template <std::size_t Length>
[[gnu::target("avx2,fma"), gnu::always_inline]] inline __m256 chain(__m256 x, const float* w,
                                                                    __m256 sum) {
  if constexpr (Length == 0)
    return sum;
  else
    return chain<Length - 1>(x, w, _mm256_fmadd_ps(x, _mm256_loadu_ps(w + Length % 16), sum));
}

// One input in all lanes -> one output: its longest chain, and the chains' sum.
template <std::size_t Inputs>
[[gnu::target("avx2,fma"), gnu::always_inline]] inline __m256 hidden_layer(__m256 x,
                                                                           const float* w) {
  constexpr kernels::chain_split split{Inputs};
  __m256 sum = chain<split.begin(1)>(x, w, _mm256_loadu_ps(w));
  if constexpr (split.count >= 2) sum = _mm256_add_ps(sum, _mm256_loadu_ps(w + 1));
  if constexpr (split.count == 4) sum = _mm256_add_ps(sum, _mm256_loadu_ps(w + 2));
  // ReLU, in the fewest cycles there are: as integers.
  return _mm256_castsi256_ps(_mm256_max_epi32(_mm256_castps_si256(sum), _mm256_setzero_si256()));
}

template <class Net, std::size_t L>
[[gnu::target("avx2,fma"), gnu::always_inline]] inline float layers(__m256 x, const float* w) {
  constexpr std::size_t inputs = Net::shape_type::sizes[L];
  if constexpr (L + 1 < Net::shape_type::layer_count) {
    const __m256 y = hidden_layer<inputs>(x, w);
    // To the next layer, its outputs are in lanes, one shuffle away; the last takes them so.
    constexpr bool last = L + 2 == Net::shape_type::layer_count;
    return layers<Net, L + 1>(last ? y : _mm256_broadcastss_ps(_mm256_castps256_ps128(y)), w);
  } else {
    constexpr std::size_t octets = (inputs + kernels::virtual_lanes - 1) / kernels::virtual_lanes;
    const __m256 sum = chain<octets>(x, w, _mm256_loadu_ps(w));
    const __m128 four = _mm_add_ps(_mm256_castps256_ps128(sum), _mm256_extractf128_ps(sum, 1));
    const __m128 two = _mm_add_ps(four, _mm_movehl_ps(four, four));
    return _mm_cvtss_f32(_mm_add_ss(two, _mm_movehdup_ps(two)));
  }
}

template <class Net>
[[gnu::target("avx2,fma"), gnu::noinline]] float order_of(const float* features) {
  const auto* w = const_cast<const float*>(hidden);
  const __m256 x = _mm256_sub_ps(_mm256_broadcast_ss(features), _mm256_loadu_ps(w));
  return layers<Net, 0>(x, w);
}

} // namespace

std::array<order_limit, 3> order_limits() {
  if (!__builtin_cpu_supports("avx2") || !__builtin_cpu_supports("fma")) return {};
  hidden = constants;
  return {{{"mlp_small", order_of<mlp_small>},
           {"mlp_medium", order_of<mlp_medium>},
           {"mlp_large", order_of<mlp_large>}}};
}

#else

std::array<order_limit, 3> order_limits() { return {}; }

#endif

} // namespace tinymlp::bench
