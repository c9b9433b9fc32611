// The float32 scores of many rows: rows lie across lanes, a block of outputs x vectors of rows
// in registers, weights broadcast. Included like fp32_row.inl, after it.

// R vectors of rows; activations of a block lie as [input][R vectors].
template <class Layer, std::size_t O, std::size_t R>
TINYMLP_INLINE void rows_term(const float* weight, const float* x, std::size_t input,
                              typename ops::v::reg (&sum)[O][R]) {
  using v = typename ops::v;
  typename v::reg rows[R];
  TINYMLP_UNROLL for (std::size_t r = 0; r < R; ++r) rows[r] =
      v::load(x + (input * R + r) * v::lanes);
  TINYMLP_UNROLL for (std::size_t o = 0; o < O; ++o) {
    const auto w = v::broadcast(weight + input * Layer::at.padded_outputs + o);
    TINYMLP_UNROLL for (std::size_t r = 0; r < R; ++r) sum[o][r] = v::fma(w, rows[r], sum[o][r]);
  }
}

template <class Layer, std::size_t C, std::size_t O, std::size_t R>
TINYMLP_INLINE void rows_start(const float* bias, typename ops::v::reg (&sum)[O][R]) {
  using v = typename ops::v;
  TINYMLP_UNROLL for (std::size_t o = 0; o < O; ++o)
      TINYMLP_UNROLL for (std::size_t r = 0; r < R; ++r) sum[o][r] =
          C == 0 ? v::broadcast(bias + o) : v::zero();
}

template <class Layer, std::size_t C, std::size_t O, std::size_t R>
TINYMLP_INLINE void rows_chain(const float* bias, const float* weight, const float* x,
                               typename ops::v::reg (&sum)[O][R]) {
  constexpr std::size_t begin = Layer::split.begin(C), end = Layer::split.begin(C + 1);
  rows_start<Layer, C>(bias, sum);
  if constexpr (end - begin <= 4) {
    TINYMLP_UNROLL for (std::size_t k = begin; k < end; ++k) rows_term<Layer>(weight, x, k, sum);
  } else {
    for (std::size_t k = begin; k < end; ++k) rows_term<Layer>(weight, x, k, sum);
  }
}

// Chains C and C + 1, added.
template <class Layer, std::size_t C, std::size_t O, std::size_t R>
TINYMLP_INLINE void rows_pair(const float* bias, const float* weight, const float* x,
                              typename ops::v::reg (&sum)[O][R]) {
  using v = typename ops::v;
  typename v::reg next[O][R];
  if constexpr (ops::block_chains == 1) {
    rows_chain<Layer, C>(bias, weight, x, sum);
    rows_chain<Layer, C + 1>(bias, weight, x, next);
  } else {
    constexpr std::size_t at = Layer::split.begin(C), after = Layer::split.begin(C + 1);
    constexpr std::size_t both = Layer::split.begin(C + 2) - after; // chain C may be one longer
    rows_start<Layer, C>(bias, sum);
    rows_start<Layer, C + 1>(bias, next);
    if constexpr (both <= 4) {
      TINYMLP_UNROLL for (std::size_t k = 0; k < both; ++k) {
        rows_term<Layer>(weight, x, at + k, sum);
        rows_term<Layer>(weight, x, after + k, next);
      }
    } else {
      for (std::size_t k = 0; k < both; ++k) {
        rows_term<Layer>(weight, x, at + k, sum);
        rows_term<Layer>(weight, x, after + k, next);
      }
    }
    if constexpr (at + both < after) rows_term<Layer>(weight, x, at + both, sum);
  }
  TINYMLP_UNROLL for (std::size_t o = 0; o < O; ++o)
      TINYMLP_UNROLL for (std::size_t r = 0; r < R; ++r) sum[o][r] = v::add(sum[o][r], next[o][r]);
}

// O outputs from output `first` on.
template <class Layer, std::size_t O, std::size_t R>
TINYMLP_INLINE void rows_outputs(const float* values, const float* x, float* y, std::size_t first) {
  using v = typename ops::v;
  const float* bias = values + Layer::at.bias + first;
  const float* weight = values + Layer::at.weight + first;
  typename v::reg sum[O][R];
  if constexpr (Layer::split.count == 1) {
    rows_chain<Layer, 0>(bias, weight, x, sum);
  } else {
    rows_pair<Layer, 0>(bias, weight, x, sum);
    if constexpr (Layer::split.count == 4) {
      typename v::reg back[O][R];
      rows_pair<Layer, 2>(bias, weight, x, back);
      TINYMLP_UNROLL for (std::size_t o = 0; o < O; ++o)
          TINYMLP_UNROLL for (std::size_t r = 0; r < R; ++r) sum[o][r] =
              v::add(sum[o][r], back[o][r]);
    }
  }
  TINYMLP_UNROLL for (std::size_t o = 0; o < O; ++o)
      TINYMLP_UNROLL for (std::size_t r = 0; r < R; ++r)
          v::store(y + ((first + o) * R + r) * v::lanes, v::relu(sum[o][r]));
}

// The one-output layer of one vector of rows; x's inputs lie `stride` floats apart.
template <class Shape>
TINYMLP_INLINE void rows_last(const float* values, const float* x, std::size_t stride,
                              typename ops::v::reg poison, float* scores) {
  using v = typename ops::v;
  constexpr fp32_layer at = fp32_layout<Shape>::layers[Shape::layer_count - 1];
  constexpr std::size_t whole = at.inputs / virtual_lanes * virtual_lanes;
  typename v::reg lane[virtual_lanes];
  TINYMLP_UNROLL for (std::size_t j = 0; j < virtual_lanes; ++j) lane[j] =
      j == 0 ? v::broadcast(values + at.bias) : v::zero();
  for (std::size_t k = 0; k < whole; k += virtual_lanes)
    TINYMLP_UNROLL for (std::size_t j = 0; j < virtual_lanes; ++j) lane[j] =
        v::fma(v::broadcast(values + at.weight + k + j), v::load(x + (k + j) * stride), lane[j]);
  TINYMLP_UNROLL for (std::size_t j = 0; j < at.inputs - whole; ++j) lane[j] = v::fma(
      v::broadcast(values + at.weight + whole + j), v::load(x + (whole + j) * stride), lane[j]);
  lane[0] = v::add(lane[0], poison);
  TINYMLP_UNROLL for (std::size_t half = virtual_lanes / 2; half >= 1; half /= 2)
      TINYMLP_UNROLL for (std::size_t j = 0; j < half; ++j) lane[j] =
          v::add(lane[j], lane[j + half]);
  v::store(scores, v::poisoned(lane[0], lane[0]));
}

// Features of R vectors of rows, minus their mean, into x; +0 or NaN into poison.
template <class Shape, std::size_t R>
TINYMLP_INLINE void rows_inputs(const float* values, const float* rows, float* x,
                                typename ops::v::reg (&poison)[R]) {
  using v = typename ops::v;
  rows_columns<Shape::inputs, R>(rows, x);
  TINYMLP_UNROLL for (std::size_t r = 0; r < R; ++r) poison[r] = v::zero();
  for (std::size_t i = 0; i < Shape::inputs; ++i)
    TINYMLP_UNROLL for (std::size_t r = 0; r < R; ++r) {
      float* at = x + (i * R + r) * v::lanes;
      const auto raw = v::load(at);
      poison[r] = v::fma(raw, v::zero(), poison[r]);
      v::store(at, v::sub(raw, v::broadcast(values + fp32_layout<Shape>::mean + i)));
    }
}

template <class Shape, std::size_t L, std::size_t R>
TINYMLP_INLINE const float* rows_layers(const float* values, float* x, float* y) {
  if constexpr (L + 1 == Shape::layer_count) {
    return x;
  } else {
    using layer = row_layer<Shape, L>;
    constexpr std::size_t whole = layer::at.outputs / 4 * 4, rest = layer::at.outputs - whole;
    for (std::size_t o = 0; o < whole; o += 4) rows_outputs<layer, 4, R>(values, x, y, o);
    if constexpr (rest != 0) rows_outputs<layer, rest, R>(values, x, y, whole);
    return rows_layers<Shape, L + 1, R>(values, y, x);
  }
}

// R vectors of rows.
template <class Shape, std::size_t R>
TINYMLP_NOINLINE void rows_block(const float* values, const float* rows, float* scores) noexcept {
  using v = typename ops::v;
  alignas(64) float x[widest_layer<Shape> * R * v::lanes];
  alignas(64) float y[widest_layer<Shape> * R * v::lanes];
  typename v::reg poison[R];
  rows_inputs<Shape>(values, rows, x, poison);
  const float* last = rows_layers<Shape, 0, R>(values, x, y);
  TINYMLP_UNROLL for (std::size_t r = 0; r < R; ++r)
      rows_last<Shape>(values, last + r * v::lanes, R * v::lanes, poison[r], scores + r * v::lanes);
}

// Rows fewer than a vector, through buffers that end with rows of zeros.
template <class Shape>
TINYMLP_NOINLINE void rows_tail(const float* values, const float* rows, std::size_t count,
                                float* scores) noexcept {
  constexpr std::size_t lanes = ops::v::lanes;
  alignas(64) float padded[lanes * Shape::inputs], result[lanes];
  rows_padded<Shape::inputs>(rows, count, 1, padded);
  rows_block<Shape, 1>(values, padded, result);
  std::memcpy(scores, result, count * sizeof(float));
}

template <class Shape>
inline void score_rows(const fp32_weights<Shape>& weights, const float* rows, std::size_t count,
                       float* scores) noexcept TINYMLP_NONBLOCKING {
  constexpr std::size_t n = Shape::inputs, lanes = ops::v::lanes,
                        R = rows_vectors<Shape>(ops::block_vectors);
  std::size_t done = 0;
  if constexpr (rows_fit<Shape>) {
    const float* values = weights.values.data();
    for (; count - done >= R * lanes; done += R * lanes) {
      const rows_ahead<n, R * lanes> ahead(rows + done * n, scores + done, count - done);
      ahead.template prefetch<0, 1>();
      rows_block<Shape, R>(values, rows + done * n, scores + done);
    }
    for (; count - done >= lanes; done += lanes)
      rows_block<Shape, 1>(values, rows + done * n, scores + done);
    if (count - done >= ops::fp32_pays(Shape::parameter_count)) {
      rows_tail<Shape>(values, rows + done * n, count - done, scores + done);
      done = count;
    }
  }
  for (; done < count; ++done) scores[done] = score_row(weights, rows + done * n);
}
