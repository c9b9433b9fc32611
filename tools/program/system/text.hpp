// Text for people and for files: joined, cleaned, cut.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include <fmt/format.h>

namespace tinymlp::tools {

// "a, b, c"
template <class Range> std::string joined(const Range& parts, std::string_view between) {
  std::string text;
  for (const auto& part : parts) text += fmt::format("{}{}", text.empty() ? "" : between, part);
  return text;
}

// The text as UTF-8: each byte that is not part of a well-formed character becomes '?'.
std::string to_utf8(std::string_view text);

// Fit to show: UTF-8 without control characters and those that turn the direction of writing or
// break lines (each '?'), cut to at most `longest` bytes. For
// names and values that come from files, which must neither flood a terminal nor steer it.
std::string printable(std::string_view text, std::size_t longest);

// ASCII letters made small, whatever the locale.
std::string small_letters(std::string_view text);

// "64 KiB", "1024 MiB"; of whole KiB.
std::string size_text(std::size_t bytes);

} // namespace tinymlp::tools
