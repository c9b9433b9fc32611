// Raw little-endian floats by the array, at run time: as fast as memory gives them. Vectors of four
// floats are all that is asked of the compiler; without them, plain loops do the same.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>

namespace tinymlp::onnx::bulk {

#if (!defined(__BYTE_ORDER__) || __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__)
inline constexpr bool as_stored = true; // floats in memory look as they do in the file
#else
inline constexpr bool as_stored = false;
#endif

#if defined(__GNUC__) && defined(__has_builtin)
#if __has_builtin(__builtin_shufflevector)
#define TINYMLP_FOUR_FLOATS
#endif
#endif

#if defined(TINYMLP_FOUR_FLOATS)
namespace detail {
using four_words [[gnu::vector_size(16)]] = std::uint32_t;
inline four_words load(const char* from) noexcept {
  four_words to;
  std::memcpy(&to, from, sizeof to);
  return to;
}
} // namespace detail
#endif

// Are all `count` floats finite? An exponent of all ones carries into the sign.
inline bool all_finite(const char* data, std::size_t count) noexcept {
  std::uint32_t carry = 0;
  std::size_t i = 0;
#if defined(TINYMLP_FOUR_FLOATS)
  if constexpr (as_stored) {
    using detail::load;
    const detail::four_words magnitude{0x7fffffffU, 0x7fffffffU, 0x7fffffffU, 0x7fffffffU};
    const detail::four_words one{0x00800000U, 0x00800000U, 0x00800000U, 0x00800000U};
    detail::four_words carries{}, others{};
    for (; i + 16 <= count; i += 16) {
      carries |=
          ((load(data + 4 * i) & magnitude) + one) | ((load(data + 4 * i + 16) & magnitude) + one);
      others |= ((load(data + 4 * i + 32) & magnitude) + one) |
                ((load(data + 4 * i + 48) & magnitude) + one);
    }
    carries |= others;
    carry = carries[0] | carries[1] | carries[2] | carries[3];
  }
#endif
  for (; i < count; ++i) {
    std::uint32_t bits = 0;
    for (std::size_t b = 0; b < 4; ++b)
      bits |= static_cast<std::uint32_t>(static_cast<unsigned char>(data[4 * i + b])) << (8 * b);
    carry |= (bits & 0x7fffffffU) + 0x00800000U;
  }
  return carry >> 31 == 0;
}

// Rows become columns: to[k * columns + j] = float j * stride + k of `data`, for k below `count`
// and j below `columns`. For machines whose floats look as stored.
inline void transpose(float* to, const char* data, std::size_t stride, std::size_t count,
                      std::size_t columns) noexcept {
  std::size_t done = 0; // columns
#if defined(TINYMLP_FOUR_FLOATS)
  using detail::load;
  for (; done + 4 <= columns; done += 4) {
    const char* row = data + 4 * done * stride;
    float* out = to + done;
    std::size_t k = 0;
    for (; k + 4 <= count; k += 4) {
      const detail::four_words a = load(row + 4 * k), b = load(row + 4 * (stride + k)),
                               c = load(row + 4 * (2 * stride + k)),
                               d = load(row + 4 * (3 * stride + k));
      const detail::four_words ab = __builtin_shufflevector(a, b, 0, 4, 1, 5),
                               cd = __builtin_shufflevector(c, d, 0, 4, 1, 5),
                               ba = __builtin_shufflevector(a, b, 2, 6, 3, 7),
                               dc = __builtin_shufflevector(c, d, 2, 6, 3, 7);
      const detail::four_words columns_of[4]{
          __builtin_shufflevector(ab, cd, 0, 1, 4, 5), __builtin_shufflevector(ab, cd, 2, 3, 6, 7),
          __builtin_shufflevector(ba, dc, 0, 1, 4, 5), __builtin_shufflevector(ba, dc, 2, 3, 6, 7)};
      for (std::size_t i = 0; i < 4; ++i)
        std::memcpy(out + (k + i) * columns, &columns_of[i], sizeof columns_of[i]);
    }
    for (; k < count; ++k)
      for (std::size_t j = 0; j < 4; ++j)
        std::memcpy(out + k * columns + j, row + 4 * (j * stride + k), sizeof(float));
  }
#endif
  for (; done < columns; ++done)
    for (std::size_t k = 0; k < count; ++k)
      std::memcpy(to + k * columns + done, data + 4 * (done * stride + k), sizeof(float));
}

// Columns of rows that lie `stride` floats apart: to[k * columns + j] = float k * stride + j.
inline void columns_of(float* to, const char* data, std::size_t stride, std::size_t count,
                       std::size_t columns) noexcept {
  if (columns == 16) // a size that the compiler knows is a few loads and stores
    for (std::size_t k = 0; k < count; ++k)
      std::memcpy(to + 16 * k, data + 4 * k * stride, 16 * sizeof(float));
  else
    for (std::size_t k = 0; k < count; ++k)
      std::memcpy(to + k * columns, data + 4 * k * stride, columns * sizeof(float));
}

#undef TINYMLP_FOUR_FLOATS
} // namespace tinymlp::onnx::bulk
