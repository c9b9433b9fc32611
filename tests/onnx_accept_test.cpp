// Every accepted form of a model. Those in data/accepted.txt were written by the onnx package and
// ONNX Runtime's quantiser, with ONNX Runtime's scores; the rest must score as they do.
#include "both_ways.hpp"
#include "onnx_writer.hpp"
#include "test_data.hpp"

#include <tinymlp/load.hpp>
#include <tinymlp/network.hpp>
#include <tinymlp/quantized.hpp>
#include <tinymlp/static_quantized.hpp>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <map>
#include <sstream>
#include <string>
#include <utility>
#include <vector>

using tinymlp::network, tinymlp::quantized_network, tinymlp::static_quantized_network;
using tinymlp::onnx::external_file;
namespace w = onnx_writer;
using w::bytes, w::model, w::storage;

namespace {

// ---- data/accepted.txt

struct expected_score {
  float onnxruntime = 0;
  double float64 = 0, magnitude = 0; // of fp32 models
};

struct recorded {
  std::string name, shape, precision, content;
  std::vector<std::pair<std::string, std::string>> files; // external data: location, content
  std::vector<expected_score> scores;
};

struct recordings {
  std::map<std::size_t, std::vector<float>> rows; // by the number of features
  std::vector<recorded> models;
};

std::vector<std::int64_t> sizes_of(const std::string& shape) {
  std::vector<std::int64_t> sizes;
  for (const float size : test_data::numbers(shape, '-'))
    sizes.push_back(static_cast<std::int64_t>(size));
  return sizes;
}

bytes written(const recorded& m, bool per_channel) {
  const std::vector<std::int64_t> sizes = sizes_of(m.shape);
  if (m.precision == "static") return w::static_model(sizes, per_channel).write();
  return (m.precision == "int8" ? w::int8_model(sizes, per_channel) : w::fp32_model(sizes)).write();
}

expected_score parse_score(const std::string& line) {
  std::istringstream fields(line);
  std::string text;
  expected_score s;
  for (int i = 0; fields >> text; ++i) { // a stream does not read "nan"
    if (i == 0) s.onnxruntime = std::strtof(text.c_str(), nullptr);
    (i == 1 ? s.float64 : s.magnitude) = std::strtod(text.c_str(), nullptr);
  }
  return s;
}

recordings read_recordings() {
  recordings to;
  std::vector<float>* rows = nullptr;
  std::istringstream lines(test_data::must_read("tests/data/accepted.txt"));
  for (std::string line; std::getline(lines, line);) {
    std::istringstream fields(line);
    std::string key, value;
    fields >> key;
    if (key == "#") continue;
    if (key == "rows") {
      fields >> value;
      rows = &to.rows[std::stoul(value)];
    } else if (key == "model") {
      recorded m;
      fields >> m.name >> m.shape >> m.precision;
      to.models.push_back(m);
      rows = nullptr;
    } else if (key == "onnx") {
      fields >> value;
      to.models.back().content = test_data::base64(value);
    } else if (key == "written" || key == "written_per_channel") {
      to.models.back().content = written(to.models.back(), key != "written").view();
    } else if (key == "file") {
      std::string location;
      fields >> location >> value;
      to.models.back().files.emplace_back(location, test_data::base64(value));
    } else if (key == "same_scores_as") {
      fields >> value;
      const auto like = std::find_if(to.models.begin(), to.models.end(),
                                     [&](const recorded& m) { return m.name == value; });
      REQUIRE(like != to.models.end());
      to.models.back().scores = like->scores;
    } else if (rows != nullptr) {
      for (const float v : test_data::numbers(line)) rows->push_back(v);
    } else if (key != "scores") {
      to.models.back().scores.push_back(parse_score(line));
    }
  }
  return to;
}

const recordings& all_recordings() {
  static const recordings read = read_recordings();
  return read;
}

const recorded& recording(std::string_view name) {
  for (const recorded& m : all_recordings().models)
    if (m.name == name) return m;
  FAIL("no model ", name, " in tests/data/accepted.txt");
  return all_recordings().models.front();
}

template <class Net> tinymlp::result<Net> load_recorded(const recorded& m) {
  std::vector<external_file> files;
  for (const auto& [location, content] : m.files) files.push_back({location, content});
  return tinymlp::load<Net>(std::span<const char>(m.content), files);
}

// float32 sums may err by a few roundings of their terms; where the result is not finite in
// float32, float64 has no say.
bool close_enough(float score, const expected_score& e) {
  if (!std::isfinite(e.onnxruntime)) return !std::isfinite(score);
  const double unit = 0x1p-24 * e.magnitude;
  return std::abs(double{score} - e.float64) <= 4 * unit;
}

template <class Net> void check_recorded(const recorded& m) {
  const tinymlp::result<Net> net = load_recorded<Net>(m);
  const tinymlp::error e = net.error();
  CAPTURE(tinymlp::message(e.code));
  CAPTURE(e.where);
  CAPTURE(e.offset);
  REQUIRE(net.has_value());
  const std::vector<float>& rows = all_recordings().rows.at(Net::inputs);
  const std::vector<float> scores = test_data::scores_of(*net, rows);
  REQUIRE(scores.size() == m.scores.size());
  for (std::size_t r = 0; r < scores.size(); ++r) {
    CAPTURE(r);
    CAPTURE(scores[r]);
    CAPTURE(m.scores[r].onnxruntime);
    CAPTURE(m.scores[r].float64);
    if (Net::kind == tinymlp::onnx::precision::int8)
      CHECK(test_data::same(scores[r], m.scores[r].onnxruntime));
    else
      CHECK(close_enough(scores[r], m.scores[r]));
  }
}

template <std::size_t... Sizes> void check_shape(const recorded& m) {
  if (m.precision == "static")
    check_recorded<static_quantized_network<Sizes...>>(m);
  else if (m.precision == "int8")
    check_recorded<quantized_network<Sizes...>>(m);
  else
    check_recorded<network<Sizes...>>(m);
}

const std::map<std::string, void (*)(const recorded&)> shapes{
    {"1-1", check_shape<1, 1>},
    {"3-5-7-1", check_shape<3, 5, 7, 1>},
    {"10-24-1", check_shape<10, 24, 1>},
    {"3-4-2-1", check_shape<3, 4, 2, 1>},
    {"100-33-17-1", check_shape<100, 33, 17, 1>},
    {"2-2-2-2-2-2-1", [](const recorded& m) { check_recorded<network<2, 2, 2, 2, 2, 2, 1>>(m); }},
};

// ---- quantize()

template <std::size_t... Sizes>
void check_quantised(const recorded& m, const recorded& source, tinymlp::granularity grain) {
  const auto expected = load_recorded<quantized_network<Sizes...>>(m);
  const auto plain = load_recorded<network<Sizes...>>(source);
  REQUIRE((expected && plain));
  const quantized_network<Sizes...> actual = tinymlp::quantize(*plain, grain);
  constexpr std::array sizes{Sizes...};
  for (std::size_t l = 0; l + 1 < sizes.size(); ++l)
    for (std::size_t o = 0; o < sizes[l + 1]; ++o) {
      CAPTURE(l);
      CAPTURE(o);
      CHECK(test_data::same(actual.weight_scale(l, o), expected->weight_scale(l, o)));
      CHECK(test_data::same(actual.bias(l, o), expected->bias(l, o)));
      for (std::size_t i = 0; i < sizes[l]; ++i)
        CHECK(actual.weight(l, i, o) == expected->weight(l, i, o));
    }
  const std::vector<float> scores =
      test_data::scores_of(actual, all_recordings().rows.at(sizes.front()));
  for (std::size_t r = 0; r < scores.size(); ++r)
    CHECK(test_data::same(scores[r], m.scores[r].onnxruntime));
}

const std::map<std::string, void (*)(const recorded&, const recorded&, tinymlp::granularity)>
    quantised_like{
        {"1-1", check_quantised<1, 1>},           {"3-5-7-1", check_quantised<3, 5, 7, 1>},
        {"10-24-1", check_quantised<10, 24, 1>},  {"6-4-3-1", check_quantised<6, 4, 3, 1>},
        {"3-4-2-1", check_quantised<3, 4, 2, 1>},
    };

// ---- forms that the onnx package does not write

using small = network<3, 4, 2, 1>;
using small_int8 = quantized_network<3, 4, 2, 1>;
using small_static = static_quantized_network<3, 4, 2, 1>;

template <class Net>
std::vector<float> scores_of(const bytes& file, tinymlp::onnx::external_files external = {}) {
  const tinymlp::result<Net> net = tinymlp::load<Net>(file.span(), external);
  const tinymlp::error e = net.error();
  CAPTURE(tinymlp::message(e.code));
  CAPTURE(e.where);
  CAPTURE(e.offset);
  REQUIRE(net.has_value());
  return test_data::scores_of(*net, all_recordings().rows.at(Net::inputs));
}

// Does the model score exactly as the one that ONNX Runtime was asked about?
template <class Net>
void check_as(std::string_view name, const model& m, tinymlp::onnx::external_files files = {}) {
  CAPTURE(name);
  const tinymlp::result<Net> like = load_recorded<Net>(recording(name));
  REQUIRE(like.has_value());
  const std::vector<float> expected =
      test_data::scores_of(*like, all_recordings().rows.at(Net::inputs));
  const std::vector<float> actual = scores_of<Net>(m.write(), files);
  std::size_t different = 0;
  for (std::size_t r = 0; r < expected.size(); ++r)
    different += !test_data::same(actual[r], expected[r]);
  CHECK(different == 0);
}
void check_usual(const model& m, tinymlp::onnx::external_files files = {}) {
  check_as<small>("opset_17", m, files);
}
void check_usual_int8(const model& m, tinymlp::onnx::external_files files = {}) {
  check_as<small_int8>("int8_per_tensor", m, files);
}

void check_usual_static(const model& m, tinymlp::onnx::external_files files = {}) {
  check_as<small_static>("static_3-4-2-1", m, files);
}

model usual() { return w::fp32_model({3, 4, 2, 1}); }
model usual_int8() { return w::int8_model({3, 4, 2, 1}); }
model usual_static() { return w::static_model({3, 4, 2, 1}); }

// An Identity behind the input, every constant and every result.
constexpr model with_identities(const model& plain, char mark = '_') {
  model m = plain;
  m.g.nodes.clear();
  const auto follow = [&m, mark](const bytes& value) {
    m.g.nodes.push_back({"Identity", {value}, {bytes(value).put(mark)}});
  };
  follow(m.g.inputs[0].name);
  for (const w::tensor& t : m.g.initializers) follow(t.name);
  for (w::node n : plain.g.nodes) {
    for (bytes& input : n.inputs) input.put(mark);
    m.g.nodes.push_back(n);
    for (const bytes& output : n.outputs) follow(output);
  }
  m.g.outputs[0].name.put(mark);
  return m;
}

} // namespace

TEST_CASE("models by the onnx package and ONNX Runtime's quantiser score as ONNX Runtime does") {
  for (const recorded& m : all_recordings().models) {
    CAPTURE(m.name);
    REQUIRE(shapes.contains(m.shape));
    shapes.at(m.shape)(m);
  }
  CHECK(all_recordings().models.size() >= 100);
}

TEST_CASE("quantize() gives the weights, scales and scores of ONNX Runtime's quantiser") {
  int compared = 0;
  for (const recorded& m : all_recordings().models) {
    constexpr std::string_view per_tensor = "int8_quantised_", per_channel = "per_channel_";
    if (!m.name.starts_with(per_tensor)) continue;
    CAPTURE(m.name);
    std::string_view source = std::string_view(m.name).substr(per_tensor.size());
    tinymlp::granularity grain = tinymlp::granularity::per_tensor;
    if (source.starts_with(per_channel)) {
      grain = tinymlp::granularity::per_channel;
      source.remove_prefix(per_channel.size());
    }
    const bool edge = source.starts_with("edge_");
    quantised_like.at(m.shape)(m, recording((edge ? "" : "shape_") + std::string(source)), grain);
    ++compared;
  }
  CHECK(compared == 18);
}

TEST_CASE("Identity may stand anywhere") {
  check_usual(with_identities(usual()));
  check_usual(with_identities(with_identities(usual()), '+'));
  check_usual_int8(with_identities(usual_int8()));
  check_usual_static(with_identities(usual_static()));
  check_usual_static(with_identities(w::static_model({3, 4, 2, 1}, false, true)));
}

TEST_CASE("the writer's models are those of the onnx package") {
  check_usual(usual());
  check_usual_int8(usual_int8());
  check_as<small_int8>("int8_per_channel", w::int8_model({3, 4, 2, 1}, true));
  check_usual_static(usual_static());
  check_usual_static(w::static_model({3, 4, 2, 1}, false, true));
  check_as<small_static>("static_per_channel_3-4-2-1", w::static_model({3, 4, 2, 1}, true));
  check_as<small_static>("static_per_channel_3-4-2-1", w::static_model({3, 4, 2, 1}, true, true));
}

TEST_CASE("tensors keep their elements in raw_data or in typed fields, packed or not") {
  for (const storage form : {storage::packed, storage::unpacked, storage::mixed}) {
    model m = usual(), q = usual_int8(), s = usual_static();
    for (model* each : {&m, &q, &s})
      for (w::tensor& t : each->g.initializers) t.form = form;
    check_usual(m);
    check_usual_int8(q);
    check_usual_static(s);
  }
}

TEST_CASE("one packed array of floats is read as fast as raw data: where the floats lie") {
  for (const storage form : {storage::packed, storage::unpacked, storage::mixed}) {
    const w::bytes text = w::floats("w", {2, 2}, {1, 2, 3, 4}, form).write();
    tinymlp::onnx::tensor t;
    CHECK(tinymlp::onnx::parse_tensor({text.data(), text.size(), 0}, {}, t).code ==
          tinymlp::status::ok);
    const char* data = nullptr;
    CHECK(tinymlp::onnx::raw_floats(t, data) == (form == storage::packed));
    if (data != nullptr) CHECK(std::memcmp(data, "\0\0\x80\x3f\0\0\0\x40", 8) == 0);
    tinymlp::onnx::element_reader reader(t);
    for (const float expected : {1.0F, 2.0F, 3.0F, 4.0F}) {
      float value = 0;
      CHECK(reader.next(value));
      CHECK(value == expected);
    }
  }
}

TEST_CASE("dimensions may be packed") {
  model m = usual();
  for (w::tensor& t : m.g.initializers) t.packed_dims = true;
  check_usual(m);
}

TEST_CASE("elements in external files, at any offset, with or without a length") {
  model m = usual(), q = usual_int8(), s = usual_static();
  bytes one("padding"), other;
  for (model* each : {&m, &q, &s})
    for (w::tensor& t : each->g.initializers) {
      const bool whole = t.name.view() == "w0" && each == &m; // a file of its own
      t.form = storage::external;
      t.external = {{"location", whole ? "weights/w0" : "all.bin"}, {"checksum", "not looked at"}};
      if (!whole) {
        t.external.push_back({"offset", std::to_string(one.size())});
        t.external.push_back({"length", std::to_string(t.raw_data().size())});
      }
      (whole ? other : one).put(t.raw_data());
    }
  const external_file files[] = {{"all.bin", one.span()}, {"weights/w0", other.span()}};
  check_usual(m, files);
  check_usual_int8(q, files);
  check_usual_static(s, files);
}

TEST_CASE("constants from Constant nodes, in every form of the value") {
  for (const bool pack : {false, true}) {
    model m = usual();
    std::vector<w::node> nodes;
    for (const w::tensor& t : m.g.initializers) {
      const bool list = t.dims.size() == 1;
      w::attribute value = w::tensor_attribute("value", t);
      if (list && t.type == w::int64) value = w::ints_attribute("value_ints", t.ints, pack);
      if (list && t.type == w::float32) value = w::floats_attribute("value_floats", t.floats, pack);
      nodes.push_back(w::constant(t.name, value));
    }
    m.g.initializers.clear();
    m.g.nodes.insert(m.g.nodes.begin(), nodes.begin(), nodes.end());
    check_usual(m);
    check_usual(with_identities(m));
  }
}

TEST_CASE("constants that nothing uses") {
  model m = usual();
  m.g.initializers.push_back(w::integers("ids", {2}, w::int64, {1, 2}, storage::unpacked));
  m.g.nodes.push_back(w::constant("count", w::int_attribute("value_int", 3)));
  m.g.nodes.push_back(w::constant("ratio", w::float_attribute("value_float", 0)));
  check_usual(m);
}

TEST_CASE("one constant for several nodes") {
  model m = w::fp32_model({2, 2, 2, 1}), shared = m;
  m.g.initializer("w1").floats = m.g.initializer("w0").floats;
  m.g.initializer("b1").floats = m.g.initializer("b0").floats;
  shared.g.producer("h1").inputs = {"a0", "w0", "b0"};
  using net = network<2, 2, 2, 1>;
  const std::vector<float> rows{0, 0, 1, -2, 0.5F, 100};
  const auto a = tinymlp::load<net>(m.write().span()),
             b = tinymlp::load<net>(shared.write().span());
  REQUIRE((a && b));
  CHECK(test_data::scores_of(*a, rows) == test_data::scores_of(*b, rows));
}

TEST_CASE("a fixed number of rows, and an output that leaves it open") {
  model m = usual();
  m.g.inputs[0].dims[0] = 4;
  check_usual(m);
  m.g.outputs[0].dims[0] = 4;
  check_usual(m);
  m.g.inputs[0].dims[0] = "batch";
  check_usual(m);
  m.g.inputs[0].dims[0] = ""; // neither value nor symbol
  check_usual(m);
  m.g.inputs[0].dims[0] = -1; // as exporters write an unknown one
  check_usual(m);
  m.g.outputs[0].dims[0] = -1;
  check_usual(m);
  m.g.outputs[0].dims[0] =
      std::int64_t{0}; // ONNX Runtime runs it; not one that has no rows to read
  check_usual(m);
  m.g.outputs[0].has_shape = false;
  check_usual(m);
}

TEST_CASE("attributes with a declared type and no value") {
  model plain = usual(); // proto3 leaves a zero out
  for (w::node& n : plain.g.nodes)
    if (n.op_type.view() == "Gemm") n.attributes = {{"transB", "", 2}};
  for (std::size_t l = 0; l < 3; ++l) {
    w::tensor& weight = plain.g.initializer(w::numbered("w", l));
    std::swap(weight.dims[0], weight.dims[1]);
  }
  check_as<small>("gemm_not_transposed", plain);
}

TEST_CASE("fields that do not matter, and singular fields twice, of which the last counts") {
  model m = usual();
  m.extra = w::field(3, "1.0").put(w::field(4, "ai.example")).put(w::varint_field(5, 7));
  m.extra.put(w::field(6, "a model")).put(w::field(14, w::field(1, "key").put(w::field(2, "v"))));
  m.extra.put(w::int_field(1, 2)).put(w::int_field(1, 10)); // IR version
  m.g.extra = w::field(10, "a graph").put(w::field(16, w::field(1, "key")));
  m.g.extra.put(w::field(14, "")).put(w::varint_field(4711, 5)).put(w::float_field(30, 5));
  m.g.value_infos = {{"h0", {"N", 4}}, {"nowhere", {}}};
  m.g.initializer("w0").extra = w::field(12, "weights").put(w::varint_field(2, 1));
  m.g.initializer("w1").extra = w::varint_field(2, 11).put(w::varint_field(2, 1));
  m.g.producer("a0").extra = w::field(6, "a node").put(w::field(9, "")).put(w::field(8, ""));
  m.g.producer("a1").extra = w::field(4, "Conv").put(w::field(4, "Relu")).put(w::field(3, "relu"));
  m.g.inputs[0].extra = w::field(3, "six features").put(w::field(2, w::field(6, "denotation")));
  const bytes width = m.g.inputs[0].dims[1].write();
  m.g.inputs[0].dims.pop_back(); // parts of a message are merged
  m.g.inputs[0].extra.put(w::field(2, w::field(1, w::field(2, width))));
  check_usual(m);
}

TEST_CASE("operands omitted by a trailing empty name, and the default domain by its name") {
  model m = usual();
  for (w::node& n : m.g.nodes) n.domain = "ai.onnx";
  m.opsets[0].domain = "ai.onnx";
  m.g.producer("a0").inputs.push_back("");
  check_usual(m);

  model without = usual();
  for (w::node& n : without.g.nodes)
    if (n.op_type.view() == "Gemm") n = {"Gemm", {n.inputs[0], n.inputs[1], ""}, n.outputs};
  for (std::size_t l = 0; l < 3; ++l) {
    w::tensor& weight = without.g.initializer(w::numbered("w", l));
    std::swap(weight.dims[0], weight.dims[1]);
  }
  check_as<small>("gemm_without_bias", without);
}

TEST_CASE("parts in another order, and varints longer than needed") {
  const model m = usual();
  bytes graph;
  for (const w::value_info& v : m.g.outputs) graph.put(w::field(12, v.write()));
  for (const w::value_info& v : m.g.inputs) graph.put(w::field(11, v.write()));
  for (std::size_t i = m.g.initializers.size(); i-- > 0;)
    graph.put(w::field(5, m.g.initializers[i].write()));
  for (const w::node& n : m.g.nodes) {
    const bytes content = n.write();
    graph.put(w::varint(1 << 3 | 2, 5)).put(w::varint(content.size(), 10)).put(content);
  }
  bytes file;
  for (const w::opset& o : m.opsets) file.put(w::field(8, o.write()));
  file.put(w::field(7, graph)).put(w::varint(1 << 3, 3)).put(w::varint(8, 9));
  const auto a = scores_of<small>(file), b = scores_of<small>(m.write());
  CHECK(std::equal(a.begin(), a.end(), b.begin(), test_data::same));
}

TEST_CASE("an IR 3 model lists its initializers among its inputs, before or after its own") {
  for (const bool before : {true, false}) {
    model m = usual();
    m.ir_version = 3;
    std::vector<w::value_info> listed;
    for (const w::tensor& t : m.g.initializers)
      listed.emplace_back(t.name, std::vector<w::dimension>(t.dims.begin(), t.dims.end()), t.type);
    m.g.inputs.insert(before ? m.g.inputs.begin() : m.g.inputs.end(), listed.begin(), listed.end());
    check_usual(m);
  }
}

TEST_CASE("attributes of QuantizeLinear that change nothing") {
  const auto with = [](std::int64_t opset, const std::vector<w::attribute>& attributes) {
    model m = usual_static();
    m.opsets[0].version = opset;
    for (w::node& n : m.g.nodes)
      if (n.op_type.view() == "QuantizeLinear") n.attributes = attributes;
    return m;
  };
  for (const int axis : {-2, -1, 0, 1})
    check_usual_static(with(13, {w::int_attribute("axis", axis)}));
  check_usual_static(with(19, {w::int_attribute("saturate", 1)}));
  check_usual_static(with(21, {w::int_attribute("block_size", 0)}));
  for (const int type : {0, 2})
    check_usual_static(with(21, {w::int_attribute("output_dtype", type)}));
  for (const int type : {0, 1}) check_usual_static(with(23, {w::int_attribute("precision", type)}));
}

TEST_CASE("the zero point of a static layer's sum may be another constant of the same value") {
  model m = usual_static();
  m.g.initializers.push_back(w::integers("again", {1}, w::uint8, {117}));
  m.g.producer("i0").inputs[2] = "again";
  check_usual_static(m);
}

// ---- at compile time too

namespace {

constexpr std::array<float, 3> one_row{0.5F, -1.25F, 3.0F};

template <class Net> constexpr float score(const bytes& file) {
  return tinymlp::load<Net>(file.span())->score(std::span<const float, 3>(one_row));
}
constexpr float usual_score = score<small>(w::fp32_model({3, 4, 2, 1}).write());
constexpr float usual_int8_score = score<small_int8>(w::int8_model({3, 4, 2, 1}).write());
constexpr float usual_static_score = score<small_static>(w::static_model({3, 4, 2, 1}).write());

constexpr bytes with_storage(model m, storage form) {
  for (w::tensor& t : m.g.initializers) t.form = form;
  return m.write();
}

} // namespace

TEST_CASE("forms are read alike at compile time") {
  CHECK_BOTH_WAYS(usual_score == score<small>(w::fp32_model({3, 4, 2, 1}).write()));
  CHECK_BOTH_WAYS(usual_score ==
                  score<small>(with_storage(w::fp32_model({3, 4, 2, 1}), storage::mixed)));
  CHECK_BOTH_WAYS(usual_score ==
                  score<small>(with_identities(w::fp32_model({3, 4, 2, 1})).write()));
  CHECK_BOTH_WAYS(usual_int8_score ==
                  score<small_int8>(with_storage(w::int8_model({3, 4, 2, 1}), storage::packed)));
  CHECK_BOTH_WAYS(usual_static_score == score<small_static>(with_storage(
                                            w::static_model({3, 4, 2, 1}), storage::packed)));
  CHECK_BOTH_WAYS(usual_static_score ==
                  score<small_static>(w::static_model({3, 4, 2, 1}, false, true).write()));
}
