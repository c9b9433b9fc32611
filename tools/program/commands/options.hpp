// What every command asks of the values of its options: numbers are finite and in range, words are
// text. CLI11's own checks let "nan" pass every range and any bytes pass as text.
#pragma once

#include <charconv>
#include <cmath>
#include <string>
#include <string_view>
#include <type_traits>

#include <CLI/CLI.hpp>
#include <fmt/format.h>

#include "system/text.hpp"

namespace tinymlp::tools {

// The whole text as a finite decimal number; false where it is none.
template <class Number> bool read_number(std::string_view text, Number& to) {
  if (text.starts_with('+')) text.remove_prefix(1);
  const auto [end, code] = std::from_chars(text.data(), text.data() + text.size(), to);
  if (code != std::errc() || end != text.data() + text.size()) return false;
  if constexpr (std::is_floating_point_v<Number>) return std::isfinite(to);
  return true;
}

// --budget: 'nan' is not a number from 0 to 1
template <class Number> CLI::Validator number_in(Number low, Number high) {
  static constexpr const char* kind = std::is_floating_point_v<Number> ? "number" : "whole number";
  return {[low, high](std::string& text) {
            Number value{};
            if (read_number(text, value) && value >= low && value <= high) return std::string();
            return fmt::format("'{}' is not a {} from {} to {}", printable(text, 80), kind, low,
                               high);
          },
          fmt::format("{} to {}", low, high), "number"};
}

// --warn-range: 'nan' is not a number above 0
template <class Number> CLI::Validator number_above(Number limit) {
  static constexpr const char* kind = std::is_floating_point_v<Number> ? "number" : "whole number";
  return {[limit](std::string& text) {
            Number value{};
            if (read_number(text, value) && value > limit) return std::string();
            return fmt::format("'{}' is not a {} above {}", printable(text, 80), kind, limit);
          },
          "", "number"};
}

// --notes: '?' is not text: UTF-8 is needed
inline CLI::Validator utf8_text() {
  return {[](std::string& text) {
            if (to_utf8(text) == text) return std::string();
            return fmt::format("'{}' is not text: UTF-8 is needed", printable(text, 80));
          },
          "", "text"};
}

} // namespace tinymlp::tools
