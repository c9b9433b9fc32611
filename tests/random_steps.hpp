// Networks of steps with random constants, and the comparison of every kernel with the reference,
// bit for bit.
#pragma once

#include <tinymlp/kernels/steps_table.hpp>

#include <doctest/doctest.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstdint>
#include <limits>
#include <memory>
#include <random>
#include <string>
#include <vector>

namespace random_steps {

using namespace tinymlp;
using namespace tinymlp::kernels;

using generator = std::mt19937;

inline float uniform(generator& random, float low, float high) {
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

inline std::vector<float> random_rows(generator& random, std::size_t n, bool hostile) {
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

// One row and batches by every kernel of that shape.
template <class Shape> void check(net& made, generator& random, const std::string& what) {
  CAPTURE(what);
  const steps_view view = made.view();
  for (const std::size_t count : {1U, 2U, 5U, 8U, 13U, 16U, 31U, 32U, 33U, 47U, 70U}) {
    const std::vector<float> rows = random_rows(random, count * view.inputs, count % 2 == 1);
    std::vector<float> expected(count * view.outputs);
    aligned scratch(row_scratch(view) * 64);
    reference::run_rows(view, rows.data(), count, expected.data(), scratch.data(), 0);
    for (const steps_kernel& kernel : steps_kernels<Shape>::all) {
      if (!supported(kernel.id)) continue;
      for (const std::size_t room : {1U, 8U, 16U, 64U}) {
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

} // namespace random_steps
