// Every refusal with its code, its byte offset and the name it gives: one row a broken model.
#include "broken_models.hpp"
#include "onnx_writer.hpp"

#include <doctest/doctest.h>

#include <tinymlp/onnx.hpp>

#include <limits>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

using tinymlp::status;
namespace w = onnx_writer;
using w::bytes, w::model, w::storage;

namespace {

using namespace broken_models;

// Broken versions of Sub, Div, Gemm, Relu, Gemm, Squeeze: 3-2-1.
const std::vector<row> float_rows{
    // ---- wire format
    {"a field cut short", status::truncated, "model",
     [](model& m) { return append(m, bytes("\x0a\x05xx")); }},
    {"a varint of 65 bits", status::bad_varint, "model",
     [](model& m) { return append(m, bytes("\x28\xff\xff\xff\xff\xff\xff\xff\xff\xff\x02")); }},
    {"a group", status::bad_field, "model", [](model& m) { return append(m, bytes("\x33\x34")); }},
    {"trailing zeros", status::bad_field, "model",
     [](model& m) { return append(m, bytes(std::string_view("\0\0", 2))); }},
    {"trailing text", status::unknown_field, "model",
     [](model& m) { return append(m, w::field(12, "trailing")); }},
    {"a field that ModelProto does not have", status::unknown_field, "model",
     [](model& m) { return append(m, w::varint_field(99, 1)); }},
    {"two graphs", status::duplicate_field, "graph",
     [](model& m) { return append(m, w::field(7, "")); }},
    {"the IR version as a string", status::wrong_wire_type, "model",
     [](model& m) { return append(m, w::field(1, "8")); }},
    {"the producer as a number", status::wrong_wire_type, "model",
     [](model& m) { return append(m, w::varint_field(2, 8)); }},
    {"an opset version as a string", status::wrong_wire_type, "opset_import",
     [](model& m) {
       append(m, w::field(8, w::field(2, "17")));
       return before_end(4);
     }},
    {"a cut opset", status::truncated, "opset_import",
     [](model& m) {
       append(m, w::field(8, "\x10"));
       return before_end(1);
     }},
    {"a cut graph field", status::truncated, "graph",
     [](model& m) { return append_to_graph(m, "\x0a\x05zz"); }},
    {"a graph name that is a number", status::wrong_wire_type, "graph",
     [](model& m) { return append_to_graph(m, w::varint_field(2, 8)); }},
    {"a node that is a number", status::wrong_wire_type, "graph",
     [](model& m) { return append_to_graph(m, w::varint_field(1, 8)); }},
    {"a cut node field", status::truncated, "a0",
     [](model& m) {
       m.g.producer("a0").extra = "\x0a\x05zz";
       return in(m.g.producer("a0").write(), m.g.producer("a0").write().size() - 4);
     }},
    {"a node whose input is a number", status::wrong_wire_type, "a0",
     [](model& m) {
       m.g.producer("a0").extra = w::varint_field(1, 77);
       return in(m.g.producer("a0").write(), m.g.producer("a0").write().size() - 2);
     }},
    {"a cut tensor field", status::truncated, "w0",
     [](model& m) { return append_to_tensor(m, "w0", "\x0a\x05zz"); }},
    {"a dimension of fixed width", status::wrong_wire_type, "w0",
     [](model& m) { return append_to_tensor(m, "w0", w::float_field(1, 1)); }},
    {"a cut packed dimension", status::truncated, "w0",
     [](model& m) {
       place p = append_to_tensor(m, "w0", w::field(1, "\x80"));
       p.delta += 2;
       return p;
     }},
    {"a data type that is a string", status::wrong_wire_type, "w0",
     [](model& m) { return append_to_tensor(m, "w0", w::field(2, "1")); }},
    {"raw data that is a number", status::wrong_wire_type, "w0",
     [](model& m) { return append_to_tensor(m, "w0", w::varint_field(9, 1)); }},
    {"a data location that is a string", status::wrong_wire_type, "w0",
     [](model& m) { return append_to_tensor(m, "w0", w::field(14, "1")); }},
    {"float_data of varints", status::wrong_wire_type, "b0",
     [](model& m) {
       m.g.initializer("b0").form = storage::none;
       return append_to_tensor(m, "b0", w::varint_field(4, 1));
     }},
    {"packed float_data cut inside an element", status::truncated, "b0",
     [](model& m) {
       m.g.initializer("b0").form = storage::none;
       place p = append_to_tensor(m, "b0", w::field(4, "1234567"));
       p.delta += 2 + 4;
       return p;
     }},
    {"packed int64_data with an endless varint", status::bad_varint, "axes",
     [](model& m) {
       m.g.initializer("axes").form = storage::none;
       place p = append_to_tensor(
           m, "axes", w::field(7, "\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01"));
       p.delta += 2;
       return p;
     }},
    {"an attribute's name as a number", status::wrong_wire_type, "h0",
     [](model& m) { return append_to_node(m, "h0", {"", w::varint_field(1, 77), 1}, 5); }},
    {"an attribute's type as a string", status::wrong_wire_type, "beta",
     [](model& m) { return append_to_node(m, "h0", {"beta", w::field(20, "1"), 0}, 4); }},
    {"a float attribute as a varint", status::wrong_wire_type, "beta",
     [](model& m) { return append_to_node(m, "h0", {"beta", w::varint_field(2, 1), 0}, 2); }},
    {"a cut attribute", status::truncated, "h0",
     [](model& m) { return append_to_node(m, "h0", {"beta", "\x15\x01\x02", 0}, 3); }},
    {"an input's name as a number", status::wrong_wire_type, "features",
     [](model& m) {
       m.g.inputs[0].extra = w::varint_field(1, 5);
       return in(m.g.inputs[0].write(), m.g.inputs[0].write().size() - 2);
     }},
    {"an input's dimension as a string", status::wrong_wire_type, "features",
     [](model& m) {
       m.g.inputs[0].extra = w::field(2, w::field(1, w::field(2, w::field(1, w::field(1, "3")))));
       return in(m.g.inputs[0].write(), m.g.inputs[0].write().size() - 3);
     }},
    {"an element type as a string", status::wrong_wire_type, "features",
     [](model& m) {
       m.g.inputs[0].extra = w::field(2, w::field(1, w::field(1, "1")));
       return in(m.g.inputs[0].write(), m.g.inputs[0].write().size() - 3);
     }},
    {"a cut shape", status::truncated, "features",
     [](model& m) {
       m.g.inputs[0].extra = w::field(2, w::field(1, w::field(2, "\x0a\x07x")));
       return in(m.g.inputs[0].write(), m.g.inputs[0].write().size() - 3);
     }},

    // ---- model
    {"no graph", status::missing_graph, "model",
     [](model& m) {
       m.has_graph = false;
       return start;
     }},
    {"no IR version", status::bad_ir_version, "model",
     [](model& m) {
       m.ir_version = 0;
       return start;
     }},
    {"IR version 2", status::bad_ir_version, "model",
     [](model& m) {
       m.ir_version = 2;
       return start;
     }},
    {"a negative IR version", status::bad_ir_version, "model",
     [](model& m) {
       m.ir_version = -1;
       return start;
     }},
    {"no opset", status::bad_opset, "opset_import",
     [](model& m) {
       m.opsets.clear();
       return start;
     }},
    {"no opset of the default domain", status::bad_opset, "opset_import",
     [](model& m) {
       m.opsets = {{"ai.onnx.ml", 3}};
       return start;
     }},
    {"opset 6", status::bad_opset, "opset_import",
     [](model& m) {
       m.opsets[0].version = 6;
       return before_end(2);
     }},
    {"opset 27", status::bad_opset, "opset_import",
     [](model& m) {
       m.opsets[0].version = 27;
       return before_end(2);
     }},
    {"a negative opset", status::bad_opset, "opset_import",
     [](model& m) {
       m.opsets[0].version = -17;
       return before_end(11);
     }},
    {"two opsets of the default domain", status::bad_opset, "opset_import",
     [](model& m) {
       m.opsets.push_back({"ai.onnx", 18});
       return before_end(m.opsets[1].write().size());
     }},
    {"ai.onnx.ml 0", status::bad_opset, "opset_import",
     [](model& m) {
       m.opsets.push_back({"ai.onnx.ml", 0});
       return before_end(m.opsets[1].write().size());
     }},
    {"ai.onnx.ml 6", status::bad_opset, "opset_import",
     [](model& m) {
       m.opsets.push_back({"ai.onnx.ml", 6});
       return before_end(m.opsets[1].write().size());
     }},
    {"two opsets of ai.onnx.ml", status::bad_opset, "opset_import",
     [](model& m) {
       m.opsets.push_back({"ai.onnx.ml", 3});
       m.opsets.push_back({"ai.onnx.ml", 4});
       return before_end(m.opsets[2].write().size());
     }},
    {"training info", status::unsupported_feature, "training_info",
     [](model& m) { return append(m, w::field(20, "")); }},
    {"a function", status::unsupported_feature, "functions",
     [](model& m) { return append(m, w::field(25, w::field(1, "f"))); }},
    {"a sparse initializer", status::unsupported_feature, "sparse_initializer",
     [](model& m) { return append_to_graph(m, w::field(15, "")); }},
    {"a tensor segment", status::unsupported_feature, "w0",
     [](model& m) { return append_to_tensor(m, "w0", w::field(3, "")); }},
    {"a subgraph", status::unsupported_feature, "then_branch",
     [](model& m) { return append_to_node(m, "a0", {"then_branch", w::field(6, ""), 0}, 2); }},
    {"a list of subgraphs", status::unsupported_feature, "branches",
     [](model& m) { return append_to_node(m, "a0", {"branches", w::field(11, ""), 0}, 2); }},
    {"a list of strings", status::unsupported_feature, "keys",
     [](model& m) { return append_to_node(m, "a0", {"keys", w::field(9, "k"), 0}, 3); }},
    {"a list of tensors", status::unsupported_feature, "values",
     [](model& m) { return append_to_node(m, "a0", {"values", w::field(10, ""), 0}, 2); }},
    {"a sparse tensor attribute", status::unsupported_feature, "sparse_value",
     [](model& m) { return append_to_node(m, "a0", {"sparse_value", w::field(22, ""), 0}, 3); }},
    {"an attribute of the enclosing function", status::unsupported_feature, "alpha",
     [](model& m) { return append_to_node(m, "h0", {"alpha", w::field(21, "a"), 0}, 4); }},
    {"an operator overload", status::unsupported_feature, "a0",
     [](model& m) {
       m.g.producer("a0").extra = w::field(8, "overload");
       return in(m.g.producer("a0").write(), m.g.producer("a0").write().size() - 10);
     }},
    {"a foreign domain", status::unsupported_domain, "com.microsoft",
     [](model& m) {
       m.opsets.push_back({"com.microsoft", 1});
       m.g.producer("a0").domain = "com.microsoft";
       return at_node(m, "a0");
     }},
    {"ai.onnx.ml without its import", status::unsupported_domain, "ai.onnx.ml",
     [](model& m) {
       m.g.producer("a0").domain = "ai.onnx.ml";
       return at_node(m, "a0");
     }},
    {"an operator outside the subset", status::unsupported_operator, "Conv",
     [](model& m) {
       m.g.producer("a0").op_type = "Conv";
       return at_node(m, "a0");
     }},
    {"an operator that differs in case", status::unsupported_operator, "relu",
     [](model& m) {
       m.g.producer("a0").op_type = "relu";
       return at_node(m, "a0");
     }},
    {"an operator of the default domain in ai.onnx.ml", status::unsupported_operator, "Relu",
     [](model& m) {
       m.opsets.push_back({"ai.onnx.ml", 3});
       m.g.producer("a0").domain = "ai.onnx.ml";
       return at_node(m, "a0");
     }},
    {"Scaler in the default domain", status::unsupported_operator, "Scaler",
     [](model& m) {
       m.g.producer("a0").op_type = "Scaler";
       return at_node(m, "a0");
     }},
    {"a node without an operator", status::missing_op_type, "a0",
     [](model& m) {
       m.g.producer("a0").op_type = {};
       return at_node(m, "a0");
     }},
    {"the node's own name, where it has one", status::unsupported_attribute, "alpha",
     [](model& m) { return append_to_node(m, "a0", w::float_attribute("alpha", 1)); }},
    {"value_float in opset 11", status::operator_needs_newer_opset, "value_float",
     [](model& m) {
       m.opsets[0].version = 11;
       m.g.nodes.push_back({"Constant", {}, {"c"}});
       return append_to_node(m, "c", w::float_attribute("value_float", 1));
     }},
    {"Gemm without C in opset 10", status::operator_needs_newer_opset, "h0",
     [](model& m) {
       m.opsets[0].version = 10;
       m.g.producer("h0").inputs.pop_back();
       return at_node(m, "h0");
     }},

    // ---- arity and attributes
    {"Relu of two operands", status::wrong_arity, "a0",
     [](model& m) {
       m.g.producer("a0").inputs.push_back("b0");
       return at_node(m, "a0");
     }},
    {"a node's name is told before its output's", status::wrong_arity, "/relu",
     [](model& m) {
       m.g.producer("a0").name = "/relu";
       m.g.producer("a0").inputs.push_back("b0");
       return at_node(m, "a0");
     }},
    {"Sub of one operand", status::wrong_arity, "centred",
     [](model& m) {
       m.g.producer("centred").inputs.pop_back();
       return at_node(m, "centred");
     }},
    {"Sub whose second operand is omitted", status::wrong_arity, "centred",
     [](model& m) {
       m.g.producer("centred").inputs[1] = {};
       return at_node(m, "centred");
     }},
    {"Gemm of one operand", status::wrong_arity, "h0",
     [](model& m) {
       m.g.producer("h0").inputs = {"scaled"};
       return at_node(m, "h0");
     }},
    {"Gemm of four operands", status::wrong_arity, "h0",
     [](model& m) {
       m.g.producer("h0").inputs.push_back("b0");
       return at_node(m, "h0");
     }},
    {"a node of six operands", status::wrong_arity, "a0",
     [](model& m) {
       w::node& n = m.g.producer("a0");
       n.inputs = {"h0", "b0", "b0", "b0", "b0", "b0"};
       return at_node(m, "a0");
     }},
    {"a node of four results", status::wrong_arity, "a0",
     [](model& m) {
       m.g.producer("a0").outputs = {"a0", "1", "2", "3"};
       return at_node(m, "a0");
     }},
    {"a node without results", status::wrong_arity, "Identity",
     [](model& m) {
       m.g.nodes.push_back({"Identity", {"h0"}, {}});
       return in(m.g.nodes.back().write());
     }},
    {"Relu with two results", status::wrong_arity, "a0",
     [](model& m) {
       m.g.producer("a0").outputs.push_back("mask");
       return at_node(m, "a0");
     }},
    {"Softmax over the rows that Squeeze leaves", status::bad_attribute, "axis",
     [](model& m) {
       m.g.producer("y") = {"Squeeze", {"h1"}, {"s"}};
       m.g.nodes.push_back({"Softmax", {"s"}, {"y"}});
       return at_node(m, "y");
     }},
    {"one value a row that Squeeze leaves, beside as many constants", status::shape_mismatch, "b0",
     [](model& m) {
       m.g.producer("y") = {"Squeeze", {"h1"}, {"s"}};
       m.g.nodes.push_back({"Mul", {"s", "b0"}, {"y"}});
       return at_initializer(m, "b0");
     }},
    {"a Constant with an operand", status::wrong_arity, "c",
     [](model& m) {
       m.g.nodes.push_back(w::constant("c", w::float_attribute("value_float", 1)));
       m.g.nodes.back().inputs = {"h0"};
       return in(m.g.nodes.back().write());
     }},
    {"a Constant with two results", status::wrong_arity, "c",
     [](model& m) {
       m.g.nodes.push_back(w::constant("c", w::float_attribute("value_float", 1)));
       m.g.nodes.back().outputs.push_back("d");
       return in(m.g.nodes.back().write());
     }},
    {"an attribute that Gemm does not have", status::unsupported_attribute, "gamma",
     [](model& m) { return append_to_node(m, "h0", w::float_attribute("gamma", 1)); }},
    {"a Constant of a string", status::unsupported_attribute, "value_string",
     [](model& m) {
       m.g.nodes.push_back({"Constant", {}, {"c"}});
       return append_to_node(m, "c", w::string_attribute("value_string", "x"));
     }},
    {"a Constant whose value_ints is a float", status::unsupported_attribute, "value_ints",
     [](model& m) {
       m.g.nodes.push_back({"Constant", {}, {"c"}});
       return append_to_node(m, "c", w::float_attribute("value_ints", 1));
     }},
    {"Squeeze's axes as an attribute in opset 13 and up", status::unsupported_attribute, "axes",
     [](model& m) {
       m.g.producer("y").inputs.pop_back();
       m.g.producer("y").attributes = {w::ints_attribute("axes", {1})};
       return at_node(m, "y");
     }},
    {"Squeeze's axes as both", status::unsupported_attribute, "axes",
     [](model& m) {
       m.g.producer("y").attributes = {w::ints_attribute("axes", {1})};
       return at_node(m, "y");
     }},
    {"transA", status::bad_attribute, "transA",
     [](model& m) {
       append_to_node(m, "h0", w::int_attribute("transA", 1));
       return at_node(m, "h0");
     }},
    {"transB of 2", status::bad_attribute, "transB",
     [](model& m) {
       m.g.producer("h0").attributes = {w::int_attribute("transB", 2)};
       return at_node(m, "h0");
     }},
    {"transB as a float", status::bad_attribute, "transB",
     [](model& m) {
       m.g.producer("h0").attributes.clear();
       return append_to_node(m, "h0", w::float_attribute("transB", 1));
     }},
    {"alpha as an integer", status::bad_attribute, "alpha",
     [](model& m) { return append_to_node(m, "h0", w::int_attribute("alpha", 1)); }},
    {"alpha is NaN", status::bad_attribute, "alpha",
     [](model& m) { return append_to_node(m, "h0", w::float_attribute("alpha", nan)); }},
    {"beta is infinite", status::bad_attribute, "beta",
     [](model& m) { return append_to_node(m, "h0", w::float_attribute("beta", inf)); }},
    {"an attribute twice", status::bad_attribute, "transB",
     [](model& m) {
       place p = append_to_node(m, "h0", w::int_attribute("transB", 0));
       p.delta -= 2 + w::int_attribute("transB", 1).write().size(); // the first of the two
       return p;
     }},
    {"an attribute of two kinds", status::bad_attribute, "beta",
     [](model& m) {
       return append_to_node(
           m, "h0", {"beta", w::float_field(2, 1).put(w::varint_field(3, 1)), 0}, 2);
     }},
    {"an attribute whose type is declared wrong", status::bad_attribute, "beta",
     [](model& m) { return append_to_node(m, "h0", {"beta", w::float_field(2, 1), 2}); }},
    {"an attribute without a value", status::bad_attribute, "beta",
     [](model& m) { return append_to_node(m, "h0", {"beta", "", 0}); }},
    {"an attribute that declares a graph but holds none", status::bad_attribute, "body",
     [](model& m) { return append_to_node(m, "h0", {"body", "", 5}); }},
    {"an attribute of two tensors", status::duplicate_field, "value",
     [](model& m) {
       m.g.nodes.push_back({"Constant", {}, {"c"}});
       const bytes value = w::field(5, w::floats("", {1}, {1}).write());
       return append_to_node(m, "c", {"value", bytes(value).put(value), 4},
                             value.size() + w::varint_field(20, 4).size());
     }},
    {"a Constant of two values", status::bad_attribute, "value_int",
     [](model& m) {
       m.g.nodes.push_back(w::constant("c", w::float_attribute("value_float", 1)));
       return append_to_node(m, "c", w::int_attribute("value_int", 1));
     }},

    // ---- limits of the parser
    {"a value too many, a node", status::too_many_nodes, "i850",
     [](model& m) {
       bytes value = "y"; // 14 others before it
       for (std::size_t i = 0; i <= tinymlp::onnx::max_values - 14; ++i) {
         const bytes next = w::numbered("i", i);
         m.g.nodes.push_back({"Identity", {value}, {next}});
         value = next;
       }
       m.g.outputs[0].name = value;
       return at_node(m, "i850");
     }},
    {"a value too many, a constant", status::too_many_tensors, "c857",
     [](model& m) {
       for (std::size_t i = 0; i <= tinymlp::onnx::max_values - 7; ++i)
         m.g.initializers.push_back(w::floats(w::numbered("c", i), {1}, {1}));
       return at_initializer(m, "c857");
     }},
    {"65 layers", status::too_many_layers, "h64",
     [](model& m) {
       m = w::fp32_model(std::vector<std::int64_t>(66, 1));
       return at_node(m, "h64");
     }},
    {"an operation too many", status::too_many_steps, "centred",
     [](model& m) {
       bytes value = "y"; // five before it, the one at the start of which is too many
       for (std::size_t i = 0; i + 5 < tinymlp::onnx::max_steps; ++i) {
         const bytes next = w::numbered("t", i);
         m.g.nodes.push_back({"Tanh", {value}, {next}});
         value = next;
       }
       m.g.outputs[0].name = value;
       return at_node(m, "centred");
     }},
    {"17 inputs", status::extra_input, "in16",
     [](model& m) {
       for (std::size_t i = 1; i < 17; ++i)
         m.g.inputs.push_back({w::numbered("in", i), {"N", 1}});
       return in(m.g.inputs[16].write());
     }},

    // ---- operators, where they do not do what is accepted
    {"a value added to itself", status::branch, "h0",
     [](model& m) {
       reconnect(m, "h0", "z");
       insert(m, 3, {"Add", {"h0", "h0"}, {"z"}});
       return at_node(m, "z");
     }},
    {"a residual connection", status::branch, "z",
     [](model& m) {
       reconnect(m, "a0", "z");
       insert(m, 4, {"Add", {"h0", "a0"}, {"z"}});
       return at_node(m, "z");
     }},
    {"a row times another value of the row", status::branch, "z",
     [](model& m) {
       reconnect(m, "a0", "z");
       insert(m, 4, {"Mul", {"h0", "a0"}, {"z"}});
       return at_node(m, "z");
     }},
    {"two values joined", status::branch, "z",
     [](model& m) {
       reconnect(m, "a0", "z");
       insert(m, 4, {"Concat", {"h0", "a0"}, {"z"}, {w::int_attribute("axis", 1)}});
       return at_node(m, "z");
     }},
    {"computing in float16", status::wrong_element_type, "z",
     [](model& m) {
       reconnect(m, "h0", "z");
       insert(m, 3, {"Cast", {"h0"}, {"z"}, {w::int_attribute("to", 10)}});
       return at_node(m, "z");
     }},
    {"computing in float64", status::wrong_element_type, "z",
     [](model& m) {
       reconnect(m, "h0", "z");
       insert(m, 3, {"Cast", {"h0"}, {"z"}, {w::int_attribute("to", 11)}});
       return at_node(m, "z");
     }},
    {"Cast of the row to int64", status::bad_attribute, "to",
     [](model& m) {
       reconnect(m, "h0", "z");
       insert(m, 3, {"Cast", {"h0"}, {"z"}, {w::int_attribute("to", 7)}});
       return at_node(m, "z");
     }},
    {"Cast whose saturate is no flag", status::bad_attribute, "saturate",
     [](model& m) {
       m.opsets[0].version = 19;
       reconnect(m, "h0", "z");
       insert(m, 3,
              {"Cast", {"h0"}, {"z"}, {w::int_attribute("to", 1), w::int_attribute("saturate", 2)}});
       return at_node(m, "z");
     }},
    {"Cast whose saturate is a float", status::bad_attribute, "saturate",
     [](model& m) {
       m.opsets[0].version = 19;
       reconnect(m, "h0", "z");
       insert(m, 3, {"Cast", {"h0"}, {"z"}, {w::int_attribute("to", 1)}});
       return append_to_node(m, "z", w::float_attribute("saturate", 1));
     }},
    {"Cast of a constant whose saturate is no flag", status::bad_attribute, "saturate",
     [](model& m) {
       m.opsets[0].version = 19;
       m.g.initializers.push_back(w::integers("d", {1}, w::float64, {0x3ff0000000000000}));
       insert(m, 0,
              {"Cast", {"d"}, {"c"}, {w::int_attribute("to", 1), w::int_attribute("saturate", -1)}});
       reconnect(m, "h0", "z");
       insert(m, 4, {"Mul", {"h0", "c"}, {"z"}});
       return at_node(m, "c");
     }},
    {"Softmax over the rows", status::bad_attribute, "axis",
     [](model& m) {
       reconnect(m, "h0", "z");
       insert(m, 3, {"Softmax", {"h0"}, {"z"}, {w::int_attribute("axis", 0)}});
       return at_node(m, "z");
     }},
    {"LogSoftmax's chain over the rows", status::shape_mismatch, "z",
     [](model& m) {
       reconnect(m, "h0", "z");
       insert(m, 3, {"ReduceLogSumExp", {"h0"}, {"sum"}, {w::ints_attribute("axes", {0})}});
       insert(m, 4, {"Sub", {"h0", "sum"}, {"z"}});
       return at_node(m, "z");
     }},
    {"LogSoftmax's chain over all rows", status::shape_mismatch, "z",
     [](model& m) {
       reconnect(m, "h0", "z");
       insert(m, 3, {"ReduceLogSumExp", {"h0"}, {"sum"}});
       insert(m, 4, {"Sub", {"h0", "sum"}, {"z"}});
       return at_node(m, "z");
     }},
    {"LogSoftmax's chain without the axis", status::branch, "z",
     [](model& m) {
       reconnect(m, "h0", "z");
       insert(m, 3,
              {"ReduceLogSumExp",
               {"h0"},
               {"sum"},
               {w::ints_attribute("axes", {1}), w::int_attribute("keepdims", 0)}});
       insert(m, 4, {"Sub", {"h0", "sum"}, {"z"}});
       return at_node(m, "z");
     }},
    {"a sum that does nothing without axes", status::branch, "z",
     [](model& m) {
       m.opsets[0].version = 18;
       m.g.inputs[0].dims[0] = 1;
       reconnect(m, "h0", "z");
       insert(m, 3,
              {"ReduceLogSumExp",
               {"h0"},
               {"sum"},
               {w::int_attribute("noop_with_empty_axes", 1)}});
       insert(m, 4, {"Sub", {"h0", "sum"}, {"z"}});
       return at_node(m, "z");
     }},
    {"a sum whose axes are no list", status::branch, "z",
     [](model& m) {
       m.g.inputs[0].dims[0] = 1;
       reconnect(m, "h0", "z");
       insert(m, 3, {"ReduceLogSumExp", {"h0"}, {"sum"}, {w::float_attribute("axes", 1)}});
       insert(m, 4, {"Sub", {"h0", "sum"}, {"z"}});
       return at_node(m, "z");
     }},
    {"Exp of the row", status::unexpected_operator, "z",
     [](model& m) {
       reconnect(m, "h0", "z");
       insert(m, 3, {"Exp", {"h0"}, {"z"}});
       return at_node(m, "z");
     }},
    {"SiLU's quotient of another value", status::branch, "z",
     [](model& m) {
       m.g.initializers.push_back(w::floats("one", {}, {1}));
       reconnect(m, "h0", "z");
       insert(m, 3, {"Neg", {"h0"}, {"n"}});
       insert(m, 4, {"Exp", {"n"}, {"e"}});
       insert(m, 5, {"Add", {"e", "one"}, {"s"}});
       insert(m, 6, {"Div", {"n", "s"}, {"z"}});
       return at_node(m, "z");
     }},
    {"Softmax at an axis that is not there", status::bad_attribute, "axis",
     [](model& m) {
       reconnect(m, "h0", "z");
       insert(m, 3, {"Softmax", {"h0"}, {"z"}, {w::int_attribute("axis", 2)}});
       return at_node(m, "z");
     }},
    {"HardSwish in opset 13", status::operator_needs_newer_opset, "z",
     [](model& m) {
       m.opsets[0].version = 13;
       reconnect(m, "h0", "z");
       insert(m, 3, {"HardSwish", {"h0"}, {"z"}});
       return at_node(m, "z");
     }},
    {"Gelu in opset 19", status::operator_needs_newer_opset, "z",
     [](model& m) {
       m.opsets[0].version = 19;
       reconnect(m, "h0", "z");
       insert(m, 3, {"Gelu", {"h0"}, {"z"}});
       return at_node(m, "z");
     }},
    {"a third kind of Gelu", status::bad_attribute, "approximate",
     [](model& m) {
       m.opsets[0].version = 20;
       reconnect(m, "h0", "z");
       insert(m, 3, {"Gelu", {"h0"}, {"z"}, {w::string_attribute("approximate", "sigmoid")}});
       return at_node(m, "z");
     }},
    {"Celu with alpha 0", status::bad_attribute, "alpha",
     [](model& m) {
       reconnect(m, "h0", "z");
       insert(m, 3, {"Celu", {"h0"}, {"z"}, {w::float_attribute("alpha", 0)}});
       return at_node(m, "z");
     }},
    {"Clip between bounds of each feature", status::not_constant, "z",
     [](model& m) {
       reconnect(m, "h0", "z");
       insert(m, 3, {"Clip", {"h0", "b0"}, {"z"}});
       return at_node(m, "z");
     }},
    {"Clip between computed bounds", status::not_constant, "z",
     [](model& m) {
       reconnect(m, "h0", "z");
       insert(m, 3, {"Clip", {"h0", "scaled"}, {"z"}});
       return at_node(m, "z");
     }},
    {"Clip's bounds as attributes in opset 11 and up", status::unsupported_attribute, "min",
     [](model& m) {
       reconnect(m, "h0", "z");
       insert(m, 3, {"Clip", {"h0"}, {"z"}});
       return append_to_node(m, "z", w::float_attribute("min", 0));
     }},
    {"slopes of another number of features", status::shape_mismatch, "mean",
     [](model& m) {
       reconnect(m, "h0", "z");
       insert(m, 3, {"PRelu", {"h0", "mean"}, {"z"}});
       return at_initializer(m, "mean");
     }},
    {"an affine constant that broadcasts the row", status::shape_mismatch, "mean",
     [](model& m) {
       reconnect(m, "h0", "z");
       insert(m, 3, {"Mul", {"h0", "mean"}, {"z"}});
       return at_initializer(m, "mean");
     }},
    {"a transposed weight in another shape", status::not_constant, "t2",
     [](model& m) {
       m.g.initializers.push_back(w::floats("t", {3, 2}, {1, 2, 3, 4, 5, 6}));
       m.g.initializers.push_back(w::integers("t_shape", {2}, w::int64, {3, 2}));
       m.g.producer("h0").inputs[1] = "t2";
       insert(m, 0, {"Transpose", {"t"}, {"t1"}});
       insert(m, 1, {"Reshape", {"t1", "t_shape"}, {"t2"}});
       return at_node(m, "t2");
     }},
    {"a weight of which three dimensions move", status::not_constant, "t1",
     [](model& m) {
       m.g.initializers.push_back(w::floats("t", {2, 3, 2}, std::vector<float>(12, 1)));
       m.g.producer("h0").inputs[1] = "t1";
       insert(m, 0, {"Transpose", {"t"}, {"t1"}, {w::ints_attribute("perm", {2, 1, 0})}});
       return at_node(m, "t1");
     }},
    {"a weight's axis that moves twice", status::bad_attribute, "perm",
     [](model& m) {
       m.g.initializers.push_back(w::floats("t", {2, 3, 1}, {1, 2, 3, 4, 5, 6}));
       m.g.producer("h0").inputs[1] = "t1";
       insert(m, 0, {"Transpose", {"t"}, {"t1"}, {w::ints_attribute("perm", {2, 1, 1})}});
       return at_node(m, "t1");
     }},
    {"Sum of three", status::wrong_arity, "z",
     [](model& m) {
       reconnect(m, "h0", "z");
       insert(m, 3, {"Sum", {"h0", "b0", "b0"}, {"z"}});
       return at_node(m, "z");
     }},
    {"Sum in opset 7", status::operator_needs_newer_opset, "z",
     [](model& m) {
       m.opsets[0].version = 7;
       reconnect(m, "h0", "z");
       insert(m, 3, {"Sum", {"h0", "b0"}, {"z"}});
       return at_node(m, "z");
     }},
    {"Sum of a value and itself", status::branch, "h0",
     [](model& m) {
       reconnect(m, "h0", "z");
       insert(m, 3, {"Sum", {"h0", "h0"}, {"z"}});
       return at_node(m, "z");
     }},
    {"bounds that differ", status::not_constant, "z",
     [](model& m) {
       m.g.initializers.push_back(w::floats("low", {2}, {0, 1}));
       reconnect(m, "h0", "z");
       insert(m, 3, {"Max", {"h0", "low"}, {"z"}});
       return at_node(m, "z");
     }},
    {"bounds that are not numbers", status::not_constant, "z",
     [](model& m) {
       m.g.initializers.push_back(w::floats("low", {2}, {nan, nan}));
       reconnect(m, "h0", "z");
       insert(m, 3, {"Min", {"h0", "low"}, {"z"}});
       return at_node(m, "z");
     }},
    {"bounds that widen the row", status::shape_mismatch, "low",
     [](model& m) {
       m.g.initializers.push_back(w::floats("low", {2, 1}, {0, 0}));
       reconnect(m, "h0", "z");
       insert(m, 3, {"Max", {"h0", "low"}, {"z"}});
       return at_initializer(m, "low");
     }},
    {"LinearRegressor with a logistic function", status::bad_attribute, "post_transform",
     [](model& m) {
       m.opsets.push_back({"ai.onnx.ml", 1});
       m.g.producer("h0") = {"LinearRegressor",
                             {"centred"},
                             {"h0"},
                             {w::floats_attribute("coefficients", std::vector<float>(6, 1)),
                              w::int_attribute("targets", 2),
                              w::string_attribute("post_transform", "LOGISTIC")},
                             "",
                             "ai.onnx.ml"};
       return in(w::string_attribute("post_transform", "LOGISTIC").write());
     }},
    {"LinearRegressor whose coefficients are no matrix", status::bad_attribute, "targets",
     [](model& m) {
       m.opsets.push_back({"ai.onnx.ml", 1});
       m.g.producer("h0") = {"LinearRegressor",
                             {"centred"},
                             {"h0"},
                             {w::floats_attribute("coefficients", std::vector<float>(6, 1)),
                              w::int_attribute("targets", 4)},
                             "",
                             "ai.onnx.ml"};
       return at_node(m, "h0");
     }},
    {"LinearRegressor without targets", status::bad_attribute, "targets",
     [](model& m) {
       m.opsets.push_back({"ai.onnx.ml", 1});
       m.g.producer("h0") = {"LinearRegressor",
                             {"centred"},
                             {"h0"},
                             {w::floats_attribute("coefficients", std::vector<float>(6, 1)),
                              w::int_attribute("targets", 0)},
                             "",
                             "ai.onnx.ml"};
       return at_node(m, "h0");
     }},
    {"LinearRegressor with an intercept too few", status::shape_mismatch, "intercepts",
     [](model& m) {
       m.opsets.push_back({"ai.onnx.ml", 1});
       m.g.producer("h0") = {"LinearRegressor",
                             {"centred"},
                             {"h0"},
                             {w::floats_attribute("coefficients", std::vector<float>(6, 1)),
                              w::int_attribute("targets", 2),
                              w::floats_attribute("intercepts", {1})},
                             "",
                             "ai.onnx.ml"};
       return in(w::floats_attribute("intercepts", {1}).write());
     }},
    {"LinearRegressor without coefficients", status::missing_data, "coefficients",
     [](model& m) {
       m.opsets.push_back({"ai.onnx.ml", 1});
       m.g.producer("h0") = {"LinearRegressor", {"centred"}, {"h0"}, {}, "", "ai.onnx.ml"};
       return at_node(m, "h0");
     }},
    {"Transpose of a matrix", status::shape_mismatch, "z",
     [](model& m) {
       m.g.inputs[0].dims = {"N", 3, 2};
       m.g.producer("centred").inputs[0] = "z";
       insert(m, 0, {"Transpose", {"features"}, {"z"}, {w::ints_attribute("perm", {0, 2, 1})}});
       return at_node(m, "z");
     }},
    {"Expand that repeats the row", status::shape_mismatch, "z",
     [](model& m) {
       m.g.initializers.push_back(w::integers("shape", {2}, w::int64, {5, 2}));
       reconnect(m, "h0", "z");
       insert(m, 3, {"Expand", {"h0", "shape"}, {"z"}});
       return at_node(m, "z");
     }},
    {"Split whose parts are not the whole", status::shape_mismatch, "z",
     [](model& m) {
       m.g.initializers.push_back(w::integers("parts", {2}, w::int64, {1, 2}));
       m.g.nodes.push_back({"Split", {"h0", "parts"}, {"z", "rest"}, {w::int_attribute("axis", 1)}});
       m.g.outputs[0] = {"z", {}};
       m.g.outputs[0].has_shape = false;
       return at_node(m, "z");
     }},
    {"Slice of every second value", status::bad_attribute, "steps",
     [](model& m) {
       for (const auto& [name, value] : {std::pair{"from", 0}, {"to", 2}, {"axis", 1}, {"step", 2}})
         m.g.initializers.push_back(w::integers(name, {1}, w::int64, {value}));
       m.g.nodes.push_back({"Slice", {"h0", "from", "to", "axis", "step"}, {"z"}});
       m.g.outputs[0] = {"z", {}};
       m.g.outputs[0].has_shape = false;
       return at_node(m, "z");
     }},
    {"a part of the rows", status::shape_mismatch, "z",
     [](model& m) {
       for (const auto& [name, value] : {std::pair{"from", 0}, {"to", 1}, {"axis", 0}})
         m.g.initializers.push_back(w::integers(name, {1}, w::int64, {value}));
       m.g.nodes.push_back({"Slice", {"h0", "from", "to", "axis"}, {"z"}});
       m.g.outputs[0] = {"z", {}};
       m.g.outputs[0].has_shape = false;
       return at_node(m, "z");
     }},
    {"Gather of values in another order", status::bad_dimension, "order",
     [](model& m) {
       m.g.initializers.push_back(w::integers("order", {2}, w::int64, {1, 0}));
       m.g.nodes.push_back({"Gather", {"h0", "order"}, {"z"}, {w::int_attribute("axis", 1)}});
       m.g.outputs[0] = {"z", {}};
       m.g.outputs[0].has_shape = false;
       return in(w::field(9, m.g.initializer("order").raw_data()), 10);
     }},
    {"LayerNormalization over the rows", status::bad_attribute, "axis",
     [](model& m) {
       reconnect(m, "h0", "z");
       insert(m, 3, {"LayerNormalization", {"h0", "b0"}, {"z"}, {w::int_attribute("axis", 2)}});
       return at_node(m, "z");
     }},
    {"LayerNormalization in another type", status::bad_attribute, "stash_type",
     [](model& m) {
       reconnect(m, "h0", "z");
       insert(m, 3, {"LayerNormalization", {"h0", "b0"}, {"z"}, {w::int_attribute("stash_type", 10)}});
       return at_node(m, "z");
     }},
    {"BatchNormalization in training", status::bad_attribute, "training_mode",
     [](model& m) {
       m.g.initializers.push_back(w::floats("one", {2}, {1, 1}));
       reconnect(m, "h0", "z");
       insert(m, 3, {"BatchNormalization", {"h0", "b0", "b0", "b0", "one"}, {"z"}, {w::int_attribute("training_mode", 1)}});
       return at_node(m, "z");
     }},
    {"a variance below zero", status::zero_std, "one",
     [](model& m) {
       m.g.initializers.push_back(w::floats("one", {2}, {1, -1}));
       reconnect(m, "h0", "z");
       insert(m, 3, {"BatchNormalization", {"h0", "b0", "b0", "b0", "one"}, {"z"}});
       return at_element(m, "one", 1);
     }},
    {"Dropout in training", status::unsupported_feature, "training_mode",
     [](model& m) {
       reconnect(m, "h0", "z");
       insert(m, 3, {"Dropout", {"h0", "", "axes"}, {"z"}});
       return at_node(m, "z");
     }},
    {"the logarithm of a layer", status::unexpected_operator, "z",
     [](model& m) {
       reconnect(m, "h0", "z");
       insert(m, 3, {"Log", {"h0"}, {"z"}});
       return at_node(m, "z");
     }},
    {"a number divided by a layer", status::unexpected_operator, "z",
     [](model& m) {
       reconnect(m, "h0", "z");
       insert(m, 3, {"Reciprocal", {"h0"}, {"z"}});
       return at_node(m, "z");
     }},
    {"an input of rank 5", status::shape_mismatch, "features",
     [](model& m) {
       m.g.inputs[0].dims = {"N", 1, 1, 1, 3};
       return in(m.g.inputs[0].write());
     }},
    {"two inputs joined in another order", status::unexpected_operator, "features",
     [](model& m) {
       m.g.inputs[0].dims[1] = 2;
       m.g.inputs.push_back({"sensor", {"N", 1}});
       m.g.producer("centred").inputs[0] = "z";
       insert(m, 0, {"Concat", {"sensor", "features"}, {"z"}, {w::int_attribute("axis", 1)}});
       return in(m.g.inputs[0].write());
     }},
    {"an input joined with itself", status::branch, "features",
     [](model& m) {
       m.g.producer("centred").inputs[0] = "z";
       insert(m, 0, {"Concat", {"features", "features"}, {"z"}, {w::int_attribute("axis", 1)}});
       return in(m.g.inputs[0].write());
     }},
    {"float64 constants that float32 does not hold", status::inexact_cast, "d",
     [](model& m) {
       m.g.initializers.push_back(w::integers("d", {1}, w::float64, {0x3fb999999999999a}));
       insert(m, 0, {"Cast", {"d"}, {"c"}, {w::int_attribute("to", 1)}});
       reconnect(m, "h0", "z");
       insert(m, 4, {"Mul", {"h0", "c"}, {"z"}});
       return in(w::field(9, m.g.initializer("d").raw_data()), 2);
     }},
    {"an int64 constant that float32 does not hold", status::inexact_cast, "d",
     [](model& m) {
       m.g.initializers.push_back(w::integers("d", {1}, w::int64, {(1 << 24) + 1}));
       insert(m, 0, {"Cast", {"d"}, {"c"}, {w::int_attribute("to", 1)}});
       reconnect(m, "h0", "z");
       insert(m, 4, {"Mul", {"h0", "c"}, {"z"}});
       return in(w::field(9, m.g.initializer("d").raw_data()), 2);
     }},
    {"an int64 constant that float32 holds, and int32 does not", status::inexact_cast, "d",
     [](model& m) {
       m.g.initializers.push_back(
           w::integers("d", {1}, w::int64, {(std::int64_t{1} << 32) + (std::int64_t{1} << 20)}));
       insert(m, 0, {"Cast", {"d"}, {"i"}, {w::int_attribute("to", 6)}});
       insert(m, 1, {"Cast", {"i"}, {"c"}, {w::int_attribute("to", 1)}});
       reconnect(m, "h0", "z");
       insert(m, 5, {"Mul", {"h0", "c"}, {"z"}});
       return in(w::field(9, m.g.initializer("d").raw_data()), 2);
     }},
    {"the largest int64 as float32", status::inexact_cast, "d",
     [](model& m) {
       m.g.initializers.push_back(
           w::integers("d", {1}, w::int64, {std::numeric_limits<std::int64_t>::max()}));
       insert(m, 0, {"Cast", {"d"}, {"c"}, {w::int_attribute("to", 1)}});
       reconnect(m, "h0", "z");
       insert(m, 4, {"Mul", {"h0", "c"}, {"z"}});
       return in(w::field(9, m.g.initializer("d").raw_data()), 2);
     }},

    // ---- inputs and outputs of the graph
    {"no input", status::missing_input, "graph",
     [](model& m) {
       m.g.inputs.clear();
       return in(m.g.write());
     }},
    {"an empty graph", status::missing_input, "graph",
     [](model& m) {
       m.g = {};
       m.g.name = {};
       return before_end(m.opsets[0].write().size() + 2);
     }},
    {"no output", status::missing_output, "graph",
     [](model& m) {
       m.g.outputs.clear();
       return in(m.g.write());
     }},
    // ---- names and edges
    {"an initializer without a name", status::missing_name, "initializer",
     [](model& m) {
       m.g.initializer("w0").name = {};
       return at_initializer(m, "");
     }},
    {"an input without a name", status::missing_name, "graph input",
     [](model& m) {
       m.g.inputs[0].name = {};
       return in(m.g.inputs[0].write());
     }},
    {"an attribute without a type", status::bad_attribute, "alpha",
     [](model& m) {
       w::attribute a = w::float_attribute("alpha", 1);
       a.type = 0;
       return append_to_node(m, "h0", a);
     }},
    {"a value_info that contradicts an initializer's shape", status::shape_mismatch, "b0",
     [](model& m) {
       m.g.value_infos = {{"b0", {17, 3}}};
       return in(m.g.value_infos[0].write());
     }},
    {"cut metadata of the model", status::truncated, "metadata_props",
     [](model& m) {
       m.extra = w::field(14, "\x0a\x05zz");
       return in(m.extra, bytes("\x0a\x05zz"));
     }},
    {"an attribute without a name", status::missing_name, "attribute",
     [](model& m) { return append_to_node(m, "h0", w::float_attribute("", 1)); }},
    {"an output without a name", status::missing_name, "graph output",
     [](model& m) {
       m.g.outputs[0].name = {};
       m.g.outputs[0].extra = w::field(3, "a doc string");
       return in(m.g.outputs[0].write());
     }},
    {"short data of an initializer without a name", status::short_data, "initializer",
     [](model& m) {
       m.g.initializers.push_back(w::floats("", {2}, {77}));
       return at_element(m, "", 0);
     }},
    {"short data of the value of a Constant", status::short_data, "c",
     [](model& m) {
       const w::tensor t = w::floats("", {2}, {77});
       m.g.nodes.push_back(w::constant("c", w::tensor_attribute("value", t)));
       return in(at_node(m, "c").around, t.raw_data());
     }},
    {"a node of which nothing is known", status::truncated, "node",
     [](model& m) { return in(append_to_graph(m, w::field(1, "\x0a\x05zz")).around, bytes("\x0a\x05zz")); }},
    {"two initializers of one name", status::duplicate_name, "b1",
     [](model& m) {
       m.g.initializer("b0").name = "b1";
       w::tensor& second = m.g.initializers[5];
       REQUIRE(second.name.view() == "b1");
       return in(second.write());
     }},
    {"a result named like an initializer", status::duplicate_name, "b1",
     [](model& m) {
       m.g.producer("a0").outputs[0] = "b1";
       return at_node(m, "b1");
     }},
    {"a result named like the input", status::duplicate_name, "features",
     [](model& m) {
       m.g.producer("a0").outputs[0] = "features";
       return at_node(m, "features");
     }},
    {"two results of one name", status::duplicate_name, "h0",
     [](model& m) {
       m.g.producer("h1").outputs[0] = "h0";
       return in(m.g.nodes[4].write());
     }},
    {"a Constant named like an initializer", status::duplicate_name, "b1",
     [](model& m) {
       m.g.nodes.push_back(w::constant("b1", w::float_attribute("value_float", 1)));
       return at_node(m, "b1");
     }},
    {"an initializer listed twice among the inputs", status::duplicate_name, "b1",
     [](model& m) {
       m.g.inputs.push_back({"b1", {1}});
       m.g.inputs.push_back({"b1", {"one"}});
       return in(m.g.inputs[2].write());
     }},
    {"a Constant named like the input", status::duplicate_name, "features",
     [](model& m) {
       insert(m, 0, w::constant("features", w::float_attribute("value_float", 1)));
       return at_node(m, "features");
     }},
    {"a name that nothing defines", status::dangling_name, "nowhere",
     [](model& m) {
       m.g.producer("a0").inputs[0] = "nowhere";
       return at_node(m, "a0");
     }},
    {"a weight that nothing defines", status::dangling_name, "w0",
     [](model& m) {
       m.g.remove_initializer("w0");
       return at_node(m, "h0");
     }},
    {"an output that nothing defines", status::dangling_name, "nowhere",
     [](model& m) {
       m.g.outputs[0].name = "nowhere";
       return in(m.g.outputs[0].write());
     }},
    {"an output that is a constant", status::disconnected_output, "b1",
     [](model& m) {
       m.g.outputs[0].name = "b1";
       return in(m.g.outputs[0].write());
     }},
    {"nodes out of order", status::not_sorted, "centred",
     [](model& m) {
       std::swap(m.g.nodes[0], m.g.nodes[1]);
       return at_node(m, "scaled");
     }},
    {"a node that uses its own result", status::not_sorted, "a0",
     [](model& m) {
       m.g.producer("a0").inputs[0] = "a0";
       return at_node(m, "a0");
     }},
    {"two nodes in a cycle", status::not_sorted, "h1",
     [](model& m) {
       m.g.producer("a0").inputs[0] = "h1";
       return at_node(m, "a0");
     }},
    {"a Constant node after the node that uses it", status::not_sorted, "b1",
     [](model& m) {
       m.g.remove_initializer("b1");
       m.g.nodes.push_back(w::constant("b1", w::floats_attribute("value_floats", {1})));
       return at_node(m, "h1");
     }},
    {"a value used twice by one node", status::branch, "features",
     [](model& m) {
       m.g.producer("centred").inputs[1] = "features";
       return at_node(m, "centred");
     }},
    {"an output from amidst the chain", status::shape_mismatch, "h0",
     [](model& m) {
       m.g.outputs[0].name = "h0";
       return in(m.g.outputs[0].write());
     }},
    {"an input that nothing uses", status::disconnected_output, "y",
     [](model& m) {
       m.g.producer("centred").inputs[0] = "mean";
       return in(m.g.outputs[0].write());
     }},
    {"a layer behind the way out", status::shape_mismatch, "b1",
     [](model& m) {
       m.g.nodes.push_back({"Gemm", {"y", "b1", "b1"}, {"h2"}});
       m.g.outputs[0].name = "h2";
       return at_initializer(m, "b1");
     }},
    {"a weight that is computed", status::not_constant, "w",
     [](model& m) {
       m.g.producer("h0").inputs[1] = "w";
       insert(m, 2, {"Relu", {"w0"}, {"w"}});
       return at_node(m, "h0");
     }},
    {"the row as the weight", status::shape_mismatch, "b0",
     [](model& m) {
       std::swap(m.g.producer("h0").inputs[0], m.g.producer("h0").inputs[1]);
       return at_initializer(m, "b0");
     }},
    {"the bias is omitted by an empty name amidst", status::not_constant, "h0",
     [](model& m) {
       m.g.producer("h0").inputs = {"scaled", "", "b0"};
       return at_node(m, "h0");
     }},

    // ---- types and shapes
    {"a float64 input", status::wrong_element_type, "features",
     [](model& m) {
       m.g.inputs[0].type = w::float64;
       return in(m.g.inputs[0].write());
     }},
    {"an input without an element type", status::wrong_element_type, "features",
     [](model& m) {
       m.g.inputs[0].type = 0;
       return in(m.g.inputs[0].write());
     }},
    {"an input without a type", status::wrong_element_type, "features",
     [](model& m) {
       m.g.inputs[0].has_type = false;
       m.g.inputs[0].extra = w::field(3, "a doc string");
       return in(m.g.inputs[0].write());
     }},
    {"an input that is a sequence", status::wrong_element_type, "features",
     [](model& m) {
       m.g.inputs[0].extra = w::field(2, w::field(4, ""));
       return in(m.g.inputs[0].write());
     }},
    {"a float64 output", status::wrong_element_type, "y",
     [](model& m) {
       m.g.outputs[0].type = w::float64;
       return in(m.g.outputs[0].write());
     }},
    {"a float16 weight", status::wrong_element_type, "w0",
     [](model& m) {
       w::tensor& t = m.g.initializer("w0");
       t = w::integers("w0", {2, 3}, w::float16, {0, 0, 0, 0, 0, 0});
       return at_initializer(m, "w0");
     }},
    {"an int8 weight of Gemm", status::wrong_element_type, "w0",
     [](model& m) {
       m.g.initializer("w0") = w::integers("w0", {2, 3}, w::int8, {0, 0, 0, 0, 0, 0});
       return at_initializer(m, "w0");
     }},
    {"a float64 weight in double_data", status::wrong_element_type, "b1",
     [](model& m) {
       w::tensor& t = m.g.initializer("b1");
       t.type = w::float64;
       t.form = storage::none;
       t.extra = w::double_field(10, 1);
       return at_initializer(m, "b1");
     }},
    {"a weight of no element type", status::wrong_element_type, "w0",
     [](model& m) {
       m.g.initializer("w0").type = 0;
       m.g.initializer("w0").form = storage::none;
       return at_initializer(m, "w0");
     }},
    {"a float32 tensor with int32_data", status::wrong_element_type, "b1",
     [](model& m) {
       m.g.initializer("b1").form = storage::none;
       append_to_tensor(m, "b1", w::varint_field(5, 1));
       return at_initializer(m, "b1");
     }},
    {"int32 axes", status::wrong_element_type, "axes",
     [](model& m) {
       m.g.initializer("axes") = w::integers("axes", {1}, w::int32, {1});
       return at_initializer(m, "axes");
     }},
    {"a Reshape to an int32 shape", status::wrong_element_type, "axes",
     [](model& m) {
       m.g.producer("y").op_type = "Reshape";
       m.g.initializer("axes") = w::integers("axes", {1}, w::int32, {-1});
       return at_initializer(m, "axes");
     }},
    {"a Reshape to a shape that a Cast makes int32", status::wrong_element_type, "shape",
     [](model& m) {
       m.g.producer("y") = {"Reshape", {"h1", "shape"}, {"y"}};
       insert(m, 0, {"Cast", {"axes"}, {"shape"}, {w::int_attribute("to", 6)}});
       return at_node(m, "y");
     }},
    {"a shape of which a Cast to int32 might make another", status::value_out_of_range, "axes",
     [](model& m) {
       m.g.producer("y") = {"Reshape", {"h1", "wide"}, {"y"}};
       m.g.initializer("axes").ints[0] = std::int64_t{1} << 32 | 1;
       insert(m, 0, {"Cast", {"axes"}, {"narrow"}, {w::int_attribute("to", 6)}});
       insert(m, 1, {"Cast", {"narrow"}, {"wide"}, {w::int_attribute("to", 7)}});
       return at_node(m, "y");
     }},
    {"Slice from int32 to int64", status::wrong_element_type, "part",
     [](model& m) {
       reconnect(m, "a0", "part");
       m.g.initializers.push_back(w::integers("from", {1}, w::int32, {0}));
       m.g.initializers.push_back(w::integers("to", {1}, w::int64, {2}));
       insert(m, 4, {"Slice", {"a0", "from", "to"}, {"part"}});
       return at_node(m, "part");
     }},
    {"Gather of float indices", status::wrong_element_type, "order",
     [](model& m) {
       reconnect(m, "a0", "part");
       m.g.initializers.push_back(w::floats("order", {2}, {0, 1}));
       insert(m, 4, {"Gather", {"a0", "order"}, {"part"}, {w::int_attribute("axis", 1)}});
       return at_initializer(m, "order");
     }},
    {"a rounding before operator set 24", status::unsupported_attribute, "round_mode",
     [](model& m) {
       m.opsets[0].version = 23;
       m.g.producer("a0") = {"Cast", {"h0"}, {"a0"}, {w::int_attribute("to", 1)}};
       return append_to_node(m, "a0", w::string_attribute("round_mode", "up"));
     }},
    {"a rounding that Cast does not have", status::bad_attribute, "round_mode",
     [](model& m) {
       m.opsets[0].version = 24;
       m.g.producer("a0") = {"Cast", {"h0"}, {"a0"}, {w::int_attribute("to", 1)}};
       return append_to_node(m, "a0", w::string_attribute("round_mode", "sideways"));
     }},
    {"a rounding that is a number", status::bad_attribute, "round_mode",
     [](model& m) {
       m.opsets[0].version = 24;
       m.g.producer("a0") = {"Cast", {"h0"}, {"a0"}, {w::int_attribute("to", 1)}};
       return append_to_node(m, "a0", w::int_attribute("round_mode", 1));
     }},
    {"a symbolic number of features", status::bad_dimension, "features",
     [](model& m) {
       m.g.inputs[0].dims[1] = "K";
       return in(m.g.inputs[0].write());
     }},
    {"an unknown number of features", status::bad_dimension, "features",
     [](model& m) {
       m.g.inputs[0].dims[1] = "";
       return in(m.g.inputs[0].write());
     }},
    {"a number of features that a name replaces", status::bad_dimension, "features",
     [](model& m) {
       const bytes both = w::int_field(1, 3).put(w::field(2, "K"));
       m.g.inputs[0].has_shape = false;
       m.g.inputs[0].extra = w::field(
           2, w::field(1, w::field(2, w::dimension("N").write().put(w::field(1, both)))));
       return in(m.g.inputs[0].write());
     }},
    {"the input's shape twice, which makes it one of rank 4", status::bad_dimension, "features",
     [](model& m) {
       const bytes again = w::dimension("N").write().put(w::dimension(3).write());
       m.g.inputs[0].extra = w::field(2, w::field(1, w::field(2, again)));
       return in(m.g.inputs[0].write());
     }},
    {"more than 65,536 features", status::bad_dimension, "features",
     [](model& m) {
       m.g.inputs[0].dims[1] = 65537;
       return in(m.g.inputs[0].write());
     }},
    {"no features", status::bad_dimension, "features",
     [](model& m) {
       m.g.inputs[0].dims[1] = std::int64_t{0};
       return in(m.g.inputs[0].write(), w::int_field(1, 0));
     }},
    {"a number of features below zero, which is an unknown one", status::bad_dimension, "features",
     [](model& m) {
       m.g.inputs[0].dims[1] = -1;
       return in(m.g.inputs[0].write());
     }},
    {"no rows at all", status::bad_dimension, "features",
     [](model& m) {
       m.g.inputs[0].dims[0] = std::int64_t{0};
       return in(m.g.inputs[0].write());
     }},
    {"nine dimensions of the input", status::bad_dimension, "features",
     [](model& m) {
       m.g.inputs[0].dims.assign(9, w::dimension(1));
       m.g.inputs[0].dims[8] = 77;
       return in(m.g.inputs[0].write(), w::int_field(1, 77));
     }},
    {"a dimension of zero", status::bad_dimension, "w0",
     [](model& m) {
       m.g.initializer("w0").dims[1] = 0;
       return in(m.g.initializer("w0").write(), w::int_field(1, 0));
     }},
    {"a negative dimension", status::bad_dimension, "w0",
     [](model& m) {
       m.g.initializer("w0").dims[1] = -3;
       return in(m.g.initializer("w0").write(), w::int_field(1, -3));
     }},
    {"the most negative dimension", status::bad_dimension, "w0",
     [](model& m) {
       m.g.initializer("w0").dims[1] = std::numeric_limits<std::int64_t>::min();
       return in(m.g.initializer("w0").write(), 2);
     }},
    {"a negative dimension among packed ones", status::bad_dimension, "w0",
     [](model& m) {
       m.g.initializer("w0").packed_dims = true;
       m.g.initializer("w0").dims[1] = -3;
       return in(m.g.initializer("w0").write(), 3);
     }},
    {"nine dimensions", status::bad_dimension, "w0",
     [](model& m) {
       m.g.initializer("w0").dims = {1, 1, 1, 1, 1, 1, 2, 3, 1};
       return in(m.g.initializer("w0").write(), 16);
     }},
    {"dimensions whose product overflows 64 bits", status::dimension_overflow, "w0",
     [](model& m) {
       m.g.initializer("w0").dims = {2, 0x7fffffff, 0x7fffffff, 0x7fffffff};
       return in(m.g.initializer("w0").write(), 2);
     }},
    {"dimensions whose product is six, modulo 2^64", status::dimension_overflow, "w0",
     [](model& m) {
       m.g.initializer("w0").dims = {6, (std::int64_t{1} << 62), 4};
       return in(m.g.initializer("w0").write(), 2);
     }},
    {"a dimension of 2^63 - 1", status::dimension_overflow, "w0",
     [](model& m) {
       m.g.initializer("w0").dims = {std::numeric_limits<std::int64_t>::max()};
       return at_initializer(m, "w0");
     }},
    {"a layer of more than 65,536 outputs", status::dimension_overflow, "w1",
     [](model& m) {
       m = w::fp32_model({1, 65537, 1});
       return in(m.g.initializer("w1").write());
     }},
    {"an input of one dimension", status::shape_mismatch, "h0",
     [](model& m) {
       m.g.inputs[0].dims = {3};
       return at_node(m, "h0");
     }},
    {"an input of three dimensions", status::shape_mismatch, "h0",
     [](model& m) {
       m.g.inputs[0].dims = {"N", 1, 3};
       return at_node(m, "h0");
     }},
    {"an input without a shape", status::shape_mismatch, "features",
     [](model& m) {
       m.g.inputs[0].has_shape = false;
       return in(m.g.inputs[0].write());
     }},
    {"an output that says [N, 1] and is [N]", status::shape_mismatch, "y",
     [](model& m) {
       m.g.outputs[0].dims = {"N", 1};
       return in(m.g.outputs[0].write());
     }},
    {"an output of no dimensions", status::shape_mismatch, "y",
     [](model& m) {
       m.g.outputs[0].dims.clear();
       return in(m.g.outputs[0].write());
     }},
    {"an output of another fixed N", status::shape_mismatch, "y",
     [](model& m) {
       m.g.inputs[0].dims[0] = 4;
       m.g.outputs[0].dims[0] = 5;
       return in(m.g.outputs[0].write());
     }},
    {"an output that says [N, 2] and is [N, 1]", status::shape_mismatch, "h1",
     [](model& m) {
       m.g.nodes.pop_back();
       m.g.outputs[0] = {"h1", {"N", 2}};
       return in(m.g.outputs[0].write());
     }},
    {"a layer whose inputs are not those before", status::shape_mismatch, "w1",
     [](model& m) {
       m.g.initializer("w1") = w::floats("w1", {1, 3}, {1, 2, 3});
       return at_initializer(m, "w1");
     }},
    {"a weight transposed without transB", status::shape_mismatch, "w0",
     [](model& m) {
       m.g.producer("h0").attributes.clear();
       return at_initializer(m, "w0");
     }},
    {"a weight of one dimension", status::shape_mismatch, "w1",
     [](model& m) {
       m.g.initializer("w1").dims = {2};
       return at_initializer(m, "w1");
     }},
    {"a weight of three dimensions", status::shape_mismatch, "w0",
     [](model& m) {
       m.g.initializer("w0").dims = {1, 2, 3};
       return at_initializer(m, "w0");
     }},
    {"a bias of another length", status::shape_mismatch, "b0",
     [](model& m) {
       m.g.initializer("b0") = w::floats("b0", {3}, {1, 2, 3});
       return at_initializer(m, "b0");
     }},
    {"a bias for each row", status::shape_mismatch, "b0",
     [](model& m) {
       m.g.initializer("b0").dims = {2, 1};
       return at_initializer(m, "b0");
     }},
    {"a bias of three dimensions", status::shape_mismatch, "b0",
     [](model& m) {
       m.g.initializer("b0").dims = {1, 1, 2};
       return at_initializer(m, "b0");
     }},
    {"a mean of another length", status::shape_mismatch, "mean",
     [](model& m) {
       m.g.initializer("mean") = w::floats("mean", {2}, {1, 2});
       return at_initializer(m, "mean");
     }},
    {"a mean that would broadcast the row", status::shape_mismatch, "mean",
     [](model& m) {
       m.g.initializer("mean").dims = {1, 1, 3};
       return at_initializer(m, "mean");
     }},
    {"a mean for each row", status::shape_mismatch, "mean",
     [](model& m) {
       m.g.initializer("mean").dims = {3, 1};
       return at_initializer(m, "mean");
     }},
    {"a std of another length", status::shape_mismatch, "std",
     [](model& m) {
       m.g.initializer("std") = w::floats("std", {4}, {1, 2, 3, 4});
       return at_initializer(m, "std");
     }},
    {"Squeeze of the rows", status::shape_mismatch, "y",
     [](model& m) {
       m.g.initializer("axes").ints = {0};
       return at_node(m, "y");
     }},
    {"Squeeze whose axes are a scalar", status::shape_mismatch, "axes",
     [](model& m) {
       m.g.initializer("axes").dims.clear();
       return at_initializer(m, "axes");
     }},
    {"Squeeze whose axes come from value_int", status::shape_mismatch, "axes",
     [](model& m) {
       m.g.remove_initializer("axes");
       const w::attribute axis = w::int_attribute("value_int", 1);
       insert(m, 0, w::constant("axes", axis));
       return in(at_node(m, "axes").around, axis.write());
     }},
    {"Squeeze whose axes have two dimensions", status::shape_mismatch, "axes",
     [](model& m) {
       m.g.initializer("axes").dims = {1, 1};
       return at_initializer(m, "axes");
     }},
    {"Squeeze of two axes", status::shape_mismatch, "y",
     [](model& m) {
       m.g.initializer("axes") = w::integers("axes", {2}, w::int64, {0, 1});
       return at_node(m, "y");
     }},
    {"Squeeze of an axis that is gone", status::shape_mismatch, "z",
     [](model& m) {
       m.g.nodes.push_back({"Squeeze", {"y", "axes"}, {"z"}});
       m.g.outputs[0] = {"z", {"N"}};
       return at_node(m, "z");
     }},
    {"Squeeze amidst the layers", status::shape_mismatch, "s",
     [](model& m) {
       reconnect(m, "h0", "s");
       insert(m, 3, {"Squeeze", {"h0", "axes"}, {"s"}});
       return at_node(m, "s");
     }},
    {"Reshape to [-1, 2]", status::shape_mismatch, "axes",
     [](model& m) {
       m.g.producer("y").op_type = "Reshape";
       m.g.initializer("axes") = w::integers("axes", {2}, w::int64, {-1, 2});
       return at_initializer(m, "axes");
     }},
    {"Reshape to [-1, 1, 1]", status::shape_mismatch, "y",
     [](model& m) {
       m.g.producer("y").op_type = "Reshape";
       m.g.initializer("axes") = w::integers("axes", {3}, w::int64, {-1, 1, 1});
       return in(m.g.outputs[0].write());
     }},
    {"Flatten at axis 0", status::shape_mismatch, "y",
     [](model& m) {
       m.g.producer("y") = {"Flatten", {"h1"}, {"y"}, {w::int_attribute("axis", 0)}};
       return in(m.g.outputs[0].write());
     }},

    // ---- tensor contents
    {"a tensor without data", status::missing_data, "w0",
     [](model& m) {
       m.g.initializer("w0").form = storage::none;
       return at_initializer(m, "w0");
     }},
    {"a float tensor with string_data only", status::missing_data, "w0",
     [](model& m) {
       m.g.initializer("w0").form = storage::none;
       m.g.initializer("w0").extra = w::field(6, "text");
       return at_initializer(m, "w0");
     }},
    {"a Constant without a value", status::missing_data, "c",
     [](model& m) {
       m.g.nodes.push_back({"Constant", {}, {"c"}});
       return at_node(m, "c");
     }},
    {"a Constant of an empty list", status::missing_data, "value_floats",
     [](model& m) {
       m.g.nodes.push_back({"Constant", {}, {"c"}});
       return append_to_node(m, "c", {"value_floats", "", 6});
     }},
    {"raw and typed data", status::ambiguous_data, "w0",
     [](model& m) {
       append_to_tensor(m, "w0", w::float_field(4, 1));
       return at_initializer(m, "w0");
     }},
    {"two kinds of typed data", status::ambiguous_data, "b1",
     [](model& m) {
       m.g.initializer("b1").form = storage::packed;
       return append_to_tensor(m, "b1", w::varint_field(7, 1));
     }},
    {"external and raw data", status::ambiguous_data, "w0",
     [](model& m) {
       append_to_tensor(m, "w0", w::varint_field(14, 1));
       return at_initializer(m, "w0");
     }},
    {"short raw data", status::short_data, "w0",
     [](model& m) {
       m.g.initializer("w0").floats.pop_back();
       return at_element(m, "w0", 0);
     }},
    {"raw data short by one byte", status::short_data, "b1",
     [](model& m) {
       m.g.initializer("b1").form = storage::none;
       place p = append_to_tensor(m, "b1", w::field(9, "123"));
       p.delta += 2;
       return p;
     }},
    {"long raw data", status::long_data, "w0",
     [](model& m) {
       m.g.initializer("w0").floats.push_back(1);
       return at_element(m, "w0", 0);
     }},
    {"short packed data", status::short_data, "w0",
     [](model& m) {
       m.g.initializer("w0").floats.pop_back();
       m.g.initializer("w0").form = storage::packed;
       return at_initializer(m, "w0");
     }},
    {"short unpacked data", status::short_data, "w0",
     [](model& m) {
       m.g.initializer("w0").floats.pop_back();
       m.g.initializer("w0").form = storage::unpacked;
       return at_initializer(m, "w0");
     }},
    {"long mixed data", status::long_data, "w0",
     [](model& m) {
       m.g.initializer("w0").floats.assign(9, 0.25F);
       m.g.initializer("w0").form = storage::mixed; // 3 packed, 3 single, 3 packed
       place p = at_initializer(m, "w0");
       p.delta = p.around.size() - 4 - 12; // before the name: the last packed run
       return p;
     }},
    {"long unpacked data", status::long_data, "b0",
     [](model& m) {
       m.g.initializer("b0").floats.push_back(77);
       m.g.initializer("b0").form = storage::unpacked;
       return in(m.g.initializer("b0").write(), w::float_field(4, 77));
     }},
    {"an unused tensor with short data", status::short_data, "unused",
     [](model& m) {
       m.g.initializers.push_back(w::floats("unused", {2}, {77}));
       return at_element(m, "unused", 0);
     }},
    {"a NaN weight", status::non_finite_weight, "w0",
     [](model& m) { return replace_data(m, "w0", 3, nan); }},
    {"an infinite weight of the last layer", status::non_finite_weight, "w1",
     [](model& m) { return replace_data(m, "w1", 1, -inf); }},
    {"an infinite bias", status::non_finite_weight, "b0",
     [](model& m) { return replace_data(m, "b0", 1, inf); }},
    {"an infinite bias in packed data", status::non_finite_weight, "b0",
     [](model& m) {
       m.g.initializer("b0").form = storage::packed;
       m.g.initializer("b0").floats[1] = inf;
       return in(m.g.initializer("b0").write(), w::little_endian(0x7f800000, 4));
     }},
    {"a NaN mean", status::non_finite_weight, "mean",
     [](model& m) { return replace_data(m, "mean", 2, nan); }},
    {"a std of zero", status::zero_std, "std",
     [](model& m) { return replace_data(m, "std", 1, 0); }},
    {"a std of minus zero", status::zero_std, "std",
     [](model& m) { return replace_data(m, "std", 2, -0.0F); }},
    {"a NaN std", status::non_finite_std, "std",
     [](model& m) { return replace_data(m, "std", 0, nan); }},
    {"an infinite std", status::non_finite_std, "std",
     [](model& m) { return replace_data(m, "std", 2, inf); }},
    {"an infinite factor", status::non_finite_std, "std",
     [](model& m) {
       m.g.producer("scaled").op_type = "Mul";
       return replace_data(m, "std", 2, inf);
     }},

    // ---- external data
    {"external data that was not passed in", status::external_data_missing, "elsewhere.bin",
     [](model& m) {
       w::tensor& t = m.g.initializer("w0");
       t.form = storage::external;
       t.external = {{"location", "elsewhere.bin"}};
       return at_initializer(m, "w0");
     }},
    {"a path out of the model's folder", status::external_data_missing, "../../etc/passwd",
     [](model& m) {
       w::tensor& t = m.g.initializer("w0");
       t.form = storage::external;
       t.external = {{"location", "../../etc/passwd"}};
       return at_initializer(m, "w0");
     }},
    {"external data without a location", status::bad_external_data, "w0",
     [](model& m) {
       m.g.initializer("w0").form = storage::external;
       return at_initializer(m, "w0");
     }},
    {"an external offset beyond the file", status::bad_external_data, "w0",
     [](model& m) {
       w::tensor& t = m.g.initializer("w0");
       t.form = storage::external;
       t.external = {{"location", "weights.bin"}, {"offset", "65"}};
       return at_initializer(m, "w0");
     }},
    {"an external length beyond the file", status::bad_external_data, "w0",
     [](model& m) {
       w::tensor& t = m.g.initializer("w0");
       t.form = storage::external;
       t.external = {{"location", "weights.bin"}, {"offset", "41"}, {"length", "24"}};
       return at_initializer(m, "w0");
     }},
    {"an external range whose end wraps around", status::bad_external_data, "w0",
     [](model& m) {
       w::tensor& t = m.g.initializer("w0");
       t.form = storage::external;
       t.external = {{"location", "weights.bin"},
                     {"offset", "40"},
                     {"length", "999999999999999999"}};
       return at_initializer(m, "w0");
     }},
    {"an external offset that overflows", status::bad_external_data, "offset",
     [](model& m) {
       w::tensor& t = m.g.initializer("w0");
       t.form = storage::external;
       t.external = {{"location", "weights.bin"}, {"offset", "18446744073709551616"}};
       return in(t.write(), w::field(13, w::field(1, "offset").put(
                                             w::field(2, "18446744073709551616"))));
     }},
    {"a negative external offset", status::bad_external_data, "offset",
     [](model& m) {
       w::tensor& t = m.g.initializer("w0");
       t.form = storage::external;
       t.external = {{"location", "weights.bin"}, {"offset", "-4"}};
       return in(t.write(), w::field(13, w::field(1, "offset").put(w::field(2, "-4"))));
     }},
    {"an external length that is no number", status::bad_external_data, "length",
     [](model& m) {
       w::tensor& t = m.g.initializer("w0");
       t.form = storage::external;
       t.external = {{"location", "weights.bin"}, {"length", "0x18"}};
       return in(t.write(), w::field(13, w::field(1, "length").put(w::field(2, "0x18"))));
     }},
    {"an external offset that is empty", status::bad_external_data, "offset",
     [](model& m) {
       w::tensor& t = m.g.initializer("w0");
       t.form = storage::external;
       t.external = {{"location", "weights.bin"}, {"offset", ""}};
       return in(t.write(), w::field(13, w::field(1, "offset").put(w::field(2, ""))));
     }},
    {"an external entry whose value is a number", status::wrong_wire_type, "location",
     [](model& m) {
       w::tensor& t = m.g.initializer("w0");
       t.form = storage::external;
       const bytes entry = w::field(1, "location").put(w::varint_field(2, 77));
       t.extra = w::field(13, entry);
       return in(t.write(), t.write().size() - 2);
     }},
    {"a cut external entry", status::truncated, "location",
     [](model& m) {
       w::tensor& t = m.g.initializer("w0");
       t.form = storage::external;
       t.extra = w::field(13, w::field(1, "location").put("\x12\x09zz"));
       return in(t.write(), t.write().size() - 4);
     }},
    {"a data location that ONNX does not have", status::bad_external_data, "w0",
     [](model& m) { return append_to_tensor(m, "w0", w::varint_field(14, 2)); }},
    {"external entries of a tensor that is not external", status::bad_external_data, "w0",
     [](model& m) {
       m.g.initializer("w0").external = {{"location", "weights.bin"}};
       return at_initializer(m, "w0");
     }},
    {"external data longer than the tensor", status::long_data, "w0",
     [](model& m) {
       w::tensor& t = m.g.initializer("w0");
       t.form = storage::external;
       t.external = {{"location", "weights.bin"}};
       return at_initializer(m, "w0");
     }},
    {"external data shorter than the tensor", status::short_data, "w0",
     [](model& m) {
       w::tensor& t = m.g.initializer("w0");
       t.form = storage::external;
       t.external = {{"location", "weights.bin"}, {"length", "23"}};
       return at_initializer(m, "w0");
     }},
    {"a NaN in external data", status::non_finite_weight, "w0",
     [](model& m) {
       w::tensor& t = m.g.initializer("w0");
       t.form = storage::external;
       t.external = {{"location", "nan.bin"}, {"offset", "40"}};
       return at_initializer(m, "w0");
     }},

    // ---- the chain
    {"std / x", status::unexpected_operator, "scaled",
     [](model& m) {
       m.g.producer("scaled").inputs = {"std", "centred"};
       return at_node(m, "scaled");
     }},
    {"an output that is the input", status::no_layers, "features",
     [](model& m) {
       m.g.nodes.clear();
       m.g.outputs[0].name = "features";
       return in(m.g.outputs[0].write());
     }},
    {"a scaler alone", status::no_layers, "scaled",
     [](model& m) {
       m.g.nodes.resize(2, m.g.nodes[0]);
       m.g.outputs[0] = {"scaled", {"N", 3}};
       return in(m.g.outputs[0].write());
     }},

    // ---- plan against network
};

// Broken versions of the dynamic-PTQ form: 3-2-1.
const std::vector<row> int8_rows{
    {"DynamicQuantizeLinear in opset 10", status::operator_needs_newer_opset, "q1",
     [](model& m) {
       m.opsets[0].version = 10;
       return at_node(m, "q1");
     }},
    {"a missing result of DynamicQuantizeLinear", status::wrong_arity, "q0",
     [](model& m) {
       m.g.producer("q0").outputs.pop_back();
       m.g.producer("i0").inputs = {"q0", "w0"};
       return at_node(m, "q0");
     }},
    {"an unnamed result", status::unexpected_operator, "p0",
     [](model& m) {
       m.g.producer("q0").outputs[1] = {};
       m.g.producer("sc0").inputs = {"s0", "s1"};
       return at_node(m, "p0");
     }},
    {"two results of one node with one name", status::duplicate_name, "q0",
     [](model& m) {
       m.g.producer("q0").outputs[1] = "q0";
       m.g.producer("sc0").inputs[0] = "q0";
       return at_node(m, "q0");
     }},
    {"the scale used twice", status::not_constant, "qs0",
     [](model& m) {
       m.g.producer("sc0").inputs[1] = "qs0";
       return at_node(m, "sc0");
     }},
    {"the zero point of another layer", status::bad_zero_point, "i1",
     [](model& m) {
       m.g.producer("i1").inputs[2] = "z0";
       return at_node(m, "i1");
     }},
    {"no zero point for the activations", status::bad_zero_point, "i0",
     [](model& m) {
       m.g.producer("i0").inputs = {"q0", "w0"};
       return at_node(m, "i0");
     }},
    {"a weight zero point that is not zero", status::bad_zero_point, "z1",
     [](model& m) {
       m.g.initializer("z1").ints[0] = 1;
       return in(m.g.initializer("z1").write(), m.g.initializer("z1").write().size() - 1);
     }},
    {"a weight zero point in int32_data", status::bad_zero_point, "z1",
     [](model& m) {
       m.g.initializer("z1").ints[0] = -1;
       m.g.initializer("z1").form = storage::unpacked;
       return in(m.g.initializer("z1").write(), w::int_field(5, -1));
     }},
    {"weight zero points of another length", status::shape_mismatch, "z0",
     [](model& m) {
       m.g.initializer("z0") = w::integers("z0", {3}, w::int8, {0, 0, 0});
       return at_initializer(m, "z0");
     }},
    {"a uint8 weight", status::wrong_element_type, "w0",
     [](model& m) {
       m.g.initializer("w0").type = w::uint8;
       return at_initializer(m, "w0");
     }},
    {"a uint8 weight zero point", status::wrong_element_type, "z0",
     [](model& m) {
       m.g.initializer("z0").type = w::uint8;
       return at_initializer(m, "z0");
     }},
    {"a transposed weight", status::shape_mismatch, "w0",
     [](model& m) {
       m.g.initializer("w0").dims = {2, 3};
       return at_initializer(m, "w0");
     }},
    {"a weight that does not fit eight bits", status::value_out_of_range, "w1",
     [](model& m) {
       m.g.initializer("w1") = w::integers("w1", {2, 1}, w::int8, {1, 128}, storage::packed);
       return in(m.g.initializer("w1").write(), w::varint(128));
     }},
    {"a weight below -128", status::value_out_of_range, "w1",
     [](model& m) {
       m.g.initializer("w1") = w::integers("w1", {2, 1}, w::int8, {1, -129}, storage::unpacked);
       return in(m.g.initializer("w1").write(), w::int_field(5, -129));
     }},
    {"short int8 data", status::short_data, "w0",
     [](model& m) {
       m.g.initializer("w0").ints.pop_back();
       return in(m.g.initializer("w0").write(), m.g.initializer("w0").raw_data());
     }},
    {"long int8 data", status::long_data, "w0",
     [](model& m) {
       m.g.initializer("w0").ints.push_back(0);
       return in(m.g.initializer("w0").write(), m.g.initializer("w0").raw_data());
     }},
    {"a weight scale of zero", status::bad_scale, "s0",
     [](model& m) { return replace_data(m, "s0", 0, 0); }},
    {"a negative weight scale", status::bad_scale, "s1",
     [](model& m) { return replace_data(m, "s1", 0, -1); }},
    {"a NaN weight scale", status::bad_scale, "s0",
     [](model& m) { return replace_data(m, "s0", 0, nan); }},
    {"an infinite weight scale", status::bad_scale, "s1",
     [](model& m) { return replace_data(m, "s1", 0, inf); }},
    {"weight scales of another length", status::shape_mismatch, "s0",
     [](model& m) {
       m.g.initializer("s0") = w::floats("s0", {3}, {1, 2, 3});
       return at_initializer(m, "s0");
     }},
    {"a weight scale that is computed", status::not_constant, "computed",
     [](model& m) {
       m.g.producer("sc0").inputs[1] = "computed";
       insert(m, 3, {"Relu", {"s0"}, {"computed"}});
       return at_node(m, "sc0");
     }},
    {"a std of zero", status::zero_std, "std",
     [](model& m) { return replace_data(m, "std", 1, 0); }},
    {"an infinite bias", status::non_finite_weight, "b1",
     [](model& m) { return replace_data(m, "b1", 0, inf); }},
    {"a bias of another length", status::shape_mismatch, "b0",
     [](model& m) {
       m.g.initializer("b0") = w::floats("b0", {3}, {1, 2, 3});
       return at_initializer(m, "b0");
     }},
    {"Cast to int64", status::bad_attribute, "to",
     [](model& m) {
       m.g.producer("f0").attributes = {w::int_attribute("to", 7)};
       return at_node(m, "f0");
     }},
    {"Cast to nothing", status::bad_attribute, "to",
     [](model& m) {
       m.g.producer("f0").attributes.clear();
       return at_node(m, "f0");
     }},
    {"no Cast", status::unexpected_operator, "p0",
     [](model& m) {
       m.g.producer("p0").inputs[0] = "i0";
       std::erase_if(m.g.nodes, [](const w::node& n) { return n.outputs[0].view() == "f0"; });
       return at_node(m, "p0");
     }},
    {"no product with the scale", status::unexpected_operator, "f0",
     [](model& m) {
       m.g.producer("h0").inputs[0] = "f0";
       std::erase_if(m.g.nodes, [](const w::node& n) { return n.outputs[0].view() == "p0"; });
       return at_node(m, "f0");
     }},
    {"a product with another scale", status::unexpected_operator, "p0",
     [](model& m) {
       m.g.producer("p0").inputs[1] = "s0";
       return at_node(m, "p0");
     }},
    {"the quantised row as the weight", status::unexpected_operator, "i0",
     [](model& m) {
       std::swap(m.g.producer("i0").inputs[0], m.g.producer("i0").inputs[1]);
       return at_node(m, "i0");
     }},
    {"MatMulInteger at the start", status::unexpected_operator, "i",
     [](model& m) {
       insert(m, 0, {"MatMulInteger", {"features", "w0"}, {"i"}});
       m.g.producer("centred").inputs[0] = "i";
       return at_node(m, "i");
     }},
    {"a float32 layer behind an int8 layer", status::mixed_precision, "h1",
     [](model& m) {
       m.g.nodes.resize(9, m.g.nodes[0]);
       REQUIRE(m.g.nodes.back().op_type.view() == "Relu");
       m.g.initializer("w1") = w::floats("w1", {2, 1}, {1, 2});
       m.g.nodes.push_back({"Gemm", {"a0", "w1", "b1"}, {"h1"}});
       m.g.nodes.push_back({"Squeeze", {"h1", "axes"}, {"y"}});
       return at_node(m, "h1");
     }},
};

// The attribute on the first QuantizeLinear, in an operator set that has it.
place quantize_attribute(model& m, const char* name, std::int64_t value, std::int64_t opset) {
  m.opsets[0].version = opset;
  m.g.producer("q0").attributes.push_back(w::int_attribute(name, value));
  return at_node(m, "q0");
}
place quantize_attribute_too_early(model& m, const char* name, std::int64_t opset) {
  m.opsets[0].version = opset;
  return append_to_node(m, "q0", w::int_attribute(name, 0));
}

// Broken versions of the static-PTQ form: 3-2-1.
const std::vector<row> static_rows{
    {"QuantizeLinear in opset 9", status::operator_needs_newer_opset, "i1",
     [](model& m) {
       m.opsets[0].version = 9;
       return at_node(m, "i1");
     }},
    {"QuantizeLinear without a scale", status::wrong_arity, "q0",
     [](model& m) {
       m.g.producer("q0").inputs.resize(1);
       return at_node(m, "q0");
     }},
    {"QuantizeLinear with four operands", status::wrong_arity, "q0",
     [](model& m) {
       m.g.producer("q0").inputs.push_back("xz0");
       return at_node(m, "q0");
     }},
    {"an axis before opset 13", status::unsupported_attribute, "axis",
     [](model& m) { return quantize_attribute_too_early(m, "axis", 12); }},
    {"saturate before opset 19", status::unsupported_attribute, "saturate",
     [](model& m) { return quantize_attribute_too_early(m, "saturate", 18); }},
    {"a block size before opset 21", status::unsupported_attribute, "block_size",
     [](model& m) { return quantize_attribute_too_early(m, "block_size", 20); }},
    {"an output type before opset 21", status::unsupported_attribute, "output_dtype",
     [](model& m) { return quantize_attribute_too_early(m, "output_dtype", 20); }},
    {"a precision before opset 23", status::unsupported_attribute, "precision",
     [](model& m) { return quantize_attribute_too_early(m, "precision", 22); }},
    {"an attribute that QuantizeLinear does not have", status::unsupported_attribute, "to",
     [](model& m) { return quantize_attribute_too_early(m, "to", 23); }},
    {"an axis that the row does not have", status::bad_attribute, "axis",
     [](model& m) { return quantize_attribute(m, "axis", 2, 13); }},
    {"an axis before the first", status::bad_attribute, "axis",
     [](model& m) { return quantize_attribute(m, "axis", -3, 13); }},
    {"a saturate that is no flag", status::bad_attribute, "saturate",
     [](model& m) { return quantize_attribute(m, "saturate", 7, 19); }},
    {"wrapping instead of saturating", status::bad_attribute, "saturate",
     [](model& m) { return quantize_attribute(m, "saturate", 0, 19); }},
    {"scales of blocks", status::bad_attribute, "block_size",
     [](model& m) { return quantize_attribute(m, "block_size", 3, 21); }},
    {"quantised to int8", status::bad_attribute, "output_dtype",
     [](model& m) { return quantize_attribute(m, "output_dtype", 3, 21); }},
    {"quantised in float16", status::bad_attribute, "precision",
     [](model& m) { return quantize_attribute(m, "precision", 10, 23); }},
    {"an axis that is a float", status::bad_attribute, "axis",
     [](model& m) { return append_to_node(m, "q0", w::float_attribute("axis", 1)); }},
    {"an activation scale of zero", status::bad_scale, "x0",
     [](model& m) { return replace_data(m, "x0", 0, 0); }},
    {"a negative activation scale", status::bad_scale, "x1",
     [](model& m) { return replace_data(m, "x1", 0, -1); }},
    {"a NaN activation scale", status::bad_scale, "x1",
     [](model& m) { return replace_data(m, "x1", 0, nan); }},
    {"an infinite activation scale", status::bad_scale, "x0",
     [](model& m) { return replace_data(m, "x0", 0, inf); }},
    {"an activation scale for each feature", status::shape_mismatch, "x0",
     [](model& m) {
       m.g.initializer("x0") = w::floats("x0", {3}, {1, 2, 3});
       return at_initializer(m, "x0");
     }},
    {"an activation scale that is a matrix", status::shape_mismatch, "x0",
     [](model& m) {
       m.g.initializer("x0") = w::floats("x0", {1, 1}, {1});
       return at_initializer(m, "x0");
     }},
    {"an activation scale that is no float", status::wrong_element_type, "x0",
     [](model& m) {
       m.g.initializer("x0") = w::integers("x0", {}, w::int64, {1});
       return at_initializer(m, "x0");
     }},
    {"an activation scale that is computed", status::not_constant, "computed",
     [](model& m) {
       m.g.producer("q0").inputs[1] = "computed";
       insert(m, 2, {"Relu", {"x0"}, {"computed"}});
       return at_node(m, "q0");
     }},
    {"a row that is the scale", status::not_constant, "scaled",
     [](model& m) {
       std::swap(m.g.producer("q0").inputs[0], m.g.producer("q0").inputs[1]);
       return at_node(m, "q0");
     }},
    {"an int8 activation zero point", status::wrong_element_type, "xz0",
     [](model& m) {
       m.g.initializer("xz0").type = w::int8;
       return at_initializer(m, "xz0");
     }},
    {"an activation zero point for each feature", status::shape_mismatch, "xz0",
     [](model& m) {
       m.g.initializer("xz0") = w::integers("xz0", {3}, w::uint8, {1, 2, 3});
       return at_initializer(m, "xz0");
     }},
    {"an activation zero point above 255", status::value_out_of_range, "xz0",
     [](model& m) {
       m.g.initializer("xz0") = w::integers("xz0", {}, w::uint8, {256}, storage::packed);
       return in(m.g.initializer("xz0").write(), w::varint(256));
     }},
    {"a negative activation zero point", status::value_out_of_range, "xz0",
     [](model& m) {
       m.g.initializer("xz0") = w::integers("xz0", {}, w::uint8, {-1}, storage::unpacked);
       return in(m.g.initializer("xz0").write(), w::int_field(5, -1));
     }},
    {"short uint8 data", status::short_data, "xz0",
     [](model& m) {
       m.g.initializer("xz0").ints.clear();
       return in(m.g.initializer("xz0").write(), m.g.initializer("xz0").write().size());
     }},
    {"long uint8 data", status::long_data, "xz0",
     [](model& m) {
       m.g.initializer("xz0").ints.push_back(0);
       return in(m.g.initializer("xz0").write(), m.g.initializer("xz0").raw_data());
     }},
    {"another zero point for the sum", status::bad_zero_point, "i0",
     [](model& m) {
       m.g.producer("i0").inputs[2] = "xz1";
       return at_node(m, "i0");
     }},
    {"no zero point for the sum", status::bad_zero_point, "i0",
     [](model& m) {
       m.g.producer("i0").inputs[2] = {};
       return at_node(m, "i0");
     }},
    {"a zero point for the sum alone", status::bad_zero_point, "i0",
     [](model& m) {
       m.g.producer("q0").inputs.pop_back();
       return at_node(m, "i0");
     }},
    {"an int8 zero point for the sum", status::wrong_element_type, "z0",
     [](model& m) {
       m.g.producer("i0").inputs[2] = "z0";
       return at_initializer(m, "z0");
     }},
    {"a weight zero point that is not zero", status::bad_zero_point, "z1",
     [](model& m) {
       m.g.initializer("z1").ints[0] = 1;
       return in(m.g.initializer("z1").write(), m.g.initializer("z1").write().size() - 1);
     }},
    {"a uint8 weight", status::wrong_element_type, "w0",
     [](model& m) {
       m.g.initializer("w0").type = w::uint8;
       return at_initializer(m, "w0");
     }},
    {"a transposed weight", status::shape_mismatch, "w0",
     [](model& m) {
       m.g.initializer("w0").dims = {2, 3};
       return at_initializer(m, "w0");
     }},
    {"the quantised row as the weight", status::unexpected_operator, "i0",
     [](model& m) {
       std::swap(m.g.producer("i0").inputs[0], m.g.producer("i0").inputs[1]);
       return at_node(m, "i0");
     }},
    {"the quantised row used twice", status::not_constant, "q0",
     [](model& m) {
       m.g.producer("i0").inputs[1] = "q0";
       return at_node(m, "i0");
     }},
    {"a scale of the sum of zero", status::bad_scale, "s0",
     [](model& m) { return replace_data(m, "s0", 0, 0); }},
    {"an infinite scale of the sum", status::bad_scale, "s1",
     [](model& m) { return replace_data(m, "s1", 0, inf); }},
    {"scales of the sum of another length", status::shape_mismatch, "s0",
     [](model& m) {
       m.g.initializer("s0") = w::floats("s0", {3}, {1, 2, 3});
       return at_initializer(m, "s0");
     }},
    {"a scale of the sum that is computed otherwise", status::not_constant, "computed",
     [](model& m) {
       m.g.producer("p0").inputs[1] = "computed";
       insert(m, 2, {"Relu", {"s0"}, {"computed"}});
       return at_node(m, "p0");
     }},
    {"Cast to int64", status::bad_attribute, "to",
     [](model& m) {
       m.g.producer("f0").attributes = {w::int_attribute("to", 7)};
       return at_node(m, "f0");
     }},
    {"no Cast", status::unexpected_operator, "p0",
     [](model& m) {
       m.g.producer("p0").inputs[0] = "i0";
       std::erase_if(m.g.nodes, [](const w::node& n) { return n.outputs[0].view() == "f0"; });
       return at_node(m, "p0");
     }},
    {"no product with the scale", status::unexpected_operator, "f0",
     [](model& m) {
       m.g.producer("h0").inputs[0] = "f0";
       std::erase_if(m.g.nodes, [](const w::node& n) { return n.outputs[0].view() == "p0"; });
       return at_node(m, "f0");
     }},
    {"QuantizeLinear and no MatMulInteger", status::unexpected_operator, "q0",
     [](model& m) {
       m.g.producer("f0").inputs[0] = "q0";
       std::erase_if(m.g.nodes, [](const w::node& n) { return n.outputs[0].view() == "i0"; });
       return at_node(m, "q0");
     }},
    {"an infinite bias", status::non_finite_weight, "b1",
     [](model& m) { return replace_data(m, "b1", 0, inf); }},
    {"a dynamic layer behind a static layer", status::mixed_precision, "q1",
     [](model& m) {
       m.g.producer("q1") = {"DynamicQuantizeLinear", {"a0"}, {"q1", "qs1", "qz1"}};
       m.g.producer("i1").inputs[2] = "qz1";
       m.g.producer("p1").inputs[1] = "sc1";
       insert(m, m.g.nodes.size() - 4, {"Mul", {"qs1", "s1"}, {"sc1"}});
       return at_node(m, "q1");
     }},
    {"a float32 layer behind a static layer", status::mixed_precision, "h1",
     [](model& m) {
       m.g.nodes.resize(8, m.g.nodes[0]);
       REQUIRE(m.g.nodes.back().op_type.view() == "Relu");
       m.g.initializer("w1") = w::floats("w1", {2, 1}, {1, 2});
       m.g.nodes.push_back({"Gemm", {"a0", "w1", "b1"}, {"h1"}});
       m.g.nodes.push_back({"Squeeze", {"h1", "axes"}, {"y"}});
       return at_node(m, "h1");
     }},
};

// Likewise, where a Mul of two constants makes the scale of the sum.
const std::vector<row> computed_scale_rows{
    {"a product of scales that overflows", status::bad_scale, "sc0",
     [](model& m) {
       m.g.initializer("x0").floats[0] = 1e30F;
       m.g.initializer("s0").floats[0] = 1e30F;
       return at_node(m, "sc0");
     }},
    {"a product of scales that vanishes", status::bad_scale, "sc1",
     [](model& m) {
       m.g.initializer("x1").floats[0] = 1e-30F;
       m.g.initializer("s1").floats[0] = 1e-30F;
       return at_node(m, "sc1");
     }},
    {"a product of scales that just overflows", status::bad_scale, "sc0",
     [](model& m) {
       m.g.initializer("x0").floats[0] = 0x1.000002p64F;
       m.g.initializer("s0").floats[0] = 0x1.fffffcp63F;
       return at_node(m, "sc0");
     }},
    {"a product of scales that rounds to zero", status::bad_scale, "sc0",
     [](model& m) {
       m.g.initializer("x0").floats[0] = 0x1p-75F;
       m.g.initializer("s0").floats[0] = 0x1p-75F;
       return at_node(m, "sc0");
     }},
    {"a negative weight scale", status::bad_scale, "s1",
     [](model& m) { return replace_data(m, "s1", 0, -1); }},
    {"a factor of the scale that is computed", status::not_constant, "computed",
     [](model& m) {
       m.g.producer("sc0").inputs[1] = "computed";
       insert(m, 2, {"Relu", {"s0"}, {"computed"}});
       return at_node(m, "sc0");
     }},
    {"weight scales of another length", status::shape_mismatch, "s0",
     [](model& m) {
       m.g.initializer("s0") = w::floats("s0", {3}, {1, 2, 3});
       return at_initializer(m, "s0");
     }},
};

// Forms that were refused once.
const std::vector<row> accepted_float_rows{
    {"an operator outside the subset that nothing uses", status::ok, "",
     [](model& m) {
       m.g.nodes.push_back({"Loop", {"features"}, {"dead"}});
       return at_node(m, "dead");
     }},
    {"an attribute of a dead node", status::ok, "",
     [](model& m) {
       m.g.nodes.push_back({"Identity", {"h0"}, {"dead"}});
       return append_to_node(m, "dead", w::int_attribute("gamma", 1));
     }},
    {"an initializer of another type, though nothing uses it", status::ok, "",
     [](model& m) {
       m.g.initializers.push_back(w::integers("ids", {2}, w::int32, {1, 2}, storage::unpacked));
       return in(m.g.initializers.back().write());
     }},
    {"two inputs", status::ok, "",
     [](model& m) {
       m.g.inputs.push_back({"sensor", {"N", 1}});
       return in(m.g.inputs[1].write());
     }},
    {"two outputs", status::ok, "",
     [](model& m) {
       m.g.outputs.push_back({"a0", {"N", 2}});
       return in(m.g.outputs[1].write());
     }},

    {"a value used twice", status::ok, "",
     [](model& m) {
       m.g.nodes.push_back({"Relu", {"h0"}, {"dead"}});
       return at_node(m, "dead");
     }},
    {"the input used twice", status::ok, "",
     [](model& m) {
       m.g.nodes.push_back({"Identity", {"features"}, {"dead"}});
       return at_node(m, "dead");
     }},
    {"the output used again", status::ok, "",
     [](model& m) {
       m.g.nodes.push_back({"Identity", {"y"}, {"dead"}});
       return at_node(m, "dead");
     }},
    {"a dead node", status::ok, "",
     [](model& m) {
       m.g.nodes.push_back({"Identity", {"w0"}, {"dead"}});
       return at_node(m, "dead");
     }},
    {"a second chain beside the first", status::ok, "",
     [](model& m) {
       m.g.nodes.push_back({"Relu", {"b0"}, {"other"}});
       return at_node(m, "other");
     }},
    {"Add in the chain", status::ok, "",
     [](model& m) {
       m.g.producer("a0") = {"Add", {"h0", "b0"}, {"a0"}};
       return at_node(m, "a0");
     }},
    {"Cast in the chain", status::ok, "",
     [](model& m) {
       m.g.producer("a0") = {"Cast", {"h0"}, {"a0"}, {w::int_attribute("to", 1)}};
       return at_node(m, "a0");
     }},
    {"Relu before any layer", status::ok, "",
     [](model& m) {
       reconnect(m, "features", "r");
       insert(m, 0, {"Relu", {"features"}, {"r"}});
       return at_node(m, "r");
     }},
    {"Relu twice", status::ok, "",
     [](model& m) {
       reconnect(m, "a0", "r");
       insert(m, 4, {"Relu", {"a0"}, {"r"}});
       return at_node(m, "r");
     }},
    {"Flatten of the input", status::ok, "",
     [](model& m) {
       reconnect(m, "features", "r");
       insert(m, 0, {"Flatten", {"features"}, {"r"}});
       return at_node(m, "r");
     }},
    {"Relu behind the way out", status::ok, "",
     [](model& m) {
       m.g.nodes.push_back({"Relu", {"y"}, {"r"}});
       m.g.outputs[0].name = "r";
       return at_node(m, "r");
     }},
    {"Reshape to [1]", status::ok, "",
     [](model& m) {
       m.g.producer("y").op_type = "Reshape";
       return at_initializer(m, "axes");
     }},
    {"Div before Sub", status::ok, "",
     [](model& m) {
       m.g.producer("scaled").inputs[0] = "features";
       m.g.nodes.erase(m.g.nodes.begin());
       return at_node(m, "scaled");
     }},
    {"Mul before Sub", status::ok, "",
     [](model& m) {
       m.g.producer("scaled") = {"Mul", {"features", "std"}, {"scaled"}};
       m.g.nodes.erase(m.g.nodes.begin());
       return at_node(m, "scaled");
     }},
    {"mean - x", status::ok, "",
     [](model& m) {
       m.g.producer("centred").inputs = {"mean", "features"};
       return at_node(m, "centred");
     }},
    {"Sub twice", status::ok, "",
     [](model& m) {
       m.g.producer("scaled").op_type = "Sub";
       return at_node(m, "scaled");
     }},
    {"Sub alone", status::ok, "",
     [](model& m) {
       m.g.producer("h0").inputs[0] = "centred";
       m.g.nodes.erase(m.g.nodes.begin() + 1);
       return at_node(m, "h0");
     }},
    {"a second Div", status::ok, "",
     [](model& m) {
       m.g.producer("h0").inputs[0] = "twice";
       insert(m, 2, {"Div", {"scaled", "std"}, {"twice"}});
       return at_node(m, "twice");
     }},
    {"Sub behind a layer", status::ok, "",
     [](model& m) {
       m.g.producer("a0") = {"Sub", {"h0", "b0"}, {"a0"}};
       return at_node(m, "a0");
     }},
    {"Mul behind a layer", status::ok, "",
     [](model& m) {
       m.g.producer("a0") = {"Mul", {"h0", "b0"}, {"a0"}};
       return at_node(m, "a0");
     }},
    {"MatMul without Add", status::ok, "",
     [](model& m) {
       m.g.producer("h0") = {"MatMul", {"scaled", "w0"}, {"h0"}};
       m.g.initializer("w0").dims = {3, 2};
       return at_node(m, "a0");
     }},
    {"MatMul without Add at the output", status::ok, "",
     [](model& m) {
       m.g.producer("h1") = {"MatMul", {"a0", "w1"}, {"h1"}};
       m.g.initializer("w1").dims = {2, 1};
       m.g.nodes.pop_back();
       m.g.outputs[0] = {"h1", {"N", 1}};
       return in(m.g.outputs[0].write());
     }},
    {"two layers without Relu", status::ok, "",
     [](model& m) {
       m.g.producer("h1").inputs[0] = "h0";
       m.g.nodes.erase(m.g.nodes.begin() + 3);
       return at_node(m, "h1");
     }},
    {"Relu at the output", status::ok, "",
     [](model& m) {
       m.g.producer("y") = {"Relu", {"h1"}, {"r"}};
       m.g.outputs[0] = {"r", {"N", 1}};
       return in(m.g.outputs[0].write());
     }},
    {"Relu before the way out", status::ok, "",
     [](model& m) {
       reconnect(m, "h1", "r");
       insert(m, 5, {"Relu", {"h1"}, {"r"}});
       return at_node(m, "y");
     }},
    {"an output of two values a row", status::ok, "",
     [](model& m) {
       m.g.nodes.resize(3, m.g.nodes[0]);
       m.g.outputs[0] = {"h0", {"N", 2}};
       return in(m.g.outputs[0].write());
     }},
};
const std::vector<row> accepted_int8_rows{
    {"two layers without Relu", status::ok, "",
     [](model& m) {
       m.g.producer("q1").inputs[0] = "h0";
       std::erase_if(m.g.nodes, [](const w::node& n) { return n.outputs[0].view() == "a0"; });
       return at_node(m, "q1");
     }},
    {"no Add", status::ok, "",
     [](model& m) {
       m.g.producer("a0").inputs[0] = "p0";
       std::erase_if(m.g.nodes, [](const w::node& n) { return n.outputs[0].view() == "h0"; });
       return at_node(m, "a0");
     }},
};
const std::vector<row> accepted_static_rows{
    {"two layers without Relu", status::ok, "",
     [](model& m) {
       m.g.producer("q1").inputs[0] = "h0";
       std::erase_if(m.g.nodes, [](const w::node& n) { return n.outputs[0].view() == "a0"; });
       return at_node(m, "q1");
     }},
};
const std::vector<row> accepted_scale_rows{
    {"a scale of the sum used twice", status::ok, "",
     [](model& m) {
       m.g.producer("p1").inputs[1] = "sc0";
       return at_node(m, "p1");
     }},
    {"a scale of the sum that nothing uses", status::ok, "",
     [](model& m) {
       m.g.producer("p0").inputs[1] = "s0";
       return at_node(m, "sc0");
     }},
};

const bytes external_bytes(std::string(64, '\0'));
const bytes external_nan(std::string(60, '\0') + "\xff\xff\xff\xff");
const tinymlp::onnx::external_file external_files[] = {{"weights.bin", external_bytes.span()},
                                                       {"nan.bin", external_nan.span()}};

void check(const row& r, model good) {
  CAPTURE(std::string_view(r.what));
  const bytes before = good.write();
  tinymlp::onnx::plan p;
  REQUIRE(tinymlp::onnx::parse_into(p, before.span(), external_files).code == status::ok);
  const place where = r.break_it(good);
  const bytes file = good.write();
  const tinymlp::error e = tinymlp::onnx::parse_into(p, file.span(), external_files);
  CHECK(tinymlp::message(e.code) == tinymlp::message(r.code));
  if (e.code == status::ok) return; // and on to the other rows
  CHECK(e.where == r.where);
  CHECK(e.offset == expected_offset(file, where));
}

} // namespace

TEST_CASE("a broken float32 model is refused with code, offset and name") {
  for (const row& r : float_rows) check(r, w::fp32_model({3, 2, 1}));
}

TEST_CASE("a broken int8 model is refused with code, offset and name") {
  for (const row& r : int8_rows) check(r, w::int8_model({3, 2, 1}));
}

TEST_CASE("a broken static int8 model is refused with code, offset and name") {
  for (const row& r : static_rows) check(r, w::static_model({3, 2, 1}));
  for (const row& r : computed_scale_rows) check(r, w::static_model({3, 2, 1}, false, true));
}

TEST_CASE("what was refused once and is accepted now") {
  for (const row& r : accepted_float_rows) check(r, w::fp32_model({3, 2, 1}));
  for (const row& r : accepted_int8_rows) check(r, w::int8_model({3, 2, 1}));
  for (const row& r : accepted_static_rows) check(r, w::static_model({3, 2, 1}));
  for (const row& r : accepted_scale_rows) check(r, w::static_model({3, 2, 1}, false, true));
}

TEST_CASE("every code is produced by some row, and says something of its own") {
  std::set<status> produced{status::ok,
                            status::size_mismatch,
                            status::isa_unsupported, // of calls
                            status::short_storage,
                            status::out_of_memory, // mlp_test.cpp
                            status::network_mismatch,
                            status::precision_mismatch, // packing_refuse_test.cpp
                            status::file_too_large,
                            status::unknown_output}; // see below
  for (const row& r : float_rows) produced.insert(r.code);
  for (const row& r : int8_rows) produced.insert(r.code);
  std::set<std::string_view> messages;
  constexpr auto last = static_cast<unsigned>(status::out_of_memory);
  for (unsigned i = 0; i <= last; ++i) {
    const auto code = static_cast<status>(i);
    CAPTURE(i);
    CAPTURE(tinymlp::message(code));
    CHECK(produced.contains(code));
    CHECK_FALSE(tinymlp::message(code).empty());
    CHECK(messages.insert(tinymlp::message(code)).second);
  }
  CHECK(tinymlp::message(static_cast<status>(last + 1)) == "unknown error");
}

TEST_CASE("a file of more than 2 GiB is refused unread") {
  const char byte = 0;
  tinymlp::onnx::plan p;
  if constexpr (sizeof(std::size_t) > 4) {
    const tinymlp::error e =
        tinymlp::onnx::parse_into(p, std::span<const char>(&byte, 0x80000000U));
    CHECK(e.code == status::file_too_large);
  }
}

TEST_CASE("an output of a name that the graph does not have") {
  const bytes file = w::fp32_model({3, 2, 1}).write();
  tinymlp::onnx::plan p;
  CHECK(tinymlp::onnx::parse_into(p, file.span(), {}, "y").code == status::ok);
  const tinymlp::error e = tinymlp::onnx::parse_into(p, file.span(), {}, "nowhere");
  CHECK(e.code == status::unknown_output);
  CHECK(e.where == "nowhere");
}
