#include "registry/registry.hpp"

#include <algorithm>
#include <cmath>
#include <set>

#include <fmt/ranges.h>

#include "onnx/onnx_scan.hpp"
#include "system/built_in.hpp"
#include "system/byte_source.hpp"
#include "system/failure.hpp"

namespace tinymlp::tools {

namespace {

constexpr std::string_view onnx_suffix = ".onnx";

void read_text(const json& from, std::string_view name, std::string& to) {
  if (const std::string* text = find_text(from, name)) to = *text;
}

} // namespace

std::string with_suffix(std::string_view onnx, std::string_view suffix) {
  if (onnx.ends_with(onnx_suffix)) onnx.remove_suffix(onnx_suffix.size());
  return fmt::format("{}{}", onnx, suffix);
}

std::string model_entry::file(onnx::precision which) const {
  return which == onnx::precision::fp32 ? onnx : with_suffix(onnx, ".int8.onnx");
}

model_entry read_entry(const json& from) {
  model_entry to;
  read_text(from, "id", to.id);
  read_text(from, "kind", to.kind);
  read_text(from, "onnx", to.onnx);
  read_text(from, "sha256", to.sha256);
  read_text(from, "quant_mode", to.quant_mode);
  read_text(from, "int8_sha256", to.int8_sha256);
  read_text(from, "quant_calibration_set", to.calibration_set);
  read_text(from, "sigstore_bundle", to.sigstore_bundle);
  read_text(from, "int8_sigstore_bundle", to.int8_sigstore_bundle);
  read_text(from, "license", to.license);
  read_text(from, "license_url", to.license_url);
  if (const json* smoke = find(from, "smoke"); smoke != nullptr && smoke->is_boolean())
    to.smoke = smoke->get<bool>();
  if (const json* opset = find(from, "opset");
      opset != nullptr && is_whole(*opset) && std::fabs(opset->get<double>()) < 1e9)
    to.opset = opset->get<std::int64_t>();
  if (const json* budget = find(from, "quant_accuracy_budget_plcc");
      budget != nullptr && budget->is_number())
    to.plcc_budget = budget->get<double>();
  if (const json* external = find(from, "external_data");
      external != nullptr && external->is_object())
    for (const auto& [location, hash] : external->items())
      if (hash.is_string()) to.external_data.emplace(location, hash.get<std::string>());
  return to;
}

registry_file read_registry_file(const std::string& path) {
  byte_source source(path);
  const held_text text = read_whole(source, largest_registry, 0, "not a registry");
  return {path, folder(folder_of(path)), parse_json(text.view(), path)};
}

const json_schema& built_in_schema() {
  static const json_schema schema(parse_json(registry_schema_text(), "registry.schema.json"),
                                  "registry.schema.json");
  return schema;
}

violation_place place_of(const schema_violation& violation) {
  violation_place place;
  auto step = violation.path.begin();
  if (violation.path.size() >= 2 && *step == "models") {
    place.entry = std::stoul(step[1]);
    step += 2;
  }
  place.field = fmt::format("{}", fmt::join(step, violation.path.end(), "."));
  return place;
}

std::string entry_name(const json& document, std::size_t index) {
  const std::string* id = find_text((*find(document, "models"))[index], "id");
  return id != nullptr && !id->empty() ? *id : fmt::format("models[{}]", index);
}

registry::registry(const std::string& path) : file_(read_registry_file(path)) {
  const std::vector<schema_violation> violations = built_in_schema().check(file_.document);
  if (!violations.empty()) {
    const violation_place place = place_of(violations[0]);
    fail("{}: {}{}{} {}; `tinymlp registry validate` says all", path,
         place.entry ? entry_name(file_.document, *place.entry) + ": " : "", place.field,
         place.field.empty() ? "the document" : "", violations[0].why);
  }
  std::set<std::string> ids;
  for (const json& entry : *find(file_.document, "models")) {
    models_.push_back(read_entry(entry));
    if (!ids.insert(models_.back().id).second) fail("{}: {}: two entries", path, models_.back().id);
  }
}

const model_entry& registry::at(std::string_view id) const {
  std::vector<std::string_view> known;
  for (const model_entry& entry : models_) {
    if (entry.id == id) return entry;
    known.push_back(entry.id);
  }
  fail("{}: no model {}; registered are {}", path(), id,
       known.empty() ? "none" : fmt::format("{}", fmt::join(known, ", ")));
}

model_bytes read_registered(const folder& where, const model_entry& entry, onnx::precision which) {
  if (which == onnx::precision::int8 && !entry.is_quantised())
    fail("{}: int8: the entry has no int8 file (quant_mode fp32)", entry.id);
  model_bytes bytes = read_model_bytes(where, entry.file(which));
  if (bytes.sha256 != entry.hash(which))
    fail("{}: {}: sha256 is {}, the registry says {}: not the bytes that were registered", entry.id,
         bytes.path, bytes.sha256, entry.hash(which));
  return bytes;
}

void check_external_hashes(const model_entry& entry, const onnx_file& file) {
  for (const external_data& data : file.external) {
    const auto listed = entry.external_data.find(std::string(path_of_location(data.location)));
    if (listed == entry.external_data.end())
      fail("{}: {}: external data '{}' is not registered with a hash", entry.id, file.path,
           data.location);
    if (listed->second != data.sha256)
      fail("{}: {}: external data '{}': sha256 is {}, the registry says {}", entry.id, file.path,
           data.location, data.sha256, listed->second);
  }
}

std::string_view quant_mode_of(const onnx::plan& plan) {
  switch (plan.mode) {
  case onnx::quant_mode::fp32: return "fp32";
  case onnx::quant_mode::dynamic_int8: return "dynamic";
  case onnx::quant_mode::static_int8: return "static";
  }
  return "";
}

bool mode_agrees(const model_entry& entry, const onnx::plan& int8) {
  return entry.quant_mode == "qat" || entry.quant_mode == quant_mode_of(int8);
}

} // namespace tinymlp::tools
