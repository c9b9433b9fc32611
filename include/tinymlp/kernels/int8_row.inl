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

// minus zero point times the sum of an output's weights: what its sum starts from. Factors of 16
// bits are multiplied in fewer cycles.
template <std::size_t Inputs> inline constexpr bool int8_narrow = Inputs < 256; // 128 * 255 < 2^15
template <class V, std::size_t Inputs>
TINYMLP_INLINE typename V::ireg int8_correction(typename V::ireg zero_point) {
  const auto difference = V::isub(V::iset(ops::zero), zero_point);
  return int8_narrow<Inputs> ? V::narrow(difference) : difference;
}
template <class V, std::size_t Inputs>
TINYMLP_INLINE typename V::ireg int8_first_sum(typename V::ireg correction,
                                               typename V::ireg weights) {
  if constexpr (int8_narrow<Inputs>)
    return V::imul_narrow(correction, weights);
  else
    return V::imul(correction, weights);
}

template <class Shape, std::size_t L> struct int8_row_layer {
  static constexpr int8_layer at = int8_layout<Shape>::layers[L];
  using v = typename ops::int8_row_vector;
  static constexpr std::size_t vectors = (at.outputs + v::lanes - 1) / v::lanes;
  static constexpr std::size_t groups = at.padded_inputs / 4;
  // Independent sums of one output, to cover the latency of a product.
  static constexpr std::size_t fit = ops::row_sums / vectors;
  static constexpr std::size_t most = fit >= 4 ? 4 : fit >= 2 ? 2 : 1;
  static constexpr std::size_t sums = most < groups ? most : groups;
};

// One row's DynamicQuantizeLinear, each value in all lanes.
template <class V> struct int8_range {
  typename V::reg scale, divisor; // the divisor is the scale, but never 0
  typename V::ireg zero_point;
};
// For the values from -`depth` to `height`, neither of them below 0. Only the first layer has
// inputs below 0, hence a zero point.
template <bool First, class V>
TINYMLP_INLINE int8_range<V> int8_range_of(typename V::reg depth, typename V::reg height) {
  int8_range<V> range;
  range.scale = V::div(First ? V::add(height, depth) : height, V::set(255));
  range.divisor = V::not_zero(range.scale);
  range.zero_point = V::iset(0);
  if constexpr (First)
    range.zero_point = V::imin(V::to_int(V::div(depth, range.divisor)), V::iset(255));
  return range;
}

template <bool First, class V, std::size_t N>
TINYMLP_INLINE int8_range<V> int8_quantize(const int8_floats<V, N>& x, int8_bytes<V, N>& q) {
  constexpr std::size_t n = int8_floats<V, N>::vectors;
  auto height = x.value[0], depth = V::negated(x.value[0]);
  TINYMLP_UNROLL for (std::size_t i = 1; i < n; ++i) {
    height = V::larger(height, x.value[i]);
    if constexpr (First) depth = V::larger(depth, V::negated(x.value[i]));
  }
  const int8_range range =
      int8_range_of<First, V>(First ? V::largest(depth) : V::zero(), V::largest(height));
  typename V::ireg whole[n];
  TINYMLP_UNROLL for (std::size_t i = 0; i < n; ++i) {
    whole[i] = V::to_int(V::div(x.value[i], range.divisor));
    if constexpr (First) whole[i] = V::iadd(whole[i], range.zero_point);
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

// Sums of products less zero points, which the last sum starts from.
template <class Layer, bool First, class Q, std::size_t... G>
TINYMLP_INLINE void int8_row_sums(const signed char* bytes, const std::int32_t* sums, const Q& q,
                                  typename Layer::v::ireg zero_point,
                                  typename Layer::v::ireg (&total)[Layer::vectors],
                                  std::index_sequence<G...>) {
  using v = typename Layer::v;
  typename v::ireg sum[Layer::sums][Layer::vectors];
  const auto correction = int8_correction<v, Layer::at.inputs>(zero_point);
  TINYMLP_UNROLL for (std::size_t b = 0; b < Layer::vectors; ++b) {
    TINYMLP_UNROLL for (std::size_t s = 0; s < Layer::sums; ++s) sum[s][b] = v::iset(0);
    if constexpr (First || ops::zero != 0)
      sum[Layer::sums - 1][b] = int8_first_sum<v, Layer::at.inputs>(
          correction, v::iload(sums + Layer::at.sum + b * v::lanes));
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
                                     typename V::reg poison) {
  using layer = int8_row_layer<Shape, L>;
  int8_bytes<V, N> q;
  const int8_range range = int8_quantize<L == 0>(x, q);
  typename V::ireg sum[layer::vectors];
  int8_row_sums<layer, L == 0>(weights.bytes.data(), weights.sums.data(), q, range.zero_point, sum,
                               std::make_index_sequence<layer::groups>{});
  const float* floats = weights.floats.data();
  int8_floats<V, layer::at.outputs> y;
  TINYMLP_UNROLL for (std::size_t b = 0; b < layer::vectors; ++b) y.value[b] =
      int8_dequantize<V>(sum[b], range.scale, floats + layer::at.scale + b * V::lanes,
                         floats + layer::at.bias + b * V::lanes, poison);
  if constexpr (L + 1 == Shape::layer_count)
    return V::first(V::poisoned(y.value[0], V::set(V::reduce_add(poison))));
  else
    return int8_row_layers<Shape, L + 1>(weights, y, poison);
}

// (row - mean) / divisor * multiplier, vector I and those after it. What divides or multiplies by
// ones only is left out: the same choice for all rows of a network.
template <class Shape, std::size_t Index, class V, std::size_t N>
TINYMLP_INLINE void int8_row_inputs(const float* floats, const float* row, int8_floats<V, N>& x,
                                    typename V::reg& poison) {
  using layout = int8_layout<Shape>;
  constexpr std::size_t begin = Index * V::lanes;
  const auto raw = V::template load_first<N - begin>(row + begin), one = V::set(1);
  const auto divisor = V::load(floats + layout::divisor + begin);
  const auto multiplier = V::load(floats + layout::multiplier + begin);
  auto scaled = V::sub(raw, V::load(floats + layout::mean + begin));
  if (V::any_outside(divisor, one, one)) scaled = V::div(scaled, divisor);
  if (V::any_outside(multiplier, one, one)) scaled = V::mul(scaled, multiplier);
  x.value[Index] = scaled;
  poison = V::fma(scaled, V::zero(), poison);
  if constexpr (begin + V::lanes < N) int8_row_inputs<Shape, Index + 1>(floats, row, x, poison);
}

template <class Shape>
TINYMLP_INLINE float int8_unrolled_row(const int8_weights<Shape>& weights, const float* row) {
  using v = typename ops::int8_row_vector;
  int8_floats<v, Shape::inputs> x;
  auto poison = v::zero();
  int8_row_inputs<Shape, 0>(weights.floats.data(), row, x, poison);
  return int8_row_layers<Shape, 0>(weights, x, poison);
}

// Networks of any size: loops, with each layer's values in memory.
template <class Shape, std::size_t L>
TINYMLP_INLINE float int8_looped_layers(const int8_weights<Shape>& weights, float* x,
                                        unsigned char* q, float poison) {
  using v = typename ops::v;
  constexpr int8_layer at = int8_layout<Shape>::layers[L];
  auto depth = v::zero(), height = v::zero();
  for (std::size_t i = 0; i < at.inputs; i += v::lanes) {
    if constexpr (L == 0) depth = v::larger(depth, v::negated(v::load(x + i)));
    height = v::larger(height, v::load(x + i));
  }
  const int8_range range = int8_range_of<L == 0, v>(v::largest(depth), v::largest(height));
  for (std::size_t i = 0; i < at.inputs; i += v::lanes)
    v::store_bytes(q + i,
                   v::iadd(v::to_int(v::div(v::load(x + i), range.divisor)), range.zero_point));
  const auto correction = int8_correction<v, at.inputs>(range.zero_point), nothing = v::iset(0);
  const float* floats = weights.floats.data();
  auto poisons = v::zero();
  for (std::size_t o = 0; o < at.outputs; o += v::lanes) {
    auto other = nothing,
         sum = int8_first_sum<v, at.inputs>(correction, v::iload(weights.sums.data() + at.sum + o));
    const signed char* weight = weights.bytes.data() + at.weight + o * 4;
    for (std::size_t g = 0; g < at.padded_inputs / 4; ++g) {
      std::int32_t group;
      std::memcpy(&group, q + g * 4, sizeof group);
      const auto w = v::iload(weight + g * at.padded_outputs * 4);
      other = ops::dot(other, v::iset(group), w);
    }
    sum = v::iadd(sum, other);
    const auto y =
        int8_dequantize<v>(sum, range.scale, floats + at.scale + o, floats + at.bias + o, poisons);
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
