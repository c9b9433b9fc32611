// tinymlp._engine: the engine as Python sees it.
#include <nanobind/nanobind.h>
#include <nanobind/stl/string.h>
#include <nanobind/stl/vector.h>

#include <tinymlp/models/mlp_large.hpp>
#include <tinymlp/models/mlp_large_4k.hpp>
#include <tinymlp/models/mlp_medium.hpp>
#include <tinymlp/models/mlp_medium_4k.hpp>
#include <tinymlp/models/mlp_small.hpp>
#include <tinymlp/models/mlp_small_4k.hpp>

#include "engine/columns.hpp"
#include "engine/network.hpp"
#include "engine/rows.hpp"

namespace tinymlp::python {

namespace {

nb::tuple sizes_of(const network& net) {
  nb::list to;
  for (const std::size_t size : net.shape()) to.append(size);
  return nb::tuple(to);
}
nb::tuple activations_of(const network& net) {
  nb::list to;
  for (const activation each : net.activations()) to.append(text_of(name(each)));
  return nb::tuple(to);
}

template <std::size_t N> nb::bytes bytes_of(const char (&literal)[N]) {
  return nb::bytes(literal, N - 1); // without the final NUL
}
nb::dict shipped_models() {
  nb::dict to;
  to["mlp_small"] = bytes_of(models::mlp_small_onnx);
  to["mlp_medium"] = bytes_of(models::mlp_medium_onnx);
  to["mlp_large"] = bytes_of(models::mlp_large_onnx);
  to["mlp_small_4k"] = bytes_of(models::mlp_small_4k_onnx);
  to["mlp_medium_4k"] = bytes_of(models::mlp_medium_4k_onnx);
  to["mlp_large_4k"] = bytes_of(models::mlp_large_4k_onnx);
  return to;
}

void make_network(network* to, nb::bytes model, const std::string& output, nb::dict external) {
  new (to) network(model_files(std::move(model), std::move(external)), output);
}

PyType_Slot network_slots[] = {{Py_tp_call, reinterpret_cast<void*>(&call_network)}, {0, nullptr}};

} // namespace

} // namespace tinymlp::python

NB_MODULE(_engine, m) {
  using namespace tinymlp::python;
  using namespace nb::literals;
  nb::set_leak_warnings(false); // threads that never end hold what they score
  if (!import_numpy()) throw nb::python_error();

  nb::class_<network>(m, "Network", nb::type_slots(network_slots))
      .def("__init__", &make_network, "model"_a, "output"_a, "external"_a)
      .def_prop_ro("inputs", &network::inputs)
      .def_prop_ro("outputs", &network::outputs)
      .def_prop_ro("_is_scalar", &network::is_scalar)
      .def_prop_ro("parameters", &network::parameters)
      .def_prop_ro("shape", &sizes_of)
      .def_prop_ro("activations", &activations_of)
      .def_prop_ro("kernel", [](const network& net) { return text_of(net.kernel()); });

  nb::class_<scores_column>(m, "Scores")
      .def("__len__", &scores_column::rows)
      .def("to_numpy", &scores_column::to_numpy)
      .def("_schema", &scores_column::arrow_schema)
      .def("_array", &scores_column::arrow_array)
      .def("_stream", &scores_column::arrow_stream);

  m.def("score_columns", &score_columns, "network"_a, "stream"_a, "array"_a.none(), "names"_a,
        "threads"_a);
  m.def(
      "describe",
      [](nb::bytes model, const std::string& output, nb::dict external) {
        return describe(model_files(std::move(model), std::move(external)), output);
      },
      "model"_a, "output"_a, "external"_a);
  m.def("shipped_models", &shipped_models);
}
