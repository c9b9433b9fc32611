// Decimal numbers in logs, read the same way from CSV, JSON and XML, whatever the locale.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

namespace tinymlp::tools {

enum class number_status : std::uint8_t { ok, not_a_number, out_of_range };

struct parsed_number {
  number_status status = number_status::not_a_number;
  double value = 0;
};

// The whole of `text` as a correctly rounded double: an optional sign, digits with an optional
// point, an optional exponent; or nan, nan(...), inf, infinity in any case (C's printf writes
// these for values that are not finite). Hexadecimal, blanks, separators and anything that
// follows the number are refused. out_of_range: larger than a double; what is too small becomes a
// zero of its sign.
parsed_number parse_number(std::string_view text) noexcept;

// The same, refusing finite values that a float32 cannot hold (out_of_range).
parsed_number parse_float32(std::string_view text) noexcept;

// A frame number: decimal digits, below 2^63.
std::optional<std::int64_t> parse_frame_number(std::string_view text) noexcept;

} // namespace tinymlp::tools
