// Checks a JSON document against a JSON Schema (draft 2020-12), as far as registries need it.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "system/json_value.hpp"

namespace tinymlp::tools {

// One rule broken at one place.
struct schema_violation {
  std::vector<std::string> path; // names and indices from the root: {"models", "3", "sha256"}
  std::string why;               // "is not one of fr, nr, filter"
};

// Understood: type, enum, const, properties, required, additionalProperties, propertyNames, items,
// minItems, maxItems, uniqueItems, minLength, maxLength, pattern, minimum, maximum, allOf, anyOf,
// not, if/then/else, boolean schemas, and $ref to "#/$defs/NAME"; lengths count Unicode code
// points, patterns are ECMAScript's and match anywhere. Annotations ($schema, $id, $comment, title,
// description, default, examples, format, and $defs) assert nothing, as the draft has it; the title
// of a schema under `not` says what is wrong with a value that it fits ("is an absolute path").
class json_schema {
public:
  // Throws failure for a schema with another keyword, a broken pattern or an unknown reference:
  // what is not understood must not pass silently. `name` is that of the file, for messages.
  json_schema(json_value schema, std::string_view name);

  // In the order of the document; empty if it is valid.
  std::vector<schema_violation> check(const json_value& document) const;

private:
  json_value schema_;
};

// Code points in UTF-8 text that is known to be valid.
std::size_t code_points(std::string_view text) noexcept;

} // namespace tinymlp::tools
