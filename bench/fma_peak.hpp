// The most multiply-adds a core does a second, for each vector width.
#pragma once

#include <algorithm>
#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

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

// The limit of the vectors that an instruction set computes with: "avx512" for "avx512_vnni"; or
// null.
const fma_limit* limit_of(std::string_view isa);

// The share of the peak of a function that does so many operations: calls in turn with the peak
// itself, for clocks follow, within a millisecond, the work and the neighbours on a shared machine.
// The median over some 20 ms.
template <class Function>
double share_of_peak(const fma_limit& limit, double flops, Function&& work) {
  std::vector<double> shares;
  double before = measure_peak(limit);
  for (double spent = 0; spent < 0.02 || shares.size() < 3;) {
    const double start = processor_seconds();
    work();
    const double seconds = processor_seconds() - start, after = measure_peak(limit);
    shares.push_back(flops / seconds / ((before + after) / 2));
    before = after;
    spent += seconds;
  }
  std::nth_element(shares.begin(), shares.begin() + shares.size() / 2, shares.end());
  return shares[shares.size() / 2];
}

} // namespace tinymlp::bench
