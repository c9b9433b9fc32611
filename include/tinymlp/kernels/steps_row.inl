// One row of a network of any shape: outputs lie across lanes; sizes are numbers, or constants
// where the network's type has them (fixed_step). Included by each instruction set inside its own
// namespace and target region, with its primitives in `ops`.

// Terms of a chain that are written out where their number is known.
inline constexpr std::size_t step_unrolled = 16;

// Term K of each of the first `chains` of S chains, of P panels of B vectors of outputs each.
template <class V, std::size_t S, std::size_t P, std::size_t B>
TINYMLP_INLINE void step_terms(const float* const (&from)[S], const float* const (&term)[S],
                               std::size_t k, std::size_t stride, std::size_t panel,
                               std::size_t chains, typename V::reg (&sum)[S][P][B]) {
  TINYMLP_UNROLL for (std::size_t s = 0; s < S; ++s) if (s < chains) {
    const auto each = V::broadcast(from[s] + k);
    TINYMLP_UNROLL for (std::size_t p = 0; p < P; ++p)
        TINYMLP_UNROLL for (std::size_t b = 0; b < B; ++b) sum[s][p][b] =
            V::fma(V::load(term[s] + k * stride + p * panel + b * V::lanes), each, sum[s][p][b]);
  }
}

// P panels of B vectors of outputs each, in S chains. Stride: between the weights of an input and
// those of the next; 0 where it is `width`. Inputs: as many, where the compiler knows; else 0.
template <class V, std::size_t S, std::size_t P, std::size_t B, std::size_t Stride,
          std::size_t Inputs>
TINYMLP_INLINE void step_panels(const float* bias, const float* weight, std::size_t width,
                                const float* x, std::size_t inputs, float* y, bool relu) {
  const std::size_t stride = Stride != 0 ? Stride : width, panel = inputs * panel_width;
  const std::size_t length = inputs / S, longer = inputs % S;
  const float* from[S];
  const float* term[S];
  typename V::reg sum[S][P][B];
  TINYMLP_UNROLL for (std::size_t s = 0; s < S; ++s) {
    const std::size_t begin = s * length + (s < longer ? s : longer);
    from[s] = x + begin;
    term[s] = weight + begin * stride;
    TINYMLP_UNROLL for (std::size_t p = 0; p < P; ++p)
        TINYMLP_UNROLL for (std::size_t b = 0; b < B; ++b) sum[s][p][b] =
            s == 0 ? V::load(bias + p * panel_width + b * V::lanes) : V::zero();
  }
  if constexpr (Inputs != 0 && Inputs / S <= step_unrolled) {
    TINYMLP_UNROLL for (std::size_t k = 0; k < Inputs / S; ++k)
        step_terms<V, S, P, B>(from, term, k, stride, panel, S, sum);
  } else {
    for (std::size_t k = 0; k < length; ++k)
      step_terms<V, S, P, B>(from, term, k, stride, panel, S, sum);
  }
  // The first chains may be one term longer.
  if constexpr (S > 1) step_terms<V, S, P, B>(from, term, length, stride, panel, longer, sum);
  TINYMLP_UNROLL for (std::size_t p = 0; p < P; ++p)
      TINYMLP_UNROLL for (std::size_t b = 0; b < B; ++b) {
    auto total = sum[0][p][b];
    if constexpr (S == 2) total = V::add(total, sum[1][p][b]);
    if constexpr (S == 4)
      total = V::add(V::add(total, sum[1][p][b]), V::add(sum[2][p][b], sum[3][p][b]));
    V::store(y + p * panel_width + b * V::lanes, relu ? V::relu(total) : total);
  }
}

template <std::size_t S, std::size_t Inputs>
TINYMLP_INLINE void step_dense_chains(const float* bias, const float* weight, const float* x,
                                      std::size_t inputs, std::size_t outputs, float* y,
                                      bool relu) {
  using v = typename ops::v;
  constexpr std::size_t vectors = panel_width / v::lanes;
  // Panels at once: as many as have their sums in registers, 16 of them at the most.
  constexpr std::size_t most = ops::row_panels / vectors, panels = S == 4 ? most : 2 * most;
  std::size_t o = 0;
  if (panels > 1 && inputs <= 128) // more streams than that from the second-level cache are slower
    for (; o + panels * panel_width <= outputs; o += panels * panel_width)
      step_panels<v, S, panels, vectors, panel_width, Inputs>(bias + o, weight + o * inputs,
                                                              panel_width, x, inputs, y + o, relu);
  for (; o + panel_width <= outputs; o += panel_width)
    step_panels<v, S, 1, vectors, panel_width, Inputs>(bias + o, weight + o * inputs, panel_width,
                                                       x, inputs, y + o, relu);
  const std::size_t width = outputs - o;
  using narrow = typename ops::narrow; // of eight lanes, or less
  using uneven = typename ops::uneven;
  if (width > panel_width / 2)
    step_panels<uneven, S, 1, panel_width / uneven::lanes, 0, Inputs>(
        bias + o, weight + o * inputs, width, x, inputs, y + o, relu);
  else if (width != 0)
    step_panels<narrow, S, 1, panel_width / 2 / narrow::lanes, 0, Inputs>(
        bias + o, weight + o * inputs, width, x, inputs, y + o, relu);
}

// y = x * weight + bias, and Relu if that follows.
template <std::size_t Inputs, class Step>
TINYMLP_INLINE void step_dense_of(const Step& at, const float* floats, const float* x, float* y) {
  const float* bias = floats + at.at;
  const float* weight = bias + round_up(at.outputs, panel_width);
  const bool relu = at.activates == activation::relu;
  if (at.inputs >= 16)
    step_dense_chains<4, Inputs>(bias, weight, x, at.inputs, at.outputs, y, relu);
  else if (at.inputs >= 2)
    step_dense_chains<2, Inputs>(bias, weight, x, at.inputs, at.outputs, y, relu);
  else
    step_dense_chains<1, Inputs>(bias, weight, x, at.inputs, at.outputs, y, relu);
}
// On its own, so that its sums have all registers.
TINYMLP_NOINLINE void step_dense(const step& at, const float* floats, const float* x,
                                 float* y) noexcept {
  step_dense_of<0>(at, floats, x, y);
}
template <class Shape, std::size_t I>
TINYMLP_INLINE void step_dense(const fixed_step<Shape, I>& at, const float* floats, const float* x,
                               float* y) {
  step_dense_of<fixed_step<Shape, I>::inputs>(at, floats, x, y);
}

TINYMLP_INLINE typename ops::quad step_no_poison() {
  const float none[4] = {};
  return ops::template load_quad<4>(none);
}

// The one-output step.
template <class Step>
TINYMLP_INLINE float step_dense_to_one(const Step& at, const float* floats, const float* x) {
  const float* bias = floats + at.at;
  const float* weight = bias + virtual_lanes;
  auto sum = ops::load_octet(bias);
  std::size_t k = 0;
  for (; k + virtual_lanes <= at.inputs; k += virtual_lanes)
    sum = ops::fma_octet(ops::load_octet(x + k), ops::load_octet(weight + k), sum);
  if (k < at.inputs) // not zeros stored behind x: a load from two stores waits for both
    sum = ops::fma_octet(ops::load_octet_upto(x + k, at.inputs - k), ops::load_octet(weight + k),
                         sum);
  return ops::sum_octet(sum, step_no_poison());
}

// Sum of values, followed by zeros, in 8 lanes; and of their squares.
TINYMLP_INLINE float step_sum(const float* x, std::size_t count) {
  const float ones[virtual_lanes] = {1, 1, 1, 1, 1, 1, 1, 1}, none[virtual_lanes] = {};
  const auto one = ops::load_octet(ones);
  auto sum = ops::load_octet(none);
  for (std::size_t i = 0; i < count; i += virtual_lanes)
    sum = ops::fma_octet(ops::load_octet(x + i), one, sum);
  return ops::sum_octet(sum, step_no_poison());
}
TINYMLP_INLINE float step_squares(const float* x, std::size_t count) {
  const float none[virtual_lanes] = {};
  auto sum = ops::load_octet(none);
  for (std::size_t i = 0; i < count; i += virtual_lanes)
    sum = ops::fma_octet(ops::load_octet(x + i), ops::load_octet(x + i), sum);
  return ops::sum_octet(sum, step_no_poison());
}

template <class Step>
TINYMLP_INLINE void step_affine(const Step& at, const float* floats, float* x) {
  using v = typename ops::v;
  const std::size_t padded = round_up(at.inputs, panel_width);
  const float *mean = floats + at.at, *scale = mean + padded, *shift = scale + padded;
  for (std::size_t i = 0; i < at.inputs; i += v::lanes)
    v::store(x + i, v::fma(v::sub(v::load(x + i), v::load(mean + i)), v::load(scale + i),
                           v::load(shift + i)));
}

// centre, add, subtract_from, multiply, divide
TINYMLP_INLINE typename ops::v::reg step_literal(step_op op, typename ops::v::reg x,
                                                 typename ops::v::reg a) {
  using v = typename ops::v;
  switch (op) {
  case step_op::centre: return v::sub(x, a);
  case step_op::add: return v::add(x, a);
  case step_op::subtract_from: return v::sub(a, x);
  case step_op::multiply: return v::mul(x, a);
  default: return v::div(x, a);
  }
}
template <class Step>
TINYMLP_INLINE void step_literals(const Step& at, const float* floats, float* x) {
  using v = typename ops::v;
  for (std::size_t i = 0; i < at.inputs; i += v::lanes)
    v::store(x + i, step_literal(at.op, v::load(x + i), v::load(floats + at.at + i)));
}

template <class Step>
TINYMLP_NOINLINE void step_layer_norm(const Step& at, const float* floats, float* x) noexcept {
  using v = typename ops::v;
  const float* scale = floats + at.at;
  const float* shift = scale + round_up(at.inputs, panel_width);
  const auto n = v::set(static_cast<float>(at.inputs));
  step_clear(x, at.inputs);
  const auto mean = v::div(v::set(step_sum(x, at.inputs)), n);
  for (std::size_t i = 0; i < at.inputs; i += v::lanes)
    v::store(x + i, v::sub(v::load(x + i), mean));
  step_clear(x, at.inputs);
  const auto variance = v::add(v::div(v::set(step_squares(x, at.inputs)), n), v::set(at.alpha));
  const auto inverse = v::div(v::set(1), v::sqrt(variance));
  for (std::size_t i = 0; i < at.inputs; i += v::lanes)
    v::store(x + i,
             v::fma(v::mul(v::load(x + i), inverse), v::load(scale + i), v::load(shift + i)));
}

// exp(x - largest) / sum, or its logarithm.
template <class Step> TINYMLP_NOINLINE void step_softmax(const Step& at, float* x) noexcept {
  using v = typename ops::v;
  const std::size_t n = at.inputs;
  TINYMLP_UNROLL for (std::size_t i = 0; i < panel_width; i += v::lanes)
      v::store(x + n + i, v::set(-std::numeric_limits<float>::infinity()));
  auto most = v::load(x);
  for (std::size_t i = v::lanes; i < n; i += v::lanes) most = v::maximum(most, v::load(x + i));
  const auto largest = v::set(v::reduce_max(most));
  const float none[virtual_lanes] = {}, ones[virtual_lanes] = {1, 1, 1, 1, 1, 1, 1, 1};
  const auto one = ops::load_octet(ones);
  auto sum = ops::load_octet(none);
  constexpr std::size_t step_of = v::lanes < virtual_lanes ? virtual_lanes : v::lanes;
  alignas(64) float octets[step_of];
  for (std::size_t i = 0; i < n; i += step_of) {
    TINYMLP_UNROLL for (std::size_t j = 0; j < step_of; j += v::lanes) {
      const auto shifted = v::sub(v::load(x + i + j), largest), power = exp<v>(shifted);
      v::store(octets + j, power);
      v::store(x + i + j, at.op == step_op::softmax ? power : shifted);
    }
    TINYMLP_UNROLL for (std::size_t j = 0; j < step_of; j += virtual_lanes) sum =
        ops::fma_octet(ops::load_octet(octets + j), one, sum);
  }
  const auto total = v::set(ops::sum_octet(sum, step_no_poison()));
  const auto log_total = at.op == step_op::log_softmax ? log<v>(total) : total;
  for (std::size_t i = 0; i < n; i += v::lanes)
    v::store(x + i, at.op == step_op::softmax ? v::div(v::load(x + i), total)
                                              : v::sub(v::load(x + i), log_total));
}

// The activation of a whole step, in place; Relu has been applied by dense steps themselves.
template <class Step>
TINYMLP_INLINE void step_activate(const Step& at, const float* floats, float* x) {
  using v = typename ops::v;
  const std::size_t n = round_up(at.outputs, v::lanes);
  if (at.activates != activation::prelu) return activate<v>(at.activates, at.alpha, at.beta, x, n);
  activate_prelu<v>(floats + at.slopes, x, n);
}

// What is taken off the features as they are read, where the network starts with that alone.
template <class Step>
TINYMLP_INLINE const float* step_mean(const Step& first, const float* floats) {
  const bool centres = first.op == step_op::centre && first.activates == activation::identity;
  return centres ? floats + first.at : nullptr;
}

// Features, centred or scaled where the network starts with that; whether it does. Few of them one
// by one: forwards from the stores of a caller that has just made them, and to a dense step, which
// reads them so.
template <class Step>
TINYMLP_INLINE bool step_inputs(const Step& first, const float* floats, std::size_t n,
                                const float* row, float* x) {
  using v = typename ops::v;
  const float* const mean = step_mean(first, floats);
  std::size_t i = 0;
  if (n <= 16 && first.op == step_op::affine && first.activates == activation::identity) {
    const std::size_t padded = round_up(n, panel_width);
    const float *offset = floats + first.at, *scale = offset + padded, *shift = scale + padded;
    for (; i < n; ++i)
      x[i] = v::first(v::fma(v::sub(v::opaque(v::broadcast(row + i)), v::broadcast(offset + i)),
                             v::broadcast(scale + i), v::broadcast(shift + i)));
    return true;
  }
  if (n <= 16) {
    for (; i < n; ++i) x[i] = mean != nullptr ? row[i] - mean[i] : row[i];
    return mean != nullptr;
  }
  for (; i + v::lanes <= n; i += v::lanes) {
    const auto raw = v::load(row + i);
    v::store(x + i, mean != nullptr ? v::sub(raw, v::load(mean + i)) : raw);
  }
  if (i < n) {
    const auto raw = v::load_upto(row + i, n - i);
    v::store(x + i, mean != nullptr ? v::sub(raw, v::load(mean + i)) : raw);
  }
  return mean != nullptr;
}

// 0, or NaN where a feature is not finite.
TINYMLP_INLINE float step_poison(const float* row, std::size_t n) {
  using v = typename ops::v;
  constexpr std::size_t chains = 4; // many features would wait for one another
  auto poison = v::zero();
  std::size_t i = 0;
  if (n >= 2 * chains * v::lanes) {
    typename v::reg part[chains];
    TINYMLP_UNROLL for (auto& each : part) each = v::zero();
    for (; i + chains * v::lanes <= n; i += chains * v::lanes)
      TINYMLP_UNROLL for (std::size_t c = 0; c < chains; ++c) part[c] =
          v::fma(v::load(row + i + c * v::lanes), v::zero(), part[c]);
    poison = v::add(v::add(part[0], part[1]), v::add(part[2], part[3]));
  }
  for (; i + v::lanes <= n; i += v::lanes) poison = v::fma(v::load(row + i), v::zero(), poison);
  if (i < n) poison = v::fma(v::load_upto(row + i, n - i), v::zero(), poison);
  return v::reduce_add(poison);
}

// The values of a row, canonical: one NaN, no -0. NaN is looked for by a branch, which is foreseen,
// so that no value waits. Very few values are read one by one, as one-output steps store them, and
// two are stored at once, as they are read where they are an array of two.
TINYMLP_INLINE void step_results(const float* x, std::size_t n, float* out) {
  using v = typename ops::v;
  const auto zero = v::opaque(v::zero()); // x + 0 is not x to the compiler either
  bool any_nan = false;
  std::size_t i = 0;
  if (n <= 2) {
    const float first = v::first(v::add(v::broadcast(x), zero));
    const float last = v::first(v::add(v::broadcast(x + n - 1), zero));
    any_nan = exact::is_nan(first) || exact::is_nan(last);
    if (n == 1) {
      *out = first;
    } else {
      const std::uint64_t both = std::bit_cast<std::uint32_t>(first) |
                                 std::uint64_t{std::bit_cast<std::uint32_t>(last)} << 32;
      std::memcpy(out, &both, sizeof both);
    }
  } else {
    for (; i + v::lanes <= n; i += v::lanes) {
      const auto value = v::add(v::load(x + i), zero);
      v::store(out + i, value);
      any_nan |= v::any_nan(value);
    }
    if (i < n) {
      const auto value = v::add(v::load(x + i), zero);
      v::store_upto(out + i, value, n - i);
      any_nan |= v::any_nan(value); // behind the last, too: then for nothing
    }
  }
  if (any_nan)
    for (i = 0; i < n; ++i)
      if (exact::is_nan(out[i])) out[i] = exact::quiet_nan;
}

// Is nothing left of the step's activation? Dense steps apply Relu themselves.
template <class Step> TINYMLP_INLINE bool step_is_done(const Step& at) {
  return at.activates == activation::identity ||
         (at.activates == activation::relu && at.op <= step_op::dense_static);
}

// What an activation other than Relu takes from a one-output step, or what the step gives.
template <class Step> TINYMLP_INLINE float step_relu(const Step& at, float sum) {
  return at.activates == activation::relu && sum < 0 ? 0.0F : sum;
}

// Int8 tells whether the network has int8 steps: code for them is left out of others.
template <bool Int8, class Step>
TINYMLP_INLINE void step_apply(const steps_view& net, const Step& at, const float* dense_inputs,
                               float*& x, float*& y, float& poison) {
  switch (at.op) {
  case step_op::dense: step_dense(at, net.floats, dense_inputs, y); break;
  case step_op::dense_to_one: {
    const float sum = step_dense_to_one(at, net.floats, dense_inputs);
    y[0] = step_relu(at, sum);
    // An activation reads a vector, which does not forward from a store of one float.
    if (!step_is_done(at)) ops::v::store(y, ops::v::set(sum));
    break;
  }
  case step_op::dense_dynamic:
  case step_op::dense_static:
    if constexpr (Int8) step_int8(net, at, x, y, poison);
    break;
  case step_op::affine: step_affine(at, net.floats, x); break;
  case step_op::activate: break;
  case step_op::layer_norm: step_layer_norm(at, net.floats, x); break;
  case step_op::softmax:
  case step_op::log_softmax: step_softmax(at, x); break;
  case step_op::complement:
    y[1] = x[0];
    y[0] = 1.0F - x[0];
    break;
  case step_op::slice:
    for (std::size_t i = 0; i < at.outputs; i += ops::v::lanes)
      ops::v::store(y + i, ops::v::load(x + at.at + i));
    break;
  default: step_literals(at, net.floats, x); break;
  }
  if (moves(at.op)) std::swap(x, y);
}

// Before the first step: a dense one reads the features where they are, for the most part one by
// one, which forwards from the stores of a caller that has just made them. Returns where it reads
// them; `done`: the first step is.
template <class Step>
TINYMLP_INLINE const float* step_begin(const Step& first, const float* floats, std::size_t n,
                                       const float* row, float* x, bool& done) {
  done = false;
  if (first.op <= step_op::dense_to_one) return row;
  done = step_inputs(first, floats, n, row, x);
  return x;
}

// The last step, where it gives the score; returns whether it does.
template <class Step>
TINYMLP_INLINE bool step_ends(const Step& at, const float* floats, const float* inputs,
                              float poison, float* out) {
  if (at.op != step_op::dense_to_one || !step_is_done(at)) return false;
  const float sum = step_dense_to_one(at, floats, inputs); // canonical already
  out[0] = poison == poison ? step_relu(at, sum) : exact::quiet_nan;
  return true;
}

// By a branch, which is foreseen: no result waits for the features to be looked at.
TINYMLP_INLINE void step_end(float poison, float* x, std::size_t n, float* out) {
  if (poison == poison)
    step_results(x, n, out);
  else
    for (std::size_t i = 0; i < n; ++i) out[i] = exact::quiet_nan;
}

// Step I of a shape that is a type, and those after it.
template <class Shape, std::size_t I>
TINYMLP_INLINE void step_from(const steps_view& net, const float* inputs, float* x, float* y,
                              float poison, float* out) {
  if constexpr (I == Shape::steps.size()) {
    step_end(poison, x, Shape::outputs, out);
  } else {
    const fixed_step<Shape, I> at(net);
    if (I + 1 == Shape::steps.size() && step_ends(at, net.floats, inputs, poison, out)) return;
    step_apply<false>(net, at, inputs, x, y, poison);
    if (!step_is_done(at)) step_activate(at, net.floats, x);
    step_from<Shape, I + 1>(net, x, x, y, poison, out);
  }
}

template <class Shape, bool Int8>
TINYMLP_INLINE void step_row(const steps_view& net, const float* row, float* out, float* scratch) {
  float *x = scratch, *y = scratch + even_of<Shape>(net);
  const std::size_t n = inputs_of<Shape>(net);
  bool begun;
  if constexpr (std::is_same_v<Shape, any_shape>) {
    const float* inputs = step_begin(net.steps[0], net.floats, n, row, x, begun);
    float poison = step_poison(row, n);
    for (std::size_t s = begun ? 1 : 0; s < net.step_count; ++s) {
      const step& at = net.steps[s];
      if (s + 1 == net.step_count && step_ends(at, net.floats, inputs, poison, out)) return;
      step_apply<Int8>(net, at, inputs, x, y, poison);
      if (!step_is_done(at)) step_activate(at, net.floats, x);
      inputs = x;
    }
    step_end(poison, x, net.outputs, out);
  } else {
    const fixed_step<Shape, 0> first(net);
    const float* inputs = step_begin(first, net.floats, n, row, x, begun);
    const float poison = step_poison(row, n);
    if (begun)
      step_from<Shape, 1>(net, inputs, x, y, poison, out);
    else
      step_from<Shape, 0>(net, inputs, x, y, poison, out);
  }
}

// One row of net.inputs features -> net.outputs values, of a network of that shape. `scratch`:
// row_scratch(net) floats, aligned to 64 bytes.
template <class Shape>
inline void run_row(const steps_view& net, const float* row, float* out,
                    float* scratch) noexcept TINYMLP_NONBLOCKING {
  step_row<Shape, false>(net, row, out, scratch);
}
inline void run_row_int8(const steps_view& net, const float* row, float* out,
                         float* scratch) noexcept TINYMLP_NONBLOCKING {
  step_row<any_shape, true>(net, row, out, scratch);
}
inline void run_rows_int8(const steps_view& net, const float* rows, std::size_t count, float* out,
                          float* scratch, std::size_t) noexcept TINYMLP_NONBLOCKING {
  for (std::size_t r = 0; r < count; ++r)
    step_row<any_shape, true>(net, rows + r * net.inputs, out + r * net.outputs, scratch);
}
