// What both fuzzers require of an error.
#pragma once

#include <tinymlp/error.hpp>

#include <span>
#include <string_view>

namespace fuzz {

inline void require(bool holds) {
  if (!holds) __builtin_trap();
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
