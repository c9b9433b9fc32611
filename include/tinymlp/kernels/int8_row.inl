// The int8 score of one row at the lowest latency: outputs lie across lanes, each layer's
// inputs are quantised in registers, packed into bytes and handed on four at a time. Included by
// each instruction set inside its own namespace and target region, with its primitives in `ops`.

// N floats across vectors V; lanes beyond the last are 0.
template <class V, std::size_t N> struct int8_floats {
  static constexpr std::size_t vectors = (N + V::lanes - 1) / V::lanes;
  typename V::reg value[vectors];
};

// N quantised values as packed by V::pack; group G holds inputs 4 * G to 4 * G + 3.
template <class V, std::size_t N> struct int8_bytes {
  static constexpr std::size_t vectors = (N + V::lanes - 1) / V::lanes;
  typename V::ireg value[(vectors + 3) / 4];
  template <std::size_t G, class To> TINYMLP_INLINE auto group(To to) const {
    constexpr std::size_t vector = G / (V::lanes / 4), part = G % (V::lanes / 4);
    return ops::template group<part, vector % 4>(to, value[vector / 4]);
  }
};

template <class Shape, std::size_t L> struct int8_row_layer {
  static constexpr int8_layer at = int8_layout<Shape>::layers[L];
  using v = typename ops::template row_vector<at.outputs>;
  static constexpr std::size_t vectors = (at.outputs + v::lanes - 1) / v::lanes;
  static constexpr std::size_t groups = at.padded_inputs / 4;
  // Independent sums of one output, to cover the latency of a product.
  static constexpr std::size_t most = vectors >= 8 ? 1 : 8 / vectors >= 4 ? 4 : 8 / vectors;
  static constexpr std::size_t sums = most < groups ? most : groups;
};

// One row's DynamicQuantizeLinear; the zero point not yet rounded. A largest value of -0 counts as
// +0, else the scale would be -0.
struct int8_range {
  float scale, divisor, zero; // the divisor is the scale, but never 0
};
template <bool First> TINYMLP_INLINE int8_range int8_range_of(float low, float high) {
  using v = typename ops::template row_vector<1>;
  const auto smallest = v::set(std::numeric_limits<float>::denorm_min());
  if constexpr (First) {
    const auto scale = v::div(v::sub(v::set(high + 0.0F), v::set(low)), v::set(255.0F));
    const auto divisor = v::max(scale, smallest);
    const auto zero = v::sub(v::zero(), v::div(v::set(low), divisor));
    return {v::first(scale), v::first(divisor), v::first(v::min(zero, v::set(255.0F)))};
  } else {
    const auto scale = v::div(v::set(high + 0.0F), v::set(255.0F));
    return {v::first(scale), v::first(v::max(scale, smallest)), 0};
  }
}

// Only the first layer has inputs below 0, hence a zero point.
template <bool First, class V, std::size_t N>
TINYMLP_INLINE int8_range int8_quantize(const int8_floats<V, N>& x, int8_bytes<V, N>& q) {
  constexpr std::size_t n = int8_floats<V, N>::vectors;
  auto high = V::max(V::zero(), x.value[0]), low = V::min(V::zero(), x.value[0]);
  TINYMLP_UNROLL for (std::size_t i = 1; i < n; ++i) {
    high = V::max(high, x.value[i]);
    low = V::min(low, x.value[i]);
  }
  const int8_range range =
      int8_range_of<First>(First ? V::reduce_min(low) : 0.0F, V::reduce_max(high));
  const auto divisor = V::set(range.divisor);
  typename V::ireg whole[n];
  TINYMLP_UNROLL for (std::size_t i = 0; i < n; ++i) {
    whole[i] = V::to_int(V::div(x.value[i], divisor));
    if constexpr (First) whole[i] = V::iadd(whole[i], V::to_int(V::set(range.zero)));
  }
  TINYMLP_UNROLL for (std::size_t i = 0; i < n; i += 4) q.value[i / 4] =
      V::pack(whole[i], whole[i + 1 < n ? i + 1 : n - 1], whole[i + 2 < n ? i + 2 : n - 1],
              whole[i + 3 < n ? i + 3 : n - 1]);
  return range;
}

template <class Layer, std::size_t G, class Q>
TINYMLP_INLINE void int8_row_term(const signed char* weight, const Q& q,
                                  typename Layer::v::ireg (&sum)[Layer::vectors]) {
  using v = typename Layer::v;
  const auto group = q.template group<G>(v{});
  TINYMLP_UNROLL for (std::size_t b = 0; b < Layer::vectors; ++b) sum[b] =
      ops::dot(sum[b], group, v::iload(weight + (G * Layer::at.padded_outputs + b * v::lanes) * 4));
}

// Sums of products less zero points.
template <class Layer, bool First, class Q, std::size_t... G>
TINYMLP_INLINE void int8_row_sums(const signed char* bytes, const std::int32_t* sums, const Q& q,
                                  float zero, typename Layer::v::ireg (&total)[Layer::vectors],
                                  std::index_sequence<G...>) {
  using v = typename Layer::v;
  typename v::ireg sum[Layer::sums][Layer::vectors];
  TINYMLP_UNROLL for (std::size_t b = 0; b < Layer::vectors; ++b) {
    TINYMLP_UNROLL for (std::size_t s = 0; s < Layer::sums; ++s) sum[s][b] = v::iset(0);
    if constexpr (First || ops::zero != 0)
      sum[0][b] = v::imul(v::isub(v::iset(ops::zero), v::to_int(v::set(zero))),
                          v::iload(sums + Layer::at.sum + b * v::lanes));
  }
  (int8_row_term<Layer, G>(bytes + Layer::at.weight, q, sum[G % Layer::sums]), ...);
  TINYMLP_UNROLL for (std::size_t b = 0; b < Layer::vectors; ++b) {
    total[b] = sum[0][b];
    if constexpr (Layer::sums > 1) total[b] = v::iadd(total[b], sum[1][b]);
    if constexpr (Layer::sums == 3) total[b] = v::iadd(total[b], sum[2][b]);
    if constexpr (Layer::sums > 3) total[b] = v::iadd(total[b], v::iadd(sum[2][b], sum[3][b]));
  }
}

// y = float(sum) * (scale * weight scale) + bias; 0 * (scale * weight scale) into poison, which
// makes it NaN where a scale is not finite.
template <class V>
TINYMLP_INLINE auto int8_dequantize(typename V::ireg sum, typename V::reg scale,
                                    const float* weight_scale, const float* bias,
                                    typename V::reg& poison) {
  const auto both = V::mul(scale, V::load(weight_scale));
  poison = V::fma(both, V::zero(), poison);
  return V::add(V::mul(V::to_float(sum), both), V::load(bias));
}

template <class Shape, std::size_t L, class V, std::size_t N>
TINYMLP_INLINE float int8_row_layers(const int8_weights<Shape>& weights, const int8_floats<V, N>& x,
                                     float poison) {
  using layer = int8_row_layer<Shape, L>;
  using v = typename layer::v;
  int8_bytes<V, N> q;
  const int8_range range = int8_quantize<L == 0>(x, q);
  typename v::ireg sum[layer::vectors];
  int8_row_sums<layer, L == 0>(weights.bytes.data(), weights.sums.data(), q, range.zero, sum,
                               std::make_index_sequence<layer::groups>{});
  const float* floats = weights.floats.data();
  const auto scale = v::set(range.scale);
  auto poisons = v::zero();
  int8_floats<v, layer::at.outputs> y;
  TINYMLP_UNROLL for (std::size_t b = 0; b < layer::vectors; ++b) y.value[b] =
      int8_dequantize<v>(sum[b], scale, floats + layer::at.scale + b * v::lanes,
                         floats + layer::at.bias + b * v::lanes, poisons);
  poison += v::reduce_add(poisons);
  if constexpr (L + 1 == Shape::layer_count) {
    return v::first(v::poisoned(y.value[0], v::set(poison)));
  } else {
    return int8_row_layers<Shape, L + 1>(weights, y, poison);
  }
}

// (row - mean) / divisor * multiplier, vector I and those after it.
template <class Shape, std::size_t I, class V, std::size_t N>
TINYMLP_INLINE void int8_row_inputs(const float* floats, const float* row, int8_floats<V, N>& x,
                                    typename V::reg& poison) {
  using layout = int8_layout<Shape>;
  constexpr std::size_t begin = I * V::lanes;
  const auto raw = V::template load_first<N - begin>(row + begin);
  x.value[I] = V::mul(V::div(V::sub(raw, V::load(floats + layout::mean + begin)),
                             V::load(floats + layout::divisor + begin)),
                      V::load(floats + layout::multiplier + begin));
  poison = V::fma(x.value[I], V::zero(), poison);
  if constexpr (begin + V::lanes < N) int8_row_inputs<Shape, I + 1>(floats, row, x, poison);
}

template <class Shape>
TINYMLP_INLINE float int8_unrolled_row(const int8_weights<Shape>& weights, const float* row) {
  using v = typename ops::template row_vector<Shape::inputs>;
  int8_floats<v, Shape::inputs> x;
  auto poison = v::zero();
  int8_row_inputs<Shape, 0>(weights.floats.data(), row, x, poison);
  return int8_row_layers<Shape, 0>(weights, x, v::reduce_add(poison));
}

// Networks of any size: loops, with each layer's values in memory.
template <class Shape, std::size_t L>
TINYMLP_INLINE float int8_looped_layers(const int8_weights<Shape>& weights, float* x,
                                        unsigned char* q, float poison) {
  using layer = int8_row_layer<Shape, L>;
  using v = typename ops::v;
  constexpr int8_layer at = layer::at;
  auto low = v::zero(), high = v::zero();
  for (std::size_t i = 0; i < at.inputs; i += v::lanes) {
    if constexpr (L == 0) low = v::min(low, v::load(x + i));
    high = v::max(high, v::load(x + i));
  }
  const int8_range range = int8_range_of<L == 0>(v::reduce_min(low), v::reduce_max(high));
  const auto divisor = v::set(range.divisor);
  const auto zero_point = v::to_int(v::set(range.zero));
  for (std::size_t i = 0; i < at.inputs; i += v::lanes)
    v::store_bytes(q + i, v::iadd(v::to_int(v::div(v::load(x + i), divisor)), zero_point));
  const auto correction = v::isub(v::iset(ops::zero), zero_point), nothing = v::iset(0);
  const float* floats = weights.floats.data();
  auto poisons = v::zero();
  for (std::size_t o = 0; o < at.outputs; o += v::lanes) {
    auto sum = v::imul(correction, v::iload(weights.sums.data() + at.sum + o)), other = nothing;
    const signed char* weight = weights.bytes.data() + at.weight + o * 4;
    for (std::size_t g = 0; g < layer::groups; ++g) {
      std::int32_t group;
      std::memcpy(&group, q + g * 4, sizeof group);
      const auto w = v::iload(weight + g * at.padded_outputs * 4);
      other = ops::dot(other, v::iset(group), w);
    }
    sum = v::iadd(sum, other);
    const auto y = int8_dequantize<v>(sum, v::set(range.scale), floats + at.scale + o,
                                      floats + at.bias + o, poisons);
    v::store(x + o, y);
  }
  poison += v::reduce_add(poisons);
  if constexpr (L + 1 == Shape::layer_count)
    return v::first(v::poisoned(v::load(x), v::set(poison)));
  else
    return int8_looped_layers<Shape, L + 1>(weights, x, q, poison);
}

template <class Shape>
TINYMLP_INLINE float int8_looped_row(const int8_weights<Shape>& weights, const float* row) {
  using v = typename ops::v;
  using layout = int8_layout<Shape>;
  alignas(64) float x[widest_layer<Shape>];
  alignas(64) unsigned char q[widest_layer<Shape>];
  for (std::size_t i = 0; i < Shape::padded_inputs; ++i) x[i] = i < Shape::inputs ? row[i] : 0.0F;
  const float* floats = weights.floats.data();
  auto poison = v::zero();
  for (std::size_t i = 0; i < Shape::padded_inputs; i += v::lanes) {
    const auto centred = v::sub(v::load(x + i), v::load(floats + layout::mean + i));
    const auto scaled = v::mul(v::div(centred, v::load(floats + layout::divisor + i)),
                               v::load(floats + layout::multiplier + i));
    poison = v::fma(scaled, v::zero(), poison);
    v::store(x + i, scaled);
  }
  return int8_looped_layers<Shape, 0>(weights, x, q, v::reduce_add(poison));
}

template <class Shape>
inline float score_row(const int8_weights<Shape>& weights,
                       const float* row) noexcept TINYMLP_NONBLOCKING {
  // Small networks only: every four weights of a vector of outputs become an instruction.
  constexpr bool unrolls = Shape::inputs <= 16 && Shape::parameter_count <= 4096;
  if constexpr (unrolls)
    return int8_unrolled_row(weights, row);
  else
    return int8_looped_row(weights, row);
}
