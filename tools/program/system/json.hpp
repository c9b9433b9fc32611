// Small JSON documents held whole: read, checked, edited and written back by nlohmann's library,
// their members in the order of the text.
#pragma once

#include <string>
#include <string_view>

#include <nlohmann/json.hpp>

namespace tinymlp::tools {

using json = nlohmann::ordered_json;

// Parses a document: UTF-8, no name twice in one object, nested no deeper than 64, no whole number
// beyond 64 bits, in time proportional to its length. Throws failure, its text starting with `name`
// and telling line and column.
json parse_json(std::string_view text, std::string_view name);

// The document on lines of its own, indented by two blanks, with a final newline. Numbers read back
// as themselves; NaN and infinity, which JSON lacks, become null. Throws failure for a string that
// is not UTF-8: text from outside goes through to_utf8() or a check first.
std::string write_json(const json& value);

// A member; null where there is none, or no object.
const json* find(const json& object, std::string_view name) noexcept;
// Its value, null where it is of another type.
const std::string* find_text(const json& object, std::string_view name) noexcept;

// As JSON has it: 1 equals 1.0, and the order of an object's members does not count.
bool same_value(const json& a, const json& b);
// A number without a fraction: JSON Schema counts 17.0 as an integer.
bool is_whole(const json& value) noexcept;

// A value as a message shows it: strings bare, all else on one line, not too long.
std::string shown(const json& value);

} // namespace tinymlp::tools
