// The int8 score of one row with fixed activation scales, at the lowest latency. As int8_row.inl,
// whose parts it uses, but nothing has to be found out about a layer's inputs before they become
// bytes. Included after it.

// Features through the scaler; NaN into poison for those that are not finite, and where the scaler
// makes a NaN (infinity times 0).
template <class V, class Shape>
TINYMLP_INLINE typename V::reg
static_scaled(const static_int8_weights<Shape>& weights, typename V::reg raw, typename V::reg mean,
              typename V::reg divisor, typename V::reg multiplier, typename V::reg& poison) {
  poison = V::fma(raw, V::zero(), poison);
  auto x = V::sub(raw, mean);
  if (weights.divides) x = V::div(x, divisor);
  if (weights.multiplies) {
    x = V::mul(x, multiplier);
    const auto most = V::set((std::numeric_limits<float>::max)());
    const auto finite = V::minimum(most, V::maximum(V::sub(V::zero(), most), x)); // NaN stays NaN
    poison = V::fma(finite, V::zero(), poison);
  }
  return x;
}

// round(x / scale), before the zero point is added and all saturates to bytes.
template <class V>
TINYMLP_INLINE typename V::ireg static_quotient(typename V::reg x, const fixed_scale& by) {
  return V::to_int(V::fma(x, V::set(by.reciprocal), V::mul(x, V::set(by.rest))));
}
// The features.
template <class V>
TINYMLP_INLINE typename V::ireg static_first(typename V::reg x, const fixed_scale& by) {
  if (by.shift != 1) x = V::mul(x, V::set(by.shift));
  return V::iadd(static_quotient<V>(V::within(x, V::set(by.limit)), by), V::iset(by.zero_point));
}
// What comes out of a layer, where it is not plain.
template <class V>
TINYMLP_INLINE typename V::ireg static_hidden(typename V::reg x, const fixed_scale& by) {
  x = V::maximum(V::zero(), V::mul(x, V::set(by.shift)));
  x = V::minimum(V::set(by.limit), x);
  return V::iadd(static_quotient<V>(x, by), V::iset(by.zero_point));
}

template <bool First, class V, std::size_t N>
TINYMLP_INLINE void static_quantize(const int8_floats<V, N>& x, const fixed_scale& by,
                                    int8_bytes<V, N>& q) {
  constexpr std::size_t n = int8_floats<V, N>::vectors;
  typename V::ireg whole[n];
  if constexpr (First) {
    TINYMLP_UNROLL for (std::size_t i = 0; i < n; ++i) whole[i] = static_first<V>(x.value[i], by);
  } else if (by.plain) {
    TINYMLP_UNROLL for (std::size_t i = 0; i < n; ++i) whole[i] =
        static_quotient<V>(x.value[i], by);
  } else {
    TINYMLP_UNROLL for (std::size_t i = 0; i < n; ++i) whole[i] = static_hidden<V>(x.value[i], by);
  }
  TINYMLP_UNROLL for (std::size_t i = 0; i < n; i += 4) q.value[i / 4] =
      V::pack(whole[i], whole[i + 1 < n ? i + 1 : n - 1], whole[i + 2 < n ? i + 2 : n - 1],
              whole[i + 3 < n ? i + 3 : n - 1]);
}

// What the sums of a vector of outputs, at `from` in sums and starts, start from.
template <class V, class Shape>
TINYMLP_INLINE typename V::ireg static_start(const static_int8_weights<Shape>& weights,
                                             std::size_t from) {
  const auto start = V::iload(weights.starts.data() + from);
  if constexpr (ops::zero == 0)
    return start;
  else
    return V::iadd(start, V::imul(V::iset(ops::zero), V::iload(weights.sums.data() + from)));
}

// Sums of products less zero points.
template <class Layer, class Shape, class Q, std::size_t... G>
TINYMLP_INLINE void static_row_sums(const static_int8_weights<Shape>& weights, const Q& q,
                                    typename Layer::v::ireg (&total)[Layer::vectors],
                                    std::index_sequence<G...>) {
  using v = typename Layer::v;
  typename v::ireg sum[Layer::sums][Layer::vectors];
  TINYMLP_UNROLL for (std::size_t b = 0; b < Layer::vectors; ++b) {
    sum[0][b] = static_start<v>(weights, Layer::at.sum + b * v::lanes);
    TINYMLP_UNROLL for (std::size_t s = 1; s < Layer::sums; ++s) sum[s][b] = v::iset(0);
  }
  (int8_row_term<Layer, G>(weights.bytes.data() + Layer::at.weight, q, sum[G % Layer::sums]), ...);
  TINYMLP_UNROLL for (std::size_t b = 0; b < Layer::vectors; ++b) {
    total[b] = sum[0][b];
    if constexpr (Layer::sums > 1) total[b] = v::iadd(total[b], sum[1][b]);
    if constexpr (Layer::sums == 3) total[b] = v::iadd(total[b], sum[2][b]);
    if constexpr (Layer::sums > 3) total[b] = v::iadd(total[b], v::iadd(sum[2][b], sum[3][b]));
  }
}

// y = float(sum) * scale + bias, each operation rounded.
template <class V>
TINYMLP_INLINE typename V::reg static_dequantize(typename V::ireg sum, const float* scale,
                                                 const float* bias) {
  return V::add(V::mul(V::to_float(sum), V::load(scale)), V::load(bias));
}

template <class Shape, std::size_t L, class V, std::size_t N>
TINYMLP_INLINE float static_row_layers(const static_int8_weights<Shape>& weights,
                                       const int8_floats<V, N>& x, float poison) {
  using layer = int8_row_layer<Shape, L>;
  using v = typename layer::v;
  int8_bytes<V, N> q;
  static_quantize<L == 0>(x, weights.inputs[L], q);
  typename v::ireg sum[layer::vectors];
  static_row_sums<layer>(weights, q, sum, std::make_index_sequence<layer::groups>{});
  const float* floats = weights.floats.data();
  int8_floats<v, layer::at.outputs> y;
  TINYMLP_UNROLL for (std::size_t b = 0; b < layer::vectors; ++b) y.value[b] = static_dequantize<v>(
      sum[b], floats + layer::at.scale + b * v::lanes, floats + layer::at.bias + b * v::lanes);
  if constexpr (L + 1 == Shape::layer_count)
    return v::first(v::poisoned(y.value[0], v::set(poison)));
  else
    return static_row_layers<Shape, L + 1>(weights, y, poison);
}

// Vector I of the features, and those after it.
template <class Shape, std::size_t Index, class V, std::size_t N>
TINYMLP_INLINE void static_row_inputs(const static_int8_weights<Shape>& weights, const float* row,
                                      int8_floats<V, N>& x, typename V::reg& poison) {
  using layout = int8_layout<Shape>;
  constexpr std::size_t begin = Index * V::lanes;
  const float* floats = weights.floats.data() + begin;
  x.value[Index] = static_scaled<V>(
      weights, V::template load_first<N - begin>(row + begin), V::load(floats + layout::mean),
      V::load(floats + layout::divisor), V::load(floats + layout::multiplier), poison);
  if constexpr (begin + V::lanes < N) static_row_inputs<Shape, Index + 1>(weights, row, x, poison);
}

template <class Shape>
TINYMLP_INLINE float static_unrolled_row(const static_int8_weights<Shape>& weights,
                                         const float* row) {
  using v = typename ops::int8_row_vector;
  int8_floats<v, Shape::inputs> x;
  auto poison = v::zero();
  static_row_inputs<Shape, 0>(weights, row, x, poison);
  return static_row_layers<Shape, 0>(weights, x, v::reduce_add(poison));
}

// Networks of any size: loops, with each layer's values in memory.
template <class Shape, std::size_t L>
TINYMLP_INLINE float static_looped_layers(const static_int8_weights<Shape>& weights, float* x,
                                          unsigned char* q, float poison) {
  using layer = int8_row_layer<Shape, L>;
  using v = typename ops::v;
  constexpr int8_layer at = layer::at;
  const fixed_scale by = weights.inputs[L];
  for (std::size_t i = 0; i < at.inputs; i += v::lanes) {
    const auto value = v::load(x + i);
    v::store_bytes(q + i, L == 0 ? static_first<v>(value, by) : static_hidden<v>(value, by));
  }
  const float* floats = weights.floats.data();
  for (std::size_t o = 0; o < at.outputs; o += v::lanes) {
    auto sum = static_start<v>(weights, at.sum + o);
    const signed char* weight = weights.bytes.data() + at.weight + o * 4;
    for (std::size_t g = 0; g < layer::groups; ++g) {
      std::int32_t group;
      std::memcpy(&group, q + g * 4, sizeof group);
      sum = ops::dot(sum, v::iset(group), v::iload(weight + g * at.padded_outputs * 4));
    }
    v::store(x + o, static_dequantize<v>(sum, floats + at.scale + o, floats + at.bias + o));
  }
  if constexpr (L + 1 == Shape::layer_count)
    return v::first(v::poisoned(v::load(x), v::set(poison)));
  else
    return static_looped_layers<Shape, L + 1>(weights, x, q, poison);
}

template <class Shape>
TINYMLP_INLINE float static_looped_row(const static_int8_weights<Shape>& weights,
                                       const float* row) {
  using v = typename ops::v;
  using layout = int8_layout<Shape>;
  alignas(64) float x[widest_layer<Shape>];
  alignas(64) unsigned char q[widest_layer<Shape>];
  for (std::size_t i = 0; i < Shape::padded_inputs; ++i) x[i] = i < Shape::inputs ? row[i] : 0.0F;
  auto poison = v::zero();
  for (std::size_t i = 0; i < Shape::padded_inputs; i += v::lanes) {
    const float* floats = weights.floats.data() + i;
    v::store(x + i, static_scaled<v>(weights, v::load(x + i), v::load(floats + layout::mean),
                                     v::load(floats + layout::divisor),
                                     v::load(floats + layout::multiplier), poison));
  }
  return static_looped_layers<Shape, 0>(weights, x, q, v::reduce_add(poison));
}

template <class Shape>
inline float score_row(const static_int8_weights<Shape>& weights,
                       const float* row) noexcept TINYMLP_NONBLOCKING {
  // As for dynamic scales: small networks only.
  constexpr bool unrolls = Shape::inputs <= 16 && Shape::parameter_count <= 4096;
  if constexpr (unrolls)
    return static_unrolled_row(weights, row);
  else
    return static_looped_row(weights, row);
}
