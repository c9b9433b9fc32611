// numpy.random.default_rng(seed).random(n, float32), bit for bit: SeedSequence (Melissa O'Neill's
// seed_seq_fe, pool of four words) seeds PCG64 (XSL-RR 128/64), whose 32-bit halves, low half
// first, give 24-bit fractions. Source: NumPy 1.17 and later, "Random Generator"; O'Neill, "PCG: A
// Family of Simple Fast Space-Efficient Statistically Good Algorithms", 2014.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

namespace tinymlp::tools {

// `count` floats in [0, 1), row-major for any shape.
std::vector<float> numpy_uniform_float32(std::uint32_t seed, std::size_t count);

} // namespace tinymlp::tools
