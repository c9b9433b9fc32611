// refused: model_refused_because.*status::truncated
// A file that is cut: the compiler names the reason.
#include <tinymlp/load.hpp>
#include <tinymlp/models/mlp_small.hpp>
#include <tinymlp/network.hpp>

#include <span>

using tinymlp::models::mlp_small_onnx;

#ifdef BROKEN
constexpr std::size_t size = sizeof(mlp_small_onnx) - 1000;
#else
constexpr std::size_t size = sizeof(mlp_small_onnx) - 1;
#endif
constexpr auto net =
    tinymlp::embed<tinymlp::mlp_small>(std::span<const char>(mlp_small_onnx, size));
