#include "onnx/onnx_file.hpp"

#include <algorithm>
#include <array>
#include <utility>

#include <openssl/evp.h>
#include <tinymlp/onnx/advice.hpp>

#include "onnx/onnx_scan.hpp"
#include "system/byte_source.hpp"
#include "system/failure.hpp"
#include "system/text.hpp"

namespace tinymlp::tools {

namespace {

constexpr std::size_t largest_model = std::size_t{64} << 20;
constexpr std::size_t most_obstacles = 64;

} // namespace

external_data read_external(const folder& where, const std::string& model_folder,
                            const std::string& location) {
  const std::string_view path = path_of_location(location);
  if (const auto objection = path_objection(path))
    fail("external data at '{}': the location {}; only a path inside the model's folder is read",
         location, *objection);
  external_data data{location, where.read(model_folder + std::string(path), largest_model), ""};
  data.sha256 = sha256_of({data.bytes.data(), data.bytes.size()});
  return data;
}

std::string sha256_of(std::string_view bytes) {
  std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
  unsigned length = 0;
  if (EVP_Digest(bytes.data(), bytes.size(), digest.data(), &length, EVP_sha256(), nullptr) != 1)
    fail("SHA-256 is not available");
  std::string hex;
  for (unsigned i = 0; i < length; ++i) hex += fmt::format("{:02x}", digest[i]);
  return hex;
}

std::string describe(const error& why) {
  return fmt::format("byte {}: {}{}{}{}", why.offset, message(why.code),
                     why.where.empty() ? "" : " (", why.where, why.where.empty() ? "" : ")");
}

namespace {

std::string number_text(status code, std::int64_t number) {
  switch (onnx::unit_of(code)) {
  case onnx::unit::element_type: return std::string(onnx::name(static_cast<onnx::element>(number)));
  case onnx::unit::opset:
    return code == status::bad_ir_version ? fmt::format("IR version {}", number)
                                          : fmt::format("operator set {}", number);
  case onnx::unit::operands: return fmt::format("{} operands or results", number);
  case onnx::unit::values: return fmt::format("{} values", number);
  default: return fmt::format("{}", number);
  }
}

std::string shape_of(const error& why) {
  std::string text;
  for (std::size_t i = 0; i < why.rank && i < why.dims.size(); ++i)
    text += fmt::format("{}{}", i == 0 ? "" : ",",
                        why.dims[i] == 0 ? std::string("?") : fmt::format("{}", why.dims[i]));
  return "[" + text + "]";
}

} // namespace

std::string describe_obstacle(const error& why) {
  constexpr std::size_t longest = 200;
  std::string text = fmt::format("byte {}: {}\n", why.offset, message(why.code));
  const auto line = [&text](std::string_view name, const std::string& value) {
    text += fmt::format("  {:<10}{}\n", name, printable(value, longest));
  };
  if (!why.where.empty()) line("at", std::string(why.where));
  if (!why.op_type.empty()) line("operator", std::string(why.op_type));
  if (why.rank > 0) line("shape", shape_of(why));
  if (why.found >= 0) line("found", number_text(why.code, why.found));
  if (why.accepted >= 0) line("accepted", number_text(why.code, why.accepted));
  if (const std::string_view what = onnx::advice(why); !what.empty())
    line("to do", std::string(what));
  if (const std::string_view section = onnx::section(why.code); !section.empty())
    line("see", fmt::format("include/tinymlp/onnx/README.md#{}", section));
  return text;
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

namespace {

// Throws refused_model.
[[noreturn]] void refuse(const onnx_file& file, const error& why, std::string_view output_name) {
  std::vector<error> all(most_obstacles);
  const std::size_t count = onnx::find_obstacles(file.bytes, file.external_files, output_name, all);
  all.resize(std::min(count, all.size()));
  if (all.empty()) all.push_back(why);
  std::string text;
  for (const error& each : all) text += describe_obstacle(each);
  if (count > all.size()) text += fmt::format("and {} more\n", count - all.size());
  throw refused_model(fmt::format("{}: {}", file.path, describe(why)), std::move(text));
}

} // namespace

// The parser asks for one file of external data at a time, by name.
onnx_file parse_onnx_file(model_bytes from, const folder& where, const std::string& relative,
                          std::string_view output_name) {
  onnx_file file;
  static_cast<model_bytes&>(file) = std::move(from);
  for (;;) {
    file.plan = {};
    const error why = onnx::parse_into(file.plan, file.bytes, file.external_files, output_name);
    if (!onnx::failed(why)) return file;
    const bool wants_more = why.code == status::external_data_missing;
    if (!wants_more || file.external.size() == most_external_files) refuse(file, why, output_name);
    try {
      const external_data& data = file.external.emplace_back(
          read_external(where, folder_of(relative), std::string(why.where)));
      file.external_files.push_back({data.location, data.bytes});
    } catch (const failure& reason) {
      fail("{}: {}", file.path, reason.what());
    }
  }
}

std::vector<std::string> external_files_of(const std::string& path, const onnx_file& file) {
  std::vector<std::string> paths;
  for (const external_data& data : file.external)
    paths.push_back(folder_of(path) + std::string(path_of_location(data.location)));
  return paths;
}

onnx_file read_onnx_file(const std::string& path, std::string_view output_name) {
  model_bytes bytes = read_model_bytes(path);
  const std::string name = path == "-" ? "" : path;
  return parse_onnx_file(std::move(bytes), folder(folder_of(name)),
                         name.substr(folder_of(name).size()), output_name);
}

} // namespace tinymlp::tools
