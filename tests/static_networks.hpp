// The shipped networks in int8 with fixed activation scales: those of the ranges that the layers'
// inputs take over the training rows, rounded outward.
#pragma once

#include <tinymlp/tinymlp.hpp>

namespace static_networks {

inline constexpr tinymlp::activation_range features{-4.2F, 3.8F};
inline constexpr auto small =
    *tinymlp::quantize(tinymlp::vmaf::small(), {{features, {0, 1.8F}, {0, 7.6F}}});
inline constexpr auto medium = *tinymlp::quantize(
    tinymlp::vmaf::medium(), {{features, {0, 2.8F}, {0, 8.1F}}}, tinymlp::granularity::per_channel);
inline constexpr auto large =
    *tinymlp::quantize(tinymlp::vmaf::large(), {{features, {0, 1.1F}, {0, 7.9F}, {0, 9.6F}}});

} // namespace static_networks
