// Translation units with different flags in one program: the same types, the same objects, the
// same bits.
#include "scores.hpp"

#include <doctest/doctest.h>

#include <bit>
#include <cstdint>

namespace {

void check_same(const odr::view& a, const odr::view& b) {
  CHECK(a.size_of_small == b.size_of_small);
  CHECK(a.align_of_small == b.align_of_small);
  CHECK(a.size_of_large_int8 == b.size_of_large_int8);
  CHECK(a.address_of_small == b.address_of_small);
  CHECK(a.same_on_every_isa);
  CHECK(b.same_on_every_isa);
  std::size_t different = 0;
  for (std::size_t i = 0; i < a.all.size(); ++i)
    different += std::bit_cast<std::uint32_t>(a.all[i]) != std::bit_cast<std::uint32_t>(b.all[i]);
  CHECK(different == 0);
}

// Of what the translation units' flags allow the compiler to use.
bool cpu_runs_all() {
  const bool has_fma = __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
#ifdef ODR_V4
  return has_fma && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
         __builtin_cpu_supports("avx512cd") && __builtin_cpu_supports("avx512dq") &&
         __builtin_cpu_supports("avx512vl");
#else
  return has_fma;
#endif
}

} // namespace

TEST_CASE("-O0 and -mavx2 -mfma -O3 agree" * doctest::skip(!cpu_runs_all())) {
  check_same(odr::plain(), odr::fma());
}
#ifdef ODR_V4
TEST_CASE("-O0 and -march=x86-64-v4 agree" * doctest::skip(!cpu_runs_all())) {
  check_same(odr::plain(), odr::v4());
}
#endif
