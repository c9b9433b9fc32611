// The engine's signature on whatever this is compiled for, on every instruction set that it runs;
// and what a frame costs beside plain loops over the same weights, compiled by the same compiler
// for the same target. Prints
//   9b8160f1eeea52e9 reference avx2 ...
//   mlp_small 1.45 mlp_large 0.98          (time over the plain loop's; not where clocks are
//   int8 mlp_small 0.80 mlp_large 0.60      missing)
#include "../../tools/program/models/engine_signature.hpp"

#include <array>
#include <chrono>
#include <cstdio>
#include <span>

using namespace tinymlp;

namespace {

double seconds() {
  const auto now = std::chrono::steady_clock::now().time_since_epoch();
  return std::chrono::duration<double>(now).count();
}

struct numbers { // any do: time does not depend on them
  std::uint32_t state = 1;
  float next() {
    state = state * 1664525U + 1013904223U;
    return static_cast<float>(state >> 8) * 0x1p-24F;
  }
};

// A network as a code generator writes it: [output][input] weights, dot products.
template <std::size_t... Sizes> struct plain {
  static constexpr std::array<std::size_t, sizeof...(Sizes)> sizes{Sizes...};
  static constexpr std::size_t layers = sizeof...(Sizes) - 1;
  float mean[sizes[0]]{}, inverse[sizes[0]]{}, weight[layers][64 * 64]{}, bias[layers][64]{};

  plain() {
    numbers source;
    for (float& m : mean) m = source.next();
    for (float& s : inverse) s = source.next();
    for (auto& layer : weight)
      for (float& w : layer) w = source.next() - 0.5F;
    for (auto& layer : bias)
      for (float& b : layer) b = source.next() - 0.5F;
  }

  float score(const float* row) const {
    float x[64], y[64];
    for (std::size_t i = 0; i < sizes[0]; ++i) x[i] = (row[i] - mean[i]) * inverse[i];
    return layer<0>(x, y);
  }

private:
  template <std::size_t L> float layer(const float* x, float* y) const {
    constexpr std::size_t inputs = sizes[L], outputs = sizes[L + 1];
    for (std::size_t o = 0; o < outputs; ++o) {
      float sum = bias[L][o];
      for (std::size_t i = 0; i < inputs; ++i) sum += weight[L][o * inputs + i] * x[i];
      y[o] = L + 1 < layers && sum < 0 ? 0 : sum;
    }
    float next[64];
    if constexpr (L + 1 < layers)
      return layer<L + 1>(y, next);
    else
      return y[0];
  }
};

// The same in int8, each layer's inputs quantised by their range: times the reciprocal scale,
// halves away from zero, where ONNX divides and rounds halves to even.
template <std::size_t... Sizes> struct plain_int8 {
  static constexpr std::array<std::size_t, sizeof...(Sizes)> sizes{Sizes...};
  static constexpr std::size_t layers = sizeof...(Sizes) - 1;
  float mean[sizes[0]]{}, inverse[sizes[0]]{}, bias[layers][64]{}, scale[layers][64]{};
  std::int8_t weight[layers][64 * 64]{};
  std::int32_t sum_of_weights[layers][64]{};

  plain_int8() {
    numbers source;
    for (float& m : mean) m = source.next();
    for (float& s : inverse) s = source.next();
    for (std::size_t l = 0; l < layers; ++l)
      for (std::size_t o = 0; o < sizes[l + 1]; ++o) {
        bias[l][o] = source.next() - 0.5F;
        scale[l][o] = source.next() * 0.01F;
        for (std::size_t i = 0; i < sizes[l]; ++i) {
          std::int8_t& w = weight[l][o * sizes[l] + i];
          w = static_cast<std::int8_t>(source.next() * 255 - 127);
          sum_of_weights[l][o] += w;
        }
      }
  }

  float score(const float* row) const {
    float x[64], y[64];
    for (std::size_t i = 0; i < sizes[0]; ++i) x[i] = (row[i] - mean[i]) * inverse[i];
    return layer<0>(x, y);
  }

private:
  template <std::size_t L> float layer(const float* x, float* y) const {
    constexpr std::size_t inputs = sizes[L], outputs = sizes[L + 1];
    float low = 0, high = 0;
    for (std::size_t i = 0; i < inputs; ++i) {
      low = x[i] < low ? x[i] : low;
      high = x[i] > high ? x[i] : high;
    }
    const float step = (high - low) / 255, reciprocal = step > 0 ? 1 / step : 0;
    const auto zero_point = static_cast<std::int32_t>(-low * reciprocal + 0.5F);
    std::uint8_t q[inputs];
    for (std::size_t i = 0; i < inputs; ++i) {
      const auto whole =
          static_cast<std::int32_t>(x[i] * reciprocal + static_cast<float>(zero_point) + 0.5F);
      q[i] = static_cast<std::uint8_t>(whole > 255 ? 255 : whole < 0 ? 0 : whole);
    }
    for (std::size_t o = 0; o < outputs; ++o) {
      std::int32_t sum = 0;
      for (std::size_t i = 0; i < inputs; ++i) sum += weight[L][o * inputs + i] * q[i];
      sum -= zero_point * sum_of_weights[L][o];
      const float value = static_cast<float>(sum) * (step * scale[L][o]) + bias[L][o];
      y[o] = L + 1 < layers && value < 0 ? 0 : value;
    }
    float next[64];
    if constexpr (L + 1 < layers)
      return layer<L + 1>(y, next);
    else
      return y[0];
  }
};

// Seconds of a frame, each waiting for the one before.
template <class Score> double time_of(Score&& score) {
  std::array<float, 6> row{0.95F, 0.6F, 0.85F, 0.9F, 0.94F, 4.5F};
  double best = 1e9;
  for (int round = 0; round < 5; ++round) {
    std::size_t frames = 0;
    const double start = seconds();
    double taken = 0;
    while ((taken = seconds() - start) < 0.02)
      for (int i = 0; i < 200; ++i, ++frames) row[5] = 4.5F + 1e-30F * score(row.data());
    best = std::min(best, taken / static_cast<double>(frames));
  }
  return best;
}

template <class Net, class Plain> double ratio(const Net& net, const Plain& loops, isa which) {
  const double plain_s = time_of([&](const float* row) { return loops.score(row); });
  return time_of([&](const float* row) {
           return *net.score(std::span<const float, 6>(row, 6), which);
         }) /
         plain_s;
}

const plain<6, 16, 8, 1> small_loops;
const plain<6, 64, 32, 16, 1> large_loops;
const plain_int8<6, 16, 8, 1> small_int8_loops;
const plain_int8<6, 64, 32, 16, 1> large_int8_loops;

} // namespace

int main(int argc, char** argv) {
  const std::uint64_t expected = tools::signature(isa::reference);
  std::printf("%08lx%08lx", static_cast<unsigned long>(expected >> 32),
              static_cast<unsigned long>(expected & 0xffffffffU));
  for (const isa which : supported()) {
    std::printf(" %s", name(which).data());
    if (tools::signature(which) != expected) {
      std::printf(" DIFFERS\n");
      return 1;
    }
  }
  std::printf("\n");
  if (argc > 1) { // time, too, on that instruction set, or the best
    const isa which = isa_from_name(argv[1]).value_or(selected());
    std::printf("mlp_small %.2f mlp_large %.2f\n", ratio(vmaf::small(), small_loops, which),
                ratio(vmaf::large(), large_loops, which));
    std::printf("int8 mlp_small %.2f mlp_large %.2f\n",
                ratio(vmaf::small_int8(), small_int8_loops, which),
                ratio(vmaf::large_int8(), large_int8_loops, which));
  }
  return 0;
}
