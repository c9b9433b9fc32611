// refused: nodiscard|warn_unused_result|unused-result
// flags: -Werror
// Scores that may not have been written.
#include <tinymlp/network.hpp>

#include <span>

void f(const tinymlp::mlp_small& net, std::span<const float> rows, std::span<float> scores) {
#ifdef BROKEN
  net.score(rows, scores);
#else
  if (net.score(rows, scores) != tinymlp::status::ok) return;
#endif
}
