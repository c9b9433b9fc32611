// tinymlp._program: what the program's rooms do, for Python: reading logs, quantising, external
// data.
#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include <nanobind/nanobind.h>
#include <nanobind/stl/optional.h>
#include <nanobind/stl/string.h>
#include <nanobind/stl/vector.h>

#include "engine/gil.hpp"
#include "logs/log_reader.hpp"
#include "models/calibration.hpp"
#include "models/quantizer.hpp"
#include "onnx/onnx_file.hpp"
#include "scores/pooling.hpp"
#include "system/byte_source.hpp"
#include "system/failure.hpp"

namespace tinymlp::tools {

namespace {

namespace nb = nanobind;

// Values of one kind as bytes, which NumPy views.
template <class Value> nb::bytes bytes_of(const std::vector<Value>& values) {
  return nb::bytes(values.data(), values.size() * sizeof(Value));
}

// A log, whole.
class held_log final : public row_sink {
public:
  void begin(const log_description& description) override { description_ = description; }
  void row(const log_row& row) override {
    frames_.push_back(row.frame);
    features_.insert(features_.end(), row.features.begin(), row.features.end());
    own_.push_back(row.vmaf);
  }
  void note(const std::string& text) override { notes_.push_back(text); }

  nb::dict to_python() const {
    nb::dict to;
    to["frames"] = bytes_of(frames_);
    to["features"] = bytes_of(features_);
    to["own"] = bytes_of(own_);
    to["notes"] = notes_;
    to["format"] = description_.format;
    to["version"] = description_.version;
    to["keys"] = std::vector<std::string>(description_.keys.begin(), description_.keys.end());
    to["model"] = description_.model;
    to["has_own_score"] = description_.has_vmaf;
    to["own_key"] = description_.own_key;
    to["own_model"] = description_.own_model;
    return to;
  }

private:
  log_description description_;
  std::vector<std::int64_t> frames_;
  std::vector<float> features_;
  std::vector<double> own_;
  std::vector<std::string> notes_;
};

nb::dict read_log_of(const std::string& path, std::optional<std::string> feature_suffix,
                     std::optional<std::string> own_score) {
  held_log held;
  {
    const python::without_gil released;
    byte_source source(path);
    read_log(source, {std::move(feature_suffix), std::move(own_score)}, held);
  }
  return held.to_python();
}

// The file, parsed from bytes that Python holds, with its files of external data.
onnx_file file_of(const std::string& name, nb::bytes model, nb::dict external,
                  const std::string& output) {
  model_bytes bytes;
  bytes.path = name;
  bytes.bytes.assign(model.c_str(), model.c_str() + model.size());
  bytes.sha256 = sha256_of({model.c_str(), model.size()});
  onnx_file file;
  static_cast<model_bytes&>(file) = std::move(bytes);
  for (const auto& [location, held] : external) {
    const auto content = nb::cast<nb::bytes>(held);
    external_data& data = file.external.emplace_back();
    data.location = nb::cast<std::string>(location);
    data.bytes.assign(content.c_str(), content.c_str() + content.size());
    file.external_files.push_back({data.location, data.bytes});
  }
  const error why = onnx::parse_into(file.plan, file.bytes, file.external_files, output);
  if (onnx::failed(why)) fail("{}: {}", name, describe(why)); // Python has told all of it before
  return file;
}

// Rows of float32 [N, inputs], as bytes; or a log or CSV.
void calibrate(calibration& over, const onnx::plan& plan, nb::handle rows) {
  if (nb::isinstance<nb::str>(rows)) {
    byte_source source(nb::cast<std::string>(rows));
    return add_rows(source, plan, over);
  }
  const auto bytes = nb::cast<nb::bytes>(rows);
  const auto* const values = reinterpret_cast<const float*>(bytes.c_str());
  const std::size_t count = bytes.size() / sizeof(float) / plan.inputs;
  for (std::size_t r = 0; r < count; ++r) {
    try {
      over.add({values + r * plan.inputs, plan.inputs});
    } catch (const failure& why) {
      fail("row {}: {}", r, why.what());
    }
  }
}

nb::bytes quantize(const std::string& name, nb::bytes model, nb::dict external,
                   const std::string& output, bool per_channel, nb::handle rows, int method,
                   double percentile) {
  const onnx_file file = file_of(name, std::move(model), std::move(external), output);
  const granularity grain = per_channel ? granularity::per_channel : granularity::per_tensor;
  std::string made;
  try {
    if (rows.is_none()) {
      made = quantize_model(file, grain);
    } else {
      calibration over(file.plan, static_cast<calibration_method>(method));
      calibrate(over, file.plan, rows);
      made = quantize_model(file, grain, over.ranges(percentile));
    }
  } catch (const failure& why) {
    const std::string text = why.what();
    throw failure(text.starts_with(name) ? text : name + ": " + text);
  }
  return nb::bytes(made.data(), made.size());
}

nb::bytes read_beside(const std::string& path, const std::string& location) {
  const external_data data = read_external(folder(folder_of(path)), "", location);
  return nb::bytes(data.bytes.data(), data.bytes.size());
}

// libvmaf's four pooled numbers.
nb::dict pool(nb::bytes doubles) {
  pooling to;
  const auto* const values = reinterpret_cast<const double*>(doubles.c_str());
  for (std::size_t i = 0; i < doubles.size() / sizeof(double); ++i) to.add(values[i]);
  nb::dict pooled;
  pooled["min"] = to.min();
  pooled["max"] = to.max();
  pooled["mean"] = to.mean();
  pooled["harmonic_mean"] = to.harmonic_mean();
  return pooled;
}

void translate(const std::exception_ptr& thrown, void*) {
  try {
    std::rethrow_exception(thrown);
  } catch (const failure& why) {
    PyErr_SetString(PyExc_ValueError, why.what());
  } catch (const usage_error& why) {
    PyErr_SetString(PyExc_ValueError, why.what());
  }
}

} // namespace

} // namespace tinymlp::tools

NB_MODULE(_program, m) {
  using namespace tinymlp::tools;
  using namespace nanobind::literals;
  nanobind::register_exception_translator(&translate);
  m.attr("most_external_files") = most_external_files;
  m.attr("calibration_methods") =
      std::vector<std::string>(calibration_methods.begin(), calibration_methods.end());
  m.def("read_log", &read_log_of, "path"_a, "feature_suffix"_a.none(), "own_score"_a.none());
  m.def("quantize", &quantize, "name"_a, "model"_a, "external"_a, "output"_a, "per_channel"_a,
        "rows"_a.none(), "method"_a, "percentile"_a);
  m.def("read_beside", &read_beside, "path"_a, "location"_a);
  m.def("pool", &pool, "doubles"_a);
}
