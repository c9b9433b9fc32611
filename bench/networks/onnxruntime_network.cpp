#include "onnxruntime_network.hpp"

#include "../onnxruntime_api.hpp"

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <span>
#include <stdexcept>
#include <utility>
#include <vector>

#include <tinymlp/protobuf.hpp>

namespace tinymlp::bench {

namespace {

OrtAllocator* allocator() {
  OrtAllocator* found = nullptr;
  check(api().GetAllocatorWithDefaultOptions(&found));
  return found;
}

// Calls the function with each field of that number in a message.
template <class Function>
void each_field(protobuf::view message, std::uint32_t number, Function&& function) {
  protobuf::field f;
  for (protobuf::cursor at(message); !at.done() && at.next(f) == status::ok;)
    if (f.is(number, protobuf::wire::length_delimited)) function(f.payload);
}

// Takes away the number from every first dimension that is 1: as good as a symbolic one. The
// message {dim_value: 1} becomes {denotation: ""}, which has the same length. Field numbers are
// those of onnx.proto.
std::vector<char> with_free_rows(std::span<const char> model) {
  std::vector<char> to(model.begin(), model.end());
  const auto free_first = [&](protobuf::view shape) {
    protobuf::field dim;
    protobuf::cursor at(shape);
    if (at.done() || at.next(dim) != status::ok) return;
    if (dim.payload.text() == std::string_view("\x08\x01"))
      std::memcpy(&to[dim.payload.offset], "\x1a\x00", 2);
  };
  each_field({model.data(), model.size(), 0}, 7, [&](protobuf::view graph) {
    for (const std::uint32_t values : {11U, 12U, 13U}) // input, output, value_info
      each_field(graph, values, [&](protobuf::view info) {
        each_field(info, 2, [&](protobuf::view type) {
          each_field(type, 1, [&](protobuf::view tensor) { each_field(tensor, 2, free_first); });
        });
      });
  });
  return to;
}

OrtSession* open_session(const network_file& network, bool many) {
  OrtSessionOptions* const options = single_threaded_options();
  if (!network.folder().empty())
    check(api().AddSessionConfigEntry(
        options, "session.model_external_initializers_file_folder_path", network.folder().c_str()));
  const std::span<const char> original = network.model();
  const std::vector<char> model =
      many ? with_free_rows(original) : std::vector<char>(original.begin(), original.end());
  OrtSession* session = nullptr;
  OrtStatus* status =
      api().CreateSessionFromArray(environment("tinymlp_networks_bench", ORT_LOGGING_LEVEL_FATAL),
                                   model.data(), model.size(), options, &session);
  api().ReleaseSessionOptions(options);
  check(status);
  return session;
}

struct input_type {
  ONNXTensorElementDataType element = ONNX_TENSOR_ELEMENT_DATA_TYPE_UNDEFINED;
  std::vector<std::int64_t> dims; // -1: symbolic
};

input_type type_of_input(const OrtSession* session, std::size_t index) {
  OrtTypeInfo* info = nullptr;
  check(api().SessionGetInputTypeInfo(session, index, &info));
  const OrtTensorTypeAndShapeInfo* tensor = nullptr;
  input_type to;
  OrtStatus* status = api().CastTypeInfoToTensorInfo(info, &tensor);
  std::size_t rank = 0;
  if (status == nullptr && tensor != nullptr)
    status = api().GetTensorElementType(tensor, &to.element);
  if (status == nullptr && tensor != nullptr) status = api().GetDimensionsCount(tensor, &rank);
  to.dims.resize(rank);
  if (status == nullptr && tensor != nullptr)
    status = api().GetDimensions(tensor, to.dims.data(), rank);
  api().ReleaseTypeInfo(info);
  check(status);
  if (to.element == ONNX_TENSOR_ELEMENT_DATA_TYPE_UNDEFINED)
    throw std::runtime_error("a graph input that is no tensor");
  return to;
}

std::string name_of_input(const OrtSession* session, std::size_t index) {
  char* name = nullptr;
  check(api().SessionGetInputName(session, index, allocator(), &name));
  std::string copy = name;
  check(api().AllocatorFree(allocator(), name));
  return copy;
}

// The shape of `count` rows of `width` values: of symbolic dimensions, the first is the number of
// rows, another what is left.
std::vector<std::int64_t> shape_of(std::vector<std::int64_t> dims, std::size_t count,
                                   std::size_t width) {
  auto left = static_cast<std::int64_t>(count * width);
  if (!dims.empty() && dims[0] < 0) dims[0] = static_cast<std::int64_t>(count);
  for (const std::int64_t dim : dims) left = dim > 0 ? left / dim : left;
  for (std::int64_t& dim : dims)
    if (dim < 0) dim = std::exchange(left, 1);
  std::int64_t all = 1;
  for (const std::int64_t dim : dims) all *= dim;
  if (all != static_cast<std::int64_t>(count * width))
    throw std::runtime_error("the graph fixes the number of rows");
  return dims;
}

// The feature slice of that name, or none.
const onnx::input_slice* slice_of(const network_file& network, const std::string& name) {
  const onnx::plan& plan = network.plan();
  for (std::size_t i = 0; i < plan.input_count; ++i)
    if (plan.graph_inputs[i].name == name) return &plan.graph_inputs[i];
  return nullptr;
}

OrtMemoryInfo* cpu_memory() {
  static OrtMemoryInfo* const memory = [] {
    OrtMemoryInfo* made = nullptr;
    check(api().CreateCpuMemoryInfo(OrtArenaAllocator, OrtMemTypeDefault, &made));
    return made;
  }();
  return memory;
}

OrtValue* tensor_of(void* data, std::size_t bytes, std::span<const std::int64_t> shape,
                    ONNXTensorElementDataType element) {
  OrtValue* value = nullptr;
  check(api().CreateTensorWithDataAsOrtValue(cpu_memory(), data, bytes, shape.data(), shape.size(),
                                             element, &value));
  return value;
}

// The shape of a float tensor; empty for anything else.
std::vector<std::int64_t> shape_of_floats(const OrtValue* value) {
  ONNXType kind = ONNX_TYPE_UNKNOWN;
  check(api().GetValueType(value, &kind));
  if (kind != ONNX_TYPE_TENSOR) return {};
  OrtTensorTypeAndShapeInfo* info = nullptr;
  check(api().GetTensorTypeAndShape(value, &info));
  ONNXTensorElementDataType element = ONNX_TENSOR_ELEMENT_DATA_TYPE_UNDEFINED;
  std::size_t rank = 0;
  OrtStatus* status = api().GetTensorElementType(info, &element);
  if (status == nullptr) status = api().GetDimensionsCount(info, &rank);
  std::vector<std::int64_t> dims(rank);
  if (status == nullptr) status = api().GetDimensions(info, dims.data(), rank);
  api().ReleaseTensorTypeAndShapeInfo(info);
  check(status);
  return element == ONNX_TENSOR_ELEMENT_DATA_TYPE_FLOAT ? dims : std::vector<std::int64_t>{};
}

void append_floats(const OrtValue* value, std::vector<float>& to) {
  OrtTensorTypeAndShapeInfo* info = nullptr;
  check(api().GetTensorTypeAndShape(value, &info));
  std::size_t count = 0;
  OrtStatus* status = api().GetTensorShapeElementCount(info, &count);
  api().ReleaseTensorTypeAndShapeInfo(info);
  check(status);
  void* data = nullptr;
  check(api().GetTensorMutableData(const_cast<OrtValue*>(value), &data)); // read only
  to.insert(to.end(), static_cast<float*>(data), static_cast<float*>(data) + count);
}

// What ZipMap gives: a sequence of maps, one a row, from label to probability.
void append_maps(const OrtValue* sequence, std::vector<float>& to) {
  std::size_t count = 0;
  check(api().GetValueCount(sequence, &count));
  for (std::size_t i = 0; i < count; ++i) {
    OrtValue *map = nullptr, *values = nullptr;
    check(api().GetValue(sequence, static_cast<int>(i), allocator(), &map));
    OrtStatus* status = api().GetValue(map, 1, allocator(), &values);
    api().ReleaseValue(map);
    check(status);
    append_floats(values, to);
    api().ReleaseValue(values);
  }
}

struct fed_input {
  std::vector<std::uint64_t> memory; // for any element type, zero where nothing depends on it
  const onnx::input_slice* slice = nullptr;
};

} // namespace

struct onnxruntime_run::values {
  std::size_t count = 0, inputs = 0, outputs = 0;
  OrtSession* session = nullptr;
  OrtIoBinding* binding = nullptr;
  std::vector<fed_input> fed;
  std::vector<OrtValue*> tensors;
  std::vector<float> memory;    // of the wanted output, unless the caller has it
  const float* bound = nullptr; // where the wanted output is, if it is a tensor of floats

  ~values() {
    api().ReleaseIoBinding(binding);
    for (OrtValue* each : tensors) api().ReleaseValue(each);
    api().ReleaseSession(session);
  }

  void add_input(const network_file& network, std::size_t index) {
    const std::string name = name_of_input(session, index);
    const input_type type = type_of_input(session, index);
    const onnx::input_slice* slice = slice_of(network, name);
    const bool is_used = slice != nullptr && slice->used;
    if (is_used && type.element != ONNX_TENSOR_ELEMENT_DATA_TYPE_FLOAT)
      throw std::runtime_error("a graph input that is not float32");
    std::size_t width = is_used ? slice->count : 1;
    if (!is_used)
      for (std::size_t i = 1; i < type.dims.size(); ++i)
        width *= static_cast<std::size_t>(std::max<std::int64_t>(type.dims[i], 1));
    const std::vector<std::int64_t> shape = shape_of(type.dims, count, width);
    fed_input& to = fed.emplace_back();
    to.slice = is_used ? slice : nullptr;
    to.memory.resize(is_used ? (count * width + 1) / 2 : count * width);
    const std::size_t element =
        is_used || type.element == ONNX_TENSOR_ELEMENT_DATA_TYPE_FLOAT ? 4 : 8;
    tensors.push_back(tensor_of(to.memory.data(), count * width * element, shape, type.element));
    check(api().BindInput(binding, name.c_str(), tensors.back()));
  }

  // The output's shape is what a first run gives; then it gets memory of its own, if it has one.
  void bind_output(const std::string& name, float* out) {
    check(api().BindOutputToDevice(binding, name.c_str(), cpu_memory()));
    check(api().RunWithBinding(session, nullptr, binding));
    OrtValue* const first = take_output();
    const std::vector<std::int64_t> shape = shape_of_floats(first);
    api().ReleaseValue(first);
    if (shape.empty()) return;
    std::int64_t all = 1;
    for (const std::int64_t dim : shape) all *= dim;
    if (all != static_cast<std::int64_t>(count * outputs))
      throw std::runtime_error("the graph gives " + std::to_string(all) + " values for " +
                               std::to_string(count) + " rows of " + std::to_string(outputs));
    if (out == nullptr) {
      memory.resize(count * outputs);
      out = memory.data();
    }
    api().ClearBoundOutputs(binding);
    tensors.push_back(tensor_of(out, count * outputs * sizeof(float), shape,
                                ONNX_TENSOR_ELEMENT_DATA_TYPE_FLOAT));
    check(api().BindOutput(binding, name.c_str(), tensors.back()));
    bound = out;
  }

  OrtValue* take_output() const {
    OrtValue** outputs_of_run = nullptr;
    std::size_t found = 0;
    check(api().GetBoundOutputValues(binding, allocator(), &outputs_of_run, &found));
    OrtValue* const first = outputs_of_run[0]; // only one is bound
    check(api().AllocatorFree(allocator(), static_cast<void*>(outputs_of_run)));
    return first;
  }
};

onnxruntime_run::onnxruntime_run(const network_file& network, std::size_t count, float* out)
    : values_(std::make_unique<values>()) {
  values_->count = count;
  values_->inputs = network.inputs();
  values_->outputs = network.outputs();
  values_->session = open_session(network, count != 1);
  check(api().CreateIoBinding(values_->session, &values_->binding));
  std::size_t inputs = 0;
  check(api().SessionGetInputCount(values_->session, &inputs));
  for (std::size_t i = 0; i < inputs; ++i) values_->add_input(network, i);
  values_->bind_output(std::string(network.plan().output_name), out);
}

onnxruntime_run::~onnxruntime_run() = default;
onnxruntime_run::onnxruntime_run(onnxruntime_run&&) noexcept = default;

void onnxruntime_run::set_rows(const float* rows) const {
  for (fed_input& each : values_->fed) {
    if (each.slice == nullptr) continue;
    const std::size_t width = each.slice->count;
    auto* to = reinterpret_cast<char*>(each.memory.data());
    for (std::size_t r = 0; r < values_->count; ++r)
      std::memcpy(to + r * width * sizeof(float), rows + r * values_->inputs + each.slice->first,
                  width * sizeof(float));
  }
}

void onnxruntime_run::operator()() const {
  check(api().RunWithBinding(values_->session, nullptr, values_->binding));
}

void onnxruntime_run::read(float* out) const {
  const std::size_t count = values_->count * values_->outputs;
  if (values_->bound != nullptr) {
    if (values_->bound != out) std::memcpy(out, values_->bound, count * sizeof(float));
    return;
  }
  std::vector<float> found;
  OrtValue* const sequence = values_->take_output();
  try {
    append_maps(sequence, found);
  } catch (...) {
    api().ReleaseValue(sequence);
    throw;
  }
  api().ReleaseValue(sequence);
  if (found.size() != count) throw std::runtime_error("an output of another size");
  std::copy(found.begin(), found.end(), out);
}

} // namespace tinymlp::bench
