// What cppcheck 2.10 can read of the engine: all that reads bytes. (It does not know lambdas that
// are templates, which mlp.hpp has.) clang-tidy, GCC and the sanitizers see the rest.
#include <tinymlp/error.hpp>
#include <tinymlp/isa.hpp>
#include <tinymlp/onnx.hpp>
#include <tinymlp/vmaf_region.hpp>
