// Scores of real rows against ONNX Runtime and float64: the shipped networks, by the committed
// data/golden_shipped.txt; and the upstream networks where ../shared/golden is at hand.
#include "test_data.hpp"

#include <tinymlp/load.hpp>
#include <tinymlp/network.hpp>
#include <tinymlp/quantized.hpp>
#include <tinymlp/static_quantized.hpp>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdlib>
#include <map>
#include <sstream>
#include <string>
#include <string_view>
#include <vector>

using tinymlp::granularity;
namespace onnx = tinymlp::onnx;

namespace {

template <class Net> Net must_load(const std::string& path) {
  const std::string bytes = test_data::must_read(path);
  const auto net = tinymlp::load<Net>(std::span<const char>(bytes));
  CAPTURE(path);
  CAPTURE(tinymlp::message(net.error().code));
  REQUIRE(net.has_value());
  return *net;
}

double largest_error(const std::vector<float>& scores, const std::vector<double>& exact,
                     std::size_t count) {
  double largest = 0;
  for (std::size_t r = 0; r < count; ++r)
    largest = std::max(largest, std::abs(double{scores[r]} - exact[r]));
  return largest;
}

// Bit for bit; NaN equals NaN.
void check_same(const std::vector<float>& scores, const std::vector<float>& expected) {
  REQUIRE(scores.size() == expected.size());
  for (std::size_t r = 0; r < scores.size(); ++r)
    if (!test_data::same(scores[r], expected[r])) {
      CAPTURE(r);
      CHECK(scores[r] == expected[r]);
    }
}

// `count` real rows, then edge rows. Of the real ones, none is further from float64 than ONNX
// Runtime's furthest, or than `allowance` where that is a matter of luck, the rows being few; each
// edge row is about as far as ONNX Runtime's.
void check_accuracy(const std::vector<float>& scores, const std::vector<float>& onnxruntime,
                    const std::vector<double>& exact, std::size_t count, double allowance) {
  REQUIRE(scores.size() == exact.size());
  REQUIRE(onnxruntime.size() == exact.size());
  const double own = largest_error(scores, exact, count);
  const double theirs = largest_error(onnxruntime, exact, count);
  MESSAGE("largest error ", own, ", ONNX Runtime's ", theirs);
  CHECK(theirs > 0);
  CHECK(own <= std::max(theirs, allowance));
  for (std::size_t r = count; r < scores.size(); ++r) {
    CAPTURE(r);
    CHECK(std::isfinite(scores[r]) == std::isfinite(onnxruntime[r]));
    if (!std::isfinite(scores[r])) continue;
    const double distance = std::abs(double{onnxruntime[r]} - exact[r]);
    CHECK(std::abs(double{scores[r]} - exact[r]) <=
          4 * distance + 0x1p-20 * std::abs(exact[r]) + allowance);
  }
}

// ---- ../shared/golden: one number a line, 2,000 real rows, then 11 edge rows

constexpr std::size_t upstream_real_rows = 2000, upstream_rows = 2011;
const std::string golden_folder = "../shared/golden/", models_folder = "../shared/models/";

bool upstream_is_here() { return test_data::read_file(golden_folder + "features.csv").has_value(); }

std::vector<double> read_column(const std::string& name) {
  std::istringstream lines(test_data::must_read(golden_folder + name));
  std::vector<double> column;
  for (std::string line; std::getline(lines, line);)
    column.push_back(std::strtod(line.c_str(), nullptr));
  REQUIRE(column.size() == upstream_rows);
  return column;
}
std::vector<float> as_float(const std::vector<double>& column) {
  return {column.begin(), column.end()}; // %.9g: rounds back to the float that was written
}

std::vector<float> upstream_features() {
  std::istringstream lines(test_data::must_read(golden_folder + "features.csv"));
  std::string line;
  std::getline(lines, line);
  REQUIRE(line == "adm2,vif_scale0,vif_scale1,vif_scale2,vif_scale3,motion2");
  std::vector<float> rows;
  while (std::getline(lines, line))
    for (const float value : test_data::numbers(line, ',')) rows.push_back(value);
  REQUIRE(rows.size() == upstream_rows * 6);
  return rows;
}

template <class Net> void check_upstream(const std::string& name) {
  CAPTURE(name);
  const auto scores =
      test_data::scores_of(must_load<Net>(models_folder + name + ".onnx"), upstream_features());
  const auto expected = as_float(read_column(name + ".txt"));
  if (Net::kind == onnx::precision::int8)
    check_same(scores, expected);
  else
    check_accuracy(scores, expected, read_column(name + ".float64.txt"), upstream_real_rows, 0);
}

// ---- data/golden_shipped.txt

constexpr double unit_at_100 = 0x1p-17; // in the last place of a score from 64 to 128

struct quantised_layer {
  std::vector<float> scales; // one, or one an output
  std::string weights;       // hexadecimal, [inputs, outputs]
};

struct golden {
  std::map<std::string, std::vector<quantised_layer>> quantised; // by "NAME GRANULARITY"
  std::map<std::string, std::vector<tinymlp::activation_range>> ranges;
  std::map<std::string, std::vector<double>> columns;
  std::vector<float> rows;
  std::size_t real_rows = 0;

  std::vector<float> column(const std::string& name) const { return as_float(columns.at(name)); }
};

golden read_golden() {
  golden to;
  std::vector<std::string> names;
  bool in_rows = false, in_real_rows = false;
  std::istringstream lines(test_data::must_read("tests/data/golden_shipped.txt"));
  for (std::string line; std::getline(lines, line);) {
    std::istringstream fields(line);
    std::string key;
    if (line == "real" || line == "edge") {
      in_rows = true;
      in_real_rows = line == "real";
    } else if (in_rows) {
      for (int i = 0; i < 6; ++i) {
        fields >> key;
        to.rows.push_back(std::strtof(key.c_str(), nullptr));
      }
      for (const std::string& name : names) {
        fields >> key; // a stream does not read "nan"
        to.columns[name].push_back(std::strtod(key.c_str(), nullptr));
      }
      to.real_rows += in_real_rows;
    } else if (fields >> key; key == "columns") {
      while (fields >> key) names.push_back(key);
    } else if (key == "ranges") {
      std::string network, range;
      for (fields >> network; fields >> range;) {
        const std::vector<float> ends = test_data::numbers(range, ',');
        to.ranges[network].push_back({ends.at(0), ends.at(1)});
      }
    } else if (key == "weights") {
      std::string network, grain, layer, scales;
      quantised_layer q;
      fields >> network >> grain >> layer >> scales >> q.weights;
      q.scales = test_data::numbers(scales, ',');
      to.quantised[network + ' ' + grain].push_back(q);
    }
  }
  return to;
}

const golden& shipped() {
  static const golden read = read_golden();
  return read;
}

int hexadecimal(const std::string& text, std::size_t i) {
  return static_cast<signed char>(std::strtol(text.substr(2 * i, 2).c_str(), nullptr, 16));
}

template <std::size_t... Sizes>
void check_weights(const tinymlp::quantized_network<Sizes...>& net,
                   const std::vector<quantised_layer>& expected) {
  constexpr std::array sizes{Sizes...};
  REQUIRE(expected.size() == sizes.size() - 1);
  for (std::size_t l = 0; l + 1 < sizes.size(); ++l) {
    CAPTURE(l);
    const quantised_layer& q = expected[l];
    const std::size_t inputs = sizes[l], outputs = sizes[l + 1];
    REQUIRE(q.weights.size() == 2 * inputs * outputs);
    REQUIRE((q.scales.size() == 1 || q.scales.size() == outputs));
    std::size_t different = 0;
    for (std::size_t o = 0; o < outputs; ++o) {
      different += !test_data::same(net.weight_scale(l, o), q.scales[q.scales.size() == 1 ? 0 : o]);
      for (std::size_t i = 0; i < inputs; ++i)
        different += net.weight(l, i, o) != hexadecimal(q.weights, i * outputs + o);
    }
    CHECK(different == 0);
  }
}

template <std::size_t... Sizes> void check_shipped(const std::string& name) {
  CAPTURE(name);
  INFO("if model/ holds newly trained networks, run tests/data/regenerate");
  const golden& g = shipped();
  const auto net = must_load<tinymlp::network<Sizes...>>("model/" + name + ".onnx");
  check_accuracy(test_data::scores_of(net, g.rows), g.column(name), g.columns.at(name + ".float64"),
                 g.real_rows, 3 * unit_at_100);
  for (const granularity grain : {granularity::per_tensor, granularity::per_channel}) {
    const std::string grain_name = grain == granularity::per_tensor ? "per_tensor" : "per_channel";
    CAPTURE(grain_name);
    const auto quantised = tinymlp::quantize(net, grain);
    check_weights(quantised, g.quantised.at(name + ' ' + grain_name));
    check_same(test_data::scores_of(quantised, g.rows), g.column(name + '.' + grain_name));
    typename tinymlp::static_quantized_network<Sizes...>::ranges ranges{};
    REQUIRE(g.ranges.at(name).size() == ranges.size());
    std::copy(g.ranges.at(name).begin(), g.ranges.at(name).end(), ranges.begin());
    const auto fixed = tinymlp::quantize(net, ranges, grain);
    REQUIRE(fixed.has_value());
    check_same(test_data::scores_of(*fixed, g.rows), g.column(name + ".static." + grain_name));
  }
}

// The types are those of check_shipped(), the weights others.
template <std::size_t... Sizes> void check_shipped_weights(const std::string& name) {
  CAPTURE(name);
  const golden& g = shipped();
  const auto net = must_load<tinymlp::network<Sizes...>>("model/" + name + ".onnx");
  check_accuracy(test_data::scores_of(net, g.rows), g.column(name), g.columns.at(name + ".float64"),
                 g.real_rows, 3 * unit_at_100);
  check_same(test_data::scores_of(tinymlp::quantize(net, granularity::per_tensor), g.rows),
             g.column(name + ".per_tensor"));
}

template <std::size_t... Sizes>
void check_equal(const tinymlp::quantized_network<Sizes...>& a,
                 const tinymlp::quantized_network<Sizes...>& b) {
  CHECK(std::equal(a.weights().floats.begin(), a.weights().floats.end(), b.weights().floats.begin(),
                   test_data::same));
  CHECK(a.weights().bytes == b.weights().bytes);
  CHECK(a.weights().sums == b.weights().sums);
}

} // namespace

TEST_CASE("the shipped networks score as ONNX Runtime does, in float32 and both forms of int8") {
  REQUIRE(shipped().real_rows >= 200);
  check_shipped<6, 16, 8, 1>("mlp_small");
  check_shipped<6, 32, 16, 1>("mlp_medium");
  check_shipped<6, 64, 32, 16, 1>("mlp_large");
}

TEST_CASE("so do those of the 4K model") {
  check_shipped_weights<6, 16, 8, 1>("mlp_small_4k");
  check_shipped_weights<6, 32, 16, 1>("mlp_medium_4k");
  check_shipped_weights<6, 64, 32, 16, 1>("mlp_large_4k");
}

TEST_CASE("upstream's float32 networks are at least as accurate as in ONNX Runtime" *
          doctest::skip(!upstream_is_here())) {
  check_upstream<tinymlp::mlp_small>("vmaf_tiny_v2");
  check_upstream<tinymlp::mlp_medium>("vmaf_tiny_v3");
  check_upstream<tinymlp::mlp_large>("vmaf_tiny_v4");
}

TEST_CASE("upstream's int8 network scores bit for bit as in ONNX Runtime" *
          doctest::skip(!upstream_is_here())) {
  check_upstream<tinymlp::mlp_medium_int8>("vmaf_tiny_v3.int8");
}

TEST_CASE("quantize() makes upstream's int8 file from its float32 file" *
          doctest::skip(!upstream_is_here())) {
  const auto net = must_load<tinymlp::mlp_medium>(models_folder + "vmaf_tiny_v3.onnx");
  const auto quantised = tinymlp::quantize(net);
  check_equal(quantised,
              must_load<tinymlp::mlp_medium_int8>(models_folder + "vmaf_tiny_v3.int8.onnx"));
  check_same(test_data::scores_of(quantised, upstream_features()),
             as_float(read_column("vmaf_tiny_v3.int8.txt")));
}
