// Networks that the bench makes itself, as ONNX files in memory.
#pragma once

#include <cstddef>
#include <memory>
#include <vector>

#include "network_file.hpp"

namespace tinymlp::bench {

// "dense_64": four layers of one width with Relu: what dense layers alone use of the peak.
std::unique_ptr<network_file> dense_network(std::size_t width);

// "form_elu": one network for each activation, and for each other operation that engines are fed
// with. Not measured: --check shows with them that every engine computes what the file says. Those
// that tinymlp refuses are left out and told on stderr.
std::vector<std::unique_ptr<network_file>> forms();

} // namespace tinymlp::bench
