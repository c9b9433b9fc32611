// The shipped networks for JavaScript: constants, parsed and quantised by the compiler, so that
// neither parser nor ONNX files are part of the module. Compiled once for each set of WebAssembly
// instructions; without exceptions, memory allocation or imports.
#include "export.hpp"

#include <tinymlp/onnx.hpp>
#include <tinymlp/vmaf.hpp>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>
#include <type_traits>

using namespace tinymlp;

namespace {

constexpr std::size_t block_rows = 2048; // that run() takes at once
constexpr std::size_t features = vmaf::feature_names.size();

alignas(64) float rows[block_rows * features];
alignas(64) float out[block_rows];

// A name out of an ONNX file, kept by value: the file is not.
struct name_copy {
  std::array<char, 32> text{};
  std::size_t size = 0;
  constexpr name_copy(std::string_view from) {
    for (const char c : from) text[size++] = c; // a name that is too long does not compile
  }
};
struct graph_names {
  name_copy input, output;
};
template <const auto& Model> consteval graph_names names_in() {
  onnx::plan plan;
  static_cast<void>(onnx::parse_into(plan, {Model, sizeof(Model) - 1})); // without its final NUL
  return {plan.graph_inputs[0].name, plan.output_name};
}
template <const auto& Model> constexpr graph_names names_of = names_in<Model>();

struct shipped {
  std::string_view name, predicts;
  const graph_names& graph;
  onnx::quant_mode mode;
  std::size_t parameters;
  std::span<const std::size_t> sizes;
  float (*score)(const float* row);
  status (*run)(std::size_t count);
};

template <auto Network>
shipped entry(std::string_view name, std::string_view predicts, const graph_names& graph) {
  using net = std::remove_cvref_t<decltype(Network())>;
  using weights = std::remove_cvref_t<decltype(Network().weights())>;
  return {name,
          predicts,
          graph,
          net::mode,
          net::parameter_count,
          net::shape_type::sizes,
          [](const float* row) {
            return kernels::kernel_of<weights>(isa::reference).row(Network().weights(), row);
          },
          [](std::size_t count) {
            return Network().score(std::span<const float>(rows, count * features),
                                   std::span<float>(out, count));
          }};
}

constexpr std::string_view hd = "vmaf_v0.6.1", uhd = "vmaf_4k_v0.6.1";

#define TINYMLP_SHIPPED(size, of, predicts)                                                        \
  entry<&vmaf::size##of<0>>("mlp_" #size #of, predicts, names_of<models::mlp_##size##of##_onnx>),  \
      entry<&vmaf::size##of##_int8<0>>("mlp_" #size #of ".int8", predicts,                         \
                                       names_of<models::mlp_##size##of##_onnx>)
const std::array networks{
    TINYMLP_SHIPPED(small, , hd),      TINYMLP_SHIPPED(medium, , hd),
    TINYMLP_SHIPPED(large, , hd),      TINYMLP_SHIPPED(small, _4k, uhd),
    TINYMLP_SHIPPED(medium, _4k, uhd), TINYMLP_SHIPPED(large, _4k, uhd),
};
#undef TINYMLP_SHIPPED

// What describe() writes: numbers and texts, as report.hpp has them. A network takes some 300
// bytes.
std::array<char, 1024> told;

class report {
public:
  void number(double value) { append(&value, sizeof value); }
  void text(std::string_view text) {
    number(static_cast<double>(text.size()));
    append(text.data(), text.size());
  }

private:
  void append(const void* from, std::size_t size) {
    if (size > told.size() - at_) __builtin_trap();
    std::copy_n(static_cast<const char*>(from), size, told.data() + at_);
    at_ += size;
  }
  std::size_t at_ = 0;
};

} // namespace

TINYMLP_EXPORT(count) std::size_t count() { return networks.size(); }
// name, predicts, parameters, mode, input, output, layers, their outputs
TINYMLP_EXPORT(describe) const char* describe(std::size_t index) {
  const shipped& of = networks[index];
  report to;
  to.text(of.name);
  to.text(of.predicts);
  to.number(static_cast<double>(of.parameters));
  to.number(static_cast<double>(of.mode));
  to.text({of.graph.input.text.data(), of.graph.input.size});
  to.text({of.graph.output.text.data(), of.graph.output.size});
  to.number(static_cast<double>(of.sizes.size() - 1));
  for (const std::size_t size : of.sizes.subspan(1)) to.number(static_cast<double>(size));
  return told.data();
}

// Where rows are written, and scores read; room for that many rows.
TINYMLP_EXPORT(rows_of) float* rows_of(std::size_t) { return rows; }
TINYMLP_EXPORT(out_of) float* out_of(std::size_t) { return out; }
TINYMLP_EXPORT(block_rows_of) std::size_t block_rows_of(std::size_t) { return block_rows; }

// The row at rows_of(), alone.
TINYMLP_EXPORT(score) float score(std::size_t index) { return networks[index].score(rows); }
// `count` rows, at most block_rows_of(); a status.
TINYMLP_EXPORT(run) std::uint32_t run(std::size_t index, std::size_t count) {
  return static_cast<std::uint32_t>(networks[index].run(count));
}
