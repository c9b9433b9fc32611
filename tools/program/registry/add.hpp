// A new entry in a registry, and the sidecars of its files.
#pragma once

#include <optional>
#include <string>
#include <vector>

namespace tinymlp::tools {

struct new_entry {
  std::string file; // the fp32 file, inside the registry's folder
  std::string id;
  std::string kind = "fr";
  std::string quant_mode = "fp32";
  std::string calibration_set; // relative to the registry's folder; empty: none
  std::optional<double> plcc_budget;
  std::optional<std::string> license, license_url, description, notes;
  bool smoke = false;
  bool replace = false; // an entry of that id
};

// Hashes the files and writes sidecars and registry together, while other additions wait: all of
// them or, short of a crash between two renames, none. A registry that is not there is begun.
// Returns the paths written.
//
// Throws failure, with nothing written: for an id or a file that is registered already (unless
// `replace`, for that id), a file outside the registry's folder, an int8 file that is missing or
// not the int8 form of the same network in that quant_mode, a calibration set that is not there, a
// file in a sidecar's place that is not this model's sidecar or that a link leads to outside, and
// an entry that the schema refuses.
std::vector<std::string> add_to_registry(const std::string& registry_path, const new_entry& entry);

} // namespace tinymlp::tools
