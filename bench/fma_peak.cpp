#include "fma_peak.hpp"

#include <array>
#include <ctime>
#include <vector>

#if defined(__x86_64__)
#include <immintrin.h>
#elif defined(__aarch64__)
#include <arm_neon.h>
#endif

namespace tinymlp::bench {

namespace {

// Chains stay normal numbers: on x86 they converge to addend / (1 - factor), on AArch64 they grow
// by factor x addend a step until that no longer changes them.
constexpr float factor = 0.5F, addend = 1.0F;

// Enough chains to hide the latency of the units (4 cycles x 2 to 4 units), few enough to stay in
// registers.
#if defined(__x86_64__)

__attribute__((target("avx2,fma"))) float run_avx2(std::uint64_t steps) {
  __m256 a[12];
  for (int i = 0; i < 12; ++i) a[i] = _mm256_set1_ps(static_cast<float>(i));
  const __m256 f = _mm256_set1_ps(factor), c = _mm256_set1_ps(addend);
  for (; steps > 0; --steps) {
#pragma GCC unroll 12
    for (int i = 0; i < 12; ++i) a[i] = _mm256_fmadd_ps(a[i], f, c);
  }
  __m256 sum = a[0];
  for (int i = 1; i < 12; ++i) sum = _mm256_add_ps(sum, a[i]);
  return _mm256_cvtss_f32(sum);
}

__attribute__((target("avx512f"))) float run_avx512(std::uint64_t steps) {
  __m512 a[24];
  for (int i = 0; i < 24; ++i) a[i] = _mm512_set1_ps(static_cast<float>(i));
  const __m512 f = _mm512_set1_ps(factor), c = _mm512_set1_ps(addend);
  for (; steps > 0; --steps) {
#pragma GCC unroll 24
    for (int i = 0; i < 24; ++i) a[i] = _mm512_fmadd_ps(a[i], f, c);
  }
  __m512 sum = a[0];
  for (int i = 1; i < 24; ++i) sum = _mm512_add_ps(sum, a[i]);
  return _mm512_cvtss_f32(sum);
}

std::vector<fma_limit> detect() {
  std::vector<fma_limit> limits;
  if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma"))
    limits.push_back({"avx2", run_avx2, 2.0 * 12 * 8});
  if (__builtin_cpu_supports("avx512f")) limits.push_back({"avx512", run_avx512, 2.0 * 24 * 16});
  return limits;
}

#elif defined(__aarch64__)

float run_neon(std::uint64_t steps) {
  float32x4_t a[24];
  for (int i = 0; i < 24; ++i) a[i] = vdupq_n_f32(static_cast<float>(i));
  const float32x4_t f = vdupq_n_f32(factor), c = vdupq_n_f32(addend);
  for (; steps > 0; --steps) {
#pragma GCC unroll 24
    for (int i = 0; i < 24; ++i) a[i] = vfmaq_f32(a[i], f, c);
  }
  float32x4_t sum = a[0];
  for (int i = 1; i < 24; ++i) sum = vaddq_f32(sum, a[i]);
  return vaddvq_f32(sum);
}

std::vector<fma_limit> detect() { return {{"neon", run_neon, 2.0 * 24 * 4}}; }

#else

std::vector<fma_limit> detect() { return {}; }

#endif

} // namespace

double processor_seconds() {
  timespec now{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) + 1e-9 * static_cast<double>(now.tv_nsec);
}

std::span<const fma_limit> fma_limits() {
  static const std::vector<fma_limit> limits = detect();
  return limits;
}

const fma_limit* limit_of(std::string_view isa) {
  for (const fma_limit& limit : fma_limits())
    if (isa.starts_with(limit.isa)) return &limit;
  return nullptr;
}

double measure_peak(const fma_limit& limit) {
  constexpr std::uint64_t steps = 50'000;
  const double start = processor_seconds();
  volatile float keep = limit.run(steps);
  static_cast<void>(keep);
  return static_cast<double>(steps) * limit.flops_per_step / (processor_seconds() - start);
}

} // namespace tinymlp::bench
