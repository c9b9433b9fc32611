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
#include "system/json.hpp"
#include "scores/numpy_random.hpp"
#include "onnx/onnx_file.hpp"
#include "pictures/latency_plot.hpp"
#include "onnx/onnx_scan.hpp"
#include "models/quantizer.hpp"
#include "test_data.hpp"

using namespace tinymlp;
using namespace tinymlp::tools;

namespace {

const json& recorded() { // by tests/ladder/record.py
  static const json document =
      parse_json(test_data::must_read("tests/ladder/recorded.json"), "recorded.json");
  return document;
}

std::vector<float> floats(const json& texts) {
  std::vector<float> to;
  for (const json& text : texts) to.push_back(std::stof(text.get<std::string>()));
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
  const json& seeds = recorded()["random"];
  REQUIRE(seeds.size() == 4);
  for (const auto& [key, values] : seeds.items()) {
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
  const json& wanted = recorded()["accuracy"];
  const accuracy a = compare_scores(floats(wanted["baseline"]), floats(wanted["other"]));
  const auto check = [&](const char* name, double value) {
    CAPTURE(name);
    CHECK(value == doctest::Approx(wanted[name].get<double>()).epsilon(1e-12));
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
    return same_value(parse_json(a, "a"), parse_json(b, "b"));
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
  for (const char* text : {"", " ", "{", "[1,]", "nan", "01", "\"\xff\"", "1 2", "{\"a\" 1}",
                           "\"\\ud800\"", "1e999", "{\"a\": 1} x", "/* */ 1"})
    CHECK(refusal([&] { parse_json(text, "f"); }).starts_with("f: not valid JSON: "));
  CHECK(refusal([] {
          parse_json("{\n\"a\": x}", "f");
        }).starts_with("f: not valid JSON: at line 2, column 6: "));
  CHECK(refusal([] { parse_json("[18446744073709551616]", "f"); }) ==
        "f: 18446744073709551616 is a whole number beyond 64 bits");
}

TEST_CASE("JSON of many members is read in time proportional to its length") {
  std::string text = "{";
  for (int i = 0; i < 200'000; ++i) text += fmt::format("{}\"{}\":1", i == 0 ? "" : ",", i);
  CHECK(parse_json(text + '}', "f").size() == 200'000); // compared one by one: minutes
}

TEST_CASE("JSON is written in UTF-8 or not at all") {
  CHECK(refusal([] { write_json({{"a", "\xff"}}); }).starts_with("cannot be written as JSON: "));
  CHECK(write_json({{"a", NAN}, {"b", INFINITY}}) == "{\n  \"a\": null,\n  \"b\": null\n}\n");
}

TEST_CASE("schemas that are not understood are refused") {
  for (const char* text :
       {"{\"multipleOf\": 2}", "{\"type\": \"int\"}", "{\"pattern\": \"(\"}", "{\"minLength\": -1}",
        "{\"$ref\": \"#/$defs/none\"}", "{\"$ref\": \"other.json\"}", "{\"items\": 3}",
        "{\"allOf\": {}}", "{\"required\": [1]}", "[]", "{\"uniqueItems\": 3}",
        "{\"maximum\": \"1\"}", "{\"properties\": []}", "{\"enum\": 1}", "{\"type\": [1]}"})
    CHECK(refusal([&] { json_schema(parse_json(text, "s"), "s"); }).starts_with("s: "));
}

TEST_CASE("schemas whose check has no bound are refused") {
  const auto refuses = [](const std::string& text, std::string_view why) {
    CAPTURE(text.substr(0, 100));
    CHECK(refusal([&] { json_schema(parse_json(text, "s"), "s"); }).find(why) != std::string::npos);
  };
  refuses("{\"$defs\": {\"a\": {\"allOf\": [{\"$ref\": \"#/$defs/a\"}]}}, \"$ref\": \"#/$defs/a\"}",
          "leads back to itself");
  refuses("{\"$defs\": {\"a\": {\"items\": {\"$ref\": \"#/$defs/a\"}}}, \"$ref\": \"#/$defs/a\"}",
          "leads back to itself");
  std::string doubling = "{\"$defs\": {"; // each twice as large as the next
  for (int i = 0; i < 20; ++i)
    doubling += fmt::format("\"{0}\": {{\"anyOf\": [{{\"$ref\": \"#/$defs/{1}\"}}, "
                            "{{\"$ref\": \"#/$defs/{1}\"}}]}}, ",
                            i, i + 1);
  refuses(doubling + "\"20\": {\"const\": 1}}, \"$ref\": \"#/$defs/0\"}", "more than 10000 rules");
  refuses("{\"pattern\": \"" + std::string(9000, 'a') + "\"}", "more than 4096 characters");
  refuses("{\"pattern\": \"((a{100}){100}){100}\"}", "more than 4096 characters");
  refuses("{\"pattern\": \"a{999999999999999999999999}\"}", "more than 4096 characters");
  // Back-references have no bound; and the library counts a long one beyond what a long holds.
  const std::string eights(40, '8');
  for (const std::string& escaped :
       {std::string("(a)\\\\1"), "\\\\" + eights, "[\\\\" + eights + "]", "\\\\\\\\\\\\" + eights})
    refuses("{\"pattern\": \"" + escaped + "\"}", "back-reference");
  CHECK(json_schema(parse_json("{\"pattern\": \"^\\\\\\\\" + eights + "$\"}", "s"), "s")
            .check(parse_json("\"\\\\" + eights + "\"", "text"))
            .empty()); // a backslash, and digits
}

TEST_CASE("patterns take time proportional to the text") {
  const json_schema hostile(parse_json("{\"pattern\": \"^(a+)+(a|a)*$\"}", "s"), "s");
  CHECK(hostile.check(std::string(4000, 'a')).empty());
  const auto found = hostile.check(std::string(4000, 'a') + '!'); // by trying: for ever
  REQUIRE(found.size() == 1);
  CHECK(found[0].why.find("does not match ^(a+)+(a|a)*$") != std::string::npos);
  CHECK(hostile.check(std::string(5000, 'a')).at(0).why ==
        "is too long to be matched with a pattern");
}

TEST_CASE("a document of more values than a schema's rules allow for is refused") {
  std::string rules = "{\"items\": {\"allOf\": [";
  for (int i = 0; i < 9000; ++i) rules += i == 0 ? "true" : ",true";
  const json_schema many(parse_json(rules + "]}}", "s"), "s");
  CHECK(many.check(json(std::vector<int>(100))).empty());
  CHECK(refusal([&] {
          static_cast<void>(many.check(json(std::vector<int>(100'000))));
        }).find(" are checked") != std::string::npos);
}

TEST_CASE("a violation tells place, what was found, and what is accepted") {
  const auto told = [](const char* schema, const char* document) {
    std::string text;
    for (const schema_violation& v :
         json_schema(parse_json(schema, "s"), "s").check(parse_json(document, "d"))) {
      for (const std::string& step : v.path) text += step + '.';
      text += ' ' + v.why + ';';
    }
    return text;
  };
  CHECK(told("{\"enum\": [1, \"a\"]}", "\"b\"") == " 'b' is not one of 1, a;");
  CHECK(told("{\"type\": [\"string\", \"null\"]}", "1") == " is not of type string, null;");
  CHECK(told("{\"const\": 1}", "2") == " '2' is not 1;");
  CHECK(told("{\"minimum\": 1, \"maximum\": 2}", "0") == " 0 is below 1;");
  CHECK(told("{\"items\": {\"maximum\": 2.5}}", "[1, 3]") == "1. 3 is above 2.5;");
  CHECK(told("{\"maxLength\": 2}", "\"\xc3\xa9\xe2\x82\xac\xf0\x9d\x84\x9e\"") ==
        " is 3 characters long; 2 are allowed;");
  CHECK(told("{\"minLength\": 2}", "\"a\"") == " is 1 characters long; at least 2 are needed;");
  CHECK(told("{\"maxItems\": 1}", "[1, 2]") == " has 2 items; 1 are allowed;");
  CHECK(told("{\"required\": [\"a\"]}", "{}") == "a. is missing;");
  CHECK(told("{\"properties\": {\"a\": false}}", "{\"a\": 1}") == "a. is not allowed here;");
  CHECK(told("{\"properties\": {\"a\": true}, \"additionalProperties\": false}",
             "{\"a\": 1, \"c\": 1, \"b\": 1}") == "b. is not allowed here;c. is not allowed here;");
  CHECK(told("{\"propertyNames\": {\"maxLength\": 1}}", "{\"ab\": 1}") ==
        "ab. is 2 characters long; 1 are allowed;");
  CHECK(told("{\"not\": {\"title\": \"is text\", \"type\": \"string\"}}", "\"x\"") ==
        " 'x' is text;");
  CHECK(told("{\"pattern\": \"^\xc3\xa9$\"}", "\"e\"") == " 'e' does not match ^\xc3\xa9$;");
  CHECK(told("false", "1") == " is not allowed here;");
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

// Where the largest reading lies a little below or above the border of a bin, the last bin once had
// none.
TEST_CASE("every histogram begins and ends with a reading and holds all") {
  clock_description clock{};
  clock.ticks_per_ns = 2.1;
  clock.step_ticks = 2;
  for (const std::uint32_t low : {0U, 7U, 1000U, 123457U})
    for (std::uint32_t high = low; high < low + 40000; high += 1 + high / 97) {
      const latency_distribution found({low, high, high, low}, 1, clock);
      const auto bins = found.histogram();
      std::uint64_t readings = 0;
      for (const auto& bin : bins) readings += bin.readings;
      CAPTURE(low);
      CAPTURE(high);
      CHECK(readings == 4);
      CHECK(bins.front().readings > 0);
      CHECK(bins.back().readings > 0);
      CHECK(bins.back().to_ns > found.max_ns());
    }
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
