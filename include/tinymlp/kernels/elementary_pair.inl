// Two vectors as one of twice the lanes: a function of a pair takes each step for both, so that
// neither waits for its own last result alone. Only what elementary functions are written in.

#define TINYMLP_OF_EACH(name)                                                                      \
  static TINYMLP_INLINE constexpr reg name(reg x, reg y) {                                         \
    return {V::name(x.a, y.a), V::name(x.b, y.b)};                                                 \
  }
#define TINYMLP_OF_EACH_3(name)                                                                    \
  static TINYMLP_INLINE constexpr reg name(reg x, reg y, reg z) {                                  \
    return {V::name(x.a, y.a, z.a), V::name(x.b, y.b, z.b)};                                       \
  }

template <class V> struct pair_of {
  struct reg {
    typename V::reg a, b;
  };
  struct ireg {
    typename V::ireg a, b;
  };
  static constexpr std::size_t lanes = 2 * V::lanes;
  static TINYMLP_INLINE constexpr reg zero() { return {V::zero(), V::zero()}; }
  static TINYMLP_INLINE constexpr reg set(float x) { return {V::set(x), V::set(x)}; }
  static TINYMLP_INLINE constexpr reg load(const float* p) {
    return {V::load(p), V::load(p + V::lanes)};
  }
  static TINYMLP_INLINE constexpr void store(float* p, reg x) {
    V::store(p, x.a);
    V::store(p + V::lanes, x.b);
  }
  TINYMLP_OF_EACH(add)
  TINYMLP_OF_EACH(sub)
  TINYMLP_OF_EACH(mul)
  TINYMLP_OF_EACH(div)
  TINYMLP_OF_EACH(lower)
  TINYMLP_OF_EACH(upper)
  TINYMLP_OF_EACH(scale)
  TINYMLP_OF_EACH(poisoned)
  TINYMLP_OF_EACH(with_sign)
  TINYMLP_OF_EACH(or_bits)
  TINYMLP_OF_EACH(and_not_bits)
  TINYMLP_OF_EACH_3(fma)
  TINYMLP_OF_EACH_3(fnma)
  TINYMLP_OF_EACH_3(if_negative)
  static TINYMLP_INLINE constexpr reg if_less(reg x, reg y, reg z, reg w) {
    return {V::if_less(x.a, y.a, z.a, w.a), V::if_less(x.b, y.b, z.b, w.b)};
  }
  static TINYMLP_INLINE constexpr ireg as_int(reg x) { return {V::as_int(x.a), V::as_int(x.b)}; }
  static TINYMLP_INLINE constexpr reg as_float(ireg x) {
    return {V::as_float(x.a), V::as_float(x.b)};
  }
  static TINYMLP_INLINE constexpr reg to_float(ireg x) {
    return {V::to_float(x.a), V::to_float(x.b)};
  }
  static TINYMLP_INLINE constexpr ireg isub(ireg x, ireg y) {
    return {V::isub(x.a, y.a), V::isub(x.b, y.b)};
  }
  static TINYMLP_INLINE constexpr ireg imin(ireg x, ireg y) {
    return {V::imin(x.a, y.a), V::imin(x.b, y.b)};
  }
  template <int N> static TINYMLP_INLINE constexpr ireg shift_left(ireg x) {
    return {V::template shift_left<N>(x.a), V::template shift_left<N>(x.b)};
  }
  template <int N> static TINYMLP_INLINE constexpr ireg shift_right(ireg x) {
    return {V::template shift_right<N>(x.a), V::template shift_right<N>(x.b)};
  }
};

#undef TINYMLP_OF_EACH
#undef TINYMLP_OF_EACH_3
