#include "registry/signature.hpp"

#include <string_view>

#include <unistd.h>

#include "system/byte_source.hpp"
#include "system/failure.hpp"
#include "onnx/onnx_scan.hpp"

namespace tinymlp::tools {

namespace {

constexpr std::size_t largest_signature = std::size_t{64} << 10;

std::string base_name(const std::string& path) { return path.substr(folder_of(path).size()); }

// The value of "name:value" among the comment's parts, which tabs separate; empty where it has
// none.
std::string_view comment_part(std::string_view comment, std::string_view name) {
  while (!comment.empty()) {
    const std::size_t end = std::min(comment.find('\t'), comment.size());
    const std::string_view part = comment.substr(0, end);
    if (part.starts_with(name) && part.substr(name.size()).starts_with(':'))
      return part.substr(name.size() + 1);
    comment.remove_prefix(std::min(end + 1, comment.size()));
  }
  return {};
}

void refuse_external(const model_bytes& bytes) {
  if (!scan_onnx(bytes.bytes).locations.empty())
    fail("{}: uses external data, which a signature of the ONNX file does not cover", bytes.path);
}

} // namespace

std::string signature_path(const std::string& file) { return file + ".minisig"; }

minisign_public_key read_public_key(const std::string& file_or_text) {
  if (::access(file_or_text.c_str(), F_OK) != 0) {
    try {
      return parse_public_key(file_or_text);
    } catch (const failure&) {
      fail("{}: neither a file nor a minisign public key", file_or_text);
    }
  }
  try {
    byte_source source(file_or_text);
    return parse_public_key(read_whole(source, largest_signature, 0, "not a key").view());
  } catch (const failure& reason) {
    fail("{}: {}", file_or_text, reason.what());
  }
}

std::string sign_registered(const folder& where, const model_entry& entry, onnx::precision which,
                            const minisign_secret_key& key) {
  const model_bytes bytes = read_registered(where, entry, which);
  refuse_external(bytes);
  std::string text = sign(key, bytes.bytes,
                          fmt::format("file:{}\tid:{}\tprecision:{}", base_name(entry.file(which)),
                                      entry.id, onnx::name(which)));
  static_cast<void>(verify(key.own, bytes.bytes, text)); // what is written can be checked
  return text;
}

std::string check_signature(const folder& where, const model_entry& entry, onnx::precision which,
                            const model_bytes& bytes, const minisign_public_key& key) {
  refuse_external(bytes);
  const std::string path = signature_path(entry.file(which));
  if (!where.has(path)) fail("{}: is not signed: no {}", bytes.path, where.name_of(path));
  const std::vector<char> text = where.read(path, largest_signature);
  std::string comment;
  try {
    comment = verify(key, bytes.bytes, {text.data(), text.size()});
  } catch (const failure& reason) {
    fail("{}: {}", where.name_of(path), reason.what());
  }
  const auto expect = [&](std::string_view name, std::string_view wanted) {
    const std::string_view said = comment_part(comment, name);
    if (!said.empty() && said != wanted)
      fail("{}: was made for {} {}, not for {}", where.name_of(path), name, said, wanted);
  };
  expect("file", base_name(entry.file(which)));
  expect("id", entry.id);
  expect("precision", onnx::name(which));
  return comment;
}

} // namespace tinymlp::tools
