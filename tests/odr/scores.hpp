// One function a translation unit, each compiled with other flags from the same headers.
#pragma once

#include <array>
#include <cstddef>

namespace odr {

inline constexpr std::size_t row_count = 67;
// The score of each row by each of seven networks (three, in float32 and int8, and one with fixed
// activation scales): one row at a time, then all at once, on every instruction set that this CPU
// has.
using scores = std::array<float, row_count * 7>;

// What a translation unit saw of the engine: equal in all of them.
struct view {
  std::size_t size_of_small, align_of_small, size_of_large_int8;
  const void* address_of_small; // one object in the whole program
  scores all;
  bool same_on_every_isa;
};

view plain();
view fma();
view v4();

} // namespace odr
