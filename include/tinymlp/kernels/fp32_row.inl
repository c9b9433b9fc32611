// The float32 score of one row at the lowest latency. Outputs lie across lanes; each layer's
// results stay in registers; the first terms of the next layer's chains come from there by
// permutation, the later ones through memory. Included by each instruction set inside its own
// namespace and target region, with its primitives in `ops`.

// Inputs of a layer; element<I, K> is input I, term K of its chain, in all lanes.
// Each already in all lanes:
template <class V, std::size_t N> struct broadcast_values {
  typename V::reg value[N];
  template <std::size_t Index, std::size_t K, class To> TINYMLP_INLINE auto element(To) const {
    return value[Index];
  }
};
// As the layer before left them:
template <class V, std::size_t N> struct lane_values {
  typename V::reg value[(N + V::lanes - 1) / V::lanes];
  template <std::size_t Index, std::size_t K, class To> TINYMLP_INLINE auto element(To to) const {
    return ops::template element<Index % V::lanes, K>(to, value[Index / V::lanes]);
  }
};
// And in memory too. A permutation is there sooner, but takes a unit that multiply-adds want; a
// load does not, and by the time a chain has come to its later terms the store is long done.
template <class V, std::size_t N> struct stored_values {
  const lane_values<V, N>& lanes;
  const float* memory;
  template <std::size_t Index, std::size_t K, class To> TINYMLP_INLINE auto element(To to) const {
    if constexpr (K < ops::row_permuted)
      return lanes.template element<Index, K>(to);
    else
      return To::broadcast(memory + Index);
  }
};

// How one dense layer is cut up: blocks of vectors of outputs, chains that run together.
template <class Shape, std::size_t L> struct row_layer {
  static constexpr fp32_layer at = fp32_layout<Shape>::layers[L];
  static constexpr chain_split split{at.inputs};
  static constexpr std::size_t longest = split.begin(1);
  static constexpr bool first = L == 0;
  using v = typename ops::template row_vector<at.outputs, most_sums<Shape>>;
  static constexpr std::size_t vectors = (at.outputs + v::lanes - 1) / v::lanes;
  static constexpr std::size_t block = vectors < ops::row_sums / 2 ? vectors : ops::row_sums / 2;
  static constexpr std::size_t fit = ops::row_sums / block;
  static constexpr std::size_t chains = split.count <= fit ? split.count : fit >= 2 ? 2 : 1;
};

// Hidden layers may be kept negated (ops::row_negated), sums and all, at no cost: the first layer
// subtracts its products, those after it get negated inputs, the last one subtracts again. Rounding
// to nearest treats x and -x alike; zeros may change their sign, which no other value depends on.
template <class Layer>
TINYMLP_INLINE typename Layer::v::reg
row_product(typename Layer::v::reg w, typename Layer::v::reg x, typename Layer::v::reg sum) {
  if constexpr (ops::row_negated && Layer::first)
    return Layer::v::fnma(w, x, sum);
  else
    return Layer::v::fma(w, x, sum);
}
template <class Layer> TINYMLP_INLINE typename Layer::v::reg row_bias(const float* bias) {
  if constexpr (ops::row_negated)
    return Layer::v::negated(Layer::v::load(bias));
  else
    return Layer::v::load(bias);
}
template <class V> TINYMLP_INLINE typename V::reg row_relu(typename V::reg x) {
  if constexpr (ops::row_negated)
    return V::negated_relu(x);
  else
    return V::relu(x);
}

// Term K of chain C for B vectors of outputs from vector V0 on.
template <class Layer, std::size_t C, std::size_t K, std::size_t V0, std::size_t B, class X>
TINYMLP_INLINE void row_term(const float* weight, const X& x, typename Layer::v::reg (&sum)[B]) {
  using v = typename Layer::v;
  constexpr std::size_t input = Layer::split.begin(C) + K;
  if constexpr (input < Layer::split.begin(C + 1)) {
    const auto element = x.template element<input, K>(v{});
    const float* w = weight + input * Layer::at.padded_outputs + V0 * v::lanes;
    TINYMLP_UNROLL for (std::size_t b = 0; b < B; ++b) sum[b] =
        row_product<Layer>(v::load(w + b * v::lanes), element, sum[b]);
  }
}
template <class Layer, std::size_t C, std::size_t K, std::size_t V0, std::size_t B, std::size_t G,
          class X>
TINYMLP_INLINE void row_terms(const float* weight, const X& x,
                              typename Layer::v::reg (&sum)[G][B]) {
  row_term<Layer, C, K, V0>(weight, x, sum[0]);
  if constexpr (G > 1) row_term<Layer, C + 1, K, V0>(weight, x, sum[1]);
  if constexpr (G > 2) row_term<Layer, C + 2, K, V0>(weight, x, sum[2]);
  if constexpr (G > 3) row_term<Layer, C + 3, K, V0>(weight, x, sum[3]);
}

// Chains C to C + G - 1, added pairwise into `total`.
template <class Layer, std::size_t C, std::size_t G, std::size_t V0, std::size_t B, class X,
          std::size_t... K>
TINYMLP_INLINE void row_chains(const float* values, const X& x, typename Layer::v::reg (&total)[B],
                               std::index_sequence<K...>) {
  using v = typename Layer::v;
  typename v::reg sum[G][B];
  TINYMLP_UNROLL for (std::size_t g = 0; g < G; ++g)
      TINYMLP_UNROLL for (std::size_t b = 0; b < B; ++b) sum[g][b] =
          C + g == 0 ? row_bias<Layer>(values + Layer::at.bias + (V0 + b) * v::lanes) : v::zero();
  (row_terms<Layer, C, K, V0>(values + Layer::at.weight, x, sum), ...);
  TINYMLP_UNROLL for (std::size_t b = 0; b < B; ++b) {
    total[b] = sum[0][b];
    if constexpr (G > 1) total[b] = v::add(total[b], sum[1][b]);
    if constexpr (G > 2) total[b] = v::add(total[b], v::add(sum[2][b], sum[3][b]));
  }
}

// Outputs of B vectors from vector V0 on, then of the vectors after them.
template <class Layer, std::size_t V0, class X, class Y>
TINYMLP_INLINE void row_block(const float* values, const X& x, Y& y) {
  using v = typename Layer::v;
  constexpr std::size_t rest = Layer::vectors - V0, B = rest < Layer::block ? rest : Layer::block;
  constexpr std::size_t G = Layer::chains, count = Layer::split.count;
  constexpr auto steps = std::make_index_sequence<Layer::longest>{};
  typename v::reg total[B];
  row_chains<Layer, 0, G, V0>(values, x, total, steps);
  if constexpr (G < count && G == 2) {
    typename v::reg back[B];
    row_chains<Layer, 2, G, V0>(values, x, back, steps);
    TINYMLP_UNROLL for (std::size_t b = 0; b < B; ++b) total[b] = v::add(total[b], back[b]);
  }
  TINYMLP_UNROLL for (std::size_t b = 0; b < B; ++b) y.value[V0 + b] = row_relu<v>(total[b]);
  if constexpr (V0 + B < Layer::vectors) row_block<Layer, V0 + B>(values, x, y);
}

// The one-output layer: octets of x, in order, through 8 virtual lanes.
TINYMLP_INLINE typename ops::octet row_last_product(typename ops::octet w, typename ops::octet x,
                                                    typename ops::octet sum) {
  if constexpr (ops::row_negated)
    return ops::fnma_octet(w, x, sum);
  else
    return ops::fma_octet(w, x, sum);
}
template <class V, std::size_t N, std::size_t... O>
TINYMLP_INLINE float row_last(const float* values, const fp32_layer& at, const lane_values<V, N>& x,
                              typename ops::quad poison, std::index_sequence<O...>) {
  auto sum = ops::load_octet(values + at.bias);
  ((sum = row_last_product(ops::load_octet(values + at.weight + O * virtual_lanes),
                           ops::template octet_of<O, N - O * virtual_lanes>(V{}, x.value), sum)),
   ...);
  return ops::sum_octet(sum, poison);
}

template <class Shape, std::size_t L, class X>
TINYMLP_INLINE float row_layers(const float* values, const X& x, typename ops::quad poison) {
  constexpr fp32_layer at = fp32_layout<Shape>::layers[L];
  if constexpr (L + 1 == Shape::layer_count) {
    constexpr std::size_t octets = (at.inputs + virtual_lanes - 1) / virtual_lanes;
    return row_last(values, at, x, poison, std::make_index_sequence<octets>{});
  } else {
    using layer = row_layer<Shape, L>;
    lane_values<typename layer::v, at.outputs> y;
    row_block<layer, 0>(values, x, y);
    constexpr bool store =
        L + 2 < Shape::layer_count && chain_split{at.outputs}.begin(1) > ops::row_permuted;
    if constexpr (store) {
      alignas(64) float memory[layer::vectors * layer::v::lanes];
      TINYMLP_UNROLL for (std::size_t i = 0; i < layer::vectors; ++i)
          layer::v::store(memory + i * layer::v::lanes, y.value[i]);
#if defined(__GNUC__)
      __asm__("" : "+m"(memory)); // else the compiler knows what is there, and permutes
#endif
      return row_layers<Shape, L + 1>(
          values, stored_values<typename layer::v, at.outputs>{y, memory}, poison);
    } else {
      return row_layers<Shape, L + 1>(values, y, poison);
    }
  }
}

// Small networks only: every weight becomes an instruction.
template <class Shape>
inline constexpr bool row_unrolls =
    Shape::layer_count >= 2 && Shape::inputs <= 16 && Shape::parameter_count <= 4096;

// +0 in each lane, or NaN in at least one if a value of the row is not finite. Nobody waits for it
// before the last sums.
template <std::size_t N> TINYMLP_INLINE typename ops::quad row_poison(const float* row) {
  constexpr std::size_t step = N < 4 ? N : 4, chains = N < 64 ? 1 : 4; // many would wait in one
  typename ops::quad poison[chains];
  TINYMLP_UNROLL for (std::size_t c = 0; c < chains; ++c) poison[c] =
      ops::poison_of(ops::template load_quad<step>(row + c * step));
  std::size_t i = chains * step;
  if constexpr (chains > 1) {
    for (; i + chains * step <= N; i += chains * step)
      TINYMLP_UNROLL for (std::size_t c = 0; c < chains; ++c) poison[c] = ops::add_quad(
          poison[c], ops::poison_of(ops::template load_quad<step>(row + i + c * step)));
    poison[0] =
        ops::add_quad(ops::add_quad(poison[0], poison[1]), ops::add_quad(poison[2], poison[3]));
  }
  for (; i < N; i += step) { // the last four overlap those before them
    const float* four = row + (i + step <= N ? i : N - step);
    poison[0] = ops::add_quad(poison[0], ops::poison_of(ops::template load_quad<step>(four)));
  }
  return poison[0];
}

// Features less their means, those that chains start from first.
template <std::size_t Index, class V, std::size_t N>
TINYMLP_INLINE void row_input(const float* mean, const float* row, broadcast_values<V, N>& x) {
  // From memory to all lanes at once: forwards from a scalar store, as a vector load would not.
  // Hidden from GCC, which would subtract first.
  const auto raw = V::opaque(V::broadcast(row + Index));
  x.value[Index] = V::sub(raw, V::broadcast(mean + Index));
}
template <class V, std::size_t N, std::size_t... Turn>
TINYMLP_INLINE void row_inputs(const float* mean, const float* row, broadcast_values<V, N>& x,
                               std::index_sequence<Turn...>) {
  (row_input<chain_split(N).in_turn(Turn)>(mean, row, x), ...);
}

template <class Shape> TINYMLP_INLINE float unrolled_row(const float* values, const float* row) {
  constexpr std::size_t n = Shape::inputs;
  broadcast_values<typename row_layer<Shape, 0>::v, n> x;
  row_inputs(values + fp32_layout<Shape>::mean, row, x, std::make_index_sequence<n>{});
  return row_layers<Shape, 0>(values, x, row_poison<n>(row));
}

// Networks of any size: loops, with each layer's results in memory.
template <class Layer, std::size_t B>
TINYMLP_INLINE void looped_terms(const float* weight, const float* x, std::size_t k,
                                 std::size_t chains,
                                 typename Layer::v::reg (&sum)[Layer::split.count][B]) {
  using v = typename Layer::v;
  TINYMLP_UNROLL for (std::size_t c = 0; c < Layer::split.count; ++c) if (c < chains) {
    const std::size_t input = Layer::split.begin(c) + k;
    const auto element = v::broadcast(x + input);
    TINYMLP_UNROLL for (std::size_t b = 0; b < B; ++b) sum[c][b] = v::fma(
        v::load(weight + input * Layer::at.padded_outputs + b * v::lanes), element, sum[c][b]);
  }
}
// B vectors of outputs, all chains together: as many sums as cover the latency of a multiply-add.
template <class Layer, std::size_t B>
TINYMLP_INLINE void looped_block(const float* values, const float* x, float* y, std::size_t first) {
  using v = typename Layer::v;
  constexpr std::size_t chains = Layer::split.count;
  constexpr std::size_t length = Layer::at.inputs / chains, longer = Layer::at.inputs % chains;
  const float* weight = values + Layer::at.weight + first;
  typename v::reg sum[chains][B];
  TINYMLP_UNROLL for (std::size_t c = 0; c < chains; ++c)
      TINYMLP_UNROLL for (std::size_t b = 0; b < B; ++b) sum[c][b] =
          c == 0 ? v::load(values + Layer::at.bias + first + b * v::lanes) : v::zero();
  for (std::size_t k = 0; k < length; ++k) looped_terms<Layer, B>(weight, x, k, chains, sum);
  if constexpr (longer != 0) looped_terms<Layer, B>(weight, x, length, longer, sum);
  TINYMLP_UNROLL for (std::size_t b = 0; b < B; ++b) {
    auto total = sum[0][b];
    if constexpr (chains > 1) total = v::add(total, sum[1][b]);
    if constexpr (chains > 2) total = v::add(total, v::add(sum[2][b], sum[3][b]));
    v::store(y + first + b * v::lanes, v::relu(total));
  }
}

template <class Shape, std::size_t L>
TINYMLP_INLINE float looped_layers(const float* values, float* x, float* y,
                                   typename ops::quad poison) {
  constexpr fp32_layer at = fp32_layout<Shape>::layers[L];
  if constexpr (L + 1 == Shape::layer_count) {
    auto sum = ops::load_octet(values + at.bias);
    constexpr std::size_t whole = at.inputs / virtual_lanes * virtual_lanes;
    for (std::size_t k = 0; k < whole; k += virtual_lanes)
      sum = ops::fma_octet(ops::load_octet(values + at.weight + k), ops::load_octet(x + k), sum);
    if constexpr (whole < at.inputs)
      sum = ops::fma_octet(ops::load_octet(values + at.weight + whole),
                           ops::template keep<at.inputs - whole>(ops::load_octet(x + whole)), sum);
    return ops::sum_octet(sum, poison);
  } else {
    using layer = row_layer<Shape, L>;
    constexpr std::size_t lanes = layer::v::lanes, padded = layer::vectors * lanes;
    std::size_t first = 0;
    constexpr std::size_t block = ops::row_sums / layer::split.count;
    for (; first + block * lanes <= padded; first += block * lanes)
      looped_block<layer, block>(values, x, y, first);
    for (; first < padded; first += lanes) looped_block<layer, 1>(values, x, y, first);
    return looped_layers<Shape, L + 1>(values, y, x, poison);
  }
}

template <class Shape> TINYMLP_INLINE float looped_row(const float* values, const float* row) {
  alignas(64) float x[widest_layer<Shape>];
  alignas(64) float y[widest_layer<Shape>];
  using v = typename ops::v;
  constexpr std::size_t n = Shape::inputs, whole = n / v::lanes * v::lanes;
  const float* mean = values + fp32_layout<Shape>::mean;
  for (std::size_t i = 0; i < whole; i += v::lanes)
    v::store(x + i, v::sub(v::load(row + i), v::load(mean + i)));
  if constexpr (whole < n)
    v::store(x + whole,
             v::sub(v::load_upto(row + whole, n - whole), v::load_upto(mean + whole, n - whole)));
  return looped_layers<Shape, 0>(values, x, y, row_poison<Shape::inputs>(row));
}

template <class Shape>
inline float score_row(const fp32_weights<Shape>& weights,
                       const float* row) noexcept TINYMLP_NONBLOCKING {
  if constexpr (row_unrolls<Shape>)
    return unrolled_row<Shape>(weights.values.data(), row);
  else
    return looped_row<Shape>(weights.values.data(), row);
}
