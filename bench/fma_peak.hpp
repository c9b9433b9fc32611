// The most multiply-adds a core does a second, for each vector width.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>

namespace tinymlp::bench {

struct fma_limit {
  std::string_view isa; // "avx2", "avx512", "neon"
  // Runs `steps` steps of independent fused multiply-adds on float32 vectors; the result keeps the
  // compiler from dropping them.
  float (*run)(std::uint64_t steps);
  double flops_per_step; // a fused multiply-add counts two
};

// Those that this CPU and operating system support.
std::span<const fma_limit> fma_limits();

// Processor time of the calling thread.
double processor_seconds();

// Floating-point operations a second, over about 0.1 ms of processor time.
double measure_peak(const fma_limit& limit);

} // namespace tinymlp::bench
