// refused: this build has no kernels for that instruction set
// An instruction set of another architecture, pinned at compile time.
#include <tinymlp/network.hpp>

#include <span>

#ifdef BROKEN
#if defined(__aarch64__)
constexpr auto which = tinymlp::isa::avx2;
#else
constexpr auto which = tinymlp::isa::neon;
#endif
#else
constexpr auto which = tinymlp::isa::reference;
#endif
float f(const tinymlp::mlp_small& net, std::span<const float, 6> row) {
  return net.score<which>(row);
}
