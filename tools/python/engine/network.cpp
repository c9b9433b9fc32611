#include "engine/network.hpp"

#include <algorithm>
#include <array>
#include <string_view>
#include <utility>

#include <nanobind/stl/string.h>

#include <tinymlp/onnx.hpp>
#include <tinymlp/onnx/advice.hpp>
#include <tinymlp/packing.hpp>

#include "onnx/plan_parts.hpp"

namespace tinymlp::python {

namespace {

// The enumerator's own name, as the compiler spells it.
template <status Code> constexpr std::string_view code_name() {
  constexpr std::string_view text = __PRETTY_FUNCTION__;
  constexpr std::string_view before = "status::";
  constexpr std::size_t begin = text.find(before, text.find("Code = ")) + before.size();
  return text.substr(begin, text.find_first_of(";]", begin) - begin);
}
static_assert(code_name<status::unsupported_operator>() == "unsupported_operator");

template <std::size_t... I> std::string_view name_in(status code, std::index_sequence<I...>) {
  constexpr std::array names{code_name<static_cast<status>(I)>()...};
  return names[std::min(static_cast<std::size_t>(code), names.size() - 1)];
}
std::string_view name_of(status code) {
  constexpr auto count = static_cast<std::size_t>(status::out_of_memory) + 1;
  return name_in(code, std::make_index_sequence<count>());
}

// An obstacle's own words and numbers, by the names that tinymlp.Obstacle has.
nb::dict fields_of(const error& why) {
  nb::dict to;
  to["code"] = text_of(name_of(why.code));
  to["message"] = text_of(message(why.code));
  to["offset"] = why.offset;
  to["node"] = text_of(why.where);
  to["operator"] = text_of(why.op_type);
  to["found"] = why.found < 0 ? nb::none() : nb::cast(why.found);
  to["accepted"] = why.accepted < 0 ? nb::none() : nb::cast(why.accepted);
  to["unit"] = onnx::unit_of(why.code) == onnx::unit::element_type ? nb::str("type") : nb::str("");
  if (onnx::unit_of(why.code) == onnx::unit::element_type)
    for (const char* key : {"found", "accepted"}) {
      const std::int64_t number = key[0] == 'f' ? why.found : why.accepted;
      if (number >= 0) to[key] = text_of(onnx::name(static_cast<onnx::element>(number)));
    }
  nb::list shape;
  for (std::size_t i = 0; i < why.rank && i < why.dims.size(); ++i)
    shape.append(why.dims[i] == 0 ? nb::none() : nb::cast(why.dims[i]));
  to["shape"] = why.rank == 0 ? nb::none() : nb::object(nb::tuple(shape));
  to["advice"] = text_of(onnx::advice(why));
  to["section"] = text_of(onnx::section(why.code));
  return to;
}

} // namespace

nb::str text_of(std::string_view from) {
  PyObject* const text =
      PyUnicode_DecodeUTF8(from.data(), static_cast<Py_ssize_t>(from.size()), "replace");
  if (text == nullptr) throw nb::python_error();
  return nb::steal<nb::str>(text);
}

model_files::model_files(nb::bytes model_bytes, nb::dict external_bytes)
    : model(std::move(model_bytes)), external(std::move(external_bytes)) {
  for (const auto& [location, bytes] : external) {
    if (!nb::isinstance<nb::str>(location) || !nb::isinstance<nb::bytes>(bytes))
      throw nb::type_error(
          "external holds the bytes of files by their locations: {'w.bin': b'...'}");
    held.emplace_back(nb::cast<std::string>(location), nb::borrow<nb::bytes>(bytes));
  }
  for (const auto& [location, bytes] : held)
    files.push_back({location, std::span<const char>(bytes.c_str(), bytes.size())});
}

void raise_refused(const model_files& from, const std::string& output, const error& why) {
  nb::list obstacles;
  if (onnx::section(why.code).empty()) {
    obstacles.append(fields_of(why)); // of the call, not of the file
  } else {
    constexpr std::size_t most = 64;
    std::vector<error> all(most);
    const std::size_t count = onnx::find_obstacles(from.bytes(), from.files, output, all);
    all.resize(std::min(count, all.size()));
    for (const error& each : all) obstacles.append(fields_of(each));
  }
  const nb::object type = nb::module_::import_("tinymlp._errors").attr("Error");
  const nb::object value = type.attr("_of")(fields_of(why), obstacles);
  PyErr_SetObject(type.ptr(), value.ptr());
  throw nb::python_error();
}

network::network(const model_files& from, const std::string& output) {
  onnx::plan plan;
  error why = onnx::parse_into(plan, from.bytes(), from.files, output);
  if (!onnx::failed(why)) scorer_ = make_scorer(plan, why);
  if (onnx::failed(why)) raise_refused(from, output, why);
  inputs_ = plan.inputs;
  outputs_ = plan.outputs;
  is_scalar_ = plan.output_rank == 1 && outputs_ == 1;
  shape_.push_back(inputs_);
  tinymlp::detail::folded_step each; // as they are computed: an activation belongs to its layer
  for (tinymlp::detail::folder steps(plan); steps.next(each);) {
    if (each.step.op > kernels::step_op::dense_static) continue;
    shape_.push_back(each.step.outputs);
    activations_.push_back(each.step.activates);
    parameters_ += std::size_t{each.step.inputs + 1} * each.step.outputs;
  }
}

namespace {

using namespace onnx::detail; // the numbers of fields
using onnx::cursor;
using onnx::field;

// What the engine skips and ONNX Runtime shows.
constexpr std::uint32_t model_domain = 4, model_version = 5, model_description = 6,
                        graph_description = 10;

// The first field of that number in a message that has been parsed before, or an empty one.
protobuf::view part(protobuf::view message, std::uint32_t number) {
  field f;
  for (cursor fields(message); fields.next(f) == status::ok;)
    if (f.number == number && f.type == protobuf::wire::length_delimited) return f.payload;
  return {};
}
std::uint64_t number_in(protobuf::view message, std::uint32_t number) {
  field f;
  for (cursor fields(message); fields.next(f) == status::ok;)
    if (f.number == number && f.type == protobuf::wire::varint) return f.value;
  return 0;
}

std::string element_text(std::uint64_t type) {
  if (type == static_cast<std::uint64_t>(onnx::element::float32)) return "float";
  if (type == static_cast<std::uint64_t>(onnx::element::float64)) return "double";
  return std::string(onnx::name(static_cast<onnx::element>(type)));
}

// TypeProto as ONNX Runtime writes it: "tensor(float)", "seq(map(int64,tensor(float)))".
std::string type_text(protobuf::view type, int depth = 0) {
  constexpr std::uint32_t tensor = 1, sequence = 4, map = 5;
  field f;
  if (depth < 4)
    for (cursor fields(type); fields.next(f) == status::ok;) {
      if (f.type != protobuf::wire::length_delimited) continue;
      if (f.number == tensor) return "tensor(" + element_text(number_in(f.payload, 1)) + ")";
      if (f.number == sequence) return "seq(" + type_text(part(f.payload, 1), depth + 1) + ")";
      if (f.number == map)
        return "map(" + element_text(number_in(f.payload, 1)) + "," +
               type_text(part(f.payload, 2), depth + 1) + ")";
    }
  return "unknown";
}

// TensorShapeProto: numbers, names of symbolic dimensions, None for others.
nb::list shape_list(protobuf::view shape) {
  nb::list to;
  field dim, f;
  for (cursor dims(shape); dims.next(dim) == status::ok;) {
    if (dim.number != 1 || dim.type != protobuf::wire::length_delimited) continue;
    nb::object value = nb::none();
    for (cursor fields(dim.payload); fields.next(f) == status::ok;) {
      if (f.is(1, protobuf::wire::varint)) value = nb::cast(static_cast<std::int64_t>(f.value));
      if (f.is(2, protobuf::wire::length_delimited) && f.payload.size > 0)
        value = text_of(f.payload.text());
    }
    to.append(value);
  }
  return to;
}

// ValueInfoProto of a graph's inputs or outputs; constants among the inputs included.
nb::list values_list(const onnx::plan& plan, std::uint32_t number) {
  nb::list to;
  field f;
  const protobuf::view graph = part({plan.model.data(), plan.model.size(), 0}, model_graph);
  for (cursor fields(graph); fields.next(f) == status::ok;) {
    if (!f.is(number, protobuf::wire::length_delimited)) continue;
    const protobuf::view type = part(f.payload, 2), tensor = part(type, 1);
    nb::dict value;
    value["name"] = text_of(part(f.payload, 1).text());
    value["type"] = text_of(type_text(type));
    value["shape"] =
        tensor.size == 0 ? nb::object(nb::list()) : nb::object(shape_list(part(tensor, 2)));
    to.append(value);
  }
  return to;
}

nb::list inputs_list(const onnx::plan& plan) {
  nb::list to;
  for (const nb::handle value : values_list(plan, graph_input)) {
    const std::string name = nb::cast<std::string>(value["name"]);
    for (std::size_t i = 0; i < plan.input_count; ++i) {
      const onnx::input_slice& slice = plan.graph_inputs[i];
      if (slice.name != name) continue;
      value["first"] = slice.first;
      value["count"] = slice.count;
      value["used"] = slice.used;
      to.append(value);
    }
  }
  return to;
}

std::string_view name_of(onnx::step_kind kind) {
  constexpr std::array<std::string_view, 8> names{"affine",     "dense",   "activation",
                                                  "layer_norm", "softmax", "log_softmax",
                                                  "complement", "slice"};
  return names[std::min(static_cast<std::size_t>(kind), names.size() - 1)];
}

nb::list steps_list(const onnx::plan& plan) {
  nb::list to;
  for (const onnx::step& step : tools::steps_of(plan)) {
    const onnx::node node = tools::node_of(plan, step);
    nb::dict value;
    value["kind"] = text_of(name_of(step.kind));
    value["operator"] = text_of(node.op_type);
    value["node"] = text_of(node.label());
    value["offset"] = step.offset;
    value["inputs"] = step.inputs;
    value["outputs"] = step.outputs;
    value["activation"] = step.kind == onnx::step_kind::activate
                              ? nb::object(text_of(name(step.activates)))
                              : nb::none();
    value["parameters"] =
        step.kind == onnx::step_kind::dense ? tools::parameters_of(step) : std::size_t{0};
    to.append(value);
  }
  return to;
}

nb::list labels_list(const onnx::plan& plan) {
  nb::list to;
  if (!plan.labels.present()) return to;
  const onnx::tensor tensor = onnx::read(plan, plan.labels);
  onnx::element_reader reader(tensor);
  for (std::int64_t value = 0; reader.next(value);) to.append(value);
  return to;
}

nb::dict metadata_of(const onnx::plan& plan) {
  const protobuf::view model{plan.model.data(), plan.model.size(), 0};
  nb::dict to, custom;
  to["producer_name"] = text_of(plan.producer_name);
  to["producer_version"] = text_of(plan.producer_version);
  to["domain"] = text_of(part(model, model_domain).text());
  to["version"] = nb::none();
  to["description"] = text_of(part(model, model_description).text());
  to["graph_name"] = text_of(plan.graph_name);
  to["graph_description"] = text_of(part(part(model, model_graph), graph_description).text());
  field f;
  for (cursor fields(model); fields.next(f) == status::ok;) {
    if (f.is(model_version, protobuf::wire::varint))
      to["version"] = static_cast<std::int64_t>(f.value);
    if (f.is(model_metadata, protobuf::wire::length_delimited))
      custom[text_of(part(f.payload, 1).text())] = text_of(part(f.payload, 2).text());
  }
  to["custom_metadata_map"] = custom;
  return to;
}

nb::list list_of(const std::vector<float>& values) {
  nb::list to;
  for (const float value : values) to.append(value);
  return to;
}

} // namespace

nb::dict describe(const model_files& from, const std::string& output) {
  onnx::plan plan;
  const error why = onnx::parse_into(plan, from.bytes(), from.files, output);
  if (onnx::failed(why)) raise_refused(from, output, why);
  const tools::scaler_values scaler = tools::scaler_of(plan);
  nb::dict to;
  to["ir_version"] = plan.ir_version;
  to["opset"] = plan.opset;
  to["metadata"] = metadata_of(plan);
  to["inputs"] = inputs_list(plan);
  to["outputs"] = values_list(plan, graph_output);
  to["output"] = text_of(plan.output_name);
  to["output_rank"] = plan.output_rank;
  to["shape"] = text_of(tools::shape_text(plan));
  to["precision"] = text_of(tools::precision_text(plan.mode));
  to["labels"] = labels_list(plan);
  to["mean"] = list_of(scaler.mean);
  to["std"] = list_of(scaler.std);
  to["steps"] = steps_list(plan);
  return to;
}

} // namespace tinymlp::python
