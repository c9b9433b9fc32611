// Instruction sets: their names, which of them this CPU and operating system support, and the
// one that scoring uses.
#pragma once

#include <array>
#include <atomic>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

#if defined(__x86_64__) && defined(__GNUC__)
#include <cpuid.h>
#elif defined(_M_X64) && defined(_MSC_VER)
#include <immintrin.h>
#include <intrin.h>
#elif defined(__aarch64__) && defined(__linux__)
#include <sys/auxv.h>
#elif defined(__aarch64__) && defined(__APPLE__)
#include <sys/sysctl.h>
#endif

namespace tinymlp {

// In order of preference: a later one that is supported is chosen over an earlier one. All are
// named on every architecture; supported() tells those that run here.
enum class isa : std::uint8_t {
  reference,    // everywhere: scalar, or the vectors of the baseline
  avx2,         // AVX2 + FMA
  avx2_vnni,    // and AVX-VNNI (256-bit)
  avx512,       // AVX-512 F, BW, DQ, VL
  avx512_vnni,  // and AVX-512 VNNI
  neon,         // AArch64 Advanced SIMD
  neon_dotprod, // and FEAT_DotProd
  neon_i8mm,    // and FEAT_I8MM
};

namespace detail {
inline constexpr std::array<std::string_view, 8> isa_names{
    "reference", "avx2", "avx2_vnni", "avx512", "avx512_vnni", "neon", "neon_dotprod", "neon_i8mm"};
} // namespace detail
// How many there are, on all architectures together.
inline constexpr std::size_t isa_count = detail::isa_names.size();

// As above; "unknown" for what is none of them.
constexpr std::string_view name(isa which) noexcept {
  const auto index = static_cast<std::size_t>(which);
  return index < isa_count ? detail::isa_names[index] : "unknown";
}

// The instruction set of that name, or nothing.
constexpr std::optional<isa> isa_from_name(std::string_view text) noexcept {
  for (std::size_t i = 0; i < isa_count; ++i)
    if (detail::isa_names[i] == text) return static_cast<isa>(i);
  return std::nullopt;
}

// A set of instruction sets; iterates in order of preference, least preferred first.
class isa_set {
public:
  // Forward, over the members.
  class iterator {
  public:
    // Over the members that these bits are.
    constexpr explicit iterator(std::uint32_t rest) noexcept : rest_(rest) {}
    // What an iterator does.
    constexpr isa operator*() const noexcept { return static_cast<isa>(std::countr_zero(rest_)); }
    constexpr iterator& operator++() noexcept {
      rest_ &= rest_ - 1;
      return *this;
    }
    constexpr bool operator==(const iterator&) const noexcept = default;

  private:
    std::uint32_t rest_;
  };

  constexpr isa_set() noexcept = default;
  // Bit 0 is `reference`, and so on.
  constexpr explicit isa_set(std::uint32_t bits) noexcept : bits_(bits) {}
  // Adds one, or nothing where there is none of that number.
  constexpr void insert(isa which) noexcept { bits_ |= bit_of(which); }
  // Whether it is a member.
  constexpr bool contains(isa which) const noexcept { return (bits_ & bit_of(which)) != 0; }
  // The last in order of preference; `reference` of an empty set.
  constexpr isa most_preferred() const noexcept {
    return static_cast<isa>(std::bit_width(bits_ | bit_of(isa::reference)) - 1);
  }
  // One bit a member, as the constructor takes them.
  constexpr std::uint32_t bits() const noexcept { return bits_; }
  // For range-based loops.
  constexpr iterator begin() const noexcept { return iterator(bits_); }
  constexpr iterator end() const noexcept { return iterator(0); }

private:
  static constexpr std::uint32_t bit_of(isa which) noexcept {
    const auto index = static_cast<std::size_t>(which);
    return index < isa_count ? std::uint32_t{1} << index : 0; // no name, in no set
  }
  std::uint32_t bits_ = 0;
};

namespace detail {

// What CPUID and XGETBV tell of an x86 CPU: leaf 1 ecx, leaf 7 ebx and ecx, leaf 7.1 eax (0 where
// there is none), and the state that the operating system saves, which can be asked for only with
// OSXSAVE.
struct x86_cpu {
  std::uint32_t leaf1_ecx, leaf7_ebx, leaf7_ecx, leaf7_1_eax;
  std::uint64_t xcr0;
  constexpr bool has_osxsave() const noexcept { return (leaf1_ecx >> 27 & 1U) != 0; }
};

// Intel SDM volume 1, sections 14.3 and 15.2: the CPU has the instructions and the operating
// system saves the registers.
constexpr void insert_x86(isa_set& set, const x86_cpu& cpu) noexcept {
  constexpr auto is_set = [](std::uint32_t word, unsigned n) { return (word >> n & 1U) != 0; };
  if (!cpu.has_osxsave()) return;
  const bool ymm = (cpu.xcr0 & 0x06) == 0x06, zmm = (cpu.xcr0 & 0xe6) == 0xe6;
  const bool avx2 = ymm && is_set(cpu.leaf1_ecx, 28) && is_set(cpu.leaf1_ecx, 12) &&
                    is_set(cpu.leaf7_ebx, 5); // AVX, FMA
  if (!avx2) return;
  set.insert(isa::avx2);
  if (is_set(cpu.leaf7_1_eax, 4)) set.insert(isa::avx2_vnni);
  const bool avx512 = zmm && is_set(cpu.leaf7_ebx, 16) && is_set(cpu.leaf7_ebx, 17) &&
                      is_set(cpu.leaf7_ebx, 30) && is_set(cpu.leaf7_ebx, 31); // F, DQ, BW, VL
  if (!avx512) return;
  set.insert(isa::avx512);
  if (is_set(cpu.leaf7_ecx, 11)) set.insert(isa::avx512_vnni);
}

#if defined(__x86_64__) || defined(_M_X64)
struct cpuid_registers {
  std::uint32_t eax, ebx, ecx, edx;
};
inline cpuid_registers cpuid(std::uint32_t leaf, std::uint32_t subleaf) noexcept {
#if defined(__GNUC__)
  cpuid_registers r{};
  if (__get_cpuid_count(leaf, subleaf, &r.eax, &r.ebx, &r.ecx, &r.edx) == 0) return {};
  return r;
#else
  int r[4]{};
  __cpuid(r, static_cast<int>(leaf & 0x80000000U));
  if (static_cast<std::uint32_t>(r[0]) < leaf) return {};
  __cpuidex(r, static_cast<int>(leaf), static_cast<int>(subleaf));
  return {static_cast<std::uint32_t>(r[0]), static_cast<std::uint32_t>(r[1]),
          static_cast<std::uint32_t>(r[2]), static_cast<std::uint32_t>(r[3])};
#endif
}

// XCR0: the register state that the operating system saves. Needs OSXSAVE.
inline std::uint64_t extended_control_register() noexcept {
#if defined(__GNUC__)
  std::uint32_t low, high;
  __asm__ volatile("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
  return std::uint64_t{high} << 32 | low;
#else
  return _xgetbv(0);
#endif
}

// Whether a 512-bit operation takes the CPU two passes: an AMD without FP512 (CPUID 8000001A),
// which is Zen 4 and some of Zen 5.
constexpr bool takes_two_passes(const cpuid_registers& vendor,
                                const cpuid_registers& hints) noexcept {
  const bool amd = vendor.ebx == 0x68747541 && vendor.edx == 0x69746e65 && vendor.ecx == 0x444d4163;
  return amd && (hints.eax >> 3 & 1U) == 0;
}
inline bool halves_512_bits() noexcept {
  return takes_two_passes(cpuid(0, 0), cpuid(0x8000001aU, 0));
}

inline void detect(isa_set& set) noexcept {
  const cpuid_registers basic = cpuid(1, 0), features = cpuid(7, 0), more = cpuid(7, 1);
  x86_cpu cpu{basic.ecx, features.ebx, features.ecx, features.eax >= 1 ? more.eax : 0, 0};
  if (cpu.has_osxsave()) cpu.xcr0 = extended_control_register();
  insert_x86(set, cpu);
}
#elif defined(__aarch64__) && defined(__linux__) && !defined(__AARCH64EB__)
inline void detect(isa_set& set) noexcept {
  set.insert(isa::neon);
  if ((getauxval(AT_HWCAP) & 1UL << 20) == 0) return; // HWCAP_ASIMDDP
  set.insert(isa::neon_dotprod);
#if defined(AT_HWCAP2)
  if ((getauxval(AT_HWCAP2) & 1UL << 13) != 0) set.insert(isa::neon_i8mm); // HWCAP2_I8MM
#endif
}
#elif defined(__aarch64__) && defined(__APPLE__)
inline void detect(isa_set& set) noexcept {
  constexpr auto has = [](const char* feature) {
    int value = 0;
    std::size_t size = sizeof value;
    return sysctlbyname(feature, &value, &size, nullptr, 0) == 0 && value != 0;
  };
  set.insert(isa::neon);
  if (!has("hw.optional.arm.FEAT_DotProd")) return;
  set.insert(isa::neon_dotprod);
  if (has("hw.optional.arm.FEAT_I8MM")) set.insert(isa::neon_i8mm);
}
#elif defined(__aarch64__) && defined(__ARM_NEON) && defined(__GNUC__) && !defined(__AARCH64EB__)
// Windows, the BSDs, no system at all: Advanced SIMD is there, as AArch64's baseline; of what came
// later, that which the compiler was told of.
inline void detect(isa_set& set) noexcept {
  set.insert(isa::neon);
#if defined(__ARM_FEATURE_DOTPROD)
  set.insert(isa::neon_dotprod);
#if defined(__ARM_FEATURE_MATMUL_INT8)
  set.insert(isa::neon_i8mm);
#endif
#endif
}
#else
inline void detect(isa_set&) noexcept {}
#endif

// 0 until asked for. Every thread that finds 0 writes the same value, so relaxed order suffices.
// The second: those among which one row of a wide network chooses.
inline constinit std::atomic<std::uint32_t> supported_bits{0}, wide_row_bits{0};

#if defined(__GNUC__)
[[gnu::cold, gnu::noinline]]
#endif
inline std::uint32_t
detect_once() noexcept {
  isa_set set;
  set.insert(isa::reference);
  detect(set);
  isa_set rows = set;
#if defined(__x86_64__) || defined(_M_X64)
  if (halves_512_bits()) {
    rows = isa_set();
    for (const isa each : set)
      if (each < isa::avx512) rows.insert(each);
  }
#endif
  supported_bits.store(set.bits(), std::memory_order_relaxed);
  wide_row_bits.store(rows.bits(), std::memory_order_relaxed);
  return set.bits();
}

// What selected() is but for one row of a float32 network whose layers have more than 64 sums at
// once: those go to 512-bit vectors, which are slower at it where they take two passes (Zen 4:
// 6-64-32-16-1 in 88 ns, with 256 bits in 82).
inline isa selected_for_wide_row() noexcept {
  std::uint32_t bits = wide_row_bits.load(std::memory_order_relaxed);
  if (bits == 0) {
    detect_once();
    bits = wide_row_bits.load(std::memory_order_relaxed);
  }
  return isa_set(bits).most_preferred();
}

} // namespace detail

// What this CPU and operating system can run, detected on the first call. Always holds
// isa::reference.
inline isa_set supported() noexcept {
  const std::uint32_t bits = detail::supported_bits.load(std::memory_order_relaxed);
  return isa_set(bits != 0 ? bits : detail::detect_once());
}
inline bool supported(isa which) noexcept { return supported().contains(which); }

// The instruction set that score() uses when none is named. (One row of a network is scored by the
// kernel that takes the least time for it on this CPU, which may be another's; the bits are the
// same.)
inline isa selected() noexcept { return supported().most_preferred(); }

} // namespace tinymlp
