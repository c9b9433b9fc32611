// libFuzzer target: bytes -> JSON -> schema -> entries. What is read is written as it was read;
// what the schema accepts can be asked for its entries; what it refuses has a place and a reason.
// After a NUL, the rest is a document for the first part as a schema of its own.
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "check_error.hpp"
#include "registry/json_schema.hpp"
#include "registry/registry.hpp"
#include "system/failure.hpp"
#include "system/json.hpp"
#include "system/text.hpp"

namespace {

using namespace tinymlp::tools;
using fuzz::require;

void check_writing(const json& document) {
  const std::string text = write_json(document);
  const json back = parse_json(text, "back");
  require(back == document && write_json(back) == text);
  require(to_utf8(text) == text);
}

void check_against(const json_schema& schema, const json& document) {
  for (const schema_violation& violation : schema.check(document)) {
    require(!violation.why.empty());
    static_cast<void>(shown(document));
  }
}

void check_registry(const json& document) {
  const std::vector<schema_violation> violations = built_in_schema().check(document);
  const json* models = find(document, "models");
  for (const schema_violation& violation : violations) {
    require(!violation.why.empty());
    const violation_place place = place_of(violation);
    if (place.entry) require(!entry_name(document, *place.entry).empty());
  }
  if (models == nullptr || !models->is_array()) return;
  for (const json& model : *models) {
    const model_entry entry = read_entry(model);
    if (!violations.empty()) continue;
    require(!entry.id.empty() && entry.sha256.size() == 64);
    require(entry.is_quantised() == (entry.int8_sha256.size() == 64));
    require(!path_objection(entry.onnx) && entry.onnx.ends_with(".onnx"));
    require(entry.plcc_budget >= 0 && entry.plcc_budget <= 1);
    for (const auto& [location, hash] : entry.external_data)
      require(!path_objection(location) && hash.size() == 64);
  }
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const std::size_t end = text.find('\0');
  try {
    const json first = parse_json(text.substr(0, end), "first");
    check_writing(first);
    if (end == text.npos)
      check_registry(first);
    else
      check_against(json_schema(first, "first"), parse_json(text.substr(end + 1), "second"));
  } catch (const failure& reason) {
    require(*reason.what() != '\0');
  }
  return 0;
}
