#include "registry/add.hpp"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <map>
#include <set>
#include <system_error>

#include <fmt/format.h>
#include <sys/file.h>
#include <unistd.h>

#include "system/atomic_file.hpp"
#include "system/failure.hpp"
#include "onnx/onnx_scan.hpp"
#include "registry/registry.hpp"
#include "registry/sidecar.hpp"
#include "registry/validate.hpp"
#include "system/text.hpp"

namespace tinymlp::tools {

namespace fs = std::filesystem;

namespace {

// Held until the end of the program or of the scope.
class folder_lock {
public:
  explicit folder_lock(const folder& where) : where_(where) {
    while (::flock(where.descriptor_number(), LOCK_EX) != 0)
      if (errno != EINTR)
        fail("{}: cannot lock the folder: {}", where.path(), system_message(errno));
  }
  folder_lock(const folder_lock&) = delete;
  folder_lock& operator=(const folder_lock&) = delete;
  ~folder_lock() { ::flock(where_.descriptor_number(), LOCK_UN); }

private:
  const folder& where_;
};

// The file's path in the registry's folder.
std::string path_inside(const folder& where, const std::string& file) {
  std::error_code code;
  const fs::path base = fs::canonical(where.path(), code);
  const fs::path parent = fs::path(file).has_parent_path() ? fs::path(file).parent_path() : ".";
  const fs::path full = fs::canonical(parent, code) / fs::path(file).filename();
  if (code) fail("{}: {}", file, code.message());
  const std::string relative = full.lexically_relative(base).generic_string();
  if (path_objection(relative))
    fail("{}: is not inside the registry's folder, {}", file, where.path());
  return relative;
}

json empty_registry() {
  return {{"$schema", "./registry.schema.json"}, {"schema_version", 1}, {"models", json::array()}};
}

class addition {
public:
  addition(const std::string& registry_path, const new_entry& from)
      : path_(registry_path), from_(from), where_(folder_of(registry_path)), lock_(where_) {}

  std::vector<std::string> run() {
    document_ = read_document();
    const std::string relative = path_inside(where_, from_.file);
    take_out_replaced(relative);
    describe_files(relative);
    build_entry();
    check_document();
    prepare_sidecars();
    return write();
  }

private:
  json read_document() const {
    if (::access(path_.c_str(), F_OK) != 0) return empty_registry();
    static_cast<void>(registry(path_)); // refuses what the schema refuses
    return read_registry_file(path_).document;
  }

  json& models() { return document_["models"]; }

  void take_out_replaced(const std::string& relative) {
    for (const json& model : models()) {
      const model_entry old = read_entry(model);
      if (old.id == from_.id && !from_.replace)
        fail("{}: {} is registered already; --replace puts a new entry in its place", path_,
             old.id);
      if (old.id != from_.id && old.onnx == relative)
        fail("{}: {} is registered already, as {}", path_, relative, old.id);
    }
    const auto old = std::find_if(models().begin(), models().end(), [&](const json& model) {
      return read_entry(model).id == from_.id;
    });
    place_ = static_cast<std::size_t>(old - models().begin());
    if (old != models().end()) {
      replaced_ = *old;
      models().erase(old);
    }
  }

  void describe_files(const std::string& relative) {
    entry_.id = from_.id;
    entry_.kind = from_.kind;
    entry_.onnx = relative;
    entry_.quant_mode = from_.quant_mode;
    entry_.calibration_set = from_.calibration_set;
    entry_.plcc_budget = from_.plcc_budget.value_or(read_entry(replaced_).plcc_budget);
    model_bytes fp32 = read_model_bytes(where_, entry_.onnx);
    entry_.sha256 = fp32.sha256;
    const onnx_scan scan = scan_onnx(fp32.bytes);
    entry_.opset = scan.opset;
    hash_external(scan);
    fp32_ = parse_if_possible(std::move(fp32), entry_.onnx);
    if (fp32_ && fp32_->plan.kind != onnx::precision::fp32)
      fail("{}: is int8 already; register the fp32 file that it was made from", fp32_->path);
    if (entry_.is_quantised()) describe_int8();
  }

  void describe_int8() {
    const std::string relative = entry_.file(onnx::precision::int8);
    if (!where_.has(relative))
      fail("{}: no such file; `tinymlp quantize {}{}` makes it", where_.name_of(relative),
           from_.file,
           entry_.quant_mode == "static"
               ? fmt::format(" --static CSV --output {}", where_.name_of(relative))
               : std::string());
    model_bytes int8 = read_model_bytes(where_, relative);
    entry_.int8_sha256 = int8.sha256;
    hash_external(scan_onnx(int8.bytes));
    if (!fp32_) return;
    int8_ = parse_onnx_file(std::move(int8), where_, relative);
    if (int8_->plan.kind != onnx::precision::int8 ||
        shape_text(int8_->plan) != shape_text(fp32_->plan))
      fail("{}: is {} {}, not the int8 form of {}", int8_->path, onnx::name(int8_->plan.kind),
           shape_text(int8_->plan), shape_text(fp32_->plan));
    if (!mode_agrees(entry_, int8_->plan))
      fail("{}: its activations are quantised {}, not {}", int8_->path, quant_mode_of(int8_->plan),
           entry_.quant_mode);
  }

  void hash_external(const onnx_scan& scan) {
    for (const std::string& location : scan.locations) {
      if (to_utf8(location) != location)
        fail("{}: external data at '{}': the location is not UTF-8, and no registry can hold it",
             from_.file, printable(location, 200));
      if (const auto objection = path_objection(location))
        fail("{}: external data at '{}': the location {}", from_.file, location, *objection);
      entry_.external_data[location] =
          read_model_bytes(where_, folder_of(entry_.onnx) + location).sha256;
    }
  }

  // Nothing for a network that the engine does not read: a registry may hold others.
  std::optional<onnx_file> parse_if_possible(model_bytes bytes, const std::string& relative) const {
    try {
      return parse_onnx_file(std::move(bytes), where_, relative);
    } catch (const failure&) {
      return {};
    }
  }

  void build_entry() {
    json to = json::object();
    const auto set_text = [&](const char* field, const std::optional<std::string>& value) {
      const json* old = find(replaced_, field);
      if (value) to[field] = *value;
      if (!value && old != nullptr) to[field] = *old;
    };
    to["id"] = entry_.id;
    to["kind"] = entry_.kind;
    to["onnx"] = entry_.onnx;
    to["sha256"] = entry_.sha256;
    to["opset"] = *entry_.opset;
    if (!entry_.external_data.empty()) {
      json external = json::object();
      for (const auto& [location, hash] : entry_.external_data) external[location] = hash;
      to["external_data"] = std::move(external);
    }
    to["quant_mode"] = entry_.quant_mode;
    if (entry_.is_quantised()) {
      to["int8_sha256"] = entry_.int8_sha256;
      if (!entry_.calibration_set.empty()) to["quant_calibration_set"] = entry_.calibration_set;
      to["quant_accuracy_budget_plcc"] = entry_.plcc_budget;
    }
    if (from_.smoke) to["smoke"] = true;
    set_text("license", from_.license);
    set_text("license_url", from_.license_url);
    set_text("description", from_.description);
    set_text("notes", from_.notes);
    entry_ = read_entry(to);
    models().insert(models().begin() + static_cast<std::ptrdiff_t>(place_), std::move(to));
  }

  void check_document() const {
    const std::vector<schema_violation> violations = built_in_schema().check(document_);
    if (!violations.empty())
      fail("{}: {} {}", from_.id, place_of(violations[0]).field, violations[0].why);
    if (!entry_.calibration_set.empty() && !where_.has(entry_.calibration_set))
      fail("{}: no such file: the rows that fixed the scales stay beside the model",
           where_.name_of(entry_.calibration_set));
  }

  void prepare_sidecars() {
    const std::string relative = sidecar_path(entry_.onnx);
    sidecar_ = read_sidecar(relative, entry_.id);
    if (entry_.is_quantised()) {
      const model_entry own = int8_entry(entry_);
      static_cast<void>(read_sidecar(sidecar_path(own.onnx), own.id)); // written anew, if it may be
    }
    if (from_.notes && find(sidecar_, "notes") == nullptr) sidecar_["notes"] = *from_.notes;
    fill_sidecar(sidecar_, entry_, fp32_ ? &*fp32_ : nullptr);
  }

  // The sidecar of that id, {} where there is none. What is there and is not that model's sidecar
  // is not to be written over, and no more is what a link leads to outside.
  json read_sidecar(const std::string& relative, const std::string& owner) const {
    const std::string name = where_.name_of(relative);
    if (same_target(name, path_)) fail("{}: the sidecar would take the registry's place", name);
    if (!where_.has(relative)) return json::object();
    const std::vector<char> text = where_.read(relative, largest_sidecar);
    json sidecar = parse_json({text.data(), text.size()}, name);
    if (!sidecar.is_object()) fail("{}: is not a JSON object", name);
    const json* id = find(sidecar, "id");
    if (id == nullptr && !sidecar.empty()) fail("{}: is not a sidecar: it has no id", name);
    if (id != nullptr && *id != owner)
      fail("{}: belongs to another model, {}", name,
           id->is_string() ? id->get<std::string>() : "which it does not name");
    return sidecar;
  }

  // The registry comes last: until then the old one stands. All is read back first, as any reader
  // would: where that fails, the files that are there stay.
  std::vector<std::string> write() const {
    std::map<std::string, std::string> sidecars; // by path in the folder
    sidecars[sidecar_path(entry_.onnx)] = write_json(sidecar_);
    if (entry_.is_quantised())
      sidecars[sidecar_path(int8_entry(entry_).onnx)] =
          write_json(int8_sidecar(sidecar_, entry_, int8_ ? &*int8_ : nullptr));
    std::vector<std::pair<std::string, std::string>> files;
    for (const auto& [relative, text] : sidecars) {
      files.emplace_back(where_.name_of(relative), text);
      static_cast<void>(read_back(text, files.back().first, largest_sidecar));
    }
    const std::vector<registry_problem> problems = validate_entry(where_, entry_, sidecars);
    if (!problems.empty())
      fail("{}: would not be valid: {}: {}", entry_.id, problems[0].field, problems[0].why);
    for (const auto& [path, text] : files)
      if (!entry_.calibration_set.empty() &&
          same_target(path, where_.name_of(entry_.calibration_set)))
        fail("{}: the sidecar would take the calibration set's place", path);
    files.emplace_back(path_, write_json(document_));
    const json back = read_back(files.back().second, path_, largest_registry);
    if (!built_in_schema().check(back).empty() || !same_value(back, document_))
      fail("{}: would not be valid", path_);
    write_together(files);
    std::vector<std::string> written;
    for (const auto& [path, text] : files) written.push_back(path);
    return written;
  }

  static json read_back(const std::string& text, const std::string& name, std::size_t largest) {
    if (text.size() > largest)
      fail("{}: would be {} bytes; at most {} MiB are read", name, text.size(), largest >> 20);
    return parse_json(text, name);
  }

  std::string path_;
  const new_entry& from_;
  folder where_;
  folder_lock lock_;
  json document_, replaced_, sidecar_;
  std::size_t place_ = 0;
  model_entry entry_;
  std::optional<onnx_file> fp32_, int8_;
};

} // namespace

std::vector<std::string> add_to_registry(const std::string& registry_path, const new_entry& entry) {
  return addition(registry_path, entry).run();
}

} // namespace tinymlp::tools
