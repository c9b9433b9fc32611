// What the quantisation of many rows takes for granted about its arithmetic. Included inside the
// namespace and target region of an instruction set.

// Counts quotients that do not round like the division, for significands of the divisor `step`
// apart.
//
// A quotient is off by one float at most, and both sides of the comparison are rounded to an
// integer, so only those within a float or so of a tie, n + 1/2 for n below 255, can differ:
// for each divisor in [1, 2) and each tie, the nine floats x nearest to divisor * tie.
inline std::uint64_t wrong_quotients(std::uint32_t step) {
  using v = ops::v;
  std::uint64_t wrong = 0;
  for (std::uint32_t significand = 0; significand < 1U << 23; significand += step) {
    const float divisor = std::bit_cast<float>(0x3f800000U + ((1U << 23) - 1 - significand));
    const int8_inverse inverse = int8_invert(v::set(divisor));
    for (int offset = -4; offset <= 4; ++offset)
      for (std::size_t tie = 0; tie < 256; tie += v::lanes) {
        float x[v::lanes];
        std::int32_t got[v::lanes], want[v::lanes];
        for (std::size_t j = 0; j < v::lanes; ++j) {
          const float near = divisor * (static_cast<float>(tie + j) + 0.5F);
          const auto bits = std::bit_cast<std::uint32_t>(near) + static_cast<std::uint32_t>(offset);
          x[j] = tie + j < 255 ? std::bit_cast<float>(bits) : 0.0F;
        }
        v::istore(want, v::to_int(v::div(v::load(x), v::set(divisor))));
        v::istore(got, v::to_int(int8_divide(v::load(x), inverse)));
        for (std::size_t j = 0; j < v::lanes; ++j) wrong += got[j] != want[j];
      }
  }
  return wrong;
}

// Likewise for a scale that is fixed, and zero points at both ends. (The features' way: that of
// hidden layers differs in what becomes of x below 0.)
inline std::uint64_t wrong_static_quotients(std::uint32_t step, float power) {
  using v = ops::v;
  std::uint64_t wrong = 0;
  for (std::uint32_t significand = 0; significand < 1U << 23; significand += step) {
    fixed_scale s;
    s.scale = std::bit_cast<float>(0x3f800000U + ((1U << 23) - 1 - significand)) * power;
    prepare(s, 0, false);
    for (int offset = -4; offset <= 4; ++offset)
      for (std::size_t tie = 0; tie < 256; tie += v::lanes) {
        float x[v::lanes];
        std::int32_t got[v::lanes], want[v::lanes];
        for (std::size_t j = 0; j < v::lanes; ++j) {
          const float near = s.scale * (static_cast<float>(tie + j) + 0.5F);
          const auto bits = std::bit_cast<std::uint32_t>(near) + static_cast<std::uint32_t>(offset);
          x[j] = tie + j < 255 ? std::bit_cast<float>(bits) : 0.0F;
        }
        v::istore(want, v::to_int(v::div(v::load(x), v::set(s.scale))));
        v::istore(got, static_first<v>(v::load(x), s));
        for (std::size_t j = 0; j < v::lanes; ++j) wrong += got[j] != want[j];
        v::istore(want, v::to_int(v::div(v::sub(v::zero(), v::load(x)), v::set(s.scale))));
        v::istore(got, static_first<v>(v::sub(v::zero(), v::load(x)), s));
        for (std::size_t j = 0; j < v::lanes; ++j) wrong += got[j] != want[j];
      }
  }
  return wrong;
}

// Counts 255ths that are not the division, rounded.
inline std::uint64_t wrong_255ths(std::uint32_t step, float power) {
  using v = ops::v;
  std::uint64_t wrong = 0;
  for (std::uint32_t significand = 0; significand < 1U << 23; significand += step) {
    const float x = std::bit_cast<float>(0x3f800000U + significand) * power;
    wrong += v::first(int8_255th(v::set(x))) != x / 255;
  }
  return wrong;
}
