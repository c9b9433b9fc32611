#include "system/tick_clock.hpp"

#include <algorithm>
#include <numeric>
#include <vector>

#if defined(__x86_64__)
#include <cpuid.h>
#endif

namespace tinymlp::tools {

namespace {

#if defined(__x86_64__)
bool has_invariant_counter() {
  unsigned a = 0, b = 0, c = 0, d = 0;
  const bool rdtscp = __get_cpuid(0x80000001, &a, &b, &c, &d) != 0 && (d >> 27 & 1) != 0;
  const bool invariant = __get_cpuid(0x80000007, &a, &b, &c, &d) != 0 && (d >> 8 & 1) != 0;
  return rdtscp && invariant;
}
constexpr std::string_view counter_name = "time-stamp counter";
constexpr bool counter_counts_cycles = true;
#else
bool has_invariant_counter() { return TINYMLP_HAS_PROCESSOR_TICKS != 0; }
[[maybe_unused]] constexpr std::string_view counter_name = "generic timer (cntvct_el0)";
[[maybe_unused]] constexpr bool counter_counts_cycles = false;
#endif

template <class Ticks> void measure_reading(clock_description& to) {
  constexpr std::size_t readings = 20'000;
  std::vector<std::uint64_t> spans(readings), steps;
  std::uint64_t last = Ticks::stop();
  for (std::uint64_t& span : spans) {
    const std::uint64_t from = Ticks::start();
    const std::uint64_t now = Ticks::stop();
    span = now - from;
    if (now > last) steps.push_back(now - last);
    last = now;
  }
  // The mean of all but the slowest tenth: where the counter's step is coarse, a median would be a
  // multiple of it.
  std::sort(spans.begin(), spans.end());
  constexpr std::ptrdiff_t kept = readings - readings / 10;
  const auto sum = std::accumulate(spans.begin(), spans.begin() + kept, std::uint64_t{0});
  to.overhead_ticks = static_cast<double>(sum) / static_cast<double>(kept);
  std::uint64_t step = 0;
  for (const std::uint64_t span : steps) step = std::gcd(step, span);
  to.step_ticks = static_cast<double>(std::max<std::uint64_t>(step, 1));
}

#if TINYMLP_HAS_PROCESSOR_TICKS
// Ticks in a span of the steady clock; the tightest of a few readings at both ends.
double ticks_per_ns() {
  using clock = std::chrono::steady_clock;
  struct reading {
    std::uint64_t ticks, width;
    clock::time_point time;
  };
  const auto read = [] {
    reading best{0, ~std::uint64_t{0}, {}};
    for (int i = 0; i < 50; ++i) {
      const std::uint64_t before = processor_ticks::start();
      const clock::time_point now = clock::now();
      const std::uint64_t after = processor_ticks::stop();
      if (after - before < best.width) best = {before + (after - before) / 2, after - before, now};
    }
    return best;
  };
  const reading first = read();
  while (clock::now() - first.time < std::chrono::milliseconds(50)) {
  }
  const reading second = read();
  const std::chrono::duration<double, std::nano> ns = second.time - first.time;
  return static_cast<double>(second.ticks - first.ticks) / ns.count();
}
#endif

} // namespace

clock_description measure_clock() {
  clock_description clock;
#if TINYMLP_HAS_PROCESSOR_TICKS
  if (has_invariant_counter()) {
    clock.name = counter_name;
    clock.of_processor = true;
    clock.counts_cycles = counter_counts_cycles;
    clock.ticks_per_ns = ticks_per_ns();
    measure_reading<processor_ticks>(clock);
    return clock;
  }
#endif
  clock.name = "steady clock";
  measure_reading<steady_ticks>(clock);
  return clock;
}

} // namespace tinymlp::tools
