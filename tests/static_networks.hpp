// The shipped networks in int8 with fixed activation scales: those of the ranges that the layers'
// inputs take over the training rows, rounded outward.
#pragma once

#include <tinymlp/tinymlp.hpp>

namespace static_networks {

inline constexpr tinymlp::activation_range features{-6.4F, 4.9F};
inline constexpr auto small =
    *tinymlp::quantize(tinymlp::vmaf::small(), {{features, {0, 7.8F}, {0, 9.1F}}});
inline constexpr auto medium = *tinymlp::quantize(
    tinymlp::vmaf::medium(), {{features, {0, 5.8F}, {0, 6.6F}}}, tinymlp::granularity::per_channel);
inline constexpr auto large =
    *tinymlp::quantize(tinymlp::vmaf::large(), {{features, {0, 5.1F}, {0, 10.8F}, {0, 10.5F}}});

} // namespace static_networks
