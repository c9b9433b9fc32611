// libFuzzer target: bytes -> a network at random over all accepted forms -> its ONNX file -> the
// engine, against what ONNX says of the graph in float64 (tests/graph_float64.hpp).
#include "check_error.hpp"
#include "engine.hpp"

#include "../graph_float64.hpp"
#include "../random_graph.hpp"

#include <algorithm>
#include <bit>

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <limits>
#include <span>
#include <vector>

namespace {

std::vector<float> row_of(random_graph::choices& from, std::size_t width) {
  const float scale = std::ldexp(1.0F, static_cast<int>(from.below(8)) - 8);
  std::vector<float> row;
  std::uint32_t random = from.word();
  for (std::size_t i = 0; i < width; ++i) {
    random = random * 1664525U + 1013904223U;
    row.push_back(static_cast<float>(static_cast<int>(random >> 16 & 1023) - 512) * scale);
  }
  return row;
}

// What is wrong with what the engine made of one row, given what the graph says; null: nothing.
const char* compare(const std::vector<float>& got,
                    const std::vector<graph_float64::number>& expected, bool exact) {
  if (got.size() != expected.size()) return "another number of outputs";
  for (std::size_t i = 0; i < got.size(); ++i) {
    const graph_float64::number& want = expected[i];
    if (exact) { // zeros of either sign are one
      if (std::bit_cast<std::uint32_t>(got[i] + 0.0F) !=
          std::bit_cast<std::uint32_t>(static_cast<float>(want.v) + 0.0F))
        return "int8: other bits than the graph's";
    } else if (want.e <= std::numeric_limits<float>::max() && want.m < 1e37) {
      if (!(std::abs(double{got[i]} - want.v) <= want.e))
        return "further from float64 than rounding explains";
    }
  }
  return nullptr;
}

const char* check(std::span<const std::uint8_t> bytes) {
  random_graph::choices from(bytes);
  random_graph::maker maker(from, {});
  const onnx_writer::model model = maker.make();
  const onnx_writer::bytes file = model.write();
  fuzz::engine net;
  if (net.load(file.span()).code != tinymlp::status::ok) return "an accepted form is refused";
  for (int r = 0; r < 3; ++r) {
    std::vector<float> row = row_of(from, net.inputs()), got(net.outputs());
    graph_float64::evaluator graph(model, maker.constants(), maker.is_exact());
    const std::vector<graph_float64::number> expected = graph.run(row);
    if (net.run(row, got) != tinymlp::status::ok) return "run";
    if (const char* fault = compare(got, expected, maker.is_exact())) return fault;
    row[from.below(static_cast<std::uint32_t>(row.size()))] =
        from.flip() ? std::numeric_limits<float>::quiet_NaN()
                    : -std::numeric_limits<float>::infinity();
    if (net.run(row, got) != tinymlp::status::ok) return "run";
    for (const float v : got)
      if (!std::isnan(v)) return "a bad feature gives a number";
  }
  return nullptr;
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const char* const fault = check({data, size});
  if (fault != nullptr) std::fprintf(stderr, "%s\n", fault);
  fuzz::require(fault == nullptr);
  return 0;
}
