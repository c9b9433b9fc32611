// refused: model_refused_because.*status::bad_field
// Bytes that are no ONNX file at all.
#include <tinymlp/load.hpp>
#include <tinymlp/models/mlp_small.hpp>
#include <tinymlp/network.hpp>

#ifdef BROKEN
constexpr auto net = tinymlp::embed<tinymlp::mlp_small>("not an ONNX file");
#else
constexpr auto net = tinymlp::embed<tinymlp::mlp_small>(tinymlp::models::mlp_small_onnx);
#endif
