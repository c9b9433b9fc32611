// The library tinymlp: the C interface, compiled.
#define TINYMLP_C_IMPLEMENTATION
#include <tinymlp.h>
