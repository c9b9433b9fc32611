// Int8 dense steps of networks of any shape, a row at a time. Included after int8_row.inl and
// before steps_row.inl by each instruction set, those that differ in int8 only as well.

// 16 zeros after the values: sums of 8 lanes and of vectors read them.
TINYMLP_INLINE void step_clear(float* x, std::size_t count) {
  using v = typename ops::v;
  TINYMLP_UNROLL for (std::size_t i = 0; i < panel_width; i += v::lanes)
      v::store(x + count + i, v::zero());
}

// The row's inputs as bytes, in place: a byte is written where the floats before it were read.
// Returns what DynamicQuantizeLinear finds.
TINYMLP_INLINE int8_range<typename ops::v> step_quantize_dynamic(float* x, std::size_t n) {
  using v = typename ops::v;
  auto* const q = reinterpret_cast<unsigned char*>(x);
  step_clear(x, n);
  auto depth = v::zero(), height = v::zero();
  for (std::size_t i = 0; i < n; i += v::lanes) {
    const auto value = v::load(x + i);
    depth = v::larger(depth, v::negated(value));
    height = v::larger(height, value);
  }
  const auto range = int8_range_of<true, v>(v::largest(depth), v::largest(height));
  for (std::size_t i = 0; i < n; i += v::lanes)
    v::store_bytes(q + i,
                   v::iadd(v::to_int(v::div(v::load(x + i), range.divisor)), range.zero_point));
  return range;
}

// And by a fixed scale; NaN into poison where an input is NaN.
TINYMLP_INLINE int8_range<typename ops::v> step_quantize_static(const step& at, float* x,
                                                                typename ops::v::reg& poison) {
  using v = typename ops::v;
  auto* const q = reinterpret_cast<unsigned char*>(x);
  step_clear(x, at.inputs);
  const auto low = v::set(static_cast<float>(-at.zero_point));
  const auto high = v::set(static_cast<float>(255 - at.zero_point));
  const int8_range<v> range{v::set(1), v::set(at.scale), v::iset(at.zero_point)};
  for (std::size_t i = 0; i < at.inputs; i += v::lanes) {
    const auto value = v::load(x + i);
    poison = v::poisoned(poison, value);
    const auto quotient = v::minimum(high, v::maximum(low, v::div(value, range.divisor)));
    v::store_bytes(q + i, v::iadd(v::to_int(quotient), range.zero_point));
  }
  return range;
}

TINYMLP_NOINLINE void step_int8(const steps_view& net, const step& at, float* x, float* y,
                                float& poison) noexcept {
  using v = typename ops::v;
  auto poisons = v::zero();
  const auto range = at.op == step_op::dense_dynamic ? step_quantize_dynamic(x, at.inputs)
                                                     : step_quantize_static(at, x, poisons);
  const std::size_t padded = round_up(at.outputs, panel_width), groups = (at.inputs + 3) / 4;
  const auto* const q = reinterpret_cast<const unsigned char*>(x);
  const float *scale = net.floats + at.at, *bias = scale + padded;
  const auto* const bytes = reinterpret_cast<const signed char*>(net.bytes) + at.bytes;
  const auto correction = v::isub(v::iset(ops::zero), range.zero_point);
  for (std::size_t o = 0; o < at.outputs; o += v::lanes) {
    auto sum = v::imul(correction, v::iload(net.sums + at.sums + o)), other = v::iset(0);
    const signed char* weight = bytes + o * 4;
    std::size_t g = 0;
    for (; g + 2 <= groups; g += 2) {
      std::int32_t group[2];
      std::memcpy(group, q + g * 4, sizeof group);
      sum = ops::dot(sum, v::iset(group[0]), v::iload(weight + g * padded * 4));
      other = ops::dot(other, v::iset(group[1]), v::iload(weight + (g + 1) * padded * 4));
    }
    if (g < groups) {
      std::int32_t group;
      std::memcpy(&group, q + g * 4, sizeof group);
      sum = ops::dot(sum, v::iset(group), v::iload(weight + g * padded * 4));
    }
    const auto value =
        int8_dequantize<v>(v::iadd(sum, other), range.scale, scale + o, bias + o, poisons);
    v::store(y + o, at.activates == activation::relu ? v::relu(value) : value);
  }
  poison += v::reduce_add(poisons);
}
