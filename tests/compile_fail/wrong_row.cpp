// refused: no matching (member )?function
// A row of five features for a network of six.
#include <tinymlp/network.hpp>

#include <array>

#ifdef BROKEN
using row = std::array<float, 5>;
#else
using row = std::array<float, 6>;
#endif
float f(const tinymlp::mlp_small& net, const row& features) { return net.score(features); }
