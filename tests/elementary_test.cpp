// Elementary functions and activations: their errors on a sample of all floats, the same bits on
// every instruction set and in constant expressions, and what they make of special values. All
// floats take too long here: elementary_exhaustive.cpp.
#include "both_ways.hpp"
#include "elementary_functions.hpp"

#include <fstream>
#include <limits>
#include <random>
#include <sstream>
#include <string>
#include <vector>

namespace {

using namespace elementary_functions;

constexpr float inf = exact::infinity, not_a_number = exact::quiet_nan;
constexpr float largest = std::numeric_limits<float>::max();
constexpr float smallest = std::numeric_limits<float>::denorm_min();

// Where a function changes from one formula to another, or begins to round to its limit.
constexpr float seams[] = {0.17328679F, 0.25993F,  0.34657359F, 0.40546511F, 0.5F,      0.6931472F,
                           0.92F,       1.0F,      1.0397208F,  3.9192059F,  4.0F,      8.317766F,
                           8.664339F,   9.010913F, 17.328679F,  18.0F,       20.0F,     87.33654F,
                           88.72284F,   89.0F,     103.97208F,  104.0F,      5.656854F, 16.635532F};

std::uint32_t mantissa(std::mt19937& random) {
  return static_cast<std::uint32_t>(random() & 0x7fffff);
}

// Runs of 16 neighbouring floats: at each exponent and sign, at the seams, and at random.
std::vector<float> sample() {
  std::mt19937 random(20080401);
  std::vector<std::uint32_t> starts;
  for (std::uint32_t top = 0; top < 512; ++top) {
    starts.push_back((top << 23) - 8);
    for (int i = 0; i < 24; ++i) starts.push_back(top << 23 | mantissa(random));
  }
  for (const float seam : seams)
    for (const float x : {seam, -seam})
      for (std::uint32_t i = 0; i < 8; ++i) starts.push_back(bits(x) - 64 + 16 * i);
  for (int i = 0; i < 20'000; ++i) { // of ordinary size
    const auto exponent = static_cast<std::uint32_t>(112 + random() % 24);
    const std::uint32_t sign = i % 2 == 0 ? 0 : 0x80000000U;
    starts.push_back(sign | exponent << 23 | mantissa(random));
  }
  std::vector<float> x;
  for (const std::uint32_t start : starts)
    for (std::uint32_t i = 0; i < 16; ++i) x.push_back(of_bits(start + i));
  return x;
}

// What elementary_exhaustive found: name -> largest error in units in the last place.
double measured(const std::string& name) {
  std::ifstream file("tests/data/elementary_errors.txt");
  for (std::string line; std::getline(file, line);) {
    std::istringstream words(line);
    std::string first;
    double ulp = 0;
    if (words >> first >> ulp && first == name) return ulp;
  }
  return std::numeric_limits<double>::quiet_NaN();
}

struct parameters {
  float alpha, beta;
};
// Those that the operators default to, and others.
constexpr parameters some_parameters[] = {
    {1, 1}, {0.01F, 0}, {0.2F, 0.5F}, {-0.5F, 0.5F}, {1.6732632F, 1.0507010F}, {1.702F, 0}};

} // namespace

TEST_CASE("errors are within the limits, and no larger than those over all floats") {
  const std::vector<float> x = sample();
  const elementary_kernel fastest = supported_kernels().back();
  for (std::size_t f = 0; f < functions.size(); ++f) {
    CAPTURE(std::string(functions[f].name));
    const double over_all = measured(functions[f].name);
    CHECK(over_all <= functions[f].limit);
    std::vector<float> y = x;
    fastest.maps[f](y.data(), y.size());
    double worst = 0;
    for (std::size_t i = 0; i < x.size(); ++i)
      worst = std::max(worst, ulps(y[i], functions[f].exact(static_cast<double>(x[i]))));
    CHECK(worst <= over_all + 0.0005); // the file's are rounded
    CHECK(worst > 0.45);               // no better than rounding
  }
}

TEST_CASE("functions rise, over neighbouring floats") {
  const std::vector<float> x = sample();
  const elementary_kernel fastest = supported_kernels().back();
  for (std::size_t f = 0; f < functions.size(); ++f) {
    CAPTURE(std::string(functions[f].name));
    std::vector<float> y = x;
    fastest.maps[f](y.data(), y.size());
    std::size_t falls = 0;
    for (std::size_t i = 0; i < x.size(); ++i)
      if (i % 16 != 0)
        falls += x[i] > x[i - 1] ? y[i] < y[i - 1] : x[i] < x[i - 1] && y[i] > y[i - 1];
    CHECK(falls == 0);
  }
}

TEST_CASE("every instruction set gives the bits of the scalar functions") {
  const std::vector<float> x = sample();
  std::vector<float> want(x.size()), y;
  for (std::size_t f = 0; f < functions.size(); ++f) {
    CAPTURE(std::string(functions[f].name));
    for (std::size_t i = 0; i < x.size(); ++i) want[i] = functions[f].scalar(x[i]);
    for (const elementary_kernel& k : supported_kernels()) {
      CAPTURE(std::string(k.vector));
      y = x;
      k.maps[f](y.data(), y.size());
      std::size_t wrong = 0;
      for (std::size_t i = 0; i < x.size(); ++i) wrong += !same(y[i], want[i]);
      CHECK(wrong == 0);
    }
  }
}

TEST_CASE("every instruction set gives the bits of the scalar activations, and NaN for NaN") {
  std::vector<float> x = sample();
  x.resize(32 * 1024);
  x.insert(x.end(), {not_a_number, -not_a_number, inf, -inf, 0.0F, -0.0F, largest, -largest});
  x.insert(x.end(), {smallest, -smallest, 1, -1, 6, -6, 0.5F, -0.5F});
  for (std::size_t a = 0; a < activation_count; ++a) {
    const auto which = static_cast<activation>(a);
    CAPTURE(std::string(name(which)));
    for (const parameters& p : some_parameters) {
      std::vector<float> want = x;
      reference::activate<v1>(which, p.alpha, p.beta, want.data(), want.size());
      std::size_t wrong_nan = 0;
      for (std::size_t i = 0; i < x.size(); ++i)
        wrong_nan += std::isnan(x[i]) && !std::isnan(want[i]);
      CHECK(wrong_nan == 0);
      for (const elementary_kernel& k : supported_kernels()) {
        CAPTURE(std::string(k.vector));
        // Also counts that leave some vectors over.
        for (const std::size_t count :
             {x.size(), std::size_t{16}, std::size_t{48}, std::size_t{112}}) {
          std::vector<float> y = x;
          k.activate(which, p.alpha, p.beta, y.data(), count);
          std::size_t wrong = 0;
          for (std::size_t i = 0; i < x.size(); ++i)
            wrong += !same(y[i], i < count ? want[i] : x[i]);
          CHECK(wrong == 0);
        }
      }
    }
  }
}

TEST_CASE("PRelu takes a slope for each value") {
  for (const elementary_kernel& k : supported_kernels()) {
    float x[16], slope[16];
    for (int i = 0; i < 16; ++i) x[i] = i % 3 == 0 ? 2.0F : -3.0F, slope[i] = static_cast<float>(i);
    k.activate_prelu(slope, x, 16);
    for (int i = 0; i < 16; ++i) CHECK(x[i] == (i % 3 == 0 ? 2.0F : static_cast<float>(-3 * i)));
  }
}

TEST_CASE("infinities, zeros and the ends of the range") {
  CHECK_BOTH_WAYS(reference::exp<v1>(inf) == inf);
  CHECK_BOTH_WAYS(reference::exp<v1>(-inf) == 0);
  CHECK_BOTH_WAYS(reference::exp<v1>(0) == 1);
  CHECK_BOTH_WAYS(reference::exp<v1>(88.72283F) > 3.4e38F);
  CHECK_BOTH_WAYS(reference::exp<v1>(88.722845F) == inf);
  CHECK_BOTH_WAYS(reference::exp<v1>(-103.9F) == smallest);
  CHECK_BOTH_WAYS(reference::exp<v1>(-104.0F) == 0);
  CHECK_BOTH_WAYS(reference::expm1<v1>(inf) == inf);
  CHECK_BOTH_WAYS(reference::expm1<v1>(-inf) == -1);
  CHECK_BOTH_WAYS(std::bit_cast<std::uint32_t>(reference::expm1<v1>(-0.0F)) == 0x80000000U);
  CHECK_BOTH_WAYS(reference::expm1<v1>(smallest) == smallest);
  CHECK_BOTH_WAYS(reference::log<v1>(inf) == inf);
  CHECK_BOTH_WAYS(reference::log<v1>(0) == -inf);
  CHECK_BOTH_WAYS(reference::log<v1>(-0.0F) == -inf);
  CHECK_BOTH_WAYS(reference::log<v1>(1) == 0);
  CHECK_BOTH_WAYS(exact::is_nan(reference::log<v1>(-1)));
  CHECK_BOTH_WAYS(exact::is_nan(reference::log<v1>(-inf)));
  CHECK_BOTH_WAYS(reference::tanh<v1>(inf) == 1);
  CHECK_BOTH_WAYS(reference::tanh<v1>(-inf) == -1);
  CHECK_BOTH_WAYS(reference::tanh<v1>(-smallest) == -smallest);
  CHECK_BOTH_WAYS(std::bit_cast<std::uint32_t>(reference::tanh<v1>(-0.0F)) == 0x80000000U);
  CHECK_BOTH_WAYS(reference::sigmoid<v1>(inf) == 1);
  CHECK_BOTH_WAYS(reference::sigmoid<v1>(-inf) == 0);
  CHECK_BOTH_WAYS(reference::sigmoid<v1>(0) == 0.5F);
  CHECK_BOTH_WAYS(reference::sigmoid<v1>(-103.9F) == smallest);
  CHECK_BOTH_WAYS(reference::erf<v1>(inf) == 1);
  CHECK_BOTH_WAYS(reference::erf<v1>(-inf) == -1);
  CHECK_BOTH_WAYS(std::bit_cast<std::uint32_t>(reference::erf<v1>(-0.0F)) == 0x80000000U);
  CHECK_BOTH_WAYS(reference::softplus<v1>(inf) == inf);
  CHECK_BOTH_WAYS(reference::softplus<v1>(-inf) == 0);
  CHECK_BOTH_WAYS(reference::softplus<v1>(largest) == largest);
  CHECK_BOTH_WAYS(reference::softplus<v1>(-103.9F) == smallest);
  for (const elementary_function& f : functions) CHECK(std::isnan(f.scalar(not_a_number)));
}

namespace {

// One activation of one value.
constexpr float one(activation which, float alpha, float beta, float x) {
  reference::activate<v1>(which, alpha, beta, &x, 1);
  return x;
}

} // namespace

// Values of ONNX Runtime 1.30, CPU, x86-64.
TEST_CASE("straight pieces round as ONNX Runtime's") {
  CHECK_BOTH_WAYS(one(activation::hard_sigmoid, 0.2F, 0.5F, 0x1.22d3f2p1F) == 0x1.e8a99p-1F);
  CHECK_BOTH_WAYS(one(activation::hard_sigmoid, 0.2F, 0.5F, -0x1.1af496p0F) == 0x1.1da2bcp-2F);
  CHECK_BOTH_WAYS(one(activation::hard_sigmoid, 0.2F, 0.5F, -0x1.3bbb6ep1F) == 0x1.b507p-8F);
  CHECK_BOTH_WAYS(one(activation::hard_swish, 0, 0, 0x1.22d3f2p1F) == 0x1.ff1732p0F);
  CHECK_BOTH_WAYS(one(activation::hard_swish, 0, 0, -0x1.1af496p0F) == -0x1.656952p-2F);
  CHECK_BOTH_WAYS(one(activation::hard_swish, 0, 0, -0x1.9a96c2p0F) == -0x1.7e28aep-2F);
  CHECK_BOTH_WAYS(one(activation::leaky_relu, 0.013F, 0, -0x1.9a96c2p0F) == -0x1.559c26p-6F);
  CHECK_BOTH_WAYS(one(activation::clip, 0.5F, -0.5F, -0x1.9a96c2p0F) == -0x1p-1F);
  CHECK_BOTH_WAYS(one(activation::thresholded_relu, 0.3F, 0, 0x1.333334p-2F) == 0x0p0F);
  CHECK_BOTH_WAYS(one(activation::thresholded_relu, 0.3F, 0, 0x1.333336p-2F) == 0x1.333336p-2F);
}
