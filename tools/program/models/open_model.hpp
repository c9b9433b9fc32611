// What a person asks for -> where its bytes come from (compiled in, a file, a registry) -> checked
// bytes -> plan -> network. One way: nothing here is asked twice.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "models/model.hpp"

namespace tinymlp::tools {

// What a person asks for.
struct model_request {
  std::string model{};              // a compiled-in name, else a path; an id with a registry
  std::string output_name{};        // of the graph; empty: the first that is an MLP
  std::optional<std::string> isa{}; // forces a kernel by name
  std::optional<std::string>
      precision{};                       // "fp32" or "int8"; else the registry's, or the file's own
  std::optional<std::string> registry{}; // its path: the model's bytes must have the hash in there
  std::optional<std::string>
      public_key{}; // a minisign key, or its file, that must have signed them
};

// Throws failure for a file that cannot be read or is refused, for bytes that are not the
// registered or not the signed ones, for a precision that is not to be had (nothing else is loaded
// instead), and for an instruction set that this machine lacks; usage_error for names nobody knows.
std::unique_ptr<model> open_model(const model_request& request);
// The files that the model came from, with its registry and key: output must not replace them.
std::vector<std::string> files_of(const model_request& request, const model_description& from);

// Names of the instruction sets, for help texts.
std::string isa_names();

} // namespace tinymlp::tools
