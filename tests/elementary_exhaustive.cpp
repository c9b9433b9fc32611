// The errors of the elementary functions and of the activations made of them, over all 2^32 floats:
//
//   elementary_exhaustive [--every=N] [NAME...]       default: all; about a minute each
//
// Prints a line for each: the largest error in units in the last place, and where; the largest
// error beside max(1, |result|), in units of 2^-24; whether the function is monotonic over
// neighbouring floats ("-" where it should not be). Values are those of the fastest kernel of this
// CPU, compared with all other vectors bit for bit, and with the scalar reference for one float of
// 1,024; the exact ones are the C library's in double. With --every=N, of one run of 8,192 floats
// in N. Exit 1 if any bit differs, or a NaN or an infinity is not what it should be. Its output is
// tests/data/elementary_errors.txt.
#include "elementary_functions.hpp"

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>
#include <vector>

namespace {

using namespace elementary_functions;

constexpr std::size_t block = 8192, scalar_step = 1024;

struct subject {
  const char* name;
  double (*exact)(double);
  bool monotonic;
  std::size_t function; // of `functions`, or
  activation what{};    // if that is beyond them
  float alpha = 1, beta = 1;

  void apply(const elementary_kernel& by, float* x, std::size_t count) const {
    if (function < functions.size())
      by.maps[function](x, count);
    else
      by.activate(what, alpha, beta, x, count);
  }
};

std::vector<subject> subjects() {
  std::vector<subject> all;
  for (std::size_t i = 0; i < functions.size(); ++i)
    all.push_back({functions[i].name, functions[i].exact, true, i});
  const std::size_t none = functions.size();
  all.push_back({"elu", &in_double::elu, true, none, activation::elu});
  all.push_back({"selu", &in_double::selu, true, none, activation::selu, in_double::selu_alpha,
                 in_double::selu_gamma});
  all.push_back({"celu", &in_double::elu, true, none, activation::celu});
  all.push_back({"softsign", &in_double::softsign, true, none, activation::softsign});
  all.push_back({"silu", &in_double::silu, false, none, activation::silu});
  all.push_back({"gelu", &in_double::gelu, false, none, activation::gelu});
  all.push_back({"gelu_tanh", &in_double::gelu_tanh, false, none, activation::gelu_tanh});
  all.push_back({"mish", &in_double::mish, false, none, activation::mish});
  return all;
}

struct findings {
  double ulp = 0, beside_one = 0;
  float at = 0;
  std::uint64_t falls = 0, wrong_bits = 0, wrong_kind = 0;
};

// The other vectors' bits of the same block.
std::uint64_t differing(const subject& s, const std::vector<elementary_kernel>& kernels,
                        const std::vector<float>& x, const std::vector<float>& y) {
  std::uint64_t wrong = 0;
  static std::vector<float> other(block);
  for (const elementary_kernel& k : kernels) {
    const std::size_t step = k.which == isa::reference ? scalar_step : 1, count = block / step;
    for (std::size_t i = 0; i < count; ++i) other[i] = x[i * step];
    s.apply(k, other.data(), count);
    if (step == 1 && std::memcmp(other.data(), y.data(), block * sizeof(float)) == 0) continue;
    for (std::size_t i = 0; i < count; ++i) wrong += !same(other[i], y[i * step]);
  }
  return wrong;
}

// ulps(), and the distance beside max(1, |want|), without a branch: compilers make vectors of it.
void measure(const float* y, const double* want, double* ulp, double* beside_one) {
  for (std::size_t i = 0; i < block; ++i) {
    const double magnitude = std::fabs(want[i]), got = static_cast<double>(y[i]);
    const double limit = magnitude < 0x1.ffffffp127 ? magnitude : INFINITY;
    const bool equal = (std::fabs(got) == limit && (got < 0) == (want[i] < 0)) ||
                       (got != got && want[i] != want[i]);
    const double distance = equal ? 0 : std::fabs(got - want[i]);
    const double above = magnitude > 0x1p-126 ? magnitude : 0x1p-126;
    const std::uint64_t exponent = std::bit_cast<std::uint64_t>(above) >> 52;
    ulp[i] = distance * std::bit_cast<double>((2 * 1023 + 23 - exponent) << 52);
    beside_one[i] = distance / (magnitude > 1 ? magnitude : 1) * 0x1p24;
  }
}

findings examine(const subject& s, const std::vector<elementary_kernel>& kernels,
                 std::uint64_t every) {
  findings found;
  std::vector<float> x(block), y;
  std::vector<double> want(block), ulp(block), beside_one(block);
  float last = 0;
  const in_double::block_function exact = in_double::block_of(s.exact);
  for (std::uint64_t first = 0; first < std::uint64_t{1} << 32; first += every * block) {
    for (std::size_t i = 0; i < block; ++i) x[i] = of_bits(static_cast<std::uint32_t>(first + i));
    y = x;
    s.apply(kernels.back(), y.data(), block);
    found.wrong_bits += differing(s, kernels, x, y);
    exact(x.data(), want.data(), block);
    // Fast arithmetic is none of infinities and NaN.
    if (!std::isfinite(x[0]))
      for (std::size_t i = 0; i < block; ++i) want[i] = s.exact(static_cast<double>(x[i]));
    measure(y.data(), want.data(), ulp.data(), beside_one.data());
    double most = 0;
    for (std::size_t i = 0; i < block; ++i) most = ulp[i] <= most ? most : ulp[i]; // or NaN
    for (std::size_t i = 0; !(most <= found.ulp) && i < block; ++i) {
      if (ulp[i] <= found.ulp) continue;
      // Where it looks worst, or wrong, it is asked again.
      want[i] = s.exact(static_cast<double>(x[i]));
      const double error = ulps(y[i], want[i]);
      found.wrong_kind += std::isinf(error);
      if (std::isfinite(error) && error > found.ulp) found.ulp = error, found.at = x[i];
    }
    for (std::size_t i = 0; i < block; ++i)
      found.beside_one = beside_one[i] > found.beside_one && beside_one[i] < 1e6 ? beside_one[i]
                                                                                 : found.beside_one;
    const bool negative = std::signbit(x[0]);
    for (std::size_t i = 1; i < block; ++i)
      found.falls += negative ? y[i] > y[i - 1] : y[i] < y[i - 1];
    found.falls += !(negative ? y[0] > last : y[0] < last)
                       ? 0
                       : (every == 1 && first % (std::uint64_t{1} << 31) != 0);
    last = y[block - 1];
  }
  return found;
}

} // namespace

int main(int argc, char** argv) {
  const std::vector<elementary_kernel> kernels = supported_kernels();
  std::uint64_t every = 1;
  std::vector<std::string> names;
  for (int i = 1; i < argc; ++i)
    if (std::strncmp(argv[i], "--every=", 8) == 0)
      every = std::max(1UL, std::strtoul(argv[i] + 8, nullptr, 10));
    else
      names.emplace_back(argv[i]);
  bool good = true;
  std::printf("# function    ulp   at              beside 1  monotonic\n");
  for (const subject& s : subjects()) {
    if (!names.empty() && std::find(names.begin(), names.end(), s.name) == names.end()) continue;
    const findings f = examine(s, kernels, every);
    const char* monotonic = !s.monotonic ? "-" : f.falls == 0 ? "yes" : "NO";
    std::printf("%-10s %6.3f   %-16a %6.3f   %s\n", s.name, f.ulp, static_cast<double>(f.at),
                f.beside_one, monotonic);
    std::fflush(stdout);
    if (f.wrong_bits + f.wrong_kind == 0) continue;
    good = false;
    std::printf("%s: %llu values differ between instruction sets, %llu of the wrong kind\n", s.name,
                static_cast<unsigned long long>(f.wrong_bits),
                static_cast<unsigned long long>(f.wrong_kind));
  }
  return good ? 0 : 1;
}
