// refused: compile without -ffast-math
// broken flags: -ffinite-math-only
// NaN must stay NaN.
#include <tinymlp/tinymlp.hpp>
