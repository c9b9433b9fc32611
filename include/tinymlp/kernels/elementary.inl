// exp, expm1, log, tanh, sigmoid, erf and softplus of a vector V, or of one float (elementary.hpp).
// The order of operations is fixed, each rounds once: every V gives the same 32 bits. A NaN gives a
// NaN, but any of them. How far from the exact value each is: tests/data/elementary_errors.txt.

namespace detail {

// exp(r) - 1 where the coefficients k reach.
template <class V>
TINYMLP_INLINE constexpr typename V::reg expm1_reduced(typename V::reg r, const float (&k)[5]) {
  const auto r2 = V::mul(r, r);
  const auto low = V::fma(V::set(k[1]), r, V::set(k[0]));
  const auto high = V::fma(V::set(k[3]), r, V::set(k[2]));
  const auto tail = V::fma(r2, V::fma(V::set(k[4]), r2, high), low);
  return V::fma(r2, tail, r);
}

// k[0] + k[1] x + ..., from the end.
template <class V, std::size_t N>
TINYMLP_INLINE constexpr typename V::reg polynomial(typename V::reg x, const float (&k)[N]) {
  auto y = V::set(k[N - 1]);
  TINYMLP_UNROLL for (std::size_t i = N - 1; i > 0; --i) y = V::fma(y, x, V::set(k[i - 1]));
  return y;
}

// x - n * ln(2), rounded once for |n| up to 256.
template <class V>
TINYMLP_INLINE constexpr typename V::reg less_ln2s(typename V::reg n, typename V::reg x) {
  const auto r = V::fnma(n, V::set(elementary::ln2_high), x);
  return V::fnma(n, V::set(elementary::ln2_low), r);
}

// floor(t) of a sum t = x + point; 2^n of such a t = n + 127 + point.
template <class V> TINYMLP_INLINE constexpr typename V::reg whole(typename V::reg t) {
  return V::and_not_bits(V::set(elementary::fraction_mask), t);
}
template <class V> TINYMLP_INLINE constexpr typename V::reg power_of_2(typename V::reg t) {
  return V::as_float(V::template shift_left<15>(V::as_int(t)));
}

// floor(x / ln(2) + low) + bias + point.
template <class V>
TINYMLP_INLINE constexpr typename V::reg ln2s(typename V::reg x, float low, float bias) {
  namespace k = elementary;
  return whole<V>(V::fma(x, V::set(k::log2_e), V::set(k::point + bias + low)));
}

// exp(x) * 2^64 = power * (1 + q) for x in [-104, 0]: normal floats, where exp(x) may be denormal.
template <class V> struct raised { typename V::reg power, q; };
template <class V> TINYMLP_INLINE constexpr raised<V> exp_parts(typename V::reg x) {
  namespace k = elementary;
  const auto t = ln2s<V>(x, k::exp_low, 127 + 64);
  const auto r = less_ln2s<V>(V::sub(t, V::set(k::point + 127 + 64)), x);
  return {power_of_2<V>(t), expm1_reduced<V>(r, k::exp)};
}

// -|x|, or -104 if that is larger: exp of it rounds to 0.
template <class V> TINYMLP_INLINE constexpr typename V::reg minus_magnitude(typename V::reg x) {
  return V::upper(V::set(-104), V::or_bits(x, V::set(-0.0F)));
}

} // namespace detail

// e^x.
template <class V> TINYMLP_INLINE constexpr typename V::reg exp(typename V::reg x) {
  namespace k = elementary;
  x = V::lower(V::set(89), V::upper(V::set(-104), x));
  const auto n = V::sub(detail::ln2s<V>(x, k::exp_low, 0), V::set(k::point));
  const auto q = detail::expm1_reduced<V>(detail::less_ln2s<V>(n, x), k::exp);
  return V::scale(V::add(V::set(1), q), n);
}

// e^x - 1.
template <class V> TINYMLP_INLINE constexpr typename V::reg expm1(typename V::reg x) {
  namespace k = elementary;
  const auto bounded = V::lower(V::set(89), V::upper(V::set(-18), x));
  const auto t = detail::ln2s<V>(bounded, k::exp_low, 126);
  const auto n = V::sub(t, V::set(k::point + 126));
  const auto q = detail::expm1_reduced<V>(detail::less_ln2s<V>(n, bounded), k::expm1);
  const auto half = detail::power_of_2<V>(t); // 2^n / 2, for 2^128 is none
  const auto e = V::fma(half, q, V::sub(half, V::set(0.5F)));
  const auto y = V::if_less(V::mul(n, n), V::set(1), q, V::add(e, e)); // q where n is 0
  return V::with_sign(y, x);
}

// tanh(x) = y = h / (1 + h), h = (e^2|x| - 1) / 2. One step of Newton, y + (h - h y - y) (1 - y),
// takes back how the quotient and its denominator were rounded: so it rises wherever h does. The
// denominator is a little less than 1 + h, so that from h = 2^24 on it is h, and y is 1.
template <class V> TINYMLP_INLINE constexpr typename V::reg tanh(typename V::reg x) {
  namespace k = elementary;
  const auto one = V::set(1), magnitude = V::and_not_bits(V::set(-0.0F), x);
  const auto twice = V::lower(V::set(20), V::add(magnitude, magnitude));
  // At most 2^23: beyond, r grows, for there h need not be exact.
  const auto most = V::as_int(V::set(k::point + 126 + 23));
  const auto sum = V::fma(magnitude, V::set(2 * k::log2_e), V::set(k::point + 126 + k::tanh_low));
  const auto t = V::as_float(V::imin(V::as_int(detail::whole<V>(sum)), most));
  const auto r = V::fnma(V::sub(t, V::set(k::point + 126)), V::set(k::ln2_high), twice);
  const auto half = detail::power_of_2<V>(t);
  const auto q = detail::expm1_reduced<V>(r, k::tanh);
  const auto h = V::fma(half, q, V::sub(half, V::set(0.5F)));
  const auto y = V::div(h, V::add(h, V::set(0x1.fffffep-1F)));
  const auto rest = V::sub(V::fnma(h, y, h), y);
  return V::with_sign(V::fma(rest, V::sub(one, y), y), x);
}

// 1 / (1 + e^-x) = y = n / (1 + z), z = e^-|x|, where n is z if x < 0, else 1; and a step of Newton
// as in tanh.
template <class V> TINYMLP_INLINE constexpr typename V::reg sigmoid(typename V::reg x) {
  const auto e = detail::exp_parts<V>(detail::minus_magnitude<V>(x));
  const auto one = V::set(1), z = V::mul(V::fma(e.power, e.q, e.power), V::set(0x1p-64F));
  const auto n = V::if_negative(x, z, one);
  const auto y = V::div(n, V::add(one, z));
  const auto rest = V::fnma(z, y, V::sub(n, y));
  return V::fma(rest, V::upper(y, V::sub(one, y)), y);
}

// log(1 + e^x): by z = e^-|x|, max(x, 0) + log(1 + z); where that is too coarse, for |x| < 1,
// by the even function softplus(x) - x / 2.
template <class V> TINYMLP_INLINE constexpr typename V::reg softplus(typename V::reg x) {
  namespace k = elementary;
  const auto e = detail::exp_parts<V>(detail::minus_magnitude<V>(x));
  const auto raised = V::fma(e.power, e.q, e.power), z = V::mul(raised, V::set(0x1p-64F));
  // log(1 + z) = z + z^2 p, raised; z as the sum that it is: power + power * q.
  const auto square = V::mul(raised, V::mul(z, detail::polynomial<V>(z, k::log1p)));
  const auto log1p = V::add(e.power, V::fma(e.power, e.q, square));
  const auto elsewhere = V::fma(log1p, V::set(0x1p-64F), V::upper(V::zero(), x));
  const auto u = V::mul(x, x);
  const auto even = V::fma(u, detail::polynomial<V>(u, k::softplus), V::set(k::ln2_low));
  const auto about_0 = V::add(V::set(k::ln2_high), V::fma(x, V::set(0.5F), even));
  return V::if_less(u, V::set(1), about_0, elsewhere);
}

// erf(x): a polynomial by x^2 where |x| < 0.92, else 1 - e^(|x| p(|x|) - 2 |x|).
template <class V> TINYMLP_INLINE constexpr typename V::reg erf(typename V::reg x) {
  namespace k = elementary;
  const auto one = V::set(1), magnitude = V::and_not_bits(V::set(-0.0F), x);
  const auto u = V::mul(magnitude, magnitude);
  const auto tiny = V::fma(magnitude, detail::polynomial<V>(u, k::erf), magnitude);
  const auto a = V::lower(V::set(4), magnitude), p = detail::polynomial<V>(a, k::erfc);
  const auto twice = V::mul(a, V::set(-2));
  const auto t = detail::ln2s<V>(V::fma(a, p, twice), k::exp_low, 127);
  const auto n = V::sub(t, V::set(k::point + 127));
  // What e is raised to, less n ln(2): so never rounded before it is small.
  const auto r = V::fma(a, p, detail::less_ln2s<V>(n, twice));
  const auto power = detail::power_of_2<V>(t);
  const auto large = V::sub(one, V::fma(power, detail::expm1_reduced<V>(r, k::exp), power));
  const auto y = V::if_less(magnitude, V::set(0.92F), tiny, large);
  return V::with_sign(y, x);
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
  const auto p = detail::polynomial<V>(f, k::log);
  const auto tail = V::fma(V::mul(f2, f), p, V::mul(f2, V::set(-0.5F)));
  const auto y = V::add(f, V::fma(e, V::set(k::ln2_low), tail));
  const auto sum = V::fma(e, V::set(k::ln2_high), y);
  const auto infinity = V::set(exact::infinity);
  const auto finite = V::if_less(x, infinity, sum, V::mul(x, infinity));
  const auto positive = V::if_less(V::zero(), x, finite, V::set(-exact::infinity));
  return V::poisoned(V::if_less(x, V::zero(), V::set(exact::quiet_nan), positive), x);
}
