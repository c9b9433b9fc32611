#include "logs/number.hpp"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <limits>
#include <system_error>

namespace tinymlp::tools {

namespace {

constexpr double infinity = std::numeric_limits<double>::infinity();

constexpr char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; }
constexpr bool is_digit(char c) { return c >= '0' && c <= '9'; }

bool equals_lower(std::string_view text, std::string_view lower_case) {
  return std::equal(text.begin(), text.end(), lower_case.begin(), lower_case.end(),
                    [](char a, char b) { return lower(a) == b; });
}

std::optional<double> parse_non_finite(std::string_view text) {
  if (equals_lower(text, "inf") || equals_lower(text, "infinity")) return infinity;
  const bool has_payload = text.size() > 5 && text[3] == '(' && text.back() == ')';
  if (equals_lower(text.substr(0, 3), "nan") && (text.size() == 3 || has_payload))
    return std::numeric_limits<double>::quiet_NaN();
  return std::nullopt;
}

// For a number that from_chars found outside the range of double: whether it is a tiny one.
// The decimal exponent of its first significant digit tells; the two cases lie 600 decades apart.
bool is_underflow(std::string_view unsigned_text) {
  std::int64_t digit_exponent = -1; // of the digit at hand, before the written exponent
  std::size_t i = 0;
  while (i < unsigned_text.size() && is_digit(unsigned_text[i])) ++i;
  digit_exponent += static_cast<std::int64_t>(i);
  const std::size_t exponent_mark =
      std::min(unsigned_text.find_first_of("eE"), unsigned_text.size());
  for (const char c : unsigned_text.substr(0, exponent_mark)) {
    if (c == '.') continue;
    if (c != '0') break;
    --digit_exponent;
  }
  std::string_view written =
      unsigned_text.substr(std::min(exponent_mark + 1, unsigned_text.size()));
  const bool negative = written.starts_with('-');
  if (negative || written.starts_with('+')) written.remove_prefix(1);
  std::int64_t exponent = 0;
  for (const char c : written)
    exponent = std::min<std::int64_t>(exponent * 10 + (c - '0'), 1 << 30);
  return digit_exponent + (negative ? -exponent : exponent) < 0;
}

} // namespace

parsed_number parse_number(std::string_view text) noexcept {
  const bool negative = text.starts_with('-');
  if (negative || text.starts_with('+')) text.remove_prefix(1);
  const double sign = negative ? -1.0 : 1.0;
  if (text.empty()) return {};
  if (!is_digit(text[0]) && text[0] != '.') {
    const std::optional<double> value = parse_non_finite(text);
    return value ? parsed_number{number_status::ok, std::copysign(*value, sign)} : parsed_number{};
  }
  double value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error == std::errc::invalid_argument || end != text.data() + text.size()) return {};
  if (error == std::errc::result_out_of_range || std::isinf(value)) {
    if (!is_underflow(text)) return {number_status::out_of_range, sign * infinity};
    value = 0;
  }
  return {number_status::ok, std::copysign(value, sign)};
}

parsed_number parse_float32(std::string_view text) noexcept {
  parsed_number number = parse_number(text);
  if (number.status != number_status::ok || !std::isfinite(number.value)) return number;
  // The midpoint between the largest float and the next power of two rounds up, to infinity.
  constexpr double limit = 0x1.ffffffp127;
  if (std::fabs(number.value) >= limit) number.status = number_status::out_of_range;
  return number;
}

std::optional<std::int64_t> parse_frame_number(std::string_view text) noexcept {
  std::int64_t value = 0;
  if (text.empty() || !is_digit(text[0])) return std::nullopt;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return value;
}

} // namespace tinymlp::tools
