// Small forms of text that several commands print.
#pragma once

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

} // namespace tinymlp::tools
