// refused: a network has one output
// Shapes are checked where they are named.
#include <tinymlp/network.hpp>

#ifdef BROKEN
constexpr std::size_t outputs = 2;
#else
constexpr std::size_t outputs = 1;
#endif
constexpr std::size_t n = tinymlp::network<6, 16, outputs>::parameter_count;
