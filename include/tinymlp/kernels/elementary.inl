// exp, expm1, log, tanh, sigmoid, erf and softplus of a vector V, or of one float (elementary.hpp).
// The order of operations is fixed, each rounds once: every V gives the same 32 bits. A NaN gives a
// NaN, but any of them. How far from the exact value each is: tests/data/elementary_errors.txt.

namespace detail {

// exp(r) - 1 for |r| up to ln(2) / 2 and a little more.
template <class V> TINYMLP_INLINE constexpr typename V::reg expm1_reduced(typename V::reg r) {
  namespace k = elementary;
  const auto r2 = V::mul(r, r);
  const auto low = V::fma(V::set(k::exp[1]), r, V::set(k::exp[0]));
  const auto high = V::fma(V::set(k::exp[3]), r, V::set(k::exp[2]));
  const auto tail = V::fma(r2, V::fma(V::set(k::exp[4]), r2, high), low);
  return V::fma(r2, tail, r);
}

// x - n * ln(2), rounded once for |n| up to 256.
template <class V>
TINYMLP_INLINE constexpr typename V::reg less_ln2s(typename V::reg n, typename V::reg x) {
  const auto r = V::fnma(n, V::set(elementary::ln2_high), x);
  return V::fnma(n, V::set(elementary::ln2_low), r);
}

// 2^n of a sum t = n + round_to_whole + 127.
template <class V> TINYMLP_INLINE constexpr typename V::reg power_of_2(typename V::reg t) {
  return V::as_float(V::template shift_left<23>(V::as_int(t)));
}

// exp(x) * 2^64 for x in [-104, 0]: a normal float, where exp(x) may be denormal.
template <class V> TINYMLP_INLINE constexpr typename V::reg exp_raised(typename V::reg x) {
  const auto bias = V::set(elementary::round_to_whole + 127 + 64);
  const auto t = V::fma(x, V::set(elementary::log2_e), bias);
  const auto r = less_ln2s<V>(V::sub(t, bias), x);
  const auto power = power_of_2<V>(t);
  return V::fma(power, expm1_reduced<V>(r), power);
}

// -|x|, or -104 if that is larger: exp of it rounds to 0.
template <class V> TINYMLP_INLINE constexpr typename V::reg minus_magnitude(typename V::reg x) {
  return V::upper(V::set(-104), V::or_bits(x, V::set(-0.0F)));
}

} // namespace detail

// e^x.
template <class V> TINYMLP_INLINE constexpr typename V::reg exp(typename V::reg x) {
  const auto bias = V::set(elementary::round_to_whole);
  x = V::lower(V::set(89), V::upper(V::set(-104), x));
  const auto t = V::fma(x, V::set(elementary::log2_e), bias);
  const auto n = V::sub(t, bias);
  const auto q = detail::expm1_reduced<V>(detail::less_ln2s<V>(n, x));
  return V::scale(V::add(V::set(1), q), n);
}

// e^x - 1.
template <class V> TINYMLP_INLINE constexpr typename V::reg expm1(typename V::reg x) {
  // Rounds 0.584 up, no less: up to e^x = 1.5 nothing is subtracted.
  const auto bias = V::set(elementary::round_to_whole + 126);
  const auto bounded = V::lower(V::set(89), V::upper(V::set(-18), x));
  const auto t = V::add(V::fma(bounded, V::set(elementary::log2_e), V::set(-0.084F)), bias);
  const auto n = V::sub(t, bias);
  const auto q = detail::expm1_reduced<V>(detail::less_ln2s<V>(n, bounded));
  const auto half = detail::power_of_2<V>(t); // 2^n / 2, for 2^128 is none
  const auto e = V::fma(half, q, V::sub(half, V::set(0.5F)));
  const auto n_is_0 = V::if_less(V::mul(n, n), V::set(1), q, V::add(e, e));
  return V::or_bits(n_is_0, V::and_bits(x, V::set(-0.0F)));
}

// tanh(x), by h = (e^2|x| - 1) / 2: h / (1 + h) where h < 1, else 1 - 1 / (1 + h); both are
// a - a * (a / (1 + h)), whose last step is monotonic.
template <class V> TINYMLP_INLINE constexpr typename V::reg tanh(typename V::reg x) {
  namespace k = elementary;
  const auto bias = V::set(k::round_to_whole + 127), one = V::set(1), sign = V::set(-0.0F);
  const auto magnitude = V::lower(V::set(10), V::and_not_bits(sign, x));
  const auto t = V::fma(magnitude, V::set(2 * k::log2_e), bias);
  const auto r = V::fnma(V::sub(t, bias), V::set(k::ln2_high / 2), magnitude);
  const auto power = detail::power_of_2<V>(t);
  const auto r2 = V::mul(r, r);
  const auto low = V::fma(V::set(k::tanh[1]), r, V::set(k::tanh[0]));
  const auto high = V::fma(V::set(k::tanh[3]), r, V::set(k::tanh[2]));
  const auto tail = V::fma(r2, V::fma(V::set(k::tanh[4]), r2, high), low);
  const auto g = V::fma(r2, tail, r); // (e^2r - 1) / 2
  const auto h = V::fma(power, g, V::fma(power, V::set(0.5F), V::set(-0.5F)));
  const auto a = V::lower(one, h);
  const auto y = V::fnma(a, V::div(a, V::add(one, h)), a);
  return V::or_bits(y, V::and_bits(x, sign));
}

// 1 / (1 + e^-x), by z = e^-|x|: z / (1 + z) where x < 0, else 1 - z / (1 + z).
template <class V> TINYMLP_INLINE constexpr typename V::reg sigmoid(typename V::reg x) {
  const auto raised = detail::exp_raised<V>(detail::minus_magnitude<V>(x));
  const auto one = V::set(1);
  const auto z = V::mul(raised, V::set(0x1p-64F));
  const auto a = V::if_less(x, V::zero(), z, one);
  return V::fnma(a, V::div(z, V::fma(raised, V::set(0x1p-64F), one)), a);
}

// log(1 + e^x), by z = e^-|x|: max(x, 0) + log(1 + z).
template <class V> TINYMLP_INLINE constexpr typename V::reg softplus(typename V::reg x) {
  namespace k = elementary;
  const auto raised = detail::exp_raised<V>(detail::minus_magnitude<V>(x));
  const auto z = V::mul(raised, V::set(0x1p-64F));
  auto p = V::set(k::log1p[9]);
  for (std::size_t i = 9; i-- > 0;) p = V::fma(p, z, V::set(k::log1p[i]));
  return V::add(V::upper(V::zero(), x), V::fma(V::mul(z, z), p, z));
}

// erf(x): a polynomial in x^2 below 0.92, else 1 - e^p(|x|).
template <class V> TINYMLP_INLINE constexpr typename V::reg erf(typename V::reg x) {
  namespace k = elementary;
  const auto bias = V::set(k::round_to_whole + 127), one = V::set(1), sign = V::set(-0.0F);
  const auto magnitude = V::and_not_bits(sign, x);
  const auto bounded = V::lower(V::set(4), magnitude);
  const auto u = V::mul(bounded, bounded);
  auto p = V::set(k::erf[6]);
  for (std::size_t i = 6; i-- > 0;) p = V::fma(p, u, V::set(k::erf[i]));
  const auto small = V::fma(magnitude, p, magnitude);
  auto g = V::set(k::log_erfc[8]);
  for (std::size_t i = 8; i-- > 0;) g = V::fma(g, bounded, V::set(k::log_erfc[i]));
  const auto t = V::fma(g, V::set(k::log2_e), bias);
  const auto q = detail::expm1_reduced<V>(detail::less_ln2s<V>(V::sub(t, bias), g));
  const auto power = detail::power_of_2<V>(t);
  const auto large = V::sub(one, V::fma(power, q, power));
  const auto y = V::if_less(magnitude, V::set(0.92F), small, large);
  return V::or_bits(y, V::and_bits(x, sign));
}

// The natural logarithm: NaN below 0, -infinity at 0.
template <class V> TINYMLP_INLINE constexpr typename V::reg log(typename V::reg x) {
  namespace k = elementary;
  const auto least = V::set(0x1p-126F);
  const auto normal = V::if_less(x, least, V::mul(x, V::set(0x1p23F)), x);
  const auto offset = V::as_int(V::set(k::sqrt_half));
  const auto exponent = V::template shift_right<23>(V::isub(V::as_int(normal), offset));
  const auto m = V::as_float(V::isub(V::as_int(normal), V::template shift_left<23>(exponent)));
  const auto e = V::add(V::to_float(exponent), V::if_less(x, least, V::set(-23), V::zero()));
  const auto f = V::sub(m, V::set(1));
  const auto f2 = V::mul(f, f);
  auto p = V::set(k::log[8]);
  for (std::size_t i = 8; i-- > 0;) p = V::fma(p, f, V::set(k::log[i]));
  const auto tail = V::fma(V::mul(f2, f), p, V::mul(f2, V::set(-0.5F)));
  const auto y = V::add(f, V::fma(e, V::set(k::ln2_low), tail));
  const auto sum = V::fma(e, V::set(k::ln2_high), y);
  const auto infinity = V::set(exact::infinity);
  const auto finite = V::if_less(x, infinity, sum, V::mul(x, infinity));
  const auto positive = V::if_less(V::zero(), x, finite, V::set(-exact::infinity));
  return V::poisoned(V::if_less(x, V::zero(), V::set(exact::quiet_nan), positive), x);
}
