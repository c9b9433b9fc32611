// Every accepted form of a model. Those in data/accepted.txt were written by the onnx package and
// ONNX Runtime's quantiser, with ONNX Runtime's scores; the rest must score as they do.
#include "both_ways.hpp"
#include "onnx_writer.hpp"
#include "test_data.hpp"

#include <tinymlp/load.hpp>
#include <tinymlp/network.hpp>
#include <tinymlp/quantized.hpp>

#include <algorithm>
#include <cmath>
#include <map>
#include <sstream>
#include <string>
#include <utility>
#include <vector>

using tinymlp::network, tinymlp::quantized_network;
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
  if (m.precision == "int8")
    check_recorded<quantized_network<Sizes...>>(m);
  else
    check_recorded<network<Sizes...>>(m);
}

const std::map<std::string, void (*)(const recorded&)> shapes{
    {"1-1", check_shape<1, 1>},
    {"6-1", check_shape<6, 1>},
    {"3-5-7-1", check_shape<3, 5, 7, 1>},
    {"10-24-1", check_shape<10, 24, 1>},
    {"6-4-3-1", check_shape<6, 4, 3, 1>},
    {"3-4-2-1", check_shape<3, 4, 2, 1>},
    {"17-65-1", check_shape<17, 65, 1>},
    {"64-8-1", check_shape<64, 8, 1>},
    {"100-33-17-1", check_shape<100, 33, 17, 1>},
    {"2-2-2-2-2-2-2-2-2-2-2-2-2-2-2-2-1",
     check_shape<2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 1>},
};

// ---- forms that the onnx package does not write

using small = network<3, 4, 2, 1>;
using small_int8 = quantized_network<3, 4, 2, 1>;

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

model usual() { return w::fp32_model({3, 4, 2, 1}); }
model usual_int8() { return w::int8_model({3, 4, 2, 1}); }

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

TEST_CASE("Identity may stand anywhere") {
  check_usual(with_identities(usual()));
  check_usual(with_identities(with_identities(usual()), '+'));
  check_usual_int8(with_identities(usual_int8()));
}
