// `tinymlp embed`: an ONNX file as a C++ header, ready for tinymlp::embed<>.
#include <algorithm>
#include <array>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>

#include <CLI/CLI.hpp>
#include <fmt/format.h>

#include "system/atomic_file.hpp"
#include "commands.hpp"
#include "system/failure.hpp"
#include "system/folder.hpp"
#include "onnx/onnx_file.hpp"
#include "onnx/onnx_rewrite.hpp"
#include "system/text.hpp"

namespace tinymlp::tools {

namespace {

struct embed_options {
  std::string input;
  std::optional<std::string> name;
  std::string name_space;
  std::string output;
};

bool is_identifier_char(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
}

constexpr std::array keywords{"alignas",       "alignof",     "and",
                              "and_eq",        "asm",         "auto",
                              "bitand",        "bitor",       "bool",
                              "break",         "case",        "catch",
                              "char",          "char16_t",    "char32_t",
                              "char8_t",       "class",       "co_await",
                              "co_return",     "co_yield",    "compl",
                              "concept",       "const",       "const_cast",
                              "consteval",     "constexpr",   "constinit",
                              "continue",      "decltype",    "default",
                              "delete",        "do",          "double",
                              "dynamic_cast",  "else",        "enum",
                              "explicit",      "export",      "extern",
                              "false",         "float",       "for",
                              "friend",        "goto",        "if",
                              "inline",        "int",         "long",
                              "mutable",       "namespace",   "new",
                              "noexcept",      "not",         "not_eq",
                              "nullptr",       "operator",    "or",
                              "or_eq",         "private",     "protected",
                              "public",        "register",    "reinterpret_cast",
                              "requires",      "return",      "short",
                              "signed",        "sizeof",      "static",
                              "static_assert", "static_cast", "struct",
                              "switch",        "template",    "this",
                              "thread_local",  "throw",       "true",
                              "try",           "typedef",     "typeid",
                              "typename",      "union",       "unsigned",
                              "using",         "virtual",     "void",
                              "volatile",      "wchar_t",     "while",
                              "xor",           "xor_eq"};

// Also refuses what the implementation keeps for itself: a leading underscore, two in a row.
bool is_identifier(std::string_view text) {
  return !text.empty() && std::all_of(text.begin(), text.end(), is_identifier_char) &&
         !(text[0] >= '0' && text[0] <= '9') && text[0] != '_' &&
         text.find("__") == std::string_view::npos &&
         std::find(keywords.begin(), keywords.end(), text) == keywords.end();
}

bool is_namespace(std::string_view text) {
  for (;;) {
    const std::size_t colons = text.find("::");
    if (!is_identifier(text.substr(0, colons))) return false;
    if (colons == std::string_view::npos) return true;
    text.remove_prefix(colons + 2);
  }
}

// mlp_small.int8.onnx -> mlp_small_int8_onnx
std::string array_name(const embed_options& options) {
  std::string name = options.name.value_or("");
  if (!options.name) {
    name = std::filesystem::path(options.input).filename().string();
    std::replace_if(
        name.begin(), name.end(), [](char c) { return c == '.' || c == '-'; }, '_');
    if (!name.ends_with("_onnx")) name += "_onnx";
  }
  if (!is_identifier(name))
    throw usage_error(
        fmt::format("'{}' is not a C++ identifier; give one with --name", printable(name, 80)));
  return name;
}

// Three octal digits, always: a digit that follows cannot lengthen them. '?' too, which could
// otherwise start a trigraph.
std::string escaped(char c) {
  const auto byte = static_cast<unsigned char>(c);
  const bool plain = byte >= ' ' && byte < 0x7F && c != '"' && c != '\\' && c != '?';
  return plain ? std::string(1, c) : fmt::format("\\{:03o}", byte);
}

// Lines of at most 100 columns.
std::string string_literal(std::string_view bytes) {
  constexpr std::size_t longest_line = 99; // and the closing quote
  std::string out, line = "\"";
  for (const char c : bytes) {
    const std::string next = escaped(c);
    if (line.size() + next.size() > longest_line) {
      out += line + "\"\n";
      line = "\"";
    }
    line += next;
  }
  return out + line + '"';
}

// The bytes of the string literal that begins at the text's first quote: what a compiler makes of
// it.
std::string bytes_of_literal(std::string_view text) {
  std::string bytes;
  bool inside = false;
  for (std::size_t i = text.find('"'); i < text.size(); ++i) {
    if (text[i] == '"')
      inside = !inside;
    else if (!inside && text[i] == ';')
      break;
    else if (inside && text[i] == '\\') {
      bytes += static_cast<char>((text[i + 1] - '0') * 64 + (text[i + 2] - '0') * 8 +
                                 (text[i + 3] - '0'));
      i += 3;
    } else if (inside)
      bytes += text[i];
  }
  return bytes;
}

// Throws failure unless the header holds the model's bytes, and they are the file's network.
void check_header(std::string_view header, std::string_view bytes, const onnx_file& file) {
  const std::size_t literal = header.find("[] =\n");
  if (literal == std::string_view::npos || bytes_of_literal(header.substr(literal)) != bytes)
    fail("{}: the header does not read back as it was written", file.path);
  onnx::plan plan;
  if (const error why = onnx::parse_into(plan, bytes); onnx::failed(why))
    fail("{}: its header would not be accepted: {}", file.path, describe(why));
  if (shape_text(plan) != shape_text(file.plan) || plan.step_count != file.plan.step_count)
    fail("{}: its header would hold another network", file.path);
}

std::string header_of(const onnx_file& file, std::string_view bytes, const std::string& name,
                      const std::string& name_space) {
  const std::string source = printable(std::filesystem::path(file.path).filename().string(), 80);
  const bool in_namespace = !name_space.empty();
  return fmt::format(
      "// Generated by `tinymlp embed` from {}: {} {},\n"
      "// {} bytes, sha256 {}\n{}"
      "#pragma once\n\n"
      "// clang-format off\n{}"
      "inline constexpr char {}[] =\n{};\n{}"
      "// clang-format on\n",
      source, shape_text(file.plan), precision_text(file.plan.mode), bytes.size(), sha256_of(bytes),
      file.external.empty() ? "" : "// with the model's external data inside\n",
      in_namespace ? fmt::format("namespace {} {{\n\n", name_space) : "", name,
      string_literal(bytes), in_namespace ? fmt::format("\n}} // namespace {}\n", name_space) : "");
}

void run_embed(const embed_options& options) {
  const std::string name = array_name(options);
  if (!options.name_space.empty() && !is_namespace(options.name_space))
    throw usage_error(
        fmt::format("--namespace: '{}' is not a C++ namespace", printable(options.name_space, 80)));
  refuse_overwriting("--output", options.output, std::array{options.input});
  const onnx_file file = read_onnx_file(options.input);
  refuse_overwriting("--output", options.output, external_files_of(options.input, file));
  const std::string bytes = inline_external_data(file);
  const std::string header = header_of(file, bytes, name, options.name_space);
  check_header(header, bytes, file);
  atomic_file out(options.output);
  out.write(header);
  out.commit();
}

constexpr const char* embed_footer = R"(The header holds one constant array. Use it as
  #include <tinymlp.hpp>
  #include "my_model.hpp"
  constexpr auto net = tinymlp::embed<my_model_onnx>();
and the compiler finds the network's type in it; embed<tinymlp::mlp_medium>(my_model_onnx) also
checks that it is that one. External data becomes part of the array.

The same files always give the same header. A file that tinymlp would refuse is refused here.

Examples:
  tinymlp embed my_model.onnx --output my_model.hpp
  tinymlp embed my_model.onnx --name weights --namespace app::models > weights.hpp
)";

} // namespace

void add_embed_command(CLI::App& app) {
  CLI::App* command = app.add_subcommand("embed", "Write an ONNX file as a C++ header");
  auto options = std::make_shared<embed_options>();
  command
      ->add_option("--name", options->name,
                   "Name of the array; by default the file's with _ for . and -")
      ->type_name("ID");
  command->add_option("--namespace", options->name_space, "Namespace around it; none by default")
      ->type_name("NS");
  command->add_option("--output", options->output, "Write here, whole or not at all")
      ->type_name("FILE");
  command->add_option("FILE", options->input, "ONNX file")->required();
  command->footer(embed_footer);
  command->callback([options] { run_embed(*options); });
}

} // namespace tinymlp::tools
