#include "registry/sidecar.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <set>
#include <utility>

#include <fmt/format.h>
#include <tinymlp/vmaf.hpp>

#include "onnx/network_names.hpp"
#include "system/failure.hpp"
#include "system/text.hpp"

namespace tinymlp::tools {

namespace {

// As JSON has it, strings in quotes.
std::string one_line(const json& value) {
  return printable(value.dump(-1, ' ', false, json::error_handler_t::replace), 400);
}

json input_shape(const onnx::plan& plan) { return json::array({-1, plan.inputs}); }
json output_shape(const onnx::plan& plan) {
  return plan.output_rank == 1 ? json::array({-1}) : json::array({-1, plan.outputs});
}

json parameter_count(const onnx::plan& plan) {
  std::size_t count = 0;
  for (const onnx::step* layer : dense_steps(plan)) count += parameters_of(*layer);
  return count;
}

// Beyond float32's range the cast would be undefined.
bool rounds_to(double number, float value) {
  return std::fabs(number) <= std::numeric_limits<float>::max() &&
         static_cast<float>(number) == value;
}

bool all_finite(const std::vector<float>& values) {
  return std::all_of(values.begin(), values.end(), [](float v) { return std::isfinite(v); });
}

// A name from the file, for JSON.
std::string name_text(const onnx_file& file, std::string_view what, std::string_view name) {
  if (to_utf8(name) != name)
    fail("{}: the name of its {}, '{}', is not UTF-8, and no sidecar can hold it: rename it at the "
         "exporter",
         file.path, what, printable(name, 80));
  return std::string(name);
}

// Do the numbers, rounded to float32, equal those of the graph?
bool agrees(const json& written, const std::vector<float>& values) {
  if (!written.is_array() || written.size() != values.size()) return false;
  for (std::size_t i = 0; i < values.size(); ++i)
    if (!written[i].is_number() || !rounds_to(written[i].get<double>(), values[i])) return false;
  return true;
}

// What a field must be, and what an absent one stands for (null: it may be absent).
struct expectation {
  const char* field;
  json wanted, absent;
};

std::vector<sidecar_problem> compare(const json& sidecar, const std::vector<expectation>& expected,
                                     std::string_view other) {
  std::vector<sidecar_problem> problems;
  for (const auto& [field, wanted, absent] : expected) {
    const json* value = find(sidecar, field);
    if (value != nullptr && !same_value(*value, wanted))
      problems.push_back({field, fmt::format("{}, but {} says {}", one_line(*value), other,
                                             wanted.is_null() ? "nothing" : one_line(wanted))});
    if (value == nullptr && !same_value(absent, wanted))
      problems.push_back(
          {field, fmt::format("is missing, but {} says {}", other, one_line(wanted))});
  }
  return problems;
}

// Whether the sidecar's name of the architecture is that of another network; words of the author's
// own are none.
bool names_another_network(const json& sidecar, const onnx::plan& plan) {
  const std::string* name = find_text(sidecar, "arch");
  return name != nullptr && *name != network_name(plan) && is_network_name(*name);
}

json optional_text(const std::string& text) { return text.empty() ? json() : json(text); }

// What the registry says in fields that a sidecar need not repeat; null: nothing.
std::vector<std::pair<const char*, json>> repeatable_fields(const model_entry& entry) {
  json external;
  for (const auto& [location, hash] : entry.external_data) external[location] = hash;
  return {{"quant_calibration_set", optional_text(entry.calibration_set)},
          {"external_data", std::move(external)},
          {"smoke", entry.smoke},
          {"license", optional_text(entry.license)},
          {"license_url", optional_text(entry.license_url)},
          {"sigstore_bundle", optional_text(entry.sigstore_bundle)},
          {"int8_sigstore_bundle", optional_text(entry.int8_sigstore_bundle)}};
}

// As many names as there are inputs, all different.
bool names_each(const json& features, std::size_t inputs) {
  if (!features.is_array() || features.size() != inputs) return false;
  std::set<std::string> seen;
  return std::all_of(features.begin(), features.end(), [&](const json& name) {
    return name.is_string() && name != "" && seen.insert(name.get<std::string>()).second;
  });
}

} // namespace

std::string sidecar_path(std::string_view onnx) { return with_suffix(onnx, ".json"); }

std::vector<sidecar_problem> compare_sidecar(const json& sidecar, const model_entry& entry) {
  if (!sidecar.is_object()) return {{"", "is not a JSON object"}};
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

std::vector<sidecar_problem> compare_sidecar(const json& sidecar, const onnx_file& file) {
  if (!sidecar.is_object()) return {};
  const onnx::plan& plan = file.plan;
  std::vector<expectation> expected;
  const auto expect = [&](const char* field, json wanted) {
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
    if (const json* written = find(sidecar, field);
        written != nullptr && !agrees(*written, *values))
      problems.push_back({field, "is not the scaler in the ONNX file"});
  if (names_another_network(sidecar, plan))
    problems.push_back(
        {"arch", fmt::format("{}, but the ONNX file says {}", one_line(sidecar["arch"]),
                             one_line(network_name(plan)))});
  const json* features = find(sidecar, "features");
  if (features != nullptr && !names_each(*features, plan.inputs))
    problems.push_back(
        {"features", fmt::format("does not name the {} inputs of the ONNX file", plan.inputs)});
  return problems;
}

void fill_sidecar(json& sidecar, const model_entry& entry, const onnx_file* file) {
  sidecar["id"] = entry.id;
  sidecar["kind"] = entry.kind;
  sidecar["onnx"] = entry.onnx;
  if (entry.opset) sidecar["opset"] = *entry.opset;
  sidecar["sha256"] = entry.sha256;
  if (file != nullptr) {
    const onnx::plan& plan = file->plan;
    sidecar["input_name"] = name_text(*file, "input", plan.graph_inputs[0].name);
    sidecar["input_shape"] = input_shape(plan);
    sidecar["output_name"] = name_text(*file, "output", plan.output_name);
    sidecar["output_shape"] = output_shape(plan);
    const json* features = find(sidecar, "features");
    if (features != nullptr && !names_each(*features, plan.inputs)) sidecar.erase("features");
    if (!sidecar.contains("features") && plan.inputs == vmaf::feature_names.size())
      sidecar["features"] = vmaf::feature_names;
    const scaler_values scaler = scaler_of(plan);
    for (const auto& [field, values] :
         {std::pair("input_mean", &scaler.mean), std::pair("input_std", &scaler.std)}) {
      const json* written = find(sidecar, field);
      if (values->empty() || !all_finite(*values))
        sidecar.erase(field);
      else if (written == nullptr || !agrees(*written, *values))
        sidecar[field] = *values;
    }
    if (!sidecar.contains("arch") || names_another_network(sidecar, plan))
      sidecar["arch"] = network_name(plan);
    sidecar["n_params"] = parameter_count(plan);
  }
  sidecar["quant_mode"] = entry.quant_mode;
  sidecar.erase("int8_sha256");
  sidecar.erase("quant_accuracy_budget_plcc");
  if (entry.is_quantised()) {
    sidecar["int8_sha256"] = entry.int8_sha256;
    sidecar["quant_accuracy_budget_plcc"] = entry.plcc_budget;
  }
  for (const auto& [field, value] : repeatable_fields(entry))
    if (sidecar.erase(field) > 0 && !value.is_null()) sidecar[field] = value;
  if (sidecar.contains("notes")) { // last, being the longest
    json moved = std::move(sidecar["notes"]);
    sidecar.erase("notes");
    sidecar["notes"] = std::move(moved);
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

json int8_sidecar(const json& fp32_sidecar, const model_entry& entry, const onnx_file* int8) {
  const model_entry own = int8_entry(entry);
  json to = fp32_sidecar;
  to["id"] = own.id;
  to["onnx"] = own.onnx;
  to["sha256"] = own.sha256;
  if (int8 != nullptr) to["n_params"] = parameter_count(int8->plan);
  for (const char* field : {"quant_mode", "int8_sha256", "quant_accuracy_budget_plcc"})
    to.erase(field);
  to["notes"] = fmt::format("int8 form ({}) of {}, loaded in its place unless fp32 is asked for.",
                            entry.quant_mode, entry.id);
  return to;
}

} // namespace tinymlp::tools
