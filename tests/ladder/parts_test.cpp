// The parts of the ladder that are libraries: generated rows, figures of accuracy, JSON, paths, the
// quantiser against the engine's own.
#include <doctest/doctest.h>

#include <array>
#include <cmath>
#include <filesystem>
#include <fstream>
#include <set>
#include <string>
#include <vector>

#include <tinymlp/tinymlp.hpp>

#include "scores/accuracy.hpp"
#include "system/built_in.hpp"
#include "system/failure.hpp"
#include "system/folder.hpp"
#include "registry/json_schema.hpp"
#include "system/json_value.hpp"
#include "scores/numpy_random.hpp"
#include "onnx/onnx_file.hpp"
#include "onnx/onnx_scan.hpp"
#include "models/quantizer.hpp"
#include "test_data.hpp"

using namespace tinymlp;
using namespace tinymlp::tools;

namespace {

const json_value& recorded() { // by tests/ladder/record.py
  static const json_value document =
      parse_json(test_data::must_read("tests/ladder/recorded.json"), "recorded.json");
  return document;
}

std::vector<float> floats(const json_value& texts) {
  std::vector<float> to;
  for (const json_value& text : *texts.as_array()) to.push_back(std::stof(*text.as_string()));
  return to;
}

std::string refusal(const auto& action) {
  try {
    action();
  } catch (const failure& reason) {
    return reason.what();
  }
  return "none";
}

} // namespace

TEST_CASE("generated rows are numpy.random.default_rng(seed).random(n, float32)") {
  const json_value& seeds = *recorded().find("random");
  REQUIRE(seeds.as_object()->size() == 4);
  for (const auto& [key, values] : *seeds.as_object()) {
    const std::string& seed = key; // Clang 14 captures no structured binding
    CAPTURE(seed);
    const std::vector<float> expected = floats(values);
    CHECK(numpy_uniform_float32(static_cast<std::uint32_t>(std::stoul(seed)), expected.size()) ==
          expected);
  }
}

TEST_CASE("equal values share their mean rank") {
  const std::vector<double> values{3, 1, 3, 2, 3};
  CHECK(average_ranks(values) == std::vector<double>{4, 1, 4, 2, 4});
  CHECK(average_ranks({}).empty());
}

TEST_CASE("figures of accuracy are NumPy's") {
  const json_value& wanted = *recorded().find("accuracy");
  const accuracy a =
      compare_scores(floats(*wanted.find("baseline")), floats(*wanted.find("other")));
  const auto check = [&](const char* name, double value) {
    CAPTURE(name);
    CHECK(value == doctest::Approx(wanted.find(name)->number()).epsilon(1e-12));
  };
  CHECK(a.rows == 257);
  check("plcc", a.plcc);
  check("srocc", a.srocc);
  check("rmse", a.rmse);
  check("bias", a.bias);
  check("mean_abs", a.mean_abs);
  check("p99_abs", a.p99_abs);
  check("worst_abs", a.worst_abs);
}

TEST_CASE("figures over no pair are NaN") {
  const std::vector<float> bad{std::nanf(""), 1}, good{1, INFINITY};
  const accuracy a = compare_scores(bad, good);
  CHECK(a.rows == 0);
  CHECK(a.not_finite == 2);
  for (const double figure : {a.plcc, a.srocc, a.rmse, a.bias, a.mean_abs, a.p99_abs, a.worst_abs})
    CHECK(std::isnan(figure));
}

TEST_CASE("JSON is written as it was read") {
  const std::string text = "{\n  \"b\": [\n    1,\n    -2.5,\n    1e+300,\n    0.1,\n    1.0,\n"
                           "    18446744073709551615,\n    \"\\\"\\\\\\n\\u0001\xc3\xa9\"\n  ],\n"
                           "  \"a\": {},\n  \"c\": [],\n  \"d\": null,\n  \"e\": true\n}\n";
  CHECK(write_json(parse_json(text, "x")) == text);
}

TEST_CASE("JSON values compare as JSON has it") {
  const auto equal = [](const char* a, const char* b) {
    return parse_json(a, "a") == parse_json(b, "b");
  };
  CHECK(equal("1", "1.0"));
  CHECK(equal("{\"a\": 1, \"b\": 2}", "{\"b\": 2.0, \"a\": 1}"));
  CHECK_FALSE(equal("1", "true"));
  CHECK_FALSE(equal("1", "\"1\""));
  CHECK_FALSE(equal("[1, 2]", "[2, 1]"));
  CHECK_FALSE(equal("{\"a\": 1}", "{\"a\": 1, \"b\": 2}"));
}

TEST_CASE("JSON that is not taken") {
  CHECK(refusal([] { parse_json("{\"a\": 1, \"a\": 1}", "f"); }) ==
        "f: \"a\" occurs twice in one object");
  CHECK(refusal([] { parse_json("{\"a\": [{\"b\": 1, \"b\": 2}]}", "f"); }) ==
        "f: \"b\" occurs twice in one object");
  CHECK(refusal([] { parse_json(std::string(70, '[') + std::string(70, ']'), "f"); }) ==
        "f: nested more than 64 deep");
  for (const char* text : {"", " ", "{", "[1,]", "nan", "01", "\"\xff\"", "1 2", "{\"a\" 1}"})
    CHECK(refusal([&] { parse_json(text, "f"); }).starts_with("f: not valid JSON: "));
}

TEST_CASE("schemas that are not understood are refused") {
  for (const char* text :
       {"{\"multipleOf\": 2}", "{\"type\": \"int\"}", "{\"pattern\": \"(\"}", "{\"minLength\": -1}",
        "{\"$ref\": \"#/$defs/none\"}", "{\"$ref\": \"other.json\"}", "{\"items\": 3}",
        "{\"allOf\": {}}", "{\"required\": [1]}", "[]"})
    CHECK(refusal([&] { json_schema(parse_json(text, "s"), "s"); }).starts_with("s: "));
  const json_schema circle(
      parse_json("{\"$defs\": {\"a\": {\"allOf\": [{\"$ref\": \"#/$defs/a\"}]}}, "
                 "\"$ref\": \"#/$defs/a\"}",
                 "s"),
      "s");
  CHECK(refusal([&] { static_cast<void>(circle.check(json_value())); }) ==
        "the schema refers to itself without end");
}

TEST_CASE("characters are counted, not bytes") {
  CHECK(code_points("") == 0);
  CHECK(code_points("abc") == 3);
  CHECK(code_points("\xc3\xa9\xe2\x82\xac\xf0\x9d\x84\x9e") == 3);
}

TEST_CASE("paths with an objection") {
  for (const char* path : {"a", "a/b", "...", "a/..b", ".a", "a..", "a b"})
    CHECK_FALSE(path_objection(path).has_value());
  for (const char* path :
       {"", "/", "/a", "..", "../a", "a/..", "a/../b", "a//b", "a/", ".", "./a", "a/./b"})
    CHECK(path_objection(path).has_value());
  CHECK(path_objection(std::string("a\0b", 3)).has_value());
}

TEST_CASE("a scan finds operator set and external data") {
  const std::string model = test_data::must_read("model/mlp_small.onnx");
  const onnx_scan scan = scan_onnx(model);
  CHECK(scan.opset == 17);
  CHECK(scan.locations.empty());
  for (std::size_t size = 1; size < model.size() / 2; ++size) { // each in a block of its own size
    const std::vector<char> start(model.begin(), model.begin() + static_cast<std::ptrdiff_t>(size));
    const std::string why = refusal([&] { static_cast<void>(scan_onnx(start)); });
    CHECK((why.starts_with("byte ") || why.starts_with("no graph")));
  }
  CHECK(refusal([] { static_cast<void>(scan_onnx({})); }) == "no graph: not an ONNX model");
}

TEST_CASE("built-in texts are the files in model/") {
  CHECK(registry_schema_text() == test_data::must_read("model/registry.schema.json"));
  CHECK(quant_rows_text() == test_data::must_read("model/quant_rows.csv"));
}

namespace {

template <class Fp32> void check_against_engine(const char* name, granularity grain) {
  CAPTURE(name);
  const onnx_file file = read_onnx_file(std::string("model/") + name + ".onnx");
  const std::string int8 = quantize_model(file, grain);
  const auto expected = quantize(*Fp32::from_plan(file.plan), grain);
  const auto loaded = load<std::remove_const_t<decltype(expected)>>(std::span<const char>(int8));
  REQUIRE(loaded.has_value());
  CHECK(loaded->weights().bytes == expected.weights().bytes);
  CHECK(loaded->weights().floats == expected.weights().floats);
  CHECK(loaded->weights().sums == expected.weights().sums);
}

} // namespace

TEST_CASE("the quantiser writes what the engine computes at compile time") {
  for (const granularity grain : {granularity::per_tensor, granularity::per_channel}) {
    check_against_engine<mlp_small>("mlp_small", grain);
    check_against_engine<mlp_medium>("mlp_medium", grain);
    check_against_engine<mlp_large>("mlp_large", grain);
  }
}

TEST_CASE("scales of weights too small for a normal scale are 1, as ONNX Runtime has them") {
  CHECK(symmetric_scale(0) == 1);
  CHECK(symmetric_scale(127 * 0x1p-126F) == 0x1p-126F);
  CHECK(symmetric_scale(std::nextafter(127 * 0x1p-126F, 0.0F)) == 1);
  CHECK(symmetric_scale(127) == 1);
  CHECK(symmetric_scale(std::numeric_limits<float>::max()) ==
        std::numeric_limits<float>::max() / 127);
}
