#include "scores/numpy_random.hpp"

#include <array>
#include <bit>

namespace tinymlp::tools {
namespace {

using pool_words = std::array<std::uint32_t, 4>;

// SeedSequence's hash: its constant moves on with each word.
class word_hash {
public:
  word_hash(std::uint32_t start, std::uint32_t step) : constant_(start), step_(step) {}
  std::uint32_t operator()(std::uint32_t word) {
    word ^= constant_;
    constant_ *= step_;
    word *= constant_;
    return word ^ word >> 16;
  }

private:
  std::uint32_t constant_, step_;
};

pool_words mix_entropy(std::uint32_t seed) {
  word_hash hash(0x43b0d7e5U, 0x931e8875U);
  pool_words pool{};
  for (std::size_t i = 0; i < pool.size(); ++i) pool[i] = hash(i == 0 ? seed : 0);
  for (std::size_t from = 0; from < pool.size(); ++from)
    for (std::size_t to = 0; to < pool.size(); ++to) {
      if (from == to) continue;
      const std::uint32_t mixed = 0xca01f9ddU * pool[to] - 0x4973f715U * hash(pool[from]);
      pool[to] = mixed ^ mixed >> 16;
    }
  return pool;
}

// 64-bit words, the low half generated first.
std::array<std::uint64_t, 4> generate_state(const pool_words& pool) {
  word_hash hash(0x8b51f9ddU, 0x58f38dedU);
  std::array<std::uint64_t, 4> state{};
  for (std::size_t i = 0; i < 2 * state.size(); ++i)
    state[i / 2] |= std::uint64_t{hash(pool[i % pool.size()])} << (i % 2 * 32);
  return state;
}

class pcg64 {
public:
  explicit pcg64(std::uint32_t seed) {
    const std::array<std::uint64_t, 4> words = generate_state(mix_entropy(seed));
    increment_ = wide(words[2], words[3]) << 1 | 1;
    step();
    state_ += wide(words[0], words[1]);
    step();
  }

  std::uint64_t next() {
    step();
    const auto high = static_cast<std::uint64_t>(state_ >> 64);
    return std::rotr(high ^ static_cast<std::uint64_t>(state_), static_cast<int>(high >> 58));
  }

private:
  __extension__ using uint128 = unsigned __int128;
  static constexpr uint128 wide(std::uint64_t high, std::uint64_t low) {
    return uint128{high} << 64 | low;
  }
  void step() { state_ = state_ * wide(0x2360ed051fc65da4U, 0x4385df649fccf645U) + increment_; }

  uint128 state_ = 0, increment_ = 0;
};

} // namespace

std::vector<float> numpy_uniform_float32(std::uint32_t seed, std::size_t count) {
  pcg64 generator(seed);
  std::vector<float> values(count);
  std::uint64_t word = 0;
  for (std::size_t i = 0; i < count; ++i) {
    word = i % 2 == 0 ? generator.next() : word >> 32;
    values[i] = static_cast<float>((word & 0xffffffffU) >> 8) * 0x1p-24F;
  }
  return values;
}

} // namespace tinymlp::tools
