// Every kernel against the reference, bit for bit: single rows, each position in batches of 1 to
// 130 rows, ordinary and hostile values. Goes through what is registered, so a new instruction
// set is tested without a change here.
#include <tinymlp/kernels/table.hpp>

#include <doctest/doctest.h>

#include <bit>
#include <cfloat>
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <limits>
#include <memory>
#include <random>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#if defined(__x86_64__) && defined(__GNUC__)
#define TINYMLP_TARGET "avx2,fma"
#include <tinymlp/kernels/region_begin.inl>
namespace tinymlp::kernels::avx2 {
#include "division_proof.inl"
}
#include <tinymlp/kernels/region_end.inl>
#elif defined(__aarch64__) && defined(__GNUC__) && !defined(__AARCH64EB__)
namespace tinymlp::kernels::neon {
#include "division_proof.inl"
}
#endif

namespace {

using namespace tinymlp;
using namespace tinymlp::kernels;

using generator = std::mt19937;

float uniform(generator& random, float low, float high) {
  return std::uniform_real_distribution<float>(low, high)(random);
}

// `gain` sets how large activations grow from layer to layer.
template <class Shape> void fill(fp32_weights<Shape>& weights, generator& random, float gain) {
  using layout = fp32_layout<Shape>;
  float* value = weights.values.data();
  for (std::size_t i = 0; i < Shape::inputs; ++i) value[layout::mean + i] = uniform(random, 0, 1);
  for (std::size_t l = 0; l < Shape::layer_count; ++l) {
    const fp32_layer& at = layout::layers[l];
    const bool last = l + 1 == Shape::layer_count;
    const float bound = gain / std::sqrt(static_cast<float>(at.inputs));
    for (std::size_t o = 0; o < at.outputs; ++o) value[at.bias + o] = uniform(random, -1, 1);
    for (std::size_t i = 0; i < at.inputs; ++i)
      for (std::size_t o = 0; o < at.outputs; ++o)
        value[at.weight + (last ? i : i * at.padded_outputs + o)] = uniform(random, -bound, bound);
  }
}

template <class Shape> void fill(int8_weights<Shape>& weights, generator& random, float gain) {
  using layout = int8_layout<Shape>;
  for (std::size_t i = 0; i < Shape::padded_inputs; ++i) {
    const bool used = i < Shape::inputs;
    weights.floats[layout::mean + i] = used ? uniform(random, 0, 1) : 0;
    weights.floats[layout::divisor + i] = used ? uniform(random, 0.1F, 2) : 1;
    weights.floats[layout::multiplier + i] = used && random() % 2 ? uniform(random, 0.5F, 2) : 1;
  }
  for (std::size_t l = 0; l < Shape::layer_count; ++l) {
    const int8_layer& at = layout::layers[l];
    const float scale = gain / std::sqrt(static_cast<float>(at.inputs)) / 127;
    for (std::size_t o = 0; o < at.outputs; ++o) {
      weights.floats[at.scale + o] = l % 2 == 0 ? scale : scale * uniform(random, 0.5F, 2);
      weights.floats[at.bias + o] = gain < 1e-3F ? 0 : uniform(random, -0.5F, 0.5F);
      std::int32_t sum = 0;
      for (std::size_t i = 0; i < at.inputs; ++i) {
        // Runs of extreme weights, which a saturating 16-bit sum would get wrong.
        const auto w = static_cast<int>(random() % 256) - 128;
        const int weight = o % 5 == 0 ? (o % 2 == 0 ? 127 : -128) : w;
        weights.bytes[layout::weight(l, i, o)] = static_cast<signed char>(weight);
        sum += weight;
      }
      weights.sums[at.sum + o] = sum;
    }
  }
}

// Activation scales that suit the values that flow, and such that make everything saturate or
// vanish, or that cannot be divided by as they are; steps of powers of two make rounding ties.
struct static_form {
  const char* name;
  float scale;
  int zero_point;   // of the first layer; below 0: of every layer, and random
  bool far = false; // some outputs lie many steps away
};
constexpr static_form static_forms[] = {
    // every fourth for shapes that matter less
    {"ordinary", 0.0371F, 97},
    {"random zero points", 0.0213F, -1},
    {"saturating", 1e-6F, 100},
    {"vanishing", 1e6F, 100},
    {"far", 0.02F, -1, true},
    {"zero point 0", 0.01F, 0},
    {"zero point 255", 0.02F, 255},
    {"2^-64", 0x1p-64F, -1},
    {"ties", 0x1p-5F, 128},
    {"2^64", 0x1p64F, -1},
    {"above 2^64", 3e25F, -1},
    {"far, zero points 0", 0.0371F, 97, true},
    {"below 2^-64", 1e-25F, -1},
    {"denormal", 1e-42F, 7},
    {"of the largest floats", 3e38F, 7},
};

template <class Shape>
void fill(static_int8_weights<Shape>& weights, generator& random, const static_form& form) {
  using layout = int8_layout<Shape>;
  const bool ties = form.scale == 0x1p-5F, multiplies = random() % 2 != 0;
  for (std::size_t i = 0; i < Shape::padded_inputs; ++i) {
    const bool used = i < Shape::inputs;
    weights.floats[layout::mean + i] = used && !ties ? uniform(random, 0, 1) : 0;
    const float factor = !used || ties ? 1 : uniform(random, 0.1F, 2);
    weights.floats[layout::divisor + i] = multiplies ? 1 : factor;
    weights.floats[layout::multiplier + i] = multiplies ? (i == 2 ? 0 : factor) : 1;
  }
  for (std::size_t l = 0; l < Shape::layer_count; ++l) {
    const int8_layer& at = layout::layers[l];
    const auto any = static_cast<int>(random() % 256);
    weights.inputs[l].scale = ties ? form.scale : form.scale * uniform(random, 0.5F, 1);
    weights.inputs[l].zero_point = form.zero_point < 0 ? any : l == 0 ? form.zero_point : 0;
    // The next layer's steps, so that sums of about 128 * sqrt(inputs) * 128 are spread over them.
    const float next = 1 / std::sqrt(static_cast<float>(at.inputs)) / 128;
    for (std::size_t o = 0; o < at.outputs; ++o) {
      const float scale = form.scale * next * (l % 2 == 0 || ties ? 1 : uniform(random, 0.5F, 2));
      weights.floats[at.scale + o] = std::max(ties ? form.scale / 64 : scale, FLT_TRUE_MIN);
      weights.floats[at.bias + o] = ties ? form.scale / 2 : uniform(random, -20, 20) * form.scale;
      if (form.far && o % 3 == 1) // quotients at the ends of integers of 8, 16 and 32 bits
        weights.floats[at.bias + o] = std::ldexp(form.scale, static_cast<int>(random() % 34)) *
                                      (random() % 4 == 0 ? -1.0F : 1.0F);
      if (!std::isfinite(weights.floats[at.bias + o])) weights.floats[at.bias + o] = FLT_MAX;
      std::int32_t sum = 0;
      for (std::size_t i = 0; i < at.inputs; ++i) {
        const auto w = static_cast<int>(random() % 256) - 128;
        const int weight = o % 5 == 0 ? (o % 2 == 0 ? 127 : -128) : w;
        weights.bytes[layout::weight(l, i, o)] = static_cast<signed char>(weight);
        sum += weight;
      }
      weights.sums[at.sum + o] = sum;
    }
  }
  prepare(weights);
}

constexpr float hostile[] = {NAN,    INFINITY, -INFINITY, 0.0F,   -0.0F,   FLT_TRUE_MIN, -1e-44F,
                             1e-42F, FLT_MIN,  3e38F,     -3e38F, FLT_MAX, -FLT_MAX,     1e30F,
                             -1e20F, 1e19F,    16777216,  0.5F,   1.5F,    255};

// Rows of `inputs` values: ordinary ones among rows with one hostile value, or with many.
std::vector<float> make_rows(std::size_t inputs, std::size_t count, generator& random) {
  std::vector<float> rows(inputs * count);
  for (float& x : rows) x = uniform(random, -0.2F, 1.4F);
  const auto pick = [&] { return hostile[random() % std::size(hostile)]; };
  for (std::size_t r = 0; r < count; r += 3) rows[r * inputs + random() % inputs] = pick();
  for (std::size_t r = 1; r < count; r += 7)
    for (std::size_t i = 0; i < inputs; ++i) rows[r * inputs + i] = pick();
  for (std::size_t r = 2; r < count; r += 11) // powers of two and their sums: rounding ties
    for (std::size_t i = 0; i < inputs; ++i)
      rows[r * inputs + i] = std::ldexp(static_cast<float>(random() % 511), -(int)(random() % 9));
  return rows;
}

std::uint32_t bits(float x) { return std::bit_cast<std::uint32_t>(x); }

template <class Weights> void check_kernel(const kernel<Weights>& tested, const Weights& weights) {
  constexpr std::size_t inputs = Weights::shape_type::inputs, count = 1024, largest = 130;
  INFO("instruction set ", std::string(name(tested.id)));
  generator random(7);
  const std::vector<float> rows = make_rows(inputs, count, random);
  std::vector<float> want(count);
  for (std::size_t r = 0; r < count; ++r)
    want[r] = reference::score(weights, rows.data() + r * inputs);

  std::size_t wrong_single = 0;
  for (std::size_t r = 0; r < count; ++r)
    wrong_single += bits(tested.row(weights, rows.data() + r * inputs)) != bits(want[r]);
  CHECK(wrong_single == 0);

  std::size_t wrong_batch = 0, overrun = 0;
  for (std::size_t n = 0; n <= largest; ++n) {
    const std::size_t first = random() % (count - largest);
    // Exactly sized, so that a sanitizer sees an overread.
    const std::unique_ptr<float[]> some(new float[n * inputs]);
    std::copy_n(rows.begin() + static_cast<std::ptrdiff_t>(first * inputs), n * inputs, some.get());
    std::vector<float> scores(n + 2, -7.0F);
    tested.rows(weights, some.get(), n, scores.data() + 1);
    overrun += scores.front() != -7.0F || scores.back() != -7.0F;
    for (std::size_t r = 0; r < n; ++r) wrong_batch += bits(scores[r + 1]) != bits(want[first + r]);
  }
  CHECK(wrong_batch == 0);
  CHECK(overrun == 0);
}

template <class Weights> void check_kernels(generator& random, float gain) {
  const auto weights = std::make_unique<Weights>();
  fill(*weights, random, gain);
  for (const kernel<Weights>& tested : registered<Weights>)
    if (supported(tested.id)) check_kernel(tested, *weights);
}

template <class Weights> void check_static_kernels(generator& random, std::size_t step) {
  std::size_t plain = 0, layers = 0; // both kinds of layer must have been tried
  for (std::size_t i = 0; i < std::size(static_forms); i += step) {
    const static_form& form = static_forms[i];
    INFO("static int8, ", std::string(form.name));
    const auto weights = std::make_unique<Weights>();
    fill(*weights, random, form);
    for (const fixed_scale& s : weights->inputs) plain += s.plain, ++layers;
    for (const kernel<Weights>& tested : registered<Weights>)
      if (supported(tested.id)) check_kernel(tested, *weights);
  }
  if (Weights::shape_type::layer_count == 1) return;
  CHECK(plain > 0);
  CHECK(plain < layers);
}

template <std::size_t... Sizes> void check_shape(std::initializer_list<float> gains) {
  INFO("shape ", [] {
    std::string text;
    ((text += (text.empty() ? "" : "-") + std::to_string(Sizes)), ...);
    return text;
  }());
  generator random(42);
  for (const float gain : gains) {
    INFO("gain ", gain);
    check_kernels<fp32_weights<shape<Sizes...>>>(random, gain);
    check_kernels<int8_weights<shape<Sizes...>>>(random, gain);
  }
  check_static_kernels<static_int8_weights<shape<Sizes...>>>(random, gains.size() > 1 ? 1 : 4);
}

} // namespace

// With -Dshort_tests=true one shape of each kind: for builds with sanitizers, where a shape takes
// half a minute to compile and the rest finds no other code, and for emulators.
TEST_CASE("kernels return the reference's bits: networks of VMAF") {
  check_shape<6, 16, 8, 1>({1.5F, 1e-20F, 1e18F, 1e-35F});
#if !defined(TINYMLP_SHORT_TESTS)
  check_shape<6, 32, 16, 1>({1.5F, 1e-20F, 1e18F});
#endif
  check_shape<6, 64, 32, 16, 1>({1.5F, 1e-15F, 1e12F});
}

TEST_CASE("kernels return the reference's bits: other shapes") {
  check_shape<6, 1>({1.5F});
  check_shape<1, 9, 1>({1.5F});
  check_shape<5, 17, 20, 3, 1>({1.5F, 1e12F});
  check_shape<100, 33, 17, 1>({1.5F, 1e15F});
#if !defined(TINYMLP_SHORT_TESTS)
  check_shape<10, 24, 1>({1.5F});
  check_shape<6, 1, 1>({1.5F});
  check_shape<1, 1>({1.5F});
  check_shape<17, 1>({1.5F});
  check_shape<2, 3, 2, 1>({1.5F});
  check_shape<3, 5, 7, 1>({1.5F});
  check_shape<4, 15, 16, 17, 1>({1.5F});
  check_shape<16, 64, 19, 1>({1.5F});
#endif
}

// An output may be below 0 by any factor of the largest one, where ReLU is left to quantisation.
TEST_CASE("kernels return the reference's bits: outputs of one layer far apart") {
  using weights = int8_weights<shape<6, 16, 9, 1>>;
  const auto apart = std::make_unique<weights>();
  generator random(11);
  for (std::size_t n = 0; n < 8; ++n) {
    fill(*apart, random, 1.5F);
    for (const int8_layer& at : int8_layout<weights::shape_type>::layers)
      for (std::size_t o = 0; o < at.outputs; ++o) apart->floats[at.bias + o] = 0;
    const int8_layer& at = int8_layout<weights::shape_type>::layers[n % 2];
    for (std::size_t o = 0; o < at.outputs; ++o)
      apart->floats[at.scale + o] *= o == n ? 0x1p108F : 0x1p-48F;
    for (const kernel<weights>& tested : registered<weights>)
      if (supported(tested.id)) check_kernel(tested, *apart);
  }
}

TEST_CASE("kernels return the reference's bits: wider than a batch buffer") {
  check_shape<4, 1100, 1>({1.5F});
}

// All 2^23 significands take minutes; a stride through them takes a moment. They start from the
// last below a power of two, where reciprocals are hardest.
#if defined(__x86_64__) && defined(__GNUC__)
namespace proved = tinymlp::kernels::avx2;
constexpr std::uint32_t stride = 257;
bool can_prove() { return supported(isa::avx2); }
#elif defined(__aarch64__) && defined(__GNUC__) && !defined(__AARCH64EB__)
namespace proved = tinymlp::kernels::neon;
constexpr std::uint32_t stride = 16411; // emulated, as a rule
bool can_prove() { return true; }
#endif
#if defined(__GNUC__) && (defined(__x86_64__) || defined(__aarch64__))
std::uint32_t proof_stride() { return std::getenv("TINYMLP_EXHAUSTIVE") != nullptr ? 1 : stride; }

TEST_CASE("quotients round like divisions") {
  if (!can_prove()) return;
  CHECK(proved::wrong_quotients(proof_stride()) == 0);
}

TEST_CASE("a 255th is exact") {
  if (!can_prove()) return;
  CHECK(proved::wrong_255ths(1, 1) == 0);
  for (const float power : {0x1p-100F, 0x1p120F})
    CHECK(proved::wrong_255ths(proof_stride(), power) == 0);
}

TEST_CASE("quotients by fixed scales round like divisions") {
  if (!can_prove()) return;
  for (const float power : {1.0F, 0x1p-63F, 0x1p-66F, 0x1p-120F, 0x1p63F, 0x1p66F, 0x1p118F})
    CHECK(proved::wrong_static_quotients(proof_stride(), power) == 0);
}
#endif

TEST_CASE("instruction sets: names, support, choice") {
  std::string ran, skipped;
  for (const auto& row : registered<int8_weights<shape<6, 16, 8, 1>>>)
    ((supported(row.id) ? ran : skipped) += ' ') += name(row.id);
  std::printf("instruction sets tested:%s; skipped, not supported here:%s\n", ran.c_str(),
              skipped.empty() ? " none" : skipped.c_str());

  for (std::size_t i = 0; i < isa_count; ++i) {
    const auto which = static_cast<isa>(i);
    CHECK(isa_from_name(name(which)) == which);
    CHECK(static_cast<bool>(kernel_of<fp32_weights<shape<6, 1>>>(which).row));
    CHECK(static_cast<bool>(kernel_of<int8_weights<shape<6, 1>>>(which).rows));
    CHECK(static_cast<bool>(kernel_of<static_int8_weights<shape<6, 1>>>(which).rows));
  }
  CHECK_FALSE(isa_from_name("AVX2").has_value());
  CHECK_FALSE(isa_from_name("").has_value());
  CHECK(supported(isa::reference));
  CHECK(supported(selected()));
#if defined(__x86_64__) && defined(__GNUC__)
  __builtin_cpu_init();
  CHECK(supported(isa::avx2) == (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")));
  CHECK(supported(isa::avx512) ==
        (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
         __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl")));
  CHECK(supported(isa::avx512_vnni) ==
        (supported(isa::avx512) && __builtin_cpu_supports("avx512vnni")));
  CHECK_FALSE(supported(isa::neon));
#endif
}

TEST_CASE("instruction sets are chosen once, from any thread") {
  std::vector<isa> chosen(8);
  std::vector<std::thread> threads;
  for (isa& one : chosen) threads.emplace_back([&one] { one = selected(); });
  for (std::thread& thread : threads) thread.join();
  for (const isa one : chosen) CHECK(one == selected());
}
