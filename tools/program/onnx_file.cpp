#include "onnx_file.hpp"

#include <array>
#include <utility>

#include <openssl/evp.h>

#include "byte_source.hpp"
#include "failure.hpp"

namespace tinymlp::tools {

namespace {

constexpr std::size_t largest_model = std::size_t{64} << 20;
constexpr std::size_t most_external_files = 16;

external_data read_external(const folder& where, const std::string& model_folder,
                            const std::string& location) {
  // ONNX writes locations as it likes: './weights.bin' is 'weights.bin'.
  std::string_view path = location;
  while (path.starts_with("./")) path.remove_prefix(2);
  if (const auto objection = path_objection(path))
    fail("external data at '{}': the location {}; only a path inside the model's folder is read",
         location, *objection);
  external_data data{location, where.read(model_folder + std::string(path), largest_model), ""};
  data.sha256 = sha256_of({data.bytes.data(), data.bytes.size()});
  return data;
}

} // namespace

std::string sha256_of(std::string_view bytes) {
  std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
  unsigned length = 0;
  if (EVP_Digest(bytes.data(), bytes.size(), digest.data(), &length, EVP_sha256(), nullptr) != 1)
    fail("SHA-256 is not available");
  std::string hex;
  for (unsigned i = 0; i < length; ++i) hex += fmt::format("{:02x}", digest[i]);
  return hex;
}

std::vector<onnx::external_file> external_files(const onnx_file& file) {
  std::vector<onnx::external_file> files;
  for (const external_data& data : file.external) files.push_back({data.location, data.bytes});
  return files;
}

std::string describe(const error& why) {
  return fmt::format("byte {}: {}{}{}{}", why.offset, message(why.code),
                     why.where.empty() ? "" : " (", why.where, why.where.empty() ? "" : ")");
}

std::string_view precision_text(onnx::quant_mode mode) {
  return mode == onnx::quant_mode::static_int8 ? onnx::name(mode)
                                               : onnx::name(onnx::precision_of(mode));
}

std::string shape_text(const onnx::plan& plan) {
  std::string text = fmt::format("{}", plan.inputs);
  for (std::size_t l = 0; l < plan.layer_count; ++l)
    text += fmt::format("-{}", plan.layers[l].outputs);
  return text;
}

std::vector<float> broadcast_values(const onnx::tensor& from, std::size_t count) {
  std::vector<float> values(count);
  onnx::element_reader reader(from);
  float value = 0;
  for (float& to : values) {
    reader.next(value); // past its end a reader keeps the last value
    to = value;
  }
  return values;
}

scaler_values scaler_of(const onnx::plan& plan) {
  const onnx::scaler& s = plan.input_scaler;
  if (s.op == onnx::scale_op::none) return {};
  scaler_values to{broadcast_values(s.mean, plan.inputs), broadcast_values(s.scale, plan.inputs)};
  if (s.op == onnx::scale_op::multiply)
    for (float& value : to.std) value = 1 / value;
  return to;
}

model_bytes read_model_bytes(const std::string& path) {
  byte_source source(path);
  held_text text = read_whole(source, largest_model, 0, "not one of these networks");
  model_bytes to;
  to.path = source.name();
  to.bytes = std::move(text.bytes);
  to.bytes.resize(text.size);
  to.sha256 = sha256_of({to.bytes.data(), to.bytes.size()});
  return to;
}

model_bytes read_model_bytes(const folder& where, const std::string& relative) {
  model_bytes to;
  to.path = where.name_of(relative);
  to.bytes = where.read(relative, largest_model);
  to.sha256 = sha256_of({to.bytes.data(), to.bytes.size()});
  return to;
}

// The parser asks for one file of external data at a time, by name.
onnx_file parse_onnx_file(model_bytes from, const folder& where, const std::string& relative) {
  onnx_file file;
  static_cast<model_bytes&>(file) = std::move(from);
  for (;;) {
    const std::vector<onnx::external_file> given = external_files(file);
    const result<onnx::plan> plan = onnx::parse(file.bytes, given);
    if (plan) {
      file.plan = *plan;
      return file;
    }
    const error why = plan.error();
    const bool wants_more = why.code == errc::external_data_missing;
    if (!wants_more || file.external.size() == most_external_files)
      fail("{}: {}", file.path, describe(why));
    try {
      file.external.push_back(read_external(where, folder_of(relative), std::string(why.where)));
    } catch (const failure& reason) {
      fail("{}: {}", file.path, reason.what());
    }
  }
}

onnx_file read_onnx_file(const std::string& path) {
  model_bytes bytes = read_model_bytes(path);
  const std::string name = path == "-" ? "" : path;
  return parse_onnx_file(std::move(bytes), folder(folder_of(name)),
                         name.substr(folder_of(name).size()));
}

} // namespace tinymlp::tools
