// Real feature rows to score: frames of the training corpus, over all its sources and codecs.
#pragma once

#include <cstddef>
#include <span>

namespace tinymlp::bench {

inline constexpr std::size_t row_width = 6;
inline constexpr std::size_t distinct_rows = 4096;

// Row-major [count, 6]; the distinct rows, again and again. The memory stays until the program
// ends and is the same for the same count.
std::span<const float> rows_to_score(std::size_t count);

} // namespace tinymlp::bench
