// Everything that can be wrong with a registry and the files that it lists.
#pragma once

#include <cstddef>
#include <map>
#include <string>
#include <vector>

#include "registry/json_schema.hpp"
#include "registry/registry.hpp"

namespace tinymlp::tools {

struct registry_problem {
  std::string entry; // its id, or "models[3]"; "registry" for the document itself
  std::string field; // "sha256", "sidecar.opset", ...
  std::string why;
};

struct validation {
  std::size_t entries = 0;
  std::vector<registry_problem> problems; // in the order of the entries
};

// Checks the document against the schema; then, unless `schema_only`, for every entry:
// - no other has its id or its file;
// - the files of both precisions are there, inside the folder, with the registered hashes;
// - the operator set is the fp32 file's, and the int8 file's too unless quantising raised it; the
//   int8 file is int8, has the fp32 file's shape, and its activations are quantised as quant_mode
//   says;
// - each file of external data is listed with its hash, and none that is not used;
// - the sidecar is there and says what the registry and the file say (that of the int8 file, too,
//   if there is one);
// - calibration set and signature bundles are there, and what is signed in fp32 is signed in int8.
// Files that the engine would refuse to score are accepted: a registry may hold others.
// Throws failure only if the registry cannot be read or is not JSON.
validation validate_registry(const std::string& path, const json_schema& schema, bool schema_only);

// The part of it that is about one entry, which the schema accepts: its files, and sidecars, whose
// texts are taken from `sidecars` (by relative path) as if they were written already. Signatures
// are left out: they can only be made once an entry is registered.
std::vector<registry_problem> validate_entry(const folder& where, const model_entry& entry,
                                             const std::map<std::string, std::string>& sidecars);

} // namespace tinymlp::tools
