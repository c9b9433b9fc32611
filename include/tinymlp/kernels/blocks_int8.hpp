// An int8 layer of one row, four outputs at a time (baseline.hpp), for CPUs without kernels of
// their own. The same bits as reference.hpp's loops, which the constant evaluator runs.
#pragma once

#include <tinymlp/kernels/baseline.hpp>
#include <tinymlp/kernels/exact.hpp>

#include <cstddef>
#include <cstdint>
#include <limits>

#include <tinymlp/kernels/precise_begin.inl>
namespace tinymlp::kernels {

// What ONNX DynamicQuantizeLinear (operator set 11) makes of one row; or, of fixed scales, those
// and 1 as scale. A scale of 0 stands for any range too small to quantise: the layer's products are
// then 0 whatever is divided by.
struct quantized_range {
  float scale, divisor;
  std::int32_t zero_point;
};
// `low` <= 0 <= `high`
constexpr quantized_range range_between(float low, float high) noexcept {
  const float scale = exact::div(exact::sub(high, low), 255.0F);
  if (!exact::is_finite(scale)) return {exact::quiet_nan, exact::quiet_nan, 0};
  const float divisor = scale > 0 ? scale : std::numeric_limits<float>::denorm_min();
  const float zero = exact::sub(0.0F, exact::div(low, divisor));
  return {scale, divisor, exact::round_half_even(zero > 255 ? 255.0F : zero)};
}

namespace blocks {

// [inputs / 4][outputs, padded to whole fours][4] weights; a scale and a bias for each output, and
// whether Relu follows.
struct int8_dense {
  std::size_t inputs, outputs, padded_outputs;
  const std::int8_t* weight;
  const float *scale, *bias;
  bool relu;
};

// The range of x[0, count); zeros follow up to a whole four. `behind_relu`: none is below 0.
inline quantized_range range_of(const float* x, std::size_t count, bool behind_relu) noexcept {
  floats low = zero(), high = zero();
  for (std::size_t i = 0; i < count; i += 4) high = larger(load(x + i), high);
  if (!behind_relu)
    for (std::size_t i = 0; i < count; i += 4) low = smaller(load(x + i), low);
  float lows[4], highs[4];
  store(lows, low);
  store(highs, high);
  for (std::size_t i = 1; i < 4; ++i) {
    lows[0] = lows[i] < lows[0] ? lows[i] : lows[0];
    highs[0] = highs[i] > highs[0] ? highs[i] : highs[0];
  }
  return range_between(lows[0], highs[0]);
}

// `poison` becomes NaN where a scale is not finite.
template <std::size_t Vectors>
TINYMLP_BLOCK_INLINE void int8_dots(const int8_dense& at, const float* quantized, uniform scale,
                                    std::size_t o, float* y, floats& poison) noexcept {
  products sum[Vectors];
  TINYMLP_BLOCK_UNROLL for (std::size_t v = 0; v < Vectors; ++v) sum[v] = no_products();
  const std::int8_t* weight = at.weight + 4 * o;
  const std::size_t stride = 4 * at.padded_outputs;
  for (const float* const end = quantized + (at.inputs + 3) / 4 * 2; quantized != end;
       quantized += 2, weight += stride) {
    const group q = load_group(quantized);
    TINYMLP_BLOCK_UNROLL for (std::size_t v = 0; v < Vectors; ++v)
        add_products(sum[v], q, weight + 16 * v);
  }
  TINYMLP_BLOCK_UNROLL for (std::size_t v = 0; v < Vectors; ++v) {
    const floats by = multiply(scale, load(at.scale + o + 4 * v));
    poison = poisoned(poison, by);
    const floats value = add(multiply(to_floats(totals(sum[v])), by), load(at.bias + o + 4 * v));
    store(y + o + 4 * v, at.relu ? larger(zero(), value) : value);
  }
}

// y[o] = float(sum) * (range.scale * scale[o]) + bias[o], each operation rounded, where sum is that
// of the layer's weights and of x as `range` quantises it, less its zero point. Takes y up to a
// whole sixteen; x is used up: its numbers of 16 bits take its place. Zeros follow x up to a whole
// four; none is NaN, and infinities saturate. Returns false where a scale overflows.
#if defined(__GNUC__)
[[gnu::noinline]]
#endif
inline bool
int8_layer(const int8_dense& at, const quantized_range& range, float* x, float* y) noexcept {
  const auto zero_point = static_cast<float>(range.zero_point);
  const uniform low = splat_all(-zero_point), high = splat_all(255.0F - zero_point);
  const uniform divisor = splat_all(range.divisor), scale = splat_all(range.scale);
  float* to = x;
  for (const float *from = x, *const end = x + at.inputs; from < end; from += 4, to += 2)
    store_group(to, to_ints(smaller(high, larger(low, divide(load(from), divisor)))));
  floats poison = zero();
  std::size_t o = 0;
#if TINYMLP_HAS_BASELINE_VECTORS // single numbers have no registers for more than four outputs
  for (; o + 8 < at.outputs; o += 16) int8_dots<4>(at, x, scale, o, y, poison);
#endif
  for (; o < at.outputs; o += 4) int8_dots<1>(at, x, scale, o, y, poison);
  float poisons[4];
  store(poisons, poison);
  return !exact::is_nan(poisons[0] + poisons[1] + poisons[2] + poisons[3]);
}

} // namespace blocks
} // namespace tinymlp::kernels
#include <tinymlp/kernels/precise_end.inl>
