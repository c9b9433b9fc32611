// Networks of any shape, made at random: every kernel against the reference, bit for bit, one row
// and batches. Goes through what is registered, so a new instruction set is tested without a
// change.
#include <tinymlp/kernels/steps_table.hpp>

#include <doctest/doctest.h>

#include <bit>
#include <cmath>
#include <cstdint>
#include <limits>
#include <memory>
#include <random>
#include <string>
#include <vector>

namespace {

using namespace tinymlp;
using namespace tinymlp::kernels;

using generator = std::mt19937;

float uniform(generator& random, float low, float high) {
  return std::uniform_real_distribution<float>(low, high)(random);
}

// Floats at a multiple of 64 bytes, as networks hold them.
class aligned {
public:
  explicit aligned(std::size_t n) : memory_(n + 16) {
    const auto at = reinterpret_cast<std::uintptr_t>(memory_.data());
    first_ = memory_.data() + (64 - at % 64) % 64 / sizeof(float);
  }
  aligned(const aligned&) = delete;
  float* data() { return first_; }

private:
  std::vector<float> memory_;
  float* first_;
};

struct net {
  std::vector<step> steps;
  kernels::extent size;
  std::size_t moved = 0, inputs, width;
  std::vector<float> floats; // copied into aligned memory by view()
  std::vector<std::int8_t> bytes;
  std::vector<std::int32_t> sums;
  std::unique_ptr<aligned> placed;

  explicit net(std::size_t n) : inputs(n), width(n) {}

  step& add(step_op op, std::size_t outputs, activation a = activation::identity) {
    step s;
    s.op = op;
    s.activates = a;
    s.inputs = static_cast<std::uint32_t>(width);
    s.outputs = static_cast<std::uint32_t>(outputs);
    s.alpha = a == activation::clip ? -0.5F : 0.7F;
    s.beta = a == activation::clip ? 0.75F : 0.4F;
    place(s, size, moved);
    width = outputs;
    steps.push_back(s);
    return steps.back();
  }
  void fill(generator& random, float gain) {
    close(size);
    floats.resize(size.floats);
    bytes.resize(size.bytes);
    sums.resize(size.sums);
    for (float& f : floats) f = uniform(random, -1, 1);
    for (const step& s : steps) {
      const std::size_t padded = round_up(s.outputs, panel_width);
      if (s.op == step_op::dense)
        for (std::size_t i = 0; i < std::size_t{s.inputs} * s.outputs; ++i)
          floats[s.at + padded + i] *= gain / std::sqrt(static_cast<float>(s.inputs));
      if (s.op == step_op::dense_to_one) {
        for (std::size_t i = 1; i < virtual_lanes; ++i) floats[s.at + i] = 0;
        for (std::size_t i = s.inputs; i < round_up(s.inputs, virtual_lanes); ++i)
          floats[s.at + virtual_lanes + i] = 0;
      }
      if (s.op == step_op::dense_dynamic || s.op == step_op::dense_static)
        for (std::size_t o = 0; o < padded; ++o) {
          floats[s.at + o] = o < s.outputs ? 0.01F * gain : 0;
          for (std::size_t k = 0; k < round_up(s.inputs, 4) && o < s.outputs; ++k) {
            const int w = k < s.inputs ? static_cast<int>(random() % 256) - 128 : 0;
            bytes[s.bytes + (k / 4 * padded + o) * 4 + k % 4] = static_cast<std::int8_t>(w);
            sums[s.sums + o] += w;
          }
        }
    }
    placed = std::make_unique<aligned>(floats.size());
    std::copy(floats.begin(), floats.end(), placed->data());
  }
  steps_view view() {
    return {steps.data(), steps.size(),   inputs,       width,      size.even,
            size.odd,     placed->data(), bytes.data(), sums.data()};
  }
};

std::vector<float> random_rows(generator& random, std::size_t n, bool hostile) {
  std::vector<float> rows(n);
  for (float& x : rows) {
    x = uniform(random, -2, 2);
    if (!hostile) continue;
    switch (random() % 40) {
    case 0: x = std::numeric_limits<float>::quiet_NaN(); break;
    case 1: x = -std::numeric_limits<float>::infinity(); break;
    case 2: x = std::numeric_limits<float>::max(); break;
    case 3: x = std::numeric_limits<float>::denorm_min(); break;
    case 4: x = -0.0F; break;
    case 5: x = 1e30F; break;
    default: break;
    }
  }
  return rows;
}

template <bool Int8> void check(net& made, generator& random, const std::string& what) {
  CAPTURE(what);
  const steps_view view = made.view();
  for (const std::size_t count : {1, 2, 5, 8, 13, 16, 31, 32, 33, 47, 70}) {
    const std::vector<float> rows = random_rows(random, count * view.inputs, count % 2 == 1);
    std::vector<float> expected(count * view.outputs);
    aligned scratch(row_scratch(view) * 64);
    reference::run_rows(view, rows.data(), count, expected.data(), scratch.data(), 0);
    for (const steps_kernel& kernel : steps_kernels<Int8>::all) {
      if (!supported(kernel.id)) continue;
      for (const std::size_t room : {1, 8, 16, 64}) {
        std::vector<float> out(count * view.outputs + 1, 42.0F);
        kernel.rows(view, rows.data(), count, out.data(), scratch.data(), row_scratch(view) * room);
        CHECK(out.back() == 42.0F);
        for (std::size_t i = 0; i < expected.size(); ++i)
          if (std::bit_cast<std::uint32_t>(out[i]) != std::bit_cast<std::uint32_t>(expected[i])) {
            CAPTURE(name(kernel.id));
            CAPTURE(count);
            CAPTURE(room);
            CAPTURE(i);
            FAIL_CHECK("other bits: " << out[i] << " for " << expected[i]);
            return;
          }
      }
      std::vector<float> one(view.outputs + 1, 42.0F);
      kernel.row(view, rows.data(), one.data(), scratch.data());
      CHECK(one.back() == 42.0F);
      for (std::size_t i = 0; i < view.outputs; ++i)
        CHECK(std::bit_cast<std::uint32_t>(one[i]) == std::bit_cast<std::uint32_t>(expected[i]));
    }
  }
}

std::size_t some_width(generator& random) {
  constexpr std::size_t widths[]{1,  2,  3,  4,  5,  6,  7,  8,  9,  12, 15,
                                 16, 17, 24, 29, 32, 33, 48, 64, 65, 100};
  return widths[random() % std::size(widths)];
}

TEST_CASE(
    "places that would not fit 32 bits are told, though a file that shares an array is small") {
  extent size;
  std::size_t moved = 0;
  step s;
  s.op = step_op::dense;
  s.inputs = s.outputs = 16384;
  for (int layer = 0; layer < 7; ++layer) place(s, size, moved);
  CHECK(fits(size));
  for (int layer = 0; layer < 57; ++layer) place(s, size, moved);
  CHECK(size.floats > std::uint64_t{1} << 32);
  CHECK(!fits(size));
}

TEST_CASE("dense steps of every width agree with the reference") {
  generator random(1);
  for (const std::size_t inputs : {1, 2, 3, 4, 6, 7, 8, 15, 16, 17, 18, 19, 31, 33, 64, 130})
    for (const std::size_t outputs : {1, 2, 3, 4, 5, 7, 8, 9, 12, 15, 16, 17, 31, 32, 40}) {
      net made(inputs);
      made.add(step_op::dense, outputs);
      made.fill(random, 1);
      check<false>(made, random, std::to_string(inputs) + "-" + std::to_string(outputs));
    }
}

TEST_CASE(
    "a network of one output alone agrees with the reference, and reads no further than its row") {
  generator random(6);
  for (std::size_t inputs = 1; inputs <= 41; ++inputs)
    for (const activation a : {activation::identity, activation::relu, activation::tanh}) {
      net made(inputs);
      made.add(step_op::dense_to_one, 1, a);
      made.fill(random, 1);
      check<false>(made, random, std::to_string(inputs) + "-1");
    }
}

TEST_CASE("each activation agrees with the reference") {
  generator random(2);
  for (std::size_t a = 0; a < activation_count; ++a) {
    net made(11);
    made.add(step_op::dense, 23, static_cast<activation>(a));
    made.add(step_op::affine, 23, static_cast<activation>(a));
    made.add(step_op::dense_to_one, 1, static_cast<activation>(a));
    made.fill(random, 3);
    check<false>(made, random, std::string(name(static_cast<activation>(a))));
  }
}

TEST_CASE("each other step agrees with the reference") {
  generator random(3);
  using enum step_op;
  for (const step_op op : {affine, centre, add, subtract_from, multiply, divide, activate,
                           layer_norm, softmax, log_softmax})
    for (const std::size_t n : {1, 2, 5, 8, 9, 16, 23, 40}) {
      net made(n);
      made.add(op, n);
      made.add(dense, 7);
      made.add(op, 7);
      made.fill(random, 1);
      check<false>(made, random, std::to_string(static_cast<int>(op)));
    }
  net made(20);
  made.add(slice, 11).at = 6;
  made.add(dense_to_one, 1, activation::sigmoid);
  made.add(complement, 2);
  made.fill(random, 1);
  check<false>(made, random, "slice, complement");
}

TEST_CASE("random networks agree with the reference") {
  generator random(4);
  for (int round = 0; round < 150; ++round) {
    net made(some_width(random));
    std::string what = std::to_string(made.inputs);
    if (random() % 2 == 0) made.add(step_op::centre, made.width);
    const std::size_t layers = 1 + random() % 5;
    for (std::size_t l = 0; l < layers; ++l) {
      made.add(step_op::dense, some_width(random),
               static_cast<activation>(random() % activation_count));
      if (random() % 4 == 0) made.add(step_op::layer_norm, made.width);
      if (random() % 4 == 0) made.add(step_op::affine, made.width);
      what += "-" + std::to_string(made.width);
    }
    if (random() % 3 == 0) made.add(step_op::dense_to_one, 1);
    if (random() % 4 == 0) made.add(step_op::softmax, made.width);
    made.fill(random, 2);
    check<false>(made, random, what);
  }
}

TEST_CASE("random int8 networks agree with the reference") {
  generator random(5);
  for (int round = 0; round < 80; ++round) {
    net made(some_width(random));
    std::string what = std::to_string(made.inputs);
    if (random() % 2 == 0) made.add(step_op::centre, made.width);
    if (random() % 2 == 0) made.add(step_op::multiply, made.width);
    const std::size_t layers = 1 + random() % 4;
    const bool dynamic = random() % 2 == 0;
    for (std::size_t l = 0; l < layers; ++l) {
      step& s = made.add(dynamic ? step_op::dense_dynamic : step_op::dense_static,
                         some_width(random), static_cast<activation>(random() % activation_count));
      s.scale = 0.013F;
      s.zero_point = static_cast<std::int32_t>(random() % 256);
      what += "-" + std::to_string(made.width);
    }
    made.fill(random, 1);
    check<true>(made, random, what);
  }
}

} // namespace
