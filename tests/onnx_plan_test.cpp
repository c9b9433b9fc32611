// What a plan says of a graph: the steps, their constants, inputs and outputs.
#include "both_ways.hpp"
#include "onnx_writer.hpp"
#include "test_data.hpp"

#include <tinymlp/onnx.hpp>

#include <array>
#include <limits>
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
  if (onnx::parse_into(p, file.span(), {}, output).code != status::ok) return false;
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
  for (unsigned i = 0; i <= static_cast<unsigned>(status::isa_unsupported); ++i) {
    const std::string_view anchor = onnx::section(static_cast<status>(i));
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
  CHECK(found[0].code == status::branch);
  CHECK(found[0].where == "h1");
  CHECK(found[0].op_type == "Add");
  CHECK(found[1].code == status::unsupported_operator);
  CHECK(found[1].where == "Sin");
  CHECK(found[2].code == status::shape_mismatch);
  CHECK(found[2].where == "mean");
  CHECK(found[2].accepted == 3);
  CHECK(found[1].offset == file.find(m.g.producer("a0").write()));
  CHECK(onnx::find_obstacles(w::fp32_model({3, 2, 1}).write().span(), {}, {}, found) == 0);
  CHECK(onnx::find_obstacles(file.span(), {}, {}, {}) >= 3);
  CHECK(onnx::find_obstacles(file.span(), {}, "nowhere", found) == 1);
  CHECK(found[0].code == status::unknown_output);
}

TEST_CASE("obstacles behind one another, in every branch") {
  // x + f(x), in both orders: f is what most of the network leads to
  for (const bool swap : {false, true}) {
    CAPTURE(swap);
    w::model m = w::fp32_model({3, 4, 4, 1});
    m.g.initializer("w1").dims[1] = 3; // does not fit the row of four
    m.g.initializer("w1").floats.resize(12);
    m.g.producer("a1") = {"Add", {swap ? "h1" : "a0", swap ? "a0" : "h1"}, {"a1"}};
    const w::bytes file = m.write();
    std::array<error, 8> found{};
    REQUIRE(onnx::find_obstacles(file.span(), {}, {}, found) == 2);
    CHECK(found[0].code == status::branch);
    CHECK(found[1].code == status::shape_mismatch);
    CHECK(found[1].where == "w1");
  }
  // what is wrong with an operator itself is told in the other branch, too
  w::model m = w::fp32_model({3, 4, 4, 1});
  m.g.producer("a1") = {"Add", {"a0", "h1"}, {"a1"}};
  m.g.producer("h1") = {"Gelu", {"other"}, {"h1"}}; // needs operator set 20
  m.g.producer("a0").attributes.push_back(w::int_attribute("strange", 1));
  m.g.nodes.insert(m.g.nodes.begin(), {"Tanh", {"features", "mean"}, {"other"}});
  const w::bytes file = m.write();
  std::array<error, 8> found{};
  REQUIRE(onnx::find_obstacles(file.span(), {}, {}, found) >= 4);
  const auto lists = [&](status code, std::string_view where) {
    for (const error& e : found)
      if (e.code == code && e.where == where) return true;
    return false;
  };
  CHECK(lists(status::branch, "a1"));
  CHECK(lists(status::operator_needs_newer_opset, "h1"));
  CHECK(lists(status::wrong_arity, "other"));
  CHECK(lists(status::unsupported_attribute, "strange"));
}

TEST_CASE("errors tell shapes and numbers") {
  w::model m = w::fp32_model({3, 4, 2, 1});
  m.g.initializer("w1") = w::floats("w1", {2, 5}, std::vector<float>(10, 1));
  const w::bytes file = m.write();
  onnx::plan p;
  const error e = onnx::parse_into(p, file.span());
  CHECK(e.code == status::shape_mismatch);
  CHECK(e.where == "w1");
  CHECK(e.rank == 2);
  CHECK(e.dims[0] == 2);
  CHECK(e.dims[1] == 5);
  CHECK(e.accepted == 4);
  CHECK(!onnx::advice(e.code).empty());
  CHECK(onnx::section(e.code) == "shapes");
}

TEST_CASE("advice is of the refusal at hand, not only of its code") {
  const auto refuse = [](const w::model& m, std::string_view output = {}) {
    static w::bytes file; // the error views it
    file = m.write();
    onnx::plan p;
    return onnx::parse_into(p, file.span(), {}, output);
  };
  const auto says = [](const error& e, std::string_view text) {
    CAPTURE(message(e.code));
    CAPTURE(onnx::advice(e));
    CHECK(onnx::advice(e).find(text) != std::string_view::npos);
  };
  const auto with = [](w::node op, const w::tensor& constant) { // in place of the first Relu
    w::model m = w::fp32_model({3, 2, 1});
    op.outputs = {"a0"};
    m.g.producer("a0") = op;
    m.g.initializers.push_back(constant);
    return m;
  };
  says(refuse(with({"Clip", {"h0", "c"}, {}}, w::floats("c", {2}, {0, 1}))), "not one for each");
  says(refuse(with({"Max", {"h0", "c"}, {}}, w::floats("c", {2}, {0, 1}))), "not one for each");
  says(refuse(with({"Clip", {"h0", "c"}, {}},
                   w::floats("c", {}, {std::numeric_limits<float>::quiet_NaN()}))),
       "not NaN");
  says(refuse(with({"Gather", {"h0", "c"}, {}, {w::int_attribute("axis", 1)}},
                   w::integers("c", {2}, w::int64, {1, 0}))),
       "in their order");
  says(refuse(with({"RMSNormalization", {"h0", "c"}, {}}, w::floats("c", {2}, {1, 1}))),
       "not listed");
  says(refuse(with({"Concat", {"c", "h0"}, {}, {w::int_attribute("axis", 1)}},
                   w::floats("c", {1, 1}, {1}))),
       "1 - p and p");

  for (const char* op : {"Einsum", "Conv", "Where", "DequantizeLinear", "Imputer"})
    CHECK(onnx::advice(refuse(with({op, {"h0", "c"}, {}}, w::floats("c", {2}, {1, 1})))) !=
          onnx::advice(status::unsupported_operator));
  says(refuse(with({"Max", {"h0", "b0", "c"}, {}}, w::floats("c", {2}, {0, 1}))), "two at a time");
  says(refuse(with({"Gather", {"h0", "c"}, {}, {w::int_attribute("axis", 1)}},
                   w::integers("c", {1, 1}, w::int64, {1}))),
       "neighbouring");
  w::model with_function = w::fp32_model({3, 2, 1});
  with_function.extra = w::field(25, w::field(1, "f"));
  says(refuse(with_function), "inline_local_functions");
  w::model sparse = w::fp32_model({3, 2, 1});
  sparse.g.extra = w::field(15, w::field(1, w::floats("s", {1}, {1}).write()));
  says(refuse(sparse), "dense");

  // an operator of constants alone, wherever the row meets it
  for (const char* op : {"Add", "Sub", "Mul", "Div"})
    for (const bool first : {false, true}) {
      w::model m = with({op, {"h0", "root"}, {}}, w::floats("c", {2}, {1, 4}));
      if (first) m.g.producer("a0").inputs = {"root", "h0"};
      m.g.nodes.insert(m.g.nodes.begin(), {"Add", {"c", "c"}, {"sum"}});
      m.g.nodes.insert(m.g.nodes.begin() + 1, {"Sqrt", {"sum"}, {"root"}});
      const error e = refuse(m);
      CHECK(e.code == status::not_constant);
      CHECK(e.where == "root");
      says(e, "fold constants");
      std::array<error, 4> found{};
      CHECK(onnx::find_obstacles(m.write().span(), {}, {}, found) == 1);
    }

  w::model joined = w::fp32_model({3, 2, 1});
  joined.g.inputs = {{"a", {"N", 1}}, {"b", {"N", 2}}};
  joined.g.nodes.insert(joined.g.nodes.begin(),
                        {"Concat", {"b", "a"}, {"features"}, {w::int_attribute("axis", 1)}});
  says(refuse(joined), "in the order in which");
  joined.g.nodes[0].inputs = {"a", "b"};
  CHECK(refuse(joined).code == status::ok);
  joined.g.inputs.push_back({"c", {"N", 1}});
  joined.g.nodes.insert(joined.g.nodes.begin() + 1,
                        {"Concat", {"features", "c"}, {"all"}, {w::int_attribute("axis", 1)}});
  joined.g.producer("centred").inputs[0] = "all";
  says(refuse(joined), "nested ones as one");

  w::model labelled = w::fp32_model({3, 2, 1});
  labelled.g.nodes.push_back({"ArgMax", {"h0"}, {"label"}});
  labelled.g.outputs.push_back({"label", {"N"}, w::int64});
  says(refuse(labelled, "label"), "not the labels");

  w::model flat = w::fp32_model({3, 2, 1});
  flat.g.inputs[0].dims.assign(5, w::dimension(1));
  const error rank = refuse(flat);
  says(rank, "1 to 4 dimensions");
  CHECK(rank.found == -1); // no number of values
  onnx::plan p;
  says(onnx::parse_into(p, {}), "empty");
}

TEST_CASE("as many values, layers and steps as the parser holds") {
  w::model m = w::fp32_model({3, 4, 2, 1});
  w::bytes value = m.g.outputs[0].name;
  std::size_t values = m.g.nodes.size() + m.g.initializers.size() + 1;
  for (; values < onnx::max_values; ++values) {
    const w::bytes next = w::numbered("i", values);
    m.g.nodes.push_back({"Identity", {value}, {next}});
    value = next;
  }
  m.g.outputs[0].name = value;
  onnx::plan p;
  CHECK(onnx::parse_into(p, m.write().span()).code == status::ok);

  const std::vector<std::int64_t> ones(onnx::max_layers + 1, 1);
  for (const w::model& deep : {w::fp32_model(ones), w::int8_model(ones), w::static_model(ones)}) {
    const w::bytes file = deep.write();
    REQUIRE(onnx::parse_into(p, file.span()).code == status::ok);
    CHECK(p.layer_count == onnx::max_layers);
  }

  w::model steps = w::fp32_model({3, 2, 1}); // six nodes of its own
  value = steps.g.outputs[0].name;
  for (std::size_t i = 6; i < onnx::max_steps; ++i) {
    const w::bytes next = w::numbered("t", i);
    steps.g.nodes.push_back({"Tanh", {value}, {next}});
    value = next;
  }
  steps.g.outputs[0].name = value;
  const w::bytes file = steps.write();
  REQUIRE(onnx::parse_into(p, file.span()).code == status::ok);
  CHECK(p.step_count == onnx::max_steps - 1); // the Squeeze needs room, too
}

TEST_CASE("a plan tells what the model is") {
  w::model m = w::int8_model({3, 4, 2, 1});
  m.producer_name = "a producer";
  m.g.producer("q1").name = "second";
  const w::bytes file = m.write();
  onnx::plan p;
  REQUIRE(onnx::parse_into(p, file.span()).code == status::ok);
  CHECK(p.kind == onnx::precision::int8);
  CHECK(p.mode == onnx::quant_mode::dynamic_int8);
  CHECK(p.ir_version == 10);
  CHECK(p.opset == 17);
  CHECK(p.producer_name == "a producer");
  CHECK(p.output_name == "y");
  CHECK(p.output_rank == 1);
  CHECK(p.ignored_outputs == 0);
  CHECK(p.inputs == 3);
  CHECK(p.outputs == 1);
  REQUIRE(p.input_count == 1);
  CHECK(p.graph_inputs[0].name == "features");
  CHECK(p.graph_inputs[0].rank == 2);
  CHECK(p.graph_inputs[0].used);
  CHECK(p.layer_count == 3);
  REQUIRE(p.step_count == 7);
  const onnx::step& s = p.steps[4];
  CHECK(s.kind == step_kind::dense);
  CHECK(s.inputs == 4);
  CHECK(s.outputs == 2);
  CHECK(onnx::read(p, s.weight).name == "w1");
  CHECK(onnx::read(p, s.bias).name == "b1");
  CHECK(onnx::read(p, s.weight_scale).name == "s1");
  CHECK(onnx::label(p, s) == "second");
  CHECK(s.offset == file.find(m.g.producer("q1").write()));
}

TEST_CASE("a plan tells how the activations of a static model are quantised") {
  for (const bool computed : {false, true}) {
    const w::bytes file = w::static_model({3, 4, 2, 1}, true, computed).write();
    onnx::plan p;
    REQUIRE(onnx::parse_into(p, file.span()).code == status::ok);
    CHECK(p.kind == onnx::precision::int8);
    CHECK(p.mode == onnx::quant_mode::static_int8);
    CHECK(p.steps[2].activation_scale == 1.0F / 20);
    CHECK(p.steps[2].activation_zero_point == 117);
    CHECK(p.steps[4].activation_scale == 1.0F / 24);
    CHECK(p.steps[4].activation_zero_point == 0);
    CHECK(p.steps[4].sum_scale_factor.present() == computed);
    CHECK(onnx::read(p, p.steps[4].sum_scale).name == (computed ? "x1" : "s1"));
  }
}

TEST_CASE("inputs and outputs that do not matter, and labels") {
  w::model m = w::fp32_model({3, 2, 1});
  m.g.inputs.insert(m.g.inputs.begin(), {"state", {"N", 2, 2}});
  m.g.nodes.push_back({"Identity", {"state"}, {"state_out"}});
  m.g.nodes.push_back({"Loop", {"features"}, {"strange"}});
  m.g.outputs.insert(m.g.outputs.begin(), {"state_out", {"N", 2, 2}});
  m.g.outputs.push_back({"strange", {"N"}});
  const w::bytes file = m.write();
  onnx::plan p;
  REQUIRE(onnx::parse_into(p, file.span()).code == status::ok);
  CHECK(p.output_name == "y");
  CHECK(p.ignored_outputs == 2);
  REQUIRE(p.input_count == 2);
  CHECK_FALSE(p.graph_inputs[0].used);
  CHECK(p.graph_inputs[0].count == 4);
  CHECK(p.graph_inputs[1].used);
  CHECK(p.graph_inputs[1].first == 0);
  CHECK(p.graph_inputs[1].count == 3);
  CHECK(onnx::parse_into(p, file.span(), {}, "strange").code == status::unsupported_operator);
  CHECK(onnx::parse_into(p, file.span(), {}, "state_out").code == status::no_layers);

  w::model c = w::fp32_model({3, 2, 2});
  c.opsets.push_back({"ai.onnx.ml", 3});
  c.g.nodes.pop_back();
  c.g.nodes.push_back({"Softmax", {"h1"}, {"p"}});
  c.g.nodes.push_back({"ArgMax", {"p"}, {"which"}});
  c.g.nodes.push_back({"ZipMap",
                       {"p"},
                       {"map"},
                       {w::ints_attribute("classlabels_int64s", {7, 9})},
                       {},
                       "ai.onnx.ml"});
  c.g.outputs = {{"which", {"N"}, w::int64}, {"map", {}}};
  c.g.outputs[1].has_type = false;
  c.g.outputs[1].extra = w::field(2, w::field(4, "")); // a sequence
  const w::bytes classifier = c.write();
  REQUIRE(onnx::parse_into(p, classifier.span()).code == status::ok);
  CHECK(p.output_name == "map");
  CHECK(p.outputs == 2);
  REQUIRE(p.labels.present());
  const onnx::tensor labels = onnx::read(p, p.labels);
  onnx::element_reader reader(labels);
  std::int64_t label = 0;
  CHECK((reader.next(label) && label == 7 && reader.next(label) && label == 9));
}

TEST_CASE("lengths of Scaler's offset and scale may differ, in either order") {
  for (const bool one_offset : {false, true}) {
    w::model m = w::fp32_model({3, 2, 1});
    m.opsets.push_back({"ai.onnx.ml", 3});
    m.g.nodes.erase(m.g.nodes.begin());
    m.g.nodes[0] = {"Scaler",
                    {"features"},
                    {"scaled"},
                    {w::floats_attribute("offset", one_offset ? std::vector{0.5F}
                                                              : std::vector{1.0F, 2.0F, 3.0F}),
                     w::floats_attribute("scale", one_offset ? std::vector{1.0F, 2.0F, 3.0F}
                                                             : std::vector{0.5F})},
                    {},
                    "ai.onnx.ml"};
    CHECK(is(m.write(), "SDAD"));
  }
}
