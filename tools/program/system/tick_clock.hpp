// A clock for spans of a few nanoseconds.
#pragma once

#include <chrono>
#include <cstdint>
#include <string_view>

#if defined(__x86_64__)
#include <x86intrin.h>
#endif

namespace tinymlp::tools {

// A source of ticks. start() reads after all that comes before it is done, and before anything that
// follows has begun; stop() reads after all that comes before it is done.
#if defined(__x86_64__)

struct processor_ticks { // the time-stamp counter
  static std::uint64_t start() noexcept {
    _mm_lfence();
    const std::uint64_t ticks = __rdtsc();
    _mm_lfence();
    return ticks;
  }
  static std::uint64_t stop() noexcept {
    unsigned processor = 0;
    const std::uint64_t ticks = __rdtscp(&processor);
    _mm_lfence();
    return ticks;
  }
};
#define TINYMLP_HAS_PROCESSOR_TICKS 1

#elif defined(__aarch64__) && defined(__GNUC__)

struct processor_ticks { // the generic timer
  static std::uint64_t start() noexcept {
    std::uint64_t ticks = 0;
    asm volatile("isb\n\tmrs %0, cntvct_el0\n\tisb" : "=r"(ticks)::"memory");
    return ticks;
  }
  static std::uint64_t stop() noexcept { return start(); }
};
#define TINYMLP_HAS_PROCESSOR_TICKS 1

#else
#define TINYMLP_HAS_PROCESSOR_TICKS 0
#endif

struct steady_ticks { // nanoseconds of the system's steady clock
  static std::uint64_t start() noexcept {
    const auto since = std::chrono::steady_clock::now().time_since_epoch();
    return static_cast<std::uint64_t>(
        std::chrono::duration_cast<std::chrono::nanoseconds>(since).count());
  }
  static std::uint64_t stop() noexcept { return start(); }
};

// What the clock in use is.
struct clock_description {
  std::string_view name;
  bool of_processor = false;  // read with processor_ticks, else with steady_ticks
  bool counts_cycles = false; // ticks are cycles of the processor's nominal clock
  double ticks_per_ns = 1;
  double overhead_ticks = 0; // of a start() and stop() with nothing between
  double step_ticks = 1;     // it advances by multiples of this
};

// The time-stamp counter where it runs at one speed (CPUID's invariant TSC), the generic timer on
// AArch64, else the steady clock. Takes about 50 ms.
clock_description measure_clock();

} // namespace tinymlp::tools
