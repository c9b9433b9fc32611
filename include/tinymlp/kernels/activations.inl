// The activations (activation.hpp) of a vector V, or of one float, and of a whole layer. NaN gives
// NaN, in every one.

namespace detail {

// alpha * x + beta within [0, 1].
template <class V>
TINYMLP_INLINE constexpr typename V::reg hard_sigmoid(typename V::reg x, typename V::reg alpha,
                                                      typename V::reg beta) {
  const auto y = V::add(V::mul(alpha, x), beta);
  return V::lower(V::set(1), V::upper(V::zero(), y));
}

// tanh(log(1 + e^x)) = n / (n + 2), n = e^x (e^x + 2); from 20 on it is 1.
template <class V> TINYMLP_INLINE constexpr typename V::reg tanh_softplus(typename V::reg x) {
  const auto w = exp<V>(V::lower(V::set(20), x));
  const auto n = V::mul(w, V::add(w, V::set(2)));
  return V::div(n, V::add(n, V::set(2)));
}

// x / 2 * (1 + tanh(s)) = x * sigmoid(2 s), 2 s = x (1.595769 + 0.071355 x^2).
template <class V> TINYMLP_INLINE constexpr typename V::reg gelu_tanh(typename V::reg x) {
  const auto factor = V::fma(V::mul(x, x), V::set(0x1.2444f4p-4F), V::set(0x1.988454p0F));
  return V::mul(x, sigmoid<V>(V::mul(x, factor)));
}

template <class V> TINYMLP_INLINE constexpr typename V::reg gelu(typename V::reg x) {
  const auto y = erf<V>(V::mul(x, V::set(elementary::sqrt_half)));
  return V::mul(V::mul(x, V::set(0.5F)), V::add(V::set(1), y));
}

template <class V> TINYMLP_INLINE constexpr typename V::reg softsign(typename V::reg x) {
  return V::div(x, V::add(V::set(1), V::and_not_bits(V::set(-0.0F), x)));
}

} // namespace detail

// A(x), with its alpha and beta in every lane; Prelu's slopes are alpha.
template <activation A, class V>
TINYMLP_INLINE constexpr typename V::reg activated(typename V::reg x, typename V::reg alpha,
                                                   typename V::reg beta) {
  if constexpr (A == activation::relu) return V::upper(V::zero(), x);
  if constexpr (A == activation::leaky_relu || A == activation::prelu)
    return V::if_less(x, V::zero(), V::mul(alpha, x), x);
  if constexpr (A == activation::clip) return V::lower(beta, V::upper(alpha, x));
  if constexpr (A == activation::hard_sigmoid) return detail::hard_sigmoid<V>(x, alpha, beta);
  if constexpr (A == activation::hard_swish)
    return V::mul(x, detail::hard_sigmoid<V>(x, V::set(1.0F / 6), V::set(0.5F)));
  if constexpr (A == activation::thresholded_relu)
    return V::poisoned(V::if_less(alpha, x, x, V::zero()), x);
  if constexpr (A == activation::elu)
    return V::if_less(x, V::zero(), V::mul(alpha, expm1<V>(x)), x);
  if constexpr (A == activation::selu)
    return V::mul(beta, V::if_less(x, V::zero(), V::mul(alpha, expm1<V>(x)), x));
  if constexpr (A == activation::celu)
    return V::if_less(x, V::zero(), V::mul(alpha, expm1<V>(V::div(x, alpha))), x);
  if constexpr (A == activation::sigmoid) return sigmoid<V>(x);
  if constexpr (A == activation::tanh) return tanh<V>(x);
  if constexpr (A == activation::softplus) return softplus<V>(x);
  if constexpr (A == activation::softsign) return detail::softsign<V>(x);
  if constexpr (A == activation::silu) return V::mul(x, sigmoid<V>(V::mul(alpha, x)));
  if constexpr (A == activation::gelu) return detail::gelu<V>(x);
  if constexpr (A == activation::gelu_tanh) return detail::gelu_tanh<V>(x);
  if constexpr (A == activation::mish) return V::mul(x, detail::tanh_softplus<V>(x));
  return x;
}

// A of `count` values in place; count is a multiple of V::lanes. Four vectors go together.
template <activation A, class V>
constexpr void activate(float alpha, float beta, float* x,
                        std::size_t count) noexcept TINYMLP_NONBLOCKING {
  using four = pair_of<pair_of<V>>;
  const auto a = V::set(alpha), b = V::set(beta);
  std::size_t i = 0;
  for (; i + four::lanes <= count; i += four::lanes)
    four::store(x + i, activated<A, four>(four::load(x + i), four::set(alpha), four::set(beta)));
  for (; i < count; i += V::lanes) V::store(x + i, activated<A, V>(V::load(x + i), a, b));
}

// The same, of an activation known at run time. Prelu takes one slope, alpha, for all values.
template <class V>
constexpr void activate(activation which, float alpha, float beta, float* x,
                        std::size_t count) noexcept TINYMLP_NONBLOCKING {
  using enum activation;
  switch (which) {
  case identity: return;
  case relu: return activate<relu, V>(alpha, beta, x, count);
  case leaky_relu:
  case prelu: return activate<leaky_relu, V>(alpha, beta, x, count);
  case clip: return activate<clip, V>(alpha, beta, x, count);
  case hard_sigmoid: return activate<hard_sigmoid, V>(alpha, beta, x, count);
  case hard_swish: return activate<hard_swish, V>(alpha, beta, x, count);
  case thresholded_relu: return activate<thresholded_relu, V>(alpha, beta, x, count);
  case elu: return activate<elu, V>(alpha, beta, x, count);
  case selu: return activate<selu, V>(alpha, beta, x, count);
  case celu: return activate<celu, V>(alpha, beta, x, count);
  case activation::sigmoid: return activate<sigmoid, V>(alpha, beta, x, count);
  case activation::tanh: return activate<tanh, V>(alpha, beta, x, count);
  case activation::softplus: return activate<softplus, V>(alpha, beta, x, count);
  case softsign: return activate<softsign, V>(alpha, beta, x, count);
  case silu: return activate<silu, V>(alpha, beta, x, count);
  case gelu: return activate<gelu, V>(alpha, beta, x, count);
  case gelu_tanh: return activate<gelu_tanh, V>(alpha, beta, x, count);
  case mish: return activate<mish, V>(alpha, beta, x, count);
  }
}

// PRelu of `count` values in place, each with its own slope; count is a multiple of V::lanes.
template <class V>
constexpr void activate_prelu(const float* slope, float* x,
                              std::size_t count) noexcept TINYMLP_NONBLOCKING {
  for (std::size_t i = 0; i < count; i += V::lanes)
    V::store(x + i, activated<activation::prelu, V>(V::load(x + i), V::load(slope + i), V::zero()));
}
