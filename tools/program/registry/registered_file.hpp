// A registered model: its bytes have the hash, and where asked for the signature, before they are
// parsed.
#pragma once

#include "onnx/onnx_file.hpp"
#include "registry/minisign.hpp"
#include "registry/registry.hpp"

namespace tinymlp::tools {

// The model, parsed from those same bytes; every file of external data has its registered hash too.
// Throws failure also for a file of the other precision or of another quant_mode, and for fp32
// entries when int8 is asked for: nothing else is loaded instead. With a key, the bytes must also
// be signed with it.
onnx_file load_registered(const folder& where, const model_entry& entry, onnx::precision which,
                          const minisign_public_key* key = nullptr);

} // namespace tinymlp::tools
