// Instruction sets: their names, which of them this CPU and operating system support, and the
// one that scoring uses.
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

namespace tinymlp {

// In order of preference: a later one that is supported is chosen over an earlier one.
enum class isa : std::uint8_t {
  reference, // scalar, everywhere
};
inline constexpr std::size_t isa_count = 1;

constexpr std::string_view name(isa which) noexcept {
  switch (which) {
  case isa::reference: return "reference";
  }
  return "unknown";
}

// The instruction set of that name, or nothing.
constexpr std::optional<isa> isa_from_name(std::string_view text) noexcept {
  for (std::size_t i = 0; i < isa_count; ++i)
    if (name(static_cast<isa>(i)) == text) return static_cast<isa>(i);
  return std::nullopt;
}

// A set of instruction sets; iterates in order of preference, least preferred first.
class isa_set {
public:
  class iterator {
  public:
    constexpr explicit iterator(std::uint32_t rest) noexcept : rest_(rest) {}
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
  constexpr void insert(isa which) noexcept { bits_ |= bit(which); }
  constexpr bool contains(isa which) const noexcept { return (bits_ & bit(which)) != 0; }
  constexpr isa most_preferred() const noexcept {
    return bits_ == 0 ? isa::reference : static_cast<isa>(std::bit_width(bits_) - 1);
  }
  constexpr iterator begin() const noexcept { return iterator(bits_); }
  constexpr iterator end() const noexcept { return iterator(0); }

private:
  static constexpr std::uint32_t bit(isa which) noexcept {
    return std::uint32_t{1} << static_cast<unsigned>(which);
  }
  std::uint32_t bits_ = 0;
};

// What this CPU and operating system can run. Always holds isa::reference.
inline isa_set supported() noexcept {
  isa_set set;
  set.insert(isa::reference);
  return set;
}
inline bool supported(isa which) noexcept { return supported().contains(which); }

// The instruction set that score() uses when none is named.
inline isa selected() noexcept { return supported().most_preferred(); }

} // namespace tinymlp
