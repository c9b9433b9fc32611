// The engine for JavaScript: networks made from the bytes of ONNX files, rows in, values out.
// Compiled once for each set of WebAssembly instructions; without exceptions, and without imports.
#include "export.hpp"
#include "report.hpp"

#include <tinymlp/any_network.hpp>
#include <tinymlp/onnx/advice.hpp>

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstdlib>
#include <memory>
#include <new>
#include <span>
#include <string_view>

using namespace tinymlp;

namespace {

// Values of a row that JavaScript writes, and of outputs that it reads, are held at once by
// run(): large enough that a call costs little beside them.
constexpr std::size_t block_floats = std::size_t{1} << 14;
constexpr std::size_t most_obstacles = 64;

web::report told;

// A network with room for a block of rows, for its outputs, and for what a single row takes.
struct loaded {
  owned_network net;
  std::size_t block_rows = 1;
  std::unique_ptr<float[]> rows, out, scratch;
  float* aligned = nullptr;

  bool make_room() noexcept {
    const std::size_t inputs = net->inputs(), outputs = net->outputs();
    block_rows = std::max<std::size_t>(1, block_floats / std::max(inputs, outputs));
    const std::size_t row = kernels::row_scratch(net->view());
    rows.reset(new (std::nothrow) float[block_rows * inputs]);
    out.reset(new (std::nothrow) float[block_rows * outputs]);
    scratch.reset(new (std::nothrow) float[row + 16]);
    if (rows == nullptr || out == nullptr || scratch == nullptr) return false;
    void* at = scratch.get();
    std::size_t room = (row + 16) * sizeof(float);
    aligned = static_cast<float*>(std::align(64, row * sizeof(float), at, room));
    return true;
  }
};

void tell_error(const error& why) {
  told.number(static_cast<double>(why.code));
  told.number(static_cast<double>(why.offset));
  told.number(static_cast<double>(why.found));
  told.number(static_cast<double>(why.accepted));
  told.number(why.rank);
  for (std::size_t i = 0; i < why.rank && i < why.dims.size(); ++i) told.number(why.dims[i]);
  told.number(static_cast<double>(onnx::unit_of(why.code)));
  told.text(why.where);
  told.text(why.op_type);
  told.text(message(why.code));
  told.text(onnx::advice(why));
  told.text(onnx::section(why.code));
}

void tell_obstacles(const error& why, std::span<const char> model, onnx::external_files external,
                    std::string_view output) {
  std::array<error, most_obstacles> all;
  const std::size_t count = onnx::failed(why) && why.code != status::out_of_memory
                                ? onnx::find_obstacles(model, external, output, all)
                                : 0;
  const std::size_t listed = std::min(count, all.size());
  told.number(0); // refused
  tell_error(why);
  told.number(static_cast<double>(count));
  told.number(static_cast<double>(listed));
  for (const error& each : std::span(all).first(listed)) tell_error(each);
}

void tell_network(const onnx::plan& plan, const any_network& net) {
  told.number(1); // accepted
  told.number(static_cast<double>(net.inputs()));
  told.number(static_cast<double>(net.outputs()));
  told.number(static_cast<double>(net.parameter_count()));
  told.number(static_cast<double>(plan.mode));
  told.text(plan.output_name);
  told.number(static_cast<double>(plan.input_count));
  for (const onnx::input_slice& input : std::span(plan.graph_inputs).first(plan.input_count)) {
    told.text(input.name);
    told.number(input.first);
    told.number(input.count);
    told.number(input.used ? 1 : 0);
  }
  told.number(static_cast<double>(plan.layer_count));
  for (const onnx::step& step : std::span(plan.steps).first(plan.step_count))
    if (step.kind == onnx::step_kind::dense) told.number(step.outputs);
  const onnx::tensor labels = onnx::read(plan, plan.labels);
  told.number(plan.labels.present() ? static_cast<double>(labels.count) : 0);
  if (!plan.labels.present()) return;
  onnx::element_reader reader(labels);
  for (std::int64_t value = 0; reader.next(value);) told.number(static_cast<double>(value));
}

const kernels::steps_kernel& kernel_of(const any_network& net) {
  return net.mode() == onnx::quant_mode::fp32
             ? kernels::steps_kernel_of<kernels::any_shape>(isa::reference)
             : kernels::steps_kernel_of<kernels::int8_steps>(isa::reference);
}

} // namespace

// In the place of the C++ library's, which is not linked.
void* operator new(std::size_t size, const std::nothrow_t&) noexcept { return std::malloc(size); }
void* operator new[](std::size_t size, const std::nothrow_t&) noexcept { return std::malloc(size); }
void operator delete(void* from) noexcept { std::free(from); }
void operator delete[](void* from) noexcept { std::free(from); }
void operator delete(void* from, std::size_t) noexcept { std::free(from); }
void operator delete[](void* from, std::size_t) noexcept { std::free(from); }

// Memory for JavaScript to write into; null where there is none.
TINYMLP_EXPORT(allocate) void* allocate(std::size_t size) { return std::malloc(size); }
TINYMLP_EXPORT(release) void release(void* from) { std::free(from); }
TINYMLP_EXPORT(told) const char* told_data() { return told.data(); }

// The network of a model, or null; report() tells of it, or why not. `output`: see load_any().
// Nothing of what is passed in is kept.
TINYMLP_EXPORT(load)
loaded* load(const char* model, std::size_t size, const onnx::external_file* external,
             std::size_t external_count, const char* output, std::size_t output_size) {
  const std::span<const char> bytes(model, size);
  const onnx::external_files files(external, external_count);
  const std::string_view name(output, output_size);
  told.clear();
  std::unique_ptr<loaded> to(new (std::nothrow) loaded);
  std::unique_ptr<onnx::plan> plan(new (std::nothrow) onnx::plan);
  error why{status::out_of_memory, 0, "storage"};
  if (to != nullptr && plan != nullptr) why = onnx::parse_into(*plan, bytes, files, name);
  if (!onnx::failed(why)) why = to->net.load(*plan);
  if (!onnx::failed(why) && !to->make_room()) why = {status::out_of_memory, 0, "storage"};
  if (onnx::failed(why)) {
    tell_obstacles(why, bytes, files, name);
    return nullptr;
  }
  tell_network(*plan, *to->net);
  return to.release();
}
TINYMLP_EXPORT(unload) void unload(loaded* net) { delete net; }

// Where rows are written, and outputs read; room for that many rows.
TINYMLP_EXPORT(rows_of) float* rows_of(const loaded* net) { return net->rows.get(); }
TINYMLP_EXPORT(out_of) float* out_of(const loaded* net) { return net->out.get(); }
TINYMLP_EXPORT(block_rows_of) std::size_t block_rows_of(const loaded* net) {
  return net->block_rows;
}

// The row at rows_of(), alone: its first output; all are at out_of().
TINYMLP_EXPORT(score) float score(const loaded* net) {
  kernel_of(*net->net).row(net->net->view(), net->rows.get(), net->out.get(), net->aligned);
  return net->out[0];
}
// `count` rows, at most block_rows_of(); a status.
TINYMLP_EXPORT(run) std::uint32_t run(const loaded* net, std::size_t count) {
  const any_network& any = *net->net;
  return static_cast<std::uint32_t>(
      any.run({net->rows.get(), count * any.inputs()}, {net->out.get(), count * any.outputs()}));
}
