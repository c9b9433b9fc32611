#include "registry/sidecar.hpp"

#include <algorithm>
#include <cmath>
#include <initializer_list>
#include <set>
#include <utility>

#include <fmt/format.h>
#include <tinymlp/vmaf.hpp>

#include "onnx/network_names.hpp"

namespace tinymlp::tools {

namespace {

std::string shown(const json_value& value) {
  std::string text;
  for (const char c : write_json(value)) // on one line
    if (c != '\n' && !(c == ' ' && text.ends_with(' '))) text += c;
  return text;
}

json_value integers(std::initializer_list<std::int64_t> values) {
  json_value::array to;
  for (const std::int64_t value : values) to.emplace_back(value);
  return to;
}

json_value input_shape(const onnx::plan& plan) {
  return integers({-1, static_cast<std::int64_t>(plan.inputs)});
}
json_value output_shape(const onnx::plan& plan) {
  return plan.output_rank == 1 ? integers({-1})
                               : integers({-1, static_cast<std::int64_t>(plan.outputs)});
}

json_value parameter_count(const onnx::plan& plan) {
  std::size_t count = 0;
  for (const onnx::step* layer : dense_steps(plan)) count += parameters_of(*layer);
  return static_cast<std::int64_t>(count);
}

// Do the numbers, rounded to float32, equal those of the graph?
bool agrees(const json_value& written, const std::vector<float>& values) {
  const json_value::array* numbers = written.as_array();
  if (numbers == nullptr || numbers->size() != values.size()) return false;
  for (std::size_t i = 0; i < values.size(); ++i)
    if (!(*numbers)[i].is_number() || static_cast<float>((*numbers)[i].number()) != values[i])
      return false;
  return true;
}

json_value numbers(const std::vector<float>& values) {
  json_value::array to;
  for (const float value : values) to.emplace_back(static_cast<double>(value));
  return to;
}

// What a field must be, and what an absent one stands for (null: it may be absent).
struct expectation {
  const char* field;
  json_value wanted, absent;
};

std::vector<sidecar_problem> compare(const json_value& sidecar,
                                     const std::vector<expectation>& expected,
                                     std::string_view other) {
  std::vector<sidecar_problem> problems;
  for (const auto& [field, wanted, absent] : expected) {
    const json_value* value = sidecar.find(field);
    if (value != nullptr && !(*value == wanted))
      problems.push_back({field, fmt::format("{}, but {} says {}", shown(*value), other,
                                             wanted.is_null() ? "nothing" : shown(wanted))});
    if (value == nullptr && !(absent == wanted))
      problems.push_back({field, fmt::format("is missing, but {} says {}", other, shown(wanted))});
  }
  return problems;
}

// Whether the sidecar's name of the architecture is that of another network; words of the author's
// own are none.
bool names_another_network(const json_value* arch, const onnx::plan& plan) {
  const std::string* name = arch == nullptr ? nullptr : arch->as_string();
  return name != nullptr && *name != network_name(plan) && is_network_name(*name);
}

json_value optional_text(const std::string& text) {
  return text.empty() ? json_value() : json_value(text);
}

// What the registry says in fields that a sidecar need not repeat; null: nothing.
std::vector<std::pair<const char*, json_value>> repeatable_fields(const model_entry& entry) {
  json_value external;
  for (const auto& [location, hash] : entry.external_data) {
    if (external.is_null()) external = json_value::object{};
    external.set(location, hash);
  }
  return {{"quant_calibration_set", optional_text(entry.calibration_set)},
          {"external_data", std::move(external)},
          {"smoke", entry.smoke},
          {"license", optional_text(entry.license)},
          {"license_url", optional_text(entry.license_url)},
          {"sigstore_bundle", optional_text(entry.sigstore_bundle)},
          {"int8_sigstore_bundle", optional_text(entry.int8_sigstore_bundle)}};
}

// As many names as there are inputs, all different.
bool names_each(const json_value& features, std::size_t inputs) {
  const json_value::array* names = features.as_array();
  if (names == nullptr || names->size() != inputs) return false;
  std::set<std::string> seen;
  return std::all_of(names->begin(), names->end(), [&](const json_value& name) {
    return name.as_string() != nullptr && !name.as_string()->empty() &&
           seen.insert(*name.as_string()).second;
  });
}

} // namespace

std::string sidecar_path(std::string_view onnx) { return with_suffix(onnx, ".json"); }

std::vector<sidecar_problem> compare_sidecar(const json_value& sidecar, const model_entry& entry) {
  if (sidecar.as_object() == nullptr) return {{"", "is not a JSON object"}};
  std::vector<expectation> expected{
      {"id", entry.id, {}},
      {"kind", entry.kind, {}},
      {"onnx", entry.onnx, {}},
      {"sha256", entry.sha256, {}},
      {"quant_mode", entry.quant_mode, "fp32"},
      {"int8_sha256", optional_text(entry.int8_sha256), {}},
      {"quant_accuracy_budget_plcc", entry.plcc_budget, model_entry().plcc_budget},
  };
  if (entry.opset) expected.push_back({"opset", *entry.opset, *entry.opset});
  for (const auto& [field, wanted] : repeatable_fields(entry))
    expected.push_back({field, wanted, wanted});
  return compare(sidecar, expected, "the registry");
}

std::vector<sidecar_problem> compare_sidecar(const json_value& sidecar, const onnx_file& file) {
  if (sidecar.as_object() == nullptr) return {};
  const onnx::plan& plan = file.plan;
  std::vector<expectation> expected;
  const auto expect = [&](const char* field, json_value wanted) {
    expected.push_back({field, wanted, wanted}); // may be absent
  };
  expect("input_name", plan.graph_inputs[0].name);
  expect("output_name", plan.output_name);
  expect("input_shape", input_shape(plan));
  expect("output_shape", output_shape(plan));
  expect("n_params", parameter_count(plan));
  std::vector<sidecar_problem> problems = compare(sidecar, expected, "the ONNX file");
  const scaler_values scaler = scaler_of(plan);
  for (const auto& [field, values] :
       {std::pair("input_mean", &scaler.mean), std::pair("input_std", &scaler.std)})
    if (const json_value* written = sidecar.find(field);
        written != nullptr && !agrees(*written, *values))
      problems.push_back({field, "is not the scaler in the ONNX file"});
  if (const json_value* arch = sidecar.find("arch"); names_another_network(arch, plan))
    problems.push_back({"arch", fmt::format("{}, but the ONNX file says {}", shown(*arch),
                                            shown(network_name(plan)))});
  const json_value* features = sidecar.find("features");
  if (features != nullptr && !names_each(*features, plan.inputs))
    problems.push_back(
        {"features", fmt::format("does not name the {} inputs of the ONNX file", plan.inputs)});
  return problems;
}

void fill_sidecar(json_value& sidecar, const model_entry& entry, const onnx_file* file) {
  sidecar.set("id", entry.id);
  sidecar.set("kind", entry.kind);
  sidecar.set("onnx", entry.onnx);
  if (entry.opset) sidecar.set("opset", *entry.opset);
  sidecar.set("sha256", entry.sha256);
  if (file != nullptr) {
    const onnx::plan& plan = file->plan;
    sidecar.set("input_name", plan.graph_inputs[0].name);
    sidecar.set("input_shape", input_shape(plan));
    sidecar.set("output_name", plan.output_name);
    sidecar.set("output_shape", output_shape(plan));
    const json_value* features = sidecar.find("features");
    if (features != nullptr && !names_each(*features, plan.inputs)) sidecar.remove("features");
    if (sidecar.find("features") == nullptr && plan.inputs == vmaf::feature_names.size()) {
      json_value::array names;
      for (const std::string_view name : vmaf::feature_names) names.emplace_back(name);
      sidecar.set("features", std::move(names));
    }
    const scaler_values scaler = scaler_of(plan);
    for (const auto& [field, values] :
         {std::pair("input_mean", &scaler.mean), std::pair("input_std", &scaler.std)}) {
      const json_value* written = sidecar.find(field);
      if (values->empty())
        sidecar.remove(field);
      else if (written == nullptr || !agrees(*written, *values))
        sidecar.set(field, numbers(*values));
    }
    const json_value* arch = sidecar.find("arch");
    if (arch == nullptr || names_another_network(arch, plan))
      sidecar.set("arch", network_name(plan));
    sidecar.set("n_params", parameter_count(plan));
  }
  sidecar.set("quant_mode", entry.quant_mode);
  sidecar.remove("int8_sha256");
  sidecar.remove("quant_accuracy_budget_plcc");
  if (entry.is_quantised()) {
    sidecar.set("int8_sha256", entry.int8_sha256);
    sidecar.set("quant_accuracy_budget_plcc", entry.plcc_budget);
  }
  for (const auto& [field, value] : repeatable_fields(entry))
    if (sidecar.find(field) != nullptr) {
      sidecar.remove(field);
      if (!value.is_null()) sidecar.set(field, value);
    }
  if (json_value* notes = sidecar.find("notes")) { // last, being the longest
    json_value moved = std::move(*notes);
    sidecar.remove("notes");
    sidecar.set("notes", std::move(moved));
  }
}

model_entry int8_entry(const model_entry& entry) {
  const model_entry unquantised;
  model_entry to = entry;
  to.id += "_int8";
  to.onnx = entry.file(onnx::precision::int8);
  to.sha256 = entry.int8_sha256;
  to.opset.reset();
  to.quant_mode = unquantised.quant_mode;
  to.int8_sha256 = unquantised.int8_sha256;
  to.plcc_budget = unquantised.plcc_budget;
  return to;
}

json_value int8_sidecar(const json_value& fp32_sidecar, const model_entry& entry) {
  const model_entry own = int8_entry(entry);
  json_value to = fp32_sidecar;
  to.set("id", own.id);
  to.set("onnx", own.onnx);
  to.set("sha256", own.sha256);
  for (const char* field : {"quant_mode", "int8_sha256", "quant_accuracy_budget_plcc"})
    to.remove(field);
  to.set("notes", fmt::format("int8 form ({}) of {}, loaded in its place unless fp32 is asked for.",
                              entry.quant_mode, entry.id));
  return to;
}

} // namespace tinymlp::tools
