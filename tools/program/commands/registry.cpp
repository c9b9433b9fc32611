// `tinymlp registry`: which model files may be loaded, and proof that they are the same files.
#include <array>
#include <cstdio>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <CLI/CLI.hpp>
#include <fmt/format.h>

#include "system/atomic_file.hpp"
#include "system/byte_source.hpp"
#include "commands.hpp"
#include "commands/options.hpp"
#include "system/failure.hpp"
#include "onnx/onnx_scan.hpp"
#include "registry/add.hpp"
#include "registry/registry.hpp"
#include "registry/signature.hpp"
#include "registry/validate.hpp"
#include "system/processor_limit.hpp"
#include "system/terminal.hpp"
#include "system/text.hpp"

namespace tinymlp::tools {

namespace {

constexpr std::size_t largest_key = std::size_t{64} << 10;
constexpr std::size_t largest_schema = std::size_t{1} << 20;
constexpr int most_seconds = 5; // of the processor's time, for a schema of the user's own

// ---- validate

// Whatever the entries name: what is printed must not go into one of them.
void refuse_printing_over(const registry_file& read) {
  const json& document = read.document;
  if (!document.is_object() || !document.contains("models") || !document["models"].is_array())
    return;
  std::vector<std::string> files;
  for (const json& model : document["models"]) {
    const model_entry entry = read_entry(model);
    for (const std::string_view suffix :
         {".onnx", ".json", ".int8.onnx", ".int8.json", ".onnx.minisig", ".int8.onnx.minisig"})
      files.push_back(read.where.name_of(with_suffix(entry.onnx, suffix)));
    for (const auto& data : entry.external_data)
      files.push_back(read.where.name_of(folder_of(entry.onnx) + data.first));
    if (!entry.calibration_set.empty()) files.push_back(read.where.name_of(entry.calibration_set));
  }
  refuse_overwriting("", "-", files);
}

struct validate_options {
  std::string registry = default_registry;
  std::string schema;
  bool schema_only = false;
};

json_schema read_schema(const std::string& path) {
  byte_source source(path);
  return {parse_json(read_whole(source, largest_schema, 0, "not a schema").view(), path), path};
}

// Patterns and comparisons of another schema than ours may take any time.
validation validate_against_own(const validate_options& options) {
  const processor_limit until_done(
      most_seconds,
      fmt::format("{}: takes more than {} seconds over this registry: plainer patterns "
                  "and fewer rules are needed",
                  printable(options.schema, 200), most_seconds));
  return validate_registry(options.registry, read_schema(options.schema), options.schema_only);
}

void run_validate(const validate_options& options) {
  refuse_overwriting("", "-", std::array{options.registry, options.schema});
  validation found;
  try {
    refuse_printing_over(read_registry_file(options.registry));
    found = options.schema.empty()
                ? validate_registry(options.registry, built_in_schema(), options.schema_only)
                : validate_against_own(options);
  } catch (const failure& reason) {
    throw usage_error(reason.what()); // exit 2: nothing could be validated
  }
  std::string text;
  for (const registry_problem& p : found.problems)
    text += printable(fmt::format("FAIL: {}: {}{}{}", p.entry, p.field, p.field.empty() ? "" : ": ",
                                  p.why),
                      2000) +
            "\n";
  if (found.problems.empty())
    text = fmt::format("OK: {} registry entries valid against {}\n", found.entries,
                       options.schema.empty() ? std::string("registry.schema.json")
                                              : printable(options.schema, 200));
  print(text);
  if (!found.problems.empty())
    fail("{}: {} failure{}", options.registry, found.problems.size(),
         found.problems.size() == 1 ? "" : "s");
}

// ---- verify

struct verify_options {
  std::string registry = default_registry;
  std::string file;
};

struct registered_as {
  const model_entry* entry = nullptr;
  onnx::precision which = onnx::precision::fp32;
};

// The entry whose file this is, by its place; else any whose hash it has.
registered_as find_entry(const registry& in, const std::string& path, const std::string& sha256) {
  registered_as by_hash;
  for (const model_entry& entry : in.models())
    for (const onnx::precision which : {onnx::precision::fp32, onnx::precision::int8}) {
      if (which == onnx::precision::int8 && !entry.is_quantised()) continue;
      if (same_file(in.where().name_of(entry.file(which)), path)) return {&entry, which};
      if (entry.hash(which) == sha256) by_hash = {&entry, which};
    }
  return by_hash;
}

void run_verify(const verify_options& options) {
  refuse_overwriting("", "-", std::array{options.registry, options.file});
  const registry in(options.registry);
  const model_bytes bytes = read_model_bytes(options.file);
  const auto [entry, which] = find_entry(in, options.file, bytes.sha256);
  if (entry == nullptr)
    fail("{}: sha256 {}: not the bytes of any registered file", bytes.path, bytes.sha256);
  if (entry->hash(which) != bytes.sha256)
    fail("{}: sha256 is {}, the registry says {} for {} {}", bytes.path, bytes.sha256,
         entry->hash(which), entry->id, onnx::name(which));
  const folder beside(folder_of(options.file == "-" ? "" : options.file));
  for (const std::string& location : scan_onnx(bytes.bytes).locations) {
    const auto listed = entry->external_data.find(location);
    if (listed == entry->external_data.end())
      fail("{}: external data '{}' is not listed with a hash", bytes.path, location);
    const model_bytes data = read_model_bytes(beside, location);
    if (data.sha256 != listed->second)
      fail("{}: sha256 is {}, the registry says {}", data.path, data.sha256, listed->second);
  }
  print(fmt::format("OK: {}: {} {}, sha256 {}\n", bytes.path, entry->id, onnx::name(which),
                    bytes.sha256));
}

// ---- add

void run_add(const std::string& registry_path, const new_entry& entry) {
  for (const std::string& path : add_to_registry(registry_path, entry))
    print_message("", fmt::format("wrote {}", path));
}

// ---- sign, verify-signature

struct signature_options {
  std::string registry = default_registry;
  std::string key;
  std::string password_file;
  std::vector<std::string> ids; // empty: all
};

// Every file of the chosen entries.
template <class F> void each_file(const registry& in, const std::vector<std::string>& ids, F&& f) {
  std::vector<const model_entry*> entries;
  entries.reserve(ids.size());
  for (const std::string& id : ids) entries.push_back(&in.at(id));
  if (ids.empty())
    for (const model_entry& entry : in.models()) entries.push_back(&entry);
  if (entries.empty()) fail("{}: no entries", in.path());
  for (const model_entry* entry : entries) {
    f(*entry, onnx::precision::fp32);
    if (entry->is_quantised()) f(*entry, onnx::precision::int8);
  }
}

std::string read_password(const signature_options& options) {
  if (options.password_file.empty()) return ask_password("Password of the secret key: ");
  byte_source source(options.password_file);
  std::string password(read_whole(source, largest_key, 0, "not a password").view());
  while (password.ends_with('\n') || password.ends_with('\r')) password.pop_back();
  return password;
}

minisign_secret_key read_secret_key(const signature_options& options) {
  byte_source source(options.key);
  const held_text text = read_whole(source, largest_key, 0, "not a key");
  try {
    return parse_secret_key(text.view(), [&] { return read_password(options); });
  } catch (const failure& reason) {
    fail("{}: {}", options.key, reason.what());
  }
}

void run_sign(const signature_options& options) {
  const registry in(options.registry);
  const minisign_secret_key key = read_secret_key(options);
  std::vector<std::pair<std::string, std::string>> signatures; // all or none
  each_file(in, options.ids, [&](const model_entry& entry, onnx::precision which) {
    const std::string path = signature_path(entry.file(which));
    static_cast<void>(in.where().has(path)); // refuses a link that would have us write outside
    signatures.emplace_back(in.where().name_of(path),
                            sign_registered(in.where(), entry, which, key));
  });
  for (const auto& [path, text] : signatures)
    refuse_overwriting(fmt::format("the signature {}", path), path,
                       std::array{options.key, options.password_file, options.registry});
  write_together(signatures);
  for (const auto& [path, text] : signatures) print_message("", fmt::format("wrote {}", path));
}

// Tabs, which separate the parts of a comment, as people read them.
std::string joined_parts(std::string text) {
  for (std::size_t tab = 0; (tab = text.find('\t')) != std::string::npos;)
    text.replace(tab, 1, ", ");
  return text;
}

void run_verify_signature(const signature_options& options) {
  refuse_overwriting("", "-", std::array{options.registry, options.key});
  const registry in(options.registry);
  refuse_printing_over(in.file());
  const minisign_public_key key = read_public_key(options.key);
  std::string text;
  std::size_t failures = 0;
  each_file(in, options.ids, [&](const model_entry& entry, onnx::precision which) {
    try {
      const model_bytes bytes = read_registered(in.where(), entry, which);
      const std::string comment = check_signature(in.where(), entry, which, bytes, key);
      text += fmt::format("OK: {} {}: {}: {}\n", entry.id, onnx::name(which), bytes.path,
                          printable(joined_parts(comment), 400));
    } catch (const failure& reason) {
      ++failures;
      text += fmt::format("FAIL: {} {}: {}\n", entry.id, onnx::name(which),
                          printable(reason.what(), 2000));
    }
  });
  print(text);
  if (failures > 0)
    fail("{}: {} file{} not verified", in.path(), failures, failures == 1 ? "" : "s");
}

// ---- the command line

void add_registry_option(CLI::App* command, std::string& registry) {
  command->add_option("--registry", registry, "The registry")
      ->type_name("FILE")
      ->capture_default_str();
}

void add_validate(CLI::App* app) {
  CLI::App* command = app->add_subcommand("validate", "Check a registry and the files it lists");
  auto options = std::make_shared<validate_options>();
  add_registry_option(command, options->registry);
  command
      ->add_option("--schema", options->schema,
                   "Another JSON Schema than the compiled-in model/registry.schema.json")
      ->type_name("FILE");
  command->add_flag("--schema-only", options->schema_only,
                    "Check the document alone, not the files that it lists");
  command->footer(
      R"(Every failure is printed with its entry and field. Checked are, beside the schema: ids and files
used twice, paths, hashes of fp32, int8 and external data, opset, sidecars against registry and
file, int8 against fp32, calibration sets, and that whatever is signed in fp32 is signed in int8.

Exit status: 0 valid, 1 not valid, 2 the registry cannot be read.
)");
  command->callback([options] { run_validate(*options); });
}

void add_verify(CLI::App* app) {
  CLI::App* command =
      app->add_subcommand("verify", "Check that a file's bytes are those of a registered model");
  auto options = std::make_shared<verify_options>();
  add_registry_option(command, options->registry);
  command->add_option("FILE", options->file, "ONNX file; - for standard input")->required();
  command->footer(
      R"(A file that the registry lists must have its own hash, not that of another entry; a copy elsewhere
may have any registered hash. External data is checked too.
)");
  command->callback([options] { run_verify(*options); });
}

void refuse_useless(const new_entry& entry) {
  if (entry.quant_mode != "static" && !entry.calibration_set.empty())
    throw usage_error("--calibration-set needs --quant-mode static");
  if (entry.quant_mode == "fp32" && entry.plcc_budget)
    throw usage_error("--budget needs an int8 file: --quant-mode dynamic, static or qat");
}

void add_add(CLI::App* app) {
  CLI::App* command = app->add_subcommand("add", "Register a model and write its sidecar");
  auto registry = std::make_shared<std::string>(default_registry);
  auto entry = std::make_shared<new_entry>();
  add_registry_option(command, *registry);
  const auto text = [&](const char* name, auto& to, const char* what, const char* type) {
    return command->add_option(name, to, what)->type_name(type)->check(utf8_text());
  };
  text("--id", entry->id, "Name of the model", "ID")->required();
  text("--kind", entry->kind, "fr, nr or filter", "KIND")
      ->check(CLI::IsMember({"fr", "nr", "filter"}))
      ->capture_default_str();
  text("--quant-mode", entry->quant_mode,
       "fp32; or dynamic, static, qat: the int8 file beside FILE is loaded in its place", "MODE")
      ->check(CLI::IsMember({"fp32", "dynamic", "static", "qat"}))
      ->capture_default_str();
  text("--calibration-set", entry->calibration_set, "Rows that fixed the activation scales",
       "PATH");
  command->add_option("--budget", entry->plcc_budget, "Largest PLCC drop of int8 (0.01)")
      ->type_name("DROP")
      ->check(number_in(0.0, 1.0));
  text("--license", entry->license, "SPDX expression", "SPDX");
  text("--license-url", entry->license_url, "Where its text stands", "URL");
  text("--description", entry->description, "What the model does, in one line", "TEXT");
  text("--notes", entry->notes, "Where it comes from", "TEXT");
  command->add_flag("--smoke", entry->smoke, "Only for tests of loading");
  command->add_flag(
      "--replace", entry->replace,
      "Put the entry in the place of the one of that id, whose texts and budget it keeps");
  command->add_option("FILE", entry->file, "fp32 ONNX file in the registry's folder")->required();
  command->footer(
      R"(The sidecar, FILE with .json for .onnx, is filled from the file; what it holds beyond is kept. A
registry that is not there yet is begun.

Examples:
  tinymlp quantize model/my_model.onnx
  tinymlp registry add model/my_model.onnx --id my_model --quant-mode dynamic --license MIT

With fixed activation scales, whose rows stay beside it:
  tinymlp quantize model/fast.onnx --static model/rows.csv --output model/fast.int8.onnx
  tinymlp registry add model/fast.onnx --id fast --quant-mode static --calibration-set rows.csv
)");
  command->callback([registry, entry] {
    refuse_useless(*entry);
    run_add(*registry, *entry);
  });
}

void add_sign(CLI::App* app) {
  CLI::App* command =
      app->add_subcommand("sign", "Sign the fp32 and int8 files of entries (minisign's format)");
  auto options = std::make_shared<signature_options>();
  add_registry_option(command, options->registry);
  command->add_option("--secret-key", options->key, "Key file made by `minisign -G`")
      ->type_name("FILE")
      ->required();
  command
      ->add_option("--password-file", options->password_file,
                   "The key's password; asked for on the terminal if not given")
      ->type_name("FILE");
  command->add_option("ID", options->ids, "Entries; all of them if none is named")
      ->check(utf8_text());
  command->footer(
      R"(Writes FILE.minisig beside each file, which `minisign -V` accepts too. Only bytes with the
registered hash are signed. The same key and bytes give the same signature.
)");
  command->callback([options] { run_sign(*options); });
}

void add_verify_signature(CLI::App* app) {
  CLI::App* command = app->add_subcommand("verify-signature", "Check the signatures of entries");
  auto options = std::make_shared<signature_options>();
  add_registry_option(command, options->registry);
  command->add_option("--public-key", options->key, "Key file, or the key itself")
      ->type_name("FILE|KEY")
      ->required();
  command->add_option("ID", options->ids, "Entries; all of them if none is named")
      ->check(utf8_text());
  command->footer(
      R"(Both files of a quantised entry must be signed: the int8 file is the one that is loaded. Signatures
made by `minisign -S` are accepted too.
)");
  command->callback([options] { run_verify_signature(*options); });
}

} // namespace

void add_registry_command(CLI::App& app) {
  CLI::App* command =
      app.add_subcommand("registry", "Check, extend and sign a registry of model files");
  command->require_subcommand(1);
  add_validate(command);
  add_add(command);
  add_verify(command);
  add_sign(command);
  add_verify_signature(command);
}

} // namespace tinymlp::tools
