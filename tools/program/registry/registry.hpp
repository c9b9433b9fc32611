// The registry: which model files may be loaded, and the hash that each must have.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "system/folder.hpp"
#include "registry/json_schema.hpp"
#include "system/json.hpp"
#include "onnx/onnx_file.hpp"

namespace tinymlp::tools {

// Where commands look unless told otherwise, below the working directory.
inline constexpr const char* default_registry = "model/registry.json";
inline constexpr std::size_t largest_registry = std::size_t{16} << 20;

// One entry, its fields as registry.schema.json describes them; absent ones have their defaults.
struct model_entry {
  std::string id, kind, onnx, sha256;
  std::optional<std::int64_t> opset;
  std::string quant_mode = "fp32";
  std::string int8_sha256;
  std::string calibration_set, sigstore_bundle, int8_sigstore_bundle; // empty: none
  std::string license, license_url;                                   // empty: none
  bool smoke = false;
  double plcc_budget = 0.01;
  std::map<std::string, std::string, std::less<>> external_data; // location -> sha256

  bool is_quantised() const { return quant_mode != "fp32"; }
  // The precision that a runtime loads unless told otherwise.
  onnx::precision default_precision() const {
    return is_quantised() ? onnx::precision::int8 : onnx::precision::fp32;
  }
  // Path in the registry's folder, and expected hash, of the file of that precision.
  std::string file(onnx::precision which) const;
  const std::string& hash(onnx::precision which) const {
    return which == onnx::precision::fp32 ? sha256 : int8_sha256;
  }
};

// "a/model.onnx" -> "a/model" + suffix
std::string with_suffix(std::string_view onnx, std::string_view suffix);

// From an entry that the schema accepts; from another, the fields that have the right type.
model_entry read_entry(const json& from);

// A registry's text and where it is, not yet checked.
struct registry_file {
  std::string path;
  folder where; // that holds it
  json document;
};
// Throws failure for what cannot be read or is not JSON.
registry_file read_registry_file(const std::string& path);

// The schema that is compiled in: model/registry.schema.json.
const json_schema& built_in_schema();

// "mlp_small: sha256", "models[3]: id", "schema_version": where a violation lies.
struct violation_place {
  std::optional<std::size_t> entry; // index in models
  std::string field;
};
violation_place place_of(const schema_violation& violation);
// How messages call an entry: its id, or "models[3]" where it has none.
std::string entry_name(const json& document, std::size_t index);

class registry {
public:
  // Throws failure for a file that cannot be read, that the schema refuses, or that uses an id
  // twice.
  explicit registry(const std::string& path);

  const std::string& path() const noexcept { return file_.path; }
  const registry_file& file() const noexcept { return file_; }
  const folder& where() const noexcept { return file_.where; }
  const std::vector<model_entry>& models() const noexcept { return models_; }
  // Throws failure, naming those there are, for an id that is not registered.
  const model_entry& at(std::string_view id) const;

private:
  registry_file file_;
  std::vector<model_entry> models_;
};

// The model's bytes, read once, if they have the registered hash. Throws failure if not, or where
// they cannot be read.
model_bytes read_registered(const folder& where, const model_entry& entry, onnx::precision which);

// How the activations of an int8 file are quantised, in the registry's words: "dynamic" or
// "static"; "fp32" of an fp32 file.
std::string_view quant_mode_of(const onnx::plan& plan);
// Whether the int8 file is what the entry's quant_mode says. Training (qat) leaves no trace in it.
bool mode_agrees(const model_entry& entry, const onnx::plan& int8);

// Throws failure unless each file of external data that was used has its registered hash.
void check_external_hashes(const model_entry& entry, const onnx_file& file);

} // namespace tinymlp::tools
