// Checks a JSON document against a JSON Schema (draft 2020-12), as far as registries need it: the
// verdict is valijson's, bounds and messages are ours.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "system/json.hpp"

namespace tinymlp::tools {

struct compiled_schema;

// One rule broken at one place.
struct schema_violation {
  std::vector<std::string> path; // names and indices from the root: {"models", "3", "sha256"}
  std::string why;               // "is not one of fr, nr, filter"
};

// Understood: type, enum, const, properties, required, additionalProperties, propertyNames, items,
// minItems, maxItems, uniqueItems, minLength, maxLength, pattern, minimum, maximum, allOf, anyOf,
// not, if/then/else, boolean schemas, and $ref to "#/$defs/NAME"; lengths count Unicode code
// points, patterns are ECMAScript's without back-references and match anywhere. Annotations
// ($schema, $id, $comment, title, description, default, examples, format, and $defs) assert
// nothing, as the draft has it; the title of a schema under `not` says what is wrong with a value
// that it fits ("is an absolute path").
class json_schema {
public:
  // Throws failure for a schema with another keyword, a broken pattern or an unknown reference:
  // what is not understood must not pass silently. Throws too for one whose check has no bound: a
  // reference that leads back to itself, more than 10,000 rules once references are followed.
  // `name` is that of the file, for messages.
  json_schema(const json& schema, std::string_view name);

  // Empty if it is valid. Throws failure for a document that this schema would take too long over.
  std::vector<schema_violation> check(const json& document) const;

private:
  std::shared_ptr<const compiled_schema> compiled_;
};

} // namespace tinymlp::tools
