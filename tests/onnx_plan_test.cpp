// What a plan says of a graph: the steps, their constants, inputs and outputs.
#include "both_ways.hpp"
#include "onnx_writer.hpp"
#include "test_data.hpp"

#include <tinymlp/onnx.hpp>

#include <array>
#include <string>
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

TEST_CASE("the page of accepted forms lists the operator table, and errors point to its sections") {
  const std::string page = test_data::must_read("include/tinymlp/onnx/README.md");
  const std::size_t table = page.find("## Operators"), end = page.find("## Patterns");
  REQUIRE((table != std::string::npos && end != std::string::npos));
  std::string words = page.substr(table, end - table);
  for (char& c : words)
    if (c == ',' || c == '|') c = ' ';
  for (const auto& row : onnx::detail::plan_builder::operator_table::rows) {
    CAPTURE(row.op_type.text);
    CHECK(words.find(" " + std::string(row.op_type.text) + " ") != std::string::npos);
  }
  for (unsigned i = 0; i <= static_cast<unsigned>(errc::isa_unsupported); ++i) {
    const std::string_view anchor = onnx::section(static_cast<errc>(i));
    if (anchor.empty()) continue;
    std::string heading = "\n## ";
    for (const char c : anchor) heading += c == '-' ? ' ' : c;
    if (anchor != "int8") heading[4] = static_cast<char>(heading[4] - 'a' + 'A');
    CAPTURE(heading);
    CHECK(page.find(heading + "\n") != std::string::npos);
  }
}

TEST_CASE("all obstacles of a file at once") {
  w::model m = w::fp32_model({3, 4, 2, 1});
  m.g.producer("a0").op_type = "Sin";
  m.g.initializer("mean") = w::floats("mean", {2}, {1, 2});
  m.g.producer("a1") = {"Add", {"h1", "h1"}, {"a1"}};
  const w::bytes file = m.write();
  std::array<error, 8> found{};
  REQUIRE(onnx::find_obstacles(file.span(), {}, {}, found) == 3);
  CHECK(found[0].code == errc::branch);
  CHECK(found[0].where == "h1");
  CHECK(found[0].op_type == "Add");
  CHECK(found[1].code == errc::unsupported_operator);
  CHECK(found[1].where == "Sin");
  CHECK(found[2].code == errc::shape_mismatch);
  CHECK(found[2].where == "mean");
  CHECK(found[2].accepted == 3);
  CHECK(found[1].offset == file.find(m.g.producer("a0").write()));
  CHECK(onnx::find_obstacles(w::fp32_model({3, 2, 1}).write().span(), {}, {}, found) == 0);
  CHECK(onnx::find_obstacles(file.span(), {}, {}, {}) >= 3);
  CHECK(onnx::find_obstacles(file.span(), {}, "nowhere", found) == 1);
  CHECK(found[0].code == errc::unknown_output);
}

TEST_CASE("errors tell shapes and numbers") {
  w::model m = w::fp32_model({3, 4, 2, 1});
  m.g.initializer("w1") = w::floats("w1", {2, 5}, std::vector<float>(10, 1));
  const w::bytes file = m.write();
  onnx::plan p;
  const error e = onnx::parse_into(p, file.span());
  CHECK(e.code == errc::shape_mismatch);
  CHECK(e.where == "w1");
  CHECK(e.rank == 2);
  CHECK(e.dims[0] == 2);
  CHECK(e.dims[1] == 5);
  CHECK(e.accepted == 4);
  CHECK(!onnx::advice(e.code).empty());
  CHECK(onnx::section(e.code) == "shapes");
}
