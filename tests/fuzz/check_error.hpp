// What fuzzers require: of an error, and of scores that are compared.
#pragma once

#include <tinymlp/error.hpp>

#include <bit>
#include <cstdint>
#include <span>
#include <string_view>

namespace fuzz {

inline void require(bool holds) {
  if (!holds) __builtin_trap();
}

// To compare by; all NaN are one.
inline std::uint32_t bits(float x) {
  return x != x ? 0x7fc00000U : std::bit_cast<std::uint32_t>(x);
}

// An error points into the file, and its names are parts of the file or literals, readable.
inline void check(const tinymlp::error& e, std::span<const char> file) {
  require(e.code != tinymlp::status::ok && tinymlp::message(e.code) != "unknown error");
  require(e.offset <= file.size());
  require(!e.where.empty());
  unsigned sum = 0;
  for (const std::string_view text : {e.where, e.op_type})
    for (const char c : text) sum += static_cast<unsigned char>(c);
  volatile unsigned read = sum; // so that a sanitizer sees the reads
  (void)read;
}

} // namespace fuzz
