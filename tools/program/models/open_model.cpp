#include "models/open_model.hpp"

#include <unistd.h>

#include "onnx/onnx_file.hpp"
#include "registry/registered_file.hpp"
#include "registry/registry.hpp"
#include "registry/signature.hpp"
#include "system/failure.hpp"
#include "system/text.hpp"

namespace tinymlp::tools {

namespace {

std::optional<isa> choose_isa(const std::optional<std::string>& wanted) {
  if (!wanted) return std::nullopt;
  const std::optional<isa> which = isa_from_name(*wanted);
  if (!which)
    throw usage_error(
        fmt::format("--isa: no instruction set {}; known are {}", *wanted, isa_names()));
  if (!supported(*which)) fail("--isa: {}: {}", *wanted, message(status::isa_unsupported));
  return which;
}

std::optional<onnx::precision> choose_precision(const std::optional<std::string>& wanted) {
  if (!wanted) return std::nullopt;
  for (const onnx::precision p : {onnx::precision::fp32, onnx::precision::int8})
    if (onnx::name(p) == *wanted) return p;
  throw usage_error(fmt::format("--precision: neither fp32 nor int8: {}", *wanted));
}

// The file that the entry's quant_mode asks for, or that of the wanted precision; no other.
std::unique_ptr<model> open_registered(const model_request& request,
                                       std::optional<onnx::precision> precision,
                                       std::optional<isa> which) {
  const registry from(*request.registry);
  const model_entry& entry = from.at(request.model);
  std::optional<minisign_public_key> key;
  if (request.public_key) key = read_public_key(*request.public_key);
  const onnx_file file = load_registered(
      from.where(), entry, precision.value_or(entry.default_precision()), key ? &*key : nullptr);
  return make_model(file, which,
                    fmt::format("{} in {}: quant_mode {}{}{}", entry.id, from.path(),
                                entry.quant_mode, precision ? ", precision asked for" : "",
                                key ? ", signed by key " + key_name(*key) : ""));
}

void refuse_unknown_name(const std::string& name_or_file) {
  const bool is_path = name_or_file.find_first_of("/.") != std::string::npos ||
                       ::access(name_or_file.c_str(), F_OK) == 0;
  if (!is_path)
    throw usage_error(
        fmt::format("--model: neither a file nor one of {}: {}; ids of a registry need "
                    "--registry FILE",
                    compiled_in_names(), name_or_file));
}

} // namespace

std::unique_ptr<model> open_model(const model_request& request) {
  const std::optional<isa> which = choose_isa(request.isa);
  const std::optional<onnx::precision> precision = choose_precision(request.precision);
  if (request.registry) return open_registered(request, precision, which);
  if (request.public_key) throw usage_error("--public-key needs --registry");
  std::unique_ptr<model> found;
  if (precision == onnx::precision::int8)
    found = make_compiled_in(request.model + std::string(int8_suffix), which);
  if (found == nullptr) found = make_compiled_in(request.model, which);
  if (found == nullptr) {
    refuse_unknown_name(request.model);
    found = make_model(read_onnx_file(request.model, request.output_name), which, "");
  }
  if (!request.output_name.empty() && found->description().output_name != request.output_name)
    fail("{}: its output is {}, not {}", request.model, found->description().output_name,
         printable(request.output_name, 80));
  if (precision && !found->description().precision.ends_with(onnx::name(*precision)))
    fail("{}: holds {} weights, and --precision {} was asked for", request.model,
         found->description().precision, onnx::name(*precision));
  return found;
}

std::vector<std::string> files_of(const model_request& request, const model_description& from) {
  std::vector<std::string> files;
  for (const auto& file : {request.registry, request.public_key})
    if (file) files.push_back(*file);
  if (from.compiled_in) return files;
  files.push_back(request.model == "-" ? request.model : from.name);
  files.push_back(signature_path(from.name));
  for (const auto& data : from.external) files.push_back(folder_of(from.name) + data.location);
  return files;
}

std::string isa_names() {
  std::vector<std::string_view> names;
  for (std::size_t i = 0; i < isa_count; ++i) names.push_back(name(static_cast<isa>(i)));
  return joined(names, ", ");
}

} // namespace tinymlp::tools
