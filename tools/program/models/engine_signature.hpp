// The engine's signature: one number over the scores of the networks of vmaf_v0.6.1, in both
// precisions, for a fixed set of rows. (Those of the 4K model have the same shapes, so the same
// code.) It is the same on every instruction set, compiler and machine, and it changes only when a
// score is meant to change (retrained networks, a new canonical order).
#pragma once

#include <tinymlp/tinymlp.hpp>

#include <algorithm>
#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <span>

namespace tinymlp::tools {

// 64-bit FNV-1a (Fowler, Noll and Vo) over the little-endian bytes of 32-bit words.
class fnv1a {
public:
  void add(std::uint32_t word) noexcept {
    for (int shift = 0; shift < 32; shift += 8) {
      hash_ ^= word >> shift & 0xffU;
      hash_ *= 0x100000001b3U;
    }
  }
  std::uint64_t value() const noexcept { return hash_; }

private:
  std::uint64_t hash_ = 0xcbf29ce484222325U;
};

// 4,096 rows within the range of real features and well beyond it, then rows of special values; as
// often as asked for, always the same. Made by integer arithmetic (SplitMix64, Steele et al. 2014)
// and exact conversions alone, so that every machine makes the same; needs no memory.
class signature_rows {
public:
  static constexpr std::size_t features = 6;
  static constexpr std::size_t count = 4096 + 14 * (1 + features);
  using row = std::array<float, features>;

  // The next row; not more than `count` times.
  row next() noexcept {
    const std::size_t r = made_++;
    row to{};
    if (r >= random_rows) return special(r - random_rows);
    for (std::size_t f = 0; f < features; ++f) {
      const float wide = r % 8 == 7 ? 64.0F : 1.25F; // every eighth row lies far out
      to[f] = f + 1 == features ? uniform() * 32.0F : uniform() * wide;
    }
    return to;
  }

private:
  static constexpr std::size_t random_rows = 4096;

  float uniform() noexcept { // [0, 1)
    std::uint64_t z = state_ += 0x9e3779b97f4a7c15U;
    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9U;
    z = (z ^ z >> 27) * 0x94d049bb133111ebU;
    return static_cast<float>((z ^ z >> 31) >> 40) * 0x1p-24F;
  }
  // Each value in all features, then in each by itself.
  static row special(std::size_t n) noexcept {
    constexpr float inf = std::numeric_limits<float>::infinity();
    constexpr float values[] = {
        0.0F, -0.0F, 1.0F,  -1.0F,  0x1p-149F, -0x1p-130F, 0x1p-126F,
        1e4F, -1e4F, 3e38F, -3e38F, inf,       -inf,       std::numeric_limits<float>::quiet_NaN()};
    const float value = values[n / (features + 1)];
    const std::size_t place = n % (features + 1);
    row to{};
    for (std::size_t f = 0; f < features; ++f) to[f] = place == 0 || place == f + 1 ? value : 0.5F;
    return to;
  }

  std::size_t made_ = 0;
  std::uint64_t state_ = 0;
};

namespace detail {

template <class Net> void add_scores(const Net& net, isa which, fnv1a& hash) {
  constexpr std::size_t block = 256; // rows of a batch: whole blocks of every kernel, then a rest
  signature_rows source;
  std::array<float, block * signature_rows::features> rows;
  std::array<float, block> scores{};
  for (std::size_t done = 0; done < signature_rows::count;) {
    const std::size_t n = std::min(block, signature_rows::count - done);
    for (std::size_t r = 0; r < n; ++r) {
      const signature_rows::row row = source.next();
      std::copy(row.begin(), row.end(), rows.data() + r * row.size());
    }
    const std::span<const float> all(rows.data(), n * signature_rows::features);
    if (net.score(all, std::span<float>(scores.data(), n), which) != status::ok) return;
    for (std::size_t r = 0; r < n; ++r) {
      hash.add(std::bit_cast<std::uint32_t>(scores[r]));
      const typename Net::row_view row(rows.data() + r * Net::inputs, Net::inputs);
      hash.add(std::bit_cast<std::uint32_t>(*net.score(row, which))); // alone, the same
    }
    done += n;
  }
}

} // namespace detail

// The signature on an instruction set that this machine supports.
inline std::uint64_t signature(isa which) {
  fnv1a hash;
  detail::add_scores(vmaf::small(), which, hash);
  detail::add_scores(vmaf::medium(), which, hash);
  detail::add_scores(vmaf::large(), which, hash);
  detail::add_scores(vmaf::small_int8(), which, hash);
  detail::add_scores(vmaf::medium_int8(), which, hash);
  detail::add_scores(vmaf::large_int8(), which, hash);
  return hash.value();
}

} // namespace tinymlp::tools
