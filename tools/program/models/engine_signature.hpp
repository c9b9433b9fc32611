// The engine's signature: one number over the scores of all shipped networks, in both precisions,
// for a fixed set of rows. It is the same on every instruction set, compiler and machine, and it
// changes only when a score is meant to change (retrained networks, a new canonical order).
#pragma once

#include <tinymlp/tinymlp.hpp>

#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <vector>

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

// Row-major rows [N, 6]: 4,096 within the range of real features and well beyond it, then rows of
// special values. Made by integer arithmetic (SplitMix64, Steele et al. 2014) and exact conversions
// alone, so that every machine makes the same.
inline std::vector<float> signature_rows() {
  constexpr std::size_t random_rows = 4096, features = 6;
  std::vector<float> rows;
  std::uint64_t state = 0;
  const auto next = [&state] {
    std::uint64_t z = state += 0x9e3779b97f4a7c15U;
    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9U;
    z = (z ^ z >> 27) * 0x94d049bb133111ebU;
    return z ^ z >> 31;
  };
  const auto uniform = [&next] { return static_cast<float>(next() >> 40) * 0x1p-24F; }; // [0, 1)
  for (std::size_t r = 0; r < random_rows; ++r)
    for (std::size_t f = 0; f < features; ++f) {
      const float wide = r % 8 == 7 ? 64.0F : 1.25F; // every eighth row lies far out
      rows.push_back(f + 1 == features ? uniform() * 32.0F : uniform() * wide);
    }
  constexpr float inf = std::numeric_limits<float>::infinity();
  constexpr float special[] = {
      0.0F, -0.0F, 1.0F,  -1.0F,  0x1p-149F, -0x1p-130F, 0x1p-126F,
      1e4F, -1e4F, 3e38F, -3e38F, inf,       -inf,       std::numeric_limits<float>::quiet_NaN()};
  for (const float value : special) {
    rows.insert(rows.end(), features, value);
    for (std::size_t f = 0; f < features; ++f)
      for (std::size_t g = 0; g < features; ++g) rows.push_back(f == g ? value : 0.5F);
  }
  return rows;
}

namespace detail {

template <class Net>
void add_scores(const Net& net, const std::vector<float>& rows, isa which, fnv1a& hash) {
  std::vector<float> scores(rows.size() / Net::inputs);
  if (net.score(rows, scores, which) != errc::ok) return;
  for (std::size_t r = 0; r < scores.size(); ++r) {
    hash.add(std::bit_cast<std::uint32_t>(scores[r]));
    const typename Net::row_view row(rows.data() + r * Net::inputs, Net::inputs);
    hash.add(std::bit_cast<std::uint32_t>(*net.score(row, which))); // alone, the same
  }
}

} // namespace detail

// The signature on an instruction set that this machine supports.
inline std::uint64_t signature(isa which) {
  const std::vector<float> rows = signature_rows();
  fnv1a hash;
  detail::add_scores(vmaf::small(), rows, which, hash);
  detail::add_scores(vmaf::medium(), rows, which, hash);
  detail::add_scores(vmaf::large(), rows, which, hash);
  detail::add_scores(vmaf::small_int8(), rows, which, hash);
  detail::add_scores(vmaf::medium_int8(), rows, which, hash);
  detail::add_scores(vmaf::large_int8(), rows, which, hash);
  return hash.value();
}

} // namespace tinymlp::tools
