// What the compiler computes equals what the program computes: parsing, packing, quantising and
// scoring of the three shipped networks, and of the int8 forms as files.
#include "both_ways.hpp"
#include "onnx_writer.hpp"
#include "static_networks.hpp"
#include "test_data.hpp"

#include <tinymlp/tinymlp.hpp>

#include <array>
#include <limits>
#include <span>
#include <type_traits>

using namespace tinymlp;
namespace w = onnx_writer;

namespace {

constexpr float nan = std::numeric_limits<float>::quiet_NaN();
constexpr float no_number = nan; // outside of this namespace, <math.h> has a nan of its own
constexpr float inf = std::numeric_limits<float>::infinity();
constexpr float largest = std::numeric_limits<float>::max();
constexpr float smallest = std::numeric_limits<float>::denorm_min();

using row = std::array<float, 6>;
constexpr std::array rows{
    row{0.956559F, 0.402946F, 0.8345F, 0.915718F, 0.95124F, 1.674312F},
    row{1, 1, 1, 1, 1, 0},
    row{0, 0, 0, 0, 0, -0.0F},
    row{0.4F, 0.002F, 0.1F, 0.15F, 0.2F, 44},
    row{-3, 7, 1e4F, -1e-3F, 123.456F, -0.25F},
    row{smallest, smallest, smallest, smallest, smallest, smallest},
    row{largest, -largest, largest, 0, 0, 0}, // sums overflow
    row{nan, 0, 0, 0, 0, 0},
    row{0, 0, inf, 0, 0, 0},
    row{0, 0, 0, 0, 0, -inf},
};
constexpr std::size_t first_bad_row = 7;

// Bits of a float, one NaN for all: arithmetic that compares in a constant expression too.
constexpr std::uint32_t bits(float x) {
  return x != x ? 0x7fc00000U : std::bit_cast<std::uint32_t>(x);
}

template <class Array> bool same_bytes(const Array& a, const Array& b) {
  return std::equal(a.begin(), a.end(), b.begin(), [](auto x, auto y) {
    if constexpr (std::is_same_v<decltype(x), float>)
      return bits(x) == bits(y);
    else
      return x == y;
  });
}
template <std::size_t... S> bool same_weights(const network<S...>& a, const network<S...>& b) {
  return same_bytes(a.weights().values, b.weights().values);
}
template <std::size_t... S>
bool same_weights(const quantized_network<S...>& a, const quantized_network<S...>& b) {
  return same_bytes(a.weights().floats, b.weights().floats) &&
         same_bytes(a.weights().bytes, b.weights().bytes) &&
         same_bytes(a.weights().sums, b.weights().sums);
}
template <std::size_t... S>
bool same_weights(const static_quantized_network<S...>& a,
                  const static_quantized_network<S...>& b) {
  const auto same_scale = [](const kernels::fixed_scale& x, const kernels::fixed_scale& y) {
    return bits(x.scale) == bits(y.scale) && x.zero_point == y.zero_point &&
           bits(x.shift) == bits(y.shift) && bits(x.reciprocal) == bits(y.reciprocal) &&
           bits(x.rest) == bits(y.rest) && bits(x.limit) == bits(y.limit) && x.plain == y.plain;
  };
  const auto &v = a.weights(), &w = b.weights();
  return same_bytes(v.floats, w.floats) && same_bytes(v.bytes, w.bytes) &&
         same_bytes(v.sums, w.sums) && same_bytes(v.starts, w.starts) &&
         std::equal(v.inputs.begin(), v.inputs.end(), w.inputs.begin(), same_scale) &&
         v.divides == w.divides && v.multiplies == w.multiplies;
}

// Scored by the compiler, row by row, so that each stays far below its limit of steps.
template <const auto& Net, std::size_t I>
inline constexpr std::uint32_t score_of_row = bits(Net.score(rows[I]));

template <const auto& Net, class Net_at_run_time, std::size_t... I>
void check_scores(const Net_at_run_time& net, std::index_sequence<I...>) {
  constexpr std::array<std::uint32_t, rows.size()> expected{score_of_row<Net, I>...};
  std::vector<float> flat;
  for (const row& r : rows) flat.insert(flat.end(), r.begin(), r.end());
  const std::vector<float> scores = test_data::scores_of(net, flat); // on every instruction set
  for (std::size_t r = 0; r < rows.size(); ++r) {
    CAPTURE(r);
    CHECK(bits(scores[r]) == expected[r]);
    CHECK((scores[r] != scores[r]) == (expected[r] == bits(nan)));
    if (r >= first_bad_row) CHECK(expected[r] == bits(nan));
  }
}

template <const auto& Net, class T> void check_both_ways(const result<T>& at_run_time) {
  REQUIRE(at_run_time.has_value());
  CHECK(same_weights(*at_run_time, Net));
  check_scores<Net>(*at_run_time, std::make_index_sequence<rows.size()>());
}

} // namespace

// The network of `literal`, which the compiler parses and the program parses.
#define LOAD_BOTH_WAYS(type, literal)                                                              \
  do {                                                                                             \
    static constexpr auto by_compiler = embed<type>(literal);                                      \
    check_both_ways<by_compiler>(load<type>(std::span(literal).first(sizeof(literal) - 1)));       \
    static constexpr auto quantised = quantize(by_compiler);                                       \
    static constexpr auto by_channel = quantize(by_compiler, granularity::per_channel);            \
    const auto loaded = *load<type>(std::span(literal).first(sizeof(literal) - 1));                \
    check_both_ways<quantised>(result(quantize(loaded)));                                          \
    check_both_ways<by_channel>(result(quantize(loaded, granularity::per_channel)));               \
  } while (false)

TEST_CASE("mlp_small") { LOAD_BOTH_WAYS(mlp_small, models::mlp_small_onnx); }
TEST_CASE("mlp_medium") { LOAD_BOTH_WAYS(mlp_medium, models::mlp_medium_onnx); }
TEST_CASE("mlp_large") { LOAD_BOTH_WAYS(mlp_large, models::mlp_large_onnx); }

TEST_CASE("the int8 form of a file") {
  using net = quantized_network<6, 5, 1>;
  static constexpr auto file = w::frozen([] { return w::int8_model({6, 5, 1}).write(); });
  static constexpr auto by_compiler = embed<net>(file);
  check_both_ways<by_compiler>(load<net>(std::span<const char>(file)));
}

TEST_CASE("fixed activation scales: quantised from float32") {
  using namespace static_networks;
  const auto again = [](const auto& net, auto ranges, granularity grain) {
    for (activation_range& range : ranges) { // through volatile: not by the compiler
      volatile const float low = range.low, high = range.high;
      range = {low, high};
    }
    return quantize(net, ranges, grain);
  };
  check_both_ways<small>(again(vmaf::small(), small_ranges, granularity::per_tensor));
  check_both_ways<medium>(again(vmaf::medium(), medium_ranges, granularity::per_channel));
  check_both_ways<large>(again(vmaf::large(), large_ranges, granularity::per_tensor));
}

TEST_CASE("fixed activation scales: the form of a file") {
  using net = static_quantized_network<6, 5, 1>;
  static constexpr auto file = w::frozen([] { return w::static_model({6, 5, 1}).write(); });
  static constexpr auto by_compiler = embed<net>(file);
  check_both_ways<by_compiler>(load<net>(std::span<const char>(file)));
  static constexpr auto computed = w::frozen([] {
    return w::static_model({6, 5, 1}, true, true).write();
  });
  static constexpr auto of_computed = embed<net>(computed);
  check_both_ways<of_computed>(load<net>(std::span<const char>(computed)));
}

TEST_CASE("the scale of a range of activations") {
  constexpr auto is = [](activation_range range, float scale, std::int32_t zero_point) {
    const result<activation_scale> found = scale_of(range);
    return found && bits(found->scale) == bits(scale) && found->zero_point == zero_point;
  };
  constexpr auto refused = [](activation_range range) {
    return scale_of(range).error().code == status::bad_scale;
  };
  CHECK_BOTH_WAYS(is({0, 255}, 1, 0));
  CHECK_BOTH_WAYS(is({3, 255}, 1, 0)); // widened to 0
  CHECK_BOTH_WAYS(is({-255, -3}, 1, 255));
  CHECK_BOTH_WAYS(is({-127.5F, 127.5F}, 1, 128)); // half to even
  CHECK_BOTH_WAYS(is({-126.5F, 128.5F}, 1, 126));
  CHECK_BOTH_WAYS(is({0, 1}, 1.0F / 255, 0));
  CHECK_BOTH_WAYS(is({0, 0}, 1, 0));
  CHECK_BOTH_WAYS(is({-0.0F, smallest}, 1, 0)); // would be denormal
  CHECK_BOTH_WAYS(is({0, largest}, largest / 255, 0));
  CHECK_BOTH_WAYS(refused({1, -1}));
  CHECK_BOTH_WAYS(refused({-largest, largest}));
  CHECK_BOTH_WAYS(refused({no_number, 1}));
  CHECK_BOTH_WAYS(refused({0, no_number}));
  CHECK_BOTH_WAYS(refused({0, inf}));
  CHECK_BOTH_WAYS(refused({-inf, 0}));
}

TEST_CASE("ranges whose scales are no floats are refused by name") {
  constexpr auto refusal = [](activation_range range) {
    return quantize(vmaf::small(), {{{-6, 5}, range, {0, 9}}}).error();
  };
  CHECK_BOTH_WAYS(refusal({0, no_number}).code == status::bad_scale);
  CHECK_BOTH_WAYS(refusal({0, no_number}).where == "activation_range");
  CHECK_BOTH_WAYS(refusal({0, 1e-34F}).code == status::ok);
  CHECK_BOTH_WAYS(refusal({0, 1}).code == status::ok);
}

TEST_CASE("embed takes a literal, an array of any kind of byte, or a span") {
  using net = network<1, 1>;
  static constexpr auto file = w::frozen([] { return w::fp32_model({1, 1}).write(); });
  static constexpr auto unsigned_file = std::bit_cast<std::array<unsigned char, file.size()>>(file);
  constexpr auto byte_file = std::bit_cast<std::array<std::byte, file.size()>>(file);
  struct plain {
    std::byte bytes[file.size()];
  };
  constexpr auto plain_file = std::bit_cast<plain>(file);
  constexpr std::array<float, 1> one{0.75F};
  constexpr float expected = embed<net>(file).score(one);
  CHECK_BOTH_WAYS(embed<net>(std::span<const char>(file)).score(one) == expected);
  CHECK_BOTH_WAYS(embed<net>(unsigned_file).score(one) == expected);
  CHECK_BOTH_WAYS(embed<net>(byte_file).score(one) == expected);
  CHECK_BOTH_WAYS(embed<net>(plain_file.bytes).score(one) == expected);
  CHECK_BOTH_WAYS(embed<net>(std::span(unsigned_file)).score(one) == expected);
  CHECK(load<net>(std::span<const unsigned char>(unsigned_file))->score(one) == expected);
  CHECK(load<net>(std::span<const std::byte>(byte_file))->score(one) == expected);
}

TEST_CASE("batches in constant expressions") {
  constexpr auto scored = [](std::size_t rows_given) {
    std::array<float, 6> in{1, 1, 1, 1, 1, 0};
    std::array<float, 1> out{-1};
    const status e = vmaf::small().score(std::span<const float>(in).first(rows_given), out);
    return std::pair(e, out[0]);
  };
  CHECK_BOTH_WAYS(scored(6).first == status::ok);
  CHECK_BOTH_WAYS(scored(6).second == vmaf::small().score(rows[1]));
  CHECK_BOTH_WAYS(scored(5).first == status::size_mismatch);
  CHECK_BOTH_WAYS(scored(0).second == -1); // nothing is written
}
