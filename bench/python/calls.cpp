// The C++ calls that Python's are compared with, timed in the same process (by ctypes).
#include <tinymlp.hpp>

#include <chrono>
#include <cstddef>
#include <span>

namespace {

using clock = std::chrono::steady_clock;

double ns_since(clock::time_point start) {
  return std::chrono::duration<double, std::nano>(clock::now() - start).count();
}

// ns a call, of one row each.
template <class Net> double time_rows_of(const Net& net, const float* rows, std::size_t count) {
  volatile float seen = 0;
  const clock::time_point start = clock::now();
  for (std::size_t r = 0; r < count; ++r)
    seen = net.score(std::span<const float, Net::inputs>(rows + r * Net::inputs, Net::inputs));
  static_cast<void>(seen);
  return ns_since(start) / static_cast<double>(count);
}

// ns a row, of `calls` calls for all rows.
template <class Net>
double time_batch_of(const Net& net, const float* rows, float* out, std::size_t count,
                     std::size_t calls) {
  const clock::time_point start = clock::now();
  for (std::size_t c = 0; c < calls; ++c)
    if (net.score({rows, count * Net::inputs}, {out, count}) != tinymlp::status::ok) return -1;
  return ns_since(start) / static_cast<double>(calls * count);
}

} // namespace

// The shipped networks that bench.py names.
#define TINYMLP_CALLS_OF(name, network)                                                            \
  extern "C" double name##_rows(const float* rows, std::size_t count) {                            \
    return time_rows_of(tinymlp::vmaf::network(), rows, count);                                    \
  }                                                                                                \
  extern "C" double name##_batch(const float* rows, float* out, std::size_t count,                 \
                                 std::size_t calls) {                                              \
    return time_batch_of(tinymlp::vmaf::network(), rows, out, count, calls);                       \
  }
TINYMLP_CALLS_OF(mlp_small, small)
TINYMLP_CALLS_OF(mlp_medium, medium)
TINYMLP_CALLS_OF(mlp_large, large)
TINYMLP_CALLS_OF(mlp_large_int8, large_int8)
