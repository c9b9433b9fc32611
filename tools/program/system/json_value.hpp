// A JSON document held whole, its objects in the order of the text: small files that are checked,
// edited and written back.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

namespace tinymlp::tools {

class json_value {
public:
  using array = std::vector<json_value>;
  using member = std::pair<std::string, json_value>;
  using object = std::vector<member>;

  json_value() = default; // null
  json_value(bool value) : value_(value) {}
  json_value(std::int64_t value) : value_(value) {}
  json_value(std::uint64_t value) : value_(value) {}
  json_value(double value) : value_(value) {}
  json_value(std::string value) : value_(std::move(value)) {}
  json_value(std::string_view value) : value_(std::string(value)) {}
  json_value(const char* value) : value_(std::string(value)) {}
  json_value(array value) : value_(std::move(value)) {}
  json_value(object value) : value_(std::move(value)) {}

  bool is_null() const noexcept { return value_.index() == 0; }
  bool is_number() const noexcept { return value_.index() >= 2 && value_.index() <= 4; }
  // Null where the value is of another type.
  const bool* as_bool() const noexcept { return std::get_if<bool>(&value_); }
  const std::string* as_string() const noexcept { return std::get_if<std::string>(&value_); }
  const array* as_array() const noexcept { return std::get_if<array>(&value_); }
  const object* as_object() const noexcept { return std::get_if<object>(&value_); }
  array* as_array() noexcept { return std::get_if<array>(&value_); }
  object* as_object() noexcept { return std::get_if<object>(&value_); }
  // A number's value, rounded to double; 0 for what is no number.
  double number() const noexcept;
  // A number without a fraction: JSON Schema counts 17.0 as an integer.
  bool is_integer() const noexcept;

  // An object's member of that name; null where there is none, or no object.
  const json_value* find(std::string_view name) const noexcept;
  json_value* find(std::string_view name) noexcept;
  // Replaces the member, or appends it. The value must be an object.
  void set(std::string_view name, json_value value);
  void remove(std::string_view name);

  // As JSON has it: 1 equals 1.0, and the order of an object's members does not count.
  friend bool operator==(const json_value& a, const json_value& b) noexcept;

private:
  friend class json_writer;
  std::variant<std::monostate, bool, std::int64_t, std::uint64_t, double, std::string, array,
               object>
      value_;
};

// Parses a document: UTF-8, no name twice in one object, nested no deeper than 64. Throws failure,
// its text starting with `name`.
json_value parse_json(std::string_view text, std::string_view name);

// The document on lines of its own, indented by two blanks, with a final newline. Numbers read back
// as themselves.
std::string write_json(const json_value& value);

} // namespace tinymlp::tools
