#include "registry/validate.hpp"

#include <algorithm>
#include <optional>
#include <set>
#include <utility>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "system/failure.hpp"
#include "onnx/onnx_scan.hpp"
#include "registry/registry.hpp"
#include "registry/sidecar.hpp"

namespace tinymlp::tools {

namespace {

constexpr std::string_view signature_suffix = ".minisig";

constexpr const char* hash_field(onnx::precision which) {
  return which == onnx::precision::fp32 ? "sha256" : "int8_sha256";
}
constexpr const char* file_field(onnx::precision which) {
  return which == onnx::precision::fp32 ? "onnx" : "int8_sha256";
}

// One entry whose own fields the schema accepts, against the files.
class entry_check {
public:
  using texts = std::map<std::string, std::string>;

  entry_check(const folder& where, const model_entry& entry, std::vector<registry_problem>& to)
      : where_(where), entry_(entry), to_(to) {}

  void run() {
    check_files(nullptr);
    check_signatures();
  }

  // `sidecars`: their texts by path; null: from the folder.
  void check_files(const texts* sidecars) {
    sidecars_ = sidecars;
    const checked_file fp32 = check_file(onnx::precision::fp32);
    if (fp32.parsed && fp32.parsed->plan.kind != onnx::precision::fp32)
      refuse("onnx", "{}: is not fp32", fp32.parsed->path);
    check_sidecar(entry_, sidecar_path(entry_.onnx), "sidecar", fp32, true);
    if (entry_.is_quantised()) {
      const checked_file int8 = check_file(onnx::precision::int8);
      check_pair(fp32, int8);
      const model_entry own = int8_entry(entry_);
      check_sidecar(own, sidecar_path(own.onnx), "int8 sidecar", int8, false);
    }
    check_unused_external();
    check_listed("quant_calibration_set", entry_.calibration_set);
    check_listed("sigstore_bundle", entry_.sigstore_bundle);
    check_listed("int8_sigstore_bundle", entry_.int8_sigstore_bundle);
  }

private:
  template <class... Args>
  void refuse(std::string field, fmt::format_string<Args...> why, Args&&... args) {
    to_.push_back({entry_.id, std::move(field), fmt::format(why, std::forward<Args>(args)...)});
  }

  // Runs a step; a failure of it is a problem of that field.
  template <class F> bool attempt(const std::string& field, F&& step) {
    try {
      step();
      return true;
    } catch (const failure& reason) {
      refuse(field, "{}", reason.what());
      return false;
    }
  }

  // What is left of a file once it is known to be the registered one.
  struct checked_file {
    std::optional<onnx_file> parsed;
    std::string refusal; // why the engine does not read it; a registry may hold such files
  };

  checked_file check_file(onnx::precision which) {
    model_bytes bytes;
    if (!attempt(file_field(which), [&] { bytes = read_model_bytes(where_, entry_.file(which)); }))
      return {};
    if (bytes.sha256 != entry_.hash(which)) {
      refuse(hash_field(which), "{}: sha256 is {}, the registry says {}", bytes.path, bytes.sha256,
             entry_.hash(which));
      return {};
    }
    onnx_scan scan;
    if (!attempt(file_field(which), [&] { scan = scan_named(bytes); })) return {};
    const bool raised = which == onnx::precision::int8 && entry_.opset < oldest_quantised_opset &&
                        scan.opset == oldest_quantised_opset;
    if (entry_.opset && scan.opset != *entry_.opset && !raised)
      refuse("opset", "the registry says {}, {} imports {}", *entry_.opset, bytes.path, scan.opset);
    if (!check_external(bytes, entry_.file(which), scan)) return {};
    try {
      return {parse_onnx_file(std::move(bytes), where_, entry_.file(which)), ""};
    } catch (const failure& reason) {
      return {std::nullopt, reason.what()};
    }
  }

  static onnx_scan scan_named(const model_bytes& bytes) {
    try {
      return scan_onnx(bytes.bytes);
    } catch (const failure& reason) {
      fail("{}: {}", bytes.path, reason.what());
    }
  }

  bool check_external(const model_bytes& model, const std::string& relative,
                      const onnx_scan& scan) {
    bool sound = true;
    for (const std::string& location : scan.locations) {
      used_external_.insert(location);
      sound &= attempt("external_data", [&] { check_one_external(model, relative, location); });
    }
    return sound;
  }

  void check_one_external(const model_bytes& model, const std::string& relative,
                          const std::string& location) {
    if (const auto objection = path_objection(location))
      fail("{}: external data at '{}': the location {}", model.path, location, *objection);
    const auto listed = entry_.external_data.find(location);
    if (listed == entry_.external_data.end())
      fail("{}: external data '{}' is not listed with a hash", model.path, location);
    const model_bytes data = read_model_bytes(where_, folder_of(relative) + location);
    if (data.sha256 != listed->second)
      fail("{}: sha256 is {}, the registry says {}", data.path, data.sha256, listed->second);
  }

  void check_unused_external() {
    for (const auto& [location, hash] : entry_.external_data)
      if (!used_external_.contains(location))
        refuse("external_data", "'{}' is listed, but no file of the entry uses it", location);
  }

  void check_pair(const checked_file& baseline, const checked_file& quantised) {
    if (baseline.parsed && !quantised.refusal.empty())
      refuse("int8_sha256", "{}", quantised.refusal); // the fp32 file can be scored, this cannot
    if (!baseline.parsed || !quantised.parsed) return;
    const onnx_file& fp32 = *baseline.parsed;
    const onnx_file& int8 = *quantised.parsed;
    if (int8.plan.kind != onnx::precision::int8)
      refuse("int8_sha256", "{}: is not int8", int8.path);
    else if (!mode_agrees(entry_, int8.plan))
      refuse("quant_mode", "the registry says {}, {} is {}", entry_.quant_mode, int8.path,
             quant_mode_of(int8.plan));
    if (shape_text(fp32.plan) != shape_text(int8.plan))
      refuse("int8_sha256", "{}: its layers are {}, those of the fp32 file {}", int8.path,
             shape_text(int8.plan), shape_text(fp32.plan));
  }

  void check_sidecar(const model_entry& entry, const std::string& relative, const std::string& name,
                     const checked_file& file, bool required) {
    json sidecar;
    const bool read = attempt(name, [&] {
      if (sidecars_ == nullptr && !required && !where_.has(relative)) return;
      sidecar = parse_json(sidecar_text(relative), where_.name_of(relative));
      for (const sidecar_problem& p : compare_sidecar(sidecar, entry)) report(name, relative, p);
    });
    if (read && file.parsed)
      for (const sidecar_problem& p : compare_sidecar(sidecar, *file.parsed))
        report(name, relative, p);
  }

  std::string sidecar_text(const std::string& relative) const {
    if (sidecars_ != nullptr) return sidecars_->at(relative);
    const std::vector<char> text = where_.read(relative, largest_sidecar);
    return {text.data(), text.size()};
  }

  void report(const std::string& name, const std::string& relative, const sidecar_problem& p) {
    refuse(p.field.empty() ? name : name + "." + p.field, "{}: {}", where_.name_of(relative),
           p.why);
  }

  void check_listed(const char* field, const std::string& relative) {
    if (relative.empty()) return;
    attempt(field, [&] {
      if (!where_.has(relative)) fail("{}: no such file", where_.name_of(relative));
    });
  }

  // What is loaded must be signed wherever the baseline is: a signature over the fp32 file says
  // nothing of the int8 file.
  void check_signatures() {
    if (!entry_.is_quantised()) return;
    if (!entry_.sigstore_bundle.empty() && entry_.int8_sigstore_bundle.empty())
      refuse("int8_sigstore_bundle", "is missing: sigstore_bundle covers the fp32 file, not {}",
             entry_.file(onnx::precision::int8));
    attempt("signature", [&] {
      const auto signature = [&](onnx::precision which) {
        return entry_.file(which) + std::string(signature_suffix);
      };
      const std::string fp32 = signature(onnx::precision::fp32);
      const std::string int8 = signature(onnx::precision::int8);
      if (where_.has(fp32) != where_.has(int8))
        fail("{} is there, {} is not", where_.has(fp32) ? fp32 : int8,
             where_.has(fp32) ? int8 : fp32);
    });
  }

  const folder& where_;
  const model_entry& entry_;
  std::vector<registry_problem>& to_;
  std::set<std::string, std::less<>> used_external_;
  const texts* sidecars_ = nullptr;
};

} // namespace

validation validate_registry(const std::string& path, const json_schema& schema, bool schema_only) {
  const registry_file file = read_registry_file(path);
  validation to;
  std::vector<std::vector<registry_problem>> by_entry;
  const json* models = find(file.document, "models");
  if (models != nullptr && models->is_array()) to.entries = models->size();
  by_entry.resize(to.entries);
  for (const schema_violation& violation : schema.check(file.document)) {
    // another schema than ours may let models be an object, whose members are no entries
    const violation_place place =
        to.entries > 0 ? place_of(violation)
                       : violation_place{{}, fmt::format("{}", fmt::join(violation.path, "."))};
    if (place.entry)
      by_entry[*place.entry].push_back(
          {entry_name(file.document, *place.entry), place.field, violation.why});
    else
      to.problems.push_back({"registry", place.field, violation.why});
  }
  std::set<std::string> ids, files;
  for (std::size_t i = 0; i < to.entries; ++i) {
    std::vector<registry_problem>& problems = by_entry[i];
    const model_entry entry = read_entry((*models)[i]);
    if (!entry.id.empty() && !ids.insert(entry.id).second)
      problems.push_back({entry.id, "id", "an earlier entry has the same"});
    if (!entry.onnx.empty() && !files.insert(entry.onnx).second)
      problems.push_back({entry_name(file.document, i), "onnx", "an earlier entry has the same"});
    // an entry that breaks the schema may name anything
    if (problems.empty() && !schema_only) entry_check(file.where, entry, problems).run();
    std::move(problems.begin(), problems.end(), std::back_inserter(to.problems));
  }
  return to;
}

std::vector<registry_problem> validate_entry(const folder& where, const model_entry& entry,
                                             const std::map<std::string, std::string>& sidecars) {
  std::vector<registry_problem> problems;
  entry_check(where, entry, problems).check_files(&sidecars);
  return problems;
}

} // namespace tinymlp::tools
