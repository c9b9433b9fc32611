// refused: nodiscard|warn_unused_result|unused-result
// flags: -Werror
// An error that nobody looks at.
#include <tinymlp/load.hpp>
#include <tinymlp/network.hpp>

#include <span>

void f(std::span<const char> file) {
#ifdef BROKEN
  tinymlp::load<tinymlp::mlp_small>(file);
#else
  if (!tinymlp::load<tinymlp::mlp_small>(file)) return;
#endif
}
