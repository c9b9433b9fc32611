// refused: model_refused_because.*status::precision_mismatch
// A float32 file for an int8 network.
#include <tinymlp/load.hpp>
#include <tinymlp/models/mlp_medium.hpp>
#include <tinymlp/quantized.hpp>

#ifdef BROKEN
constexpr auto net = tinymlp::embed<tinymlp::mlp_medium_int8>(tinymlp::models::mlp_medium_onnx);
#else
constexpr auto net =
    tinymlp::quantize(tinymlp::embed<tinymlp::mlp_medium>(tinymlp::models::mlp_medium_onnx));
#endif
