// refused: model_refused_because.*status::network_mismatch
// A network of other layer sizes than the file's.
#include <tinymlp/load.hpp>
#include <tinymlp/models/mlp_large.hpp>
#include <tinymlp/network.hpp>

#ifdef BROKEN
using net_type = tinymlp::mlp_medium;
#else
using net_type = tinymlp::mlp_large; // also: the compiler's default limits allow for it
#endif
constexpr auto net = tinymlp::embed<net_type>(tinymlp::models::mlp_large_onnx);
