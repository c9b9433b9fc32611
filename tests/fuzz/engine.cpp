#include "engine.hpp"

#include <tinymlp/any_network.hpp>

namespace fuzz {

struct engine::network {
  tinymlp::owned_network net;
};

engine::engine() : network_(std::make_unique<network>()) {}
engine::~engine() = default;
tinymlp::error engine::load(std::span<const char> file) { return network_->net.load(file); }
std::size_t engine::inputs() const { return network_->net->inputs(); }
std::size_t engine::outputs() const { return network_->net->outputs(); }
tinymlp::status engine::run(std::span<const float> rows, std::span<float> to,
                            tinymlp::isa which) const {
  return network_->net->run(rows, to, which);
}

} // namespace fuzz
