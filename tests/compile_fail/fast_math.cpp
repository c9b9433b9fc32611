// refused: compile without -ffast-math
// broken flags: -ffast-math
// Arithmetic that may be reordered gives other bits.
#include <tinymlp/tinymlp.hpp>
