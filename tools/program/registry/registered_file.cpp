#include "registry/registered_file.hpp"

#include "registry/signature.hpp"
#include "system/failure.hpp"

namespace tinymlp::tools {

onnx_file load_registered(const folder& where, const model_entry& entry, onnx::precision which,
                          const minisign_public_key* key) {
  model_bytes bytes = read_registered(where, entry, which);
  if (key != nullptr) check_signature(where, entry, which, bytes, *key);
  onnx_file file = parse_onnx_file(std::move(bytes), where, entry.file(which));
  check_external_hashes(entry, file);
  if (file.plan.kind != which)
    fail("{}: {}: holds {} weights where {} are registered", entry.id, file.path,
         onnx::name(file.plan.kind), onnx::name(which));
  if (which == onnx::precision::int8 && !mode_agrees(entry, file.plan))
    fail("{}: {}: its activations are quantised {}, the registry says quant_mode {}", entry.id,
         file.path, quant_mode_of(file.plan), entry.quant_mode);
  return file;
}

} // namespace tinymlp::tools
