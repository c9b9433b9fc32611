// The int8 scores of many rows, each quantised by itself: rows lie across lanes, four inputs in
// a lane. Included like int8_row.inl, after it.

// A divisor for a vector of rows. x / divisor is computed as x * (reciprocal + rest), reciprocal
// being 1 / divisor rounded and rest what that lacks. Rounded to float and then to an integer
// this equals the division rounded likewise, for every x of at most 255 divisors; the case
// "quotients round like divisions" in tests/kernels_test.cpp proves it by trying all that are
// near a tie. `shift`, a power of two, keeps the terms clear of overflow and of denormals.
struct int8_inverse {
  typename ops::v::reg shift, reciprocal, rest;
};
TINYMLP_INLINE int8_inverse int8_invert(typename ops::v::reg divisor) {
  using v = typename ops::v;
  const auto small = v::set(0x1p-64F), one = v::set(1), large = v::set(0x1p64F);
  int8_inverse inverse;
  inverse.shift = v::if_less(divisor, small, large, v::if_less(large, divisor, small, one));
  const auto shifted = v::mul(divisor, inverse.shift);
  inverse.reciprocal = v::div(one, shifted);
  const auto error = v::fnma(inverse.reciprocal, shifted, one);
  inverse.rest = v::mul(inverse.reciprocal, v::fma(error, error, error));
  return inverse;
}
TINYMLP_INLINE typename ops::v::reg int8_divide(typename ops::v::reg x, int8_inverse by) {
  using v = typename ops::v;
  const auto shifted = v::mul(x, by.shift);
  return v::fma(shifted, by.reciprocal, v::mul(shifted, by.rest));
}

// What DynamicQuantizeLinear needs of a vector of rows. Only the first layer has inputs below 0,
// hence a zero point.
struct int8_scales {
  typename ops::v::reg scale;
  int8_inverse inverse;
  typename ops::v::ireg zero_point;
};
template <bool First>
TINYMLP_INLINE int8_scales int8_scales_of(typename ops::v::reg low, typename ops::v::reg high) {
  using v = typename ops::v;
  int8_scales s;
  s.scale = v::div(First ? v::sub(high, low) : high, v::set(255.0F));
  const auto divisor = v::max(s.scale, v::set(std::numeric_limits<float>::denorm_min()));
  s.inverse = int8_invert(divisor);
  if constexpr (First) {
    const auto zero = v::sub(v::zero(), v::div(low, divisor));
    s.zero_point = v::to_int(v::min(zero, v::set(255.0F)));
  } else {
    s.zero_point = v::iset(0);
  }
  return s;
}

template <bool First>
TINYMLP_INLINE typename ops::v::ireg int8_rows_quantize(const float* x, const int8_scales& s) {
  using v = typename ops::v;
  const auto q = v::to_int(int8_divide(v::load(x), s.inverse));
  return First ? v::iadd(q, s.zero_point) : q;
}

// Activations x [input][R vectors] -> q [input / 4][R vectors of four bytes].
template <bool First, std::size_t Inputs, std::size_t R>
TINYMLP_INLINE void int8_rows_pack(const float* x, const int8_scales (&s)[R], std::int32_t* q) {
  using v = typename ops::v;
  constexpr std::size_t step = R * v::lanes, whole = Inputs / 4 * 4, rest = Inputs - whole;
  for (std::size_t i = 0; i < whole; i += 4)
    TINYMLP_UNROLL for (std::size_t r = 0; r < R; ++r) {
      const float* from = x + i * step + r * v::lanes;
      v::istore(q + i / 4 * step + r * v::lanes,
                v::quads(int8_rows_quantize<First>(from, s[r]),
                         int8_rows_quantize<First>(from + step, s[r]),
                         int8_rows_quantize<First>(from + 2 * step, s[r]),
                         int8_rows_quantize<First>(from + 3 * step, s[r])));
    }
  if constexpr (rest != 0) // the weights of what is missing are 0
    TINYMLP_UNROLL for (std::size_t r = 0; r < R; ++r) {
      const float* from = x + whole * step + r * v::lanes;
      const auto nothing = v::iset(0), first = int8_rows_quantize<First>(from, s[r]);
      auto second = nothing, third = nothing;
      if constexpr (rest > 1) second = int8_rows_quantize<First>(from + step, s[r]);
      if constexpr (rest > 2) third = int8_rows_quantize<First>(from + 2 * step, s[r]);
      v::istore(q + whole / 4 * step + r * v::lanes, v::quads(first, second, third, nothing));
    }
}

// O outputs from output `first` on, of R vectors of rows; `high` follows the largest.
template <class Shape, std::size_t L, std::size_t O, std::size_t R>
TINYMLP_INLINE void int8_rows_outputs(const int8_weights<Shape>& weights, const std::int32_t* q,
                                      const int8_scales (&s)[R], std::size_t first, float* y,
                                      typename ops::v::reg (&high)[R]) {
  using v = typename ops::v;
  constexpr int8_layer at = int8_layout<Shape>::layers[L];
  const signed char* weight = weights.bytes.data() + at.weight + first * 4;
  typename v::ireg sum[O][R];
  TINYMLP_UNROLL for (std::size_t o = 0; o < O; ++o)
    TINYMLP_UNROLL for (std::size_t r = 0; r < R; ++r) {
      sum[o][r] = v::iset(0);
      if constexpr (L == 0 || ops::zero != 0)
        sum[o][r] = v::imul(v::isub(v::iset(ops::zero), s[r].zero_point),
                            v::iset(weights.sums[at.sum + first + o]));
    }
  for (std::size_t g = 0; g < at.padded_inputs / 4; ++g) {
    typename v::ireg rows[R];
    TINYMLP_UNROLL for (std::size_t r = 0; r < R; ++r)
      rows[r] = v::iload(q + (g * R + r) * v::lanes);
    TINYMLP_UNROLL for (std::size_t o = 0; o < O; ++o) {
      std::int32_t four;
      std::memcpy(&four, weight + (g * at.padded_outputs + o) * 4, sizeof four);
      const auto w = v::iset(four);
      TINYMLP_UNROLL for (std::size_t r = 0; r < R; ++r)
        sum[o][r] = ops::dot(sum[o][r], rows[r], w);
    }
  }
  TINYMLP_UNROLL for (std::size_t o = 0; o < O; ++o) {
    const auto weight_scale = v::broadcast(weights.floats.data() + at.scale + first + o);
    const auto bias = v::broadcast(weights.floats.data() + at.bias + first + o);
    TINYMLP_UNROLL for (std::size_t r = 0; r < R; ++r) {
      const auto scale = v::mul(s[r].scale, weight_scale);
      auto out = v::add(v::mul(v::to_float(sum[o][r]), scale), bias);
      if constexpr (L + 1 < Shape::layer_count) {
        out = v::relu(out);
        high[r] = v::max(high[r], out);
      }
      v::store(y + ((first + o) * R + r) * v::lanes, out);
    }
  }
}

// The largest weight scale of each layer: where its product with a row's scale is finite, so
// are those of the others.
template <class Shape> struct int8_largest_scales {
  float layer[Shape::layer_count];
};
template <class Shape>
TINYMLP_INLINE int8_largest_scales<Shape> int8_find_scales(const int8_weights<Shape>& weights) {
  using v = typename ops::v;
  int8_largest_scales<Shape> found;
  for (std::size_t l = 0; l < Shape::layer_count; ++l) {
    const int8_layer& at = int8_layout<Shape>::layers[l];
    const float* scale = weights.floats.data() + at.scale;
    auto largest = v::zero();
    for (std::size_t o = 0; o < at.outputs; o += v::lanes) {
      const auto some = v::load(scale + o);
      largest = v::max(largest, v::max(some, v::sub(v::zero(), some)));
    }
    found.layer[l] = v::reduce_max(largest);
  }
  return found;
}

// Layer L and those after it; the scores end up in x.
template <class Shape, std::size_t L, std::size_t R>
TINYMLP_INLINE void int8_rows_layers(const int8_weights<Shape>& weights,
                                     const int8_largest_scales<Shape>& largest, float* x,
                                     std::int32_t* q, const typename ops::v::reg (&low)[R],
                                     const typename ops::v::reg (&high)[R],
                                     typename ops::v::reg (&poison)[R]) {
  using v = typename ops::v;
  constexpr int8_layer at = int8_layout<Shape>::layers[L];
  int8_scales scales[R];
  typename v::reg next[R];
  TINYMLP_UNROLL for (std::size_t r = 0; r < R; ++r) {
    scales[r] = int8_scales_of<L == 0>(low[r], high[r]);
    poison[r] = v::fma(v::mul(scales[r].scale, v::set(largest.layer[L])), v::zero(), poison[r]);
    next[r] = v::zero();
  }
  int8_rows_pack<L == 0, at.inputs>(x, scales, q);
  constexpr std::size_t whole = at.outputs / 4 * 4, rest = at.outputs - whole;
  for (std::size_t o = 0; o < whole; o += 4)
    int8_rows_outputs<Shape, L, 4>(weights, q, scales, o, x, next);
  if constexpr (rest != 0) int8_rows_outputs<Shape, L, rest>(weights, q, scales, whole, x, next);
  if constexpr (L + 1 < Shape::layer_count) {
    typename v::reg none[R];
    TINYMLP_UNROLL for (std::size_t r = 0; r < R; ++r) none[r] = v::zero();
    int8_rows_layers<Shape, L + 1>(weights, largest, x, q, none, next, poison);
  }
}

template <class Shape, std::size_t R>
TINYMLP_NOINLINE void int8_rows_block(const int8_weights<Shape>& weights,
                                      const int8_largest_scales<Shape>& largest,
                                      const float* rows, float* scores) noexcept {
  using v = typename ops::v;
  using layout = int8_layout<Shape>;
  alignas(64) float x[widest_layer<Shape> * R * v::lanes];
  alignas(64) std::int32_t q[widest_layer<Shape> / 4 * R * v::lanes];
  typename v::reg low[R], high[R], poison[R];
  TINYMLP_UNROLL for (std::size_t r = 0; r < R; ++r) low[r] = high[r] = poison[r] = v::zero();
  rows_columns<Shape::inputs, R>(rows, x);
  const float* floats = weights.floats.data();
  for (std::size_t i = 0; i < Shape::inputs; ++i)
    TINYMLP_UNROLL for (std::size_t r = 0; r < R; ++r) {
      float* at = x + (i * R + r) * v::lanes;
      const auto centred = v::sub(v::load(at), v::broadcast(floats + layout::mean + i));
      const auto scaled = v::mul(v::div(centred, v::broadcast(floats + layout::divisor + i)),
                                 v::broadcast(floats + layout::multiplier + i));
      low[r] = v::min(low[r], scaled);
      high[r] = v::max(high[r], scaled);
      poison[r] = v::fma(scaled, v::zero(), poison[r]);
      v::store(at, scaled);
    }
  int8_rows_layers<Shape, 0>(weights, largest, x, q, low, high, poison);
  TINYMLP_UNROLL for (std::size_t r = 0; r < R; ++r)
    v::store(scores + r * v::lanes, v::poisoned(v::load(x + r * v::lanes), poison[r]));
}

// Rows fewer than a vector, through buffers that end with rows of zeros.
template <class Shape>
TINYMLP_NOINLINE void int8_rows_tail(const int8_weights<Shape>& weights,
                                     const int8_largest_scales<Shape>& largest,
                                     const float* rows, std::size_t count,
                                     float* scores) noexcept {
  constexpr std::size_t lanes = ops::v::lanes;
  float padded[lanes * Shape::inputs], result[lanes];
  for (std::size_t i = 0; i < lanes * Shape::inputs; ++i)
    padded[i] = i < count * Shape::inputs ? rows[i] : 0.0F;
  int8_rows_block<Shape, 1>(weights, largest, padded, result);
  for (std::size_t i = 0; i < count; ++i) scores[i] = result[i];
}

template <class Shape>
inline void score_rows(const int8_weights<Shape>& weights, const float* rows, std::size_t count,
                       float* scores) noexcept {
  constexpr std::size_t n = Shape::inputs, lanes = ops::v::lanes, R = ops::block_vectors;
  std::size_t done = 0;
  if constexpr (rows_fit<Shape>) {
    if (count > lanes / 2) {
      const int8_largest_scales<Shape> largest = int8_find_scales(weights);
      for (; count - done >= R * lanes; done += R * lanes)
        int8_rows_block<Shape, R>(weights, largest, rows + done * n, scores + done);
      for (; count - done >= lanes; done += lanes)
        int8_rows_block<Shape, 1>(weights, largest, rows + done * n, scores + done);
      if (count - done > lanes / 2) {
        int8_rows_tail(weights, largest, rows + done * n, count - done, scores + done);
        done = count;
      }
    }
  }
  for (; done < count; ++done) scores[done] = score_row(weights, rows + done * n);
}
