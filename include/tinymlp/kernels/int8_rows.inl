// The int8 scores of many rows, each quantised by itself: rows lie across lanes, four inputs in
// a lane. Included like int8_row.inl, after it.

// A divisor for a vector of rows. x / divisor is computed as x * (reciprocal + rest), reciprocal
// being 1 / divisor rounded and rest what that lacks. Rounded to float and then to an integer
// this equals the division rounded likewise, for every x of at most 255 divisors; the case
// "quotients round like divisions" in tests/kernels_test.cpp proves it with TINYMLP_EXHAUSTIVE set,
// by trying all that are near a tie; without, those of every 257th divisor. The divisor lies
// between 2^-64 and 2^64 or so, clear of overflow and of denormals.
struct int8_inverse {
  typename ops::v::reg reciprocal, rest;
};
TINYMLP_INLINE int8_inverse int8_invert(typename ops::v::reg divisor) {
  using v = typename ops::v;
  const auto one = v::set(1), reciprocal = v::div(one, divisor);
  const auto error = v::fnma(reciprocal, divisor, one);
  return {reciprocal, v::mul(reciprocal, v::fma(error, error, error))};
}
TINYMLP_INLINE typename ops::v::reg int8_divide(typename ops::v::reg x, int8_inverse by) {
  using v = typename ops::v;
  return v::fma(x, by.reciprocal, v::mul(x, by.rest));
}

// x / 255, rounded once, for x = 0 and x from 2^-100 to 2^120: the remainder of a first quotient,
// which is exact, corrects it. The case "a 255th is exact" tries all significands.
TINYMLP_INLINE typename ops::v::reg int8_255th(typename ops::v::reg x) {
  using v = typename ops::v;
  const auto reciprocal = v::set(1.0F / 255), quotient = v::mul(x, reciprocal);
  return v::fma(v::fnma(quotient, v::set(255), x), reciprocal, quotient);
}

// What DynamicQuantizeLinear needs of a vector of rows. Only the first layer has inputs below 0,
// hence a zero point.
struct int8_scales {
  typename ops::v::reg scale;
  int8_inverse inverse;
  typename ops::v::ireg zero_point;
};
// For N values from `low` to `high`, `step` floats apart. Where a scale is far from 1, because
// features or weights are of no use, the values are multiplied by a power of two that brings their
// divisor to where int8_invert can take it; only they pay for it.
template <bool First, std::size_t N>
TINYMLP_INLINE int8_scales int8_scales_of(typename ops::v::reg low, typename ops::v::reg high,
                                          float* x, std::size_t step) {
  using v = typename ops::v;
  const auto tiny = v::set(0x1p-64F), one = v::set(1), large = v::set(0x1p64F);
  const auto least = v::set(std::numeric_limits<float>::denorm_min());
  int8_scales s;
  high = v::add(high, v::zero()); // +0 for -0, else the scale would be -0
  const auto range = First ? v::sub(high, low) : high;
  s.scale = int8_255th(range);
  auto divisor = v::maximum(s.scale, least);
  if (v::any_outside(divisor, tiny, large)) {
    s.scale = v::div(range, v::set(255));
    divisor = v::maximum(s.scale, least);
    const auto shift = v::if_less(divisor, tiny, large, v::if_less(large, divisor, tiny, one));
    for (std::size_t i = 0; i < N; ++i)
      v::store(x + i * step, v::mul(v::load(x + i * step), shift));
    low = v::mul(low, shift);
    divisor = v::mul(divisor, shift);
  }
  s.inverse = int8_invert(divisor);
  if constexpr (First) {
    const auto zero = v::sub(v::zero(), int8_divide(low, s.inverse));
    s.zero_point = v::to_int(v::minimum(zero, v::set(255)));
  } else {
    s.zero_point = v::iset(0);
  }
  return s;
}

template <bool First>
TINYMLP_INLINE typename ops::v::ireg int8_rows_quantize(const float* x, const int8_scales& s) {
  using v = typename ops::v;
  auto value = v::load(x);
  // Far below 0 the parts of a quotient overflow, and their sum may be an infinity of either sign.
  if constexpr (!First && v::saturates) value = v::maximum(value, v::zero());
  const auto q = v::to_int(int8_divide(value, s.inverse));
  return First ? v::iadd(q, s.zero_point) : q;
}

// What all rows of a call share, found once: for each layer, whether its outputs have one weight
// scale, and the largest magnitude of a weight scale. Where that one's product with a row's
// scale is finite, so are those of the others.
template <class Shape> struct int8_weight_scales {
  bool uniform[Shape::layer_count];
  float largest[Shape::layer_count];
};
template <class Shape>
TINYMLP_INLINE int8_weight_scales<Shape> int8_find_scales(const int8_weights<Shape>& weights) {
  using v = typename ops::v;
  int8_weight_scales<Shape> found;
  for (std::size_t l = 0; l < Shape::layer_count; ++l) {
    const int8_layer& at = int8_layout<Shape>::layers[l];
    const float* scale = weights.floats.data() + at.scale;
    auto low = v::broadcast(scale), high = low;
    for (std::size_t o = 0; o + v::lanes <= at.outputs; o += v::lanes) {
      low = v::minimum(low, v::load(scale + o));
      high = v::maximum(high, v::load(scale + o));
    }
    float lowest = v::reduce_min(low), highest = v::reduce_max(high);
    for (std::size_t o = at.outputs / v::lanes * v::lanes; o < at.outputs; ++o) {
      lowest = scale[o] < lowest ? scale[o] : lowest;
      highest = scale[o] > highest ? scale[o] : highest;
    }
    found.uniform[l] = lowest == highest;
    found.largest[l] = -lowest > highest ? -lowest : highest;
  }
  return found;
}

// R vectors of rows on their way through the layers. A block takes several such parts through
// each layer in turn: the long latency from a layer's last output to its scale, and from there
// to the next layer's first input, then passes while another part is at work.
template <class Shape, std::size_t R> struct int8_part {
  static constexpr std::size_t step = R * ops::v::lanes;      // from one input to the next
  alignas(64) float x[widest_layer<Shape> * step];            // [input][R vectors]
  alignas(64) std::int32_t q[widest_layer<Shape> / 4 * step]; // [input / 4][R vectors of bytes]
  alignas(64) float scale[widest_layer<Shape> * step];        // scale * weight scale [output][R]
  int8_scales scales[R];
  typename ops::v::reg poison[R];
};

// Features -> x, through the scaler.
template <class Shape, std::size_t R>
TINYMLP_INLINE void int8_part_inputs(const float* floats, const float* rows,
                                     int8_part<Shape, R>& part) {
  using v = typename ops::v;
  using layout = int8_layout<Shape>;
  typename v::reg low[R], high[R], poison[R];
  TINYMLP_UNROLL for (std::size_t r = 0; r < R; ++r) low[r] = high[r] = poison[r] = v::zero();
  rows_columns<Shape::inputs, R>(rows, part.x);
  for (std::size_t i = 0; i < Shape::inputs; ++i)
    TINYMLP_UNROLL for (std::size_t r = 0; r < R; ++r) {
      float* at = part.x + i * part.step + r * v::lanes;
      const auto centred = v::sub(v::load(at), v::broadcast(floats + layout::mean + i));
      const auto scaled = v::mul(v::div(centred, v::broadcast(floats + layout::divisor + i)),
                                 v::broadcast(floats + layout::multiplier + i));
      low[r] = v::minimum(low[r], scaled);
      high[r] = v::maximum(high[r], scaled);
      poison[r] = v::fma(scaled, v::zero(), poison[r]);
      v::store(at, scaled);
    }
  TINYMLP_UNROLL for (std::size_t r = 0; r < R; ++r) {
    part.scales[r] =
        int8_scales_of<true, Shape::inputs>(low[r], high[r], part.x + r * v::lanes, part.step);
    part.poison[r] = poison[r];
  }
}

// x -> q, four inputs to a lane.
template <std::size_t L, class Shape, std::size_t R>
TINYMLP_INLINE void int8_part_pack(int8_part<Shape, R>& part) {
  using v = typename ops::v;
  constexpr std::size_t inputs = Shape::sizes[L], step = int8_part<Shape, R>::step;
  constexpr std::size_t whole = inputs / 4 * 4, rest = inputs - whole;
  TINYMLP_UNROLL for (std::size_t r = 0; r < R; ++r) {
    const int8_scales s = part.scales[r];
    const float* x = part.x + r * v::lanes;
    std::int32_t* q = part.q + r * v::lanes;
    for (std::size_t i = 0; i < whole; i += 4, x += 4 * step, q += step)
      v::istore(q,
                v::quads(int8_rows_quantize<L == 0>(x, s), int8_rows_quantize<L == 0>(x + step, s),
                         int8_rows_quantize<L == 0>(x + 2 * step, s),
                         int8_rows_quantize<L == 0>(x + 3 * step, s)));
    if constexpr (rest != 0) { // the weights of what is missing are 0
      const auto nothing = v::iset(0), first = int8_rows_quantize<L == 0>(x, s);
      auto second = nothing, third = nothing;
      if constexpr (rest > 1) second = int8_rows_quantize<L == 0>(x + step, s);
      if constexpr (rest > 2) third = int8_rows_quantize<L == 0>(x + 2 * step, s);
      v::istore(q, v::quads(first, second, third, nothing));
    }
  }
}

// O outputs from output `first` on; `high` follows the largest. ReLU is left to quantisation,
// which makes bytes of 0 of what is below 0.
template <std::size_t L, std::size_t O, class Shape, std::size_t R>
TINYMLP_INLINE void int8_part_outputs(const int8_weights<Shape>& weights, int8_part<Shape, R>& part,
                                      std::size_t scale_step, std::size_t first,
                                      typename ops::v::reg (&high)[R]) {
  using v = typename ops::v;
  constexpr int8_layer at = int8_layout<Shape>::layers[L];
  const signed char* weight = weights.bytes.data() + at.weight + first * 4;
  typename v::ireg sum[O][R];
  TINYMLP_UNROLL for (std::size_t r = 0; r < R; ++r) {
    const auto correction = int8_correction<v, at.inputs>(part.scales[r].zero_point);
    TINYMLP_UNROLL for (std::size_t o = 0; o < O; ++o) {
      sum[o][r] = v::iset(0);
      if constexpr (L == 0 || ops::zero != 0)
        sum[o][r] =
            int8_first_sum<v, at.inputs>(correction, v::iset(weights.sums[at.sum + first + o]));
    }
  }
  for (std::size_t g = 0; g < at.padded_inputs / 4; ++g) {
    typename v::ireg rows[R];
    TINYMLP_UNROLL for (std::size_t r = 0; r < R; ++r) rows[r] =
        v::iload(part.q + g * part.step + r * v::lanes);
    TINYMLP_UNROLL for (std::size_t o = 0; o < O; ++o) {
      std::int32_t four;
      std::memcpy(&four, weight + (g * at.padded_outputs + o) * 4, sizeof four);
      const auto w = v::iset(four);
      TINYMLP_UNROLL for (std::size_t r = 0; r < R; ++r) sum[o][r] =
          ops::dot(sum[o][r], rows[r], w);
    }
  }
  TINYMLP_UNROLL for (std::size_t o = 0; o < O; ++o) {
    const float* scale = part.scale + (first + o) * scale_step;
    const auto bias = v::broadcast(weights.floats.data() + at.bias + first + o);
    TINYMLP_UNROLL for (std::size_t r = 0; r < R; ++r) {
      const auto product = v::mul(v::to_float(sum[o][r]), v::load(scale + r * v::lanes));
      const auto y = v::add(product, bias);
      if constexpr (L + 1 < Shape::layer_count) high[r] = v::maximum(high[r], y);
      v::store(part.x + (first + o) * part.step + r * v::lanes, y);
    }
  }
}

// q -> the layer's outputs in x and, but for the last layer, their scales.
template <std::size_t L, class Shape, std::size_t R>
TINYMLP_INLINE void int8_part_layer(const int8_weights<Shape>& weights,
                                    const int8_weight_scales<Shape>& found,
                                    int8_part<Shape, R>& part) {
  using v = typename ops::v;
  constexpr int8_layer at = int8_layout<Shape>::layers[L];
  const std::size_t scales = found.uniform[L] ? 1 : at.outputs;
  for (std::size_t o = 0; o < scales; ++o)
    TINYMLP_UNROLL for (std::size_t r = 0; r < R; ++r)
        v::store(part.scale + o * part.step + r * v::lanes,
                 v::mul(part.scales[r].scale, v::broadcast(weights.floats.data() + at.scale + o)));
  typename v::reg high[R];
  TINYMLP_UNROLL for (std::size_t r = 0; r < R; ++r) {
    high[r] = v::zero();
    part.poison[r] =
        v::fma(v::mul(part.scales[r].scale, v::set(found.largest[L])), v::zero(), part.poison[r]);
  }
  const std::size_t scale_step = found.uniform[L] ? 0 : part.step;
  constexpr std::size_t whole = at.outputs / 4 * 4, rest = at.outputs - whole;
  for (std::size_t o = 0; o < whole; o += 4)
    int8_part_outputs<L, 4>(weights, part, scale_step, o, high);
  if constexpr (rest != 0) int8_part_outputs<L, rest>(weights, part, scale_step, whole, high);
  if constexpr (L + 1 < Shape::layer_count)
    TINYMLP_UNROLL for (std::size_t r = 0; r < R; ++r) part.scales[r] =
        int8_scales_of<false, at.outputs>(v::zero(), high[r], part.x + r * v::lanes, part.step);
}

template <std::size_t L, class Shape, std::size_t R, std::size_t P, class Ahead>
TINYMLP_INLINE void
int8_rows_layers(const int8_weights<Shape>& weights, const int8_weight_scales<Shape>& found,
                 int8_part<Shape, R> (&parts)[P], std::size_t used, const Ahead& ahead) {
  ahead.template prefetch<L, Shape::layer_count>();
  for (std::size_t p = 0; p < used; ++p) int8_part_pack<L>(parts[p]);
  for (std::size_t p = 0; p < used; ++p) int8_part_layer<L>(weights, found, parts[p]);
  if constexpr (L + 1 < Shape::layer_count)
    int8_rows_layers<L + 1>(weights, found, parts, used, ahead);
}

// Up to P parts of R vectors of rows.
template <class Shape, std::size_t P, std::size_t R>
TINYMLP_NOINLINE void
int8_rows_block(const int8_weights<Shape>& weights, const int8_weight_scales<Shape>& found,
                const float* rows, std::size_t used, float* scores,
                rows_ahead<Shape::inputs, P * R * ops::v::lanes> ahead) noexcept {
  using v = typename ops::v;
  int8_part<Shape, R> parts[P];
  constexpr std::size_t step = R * v::lanes;
  for (std::size_t p = 0; p < used; ++p)
    int8_part_inputs(weights.floats.data(), rows + p * step * Shape::inputs, parts[p]);
  int8_rows_layers<0>(weights, found, parts, used, ahead);
  for (std::size_t p = 0; p < used; ++p)
    TINYMLP_UNROLL for (std::size_t r = 0; r < R; ++r)
        v::store(scores + p * step + r * v::lanes,
                 v::poisoned(v::load(parts[p].x + r * v::lanes), parts[p].poison[r]));
}

// Rows that do not fill so many vectors, through buffers that end with rows of zeros. At most P
// parts of R vectors; their number is a multiple of R.
template <class Shape, std::size_t P, std::size_t R>
TINYMLP_NOINLINE void
int8_rows_rest(const int8_weights<Shape>& weights, const int8_weight_scales<Shape>& found,
               const float* rows, std::size_t count, std::size_t vectors, float* scores) noexcept {
  constexpr std::size_t all = P * R * ops::v::lanes;
  alignas(64) float padded[all * Shape::inputs], result[all];
  rows_padded<Shape::inputs>(rows, count, vectors, padded);
  int8_rows_block<Shape, P, R>(weights, found, padded, vectors / R, result, {padded, result, 0});
  std::memcpy(scores, result, count * sizeof(float));
}

template <class Shape>
inline void score_rows(const int8_weights<Shape>& weights, const float* rows, std::size_t count,
                       float* scores) noexcept TINYMLP_NONBLOCKING {
  constexpr std::size_t n = Shape::inputs, lanes = ops::v::lanes,
                        R = rows_vectors<Shape>(ops::int8_vectors);
  // As many parts as leave half of a first-level cache to the weights.
  constexpr std::size_t most = 4096 / (widest_layer<Shape> * R * lanes);
  constexpr std::size_t P = most < 1 ? 1 : most < ops::int8_parts ? most : ops::int8_parts;
  constexpr std::size_t part = R * lanes;
  // Fewer vectors than a part go one at a time, so that none is scored for nothing.
  constexpr std::size_t rests = R > 1 ? R : P, pays = ops::int8_pays(Shape::parameter_count);
  static_assert(pays <= lanes);
  std::size_t done = 0;
  if constexpr (rows_fit<Shape>) {
    if (count >= pays) { // a vector of rows is more
      const int8_weight_scales<Shape> found = int8_find_scales(weights);
      for (std::size_t used = P; count - done >= part; done += used * part) {
        if (count - done < P * part) used = (count - done) / part;
        int8_rows_block<Shape, P, R>(weights, found, rows + done * n, used, scores + done,
                                     {rows + done * n, scores + done, count - done});
      }
      const std::size_t rest = count - done;
      const std::size_t least = rest < lanes ? pays : pays - ops::int8_pays_sooner;
      const std::size_t vectors = rest / lanes + (rest % lanes >= least ? 1 : 0);
      const std::size_t some = rest < vectors * lanes ? rest : vectors * lanes;
      const float* from = rows + done * n;
      if (R > 1 && vectors == R)
        int8_rows_rest<Shape, P, R>(weights, found, from, some, R, scores + done);
      else if (some < vectors * lanes)
        int8_rows_rest<Shape, rests, 1>(weights, found, from, some, vectors, scores + done);
      else if (vectors > 0)
        int8_rows_block<Shape, rests, 1>(weights, found, from, vectors, scores + done,
                                         {from, scores + done, 0});
      done += some;
    }
  }
  for (; done < count; ++done) scores[done] = score_row(weights, rows + done * n);
}
