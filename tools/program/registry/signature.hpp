// Signatures of registered files: <file>.minisig beside each file, fp32 and int8.
#pragma once

#include <string>

#include "registry/minisign.hpp"
#include "registry/registry.hpp"

namespace tinymlp::tools {

// "mlp_small.int8.onnx" -> "mlp_small.int8.onnx.minisig"
std::string signature_path(const std::string& file);

// The key in the file of that name, or, where there is none, in the text itself. Throws failure.
minisign_public_key read_public_key(const std::string& file_or_text);

// The text of the signature of the entry's file of that precision. Its trusted comment names the
// file, the id and the precision, so that one file's signature cannot pass for another's. Throws
// failure for bytes that are not registered, and for a model with external data, which no signature
// of the ONNX file covers.
std::string sign_registered(const folder& where, const model_entry& entry, onnx::precision which,
                            const minisign_secret_key& key);

// The trusted comment of the signature of these bytes, which are the entry's file of that
// precision. Throws failure, naming the file: no signature, by another key, of other bytes, or made
// for another file, id or precision.
std::string check_signature(const folder& where, const model_entry& entry, onnx::precision which,
                            const model_bytes& bytes, const minisign_public_key& key);

} // namespace tinymlp::tools
