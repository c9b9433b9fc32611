// The choice of an instruction set: at run time, by name, at compile time.
#include "both_ways.hpp"
#include "static_networks.hpp"

#include <tinymlp/tinymlp.hpp>

#include <array>
#include <bit>
#include <cstdint>
#include <initializer_list>
#include <string>
#include <thread>
#include <utility>
#include <vector>

using namespace tinymlp;

namespace {

constexpr std::array<float, 6> frame{0.956559F, 0.402946F, 0.8345F, 0.915718F, 0.95124F, 1.5F};

std::uint32_t bits(float x) { return std::bit_cast<std::uint32_t>(x); }

// Pinned scoring, where the build has the kernels and the CPU runs them; returns how many ran.
template <std::size_t... I> int pinned_scores_agree(std::index_sequence<I...>) {
  int ran = 0;
  const auto check = [&]<isa Which>() {
    if constexpr (kernels::built().contains(Which)) {
      if (!supported(Which)) return;
      ++ran;
      CHECK(bits(vmaf::medium().score<Which>(frame)) == bits(vmaf::medium().score(frame)));
      CHECK(bits(vmaf::medium_int8().score<Which>(frame)) ==
            bits(vmaf::medium_int8().score(frame)));
      CHECK(bits(static_networks::medium.score<Which>(frame)) ==
            bits(static_networks::medium.score(frame)));
      std::vector<float> rows(frame.begin(), frame.end()), scores(1);
      CHECK(vmaf::medium().score<Which>(rows, scores) == status::ok);
      CHECK(bits(scores[0]) == bits(vmaf::medium().score(frame)));
      rows.pop_back();
      CHECK(vmaf::medium().score<Which>(rows, scores) == status::size_mismatch);
    }
  };
  (check.template operator()<static_cast<isa>(I)>(), ...);
  return ran;
}

} // namespace

TEST_CASE("instruction sets are known by name") {
  for (std::size_t i = 0; i < isa_count; ++i) {
    const auto which = static_cast<isa>(i);
    CHECK(isa_from_name(name(which)) == which);
  }
  CHECK_BOTH_WAYS(!isa_from_name("avx1024").has_value());
  CHECK_BOTH_WAYS(!isa_from_name("").has_value());
}

TEST_CASE("the best supported instruction set is selected, and the reference is always there") {
  CHECK(supported(isa::reference));
  CHECK(supported(selected()));
  std::string ran, skipped;
  for (std::size_t i = 0; i < isa_count; ++i) {
    const auto which = static_cast<isa>(i);
    (supported(which) ? ran : skipped) += " " + std::string(name(which));
    if (supported(which)) CHECK(which <= selected());
  }
  MESSAGE("this machine runs:" << ran << "; skipped:" << skipped);
}

TEST_CASE("one row may be scored by another instruction set, which is supported") {
  const isa wide = kernels::selected_for_row<kernels::fp32_weights<mlp_large::shape_type>>();
  CHECK(supported(wide));
  CHECK(wide <= selected());
  CHECK(kernels::selected_for_row<kernels::fp32_weights<mlp_small::shape_type>>() == selected());
  CHECK(bits(vmaf::large().score(frame)) == bits(*vmaf::large().score(frame, selected())));
}

#if defined(__x86_64__)
TEST_CASE("512-bit vectors in two passes: those of an AMD that does not say otherwise") {
  constexpr detail::cpuid_registers amd{0x1c, 0x68747541, 0x444d4163, 0x69746e65};
  constexpr detail::cpuid_registers intel{0x20, 0x756e6547, 0x6c65746e, 0x49656e69};
  CHECK_BOTH_WAYS(detail::takes_two_passes(amd, {6, 0, 0, 0}));
  CHECK_BOTH_WAYS(!detail::takes_two_passes(amd, {14, 0, 0, 0}));
  CHECK_BOTH_WAYS(!detail::takes_two_passes(intel, {0, 0, 0, 0}));
}
#endif

TEST_CASE("an instruction set that the CPU lacks is an error, and nothing is written") {
  for (std::size_t i = 0; i < isa_count; ++i) {
    const auto which = static_cast<isa>(i);
    if (supported(which)) continue;
    const result<float> score = vmaf::small().score(frame, which);
    CHECK_FALSE(score.has_value());
    CHECK(score.error().code == status::isa_unsupported);
    CHECK(score.error().where == name(which));
    std::vector<float> scores{-1};
    CHECK(vmaf::small().score(std::span<const float>(frame), scores, which) ==
          status::isa_unsupported);
    CHECK(scores[0] == -1);
  }
}

TEST_CASE("a number that names no instruction set is supported nowhere") {
  for (const unsigned number : {8U, 31U, 32U, 33U, 40U, 255U}) {
    const auto which = static_cast<isa>(number);
    CHECK_FALSE(supported(which));
    CHECK(vmaf::small().score(frame, which).error().code == status::isa_unsupported);
  }
}

TEST_CASE("sizes that do not match are an error, and nothing is written") {
  std::vector<float> rows(13, 0.5F), scores(2, -1);
  CHECK(vmaf::small().score(rows, scores) == status::size_mismatch);
  rows.resize(18);
  CHECK(vmaf::small().score(rows, scores) == status::size_mismatch);
  CHECK(scores == std::vector<float>{-1, -1});
  CHECK(vmaf::small().score(std::span<const float>(), std::span<float>()) == status::ok);
}

TEST_CASE("pinned at compile time, scores are the same bits") {
  CHECK(pinned_scores_agree(std::make_index_sequence<isa_count>()) >= 1);
}

TEST_CASE("threads that detect and score at once agree") {
  std::vector<std::thread> threads;
  std::array<float, 8> scores{};
  for (float& score : scores)
    threads.emplace_back([&score] { score = vmaf::large().score(frame); });
  for (std::thread& thread : threads) thread.join();
  for (const float score : scores) CHECK(bits(score) == bits(scores[0]));
}

TEST_CASE("x86: an instruction set needs each of its bits, and its registers saved") {
  // Sapphire Rapids under Linux.
  constexpr detail::x86_cpu whole{1U << 12 | 1U << 27 | 1U << 28, 0xc003'0020, 1U << 11, 1U << 4,
                                  0xe7};
  const auto found = [](const detail::x86_cpu& cpu) {
    isa_set set;
    detail::insert_x86(set, cpu);
    return set.bits();
  };
  const auto with = [](std::initializer_list<isa> list) {
    isa_set set;
    for (const isa each : list) set.insert(each);
    return set.bits();
  };
  const std::uint32_t all = with({isa::avx2, isa::avx2_vnni, isa::avx512, isa::avx512_vnni});
  const std::uint32_t narrow = with({isa::avx2, isa::avx2_vnni});
  CHECK(found(whole) == all);
  struct missing {
    std::uint32_t detail::x86_cpu::*word;
    unsigned bit;
    std::uint32_t left;
  };
  using cpu = detail::x86_cpu;
  for (const missing& m :
       {missing{&cpu::leaf1_ecx, 27, 0}, // OSXSAVE
        missing{&cpu::leaf1_ecx, 28, 0}, // AVX
        missing{&cpu::leaf1_ecx, 12, 0}, // FMA
        missing{&cpu::leaf7_ebx, 5, 0},  // AVX2
        missing{&cpu::leaf7_1_eax, 4, with({isa::avx2, isa::avx512, isa::avx512_vnni})},
        missing{&cpu::leaf7_ebx, 16, narrow}, // F
        missing{&cpu::leaf7_ebx, 17, narrow}, // DQ
        missing{&cpu::leaf7_ebx, 30, narrow}, // BW
        missing{&cpu::leaf7_ebx, 31, narrow}, // VL
        missing{&cpu::leaf7_ecx, 11, with({isa::avx2, isa::avx2_vnni, isa::avx512})}}) {
    INFO("bit ", m.bit);
    cpu less = whole;
    less.*m.word &= ~(std::uint32_t{1} << m.bit);
    CHECK(found(less) == m.left);
  }
  for (const unsigned bit : {1U, 2U}) { // SSE and AVX state
    cpu less = whole;
    less.xcr0 &= ~(std::uint64_t{1} << bit);
    CHECK(found(less) == 0);
  }
  for (const unsigned bit : {5U, 6U, 7U}) { // mask, upper halves, upper registers
    cpu less = whole;
    less.xcr0 &= ~(std::uint64_t{1} << bit);
    CHECK(found(less) == narrow);
  }
}
