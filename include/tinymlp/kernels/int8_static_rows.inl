// The int8 scores of many rows with fixed activation scales: rows lie across lanes, four inputs in
// a lane. A layer's outputs become the bytes of the next layer's inputs at once, in registers.
// Included like int8_static_row.inl, after it and rows_input.inl.

// Vectors of rows in a block, of which four outputs are computed at a time: 16 sums in 32 registers
// (AVX-512, NEON), 12 in 16 (AVX2).
inline constexpr std::size_t static_vectors = ops::v::lanes == 8 ? 3 : 4;

// R vectors of rows between two layers: [input / 4][R vectors of bytes].
template <class Shape, std::size_t R> struct static_part {
  static constexpr std::size_t step = R * ops::v::lanes;
  alignas(64) std::int32_t q[widest_layer<Shape> / 4 * step];
};

// Values -> bytes side by side; N of the four are there, and weights of the others are 0.
template <std::size_t N>
TINYMLP_INLINE typename ops::v::ireg static_quads(const typename ops::v::ireg (&whole)[N]) {
  using v = typename ops::v;
  const auto nothing = v::iset(0);
  return v::quads(whole[0], N > 1 ? whole[N > 1 ? 1 : 0] : nothing,
                  N > 2 ? whole[N > 2 ? 2 : 0] : nothing, N > 3 ? whole[N > 3 ? 3 : 0] : nothing);
}

// N features from column `first` of x on -> bytes.
template <std::size_t N, class Shape, std::size_t R>
TINYMLP_INLINE void static_part_features(const static_int8_weights<Shape>& weights, const float* x,
                                         std::size_t first, static_part<Shape, R>& to,
                                         typename ops::v::reg (&poison)[R]) {
  using v = typename ops::v;
  using layout = int8_layout<Shape>;
  const float* floats = weights.floats.data() + first;
  TINYMLP_UNROLL for (std::size_t r = 0; r < R; ++r) {
    typename v::ireg whole[N];
    TINYMLP_UNROLL for (std::size_t j = 0; j < N; ++j) whole[j] =
        static_first<v>(static_scaled<v>(weights, v::load(x + (first + j) * to.step + r * v::lanes),
                                         v::broadcast(floats + layout::mean + j),
                                         v::broadcast(floats + layout::divisor + j),
                                         v::broadcast(floats + layout::multiplier + j), poison[r]),
                        weights.inputs[0]);
    v::istore(to.q + first / 4 * to.step + r * v::lanes, static_quads(whole));
  }
}

template <class Shape, std::size_t R>
TINYMLP_INLINE void static_part_inputs(const static_int8_weights<Shape>& weights, const float* rows,
                                       static_part<Shape, R>& to,
                                       typename ops::v::reg (&poison)[R]) {
  constexpr std::size_t inputs = Shape::inputs, rest = inputs % 4;
  alignas(64) float x[inputs * static_part<Shape, R>::step];
  rows_columns<inputs, R>(rows, x);
  TINYMLP_UNROLL for (std::size_t r = 0; r < R; ++r) poison[r] = ops::v::zero();
  for (std::size_t i = 0; i + 4 <= inputs; i += 4)
    static_part_features<4>(weights, x, i, to, poison);
  if constexpr (rest != 0) static_part_features<rest>(weights, x, inputs - rest, to, poison);
}

// Sums of O outputs from output `first` on.
template <std::size_t L, std::size_t O, class Shape, std::size_t R>
TINYMLP_INLINE void static_part_sums(const static_int8_weights<Shape>& weights,
                                     const static_part<Shape, R>& from, std::size_t first,
                                     typename ops::v::ireg (&sum)[O][R]) {
  using v = typename ops::v;
  constexpr int8_layer at = int8_layout<Shape>::layers[L];
  const signed char* weight = weights.bytes.data() + at.weight + first * 4;
  TINYMLP_UNROLL for (std::size_t o = 0; o < O; ++o) {
    const std::size_t place = at.sum + first + o;
    const auto start = v::iset(weights.starts[place] + ops::zero * weights.sums[place]);
    TINYMLP_UNROLL for (std::size_t r = 0; r < R; ++r) sum[o][r] = start;
  }
  for (std::size_t g = 0; g < at.padded_inputs / 4; ++g) {
    typename v::ireg rows[R];
    TINYMLP_UNROLL for (std::size_t r = 0; r < R; ++r) rows[r] =
        v::iload(from.q + g * from.step + r * v::lanes);
    TINYMLP_UNROLL for (std::size_t o = 0; o < O; ++o) {
      std::int32_t four;
      std::memcpy(&four, weight + (g * at.padded_outputs + o) * 4, sizeof four);
      const auto w = v::iset(four);
      TINYMLP_UNROLL for (std::size_t r = 0; r < R; ++r) sum[o][r] =
          ops::dot(sum[o][r], rows[r], w);
    }
  }
}

// Output `place` of layer L: float(sum) * scale + bias, each operation rounded.
template <std::size_t L, class Shape>
TINYMLP_INLINE typename ops::v::reg static_part_value(const static_int8_weights<Shape>& weights,
                                                      std::size_t place,
                                                      typename ops::v::ireg sum) {
  using v = typename ops::v;
  constexpr int8_layer at = int8_layout<Shape>::layers[L];
  const float* floats = weights.floats.data() + place;
  return v::add(v::mul(v::to_float(sum), v::broadcast(floats + at.scale)),
                v::broadcast(floats + at.bias));
}

// O outputs from output `first` on -> four bytes of the next layer's inputs.
template <std::size_t L, bool Plain, std::size_t O, class Shape, std::size_t R>
TINYMLP_INLINE void static_part_outputs(const static_int8_weights<Shape>& weights,
                                        const static_part<Shape, R>& from, std::size_t first,
                                        static_part<Shape, R>& to) {
  using v = typename ops::v;
  const fixed_scale& by = weights.inputs[L + 1];
  typename v::ireg sum[O][R];
  static_part_sums<L>(weights, from, first, sum);
  TINYMLP_UNROLL for (std::size_t r = 0; r < R; ++r) {
    typename v::ireg whole[O];
    TINYMLP_UNROLL for (std::size_t o = 0; o < O; ++o) {
      const auto y = static_part_value<L>(weights, first + o, sum[o][r]);
      whole[o] = Plain ? static_quotient<v>(y, by) : static_hidden<v>(y, by);
    }
    v::istore(to.q + first / 4 * to.step + r * v::lanes, static_quads(whole));
  }
}

template <std::size_t L, bool Plain, class Shape, std::size_t R>
TINYMLP_INLINE void static_part_layer(const static_int8_weights<Shape>& weights,
                                      const static_part<Shape, R>& from,
                                      static_part<Shape, R>& to) {
  constexpr std::size_t outputs = Shape::sizes[L + 1], rest = outputs % 4;
  for (std::size_t o = 0; o + 4 <= outputs; o += 4)
    static_part_outputs<L, Plain, 4>(weights, from, o, to);
  if constexpr (rest != 0) static_part_outputs<L, Plain, rest>(weights, from, outputs - rest, to);
}

// Layer L and those after it -> scores.
template <std::size_t L, class Shape, std::size_t R>
TINYMLP_INLINE void static_rows_layers(const static_int8_weights<Shape>& weights,
                                       static_part<Shape, R>& from, static_part<Shape, R>& to,
                                       const typename ops::v::reg (&poison)[R], float* scores) {
  using v = typename ops::v;
  if constexpr (L + 1 == Shape::layer_count) {
    typename v::ireg sum[1][R];
    static_part_sums<L>(weights, from, 0, sum);
    TINYMLP_UNROLL for (std::size_t r = 0; r < R; ++r) v::store(
        scores + r * v::lanes, v::poisoned(static_part_value<L>(weights, 0, sum[0][r]), poison[r]));
  } else {
    if (weights.inputs[L + 1].plain)
      static_part_layer<L, true>(weights, from, to);
    else
      static_part_layer<L, false>(weights, from, to);
    static_rows_layers<L + 1>(weights, to, from, poison, scores);
  }
}

// R vectors of rows.
template <class Shape, std::size_t R>
TINYMLP_NOINLINE void static_rows_block(const static_int8_weights<Shape>& weights,
                                        const float* rows, float* scores) noexcept {
  static_part<Shape, R> parts[2];
  typename ops::v::reg poison[R];
  static_part_inputs(weights, rows, parts[0], poison);
  static_rows_layers<0>(weights, parts[0], parts[1], poison, scores);
}

// Rows fewer than a vector, through buffers that end with rows of zeros.
template <class Shape>
TINYMLP_NOINLINE void static_rows_tail(const static_int8_weights<Shape>& weights, const float* rows,
                                       std::size_t count, float* scores) noexcept {
  constexpr std::size_t lanes = ops::v::lanes;
  alignas(64) float padded[lanes * Shape::inputs], result[lanes];
  rows_padded<Shape::inputs>(rows, count, 1, padded);
  static_rows_block<Shape, 1>(weights, padded, result);
  std::memcpy(scores, result, count * sizeof(float));
}

template <class Shape>
inline void score_rows(const static_int8_weights<Shape>& weights, const float* rows,
                       std::size_t count, float* scores) noexcept TINYMLP_NONBLOCKING {
  constexpr std::size_t n = Shape::inputs, lanes = ops::v::lanes;
  constexpr std::size_t R = rows_vectors<Shape>(static_vectors), block = R * lanes;
  std::size_t done = 0;
  if constexpr (rows_fit<Shape>) {
    for (; count - done >= block; done += block) {
      const rows_ahead<n, block> ahead(rows + done * n, scores + done, count - done);
      ahead.template prefetch<0, 1>();
      static_rows_block<Shape, R>(weights, rows + done * n, scores + done);
    }
    for (; count - done >= lanes; done += lanes)
      static_rows_block<Shape, 1>(weights, rows + done * n, scores + done);
    if (count - done >= ops::static_pays(Shape::parameter_count)) {
      static_rows_tail(weights, rows + done * n, count - done, scores + done);
      done = count;
    }
  }
  for (; done < count; ++done) scores[done] = score_row(weights, rows + done * n);
}
