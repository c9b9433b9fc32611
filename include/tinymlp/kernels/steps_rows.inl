// Many rows of a network of any shape: rows lie across lanes, R vectors of rows in a block, values
// as [value][R vectors]; weights are broadcast. Included like steps_row.inl, after it.

// Columns of R vectors of rows: rows [R * lanes][n] -> x [n][R vectors]. `more`: rows follow them
// in memory, so that two or three features may be read as four.
template <std::size_t R>
TINYMLP_INLINE void step_columns(const float* rows, std::size_t n, bool more, float* x) {
  using v = typename ops::v;
  TINYMLP_UNROLL for (std::size_t r = 0; r < R; ++r) {
    const float* from = rows + r * v::lanes * n;
    if (n == 1) {
      v::store(x + r * v::lanes, v::load(from));
    } else if (n < 4 && !more) {
      for (std::size_t i = 0; i < n; ++i)
        for (std::size_t j = 0; j < v::lanes; ++j) x[(i * R + r) * v::lanes + j] = from[j * n + i];
    } else {
      // Four at a time; the last four overlap those before them rather than the next row.
      for (std::size_t i = 0; i < n; i += 4) {
        typename v::reg column[4];
        const std::size_t begin = i + 4 <= n || n < 4 ? i : n - 4;
        ops::load_columns(from + begin, n, column);
        TINYMLP_UNROLL for (std::size_t j = 0; j < 4; ++j) if (begin + j < n)
            v::store(x + ((begin + j) * R + r) * v::lanes, column[j]);
      }
    }
  }
}

// Features of R vectors of rows, centred where the network starts with that; 0 or NaN into poison.
template <std::size_t R>
TINYMLP_INLINE void step_rows_inputs(const float* rows, std::size_t n, bool more, const float* mean,
                                     float* x, typename ops::v::reg (&poison)[R]) {
  using v = typename ops::v;
  step_columns<R>(rows, n, more, x);
  TINYMLP_UNROLL for (std::size_t r = 0; r < R; ++r) poison[r] = v::zero();
  for (std::size_t i = 0; i < n; ++i) TINYMLP_UNROLL for (std::size_t r = 0; r < R; ++r) {
      float* at = x + (i * R + r) * v::lanes;
      const auto raw = v::load(at);
      poison[r] = v::fma(raw, v::zero(), poison[r]);
      if (mean != nullptr) v::store(at, v::sub(raw, v::broadcast(mean + i)));
    }
}

// O outputs of R vectors of rows; one input.
template <std::size_t O, std::size_t R>
TINYMLP_INLINE void step_rows_term(const float* weight, const float* x,
                                   typename ops::v::reg (&sum)[O][R]) {
  using v = typename ops::v;
  typename v::reg rows[R];
  TINYMLP_UNROLL for (std::size_t r = 0; r < R; ++r) rows[r] = v::load(x + r * v::lanes);
  TINYMLP_UNROLL for (std::size_t o = 0; o < O; ++o) {
    const auto w = v::broadcast(weight + o);
    TINYMLP_UNROLL for (std::size_t r = 0; r < R; ++r) sum[o][r] = v::fma(w, rows[r], sum[o][r]);
  }
}

template <std::size_t O, std::size_t R>
TINYMLP_INLINE void step_rows_start(const float* bias, typename ops::v::reg (&sum)[O][R]) {
  using v = typename ops::v;
  TINYMLP_UNROLL for (std::size_t o = 0; o < O; ++o)
      TINYMLP_UNROLL for (std::size_t r = 0; r < R; ++r) sum[o][r] =
          bias != nullptr ? v::broadcast(bias + o) : v::zero();
}

template <std::size_t O, std::size_t R>
TINYMLP_INLINE void step_rows_chain(const float* bias, const float* weight, std::size_t stride,
                                    const float* x, std::size_t length,
                                    typename ops::v::reg (&sum)[O][R]) {
  using v = typename ops::v;
  step_rows_start(bias, sum);
  std::size_t k = 0;
  for (; k + 2 <= length; k += 2) {
    step_rows_term(weight + k * stride, x + k * R * v::lanes, sum);
    step_rows_term(weight + (k + 1) * stride, x + (k + 1) * R * v::lanes, sum);
  }
  if (k < length) step_rows_term(weight + k * stride, x + k * R * v::lanes, sum);
}

// Chains from input `begin` on, of `first` and `second` inputs, added.
template <std::size_t O, std::size_t R>
TINYMLP_INLINE void step_rows_pair(const float* bias, const float* weight, std::size_t stride,
                                   const float* x, std::size_t begin, std::size_t first,
                                   std::size_t second, typename ops::v::reg (&sum)[O][R]) {
  using v = typename ops::v;
  const float* w[2] = {weight + begin * stride, weight + (begin + first) * stride};
  const float* from[2] = {x + begin * R * v::lanes, x + (begin + first) * R * v::lanes};
  typename v::reg next[O][R];
  if constexpr (ops::block_chains == 1) {
    step_rows_chain(bias, w[0], stride, from[0], first, sum);
    step_rows_chain(nullptr, w[1], stride, from[1], second, next);
  } else { // together: twice the sums to cover the latency of a multiply-add
    step_rows_start(bias, sum);
    step_rows_start(nullptr, next);
    for (std::size_t k = 0; k < second; ++k) {
      step_rows_term(w[0] + k * stride, from[0] + k * R * v::lanes, sum);
      step_rows_term(w[1] + k * stride, from[1] + k * R * v::lanes, next);
    }
    if (second < first)
      step_rows_term(w[0] + second * stride, from[0] + second * R * v::lanes, sum);
  }
  TINYMLP_UNROLL for (std::size_t o = 0; o < O; ++o)
      TINYMLP_UNROLL for (std::size_t r = 0; r < R; ++r) sum[o][r] = v::add(sum[o][r], next[o][r]);
}

// O outputs, in S chains. Stride: as in step_panel.
template <std::size_t S, std::size_t O, std::size_t R>
TINYMLP_INLINE void step_rows_outputs(const float* bias, const float* weight, std::size_t stride,
                                      const float* x, std::size_t inputs, float* y, bool relu) {
  using v = typename ops::v;
  typename v::reg sum[O][R];
  const std::size_t length = inputs / S, longer = inputs % S;
  if constexpr (S == 1) {
    step_rows_chain(bias, weight, stride, x, inputs, sum);
  } else {
    const std::size_t first = length + (longer > 0 ? 1 : 0), second = length + (longer > 1 ? 1 : 0);
    step_rows_pair(bias, weight, stride, x, 0, first, second, sum);
    if constexpr (S == 4) {
      typename v::reg back[O][R];
      step_rows_pair(nullptr, weight, stride, x, first + second, length + (longer > 2 ? 1 : 0),
                     length, back);
      TINYMLP_UNROLL for (std::size_t o = 0; o < O; ++o)
          TINYMLP_UNROLL for (std::size_t r = 0; r < R; ++r) sum[o][r] =
              v::add(sum[o][r], back[o][r]);
    }
  }
  TINYMLP_UNROLL for (std::size_t o = 0; o < O; ++o)
      TINYMLP_UNROLL for (std::size_t r = 0; r < R; ++r)
          v::store(y + (o * R + r) * v::lanes, relu ? v::relu(sum[o][r]) : sum[o][r]);
}

// The outputs of one panel: as many together as have their sums in registers, where the chains are
// long and there is a whole block of rows; else four by four.
template <std::size_t S, std::size_t R>
TINYMLP_INLINE void step_rows_panel(const float* bias, const float* weight, std::size_t width,
                                    const float* x, std::size_t inputs, float* y, bool relu) {
  constexpr std::size_t row = R * ops::v::lanes;
  std::size_t o = 0;
  constexpr std::size_t most = ops::block_outputs;
  if constexpr (most > 4 && S == 4 && R == ops::block_vectors)
    for (; o + most <= width; o += most)
      step_rows_outputs<S, most, R>(bias + o, weight + o, width, x, inputs, y + o * row, relu);
  for (; o + 4 <= width; o += 4)
    step_rows_outputs<S, 4, R>(bias + o, weight + o, width, x, inputs, y + o * row, relu);
  switch (width - o) {
  case 3:
    return step_rows_outputs<S, 3, R>(bias + o, weight + o, width, x, inputs, y + o * row, relu);
  case 2:
    return step_rows_outputs<S, 2, R>(bias + o, weight + o, width, x, inputs, y + o * row, relu);
  case 1:
    return step_rows_outputs<S, 1, R>(bias + o, weight + o, width, x, inputs, y + o * row, relu);
  default: return;
  }
}

template <std::size_t S, std::size_t R, class Step>
TINYMLP_NOINLINE void step_rows_chains(const Step& at, const float* floats, const float* x,
                                       float* y) noexcept {
  const float* bias = floats + at.at;
  const float* weight = bias + round_up(at.outputs, panel_width);
  const bool relu = at.activates == activation::relu;
  for (std::size_t o = 0; o < at.outputs; o += panel_width) {
    const std::size_t rest = at.outputs - o;
    step_rows_panel<S, R>(bias + o, weight + o * at.inputs, rest < panel_width ? rest : panel_width,
                          x, at.inputs, y + o * R * ops::v::lanes, relu);
  }
}

template <std::size_t R, class Step>
TINYMLP_INLINE void step_rows_dense(const Step& at, const float* floats, const float* x, float* y) {
  if (at.inputs >= 16)
    step_rows_chains<4, R>(at, floats, x, y);
  else if (at.inputs >= 2)
    step_rows_chains<2, R>(at, floats, x, y);
  else
    step_rows_chains<1, R>(at, floats, x, y);
}

// Eight lanes, added by halves; never -0.
TINYMLP_INLINE typename ops::v::reg step_rows_sum(typename ops::v::reg (&lane)[virtual_lanes]) {
  using v = typename ops::v;
  TINYMLP_UNROLL for (std::size_t half = virtual_lanes / 2; half >= 1; half /= 2)
      TINYMLP_UNROLL for (std::size_t j = 0; j < half; ++j) lane[j] =
          v::add(lane[j], lane[j + half]);
  return v::add(lane[0], v::zero());
}

// The one-output step of one vector of rows; x's inputs lie `stride` floats apart.
template <class Step>
TINYMLP_INLINE void step_rows_dense_to_one(const Step& at, const float* floats, const float* x,
                                           std::size_t stride, float* y) {
  using v = typename ops::v;
  const float* bias = floats + at.at;
  const float* weight = bias + virtual_lanes;
  const std::size_t whole = at.inputs / virtual_lanes * virtual_lanes;
  typename v::reg lane[virtual_lanes];
  TINYMLP_UNROLL for (std::size_t j = 0; j < virtual_lanes; ++j) lane[j] =
      j == 0 ? v::broadcast(bias) : v::zero();
  for (std::size_t k = 0; k < whole; k += virtual_lanes)
    TINYMLP_UNROLL for (std::size_t j = 0; j < virtual_lanes; ++j) lane[j] =
        v::fma(v::broadcast(weight + k + j), v::load(x + (k + j) * stride), lane[j]);
  TINYMLP_UNROLL for (std::size_t j = 0; j + 1 < virtual_lanes; ++j) {
    if (whole + j >= at.inputs) break;
    lane[j] = v::fma(v::broadcast(weight + whole + j), v::load(x + (whole + j) * stride), lane[j]);
  }
  const auto sum = step_rows_sum(lane);
  v::store(y, at.activates == activation::relu ? v::relu(sum) : sum);
}

template <std::size_t R, class Step>
TINYMLP_INLINE void step_rows_affine(const Step& at, const float* floats, float* x) {
  using v = typename ops::v;
  const std::size_t padded = round_up(at.inputs, panel_width);
  const float *mean = floats + at.at, *scale = mean + padded, *shift = scale + padded;
  for (std::size_t i = 0; i < at.inputs; ++i) TINYMLP_UNROLL for (std::size_t r = 0; r < R; ++r) {
      float* const place = x + (i * R + r) * v::lanes;
      v::store(place, v::fma(v::sub(v::load(place), v::broadcast(mean + i)),
                             v::broadcast(scale + i), v::broadcast(shift + i)));
    }
}

template <std::size_t R, class Step>
TINYMLP_INLINE void step_rows_literals(const Step& at, const float* floats, float* x) {
  using v = typename ops::v;
  for (std::size_t i = 0; i < at.inputs; ++i) TINYMLP_UNROLL for (std::size_t r = 0; r < R; ++r) {
      float* const place = x + (i * R + r) * v::lanes;
      v::store(place, step_literal(at.op, v::load(place), v::broadcast(floats + at.at + i)));
    }
}

// Of one vector of rows; values lie `stride` floats apart.
template <class Step>
TINYMLP_NOINLINE void step_rows_layer_norm(const Step& at, const float* floats, float* x,
                                           std::size_t stride) noexcept {
  using v = typename ops::v;
  const float* scale = floats + at.at;
  const float* shift = scale + round_up(at.inputs, panel_width);
  const auto n = v::set(static_cast<float>(at.inputs));
  typename v::reg lane[virtual_lanes];
  TINYMLP_UNROLL for (auto& each : lane) each = v::zero();
  for (std::size_t i = 0; i < at.inputs; i += virtual_lanes)
    TINYMLP_UNROLL for (std::size_t j = 0; j < virtual_lanes; ++j) {
      if (i + j >= at.inputs) break;
      lane[j] = v::add(lane[j], v::load(x + (i + j) * stride));
    }
  const auto mean = v::div(step_rows_sum(lane), n);
  TINYMLP_UNROLL for (auto& each : lane) each = v::zero();
  for (std::size_t i = 0; i < at.inputs; i += virtual_lanes)
    TINYMLP_UNROLL for (std::size_t j = 0; j < virtual_lanes; ++j) {
      if (i + j >= at.inputs) break;
      const auto centred = v::sub(v::load(x + (i + j) * stride), mean);
      v::store(x + (i + j) * stride, centred);
      lane[j] = v::fma(centred, centred, lane[j]);
    }
  const auto variance = v::add(v::div(step_rows_sum(lane), n), v::set(at.alpha));
  const auto inverse = v::div(v::set(1), v::sqrt(variance));
  for (std::size_t i = 0; i < at.inputs; ++i)
    v::store(x + i * stride, v::fma(v::mul(v::load(x + i * stride), inverse),
                                    v::broadcast(scale + i), v::broadcast(shift + i)));
}

template <class Step>
TINYMLP_NOINLINE void step_rows_softmax(const Step& at, float* x, std::size_t stride) noexcept {
  using v = typename ops::v;
  auto largest = v::load(x);
  for (std::size_t i = 1; i < at.inputs; ++i)
    largest = v::maximum(largest, v::load(x + i * stride));
  typename v::reg lane[virtual_lanes];
  TINYMLP_UNROLL for (auto& each : lane) each = v::zero();
  for (std::size_t i = 0; i < at.inputs; i += virtual_lanes)
    TINYMLP_UNROLL for (std::size_t j = 0; j < virtual_lanes; ++j) {
      if (i + j >= at.inputs) break;
      const auto shifted = v::sub(v::load(x + (i + j) * stride), largest), power = exp<v>(shifted);
      lane[j] = v::add(lane[j], power);
      v::store(x + (i + j) * stride, at.op == step_op::softmax ? power : shifted);
    }
  const auto sum = step_rows_sum(lane);
  const auto log_sum = at.op == step_op::log_softmax ? log<v>(sum) : sum;
  for (std::size_t i = 0; i < at.inputs; ++i)
    v::store(x + i * stride, at.op == step_op::softmax ? v::div(v::load(x + i * stride), sum)
                                                       : v::sub(v::load(x + i * stride), log_sum));
}

template <std::size_t R, class Step>
TINYMLP_INLINE void step_rows_activate(const Step& at, const float* floats, float* x) {
  using v = typename ops::v;
  if (at.activates != activation::prelu)
    return activate<v>(at.activates, at.alpha, at.beta, x, at.outputs * R * v::lanes);
  for (std::size_t i = 0; i < at.outputs; ++i) TINYMLP_UNROLL for (std::size_t r = 0; r < R; ++r) {
      float* const place = x + (i * R + r) * v::lanes;
      v::store(place, activated<activation::prelu, v>(
                          v::load(place), v::broadcast(floats + at.slopes + i), v::zero()));
    }
}

template <std::size_t R, class Step>
TINYMLP_INLINE void step_rows_apply(const steps_view& net, const Step& at, float*& x, float*& y) {
  using v = typename ops::v;
  constexpr std::size_t stride = R * v::lanes;
  switch (at.op) {
  case step_op::dense: step_rows_dense<R>(at, net.floats, x, y); break;
  case step_op::dense_to_one:
    TINYMLP_UNROLL for (std::size_t r = 0; r < R; ++r)
        step_rows_dense_to_one(at, net.floats, x + r * v::lanes, stride, y + r * v::lanes);
    break;
  case step_op::affine: step_rows_affine<R>(at, net.floats, x); break;
  case step_op::activate: break;
  case step_op::layer_norm:
    TINYMLP_UNROLL for (std::size_t r = 0; r < R; ++r)
        step_rows_layer_norm(at, net.floats, x + r * v::lanes, stride);
    break;
  case step_op::softmax:
  case step_op::log_softmax:
    TINYMLP_UNROLL for (std::size_t r = 0; r < R; ++r)
        step_rows_softmax(at, x + r * v::lanes, stride);
    break;
  case step_op::complement:
    TINYMLP_UNROLL for (std::size_t r = 0; r < R; ++r) {
      const auto value = v::load(x + r * v::lanes);
      v::store(y + r * v::lanes, v::sub(v::set(1), value));
      v::store(y + stride + r * v::lanes, value);
    }
    break;
  case step_op::slice:
    for (std::size_t i = 0; i < at.outputs * stride; i += v::lanes)
      v::store(y + i, v::load(x + at.at * stride + i));
    break;
  default: step_rows_literals<R>(at, net.floats, x); break;
  }
  if (moves(at.op)) std::swap(x, y);
}

// Canonical values of R vectors of rows, x [n][R vectors] -> out [R * lanes][n].
template <std::size_t R>
TINYMLP_INLINE void step_rows_results(float* x, std::size_t n,
                                      const typename ops::v::reg (&poison)[R], float* out) {
  using v = typename ops::v;
  constexpr std::size_t stride = R * v::lanes;
  for (std::size_t i = 0; i < n; ++i) TINYMLP_UNROLL for (std::size_t r = 0; r < R; ++r) {
      float* const place = x + i * stride + r * v::lanes;
      const auto value = v::add(v::load(place), poison[r]);
      v::store(n == 1 ? out + r * v::lanes : place, v::poisoned(value, value));
    }
  if (n == 1) return;
  std::size_t o = 0;
  // As many outputs as lanes, of four rows at a time: the same exchange as that of the inputs.
  for (; o + v::lanes <= n; o += v::lanes)
    for (std::size_t j = 0; j < stride; j += 4) {
      typename v::reg column[4];
      ops::load_columns(x + o * stride + j, stride, column);
      TINYMLP_UNROLL for (std::size_t k = 0; k < 4; ++k) v::store(out + (j + k) * n + o, column[k]);
    }
  // Four outputs of a vector of rows; the last four overlap those before them. Of two or three,
  // what is stored behind them is the next row's place: all but the last row.
  for (; o < n; o += 4) {
    const std::size_t begin = o + 4 <= n || n < 4 ? o : n - 4;
    TINYMLP_UNROLL for (std::size_t r = 0; r < R; ++r) {
      typename v::reg column[4];
      TINYMLP_UNROLL for (std::size_t j = 0; j < 4; ++j) column[j] =
          v::load(x + (begin + j < n ? begin + j : 0) * stride + r * v::lanes);
      const bool ends = n < 4 && r + 1 == R;
      ops::store_columns(column, out + r * v::lanes * n + begin, n, v::lanes - (ends ? 1 : 0));
    }
  }
  if (n < 4)
    for (o = 0; o < n; ++o) out[(stride - 1) * n + o] = x[o * stride + stride - 1];
}

// Step I of a shape that is a type, and those after it.
template <class Shape, std::size_t I, std::size_t R>
TINYMLP_INLINE float* step_rows_from(const steps_view& net, float* x, float* y) {
  if constexpr (I == Shape::steps.size()) {
    return x;
  } else {
    const fixed_step<Shape, I> at(net);
    step_rows_apply<R>(net, at, x, y);
    if (!step_is_done(at)) step_rows_activate<R>(at, net.floats, x);
    return step_rows_from<Shape, I + 1, R>(net, x, y);
  }
}

// R vectors of rows. `more`: as in step_columns. `scratch`: (net.even + net.odd) * R * lanes
// floats.
template <class Shape, std::size_t R>
TINYMLP_INLINE void step_rows_block(const steps_view& net, const float* rows, bool more, float* out,
                                    float* scratch) {
  using v = typename ops::v;
  float *x = scratch, *y = scratch + even_of<Shape>(net) * R * v::lanes;
  typename v::reg poison[R];
  if constexpr (std::is_same_v<Shape, any_shape>) {
    const float* const mean = step_mean(net.steps[0], net.floats);
    step_rows_inputs<R>(rows, net.inputs, more, mean, x, poison);
    for (std::size_t s = mean != nullptr ? 1 : 0; s < net.step_count; ++s) {
      const step& at = net.steps[s];
      step_rows_apply<R>(net, at, x, y);
      if (!step_is_done(at)) step_rows_activate<R>(at, net.floats, x);
    }
  } else {
    const float* const mean = step_mean(fixed_step<Shape, 0>(net), net.floats);
    step_rows_inputs<R>(rows, Shape::inputs, more, mean, x, poison);
    if (mean != nullptr)
      x = step_rows_from<Shape, 1, R>(net, x, y);
    else
      x = step_rows_from<Shape, 0, R>(net, x, y);
  }
  step_rows_results<R>(x, outputs_of<Shape>(net), poison, out);
}

// Row-major rows [count, inputs] -> out [count, outputs], of a network of that shape. `scratch`:
// `room` floats, aligned to 64 bytes, at least row_scratch(net); with more, more rows are scored
// together.
template <class Shape>
inline void run_rows(const steps_view& net, const float* rows, std::size_t count, float* out,
                     float* scratch, std::size_t room) noexcept TINYMLP_NONBLOCKING {
  constexpr std::size_t lanes = ops::v::lanes, R = ops::block_vectors;
  const std::size_t n = inputs_of<Shape>(net), m = outputs_of<Shape>(net);
  const std::size_t vector = scratch_of<Shape>(net) * lanes;
  std::size_t done = 0;
  if (room >= R * vector)
    for (; count - done >= R * lanes; done += R * lanes)
      step_rows_block<Shape, R>(net, rows + done * n, count - done > R * lanes, out + done * m,
                                scratch);
  if (room >= vector) {
    for (; count - done >= lanes; done += lanes)
      step_rows_block<Shape, 1>(net, rows + done * n, count - done > lanes, out + done * m,
                                scratch);
    const std::size_t rest = count - done;
    if (rest > lanes / 4 && count >= lanes) { // those before them once more, rather than one by one
      done = count - lanes;
      step_rows_block<Shape, 1>(net, rows + done * n, false, out + done * m, scratch);
      done = count;
    } else if (rest > lanes / 2 && room >= vector + (n + m) * lanes) {
      float* const padded = scratch + vector;
      float* const results = padded + n * lanes;
      for (std::size_t i = 0; i < n * lanes; ++i) padded[i] = i < rest * n ? rows[done * n + i] : 0;
      step_rows_block<Shape, 1>(net, padded, false, results, scratch);
      for (std::size_t i = 0; i < rest * m; ++i) out[done * m + i] = results[i];
      done = count;
    }
  }
  for (; done < count; ++done) run_row<Shape>(net, rows + done * n, out + done * m, scratch);
}

// Rows of a block.
inline constexpr std::size_t steps_block = ops::v::lanes * ops::block_vectors;
