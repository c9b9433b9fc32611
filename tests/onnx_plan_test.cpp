// What a plan says of a graph: the steps, their constants, inputs and outputs.
#include "both_ways.hpp"
#include "onnx_writer.hpp"

#include <tinymlp/onnx.hpp>

#include <string_view>
#include <vector>

using namespace tinymlp;
namespace w = onnx_writer;
using onnx::step_kind, onnx::affine_op;

namespace {

// One character a step: Dense, Activation, affine as its operator (+ - _ * / ~ for negate, S, B),
// layer_norm N, softmax X, log_softmax L, complement C, slice [.
constexpr bool is(const w::bytes& file, std::string_view expected, std::string_view output = {}) {
  onnx::plan p;
  if (onnx::parse_into(p, file.span(), {}, output).code != errc::ok) return false;
  if (p.step_count != expected.size()) return false;
  constexpr std::string_view affine = "+-_*/~SB", others = "?DANXLC[";
  for (std::size_t i = 0; i < p.step_count; ++i) {
    const onnx::step& s = p.steps[i];
    const char c = s.kind == step_kind::affine ? affine[static_cast<std::size_t>(s.op)]
                                               : others[static_cast<std::size_t>(s.kind)];
    if (c != expected[i]) return false;
  }
  return true;
}

} // namespace

TEST_CASE("the three precisions as steps") {
  CHECK_BOTH_WAYS(is(w::fp32_model({3, 4, 2, 1}).write(), "-/DADAD"));
  CHECK_BOTH_WAYS(is(w::int8_model({3, 4, 2, 1}).write(), "-/DADAD"));
  CHECK_BOTH_WAYS(is(w::static_model({3, 4, 2, 1}).write(), "-/DADAD"));
  CHECK_BOTH_WAYS(is(w::static_model({3, 4, 2, 1}, true, true).write(), "-/DADAD"));
  CHECK_BOTH_WAYS(is(w::fp32_model({3, 4, 5}).write(), "") == false); // Squeeze of five values
}
